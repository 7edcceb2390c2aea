"""XML, whole or truncated: elements become records, what repeats becomes a list."""

import re
from dataclasses import dataclass, field

from ._values import DEEPEST, Gap, Value, scalar_of

_BEGINNING = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*)?<[A-Za-z_][\w:.-]{0,100}[\s/>]", re.DOTALL
)
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w{1,12};)")
_LONGEST_REST = 300  # bytes behind an error: a text that ends in the middle of a tag has no more
_ROOT = "root"
_TEXT = "text"


@dataclass
class _Element:
    """An element that is not closed yet: its attributes and children by name, and its text."""

    fields: dict[str, list[Value]] = field(default_factory=dict[str, "list[Value]"])
    text: list[str] = field(default_factory=list[str])

    def value(self) -> Value:
        """Return a record, or the text of an element that has nothing else."""
        text = "".join(self.text).strip()
        if not self.fields:
            return scalar_of(text) if text else None
        record: dict[str, Value] = {
            name: values[0] if len(values) == 1 else list(values) for name, values in self.fields.items()
        }
        return {**record, _TEXT: scalar_of(text)} if text else record


class _Builder:
    """What the parser reports of a text: it builds records, and keeps what it has when the text ends early."""

    def __init__(self) -> None:
        self._open = [_Element()]
        self._names = [""]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        element = _Element()
        for name, value in attributes.items():
            element.fields[name] = [scalar_of(value)]
        self._open.append(element)
        self._names.append(tag)

    def end(self, _tag: str) -> None:
        """End an element."""
        element, name = self._open.pop(), self._names.pop()
        value = Gap(None) if len(self._open) > DEEPEST else element.value()
        self._open[-1].fields.setdefault(name.rpartition("}")[2], []).append(value)

    def data(self, text: str) -> None:
        """Text inside an element."""
        self._open[-1].text.append(text)

    def close(self) -> Value:
        """Return the value of everything so far."""
        while len(self._open) > 1:
            self.end("")
        return self._open[0].value()


def is_xml(text: str) -> bool:
    """Return whether a text begins like XML."""
    return _BEGINNING.match(text[:4_000]) is not None


def read_xml(text: str) -> Value:
    """Read an XML text of one element or several.

    Returns:
        Value: A record of its elements; of a truncated text what is there. `None` when it is no XML, and for one with a
        document type, whose entities could grow without end.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    lines = _BARE_AMPERSAND.sub("&amp;", _DECLARATION.sub("", text, count=1))
    body = f"<{_ROOT}>{lines}</{_ROOT}>".encode(errors="replace")  # of a lone surrogate nothing can be made
    try:
        parser.feed(body)
        parser.close()
    except ParseError as error:
        line, column = error.position
        unread = body.split(b"\n", line - 1)[-1][column:]
        if len(unread) > _LONGEST_REST:
            return None
    except (DefusedXmlException, ValueError):
        return None
    whole = builder.close()
    inner = whole[_ROOT] if isinstance(whole, dict) and _ROOT in whole else None
    return inner if isinstance(inner, dict) and set(inner) != {_TEXT} else None
