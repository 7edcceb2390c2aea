"""An exact token counter: a llama.cpp server counts for us, where the library would count with tiktoken and learn.

Any object with the methods of `TokenCounter` can be plugged in:

    BudgetedAgent(assistant, budget, counter=LlamaCppCounter("http://127.0.0.1:8080/v1"))

Run by hand, this file compares three ways to count with what the local model really reads:

    python examples/llama_counter.py
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http.client import HTTPConnection, HTTPSConnection
from types import MappingProxyType
from urllib.parse import urlsplit

from autogen_core import Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from autogen_budget import Tally, TiktokenCounter, TokenCounter
from local_model import LocalModel, LocalModelError
from pasted_logs import task

NOTHING: Mapping[str, object] = MappingProxyType({})
PAUSE = 30.0  # seconds in which a server that did not answer is not asked again
REMEMBERED = 50_000  # counts

Wire = Mapping[str, object]
"""A message as it goes to the server."""

# A message is counted between these two, so that the template meets it where it stands in real requests: behind the
# instructions and before the end. SmolLM2's, for one, adds instructions of its own where a request begins without any,
# and leaves the last message open if it is the assistant's.
INSTRUCTIONS: Wire = {"role": "system", "content": "."}
LAST: Wire = {"role": "user", "content": "."}


class LlamaCppCounter(TokenCounter):
    """Counts as the model of a llama.cpp server does: exactly, with its own tokenizer and chat template.

    Each message is asked for once, in about a millisecond, and remembered. The counts of the messages add up to that of
    the request for every template that renders messages one after the other, as ChatML and its kin do. What the server
    cannot count, and everything while it does not answer, is counted with tiktoken: no method raises.

    Args:
        base_url (str): The server's address with `/v1`, as the client was given it.
        system_first (bool): Whether requests begin with a `SystemMessage`, as those of an `AssistantAgent` do unless
            its `system_message` is `None`. If not, what the template puts in its place is counted, too.
        timeout (float): Seconds to wait for an answer. The event loop waits as well, so this should be short.
    """

    def __init__(self, base_url: str, *, system_first: bool = True, timeout: float = 0.5) -> None:
        self._server = urlsplit(base_url)
        self._opening = [INSTRUCTIONS, LAST] if system_first else [LAST]
        self._timeout = timeout
        self._ask = lru_cache(maxsize=REMEMBERED)(self._post)  # remembers no error
        self._paused_until = 0.0
        self._fallback = TiktokenCounter()

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """See `TokenCounter.measure_text`."""
        return self._measure(
            lambda: self._size({"role": "user", "content": text}) - self._size({"role": "user", "content": ""}),
            lambda: self._fallback.measure_text(text, limit=limit),
        )

    def measure_message(self, message: LLMMessage) -> Tally:
        """See `TokenCounter.measure_message`."""
        return self._measure(
            lambda: sum(map(self._size, wire(message))),
            lambda: self._fallback.measure_message(message),
        )

    def measure_image(self, image: Image) -> Tally:
        """See `TokenCounter.measure_image`."""
        return self._fallback.measure_image(image)

    def measure_extras(
        self,
        tools: Sequence[Tool | ToolSchema] = (),
        *,
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, object] = NOTHING,
    ) -> Tally:
        """See `TokenCounter.measure_extras`. A JSON schema costs nothing here: it becomes a grammar, not a text."""
        return self._measure(
            lambda: self._frame(tools, extra_create_args),
            lambda: self._fallback.measure_extras(tools, json_output=json_output, extra_create_args=extra_create_args),
        )

    def tokens(self, tally: Tally) -> int:
        """See `TokenCounter.tokens`."""
        return max(0, tally.total)

    def observe(self, tally: Tally, reported: int) -> None:
        """See `TokenCounter.observe`: an exact counter has nothing to learn."""

    def save_state(self) -> Mapping[str, object]:
        """See `TokenCounter.save_state`."""
        return NOTHING

    def load_state(self, state: Mapping[str, object]) -> None:
        """See `TokenCounter.load_state`."""

    def count_whole(self, messages: Sequence[LLMMessage]) -> int:
        """Count a request in one piece, to check that its parts add up.

        Args:
            messages (Sequence[LLMMessage]): Messages of text, calls or results.

        Returns:
            int: The tokens of the prompt.

        Raises:
            OSError: The server did not answer.
            http.client.HTTPException: It did not answer in HTTP.
            ValueError: It cannot count this request.
        """
        return self._count([part for message in messages for part in wire(message)])

    def _measure(self, exact: Callable[[], int], fallback: Callable[[], Tally]) -> Tally:
        try:
            return Tally.exact(exact())
        except Exception:  # whatever it is: a count that fails must not stop an agent
            return fallback()

    def _size(self, message: Wire) -> int:
        """Count one message: what it adds to a request."""
        return self._count([INSTRUCTIONS, message, LAST]) - self._count([INSTRUCTIONS, LAST])

    def _frame(self, tools: Sequence[Tool | ToolSchema], extra: Mapping[str, object]) -> int:
        """Count what a request holds beside its messages."""
        schemas = [tool if isinstance(tool, Mapping) else tool.schema for tool in tools]
        offered = {"tools": [{"type": "function", "function": schema} for schema in schemas]} if tools else {}
        return self._count(self._opening, **offered, **extra) - sum(map(self._size, self._opening))

    def _count(self, messages: Sequence[Wire], **beside: object) -> int:
        return self._ask(json.dumps({"messages": messages, **beside}))

    def _post(self, body: str) -> int:
        """Let the server count a request.

        Args:
            body (str): The request as JSON.

        Returns:
            int: The tokens of the prompt.

        Raises:
            OSError: The server did not answer, now or a moment ago.
            http.client.HTTPException: It did not answer in HTTP.
            ValueError: It refused the request, or does not know how to count.
        """
        if time.monotonic() < self._paused_until:
            raise TimeoutError("The server did not answer a moment ago.")
        connect = HTTPSConnection if self._server.scheme == "https" else HTTPConnection
        connection = connect(self._server.netloc, timeout=self._timeout)
        try:
            path = f"{self._server.path.rstrip('/')}/chat/completions/input_tokens"
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return _Answer.model_validate_json(connection.getresponse().read()).input_tokens
        except OSError:
            self._paused_until = time.monotonic() + PAUSE
            raise
        finally:
            connection.close()


class _Answer(BaseModel):
    input_tokens: int


def wire(message: LLMMessage) -> list[Wire]:
    """Write a message as AutoGen's OpenAI client sends it: one message, or one for each tool result.

    Args:
        message (LLMMessage): A message of text, calls or results.

    Returns:
        list[Wire]: What goes to the server.

    Raises:
        ValueError: If it holds images.
    """
    if isinstance(message, FunctionExecutionResultMessage):
        return [{"role": "tool", "tool_call_id": r.call_id, "content": r.content} for r in message.content]
    if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.content
        ]
        return [{"role": "assistant", "content": message.thought, "tool_calls": calls}]
    if not isinstance(message.content, str):
        raise ValueError("only text is counted by the server")
    role = {"SystemMessage": "system", "UserMessage": "user", "AssistantMessage": "assistant"}[message.type]
    return [{"role": role, "content": message.content}]


# Compare --------------------------------------------------------------------------------------------------------------

TEXTS = {
    "English": "The harbour was quiet when the first boat came in, and nobody on the quay had slept much that night. ",
    "Python": "def mean(values: list[float]) -> float:\n    return sum(values) / len(values) if values else 0.0\n\n",
    "JSON": '{"id": 4711, "name": "bolt M8x40", "tags": ["steel", "zinc"], "stock": {"hall": "B2", "count": 350}}\n',
    "digits": "3141 59265 358979 32384 62643 383279 50288 419716 93993 751058 20974 944592 30781 640628 62089 986280 ",
    "Chinese": "港口的早晨很安静，第一条船靠岸的时候，码头上的人几乎一夜没有合眼。",
    "log lines": task(1),
}


def request(*texts: str) -> list[LLMMessage]:
    """Make a conversation of texts, each said by the user and acknowledged by the assistant."""
    messages: list[LLMMessage] = [SystemMessage(content="You read along.")]
    for text in texts:
        messages += [UserMessage(content=text, source="user"), AssistantMessage(content="Read.", source="reader")]
    return [*messages, UserMessage(content="Go on.", source="user")]


def measure(counter: TokenCounter, messages: Sequence[LLMMessage]) -> Tally:
    """Measure a whole request without tools."""
    return Tally.sum([counter.measure_extras(), *map(counter.measure_message, messages)])


def compare(base_url: str) -> None:
    """Print what three counters say about requests of each kind of text, and of all kinds together.

    Args:
        base_url (str): The server's address with `/v1`.
    """
    exact, plain, calibrated = LlamaCppCounter(base_url), TiktokenCounter(), TiktokenCounter()
    for length in range(1, 6):  # five calls of mixed text, as a conversation would bring them
        lesson = request(*(text * length for text in TEXTS.values()))
        calibrated.observe(measure(calibrated, lesson), exact.tokens(measure(exact, lesson)))

    requests = {kind: request(text * 8) for kind, text in TEXTS.items()}
    requests["all of them"] = request(*(text * 8 for text in TEXTS.values()))
    print(f"{'tokens of a request':22}{'exact':>8}{'tiktoken':>10}{'':8}{'calibrated':>12}")
    for kind, messages in requests.items():
        real, guess, learned = (c.tokens(measure(c, messages)) for c in (exact, plain, calibrated))
        print(f"{kind:22}{real:8,}{guess:10,}{guess / real - 1:+8.0%}{learned:12,}{learned / real - 1:+8.0%}")

    conversation = requests["all of them"]
    whole = exact.count_whole(conversation)
    print(f"\nOne by one the messages add up to {exact.tokens(measure(exact, conversation)):,} tokens; ", end="")
    print(f"the server counts {whole:,} in the whole request.")


def main() -> None:
    """Compare on the local model."""
    try:
        with LocalModel() as model:
            compare(model.base_url)
    except LocalModelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
