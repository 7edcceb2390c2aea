"""HTML as the text a reader would see: headings, paragraphs, lists, table rows and links, without markup."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag
from bs4.exceptions import ParserRejectedMarkup

_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_HTML = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype html|<html[\s>])", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(
    r"</?(?:div|p|a|span|table|tr|td|li|ul|ol|h[1-6]|body|head|section|article|nav|br|script|style)\b[^<>]*>",
    re.IGNORECASE,
)
_SAMPLE = 4_000
_LEAST_TAGS = 12
_SILENT = re.compile(r"script|style|noscript|template|head|svg|iframe|object")
_BLOCK = re.compile(
    r"address|article|aside|blockquote|body|caption|d[dlt]|details|div|fieldset|fig(?:caption|ure)|footer|form|h[1-6r]|header|html"
    r"|li|main|nav|[ou]l|option|p|pre|section|select|summary|table|t(?:body|foot|head|r)"
)
_CELLS = ("td", "th")
_LINKS = ("http://", "https://", "/", "mailto:")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]*\n\s*|[ \t\r\f\v\u00a0]+")


def is_html(text: str) -> bool:
    """Whether a text is a page or a larger fragment of HTML, judged by its beginning."""
    beginning = text[:_SAMPLE]
    return _HTML.match(beginning) is not None or (
        beginning.lstrip().startswith("<") and len(_TAG.findall(beginning)) >= _LEAST_TAGS
    )


def text_of_html(markup: str) -> str:
    """The text of a page.

    Args:
        markup (str): HTML, whole or not; broken markup is read as far as it can be.

    Returns:
        str: One line for each block: the title first, links followed by their address in parentheses, list items
        after a dash, headings after `#` signs, cells of a table row between bars. "" when it cannot be read.
    """
    try:
        soup = BeautifulSoup(_DECLARATION.sub("", markup, count=1), "html.parser")
    except ParserRejectedMarkup:
        return ""
    title = soup.title.get_text() if soup.title else ""
    text = "".join([title, "\n", *_texts(soup)])
    lines = (_SPACE.sub(" ", line).strip(" |") for line in text.split("\n"))
    return "\n".join(line for line in lines if line not in ("", "-", "#", "##", "###", "####", "#####", "######"))


def _texts(soup: Tag) -> Iterator[str]:
    """The text of a tree in pieces; a line feed stands where a block begins or ends.

    It keeps its own stack, since pages may be nested deeper than the interpreter can follow.
    """
    waiting: list[PageElement | str] = [soup]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tag) and not _SILENT.fullmatch(node.name):
            before, after = _marks(node)
            yield before
            waiting += [after, *reversed(node.contents)]
        elif type(node) is NavigableString:  # not a comment, a declaration or the like
            yield node.replace("\n", " ")
        elif type(node) is str:
            yield node


def _marks(tag: Tag) -> tuple[str, str]:
    """What stands before and after the text of an element."""
    if tag.name == "a":
        address = tag.get("href")
        return "", f" ({address})" if isinstance(address, str) and address.startswith(_LINKS) else ""
    if tag.name in _CELLS:
        return " | ", ""
    if tag.name == "br":
        return "\n", ""
    if not _BLOCK.fullmatch(tag.name):
        return "", ""
    if tag.name == "li":
        return "\n- ", "\n"
    if tag.name[0] == "h" and tag.name[1:].isdigit():
        return "\n" + "#" * int(tag.name[1:]) + " ", "\n"
    return "\n", "\n"
