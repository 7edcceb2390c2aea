"""A model client that passes on to the one it wraps what it does not do itself, and keeps records of what it does."""

from abc import ABC
from collections.abc import Mapping

from autogen_core.models import (
    ChatCompletionClient,
    ModelCapabilities,  # pyright: ignore[reportDeprecated]  # part of the interface
    ModelInfo,
    RequestUsage,
)

from autogen_budget._hooks import RecordLog
from autogen_budget._records import CallRecord
from autogen_budget._report import Report
from autogen_budget._spend import Price


class DelegatingClient(ChatCompletionClient, ABC):
    """A client around another one, with the model and the usage of that.

    Args:
        client (ChatCompletionClient): The wrapped client.
    """

    def __init__(self, client: ChatCompletionClient) -> None:
        self.client = client
        """The wrapped client."""
        self.log = RecordLog()
        """The newest records of every kind."""

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """One record for each of the latest 1,000 calls, oldest first."""
        return self.log.calls

    def report(self, *, prices: Mapping[str, Price] | None = None) -> Report:
        """Return what the records add up to, how histories grow, what wastes tokens, and whether compaction paid.

        Args:
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means none.
        """
        return Report.of(self.log, prices=prices)

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
