"""The agent and team seam: wrappers that put all that runs inside under budget."""

from ._agent import BudgetedAgent
from ._handoff import handoff_summary
from ._remote import check_message_size, send_remote
from ._team import budget_team

__all__ = [
    "BudgetedAgent",
    "budget_team",
    "check_message_size",
    "handoff_summary",
    "send_remote",
]
