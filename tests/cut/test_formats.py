"""What holds of a cut of any document: what identifies its records survives, in its own format where that is parsed."""

import csv
import io
import json
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import builders
from autogen_budget import TiktokenCounter
from builders import reference_in
from formats import FIELDS, FLAT, WORDS, identities, records, variants
from profiles import examples

COUNTER = TiktokenCounter()
REFERENCE = "a1b2c3d4e5f6"


@pytest.mark.parametrize("name", list(variants()))
def test_identifiers_and_addresses_survive_in_every_format(name: str) -> None:
    """Of forty records cut to a fifth, nine in ten keep their identifier and address, whatever they are written in."""
    items = records(40)
    cut = builders.cut(variants()[name](items), 900, reference=REFERENCE)
    assert COUNTER.count_text(cut) <= 900
    assert sum(identifier in cut and address in cut for identifier, address in identities(items)) >= 36
    assert reference_in(cut.replace("\\", "")) == REFERENCE


@settings(max_examples=examples(2), deadline=None)
@given(
    st.sampled_from(list(variants())),
    st.integers(0, 30),
    st.sampled_from(list(FIELDS)),
    st.sampled_from(list(WORDS)),
    st.integers(20, 600),
    st.floats(0.1, 1),
)
def test_any_document_is_cut_to_its_limit(
    name: str, count: int, fields: str, language: str, limit: int, share: float
) -> None:
    """Whole or truncated: within the limit, not longer, the same each time, and every address is one of the text."""
    items = records(count + 1, fields=fields, language=language)
    whole = variants()[name](items)
    text = whole[: int(len(whole) * share)]
    cut = builders.cut(text, limit, reference=REFERENCE)
    assert COUNTER.count_text(cut) <= limit
    assert len(cut) <= len(text)
    assert builders.cut(text, limit, reference=REFERENCE) == cut
    again = builders.cut(cut, limit // 2, reference=REFERENCE)
    assert COUNTER.count_text(again) <= limit // 2
    addresses = {address for _, address in identities(items)}
    assert set(re.findall(r"\buser\d+\.\d+@example\.com", cut)) <= addresses


@pytest.mark.parametrize("limit", [200, 500, 900])
def test_json_and_yaml_stay_what_they_are(limit: int) -> None:
    """Where a parser may follow, the cut can be parsed."""
    items = records(40)
    json.loads(builders.cut(FLAT["indented json"](items), limit, reference=REFERENCE))
    rows = yaml.safe_load(builders.cut(FLAT["yaml"](items), limit, reference=REFERENCE))
    assert rows[1][0] == items[0]["id"]
    lines = builders.cut(FLAT["json lines"](items), limit, reference=REFERENCE).split("\n")
    assert len([json.loads(line) for line in lines]) == len(lines)


@pytest.mark.parametrize(("name", "mark"), [("csv", ","), ("tsv", "\t"), ("semicolons", ";")])
def test_separated_values_stay_separated_values(name: str, mark: str) -> None:
    """Rows keep the cells of the columns that are left, under their names."""
    items = records(40)
    *lines, notice = builders.cut(FLAT[name](items), 600, reference=REFERENCE).split("\n")
    head, *rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=mark)
    assert head[:3] == ["id", "customer", "email"]
    assert next(row[0] for row in rows if len(row) == len(head)) == items[0]["id"]
    assert "among them the fields" in notice


def test_cutting_a_table_again_adds_its_gaps_up() -> None:
    """Rows that a first cut left out are counted by the second."""
    items = records(300)
    once = builders.cut(FLAT["csv"](items), 600, reference=REFERENCE)
    again = builders.cut(once, 300, reference=REFERENCE)
    left_out = sum(int(match) for match in re.findall(r"^\[cut: (\d+) items\]$", again, re.MULTILINE))
    shown = sum(identifier in again for identifier, _ in identities(items))
    assert left_out + shown == 300
    assert reference_in(again) == REFERENCE


def test_values_inside_cells_and_parts_are_written() -> None:
    """A document in a table's cell stays there, and rows beside prose keep their place."""
    items = [
        {"id": f"ORD-{i}", "data": json.dumps({"email": f"user{i}@example.com", "note": "as it was said"})}
        for i in range(40)
    ]
    cut = builders.cut(FLAT["csv"](items), 900, reference=REFERENCE)
    assert "ORD-39" in cut
    assert "user0@example.com" in cut
    answer = json.dumps({"answer": f"Found:\n\n{FLAT['markdown table'](records(30))}\n\nDone.", "n": 30})
    kept = json.loads(builders.cut(answer, 900, reference=REFERENCE))
    assert all(identifier in kept["answer"] for identifier, _ in identities(records(30)))


def test_an_object_is_cut_again() -> None:
    """The first notice of an object gives way to the second, which counts from the whole."""
    once = builders.cut(json.dumps({"items": records(40)}), 600, reference=REFERENCE)
    again = json.loads(builders.cut(once, 200, reference=REFERENCE))
    assert next(iter(again)) == "[cut]"
    assert again["[cut]"] in json.dumps(again, ensure_ascii=False).replace('\\"', '"')
