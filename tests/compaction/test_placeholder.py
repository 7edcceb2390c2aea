"""The line that stands for a text that was left out."""

import pytest
from autogen_core import FunctionCall

from autogen_budget import ArtifactStore, History, TiktokenCounter
from autogen_budget._artifacts import ArtifactLease
from autogen_budget._compaction._placeholder import call_signature, placeholder_for
from builders import context_for, reference_in

COUNTER = TiktokenCounter()
EMPTY = History()
LONG = "The ship at the pier reported its cargo. " * 40


async def test_a_line_says_what_it_was_and_where_the_whole_is() -> None:
    """With a store the line has a reference, in the words of every other cut; without one it is a bare cut."""
    store = ArtifactStore()
    line = await placeholder_for(LONG, "the report", context_for(EMPTY, 10, lease=ArtifactLease(store)))
    assert line == f'the report [cut; read_artifact("{reference_in(line)}")]'
    assert await store.get(str(reference_in(line))) == LONG
    assert await placeholder_for(LONG, "the report", context_for(EMPTY, 10)) == "the report [cut]"


async def test_a_text_stays_unless_its_line_saves_half() -> None:
    """A line that is hardly shorter than the text, with its reference or even without, is not worth it."""
    lease = ArtifactLease(ArtifactStore())
    words = (
        "some words that take about twenty tokens, which is more than a name, and less than a reference with its name"
    )
    assert await placeholder_for(words, "the report", context_for(EMPTY, 10, lease=lease)) is words
    assert await placeholder_for(words, words, context_for(EMPTY, 10, lease=lease)) is words
    assert await placeholder_for(words, "the report", context_for(EMPTY, 10)) == "the report [cut]"


async def test_what_was_cut_before_keeps_its_reference() -> None:
    """The whole of a text that this library cut is there; a text that merely holds such a notice is stored itself."""
    lease = ArtifactLease(ArtifactStore())
    whole = str((await lease.keep("the whole")).reference)
    cut = f'{LONG}[cut: 9 of 20 lines, 900 of 9,000 characters left out; read_artifact("{whole}:9")]{LONG}'
    assert reference_in(await placeholder_for(cut, "it", context_for(EMPTY, 10, lease=lease))) != whole
    lease.store.remember_cut(cut, whole)
    assert reference_in(await placeholder_for(cut, "it", context_for(EMPTY, 10, lease=lease))) == whole


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
