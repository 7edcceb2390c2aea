"""The promises of cutting, whatever the text: within the limit, not longer, valid, stable."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import builders
from autogen_budget import TiktokenCounter
from builders import reference_in

COUNTER = TiktokenCounter()
ENOUGH_FOR_A_REFERENCE = 40

REFERENCES = st.none() | st.just("a1b2c3d4e5f6")
ANY_TEXT = st.text(st.characters(exclude_categories=()))
LINES = st.sampled_from(
    [
        "2026-03-01 12:00:00,001 INFO worker-1 served order 17",
        "2026-03-01 12:00:00,001 ERROR worker-1 lost order 18",
        "Traceback (most recent call last):",
        '  File "/srv/a.py", line 3, in run',
        "ValueError: no such order",
        "def total(order: Order) -> float:",
        "    return sum(line.price for line in order.lines)",
        "ORD-1,Jane Doe,jane@example.com,2026-01-01,3.50",
        "| id | name | score |",
        "|----|------|-------|",
        "| 1 | Jane | 3 |",
        '{"id": "ORD-1", "note": "two words", "price": 3.50, "ok": true}',
        "<!DOCTYPE html><html><body>",
        "<p>Some <b>text</b> with a <a href='https://example.com/a'>link</a></p>",
        "[cut: 3 of 9 lines, 120 of 300 characters left out]",
        "[... 12 lines: a_b, c_d]",
        "a long line of words " * 40,
        "x" * 1_000,
        "",
        "\ud800 \udfff",
        "数据库连接失败，请重试。🙂",
    ]
)
TEXTS = ANY_TEXT | st.lists(LINES, max_size=60).map("\n".join) | st.lists(LINES, max_size=60).map("\r\n".join)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
    | st.sampled_from(["ORD-1", "2026-01-01", "jane@example.com", "prose " * 60, "[cut]", "[cut: 3 items]"])
)
NAMES = st.sampled_from(["id", "name", "note", "items", "[cut]", "[more]", "[columns]", "[in all]", "[key]"]) | ANY_TEXT


def _larger(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    records = st.fixed_dictionaries({"id": st.integers(), "note": SCALARS}, optional={"inner": inner})
    return (
        st.lists(inner, max_size=12)
        | st.dictionaries(NAMES, inner, max_size=12)
        | st.lists(records, max_size=30)
        | st.dictionaries(ANY_TEXT, records, max_size=30)
    )


VALUES: st.SearchStrategy[object] = st.recursive(SCALARS, _larger, max_leaves=60)


def size(text: str) -> int:
    """Tokens of a text."""
    return COUNTER.count_text(text)


def check_cut(text: str, cut: str, limit: int) -> None:
    """What holds of every cut."""
    if size(text) <= limit:
        assert cut is text
    assert size(cut) <= limit
    assert len(cut) <= len(text)


@given(TEXTS, st.integers(0, 400), st.lists(TEXTS, max_size=2), REFERENCES)
@example("[cut: 1 of 2 lines, 3 of 4 characters left out]", 5, [], None)
@example("<html>" + "<div>" * 3_000, 20, [], "a1b2c3d4e5f6")
def test_any_text_is_cut_to_its_limit(text: str, limit: int, hints: list[str], reference: str | None) -> None:
    """A cut is within the limit and no longer than the text, the same every time, and stays as it is when cut again."""
    cut = builders.cut(text, limit, *hints, reference=reference)
    check_cut(text, cut, limit)
    assert builders.cut(text, limit, *hints, reference=reference) == cut
    assert builders.cut(cut, limit, *hints) is cut


@given(VALUES, st.integers(8, 300), st.booleans(), st.sampled_from([None, 1]), REFERENCES)
def test_json_stays_json(
    value: object, limit: int, ensure_ascii: bool, indent: int | None, reference: str | None
) -> None:
    """What is valid JSON is valid JSON after a cut to eight tokens or more, and of the same kind if there is room."""
    text = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)
    cut = builders.cut(text, limit, "ORD-1", reference=reference)
    check_cut(text, cut, limit)
    kept = json.loads(cut)
    if limit >= 16 and isinstance(value, (list, dict)) and len(text) > 16:
        assert isinstance(kept, list if isinstance(value, list) else dict)
    assert builders.cut(text, limit, "ORD-1", reference=reference) == cut


@settings(deadline=None)
@given(st.lists(LINES, min_size=40, max_size=80), st.integers(ENOUGH_FOR_A_REFERENCE, 200), st.integers(0, 199))
def test_cutting_again_keeps_the_reference(lines: list[str], limit: int, less: int) -> None:
    """A reference stays readable when what was cut is cut again, smaller."""
    text = "\n".join(line for line in lines if not line.startswith("[cut"))
    once = builders.cut(text, limit, reference="a1b2c3d4e5f6")
    if once is not text:
        again = builders.cut(once, max(limit - less, ENOUGH_FOR_A_REFERENCE), reference="a1b2c3d4e5f6")
        assert reference_in(once) == reference_in(again) == "a1b2c3d4e5f6"


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=3), st.integers(ENOUGH_FOR_A_REFERENCE, 200), st.integers(0, 199))
def test_cutting_json_again_keeps_the_reference(value: list[object], limit: int, less: int) -> None:
    """A reference stays readable when JSON is cut again, and the JSON stays valid."""
    text = json.dumps({"items": value * 40})
    once = builders.cut(text, limit, reference="a1b2c3d4e5f6")
    if once is not text:
        again = builders.cut(once, max(limit - less, ENOUGH_FOR_A_REFERENCE), reference="a1b2c3d4e5f6")
        assert reference_in(once) == reference_in(again) == "a1b2c3d4e5f6"
        json.loads(again)


def test_refuses_a_negative_limit() -> None:
    """A negative limit is a mistake of the caller."""
    with pytest.raises(ValueError, match="0 or more tokens, got -1"):
        builders.cut("text", -1)
