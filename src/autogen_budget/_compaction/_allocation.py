"""Allocate a request's tokens between protected turns, facts, a summary, further named shares and the newest turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shares:
    """The figures by which tokens are allocated, each measured by argument recall on transcripts of agents.

    Args:
        facts_share (float): Share of the tokens for turns and facts that facts may take: a value with its name is worth
            more, token for token, than whole turns of long ago.
        facts_per_dropped (float): Tokens of facts for each token that is dropped: more repeats what a reader does not
            need, less loses what he does.
        facts_slack (float): How far facts may exceed their share when the turns leave tokens unused.
        min_facts (float): Share of the tokens beside instructions and schemas that facts may take in any case, before
            the words of the task and of the newest turns are cut.
        min_facts_before_results (float): The same before results of the newest turns are cut that are data: facts
            render the values in them anyway.
        edge_result (float): Share of the cap that results of the oldest turn that stays may keep, where there is no
            room for all of them.
        working_set (float): Share of the cap for what the agent works with: on shell work, a fifth or a third of it
            brings no more.
        facts_beside_exchange (int): Tokens of facts from which on the newest exchange comes first: the first facts are
            worth more than a long answer, the later ones less.
        worth_filling (float): Share of the cap from which on what facts leave goes to protected texts that were cut;
            a cut ends between lines or words and hardly fills less.
    """

    facts_share: float = 0.75
    facts_per_dropped: float = 0.4
    facts_slack: float = 1.25
    min_facts: float = 0.25
    min_facts_before_results: float = 0.6
    edge_result: float = 0.15
    working_set: float = 0.1
    facts_beside_exchange: int = 1_000
    worth_filling: float = 0.03


SHARES = Shares()
NO_SHARES: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Allocation:
    """How many tokens each part of a compacted request may hold. All figures are tokens.

    Args:
        target (int): What the request should shrink to.
        cap (int): What it must not exceed.
        fixed (int): What instructions, schemas and the request's frame hold.
        dropped (int): What the dropped turns hold that facts would stand for.
        notice (int): What the message that stands for dropped turns holds, without facts.
        summary (int): What is left for a summary. 0 means there is none.
        facts (bool): Whether facts are rendered at all.
        recall (int): What is kept free for what is recalled: facts and turns that may be dropped yield to it.
        reserved (Mapping[str, int]): Further shares by name, which are taken off before turns and facts.
    """

    target: int
    cap: int
    fixed: int
    dropped: int
    notice: int
    summary: int = 0
    facts: bool = True
    recall: int = 0
    reserved: Mapping[str, int] = field(default_factory=lambda: NO_SHARES)

    @property
    def overhead(self) -> int:
        """What is taken by what is neither a turn nor a fact: the notice, the summary, the reserved shares."""
        return self._frame + self._reserved

    @property
    def min_facts(self) -> int:
        """What facts may take even where the protected turns leave no tokens for them."""
        return self._facts_of(SHARES.min_facts)

    @property
    def protected_limit(self) -> int:
        """What a request of nothing but protected turns may hold; beyond it, their longest texts are cut."""
        return self.cap - self._frame - max(self.min_facts, self._reserved)

    @property
    def protected_results_limit(self) -> int:
        """The same as far as it can be kept by cutting results that are data."""
        return self.cap - self._frame - max(self._facts_of(SHARES.min_facts_before_results), self._reserved)

    def exchange_limit(self, protected: int) -> int:
        """Return the tokens of the newest exchange: measured against the cap; facts yield to it down to a number."""
        facts = min(self._facts_share(protected), SHARES.facts_beside_exchange)
        return self._usable - self._frame - protected - max(facts, self._reserved)

    def turns_limit(self, protected: int, exchange: int = 0) -> int:
        """Return what the newest turns may hold beside the protected ones and the newest exchange."""
        return self._available(protected, exchange) - self._facts_share(protected)

    def facts_limit(self, protected: int, exchange: int = 0, kept: int = 0) -> int:
        """Return what facts may hold. They use the head-room only where the target leaves too little."""
        if not self.facts:
            return 0
        limit = self._available(protected, exchange)
        slack = int(self._facts_share(protected) * SHARES.facts_slack)
        facts_target = max(slack, int(self.dropped * SHARES.facts_per_dropped))
        min_facts = self.min_facts - self.summary if limit < self.min_facts else 0
        left = self._usable - self.overhead - protected - exchange - kept
        return max(0, min(limit - kept, facts_target), min(min_facts, left))

    @property
    def _frame(self) -> int:
        return self.notice + self.summary

    @property
    def _reserved(self) -> int:
        return sum(self.reserved.values())

    def _available(self, protected: int, exchange: int) -> int:
        """Return the tokens of facts and further turns; an exchange that is too large stands in the head-room."""
        used = protected + self.overhead + exchange
        limit = max(self.target, used + self._facts_share(protected)) if exchange else self.target
        return min(self._usable, limit) - used

    @property
    def _usable(self) -> int:
        return self.cap - self.recall

    def _facts_share(self, protected: int) -> int:
        """Return what is set aside for facts, if half of the available tokens goes to turns and the rest is dropped."""
        available = self.target - protected - self.overhead
        worth_keeping = int((self.dropped - available / 2) * SHARES.facts_per_dropped)
        return max(0, min(int(available * SHARES.facts_share), worth_keeping)) if self.facts else 0

    def _facts_of(self, share: float) -> int:
        worth_keeping = int(self.dropped * SHARES.facts_per_dropped)
        return min(worth_keeping, int((self.cap - self.fixed) * share)) if self.facts else 0
