"""Calls at the same time: in any interleaving of their awaits, none sees another's messages, and nothing is lost."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

from autogen_core import CancellationToken
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import (
    ArtifactStore,
    BudgetedChatCompletionClient,
    CompactionContext,
    History,
    SpendPool,
    TokenBudget,
    TrimOldest,
)
from profiles import examples

CAP = 400
MARK = re.compile(r"\bm\d+x\d+\b")


class Chance:
    """Decides at each await how many other tasks go first, and whether a step fails."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._at = 0

    def next(self) -> int:
        """The next number, over and over again."""
        self._at += 1
        return self._numbers[self._at % len(self._numbers)]

    async def wait(self) -> None:
        """Let others go first."""
        for _ in range(self.next() % 5):
            await asyncio.sleep(0)


class SlowStore(ArtifactStore):
    """A store in memory that answers when it likes, and sometimes fails."""

    chance: Chance
    failures = True

    async def put(self, text: str, *, owner: object | None = None) -> str:
        """Store a text, or fail."""
        await self.chance.wait()
        if self.failures and self.chance.next() % 7 == 6:
            raise OSError("the store is asleep")
        reference = await super().put(text, owner=owner)
        await self.chance.wait()
        return reference

    async def hold(self, references: Iterable[str], owner: object) -> None:
        """Hold texts."""
        await self.chance.wait()
        await super().hold(references, owner)


class SlowStrategy:
    """Does nothing, in its own time."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Wait."""
        await self.chance.wait()
        return history


class SlowModel(ReplayChatCompletionClient):
    """Answers when it likes, with what it was sent."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(["never"])
        self.chance = chance
        self.requests: list[list[LLMMessage]] = []

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Remember what was sent."""
        self.requests.append([*messages])
        await self.chance.wait()
        if self.chance.next() % 9 == 8:
            raise ConnectionError("gone")
        return CreateResult(finish_reason="stop", content=marks(messages), usage=RequestUsage(0, 0), cached=False)

    async def create_stream(self, messages: Sequence[LLMMessage], **_: Any) -> AsyncGenerator[str | CreateResult, None]:
        """The same, in pieces."""
        self.requests.append([*messages])
        await self.chance.wait()
        yield marks(messages)
        await self.chance.wait()
        yield CreateResult(finish_reason="stop", content=marks(messages), usage=RequestUsage(0, 0), cached=False)


def marks(messages: Iterable[LLMMessage]) -> str:
    """The marks in messages, in order."""
    return " ".join(MARK.findall("\n".join(str(message.content) for message in messages)))


def thread(branch: int, length: int) -> list[LLMMessage]:
    """A conversation in which each message has a mark of its own; branches part after their sixth message."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="the task", source="user")]
    for i in range(length):
        text = f"m{branch if i >= 6 else 0}x{i} " + f"words of message {i}, nothing more. " * 4
        message = AssistantMessage(content=text, source="a") if i % 2 else UserMessage(content=text, source="user")
        messages.append(message)
    return messages


@given(
    calls=st.lists(
        st.tuples(st.integers(0, 2), st.integers(2, 24), st.booleans(), st.booleans()), min_size=2, max_size=5
    ),
    numbers=st.lists(st.integers(0, 62), min_size=1, max_size=40),
    fails=st.booleans(),
)
@settings(max_examples=examples(0.5))
async def test_calls_at_the_same_time_are_as_if_alone(
    calls: list[tuple[int, int, bool, bool]], numbers: list[int], fails: bool
) -> None:
    """Each request holds its own messages only, its newest one whole, fits, and what left it can be read back."""
    chance = Chance(numbers)
    model, store, pool = SlowModel(chance), SlowStore(), SpendPool(max_tokens=2_000_000)
    store.chance, store.failures = chance, fails
    client = BudgetedChatCompletionClient(
        model,
        TokenBudget(CAP, reply_reserve=10),
        strategies=[SlowStrategy(chance), TrimOldest()],
        artifacts=store,
        pool=pool,
    )

    async def one(branch: int, length: int, stream: bool, cancelled: bool) -> None:
        messages, token = thread(branch, length), CancellationToken()
        await chance.wait()
        if cancelled:
            asyncio.get_running_loop().call_soon(token.cancel)
        answer: str | None = None
        try:
            if stream:
                async for item in client.create_stream(messages, cancellation_token=token):
                    answer = item if isinstance(item, str) else answer
            else:
                answer = str((await client.create(messages, cancellation_token=token)).content)
        except (ConnectionError, asyncio.CancelledError):
            return
        assert answer is not None
        own = marks(messages).split()
        assert set(answer.split()) <= set(own), "another call's message leaked in"
        assert own[-1] in answer.split(), "the newest message is missing"

    await asyncio.gather(*(one(*call) for call in calls))
    assert pool.reserved.tokens == 0
    for record in client.records:
        assert record.tokens_sent <= CAP
    store.failures = False
    longest: dict[int, int] = {}
    for branch, length, _, _ in calls:
        longest[branch] = max(longest.get(branch, 0), length)
    for branch, length in longest.items():  # each conversation goes on, and all of it is in the request or the archive
        messages = [*thread(branch, length), *thread(branch, length + 12)[length + 2 :]]
        while len(model.requests) == 0 or marks(model.requests[-1][-1:]) != marks(messages[-1:]):
            try:
                await client.create(messages)
            except ConnectionError:
                continue
        told = marks(model.requests[-1]).split() + MARK.findall(await client.archive.read())
        assert set(marks(messages).split()) <= set(told)


@given(numbers=st.lists(st.integers(0, 5), min_size=1, max_size=40), callers=st.integers(2, 4))
@settings(max_examples=examples(0.5))
async def test_turns_that_several_calls_let_go_are_archived_once(numbers: list[int], callers: int) -> None:
    """Calls that go on from the same conversation store what all of them let go once."""
    chance = Chance(numbers)
    store = SlowStore()
    store.chance, store.failures = chance, False
    client = BudgetedChatCompletionClient(SlowModel(chance), TokenBudget(CAP), artifacts=store)
    await client.create(thread(0, 6))

    async def one(branch: int) -> None:
        await chance.wait()
        try:
            await client.create(thread(branch, 24))
        except ConnectionError:
            return

    await asyncio.gather(*map(one, range(1, callers + 1)))
    counted = Counter(mark for mark in MARK.findall(await client.archive.read()) if mark.startswith("m0x"))
    assert set(counted.values()) <= {1}


@given(numbers=st.lists(st.integers(0, 5), min_size=1, max_size=40), callers=st.integers(2, 4))
@settings(max_examples=examples(0.5))
async def test_turns_that_first_calls_let_go_are_archived_once(numbers: list[int], callers: int) -> None:
    """Calls that are all the first of the same conversation store what they let go once, too."""
    chance = Chance(numbers)
    store = SlowStore()
    store.chance, store.failures = chance, False
    client = BudgetedChatCompletionClient(SlowModel(chance), TokenBudget(CAP), artifacts=store)
    messages = thread(0, 24)

    async def one(caller: int) -> None:
        await chance.wait()
        try:
            await client.create([*messages, UserMessage(content=f"question {caller}", source="user")])
        except ConnectionError:
            return

    await asyncio.gather(*map(one, range(callers)))
    counted = Counter(MARK.findall(await client.archive.read()))
    assert set(counted.values()) <= {1}
