"""How far to shrink, once a request has to: as far as the head-room is worth it.

Compaction changes a request near its beginning, and a provider's prompt cache holds nothing behind the first change.
The head-room between target and cap makes it rare: it holds the calls until the next compaction. It costs what could
have stood in it. Two rules weigh the one against the other.

*By calls.* A conversation with room R is shrunk to leave H of it free, and grows by g tokens with each call. Then H / g
calls follow each other on an unbroken beginning; together they hold (H / g)(R - H / 2) tokens and read R anew. What the
cache spares is the rest: for H = 0.4 R nothing where H holds 1.25 calls, 37 % with 2, 58 % with 3, 79 % with 6. So
head-room is kept whole where it holds three calls, and given up by and by down to two: there, compaction comes with
nearly every call in any case, and a token is worth more as a fact or a turn than as head-room that spares little.

*By prices.* With p and c the prices of fresh and cached input, T calls to come, R tokens that go and B that stay behind
the first change, compaction pays when R > B (p - c) / (p + T c). See `pays_at`. T follows Lindy's rule: as many calls
as were made.
"""

from dataclasses import dataclass

from ._counting import TokenCounter
from ._history import History
from ._sizes import Sizes, measure_turn, sizes_of_history

OF_THE_ROOM, LEAST_ROOM = 5 / 6, 0.25
"""What compaction leaves at least of the room beside instructions and schemas: so much of the share `compact_to`, and
so much of the room. Large schemas, which stay cached whatever is done, do not push the target below what is needed."""

USELESS, USEFUL = 2.0, 3.0
"""Calls that head-room must hold to be worth anything, and to be kept whole: the cache spares 37 and 58 %."""

LARGEST_TURN = 0.25
"""Share of the cap that one turn counts for at most when growth is looked at: of a larger one, the results are cut."""


@dataclass(frozen=True, slots=True)
class InputPrices:
    """What a prompt token costs, in any currency, or in time.

    Args:
        fresh (float): A token that the provider has to read.
        cached (float): A token that it finds in its prompt cache.
    """

    fresh: float
    cached: float


def target_of(
    history: History,
    *,
    cap: int,
    compact_to: float,
    extras: Sizes,
    counter: TokenCounter,
    prices: InputPrices | None = None,
) -> int:
    """Tokens that a request shrinks to once it has to shrink.

    Args:
        history (History): The conversation.
        cap (int): Tokens the whole request may hold.
        compact_to (float): Share of the cap to shrink to, where head-room pays.
        extras (Sizes): What the request carries beside its messages.
        counter (TokenCounter): Counts for the model that is called.
        prices (InputPrices | None): What tokens cost. `None` means that is not known.
    """
    fixed = counter.tokens((extras + sizes_of_history(History(history.system), counter)).total)
    least = fixed + int(max(OF_THE_ROOM * compact_to, LEAST_ROOM) * (cap - fixed))
    wished = min(cap, max(int(compact_to * cap), least))
    calls, growth = _pace(history, cap, counter)
    held = (cap - wished) / max(1.0, growth)
    target = cap - int((cap - wished) * min(1.0, max(0.0, (held - USELESS) / (USEFUL - USELESS))))
    if prices is None:
        return target
    before = counter.tokens((extras + sizes_of_history(_beginning(history), counter)).total)
    return max(fixed, min(target, pays_at(cap, before, prices, calls)))


def pays_at(tokens: int, before: int, prices: InputPrices, calls: int) -> int:
    """Tokens to shrink to at most for compaction to pay.

    With S tokens now, A of them before the first change, and a target t, R = S - t tokens go and B = t - A stay behind
    the change. R > B (p - c) / (p + T c) is, solved for the target, t < (S (p + T c) + A (p - c)) / (2 p + (T - 1) c).

    Args:
        tokens (int): Tokens of the request as it is.
        before (int): Those before the first change.
        prices (InputPrices): What tokens cost.
        calls (int): Calls to come; less than 1 counts as 1.

    Returns:
        int: Less than `tokens`, unless cached tokens cost as much as fresh ones, or nothing costs anything.
    """
    fresh, cached, calls = prices.fresh, prices.cached, max(1, calls)
    whole = 2 * fresh + (calls - 1) * cached
    if whole <= 0 or cached >= fresh:
        return tokens
    return int((tokens * (fresh + calls * cached) + before * (fresh - cached)) / whole)


def _pace(history: History, cap: int, counter: TokenCounter) -> tuple[int, float]:
    """Calls that were made so far, and tokens by which a conversation grows with each, by the turns that are left."""
    sizes = [
        (turn.kind, min(counter.tokens(measure_turn(turn, counter)), int(cap * LARGEST_TURN)))
        for place, turn in enumerate(history.turns)
        if place != history.task
    ]
    calls = sum(kind in ("assistant", "tools") for kind, _ in sizes) or len(sizes)
    growth = sum(size for _, size in sizes) / max(1, calls)
    gone = 0 if history.past is None else history.past.turns
    return calls + gone * calls // max(1, len(sizes)), growth


def _beginning(history: History) -> History:
    """What no compaction changes: the instructions, and the task where the conversation begins with it."""
    return History(history.system, history.turns[:1] if history.task == 0 else ())
