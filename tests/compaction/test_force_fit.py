"""The last resort: what may not be dropped is cut, longest first, until the request fits."""

import itertools
import json

import pytest
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Picture

from autogen_budget import BudgetedChatCompletionClient, ContextOverflowError, TiktokenCounter, TokenBudget, compact
from builders import user
from clerks import Clerk

COUNTER = TiktokenCounter()


def paste(n: int) -> str:
    """A pasted file of many lines."""
    return "\n".join(f"{i:05d} the pump reports {i * 7} bar" for i in range(n))


async def fitted(messages: list[LLMMessage], cap: int, compact_to: float = 0.6) -> list[LLMMessage]:
    """The messages as they are sent under a cap, with nothing but the last resort to help."""
    result = await compact(messages, TokenBudget(cap, compact_to=compact_to), strategies=[])
    assert result.tokens_after <= cap
    assert result.tokens_after == COUNTER.count(result.messages)
    return list(result.messages)


async def test_cuts_the_middle_of_a_pasted_file() -> None:
    """An over-long newest message keeps its beginning and its end and says what is missing."""
    (message,) = await fitted([user("What broke?\n" + paste(3_000) + "\nAnswer in one word.")], 1_000)
    text = str(message.content)
    assert text.startswith("What broke?")
    assert text.endswith("Answer in one word.")
    assert len(text) > 500
    assert "lines" in text


async def test_cuts_a_selectors_prompt() -> None:
    """A request that is one system message, as a selector's is, is cut in its middle."""
    (message,) = await fitted([SystemMessage(content="Roles: a, b.\n" + paste(3_000) + "\nReturn one role.")], 800)
    assert isinstance(message, SystemMessage)
    assert message.content.startswith("Roles: a, b.")
    assert message.content.endswith("Return one role.")


async def test_lines_that_the_task_names_stay() -> None:
    """Of a tool's output the lines stay that share rare words with the task, wherever they are."""
    call = FunctionCall(id="c", name="read", arguments="{}")
    places = [
        "".join(letters) for letters in itertools.islice(itertools.product("aeiou", "klmnr", "aeiou", "stv"), 300)
    ]
    output = "\n".join(f"the sluice at {place} was painted" for place in places)
    result = FunctionExecutionResult(content=output, name="read", call_id="c", is_error=False)
    messages: list[LLMMessage] = [
        user(f"What of {places[150]}?"),
        AssistantMessage(content=[call], source="a"),
        FunctionExecutionResultMessage(content=[result]),
    ]
    (*_, results) = await fitted(messages, 500)
    assert isinstance(results, FunctionExecutionResultMessage)
    assert f"the sluice at {places[150]} was painted" in results.content[0].content


async def test_short_texts_stay_whole() -> None:
    """Only the longest texts give; what is shorter than the common allowance is untouched."""
    call = FunctionCall(id="c", name="read", arguments='{"path": "pump.log"}')
    messages: list[LLMMessage] = [
        user("Look into pump.log and say what broke."),
        AssistantMessage(content=[call], thought="I shall read it.", source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=paste(2_000), name="read", call_id="c", is_error=False)]
        ),
    ]
    task, calls, results = await fitted(messages, 600)
    assert (task, calls) == (messages[0], messages[1])
    assert isinstance(results, FunctionExecutionResultMessage)
    assert results.content[0].content.startswith("00000 the pump")
    assert results.content[0].call_id == "c"


async def test_thoughts_are_cut_too() -> None:
    """An over-long thought beside the newest calls gives as any text does."""
    call = FunctionCall(id="c", name="read", arguments="{}")
    messages: list[LLMMessage] = [
        user("Go."),
        AssistantMessage(content=[call], thought=paste(500), source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content="nothing", name="read", call_id="c", is_error=False)]
        ),
    ]
    _, calls, _ = await fitted(messages, 400)
    assert isinstance(calls, AssistantMessage)
    assert calls.thought
    assert len(calls.thought) < len(paste(500))


@pytest.mark.parametrize("arguments", [json.dumps({"path": "a.txt", "lines": [1, {"text": paste(900)}]}), paste(900)])
async def test_arguments_stay_json(arguments: str) -> None:
    """Long strings inside a call's arguments are cut; what is left is JSON, even where it was not."""
    call = FunctionCall(id="c", name="write", arguments=arguments)
    messages: list[LLMMessage] = [
        user("Write it."),
        AssistantMessage(content=[call], source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content="written", name="write", call_id="c", is_error=False)]
        ),
    ]
    _, calls, results = await fitted(messages, 500)
    assert isinstance(calls, AssistantMessage)
    assert isinstance(calls.content[0], FunctionCall)
    value: dict[str, object] = json.loads(calls.content[0].arguments)
    assert value.get("path", "a.txt") == "a.txt"
    assert results == messages[2]


async def test_texts_that_weigh_more_inside_json_are_cut_again() -> None:
    """Quotes and line ends grow when they are written as JSON: what is cut still fits."""
    call = FunctionCall(id="c", name="write", arguments=json.dumps({"text": '"\n' * 6_000}))
    messages: list[LLMMessage] = [
        user("Write it."),
        AssistantMessage(content=[call], source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content="written", name="write", call_id="c", is_error=False)]
        ),
    ]
    _, calls, _ = await fitted(messages, 700, compact_to=1.0)
    assert isinstance(calls, AssistantMessage)
    assert isinstance(calls.content[0], FunctionCall)
    assert json.loads(calls.content[0].arguments)["text"]


async def test_short_arguments_stay_as_they_are() -> None:
    """Beside a long argument, short ones keep their very text."""
    short = '{"b":1 , "a":2}'
    calls = [
        FunctionCall(id="c", name="write", arguments=json.dumps({"text": paste(900)})),
        FunctionCall(id="d", name="write", arguments=short),
        FunctionCall(id="e", name="write", arguments="not json"),
    ]
    messages: list[LLMMessage] = [
        user("Write it."),
        AssistantMessage(content=calls, source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content="", name="write", call_id=c.id, is_error=False) for c in calls]
        ),
    ]
    _, head, _ = await fitted(messages, 500)
    assert isinstance(head, AssistantMessage)
    assert [part.arguments for part in head.content[1:] if isinstance(part, FunctionCall)] == [
        short,
        '{"arguments": "not json"}',
    ]


def photo() -> Image:
    """An image of several tiles."""
    return Image(Picture.new("RGB", (2_000, 2_000), "navy"))


async def test_old_images_give_before_the_newest_do() -> None:
    """Images of the task are left out with a word; the newest message keeps its own."""
    messages: list[LLMMessage] = [
        UserMessage(content=["Compare", photo(), photo()], source="user"),
        AssistantMessage(content="With what?", source="a"),
        UserMessage(content=["with this", photo()], source="user"),
    ]
    sent = await fitted(messages, 1_200)
    assert isinstance(sent[0].content, list)
    assert sent[0].content[1:] == ["[image left out]", "[image left out]"]
    assert sent[-1] == messages[-1]


async def test_newest_images_that_do_not_fit_are_an_error() -> None:
    """Images of the newest message are never cut: the error names them, with their tokens."""
    with pytest.raises(ContextOverflowError, match="images 1,530") as caught:
        await fitted([UserMessage(content=["Look", photo(), photo()], source="user")], 500)
    assert caught.value.parts["images"] == 2 * 765


async def test_the_notice_of_dropped_turns_gives_way() -> None:
    """Where not even the notice fits, the request goes without it."""
    messages: list[LLMMessage] = [user("task"), *(user(f"chatter {i} and more") for i in range(9)), user("now")]
    bare = COUNTER.count([messages[0], messages[-1]])
    assert await fitted(messages, bare) == [messages[0], messages[-1]]


async def test_an_empty_request_that_cannot_fit_is_an_error() -> None:
    """A cap below a request's own frame is an error, not a loop."""
    with pytest.raises(ContextOverflowError, match="cap is 1"):
        await fitted([], 1)


async def test_facts_and_rules_that_found_no_room_are_told_again_later() -> None:
    """A request too full for them says nothing of dropped turns; they are hidden, not forgotten."""
    inner = Clerk(looks=0)
    client = BudgetedChatCompletionClient(inner, TokenBudget(600))
    talk: list[LLMMessage] = [user("Help me."), user("Never ship order W-55121 on a Monday.")]
    talk += [user(f"chatter {i} " + "word " * 40) for i in range(20)]
    sent: list[str] = []
    full = UserMessage(content=[f"{i} " + "leaf " * 300 for i in range(14)], source="user")
    more: list[list[LLMMessage]] = [[], [full], [AssistantMessage(content="Done.", source="a"), *talk[2:12]]]
    for messages in more:
        talk += messages
        await client.create(talk)
        sent.append(json.dumps(inner.requests[-1]))
    assert ["W-55121" in text for text in sent] == [True, False, True]
