"""What the examples share: a model that follows a script or a real one, and a table of what was spent.

Without arguments an example runs a script and needs no key and no network. A real model is named on the command line:

    OPENAI_API_KEY=... python examples/shared_pool.py --model openai:gpt-4o-mini
    python examples/shared_pool.py --model ollama:qwen3
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import Price, SpendReport

MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)
PRICES = {"unknown": Price(input=2, output=8, cached_input=0.5)}  # for a model that does not tell its name
WINDOW = 8_192  # tokens, where the model's server lets us choose

Script = Callable[[Sequence[LLMMessage]], str | FunctionCall]
"""Answers a request, given its messages, in words or with a call."""


class ScriptedModel(ReplayChatCompletionClient):
    """Stands for a model: its answers come from a script. It reports no usage, so tokens are counted by the library.

    Args:
        script (Script): Gives the answers.
    """

    def __init__(self, script: Script) -> None:
        super().__init__([], model_info=MODEL_INFO)
        self._script = script

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer as the script says."""
        answer = self._script(messages)
        if isinstance(answer, str):
            return CreateResult(finish_reason="stop", content=answer, usage=RequestUsage(0, 0), cached=False)
        return CreateResult(finish_reason="function_calls", content=[answer], usage=RequestUsage(0, 0), cached=False)


def openai(name: str) -> ChatCompletionClient:
    """A model of OpenAI, or of the server that `OPENAI_BASE_URL` names."""
    try:
        from autogen_ext.models.openai import OpenAIChatCompletionClient
    except ImportError:
        sys.exit(f"--model openai:{name} needs a package: pip install 'autogen-ext[openai]'")
    if not os.environ.get("OPENAI_API_KEY"):
        sys.exit(f"--model openai:{name} needs a key: set OPENAI_API_KEY.")
    return OpenAIChatCompletionClient(model=name, model_info=MODEL_INFO)


def ollama(name: str) -> ChatCompletionClient:
    """A model of the Ollama server on this machine, or of the one that `OLLAMA_HOST` names."""
    try:
        from autogen_ext.models.ollama import OllamaChatCompletionClient
    except ImportError:
        sys.exit(f"--model ollama:{name} needs a package: pip install 'autogen-ext[ollama]'")
    return OllamaChatCompletionClient(model=name, model_info=MODEL_INFO, options={"num_ctx": WINDOW})


PROVIDERS: Mapping[str, Callable[[str], ChatCompletionClient]] = {"openai": openai, "ollama": ollama}


def model_argument(value: str) -> Callable[[Script], ChatCompletionClient]:
    """Read the value of `--model`.

    Args:
        value (str): `"script"`, `"openai:NAME"` or `"ollama:NAME"`.

    Returns:
        Callable[[Script], ChatCompletionClient]: Gives the model's client; only the first form looks at the script.

    Raises:
        argparse.ArgumentTypeError: If it is none of these.
    """
    provider, _, name = value.partition(":")
    if value == "script":
        return ScriptedModel
    if name and provider in PROVIDERS:
        return lambda _script: partial(PROVIDERS[provider], name)()
    raise argparse.ArgumentTypeError(f"{value!r} is not one of: script, openai:NAME, ollama:NAME")


def chosen_model(description: str, script: Script) -> ChatCompletionClient:
    """The model that the command line asks for.

    Args:
        description (str): What the example does, for `--help`.
        script (Script): Answers if no model is named.
    """
    parser = argparse.ArgumentParser(description=description)
    models = "script (the default; no key, no network), openai:NAME (with OPENAI_API_KEY) or ollama:NAME"
    parser.add_argument("--model", type=model_argument, default="script", metavar="MODEL", help=models)
    choice: Callable[[Script], ChatCompletionClient] = parser.parse_args().model
    return choice(script)


def spending_table(report: SpendReport) -> str:
    """A table of what was spent, a row for each agent and purpose.

    Args:
        report (SpendReport): What a pool tells.
    """
    rows = [f"{'agent':<20}{'purpose':<14}{'calls':>6}{'prompt':>10}{'reply':>8}{'USD':>10}"]
    for line, spent in sorted(report.lines.items(), key=lambda item: (item[0].agent, item[0].purpose)):
        cost = "-" if spent.unpriced_tokens else f"{spent.cost:.4f}"
        prompt, reply = spent.prompt_tokens, spent.completion_tokens
        rows.append(f"{line.agent:<20}{line.purpose:<14}{spent.calls:>6,}{prompt:>10,}{reply:>8,}{cost:>10}")
    return "\n".join((*rows, str(report)))
