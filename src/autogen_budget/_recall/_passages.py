"""Passages: the whole sentences or records of a turn that are found and shown together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autogen_core.models import UserMessage

from autogen_budget._turns import Turn, transcript_lines

MAX_PASSAGE = 400
"""Characters a passage may hold. Measured on questions about long chats, within the same tokens: 200 part an answer
from the words of its question, 700 bring fewer answers."""

MAX_TEXT = 2_000_000
"""Characters of one text that are read. What stands behind them is found by pattern only."""

_AT_ONCE = 20_000
"""Characters that are split at a time."""

_BREAK = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+|(?<=[}\]>]),?\s*(?=[{\[<])")
"""Where a sentence, a line or a record ends."""

_SPEAKER = re.compile(r"^\[([^\]\n]{1,120})\] ", re.MULTILINE)

_PIECE = re.compile(rf".{{1,{MAX_PASSAGE}}}(?=[\s,;])|.{{1,{MAX_PASSAGE}}}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a turn, in one line.

    Args:
        turn (int): Number of the turn in its conversation, from 1.
        speaker (str): Who speaks and how, such as "user" or "look returns".
        text (str): Whole sentences or records, at most `MAX_PASSAGE` characters, without line breaks.
        spoken (bool): Whether it is a message of a user or another agent.
    """

    turn: int
    speaker: str
    text: str
    spoken: bool = False


def passages_of(turn: Turn, number: int) -> Iterator[Passage]:
    """Split a turn into passages."""
    if turn.note:
        return
    spoken = isinstance(turn.head, UserMessage)
    for speaker, words in transcript_lines(turn):
        yield from passages_of_text(words, number, speaker, spoken=spoken)


def passages_of_text(text: str, number: int, speaker: str, *, spoken: bool = False) -> Iterator[Passage]:
    """Split a text into passages: sentences, lines and records, those together that are short."""
    named = one_line(speaker)
    gathered = ""
    for part in _parts(text[:MAX_TEXT]):
        if gathered and len(gathered) + len(part) >= MAX_PASSAGE:
            yield Passage(number, named, gathered, spoken)
            gathered = part
        else:
            gathered = f"{gathered} {part}" if gathered else part
    if gathered:
        yield Passage(number, named, gathered, spoken)


def passages_of_transcript(text: str) -> Iterator[Passage]:
    """Split the transcript of dropped turns as it is stored: lines that begin with a speaker in brackets."""
    starts = [*_SPEAKER.finditer(text)]
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        speaker = start[1]
        spoken = not speaker.endswith((" returns", " fails", " thinks")) and " calls " not in speaker
        yield from passages_of_text(
            text[start.end() : end], number, speaker, spoken=spoken and speaker != "instructions"
        )


def one_line(text: str) -> str:
    """Put a foreign text in one encodable line, so that it cannot look like another speaker's line."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _parts(text: str) -> Iterator[str]:
    for sentence in _sentences(text):
        line = one_line(sentence)
        pieces = [line] if len(line) <= MAX_PASSAGE else map(str.strip, _PIECE.findall(line))
        yield from filter(None, pieces)


def _sentences(text: str) -> Iterator[str]:
    """Yield what stands between breaks: by and by, so that a long text does not hold other threads."""
    start = 0
    while start < len(text):
        seam = _BREAK.search(text, start + _AT_ONCE) if start + _AT_ONCE < len(text) else None
        end = seam.end() if seam else len(text)
        yield from _BREAK.split(text[start:end])
        start = end
