"""One model call under way: its request, the smaller one after a refusal, and the record it ends as."""

import asyncio
import logging
import time

from autogen_core import CancellationToken
from autogen_core.models import CreateResult, RequestUsage

from ._errors import ContextOverflowError
from ._overflow import read_overflow
from ._planner import Call, Planner, Request
from ._report import CallRecord
from ._spend import Purpose, Reservation, SpendPool
from ._usage import UsageDetails

logger = logging.getLogger("autogen_budget")


class Attempt:
    """A call from its beginning to its end; begins when it is made.

    Args:
        call (Call): What the agent asks for.
        planner (Planner): Plans its requests.
        name (str): Who calls.
        model (str | None): The model's name. `None` means the client does not tell it.
        pool (SpendPool | None): What pays for the call. `None` means nothing does.
        purpose (Purpose): What the call is for.
    """

    def __init__(
        self,
        call: Call,
        planner: Planner,
        *,
        name: str,
        model: str | None,
        pool: SpendPool | None = None,
        purpose: Purpose = "reply",
    ) -> None:
        self.result: CreateResult | None = None
        """What the model answered. `None` means it has not."""
        self.error: BaseException | None = None
        """What the call ended with. `None` means it has not failed."""
        self.usage = UsageDetails()
        """What was overheard of the latest request's usage."""
        self.said: list[str] = []
        """What was streamed so far."""
        self._call = call
        self._pool = pool
        self._purpose: Purpose = purpose
        self._reservation: Reservation | None = None
        self._planner = planner
        self._name = name
        self._model = model
        self._began = time.monotonic()
        self._retries = 0
        self._request: Request | None = None

    async def request(self, cancellation_token: CancellationToken | None = None) -> Request:
        """The request to send.

        Args:
            cancellation_token (CancellationToken | None): Ends the planning, too, which may wait for a summary. `None`
                means only cancelling the task does.

        Raises:
            ContextOverflowError: The call cannot be made to fit.
            SpendLimitError: It cannot be paid for.
        """
        planning = self._planner.plan(self._call)
        if cancellation_token is None:
            return await self._reserve(await planning)
        return await self._reserve(await cancellation_token.link_future(asyncio.ensure_future(planning)))

    async def smaller_request(self, error: Exception) -> Request:
        """The request to send after one failed: a strictly smaller one, if it was refused for its size, once.

        Args:
            error (Exception): What the client raised.

        Raises:
            ContextOverflowError: There is none, or this was the second refusal; the error is its cause.
            SpendLimitError: It cannot be paid for.
            Exception: The error itself, if it is about something else.
        """
        refused, overflow = self._request, read_overflow(error)
        if refused is None or overflow is None:
            raise error
        self._planner.learn(overflow, refused)
        if self._retries:
            raise ContextOverflowError(
                f"the provider refused the request for its size twice, at last with {refused.tokens:,} tokens under a "
                f"cap of {refused.cap:,}. It said: {error}. Set context_window in TokenBudget to what the model has; "
                "until then the cap is lower.",
                cap=refused.cap,
                size=refused.tokens,
                parts=refused.sent,
            ) from error
        try:
            smaller = await self._planner.plan_smaller(self._call, refused)
        except ContextOverflowError as overflowed:
            raise overflowed from error
        self._retries = 1
        logger.info("%s: refused with %d tokens, sending %d", self._name, refused.tokens, smaller.tokens)
        return await self._reserve(smaller)

    def record(self) -> CallRecord:
        """The record of the call as it stands."""
        request, result = self._request, self.result
        usage = RequestUsage(0, 0) if result is None else result.usage
        window = None if request is None else request.window
        return CallRecord(
            name=self._name,
            purpose=self._purpose,
            model=self._model,
            cap=self._planner.cap(self._call.extra_create_args) if request is None else request.cap,
            window=None if window is None else window.tokens,
            window_source=None if window is None else window.source,
            tokens_before=0 if request is None else request.tokens_before,
            tokens_sent=0 if request is None else request.tokens,
            layers_before={} if request is None else request.came,
            layers_sent={} if request is None else request.sent,
            steps=() if request is None else request.steps,
            compacted=request is not None and request.compacted,
            stable_prefix_tokens=0 if request is None else request.stable,
            new_tokens=0 if request is None else request.new,
            reported_prompt_tokens=usage.prompt_tokens or None,
            reported_completion_tokens=usage.completion_tokens or None,
            cached_tokens=self.usage.cached_tokens,
            from_cache=result is not None and result.cached,
            estimated=self._planner.estimated,
            retries=self._retries,
            seconds=time.monotonic() - self._began,
            error=None if self.error is None else f"{type(self.error).__name__}: {self.error}",
        )

    def settle(self) -> None:
        """Let the counter learn from what was reported, and charge the pool for what was used."""
        request, result = self._request, self.result
        reported = result is not None and not result.cached and result.usage.prompt_tokens > 0
        if request is not None and result is not None and reported:
            self._planner.observe(request, result.usage.prompt_tokens + self.usage.beside_prompt)
        if self._reservation is None or request is None:
            return
        if result is not None and reported:
            prompt = result.usage.prompt_tokens + self.usage.beside_prompt
            cached = self.usage.cached_tokens or 0
            self._reservation.settle(prompt, result.usage.completion_tokens, cached_tokens=cached)
        elif self.said if result is None else not result.cached:  # a reply, or a part of one, without a report
            reply = self._planner.tokens_of(_words(result) if result else "".join(self.said))
            self._reservation.settle(request.tokens, reply, estimated=True)
        else:
            self._reservation.release()

    async def look_ahead(self) -> None:
        """Let strategies prepare what the next call may need, if this one was answered."""
        if self._request is not None and self.error is None:
            await self._planner.look_ahead(self._request)

    async def _reserve(self, request: Request) -> Request:
        """Take over a request once it is paid for; what was reserved for the one before it goes back."""
        if self._reservation is not None:
            self._reservation.release()
        if self._pool is not None:
            self._reservation = await self._pool.acquire(
                request.tokens,
                self._planner.reply_room(self._call.extra_create_args),
                agent=self._name,
                purpose=self._purpose,
                model=self._model,
            )
        self._request = request
        return request


def _words(result: CreateResult) -> str:
    if isinstance(result.content, str):
        return result.content
    return "\n".join(f"{call.name}({call.arguments})" for call in result.content)
