"""The cap of a request: planned, refused, and asked of the server."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from unittest.mock import patch

import pytest
from autogen_core.models import AssistantMessage, LLMMessage, ModelInfo, SystemMessage, UserMessage
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    ArtifactStore,
    BudgetedChatCompletionClient,
    ContextOverflowError,
    TiktokenCounter,
    TokenBudget,
    default_strategies,
)
from autogen_budget._client import Ask, Overflow, Planner, _cap
from autogen_budget._model_facts import ClientFacts, Window
from builders import user
from servers import OpenAIServer


def chat(turns: int) -> list[LLMMessage]:
    """Instructions, a task and as many further turns."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="the task", source="user")]
    for i in range(turns):
        messages.append(AssistantMessage(content=f"step {i} " + "of the long way " * 5, source="a"))
    return messages


def planner(budget: TokenBudget, facts: ClientFacts | None = None) -> Planner:
    """A planner with the defaults."""
    return Planner(
        facts or ClientFacts(),
        budget,
        default_strategies(budget),
        TiktokenCounter(),
        multiple_system_messages=False,
    )


@pytest.mark.parametrize(
    ("budget", "facts", "cap"),
    [
        (TokenBudget(1_000), ClientFacts(), 1_000),
        (TokenBudget(), ClientFacts("gpt-4o"), 128_000 - 4_096),
        (TokenBudget(), ClientFacts("gpt-4o", max_reply_tokens=16_000), 112_000),
        (TokenBudget(), ClientFacts("llama3.1", window=2_048), 1_536),
        (TokenBudget(context_window=10_000), ClientFacts("gpt-4o", window=2_048), 7_500),
        (TokenBudget(), ClientFacts(), 6_144),
    ],
)
def test_the_cap_by_what_is_known(budget: TokenBudget, facts: ClientFacts, cap: int) -> None:
    """The budget's window comes first, then the client's own, then the name's, then a cautious guess."""
    assert planner(budget, facts).cap.tokens() == cap


async def test_a_refusal_with_a_window_lowers_the_cap() -> None:
    """The true window holds from then on; a larger one than was known is not believed."""
    plans = planner(TokenBudget(), ClientFacts("gpt-4o"))
    refused = await plans.plan(Ask(chat(3)))
    plans.learn_refusal(Overflow(window=2_000), refused)
    assert plans.cap.tokens() == 1_500
    plans.learn_refusal(Overflow(window=50_000), refused)
    assert plans.cap.tokens() == 1_500


async def test_a_window_that_was_only_assumed_may_grow() -> None:
    """Where nothing told the window, what an error tells replaces the guess."""
    plans = planner(TokenBudget())
    refused = await plans.plan(Ask(chat(3)))
    assert plans.cap.tokens() == 6_144
    plans.learn_refusal(Overflow(window=50_000), refused)
    assert plans.cap.tokens() == 50_000 - 4_096


async def test_a_refusal_without_figures_lowers_the_cap_too() -> None:
    """What was refused was too much, whatever the true window is."""
    plans = planner(TokenBudget(10_000))
    refused = await plans.plan(Ask(chat(20)))
    plans.learn_refusal(Overflow(), refused)
    assert plans.cap.tokens() == int(refused.tokens * 0.9)


async def test_the_second_request_is_strictly_smaller() -> None:
    """Even where the cap would allow as much again, less is sent."""
    plans = planner(TokenBudget(10_000))
    refused = await plans.plan(Ask(chat(20)))
    smaller = await plans.plan_smaller(Ask(chat(20)), refused)
    assert smaller.tokens <= refused.tokens * 0.9
    assert len(smaller.messages) < len(refused.messages)
    assert smaller.compacted


async def test_what_cannot_be_smaller_is_an_error() -> None:
    """If nothing can be left out of a refused request, that is said."""
    plans = planner(TokenBudget(10_000))
    only = Ask([SystemMessage(content="rule " * 100), UserMessage(content="x", source="user")])
    with pytest.raises(ContextOverflowError):
        await plans.plan_smaller(only, await plans.plan(only))


async def test_what_was_taught_is_remembered() -> None:
    """A taught window and a lowered cap go into the state, what the settings tell does not."""
    taught = planner(TokenBudget(10_000))
    state = taught.save_state()
    assert (state["window"], state["ceiling"], state["conversations"]) == (None, None, [])
    refused = await taught.plan(Ask(chat(20)))
    taught.learn_refusal(Overflow(window=5_000), refused)
    taught.learn_refusal(Overflow(), refused)
    fresh = planner(TokenBudget(10_000))
    fresh.load_state(taught.save_state())
    assert fresh.cap.tokens() == taught.cap.tokens() < 3_750
    fresh.load_state({"window": True, "ceiling": "low"})
    fresh.load_state({})
    assert fresh.cap.tokens() == taught.cap.tokens()


async def test_requests_tell_what_was_done() -> None:
    """Sizes by layer, steps and whether the request differs are told; the caller's list is passed on untouched."""
    plans = planner(TokenBudget(300))
    messages = chat(1)
    first = await plans.plan(Ask(messages))
    assert first.messages is messages
    assert (first.compacted, first.steps) == (False, ())
    assert first.tokens == first.tokens_before == sum(first.layers_before.values())
    second = await plans.plan(Ask(chat(30)))
    assert second.compacted
    assert second.tokens_before > 300 >= second.tokens == sum(second.layers_sent.values())
    assert second.steps
    plans.forget()
    assert (await plans.plan(Ask(messages))).messages is messages


async def answered(plans: Planner, ask: Ask, reports: Iterable[int | None]) -> list[bool]:
    """Whether each request could be planned, and was answered with a report; `None` is as many as were sent."""
    done: list[bool] = []
    for reported in reports:
        try:
            request = await plans.plan(ask)
            plans.learn_usage(request, request.tokens if reported is None else reported)
            done.append(True)
        except ContextOverflowError:
            done.append(False)
    return done


async def test_wrong_reports_do_not_refuse_for_ever() -> None:
    """After a few refusals, what fits without them is tried; right reports then count."""
    plans = planner(TokenBudget(400), ClientFacts("gpt-4o"))
    ask = Ask([SystemMessage(content="Be brief."), UserMessage(content="the ship lies here " * 60, source="user")])
    assert not all(await answered(plans, ask, [10_000] * 20))
    assert all((await answered(plans, ask, [250] * 80))[40:])


@pytest.mark.parametrize("overflow", [Overflow(window=100), Overflow(prompt_tokens=3_000), Overflow()])
async def test_wrong_refusals_do_not_refuse_for_ever(overflow: Overflow) -> None:
    """A window that holds nothing, a size out of the air: what does not fit by them is tried in the end."""
    plans = planner(TokenBudget(400), ClientFacts("gpt-4o"))
    ask = Ask([SystemMessage(content="Be brief. " * 60), UserMessage(content="the task", source="user")])
    for _ in range(3):
        for _ in range(2):
            with suppress(ContextOverflowError):
                plans.learn_refusal(overflow, await plans.plan(ask))
        assert all((await answered(plans, ask, [None] * 20))[10:])


async def test_what_goes_on_being_refused_is_tried_more_and_more_rarely() -> None:
    """After 4, 8, 16, ... refusals; and what cannot fit anyway leaves what was learned as it is."""
    plans = planner(TokenBudget(400), ClientFacts("gpt-4o"))
    ask = Ask([SystemMessage(content="Be brief. " * 60), UserMessage(content="the task", source="user")])
    tried: list[int] = []
    plans.learn_refusal(Overflow(window=100), await plans.plan(ask))
    for number in range(1, 40):
        with suppress(ContextOverflowError):
            plans.learn_refusal(Overflow(window=100), await plans.plan(ask))
            tried.append(number)
    assert tried == [4, 8, 16, 32]
    state = plans.save_state()
    for _ in range(9):
        with pytest.raises(ContextOverflowError):
            await plans.plan(Ask([SystemMessage(content="Be brief. " * 600), *chat(1)]))
    assert plans.save_state() == state


async def test_a_request_fits_by_what_was_learned_while_it_was_planned() -> None:
    """Another call's usage may come in at any moment."""
    counter, store = TiktokenCounter("gpt-4o"), ArtifactStore()
    budget = TokenBudget(400)

    class Learning(ArtifactStore):
        async def put(self, text: str, *, owner: object | None = None) -> str:
            """Store a text while another call's usage comes in."""
            request = counter.measure_extras() + counter.measure_text("the way is long " * 40)
            counter.observe(request, 2 * request.total)
            return await store.put(text, owner=owner)

    plans = Planner(
        ClientFacts("gpt-4o"),
        budget,
        default_strategies(budget),
        counter,
        multiple_system_messages=False,
        artifacts=Learning(),
    )
    request = await plans.plan(Ask(chat(30)))
    assert request.tokens <= 400 < 2 * request.tokens
    assert request.tokens == counter.tokens(request.tally)


async def test_a_cancelled_first_call_does_not_end_the_question() -> None:
    """The window that a server tells is known to the calls that wait for it, though the first is cancelled."""
    asked = 0

    async def slow(base_url: str) -> Window | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return Window(777, "server")

    async with OpenAIServer(window=10_000) as server:
        inner = OpenAIChatCompletionClient(
            model="mine",
            base_url=server.base_url,
            api_key="x",
            max_retries=0,
            model_info=ModelInfo(
                vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True
            ),
        )
        client = BudgetedChatCompletionClient(inner, TokenBudget(reply_reserve=10))
        with patch.object(_cap, "window_of_server", slow):
            calls = [asyncio.ensure_future(client.create([user("hi")])) for _ in range(4)]
            await asyncio.sleep(0.01)
            calls[0].cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await client.close()
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert asked == 1
    assert [record.window for record in client.records if record.error is None] == [777] * 3
    assert client.cap == 767


class Exact:
    """A source that finds fewer tokens than the counter's safe rates."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """Count with OpenAI's vocabulary."""
        tokens = TiktokenCounter("gpt-4o").count(messages, tools=tools)
        self.asked.append(tokens)
        return tokens


@pytest.mark.parametrize("words", [100, 2_000])
async def test_a_source_is_asked_near_the_cap_only(words: int) -> None:
    """A request far below the cap is sent unasked; one over it is counted, fitted, and fills the cap well."""
    source = Exact()
    counter = TiktokenCounter("mine")
    client = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["yes"]), TokenBudget(1_000), counter=counter, token_source=source
    )
    text = " ".join(f"straw{number}" for number in range(words // 4))
    await client.create([UserMessage(content=text, source="user")])
    sent = client.records[0]
    assert sent.tokens_sent <= 1_000
    if words == 100:
        assert source.asked == []
    else:
        assert source.asked
        assert source.asked[-1] <= 1_000
        assert source.asked[-1] > 800
