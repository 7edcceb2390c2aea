"""Fake model services on 127.0.0.1 for tests: strict about the wire format, with a context window, scripted replies.

    async with OpenAIServer(window=8_192) as server:
        server.script(Answer(calls=(Call("search", {"query": "tea"}),)), "Found it.")
        client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.base_url, api_key="x", max_retries=0)
        ...
        assert server.requests[0].prompt_tokens < 8_192

They count tokens on their own (tiktoken, o200k_base), refuse what the real service refuses, in its words, and record
every request. An accepted request is answered by the next scripted reply, then by the reply function, else by an echo.
"""

from ._base import FakeServer, Received
from ._replies import Answer, Call, Drop, Failure, JsonObject, Overflow, Reply, Stall
from .anthropic_server import AnthropicServer
from .ollama_server import OllamaServer
from .openai_server import OpenAIServer, OverflowStyle

__all__ = [
    "Answer",
    "AnthropicServer",
    "Call",
    "Drop",
    "Failure",
    "FakeServer",
    "JsonObject",
    "OllamaServer",
    "OpenAIServer",
    "Overflow",
    "OverflowStyle",
    "Received",
    "Reply",
    "Stall",
]
