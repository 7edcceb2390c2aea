"""The tree of errors: the class is named once, and figures are attributes."""

from collections.abc import AsyncGenerator, Sequence

import pytest
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseChatMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken

from autogen_budget import ArtifactNotFoundError, BudgetError, ContextOverflowError, SpendLimitError
from builders import Recorder


@pytest.mark.parametrize("kind", [BudgetError, ArtifactNotFoundError])
async def test_a_team_names_the_class_once(kind: type[BudgetError]) -> None:
    """AutoGen puts the class before the text of an error in a team; the text does not repeat it."""

    class Failing(Recorder):
        async def on_messages_stream(
            self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
        ) -> AsyncGenerator[Response, None]:
            raise kind("no such thing")
            yield

    with pytest.raises(RuntimeError, match=rf"^{kind.__name__}: no such thing\n"):
        await RoundRobinGroupChat([Failing()], max_turns=1).run(task="go")
    assert str(kind("no such thing")) == "no such thing"


def test_overflow_carries_its_figures() -> None:
    """Cap, size and parts can be read without parsing the text."""
    error = ContextOverflowError("too large", cap=100, size=120, parts={"system": 90})
    assert str(error) == "too large"
    assert (error.cap, error.size, error.parts) == (100, 120, {"system": 90})


def test_a_spend_limit_carries_its_figures() -> None:
    """Who refused, what there is too little of, and whether waiting helps can be read without parsing the text."""
    error = SpendLimitError(
        "too little left", pool="team", unit="tokens", limit=100, spent=60, reserved=30, asked=20, final=False
    )
    assert str(error) == "too little left"
    assert isinstance(error, BudgetError)
    assert (error.pool, error.unit, error.final) == ("team", "tokens", False)
    assert (error.limit, error.spent, error.reserved, error.asked) == (100, 60, 30, 20)


def test_the_figures_of_an_error_are_its_own() -> None:
    """Parts that change after the error was raised do not change what it says."""
    parts = {"system": 90}
    error = ContextOverflowError("too large", cap=100, size=120, parts=parts)
    parts.clear()
    assert error.parts == {"system": 90}
