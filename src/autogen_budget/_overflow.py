"""Recognises the errors by which providers refuse a request for its size, and reads the numbers in them.

Status, code and body decide where a provider fills them in; the wording is looked at only where nothing else tells.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import ValidationError

_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})

# None: clients without HTTP, such as llama-cpp-python's; -1: Ollama's for an error inside a stream.
_STATUSES = frozenset({400, 413, 422, None, -1})

_WORDINGS = re.compile(
    r"maximum context length|context[ _](?:length|window|size|limit)|prompt is too long|too many tokens"
    r"|exceeds? the maximum number of tokens|tokens exceed the configured limit|input is too long",
    re.IGNORECASE,
)

# Each finds the size of the prompt, of the window, or both, in tokens.
_NUMBERS = (
    re.compile(r"maximum context length is (?P<window>\d+)"),
    re.compile(r"configured limit of (?P<window>\d+)"),
    re.compile(r"resulted in (?P<prompt>\d+) tokens"),
    re.compile(r"\((?P<prompt>\d+) in the messages(?:, (?P<functions>\d+) in the functions)?"),
    re.compile(r"your (?:prompt contains|request has)(?: at least)? (?P<prompt>\d+) input tokens"),
    re.compile(r"\((?P<prompt>\d+) of text input"),
    re.compile(r"too long: (?P<prompt>\d+) tokens > (?P<window>\d+)"),
    re.compile(r"context limit: (?P<prompt>\d+) \+ \d+ > (?P<window>\d+)"),
    re.compile(r"token count \(?(?P<prompt>\d+)\)? exceeds the maximum number of tokens allowed \(?(?P<window>\d+)"),
    re.compile(r"Requested tokens \((?P<prompt>\d+)\) exceed context window of (?P<window>\d+)"),
)


@dataclass(frozen=True, slots=True)
class Overflow:
    """What a provider said when it refused a request for its size.

    Args:
        window (int | None): Tokens of the true context window. `None` means the error does not tell.
        prompt_tokens (int | None): Tokens of the refused prompt as the provider counts them. `None` means the error
            does not tell.
    """

    window: int | None = None
    prompt_tokens: int | None = None


def read_overflow(error: BaseException) -> Overflow | None:
    """Read an error of a model client.

    Args:
        error (BaseException): What the client raised.

    Returns:
        Overflow | None: `None` means the error is about something else.
    """
    if isinstance(error, ValidationError):  # quotes what it refuses, which may speak of anything
        return None
    body = _body(error)
    codes = (getattr(error, "code", None), getattr(error, "type", None), body.get("code"), body.get("type"))
    message = str(body.get("message") or error)
    coded = any(code in _CODES for code in codes if isinstance(code, str))
    if not coded and not (getattr(error, "status_code", None) in _STATUSES and _WORDINGS.search(message)):
        return None
    found: dict[str, int] = {}
    for pattern in _NUMBERS:
        if match := pattern.search(message):
            found.update({name: int(digits) for name, digits in match.groupdict().items() if digits})
    prompt = found["prompt"] + found.get("functions", 0) if "prompt" in found else None
    return Overflow(
        window=_tokens(body.get("n_ctx")) or found.get("window"),  # n_ctx, n_prompt_tokens: llama.cpp
        prompt_tokens=_tokens(body.get("n_prompt_tokens")) or prompt,
    )


def _body(error: BaseException) -> Mapping[str, object]:
    body = getattr(error, "body", None)
    if isinstance(body, list) and body:  # Gemini
        body = cast("list[object]", body)[0]
    if not isinstance(body, Mapping):
        return {}
    inner = cast(Mapping[str, object], body).get("error")
    return cast(Mapping[str, object], inner if isinstance(inner, Mapping) else body)


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
