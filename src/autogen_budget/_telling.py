"""What a request tells of its past: the facts that it does not show, those first that the newest words are about."""

from ._history import History
from ._need import Need
from ._past import Past
from ._turns import text_of


def telling(history: History, past: Past, limit: int, need: Need) -> Past:
    """The past with its facts told, as far as they fit and the request does not hold them anyway.

    Args:
        history (History): The conversation as it will be sent, but for its past.
        past (Past): What is known of the turns that went, and its summary.
        limit (int): Tokens the facts may take.
        need (Need): Counts them, and names what may be asked for next.
    """
    messages = (*history.system, *(message for turn in history.turns for message in turn.messages))
    newest = history.turns[history.request or 0 :]
    return past.telling(
        limit,
        need.counter,
        visible=[past.summary, *map(text_of, messages)],
        shortened=[turn for turn in history.turns if turn.whole is not None],
        wanted=need.names,
        about="\n".join(text_of(turn.head) for turn in newest),
    )
