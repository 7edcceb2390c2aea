"""A model client that passes on to the one it wraps what it does not do itself, and keeps records of what it does."""

from abc import ABC

from autogen_core.models import (
    ChatCompletionClient,
    ModelCapabilities,  # pyright: ignore[reportDeprecated]  # part of the interface
    ModelInfo,
    RequestUsage,
)

from autogen_budget._hooks import RecordLog
from autogen_budget._report import KeepsRecords


class DelegatingClient(KeepsRecords, ChatCompletionClient, ABC):
    """A client around another one, with the model and the usage of that.

    Args:
        client (ChatCompletionClient): The wrapped client.
    """

    def __init__(self, client: ChatCompletionClient) -> None:
        self.client = client
        """The wrapped client."""
        self.log = RecordLog()
        """The newest records of every kind."""

    def actual_usage(self) -> RequestUsage:
        """Return the tokens used by the wrapped client, without what came from a cache."""
        return self.client.actual_usage()

    def total_usage(self) -> RequestUsage:
        """Return the tokens used by the wrapped client, with what came from a cache."""
        return self.client.total_usage()

    @property
    def capabilities(self) -> ModelCapabilities:  # pyright: ignore[reportDeprecated]  # part of the interface
        """What the wrapped model can do, in AutoGen's older form."""
        return self.client.capabilities

    @property
    def model_info(self) -> ModelInfo:
        """What the wrapped model can do, unchanged."""
        return self.client.model_info
