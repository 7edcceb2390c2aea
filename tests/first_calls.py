"""First calls to a real model whose tokenizer is not OpenAI's: eight kinds of text, each as one text and as a talk."""

import base64
import json
import random
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient

import mixed_text
from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget, TokenSource
from autogen_budget._counting import wire_of
from local_model import MODEL_INFO, MODEL_NAME, LocalModel

_RUSSIAN = (
    "Склад закрывается в шесть часов вечера, поэтому груз нужно принять до обеда.",
    "Капитан сообщил, что насос на третьем причале снова потерял давление.",
    "Мы проверили журнал ошибок и подготовили подробный отчёт для управления порта.",
    "Клиенты, которые уже оплатили счёт, получат подтверждение до конца недели.",
    "Погода ухудшается, и диспетчер просит суда оставаться на якоре.",
)


def russian(chance: random.Random, size: int) -> str:
    """Russian."""
    return " ".join(chance.choice(_RUSSIAN) for _ in range(size // 70 + 1))[:size]


def encoded(chance: random.Random, size: int) -> str:
    """Base64."""
    return base64.b64encode(chance.randbytes(size)).decode()[:size]


KINDS: Mapping[str, Callable[[random.Random, int], str]] = {
    "English": mixed_text.prose,
    "code": mixed_text.code,
    "JSON": mixed_text.records,
    "digits": mixed_text.table,
    "log lines": mixed_text.log,
    "Chinese": mixed_text.chinese,
    "Russian": russian,
    "base64": encoded,
}
"""Makers of text, each of about the size asked for, in characters."""

SHAPES = ("one text", "a talk")
LENGTH = 24_000  # characters of a request before it is made to fit


@dataclass(frozen=True)
class Call:
    """One call that was made.

    Args:
        kind (str): What its text is.
        shape (str): How it is laid out.
        cap (int): Tokens it was allowed.
        counted (int): Tokens the library counted.
        reported (int): Tokens the model reported.
    """

    kind: str
    shape: str
    cap: int
    counted: int
    reported: int

    @property
    def fill(self) -> float:
        """The share of the cap that the request fills, by the model's own count."""
        return self.reported / self.cap


class Nobody:
    """A source that cannot tell."""

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """Tell nothing."""
        return None


class CountedOnly(httpx.AsyncHTTPTransport):
    """Has the server count a prompt with its tokenizer and template, and leaves out the seconds of reading it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Report the server's count as the usage of a reply of one word."""
        if not request.url.path.endswith("/chat/completions"):
            return await super().handle_async_request(request)
        counter = httpx.URL(f"{request.url}/input_tokens")
        counted = await super().handle_async_request(httpx.Request("POST", counter, content=await request.aread()))
        tokens = json.loads(await counted.aread())["input_tokens"]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes"}}
        usage = {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1}
        about = {"id": "counted", "object": "chat.completion", "created": 0, "model": MODEL_NAME}
        return httpx.Response(200, json={**about, "choices": [choice], "usage": usage})


def counted_only(model: LocalModel) -> OpenAIChatCompletionClient:
    """A client of the model whose replies report how many tokens the server counts, and are not computed."""
    return OpenAIChatCompletionClient(
        model=MODEL_NAME,
        base_url=model.base_url,
        api_key="not needed",
        model_info=MODEL_INFO,
        max_retries=0,
        http_client=httpx.AsyncClient(transport=CountedOnly()),  # type: ignore[call-arg]  # AutoGen passes it on
    )


def request(kind: str, shape: str, seed: int = 0) -> list[LLMMessage]:
    """A request that is far too long for any of the caps.

    Args:
        kind (str): One of `KINDS`.
        shape (str): One of `SHAPES`.
        seed (int): Another text for another number.

    Returns:
        list[LLMMessage]: Its messages.
    """
    chance = random.Random(f"{kind}{seed}")
    make = KINDS[kind]
    system = SystemMessage(content="You read along and answer briefly.")
    if shape == "one text":
        return [system, UserMessage(content=make(chance, LENGTH), source="user")]
    talk: list[LLMMessage] = [system]
    for _ in range(30):
        talk.append(UserMessage(content=make(chance, LENGTH // 30), source="user"))
        talk.append(AssistantMessage(content="Noted.", source="reader"))
    return [*talk, UserMessage(content=make(chance, LENGTH // 30), source="user")]


def tokens_on_server(base_url: str, messages: Sequence[LLMMessage]) -> int:
    """What the model's own tokenizer and template make of a request."""
    asked = urllib.request.Request(  # noqa: S310  # the local server's address
        f"{base_url}/chat/completions/input_tokens",
        json.dumps(wire_of(messages)).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=30) as reply:  # noqa: S310  # the local server's address
        return int(json.load(reply)["input_tokens"])


def factors(model: LocalModel, kind: str, size: int = 6_000) -> tuple[float, float]:
    """How the model counts a text that is counted nowhere else, beside OpenAI's vocabulary and the safe count.

    Args:
        model (LocalModel): Who counts.
        kind (str): One of `KINDS`.
        size (int): Characters of the text.

    Returns:
        tuple[float, float]: Its own tokens per token of `o200k_base`, and the safe count per token of its own.
    """
    text = KINDS[kind](random.Random(size), size)
    empty, full = (tokens_on_server(model.base_url, [UserMessage(content=t, source="user")]) for t in ("", text))
    own = full - empty
    return own / TiktokenCounter("gpt-4o").count_text(text), TiktokenCounter("another").count_text(text) / own


async def first_call(
    model: LocalModel, kind: str, shape: str, cap: int, *, ask: bool, calls: int = 1, read: bool = False
) -> list[Call]:
    """The first calls of a client that has never called before.

    Args:
        model (LocalModel): Who answers.
        kind (str): One of `KINDS`.
        shape (str): One of `SHAPES`.
        cap (int): Tokens that a request may hold.
        ask (bool): Whether the server may be asked for its count.
        calls (int): How many calls are made, each with another text.
        read (bool): Whether the model reads its prompts, which takes seconds. Else the server only counts them.

    Returns:
        list[Call]: The calls in order.
    """
    source: TokenSource | None = None if ask else Nobody()
    inner = model.client(max_tokens=1) if read else counted_only(model)
    budget = TokenBudget(cap, context_window=model.window, reply_reserve=1)
    client = BudgetedChatCompletionClient(inner, budget, token_source=source)
    for seed in range(calls):
        await client.create(request(kind, shape, seed))
    await client.close()
    return [Call(kind, shape, cap, record.tokens_sent, record.reported_prompt_tokens or 0) for record in client.records]
