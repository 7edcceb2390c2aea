"""What stands for what was left out: one line for a text, and the facts of dropped turns rendered within a limit."""

import json

import pytest
from autogen_core import FunctionCall
from autogen_core.models import UserMessage

from autogen_budget import ArtifactStore, History, TiktokenCounter, TrimOldest, Turn
from autogen_budget._compaction import Focus, read_ahead, render
from autogen_budget._compaction._placeholder import call_signature, placeholder_for
from autogen_budget._compaction._trim import drop_oldest, with_dropped_rendered
from autogen_budget._history import DroppedTurns, stands_for_dropped
from autogen_budget._turns import note
from builders import context_for, order_turn, reference_in, user
from conversations import called, report

COUNTER = TiktokenCounter()
ORDER = order_turn("#W2378156", '{"order_id": "#W2378156", "email": "yusuf@example.com", "total": 164.28}')


def test_tells_the_facts_with_their_names() -> None:
    """Values of dropped turns are told with the field they stood in, within the limit."""
    past = render(DroppedTurns().extended([ORDER], 60), 200, COUNTER)
    text = str(past.message().content)
    assert "yusuf@example.com" in text
    assert "email" in text
    assert "164.28" in text
    assert COUNTER.measure_text(text).total <= 200
    assert (past.turns, past.tokens) == (1, 60)


def test_what_is_visible_is_not_told_again() -> None:
    """A value that stays in the request takes no room among the facts."""
    past = DroppedTurns().extended([ORDER], 60)
    rendered = render(past, 200, COUNTER, Focus(visible=("the email is yusuf@example.com",))).rendered
    assert "yusuf@example.com" not in rendered
    assert "164.28" in rendered


def test_what_is_told_changes_only_when_it_is_told_anew() -> None:
    """More dropped turns make another past, which tells nothing until it is asked to."""
    past = render(DroppedTurns().extended([ORDER], 60), 200, COUNTER)
    more = past.extended([order_turn("#W99", '{"order_id": "#W99", "status": "shipped"}')], 40)
    assert past.rendered
    assert (more.turns, more.tokens, more.rendered) == (2, 100, "")
    assert "shipped" in render(more, 300, COUNTER).rendered


def test_facts_come_from_turns_as_they_were() -> None:
    """What was cut away from a turn before it was dropped is still known."""
    cut = ORDER.with_results(["{}"])
    assert "yusuf@example.com" in render(DroppedTurns().extended([cut], 9), 200, COUNTER).rendered
    shortened = DroppedTurns().extended([Turn(UserMessage(content="hi", source="user"))], 5)
    assert "yusuf@example.com" in render(shortened, 200, COUNTER, Focus(shortened=(cut,))).rendered


def test_facts_that_are_far_from_being_told_are_forgotten() -> None:
    """What is remembered is bounded by the room there is for telling it, and the newest facts are among it."""
    turns = [order_turn(f"#W{i}", f'{{"order_id": "#W{i}", "email": "skipper{i}@example.com"}}') for i in range(900)]
    past = DroppedTurns().extended(turns, 9_000)
    small, large = render(past, 200, COUNTER), render(past, 3 * 1_200, COUNTER)
    assert len(past.digest.facts) > 1_200
    assert (len(small.digest.facts), len(large.digest.facts)) == (500, 1_200)
    assert render(past, 200, COUNTER).rendered == small.rendered
    assert "skipper899@example.com" in render(small, 2_000, COUNTER).rendered
    assert render(large, 3_600, COUNTER).digest is large.digest


def test_no_room_is_no_facts() -> None:
    """A limit of nothing, or less, leaves the figures."""
    past = render(DroppedTurns().extended([ORDER], 60), -5, COUNTER)
    assert past.rendered == ""
    assert "1 earlier turn" in str(past.message().content)


def test_what_a_message_told_of_its_own_past_is_carried_on() -> None:
    """A note that stood for turns that are gone is told again, before facts, in half of the room at most."""
    older = note("[Facts from 7 earlier turns]\n" + "the harbour master is called Ines; " * 60)
    other = note("[The conversation began before this point.]")
    past = render(DroppedTurns().extended([other, older, ORDER], 60), 200, COUNTER)
    first, rest = past.rendered.split("\n", 1)
    assert first == "[Facts from 7 earlier turns]"
    assert "Ines" in rest
    assert "yusuf@example.com" in rest
    assert "began before" not in rest
    assert COUNTER.measure_text(past.rendered).total <= 200
    again = render(past.extended([note("[2 earlier turns (9 tokens) left out]")], 5), 2_000, COUNTER)
    assert again.rendered.index("[Facts from 7") < again.rendered.index("[2 earlier turns")
    assert render(DroppedTurns().extended([older], 5), 0, COUNTER).rendered == ""


def test_a_text_that_is_there_in_part_is_no_earlier_turn() -> None:
    """The heading says where facts are from: dropped turns, cut texts, or both; it counts within the limit."""
    focus = Focus(shortened=(ORDER.with_results(["{}"]),))
    alone = render(DroppedTurns(), 200, COUNTER, focus).rendered
    assert alone.startswith("[Facts from cut texts]\n")
    assert stands_for_dropped(note(alone)), "when it is dropped itself, its words are carried on"
    both = render(DroppedTurns().extended([order_turn("#W99", '{"status": "shipped"}')], 5), 60, COUNTER, focus)
    assert both.rendered.startswith("[Facts from 1 earlier turn and cut texts]\n")
    assert COUNTER.count_text(both.rendered) <= 60
    assert render(DroppedTurns(), 0, COUNTER, focus).rendered == ""


async def test_a_summary_is_told_before_the_facts_within_the_room_left_for_it() -> None:
    """Turns go to make room for a summary as well, and summary and facts stay within the target."""
    orders = [json.dumps({"order_id": f"#W{i}", "email": f"user{i}@example.com", "total": i * 7}) for i in range(30)]
    turns = [message for i, order in enumerate(orders) for message in called(i, order)]
    history = History.parse([user("task"), *turns, user("now")])
    context = context_for(history, 600)
    plain = await drop_oldest(history, context, facts=True)
    dropped = await drop_oldest(history, context, facts=True, summary=60)
    assert len(dropped.turns) >= len(plain.turns) > 0
    assert dropped.history.past is not None
    assert dropped.history.past.rendered == ""
    summarised = await with_dropped_rendered(
        dropped, context, summary="The user asked for thirty orders, one after the other."
    )
    assert context.tokens_of(summarised) <= context.target
    text = str(summarised.flatten()[1].content)
    assert text.index("thirty orders") < text.index("@example.com")


async def test_a_summary_outlives_the_next_trim() -> None:
    """When more turns go without a new summary, the one there was is still told."""
    history = History.parse([user("task"), *(user(f"chatter {i} " + report(3)) for i in range(12)), user("now")])
    context = context_for(history, context_for(history, 1).tokens * 2 // 3)
    once = await with_dropped_rendered(
        await drop_oldest(history, context, facts=True, summary=20), context, summary="There was chatter."
    )
    tighter = context_for(once, context.target // 2)
    twice = await TrimOldest()(once, tighter)
    assert tighter.tokens_of(twice) <= tighter.target
    assert "There was chatter." in str(twice.flatten()[1].content)
    assert len(twice.turns) < len(once.turns)


async def test_what_was_read_ahead_is_not_read_again() -> None:
    """Turns that are read when they come need no reading when they are dropped; the task is no part of that."""
    task, order = (UserMessage(content=text, source="user") for text in ("Look after A-1001.", "Ship B-2002 to Bonn."))
    history = History.parse([task, order, UserMessage(content="And now?", source="user")])
    read_ahead(history)
    for message in (task, order):
        message.content = "Nothing any more."  # what nobody looks at again
    facts = history.without(frozenset({0, 1}), 20).past
    assert facts is not None
    values = {fact.value for fact in facts.digest.facts.values()}
    assert "B-2002" in values
    assert "A-1001" not in values


EMPTY = History()
LONG = "The ship at the pier reported its cargo. " * 40


async def test_a_line_says_what_it_was_and_where_the_whole_is() -> None:
    """With a store the line has a reference, in the words of every other cut; without one it is a bare cut."""
    store = ArtifactStore()
    line = await placeholder_for(LONG, "the report", context_for(EMPTY, 10, store=store))
    assert line == f'the report [cut; read_artifact("{reference_in(line)}")]'
    assert await store.get(str(reference_in(line))) == LONG
    assert await placeholder_for(LONG, "the report", context_for(EMPTY, 10)) == "the report [cut]"


async def test_a_text_stays_unless_its_line_saves_half() -> None:
    """A line that is hardly shorter than the text, with its reference or even without, is not worth it."""
    store = ArtifactStore()
    words = (
        "some words that take about twenty tokens, which is more than a name, and less than a reference with its name"
    )
    assert await placeholder_for(words, "the report", context_for(EMPTY, 10, store=store)) is words
    assert await placeholder_for(words, words, context_for(EMPTY, 10, store=store)) is words
    assert await placeholder_for(words, "the report", context_for(EMPTY, 10)) == "the report [cut]"


async def test_what_was_cut_before_keeps_its_reference() -> None:
    """The whole of a text that this library cut is there; a text that merely holds such a notice is stored itself."""
    store = ArtifactStore()
    whole = await store.put("the whole")
    cut = f'{LONG}[cut: 9 of 20 lines, 900 of 9,000 characters left out; read_artifact("{whole}:9")]{LONG}'
    assert reference_in(await placeholder_for(cut, "it", context_for(EMPTY, 10, store=store))) != whole
    store.remember_cut(cut, whole)
    assert reference_in(await placeholder_for(cut, "it", context_for(EMPTY, 10, store=store))) == whole


@pytest.mark.parametrize(
    ("arguments", "short"),
    [
        ("{}", "read()"),
        ('{"path": "src/a.py", "line": 3}', 'read(path="src/a.py", line=3)'),
        ('{"a": 1, "b": null, "c": [1,\\n 2], "d": 4}'.replace("\\n", "\n"), "read(a=1, b=null, c=[1, 2], ...)"),
        ('{"path": "' + "src/" * 30 + 'tail.py"}', 'read(path="src/src/src/src/src...src/src/src/tail.py")'),
        ('{"s": "\u6e2f\u53e3"}', 'read(s="\u6e2f\u53e3")'),
        ("no  JSON", "read(no JSON)"),
        ("[1, 2]", "read([1, 2])"),
        ("[" * 3_000, "read([[[[[[[[[[[[[[[[[[[[...[[[[[[[[[[[[[[[[[[[[)"),
    ],
)
def test_a_call_in_a_few_words(arguments: str, short: str) -> None:
    """The tool and its first arguments, each with both ends where it is long, in one line whatever they hold."""
    assert call_signature(FunctionCall(id="1", name="read", arguments=arguments)) == short
