"""Recognising conversations: what is known is found again, and only what is new is read."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from autogen_core import Image
from autogen_core.models import (
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Picture

from autogen_budget import History, Tally, TiktokenCounter
from autogen_budget._history import Conversation, ConversationRegistry, sizes_of_history, turns_in_context
from builders import SYSTEM, call, copy_of, result, said, user

COUNTER = TiktokenCounter()


def conversations(**options: Any) -> ConversationRegistry:
    """No conversation is known yet."""
    options.setdefault("multiple_system_messages", False)
    return ConversationRegistry(COUNTER, **options)


def come(known: ConversationRegistry, messages: Sequence[LLMMessage]) -> Conversation:
    """The conversation that messages belong to, once a request was made of it."""
    recalled = known.recall(messages)
    conversation = recalled.conversation.requested(Tally())
    known.commit(recalled, conversation)
    return conversation


def compact(known: ConversationRegistry, messages: Sequence[LLMMessage], *dropped: int) -> Conversation:
    """The same, with some turns dropped from it, and stored."""
    recalled = known.recall(messages)
    history = recalled.conversation.history.without(frozenset(dropped), 10 * len(dropped))
    conversation = recalled.conversation.compacted(history, COUNTER, multiple_system_messages=False)
    known.commit(recalled, conversation.stored().requested(Tally()))
    latest = known.latest
    assert latest is not None
    return latest


def test_reading_in_parts_is_reading_at_once() -> None:
    """A conversation that grew call by call is the same history, with the same sizes, as one that came whole."""
    messages: list[LLMMessage] = [
        *(SYSTEM, user("task"), call("a", "b"), result("a", "b"), said("one"), user("two")),
        *(call("a"), result("a"), call("c"), user("never mind"), SystemMessage(content="memory"), user("three")),
    ]
    known = conversations()
    for end in (2, 4, 6, 8, 10, 12):
        conversation = come(known, messages[:end])
    at_once = History.parse(messages)
    assert conversation.history == at_once
    projection = conversation.projection
    assert projection.sizes == projection.original == sizes_of_history(at_once, COUNTER)
    assert not projection.is_unmodified


def test_the_same_list_is_the_same_conversation() -> None:
    """A history with more behind it, as the same objects or as copies, goes on from what is known."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user("task"), said("one")]
    for more in ([user("two")], copy_of([user("two"), said("three")])):
        before = come(known, messages)
        messages = copy_of([*messages, *more])
        assert known.recall(messages).known is before
        assert known.recall(tuple(messages)).added == tuple(more)
    last = come(known, messages)
    assert len(last.history.turns) == 5
    assert last.projection.is_unmodified
    assert known.recall(messages).known is last


def test_another_beginning_is_another_conversation() -> None:
    """A history that differs anywhere but at its end is new."""
    known = conversations()
    come(known, [SYSTEM, user("task"), said("one"), user("two")])
    others: list[list[LLMMessage]] = [
        [SYSTEM, user("other task"), said("one"), user("two")],
        [SYSTEM, user("task"), said("uno"), user("two"), said("three")],
        [SYSTEM, user("task")],
        [SystemMessage(content="Be long."), user("task"), said("one"), user("two")],
    ]
    for other in others:
        assert known.recall(other).known is None


def test_the_longest_known_beginning_is_taken() -> None:
    """Where two known conversations fit, the one that knows more goes on."""
    known = conversations()
    come(known, [user("task"), call("x")])
    longer = come(known, [user("task"), call("x"), result("x")])
    assert known.recall([user("task"), call("x"), result("x"), user("go")]).known is longer


def test_a_list_that_tears_a_turn_is_read_anew() -> None:
    """Results that arrive for calls read as interrupted make a new conversation, with the true results in it."""
    known = conversations()
    first = come(known, [user("task"), call("a")])
    assert "interrupted" in str(first.history.flatten()[-1])
    second = known.recall([user("task"), call("a"), result("a")])
    assert second.known is None
    assert second.conversation.history == History.parse([user("task"), call("a"), result("a")])
    come(known, [SYSTEM])
    assert known.recall([SYSTEM, SystemMessage(content="More."), user("task")]).known is None


def test_images_are_compared_by_what_they_show() -> None:
    """AutoGen's images compare by identity; loaded ones are new objects and still the same picture."""

    def picture(colour: str) -> Image:
        return Image(Picture.new("RGB", (8, 8), colour))

    def with_image(colour: str, source: str = "user") -> UserMessage:
        return UserMessage(content=["look", picture(colour)], source=source)

    known = conversations()
    first = come(known, [with_image("red"), said("one")])
    assert known.recall([with_image("red"), said("one"), user("two")]).known is first
    others = with_image("blue"), with_image("red", "other"), user("look"), UserMessage(content=["look"], source="user")
    for other in others:
        assert known.recall([other, said("one"), user("two"), said("three")]).known is None


def test_stripped_images_are_recognised() -> None:
    """Agents whose model has no vision make new text messages of image messages with every call."""
    known = conversations()
    first = come(known, [user("look [image]"), said("one")])
    assert known.recall([user("look [image]"), said("one"), user("two")]).known is first


def test_a_prompt_behind_a_thread_is_replaced() -> None:
    """An orchestrator's prompt stands at the end for one call only; the thread before it stays known."""
    known = conversations()
    thread: list[LLMMessage] = [SYSTEM, user("task"), said("one"), call("a"), result("a")]
    first = come(known, [*thread, user("Who is next?")])
    again = known.recall([*thread, said("two"), user("Is it done?")])
    assert again.known is first
    expected = History.parse([*thread, said("two"), user("Is it done?")])
    projection = again.conversation.projection
    assert projection.history == expected
    assert projection.sizes == projection.original == sizes_of_history(expected, COUNTER)


def test_calls_with_results_are_no_prompt_to_replace() -> None:
    """A history that differs in its last turn of calls is another conversation."""
    known = conversations()
    come(known, [user("task"), said("one"), call("a"), result("a")])
    assert known.recall([user("task"), said("one"), call("b"), result("b")]).known is None
    assert known.recall([user("task"), said("one"), call("a"), user("stop")]).known is None
    come(known, [user("only")])
    assert known.recall([user("another")]).known is None


def test_the_compacted_form_is_kept() -> None:
    """What was compacted is sent again, with the new messages behind it, until it is compacted again."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user("task"), *(said(f"step {i}") for i in range(10)), user("now")]
    smaller = compact(known, messages, *range(1, 8))
    again = known.recall([*messages, said("next")])
    assert again.known is smaller
    projection = again.conversation.projection
    assert projection.history.flatten()[:-1] == smaller.history.flatten()
    assert projection.sizes == sizes_of_history(projection.history, COUNTER)
    assert projection.original == sizes_of_history(History.parse([*messages, said("next")]), COUNTER)


def test_calls_at_the_same_time_do_not_see_each_other() -> None:
    """Each goes on from what was known; the longer one is found again, and equal ones are known once."""
    known = conversations()
    messages: list[LLMMessage] = [user("task"), said("one"), user("two")]
    come(known, messages)
    short, long, twin = (known.recall([*messages, *more]) for more in ([], [said("three")], [said("three")]))
    history = short.conversation.history.without(frozenset({1}), 5)
    known.commit(long, long.conversation)
    known.commit(short, short.conversation.compacted(history, COUNTER, multiple_system_messages=False))
    known.commit(twin, twin.conversation)
    assert known.recall([*messages, said("three"), user("four")]).known is twin.conversation
    assert known.recall(messages).conversation.history.past is not None
    assert len(long.conversation.history.turns) == 4


def test_forgetting_begins_anew() -> None:
    """After `forget` no conversation is known, and none comes back with a call that was under way."""
    known = conversations()
    come(known, [user("task")])
    under_way = known.recall([user("task"), said("one")])
    known.forget()
    known.commit(under_way, under_way.conversation)
    assert known.latest is None
    assert known.recall([user("task")]).known is None


def test_compacted_conversations_are_forgotten_last() -> None:
    """Memory is the limit, not a number; what follows from its messages goes first, then what was silent longest."""
    known = conversations(max_bytes=100_000)
    long: list[LLMMessage] = [user("long task"), *(said("word " * 500) for _ in range(8)), user("now")]
    compact(known, long, *range(1, 8))
    for i in range(200):
        come(known, [user(f"task {i}")])
    assert known.recall(long).conversation.history.past is not None
    assert known.recall([user("task 0")]).known is None
    assert known.recall([user("task 199")]).known is not None
    for i in range(10):
        compact(known, [user(f"other {i}"), *long], *range(2, 8))
    assert known.recall(long).conversation.history.past is None
    assert known.recall([user("other 9"), *long]).conversation.history.past is not None


def test_the_latest_conversation_is_always_known() -> None:
    """However large it is."""
    known = conversations(max_bytes=1)
    come(known, [user("small")])
    come(known, [user("large " * 1_000)])
    assert known.recall([user("small")]).known is None
    assert known.recall([user("large " * 1_000)]).known is known.latest is not None


def test_system_messages_inside_stay_where_the_model_takes_them() -> None:
    """Whether memory blocks are mended depends on the model."""
    messages: list[LLMMessage] = [SYSTEM, user("task"), SystemMessage(content="memory"), said("one")]
    assert come(conversations(multiple_system_messages=True), messages).projection.is_unmodified
    mended = conversations().recall(messages)
    assert not mended.conversation.projection.is_unmodified
    assert [repair.kind for repair in mended.repairs] == ["system message inside"]


def test_wrong_kinds_are_refused() -> None:
    """Something that is no message is an error, not a crash later."""
    wrong: Any = io.StringIO()
    with pytest.raises(TypeError, match="StringIO"):
        conversations().recall([wrong])


def test_what_a_compaction_takes_is_given_once_and_in_order() -> None:
    """Turns up to the last that went or was cut are given whole, those that stay among them too, none twice."""
    messages: list[LLMMessage] = [SYSTEM, user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    conversation = conversations().recall(messages).conversation
    turns = conversation.history.turns

    def texts_taken(history: History) -> list[str]:
        nonlocal conversation
        taken = conversation.compacted(history, COUNTER, multiple_system_messages=False)
        conversation = taken.stored()
        return [str(turn.head.content) for turn in taken.unstored]

    def drop(*places: int) -> list[str]:
        return texts_taken(conversation.history.without(frozenset(places), 10))

    assert drop(2, 3) == ["task", "step 0", "step 1", "step 2"]
    assert conversation.archived == 2
    assert drop(1) == []
    assert conversation.archived == 1
    cut = conversation.history.turns[2].with_head(said("short"))
    history = conversation.history
    assert texts_taken(History(history.system, (*history.turns[:2], cut, *history.turns[3:]), history.past)) == [
        turns[4].head.content,
        "short",
    ]
    assert conversation.archived == 3
    assert drop(2) == []
    assert drop(0, 1, 2, 3, 4) == ["step 5", "step 6", "step 7"]


def test_what_could_not_be_stored_is_given_again() -> None:
    """A compaction whose turns are not stored leaves them to the next one."""
    messages: list[LLMMessage] = [SYSTEM, user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    conversation = conversations().recall(messages).conversation
    for place in (1, 1):
        history = conversation.history.without(frozenset({place}), 10)
        conversation = conversation.compacted(history, COUNTER, multiple_system_messages=False)
    assert [turn.head.content for turn in conversation.unstored] == ["task", "step 0", "step 1"]


def test_what_is_stored_goes_back_with_the_newest() -> None:
    """A prompt that is replaced by another one may have been cut: the next one is given as well."""
    known = conversations()
    stem: list[LLMMessage] = [SYSTEM, user("task"), said("one")]
    recalled = known.recall([*stem, user("long prompt")])
    history = recalled.conversation.history
    cut = History(history.system, (*history.turns[:-1], history.turns[-1].with_head(user("prompt"))))
    conversation = recalled.conversation.compacted(cut, COUNTER, multiple_system_messages=False).stored()
    known.commit(recalled, conversation)
    assert conversation.archived == 3
    again = known.recall([*stem, user("other prompt")])
    assert again.known is conversation
    assert again.conversation.archived == 2


def test_ids_of_calls_that_are_gone_are_free_again() -> None:
    """A conversation without end does not remember each id; those in the request stay unique."""
    known = conversations()
    messages: list[LLMMessage] = [user("task"), call("0"), result("0"), call("0"), result("0"), said("one")]
    compact(known, messages, 1)
    conversation = come(known, [*messages, call("0"), result("0"), call("0_2"), result("0_2")])
    assert [turn.calls[0].id for turn in conversation.history.turns if turn.calls] == ["0_2", "0", "0_2_2"]


def test_a_context_is_folded_once_to_what_is_sent() -> None:
    """What the agent would hold then is known as the beginning of the same conversation."""
    known = conversations()
    held: list[LLMMessage] = [user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    reply = said("reply")
    come(known, [SYSTEM, *held])
    assert known.find([*held, reply]) is not None
    assert known.fold([*held, reply]) is None, "nothing was compacted"
    conversation = compact(known, [SYSTEM, *held], *range(1, 8))
    assert known.fold([user("other"), *held]) is None
    assert known.find(held[:-1]) is None
    assert known.find([*held, result("x")]) is None, "a turn may not be torn"
    folded = known.fold([*held, reply])
    assert folded is not None
    assert [SYSTEM, *folded] == [*conversation.history.flatten(), reply]
    assert known.fold(folded) is None
    assert known.find([user("task")]) is None
    latest = known.latest
    assert latest is not None
    assert known.recall([SYSTEM, *folded, user("next")]).known is latest
    assert known.find([*folded, user("next")]) is latest
    assert turns_in_context(latest, [*folded, user("next"), said("last")])[-1].head == said("last")


def test_what_is_stored_nowhere_is_not_folded_away() -> None:
    """An agent's context is the last place where turns are whole that no store would take."""
    known = conversations()
    held: list[LLMMessage] = [user("task"), *(said(f"step {i}") for i in range(8)), user("now")]
    recalled = known.recall(held)
    history = recalled.conversation.history.without(frozenset(range(1, 8)), 70)
    unstored = recalled.conversation.compacted(history, COUNTER, multiple_system_messages=False)
    known.commit(recalled, unstored)
    assert known.fold(held) is None
    known.commit(known.recall(held), unstored.stored())
    assert known.fold(held) is not None
