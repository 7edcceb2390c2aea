"""The line that stands for a text that was left out."""

import pytest
from autogen_core import FunctionCall

from autogen_budget import ArtifactStore, Need, Tally, TiktokenCounter
from autogen_budget._artifacts import Keeper
from autogen_budget._cut import reference_in
from autogen_budget._stand_in import call_in_short, stand_in

COUNTER = TiktokenCounter()
LONG = "The ship at the pier reported its cargo. " * 40


def need_with(keeper: Keeper | None = None) -> Need:
    """What a strategy is told, with or without a store."""
    return Need(tokens=100, target=10, cap=20, extras=Tally(), counter=COUNTER, keeper=keeper)


async def test_a_line_says_what_it_was_and_where_the_whole_is() -> None:
    """With a store the line has a reference, in the words of every other cut; without one it is a bare cut."""
    store = ArtifactStore()
    line = await stand_in(LONG, "the report", need_with(Keeper(store)))
    assert line == f'the report [cut; read_artifact("{reference_in(line)}", start_line=1)]'
    assert await store.get(str(reference_in(line))) == LONG
    assert await stand_in(LONG, "the report", need_with()) == "the report [cut]"


async def test_a_text_stays_unless_its_line_saves_half() -> None:
    """A line that is hardly shorter than the text, with its reference or even without, is not worth it."""
    keeper = Keeper(ArtifactStore())
    words = (
        "some words that take about twenty tokens, which is more than a name, and less than a reference with its name"
    )
    assert await stand_in(words, "the report", need_with(keeper)) is words
    assert await stand_in(words, words, need_with(keeper)) is words
    assert await stand_in(words, "the report", need_with()) == "the report [cut]"


async def test_what_was_cut_before_keeps_its_reference() -> None:
    """The reference in a text leads to more than the text; but a page that was read back holds those of others."""
    keeper = Keeper(ArtifactStore())
    cut = (
        f'{LONG}[cut: 9 of 20 lines, 900 of 9,000 characters left out; read_artifact("abcdefghij", start_line=9)]{LONG}'
    )
    assert reference_in(await stand_in(cut, "it", need_with(keeper), tool="read")) == "abcdefghij"
    assert reference_in(await stand_in(cut, "it", need_with(keeper), tool="read_artifact")) != "abcdefghij"


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
    assert call_in_short(FunctionCall(id="1", name="read", arguments=arguments)) == short
