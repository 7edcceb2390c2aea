"""Conversations that were saved wait for their messages, are taken up once, and are forgotten like others."""

import json
import logging
from collections.abc import Sequence

import pytest
from autogen_core.models import LLMMessage, SystemMessage

from autogen_budget import Tally, TiktokenCounter
from autogen_budget._history import Conversation, ConversationRegistry
from builders import SYSTEM, call, copy_of, result, said, user

COUNTER = TiktokenCounter()


def conversations(*, mixed: bool = False) -> ConversationRegistry:
    """No conversation is known yet."""
    return ConversationRegistry(COUNTER, multiple_system_messages=mixed)


def come(known: ConversationRegistry, messages: Sequence[LLMMessage], *dropped: int) -> Conversation:
    """The conversation that messages belong to, once a request was made of it, with some turns dropped."""
    recalled = known.recall(messages)
    conversation = recalled.conversation
    if dropped:
        history = conversation.history.without(frozenset(dropped), 10 * len(dropped))
        conversation = conversation.compacted(history, COUNTER, multiple_system_messages=False).stored()
    conversation = conversation.requested(Tally())
    known.commit(recalled, conversation)
    return conversation


def compacted(task: str = "task") -> tuple[ConversationRegistry, list[LLMMessage]]:
    """A conversation of which some turns were dropped."""
    known = conversations()
    messages: list[LLMMessage] = [SYSTEM, user(task), *(said(f"step {i}") for i in range(8)), user("now")]
    come(known, messages, *range(1, 7))
    return known, messages


def loaded(known: ConversationRegistry, *, mixed: bool = False) -> ConversationRegistry:
    """What another client makes of a state that went through a file."""
    other = conversations(mixed=mixed)
    other.load(json.loads(json.dumps(known.save())))
    return other


def test_a_loaded_conversation_is_taken_up_when_its_messages_come() -> None:
    """The list may be longer, of other objects, and begin with other instructions."""
    known, messages = compacted()
    other = loaded(known)
    assert other.latest is None
    come(other, [SYSTEM, user("another task")])
    long = SystemMessage(content="Be long.")
    recalled = other.recall([long, *copy_of(messages[1:]), said("next")])
    assert list(recalled.added[1 : len(messages)]) == messages[1:], "what a store must hold is looked at once more"
    taken = come(other, [long, *copy_of(messages[1:]), said("next")])
    assert taken is other.latest
    before = come(known, [*messages, said("next")])
    assert taken.history.turns == before.history.turns
    assert taken.history.past == before.history.past
    assert taken.history.system == (long,)
    assert taken.projection.original == before.projection.original
    assert other.recall(copy_of([long, *messages[1:], said("next"), user("on")])).known is taken


def test_a_context_finds_a_loaded_conversation_without_taking_it() -> None:
    """Who only looks leaves it for the next request."""
    known, messages = compacted()
    other = loaded(known)
    seen = other.find_loaded(messages[1:])
    assert seen is not None
    assert seen.history.past is not None
    assert other.find_loaded([user("task")]) is None
    assert come(other, messages).history == come(known, messages).history
    assert other.find_loaded(messages[1:]) is None


def test_only_compacted_conversations_are_saved() -> None:
    """What follows from the messages themselves takes no room in a state."""
    known = conversations()
    come(known, [SYSTEM, user("task"), call("a"), SystemMessage(content="memory")])
    assert known.save() == []
    assert len(loaded(compacted()[0]).save()) == 1, "what waits is saved again"


def test_turns_that_could_not_be_stored_are_saved() -> None:
    """They are still among the messages, and the next compaction gives them to the store again."""
    known, messages = compacted()
    recalled = known.recall(messages)
    history = recalled.conversation.history.without(frozenset({1}), 9)
    unstored = recalled.conversation.compacted(history, COUNTER, multiple_system_messages=False)
    known.commit(recalled, unstored)
    assert unstored.unstored
    assert loaded(known).recall(messages).conversation.unstored == unstored.unstored


def test_a_list_that_tears_a_turn_is_no_match() -> None:
    """Results right behind the known messages belong to a turn that was read otherwise."""
    known = conversations()
    messages: list[LLMMessage] = [user("task"), *(said(f"step {i}") for i in range(8)), call("a")]
    come(known, messages, 1, 2)
    assert loaded(known).recall([*messages, result("a")]).conversation.history.past is None
    assert loaded(known).recall([*messages, user("stop")]).conversation.history.past is not None


def test_another_kind_of_model_reads_anew() -> None:
    """Where system messages may stand differs between models, so what was made for one is not sent to the other."""
    known, messages = compacted()
    assert loaded(known, mixed=True).recall(messages).conversation.history.past is None


def test_the_longest_is_taken() -> None:
    """Of two that fit, the one that knows more goes on; the other waits."""
    known, messages = compacted()
    longer = conversations()
    more = [*messages, said("more"), user("and more")]
    come(longer, more, *range(1, 9))
    other = conversations()
    other.load([*known.save(), *longer.save()])
    taken = come(other, [*more, said("end")])
    assert len(taken) == len(more) + 1
    assert len(other.save()) == 2


def test_a_state_holds_the_latest_conversations() -> None:
    """What is saved has a limit in bytes; the newest one is saved whatever it takes."""
    known = conversations()
    for i in range(4):
        task = user(f"{i} " + "a long task " * 150_000)
        come(known, [task, *(said(f"step {j}") for j in range(8)), user("now")], 1, 2)
        history = known.recall([task, *(said(f"step {j}") for j in range(8)), user("now")])
        cut = history.conversation.history.turns[0].with_head(user(f"cut {i} " + "a long task " * 120_000))
        turns = (cut, *history.conversation.history.turns[1:])
        new = history.conversation.compacted(
            type(history.conversation.history)((), turns), COUNTER, multiple_system_messages=False
        )
        known.commit(history, new)
    saved = known.save()
    assert len(saved) == 2
    assert "cut 3" in str(saved[-1])


def test_garbage_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is no list changes nothing; what is no conversation is left out."""
    known, messages = compacted()
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        known.load("garbage")
        known.load(None)
        assert not caplog.records
        assert known.recall(messages).conversation.history.past is not None
        known.load([{"count": -1}, 7])
    assert len(caplog.records) == 2
    assert known.recall(messages).conversation.history.past is None
