"""The one line that says how much a cut left out and how to read it."""

import re
from dataclasses import dataclass, replace

from autogen_budget._turns import READ_ARTIFACT

_NUMBER = "[0-9][0-9,]{0,25}"
# Bounded, and never across the beginning of another notice: a text made of beginnings is read in linear time.
_FORM = re.compile(
    rf"\[cut(?:: (?:{_NUMBER} of (?P<all_lines>{_NUMBER}) lines?, )?"
    rf"(?P<characters>{_NUMBER}) of (?P<all_characters>{_NUMBER}) characters left out"
    r"(?:, among them [^;\[\]\n]{0,2000})?)?"
    rf'(?:; {READ_ARTIFACT}\(\\?"(?P<reference>[^"\\\n:]{{1,40}})(?::(?P<start_line>{_NUMBER}))?\\?"\))?\]'
)
_LARGEST = 4_000_000  # characters: about a million tokens

BARE = "[cut]"


@dataclass(frozen=True)
class Notice:
    """What is known about the whole text that a cut was made of.

    Args:
        lines (int): Lines of the whole, counted by line feeds; 0 where lines mean nothing and are not stated.
        characters (int): Characters of the whole.
        reference (str | None): Reference of the artifact that holds the whole. `None` means it cannot be read back.
        start_line (int): First line left out, from 1: where reading on begins.
    """

    lines: int
    characters: int
    reference: str | None = None
    start_line: int = 1

    def at(self, start_line: int) -> "Notice":
        """Return the same notice, pointing at another line."""
        return replace(self, start_line=start_line)

    def say(self, lines: int, characters: int, among: str = "") -> str:
        """Return the line itself."""
        read = f"; {self._call()}" if self.reference is not None else ""
        of_lines = f"{lines:,} of {self.lines:,} line{'' if self.lines == 1 else 's'}, " if self.lines else ""
        figures = f"{of_lines}{characters:,} of {self.characters:,} characters left out"
        return f"[cut: {figures}{f', among them {among}' if among else ''}{read}]"

    @property
    def longest(self) -> str:
        """The notice at its longest: everything left out."""
        return self.say(self.lines, self.characters)

    def brief(self) -> str:
        """Return the shortest form that states how to read the whole; a bare marker when there is no reference."""
        return BARE if self.reference is None else f"[cut; {self._call()}]"

    def _call(self) -> str:
        line = f":{self.start_line}" if self.start_line > 1 else ""
        return f'{READ_ARTIFACT}("{self.reference}{line}")'


@dataclass(frozen=True)
class Found:
    """A notice met in a text that was cut before.

    Args:
        notice (Notice): What it says of the whole. A brief notice knows no figures: then its lines and characters are
            0.
        missing (int): Characters of the whole that it says were left out.
        start (int): Where it begins in the text.
        end (int): Where it ends.
    """

    notice: Notice
    missing: int
    start: int
    end: int


def find_notice(text: str, reference: str | None) -> Found | None:
    """Find the notice of an earlier cut, so that cutting again counts what that one left out.

    Any text can hold notices: a page that was read back, the answer of another agent, a forgery. Only one that names
    the very artifact that is known to hold this text's whole says anything about this text.

    `reference`: Reference of the artifact that holds the whole. `None` means there is none: then a notice without a
    reference counts.

    Returns:
        Found | None: The first such notice. `None` means there is none.
    """
    if len(text) > _LARGEST or (reference is not None and reference not in text):
        return None
    for match in _FORM.finditer(text):
        if match["reference"] == reference and match.group() != BARE:
            notice = Notice(
                lines=_number(match["all_lines"]),
                characters=_number(match["all_characters"]),
                reference=reference,
                start_line=_number(match["start_line"]) or 1,
            )
            return Found(notice, _number(match["characters"]), match.start(), match.end())
    return None


def _number(figure: str | None) -> int:
    return int(figure.replace(",", "")) if figure else 0
