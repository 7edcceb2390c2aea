"""The one place that reaches into agents: finds what they work with, and gives it back."""

import pytest
from autogen_core.tools import StaticStreamWorkbench, StaticWorkbench
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget._adoption import give, given_back, held_clients, held_executors, held_workbenches

pytestmark = pytest.mark.filterwarnings("ignore:Using LocalCommandLineCodeExecutor")


class Owner:
    """Something that holds model clients, tools and a code executor."""

    def __init__(self) -> None:
        self.first = ReplayChatCompletionClient(["a"])
        self._second = ReplayChatCompletionClient(["b"])
        self.tools = StaticWorkbench([])
        self.more_tools = [StaticWorkbench([]), StaticStreamWorkbench([])]
        self._runs = LocalCommandLineCodeExecutor()
        self.name = "owner"
        self.nothing: list[object] = []
        self.mixed = [StaticWorkbench([]), "a word"]


def test_finds_clients_under_any_name() -> None:
    """Public and private attributes count, whatever they are called; other things do not."""
    owner = Owner()
    assert set(held_clients(owner)) == {"first", "_second"}
    assert held_clients(owner)["first"] is owner.first


def test_finds_workbenches_one_by_one_and_in_lists() -> None:
    """A list counts when it holds workbenches and nothing else; an empty one says nothing."""
    owner = Owner()
    held = held_workbenches(owner)
    assert set(held) == {"tools", "more_tools"}
    assert held["more_tools"] is owner.more_tools


def test_finds_code_executors() -> None:
    """What runs code is found as well."""
    assert set(held_executors(Owner())) == {"_runs"}


def test_gives_back_and_takes_again() -> None:
    """Inside the block the originals are in place, after it, even after an error, the others."""
    owner = Owner()
    originals = {**held_clients(owner), **held_workbenches(owner)}
    others = {name: ReplayChatCompletionClient(["c"]) for name in originals}
    give(owner, others)
    with given_back(owner, originals):
        assert {**held_clients(owner), **held_workbenches(owner)} == originals
    assert held_clients(owner) == others
    with pytest.raises(RuntimeError), given_back(owner, originals):
        raise RuntimeError
    assert held_clients(owner) == others
