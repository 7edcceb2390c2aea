"""What a provider's prompt cache would keep of a conversation that grows turn by turn: a deterministic simulation.

    python tests/cache_simulation.py

A provider reads from its cache what a request has in common with the one before it, from the first byte on. Each
conversation is played through one `BudgetedChatCompletionClient`, and, for comparison, through block trimming: over the
cap, the oldest messages go until half of the cap is left.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from autogen_core import FunctionCall
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget

COUNTER = TiktokenCounter()
PLACES = ("north quay", "coal pier", "fish market", "dry dock", "customs house")
GOODS = ("salt", "tar", "rope", "oranges", "timber", "wool", "tin")

Request = Sequence[LLMMessage]


@dataclass(frozen=True)
class Cached:
    """What one conversation came to.

    Args:
        share (float): Share of all prompt tokens that the request before had in the same place.
        compactions (int): How many requests did not begin with the whole request before.
        largest (int): Tokens of the largest request.
    """

    share: float
    compactions: int
    largest: int


class Trimmed(UnboundedChatCompletionContext):
    """A context that forgets its oldest messages as soon as there are too many tokens of them."""

    def __init__(self, cap: int, target: int) -> None:
        super().__init__()
        self._cap, self._target = cap, target

    def _tokens(self, messages: Sequence[LLMMessage]) -> int:
        return sum(COUNTER.tokens(COUNTER.measure_message(message)) for message in messages)

    async def get_messages(self) -> list[LLMMessage]:
        """What is left."""
        if self._tokens(self._messages) > self._cap:
            while len(self._messages) > 1 and self._tokens(self._messages) > self._target:
                del self._messages[:1]
            while len(self._messages) > 1 and self._messages[0].type != "UserMessage":
                del self._messages[:1]
        return list(self._messages)


class Listening(ReplayChatCompletionClient):
    """A model that answers in a short sentence and remembers what it was sent."""

    def __init__(self) -> None:
        super().__init__([])
        self.requests: list[Request] = []

    async def create(self, messages: Sequence[LLMMessage], *_: Any, **__: Any) -> CreateResult:
        """Answer anything."""
        self.requests.append(list(messages))
        return CreateResult(finish_reason="stop", content="", usage=RequestUsage(0, 0), cached=False)


def chat(turns: int) -> Iterator[Request]:
    """Short words of a user, each with a short answer: the messages that each turn adds."""
    yield [SystemMessage(content="You are the clerk of a harbour. Answer in one short sentence."), _day(0)]
    for day in range(1, turns):
        answer = f"The books of day {day - 1} are closed; the {PLACES[day % 5]} comes next, as agreed."
        yield [AssistantMessage(content=answer, source="clerk"), _day(day)]


def chat_with_tools(turns: int) -> Iterator[Request]:
    """The same chat, where every other answer takes a call that brings a record of about 100 tokens."""
    for day, added in enumerate(chat(turns)):
        if day % 2 == 0:
            yield added
            continue
        call = FunctionCall(id=f"c{day}", name="get_berth", arguments=json.dumps({"berth_id": f"B-{day * 37 % 900}"}))
        yield [
            AssistantMessage(content=[call], source="clerk"),
            FunctionExecutionResultMessage(
                content=[FunctionExecutionResult(content=_berth(day), name=call.name, call_id=call.id, is_error=False)]
            ),
            *added,
        ]


def _day(day: int) -> UserMessage:
    cargo = ", ".join(f"{day * 7 % (9 + i) + 3} tonnes of {GOODS[(day + i) % 7]}" for i in range(3))
    return UserMessage(content=f"Day {day}: {PLACES[day % 5]} took {cargo}. Noted?", source="user")


def _berth(day: int) -> str:
    ships = [{"ship_id": f"S-{day * 31 % 997 + i}", "tonnes": day * 13 % 400 + i} for i in range(3)]
    return json.dumps(
        {"berth_id": f"B-{day * 37 % 900}", "status": "taken", "until": f"18:{day % 60:02}", "ships": ships}
    )


async def play(added: Iterable[Request], cap: int) -> Cached:
    """Play a conversation through one budgeted client, a call for each turn."""
    model = Listening()
    client = BudgetedChatCompletionClient(model, TokenBudget(cap))
    messages: list[LLMMessage] = []
    for new in added:
        messages.extend(new)
        await client.create(messages)
    return cached(model.requests)


def play_blocks(added: Iterable[Request], cap: int) -> Cached:
    """Play a conversation through block trimming: over the cap, the oldest go until half of it is left."""
    system: list[LLMMessage] = []
    left: list[LLMMessage] = []
    requests: list[Request] = []
    for new in added:
        system += [message for message in new if isinstance(message, SystemMessage)]
        left += [message for message in new if not isinstance(message, SystemMessage)]
        if tokens_of([*system, *left]) > cap:
            while len(left) > 1 and tokens_of([*system, *left]) > cap // 2:
                del left[0]
        requests.append([*system, *left])
    return cached(requests)


def cached(requests: Sequence[Request]) -> Cached:
    """What each request has in common with the one before it."""
    sent = same = compactions = 0
    for before, now in zip([[], *requests], requests, strict=False):
        whole, begins = list(map(_bytes_of, now)), list(map(_bytes_of, before))
        kept = _common(whole, begins)
        sent += tokens_of(now)
        same += tokens_of(now[:kept])
        if kept < len(begins):
            compactions += 1
            if kept < len(whole):
                same += _tokens(whole[kept][: _common(whole[kept], begins[kept])])
    return Cached(same / sent, compactions, max(map(tokens_of, requests)))


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """How many items both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def tokens_of(messages: Iterable[LLMMessage]) -> int:
    """Tokens of some messages."""
    return sum(COUNTER.tokens(COUNTER.measure_message(message)) for message in messages)


def _tokens(text: str) -> int:
    return COUNTER.count_text(text)


def _bytes_of(message: LLMMessage) -> str:
    return message.model_dump_json()


CONVERSATIONS: Mapping[str, Callable[[int], Iterator[Request]]] = {"chat": chat, "chat with tools": chat_with_tools}


async def main() -> None:
    """Print the table."""
    print(f"{'conversation':18}{'turns':>6}{'cap':>7}{'cached':>8}{'compactions':>13}   blocks: cached, compactions")
    for name, make in CONVERSATIONS.items():
        for turns in (30, 200):
            for cap in (900, 2_000, 8_000):
                ours, blocks = await play(make(turns), cap), play_blocks(make(turns), cap)
                print(
                    f"{name:18}{turns:>6}{cap:>7,}{ours.share:>8.1%}{ours.compactions:>13}"
                    f"{blocks.share:>18.1%}{blocks.compactions:>5}   largest {ours.largest:,}"
                )


if __name__ == "__main__":
    asyncio.run(main())
