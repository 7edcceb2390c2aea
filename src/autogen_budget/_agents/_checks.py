"""Refuse what cannot be put under budget as an agent, and name the right call."""

from weakref import WeakSet

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Team
from autogen_core.models import ChatCompletionClient

from autogen_budget._checks import kind_of

from ._covered import AgentUnderBudget

_wrapped: "WeakSet[BaseChatAgent]" = WeakSet()
"""The agents that wrappers work with: their clients and tools are under budget."""


def check_agent(agent: object) -> None:
    """Refuse what is no agent, or is under budget already.

    Raises:
        TypeError: It is no agent.
        ValueError: It is under budget already.
    """
    if isinstance(agent, Team):
        raise TypeError(f"{agent.name!r} is a team, not an agent: use budget_team(team, budget)")
    if isinstance(agent, ChatCompletionClient):
        raise TypeError("a model client is not an agent: use BudgetedChatCompletionClient(client, budget)")
    if not isinstance(agent, BaseChatAgent):
        raise TypeError(f"agent must be a BaseChatAgent, got {kind_of(agent)}")
    if isinstance(agent, AgentUnderBudget):
        raise ValueError(f"agent {agent.name!r} is a BudgetedAgent already: use it as it is, and set its .budget")
    if agent in _wrapped:
        raise ValueError(
            f"agent {agent.name!r} is inside a BudgetedAgent already: use that one, and set its .budget; or build the "
            "agent again"
        )


def nothing_to_wrap(agent: BaseChatAgent) -> str:
    """Return why an agent cannot be put under budget."""
    return (
        f"agent {agent.name!r} ({type(agent).__name__}) holds no ChatCompletionClient, so there is no model call to "
        "put under budget, and no tools or code either. Use it as it is"
    )


def note_wrapped(agent: BaseChatAgent) -> None:
    """Remember that an agent is under budget."""
    _wrapped.add(agent)
