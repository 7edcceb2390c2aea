"""The same records as tools would return them, in many formats and nestings: for tests and benchmarks."""

import csv
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import cast
from xml.sax.saxutils import escape

import yaml

from autogen_budget._text import Number, Value

Record = Mapping[str, str | float]
Writer = Callable[[Sequence[Record]], str]

WORDS: Mapping[str, str] = {
    "en": "the customer asked whether the parcel could be left with a neighbour because nobody is home until late "
    "in the evening and our courier rang twice already without success so a refund was promised on the phone",
    "de": "der Kunde fragte ob das Päckchen beim Nachbarn bleiben könne weil bis zum späten Abend niemand zu Hause ist "
    "und unser Fahrer schon zweimal vergeblich geklingelt hat weshalb eine Rückerstattung versprochen wurde",
    "fr": "le client a demandé si le colis pouvait être laissé chez un voisin car personne ne sera là avant la fin "
    "de la soirée et notre livreur a déjà sonné deux fois sans succès donc un remboursement a été promis au téléphone",
    "ru": "клиент спросил можно ли оставить посылку у соседа потому что до позднего вечера никого нет дома и наш "
    "курьер уже дважды звонил безуспешно поэтому коллега по телефону обещал вернуть деньги",
}
FIELDS: Mapping[str, tuple[str, ...]] = {
    "orders": ("id", "customer", "email", "date", "amount", "note"),
    "camel": ("ticketId", "reporterName", "contactEmail", "createdAt", "estimateHours", "description"),
    "de": ("Kundennummer", "Name", "Mail", "Datum", "Betrag", "Bemerkung"),
    "note first": ("summary", "owner", "address", "opened", "price", "reference"),
}
NAMES = ("Jane Doe", "Ömer Yılmaz", "Ada Roe", "Tom Kay", "Mia Ito", "Jörg Weiß", "Élise Roux", "Иван Петров")


def json_value(text: str) -> Value:
    """The value of a JSON text, with numbers as they are spelled."""
    value: Value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)
    return value


def records(count: int = 80, *, seed: int = 1, fields: str = "orders", language: str = "en") -> list[Record]:
    """Records with an identifier, a name, an e-mail address, a date, an amount and a note of 40 words."""
    rng = random.Random(seed)
    words = WORDS[language].split()
    made: list[Record] = []
    for i in range(count):
        note = " ".join(rng.choice(words) for _ in range(40)).capitalize() + "."
        values: dict[str, str | float] = {
            "id": f"{rng.choice(('ORD', 'TK', 'INV'))}-{seed * 1000 + i}",
            "name": rng.choice(NAMES),
            "email": f"user{i}.{rng.randrange(90)}@example.com",
            "date": f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
            "amount": rng.randrange(300, 90_000) / 100,
            "note": note,
        }
        order = ("note", "name", "email", "date", "amount", "id") if fields == "note first" else tuple(values)
        made.append({field: values[name] for field, name in zip(FIELDS[fields], order, strict=True)})
    return made


def identities(items: Sequence[Record]) -> list[tuple[str, str]]:
    """The identifier and the address of each record."""
    return [
        (next(v for v in texts if v.split("-")[0] in ("ORD", "TK", "INV")), next(v for v in texts if "@" in v))
        for texts in ([str(value) for value in item.values()] for item in items)
    ]


def _csv(items: Sequence[Record], mark: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(items[0]), delimiter=mark)
    writer.writeheader()
    writer.writerows(items)
    return out.getvalue()


def _rows(items: Sequence[Record]) -> list[list[str]]:
    return [list(items[0]), *([str(value) for value in item.values()] for item in items)]


def _markdown(items: Sequence[Record]) -> str:
    head, *rows = ["| " + " | ".join(row) + " |" for row in _rows(items)]
    return "\n".join([head, "|" + "---|" * len(items[0]), *rows])


def _aligned(items: Sequence[Record], before: str = "", between: str = "  ") -> str:
    rows = _rows(items)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        before + between.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + before
        for row in rows
    )


def _drawn(items: Sequence[Record]) -> str:
    rows = _aligned(items, "|", "|").split("\n")
    bar = "+" + "-" * (len(rows[0]) - 2) + "+"
    return "\n".join([bar, rows[0], bar, *rows[1:], bar])


def _xml(value: Record | Sequence[Record] | str | float, tag: str = "records") -> str:
    if isinstance(value, Mapping):
        return f"<{tag}>" + "".join(_xml(inner, str(name)) for name, inner in value.items()) + f"</{tag}>\n"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"<{tag}>" + "".join(_xml(inner, "item") for inner in value) + f"</{tag}>\n"
    return f"<{tag}>{escape(str(value))}</{tag}>"


def _html(items: Sequence[Record], attributes: str = "") -> str:
    cells = "".join(
        f"<tr{attributes}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in _rows(items)
    )
    return f"<!DOCTYPE html><html><head><title>Records</title></head><body><table>{cells}</table></body></html>"


def _html_list(items: Sequence[Record]) -> str:
    lines = "".join(
        "<li>" + ", ".join(f"<b>{name}</b>: {escape(str(value))}" for name, value in item.items()) + "</li>"
        for item in items
    )
    return f"<!DOCTYPE html><html><body><ul>{lines}</ul></body></html>"


def _repr(items: Sequence[Record], name: str = "Record") -> str:
    return (
        "["
        + ", ".join(f"{name}({', '.join(f'{key}={value!r}' for key, value in item.items())})" for item in items)
        + "]"
    )


def _pairs(items: Sequence[Record], between: str = "\n\n") -> str:
    return between.join("\n".join(f"{name.title()}: {value}" for name, value in item.items()) for item in items)


def _sections(items: Sequence[Record]) -> str:
    return "\n".join(
        f"[entry.{i}]\n" + "\n".join(f"{name} = {value}" for name, value in item.items()) + "\n"
        for i, item in enumerate(items)
    )


def _toml(items: Sequence[Record]) -> str:
    return "\n".join(
        "[[records]]\n" + "\n".join(f"{name} = {json.dumps(value)}" for name, value in item.items()) + "\n"
        for item in items
    )


def _bibtex(items: Sequence[Record]) -> str:
    return "\n".join(
        f"@misc{{entry{i},\n" + ",\n".join(f"  {name} = {{{value}}}" for name, value in item.items()) + "\n}"
        for i, item in enumerate(items)
    )


def _bullets(items: Sequence[Record]) -> str:
    return "\n".join("- " + " — ".join(str(value) for value in item.values()) for item in items)


def _nested_bullets(items: Sequence[Record]) -> str:
    return "\n".join(
        f"- Entry {i}\n" + "\n".join(f"  - **{name}**: {value}" for name, value in item.items())
        for i, item in enumerate(items)
    )


dump_yaml = cast("Callable[..., str]", yaml.safe_dump)  # pyright: ignore[reportUnknownMemberType]


def _yaml(value: object) -> str:
    plain = json.loads(json.dumps(value))
    return dump_yaml(plain, sort_keys=False, allow_unicode=True, width=10**6)


FLAT: Mapping[str, Writer] = {
    "json": lambda items: json.dumps(items, ensure_ascii=False),
    "indented json": lambda items: json.dumps({"total": len(items), "results": items}, indent=2),
    "json lines": lambda items: "\n".join(json.dumps(item) for item in items),
    "yaml": _yaml,
    "folded yaml": lambda items: dump_yaml(json.loads(json.dumps({"items": items})), sort_keys=False),
    "xml": _xml,
    "html table": _html,
    "html list": _html_list,
    "csv": _csv,
    "tsv": lambda items: _csv(items, "\t"),
    "semicolons": lambda items: _csv(items, ";"),
    "markdown table": _markdown,
    "drawn table": _drawn,
    "fixed columns": _aligned,
    "markdown list": _bullets,
    "nested list": _nested_bullets,
    "numbered list": lambda items: "\n".join(
        f"{i + 1}. " + ", ".join(f"{name}: {value}" for name, value in item.items()) for i, item in enumerate(items)
    ),
    "ini": _sections,
    "toml": _toml,
    "pairs": _pairs,
    "ruled pairs": lambda items: _pairs(items, "\n----------\n"),
    "bibtex": _bibtex,
    "python": lambda items: repr([dict(item) for item in items]),
    "repr": _repr,
    "repr lines": lambda items: "\n".join(_repr([item])[1:-1] for item in items),
    "tuples": lambda items: repr([tuple(item.values()) for item in items]),
    "logfmt": lambda items: "\n".join(
        " ".join(f"{name}={json.dumps(value)}" for name, value in item.items()) for item in items
    ),
    "bars": lambda items: "\n".join(" | ".join(str(value) for value in item.values()) for item in items),
}
"""Formats of a list of records."""

NESTINGS: Mapping[str, Callable[[str], str]] = {
    "mcp": lambda text: json.dumps([{"type": "text", "text": text, "annotations": None}]),
    "content": lambda text: (
        f"meta=None content=[TextContent(type='text', text={text!r}, annotations=None)] isError=False"
    ),
    "twice": lambda text: json.dumps({"result": json.dumps({"status": "ok", "output": text})}),
    "answer": lambda text: f"Here is what I found:\n\n{text}\n\nThat is all there is.",
    "fence": lambda text: f"Result of the call:\n```\n{text}\n```\nDone.",
    "xml": lambda text: f"<tool_result><name>search</name><output>{escape(text)}</output></tool_result>",
}
"""Texts around a text."""


def variants() -> dict[str, Writer]:
    """Formats, and some of them in each nesting, by name."""

    def wrapped(wrap: Callable[[str], str], write: Writer) -> Writer:
        return lambda items: wrap(write(items))

    nested = {
        f"{name} in {nesting}": wrapped(wrap, FLAT[name])
        for place, (nesting, wrap) in enumerate(NESTINGS.items())
        for name in [*FLAT][place % 3 :: 3]
    }
    return {**FLAT, **nested}
