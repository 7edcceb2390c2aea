"""Every member of AutoGen's interfaces is answered by our own code, found by reflection."""

import inspect
from collections.abc import Iterator

import pytest
from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import ChatAgent, TaskRunner
from autogen_core.code_executor import CodeExecutor
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import StaticStreamWorkbench, Workbench

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, BudgetedWorkbench
from autogen_budget._executor import BudgetedCodeExecutor

WRAPPERS: dict[type, tuple[type, ...]] = {
    BudgetedChatCompletionClient: (ChatCompletionClient,),
    BudgetedAgent: (BaseChatAgent, ChatAgent, TaskRunner),
    BudgetedWorkbench: (Workbench, StaticStreamWorkbench),
    BudgetedCodeExecutor: (CodeExecutor,),
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
    """A wrapper defines each member of the interface itself, or inherits it for a reason that is written down."""
    assert (name in vars(wrapper)) is ((wrapper, name) not in INHERITED)


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
