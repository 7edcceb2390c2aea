"""Every member of AutoGen's interfaces is answered by our own code, found by reflection."""

import inspect
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import ChatAgent, TaskRunner
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeExecutor
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, UserMessage
from autogen_core.tools import StaticStreamWorkbench, Workbench
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, BudgetedWorkbench, TokenBudget
from builders import Machine, budgeted_executor

WRAPPERS: dict[type, tuple[type, ...]] = {
    BudgetedChatCompletionClient: (ChatCompletionClient,),
    BudgetedAgent: (BaseChatAgent, ChatAgent, TaskRunner),
    BudgetedWorkbench: (Workbench, StaticStreamWorkbench),
    type(budgeted_executor(Machine(), TokenBudget(800))): (CodeExecutor,),
}

INHERITED = {
    (BudgetedAgent, "name"): "set to the inner agent's name when the wrapper is made",
    (BudgetedAgent, "description"): "set to the inner agent's description when the wrapper is made",
    (BudgetedAgent, "run"): "calls on_messages, which is delegated",
    (BudgetedAgent, "run_stream"): "calls on_messages_stream, which is delegated",
}


def members() -> Iterator[tuple[type, str]]:
    """Each public member that an interface itself declares, with the wrapper that has to answer it."""
    for wrapper, interfaces in WRAPPERS.items():
        names = {
            name
            for interface in interfaces
            for name, value in vars(interface).items()
            if not name.startswith("_") and (callable(value) or isinstance(value, property))
        }
        yield from ((wrapper, name) for name in sorted(names))


@pytest.mark.parametrize(("wrapper", "name"), list(members()))
def test_every_member_is_answered(wrapper: type, name: str) -> None:
    """A wrapper defines each member of the interface, or a base of ours does; else there is a reason written down."""
    ours = [cls for cls in wrapper.__mro__ if cls.__module__.startswith("autogen_budget")]
    assert any(name in vars(cls) for cls in ours) is ((wrapper, name) not in INHERITED)


@pytest.mark.parametrize(("wrapper", "name"), list(members()))
def test_signatures_can_stand_in_for_the_interface(wrapper: type, name: str) -> None:
    """A caller of the interface can call the wrapper: the same parameters, of the same kinds, with defaults alike."""
    interface = next(cls for cls in WRAPPERS[wrapper] if name in vars(cls))
    expected, actual = inspect.getattr_static(interface, name), inspect.getattr_static(wrapper, name)
    if isinstance(expected, property):
        assert isinstance(actual, property)
        return
    wanted, given = inspect.signature(expected).parameters, inspect.signature(actual).parameters
    assert list(wanted) == list(given)
    for parameter, own in zip(wanted.values(), given.values(), strict=True):
        assert own.kind == parameter.kind
        assert (own.default is inspect.Parameter.empty) == (parameter.default is inspect.Parameter.empty)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_nothing_is_forwarded_behind_the_scenes(wrapper: type) -> None:
    """Delegation is written out: a catch-all would hide a member that is forgotten."""
    assert not hasattr(wrapper, "__getattr__")
    assert not inspect.isabstract(wrapper)


class Noting(ReplayChatCompletionClient):
    """Notes with what it is called."""

    noted: dict[str, object]

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Notes it."""
        self.noted = {"messages": messages, **options}
        return await super().create(messages)

    async def create_stream(
        self, messages: Sequence[LLMMessage], **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Notes it."""
        self.noted = {"messages": messages, **options}
        async for item in super().create_stream(messages):
            yield item


@pytest.mark.parametrize("streaming", [False, True])
async def test_every_argument_reaches_the_wrapped_client(streaming: bool) -> None:
    """Nothing that a caller asks for is left behind or replaced by a default."""
    inner = Noting(["yes"])
    client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
    messages: list[LLMMessage] = [UserMessage(content="Look.", source="user")]
    options: dict[str, Any] = {
        "tools": [{"name": "look", "description": "Looks."}],
        "tool_choice": "required",
        "json_output": True,
        "extra_create_args": {"seed": 7},
        "cancellation_token": CancellationToken(),
    }
    assert set(options) == set(inspect.signature(ChatCompletionClient.create).parameters) - {"self", "messages"}
    if streaming:
        assert [item async for item in client.create_stream(messages, **options)]
    else:
        await client.create(messages, **options)
    assert inner.noted == {"messages": messages, **options}
