"""What cutters are made of: limits, notices, pieces, orders, tables, and the parts of what is too large to read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter
from autogen_budget._cut import TokenLimit, cut_middle
from autogen_budget._cut._data._table import tabulate
from autogen_budget._cut._data._write_json import write_json
from autogen_budget._cut._head_tail import count_lines
from autogen_budget._cut._large import LARGE, pieces_of_large
from autogen_budget._cut._notice import Notice, find_notice
from autogen_budget._cut._order import around, interleave
from autogen_budget._cut._pieces import Piece, Pieces, pieces_of, split
from autogen_budget._cut._prose import repeats, runs_of
from autogen_budget._text import Gap, Scorer, Value, is_log, line_template
from builders import cut
from formats import json_value

NOTICES = st.builds(
    Notice,
    st.integers(0, 10**9),
    st.integers(1, 10**12),
    st.none() | st.text("abcdef0123456789", min_size=1, max_size=12),
    st.just(1),
)


@given(NOTICES, st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["", "a_b, src/c.py", "the fields d, e"]))
def test_what_was_said_is_found(notice: Notice, lines: int, characters: int, among: str) -> None:
    """A notice found in a text says what the one put there said."""
    said = notice.say(lines, characters, among)
    text = f"head [cut]\n{said}\ntail [... 3 lines]"
    found = find_notice(text, notice.reference)
    assert found is not None
    assert (found.notice, found.missing) == (notice, characters)
    assert text[found.start : found.end] == said


def test_a_notice_inside_json_is_found() -> None:
    """Escaped quotes do not hide a reference."""
    found = find_notice('{"[cut]":"[cut; read_artifact(\\"a1b2c3:7\\")]"}', "a1b2c3")
    assert found is not None
    assert found.notice == Notice(0, 0, "a1b2c3", 7)


def test_only_the_notice_of_this_text_counts() -> None:
    """Notices without a reference, or with another one, are words like any others; so are numbers without end."""
    endless = f'[cut: {"9" * 5_000} of 3 characters left out; read_artifact("a1b2c3:2")]'
    others = "\n".join((Notice(3, 30).say(1, 10), Notice(9, 90, "other").say(2, 20), endless))
    assert find_notice(others, "a1b2c3") is None
    found = find_notice(f"{others}\n{Notice(5, 50, 'a1b2c3').say(3, 30)}", "a1b2c3")
    assert found is not None
    assert found.notice == Notice(5, 50, "a1b2c3")


@pytest.mark.parametrize(
    "text", ["", "[cut]", "[cut: some lines]", "[cut: 3 items]", "read_artifact(x)", "[cut: " * 800_000]
)
def test_other_texts_hold_no_notice(text: str) -> None:
    """What only looks like a notice is none, and what no cut can be as large as is not looked through."""
    assert find_notice(text, None) is None
    assert find_notice(f"{text} a1b2c3", "a1b2c3") is None


TEXTS = st.lists(st.sampled_from(["", "a", "word " * 30, "Sentence. " * 90, "x" * 700]), min_size=1).map("\n".join)


@given(TEXTS)
def test_pieces_put_together_are_the_text(text: str) -> None:
    """Splitting loses nothing, makes no long pieces, and counts the lines."""
    pieces = split(text)
    assert "".join(piece.text for piece in pieces) == text
    assert all(0 < len(piece.text) <= 600 for piece in pieces)
    assert sum(piece.lines for piece in pieces) == text.count("\n") + (not text.endswith("\n") and bool(text))


@given(st.lists(st.sampled_from(["", "a", "some words " * 9]), min_size=2).map("\n".join), st.sets(st.integers(0, 40)))
def test_what_is_kept_and_what_is_told_add_up(text: str, chosen: set[int]) -> None:
    """Kept pieces stand in the rendered text as they are; taken to pieces again, it stands for the same whole."""
    pieces = pieces_of(text, "a1b2c3")
    kept = {place for place in chosen if place < len(pieces.pieces)}
    rendered = pieces.render(kept)
    assert all(pieces.texts[place].strip("\n") in rendered for place in kept)
    if find_notice(rendered, "a1b2c3") is None:
        assert rendered == text
    else:
        again = pieces_of(rendered, "a1b2c3")
        assert again.whole.reference == "a1b2c3"
        assert sum(piece.lines for piece in again.pieces) == again.whole.lines == pieces.whole.lines


def test_gaps_are_told_where_they_are() -> None:
    """The first gap holds the notice, the others tell their lines or characters, names and repetitions."""
    lines = [Piece(f"this is line number {i}\n", 1, 22) for i in range(8)]
    part = Piece("and the rest of the seventh line\n", 0, 33)
    pieces = Pieces((*lines, part, lines[0]), Notice(9, 231, "a1b2c3"))
    rendered = pieces.render(
        [1, 3, 5, 7, 9], names={2: ["a_b"], 0: ["c_d", "e_f"]}, runs=[0, 1, 2, 3, 3, 4, 5, 6, 7, 8]
    )
    assert rendered.split("\n") == [
        '[cut: 4 of 9 lines, 121 of 231 characters left out, among them c_d, e_f; read_artifact("a1b2c3")]',
        "this is line number 1",
        "[... 1 line: a_b]",
        "this is line number 3",
        "[... 1 line like the one above]",
        "this is line number 5",
        "[... 1 line]",
        "this is line number 7",
        "[... 33 characters]",
        "this is line number 0",
        "",
    ]


def test_short_gaps_are_filled() -> None:
    """A line that is shorter than the marker that would stand for it is kept."""
    pieces = pieces_of("a long line of text\n}\nanother line of text\nthe end of it all", None)
    assert pieces.render([0, 2]).startswith("a long line of text\n}\nanother line of text\n[cut: 1 of 4 lines, ")


def test_queues_are_served_by_their_shares() -> None:
    """A queue of twice the share gets twice the room, until it has nothing left."""
    order = interleave([(2.0, range(6)), (1.0, range(9, 5, -1))], [1] * 10)
    assert order == [0, 9, 1, 2, 8, 3, 4, 7, 5, 6]


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=4))
def test_every_place_comes_once(queues: list[list[int]]) -> None:
    """Whatever queues share, no place is lost or doubled."""
    order = interleave([(1.0, queue) for queue in queues], list(range(10)))
    assert sorted(order) == sorted({place for queue in queues for place in queue})


def test_neighbours_follow_their_place() -> None:
    """Neighbours come near before far, and none lies outside."""
    assert around([5, 0], 7, 2) == [5, 6, 4, 3, 0, 1, 2]


def test_lines_of_a_log_are_alike_but_for_numbers() -> None:
    """In a log numbers do not tell lines apart, in other texts they do."""
    log = ["12:00:01 served 7", "12:00:02 served 8", "12:00:03 stopped", ""]
    assert is_log(log)
    assert repeats([line_template(line) for line in log]) == [0, 0, 2, 3]
    assert repeats(["order 7", "order 8", "order 7"]) == [0, 1, 0]


def test_runs_are_numbered() -> None:
    """Lines in a row that say the same share a number."""
    assert runs_of([0, 0, 2, 0]) == [0, 0, 1, 2]


def test_a_text_must_be_within_both_bounds() -> None:
    """Few tokens are not enough where the characters are more than those of the original, nor the other way round."""
    bounds = TokenLimit.of_tokens(TiktokenCounter(), 4, longest=12)
    assert bounds.fits("three words here"[:11])
    assert not bounds.fits("three words here")
    assert not bounds.fits("1!2?3!4?5!")
    assert bounds.max_chars == 12


def test_room_is_left_around_a_short_text() -> None:
    """A notice may take half of the room, in tokens and in characters."""
    assert TokenLimit.of_characters(10).fits_around("12345")
    assert not TokenLimit.of_characters(10).fits_around("123456")
    assert not TokenLimit(len, 100, 10).fits_around("123456")
    assert not TokenLimit.of_characters(20).share(0.5).fits_around("123456")


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_fullest_text_that_fits_is_found(limit: int, highest: int) -> None:
    """Of texts that grow, the last that fits is found with its number; none where not even the first does."""
    found = TokenLimit.of_characters(limit).largest_fitting(highest, lambda number: "x" * (number + 3))
    assert found == ((best := min(highest, limit - 3)), "x" * (best + 3)) if limit >= 3 else found is None


def test_texts_that_do_not_grow_still_fit() -> None:
    """Where a larger number gives a shorter text, what is found fits all the same."""
    found = TokenLimit.of_characters(5).largest_fitting(9, lambda number: "x" * (number * 7 % 10))
    assert found is not None
    assert len(found[1]) <= 5


COUNTER = TiktokenCounter()
LINE = "2026-03-01 12:00:00 INFO all is well with worker {}\n"


def large(*middle: str, line: str = LINE) -> str:
    """A large text with lines in its middle."""
    half = "".join(line.format(i) for i in range(2 * LARGE // len(line)))
    return half + "".join(middle) + half


def test_errors_and_lines_asked_for_are_found_in_the_middle() -> None:
    """Large as the text is, the line with an error and the one with a rare word of the hints are kept."""
    text = large("2026-03-01 12:00:00 ERROR disk full\n", "order ORD-88231 was lost\n")
    kept = cut(text, 400, "ORD-88231", reference="a1b2c3")
    assert "ERROR disk full" in kept
    assert "order ORD-88231 was lost" in kept
    assert kept.startswith(LINE.format(0))
    assert f" of {text.count(chr(10)):,} lines, " in kept
    assert f" of {len(text):,} characters" in kept


def test_pieces_stand_for_every_character_and_line() -> None:
    """What is shown and what is missing add up to the text."""
    text = large(*["an error\n"] * 300, "x" * 5_000 + "error" + "y" * 5_000 + "\n")
    pieces = pieces_of_large(text, Scorer.of([]), None).pieces
    assert sum(piece.characters for piece in pieces) == len(text)
    assert sum(piece.lines for piece in pieces) == text.count("\n")
    assert sum(len(piece.text) for piece in pieces) < LARGE


def test_a_large_text_without_lines_has_ends() -> None:
    """A text of one line is kept at both ends, and its notice tells of characters."""
    text = large(line="word {} ").removesuffix(" ")
    kept = cut(text, 300)
    assert kept.startswith("word 0 word 1 ")
    assert kept.endswith(text[-20:])
    assert " lines" not in kept


@pytest.mark.parametrize("text", [large(), "\n" * 2 * LARGE, "a" * 2 * LARGE, "error " * LARGE])
def test_large_texts_fit(text: str) -> None:
    """Whatever a large text is made of, its cut is within the limit."""
    assert COUNTER.count_text(cut(text, 150)) <= 150


def test_a_large_cut_text_keeps_its_reference() -> None:
    """What was cut before is recognised in a large text too."""
    text = large('[cut: 3 of 9 lines, 12 of 99 characters left out; read_artifact("a1b2c3:4")]\n')
    assert 'read_artifact("a1b2c3:' in cut(text, 150, reference="a1b2c3")


def test_the_middle_goes_at_line_ends() -> None:
    """Whole lines are kept at both ends; JSON in a prompt is not touched."""
    lines = [f'{{"line": {i}, "error": true}}' for i in range(200)]
    kept = cut_middle("\n".join(lines), 150, COUNTER, reference="a1b2c3").split("\n")
    place = next(place for place, line in enumerate(kept) if line.startswith("[cut"))
    assert kept[:place] == lines[:place]
    assert kept[place + 1 :] == lines[place + 1 - len(kept) :]
    assert kept[place].startswith(f"[cut: {201 - len(kept)} of 200 lines, ")
    assert kept[place].endswith(f'read_artifact("a1b2c3:{place + 1}")]')


def test_words_stay_whole_where_there_are_no_lines() -> None:
    """A long line is cut between words."""
    kept = cut_middle("word " * 900 + "word", 80, COUNTER).split("\n")
    assert set(kept[0].split()) == set(kept[-1].split()) == {"word"}


def test_a_text_without_any_boundary_is_cut_between_characters() -> None:
    """Even one endless word keeps both ends."""
    kept = cut_middle("a" + "x" * 5_000 + "z", 80, COUNTER)
    assert kept[0] == "a"
    assert kept[-1] == "z"


@pytest.mark.parametrize(("limit", "kept"), [(0, ""), (1, ""), (3, "[cut]"), (5, "[cut]")])
def test_tiny_limits_leave_a_marker_or_nothing(limit: int, kept: str) -> None:
    """Where no notice fits, a bare marker stands; where not even that fits, nothing does."""
    text = "Several words on several lines.\n" * 20
    assert cut_middle(text, limit, COUNTER, reference="a1b2c3") == kept


def test_cutting_again_moves_the_notice_not_the_reference() -> None:
    """What is cut again has one notice, with the figures of the whole and a place to read on that is still right."""
    text = "\n".join(f"line {i} of the text" for i in range(400))
    again = cut_middle(cut_middle(text, 300, COUNTER, reference="a1b2c3"), 150, COUNTER, reference="a1b2c3")
    assert again.count("[cut") == 1
    assert " of 400 lines, " in again
    head = again.split("\n[cut")[0].split("\n")
    assert f'read_artifact("a1b2c3:{len(head) + 1}")' in again


def test_lines_are_counted_by_line_feeds() -> None:
    """A line feed at the end ends the last line."""
    assert [count_lines(text) for text in ("a", "a\n", "a\nb", "a\n\n")] == [1, 1, 2, 2]


@given(st.text(st.characters(exclude_categories=())), st.integers(0, 60), st.sampled_from([None, "a1b2c3"]))
def test_any_text_is_within_its_limit(text: str, limit: int, reference: str | None) -> None:
    """Whatever it is made of, and no longer than it was; what fits is the same object."""
    text *= 20
    cut = cut_middle(text, limit, COUNTER, reference=reference)
    assert COUNTER.count_text(cut) <= limit
    assert len(cut) <= len(text)
    assert (cut is text) is (COUNTER.count_text(text) <= limit)


def test_refuses_a_negative_limit() -> None:
    """A negative limit is a mistake of the caller."""
    with pytest.raises(ValueError, match="0 or more tokens, got -1"):
        cut_middle("text", -1, COUNTER)


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_what_is_read_is_written(value: object, ensure_ascii: bool) -> None:
    """A value that was read is written as the same value, in characters that can be encoded."""
    written = write_json(json_value(json.dumps(value, ensure_ascii=ensure_ascii)))
    assert json.loads(written) == value
    written.encode()


@pytest.mark.parametrize("gap", [Gap(3), Gap(1_200, "fields"), Gap(7, "records"), Gap(None)])
def test_gaps_are_read_again(gap: Gap) -> None:
    """A gap that was written as a string is a gap again, and other strings are none."""
    read = Gap.read(json.loads(write_json([gap]))[0])
    assert read is not None
    assert (read.count, str(read)) == (gap.count, str(gap))
    assert Gap.read(f"{gap} ") is None


def test_gaps_add_up() -> None:
    """Counts are added; what is not known stays unknown."""
    assert Gap(2, "fields") + Gap(3) == Gap(5, "fields")
    assert Gap(2) + Gap(None) == Gap(None)


def table(value: object) -> object:
    """A value with its records as rows."""
    return json.loads(write_json(tabulate(json_value(json.dumps(value)))))


def test_nested_records_become_dotted_columns() -> None:
    """Records inside records share the row; lists inside records have columns of their own."""
    value = [
        {"id": i, "to": {"name": f"n{i}", "zip": None}, "lines": [{"sku": f"s{i}", "n": 1}, {"sku": "s", "n": 1}]}
        for i in range(3)
    ]
    assert table(value) == [
        {"[columns]": ["id", "to.name", {"lines": ["sku", "n"]}], "[in all]": {"to.zip": None}},
        *([i, f"n{i}", [[f"s{i}", 1], ["s", 1]]] for i in range(3)),
    ]


def test_lists_of_lists_of_records_share_a_legend() -> None:
    """Connections made of two flights each are rows of rows."""
    value = [[{"flight": f"A{i}"}, {"flight": f"B{i}"}] for i in range(2)]
    assert table(value) == [{"[columns]": ["flight"]}, [["A0"], ["B0"]], [["A1"], ["B1"]]]


def test_missing_fields_are_null_and_not_told_to_be_in_all() -> None:
    """A record that lacks a field has null there, also where the others agree or where a whole record is missing."""
    value = [{"a": 1, "b": "x", "c": {"d": "y"}}, {"a": 2, "b": "x", "c": {"d": "y"}}, {"a": 3}]
    assert table(value) == [{"[columns]": ["a", "b", "c.d"]}, [1, "x", "y"], [2, "x", "y"], [3, None, None]]


def test_records_by_key_leave_out_what_repeats_the_key() -> None:
    """A field that says what the key says is named once."""
    value = {key: {"id": key, "n": key * 2} for key in ("a", "b", "c")}
    assert table(value) == {"[columns]": ["n"], "[key]": "id", "a": ["aa"], "b": ["bb"], "c": ["cc"]}


def test_gaps_stay_gaps() -> None:
    """A gap between records is a gap between rows."""
    assert tabulate([{"a": "1"}, {"a": "2"}, Gap(5), {"a": "3"}]) == [
        {"[columns]": ["a"]},
        ["1"],
        ["2"],
        Gap(5),
        ["3"],
    ]


def test_records_beside_prose_are_rows_too() -> None:
    """Each part of a text is read by itself."""
    records: Value = [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert tabulate(("Found:", records)) == ("Found:", [{"[columns]": ["a"]}, ["1"], ["2"], ["3"]])


@pytest.mark.parametrize(
    "value",
    [
        [{"a": 1}, {"a": 2}],
        [{"a": 1}, {"b": 2}, {"c": 3}],
        ["a", "b", "c"],
        [{"a": 1}, "b", "c"],
        {"a": {"x": 1}, "b": {"x": 2}},
        {},
        [],
    ],
)
def test_what_is_not_alike_stays_as_it_is(value: object) -> None:
    """Two records, records of different kinds, and lists of scalars are no table."""
    assert table(value) == value
