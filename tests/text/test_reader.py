"""Any text is read once: the same records come out of every format and nesting, and no text does any harm."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget._text import Embedded, Value, read_text
from formats import FLAT, NESTINGS, identities, records, variants
from profiles import examples

RECORDS = records(12)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PARTS = st.sampled_from(
    [
        *(write(records(3)) for write in FLAT.values()),
        *(wrap("id: 1\nname: Jane") for wrap in NESTINGS.values()),
        *("```", "- ", "| a | b |", "key: value", "[section]", "{", "}", "[", "]", "'", '"', "<a>", "</a>", "#"),
        *("\t", "@x{y,", "name=Jane age=3", "Order(id=1, x=[", "1. one", "&a [*a]", "2026-03-01 12:00:00 INFO", "\\"),
        *("a  b   c", "a,b,c"),
    ]
)  # fmt: skip
MIXED = st.lists(PARTS | ANY_TEXT, max_size=8).map("\n".join) | st.lists(PARTS, max_size=8).map("".join)


def scalars(value: Value) -> Iterator[str]:
    """All strings and numbers in a value."""
    if isinstance(value, Embedded):
        yield from scalars(value.document.value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from scalars(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from scalars(inner)
    elif isinstance(value, str):
        yield value


def families(value: Value) -> Iterator[list[dict[str, Value]]]:
    """All lists of records in a value, and records that stand under keys."""
    if isinstance(value, Embedded):
        yield from families(value.document.value)
    elif isinstance(value, (list, tuple, dict)):
        inside = list(value.values()) if isinstance(value, dict) else list(value)
        found = [item for item in inside if isinstance(item, dict)]
        if len(found) == len(inside):
            yield found
        for inner in inside:
            yield from families(inner)


@pytest.mark.parametrize("name", [name for name in FLAT if name != "markdown list"])
def test_every_format_gives_the_records(name: str) -> None:
    """Twelve records with six values each, whatever they are written in."""
    document = read_text(FLAT[name](RECORDS))
    best = max(families(document.value), key=len)
    assert len(best) == 12
    for record, (identifier, address) in zip(best, identities(RECORDS), strict=True):
        values = list(scalars(record))
        assert identifier in values
        assert address in values


@pytest.mark.parametrize("name", list(variants()))
def test_values_are_verbatim(name: str) -> None:
    """In every nesting each identifier and address is a value by itself or stands in one."""
    text = "\n".join(scalars(read_text(variants()[name](RECORDS)).value))
    for identifier, address in identities(RECORDS):
        assert identifier in text
        assert address in text


@settings(max_examples=examples(2), deadline=None)
@given(ANY_TEXT | MIXED)
def test_any_text_is_read(text: str) -> None:
    """Reading never raises, says the same each time, and finds nothing that does not stand in the text."""
    document = read_text(text)
    assert read_text(text) == document
    assert document.structured or document.value == text


@settings(max_examples=examples(1), deadline=None)
@given(st.sampled_from(list(variants())), st.integers(0, 3), st.floats(0.02, 1), st.text(max_size=30))
def test_truncated_documents_are_read(name: str, seed: int, share: float, after: str) -> None:
    """A document that ends anywhere, or goes on with something else, is read as well; no address becomes another."""
    items = records(6, seed=seed)
    text = variants()[name](items)
    read = "\n".join(scalars(read_text(text[: int(len(text) * share)] + after).value))
    assert "@" in after or set(re.findall(r"\buser\d+\.\d+@example\.com", read)) <= {
        pair[1] for pair in identities(items)
    }


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 100_000,
        "f(" * 100_000,
        "<a>" * 50_000,
        "<table><tr><td>" * 3_000,
        "- " * 100_000,
        "a: " * 100_000,
        "```\n" * 50_000,
        "a: &x [1]\n" + "".join(f"k{i}: [*x, *x]\n" for i in range(5_000)),
        "@misc{a, b = {" * 20_000,
        "| " * 100_000,
        " " * 300_000,
        "'" * 100_001,
        "\\" * 100_000,
        "[ " + " " * 100_000,
        "a = [\n" * 20_000,
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' * 100,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_are_read_in_time(text: str) -> None:
    """Depth, repetition, aliases and entities cost no more than the length of the text."""
    read_text(text)


def test_aliases_are_not_followed() -> None:
    """A YAML alias is its name, so that a few lines cannot become a billion values."""
    text = "a: &x [laughing, laughing, laughing]\nb: [*x, *x]\n"
    assert read_text(text).value == {"a": ["laughing"] * 3, "b": ["*x", "*x"]}


@pytest.mark.parametrize(
    "name", ["json", "json lines", "csv", "tsv", "markdown table", "pairs", "logfmt", "html table"]
)
def test_large_documents_are_read_at_both_ends(name: str) -> None:
    """Of a text too large to be read whole the first and the last records are read."""
    items = records(3_000)
    text = FLAT[name](items)
    assert len(text) > 400_000
    found = "\n".join(scalars(read_text(text).value))
    for identifier, address in (identities(items)[0], identities(items)[-1]):
        assert identifier in found
        assert address in found


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for your help. I would like to return the lamp, please, and to keep the rug.",
        "Dear Jane,\n\nNote: the shop is closed on Monday, so come on Tuesday.\nSee you there, with the lamp.\n\nTom",
        "The quick brown fox\njumps over the lazy dog,\nand again, and again,\nuntil the evening comes.",
        "[INFO] started\n[INFO] served order 1\n[WARN] slow\n",
    ],
)
def test_what_is_no_document_is_a_text(text: str) -> None:
    """Prose with commas, colons and brackets is prose."""
    document = read_text(text)
    assert (document.format, document.value) == ("text", text)
    assert not document.structured


def test_code_and_logs_are_told() -> None:
    """Source code and logs are no documents, and are called what they are."""
    code = "import os\n\n" + "".join(f"def f{i}(x: int) -> int:\n    y = x + {i}\n    return y\n\n" for i in range(9))
    log = "".join(f"2026-03-01 12:00:0{i} INFO worker: served order={i}, took=3\n" for i in range(9))
    assert read_text(code).format == "code"
    assert read_text(log).format == "log"
