"""JSON stays JSON: what is kept of it, and in which order it goes."""

import json
import sys

import pytest

import builders
from autogen_budget import TiktokenCounter
from builders import reference_in

COUNTER = TiktokenCounter()
PROSE = "It was a dark and stormy night in the little town by the sea. "


def cut(value: object, limit: int = 300, *hints: str, reference: str | None = "a1b2c3") -> str:
    """A cut of a value, written as most tools write it."""
    result = builders.cut(json.dumps(value, ensure_ascii=False), limit, *hints, reference=reference)
    assert COUNTER.count_text(result) <= limit
    return result


def orders(count: int) -> list[dict[str, object]]:
    """Records with an identifier, prose and numbers."""
    return [
        {"id": f"ORD-{i}", "note": PROSE * 3, "customer": {"name": f"Jane {i}"}, "total": i * 1.5, "paid": i % 2 == 0}
        for i in range(count)
    ]


def test_an_object_keeps_its_fields_and_tells_what_is_missing() -> None:
    """Scalar fields stay, long strings are cut, and the notice is a field of the object."""
    kept = json.loads(cut({"id": "ORD-1", "total": 3.5, "paid": True, "history": PROSE * 100}))
    assert (kept["id"], kept["total"], kept["paid"]) == ("ORD-1", 3.5, True)
    assert kept["history"].startswith(PROSE[:40])
    assert kept["[cut]"].endswith('characters left out; read_artifact("a1b2c3")]')


def test_nothing_is_said_where_nothing_is_lost() -> None:
    """A value that fits without the spaces between its parts needs no notice, unless there is an artifact to name."""
    value = {f"key {i}": i for i in range(30)}
    text = json.dumps(value, indent=8)
    assert json.loads(builders.cut(text, 250)) == value
    kept = json.loads(builders.cut(text, 250, reference="a1b2c3"))
    assert kept == {"[cut]": '[cut; read_artifact("a1b2c3")]', **value}


def test_records_become_rows_before_anything_is_lost() -> None:
    """Alike records are written under one legend, with what is the same in all told once."""
    value = [{"flight": f"HAT{i:03}", "status": "available", "seats": {"first": i, "second": i + 1}} for i in range(20)]
    notice, legend, *rows = json.loads(cut(value, 310))
    assert notice == '[cut; read_artifact("a1b2c3")]'
    assert legend == {"[columns]": ["flight", "seats.first", "seats.second"], "[in all]": {"status": "available"}}
    assert rows == [[f"HAT{i:03}", i, i + 1] for i in range(20)]


def test_identifiers_of_every_record_survive_before_anything_else() -> None:
    """Prose, flags and numbers of records go before a single identifier does; the notice names the fields that went."""
    kept = cut(orders(25))
    assert all(f"ORD-{i}" in kept and f"Jane {i}" in kept for i in range(25))
    assert "among them the fields note, paid, total;" in kept


def test_long_lists_keep_both_ends_and_what_is_asked_for() -> None:
    """Of too many records the first and the last are kept, those that the hints ask for, and the count of the rest."""
    kept = cut(orders(1_000), 300, "ORD-623")
    rows = json.loads(kept)
    assert rows[2][0] == "ORD-0"
    assert rows[-1][0] == "ORD-999"
    assert '"ORD-623"' in kept
    gaps = [row for row in rows[1:] if isinstance(row, str)]
    assert all(gap.startswith("[cut: ") and gap.endswith(" items]") for gap in gaps)
    shown = sum(isinstance(row, list) for row in rows)
    assert shown + sum(int(gap.split()[1].replace(",", "")) for gap in gaps) == 1_000


def test_records_by_key_are_records_too() -> None:
    """An object that holds alike records by key keeps the keys, and a field that only repeats the key goes first."""
    value = {
        "name": "Laptop",
        "variants": {f"{7000 + i}": {"item_id": f"{7000 + i}", "price": i * 3.5} for i in range(40)},
    }
    kept = json.loads(cut(value, 450))
    assert kept["variants"]["[columns]"] == ["price"]
    assert kept["variants"]["[key]"] == "item_id"
    assert kept["variants"]["7039"] == [136.5]
    fewer = json.loads(cut(value, 200))["variants"]
    assert fewer["[more]"].endswith(" records]")
    assert "7000" in fewer
    assert "7039" in fewer


def test_a_large_object_of_scalars_keeps_both_ends() -> None:
    """Many fields in one object are treated as a list of them."""
    kept = json.loads(cut({f"key_{i}": f"value {i}" for i in range(500)}))
    assert kept["key_0"] == "value 0"
    assert kept["key_499"] == "value 499"
    assert kept["[more]"].endswith(" records]")


def test_deep_nests_are_folded() -> None:
    """What is nested deep is folded before what stands at the top goes."""
    deep: dict[str, object] = {"value": "x" * 30}
    for level in range(60):
        deep = {f"level {level}": deep, "text": f"{level} " * 5}
    kept = json.loads(cut({"id": "ORD-1", "deep": deep}, 60))
    assert kept["id"] == "ORD-1"
    assert str(kept["deep"]).count("[cut: ") >= 1


def test_numbers_keep_their_spelling() -> None:
    """A number is written as it came: whoever searches for it finds it."""
    text = '{"price": 2674.40, "big": 12345678901234567890123, "tiny": 1E-7, "prose": "' + PROSE * 50 + '"}'
    kept = builders.cut(text, 150)
    assert all(number in kept for number in ("2674.40", "12345678901234567890123", "1E-7"))


def test_lone_surrogates_leave_as_escapes() -> None:
    """What no encoding can carry stays escaped, so that the text can be sent."""
    text = '{"bad": "\\ud800", "prose": "' + PROSE * 50 + '"}'
    assert "\\ud800" in builders.cut(text, 150).encode().decode()


def test_a_string_is_cut_as_the_text_in_it() -> None:
    """A text in a JSON string is cut by its own kind and stays a JSON string."""
    log = "\n".join([*[f"order {i} was served" for i in range(300)], "ERROR no route to host", *["all is well"] * 300])
    kept = json.loads(cut(log))
    assert kept.startswith("order 0 was served\n")
    assert "ERROR no route to host" in kept
    assert reference_in(kept) == "a1b2c3"


def test_a_long_text_inside_an_object_is_cut_by_its_kind() -> None:
    """A file in a field keeps what matters in it, and JSON inside a string stays JSON."""
    code = "\n\n".join(f"def function_{i}(price: int) -> int:\n" + "    price += 1\n" * 40 for i in range(8))
    kept = json.loads(cut({"path": "src/a.py", "content": code}, 400))
    assert all(f"def function_{i}(price: int) -> int:" in kept["content"] for i in range(8))
    wrapped = json.loads(cut({"content": [{"type": "text", "text": json.dumps(orders(20))}]}, 450))
    assert all(f"ORD-{i}" in wrapped["content"][0]["text"] for i in range(20))
    json.loads(wrapped["content"][0]["text"])


def test_identifiers_in_prose_survive_the_prose() -> None:
    """A string that is cut short names what stood in the rest of it."""
    value = [{"id": i, "text": f"{PROSE * 4} See src/mod_{i}/file.py for more. {PROSE}"} for i in range(5)]
    kept = cut(value, 220)
    assert all(f"src/mod_{i}/file.py" in kept for i in range(5))


def test_a_number_that_does_not_fit_becomes_a_string() -> None:
    """Even an endless number stays valid JSON."""
    assert isinstance(json.loads(builders.cut("1" * 900, 60)), str)


@pytest.mark.parametrize(
    ("value", "kept"), [({"a": PROSE}, {"[cut]": "[cut]"}), ([PROSE], ["[cut]"]), (PROSE, "[cut]")]
)
def test_tiny_limits_leave_a_marker(value: object, kept: object) -> None:
    """Where nothing else fits, a marker of the same kind stands."""
    assert json.loads(cut(value, 9)) == kept


def test_the_tiniest_limits_leave_null_or_nothing() -> None:
    """Where not even a marker fits, null does; where nothing fits, nothing stands."""
    assert cut([PROSE], 2) == "null"
    assert cut([PROSE], 0) == ""


def test_json_lines_stay_json_lines() -> None:
    """A value on every line is cut like a list, and written as lines again."""
    text = "\n".join(json.dumps(order) for order in orders(400))
    kept = builders.cut(text, 300, reference="a1b2c3").split("\n")
    values = [json.loads(line) for line in kept]
    assert reference_in(values[0]) == "a1b2c3"
    assert values[2][0] == "ORD-0"
    assert values[-1][0] == "ORD-399"
    again = builders.cut("\n".join(kept), 150, reference="a1b2c3").split("\n")
    assert reference_in(json.loads(again[0])) == "a1b2c3"
    assert json.loads(again[-1])[0] == "ORD-399"


@pytest.mark.parametrize(
    "text",
    [
        "[INFO] " + PROSE * 30,
        "{" + PROSE * 30 + "}",
        '{"a": 1}\n{"b": ' + PROSE * 30,
        '"quoted"\n"twice" ' + PROSE * 30,
        '"quoted"\n"twice"\n' + '"again and again"\n' * 60,
        "2026-03-01\n" * 90,
        "- one of many items\n" * 60,
    ],
)
def test_what_only_looks_like_json_is_text(text: str) -> None:
    """A text that begins like JSON and is none is cut as text."""
    kept = builders.cut(text, 45, reference="a1b2c3")
    assert kept[0] == text[0]
    assert 'read_artifact("a1b2c3' in kept


def test_cutting_again_keeps_gaps_and_columns() -> None:
    """Counts of gaps are added up, and rows keep all their cells."""
    notice, legend, *rest = json.loads(builders.cut(cut(orders(1_000), 500), 250, reference="a1b2c3"))
    assert reference_in(notice) == "a1b2c3"
    gaps = [row for row in rest if isinstance(row, str)]
    rows = [row for row in rest if row not in gaps]
    assert {len(row) for row in rows} == {len(legend["[columns]"])}
    assert len(rows) + sum(int(gap.split()[1].replace(",", "")) for gap in gaps) == 1_000


def test_reserved_names_in_the_data_do_not_hide_the_notice() -> None:
    """A field of the data that is called like the notice gives way to it."""
    value = {"[cut]": "mine", "[columns]": "odd", "items": orders(40)}
    assert reference_in(json.loads(cut(value, 100))["[cut]"]) == "a1b2c3"


def test_json_nested_beyond_recursion_stays_json() -> None:
    """Nesting deeper than the interpreter can follow is folded."""
    depth = sys.getrecursionlimit() * 3
    kept = builders.cut("[" * depth + "]" * depth, 60, reference="a1b2c3")
    assert reference_in(kept) == "a1b2c3"
    json.loads(kept)


def test_a_string_that_fits_once_it_is_unescaped_stays_whole() -> None:
    """Escapes that are not needed go before any of the text does."""
    text = json.dumps("Straße und Größe über Ähren, " * 8)
    assert json.loads(builders.cut(text, 120)) == json.loads(text)


def test_links_that_only_accompany_a_record_go_early() -> None:
    """The address of an avatar goes before the name of its owner, its own address does not."""
    value = [
        {"url": f"https://example.com/{i}", "avatar_url": f"https://example.com/{i}/face", "text": f"word {i}"}
        for i in range(12)
    ]
    kept = cut(value, 260)
    assert all(f'"https://example.com/{i}"' in kept and f'"word {i}"' in kept for i in range(12))
    assert "among them the fields avatar_url;" in kept
