"""The sentences and lines of a message."""

import re

_MONTH = r"(?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])"
_SENTENCE = re.compile(
    rf"(?<=[.!?])(?<!\bDr\.)(?<!\bM[rs]\.)(?<!\bMrs\.)(?<!\bSt\.)\s+(?!{_MONTH})|(?<=[。！？；])|[\n\r]+"
)


def split_sentences(text: str) -> list[str]:
    """Split words into sentences and lines; titles such as "Dr." and days such as "3. April" end none."""
    return [sentence.strip() for sentence in _SENTENCE.split(text)]
