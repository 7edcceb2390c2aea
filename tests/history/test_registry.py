"""Conversations that are known again: several at once, and from a saved state."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest
from autogen_core import Image
from autogen_core.models import LLMMessage, SystemMessage, UserMessage
from PIL import Image as Picture

from autogen_budget import History, Tally, TiktokenCounter, Turn
from autogen_budget._history import Conversation, ConversationRegistry, sizes_of_history
from autogen_budget._history._projection import Projection
from autogen_budget._history._recognition import KnownMessages
from autogen_budget._history._snapshot import SavedConversation, fingerprints, restored
from autogen_budget._history._snapshot import saved as save
from autogen_budget._turns import RetentionPolicy
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


MESSAGES: list[LLMMessage] = [SYSTEM, user("task"), call("a"), result("a"), said("one"), user("two"), said("three")]


def empty(keep: RetentionPolicy | None = None) -> Conversation:
    """A conversation of which nothing came yet."""
    return Conversation(Projection.empty(multiple_system_messages=False, keep=keep or RetentionPolicy()))


def saved(history: History, messages: list[LLMMessage] = MESSAGES) -> SavedConversation:
    """A compacted conversation after its way through a file."""
    projection, _, _ = empty().projection.extended(messages, COUNTER)
    known = KnownMessages().extended(messages)
    conversation = Conversation(replace(projection, history=history, sizes=sizes_of_history(history, COUNTER)), known)
    if not conversation.projection.is_compacted:  # as after a fold, when the agent holds what is sent
        more = sizes_of_history(History.parse([user("gone")]), COUNTER)
        conversation = replace(conversation, projection=replace(conversation.projection, original=more))
    state = save(replace(conversation, archived=2), mixed=False)
    assert state is not None
    return SavedConversation.model_validate(json.loads(json.dumps(state.model_dump())))


def load(state: SavedConversation, messages: list[LLMMessage], keep: RetentionPolicy | None = None) -> History:
    """What is sent of a conversation whose messages came again."""
    return restored(state, empty(keep), messages, COUNTER).history


def test_what_did_not_change_is_a_place() -> None:
    """Turns that are just what came take a number each."""
    history = History.parse(MESSAGES).without(frozenset({2}), 5)
    state = saved(history)
    assert (state.turns, state.count, state.written) == ([0, 1, 4, 5], 6, 2)
    conversation = restored(state, empty(), copy_of(MESSAGES), COUNTER)
    assert conversation.history == history
    assert conversation.projection.original == sizes_of_history(History.parse(MESSAGES), COUNTER)
    assert load(state, MESSAGES, RetentionPolicy(3)).keep == RetentionPolicy(3)


def test_what_was_cut_comes_back_with_its_whole() -> None:
    """A shortened turn, a note, and turns of which the messages as they came hold nothing any more."""
    history = History.parse(MESSAGES)
    task, tools, one, two, three = history.turns
    cut = tools.with_results(["short"])
    inner = two.with_head(user("t"))
    noted = Turn(UserMessage(content="memory", source="autogen_budget"), note=True)
    changed = History(history.system, (task, cut, noted, one, inner, three))
    state = saved(changed)
    assert [type(turn).__name__ for turn in state.turns] == ["int", "SavedTurn", "SavedTurn", "int", "SavedTurn", "int"]
    loaded = load(state, copy_of(MESSAGES))
    assert loaded == changed
    assert [turn.uncut for turn in loaded.turns] == [turn.uncut for turn in changed.turns]
    folded = changed.flatten()
    again = load(saved(changed, folded), copy_of(folded))
    assert again == changed
    assert [turn.uncut for turn in again.turns] == [turn.uncut for turn in changed.turns]
    assert [turn.note for turn in again.turns] == [turn.note for turn in changed.turns]


def test_images_are_saved() -> None:
    """A message with images that had to be written out shows the same picture again."""
    picture = Image(Picture.new("RGB", (8, 8), "navy"))
    whole = UserMessage(content=["look", picture, "x" * 99], source="user")
    turn = Turn(whole).with_head(UserMessage(content=["look", picture, "x"], source="user"))
    loaded = load(saved(History((), (turn,)), [user("else")]), [user("else")])
    content = loaded.turns[0].head.content
    assert isinstance(content[1], Image)
    assert content[1].to_base64() == picture.to_base64()


def test_fingerprints_tell_beginnings_apart() -> None:
    """The same content has the same digest, in whatever objects; counts the list does not have are left out."""
    picture = Image(Picture.new("RGB", (8, 8), "navy"))
    messages = [*MESSAGES, UserMessage(content=[picture], source="user"), user("\ud800")]
    found = fingerprints(messages, {0, 3, 8, 9, 10, -1})
    assert set(found) == {0, 3, 8, 9}
    assert len(set(found.values())) == 4
    through = [type(m).model_validate(json.loads(json.dumps(m.model_dump()))) for m in messages]
    assert fingerprints(through, {3, 8, 9}) == {count: found[count] for count in (3, 8, 9)}
    assert fingerprints([SYSTEM, user("other")], {2}) != fingerprints(MESSAGES, {2})
    assert fingerprints(MESSAGES, ()) == {}


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([9], "message 9 is not among 6"),
        ([-1], "message -1"),
        ([2], "no turn is made of"),
        ([{"messages": [0, 1, 2]}], "no turn is made of"),
        ([{"messages": [0, 3]}], "no second message of type AssistantMessage"),
        ([{"messages": [1]}], "one result for each call"),
    ],
)
def test_what_does_not_go_together_is_refused(turns: list[object], words: str) -> None:
    """A place that is none, and messages that make no turn, are errors."""
    state = saved(History.parse(MESSAGES)).model_copy(update={"turns": []})
    spoiled = SavedConversation.model_validate({**state.model_dump(), "turns": turns})
    with pytest.raises(ValueError, match=words):
        load(spoiled, MESSAGES)


def test_sizes_of_something_else_are_refused() -> None:
    """Too many numbers are an error of the same kind."""
    state = saved(History.parse(MESSAGES)).model_copy(update={"came": {"task": [1] * 20}})
    with pytest.raises(ValueError, match="not the sizes"):
        load(state, MESSAGES)
