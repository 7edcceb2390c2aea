"""Reading the errors by which providers refuse a request for its size, and leaving all others alone."""

from typing import Any, cast

import anthropic
import httpx
import httpx2
import ollama
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autogen_budget._client import OutOfMemory, Overflow, Throttled, read_provider_error
from profiles import examples


def openai_error(body: object, status: int = 400, *, text: bool = False) -> openai.APIStatusError:
    """The error that OpenAI's library raises for an answer; its text quotes the answer, or does not."""
    response = httpx2.Response(status, json=body, request=httpx2.Request("POST", "http://127.0.0.1"))
    inner = cast("dict[str, object]", body).get("error", cast(object, body)) if isinstance(body, dict) else body
    kinds = {400: openai.BadRequestError, 401: openai.AuthenticationError, 429: openai.RateLimitError}
    kind = kinds.get(status, openai.APIStatusError)
    return kind(f"Error code: 400 - {body}" if text else "Error code: 400", response=response, body=inner)


def anthropic_error(message: str, status: int = 400, kind: str = "invalid_request_error") -> anthropic.APIStatusError:
    """The error that Anthropic's library raises for an answer."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    response = httpx.Response(status, json=body, request=httpx.Request("POST", "http://127.0.0.1"))
    return anthropic.APIStatusError(message, response=response, body=body)


def quoting_error() -> ValidationError:
    """The error for a structured reply of the wrong shape; its text quotes the reply."""
    try:
        TypeAdapter(int).validate_python("the maximum context length is 8192 tokens")
    except ValidationError as error:
        return error
    raise AssertionError


LENGTH = "This model's maximum context length is 8192 tokens."

REFUSALS = {
    "openai": (
        openai_error(
            {
                "error": {
                    "message": f"{LENGTH} However, your messages resulted in 9000 tokens.",
                    "code": "context_length_exceeded",
                }
            }
        ),
        Overflow(8_192, 9_000),
    ),
    "openai, with functions": (
        openai_error(
            {
                "error": {
                    "message": f"{LENGTH} However, you requested 9500 tokens (8000 in the messages, "
                    "500 in the functions, and 1000 in the completion).",
                    "code": "context_length_exceeded",
                }
            }
        ),
        Overflow(8_192, 8_500),
    ),
    "openai, limit on the input": (
        openai_error(
            {
                "error": {
                    "message": "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in "
                    "300000 tokens.",
                    "code": "context_length_exceeded",
                }
            }
        ),
        Overflow(272_000, 300_000),
    ),
    "a code alone": (openai_error({"error": {"message": "Too much.", "code": "context_length_exceeded"}}), Overflow()),
    "llama.cpp": (
        openai_error(
            {
                "error": {
                    "code": 400,
                    "message": "request (3031 tokens) exceeds the available context size (2048 tokens)",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 3031,
                    "n_ctx": 2048,
                }
            }
        ),
        Overflow(2_048, 3_031),
    ),
    "llama.cpp, odd figures": (
        openai_error({"type": "exceed_context_size_error", "n_prompt_tokens": "many", "n_ctx": -1}),
        Overflow(),
    ),
    "vllm": (
        openai_error(
            {"message": f"{LENGTH} However, you requested 9000 tokens (8500 in the messages, 500)", "code": 400}
        ),
        Overflow(8_192, 8_500),
    ),
    "vllm, beside the reply": (
        openai_error(
            {
                "message": f"{LENGTH[:-1]} and your request has 8000 input tokens (500 > 8192 - 8000).",
                "code": 400,
                "type": "BadRequestError",
            }
        ),
        Overflow(8_192, 8_000),
    ),
    "vllm, at least": (
        openai_error(
            {
                "message": f"{LENGTH} However, you requested 500 output tokens and your prompt contains at least 7693 "
                "input tokens, for a total of at least 8193 tokens.",
                "code": 400,
            }
        ),
        Overflow(8_192, 7_693),
    ),
    "openrouter": (
        openai_error(
            {
                "message": "This endpoint's maximum context length is 131072 tokens. However, you requested about "
                "234666 tokens (230570 of text input, 4096 in the output).",
                "code": 400,
            }
        ),
        Overflow(131_072, 230_570),
    ),
    "a plain text as error": (
        openai_error({"error": "The model is loaded with a context length of only 4096 tokens"}, text=True),
        Overflow(),
    ),
    "gemini": (
        openai_error(
            [
                {
                    "error": {
                        "code": 400,
                        "message": "The input token count (1200000) exceeds the maximum number of tokens allowed "
                        "(1048576).",
                    }
                }
            ]
        ),
        Overflow(1_048_576, 1_200_000),
    ),
    "anthropic": (
        anthropic_error("prompt is too long: 210000 tokens > 200000 maximum"),
        Overflow(200_000, 210_000),
    ),
    "anthropic, with the reply": (
        anthropic_error("input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000, decrease input"),
        Overflow(200_000, 199_000),
    ),
    "anthropic, by bytes": (anthropic_error("Request exceeds the limit", 413, "request_too_large"), Overflow()),
    "ollama": (ollama.ResponseError("the input length exceeds the context length", 400), Overflow()),
    "ollama, inside a stream": (ollama.ResponseError("the input length exceeds the context length"), Overflow()),
    "llama-cpp-python": (ValueError("Requested tokens (516) exceed context window of 512"), Overflow(512, 516)),
}


class ClientError(Exception):
    """The error that Amazon's library raises for an answer, as far as it is read."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"An error occurred ({code}) when calling the InvokeModel operation: {message}")
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {"retry-after": "3"}},
        }


def with_headers(headers: dict[str, str]) -> openai.APIStatusError:
    """A throttling error with headers."""
    request = httpx2.Request("POST", "http://127.0.0.1")
    response = httpx2.Response(429, json={}, headers=headers, request=request)
    return openai.RateLimitError("slow down", response=response, body=None)


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


THROTTLED = {
    "openai": openai_error({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}, 429),
    "openai, by tokens": openai_error(
        {
            "error": {
                "message": "Rate limit reached for gpt-4o: Limit 30,000 tokens per min, Requested 31,000. The maximum "
                "context length is not the point.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            }
        },
        429,
    ),
    "azure": openai_error({"error": {"message": "Requests have exceeded the call rate limit", "code": "429"}}, 429),
    "anthropic": anthropic_error("This request would exceed your rate limit of 40,000 input tokens", 429, "x"),
    "anthropic, overloaded": anthropic_error("Overloaded", 529, "overloaded_error"),
    "bedrock": ClientError("ThrottlingException", "Too many tokens, please wait before trying again.", 400),
    "bedrock, as text": ValueError("ThrottlingException: Too many tokens, please wait before trying again."),
    "gemini": openai_error([{"error": {"code": 429, "message": "Too many tokens", "status": "RESOURCE_EXHAUSTED"}}]),
    "a server that is starting": anthropic_error("loading model", 503),
}

OUT_OF_MEMORY = {
    "vllm": openai_error({"error": {"message": "CUDA out of memory. Tried to allocate 2.00 GiB", "code": 500}}, 500),
    "llama.cpp, behind a proxy": openai_error({"error": {"message": "cudaMalloc failed: out of memory"}}, 503),
    "llama.cpp": openai_error({"error": {"message": "failed to find a memory slot for batch of size 512"}}, 500),
    "ollama": ollama.ResponseError("model requires more system memory (9.0 GiB) than is available (4.2 GiB)", 500),
    "torch": OutOfMemoryError("CUDA out of memory"),
    "python": MemoryError(),
    "in the process": RuntimeError("ggml: failed to allocate buffer of size 123"),
}

OTHERS = {
    "quota": openai_error({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, 429),
    "memory of another kind": openai_error({"error": {"message": "The memory agent is out of memory cards"}}, 404),
    "key": openai_error({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, 401),
    "schema": openai_error({"error": {"message": "Invalid schema for function 'f'", "code": "invalid_function"}}),
    "filter": openai_error({"error": {"message": "The response was filtered", "code": "content_filter"}}),
    "empty body": openai_error([]),
    "a code of no known kind": openai_error({"error": {"message": "No.", "code": {"reason": 7}, "type": ["x"]}}),
    "the server's fault": openai_error({"error": {"message": "The server had an error"}}, 500),
    "ollama's model": ollama.ResponseError("model 'llama9' not found", 404),
    "a reply that speaks of it": quoting_error(),
    "a user's own": ValueError("the tide table is too long"),
    "no connection": ConnectionError("refused"),
    "cancelled": KeyboardInterrupt(),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_are_read(name: str) -> None:
    """Every known form is recognised, with the numbers it carries."""
    error, expected = REFUSALS[name]
    assert read_provider_error(error) == expected


@pytest.mark.parametrize("name", OTHERS)
def test_other_errors_are_left_alone(name: str) -> None:
    """An error about anything else is not taken for a refusal."""
    assert read_provider_error(OTHERS[name]) is None


@pytest.mark.parametrize("name", THROTTLED)
def test_throttling_is_no_overflow(name: str) -> None:
    """A provider that asks to come again later may well speak of too many tokens."""
    assert isinstance(read_provider_error(THROTTLED[name]), Throttled)


@pytest.mark.parametrize("name", OUT_OF_MEMORY)
def test_a_lack_of_memory_is_read(name: str) -> None:
    """Where the machine has too little memory, a smaller window does not help."""
    assert read_provider_error(OUT_OF_MEMORY[name]) == OutOfMemory()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"Retry-After": " 20 "}, 20.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
        ({"Retry-After": "99999999999"}, 86_400.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 5_000}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds and dates are read; anything else tells nothing."""
    assert read_provider_error(with_headers(headers)) == Throttled(seconds)


def test_botocore_tells_how_long_to_wait() -> None:
    """Its errors carry status and headers in a dictionary."""
    assert read_provider_error(THROTTLED["bedrock"]) == Throttled(3.0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("maximum context length is 128,000 tokens", Overflow(128_000)),
        ("maximum context length is 128.000 tokens", Overflow(128_000)),
        ("maximum context length is 1 048 576 tokens", Overflow(1_048_576)),
        ("maximum context length is 1_048_576 tokens", Overflow(1_048_576)),
        ("prompt is too long: 210,000 tokens > 200,000 maximum", Overflow(200_000, 210_000)),
        ("maximum context length is 1 tokens", Overflow()),
        ("maximum context length is 0 tokens", Overflow()),
        ("maximum context length is 1,2345 tokens", Overflow()),
        (f"maximum context length is {'9' * 5_000} tokens", Overflow()),
        (f"prompt is too long: {'7' * 5_000} tokens > 8192 maximum", Overflow(8_192)),
    ],
)
def test_numbers_as_they_are_written(words: str, expected: Overflow) -> None:
    """Thousands may be parted; what can be no window, or is too long to be read, is left out."""
    assert read_provider_error(openai_error({"message": words})) == expected


KEYS = st.sampled_from(["error", "code", "type", "message", "n_ctx", "n_prompt_tokens"])

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=examples(2))
def test_whatever_a_server_says_can_be_read(body: Any) -> None:
    """Reading never raises, which would hide the provider's error, and finds positive numbers or none."""
    error = openai_error({}, 400)
    error.body = body
    overflow = read_provider_error(error)
    if isinstance(overflow, Overflow):
        assert all(tokens is None or tokens > 0 for tokens in (overflow.window, overflow.prompt_tokens))


@given(st.integers(64, 10**8), st.integers(1, 10**8))
def test_numbers_are_read_exactly(window: int, prompt: int) -> None:
    """The two figures of an error are told apart, whatever they are."""
    message = f"This model's maximum context length is {window} tokens and your request has {prompt} input tokens."
    assert read_provider_error(openai_error({"message": message})) == Overflow(window, prompt)
