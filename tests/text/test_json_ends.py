"""What is read of JSON texts too large to be read whole."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._cut._data._write_json import write_json
from autogen_budget._text import read_ends
from builders import reference_in
from formats import json_value

COUNTER = TiktokenCounter()
RECORDS = [{"id": i, "tags": ["a", {"b": [i]}], "text": f"text, {{of}} [{i}]"} for i in range(200)]


def ends(value: object, window: int = 400, *words: str) -> Any:
    """What is read of a value, as JSON."""
    return json.loads(write_json(read_ends(json.dumps(value), window, words)))


def test_a_list_keeps_records_of_both_ends() -> None:
    """The first and the last records are there as they are, with one gap in between."""
    read = ends(RECORDS)
    gap = read.index("[cut]")
    assert gap > 2
    assert len(read) - gap > 2
    assert read[:gap] == RECORDS[:gap]
    assert read[gap + 1 :] == RECORDS[gap + 1 - len(read) :]


def test_fields_around_the_list_are_kept() -> None:
    """Fields before the list and behind it belong to the object that holds it."""
    read = ends({"query": "x", "page": {"results": RECORDS, "next": None, "total": 200}})
    page = read["page"]
    assert (read["query"], page["next"], page["total"]) == ("x", None, 200)
    assert page["results"][0] == RECORDS[0]
    assert page["results"][-1] == RECORDS[-1]
    alone = ends({"results": RECORDS})
    assert alone["results"][-1] == RECORDS[-1]


def test_records_that_hold_a_word_are_found() -> None:
    """A record between the windows is read when a word leads to it, once for all its words."""
    read = ends(RECORDS, 400, "[117]", "117,", "nowhere")
    assert read.count(RECORDS[117]) == 1
    assert read[read.index(RECORDS[117]) - 1] == read[read.index(RECORDS[117]) + 1] == "[cut]"


def test_a_word_in_too_long_a_record_leads_nowhere() -> None:
    """A record that would not fit anyway is not looked for any further."""
    read = ends([*RECORDS, {"id": "rare", "text": "x" * 9_000}, *RECORDS], 400, "rare")
    assert read.count("[cut]") == 1


def test_a_long_string_is_read_as_far_as_the_window_goes() -> None:
    """A value that is one long text keeps its beginning, without half an escape at its end."""
    for window in range(400, 440):
        read = ends({"id": 1, "text": 'a "quoted" \\ word \u00e4 \ud800' * 200}, window)
        assert read["id"] == 1
        assert read["text"].startswith('a "quoted" \\ word')
        assert read["text"].endswith(" [cut]")


def test_what_cannot_be_placed_becomes_a_gap() -> None:
    """Where the end of the text belongs to no list that is open at the beginning, a gap stands in all that is open."""
    read = ends({"lists": {f"list {i}": [f"item {i}"] for i in range(90)}, "end": {"a": [1, [2]]}})
    assert read["[more]"] == "[cut]"
    assert read["lists"]["[more]"] == "[cut]"
    assert read["lists"]["list 0"] == ["item 0"]


@pytest.mark.parametrize(
    "text",
    [
        "[INFO] text",
        "[1] and [2]",
        "[1] [2]",
        "[1: 2]",
        "[1 : 2]",
        "{1: 2}",
        "{,:1}",
        '{"a": 1]',
        "[1}",
        "]",
        "  ",
        "[1, 2" + " " * 900 + "x",
        '{"a" "b" ' + "c" * 900,
    ],
)
def test_what_is_no_json_is_not_read(text: str) -> None:
    """A text that turns out not to be JSON gives nothing."""
    assert read_ends(text, 400) is None


def test_words_and_numbers_are_read() -> None:
    """A text within the window is read whole."""
    text = '{"a": [true, false, null, -1.50e3], "b": {}, "": "\\q"}'
    assert write_json(read_ends(text, 400)) == '{"a":[true,false,null,-1.50e3],"b":{},"":"\\\\q"}'


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=80,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.integers(1, 300))
def test_any_json_is_read_as_json(value: object, window: int) -> None:
    """Wherever the window ends, what was read is valid JSON, and all of it where the window holds all."""
    text = json.dumps(value)
    read = read_ends(text, window)
    json.loads(write_json(read))
    if window >= len(text):
        assert read == json_value(text)


@pytest.mark.parametrize("in_lines", [False, True])
def test_large_json_is_cut_by_structure(*, in_lines: bool) -> None:
    """JSON and JSON lines beyond what is read whole stay what they are, with both ends."""
    records = [{"id": f"ORD-{i}", "note": "prose " * 20} for i in range(6_000)]
    text = "\n".join(map(json.dumps, records)) if in_lines else json.dumps(records)
    kept = cut_text(text, 400, COUNTER, hints=["ORD-3217"], reference="a1b2c3")
    assert COUNTER.count_text(kept) <= 400
    lines = [json.loads(line) for line in kept.split("\n")] if in_lines else json.loads(kept)
    assert reference_in(lines[0]) == "a1b2c3"
    assert '"ORD-0"' in kept
    assert '"ORD-5999"' in kept
