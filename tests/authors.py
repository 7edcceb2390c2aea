"""A model for tests of summaries: it answers as told, and remembers what it was shown."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from autogen_core import CancellationToken
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    LLMMessage,
    ModelFamily,
    ModelInfo,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

from autogen_budget import BudgetedChatCompletionClient

Answer = str | CreateResult
Write = Callable[[str], Answer | Awaitable[Answer]]

_INSIDE = re.compile(r"<transcript>\n(.*)\n</transcript>", re.DOTALL)
_RECORD = re.compile(r"<record>\n(.*)\n</record>", re.DOTALL)


def short(_prompt: str) -> str:
    """A record that is always the same."""
    return "Goal: bring the ship home."


class Author(ReplayChatCompletionClient):
    """Answers summaries with what a function makes of the prompt, and anything else with "Noted.".

    Args:
        write (Write): Makes the answer; what it raises, the client raises.
        family (str): The model's family.
        structured (bool): Whether the model says it can be held to a schema.
    """

    def __init__(self, write: Write = short, *, family: str = ModelFamily.GPT_4O, structured: bool = False) -> None:
        info = ModelInfo(
            vision=False, function_calling=True, json_output=False, family=family, structured_output=structured
        )
        super().__init__([], model_info=info)
        self.prompts: list[str] = []
        """The prompts for summaries, in order."""
        self.schemas: list[bool | type[BaseModel] | None] = []
        """The structure asked for with each."""
        self.requests: list[list[LLMMessage]] = []
        """All other requests, in order."""
        self.tools_offered = 0
        """How many tools were offered with summaries."""
        self.closed = False
        self._write = write

    @property
    def transcripts(self) -> list[str]:
        """What each prompt showed of the conversation."""
        return [match[1] for match in map(_INSIDE.search, self.prompts) if match]

    @property
    def records(self) -> list[str]:
        """The record so far in each prompt; empty where there was none."""
        return [match[1] if match else "" for match in map(_RECORD.search, self.prompts)]

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """The answer to a request."""
        prompt = str(messages[-1].content)
        if "<transcript>" not in prompt:
            self.requests.append([*messages])
            return said("Noted.")
        self.prompts.append(prompt)
        self.schemas.append(json_output)
        self.tools_offered += len(tools)
        answer = self._write(prompt)
        if not isinstance(answer, (str, CreateResult)):
            answer = await answer
        return said(answer) if isinstance(answer, str) else answer

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


def said(text: str, finish_reason: Literal["stop", "length", "content_filter"] = "stop") -> CreateResult:
    """A model's answer in words."""
    return CreateResult(
        finish_reason=finish_reason,
        content=text,
        usage=RequestUsage(prompt_tokens=0, completion_tokens=0),
        cached=False,
    )


class Talk:
    """A conversation with a client, one exchange after the other.

    Args:
        client (BudgetedChatCompletionClient): Who is asked.
    """

    def __init__(self, client: BudgetedChatCompletionClient) -> None:
        self.client = client
        self.messages: list[LLMMessage] = [
            SystemMessage(content="You watch the harbour."),
            UserMessage(content="Watch the harbour and tell me what happens.", source="user"),
        ]
        self.exchanges = 0

    async def go_on(self, exchanges: int, *, words: int = 60) -> None:
        """Say something and have it answered, so many times."""
        for _ in range(exchanges):
            self.exchanges += 1
            said = f"Report R{self.exchanges:04}: " + f"ship {self.exchanges} came in and left again. " * (words // 7)
            self.messages.append(UserMessage(content=said, source="user"))
            result = await self.client.create(self.messages)
            self.messages.append(AssistantMessage(content=str(result.content), source="clerk"))


def reports_in(texts: Sequence[str]) -> list[str]:
    """The reports of a `Talk` that texts show, in order."""
    return [report for text in texts for report in re.findall(r"Report (R\d{4}):", text)]
