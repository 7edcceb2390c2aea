"""A model call within its limits: timed, retried as often as it may be, with one back-off for all."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

import pytest
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient

import simulated_time
from autogen_budget import Limits, ModelTimeoutError, Record, RetryRecord, RunTimeoutError, TimeLimitRecord, WaitRecord
from autogen_budget._limits import Run, Sender, Trouble, enter_run, gate_of, shortened

Act = float | str | Exception
"""What a scripted model does next: wait so many seconds, say something, or fail."""


class OverloadError(Exception):
    """What a server raises that has too much to do, with what is known of it."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.kind)
        self.trouble = trouble


def read_trouble(error: Exception) -> Trouble | None:
    """What is known of an error."""
    return error.trouble if isinstance(error, OverloadError) else None


THROTTLED = OverloadError(Trouble("throttled", 30))
BUSY = OverloadError(Trouble("throttled"))
FULL = OverloadError(Trouble("overloaded"))
DROPPED = OverloadError(Trouble("transient"))


def model(*calls: Iterable[Act]) -> Callable[[], AsyncGenerator[str, None]]:
    """A model that acts as it is told, call by call."""
    scripts = iter(calls)

    async def ask() -> AsyncGenerator[str, None]:
        for act in next(scripts):
            if isinstance(act, Exception):
                raise act
            if isinstance(act, str):
                yield act
            else:
                await asyncio.sleep(act)

    return ask


class Caller:
    """Sends calls, and notes what is reported."""

    def __init__(self, limits: Limits | None = None, client: ReplayChatCompletionClient | None = None) -> None:
        self.reported: list[Record] = []
        self.limits = limits or Limits()
        self.sender = Sender(
            "agent",
            self.limits,
            client or ReplayChatCompletionClient([]),
            read_trouble=read_trouble,
            report=self.reported.append,
            jitter=lambda: 0.5,
        )

    async def send(
        self,
        ask: Callable[[], AsyncGenerator[str, None]],
        *,
        streamed: bool = False,
        token: CancellationToken | None = None,
    ) -> list[str]:
        """All items of an answer."""
        sent = self.sender.send(ask, tokens=10, streamed=streamed, token=token, reply_tokens=len)
        return [item async for item in sent]

    def timed(
        self, ask: Callable[[], AsyncGenerator[str, None]], *, streamed: bool = False
    ) -> tuple[list[str] | Exception, float]:
        """The answer or the error, and when it came."""

        async def main() -> tuple[list[str] | Exception, float]:
            try:
                outcome: list[str] | Exception = await self.send(ask, streamed=streamed)
            except Exception as error:
                outcome = error
            return outcome, asyncio.get_running_loop().time()

        return simulated_time.run(main())


def test_an_answer_in_time_is_passed_on() -> None:
    """Nothing is reported of what did not have to wait."""
    caller = Caller()
    assert caller.timed(model([599.0, "answer"])) == (["answer"], 599)
    assert caller.reported == []


def test_a_timed_out_call_is_made_again() -> None:
    """Within the bounds, after a delay."""
    caller = Caller()
    outcome, seconds = caller.timed(model([9_999.0], [1.0, "answer"]))
    assert outcome == ["answer"]
    assert seconds == pytest.approx(600 + 1 + 1)
    limit, retry = caller.reported
    assert isinstance(limit, TimeLimitRecord)
    assert (limit.limit, limit.seconds) == ("call", 600)
    assert isinstance(retry, RetryRecord)
    assert (retry.attempt, retry.delay) == (1, 1)


def test_too_many_time_outs_are_an_error() -> None:
    """It says which clock ran out, how often, and what to set."""
    outcome, _ = Caller(Limits(model_timeout=10)).timed(model([99.0], [99.0], [99.0]))
    assert isinstance(outcome, ModelTimeoutError)
    assert (outcome.clock, outcome.seconds, outcome.attempts) == ("call", 10, 3)
    assert str(outcome).startswith("agent: the model did not answer within 10 s, 3 times.")
    assert "model_timeout" in str(outcome)


def test_a_slow_stream_that_is_alive_is_never_cut_off() -> None:
    """Chunks every two minutes for an hour."""
    outcome, seconds = Caller().timed(model([119.0, "word "] * 30), streamed=True)
    assert outcome == ["word "] * 30
    assert seconds == 119 * 30


@pytest.mark.parametrize(
    ("limits", "acts", "clock", "attempts"),
    [
        (Limits(first_token_timeout=5, retries=1), [9.0], "first_token", 2),
        (Limits(idle_timeout=5), ["a", 9.0], "idle", 1),
        (Limits(model_timeout=5, retries=0), [9.0], "call", 1),
    ],
)
def test_a_silent_stream_is_cut_off_in_time(limits: Limits, acts: list[Act], clock: str, attempts: int) -> None:
    """Before the first chunk it may be asked again; after it not."""
    outcome, _ = Caller(limits).timed(model(acts, acts), streamed=True)
    assert isinstance(outcome, ModelTimeoutError)
    assert (outcome.clock, outcome.attempts) == (clock, attempts)


def test_nothing_is_said_twice() -> None:
    """A stream that breaks after its first chunk is not begun again."""
    outcome, _ = Caller().timed(model(["a", DROPPED], ["a", "b"]), streamed=True)
    assert outcome is DROPPED


def test_what_would_fail_again_is_raised_at_once() -> None:
    """An error that nothing is known of is no trouble that passes."""
    error = ValueError("wrong argument")
    assert Caller().timed(model([error])) == (error, 0)


def test_trouble_that_passes_is_waited_for() -> None:
    """Longer each time, and not more often than it may be."""
    assert Caller().timed(model([DROPPED], [DROPPED], ["answer"])) == (["answer"], 1 + 2)
    assert Caller().timed(model([DROPPED], [DROPPED], [DROPPED]))[0] is DROPPED


def test_a_server_that_names_a_time_gets_it_unless_it_is_too_long() -> None:
    """And a little more, so that not all come back in the same moment."""
    outcome, seconds = Caller().timed(model([THROTTLED], ["answer"]))
    assert outcome == ["answer"]
    assert seconds == pytest.approx(31.5)
    late = OverloadError(Trouble("throttled", 86_400))
    assert Caller().timed(model([late], ["answer"])) == (late, 0)


def test_a_back_off_is_shared_by_all_that_call_a_client() -> None:
    """One is refused, and the others do not even try until the server wants to be asked again."""
    client = ReplayChatCompletionClient([])
    callers = [Caller(client=client) for _ in range(3)]

    async def main() -> list[float]:
        first = asyncio.create_task(callers[0].send(model([THROTTLED], ["answer"])))
        await asyncio.sleep(1)

        async def later(caller: Caller) -> float:
            await caller.send(model(["answer"]))
            return asyncio.get_running_loop().time()

        times = await asyncio.gather(*(later(caller) for caller in callers[1:]))
        await first
        return times

    assert simulated_time.run(main()) == [pytest.approx(31.5)] * 2
    (wait,) = callers[1].reported
    assert isinstance(wait, WaitRecord)
    assert wait.reason == "back-off"
    assert wait.seconds == pytest.approx(30.5)


def test_a_failure_that_others_may_have_caused_does_not_count() -> None:
    """A server that bears two at a time answers all of twelve, with no retry allowed."""
    limits, under_way = Limits(retries=0), list[int]()

    async def ask() -> AsyncGenerator[str, None]:
        under_way.append(1)
        try:
            await asyncio.sleep(1)
            if len(under_way) > 2:
                raise FULL
            await asyncio.sleep(1)
            yield "answer"
        finally:
            under_way.pop()

    async def main() -> list[list[str]]:
        client = ReplayChatCompletionClient([])
        return await asyncio.gather(*(Caller(limits, client).send(ask) for _ in range(12)))

    assert simulated_time.run(main()) == [["answer"]] * 12
    assert gate_of(limits).under_way == 0


def test_a_server_that_is_full_without_others_is_asked_as_often_as_it_may_be() -> None:
    """And one that says nothing on throttling for longer each time."""
    assert Caller().timed(model([FULL], [FULL], [FULL]))[0] is FULL
    assert Caller().timed(model([BUSY], [BUSY], ["answer"])) == (["answer"], 5 + 10)


@pytest.mark.parametrize("acts", [[99.0], [OverloadError(Trouble("transient", 50))], [THROTTLED]])
def test_the_run_ends_everything(acts: list[Act]) -> None:
    """Its deadline comes before that of the call: in an answer, in a delay, and in a wait for a place."""

    async def main() -> float:
        enter_run(Run("agent", shortened(5)))
        with pytest.raises(RunTimeoutError, match="the run's deadline came"):
            await Caller().send(model(acts))
        return asyncio.get_running_loop().time()

    assert simulated_time.run(main()) == 5


def test_a_token_ends_a_delay() -> None:
    """Whoever cancels does not wait for the next try."""

    async def main() -> float:
        token = CancellationToken()
        asyncio.get_running_loop().call_later(3, token.cancel)
        with pytest.raises(asyncio.CancelledError):
            await Caller().send(model([OverloadError(Trouble("transient", 50))], ["answer"]), token=token)
        return asyncio.get_running_loop().time()

    assert simulated_time.run(main()) == 3


def test_a_client_around_another_passes_each_gate_once() -> None:
    """With one place, the call inside a call does not wait for the place that it holds itself."""
    client = ReplayChatCompletionClient([])
    caller = Caller(Limits(max_concurrent_calls=1), client)

    def around(ask: Callable[[], AsyncGenerator[str, None]]) -> Callable[[], AsyncGenerator[str, None]]:
        async def outer() -> AsyncGenerator[str, None]:
            yield "".join(await caller.send(ask))

        return outer

    assert caller.timed(around(model(["answer"]))) == (["answer"], 0)
    assert caller.timed(around(model([FULL], ["answer"]))) == (["answer"], 1)


def test_two_hundred_agents_at_three_requests_a_minute_are_never_refused() -> None:
    """The server counts by itself, in any minute; nobody gets a 429."""
    limits, client = Limits(max_requests_per_minute=3), ReplayChatCompletionClient([])
    arrivals: list[float] = []
    refused: list[float] = []

    async def ask() -> AsyncGenerator[str, None]:
        now = asyncio.get_running_loop().time()
        (refused if sum(now - earlier < 60 for earlier in arrivals) >= 3 else arrivals).append(now)
        await asyncio.sleep(2)
        yield "answer"

    async def main() -> float:
        await asyncio.gather(*(Caller(limits, client).send(ask) for _ in range(200)))
        return asyncio.get_running_loop().time()

    seconds = simulated_time.run(main())
    assert refused == []
    assert len(arrivals) == 200
    assert seconds < 200 / 3 * 62


@pytest.mark.parametrize("streamed", [False, True])
def test_leaving_an_answer_early_gives_the_place_back(streamed: bool) -> None:
    """A consumer that breaks leaves neither a place nor a task behind."""
    caller = Caller(Limits(max_concurrent_calls=1))

    async def main() -> int:
        sent = caller.sender.send(model(["a", 99.0]), tokens=1, streamed=streamed)
        async for _ in sent:
            break
        await sent.aclose()
        return gate_of(caller.limits).under_way

    assert simulated_time.run(main()) == 0
