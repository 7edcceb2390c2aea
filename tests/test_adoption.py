"""The one place that reaches into agents: finds model clients, and gives them back."""

import pytest
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget._adoption import clients_given_back, give_clients, held_clients


class Owner:
    """Something that holds model clients."""

    def __init__(self) -> None:
        self.first = ReplayChatCompletionClient(["a"])
        self._second = ReplayChatCompletionClient(["b"])
        self.name = "owner"


def test_finds_clients_under_any_name() -> None:
    """Public and private attributes count, whatever they are called; other things do not."""
    owner = Owner()
    assert set(held_clients(owner)) == {"first", "_second"}
    assert held_clients(owner)["first"] is owner.first


def test_gives_back_and_takes_again() -> None:
    """Inside the block the originals are in place, after it, even after an error, the others."""
    owner = Owner()
    originals = held_clients(owner)
    others = {name: ReplayChatCompletionClient(["c"]) for name in originals}
    give_clients(owner, others)
    with clients_given_back(owner, originals):
        assert held_clients(owner) == originals
    assert held_clients(owner) == others
    with pytest.raises(RuntimeError), clients_given_back(owner, originals):  # noqa: PT012 (the block is the test)
        raise RuntimeError
    assert held_clients(owner) == others
