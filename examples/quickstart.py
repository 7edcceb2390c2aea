"""Twelve turns of pasted logs against a real model: first as they are, then under a token budget.

Without arguments this needs no key and no network: SmolLM2-135M runs in a llama.cpp server on 127.0.0.1.

    python examples/quickstart.py
    OPENAI_API_KEY=... python examples/quickstart.py --model openai:gpt-4o-mini
    python examples/quickstart.py --model ollama:llama3.2
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import textwrap
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import EVENT_LOGGER_NAME
from autogen_core.logging import LLMCallEvent
from autogen_core.models import ChatCompletionClient, SystemMessage, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

from autogen_budget import BudgetedAgent, CallRecord, Tally, TiktokenCounter, TokenBudget
from local_model import MODEL_INFO, LocalModel, LocalModelError
from pasted_logs import task

TURNS = 12
WINDOW = 2_048  # tokens that prompt and reply share, where the model's server lets us choose
REPLY = 32  # tokens of a reply at most
CAP = 1_500  # tokens of a prompt under the budget
SYSTEM_MESSAGE = "You help an engineer on call. Answer in one short sentence."

SMALL_WINDOW = TokenBudget(max_prompt_tokens=CAP, context_window=WINDOW, reply_reserve=REPLY)


class QuickstartError(Exception):
    """The quickstart cannot run; the text says why and what to do."""


# Models ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """A model to run against.

    Args:
        title (str): What to call it in print.
        budget (TokenBudget): The budget of the second run.
        new_client (Callable[[], ChatCompletionClient]): Gives a client; closing it is up to the caller.
    """

    title: str
    budget: TokenBudget
    new_client: Callable[[], ChatCompletionClient]


OpenModel = Callable[[], AbstractContextManager[Model]]
"""Makes a model ready. Each run opens it afresh, so that none profits from the prompt cache of another."""


@contextmanager
def local() -> Generator[Model]:
    """Run SmolLM2 in a llama.cpp server on this machine."""
    with LocalModel(WINDOW) as model:
        yield Model("SmolLM2-135M, llama.cpp on 127.0.0.1", SMALL_WINDOW, partial(model.client, max_tokens=REPLY))


@contextmanager
def openai(name: str) -> Generator[Model]:
    """Use a model of OpenAI, or of the server that `OPENAI_BASE_URL` names."""
    if not os.environ.get("OPENAI_API_KEY"):
        raise QuickstartError(f"--model openai:{name} needs a key: set OPENAI_API_KEY.")
    new_client = partial(OpenAIChatCompletionClient, model=name, model_info=MODEL_INFO)
    yield Model(f"openai:{name}", TokenBudget(max_prompt_tokens=CAP), new_client)


@contextmanager
def ollama(name: str) -> Generator[Model]:
    """Use a model of the Ollama server on this machine, or of the one that `OLLAMA_HOST` names."""
    try:
        from autogen_ext.models.ollama import OllamaChatCompletionClient
    except ImportError as error:
        raise QuickstartError(f"--model ollama:{name} needs a package: pip install 'autogen-ext[ollama]'") from error
    options = {"num_ctx": WINDOW, "num_predict": REPLY}
    new_client = partial(OllamaChatCompletionClient, model=name, model_info=MODEL_INFO, options=options)
    yield Model(f"ollama:{name}", SMALL_WINDOW, new_client)


def model_argument(value: str) -> OpenModel:
    """Read the value of `--model`.

    Args:
        value (str): `"local"`, `"openai:NAME"` or `"ollama:NAME"`.

    Returns:
        OpenModel: What makes this model ready.

    Raises:
        argparse.ArgumentTypeError: If it is none of these.
    """
    if value == "local":
        return local
    provider, _, name = value.partition(":")
    if name and provider == "openai":
        return partial(openai, name)
    if name and provider == "ollama":
        return partial(ollama, name)
    raise argparse.ArgumentTypeError(f"{value!r} is not one of: local, openai:NAME, ollama:NAME")


# Runs -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What one turn came to; sizes in tokens, `None` where nobody tells.

    Args:
        turn (str): The turn's number, or the task that was tried after a failure.
        history (int | None): The whole conversation, as counted before the call.
        sent (int | None): What was sent of it, by the same count.
        cap (int | None): What was allowed. `None` means there was no budget.
        reported (int | None): The prompt as the provider counted it.
        cached (int | None): How much of the prompt the provider took from its cache.
        done (str): What was done, in a few words.
        error (str): The provider's own words, if it refused. Empty means that it answered.
    """

    turn: str
    history: int | None
    sent: int | None
    cap: int | None
    reported: int | None
    cached: int | None
    done: str
    error: str = ""


class CachedTokens(logging.Handler):
    """Remembers how much of the last prompt was cached: AutoGen tells it in a log event, and nowhere else."""

    last: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Read one event."""
        if isinstance(record.msg, LLMCallEvent):
            usage: Any = record.msg.kwargs["response"].get("usage")
            details: Any = usage.get("prompt_tokens_details") if usage else None
            self.last = details.get("cached_tokens") if details else None


def listen_for_cached_tokens() -> CachedTokens:
    """Switch AutoGen's events on, without printing them; `BudgetedAgent` hears them, too."""
    events = logging.getLogger(EVENT_LOGGER_NAME)
    events.setLevel(logging.INFO)
    events.propagate = False
    handler = CachedTokens()
    events.addHandler(handler)
    return handler


@asynccontextmanager
async def new_assistant(model: Model) -> AsyncGenerator[AssistantAgent]:
    """Make the agent that both runs start from."""
    client = model.new_client()
    try:
        yield AssistantAgent("ops", model_client=client, system_message=SYSTEM_MESSAGE)
    finally:
        await client.close()


@dataclass(frozen=True)
class Unwrapped:
    """A plain agent, with a look at what it sends.

    Args:
        assistant (AssistantAgent): The agent.
        window (int | None): Tokens of its model's window. `None` means it is not known.
        counter (TiktokenCounter): Counts its requests, and learns from what the provider reports.
        cached (CachedTokens): Hears what the provider took from its cache.
    """

    assistant: AssistantAgent
    window: int | None
    counter: TiktokenCounter
    cached: CachedTokens

    async def ask(self, turn: str, text: str) -> Row:
        """Send one task, as it is."""
        history = await self.assistant.model_context.get_messages()
        request = [SystemMessage(content=SYSTEM_MESSAGE), *history, UserMessage(content=text, source="user")]
        size = Tally.sum([self.counter.measure_extras(), *map(self.counter.measure_message, request)])
        tokens = self.counter.tokens(size)
        try:
            result = await self.assistant.run(task=text)
        except Exception as error:
            return Row(turn, tokens, tokens, None, None, None, "refused by the provider:", str(error))
        usage = result.messages[-1].models_usage
        reported = usage.prompt_tokens if usage else 0
        # Ollama cuts a prompt that does not fit, and tells nobody. Counts are no more than a few percent too high.
        cut = self.window is not None and self.window < tokens and 0 < reported < tokens * 9 // 10
        if reported and not cut:
            self.counter.observe(size, reported)
        done = "did not fit: cut by the provider, without a word" if cut else "sent whole"
        return Row(turn, tokens, tokens, None, reported or None, self.cached.last, done)


async def run_unwrapped(model: Model, cached: CachedTokens) -> AsyncIterator[Row]:
    """Send the turns to a plain `AssistantAgent`; after a refusal try the smallest task there is, and stop."""
    async with new_assistant(model) as assistant:
        unwrapped = Unwrapped(assistant, model.budget.context_window, TiktokenCounter(), cached)
        for turn in range(1, TURNS + 1):
            row = await unwrapped.ask(str(turn), task(turn))
            if row.error and turn == 1:
                raise QuickstartError(f"no answer from {model.title}: {row.error}")
            yield row
            if row.error:
                yield await unwrapped.ask("'hi'", "hi")
                return


async def run_wrapped(model: Model) -> AsyncIterator[Row]:
    """Send the same turns to the same agent under a budget."""
    async with new_assistant(model) as assistant:
        agent = BudgetedAgent(assistant, model.budget)
        for turn in range(1, TURNS + 1):
            await agent.run(task=task(turn))
            record = agent.records[-1]
            yield Row(
                turn=str(turn),
                history=record.tokens_before,
                sent=record.tokens_sent,
                cap=record.cap,
                reported=record.reported_prompt_tokens,
                cached=record.cached_tokens,
                done=describe(record),
            )


def describe(record: CallRecord) -> str:
    """Say in a few words what was done to a request."""
    done = [f"{step.strategy}: {step.tokens_before:,} to {step.tokens_after:,}" for step in record.steps]
    if record.retries:
        done.append("refused once, sent again smaller")
    return "; ".join(done) or ("sent what was left, and the new turn" if record.compacted else "sent whole")


# Print ----------------------------------------------------------------------------------------------------------------

WIDTH = 100  # characters
LEGEND = (
    "Sizes in tokens; history and sent are counted before a call, by a counter that learns how the model counts "
    "from what is reported after it."
)
COLUMNS = {"turn": 4, "history": 7, "sent": 5, "cap": 5, "reported": 8, "cached": 6}
INDENT = " " * sum(width + 2 for width in COLUMNS.values())


async def show(title: str, rows: AsyncIterator[Row]) -> list[Row]:
    """Print a table row by row, as the turns are made.

    Args:
        title (str): What stands above it.
        rows (AsyncIterator[Row]): The rows to come.

    Returns:
        list[Row]: All of them.
    """
    print(f"\n{title}\n")
    print(line(list(COLUMNS), "what was done"))
    shown: list[Row] = []
    async for row in rows:
        numbers = (row.history, row.sent, row.cap, row.reported, row.cached)
        print(line([row.turn, *("-" if n is None else f"{n:,}" for n in numbers)], row.done))
        if row.error:
            print(textwrap.fill(row.error, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6))
        sys.stdout.flush()
        shown.append(row)
    return shown


def line(cells: Sequence[str], done: str) -> str:
    """Lay out one line of a table: figures to the right, words to the left."""
    figures = "".join(f"{cell:>{width}}  " for cell, width in zip(cells, COLUMNS.values(), strict=True))
    return textwrap.fill(done, WIDTH, initial_indent=figures, subsequent_indent=INDENT)


def spelled(budget: TokenBudget) -> str:
    """Write a budget as in code, as short as it goes."""
    settings = budget.model_dump(exclude_defaults=True)
    first = f"{settings.pop('max_prompt_tokens'):_}"
    return f"TokenBudget({', '.join([first, *(f'{name}={value:_}' for name, value in settings.items())])})"


def moral(unwrapped: Sequence[Row], wrapped: Sequence[Row]) -> str:
    """Say in one line what to take from two runs."""
    largest = max(row.sent or 0 for row in wrapped)
    answered = f"under its budget it answered all {len(wrapped)} turns and never sent more than {largest:,} tokens"
    refused = next((row.turn for row in unwrapped if row.error), None)
    if refused:
        return f"Unwrapped, the agent broke at turn {refused} and stays broken; {answered}."
    before, after = (sum(row.reported or row.sent or 0 for row in rows) for rows in (unwrapped, wrapped))
    return f"Here the agent did not break unwrapped; {answered}: {after:,} in all, not {before:,}."


async def compare(open_model: OpenModel) -> None:
    """Make both runs and print them."""
    cached = listen_for_cached_tokens()
    with open_model() as model:
        print(textwrap.fill(f"{TURNS} turns of pasted logs, sent to {model.title}. {LEGEND}", WIDTH))
        unwrapped = await show("AssistantAgent, unwrapped", run_unwrapped(model, cached))
    with open_model() as model:
        wrapped = await show(f"BudgetedAgent(assistant, {spelled(model.budget)})", run_wrapped(model))
    print("\n" + textwrap.fill(moral(unwrapped, wrapped), WIDTH))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Twelve turns of pasted logs, unwrapped and under a token budget.")
    models = "local (the default; no key, no network), openai:NAME (with OPENAI_API_KEY) or ollama:NAME"
    parser.add_argument("--model", type=model_argument, default="local", metavar="MODEL", help=models)
    try:
        asyncio.run(compare(parser.parse_args().model))
    except (QuickstartError, LocalModelError) as error:
        sys.exit(f"quickstart: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # as shells count an end by Ctrl-C


if __name__ == "__main__":
    main()
