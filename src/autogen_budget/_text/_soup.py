"""A page parsed by Beautiful Soup, as text: headings, paragraphs, lists, table rows and links, without markup."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag
from bs4.exceptions import ParserRejectedMarkup

_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_SILENT = re.compile(r"script|style|noscript|template|head|svg|iframe|object")
_BLOCK = re.compile(
    r"address|article|aside|blockquote|body|caption|d[dlt]|details|div|fieldset|fig(?:caption|ure)|footer|form|h[1-6r]|header|html"
    r"|li|main|nav|[ou]l|option|p|pre|section|select|summary|table|t(?:body|foot|head|r)"
)
_CELLS = ("td", "th")
_ROWS = ("tr", "table", "tbody", "thead", "tfoot")
_OWN_MARKS = {"li": ("\n- ", "\n"), "dt": ("\n", ": "), "dd": ("", "\n"), "br": ("\n", "")}
_LINKS = ("http://", "https://", "/", "mailto:")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]*\n\s*|[ \t\r\f\v\u00a0]+")


def render(markup: str) -> str:
    """Return the text of a page; "" where it cannot be read."""
    try:
        soup = BeautifulSoup(_without_open_tags(_DECLARATION.sub("", markup, count=1)), "html.parser")
    except ParserRejectedMarkup:
        return ""
    title = soup.title.get_text() if soup.title else ""
    text = "".join([title, "\n", *_texts(soup)])
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(f"{line} |" if line.startswith("|") else line for line in lines if line.strip("|-# "))


def _without_open_tags(markup: str) -> str:
    """Escape each `<` that opens a tag or comment which does not end: those cost the parser n**2."""
    parts: list[str] = []
    start = at = 0
    close = comment_end = -1
    while (at := markup.find("<", at)) >= 0:
        if markup.startswith("<!--", at) and comment_end < len(markup):
            comment_end = _find_from(markup, "-->", at, comment_end)
            if comment_end < len(markup):
                at = comment_end
                continue
        close = _find_from(markup, ">", at, close)
        following = markup.find("<", at + 1)
        if close == len(markup) or 0 <= following < close:
            parts += (markup[start:at], "&lt;")
            at = start = at + 1
        else:
            at = close
    return "".join((*parts, markup[start:])) if parts else markup


def _find_from(markup: str, mark: str, at: int, found: int) -> int:
    """Return where a mark stands behind a position, from where it was found last; else the markup's length."""
    if found > at:
        return found
    place = markup.find(mark, at)
    return len(markup) if place < 0 else place


def _texts(soup: Tag) -> Iterator[str]:
    """Yield the text of a tree in pieces; a line feed stands where a block begins or ends.

    It keeps its own stack, since pages may be nested deeper than the interpreter can follow.
    """
    waiting: list[PageElement | str | None] = [soup]
    cells = 0
    while waiting:
        node = waiting.pop()
        if node is None:  # the end of a cell
            cells -= 1
        elif isinstance(node, Tag) and not _SILENT.fullmatch(node.name):
            before, after = _marks(node, in_cell=cells > 0)
            yield before
            if node.name in _CELLS:
                cells += 1
                waiting.append(None)
            waiting += [after, *reversed(node.contents)]
        elif type(node) is NavigableString:  # not a comment, a declaration or the like
            yield node.replace("\n", " ")
        elif type(node) is str:
            yield node


def _marks(tag: Tag, *, in_cell: bool) -> tuple[str, str]:
    """Return what stands before and after the text of an element; a cell of a table is one line."""
    if tag.name == "a":
        address = tag.get("href")
        return "", f" ({address})" if isinstance(address, str) and address.startswith(_LINKS) else ""
    if tag.name in _CELLS:
        return " | ", ""
    if tag.name in _OWN_MARKS and not in_cell:
        return _OWN_MARKS[tag.name]
    if tag.name != "br" and not _BLOCK.fullmatch(tag.name):
        return "", ""
    if in_cell and tag.name not in _ROWS:
        return "", " "
    if tag.name[0] == "h" and tag.name[1:].isdigit():
        return "\n" + "#" * int(tag.name[1:]) + " ", "\n"
    return "\n", "\n"
