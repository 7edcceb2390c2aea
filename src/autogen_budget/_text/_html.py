"""HTML as the text a reader would see; the parser is loaded when there is a page to read."""

import re

_HTML = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype html|<html[\s>])", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(
    r"</?(?:div|p|a|span|table|tr|td|li|ul|ol|h[1-6]|body|head|section|article|nav|br|script|style)\b[^<>]*>",
    re.IGNORECASE,
)
_SAMPLE = 4_000
_MIN_TAGS = 12


def is_html(text: str) -> bool:
    """Return whether a text is a page or a larger fragment of HTML, judged by its beginning."""
    beginning = text[:_SAMPLE]
    return _HTML.match(beginning) is not None or (
        beginning.lstrip().startswith("<") and len(_TAG.findall(beginning)) >= _MIN_TAGS
    )


def text_of_html(markup: str) -> str:
    """Return the text of a page."""
    from ._soup import render

    return render(markup)
