"""How texts refer to stored ones: the one place that finds references in the words of a conversation."""

import re

READ_ARTIFACT = "read_artifact"
"""Name of the tool that reads a stored text; each notice that refers to one names it."""

REFERENCE_LENGTH = 10
"""Characters of a reference: 50 bits, about 7 tokens. Texts whose first choice is the same get different references."""

_MARK = f"{READ_ARTIFACT}("
# Escaped in JSON; a line may follow the reference.
_REFERENCE = re.compile(
    rf'{READ_ARTIFACT}\(\\{{0,8}}"([a-z2-7]{{{REFERENCE_LENGTH}}})(?::[0-9]+)?\\{{0,8}}"'
)  # escaped in JSON


def references_in(text: str) -> frozenset[str]:
    """Find what a text refers to, as a notice names it, itself or inside of JSON.

    A text can name what is not stored, or what is none of its business: what a reference means, the store knows.
    """
    return frozenset(_REFERENCE.findall(text)) if _MARK in text else frozenset()
