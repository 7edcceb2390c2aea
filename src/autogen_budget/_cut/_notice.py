"""The one line that says how much a cut left out and how to read it."""

import re
from dataclasses import dataclass, replace

_FIGURES = re.compile(
    r"\[cut: (?:[\d,]+ of (?P<all_lines>[\d,]+) lines?, )?"
    r"(?P<characters>[\d,]+) of (?P<all_characters>[\d,]+) characters left out(?:, among them [^;\]\n]*)?"
    r'(?:; read_artifact\(\\?"(?P<reference>[^"\\\n]+)\\?", start_line=(?P<start_line>\d+)\))?\]'
)
_SHORT = re.compile(r'\[cut; read_artifact\(\\?"(?P<reference>[^"\\\n]+)\\?", start_line=(?P<start_line>\d+)\)\]')

_LARGEST = 4_000_000  # characters: about a million tokens

BARE = "[cut]"


@dataclass(frozen=True)
class Notice:
    """What is known about the whole text that a cut was made of.

    Args:
        lines (int): Lines of the whole, counted by line feeds; 0 where lines mean nothing and are not told.
        characters (int): Characters of the whole.
        reference (str | None): Reference of the artifact that holds the whole. None means it cannot be read back.
        start_line (int): First line left out, from 1: where reading on begins.
    """

    lines: int
    characters: int
    reference: str | None = None
    start_line: int = 1

    def at(self, start_line: int) -> "Notice":
        """The same notice, pointing at another line."""
        return replace(self, start_line=start_line)

    def referring(self, reference: str | None) -> "Notice":
        """The same notice with a reference, unless it has one: that of the first cut holds the most."""
        return self if self.reference is not None else replace(self, reference=reference)

    def say(self, lines: int, characters: int, among: str = "") -> str:
        """The line itself.

        Args:
            lines (int): Lines left out, in whole.
            characters (int): Characters left out.
            among (str): What is worth naming of that which was left out.

        Returns:
            str: One line, without a line feed.
        """
        read = f"; {self._call()}" if self.reference is not None else ""
        told = f"{lines:,} of {self.lines:,} line{'' if self.lines == 1 else 's'}, " if self.lines else ""
        figures = f"{told}{characters:,} of {self.characters:,} characters left out"
        return f"[cut: {figures}{f', among them {among}' if among else ''}{read}]"

    @property
    def longest(self) -> str:
        """The notice at its longest: everything left out."""
        return self.say(self.lines, self.characters)

    def brief(self) -> str:
        """The shortest form that still tells how to read the whole; a bare marker when there is no reference."""
        return BARE if self.reference is None else f"[cut; {self._call()}]"

    def _call(self) -> str:
        return f'read_artifact("{self.reference}", start_line={self.start_line})'


@dataclass(frozen=True)
class Found:
    """A notice met in a text that was cut before.

    Args:
        notice (Notice): What it says of the whole. A brief notice knows no figures: then its lines and
            characters are 0.
        missing (int): Characters of the whole that it says were left out.
        start (int): Where it begins in the text.
        end (int): Where it ends.
    """

    notice: Notice
    missing: int
    start: int
    end: int


def find_notice(text: str) -> Found | None:
    """Finds the notice of an earlier cut, so that cutting again keeps what it refers to.

    Args:
        text (str): Any text; one larger than any cut can be is not looked through.

    Returns:
        Found | None: The first notice, preferring one with a reference; None when there is none.
    """
    if len(text) > _LARGEST:
        return None
    matches = [match for form in (_FIGURES, _SHORT) for match in form.finditer(text)]
    if not matches:
        return None
    match = min(matches, key=lambda match: (match["reference"] is None, match.start()))
    figures = match.groupdict()
    notice = Notice(
        lines=_number(figures.get("all_lines")),
        characters=_number(figures.get("all_characters")),
        reference=figures["reference"],
        start_line=_number(figures["start_line"]) or 1,
    )
    return Found(notice, _number(figures.get("characters")), match.start(), match.end())


def _number(figure: str | None) -> int:
    return int(figure.replace(",", "")) if figure else 0
