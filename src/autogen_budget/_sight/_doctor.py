"""Check an installation: versions known to be broken, vocabularies, optional parts, a model's or server's window."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from autogen_core.models import UserMessage
from packaging.version import Version

from autogen_budget._counting import ServerTokenSource, TiktokenCounter
from autogen_budget._model_facts import window_by_name, window_of_server
from autogen_budget._spend import list_price

Verdict = Literal["ok", "missing", "problem"]

_REQUIRED = {
    "autogen-agentchat": ("0.7.5", "0.8"),
    "autogen-core": ("0.7.5", "0.8"),
    "autogen-ext": ("0.7.5", "0.8"),
    "tiktoken": ("0.13", None),
    "pydantic": ("2.11", None),
}
"""Packages that are needed, with the first version that works and the first that does not."""

_OPTIONAL = {
    "openai": (None, None, "models of OpenAI and compatible servers: pip install 'autogen-budget[openai]'"),
    "anthropic": ("0.48", "1", "models of Anthropic; autogen-ext 0.7.5 passes what 1.0 removed"),
    "ollama": (None, None, "models of Ollama: pip install 'autogen-budget[ollama]'"),
    "mcp": ("1.21.2", "2", "MCP servers; autogen-ext 0.7.5 imports what 2.0 removed"),
    "opentelemetry-api": (None, None, "tracing: pip install 'autogen-budget[otel]'"),
    "redis": (None, None, "pools shared by several machines: pip install 'autogen-budget[redis]'"),
}
"""Packages that only some need, with versions as above and what they are for."""


_SENTENCE = "How many tokens is this, in 12,345 ways?"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Args:
        name (str): What was checked.
        verdict (Verdict): `ok`, `missing` (an optional part that is not there), or `problem`.
        detail (str): What was found, and what to do about it.
    """

    name: str
    verdict: Verdict
    detail: str


def check_packages() -> Iterator[Check]:
    """Check the versions of packages."""
    yield Check("Python", "ok", platform.python_version())
    for name, (first, end) in _REQUIRED.items():
        yield _package(name, first, end, needed=True, purpose="needed")
    for name, (start, stop, purpose) in _OPTIONAL.items():
        yield _package(name, start, stop, needed=False, purpose=purpose)


def check_counting(model: str | None) -> Check:
    """Check that tokens can be counted with a model's vocabulary, without a network.

    `model`: The model's name. `None` means OpenAI's current ones.
    """
    try:
        counter = TiktokenCounter(model)
        tokens = counter.count_text(_SENTENCE)
    except Exception as error:  # a damaged installation may fail in any way
        return Check("counting", "problem", f"the vocabulary cannot be used ({error}): install autogen-budget again")
    return Check("counting", "ok", f"{counter.encoding_name}: {tokens} tokens in {len(_SENTENCE)} characters")


def check_model(model: str) -> Iterator[Check]:
    """Check what is known of a model by its name."""
    window = window_by_name(model)
    if window is None:
        yield Check("window", "problem", f"not known for {model!r}: set context_window in TokenBudget")
    else:
        yield Check("window", "ok", f"{window.tokens:,} tokens, by {window.source}")
    price = list_price(model, 1_000)
    if price is None:
        yield Check("price", "missing", f"not known for {model!r}: give it to SpendPool(prices=...) to count money")
    else:
        cached = "" if price.cached_input is None else f", cached ${price.cached_input:g}"
        yield Check("price", "ok", f"${price.input:g} in{cached}, ${price.output:g} out, for a million tokens")


async def check_server(url: str) -> list[Check]:
    """Ask a server for its window, and whether it counts requests by itself."""
    window = await window_of_server(url)
    counted = await ServerTokenSource(url).count_request([UserMessage(content=_SENTENCE, source="user")], ())
    return [
        Check("server", "problem", f"{url} does not tell its window: set context_window in TokenBudget")
        if window is None
        else Check("server", "ok", f"{url} has a window of {window.tokens:,} tokens"),
        Check("server counts", "missing", "no: sizes are estimated on the safe side until it reports its usage")
        if counted is None
        else Check("server counts", "ok", f"{counted:,} tokens in a request of {len(_SENTENCE)} characters"),
    ]


def _package(name: str, first: str | None, end: str | None, *, needed: bool, purpose: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, "problem" if needed else "missing", purpose)
    if first is not None and Version(found) < Version(first):
        return Check(name, "problem", f"{found} is too old: at least {first}; {purpose}")
    if end is not None and Version(found) >= Version(end):
        return Check(name, "problem", f"{found} does not work: below {end}; {purpose}")
    return Check(name, "ok", found)
