"""A fact: one value seen in a conversation, with what it is, where it comes from, and what it replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from autogen_budget._text import Shape, one_line

LONGEST_VALUE = 160
"""Characters up to which a value is kept; of a longer text, its beginning."""


class Origin(Enum):
    """Where a fact was seen."""

    USER = "user"
    STATED = "stated"
    ASSISTANT = "assistant"
    ARGUMENT = "argument"
    RESULT = "result"
    OUTCOME = "outcome"

    __hash__ = object.__hash__  # looked up for each fact: that of `Enum` takes five times as long


@dataclass(frozen=True, slots=True)
class Fact:
    """One value, and what a reader must know to use it.

    Args:
        place (Place): Where it stands.
        label (str): The field's name, or the words that name it in a text; empty where nothing does.
        value (str): The value, word for word.
        shape (Shape): What it looks like.
        context (str): The words of the text it stands in, with the value among them; empty for the value of a field.
        single (bool): Whether the label has one value at a time, so that a new one takes the old one's place.
        crowd (int): How many values of its kind stand beside it.
        seen (int): In how many turns it was seen.
        before (str): The value it took the place of; empty for none.
    """

    place: "Place"
    label: str
    value: str
    shape: Shape
    context: str = ""
    single: bool = False
    crowd: int = 1
    seen: int = 1
    before: str = ""

    def __post_init__(self) -> None:
        # Keys and values come from tools: none may begin a line of its own, where another speaker's name could stand.
        if not (self.label + self.value + self.context + self.before).isprintable():
            for name in ("label", "value", "context", "before"):
                object.__setattr__(self, name, one_line(getattr(self, name)))

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same fact when it is met again."""
        where = (self.place.subject, self.place.group, self.place.entry)
        if self.context:
            return (*where, self.value)
        return (*where, self.label, "" if self.single else self.value)

    def at(self, place: "Place") -> "Fact":
        """This fact at another place."""
        return Fact(
            place, self.label, self.value, self.shape, self.context, self.single, self.crowd, self.seen, self.before
        )

    def after(self, older: "Fact") -> "Fact":
        """This fact as the successor of an older one with the same key."""
        return replace(
            self,
            context=older.context or self.context,
            seen=older.seen + (self.place.turn != older.place.turn),
            before=older.before if self.value == older.value else older.value,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where facts stand: what all facts of a text or record have in common.

    Args:
        subject (str): What they are about: who said it, or the call or the identified record it belongs to.
        origin (Origin): In what kind of text.
        turn (int): In which turn, counted from the first dropped one; for a fact seen again, the newest.
        source (str): The tool whose output they are from, where the subject does not name it.
        group (str): The list or map within the subject that holds them, as a path of fields; empty for none.
        entry (str): Which element of that list or map; empty for none.
        crowd (int): How many elements the list or map has.
    """

    subject: str
    origin: Origin
    turn: int
    source: str = ""
    group: str = ""
    entry: str = ""
    crowd: int = 1

    def __post_init__(self) -> None:
        if not (self.subject + self.source + self.group + self.entry).isprintable():
            for name in ("subject", "source", "group", "entry"):
                object.__setattr__(self, name, one_line(getattr(self, name)))

    @property
    def heading(self) -> str:
        """The heading that the facts stand under."""
        return f"{self.source} {self.subject}".strip()


Facts = Mapping[tuple[str, ...], Fact]
"""Facts by their keys, those that were seen last at the end."""
