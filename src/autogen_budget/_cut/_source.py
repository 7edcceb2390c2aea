"""What a cutter gets: a text that does not fit, and what is known of it; read once, whoever asks."""

from dataclasses import dataclass
from functools import cached_property

from autogen_budget._text import Document, Scorer, affordable_searches, read_text

from ._large import LARGE, pieces_of_large
from ._limit import TokenLimit
from ._notice import Found, Notice, find_notice
from ._pieces import Piece, Pieces, pieces_of, split

_HEAD = 65_536


@dataclass(frozen=True)
class Source:
    """A text that is to be cut.

    Args:
        text (str): The text, which does not fit.
        limit (TokenLimit): What the result may hold.
        scorer (Scorer): Tells which of its parts the hints ask for.
        reference (str | None): Reference of the artifact that holds the whole. `None` means there is none.
    """

    text: str
    limit: TokenLimit
    scorer: Scorer
    reference: str | None

    @cached_property
    def found(self) -> Found | None:
        """The notice of an earlier cut."""
        return find_notice(self.text, self.reference)

    @cached_property
    def document(self) -> Document:
        """What the text holds, without the earlier notice where that has a line of its own."""
        text = self.text
        if self.found is not None:
            start = text.rfind("\n", 0, self.found.start) + 1
            end = text.find("\n", self.found.end)
            end = len(text) if end < 0 else end
            if not (text[start : self.found.start] + text[self.found.end : end]).strip("# \r"):
                text = text[:start] + text[end + 1 :]
        words = self.scorer.rare_in(text[:_HEAD])[: affordable_searches(text)]
        return read_text(text, words=words)

    @cached_property
    def pieces(self) -> Pieces:
        """The text in pieces: its lines, and of a page those that a reader would see."""
        page = self.document.value
        if self.document.format == "html" and isinstance(page, str) and self.found is None:
            lines = [Piece.of_marker(piece.text) or piece for piece in split(page)]
            return Pieces(
                tuple(lines), self.whole(0), max(len(self.text) - sum(piece.characters for piece in lines), 0)
            )
        if len(self.text) > LARGE:
            return pieces_of_large(self.text, self.scorer, self.reference)
        return pieces_of(self.text, self.reference)

    def whole(self, lines: int) -> Notice:
        """Return what is known of the whole text."""
        return self.found.notice if self.found is not None else Notice(lines, len(self.text), self.reference)
