"""One model call, from the messages as received to its record: record(fit(reserve(send)))."""

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from autogen_core import CancellationToken
from autogen_core.models import AssistantMessage, CreateResult

from autogen_budget._errors import ContextOverflowError, error_text
from autogen_budget._limits import seconds_left
from autogen_budget._records import CallRecord
from autogen_budget._spend import Purpose, Reservation, SpendPool

from ._composition import Composition
from ._planner import Planner
from ._provider_errors import Overflow, read_provider_error
from ._request import Ask, Request
from ._send import Item, Send
from ._usage import Usage, UsageListener

logger = logging.getLogger("autogen_budget")

MAX_RETRIES = 2
"""How often a request that was refused for its size is made smaller and sent again."""

T = TypeVar("T")


class Outcome:
    """What one sending of a request has brought so far, and what is paid for it.

    `reservation`: What pays for it. `None` means nothing does.
    """

    def __init__(self, planner: Planner, request: Request, reservation: Reservation | None = None) -> None:
        self.usage_listener = UsageListener()
        """Takes what the client brings, and what is overheard of its usage."""
        self.begun = False
        """Whether anything of a reply was passed on."""
        self._planner = planner
        self._request = request
        self._reservation = reservation
        self._settled = False

    @property
    def result(self) -> CreateResult | None:
        """What the model answered. `None` means it has not."""
        return self.usage_listener.answer

    @property
    def usage(self) -> Usage:
        """What the provider reported."""
        return Usage() if self.result is None else Usage.of(self.result, self.usage_listener.details)

    def settle(self) -> None:
        """Let the counter learn from what was reported, and charge the pool for it; once, and without ever failing.

        It may wait for the server of a shared pool: `asettle` is for wherever the event loop still runs.
        """
        if not self._settled:
            charge = self._learn()
            if self._reservation is not None:
                _pay(self._reservation, charge)

    async def asettle(self) -> None:
        """Settle as `settle` does; where the pool is on a server, the event loop goes on meanwhile."""
        charge = self._learn()
        if self._reservation is not None:
            await self._reservation.run(partial(_pay, self._reservation, charge))

    def _learn(self) -> "_Charge | None":
        """Learn from the usage and say what to charge for it; `None` means nothing."""
        self._settled = True
        try:
            if self.result is not None and not self.result.cached:
                self._planner.learn_usage(self._request, self.usage.prompt_tokens)
            return self._charge()
        except Exception:
            logger.warning("the usage of a call could not be accounted for", exc_info=True)
            return None

    def _charge(self) -> "_Charge | None":
        result, usage = self.result, self.usage
        streamed = self.usage_listener.words
        if self._reservation is None or (result is None and not streamed) or (result is not None and result.cached):
            return None
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        words = "".join(streamed) if result is None else _words(result)
        return _Charge(
            prompt_tokens=self._request.tokens if prompt is None else prompt,
            completion_tokens=self._planner.count_text(words) if completion is None else completion,
            cached_tokens=usage.details.cached_tokens or 0,
            estimated=prompt is None or completion is None,
        )


@dataclass(frozen=True, slots=True)
class _Charge:
    """What a call used, as `Reservation.settle` takes it."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made.

    Args:
        name (str): Who calls.
        pool (SpendPool | None): What pays for the call. `None` means nothing does.
        purpose (Purpose): What the call is for.
        on_end (Callable[[CallRecord], None]): Takes the record of the call at its end.
        include_content (bool): Whether the record holds the messages that were sent.
    """

    name: str
    pool: SpendPool | None
    purpose: Purpose
    on_end: Callable[[CallRecord], None]
    include_content: bool = False


class ModelCall:
    """A call from its beginning to its end; begins when it is made.

    `model`: The model's name. `None` means the client does not name it. `larger`: Makes the call of a larger model
    that takes the place of one that cannot fit. `None` means that is an error.
    """

    def __init__(
        self,
        ask: Ask,
        planner: Planner,
        send: Send,
        *,
        model: str | None,
        caller: Caller,
        larger: "Callable[[Ask], ModelCall] | None" = None,
    ) -> None:
        self._ask = ask
        self._planner = planner
        self._send = send
        self._model = model
        self._caller = caller
        self._larger = larger
        self._instead: ModelCall | None = None
        self._began = time.monotonic()
        self._sent_at: float | None = None
        self._first_token_at: float | None = None
        self._request = Request(planner.cap.tokens(ask.extra_create_args))
        self._outcome = Outcome(planner, self._request)
        self._retries = 0

    async def record(self) -> AsyncGenerator[Item, None]:
        """Make the call, and record it, however it ends.

        Raises:
            ContextOverflowError: The call cannot be made to fit, or was refused for its size again and again.
            SpendLimitError: It cannot be paid for.
        """
        failure: BaseException | None = None
        try:
            async with aclosing(self._fit_or_hand_over()) as items:
                async for item in items:
                    yield item
        except BaseException as error:
            failure = error
            raise
        finally:
            if self._instead is None:
                self._caller.on_end(self._record(failure))
        if self._instead is None:
            await self._planner.prefetch(self._request)

    async def _fit_or_hand_over(self) -> AsyncGenerator[Item, None]:
        """Yield the model's reply, or the larger one's where the call cannot fit: then that one is recorded."""
        try:
            async with aclosing(self._fit()) as items:
                async for item in items:
                    yield item
            return
        except ContextOverflowError:
            if self._larger is None or self._outcome.begun:
                if self._sent_at is None:
                    self._request = await self._planner.describe_unfit(self._ask)
                raise
        self._instead = self._larger(self._ask)
        async with aclosing(self._instead.record()) as items:
            async for item in items:
                yield item

    async def _fit(self) -> AsyncGenerator[Item, None]:
        """Plan a request that fits; a smaller one if it is refused for its size, as long as nothing was passed on."""
        planning = self._planner.plan(self._ask, whole=self._larger is not None)
        request = await _unless_cancelled(planning, self._ask.cancellation_token)
        while True:
            try:
                async with aclosing(self._reserve(request)) as items:
                    async for item in items:
                        yield item
                return
            except Exception as error:
                overflow = None if self._outcome.begun else read_provider_error(error)
                if self._sent_at is None or not isinstance(overflow, Overflow):
                    raise
                request = await self._smaller(request, overflow, error)

    async def _reserve(self, request: Request) -> AsyncGenerator[Item, None]:
        """Send a request once it is paid for, and settle for what it used."""
        self._request = request
        reservation = None if self._caller.pool is None else await self._reservation(self._caller.pool, request)
        outcome = self._outcome = Outcome(self._planner, request, reservation)
        weakref.finalize(self, outcome.settle).atexit = False  # a stream that was dropped with its event loop
        try:
            self._sent_at = time.monotonic()
            async with aclosing(self._send(self._ask, request, outcome.usage_listener)) as items:
                async for item in items:
                    self._first_token_at = self._first_token_at or time.monotonic()
                    outcome.begun = True
                    yield item
        finally:
            await outcome.asettle()

    async def _smaller(self, refused: Request, overflow: Overflow, error: Exception) -> Request:
        """Return the request to send after one was refused for its size: a strictly smaller one."""
        self._planner.learn_refusal(overflow, refused)
        if self._retries == MAX_RETRIES:
            raise _refused(refused, f"{MAX_RETRIES + 1} times", error) from error
        try:
            planning = self._planner.plan_smaller(self._ask, refused)
            smaller = await _unless_cancelled(planning, self._ask.cancellation_token)
        except ContextOverflowError as least:
            why = f"and it cannot be made to fit into less: its smallest form holds {least.size:,}"
            raise _refused(refused, why, error) from error
        self._retries += 1
        logger.info("%s: refused with %d tokens, sending %d", self._caller.name, refused.tokens, smaller.tokens)
        return smaller

    async def _reservation(self, pool: SpendPool, request: Request) -> Reservation:
        acquired = asyncio.ensure_future(
            pool.acquire(
                request.tokens,
                self._planner.cap.reply_room(self._ask.extra_create_args),
                agent=self._caller.name,
                purpose=self._caller.purpose,
                model=self._model,
            )
        )
        try:
            return await _unless_cancelled(acquired, self._ask.cancellation_token)
        except asyncio.CancelledError:
            if not acquired.cancelled() and acquired.exception() is None:
                await acquired.result().arelease()  # it was granted at the same moment
            raise

    def _record(self, error: BaseException | None) -> CallRecord:
        request, result, usage = self._request, self._outcome.result, self._outcome.usage
        ended = time.monotonic()
        sent_at = self._sent_at or ended
        first_token = self._first_token_at if self._ask.stream else None
        parts = self._planner.describe(self._ask, request) if request.messages else Composition()
        content = reply = None
        if self._caller.include_content:
            content = tuple(message.model_dump(mode="json") for message in request.messages)
            if result is not None:
                answer = AssistantMessage(content=result.content, thought=result.thought, source=self._caller.name)
                reply = answer.model_dump(mode="json")
        called = result.content if result is not None and not isinstance(result.content, str) else ()
        return CallRecord(
            name=self._caller.name,
            purpose=self._caller.purpose,
            model=self._model,
            cap=request.cap,
            window=None if request.window is None else request.window.tokens,
            window_source=None if request.window is None else request.window.source,
            tokens_before=request.tokens_before,
            tokens_sent=request.tokens,
            layers_before=request.layers_before,
            layers_sent=request.layers_sent,
            steps=request.steps,
            compacted=request.compacted,
            stable_prefix_tokens=request.stable_prefix_tokens,
            new_tokens=request.new_tokens,
            reported_prompt_tokens=usage.prompt_tokens,
            reported_completion_tokens=usage.completion_tokens,
            cached_tokens=usage.details.cached_tokens,
            cache_write_tokens=usage.details.cache_write_tokens,
            reasoning_tokens=usage.details.reasoning_tokens,
            from_cache=result is not None and result.cached,
            retries=self._retries,
            seconds=ended - self._began,
            error=None if error is None else error_text(error),
            seconds_left=seconds_left(),
            waited_seconds=sent_at - self._began,
            first_token_seconds=None if first_token is None else first_token - sent_at,
            conversation=parts.conversation,
            new_parts=parts.new_parts,
            largest=parts.largest,
            tools=parts.tools,
            tools_withheld=request.selection.withheld,
            tools_shortened=request.selection.shortened,
            called=tuple(call.name for call in called),
            finish_reason=None if result is None else result.finish_reason,
            cache_bust=parts.cache_bust,
            max_reply_tokens=self._planner.cap.asked_for(self._ask.extra_create_args),
            content=content,
            reply=reply,
        )


async def _unless_cancelled(
    work: "Coroutine[object, object, T] | asyncio.Future[T]", token: CancellationToken | None
) -> T:
    """Return what work returns, unless a token is cancelled before."""
    if token is None:
        return await work
    future = asyncio.ensure_future(work)
    token.link_future(future)
    return await future


def _refused(request: Request, what: str, error: Exception) -> ContextOverflowError:
    return ContextOverflowError(
        f"the provider refused the request for its size, {what}; at last it held {request.tokens:,} tokens under a cap "
        f"of {request.cap:,}. It said: {error_text(error)}. Set context_window in TokenBudget to what the model has; "
        "until then the cap is lower.",
        cap=request.cap,
        size=request.tokens,
        parts=request.layers_sent,
    )


def _pay(reservation: Reservation, charge: _Charge | None) -> None:
    """Settle a reservation, or release it where there is nothing to charge."""
    with reservation:  # released at the end, if it is not settled
        try:
            if charge is not None:
                reservation.settle(
                    charge.prompt_tokens,
                    charge.completion_tokens,
                    cached_tokens=charge.cached_tokens,
                    estimated=charge.estimated,
                )
        except Exception:
            logger.warning("a call could not be charged to its pool", exc_info=True)


def _words(result: CreateResult) -> str:
    if isinstance(result.content, str):
        return result.content
    return "\n".join(f"{call.name}({call.arguments})" for call in result.content)
