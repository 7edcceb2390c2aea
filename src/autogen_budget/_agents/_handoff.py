"""Hand what one agent knows to another: a text that the next one can begin with."""

from ._agent import BudgetedAgent


async def handoff_summary(agent: BudgetedAgent, *, max_tokens: int = 1_000) -> str:
    """Return what an agent knows of its whole conversation: the latest summary, and the facts of all turns.

    It needs no model: the summary is the one that compaction wrote last, if it wrote one. Nothing in the agent changes.

    .. code-block:: python

        from autogen_agentchat.messages import TextMessage
        from autogen_budget import handoff_summary

        known = await handoff_summary(researcher)
        told = TextMessage(content=known, source="researcher")
        await writer.run(task=[told, TextMessage(content="Write the report.", source="user")])

    Args:
        agent (BudgetedAgent): The agent.
        max_tokens (int): Tokens the text may hold, at least 64.

    Returns:
        str: A text whose first line says what it is; empty if the agent has not heard anything.

    Raises:
        TypeError: The agent is not a `BudgetedAgent`.
        ValueError: `max_tokens` is below 64.
    """
    if not isinstance(agent, BudgetedAgent):
        raise TypeError(f"agent must be a BudgetedAgent, got {type(agent).__name__}: wrap it before it works")
    return await agent.contexts.summary(max_tokens)
