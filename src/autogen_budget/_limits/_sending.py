"""Send a model call within its limits: wait for a place, time it, and try again what may be tried again."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeVar

from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient

from autogen_budget._errors import ModelTimeoutError, RunTimeoutError, error_text
from autogen_budget._records import Record, RetryRecord, TimeLimitRecord, WaitRecord

from ._gate import Gate, Permit, gate_of, gate_of_client, new_ticket
from ._limits import Limits
from ._run import run_limits
from ._shared_gate import SharedGate, shared_gates_of
from ._supervision import SelfCancelledError, StreamReader, TimeLimit, TimeLimitReached, run_within

T = TypeVar("T")

SHORT_WAIT = 0.01
"""Seconds of waiting that are worth no record."""

FIRST_DELAY = 1.0
"""Seconds, on average, before a failed call is made again; twice as many before the next time."""

THROTTLED_DELAY = 5.0
"""The same for all callers of a server that had enough and did not say for how long: as long as LiteLLM cools down."""

LONGEST_DELAY = 60.0
"""Seconds that a delay grows to; a server that asks for more gets it, up to the time limit of a call."""

_passed: ContextVar[frozenset[int]] = ContextVar("autogen_budget_gates_passed", default=frozenset())
"""The gates that this code is behind already: a client around another one passes each once."""

_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a call failed that may be made again.

    Args:
        kind (Literal["throttled", "overloaded", "transient"]): The server had too many requests, too little memory, or
            it or the connection broke down.
        retry_after (float | None): Seconds until the server wants to be asked again. `None` means it does not say.
    """

    kind: Literal["throttled", "overloaded", "transient"]
    retry_after: float | None = None


class Sender:
    """Sends the calls of one client within limits.

    `read_trouble`: Tells why a call failed. `None` from it means that it would fail again. `jitter`: Gives a number
    from 0 up to 1, by which delays differ.
    """

    def __init__(
        self,
        name: str,
        limits: Limits,
        client: ChatCompletionClient,
        *,
        read_trouble: Callable[[Exception], Trouble | None],
        report: Callable[[Record], None],
        jitter: Callable[[], float] = _random.random,
    ) -> None:
        self._name = name
        self._limits = limits
        self._gates = (gate_of(limits), gate_of_client(client))
        self._shared = shared_gates_of(limits)
        self._read_trouble = read_trouble
        self._report = report
        self._jitter = jitter

    async def send(
        self,
        ask: Callable[[], AsyncGenerator[T, None]],
        *,
        tokens: int,
        streamed: bool,
        token: CancellationToken | None = None,
        reply_tokens: Callable[[T], int] = lambda _: 0,
    ) -> AsyncGenerator[T, None]:
        """Make a call and pass on its answer, item by item. After the first item it is not made again.

        `token`: Ends it. `None` means only cancelling the caller does.

        Raises:
            ModelTimeoutError: The model did not answer in time, as often as it may be asked.
            RunTimeoutError: The deadline of the run came first.
        """
        call = _Attempts(new_ticket())
        replied = 0
        while True:
            try:
                async with aclosing(self._attempt(ask, tokens, streamed, token, call)) as answer:
                    async for item in answer:
                        replied += reply_tokens(item)
                        yield item
                self._spend(replied)
                return
            except Exception as error:
                self._check_retry(error, call)
                self._report(RetryRecord(self._name, call.made, error_text(error), call.delay))

    def _spend(self, replied: int) -> None:
        """Count the tokens of an answer for the minute."""
        gates: tuple[Gate | SharedGate, ...] = (*self._gates, *self._shared)
        for gate in gates:
            gate.spend(replied)

    async def _attempt(
        self,
        ask: Callable[[], AsyncGenerator[T, None]],
        tokens: int,
        streamed: bool,
        token: CancellationToken | None,
        call: "_Attempts",
    ) -> AsyncGenerator[T, None]:
        """Make the call once, after the delay that the last failure asks for."""
        if call.delay and not call.held:
            await run_within(asyncio.sleep(call.delay), run_limits(), token=token)
        async with self._admitted(tokens, token, call) as places:
            call.made += 1
            passed = _passed.get() | {id(gate) for gate, _ in places}
            try:
                async with StreamReader(
                    ask(), token=token, prepare=lambda: _passed.set(passed), name=f"{self._name}: a model call"
                ) as reader:
                    limits = self._limits_of_first(streamed)
                    while (item := await reader.read(limits)) is not None:
                        call.begun = True
                        yield item[0]
                        limits = (*TimeLimit.after("idle", self._limits.idle_timeout), *run_limits())
            except SelfCancelledError:
                raise asyncio.CancelledError from None  # as the client has it
            except Exception as error:
                self._note_failure(error, places, call)
                raise
            for gate, _ in places:
                gate.succeeded()

    @asynccontextmanager
    async def _admitted(
        self, tokens: int, token: CancellationToken | None, call: "_Attempts"
    ) -> AsyncGenerator[list[tuple[Gate, Permit]], None]:
        """Pass the gates that this code is not behind already: those of the limits, then that of the client."""
        passed = _passed.get()
        async with AsyncExitStack() as held:
            places: list[tuple[Gate, Permit]] = []
            for gate in self._gates:
                if id(gate) in passed:
                    continue
                permit = await self._enter(gate, held, tokens, token, call)
                places.append((gate, permit))
                if gate is self._gates[0]:
                    for shared in self._shared:
                        await self._enter(shared, held, tokens, token, call)
            yield places

    async def _enter(
        self,
        gate: Gate | SharedGate,
        held: AsyncExitStack,
        tokens: int,
        token: CancellationToken | None,
        call: "_Attempts",
    ) -> Permit:
        """Wait for a place in one gate, and hold it with the others."""
        permit = await held.enter_async_context(gate.admit(tokens, call.ticket, weight=2**call.overloads, token=token))
        if permit.reason is not None and permit.waited > SHORT_WAIT:
            self._report(WaitRecord(self._name, permit.reason, permit.waited))
        return permit

    def _limits_of_first(self, streamed: bool) -> tuple[TimeLimit, ...]:
        """Return what limits the wait for the first item: of a stream its first chunk, else the whole answer."""
        first = self._limits.first_token_timeout
        if streamed and first is not None:
            return (*TimeLimit.after("first_token", first), *run_limits())
        return (*TimeLimit.after("call", self._limits.model_timeout), *run_limits())

    def _note_failure(self, error: Exception, places: list[tuple[Gate, Permit]], call: "_Attempts") -> None:
        """Learn from a failure while the call still counts as under way."""
        call.trouble = None if isinstance(error, TimeLimitReached) else self._read_trouble(error)
        call.delay = self._delay(call)
        call.alone, call.held = True, False
        if call.trouble is None or call.trouble.kind == "transient":
            return
        for gate, permit in places:
            call.alone = not gate.overloaded(permit)
        call.overloads += 1
        call.held = bool(places) and (call.trouble.kind == "throttled" or call.trouble.retry_after is not None)
        if call.held:
            places[-1][0].hold(call.delay)

    def _check_retry(self, error: Exception, call: "_Attempts") -> None:
        """Raise an error if the call is not made again.

        A failure that others under way may have caused does not count: the bound shrinks until the call is alone.
        """
        if isinstance(error, TimeLimitReached):
            if error.limit.clock == "run":
                raise RunTimeoutError(
                    f"{self._name}: the run's deadline came before the model's answer", seconds=error.limit.seconds
                ) from None
            self._report(
                TimeLimitRecord(self._name, _clock_of(error.limit), error.limit.seconds, left_behind=error.left_behind)
            )
            if call.begun or call.failures >= self._limits.retries:
                raise self._timed_out(error.limit, call.made) from None
        elif (
            call.begun
            or call.trouble is None
            or call.failures + call.alone > self._limits.retries
            or call.delay > (self._limits.model_timeout or math.inf)
        ):
            raise error
        call.failures += call.alone

    def _delay(self, call: "_Attempts") -> float:
        """Return the seconds until the next attempt: what the server asks for, else doubled each time, with jitter."""
        asked = None if call.trouble is None else call.trouble.retry_after
        if asked is not None:
            return asked * (1 + self._jitter() / 10)
        throttled = call.trouble is not None and call.trouble.kind == "throttled"
        first = THROTTLED_DELAY if throttled else FIRST_DELAY
        return min(first * 2.0 ** (call.made - 1), LONGEST_DELAY) * (0.5 + self._jitter())

    def _timed_out(self, limit: TimeLimit, attempts: int) -> ModelTimeoutError:
        clock = _clock_of(limit)
        what, setting = {
            "first_token": ("began no answer", "first_token_timeout"),
            "idle": ("stopped in the middle of its answer", "idle_timeout"),
        }.get(clock, ("did not answer", "model_timeout"))
        times = "" if attempts == 1 else f", {attempts} times"
        return ModelTimeoutError(
            f"{self._name}: the model {what} within {limit.seconds:g} s{times}. If it needs longer, raise {setting} in "
            "Limits; if it is overloaded, set max_concurrent_calls or max_tokens_in_flight",
            clock=clock,
            seconds=limit.seconds,
            attempts=attempts,
        )


@dataclass(slots=True)
class _Attempts:
    """One call, however often it is made.

    Args:
        ticket (int): Its place in every queue.
        made (int): How often it was made.
        failures (int): How often it failed by itself.
        overloads (int): How often it failed because the server had too much to do.
        begun (bool): Whether something of an answer was passed on.
        trouble (Trouble | None): Why it failed last. `None` means nothing that would pass.
        alone (bool): Whether no other call was under way then.
        delay (float): Seconds until it is made again.
        held (bool): Whether the gate makes it wait for them.
    """

    ticket: int
    made: int = 0
    failures: int = 0
    overloads: int = 0
    begun: bool = False
    trouble: Trouble | None = None
    alone: bool = True
    delay: float = 0.0
    held: bool = False


def _clock_of(limit: TimeLimit) -> Literal["call", "first_token", "idle"]:
    return limit.clock if limit.clock in ("first_token", "idle") else "call"
