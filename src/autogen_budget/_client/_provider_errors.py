"""Read the errors of model clients: refused for its size, throttled, out of memory, or about something else.

One mapping for OpenAI, Azure, Anthropic, Bedrock, Ollama, Gemini's OpenAI endpoint, vLLM and llama.cpp (its servers,
and in the process). Status, code and body decide where a provider fills them in; the wording is looked at only where
nothing else decides, and never where the status says that the error is about something else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import cast

from pydantic import ValidationError

SMALLEST_WINDOW, LARGEST_WINDOW = 64, 100_000_000
"""Tokens that a window, or a prompt, can have; what an error states beyond that is no number of tokens."""

LONGEST_WAIT = 86_400.0
"""Seconds that a provider can ask to wait; more is taken for this."""

LONGEST_MESSAGE = 20_000
"""Characters of an error's text that are looked at: some quote the whole request."""

_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
_THROTTLED_CODES = frozenset(
    {
        "rate_limit_exceeded",  # OpenAI, Azure
        "rate_limit_error",  # Anthropic
        "overloaded_error",
        "throttlingexception",  # Bedrock
        "toomanyrequestsexception",
        "resource_exhausted",  # Gemini
        "429",  # Azure
    }
)
_OTHER_CODES = frozenset({"insufficient_quota", "content_filter", "invalid_api_key", "billing_hard_limit_reached"})
_THROTTLED_STATUSES = frozenset({429, 529})

# None: clients without HTTP, such as llama-cpp-python's; -1: Ollama's for an error inside a stream.
_OVERFLOW_STATUSES = frozenset({400, 413, 422, None, -1})
_MEMORY_STATUSES = frozenset({500, 502, 503, 507, None, -1})

_OVERFLOW_WORDS = re.compile(
    r"maximum context length|context[ _](?:length|window|size|limit)|prompt is too long|too many (?:input )?tokens"
    r"|exceeds? the maximum number of tokens|tokens exceed the configured limit|input is too long"
    r"|input length exceeds|exceeds the maximum length",
    re.IGNORECASE,
)
_THROTTLED_WORDS = re.compile(
    r"throttl|rate.?limit|too many requests|please (?:wait|slow down)|before (?:trying again|retrying)|per (?:min|day)"
    r"|\b[rt]pm\b|quota",
    re.IGNORECASE,
)
_MEMORY_WORDS = re.compile(
    r"out of memory|outofmemory|cuda error|cudamalloc|hipmalloc|insufficient memory|not enough (?:memory|ram|vram)"
    r"|requires more (?:system|gpu|video)? ?memory|(?:failed|unable) to allocate|alloc\w* failed|cannot allocate memory"
    r"|failed to (?:create|initialize) (?:llama_context|context|kv)"
    r"|failed to find (?:a )?(?:free )?(?:memory|kv) ?\w* slot"
    r"|no (?:available|free) (?:kv|cache|memory) ?(?:cache )?(?:blocks?|slots?)",
    re.IGNORECASE,
)

_N = r"\(?(?P<{}>\d{{1,3}}(?:[ ,.'_\u00a0\u202f]\d{{3}})+(?!\d)|\d+)\)?"
_PROMPT, _WINDOW, _FUNCTIONS = _N.format("prompt"), _N.format("window"), _N.format("functions")

# Each finds the size of the prompt, of the window, or both, in tokens.
_NUMBERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"maximum context length (?:is|of) {_WINDOW}",
        rf"configured limit of {_WINDOW}",
        rf"resulted in {_PROMPT} tokens",
        rf"\({_PROMPT} in the messages(?:, {_FUNCTIONS} in the functions)?",
        rf"your (?:prompt contains|request has)(?: at least)? {_PROMPT} input tokens",
        rf"\({_PROMPT} of text input",
        rf"too long: {_PROMPT} tokens > {_WINDOW}",
        rf"context limit: {_PROMPT} \+ [\d,.]+ > {_WINDOW}",
        rf"token count {_PROMPT} exceeds the maximum number of tokens allowed {_WINDOW}",
        rf"requested tokens {_PROMPT} exceed context window of {_WINDOW}",
        rf"request {_PROMPT} tokens\) exceeds the available context size {_WINDOW}",
    )
)


@dataclass(frozen=True, slots=True)
class Overflow:
    """A provider refused a request for its size.

    Args:
        window (int | None): Tokens of the true context window. `None` means the error does not state it.
        prompt_tokens (int | None): Tokens of the refused prompt as the provider counts them. `None` means the error
            does not tell.
    """

    window: int | None = None
    prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """A provider asks to come again later: there were too many requests or tokens, or it is overloaded.

    Args:
        retry_after (float | None): Seconds to wait, at least 0. `None` means the error does not state it.
    """

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The machine that runs the model has too little memory for this request beside the others."""


ProviderError = Overflow | Throttled | OutOfMemory


def read_provider_error(error: BaseException) -> ProviderError | None:
    """Read an error of a model client; never raises, whatever the error is: that would hide it.

    Returns:
        ProviderError | None: `None` means the error is about something else.
    """
    try:
        return _read(error)
    except Exception:
        return None


def _read(error: BaseException) -> ProviderError | None:
    if isinstance(error, ValidationError):  # quotes what it refuses, which may speak of anything
        return None
    status, body = status_of(error), _body(error)
    codes = {str(code).lower() for code in _codes(error, body) if isinstance(code, (str, int))}
    text = _message(error, body)
    if codes & _OTHER_CODES:
        return None
    if codes & _OVERFLOW_CODES:
        return _overflow(body, text)
    if codes & _THROTTLED_CODES or status in _THROTTLED_STATUSES:
        return Throttled(_retry_after(error))
    if _is_out_of_memory(error, status, text):
        return OutOfMemory()
    if status == 503:
        return Throttled(_retry_after(error))
    if status not in _OVERFLOW_STATUSES or not _OVERFLOW_WORDS.search(text):
        return None
    found = _overflow(body, text)
    if found == Overflow() and _THROTTLED_WORDS.search(text):
        return Throttled(_retry_after(error))
    return found


def _is_out_of_memory(error: BaseException, status: int | None, text: str) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return True
    return status in _MEMORY_STATUSES and _MEMORY_WORDS.search(text) is not None


def _overflow(body: Mapping[str, object], text: str) -> Overflow:
    found: dict[str, str] = {}
    for pattern in _NUMBERS:
        if match := pattern.search(text):
            found.update({name: digits for name, digits in match.groupdict().items() if digits})
    prompt = _number(found.get("prompt"), least=1)
    functions = _number(found.get("functions"), least=1)
    return Overflow(
        window=_number(body.get("n_ctx")) or _number(found.get("window")),  # n_ctx, n_prompt_tokens: llama.cpp
        prompt_tokens=_number(body.get("n_prompt_tokens"), least=1)
        or (None if prompt is None else prompt + (functions or 0)),
    )


def _number(value: object, least: int = SMALLEST_WINDOW) -> int | None:
    """Return a number of tokens, if it can be one; digits may be grouped, and may be too many to be read at all."""
    if isinstance(value, str):
        digits = re.sub(r"\D", "", value)
        value = int(digits) if 0 < len(digits) <= len(str(LARGEST_WINDOW)) else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= LARGEST_WINDOW else None


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error tells; never raises."""
    try:
        status: object = getattr(error, "status_code", None)
        metadata = _mapping(_mapping(getattr(error, "response", None)).get("ResponseMetadata"))
        status = metadata.get("HTTPStatusCode", status)  # botocore's
    except Exception:
        return None
    return status if isinstance(status, int) else None


def _codes(error: BaseException, body: Mapping[str, object]) -> Iterator[object]:
    """Yield what error, body and headers call it."""
    yield from (getattr(error, "code", None), getattr(error, "type", None))
    yield from (body.get("code"), body.get("type"), body.get("Code"), body.get("__type"), body.get("status"))
    yield _mapping(body.get("innererror")).get("code")
    yield (_header(error, "x-amzn-errortype") or "").partition(":")[0]


def _body(error: BaseException) -> Mapping[str, object]:
    """Return the part of an error's body that says what was wrong."""
    body: object = getattr(error, "body", None)
    entries = cast("list[object]", body) if isinstance(body, list) else [body]  # Gemini sends a list
    whole = _mapping(next(iter(entries), None)) or _mapping(getattr(error, "response", None))
    return _mapping(whole.get("error")) or _mapping(whole.get("Error")) or whole


def _message(error: BaseException, body: Mapping[str, object]) -> str:
    text = body.get("message") or body.get("Message")
    return str(text or error)[:LONGEST_MESSAGE]


def _header(error: BaseException, name: str) -> str | None:
    response: object = getattr(error, "response", None)
    headers: object = getattr(response, "headers", None) or _mapping(_mapping(response).get("ResponseMetadata")).get(
        "HTTPHeaders"
    )
    value = cast(Mapping[str, object], headers).get(name) if hasattr(headers, "get") else None
    return value if isinstance(value, str) else None


def _retry_after(error: BaseException) -> float | None:
    """Return the seconds to wait, in one of three spellings: milliseconds, seconds, or a date."""
    milliseconds, plain = _header(error, "retry-after-ms"), _header(error, "retry-after")
    for text, unit in ((milliseconds, 1_000.0), (plain, 1.0)):
        if text is not None and re.fullmatch(r"\s*\d{1,12}(?:\.\d{1,6})?\s*", text):
            return min(LONGEST_WAIT, float(text) / unit)
    try:
        date = parsedate_to_datetime(plain or "")
    except (TypeError, ValueError):
        return None
    now = datetime.now(timezone.utc)
    return min(LONGEST_WAIT, max(0.0, (date.replace(tzinfo=date.tzinfo or timezone.utc) - now).total_seconds()))


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}
