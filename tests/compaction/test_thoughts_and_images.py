"""Leaving out old thoughts and old images, in place and without touching what came."""

import asyncio

import pytest
from autogen_core import Image
from autogen_core.models import AssistantMessage, LLMMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import DropImages, DropThoughts, History, pin
from builders import context_for, images_in, kept_history
from conversations import called, said, user
from histories import IMAGES, messages, repeating_messages

LEFT_OUT = "[image left out]"


def seen(*parts: str | Image, source: str = "user") -> UserMessage:
    """A user's message with images in it."""
    return UserMessage(content=list(parts), source=source)


def contents(history: History) -> list[object]:
    """What the messages of the users hold."""
    return [message.content for message in history.flatten() if isinstance(message, UserMessage)]


async def test_thoughts_go_but_those_of_the_newest_turn() -> None:
    """What was said, called and answered stays; the messages that came keep their thoughts."""
    came: list[LLMMessage] = [
        user("task"),
        *called(1, "one", thought="first I read"),
        said("answer", thought="then I answer"),
        user("why?"),
        user("go on"),
        *called(2, "two", thought="now again"),
    ]
    history = History.parse(came)
    lighter = await DropThoughts()(history, context_for(history))
    thoughts = [message.thought for message in lighter.flatten() if isinstance(message, AssistantMessage)]
    assert thoughts == [None, None, "now again"]
    assert [turn.results for turn in lighter.turns] == [turn.results for turn in history.turns]
    assert isinstance(came[1], AssistantMessage)
    assert came[1].thought == "first I read"
    assert lighter.turns[1].uncut is history.turns[1], "the facts in a thought can still be told"


async def test_pinned_thoughts_stay() -> None:
    """What is pinned stays whole, and so do as many of the newest turns as asked for."""
    came: list[LLMMessage] = [user("task"), *called(1, "x", thought="a"), *called(2, "y", thought="b"), said("z", "c")]
    history = kept_history(came, pin(contains="x"), newest=2)
    assert await DropThoughts()(history, context_for(history)) is history


async def test_only_the_newest_images_stay() -> None:
    """A few words stand where each older image was, whatever message or place it is in; the texts around it stay."""
    one, two, three = IMAGES
    came: list[LLMMessage] = [
        user("task"),
        seen("a", one, "b"),
        seen(two, one),
        seen(three, two),
        said("ok"),
        user("?"),
    ]
    history = History.parse(came)
    assert contents(await DropImages()(history, context_for(history)))[1:4] == [
        ["a", LEFT_OUT, "b"],
        [LEFT_OUT, LEFT_OUT],
        [LEFT_OUT, two],
    ]
    assert contents(await DropImages(3)(history, context_for(history)))[1:4] == [
        ["a", LEFT_OUT, "b"],
        [LEFT_OUT, one],
        [three, two],
    ]
    assert contents(await DropImages(0)(history, context_for(history)))[3] == [LEFT_OUT, LEFT_OUT]
    assert contents(history)[1] == ["a", one, "b"]


async def test_images_that_are_asked_about_stay() -> None:
    """The images of the task and of the newest turn stay, beside as many as wished or not."""
    one, two, three = IMAGES
    came: list[LLMMessage] = [seen("what is this?", one), seen("and this", two), said("ok"), seen("now", three, one)]
    history = History.parse(came)
    for strategy in (DropImages(), DropImages(0)):
        assert contents(await strategy(history, context_for(history))) == [
            ["what is this?", one],
            ["and this", LEFT_OUT],
            ["now", three, one],
        ]
    assert await DropImages(3)(history, context_for(history)) is history


async def test_nothing_goes_at_the_target() -> None:
    """At the target there is nothing to do."""
    came: list[LLMMessage] = [user("task"), seen(IMAGES[0]), said("a", "why"), seen(IMAGES[1]), user("?")]
    history = History.parse(came)
    context = context_for(history, context_for(history).tokens)
    assert await DropImages(0)(history, context) is history
    assert await DropThoughts()(history, context) is history


def test_the_number_of_images_is_checked() -> None:
    """Fewer than none is an error that names the number."""
    with pytest.raises(ValueError, match="keep must be 0 or more images, got -1"):
        DropImages(-1)


@given(messages() | repeating_messages(), st.integers(0, 4))
def test_the_newest_images_are_never_left_out(came: list[LLMMessage], keep: int) -> None:
    """Of all images the newest are still there, and of the others only those of turns that must stay."""
    history = History.parse(came)
    left = asyncio.run(DropImages(keep)(history, context_for(history)))
    before = [image for turn in history.turns for image in images_in(turn.head)]
    after = [image for turn in left.turns for image in images_in(turn.head)]
    fixed = sum(len(images_in(history.turns[i].head)) for i in history.kept)
    assert after[len(after) - min(keep, len(before)) :] == before[len(before) - min(keep, len(before)) :]
    assert len(after) <= min(len(before), keep + fixed)
