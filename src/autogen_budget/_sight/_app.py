"""The command line: `inspect`, `replay`, `plan`, `diff`, `live`, `doctor` and `demo`; needs the extra `cli`."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from typer.core import TyperGroup

from autogen_budget._counting import TiktokenCounter
from autogen_budget._records import CallRecord, Record
from autogen_budget._report import Report

from ._demo import demo_run
from ._doctor import check_counting, check_model, check_packages, check_server
from ._formats import FileFormatError, Transcript, read_file
from ._inspect import Contents, contents_of
from ._live import follow, status_table
from ._plan import plan as find_plan
from ._replay import Replayed, Settings, settings_of, totals
from ._replay import replay as replay_one
from ._status import StatusBoard
from ._tables import (
    contents_tables,
    conversations_table,
    plain,
    plan_table,
    replay_table,
    report_tables,
    totals_table,
)


class _Commands(TyperGroup):
    """The commands; what is wrong with a file or a setting is one line and exit code 2, in each of them."""

    def invoke(self, ctx: Any) -> object:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever reads has seen enough
            _leave_pipe()
        except (OSError, ValueError) as error:
            print(f"autogen-budget: {error}", file=sys.stderr)
            raise typer.Exit(2) from None


class _Terminal(Console):
    """A console whose reader may leave early, as `head` does."""

    def on_broken_pipe(self) -> None:
        """End without a word."""
        _leave_pipe()


def _leave_pipe() -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still in the buffer goes nowhere
    raise typer.Exit(0)


app = typer.Typer(
    name="autogen-budget",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="See where the tokens of AutoGen agents go, and what a budget would make of them.\n\n"
    "FILES are states that `save_state()` of an agent or team returned, lists of AutoGen's or OpenAI's messages, ATIF "
    'trajectories, or records that a program wrote (`records="run.jsonl"`). Lines of JSON are read as a stream.\n\n'
    "Exit codes: 0 done; 1 what was asked about is not in order; 2 wrong usage, or a file that cannot be read. "
    "`NO_COLOR` is respected; `--json` is for programs.",
)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file to read.")]
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="The files to read.")]
Setting = Annotated[str, typer.Argument(help="Such as cap=4000,compact_to=0.4,strategies=DropDuplicates+TrimOldest")]
Server = Annotated[str | None, typer.Option(help="Address of a server's API, such as http://127.0.0.1:8080/v1")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON instead of tables.")]
Model = Annotated[str | None, typer.Option(help="The model that counts and has prices, such as gpt-4o.")]
Top = Annotated[int, typer.Option(min=1, help="How many conversations are shown.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Read only so many conversations of each file.")]

MAX_TABLES = 3
"""Conversations that `inspect` shows in full, the largest."""


@app.callback()
def _quietly() -> None:
    # What replays would warn a program of is in their tables.
    logging.getLogger("autogen_budget").addHandler(logging.NullHandler())


@app.command()
def inspect(
    file: File,
    model: Model = None,
    top: Top = 10,
    html: Annotated[Path | None, typer.Option(help="Of records: write the report as an HTML file too.")] = None,
    as_json: Json = False,
) -> None:
    """Show what fills a conversation, a team's state or a recorded run, largest first.

    Of records, the whole report: by layer, agent and purpose, how histories grow, and what to change.
    """
    console = _console()
    counter = TiktokenCounter(model)
    weighed: list[Contents] = []  # not the messages themselves: the file may be larger than the memory
    records: list[Record] = []
    for each in _read([file], console):
        if isinstance(each, Transcript):
            weighed.append(contents_of(each, counter))
        else:
            records.append(each)
    if records:
        report = Report.of(records)
        if html is not None:
            report.to_html(html)
        _print_json(report.to_dict()) if as_json else console.print(report_tables(report))
        return
    if html is not None:
        raise typer.BadParameter("only records have a report; run `replay --html` on this file", param_hint="--html")
    weighed.sort(key=lambda contents: -contents.tokens)
    if as_json:
        _print_json([contents.values() for contents in weighed])
        return
    if len(weighed) > 1:
        console.print(conversations_table(weighed, top))
    for contents in weighed[:MAX_TABLES]:
        console.print()
        console.print(contents_tables(contents))


@app.command()
def replay(
    file: File,
    cap: Annotated[int, typer.Option(min=1, help="Tokens each request may hold.")],
    compact_to: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share of the cap to shrink to.")] = 0.6,
    strategies: Annotated[str, typer.Option(help="Names of strategies, joined by commas; default: all.")] = "",
    model: Model = None,
    top: Top = 10,
    limit: Limit = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as an HTML file too.")] = None,
    as_json: Json = False,
) -> None:
    """Run the planner over a transcript, call by call: what each would have sent, kept, dropped and recalled.

    No model is called. Exit code 1 if a call could not be made to fit.
    """
    console = _console()
    names = f",strategies={strategies.replace(',', '+')}" if strategies else ""
    settings = settings_of(f"cap={cap},compact_to={compact_to}{names}", model)
    transcripts = _transcripts([file], console, limit)
    runs = asyncio.run(_replay_all(transcripts, settings, console))
    calls = [call for run in runs for call in run.calls]
    if html is not None:
        Report.of(calls).to_html(html)
    if as_json:
        _print_json({"settings": str(settings), **totals(runs), "runs": [_run_values(run) for run in runs]})
    else:
        for run in runs[:top]:
            console.print(replay_table(run))
            console.print()
        console.print(totals_table({str(settings): runs}))
    raise typer.Exit(1 if any(call.error for call in calls) else 0)


@app.command()
def plan(files: Files, model: Model = None, limit: Limit = None, as_json: Json = False) -> None:
    """Find the cheapest settings for recorded conversations that lose nothing.

    Caps, `compact_to` and strategies side by side, with tokens, money, the share that a provider can cache, how many
    of the values that later tool calls need were kept, and calls that could not be made to fit.
    """
    console = _console()
    transcripts = _transcripts(files, console, limit)
    with _progress(console) as progress:
        task = progress.add_task("settings", total=None)
        tried, best = asyncio.run(find_plan(transcripts, model, lambda what: progress.update(task, description=what)))
    if as_json:
        rows = [
            {
                "settings": str(outcome.settings),
                "tokens_sent": outcome.tokens_sent,
                "cost": None if outcome.cost is None else str(outcome.cost),
                "cached_share": outcome.cached_share,
                "retention": outcome.retention,
                "compactions": outcome.compactions,
                "violations": outcome.violations,
            }
            for outcome in tried
        ]
        _print_json({"best": str(best.settings), "tried": rows})
    else:
        console.print(plan_table(tried, best))
        console.print()
        if not best.loses_nothing:
            console.print("Each of these settings loses something; this one the least:")
        console.print(plain(str(best.settings)), style="green")
    raise typer.Exit(0 if best.loses_nothing else 1)


@app.command()
def diff(
    file: File,
    first: Setting,
    second: Setting,
    model: Model = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Compare two settings on the same conversations."""
    console = _console()
    both = [settings_of(first, model), settings_of(second, model)]
    transcripts = _transcripts([file], console, limit)
    runs = {str(settings): asyncio.run(_replay_all(transcripts, settings, console)) for settings in both}
    if as_json:
        _print_json({settings: dict(totals(each)) for settings, each in runs.items()})
    else:
        console.print(totals_table(runs))


@app.command()
def live(
    records: File,
    stop_after: Annotated[float | None, typer.Option(help="Seconds without news after which to stop.")] = None,
) -> None:
    """Follow a running program by the records it writes; Ctrl-C ends it."""
    console = _console()
    board = StatusBoard()
    news = follow(records, poll=0.2, stop_after=stop_after)
    with suppress(KeyboardInterrupt):
        if not console.is_terminal:
            for record in news:
                if isinstance(record, CallRecord):
                    board.add(record)
                    print(board.agents[record.name].line, flush=True)
            return
        with Live(console=console, refresh_per_second=8) as display:
            for record in news:
                if record is not None:
                    board.add(record)
                    display.update(status_table(board))


@app.command()
def doctor(
    model: Model = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Check the installation: versions known to be broken, vocabularies, optional parts, a model's window and price.

    Exit code 1 if something does not work.
    """
    checks = [*check_packages(), check_counting(model)]
    if model is not None:
        checks += check_model(model)
    if server is not None:
        checks += asyncio.run(check_server(server))
    if as_json:
        _print_json([{"name": check.name, "verdict": check.verdict, "detail": check.detail} for check in checks])
    else:
        styles = {"ok": "green", "missing": "yellow", "problem": "bold red"}
        table = Table(box=None, pad_edge=False, show_header=False)
        for check in checks:
            table.add_row(check.name, f"[{styles[check.verdict]}]{check.verdict}[/]", plain(check.detail))
        _console().print(table)
    raise typer.Exit(1 if any(check.verdict == "problem" for check in checks) else 0)


@app.command()
def demo(
    html: Annotated[Path | None, typer.Option(help="Write the report as an HTML file too.")] = None,
    as_json: Json = False,
) -> None:
    """Show it all on a made-up run: a small team whose tool returns more each time. No model is called."""
    report = Report.of(asyncio.run(demo_run()))
    if html is not None:
        report.to_html(html)
    _print_json(report.to_dict()) if as_json else _console().print(report_tables(report))


async def _replay_all(transcripts: Sequence[Transcript], settings: Settings, console: Console) -> list[Replayed]:
    with _progress(console) as progress:
        return [await replay_one(each, settings) for each in progress.track(transcripts, description="replay")]


def _run_values(run: Replayed) -> dict[str, object]:
    return {
        "name": run.name,
        "values_needed": run.needed,
        "values_held": run.held,
        "calls": [
            {
                "tokens_before": call.tokens_before,
                "tokens_sent": call.tokens_sent,
                "stable_prefix_tokens": call.stable_prefix_tokens,
                "layers_sent": dict(call.layers_sent),
                "steps": [f"{step.strategy}: {step.detail}" for step in call.steps],
                "error": call.error,
            }
            for call in run.calls
        ],
    }


def _read(files: Sequence[Path], console: Console, limit: int | None = None) -> Iterator[Transcript | Record]:
    with _progress(console) as progress:
        for file in files:
            task = progress.add_task(f"read {file.name}", total=file.stat().st_size)
            yield from islice(read_file(file, partial(progress.advance, task)), limit)


def _transcripts(files: Sequence[Path], console: Console, limit: int | None) -> list[Transcript]:
    found: list[Transcript] = []
    for each in _read(files, console, limit):
        if not isinstance(each, Transcript):
            raise FileFormatError(
                f"{files[0]} holds records, which say how large messages were and not what they said: replay a saved "
                "state or a list of messages"
            )
        found.append(each)
    return found


def _console() -> Console:
    return _Terminal(soft_wrap=False, highlight=False)


def _progress(console: Console) -> Progress:
    """A progress bar on the terminal's error output, that leaves nothing behind; none in a pipe."""
    error = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn())
    return Progress(*columns, console=error, transient=True, disable=not (error.is_terminal and console.is_terminal))


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2), flush=True)
