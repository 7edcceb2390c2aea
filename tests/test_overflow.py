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

from autogen_budget._overflow import Overflow, read_overflow


def openai_error(body: object, status: int = 400, *, text: bool = False) -> openai.APIStatusError:
    """The error that OpenAI's library raises for an answer; its text quotes the answer, or does not."""
    response = httpx2.Response(status, json=body, request=httpx2.Request("POST", "http://127.0.0.1"))
    inner = cast("dict[str, object]", body).get("error", cast(object, body)) if isinstance(body, dict) else body
    kinds = {400: openai.BadRequestError, 401: openai.AuthenticationError, 429: openai.RateLimitError}
    return kinds[status](f"Error code: 400 - {body}" if text else "Error code: 400", response=response, body=inner)


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

OTHERS = {
    "rate limit": openai_error({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}, 429),
    "rate limit that speaks of tokens": openai_error(
        {"error": {"message": "Rate limit: too many tokens per minute", "code": "rate_limit_exceeded"}}, 429
    ),
    "key": openai_error({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, 401),
    "schema": openai_error({"error": {"message": "Invalid schema for function 'f'", "code": "invalid_function"}}),
    "filter": openai_error({"error": {"message": "The response was filtered", "code": "content_filter"}}),
    "empty body": openai_error([]),
    "a code of no known kind": openai_error({"error": {"message": "No.", "code": {"reason": 7}, "type": ["x"]}}),
    "the server's fault": anthropic_error("Overloaded", 529, "overloaded_error"),
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
    assert read_overflow(error) == expected


@pytest.mark.parametrize("name", OTHERS)
def test_other_errors_are_left_alone(name: str) -> None:
    """An error about anything else is not taken for a refusal."""
    assert read_overflow(OTHERS[name]) is None


KEYS = st.sampled_from(["error", "code", "type", "message", "n_ctx", "n_prompt_tokens"])

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
@settings(max_examples=500)
def test_whatever_a_server_says_can_be_read(body: Any) -> None:
    """Reading never raises, which would hide the provider's error, and finds positive numbers or none."""
    error = openai_error({}, 400)
    error.body = body
    overflow = read_overflow(error)
    if overflow is not None:
        assert all(tokens is None or tokens > 0 for tokens in (overflow.window, overflow.prompt_tokens))


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_numbers_are_read_exactly(window: int, prompt: int) -> None:
    """The two figures of an error are told apart, whatever they are."""
    message = f"This model's maximum context length is {window} tokens and your request has {prompt} input tokens."
    assert read_overflow(openai_error({"message": message})) == Overflow(window, prompt)
