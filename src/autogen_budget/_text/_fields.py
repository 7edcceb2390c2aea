"""What the name of a field says about its values: whether they identify a record, name it, or link to something."""

import re
from enum import Enum
from functools import lru_cache

from ._words import words_of


class FieldRole(Enum):
    """What values of a field do for the record they stand in.

    Attributes:
        IDENTITY: They identify it: an id, a key, a path, an e-mail address.
        NAME: They name it or its owner, or say where it is.
        LINK: They only lead somewhere: the address of an avatar.
        OTHER: Anything else.
    """

    IDENTITY = "identity"
    NAME = "name"
    LINK = "link"
    OTHER = "other"


_IDENTITY = re.compile(
    r"id|uuid|guid|key|code|number|no|nr|sku|ref|reference|sha|hash|commit|email|mail|path|file|filename|slug"
)
_NAME = re.compile(
    r"name|title|heading|label|subject|phone|branch|tag|version|symbol|zip|iata|login|user|username|account|owner|customer|order"
    r"|repo|address|street|city"
)
_LINK = re.compile(r"url|uri|link|href|permalink")


@lru_cache(maxsize=8192)
def role_of_field(name: str) -> FieldRole:
    """Tell the role of a field by the last word of its name.

    A `url` by itself identifies its record; an `avatar_url` only accompanies it.
    """
    words = words_of(name)
    last = words[-1] if words else ""
    if _LINK.fullmatch(last):
        return FieldRole.IDENTITY if len(words) == 1 else FieldRole.LINK
    if _IDENTITY.fullmatch(last):
        return FieldRole.IDENTITY
    return FieldRole.NAME if _NAME.fullmatch(last) else FieldRole.OTHER
