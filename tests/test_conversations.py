"""Conversations that were saved wait for their messages, are taken up once, and are forgotten like others."""

import logging
from typing import Any

import pytest
from autogen_core.models import LLMMessage, SystemMessage

from autogen_budget._conversations import MAX_CONVERSATIONS, Conversations
from test_conversation import SYSTEM, call, conversations, copy_of, result, said, user


def compacted(task: str = "task", **options: Any) -> tuple[Conversations, list[LLMMessage]]:
    """A conversation of which some turns were dropped."""
    known = conversations(**options)
    messages: list[LLMMessage] = [SYSTEM, user(task), *(said(f"step {i}") for i in range(8)), user("now")]
    conversation = known.recall(messages)
    smaller = conversation.history.without(frozenset(range(1, 7)), 60)
    conversation.replace_history(conversation.history, smaller)
    return known, messages


def loaded(known: Conversations, **options: Any) -> Conversations:
    """What another client makes of a state."""
    other = conversations(**options)
    other.load(known.save())
    return other


def test_a_loaded_conversation_is_taken_up_when_its_messages_come() -> None:
    """The list may be longer, of other objects, and begin with other instructions."""
    known, messages = compacted()
    other = loaded(known)
    assert other.latest is None
    fresh = other.recall([SYSTEM, user("another task")])
    taken = other.recall([SystemMessage(content="Be long."), *copy_of(messages[1:]), said("next")])
    assert taken is not fresh
    assert taken is other.latest
    before = known.recall([*messages, said("next")])
    assert taken.history.turns == before.history.turns
    assert taken.history.past == before.history.past
    assert taken.history.system == (SystemMessage(content="Be long."),)
    assert taken.came == before.came
    assert list(taken.added[1 : len(messages)]) == messages[1:], "what a store must hold is looked at once more"
    assert other.recall(copy_of([SystemMessage(content="Be long."), *messages[1:], said("next"), user("on")])) is taken


def test_a_context_finds_a_loaded_conversation_without_taking_it() -> None:
    """Who only looks leaves it for the next request."""
    known, messages = compacted()
    other = loaded(known)
    seen = other.loaded(messages[1:])
    assert seen is not None
    assert seen.history.past is not None
    assert other.loaded([user("task")]) is None
    assert other.recall(messages).history == known.recall(messages).history
    assert other.loaded(messages[1:]) is None


def test_only_compacted_conversations_are_saved() -> None:
    """What follows from the messages themselves takes no room in a state."""
    known = conversations()
    known.recall([SYSTEM, user("task"), call("a"), SystemMessage(content="memory")])
    assert known.save() == []
    assert len(loaded(compacted()[0]).save()) == 1, "what waits is saved again"


def test_a_list_that_tears_a_turn_is_no_match() -> None:
    """Results right behind the known messages belong to a turn that was read otherwise."""
    known = conversations()
    messages: list[LLMMessage] = [user("task"), *(said(f"step {i}") for i in range(8)), call("a")]
    conversation = known.recall(messages)
    conversation.replace_history(conversation.history, conversation.history.without(frozenset({1, 2}), 9))
    assert loaded(known).recall([*messages, result("a")]).history.past is None
    assert loaded(known).recall([*messages, user("stop")]).history.past is not None


def test_another_kind_of_model_reads_anew() -> None:
    """Where system messages may stand differs between models, so what was made for one is not sent to the other."""
    known, messages = compacted()
    assert loaded(known, multiple_system_messages=True).recall(messages).history.past is None


def test_the_longest_is_taken() -> None:
    """Of two that fit, the one that knows more goes on; the other waits."""
    known, messages = compacted()
    longer = conversations()
    more = [*messages, said("more"), user("and more")]
    conversation = longer.recall(more)
    conversation.replace_history(conversation.history, conversation.history.without(frozenset(range(1, 9)), 80))
    other = conversations()
    other.load([*known.save(), *longer.save()])
    taken = other.recall([*more, said("end")])
    assert len(taken) == len(more) + 1
    assert len(other.save()) == 2


def test_what_never_comes_is_forgotten() -> None:
    """Loaded conversations count among those that are kept apart, as the ones that were silent for longest."""
    known, messages = compacted()
    other = loaded(known)
    for i in range(MAX_CONVERSATIONS - 1):
        other.recall([user(f"task {i}")])
    assert other.recall([user("task 0"), said("on")]).history.past is None
    assert len(other.save()) == 1
    other.recall([user("one more")])
    assert other.save() == []
    assert other.recall(messages).history.past is None


def test_garbage_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What is no list changes nothing; what is no conversation is left out."""
    known, messages = compacted()
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        known.load("garbage")
        known.load(None)
        assert not caplog.records
        assert known.recall(messages).history.past is not None
        known.load([{"count": -1}, 7])
    assert len(caplog.records) == 2
    assert known.recall(messages).history.past is None
