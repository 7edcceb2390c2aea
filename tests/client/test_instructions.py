"""Instructions under a cap of their own, through the client that every call takes: what is shown of them, and when."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.memory import ListMemory, MemoryContent, MemoryMimeType
from autogen_core.models import (
    CreateResult,
    LLMMessage,
    ModelInfo,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    ContextOverflowError,
    Tally,
    TiktokenCounter,
    TokenBudget,
    compact,
)
from builders import call, result, said, user
from histories import messages, tool_schemas
from made_up_manuals import Manual, manual
from profiles import examples
from validity import assert_valid, convert_everywhere

COUNTER = TiktokenCounter()


class Listening(ReplayChatCompletionClient):
    """A model that answers in a sentence and remembers what it was sent."""

    def __init__(self, *, mixed: bool = False) -> None:
        info = ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            family="unknown",
            structured_output=False,
            multiple_system_messages=mixed,
        )
        super().__init__([], model_info=info)
        self.requests: list[Sequence[LLMMessage]] = []

    async def create(self, messages: Sequence[LLMMessage], *_: Any, **__: Any) -> CreateResult:
        """Answer anything."""
        self.requests.append(list(messages))
        return CreateResult(finish_reason="stop", content="Noted.", usage=RequestUsage(0, 0), cached=False)

    @property
    def latest(self) -> str:
        """The words of the latest request."""
        return words_of(self.requests[-1])


def words_of(sent: Sequence[LLMMessage]) -> str:
    """The words of messages."""
    return "\n".join(message.content for message in sent if isinstance(message.content, str))


def asked(made: Manual, place: int) -> UserMessage:
    """A request about one section."""
    return user(next(request for request, its in made.requests if its == place))


@pytest.mark.parametrize("mixed", [True, False], ids=["system", "user"])
@pytest.mark.parametrize(("cap", "most"), [(8_000, 4_000), (4_000, 2_000)])
async def test_sixty_requests_each_see_their_section(cap: int, most: int, mixed: bool) -> None:
    """A manual of 20,000 tokens under its cap: the section asked for is there, the rules always, never over the cap."""
    made = manual("en", "numbered", sentences=52)
    model = Listening(mixed=mixed)
    client = BudgetedChatCompletionClient(model, TokenBudget(cap, max_instruction_tokens=most))
    history: list[LLMMessage] = [SystemMessage(content=made.text)]
    found = 0
    for request, place in made.requests:
        history.append(user(request))
        await client.create(history)
        found += made.sections[place] in model.latest
        assert made.rules in model.latest
        assert_valid(model.requests[-1], multiple_system_messages=mixed)
        history.append(said("Noted."))
    assert len(made.requests) == 60
    assert found >= 57
    for record in client.records:
        assert record.layers_sent["system"] <= most
        assert record.tokens_sent <= cap
        assert record.layers_before["system"] > 20_000
    assert client.records[0].steps[0].strategy == "Instructions"
    assert client.records[0].steps[0].sections == 1
    assert "1 section shown" in client.records[0].steps[0].detail


async def test_under_their_cap_instructions_go_out_as_they_came() -> None:
    """The very same objects; nothing is recorded."""
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(4_000, max_instruction_tokens=500))
    history: list[LLMMessage] = [SystemMessage(content="# A\n\nBe brief.\n\n# B\n\nBe kind."), user("Hello.")]
    await client.create(history)
    assert all(map(lambda a, b: a is b, model.requests[-1], history))
    assert client.records[0].steps == ()
    assert not client.records[0].compacted


async def test_what_was_shown_stays_so_that_requests_begin_the_same() -> None:
    """As long as there is room; then only what the newest request is about is left, and the rest is as it was."""
    made = manual("en", "markdown", sentences=40)
    model = Listening(mixed=True)
    client = BudgetedChatCompletionClient(model, TokenBudget(9_000, max_instruction_tokens=2_000))
    history: list[LLMMessage] = [SystemMessage(content=made.text)]
    broken: list[bool] = []
    for place in (3, 3, 3, 7, 7, 12, 12):
        history.append(asked(made, place))
        await client.create(history)
        before: Sequence[LLMMessage] = model.requests[-2] if len(model.requests) > 1 else ()
        broken.append([*before] != [*model.requests[-1]][: len(before)])
        history.append(said("Noted."))
    assert broken == [False, False, False, False, False, True, False]
    assert made.sections[12] in model.latest
    assert made.sections[3] not in model.latest
    assert [message.type for message in model.requests[0]] == ["SystemMessage", "SystemMessage", "UserMessage"]
    stable = [record.stable_prefix_tokens for record in client.records]
    sent = [record.tokens_sent for record in client.records]
    assert stable[1:5] == sent[:4]
    assert 0 < stable[5] < sent[0]


async def test_calls_of_tools_in_between_leave_what_is_shown() -> None:
    """The next call of the same turn goes on with the very same beginning."""
    made = manual("en", "markdown", sentences=20)
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(9_000, max_instruction_tokens=2_000))
    history: list[LLMMessage] = [SystemMessage(content=made.text), asked(made, 6)]
    await client.create(history, tools=[])
    await client.create([*history, call("c1"), result("c1")])
    before, now = model.requests
    assert [*now][: len(before)] == [*before]
    assert len(now) == len(before) + 2
    assert client.records[-1].steps == ()


async def test_sections_go_where_the_conversation_is_compacted() -> None:
    """With the turns they were shown for; the newest request keeps its own, under both caps, and the prefix is told."""
    made = manual("en", "markdown", sentences=12)
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(2_200, max_instruction_tokens=1_400))
    history: list[LLMMessage] = [SystemMessage(content=made.text), user("Good morning!")]
    for request, place in made.requests[:25]:
        history += [said("Noted. " * 30), user(request)]
        await client.create(history)
        assert made.sections[place] in model.latest
    assert any(step.dropped for record in client.records for step in record.steps)
    for record, before, now in zip(client.records[1:], model.requests, model.requests[1:], strict=False):
        same = [message for message, old in zip(now, before, strict=False) if message == old]
        assert record.stable_prefix_tokens <= COUNTER.count(same) + 10
        assert record.layers_sent["system"] <= 1_400
        assert record.tokens_sent <= 2_200


class Heavy(TiktokenCounter):
    """A model whose messages each cost many tokens beside their text."""

    def measure_message(self, message: LLMMessage) -> Tally:
        """The message and sixty tokens."""
        return super().measure_message(message) + Tally.exact(60)


async def test_messages_that_cost_much_are_counted_in() -> None:
    """The cap of the layer is by the model's own count, frames included."""
    made = manual("en", "markdown", sentences=12)
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(9_000, max_instruction_tokens=700), counter=Heavy())
    for place in range(8):
        await client.create([SystemMessage(content=made.text), asked(made, place)])
    assert all(record.layers_sent["system"] <= 700 for record in client.records)
    assert any(step.sections for record in client.records for step in record.steps)


async def test_a_selectors_prompt_is_no_instructions() -> None:
    """One system message that is the whole conversation is held to the whole cap only."""
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(9_000, max_instruction_tokens=100))
    prompt = SystemMessage(content=manual("en", "markdown", sentences=5).text)
    await client.create([prompt])
    assert model.requests[-1][0] is prompt


async def test_a_plain_thank_you_changes_nothing() -> None:
    """What a request shares no words with stays out."""
    made = manual("en", "markdown")
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(8_000, max_instruction_tokens=3_000))
    history: list[LLMMessage] = [SystemMessage(content=made.text), user("Thanks!")]
    await client.create(history)
    assert len(model.requests[-1]) == 2
    assert client.records[0].layers_sent["system"] < 1_000


async def test_instructions_that_change_with_each_call_go_on_with_the_conversation() -> None:
    """What was compacted stays so, what was shown as well as there is; the record names what breaks the cache."""
    made = manual("en", "markdown")
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(3_000, max_instruction_tokens=1_500))
    body: list[LLMMessage] = []
    for minute in range(30):
        clock = SystemMessage(content=f"It is 2031-05-04 10:{minute:02}.\n{made.text}")
        body.append(user(f"{made.requests[minute][0]} {'And a few more words. ' * 20}"))
        await client.create([clock, *body])
        assert f"10:{minute:02}" in model.latest
        body.append(said("Noted."))
    records = client.records
    assert {record.conversation for record in records} == {records[0].conversation}
    assert all(record.cache_bust and "time or date in the instructions" in record.cache_bust for record in records[1:])
    # A conversation that were new with each call would have to be compacted with each.
    assert sum(step.dropped > 0 for record in records for step in record.steps) < 10
    assert max(record.tokens_sent for record in records) <= 3_000


async def test_another_budget_shows_them_whole_again() -> None:
    """A cap that is taken back leaves nothing behind."""
    made = manual("en", "markdown", sentences=10)
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(20_000, max_instruction_tokens=1_000))
    history: list[LLMMessage] = [SystemMessage(content=made.text), asked(made, 2)]
    await client.create(history)
    assert made.text not in model.latest
    client.budget = TokenBudget(20_000)
    await client.create([*history, said("Noted."), user("And now?")])
    assert model.requests[-1][0].content == made.text
    assert len(model.requests[-1]) == 4
    client.budget = TokenBudget(20_000, max_instruction_tokens=1_000)
    await client.create([*history, said("Noted."), user("And now?"), said("Noted."), asked(made, 5)])
    assert made.sections[5] in model.latest
    assert client.records[-1].layers_sent["system"] <= 1_000


async def test_a_state_that_is_loaded_goes_on() -> None:
    """The newest request sees its section after a restart too."""
    made = manual("en", "markdown")
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(8_000, max_instruction_tokens=2_500))
    history: list[LLMMessage] = [SystemMessage(content=made.text), asked(made, 1)]
    await client.create(history)
    state = client.save_state()
    again = BudgetedChatCompletionClient(model, TokenBudget(8_000, max_instruction_tokens=2_500))
    again.load_state(state)
    await again.create([*history, said("Noted."), asked(made, 9)])
    assert made.sections[9] in model.latest
    assert again.records[-1].layers_sent["system"] <= 2_500


async def test_a_preamble_over_the_cap_is_cut_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """The last resort, and the record says so."""
    filler = " ".join(f"The quay has a crane of type {number}." for number in range(300))
    history: list[LLMMessage] = [
        SystemMessage(content=f"{filler} Never moor at night.\n\n# A\n\nx\n\n# B\n\ny"),
        user("Go."),
    ]
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(4_000, max_instruction_tokens=400))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            await client.create(history)
            history += [said("Noted."), user("Go on.")]
    assert "Never moor at night." in model.latest
    warnings = [record for record in caplog.records if "the instructions were cut" in record.getMessage()]
    assert len(warnings) == 1
    assert "max_instruction_tokens" in warnings[0].getMessage()
    assert [step.instructions_cut for record in client.records for step in record.steps] == [True]


async def test_an_agent_reads_the_whole_through_its_tool_and_memory_is_held_to_the_cap() -> None:
    """AutoGen's own agent with its own memory: sections, items and one tool for all that is left out."""
    made = manual("en", "chapters")
    notes = ListMemory()
    for number in range(300):
        text = f"Guest {number} likes room {number * 3} with a view of tower {number % 7}."
        await notes.add(MemoryContent(content=text, mime_type=MemoryMimeType.TEXT))
    model = Listening()
    clerk = AssistantAgent("clerk", model, system_message=made.text, memory=[notes])
    agent = BudgetedAgent(clerk, TokenBudget(6_000, max_instruction_tokens=1_500))
    request = f"{asked(made, 4).content} Guest 117 asks."
    await agent.run(task=request)
    block = next(words for words in map(words_of, ([m] for m in model.requests[-1])) if "Relevant memory" in words)
    assert "118. Guest 117 likes room 351" in block
    assert COUNTER.count_text(block) <= 1_500
    assert made.sections[4] in model.latest
    whole = model.requests[-1][0].content
    reference = str(whole).split('read_artifact("')[1][:10]
    assert await agent.artifacts.get(reference) == made.text
    assert "read_artifact" in agent.records[-1].tools
    in_block = block.split('read_artifact("')[1][:10]
    assert "Guest 299" in await agent.artifacts.get(in_block)


async def test_reading_long_instructions_does_not_hold_the_event_loop() -> None:
    """A manual that is shown again costs next to nothing: it was read once."""
    made = manual("en", "markdown")
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(8_000, max_instruction_tokens=3_000))
    history: list[LLMMessage] = [SystemMessage(content=made.text), asked(made, 1)]
    began = time.process_time()
    await client.create(history)
    first = time.process_time() - began
    for _ in range(10):
        history += [said("Noted."), user("Go on.")]
        await client.create(history)
    assert time.process_time() - began - first < 10 * first


section_forms = st.sampled_from(["# {0}\n\n{1}", "{0}:\n- {1}\n- {1}", "2.1 {0}\n{1}", "{1}", "<{0}>{1}</{0}>"])
titles = st.sampled_from(["fees", "tides", "guests"])
sections = st.lists(st.builds(str.format, section_forms, titles, st.text(max_size=300)), max_size=12).map("\n\n".join)


@given(messages(), sections, st.integers(20, 3_000), st.integers(1, 600), tool_schemas())
@settings(max_examples=examples(1))
async def test_the_promises_hold_with_the_cap(
    came: list[LLMMessage], text: str, cap: int, most: int, tools: list[Any]
) -> None:
    """Any instructions, any conversation: the request fits, is valid, and nothing that came is changed."""
    history = [SystemMessage(content=text), *came]
    copies = [message.model_copy(deep=True) for message in history]
    try:
        result = await compact(history, TokenBudget(cap, max_instruction_tokens=most), tools=tools)
    except ContextOverflowError:
        return
    assert result.tokens_after == COUNTER.count(result.messages, tools=tools) <= cap
    assert_valid(result.messages)
    convert_everywhere(result.messages)
    assert [repr(message) for message in history] == [repr(message) for message in copies]
    if any(not isinstance(message, SystemMessage) for message in came):
        leading = result.messages[0]
        assert isinstance(leading, SystemMessage)
        assert COUNTER.count_text(leading.content) <= most
