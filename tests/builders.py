"""Small messages and agents that many tests are made of."""

import json
import re
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, cast

from autogen_agentchat.agents import ApprovalResponse, BaseChatAgent, CodeExecutorAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, HandoffMessage, StopMessage, TextMessage
from autogen_core import CancellationToken, FunctionCall, Image
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import BaseTool, Workbench

from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    CallRecord,
    CompactionContext,
    History,
    Pin,
    TiktokenCounter,
    TokenBudget,
    Turn,
)
from autogen_budget._artifacts import ArtifactLease
from autogen_budget._cut import cut_text
from autogen_budget._digest import Digest
from autogen_budget._history import sizes_of_extras
from autogen_budget._turns import RetentionPolicy

COUNTER = TiktokenCounter()
SYSTEM = SystemMessage(content="Be brief.")

PLAIN_CALL = CallRecord(
    name="clerk",
    purpose="reply",
    model="m",
    cap=1_000,
    window=1_200,
    window_source="budget",
    tokens_before=900,
    tokens_sent=900,
    layers_before={},
    layers_sent={},
    steps=(),
    compacted=False,
    stable_prefix_tokens=800,
    new_tokens=100,
    reported_prompt_tokens=None,
    reported_completion_tokens=None,
    cached_tokens=None,
    from_cache=False,
    retries=0,
    seconds=0.1,
    error=None,
    at=1_000.0,
)


def call_record(**fields: Any) -> CallRecord:
    """A record of a call in which nothing happened but what is given."""
    return replace(PLAIN_CALL, **fields)


def user(text: str) -> UserMessage:
    """A user's message."""
    return UserMessage(content=text, source="user")


def said(text: str) -> AssistantMessage:
    """An assistant's text."""
    return AssistantMessage(content=text, source="assistant")


def call(*ids: str) -> AssistantMessage:
    """An assistant's calls."""
    return AssistantMessage(content=[FunctionCall(id=i, name="f", arguments="{}") for i in ids], source="assistant")


def result(*ids: str) -> FunctionExecutionResultMessage:
    """Results of calls."""
    return FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content=f"result {i}", name="f", call_id=i, is_error=False) for i in ids]
    )


def order_turn(order: str, result: str) -> Turn:
    """A call that looks up an order, and its result."""
    return Turn(
        AssistantMessage(
            content=[FunctionCall(id=order, name="get_order", arguments=f'{{"order_id": "{order}"}}')], source="a"
        ),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=result, name="get_order", call_id=order, is_error=False)]
        ),
    )


def ship_talk(turns: int) -> list[LLMMessage]:
    """Instructions, a task and as many further turns."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), user("the task")]
    for i in range(turns):
        messages += [said(f"answer {i}: " + "ship " * 20), user(f"question {i}: " + "sea " * 20)]
    return messages


def kept_history(messages: Sequence[LLMMessage], *pins: Pin, newest: int = 1) -> History:
    """A history in which the newest turns and pinned ones may not be dropped."""
    return History.parse(messages, keep=RetentionPolicy(newest, pins))


def context_for(
    history: History, target: int = 1, cap: int | None = None, *, store: ArtifactStore | None = None
) -> CompactionContext:
    """What a strategy is given beside a history; without a cap of its own, the target is the cap."""
    extras = sizes_of_extras(COUNTER)
    lease = None if store is None else ArtifactLease(store)
    context = CompactionContext(tokens=0, target=target, cap=cap or target, extras=extras, counter=COUNTER, lease=lease)
    return context.after(history)


def text_of(message: LLMMessage) -> str:
    """The words of a message of text, or of the results it holds."""
    if isinstance(message, FunctionExecutionResultMessage):
        return "\n".join(result.content for result in message.content)
    return message.content if isinstance(message.content, str) else "\n".join(map(str, message.content))


def images_in(message: LLMMessage) -> list[Image]:
    """The images of a message."""
    return [part for part in message.content if isinstance(part, Image)]


def held_by(owner: object, *kinds: type) -> list[Any]:
    """The parts of some kinds that an object of AutoGen's holds: itself, in its lists, or in its workbenches' tools."""
    found: dict[int, object] = {}

    def look(value: object) -> None:
        if isinstance(value, kinds):
            found.setdefault(id(value), value)
        elif isinstance(value, (list, tuple)):
            for part in cast("Sequence[object]", value):
                look(part)
        elif isinstance(value, (Workbench, BaseTool)):
            for part in vars(value).values():
                look(part)

    for part in vars(owner).values():
        look(part)
    return list(found.values())


def copy_of(messages: list[LLMMessage]) -> list[LLMMessage]:
    """The same messages as new objects."""
    return [message.model_copy(deep=True) for message in messages]


class Recorder(BaseChatAgent):
    """An agent of a user's own, which notes what is asked of it."""

    def __init__(self, client: ChatCompletionClient | None = None, second: ChatCompletionClient | None = None) -> None:
        super().__init__("recorder", "Notes what it is asked.")
        self.asked: list[str] = []
        self.first = client
        self.second = second

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """Two kinds, to tell them from a default."""
        return (StopMessage, HandoffMessage)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Notes the call and keeps the list it was given."""
        self.asked.append("on_messages")
        self.given = messages
        return Response(chat_message=TextMessage(content="noted", source=self.name))

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Says two things before its response."""
        self.asked.append("on_messages_stream")
        yield TextMessage(content="on the way", source=self.name)
        yield Response(chat_message=TextMessage(content="there", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Notes the call."""
        self.asked.append("on_reset")

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Notes the call."""
        self.asked.append("on_pause")

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Notes the call."""
        self.asked.append("on_resume")

    async def save_state(self) -> Mapping[str, Any]:
        """A state of its own form."""
        return {"asked": list(self.asked)}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Refuses keys it does not know."""
        assert set(state) == {"asked"}
        self.asked = list(state["asked"])

    async def close(self) -> None:
        """Notes the call."""
        self.asked.append("close")


def reference_in(text: str) -> str | None:
    """The first reference that a text names as notices do. `None` means it names none."""
    found = re.search(r'read_artifact\(\\*"([^"\\:]+)(?::\d+)?\\*"', text)
    return found[1] if found else None


def before_recalled(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """What stands in a request before what was recalled for it; all of it where nothing was."""
    return list(takewhile(lambda message: not str(message.content).startswith("[Recalled from earlier"), messages))


@dataclass
class ResultWithFile(CodeResult):
    """A result that says more, as those of the command line do."""

    code_file: str


class Machine(CodeExecutor):
    """Answers with the code itself, many times over, and notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Repeats the code."""
        lines = [f"{i} {block.code}" for block in code_blocks for i in range(2_000)]
        return ResultWithFile(exit_code=3, output="\n".join(lines), code_file="main.py")

    async def start(self) -> None:
        """Notes the call."""
        self.asked.append("start")

    async def stop(self) -> None:
        """Notes the call."""
        self.asked.append("stop")

    async def restart(self) -> None:
        """Notes the call."""
        self.asked.append("restart")


def budgeted_executor(machine: CodeExecutor, budget: TokenBudget, **options: Any) -> CodeExecutor:
    """A machine under the budget of the agent that runs its code on it."""
    coder = CodeExecutorAgent("coder", machine, approval_func=lambda _: ApprovalResponse(approved=True, reason="yes"))
    (executor,) = held_by(BudgetedAgent(coder, budget, **options).inner, CodeExecutor)
    assert isinstance(executor, CodeExecutor)
    return executor


def cut(text: str, limit: int, *hints: str, reference: str | None = None) -> str:
    """A text cut to so many tokens, as an output of a tool is, with the reference that its notice names."""
    return cut_text(text, limit, COUNTER, hints=hints, reference=reference)


def digest_of(turns: Iterable[Turn] = ()) -> Digest:
    """What is remembered of turns that were dropped."""
    return Digest().extended(turns)


def reloaded(digest: Digest, **changes: object) -> Digest:
    """A digest after its way through a file, in which some keys were changed; `None` takes one out."""
    state = json.loads(json.dumps(digest.save())) | changes
    return Digest.load({key: value for key, value in state.items() if value is not None})
