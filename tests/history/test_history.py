"""A conversation as a value: what stays, what stands for what is gone, and in which order it is sent."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from autogen_core.models import LLMMessage, SystemMessage, UserMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import History
from builders import said, text_of, user
from histories import messages
from profiles import examples
from validity import assert_valid

CHAT: list[LLMMessage] = [SystemMessage(content="rules"), SystemMessage(content="more"), user("task"), said("one")]


def test_instructions_stand_apart_from_turns() -> None:
    """The system messages at the beginning are the instructions; all else are turns."""
    history = History.parse([*CHAT, user("two")])
    assert [message.content for message in history.system] == ["rules", "more"]
    assert [turn.kind for turn in history.turns] == ["user", "assistant", "user"]
    assert History.parse([]) == History()
    assert History.parse(CHAT[:2]).turns == ()


def test_task_request_and_newest_turn_are_kept() -> None:
    """The first and the newest words of a user, and the newest turn, may not be dropped."""
    history = History.parse([user("task"), said("one"), user("request"), said("two"), said("three")])
    assert (history.task, history.request) == (0, 2)
    assert history.kept == {0, 2, 4}
    assert History().kept == frozenset()
    assert (History().task, History().request) == (None, None)


def test_a_history_is_a_frozen_value() -> None:
    """Equal messages make equal histories; repairs are no part of the value."""
    history: Any = History.parse(CHAT)
    assert history == History.parse([message.model_copy() for message in CHAT])
    with pytest.raises(FrozenInstanceError):
        history.turns = ()
    assert History(repairs=History.parse([said("a")]).repairs) == History()


def test_what_is_dropped_is_accounted_for() -> None:
    """The past counts turns and tokens over all that went; dropping nothing gives the same object."""
    history = History.parse([user("task"), said("one"), said("two"), said("three"), user("now")])
    assert history.without(frozenset(), 0) is history
    smaller = history.without(frozenset({1}), 10).without(frozenset({1, 2}), 25)
    assert [text_of(turn.head) for turn in smaller.turns] == ["task", "now"]
    assert smaller.past is not None
    assert (smaller.past.turns, smaller.past.tokens) == (3, 35)


def test_the_past_is_told_right_after_the_task() -> None:
    """So that instructions and task stay the beginning of every request."""
    history = History.parse([*CHAT, said("two"), user("now")]).without(frozenset({1, 2}), 9)
    assert [text_of(message)[:4] for message in history.flatten()] == ["rule", "more", "task", "[2 e", "now"]


def test_the_past_leads_where_the_task_does_not() -> None:
    """Where an assistant's turn comes first, the notice is the user's message that leads."""
    history = History.parse([said("zero"), said("one"), user("task"), said("two")])
    smaller = history.without(frozenset({0, 1}), 9)
    assert smaller.task == 1
    assert isinstance(smaller.flatten()[0], UserMessage)
    assert [text_of(message)[:3] for message in smaller.flatten()] == ["[2 ", "one", "tas", "two"]


@given(messages(), st.data(), st.booleans())
@settings(max_examples=examples(2))
def test_whatever_is_dropped_what_stays_is_valid(came: list[LLMMessage], data: st.DataObject, anywhere: bool) -> None:
    """Any turns but the kept ones may go: the rest is a valid request, the kept turns the very same, in order."""
    history = History.parse(came, multiple_system_messages=anywhere)
    free = sorted(set(range(len(history.turns))) - history.kept)
    dropped = data.draw(st.frozensets(st.sampled_from(free))) if free else frozenset[int]()
    smaller = history.without(dropped, 10 * len(dropped))
    assert_valid(smaller.flatten(), multiple_system_messages=anywhere)
    stayed = [turn for i, turn in enumerate(history.turns) if i not in dropped]
    assert all(a is b for a, b in zip(smaller.turns, stayed, strict=True))
    assert len(smaller.kept) == len(history.kept)
    gone = (smaller.past.turns, smaller.past.tokens) if smaller.past else (0, 0)
    assert gone == (len(dropped), 10 * len(dropped))
