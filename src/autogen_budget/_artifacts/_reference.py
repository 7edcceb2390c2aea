"""References of stored texts: made from a text's content, read from a model's argument, known for cut texts."""

import hashlib
import re
import threading
from base64 import b32encode
from collections.abc import Iterator

from autogen_budget._turns import REFERENCE_LENGTH

# Models add quotes and brackets, and the line that they would read.
_REFERENCE_IN = re.compile(rf"\W*([a-z2-7]{{{REFERENCE_LENGTH}}})(?::[0-9:]+)?\W*", re.IGNORECASE)

MAX_CUTS_KNOWN = 16_384
"""Cut texts whose whole is known; about 3 MB. Older ones would be stored once more if they were cut again."""


def reference_in(reference: str) -> str | None:
    """Return the reference in a model's argument; None when there is none."""
    match = _REFERENCE_IN.fullmatch(reference)
    return match[1].lower() if match else None


def references_of(data: bytes) -> Iterator[str]:
    """Yield the references a text may have, best first: successive parts of the digest of its content."""
    digits = b32encode(hashlib.blake2b(data).digest()).decode().rstrip("=").lower()
    for start in range(0, len(digits) - REFERENCE_LENGTH + 1, REFERENCE_LENGTH):
        yield digits[start : start + REFERENCE_LENGTH]


def is_reference_of(reference: str, text: str) -> bool:
    """Return whether a reference is one that this very text may have."""
    return reference in references_of(text.encode("utf-8", "surrogatepass"))


class KnownCuts:
    """The references of the wholes of cut texts; it can be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wholes: dict[bytes, str] = {}  # digest of a cut text -> reference of its whole, oldest first

    def remember(self, cut: str, reference: str) -> None:
        """Note that a text was cut from a stored one; a bare mark, which may be left of any text, is not noted."""
        if reference not in cut:
            return
        with self._lock:
            self._wholes[_fingerprint(cut)] = reference
            if len(self._wholes) > MAX_CUTS_KNOWN:
                del self._wholes[next(iter(self._wholes))]

    def whole_of(self, text: str) -> str | None:
        """Return the reference of the text that a text was cut from. `None` means that no such cut is known."""
        return self._wholes.get(_fingerprint(text))


def _fingerprint(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
