"""How far to shrink, once a request has to: as far as the head-room is worth it.

Compaction changes the beginning of a request, and a provider's prompt cache holds nothing behind the first change. The
head-room between target and cap is what makes it rare: it holds the calls until the next compaction. It costs what could
have stood in it. Two rules follow.

1. *By turns.* With room R for the conversation, head-room H and g tokens that each call adds, H / g calls follow on each
   other with an unbroken beginning. They send (R - H / 2) tokens each, and read R anew once, so that about
   1 - R / ((H / g)(R - H / 2)) of the conversation comes from the cache: for H = 0.4 R, nothing where H holds 1.25 calls
   or fewer, half of it with 2.5 calls, and 79 % with 6. So head-room shrinks where calls are large beside it, until it
   holds nothing that would be cached; there, the tokens are worth more as facts and turns.
2. *By prices.* See `pays_at`.
"""

from dataclasses import dataclass

from ._counting import TokenCounter
from ._history import History
from ._sizes import measure_turn

ROOM_FOR_TURNS = 0.5
"""Share of the room beside instructions and schemas that compaction always leaves to the conversation, so that large
schemas do not push the target below what can be reached."""

USELESS, USEFUL = 1.25, 2.5
"""Calls that head-room must hold for the cache to keep anything, and to keep half, of what follows the instructions."""

LARGEST_TURN = 0.25
"""Share of the cap that one turn counts for at most when growth is estimated: a larger one will be cut."""
