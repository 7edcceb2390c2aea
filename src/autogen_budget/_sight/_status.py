"""What is known of each agent of a run while it goes on: the figures of its status line."""

from dataclasses import dataclass, replace
from decimal import Decimal

from autogen_budget._analysis import cost_of
from autogen_budget._records import CallRecord, Event, Record


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """What is known of one agent.

    Args:
        latest (CallRecord): Its newest call.
        calls (int): Its calls so far.
        sent (int): Tokens of their requests.
        cost (Decimal): US dollars for those of its calls whose price is known.
        event (Event | None): What else was recorded last. `None` means nothing was.
    """

    latest: CallRecord
    calls: int = 0
    sent: int = 0
    cost: Decimal = Decimal(0)
    event: Event | None = None

    @property
    def last_step(self) -> str:
        """The last strategy that made its newest request smaller; empty if none did."""
        return next((step.strategy for step in reversed(self.latest.steps) if step.freed > 0), "")

    @property
    def line(self) -> str:
        """The status in one line: tokens against the cap, spend, last step, time."""
        call = self.latest
        spent = f"{self.sent:,} in {self.calls:,} {'call' if self.calls == 1 else 'calls'}"
        parts = [
            f"{call.tokens_sent:,} of {call.cap:,} tokens ({call.tokens_sent / max(1, call.cap):.0%})",
            f"{spent}, ${self.cost:,.4f}" if self.cost else spent,
            self.last_step or "nothing cut",
            f"{call.seconds:.1f} s",
        ]
        if call.seconds_left is not None:
            parts.append(f"{max(0, call.seconds_left):,.0f} s left")
        return f"{call.name}: {', '.join(parts)}"


class StatusBoard:
    """The status of each agent, by its name, in the order of their first calls."""

    def __init__(self) -> None:
        self.agents: dict[str, AgentStatus] = {}
        """What is known of each agent that made a call."""
        self._events: dict[str, Event] = {}

    def add(self, record: Record) -> None:
        """Take in a record."""
        known = self.agents.get(record.name)
        if isinstance(record, CallRecord):
            known = known or AgentStatus(record, event=self._events.get(record.name))
            self.agents[record.name] = replace(
                known,
                latest=record,
                calls=known.calls + 1,
                sent=known.sent + record.tokens_sent,
                cost=known.cost + (cost_of(record, {}) or 0),
            )
        elif known is not None:
            self.agents[record.name] = replace(known, event=record)
        else:
            self._events[record.name] = record
