"""What a saved conversation is made of: places of messages where nothing changed, and only the rest in full."""

import json
from dataclasses import replace

import pytest
from autogen_core import Image
from autogen_core.models import LLMMessage, UserMessage
from PIL import Image as Picture

from autogen_budget import History, TiktokenCounter, Turn
from autogen_budget._history import Conversation, sizes_of_history
from autogen_budget._history._projection import Projection
from autogen_budget._history._recognition import KnownMessages
from autogen_budget._history._snapshot import SavedConversation, fingerprints, restored
from autogen_budget._history._snapshot import saved as save
from autogen_budget._turns import RetentionPolicy
from builders import SYSTEM, call, copy_of, result, said, user

MESSAGES: list[LLMMessage] = [SYSTEM, user("task"), call("a"), result("a"), said("one"), user("two"), said("three")]


COUNTER = TiktokenCounter()


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
