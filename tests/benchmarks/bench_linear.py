"""Whether every reader and every pattern of the library takes time in proportion to the text, whatever stands in it.

    python tests/benchmarks/bench_linear.py [--characters N] [--all]

Finds the compiled patterns of all modules and how these use them, and takes them and all readers through hostile texts
of N, 2 N and 4 N characters. Prints what takes more than three times as long for twice the text both times, if it takes
more than some milliseconds at all; with `--all`, the slowest text of each. A pattern that only ever sees short texts
may be among them.
"""

import argparse
import importlib
import inspect
import pkgutil
import re
import sys
import time
from collections.abc import Callable, Iterator

from autogen_core.models import UserMessage

import autogen_budget
from autogen_budget import Turn
from autogen_budget._digest import Digest
from autogen_budget._text import (
    error_lines,
    find_values,
    is_code,
    is_log,
    names_in,
    read_text,
    split_sentences,
    terms_of,
)
from autogen_budget._text._readers import LAYOUTS, SYNTAXES

LEAST = 0.005
"""Seconds below which growth is noise."""

GROWTH = 3.0
"""How many times as long twice the text may take: 2 is linear, 4 quadratic."""

Work = Callable[[str], object]

_WAYS = {
    "match": "match",
    "fullmatch": "fullmatch",
    "search": "search",
    **dict.fromkeys(("findall", "finditer", "split", "sub", "subn"), "findall"),
}
"""The ways to use a pattern, each with one that looks at a text in the same manner."""

PARTS = (
    *(
        "a",
        "A",
        "1",
        " ",
        "\n",
        "\t",
        "-",
        ".",
        ",",
        ":",
        ";",
        "=",
        "|",
        "/",
        "\\",
        '"',
        "'",
        "`",
        "*",
        "#",
        "@",
        "_",
        "(",
    ),
    *(
        "[",
        "{",
        "<",
        "&",
        "%",
        "+",
        "[]",
        "{}",
        "()",
        "<>",
        "a ",
        " a",
        "a\n",
        "\n ",
        " \n",
        "A b ",
        "a.b",
        "a.",
        ".a",
        "a-",
    ),
    *(
        "1.",
        "1,",
        "1:",
        "1-",
        "a=",
        "a: ",
        "a:\n",
        "- ",
        "- a\n",
        "# ",
        "| ",
        "|a",
        "a|b\n",
        "a,b\n",
        "a;b\n",
        "a\tb\n",
    ),
    *("<a ", "</a>", "<!-- ", "<?xml", "[cut: ", '{"a":', '["', "{'a':", "a(b=", "f(", "@a{b,", "[a]\n", "a = 1\n"),
    *(
        "http://a/",
        "a@b.",
        "2026-03-",
        "Jan 1 ",
        "12:00:",
        "Traceback ",
        "error: ",
        "\\u0041",
        "\\x41",
        "é",
        "漢",
        "。",
    ),
    *("a  b  c\n", "Dr. ", "a? ", '"a" ', "```\n", "~~~\n", "'''", '"""', "--- ", "Aa Bb ", "of the ", "a/b/", "../"),
)
"""What hostile texts are made of, again and again."""


def modules() -> Iterator[str]:
    """The names of all modules of the library that can be imported here."""
    for module in pkgutil.walk_packages(autogen_budget.__path__, "autogen_budget."):
        yield module.name


def patterns() -> Iterator[tuple[str, Work]]:
    """Every compiled pattern of the library, in the ways in which its module uses it."""
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ImportError:  # an extra that is not installed
            continue
        source = inspect.getsource(module)
        for label, value in vars(module).items():
            if type(value).__name__ == "Pattern" and isinstance(value.pattern, str):
                used = set(re.findall(rf"\b{label}\.(\w+)", source))
                for way in sorted({_WAYS[method] for method in used & _WAYS.keys()}):
                    yield f"{name.removeprefix('autogen_budget.')}.{label}.{way}", getattr(value, way)


def readers() -> Iterator[tuple[str, Work]]:
    """Every reader of texts."""
    for reader in (*SYNTAXES, *LAYOUTS):
        yield f"recognises {reader.name}", reader.recognises
        yield f"reads {reader.name}", reader.read
    yield "read_text", read_text
    yield "find_values", lambda text: list(find_values(text))
    yield "names_in", lambda text: names_in(text, 1_000)
    yield "terms_of", terms_of
    yield "split_sentences", split_sentences
    yield "error_lines", lambda text: error_lines(text.split("\n"))
    yield "is_code", lambda text: is_code(text.split("\n"))
    yield "is_log", lambda text: is_log(text.split("\n"))
    yield "Digest", lambda text: Digest().extended([Turn(UserMessage(content=text, source="user"))])


def seconds(work: Work, text: str) -> float:
    """The processor's time for one text."""
    began = time.process_time()
    work(text)
    return time.process_time() - began


def growth(work: Work, part: str, characters: int) -> tuple[float, float, float]:
    """Seconds at N, and how many times as long 2 N and 4 N take; the longer ones only where it matters."""

    def text(size: int) -> str:
        return (part * (size // len(part) + 1))[: size - 1] + "\x00"  # what ends unlike it began

    once = seconds(work, text(characters))
    twice = seconds(work, text(2 * characters))
    if twice < LEAST or twice < GROWTH * once:
        return twice, twice / max(once, 1e-9), 0.0
    twice = min(twice, seconds(work, text(2 * characters)))
    return twice, twice / max(once, 1e-9), seconds(work, text(4 * characters)) / twice


def main() -> None:
    """Print what grows faster than its text."""
    parser = argparse.ArgumentParser(description="Whether readers and patterns take linear time.")
    parser.add_argument("--characters", type=int, default=5_000)
    parser.add_argument("--all", action="store_true", help="print the slowest text of each")
    options = parser.parse_args()
    found = 0
    for name, work in (*patterns(), *readers()):
        slowest = (0.0, "")
        for part in PARTS:
            took, first, second = growth(work, part, options.characters)
            slowest = max(slowest, (took, part))
            if second > GROWTH:
                found += 1
                print(
                    f"{name} on {part!r}: {took * 1e3:.0f} ms, then {first:.1f} and {second:.1f} times as long",
                    flush=True,
                )
        if options.all:
            print(f"{name}: {slowest[0] * 1e3:.1f} ms on {slowest[1]!r}")
    print(f"{found} that grow faster than their text")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
