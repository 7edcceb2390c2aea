"""Cutting that keeps the meaning: a text within its token limit, with what matters still in it.

`cut_text` looks at what kind of text it is given; `cut_middle` never does. Both return the very same object when it
fits, and both say in one line what they left out.
"""

from collections.abc import Sequence

from autogen_budget._counting import TokenCounter
from autogen_budget._cut._html import is_html
from autogen_budget._cut._json import cut_json
from autogen_budget._cut._notice import find_notice
from autogen_budget._cut._plain import head_and_tail
from autogen_budget._cut._ruler import Ruler
from autogen_budget._cut._score import Scorer
from autogen_budget._cut._split import pieces_of, pieces_of_html
from autogen_budget._cut._text import cut_lines
from autogen_budget._cut._window import LARGE, pieces_of_large

__all__ = ["cut_middle", "cut_text", "reference_in"]


def cut_text(
    text: str, limit: int, counter: TokenCounter, *, hints: Sequence[str] = (), reference: str | None = None
) -> str:
    """Cuts a text to a token limit, by the rules of its kind.

    Args:
        text (str): Any text, of any size and kind; it may hold lone surrogates.
        limit (int): Tokens the result may hold, by `counter.tokens(counter.measure_text(...))`.
        counter (TokenCounter): What counts the tokens.
        hints (Sequence[str]): Texts that tell what matters (the call's arguments, the task, the newest user message):
            what shares rare words with them is kept before the rest.
        reference (str | None): Reference of the artifact that holds the whole text, named in the notice. None means
            that the notice only says what was left out.

    Returns:
        str: The same object when it fits; else at most `limit` tokens and no more characters than the original. The
        same arguments give the same bytes. A limit too small for any notice gives a bare `[cut]` or "", and for JSON a
        bare `"[cut]"` in it or `null`: valid JSON stays valid from a limit of 8 tokens on.

    Raises:
        ValueError: If the limit is negative.
    """
    ruler = _ruler(text, limit, counter)
    if ruler.fits(text):
        return text
    return _cut(text, ruler, Scorer.of(hints), reference)


def cut_middle(text: str, limit: int, counter: TokenCounter, *, reference: str | None = None) -> str:
    """Cuts the middle out of a text whose structure must not be interpreted: a prompt, a pasted file.

    Args:
        text (str): Any text, of any size; it may hold lone surrogates.
        limit (int): Tokens the result may hold, by `counter.tokens(counter.measure_text(...))`.
        counter (TokenCounter): What counts the tokens.
        reference (str | None): Reference of the artifact that holds the whole text, named in the notice. None means
            that the notice only says what was left out.

    Returns:
        str: The same object when it fits; else head, notice and tail, cut at line ends, else between words, else
        between characters: at most `limit` tokens and no more characters than the original.

    Raises:
        ValueError: If the limit is negative.
    """
    ruler = _ruler(text, limit, counter)
    if ruler.fits(text):
        return text
    return head_and_tail(text, ruler, reference)


def reference_in(text: str) -> str | None:
    """The artifact reference that an earlier cut left in a text.

    Args:
        text (str): Any text.

    Returns:
        str | None: The reference, or None when the text was not cut or cut without one.
    """
    found = find_notice(text)
    return None if found is None else found.notice.reference


def _cut(text: str, ruler: Ruler, scorer: Scorer, reference: str | None) -> str:
    """Cuts a text, or a text inside a text, by its kind."""
    if ruler.fits(text):
        return text

    def cut_inner(inner: str, inner_ruler: Ruler, inner_reference: str | None) -> str:
        return _cut(inner, inner_ruler, scorer, inner_reference)

    as_json = cut_json(text, ruler, scorer, reference, cut_inner)
    if as_json is not None:
        return as_json
    cut_before = find_notice(text) is not None
    if cut_before and len(text) > LARGE:
        return head_and_tail(text, ruler, reference)
    if not cut_before and is_html(text):
        pieces = pieces_of_html(text, reference)
    elif len(text) > LARGE:
        pieces = pieces_of_large(text, scorer, reference)
    else:
        pieces = pieces_of(text, reference)
    as_lines = cut_lines(pieces, ruler, scorer) if pieces.pieces else None
    return head_and_tail(text, ruler, reference) if as_lines is None else as_lines


def _ruler(text: str, limit: int, counter: TokenCounter) -> Ruler:
    if limit < 0:
        raise ValueError(f"limit must be 0 or more tokens, got {limit}.")
    return Ruler.of_tokens(counter, limit, longest=len(text))
