"""Recognising conversations: what is known is found again, and only what is new is read."""

import io
from typing import Any

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

from autogen_budget import History, TiktokenCounter
from autogen_budget._conversations import MAX_CONVERSATIONS, Conversations
from autogen_budget._sizes import sizes_of_history

SYSTEM = SystemMessage(content="Be brief.")


def user(text: str) -> UserMessage:
    """A user's message."""
    return UserMessage(content=text, source="user")


def said(text: str) -> AssistantMessage:
    """An assistant's text."""
    return AssistantMessage(content=text, source="assistant")


def call(*ids: str) -> AssistantMessage:
    """An assistant's calls."""
    return AssistantMessage(content=[FunctionCall(id=i, name="f", arguments="{}") for i in ids], source="assistant")


def result(*ids: str) -> FunctionExecutionResultMessage:
    """Results of calls."""
    return FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content=f"result {i}", name="f", call_id=i, is_error=False) for i in ids]
    )


def copy_of(messages: list[LLMMessage]) -> list[LLMMessage]:
    """The same messages as new objects."""
    return [message.model_copy(deep=True) for message in messages]


def conversations(**options: Any) -> Conversations:
    """No conversation is known yet."""
    return Conversations(TiktokenCounter(), multiple_system_messages=options.get("multiple_system_messages", False))


def test_reading_in_parts_is_reading_at_once() -> None:
    """A conversation that grew call by call is the same history, with the same sizes, as one that came whole."""
    messages: list[LLMMessage] = [
        *(SYSTEM, user("task"), call("a", "b"), result("a", "b"), said("one"), user("two")),
        *(call("a"), result("a"), call("c"), user("never mind"), SystemMessage(content="memory"), user("three")),
    ]
    known = conversations()
    for end in (2, 4, 6, 8, 10, 12):
        conversation = known.recall(messages[:end])
    at_once = History.parse(messages)
    assert conversation.history == at_once
    assert conversation.sizes == conversation.came == sizes_of_history(at_once, TiktokenCounter())
    assert not conversation.verbatim


def test_the_same_list_is_the_same_conversation() -> None:
    """A history with more behind it, as the same objects or as copies, is recognised."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user("task"), said("one")]
    first = known.recall(messages)
    assert known.recall([*messages, user("two")]) is first
    assert known.recall(copy_of([*messages, user("two"), said("three")])) is first
    assert known.recall(tuple(copy_of([*messages, user("two"), said("three"), user("four")]))) is first
    assert len(first.history.turns) == 5
    assert first.verbatim


def test_another_beginning_is_another_conversation() -> None:
    """A history that differs anywhere but at its end is new."""
    known = conversations()
    first = known.recall([SYSTEM, user("task"), said("one"), user("two")])
    assert known.recall([SYSTEM, user("other task"), said("one"), user("two")]) is not first
    assert known.recall([SYSTEM, user("task"), said("uno"), user("two"), said("three")]) is not first
    assert known.recall([SYSTEM, user("task")]) is not first


def test_the_longest_known_beginning_is_taken() -> None:
    """Where two known conversations fit, the one that knows more goes on."""
    known = conversations()
    short = known.recall([SYSTEM, user("task")])
    other = known.recall([SYSTEM, user("task 2"), said("one")])
    longer = known.recall([SYSTEM, user("task"), said("one"), user("two")])
    assert longer is short
    assert known.recall([SYSTEM, user("task 2"), said("one"), user("two")]) is other
    nested = conversations()
    a = nested.recall([user("task"), call("x")])
    b = nested.recall([user("task"), call("x"), result("x")])
    assert b is not a
    assert nested.recall([user("task"), call("x"), result("x"), user("go")]) is b


def test_a_list_that_tears_a_turn_is_read_anew() -> None:
    """Results that arrive for calls read as interrupted make a new conversation, with the true results in it."""
    known = conversations()
    first = known.recall([user("task"), call("a")])
    assert "interrupted" in str(first.history.flatten()[-1])
    second = known.recall([user("task"), call("a"), result("a")])
    assert second is not first
    assert second.history == History.parse([user("task"), call("a"), result("a")])
    instructions = known.recall([SYSTEM])
    assert known.recall([SYSTEM, SystemMessage(content="More."), user("task")]) is not instructions


def test_images_are_compared_by_what_they_show() -> None:
    """AutoGen's images compare by identity; loaded ones are new objects and still the same picture."""

    def picture(colour: str) -> Image:
        return Image(Picture.new("RGB", (8, 8), colour))

    def with_image(colour: str, source: str = "user") -> UserMessage:
        return UserMessage(content=["look", picture(colour)], source=source)

    known = conversations()
    first = known.recall([with_image("red"), said("one")])
    assert known.recall([with_image("red"), said("one"), user("two")]) is first
    assert known.recall([with_image("blue"), said("one"), user("two"), said("three")]) is not first
    assert known.recall([with_image("red", "other"), said("one"), user("two"), said("three")]) is not first
    assert known.recall([user("look"), said("one"), user("two"), said("three")]) is not first
    assert known.recall([UserMessage(content=["look"], source="user"), said("one"), user("2")]) is not first


def test_stripped_images_are_recognised() -> None:
    """Agents whose model has no vision make new text messages of image messages with every call."""
    known = conversations()
    first = known.recall([user("look [image]"), said("one")])
    assert known.recall([user("look [image]"), said("one"), user("two")]) is first


def test_a_prompt_behind_a_thread_is_replaced() -> None:
    """An orchestrator's prompt stands at the end for one call only; the thread before it stays known."""
    known = conversations()
    thread: list[LLMMessage] = [SYSTEM, user("task"), said("one"), call("a"), result("a")]
    first = known.recall([*thread, user("Who is next?")])
    again = known.recall([*thread, said("two"), user("Is it done?")])
    assert again is first
    expected = History.parse([*thread, said("two"), user("Is it done?")])
    assert again.history == expected
    assert again.sizes == again.came == sizes_of_history(expected, TiktokenCounter())


def test_calls_with_results_are_no_prompt_to_replace() -> None:
    """A history that differs in its last turn of calls is another conversation."""
    known = conversations()
    first = known.recall([user("task"), said("one"), call("a"), result("a")])
    assert known.recall([user("task"), said("one"), call("b"), result("b")]) is not first
    assert known.recall([user("task"), said("one"), call("a"), user("stop")]) is not first
    lone = known.recall([user("only")])
    assert known.recall([user("another")]) is not lone


def test_the_compacted_form_is_kept() -> None:
    """What was compacted is sent again, with the new messages behind it, until it is compacted again."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user("task"), *(said(f"step {i}") for i in range(10)), user("now")]
    conversation = known.recall(messages)
    smaller = conversation.history.without(frozenset(range(1, 8)), 70)
    conversation.replace_history(conversation.history, smaller)
    assert known.recall([*messages, said("next")]) is conversation
    assert conversation.history.flatten()[:-1] == smaller.flatten()
    assert conversation.sizes == sizes_of_history(conversation.history, TiktokenCounter())
    assert conversation.came == sizes_of_history(History.parse([*messages, said("next")]), TiktokenCounter())


def test_a_compaction_of_an_older_form_is_not_taken() -> None:
    """When another call has gone on meanwhile, its form stays."""
    known = conversations()
    conversation = known.recall([user("task"), said("one"), user("two")])
    old = conversation.history
    known.recall([user("task"), said("one"), user("two"), said("three")])
    conversation.replace_history(old, old.without(frozenset({1}), 5))
    assert len(conversation.history.turns) == 4


def test_only_so_many_conversations_are_kept() -> None:
    """The conversation that was silent for longest is forgotten first."""
    known = conversations()
    tasks = [user(f"task {i}") for i in range(MAX_CONVERSATIONS + 1)]
    first = known.recall([tasks[0]])
    second = known.recall([tasks[1]])
    assert known.recall([tasks[0], said("still here")]) is first
    for task in tasks[2:]:
        known.recall([task])
    assert known.recall([tasks[0], said("still here"), user("and here")]) is first
    assert known.recall([tasks[1], said("me too")]) is not second


def test_forgetting_begins_anew() -> None:
    """After `forget` no conversation is known."""
    known = conversations()
    first = known.recall([user("task")])
    known.forget()
    assert known.recall([user("task")]) is not first


def test_system_messages_inside_stay_where_the_model_takes_them() -> None:
    """Whether memory blocks are mended depends on the model."""
    messages: list[LLMMessage] = [SYSTEM, user("task"), SystemMessage(content="memory"), said("one")]
    assert conversations(multiple_system_messages=True).recall(messages).verbatim
    mended = conversations().recall(messages)
    assert not mended.verbatim
    assert [repair.kind for repair in mended.repairs] == ["system message inside"]


def test_wrong_kinds_are_refused() -> None:
    """Something that is no message is an error, not a crash later."""
    wrong: Any = io.StringIO()
    with pytest.raises(TypeError, match="StringIO"):
        conversations().recall([wrong])


def test_what_a_compaction_takes_is_given_once_and_in_order() -> None:
    """Turns up to the last that went or was cut are given whole, those that stay among them too, none twice."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    conversation = known.recall(messages)
    turns = conversation.history.turns

    def drop(*places: int) -> list[str]:
        new = conversation.history.without(frozenset(places), 10)
        return [str(turn.head.content) for turn in conversation.replace_history(conversation.history, new)]

    assert drop(2, 3) == ["task", "step 0", "step 1", "step 2"]
    assert conversation.logged == 2
    assert drop(1) == []
    assert conversation.logged == 1
    cut = conversation.history.turns[2].with_head(said("short"))
    history = conversation.history
    new = History(history.system, (*history.turns[:2], cut, *history.turns[3:]), history.past)
    assert conversation.replace_history(history, new) == (turns[4], cut)
    assert conversation.logged == 3
    assert drop(2) == []
    assert conversation.replace_history(turns, conversation.history) == ()  # type: ignore[arg-type]  # pyright: ignore  # another history on purpose
    assert drop(0, 1, 2, 3, 4) == ["step 5", "step 6", "step 7"]


def test_what_is_logged_goes_back_with_the_newest() -> None:
    """A prompt that is replaced by another one may have been cut: the next one is given as well."""
    known = conversations()
    stem: list[LLMMessage] = [SYSTEM, user("task"), said("one")]
    conversation = known.recall([*stem, user("long prompt")])
    history = conversation.history
    cut = history.turns[-1].with_head(user("prompt"))
    conversation.replace_history(history, History(history.system, (*history.turns[:-1], cut)))
    assert conversation.logged == 3
    assert known.recall([*stem, user("other prompt")]) is conversation
    assert conversation.logged == 2


def test_ids_of_calls_that_are_gone_are_free_again() -> None:
    """A conversation without end does not remember each id; those in the request stay unique."""
    known = conversations()
    messages: list[LLMMessage] = [user("task"), call("0"), result("0"), call("0"), result("0"), said("one")]
    conversation = known.recall(messages)
    conversation.replace_history(conversation.history, conversation.history.without(frozenset({1}), 5))
    known.recall([*messages, call("0"), result("0"), call("0_2"), result("0_2")])
    assert [turn.calls[0].id for turn in conversation.history.turns if turn.calls] == ["0_2", "0", "0_2_2"]


def test_a_context_is_folded_once_to_what_is_sent() -> None:
    """What the agent would hold then is known as the beginning of the same conversation."""
    known = conversations()
    held: list[LLMMessage] = [user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    conversation = known.recall([SYSTEM, *held])
    assert conversation.is_held([*held, said("reply")])
    assert conversation.fold([*held, said("reply")]) is None, "nothing was compacted"
    conversation.replace_history(conversation.history, conversation.history.without(frozenset(range(1, 8)), 70))
    assert conversation.fold([user("other"), *held]) is None
    assert not conversation.is_held(held[:-1])
    assert not conversation.is_held([*held, result("x")]), "a turn may not be torn"
    reply = said("reply")
    folded = conversation.fold([*held, reply])
    assert folded is not None
    assert [SYSTEM, *folded] == [*conversation.history.flatten(), reply]
    assert conversation.fold(folded) is None
    assert known.recall([SYSTEM, *folded, user("next")]) is conversation
    assert conversation.turns_of([*folded, user("next"), said("last")])[-1].head == said("last")
    assert known.held([*folded, user("next")]) is conversation
    assert known.held([user("task")]) is None
