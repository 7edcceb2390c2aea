"""Words of others inside lines of ours: encodable, and never looking like a line that somebody else wrote."""

import re

_BLOCK = 65_536
_SURROGATES = re.compile("[\ud800-\udfff]")
_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot encode, halves of characters beyond 16 bits, by U+FFFD."""
    if not text.isascii():
        try:
            for start in range(0, len(text), _BLOCK):
                text[start : start + _BLOCK].encode()  # ten times as fast as a search
        except UnicodeEncodeError:
            return _SURROGATES.sub("\ufffd", text)
    return text


def one_line(text: str) -> str:
    """Put a foreign text into one line, so that it can stand in a line of ours and begins none itself."""
    return text if text.isprintable() else " ".join(encodable(text).split())


def indented(text: str) -> str:
    """Indent the lines of a foreign text but the first, so that none of them looks like one of ours."""
    return text if text.isprintable() else _BREAK.sub(r"\g<0>  ", encodable(text))
