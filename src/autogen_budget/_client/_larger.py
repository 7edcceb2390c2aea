"""A larger model for single calls that do not fit the one they were meant for, when nothing else helps."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from autogen_core.models import ChatCompletionClient

from autogen_budget._hooks import RecordLog
from autogen_budget._records import CallRecord
from autogen_budget._spend import SpendPool

from ._call import Caller, ModelCall
from ._request import Ask

logger = logging.getLogger("autogen_budget")

Larger = Callable[[Ask], ModelCall]
"""Makes the call of a larger model that takes the place of another call."""


class UnderBudget(Protocol):
    """What a client under budget can do for another one."""

    log: RecordLog

    @property
    def pool(self) -> SpendPool | None:
        """What pays for its calls. `None` means nothing does."""
        ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def call_for(self, caller: Caller, ask: Ask) -> ModelCall:
        """Return a call of its model on somebody's behalf."""
        ...


class LargerModel:
    """Takes over calls that do not fit; that it does so is a warning the first time."""

    def __init__(
        self, given: ChatCompletionClient, under_budget: Callable[[ChatCompletionClient], UnderBudget]
    ) -> None:
        self.given = given
        """The larger model, as it was given."""
        self._under_budget = under_budget
        self._client: UnderBudget | None = None

    def taking_over(self, caller: Caller) -> Larger:
        """Return what takes over a call."""

        def call(ask: Ask) -> ModelCall:
            client = self._client
            if client is None:
                client = self._client = self._under_budget(self.given)
                logger.warning(
                    "%s: a call does not fit and goes to the larger model (%s), as every such call will. To make calls "
                    "fit, set max_instruction_tokens in TokenBudget or raise max_prompt_tokens",
                    caller.name,
                    client.name,
                )

            def keep(record: CallRecord) -> None:
                record = replace(record, larger=True)
                caller.on_end(record)
                if id(client) == id(self.given):  # made by the user, with a log that he reads
                    client.log.add(record)

            return client.call_for(replace(caller, pool=client.pool or caller.pool, on_end=keep), ask)

        return call
