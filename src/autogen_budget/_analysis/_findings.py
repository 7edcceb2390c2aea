"""Findings: what wastes tokens, how much, and what to change."""

from dataclasses import dataclass
from typing import Literal

FindingKind = Literal[
    "rising results",
    "rising texts",
    "repeated memory",
    "instructions",
    "tool schemas",
    "unused tools",
    "echo",
    "cache bust",
    "duplicates",
    "old result",
    "growth",
    "frequent compaction",
    "compaction costs",
]
"""What can be found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that wastes tokens.

    Args:
        kind (FindingKind): What it is.
        agent (str): Whose requests it is in; several agents are joined by `" and "`.
        summary (str): What was seen, in a sentence with its figures.
        tokens (int): Prompt tokens of all calls seen that it is to blame for: about what mending it would have saved.
        advice (str): What to do about it, in a sentence.
        code (str): The same as code to paste. Empty means no setting of this library mends it.
    """

    kind: FindingKind
    agent: str
    summary: str
    tokens: int
    advice: str
    code: str = ""

    @property
    def remedy(self) -> str:
        """What to do about it, and about what that would have saved."""
        return f"{self.advice}; saves about {self.tokens:,} tokens" if self.tokens > 0 else self.advice


def percent(part: float, whole: float) -> str:
    """Return a share in percent, for a sentence."""
    return f"{part / whole:.0%}" if whole else "0%"
