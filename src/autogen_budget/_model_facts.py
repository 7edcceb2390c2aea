"""Where a model's context window is found: by name, from the client's own settings, or from its server.

The order is: `genai-prices`, AutoGen's own table, what the server says of itself. What an overflow error states is
learned later, by the client, and outranks all of these.
"""

import asyncio
import importlib
import json
import logging
import urllib.request
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from autogen_core.models import ChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

logger = logging.getLogger("autogen_budget")

DEFAULT_WINDOW = 8_192
"""Tokens assumed when the window is not known and no `max_prompt_tokens` is set: less than hosted models have."""

OLLAMA_DEFAULT_WINDOW = 4_096
"""Tokens an Ollama server gives a model unless `num_ctx` says otherwise (Ollama FAQ); beyond it, it cuts silently."""

SERVER_TIMEOUT = 2.0
"""Seconds a server may take to say what it is; it is asked once, off the event loop."""

WindowSource = Literal["budget", "client", "genai-prices", "autogen", "server", "overflow error", "default"]


@dataclass(frozen=True, slots=True)
class Window:
    """A context window and its source.

    Args:
        tokens (int): Tokens of prompt and reply together.
        source (WindowSource): Where the figure comes from.
    """

    tokens: int
    source: WindowSource


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What a client's own configuration fixes for its calls.

    Args:
        model (str | None): The model's name. `None` means the client does not say.
        max_reply_tokens (int | None): Its `max_tokens` or `max_completion_tokens`. `None` means it does not limit
            replies.
        base_url (str | None): Its server. `None` means the provider's own.
        window (int | None): The window it sets by itself (Ollama's `num_ctx`). `None` means it does not.
        stream_options (bool): Whether it sets OpenAI's `stream_options` by itself.
    """

    model: str | None = None
    max_reply_tokens: int | None = None
    base_url: str | None = None
    window: int | None = None
    stream_options: bool = False


def describe_client(client: ChatCompletionClient) -> ClientFacts:
    """Read a client's public configuration, through any wrappers that keep theirs under `client`."""
    while isinstance(inner_client := getattr(client, "client", None), ChatCompletionClient):
        client = inner_client
    try:
        with warnings.catch_warnings():  # a user's own client may live in a private module, which AutoGen warns about
            warnings.simplefilter("ignore")
            component = client.dump_component()
    except Exception:
        logger.debug("the configuration of %s is not visible", type(client).__name__, exc_info=True)
        return ClientFacts()
    provider, config = component.provider, cast(Mapping[str, object], component.config)
    while isinstance(inner := config.get("client"), Mapping):
        inner = cast(Mapping[str, object], inner)
        provider, config = str(inner.get("provider")), cast(Mapping[str, object], inner.get("config") or {})
    window = None
    if provider.endswith(".OllamaChatCompletionClient"):
        options = config.get("options")
        num_ctx = cast(Mapping[str, object], options).get("num_ctx") if isinstance(options, Mapping) else None
        window = num_ctx if isinstance(num_ctx, int) else OLLAMA_DEFAULT_WINDOW
    model, base_url = config.get("model"), config.get("base_url")
    return ClientFacts(
        model=model if isinstance(model, str) and model else None,
        max_reply_tokens=max_reply_tokens(config),
        base_url=base_url if isinstance(base_url, str) and base_url else None,
        window=window,
        stream_options=config.get("stream_options") is not None,
    )


def counts_as(client: ChatCompletionClient, model: str | None) -> str | None:
    """Return the name by which a client's requests are counted before its model has reported anything.

    `model`: The model's name. `None` means the client does not name it.

    Returns:
        str | None: The model's name, else its family, which is "unknown" where that is not known either. `None` means
        that there is no model whose count could be another than OpenAI's: the client replays a script.
    """
    if model is not None:
        return model
    while isinstance(inner := getattr(client, "client", None), ChatCompletionClient):
        client = inner
    return None if isinstance(client, ReplayChatCompletionClient) else str(client.model_info["family"])


def max_reply_tokens(create_args: Mapping[str, object]) -> int | None:
    """Return the tokens of the longest reply that these create arguments ask for.

    Returns:
        int | None: The larger of `max_tokens` and `max_completion_tokens`. `None` means neither is set, or not to a
        number of tokens: llama.cpp takes -1 for no limit.
    """
    asked = [create_args.get(key) for key in ("max_tokens", "max_completion_tokens")]
    return max((value for value in asked if isinstance(value, int) and value > 0), default=None)


def window_by_name(model: str) -> Window | None:
    """Return the window of a model that is known by its name, without any network.

    Returns:
        Window | None: `None` means neither `genai-prices` nor AutoGen's table knows the model.
    """
    from genai_prices import data_snapshot  # its thousand models are read when one is asked for

    try:
        _, info = data_snapshot.get_snapshot().find_provider_model(model, None, None, None)
        if info.context_window:
            return Window(info.context_window, "genai-prices")
    except LookupError:
        pass
    limit = _autogen_limit(model)
    return None if limit is None else Window(limit, "autogen")


async def window_of_server(base_url: str) -> Window | None:
    """Ask an OpenAI-compatible server for its window: llama.cpp's `/props`, then vLLM's `/v1/models`.

    Returns:
        Window | None: `None` means the server does not say, or did not answer within 2 seconds.
    """
    if not base_url.startswith(("http://", "https://")):
        return None
    tokens = await asyncio.to_thread(_ask_server, base_url.rstrip("/"))
    return None if tokens is None else Window(tokens, "server")


def _ask_server(base_url: str) -> int | None:
    for url, path in (
        (base_url.removesuffix("/v1") + "/props", ("default_generation_settings", "n_ctx")),  # llama.cpp
        (base_url + "/models", ("data", 0, "max_model_len")),  # vLLM
    ):
        try:
            with urllib.request.urlopen(url, timeout=SERVER_TIMEOUT) as reply:  # noqa: S310 (http or https, checked)
                value = json.load(reply)
            for key in path:
                value = value[key]
            if isinstance(value, int) and value > 0:
                return value
        except Exception:  # whatever a server says, or is: no call fails for it
            logger.debug("%s does not tell its context window", url, exc_info=True)
    return None


def _autogen_limit(model: str) -> int | None:
    try:  # the table is only in a private module, and there only with the `openai` extra
        table = importlib.import_module("autogen_ext.models.openai._model_info")
    except ImportError:
        return None
    try:
        return int(table.get_token_limit(model))
    except KeyError:
        return None
