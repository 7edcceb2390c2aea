"""What the records of a run add up to, what wastes tokens in it and what to change: `Report`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import cast

from autogen_agentchat.base import ChatAgent, Team

from ._analysis import Balance, Finding, Growth, balance_of, find_all, growth_by_agent
from ._hooks import RecordLog
from ._introspection import find_clients, find_runners
from ._record_json import read_records
from ._records import CallRecord, OutputCut, Record, TimeLimitRecord, WaitRecord
from ._spend import Price


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What the calls of one agent, or those for one purpose, add up to.

    Args:
        calls (int): Calls of models.
        tokens_sent (int): Tokens of their requests as they were sent.
        reply_tokens (int): Tokens of the replies, as far as they were reported.
        seconds (float): Time they took, in seconds.
    """

    calls: int
    tokens_sent: int
    reply_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """What the records of a run add up to.

    .. code-block:: python

        report = agent.report()  # or Report.of(team), or Report.read("runs/x.jsonl")
        print(report)
        report.to_html("report.html")

    Args:
        calls (int): Calls, with those that failed.
        from_cache (int): How many of them a `ChatCompletionCache` answered, or a `ReplayChatCompletionClient`: they
            count as requests and cost nothing.
        failed (int): How many of them ended with an error.
        compactions (int): How many of them were made smaller, rather than going on with what an earlier one had made.
        tokens_before (int): Tokens of all requests as received, with everything their conversations ever held.
        tokens_sent (int): Tokens of all requests as they were sent.
        stable_prefix_tokens (int): How many of `tokens_sent` the request before had as well, byte for byte.
        cached_tokens (int | None): Prompt tokens the provider read from its cache. `None` means it never reported any.
        summaries (int): How many of the calls were made for a summary.
        oversize (int): How many requests would not have fit into their model's window as received.
        balance (Balance | None): Whether compaction paid. `None` means the price of none of the models is known.
        output_cuts (int): Outputs of tools that were cut where they were received.
        characters_cut (int): Characters that were cut from them.
        waited_seconds (float): Time calls waited for a free place, a rate, a back-off or spend, in seconds.
        retries (int): Calls that failed and were made again.
        time_limits (int): Model calls, tools and runs that a time limit ended.
        loops (int): Repetitions without an effect of which the model was warned, or that ended a run.
        left_behind (int): Tools, calls and runs that could not be stopped at their time limit, and went on in the
            background.
        by_agent (Mapping[str, CallTotals]): The calls by who made them, the most tokens first.
        by_purpose (Mapping[str, CallTotals]): The calls by what they were for, the most tokens first.
        by_layer (Mapping[str, int]): `tokens_sent` by part of the request, largest first.
        by_layer_before (Mapping[str, int]): `tokens_before` by part of the request, largest first.
        growth (tuple[Growth, ...]): How the longest conversation of each agent grows, the fastest first.
        findings (tuple[Finding, ...]): What wastes tokens and what to change, the largest gain first.
        records (tuple[Record, ...]): What all of this was made of, oldest first.
    """

    calls: int
    from_cache: int
    failed: int
    compactions: int
    tokens_before: int
    tokens_sent: int
    stable_prefix_tokens: int
    cached_tokens: int | None
    summaries: int
    oversize: int
    balance: Balance | None
    output_cuts: int
    characters_cut: int
    waited_seconds: float
    retries: int
    time_limits: int
    loops: int
    left_behind: int
    by_agent: Mapping[str, CallTotals]
    by_purpose: Mapping[str, CallTotals]
    by_layer: Mapping[str, int]
    by_layer_before: Mapping[str, int]
    growth: tuple[Growth, ...]
    findings: tuple[Finding, ...]
    records: tuple[Record, ...] = field(repr=False)

    @classmethod
    def of(
        cls,
        source: Iterable[Record] | RecordLog | ChatAgent | Team | object,
        *,
        prices: Mapping[str, Price] | None = None,
    ) -> "Report":
        """Report on a run.

        Args:
            source (Iterable[Record] | RecordLog | ChatAgent | Team | object): Records, a log of them, or what keeps
                them: an agent, a client, or a team, with everything inside that is under budget.
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means there are
                none.

        Raises:
            TypeError: The source holds no records and nothing that is under budget.
        """
        records = tuple(sorted(_records_of(source), key=lambda record: record.at))
        calls = [record for record in records if isinstance(record, CallRecord)]
        cuts = [record for record in records if isinstance(record, OutputCut)]
        kinds = Counter(record.kind for record in records)
        balance = balance_of((call for call in calls if not call.from_cache), prices or {})
        return cls(
            calls=len(calls),
            from_cache=sum(call.from_cache for call in calls),
            failed=sum(call.error is not None for call in calls),
            compactions=sum(call.shrank for call in calls),
            tokens_before=sum(call.tokens_before for call in calls),
            tokens_sent=sum(call.tokens_sent for call in calls),
            stable_prefix_tokens=sum(call.stable_prefix_tokens for call in calls),
            cached_tokens=_cached(calls),
            summaries=sum(call.purpose == "summary" for call in calls),
            oversize=sum(call.window is not None and call.tokens_before > call.window for call in calls),
            balance=balance,
            output_cuts=len(cuts),
            characters_cut=sum(cut.characters - cut.kept for cut in cuts),
            waited_seconds=sum(record.seconds for record in records if isinstance(record, WaitRecord)),
            retries=kinds["retry"],
            time_limits=kinds["time_limit"],
            loops=kinds["loop"],
            left_behind=sum(isinstance(record, TimeLimitRecord) and record.left_behind for record in records),
            by_agent=_shares((call.name, call) for call in calls),
            by_purpose=_shares((call.purpose, call) for call in calls),
            by_layer=_layers(call.layers_sent for call in calls),
            by_layer_before=_layers(call.layers_before for call in calls),
            growth=growth_by_agent(calls),
            findings=find_all(calls, balance),
            records=records,
        )

    @classmethod
    def read(cls, path: str | PathLike[str], *, prices: Mapping[str, Price] | None = None) -> "Report":
        """Report on a run from the file of records that it wrote.

        Args:
            path (str | PathLike[str]): A file that a `RecordFile` wrote.
            prices (Mapping[str, Price] | None): As in `of`.

        Raises:
            OSError: The file cannot be read.
            RecordFormatError: A line of it is no record.
        """
        return cls.of(read_records(path), prices=prices)

    def to_dict(self) -> dict[str, object]:
        """Return the figures as values that JSON can hold, without the records."""
        from ._sight import report_values

        return report_values(self)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the report as one HTML file that needs no network.

        Args:
            path (str | PathLike[str]): The file; what was in it is replaced.

        Raises:
            OSError: It cannot be written.
        """
        from ._sight import report_html

        with open(path, "w", encoding="utf-8") as file:
            file.write(report_html(self))

    def __rich__(self) -> object:
        """Return the same as tables, for `rich.print(report)`; rich comes with the extra `cli`."""
        from ._sight import report_tables

        return report_tables(self)

    def __str__(self) -> str:
        """Return the figures, the growth and what to change, as text for a person."""
        from ._sight import report_text

        return report_text(self)


class KeepsRecords:
    """Keeps records of what it does, and adds them up."""

    log: RecordLog
    """The newest records of every kind."""

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """One record for each of the latest 1,000 model calls, oldest first."""
        return self.log.calls

    def report(self, *, prices: Mapping[str, Price] | None = None) -> Report:
        """Return what the records add up to, how histories grow, what wastes tokens, and whether compaction paid.

        Args:
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means none.
        """
        return Report.of(self.log, prices=prices)


def _records_of(source: object) -> Iterable[Record]:
    """Return the records of whatever keeps some."""
    if isinstance(source, RecordLog):
        return source.all
    if isinstance(source, Iterable):
        return cast("Iterable[Record]", source)
    owners = list(_owners(source))
    if not owners:
        raise TypeError(
            "a report is made of records, or of an agent, a client or a team under budget, not of "
            f"{type(source).__name__}; put it under budget first: BudgetedAgent(agent, budget) or "
            "budget_team(team, budget)"
        )
    # Records of what works inside an agent reach the agent as well.
    return {id(record): record for owner in owners for record in owner.all}.values()


def _owners(source: object) -> Iterator[RecordLog]:
    """Yield the logs of what keeps records: an agent, client or team, and all that works inside it; each once."""
    places = [source]
    for place in places:  # grows as it is read
        inside: list[object] = []
        inner = getattr(place, "inner", None)
        log = getattr(place, "log", None)
        if isinstance(log, RecordLog):
            yield log
            if inner is not None:  # the clients inside a wrapper report to the wrapper
                inside += find_runners(inner)
        elif isinstance(place, (ChatAgent, Team)):
            inside += [*find_clients(place).values(), *find_runners(place)]
        known = set(map(id, places))
        places += [part for part in inside if id(part) not in known]


def _cached(calls: Iterable[CallRecord]) -> int | None:
    reported = [call.cached_tokens for call in calls if call.cached_tokens is not None]
    return sum(reported) if reported else None


def _shares(calls: Iterable[tuple[str, CallRecord]]) -> dict[str, CallTotals]:
    groups: dict[str, list[CallRecord]] = {}
    for key, call in calls:
        groups.setdefault(key, []).append(call)
    shares = {
        key: CallTotals(
            calls=len(group),
            tokens_sent=sum(call.tokens_sent for call in group),
            reply_tokens=sum(call.reported_completion_tokens or 0 for call in group),
            seconds=sum(call.seconds for call in group),
        )
        for key, group in groups.items()
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1].tokens_sent))


def _layers(calls: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for layers in calls:
        total.update(layers)
    return dict(sorted(total.items(), key=lambda item: -item[1]))
