"""Replay a transcript through the planner: what each of its model calls would have sent under a budget."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    RequestUsage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget._budget import TokenBudget
from autogen_budget._client import BudgetedChatCompletionClient
from autogen_budget._compaction import Strategy, default_strategies
from autogen_budget._counting import TiktokenCounter
from autogen_budget._errors import BudgetError
from autogen_budget._hooks import RecordLog
from autogen_budget._records import CallRecord

from ._formats import Transcript

_ATOM = re.compile(r"[^\W_][\w@.+:/-]{3,}")
"""A value that a call repeats: a name, number, id or address of at least four characters."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a transcript is replayed with.

    Args:
        budget (TokenBudget): The cap and how to keep it.
        strategies (tuple[str, ...]): Class names of strategies, in order. Empty means the default ones.
        model (str | None): The model that counts and has prices. `None` means OpenAI's current ones, without prices.
    """

    budget: TokenBudget
    strategies: tuple[str, ...] = ()
    model: str | None = None

    def __str__(self) -> str:
        """Return the settings as code to paste."""
        changed = self.budget.model_dump(exclude_defaults=True)
        cap = changed.pop("max_prompt_tokens", None)
        arguments = ([] if cap is None else [f"{cap}"]) + [f"{name}={value!r}" for name, value in changed.items()]
        budget = f"TokenBudget({', '.join(arguments)})"
        if not self.strategies:
            return budget
        return f"{budget}, strategies=[{', '.join(f'{name}()' for name in self.strategies)}]"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one transcript.

    Args:
        name (str): The transcript's name.
        calls (tuple[CallRecord, ...]): A record for each of its model calls.
        needed (int): Values in the recorded tool calls that the history before them held.
        held (int): How many of these were in what was sent.
    """

    name: str
    calls: tuple[CallRecord, ...]
    needed: int
    held: int


def settings_of(text: str, model: str | None = None) -> Settings:
    """Read settings as the command line writes them: `8000` or `cap=8000,compact_to=0.4,strategies=TrimOldest`.

    Several strategies are joined by `+`.

    Raises:
        ValueError: A setting is unknown or out of range.
    """
    values = dict[str, str]()
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        values[key.strip() if equals else "cap"] = value if equals else key
    strategies = tuple(filter(None, values.pop("strategies", "").split("+")))
    check_strategies(strategies)
    renamed = {"cap": "max_prompt_tokens", "window": "context_window"}
    numbers: dict[str, Any] = {renamed.get(key, key): _number(key, value) for key, value in values.items()}
    unknown = sorted(set(numbers) - set(TokenBudget.model_fields))
    if unknown:
        raise ValueError(f"no setting is called {unknown[0]!r}; there are cap, window, {', '.join(_settings())}")
    return Settings(TokenBudget(**numbers), strategies, model)


def _settings() -> list[str]:
    numbers = set(TokenBudget.model_fields) - {"max_prompt_tokens", "context_window", "tool_output_tokens"}
    return [*sorted(numbers), "strategies"]


def _number(key: str, value: str) -> int | float:
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        raise ValueError(f"{key} must be a number, not {value!r}") from None


def check_strategies(names: Sequence[str]) -> None:
    """Make sure that these are names of strategies.

    Raises:
        ValueError: One is not.
    """
    known = known_strategies()
    for name in names:
        if name not in known:
            raise ValueError(f"no strategy is called {name!r}; there are {', '.join(known)}")


def known_strategies() -> list[str]:
    """Return the strategies that can be named: those that call no model."""
    return [type(strategy).__name__ for strategy in default_strategies(TokenBudget(1))]


def _strategies(settings: Settings) -> list[Strategy] | None:
    if not settings.strategies:
        return None
    defaults = {type(strategy).__name__: strategy for strategy in default_strategies(settings.budget)}
    return [defaults[name] for name in settings.strategies]


async def replay(transcript: Transcript, settings: Settings) -> Replayed:
    """Replay one transcript.

    Raises:
        ValueError: The budget gives no cap.
    """
    settings.budget.cap(settings.budget.context_window)  # raises if it says neither
    log = RecordLog(limit=len(transcript.messages) + 1)
    model = _Recorded()
    client = BudgetedChatCompletionClient(
        model,
        settings.budget,
        name=transcript.name,
        strategies=_strategies(settings),
        counter=TiktokenCounter(settings.model),
        hooks=[log.add],
    )
    needed = held = 0
    for count in transcript.calls():
        before = transcript.messages[:count]
        answer = transcript.messages[count] if count < len(transcript.messages) else None
        model.answer = answer if isinstance(answer, AssistantMessage) else None
        model.sent = ()
        with suppress(BudgetError):  # the call's record says why
            await client.create(before, tools=transcript.tools)
        wanted = _atoms_of_calls(model.answer) & _atoms(before)
        needed += len(wanted)
        held += len(wanted & _atoms(model.sent)) if wanted else 0
    await client.stop()
    calls = tuple(replace(call, model=settings.model) for call in log.calls)
    return Replayed(transcript.name, calls, needed, held)


class _Recorded(ReplayChatCompletionClient):
    """Stands for the model: it answers what was recorded, and keeps what it was sent."""

    def __init__(self) -> None:
        info = ModelInfo(vision=True, function_calling=True, json_output=True, family="unknown", structured_output=True)
        super().__init__([], model_info={**info, "multiple_system_messages": True})
        self.answer: AssistantMessage | None = None
        self.sent: Sequence[LLMMessage] = ()

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer what was recorded."""
        self.sent = messages
        content = "" if self.answer is None else self.answer.content
        return CreateResult(finish_reason="unknown", content=content, usage=RequestUsage(0, 0), cached=False)


def _atoms_of_calls(answer: AssistantMessage | None) -> set[str]:
    if answer is None or isinstance(answer.content, str):
        return set()
    return {atom for call in answer.content for atom in _ATOM.findall(call.arguments)}


def _atoms(messages: Sequence[LLMMessage]) -> set[str]:
    return {atom for text in _texts(messages) for atom in _ATOM.findall(text)}


def _texts(messages: Sequence[LLMMessage]) -> Iterator[str]:
    for message in messages:
        if isinstance(message, FunctionExecutionResultMessage):
            yield from (result.content for result in message.content)
        elif isinstance(message.content, str):
            yield message.content
        else:
            yield from (
                part.arguments if isinstance(part, FunctionCall) else part
                for part in message.content
                if isinstance(part, (str, FunctionCall))
            )


def totals(runs: Sequence[Replayed]) -> Mapping[str, int]:
    """Add up replays of several transcripts."""
    calls = [call for run in runs for call in run.calls]
    return {
        "calls": len(calls),
        "failed": sum(call.error is not None for call in calls),
        "compactions": sum(call.shrank for call in calls),
        "tokens_before": sum(call.tokens_before for call in calls),
        "tokens_sent": sum(call.tokens_sent for call in calls),
        "stable_prefix_tokens": sum(call.stable_prefix_tokens for call in calls),
    }
