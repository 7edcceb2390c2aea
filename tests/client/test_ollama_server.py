"""The fake of Ollama's chat: what it forgets, and how little it minds."""

import base64
import io

import ollama
import pytest
from autogen_core.models import (
    SystemMessage,
)
from autogen_ext.models.ollama import OllamaChatCompletionClient
from PIL import Image as Picture

from builders import user
from servers import (
    JsonObject,
    OllamaServer,
)
from servers.clients import client_of, post


async def test_ollama_forgets_the_oldest_messages_in_silence() -> None:
    """An over-long prompt is answered as if nothing had happened; only the record tells."""
    long = [user(f"{number} " * 20) for number in range(5)]
    async with OllamaServer(window=100) as server, client_of(server) as client:
        result = await client.create([SystemMessage(content="Be brief."), *long])
        await client.create([SystemMessage(content="Be brief."), *long[-2:]])
        await client.create([user("hi " * 500)])
    cut, short, beheaded = server.requests
    assert cut.accepted
    assert result.usage.prompt_tokens == cut.prompt_tokens <= 100 < cut.prompt_tokens + cut.dropped_tokens
    assert (cut.prompt_tokens, short.dropped_tokens) == (short.prompt_tokens, 0)
    assert (beheaded.prompt_tokens, beheaded.prompt_tokens + beheaded.dropped_tokens) == (100, 508)


async def test_ollama_can_refuse_instead() -> None:
    """A server that refuses says so with status 400."""
    async with OllamaServer(window=100, refuses=True) as server, client_of(server) as client:
        with pytest.raises(ollama.ResponseError, match="exceeds the context length") as raised:
            await client.create([user("hi " * 500)])
    assert raised.value.status_code == 400


async def test_ollama_takes_the_window_from_the_request() -> None:
    """The option `num_ctx` overrides the server's window."""
    async with OllamaServer(window=100) as server:
        client = OllamaChatCompletionClient(model="llama3.1", host=server.base_url, options={"num_ctx": 1_000})
        await client.create([user("hi " * 500)])
    assert server.requests[0].dropped_tokens == 0


async def test_ollama_counts_images_and_minds_little() -> None:
    """Images have one price; orphaned results and an empty conversation are no error; a wrong type is."""
    buffer = io.BytesIO()
    Picture.new("RGB", (8, 8)).save(buffer, "PNG")
    seen: JsonObject = {"role": "user", "images": [base64.b64encode(buffer.getvalue()).decode()]}
    async with OllamaServer() as server:
        bodies: list[JsonObject] = [
            {"messages": [seen, {"role": "tool", "content": "x"}], "tools": [{"type": "function"}]},
            {"messages": []},
            {"messages": [{"role": "user", "content": 7}]},
        ]
        replies = [await post(server, {"model": "m", "stream": False, **body}) for body in bodies]
    assert [status for status, _ in replies] == [200, 200, 400]
    assert server.requests[0].prompt_tokens > 256
    assert "messages.0.content" in str(replies[2][1]["error"])
