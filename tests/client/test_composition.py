"""What a call was made of, as it was sent and as the provider reports it."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from autogen_core import EVENT_LOGGER_NAME, FunctionCall, Image
from autogen_core.logging import LLMCallEvent
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import FunctionTool, Tool, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from PIL import Image as Pictures

from autogen_budget import (
    BudgetedChatCompletionClient,
    CallRecord,
    RecordFile,
    TiktokenCounter,
    TokenBudget,
    read_records,
)
from autogen_budget._client import UsageDetails, UsageListener
from autogen_budget._client._cache_bust import find_cache_bust
from autogen_budget._client._composition import LARGEST_PARTS, Composer, Composition
from autogen_budget._turns import NOTE_SOURCE
from builders import call, copy_of, result, said, user
from servers import OpenAIServer
from servers.clients import client_of

SYSTEM = SystemMessage(content="Be brief.")
ROUND: tuple[LLMMessage, ...] = (user("Go."), call("1", "2"), result("1", "2"), said("done"))


class Run:
    """An agent's calls, told to a composer as a client would."""

    def __init__(self) -> None:
        self.composer = Composer(TiktokenCounter())
        self.messages: list[LLMMessage] = []

    def call(self, *new: LLMMessage, tools: Sequence[Tool | ToolSchema] = ()) -> Composition:
        """Describe a call with these messages behind the others."""
        self.messages += new
        return self.composer.describe(self.messages, self.messages, tools)


def schema(name: str, about: str = "Look.") -> ToolSchema:
    """The schema of a tool."""
    return ToolSchema(name=name, description=about)


def test_new_parts_are_named_by_what_they_are() -> None:
    """Each message is a part, each result one of its own; sizes are the counter's."""
    run = Run()
    image = Image.from_pil(Pictures.new("RGB", (8, 8)))
    picture = UserMessage(content=["see", image], source="user")
    note = UserMessage(content="[9 earlier turns]", source=NOTE_SOURCE)
    composition = run.call(SYSTEM, *ROUND, SystemMessage(content="He likes tea."), picture, note)
    assert [(part.label, part.layer) for part in composition.new_parts] == [
        ("instructions", "system"),
        ("text of user", "history"),
        ("calls of assistant", "history"),
        ("result of f", "tool output"),
        ("result of f", "tool output"),
        ("text of assistant", "history"),
        ("memory", "history"),
        ("text of user", "history"),
        ("earlier turns", "digest"),
    ]
    counter = TiktokenCounter()
    assert composition.new_parts[0].tokens == counter.tokens(counter.measure_message(SYSTEM))
    assert composition.conversation == "1"
    assert len(run.call(said("bye")).new_parts) == 1


def test_equal_contents_have_equal_fingerprints() -> None:
    """Repeats can be told without the words."""
    first, again, other = Run().call(user("salt"), user("salt"), user("tar")).new_parts
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_the_largest_parts_come_with_their_ages() -> None:
    """What was large at the first call is as many calls old as came after it; what was replaced is gone."""
    run = Run()
    run.call(user("a " * 500))
    composition = [run.call(said(f"{i} " * (10 + i))) for i in range(LARGEST_PARTS + 2)][-1]
    assert len(composition.largest) == LARGEST_PARTS
    assert composition.largest[0].age == LARGEST_PARTS + 2
    assert composition.largest[1].age == 0
    assert [part.tokens for part in composition.largest] == sorted(
        (part.tokens for part in composition.largest), reverse=True
    )
    run.messages[-1] = said("small")
    replaced = run.call()
    assert [part.label for part in replaced.new_parts] == ["text of assistant"]
    assert replaced.largest[1].age == 2
    cut = [user("a " * 100), *run.messages[1:]]
    compacted = run.composer.describe(run.messages, cut, changed=True)
    assert compacted.largest[0].tokens < composition.largest[0].tokens
    assert run.composer.describe([], []).largest == ()


def test_tools_are_weighed_one_by_one() -> None:
    """Schemas and tools, by name, once for as long as they stay the same."""

    def look(place: str) -> str:
        """Look at a place."""
        return place

    run = Run()
    tools = (FunctionTool(look, "Look at a place."), schema("ask", "Ask somebody who knows. " * 9))
    sizes = run.call(SYSTEM, user("Go."), tools=tools).tools
    assert set(sizes) == {"look", "ask"}
    assert sizes["ask"] > 40
    assert run.call(said("aye"), tools=list(tools)).tools is sizes
    assert run.call(user("on")).tools == {}


def bust(before: Sequence[LLMMessage], after: Sequence[LLMMessage]) -> str | None:
    """What changed between two lists of messages."""
    return find_cache_bust(before, after, (), ())


def instructions(text: str, *behind: LLMMessage) -> list[LLMMessage]:
    """A request with instructions."""
    return [SystemMessage(content=text), user("Go."), *behind]


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (
            "It is 2026-11-24 20:34:01.",
            "It is 2026-11-24 20:34:07.",
            "a time or date in the instructions, at character 25",
        ),
        ("Now 20:34:01.", "Now 20:34:09.", "a time or date in the instructions, at character 12"),
        ("Epoch 1790000001", "Epoch 1790000002", "a time or date in the instructions, at character 16"),
        ("Run 0b6e1c2d-9f3a", "Run 0b6e1c2d-9f3b", "an id in the instructions, at character 17"),
        ("Step 1 of many", "Step 2 of many", "a number in the instructions, at character 6"),
        ("Be brief.", "Be long.", "a change in the instructions, at character 4"),
    ],
)
def test_what_changes_in_instructions_is_named(before: str, after: str, named: str) -> None:
    """By kind and place, not by its words."""
    assert bust(instructions(before), instructions(after, said("aye"), user("on"))) == named


def test_other_changes_are_named_too() -> None:
    """A message in the middle, another kind of message, content with images."""
    history = instructions("Be brief.", said("aye"), user("on"))
    assert bust(history, [*history[:2], said("No."), *history[3:]]) == "a change in message 3, at character 1"
    assert bust(history, [*history[:2], user("aye"), *history[3:]]) == "a change in message 3"


def test_what_goes_on_or_is_another_conversation_is_no_bust() -> None:
    """Nothing is named where nothing is lost."""
    history = instructions("Be brief.", said("aye"))
    others: list[list[LLMMessage]] = [
        history,
        [*history, user("on")],
        history[:2],
        [SYSTEM, user("Else.")],
        [user("Else."), said("no")],
    ]
    for other in others:
        assert bust(history, other) is None
    assert bust([], history) is None


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (["f", "g"], ["g", "f"], "the order of the tools"),
        (["f"], ["f", "g"], "the tool g, which was not there before"),
        (["f", "g"], ["g"], "the tool f, which is no longer there"),
        (["f"], [], "the tools, which this call leaves out"),
        ([], ["f"], "the tools, which the call before left out"),
    ],
)
def test_changed_tools_are_named(before: list[str], after: list[str], named: str) -> None:
    """Schemas stand before all messages, so that any change of them loses everything."""
    run = Run()
    run.call(SYSTEM, user("Go."), tools=[schema(name) for name in before])
    assert run.call(said("aye"), tools=[schema(name) for name in after]).cache_bust == named


def test_a_changed_schema_is_named() -> None:
    """The tools have the same names and order."""
    run = Run()
    run.call(SYSTEM, user("Go."), tools=[schema("f"), schema("g")])
    assert run.call(said("aye"), tools=[schema("f"), schema("g", "Else.")]).cache_bust == "the schema of the tool g"


def test_a_conversation_with_a_new_beginning_goes_on() -> None:
    """A clock in the instructions makes it look new to the client; its parts are counted once all the same."""
    composer = Composer(TiktokenCounter())
    first = instructions("It is 10:00:01.")
    composer.describe(first, first)
    second = [SystemMessage(content="It is 10:00:09."), *first[1:], said("aye"), user("on")]
    composition = composer.describe(second, second)
    assert composition.cache_bust == "a time or date in the instructions, at character 14"
    assert composition.conversation == "1"
    assert [part.label for part in composition.new_parts] == ["text of assistant", "text of user"]
    assert composer.describe([user("x")], [user("x")]).conversation == "2"


def test_conversations_are_told_apart_and_known_again() -> None:
    """By the objects of their messages, or by equal ones in the same place; a folded history goes on."""
    composer = Composer(TiktokenCounter())
    one = instructions("Be brief.", said("aye"))
    two: list[LLMMessage] = [SYSTEM, user("Other."), said("no")]
    names = [composer.describe(messages, messages).conversation for messages in (one, two)]
    assert names == ["1", "2"]
    again: list[LLMMessage] = [*copy_of(one), user("on")]
    assert composer.describe(again, again).conversation == "1"
    folded = [UserMessage(content="[2 earlier turns]", source=NOTE_SOURCE), again[-1], said("well")]
    composition = composer.describe(folded, folded)
    assert composition.conversation == "1"
    assert [part.label for part in composition.new_parts] == ["text of assistant"]


def test_any_text_has_a_fingerprint() -> None:
    """Half an emoji included."""
    broken = FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content="\ud83d", name="f", call_id="1", is_error=False)]
    )
    calls = AssistantMessage(content=[FunctionCall(id="1", name="f", arguments="\udc00")], source="a")
    assert len(Run().call(user("Go."), calls, broken).new_parts) == 3


async def test_content_is_recorded_for_a_file_that_asks_for_it(tmp_path: Path) -> None:
    """The messages as they were sent, and in no other case."""
    for include in (False, True):
        path = tmp_path / f"{include}.jsonl"
        inner = ReplayChatCompletionClient(["aye"])
        client = BudgetedChatCompletionClient(
            inner, TokenBudget(500), hooks=[RecordFile(path, include_content=include)]
        )
        await client.create([SYSTEM, user("My code is heliotrope.")])
        assert ("heliotrope" in path.read_text()) is include
        (record,) = read_records(path)
        assert isinstance(record, CallRecord)
        assert (record.content is not None) is include
        assert client.records[0].content == record.content


EVENTS = logging.getLogger(EVENT_LOGGER_NAME)


@pytest.fixture
def events_on() -> Iterator[None]:
    """AutoGen's event logger at level INFO."""
    level = EVENTS.level
    EVENTS.setLevel(logging.INFO)
    yield
    EVENTS.setLevel(level)


def log_call(usage: Any) -> None:
    """Log a call as AutoGen's clients do."""
    EVENTS.info(LLMCallEvent(messages=[], response={"usage": usage}, prompt_tokens=1, completion_tokens=1))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 70}}, UsageDetails(70, 0)),
        ({"cache_read_input_tokens": 50, "cache_creation_input_tokens": 20}, UsageDetails(50, 70, 20)),
        ({"cache_read_input_tokens": 50, "cache_creation_input_tokens": None}, UsageDetails(50, 50)),
        (
            {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 8}},
            UsageDetails(0, 0, reasoning_tokens=8),
        ),
        ({"prompt_tokens_details": None}, UsageDetails(None, 0)),
        (None, UsageDetails(None, 0)),
    ],
)
@pytest.mark.usefixtures("events_on")
def test_reads_what_providers_report(usage: Any, expected: UsageDetails) -> None:
    """OpenAI counts cached tokens in the prompt, Anthropic beside it; others say nothing."""
    with (listener := UsageListener()).listening():
        log_call(usage)
    assert listener.details == expected


@pytest.mark.usefixtures("events_on")
def test_hears_nothing_after_the_call() -> None:
    """Events outside the call, and events of other kinds, are not heard."""
    with (listener := UsageListener()).listening():
        EVENTS.info("not a call")
    log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    assert listener.details == UsageDetails()


@pytest.mark.usefixtures("events_on")
async def test_calls_at_the_same_time_are_told_apart() -> None:
    """Each task hears its own call."""

    async def one(cached: int) -> int | None:
        with (listener := UsageListener()).listening():
            await asyncio.sleep(0.01)
            log_call({"prompt_tokens_details": {"cached_tokens": cached}})
            await asyncio.sleep(0.01)
        return listener.details.cached_tokens

    assert await asyncio.gather(*map(one, range(20))) == list(range(20))


def test_changes_nothing_about_autogens_logging() -> None:
    """The logger's level and propagation stay the application's; at the default level nothing is heard."""
    before = (EVENTS.level, EVENTS.propagate, EVENTS.disabled, list(EVENTS.handlers))
    with (listener := UsageListener()).listening():
        log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    assert listener.details == UsageDetails()
    assert (EVENTS.level, EVENTS.propagate, EVENTS.disabled, EVENTS.handlers) == before


@pytest.mark.usefixtures("events_on")
def test_lets_every_event_pass(caplog: pytest.LogCaptureFixture) -> None:
    """The application's own handlers still see each event, heard or not, exactly once."""
    for _ in range(2):
        with UsageListener().listening():
            log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    EVENTS.warning("something else")
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]


@pytest.mark.usefixtures("events_on")
async def test_records_tell_cached_tokens() -> None:
    """Against a server that reports them, cached tokens are in the record."""
    async with OpenAIServer() as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        messages = [UserMessage(content="word " * 50, source="user")]
        await client.create(messages)
        await client.create([*messages, UserMessage(content="more", source="user")])
    cached = [record.cached_tokens for record in client.records]
    assert cached[0] == 0
    assert cached[1] is not None
    assert cached[1] >= 50
