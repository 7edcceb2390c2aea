"""Texts, messages and schemas to tokens of one model."""

from ._asking import CountAsker
from ._function import FunctionCounter
from ._protocol import TokenCounter
from ._provider_source import AnthropicTokenSource, GeminiTokenSource
from ._request import RequestCounter
from ._source import ServerTokenSource, TokenSource, server_source, wire_of
from ._tally import Tally, parts
from ._tiktoken import TiktokenCounter

__all__ = [
    "AnthropicTokenSource",
    "CountAsker",
    "FunctionCounter",
    "GeminiTokenSource",
    "RequestCounter",
    "ServerTokenSource",
    "Tally",
    "TiktokenCounter",
    "TokenCounter",
    "TokenSource",
    "parts",
    "server_source",
    "wire_of",
]
