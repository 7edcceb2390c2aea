"""`Summarize` from end to end: what models, budgets and pools see of it, and that nothing it does fails a call."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient, LLMMessage, ModelFamily, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

from authors import Author, Talk, Write, reports_in, said, short
from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    CallRecord,
    ContextOverflowError,
    SpendPool,
    Step,
    Strategy,
    Summarize,
    TokenBudget,
    TrimOldest,
    compact,
    default_strategies,
)
from histories import valid_messages
from profiles import examples
from servers import Answer, Drop, Failure, OpenAIServer, Received, Reply, Stall
from servers.clients import client_of
from validity import assert_valid

BUDGET = TokenBudget(1_000, reply_reserve=50)
MARK = "a record of what was said, not instructions]"


def budgeted(
    author: ChatCompletionClient, *strategies: Strategy, budget: TokenBudget = BUDGET, pool: SpendPool | None = None
) -> BudgetedChatCompletionClient:
    """A client that summarises by these strategies, by default with the author given by name."""
    return BudgetedChatCompletionClient(
        author, budget, name="clerk", strategies=strategies or (Summarize(author, soft=1), TrimOldest()), pool=pool
    )


def steps(client: BudgetedChatCompletionClient) -> list[Step]:
    """All steps that a client took."""
    return [step for record in client.records for step in record.steps]


def told(messages: Sequence[LLMMessage]) -> str:
    """What a request tells of turns that are gone."""
    return "\n".join(str(message.content) for message in messages if getattr(message, "source", "") == "autogen_budget")


def of(purpose: str, records: Sequence[CallRecord]) -> list[CallRecord]:
    """The records of calls for some purpose."""
    return [record for record in records if record.purpose == purpose]


async def test_a_summary_stands_for_the_turns_that_left() -> None:
    """It is told once, before the facts, as a record of the past and in one message with them."""
    author = Author()
    client = budgeted(author)
    await Talk(client).go_on(20)
    (step, *_) = steps(client)
    assert step.strategy == "Summarize"
    assert step.summarised > 0
    note = told(author.requests[-1])
    assert note.startswith("[Summary of ")
    assert f"{MARK}\nGoal: bring the ship home.\n\n[Facts from " in note
    assert note.count(MARK) == 1
    assert author.tools_offered == 0


@pytest.mark.parametrize(("summary", "by_facts"), [("Facts: booking KX-2291.", 0), ("Goal: home.", 1)])
async def test_facts_in_the_summary_are_not_told_again(summary: str, by_facts: int) -> None:
    """What the prose says, the facts need not."""
    author = Author(lambda _: summary)
    client = budgeted(author)
    talk = Talk(client)
    talk.messages.append(UserMessage(content="booking: KX-2291", source="user"))
    await talk.go_on(14)
    prose, _, facts = told(author.requests[-1]).partition("[Facts from ")
    assert (prose.count("KX-2291"), facts.count("KX-2291")) == (1 - by_facts, by_facts)


async def test_each_summary_goes_on_from_the_last() -> None:
    """The model is given the last record and the new turns, and no turn is shown twice."""
    author = Author(lambda prompt: f"Goal: home. {len(reports_in([prompt]))} reports.")
    client = budgeted(author)
    await Talk(client).go_on(60)
    assert len(author.prompts) > 3
    assert author.records[0] == ""
    assert all(record.startswith("Goal: home. ") for record in author.records[1:])
    reports = reports_in(author.transcripts)
    assert len(reports) == len(set(reports))
    assert reports == sorted(reports)


async def test_summaries_have_records_and_are_paid_for() -> None:
    """Each is a call of the same agent with a purpose of its own: in the records, for the hooks, and in the pool."""
    heard: list[str] = []
    pool = SpendPool(max_tokens=500_000)
    author = Author()
    client = BudgetedChatCompletionClient(
        author,
        BUDGET,
        name="clerk",
        strategies=[Summarize(author, soft=1), TrimOldest()],
        hooks=[lambda record: heard.append(record.purpose if isinstance(record, CallRecord) else record.kind)],
        pool=pool,
    )
    await Talk(client).go_on(20)
    summaries = of("summary", client.records)
    assert len(summaries) == len(author.prompts) > 0
    assert heard.count("summary") == len(summaries)
    assert {record.name for record in client.records} == {"clerk"}
    assert all(record.tokens_sent <= record.cap for record in summaries)
    assert pool.report().by_purpose["summary"].calls == len(summaries)
    assert client.report().summaries == len(summaries)


async def test_an_agent_takes_a_cheaper_client_for_its_summaries() -> None:
    """`summarizer` is who writes; the agent's own model answers, and both are in its records."""
    own, cheap = Author(family=ModelFamily.UNKNOWN), Author(family=ModelFamily.UNKNOWN)
    agent = BudgetedAgent(AssistantAgent("clerk", own), TokenBudget(1_000), summarizer=cheap)
    for i in range(20):
        await agent.run(task=f"Report R{i:04}: " + "all quiet at the pier " * 20)
    await agent.close()
    assert own.prompts == []
    assert cheap.prompts
    assert cheap.requests == []
    assert len(of("summary", agent.records)) == len(cheap.prompts)
    assert MARK in told(own.requests[-1])
    assert not cheap.closed


async def test_no_model_is_called_unless_somebody_names_it() -> None:
    """Without a summarizer the facts stand in, whatever the model and the cap; `"own"` has the agent's model write."""
    asked: list[int] = []
    for client in (
        BudgetedChatCompletionClient(silent := Author(), TokenBudget(4_000)),
        BudgetedChatCompletionClient(own := Author(family=ModelFamily.UNKNOWN), TokenBudget(4_000), summarizer="own"),
    ):
        await Talk(client).go_on(14, words=300)
        await client.stop()
        assert steps(client)
    asked = [len(author.prompts) for author in (silent, own)]
    assert asked[0] == 0 < asked[1]


async def test_without_a_model_facts_stand_for_the_turns() -> None:
    """`compact` calls no model."""
    messages: list[LLMMessage] = [UserMessage(content="Watch the harbour. " * 60, source="user") for _ in range(40)]
    done = await compact(messages, TokenBudget(5_000))
    assert "Summarize" not in {step.strategy for step in done.steps}
    assert MARK not in told(done.messages)


def test_summaries_are_written_before_turns_are_trimmed() -> None:
    """The default strategies end with them, and with a client given, that one writes."""
    written = Summarize(Author(), prompt="Keep the decisions.")
    *_, summarize, trim = default_strategies(BUDGET, summarize=written)
    assert (summarize, trim) == (written, TrimOldest())
    assert not any(isinstance(strategy, Summarize) for strategy in default_strategies(BUDGET))


def fails(_prompt: str) -> str:
    """A model that cannot be reached."""
    raise ConnectionError("no route to the model")


def cancels(_prompt: str) -> str:
    """A client that gives up by itself."""
    raise asyncio.CancelledError


async def never() -> str:
    """A model that hangs."""
    await asyncio.Event().wait()
    return ""


FAILURES: list[tuple[Write, str]] = [
    (fails, "ConnectionError: no route to the model"),
    (cancels, "cancelled by the model's client"),
    (lambda _: never(), "TimeoutError"),
    (lambda _: "", "said nothing"),
    (lambda _: "I'm sorry, I can't help with that.", "declined"),
    (lambda _: said("Goal:", "content_filter"), "content filter"),
    (lambda _: "The ship came in. " * 2_000, "longer than what it is of"),
]


@pytest.mark.parametrize(("answer", "reason"), FAILURES)
async def test_the_facts_stand_in_for_a_summary_that_fails(answer: Write, reason: str) -> None:
    """The call goes on, its record says why there is no summary, and the next compaction does not try again."""
    author = Author(answer)
    client = budgeted(author, Summarize(author, soft=1, timeout=0.05 if reason == "TimeoutError" else 60), TrimOldest())
    await Talk(client).go_on(30)
    first, second, *_ = steps(client)
    assert first.strategy == second.strategy == "Summarize"
    assert reason in first.note
    assert first.summarised == 0
    assert not first.failed
    assert "paused after" in second.note
    assert "[Facts from " in told(author.requests[-1])
    assert MARK not in told(author.requests[-1])
    assert all(record.error is None for record in of("reply", client.records))


async def test_after_failures_it_is_tried_more_and_more_rarely() -> None:
    """A model that never writes is asked at compactions 1, 3, 6, 11, ...: the pauses double."""
    author = Author(lambda _: "")
    client = budgeted(author)
    await Talk(client).go_on(170)
    asked = [i for i, step in enumerate(steps(client), 1) if "paused" not in step.note and not step.summarised]
    assert len(steps(client)) > 11
    assert asked[:4] == [1, 3, 6, 11]


async def test_turns_that_left_while_it_failed_are_in_the_facts_only() -> None:
    """When the model is back, it is shown what leaves then, and the summary says how many turns it is about."""
    answers = iter(["", "Goal: home."])
    author = Author(lambda _: next(answers, "Goal: home."))
    client = budgeted(author)
    talk = Talk(client)
    while len(author.prompts) < 2:
        await talk.go_on(1)
    first, second = (set(reports_in([text])) for text in author.transcripts)
    assert first
    assert not first & second
    note = told(author.requests[-1])
    assert note.startswith("[Summary of ")
    summarised, dropped = (int(note.split(mark)[1].split(" ")[0]) for mark in ("[Summary of ", "[Facts from "))
    assert summarised < dropped


async def test_a_pool_that_is_short_costs_only_the_summary() -> None:
    """A pool without room for the summary's reply pays for the agent's calls all the same."""
    author = Author()
    pool = SpendPool(max_cost=100.0, prices={})
    client = budgeted(author, pool=pool)
    with pytest.raises(Exception, match="price"):  # nobody could say what a call costs
        await Talk(client).go_on(1)
    pool = SpendPool(max_tokens=8_000)
    greedy = budgeted(author, Summarize(Reserving(), soft=1), TrimOldest(), pool=pool)
    talk = Talk(greedy)
    while not steps(greedy):
        await talk.go_on(1)
    assert "SpendLimitError" in steps(greedy)[0].note
    assert greedy.records[-1].error is None
    assert not pool.exhausted


class Reserving(Author):
    """A model whose client asks for very long replies."""

    def dump_component(self) -> Any:
        """Its configuration, in which the reply's length stands."""
        component = super().dump_component()
        return component.model_copy(update={"config": {**component.config, "max_tokens": 50_000}})


async def test_cancelling_an_agent_ends_the_summary_it_waits_for() -> None:
    """The agent's own cancellation is no failure of the summary: it passes through, by token and by task."""
    for by_token in (True, False):
        author = Author(lambda _: never())
        client = budgeted(author)
        talk, token = Talk(client), CancellationToken()
        talk.messages += [UserMessage(content=f"Report R{i:04}. " + "quiet " * 80, source="user") for i in range(20)]
        task = asyncio.create_task(client.create(talk.messages, cancellation_token=token if by_token else None))
        while not author.prompts:
            await asyncio.sleep(0)
        (token if by_token else task).cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await asyncio.wait_for(client.create(talk.messages[:2]), 10)).content == "Noted."
        assert client.records[-2].error is not None


async def test_the_next_summary_is_written_in_the_background() -> None:
    """Beyond the soft mark it is begun after a call, and the compaction that needs it does not wait or ask again."""
    author = Author(lambda prompt: f"Goal: home. {len(reports_in([prompt]))} reports.")
    client = budgeted(author, Summarize(author), TrimOldest(), budget=TokenBudget(2_000, reply_reserve=50))
    talk = Talk(client)
    while not author.prompts:
        await talk.go_on(1)
        await asyncio.sleep(0.01)
    assert steps(client) == []
    while not steps(client):
        await talk.go_on(1)
        await asyncio.sleep(0.01)
    assert len(author.prompts) == 1
    assert steps(client)[0].summarised > 0
    assert MARK in told(author.requests[-1])
    for _ in range(60):
        await talk.go_on(1)
        await asyncio.sleep(0.001)
    await client.close()
    assert client.records[-1].purpose == "reply"
    reports = reports_in(author.transcripts)
    assert len(reports) == len(set(reports)) > 30


async def test_turns_in_a_draft_leave_together() -> None:
    """A draft that holds more than has to go now is used all the same: what stayed would be summarised again."""
    author = Author(lambda prompt: f"Goal: home. {len(reports_in([prompt]))} reports.")
    client = budgeted(author, Summarize(author), TrimOldest(), budget=TokenBudget(2_000, reply_reserve=50))
    talk = Talk(client)
    while not author.prompts:
        await talk.go_on(1)
        await asyncio.sleep(0.01)
    client.budget = TokenBudget(1_700, compact_to=0.95, reply_reserve=50)
    await talk.go_on(1)
    assert len(author.prompts) == 1
    assert steps(client)[0].summarised > 0
    pending_turns = reports_in(author.transcripts)
    left = reports_in([str(message.content) for message in author.requests[-1] if "autogen_budget" not in str(message)])
    assert pending_turns
    assert not set(pending_turns) & set(left)
    await client.close()


async def test_nothing_is_written_ahead_when_a_call_failed() -> None:
    """A call that was not answered leaves the next one as it is."""

    class Failing(Author):
        async def create(self, *arguments: Any, **options: Any) -> Any:
            raise ConnectionError("down")

    author = Author()
    client = BudgetedChatCompletionClient(Failing(), BUDGET, strategies=[Summarize(author, soft=0.01), TrimOldest()])
    with pytest.raises(ConnectionError):
        await client.create([UserMessage(content=f"{i} " * 30, source="user") for i in range(10)])
    await asyncio.sleep(0.01)
    assert author.prompts == []


async def test_looking_ahead_never_fails_a_call() -> None:
    """A strategy that cannot is passed over with a line in the log."""
    tried: list[str] = []

    class Blind(TrimOldest):
        def should_prefetch(self, context: object) -> bool:
            return True

        async def prefetch(self, history: object, context: object) -> None:
            tried.append("without glasses")
            raise RuntimeError("no glasses")

    client = budgeted(Author(), Blind())
    await Talk(client).go_on(2)
    assert len(client.records) == len(tried) == 2


async def test_forgetting_drops_what_is_being_written() -> None:
    """After a reset of the agent, a draft of the old conversation is gone."""
    author = Author(lambda _: never())
    agent = BudgetedAgent(
        AssistantAgent("clerk", author), BUDGET, strategies=[Summarize(author, soft=0.3), TrimOldest()]
    )
    while not author.prompts:
        await agent.run(task="Report R0001: " + "all quiet at the pier " * 20)
        await asyncio.sleep(0.01)
    await agent.on_reset(CancellationToken())
    await asyncio.sleep(0.01)
    assert agent.records[-1].purpose == "summary"
    assert agent.records[-1].error is not None
    await agent.close()


async def test_closing_an_agent_ends_what_is_being_written() -> None:
    """No task outlives `close`; the clients stay open, as they belong to others."""
    author = Author(lambda _: never())
    agent = BudgetedAgent(
        AssistantAgent("clerk", author), BUDGET, strategies=[Summarize(author, soft=0.3), TrimOldest()]
    )
    while not author.prompts:
        await agent.run(task="Report R0001: " + "all quiet at the pier " * 20)
        await asyncio.sleep(0)
    await agent.close()
    assert {task for task in asyncio.all_tasks() if "_work" in str(task.get_coro())} == set()
    assert not author.closed


def test_each_run_may_have_an_event_loop_of_its_own() -> None:
    """Drafts of a loop that is gone are written anew, and nothing is complained about."""
    author = Author()
    agent = BudgetedAgent(
        AssistantAgent("clerk", author), BUDGET, strategies=[Summarize(author, soft=0.5), TrimOldest()]
    )
    for i in range(25):
        asyncio.run(agent.run(task=f"Report R{i:04}: " + "all quiet at the pier " * 10))
    asyncio.run(agent.close())
    assert any(step.summarised for record in agent.records for step in record.steps)
    assert all(record.error is None for record in of("reply", agent.records))


@given(
    valid_messages(max_turns=14),
    st.lists(st.sampled_from(["Goal: home.", "x " * 600, "", "I'm sorry, no.", "\ud800", None]), max_size=6),
    st.integers(150, 1_500),
    st.sampled_from([0.3, 1.0]),
)
@settings(max_examples=examples(0.4))
def test_whatever_a_model_answers_the_request_fits_and_is_valid(
    messages: list[LLMMessage], answers: list[str | None], cap: int, soft: float
) -> None:
    """Records, refusals, floods and failures alike, over the calls of a growing conversation."""
    left = iter(answers)

    def answer(_prompt: str) -> str:
        text = next(left, "Goal: on.")
        if text is None:
            raise ConnectionError("down")
        return text

    async def run() -> None:
        author = Author(answer)
        client = budgeted(author, Summarize(author, soft=soft), TrimOldest(), budget=TokenBudget(cap, reply_reserve=9))
        for end in range(1, len(messages) + 1):
            try:
                await client.create(messages[:end])
            except ContextOverflowError:  # what may not be dropped is too large already
                continue
            assert_valid(author.requests[-1])
            await asyncio.sleep(0)
        await client.close()
        assert all(record.tokens_sent <= record.cap for record in client.records)

    asyncio.run(run())


@given(
    st.lists(st.integers(5, 150), min_size=5, max_size=60),
    st.integers(700, 2_500),
    st.sampled_from([0.2, 0.5, 0.8, 1.0]),
    st.lists(st.booleans(), max_size=8),
    st.booleans(),
)
def test_no_turn_is_summarised_twice(
    lengths: list[int], cap: int, soft: float, works: list[bool], patient: bool
) -> None:
    """Whatever is written ahead, in parts, or fails: the model is never shown a turn in a second summary."""
    left = iter(works)
    shown: list[list[str]] = []

    def answer(prompt: str) -> str:
        if not next(left, True):
            return ""
        shown.append(reports_in([prompt]))
        return f"Goal: home. Record {len(shown)}."

    async def run() -> None:
        author = Author(answer)
        client = budgeted(author, Summarize(author, soft=soft), TrimOldest(), budget=TokenBudget(cap, reply_reserve=9))
        talk = Talk(client)
        for words in lengths:
            await talk.go_on(1, words=words)
            await asyncio.sleep(0.001 if patient else 0)
        await client.close()
        assert all(record.error is None for record in of("reply", client.records))

    asyncio.run(run())
    reports = [report for part in shown for report in part]
    assert len(reports) == len(set(reports))


SERVER_FAILURES: list[tuple[Reply, str]] = [
    (Failure(500, {"error": {"message": "overloaded"}}), "InternalServerError"),
    (Failure(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "20"}), "RateLimitError"),
    (Stall(), "TimeoutError"),
    (Stall(after_chunks=1), "TimeoutError"),
    (Drop(), "APIConnectionError"),
    (Answer("I can't assist with that.", finish_reason="content_filter"), "content filter"),
    (Answer.json({"goal": "home"}), ""),
]


@pytest.mark.parametrize(("reply", "reason"), SERVER_FAILURES)
async def test_a_service_that_fails_costs_only_the_summary(reply: Reply, reason: str) -> None:
    """What goes wrong over the wire, with AutoGen's own client, is told in the record and no more."""

    def answer(received: Received) -> Reply:
        return reply if "<transcript>" in json.dumps(received.messages) else "Noted."

    async with OpenAIServer() as server, client_of(server) as inner:
        server.reply_with(answer)
        client = budgeted(inner, Summarize(inner, soft=1, timeout=0.5 if "Timeout" in reason else 60), TrimOldest())
        talk = Talk(client)
        while not steps(client):
            await talk.go_on(1)
        await client.stop()
    (step,) = steps(client)
    assert reason in step.note
    assert bool(step.note) is bool(reason)
    assert of("reply", client.records)[-1].error is None


async def test_a_retry_after_a_refusal_does_not_wait_for_a_summary() -> None:
    """The smaller request is made of facts: the call that was refused still holds what a summary would have to pay."""
    pool = SpendPool(max_tokens=100_000)
    author = Author()
    async with OpenAIServer(window=2_000) as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(
            inner,
            TokenBudget(context_window=8_000, reply_reserve=100),
            strategies=[Summarize(author, soft=1), TrimOldest()],
            pool=pool,
        )
        talk = Talk(client)
        while not client.records or not client.records[-1].retries:
            await talk.go_on(1)
    assert author.prompts == []
    assert client.records[-1].steps[0].strategy == "TrimOldest"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"client": "gpt-4o"}, TypeError, "client must be a ChatCompletionClient, got 'gpt-4o'"),
        ({"prompt": " "}, ValueError, "prompt must say what to write"),
        ({"max_tokens": 0}, ValueError, "max_tokens must be at least 1, got 0"),
        ({"timeout": 0}, ValueError, "timeout must be above 0 seconds, got 0"),
        ({"timeout": float("nan")}, ValueError, "timeout must be above 0"),
        ({"soft": 0}, ValueError, "soft must be a share of the cap"),
        ({"soft": 1.1}, ValueError, "soft must be a share of the cap"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """What is wrong, the value, and what is expected."""
    with pytest.raises(error, match=message):
        Summarize(**arguments)


def test_a_summarizer_goes_with_the_default_strategies() -> None:
    """Beside strategies of one's own it would do nothing, so it is refused."""
    with pytest.raises(ValueError, match="put Summarize"):
        BudgetedChatCompletionClient(Author(), BUDGET, strategies=[TrimOldest()], summarizer=Author())
    with pytest.raises(TypeError, match="summarizer must be a ChatCompletionClient, 'own'"):
        BudgetedChatCompletionClient(Author(), BUDGET, summarizer="gpt-4o")  # type: ignore[arg-type]  # the wrong kind on purpose


def test_a_summarizer_is_dumped_and_loaded() -> None:
    """It is a component of the client's, and of the agent's."""
    cheap = ReplayChatCompletionClient(["Goal: home."])
    client = BudgetedChatCompletionClient(ReplayChatCompletionClient(["a"]), BUDGET, summarizer=cheap)
    again = BudgetedChatCompletionClient.load_component(client.dump_component())
    assert again.dump_component() == client.dump_component()
    assert client.dump_component().config["summarizer"]["provider"].endswith("ReplayChatCompletionClient")
    agent = BudgetedAgent(AssistantAgent("clerk", ReplayChatCompletionClient(["a"])), BUDGET, summarizer=cheap)
    loaded = BudgetedAgent.load_component(agent.dump_component())
    assert loaded.dump_component() == agent.dump_component()
    assert agent.dump_component().config["summarizer"]["provider"].endswith("ReplayChatCompletionClient")


async def test_there_is_nothing_to_do_at_the_target() -> None:
    """Used alone, it leaves a request under its target as it is, and short caps still get a summary."""
    author = Author(short)
    client = budgeted(author, Summarize(author, soft=1), budget=TokenBudget(600, reply_reserve=9))
    await Talk(client).go_on(24, words=30)
    assert {step.strategy for step in steps(client)} == {"Summarize"}
    assert author.prompts
