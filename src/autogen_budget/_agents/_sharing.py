"""How much of a team's conversation a participant is given: all of it, or its task, the newest words and the facts."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

from autogen_agentchat.messages import BaseChatMessage, HandoffMessage, TextMessage

from autogen_budget._artifacts import ArtifactLease, ArtifactStore
from autogen_budget._counting import TokenCounter
from autogen_budget._digest import Digest
from autogen_budget._history import History
from autogen_budget._text import indented, one_line
from autogen_budget._turns import NOTE_SOURCE, READ_ARTIFACT

logger = logging.getLogger("autogen_budget")

Share = Literal["all", "summary"] | Callable[[Sequence[BaseChatMessage]], Sequence[BaseChatMessage]]
"""What to pass on of the messages since an agent's last turn: all, a summary, or what a function chooses."""

FACTS_SHARE = 0.125
"""Share of the cap that the facts of messages left out may take; what is shorter than that is passed on as it is."""


class Sharing:
    """Chooses which of the others' messages since its last turn one agent is given.

    A summary keeps the first message that an agent ever gets, all that a user says, hand-offs with their context, and
    the newest message. The others become one message with their facts, which takes their place; the store keeps
    them whole.

    Raises:
        ValueError: `share` is none of its values.
    """

    def __init__(self, share: Share, artifacts: ArtifactStore, counter: TokenCounter, cap: Callable[[], int]) -> None:
        check_share(share)
        self._share: Share = share
        self._lease = ArtifactLease(artifacts)
        self._counter = counter
        self._cap = cap
        self._begun = False

    def forget(self) -> None:
        """Begin anew, as after a reset: the next message is the first."""
        self._begun = False
        self._lease.release()

    async def choose(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        """Return what to pass on of messages, as a new list; all of them if the function fails that was given for it.

        `messages`: The messages since the last time. Nothing in it is changed.
        """
        first, self._begun = not self._begun, True
        if self._share == "all" or not messages:
            return list(messages)
        if self._share == "summary":
            return await self._summarize(messages, first=first)
        try:
            return _checked(self._share(tuple(messages)))
        except Exception:
            logger.warning("share=%r failed; all messages are passed on", self._share, exc_info=True)
            return list(messages)

    async def _summarize(self, messages: Sequence[BaseChatMessage], *, first: bool) -> list[BaseChatMessage]:
        kept = [
            (first and place == 0)
            or place == len(messages) - 1
            or message.source == "user"
            or isinstance(message, HandoffMessage)
            for place, message in enumerate(messages)
        ]
        left_out = [message for message, keeps in zip(messages, kept, strict=True) if not keeps]
        whole = "\n\n".join(f"{one_line(message.source)}: {indented(message.to_model_text())}" for message in left_out)
        limit = int(self._cap() * FACTS_SHARE)
        if self._counter.count_text(whole, limit=limit) <= limit:
            return list(messages)
        visible = [message.to_model_text() for message, keeps in zip(messages, kept, strict=True) if keeps]
        note = TextMessage(content=await self._note(left_out, whole, limit, visible), source=NOTE_SOURCE)
        place = kept.index(False)
        rest = [message for message, keeps in zip(messages[place:], kept[place:], strict=True) if keeps]
        return [*messages[:place], note, *rest]

    async def _note(self, messages: Sequence[BaseChatMessage], whole: str, limit: int, visible: Sequence[str]) -> str:
        """Return the facts in messages, who said them, and where to read the whole."""
        turns = History.parse([message.to_model_message() for message in messages]).turns
        facts = Digest().extended(turns).render(limit, self._counter, visible=visible)
        reference = (await self._lease.keep(whole)).reference
        speakers = ", ".join(dict.fromkeys(one_line(message.source) for message in messages))
        count = "1 message" if len(messages) == 1 else f"{len(messages):,} messages"
        read = "" if reference is None else f'; {READ_ARTIFACT}("{reference}")'
        return f"{facts}\n[{count} of {speakers} left out{read}]".lstrip()


def check_share(share: Share) -> None:
    """Refuse a value that is no `Share`.

    Raises:
        ValueError: It is neither one of the words nor a function.
    """
    if share not in ("all", "summary") and not callable(share):
        raise ValueError(f"share must be 'all', 'summary' or a function that takes messages, got {share!r}")


def dump_share(share: Share) -> Literal["all", "summary"]:
    """Return the declarative form of what is passed on.

    Raises:
        TypeError: It is a function.
    """
    if callable(share):
        raise TypeError("an agent with a function as share cannot be dumped: it is code; use 'all' or 'summary'")
    return share


def _checked(messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
    for message in messages:
        if not isinstance(message, BaseChatMessage):
            raise TypeError(f"share must return chat messages, got {type(message).__name__}")
    return list(messages)
