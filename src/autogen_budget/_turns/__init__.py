"""Messages to turns: a call and its results stay together, broken histories are repaired."""

from ._encodable import encodable_message
from ._parser import BEGINNING, INTERRUPTED, Repair, TurnReader
from ._pins import Pin, PinConfig, RetentionPolicy, declared, pin
from ._references import READ_ARTIFACT, REFERENCE_LENGTH, references_in
from ._transcript import transcript_lines
from ._turn import NOTE_SOURCE, Turn, note, text_of

__all__ = [
    "BEGINNING",
    "INTERRUPTED",
    "NOTE_SOURCE",
    "READ_ARTIFACT",
    "REFERENCE_LENGTH",
    "Pin",
    "PinConfig",
    "Repair",
    "RetentionPolicy",
    "Turn",
    "TurnReader",
    "declared",
    "encodable_message",
    "note",
    "pin",
    "references_in",
    "text_of",
    "transcript_lines",
]
