"""Choose how far to shrink a request over its cap: as far as the head-room is worth it.

Compaction changes a request near its beginning, and a provider's prompt cache holds nothing behind the first change.
The head-room between target and cap makes it rare: it holds the calls until the next compaction. It costs what could
have stood in it. Two rules weigh the one against the other.

*By calls.* A conversation with room R is shrunk to leave H of it free, and grows by g tokens with each call. Then H / g
calls follow each other on an unbroken beginning; together they hold (H / g)(R - H / 2) tokens and read R anew. What the
cache spares is the rest: for H = 0.4 R nothing where H holds 1.25 calls, 37 % with 2, 58 % with 3, 79 % with 6. So
head-room is kept whole where it holds three calls, and given up gradually down to two: there, compaction comes with
nearly every call in any case, and a token is worth more as a fact or a turn than as head-room that spares little.

*By prices.* With p and c the prices of fresh and cached input, T calls to come, R tokens that go and B that stay behind
the first change, compaction pays when R > B (p - c) / (p + T c). See `break_even_target`. T follows
Lindy's rule: as many calls as were made.
"""

from dataclasses import dataclass

from autogen_budget._counting import TokenCounter
from autogen_budget._history import History, TokenBreakdown, measure_turn, sizes_of_history


@dataclass(frozen=True, slots=True)
class HeadroomSettings:
    """The figures by which a target is chosen.

    Args:
        min_of_share (float): Part of `compact_to` that compaction leaves at least of the tokens beside instructions
            and schemas: large schemas, which stay cached whatever is done, do not push the target below what is needed.
        min_share (float): Share of these tokens that it leaves at least, for the same reason.
        min_calls (float): Calls that head-room must hold to be worth anything: the cache spares 37 %.
        full_calls (float): Calls it must hold to be kept whole: the cache spares 58 %.
        largest_turn (float): Share of the cap that one turn counts for at most in the growth rate: of a larger one,
            the results are cut.
    """

    min_of_share: float = 5 / 6
    min_share: float = 0.25
    min_calls: float = 2.0
    full_calls: float = 3.0
    largest_turn: float = 0.25


HEADROOM = HeadroomSettings()


@dataclass(frozen=True, slots=True)
class InputPrices:
    """What a prompt token costs, in any currency, or in time.

    Args:
        fresh (float): A token that the provider has to read.
        cached (float): A token that it finds in its prompt cache.
    """

    fresh: float
    cached: float


def compaction_target(
    history: History,
    *,
    cap: int,
    compact_to: float,
    extras: TokenBreakdown,
    counter: TokenCounter,
    prices: InputPrices | None = None,
) -> int:
    """Choose the tokens that a request over its cap is shrunk to.

    `compact_to`: Share of the cap to shrink to, where head-room pays. `prices`: What tokens cost. `None` means that
    is not known.
    """
    fixed = counter.tokens((extras + sizes_of_history(History(history.system), counter)).total)
    least = fixed + int(max(HEADROOM.min_of_share * compact_to, HEADROOM.min_share) * (cap - fixed))
    largest = min(cap, max(int(compact_to * cap), least))
    calls, growth = _growth_rate(history, cap, counter)
    calls_held = (cap - largest) / max(1.0, growth)
    worth = (calls_held - HEADROOM.min_calls) / (HEADROOM.full_calls - HEADROOM.min_calls)
    target = cap - int((cap - largest) * min(1.0, max(0.0, worth)))
    if prices is None:
        return target
    before = counter.tokens((extras + sizes_of_history(_beginning(history), counter)).total)
    return max(fixed, min(target, break_even_target(cap, before, prices, calls)))


def break_even_target(tokens: int, before: int, prices: InputPrices, calls: int) -> int:
    """Compute the tokens to shrink to at most for compaction to pay.

    With S tokens now, A of them before the first change, and a target t, R = S - t tokens go and B = t - A stay behind
    the change. R > B (p - c) / (p + T c) is, solved for the target, t < (S (p + T c) + A (p - c)) / (2 p + (T - 1) c).

    Returns:
        int: Less than `tokens`, unless cached tokens cost as much as fresh ones, or nothing costs anything.
    """
    fresh, cached, calls = prices.fresh, prices.cached, max(1, calls)
    whole = 2 * fresh + (calls - 1) * cached
    if whole <= 0 or cached >= fresh:
        return tokens
    return int((tokens * (fresh + calls * cached) + before * (fresh - cached)) / whole)


def _growth_rate(history: History, cap: int, counter: TokenCounter) -> tuple[int, float]:
    """Estimate the calls made so far, and the tokens that a conversation grows by with each, from the turns it has."""
    sizes = [
        (turn.kind, min(counter.tokens(measure_turn(turn, counter)), int(cap * HEADROOM.largest_turn)))
        for position, turn in enumerate(history.turns)
        if position != history.task
    ]
    calls = sum(kind in ("assistant", "tools") for kind, _ in sizes) or len(sizes)
    growth = sum(size for _, size in sizes) / max(1, calls)
    dropped = 0 if history.past is None else history.past.turns
    return calls + dropped * calls // max(1, len(sizes)), growth


def _beginning(history: History) -> History:
    """Take what no compaction changes: the instructions, and the task where the conversation begins with it."""
    return History(history.system, history.turns[:1] if history.task == 0 else ())
