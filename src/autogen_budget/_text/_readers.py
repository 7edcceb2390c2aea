"""All readers of documents, in the order in which they are asked. One more kind of text is one more line here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ._code import is_code
from ._columns import is_aligned, read_aligned
from ._delimited import DELIMITERS, is_delimited, read_delimited
from ._error_lines import is_log
from ._json import is_json, is_json_lines, read_json, read_json_lines
from ._notation import is_notation, read_notation
from ._pairs import is_items, is_labelled_lines, is_pairs, read_items, read_labelled_lines, read_pairs
from ._sections import is_bibtex, is_sections, read_bibtex, read_sections
from ._values import Value
from ._xml import is_xml, read_xml
from ._yaml import is_yaml, read_yaml

_SAMPLE = 40_000  # characters by which code and logs are recognised


@dataclass(frozen=True)
class Reader:
    """Reads one kind of document.

    Args:
        name (str): The name of the format.
        recognises (Callable[[str], bool]): Whether a text may be of this kind, by its first lines: a quick look.
        read (Callable[[str], Value]): Its value; `None` when it is of another kind after all. It takes time in
            proportion to the text and never raises.
    """

    name: str
    recognises: Callable[[str], bool]
    read: Callable[[str], Value]


def _delimited(name: str) -> Reader:
    mark = DELIMITERS[name]
    return Reader(name, partial(is_delimited, mark=mark), partial(read_delimited, mark=mark))


SYNTAXES = (
    Reader("json", is_json, read_json),
    Reader("json lines", is_json_lines, read_json_lines),
    Reader("xml", is_xml, read_xml),
    Reader("bibtex", is_bibtex, read_bibtex),
    Reader("sections", is_sections, read_sections),
    Reader("notation", is_notation, read_notation),
    Reader("labelled lines", is_labelled_lines, read_labelled_lines),
    _delimited("table"),
    _delimited("tsv"),
)
"""Formats with a syntax of their own; the first that reads a text has it."""

LAYOUTS = (
    _delimited("csv"),
    _delimited("ssv"),
    Reader("code", lambda text: is_code(text[:_SAMPLE].split("\n")), str),
    Reader("log", lambda text: is_log(text[:_SAMPLE].split("\n")), str),
    Reader("yaml", is_yaml, read_yaml),
    Reader("items", is_items, read_items),
    Reader("pairs", is_pairs, read_pairs),
    Reader("aligned", is_aligned, read_aligned),
)
"""Formats recognised by their lines, asked after those. What code and logs are, they are before anything looser."""
