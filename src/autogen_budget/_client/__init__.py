"""The model seam: a client whose every request fits."""

from ._client import BudgetedChatCompletionClient
from ._limited import read_trouble
from ._planner import Planner
from ._provider_errors import OutOfMemory, Overflow, Throttled, read_provider_error
from ._request import Ask, Request
from ._settings import CallConfig, CallSettings
from ._usage import Usage, UsageDetails, UsageListener

__all__ = [
    "Ask",
    "BudgetedChatCompletionClient",
    "CallConfig",
    "CallSettings",
    "OutOfMemory",
    "Overflow",
    "Planner",
    "Request",
    "Throttled",
    "Usage",
    "UsageDetails",
    "UsageListener",
    "read_provider_error",
    "read_trouble",
]
