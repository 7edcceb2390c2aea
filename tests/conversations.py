"""Conversations for the tests of strategies, made in few words, and what a strategy is told about them."""

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    UserMessage,
)

from autogen_budget import History


def user(text: str, source: str = "user") -> UserMessage:
    """A user's or another agent's message."""
    return UserMessage(content=text, source=source)


def said(text: str, thought: str | None = None) -> AssistantMessage:
    """An assistant's text."""
    return AssistantMessage(content=text, thought=thought, source="assistant")


def called(number: int, *texts: str, tool: str = "read", thought: str | None = None) -> list[LLMMessage]:
    """Parallel calls, numbered in their arguments, and their results."""
    calls = [FunctionCall(id=f"c{number}{n}", name=tool, arguments=f'{{"page": {number}}}') for n in range(len(texts))]
    results = [
        FunctionExecutionResult(content=text, name=tool, call_id=call.id, is_error=False)
        for call, text in zip(calls, texts, strict=True)
    ]
    head = AssistantMessage(content=calls, thought=thought, source="assistant")
    return [head, FunctionExecutionResultMessage(content=results)]


def report(n: int, word: str = "line") -> str:
    """A text of many lines that differ."""
    return "\n".join(f"{word} {i} of the long report" for i in range(n))


def results_in(history: History) -> list[str]:
    """All results in a history, in order."""
    return [result.content for turn in history.turns if turn.results for result in turn.results.content]
