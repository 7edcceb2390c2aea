"""What an agent asks of a model, and the request that is made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from autogen_core import CancellationToken
from autogen_core.models import FunctionExecutionResultMessage, LLMMessage, UserMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from autogen_budget._compaction import Plan
from autogen_budget._counting import Tally
from autogen_budget._fixed import Selection
from autogen_budget._history import History, TokenBreakdown
from autogen_budget._model_facts import Window
from autogen_budget._records import Step

LATEST = 50
"""Messages that are looked through for large texts, from the end: what is new stands there in a long history too."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an agent asks for, as received: the arguments of `ChatCompletionClient.create` or `create_stream`.

    Args:
        messages (Sequence[LLMMessage]): Its whole history. Nothing in it is changed.
        tools (Sequence[Tool | ToolSchema]): Tools and hand-offs.
        tool_choice (Tool | Literal["auto", "required", "none"]): Which of them the model may or must use.
        json_output (bool | type[BaseModel] | None): The structure asked for. `None` means none is.
        extra_create_args (Mapping[str, object]): Further arguments.
        cancellation_token (CancellationToken | None): Ends the call. `None` means only cancelling the task does.
        stream (bool): Whether the reply is streamed.
        note (str): What follows the messages, in this request alone. Empty means nothing.
    """

    messages: Sequence[LLMMessage]
    tools: Sequence[Tool | ToolSchema] = ()
    tool_choice: Tool | Literal["auto", "required", "none"] = "auto"
    json_output: bool | type[BaseModel] | None = None
    extra_create_args: Mapping[str, object] = field(default_factory=dict[str, object])
    cancellation_token: CancellationToken | None = None
    stream: bool = False
    note: str = ""

    def large_texts(self, *, every: bool) -> Iterator[str]:
        """Yield the texts of messages that may be large, one by one: what a user said, and what tools gave."""
        for message in self.messages if every else self.messages[-LATEST:]:
            if isinstance(message, FunctionExecutionResultMessage):
                yield from (result.content for result in message.content)
            elif isinstance(message, UserMessage) and isinstance(message.content, str):
                yield message.content


@dataclass(frozen=True, slots=True)
class Request:
    """One planned request; with nothing but a cap, the empty one that a call begins with.

    Args:
        cap (int): Tokens it is allowed to hold.
        messages (Sequence[LLMMessage]): What to send; the caller's own list when nothing had to change.
        tools (Sequence[Tool | ToolSchema]): The tools and hand-offs that it offers.
        selection (Selection): What was left out and shortened for their cap.
        tally (Tally): What the whole request weighs, schemas included.
        tokens (int): The same in tokens.
        window (Window | None): The model's window. `None` means it is not known.
        tokens_before (int): Tokens of everything received in this conversation.
        layers_before (Mapping[str, int]): The same by layer.
        layers_sent (Mapping[str, int]): `tokens` by layer.
        steps (tuple[Step, ...]): What was done.
        compacted (bool): Whether what is sent differs from what was received.
        stable_prefix_tokens (int): Tokens of its beginning that the conversation's previous request had as well.
        new_tokens (int): Tokens of the messages received since then.
        history (History): The conversation that the messages were made of.
        extras (TokenBreakdown): What the request carries beside it.
    """

    cap: int
    messages: Sequence[LLMMessage] = ()
    tools: Sequence[Tool | ToolSchema] = ()
    selection: Selection = field(default_factory=Selection)
    tally: Tally = field(default_factory=Tally)
    tokens: int = 0
    window: Window | None = None
    tokens_before: int = 0
    layers_before: Mapping[str, int] = field(default_factory=dict[str, int])
    layers_sent: Mapping[str, int] = field(default_factory=dict[str, int])
    steps: tuple[Step, ...] = ()
    compacted: bool = False
    stable_prefix_tokens: int = 0
    new_tokens: int = 0
    history: History = field(default_factory=History)
    extras: TokenBreakdown = field(default_factory=TokenBreakdown)


def with_loss(plan: Plan, before: History) -> tuple[Step, ...]:
    """Return the steps of a plan whose dropped turns could not be stored; what was cut says so by itself."""
    lost = {id(turn.uncut) for turn in before.turns} - {id(turn.uncut) for turn in plan.history.turns}
    if not lost:
        return plan.steps
    *steps, last = plan.steps
    return (*steps, replace(last, not_stored=last.not_stored + len(lost)))
