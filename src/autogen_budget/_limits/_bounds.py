"""Three reasons for a call to wait: too much is under way, too much was sent in a minute, or the server asked for it.

Each states how long a call has to wait for it: 0 means not at all, infinity until another call ends.
"""

import math
from collections import deque
from dataclasses import dataclass, field

WINDOW = 61.0
"""Seconds in which requests and tokens are counted: a minute, and what two requests may differ by on their way."""

SHRINK = 0.9
"""What a bound shrinks to at each failure by overload."""

MAX_SHRINK = 0.5
"""What failures of calls that were sent together may shrink a bound to at most: all of them report one overload."""

STEPS = 32
"""How many steps lead from nothing to a bound that was set: the step by which it recovers is this part of it."""


@dataclass(slots=True)
class InFlight:
    """How much is under way at once, bounded by what was set and by what a server could bear.

    After an overload the bound shrinks. It grows by one step with each call that succeeds while more than half of it is
    used, up to what was set. Where nothing was set, the first overload makes a bound of what was under way.

    Args:
        most (float | None): What may be under way at once. `None` means anything, until a server cannot bear it.
        step (float): By how much a bound grows that nobody set.
    """

    most: float | None
    step: float = 1.0
    used: float = field(default=0.0, init=False)
    bound: float = field(init=False)
    _floor: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.bound = math.inf if self.most is None else self.most
        if self.most is not None:
            self.step = max(self.step, self.most / STEPS)

    def delay(self, amount: float) -> float:
        """Infinity if so much more would be over the bound; what is larger than the bound goes alone."""
        return 0.0 if not self.used or self.used + amount <= self.bound else math.inf

    def add(self, amount: float) -> None:
        """Something is under way."""
        self.used += amount

    def remove(self, amount: float) -> None:
        """It has ended."""
        self.used -= amount

    def shrink(self, *, first: bool) -> None:
        """Shrink after an overload; the call that failed still counts as under way."""
        if first:
            self.bound = min(self.bound, self.used)
            self._floor = self.bound * MAX_SHRINK
        self.bound = max(self.bound * SHRINK, self._floor, self.step)

    def grow(self) -> None:
        """Grow after a success; the call that succeeded still counts as under way."""
        if self.used * 2 > self.bound:
            self.bound = min(self.bound + self.step, math.inf if self.most is None else self.most)


@dataclass(slots=True)
class PerMinute:
    """How much is sent in any minute; one entry for each request, whatever its size.

    Args:
        most (float): What may be sent in a minute; what is more than that alone goes when nothing else went.
    """

    most: float
    _sent: deque[tuple[float, float]] = field(default_factory=deque[tuple[float, float]], init=False)
    _total: float = field(default=0.0, init=False)

    def delay(self, amount: float, now: float) -> float:
        """Return the seconds until so much may be sent."""
        while self._sent and self._sent[0][0] <= now - WINDOW:
            self._total -= self._sent.popleft()[1]
        left = self._total
        if left + amount <= self.most:
            return 0.0
        for when, sent in self._sent:
            left -= sent
            if not left or left + amount <= self.most:
                return when + WINDOW - now
        return 0.0

    def add(self, amount: float, now: float) -> None:
        """So much was sent."""
        self._sent.append((now, amount))
        self._total += amount
