"""Cutting that keeps the meaning: a text within its token limit, with what matters still in it.

`cut_text` looks at what kind of text it is given; `cut_middle` never does. Both return the very same object when it
fits, and both say in one line what they left out.
"""

from collections.abc import Sequence

from autogen_budget._counting import TokenCounter
from autogen_budget._text import Scorer

from ._cutters import cut_by_kind
from ._head_tail import head_and_tail
from ._limit import TokenLimit
from ._notice import Notice
from ._source import Source

__all__ = ["Notice", "TokenLimit", "cut_middle", "cut_text"]


def cut_text(
    text: str, limit: int, counter: TokenCounter, *, hints: Sequence[str] = (), reference: str | None = None
) -> str:
    """Cut a text to a token limit, by the rules of its kind.

    `reference`: Reference of the artifact that holds the whole text, named in the notice. `None` means that the
    notice only says what was left out.

    Returns:
        str: The same object when it fits; else at most `limit` tokens and no more characters than the original. The
        same arguments give the same bytes. A limit too small for any notice gives a bare `[cut]` or "", and for JSON a
        bare `"[cut]"` in it or `null`: valid JSON stays valid from a limit of 8 tokens on. JSON, CSV and YAML keep
        their format; other documents become an outline or a table.

    Raises:
        ValueError: If the limit is negative.
    """
    bounds = _limit(text, limit, counter)
    return text if bounds.fits(text) else cut_by_kind(Source(text, bounds, Scorer.of(hints), reference))


def cut_middle(text: str, limit: int, counter: TokenCounter, *, reference: str | None = None) -> str:
    """Cut the middle out of a text whose structure must not be interpreted: a prompt, a pasted file.

    `reference`: Reference of the artifact that holds the whole text, named in the notice. `None` means that the
    notice only says what was left out.

    Returns:
        str: The same object when it fits; else head, notice and tail, cut at line ends, else between words, else
        between characters: at most `limit` tokens and no more characters than the original.

    Raises:
        ValueError: If the limit is negative.
    """
    bounds = _limit(text, limit, counter)
    return text if bounds.fits(text) else head_and_tail(text, bounds, reference)


def _limit(text: str, limit: int, counter: TokenCounter) -> TokenLimit:
    if limit < 0:
        raise ValueError(f"limit must be 0 or more tokens, got {limit}.")
    return TokenLimit.of_tokens(counter, limit, longest=len(text))
