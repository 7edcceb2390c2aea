"""A turn as a reader sees it: who says what, which calls are made, and what each of them brings."""

from collections.abc import Iterable, Iterator

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResult, SystemMessage

from autogen_budget._text import one_line

from ._turn import Turn


def transcript_lines(turn: Turn) -> Iterator[tuple[str, str]]:
    """Yield the speakers and words of a turn, in order; each call is followed by its result."""
    head = turn.head
    speaker = "instructions" if isinstance(head, SystemMessage) else one_line(head.source)
    if isinstance(head, AssistantMessage) and head.thought:
        yield f"{speaker} thinks", head.thought
    if turn.results is None:
        parts = [head.content] if isinstance(head.content, str) else head.content
        yield speaker, "\n".join(part if isinstance(part, str) else "[image]" for part in parts)
        return
    for call, result in _pairs(turn.calls, turn.results.content):
        name = one_line(call.name)
        yield f"{speaker} calls {name}", call.arguments
        yield f"{name} {'fails' if result.is_error else 'returns'}", result.content


def _pairs(
    calls: Iterable[FunctionCall], results: Iterable[FunctionExecutionResult]
) -> Iterator[tuple[FunctionCall, FunctionExecutionResult]]:
    """Yield each call with its result: a turn holds one for each, perhaps in another order."""
    left = list(results)
    for call in calls:
        result = next(result for result in left if result.call_id == call.id)
        left.remove(result)
        yield call, result
