"""Tools whose output is cut where it comes in, kept whole beside the conversation, and readable again by the model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from autogen_core import CancellationToken, Component, ComponentModel
from autogen_core.tools import (
    ImageResultContent,
    StaticStreamWorkbench,
    TextResultContent,
    ToolResult,
    ToolSchema,
    Workbench,
)
from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import Self

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget
from autogen_budget._counting import TiktokenCounter, TokenCounter
from autogen_budget._cut import cut_middle
from autogen_budget._hooks import Hook
from autogen_budget._introspection import find_runner_tools
from autogen_budget._limits import Limits
from autogen_budget._records import OutputCut
from autogen_budget._turns import READ_ARTIFACT

from ._output_limiter import ToolOutputLimiter, cap_of
from ._timer import ToolTimer

logger = logging.getLogger("autogen_budget")

MIN_CAP_TO_READ_BACK = 600
"""Tokens a budget must allow for `read_artifact` to be offered, since its schema takes 70 of each request."""

ReadBack = Literal["always", "with tools", "never"]
"""When a workbench offers its read-back tool: in every call, in every call beside tools of its own, or not at all."""


class ImagesNamed(ToolResult):
    """A result whose text says where its images are, instead of holding them in base64.

    AutoGen's own text form of an image is a row of letters as long as its file, which no model can read.
    """

    def to_text(self, replace_image: str | None = None) -> str:
        """Return the text alone, in which each image is named; with `replace_image` as AutoGen does it."""
        if replace_image is not None:
            return super().to_text(replace_image)
        return "\n".join(part.content for part in self.result if isinstance(part, TextResultContent))


class BudgetedWorkbenchConfig(BaseModel):
    """The declarative form of a `BudgetedWorkbench`."""

    model_config = ConfigDict(extra="forbid")

    workbench: ComponentModel
    budget: TokenBudget
    artifacts: ComponentModel | None = None
    read_back: ReadBack = "with tools"
    limits: Limits = Limits()


class BudgetedWorkbench(  # pyright: ignore[reportGeneralTypeIssues]  # AutoGen demands this base, of another config
    StaticStreamWorkbench, Component[BudgetedWorkbenchConfig]
):
    """Wraps any workbench so that no output of a tool is longer than its limit, and nothing of it is lost.

    What is longer is stored whole, and cut by the rules of its kind (JSON, tables, logs, code, text); a notice says how
    much was left out and how to read it with the tool `read_artifact`, which stands behind the other tools. Errors that
    a workbench raises become error results, since AutoGen waits forever for an answer that never comes. Images stay
    images; where their base64 form would be too long for the text of a result, the text names them instead.

    A tool of the wrapped workbench that is itself called `read_artifact` is used in place of this one.

    .. code-block:: python

        from autogen_agentchat.agents import AssistantAgent
        from autogen_budget import BudgetedWorkbench, TokenBudget
        from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

        tools = BudgetedWorkbench(McpWorkbench(StdioServerParams(command="my-server")), TokenBudget(8_000))
        agent = AssistantAgent("assistant", client, workbench=tools)

    Args:
        workbench (Workbench): The tools: static ones, an `McpWorkbench`, agents and teams as tools.
        budget (TokenBudget | ToolOutputLimiter): Its `max_tool_output_tokens` and `tool_output_tokens` are the limits.
            The limiter of an agent brings its budget, store, counter and hooks with it.
        artifacts (ArtifactStore | None): Where the whole of what is cut is kept. `None` means a store of its own in
            memory.
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for OpenAI's current models.
        read_back (ReadBack): When `read_artifact` is offered: `"always"`, `"with tools"` (unless the wrapped workbench
            has no tools) or `"never"`. It never is under a cap of less than 600 tokens.
        hooks (Sequence[Hook]): Called with the record of each output that is cut, and of each tool that took too long.
        limits (Limits | None): How long a tool, the start and the listing may take; a call that takes longer is an
            error result. `None` means `Limits()`: 300 seconds.

    Raises:
        TypeError: `workbench` is not a `Workbench`.
    """

    component_config_schema = BudgetedWorkbenchConfig  # type: ignore[assignment]  # its base fixes its own
    component_provider_override = "autogen_budget.BudgetedWorkbench"

    def __init__(
        self,
        workbench: Workbench,
        budget: TokenBudget | ToolOutputLimiter,
        *,
        artifacts: ArtifactStore | None = None,
        counter: TokenCounter | None = None,
        read_back: ReadBack = "with tools",
        hooks: Sequence[Hook] = (),
        limits: Limits | None = None,
    ) -> None:
        if not isinstance(workbench, Workbench):
            raise TypeError(f"workbench must be a Workbench, got {type(workbench).__name__}; tools go into one first")
        super().__init__([])
        self.workbench = workbench
        """The wrapped workbench."""
        self.read_back: ReadBack = read_back
        """When `read_artifact` is offered."""
        self._own_store = artifacts is None
        if not isinstance(budget, ToolOutputLimiter):
            artifacts = ArtifactStore() if artifacts is None else artifacts
            budget = ToolOutputLimiter(budget, artifacts, counter or TiktokenCounter(), hooks=hooks)
        self._limiter = budget
        self._timer = ToolTimer(limits or Limits(), budget.report, budget.name, find_runner_tools(workbench))
        self._listed: list[ToolSchema] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.workbench).__name__}, {self.budget!r})"

    @property
    def budget(self) -> TokenBudget:
        """The limits; others, once they are set, hold from the next call on."""
        return self._limiter.budget

    @budget.setter
    def budget(self, budget: TokenBudget) -> None:
        check_budget(budget)
        self._limiter.budget = budget

    @property
    def artifacts(self) -> ArtifactStore:
        """Where the whole of what is cut is kept."""
        return self._limiter.lease.store

    @property
    def cuts(self) -> tuple[OutputCut, ...]:
        """One record for each of the latest 1,000 outputs that were cut, oldest first."""
        return self._limiter.records.cuts

    @property
    def listed(self) -> Sequence[ToolSchema]:
        """The wrapped workbench's tools, as it listed them last; empty before it did."""
        return self._listed or ()

    def forget(self) -> None:
        """Hold no text any more, as after a reset of the conversation: they may go when the store needs the space."""
        self._limiter.forget()

    async def list_tools(self) -> list[ToolSchema]:
        """Return the wrapped workbench's tools, and behind them the one that reads back."""
        tools = await self._list_inner()
        return [*tools, self._limiter.reader().schema] if self._offers_read_back(tools) else tools

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call a tool; see `Workbench.call_tool`.

        Returns:
            ToolResult: The tool's own when it is within its limit, else a shorter one. An error of the workbench is an
            error result.
        """
        try:
            if await self._is_read_back(name):
                return await self._read(arguments, cancellation_token, call_id)
            result = await self._timer.run(
                name, lambda token: self.workbench.call_tool(name, arguments, token, call_id), cancellation_token
            )
            return await self._cut(result, arguments)
        except (Exception, asyncio.CancelledError) as error:
            if _is_cancelled(error, cancellation_token):
                raise
            return await self._cut(self._failure(name, error), arguments)

    async def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any | ToolResult, None]:
        """Call a tool and pass on what it says on the way; see `StaticStreamWorkbench.call_tool_stream`."""
        inner = self.workbench
        if not isinstance(inner, StaticStreamWorkbench) or name == READ_ARTIFACT:
            yield await self.call_tool(name, arguments, cancellation_token, call_id)
            return
        stream = self._timer.stream(
            name, lambda token: inner.call_tool_stream(name, arguments, token, call_id), cancellation_token
        )
        failure = _error(name, "the tool ended without a result")
        answered = False
        try:
            async with aclosing(stream):
                async for item in stream:
                    answered = answered or isinstance(item, ToolResult)
                    yield await self._cut(item, arguments) if isinstance(item, ToolResult) else item
        except (Exception, asyncio.CancelledError) as error:
            if _is_cancelled(error, cancellation_token):
                raise
            failure = self._failure(name, error)
        if not answered:
            yield await self._cut(failure, arguments)

    async def start(self) -> None:
        """Start the wrapped workbench.

        Raises:
            ToolTimeoutError: It did not start in time.
        """
        await self._timer.run("the tools' start", lambda _: self.workbench.start())

    async def stop(self) -> None:
        """Wait until texts are stored, and stop the wrapped workbench.

        Raises:
            ToolTimeoutError: It did not stop in time.
        """
        await self.artifacts.flush()
        await self._timer.run("the tools' end", lambda _: self.workbench.stop())

    async def reset(self) -> None:
        """Reset the wrapped workbench."""
        await self.workbench.reset()

    async def save_state(self) -> Mapping[str, Any]:
        """Return the wrapped workbench's state."""
        return await self.workbench.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Load a state of the wrapped workbench, saved with this wrapper or without it."""
        await self.workbench.load_state(state)

    def _to_config(self) -> BudgetedWorkbenchConfig:  # type: ignore[override]  # as above
        return BudgetedWorkbenchConfig(
            workbench=self.workbench.dump_component(),
            budget=self.budget,
            artifacts=None if self._own_store else self.artifacts.dump_component(),
            read_back=self.read_back,
            limits=self._timer.limits,
        )

    @classmethod
    def _from_config(cls, config: BudgetedWorkbenchConfig) -> Self:  # type: ignore[override]  # as above
        artifacts = None if config.artifacts is None else ArtifactStore.load_component(config.artifacts)
        workbench = Workbench.load_component(config.workbench)
        return cls(workbench, config.budget, artifacts=artifacts, read_back=config.read_back, limits=config.limits)

    async def _list_inner(self) -> list[ToolSchema]:
        """The wrapped workbench's tools; when it fails, those of the last time: their calls will say what is wrong."""
        try:
            self._listed = await self._timer.run("the tools' list", lambda _: self.workbench.list_tools())
        except Exception:
            if self._listed is None:
                raise
            logger.warning("%s did not list its tools", type(self.workbench).__name__, exc_info=True)
        return self._listed

    def _offers_read_back(self, tools: Sequence[ToolSchema]) -> bool:
        if self.read_back == "never" or cap_of(self.budget) < MIN_CAP_TO_READ_BACK:
            return False
        if any(tool["name"] == READ_ARTIFACT for tool in tools):
            return False
        return self.read_back == "always" or bool(tools)

    async def _is_read_back(self, name: str) -> bool:
        return name == READ_ARTIFACT and self._offers_read_back(await self._list_inner())

    async def _read(
        self, arguments: Mapping[str, Any] | None, cancellation_token: CancellationToken | None, call_id: str | None
    ) -> ToolResult:
        """Return an answer of the read-back tool, within its limit by itself."""
        tool = self._limiter.reader()
        try:
            page = await tool.run_json(arguments or {}, cancellation_token or CancellationToken(), call_id=call_id)
        except ValidationError as error:
            problem = "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors())
        except Exception as error:
            problem = str(error)
        else:
            text = tool.return_value_as_string(page)
            return ToolResult(name=READ_ARTIFACT, result=[TextResultContent(content=text)])
        return _error(READ_ARTIFACT, cut_middle(problem, tool.limit, self._limiter.counter))

    async def _cut(self, result: ToolResult, arguments: Mapping[str, Any] | None) -> ToolResult:
        """Return a result whose text is within the limit of its tool; the same object when it was."""
        hints = (
            [str(value) for value in arguments.values()] if isinstance(arguments, Mapping) else [str(arguments or "")]
        )
        images = [part for part in result.result if isinstance(part, ImageResultContent)]
        whole = result.to_text()
        if not images:
            text = await self._limiter.cut(whole, result.name, hints=hints)
            return result if text is whole else _with_parts(ToolResult, result, text, ())
        if self._limiter.fits(whole, result.name):
            return result
        parts = [
            await self._name_image(part) if isinstance(part, ImageResultContent) else part.content
            for part in result.result
        ]
        text = await self._limiter.cut("\n".join(parts), result.name, hints=hints)
        return _with_parts(ImagesNamed, result, text, images)

    async def _name_image(self, part: ImageResultContent) -> str:
        """Return what stands in the text for an image: its size, and where it is kept."""
        width, height = part.content.image.size
        kept = await self._limiter.lease.keep(part.content.to_base64())
        where = "" if kept.reference is None else f", kept in base64 as {kept.reference}"
        return f"[image, {width} x {height} pixels{where}]"

    def _failure(self, name: str, error: BaseException) -> ToolResult:
        logger.info("%r failed: %s", name, type(error).__name__)
        logger.debug("%r failed", name, exc_info=error)  # what it says may quote the conversation
        if isinstance(error, Exception):
            return _error(name, self._format_errors(error) or type(error).__name__)
        return _error(name, "the call was cancelled")


def _is_cancelled(error: BaseException, token: CancellationToken | None) -> bool:
    """Return whether it is this task that ends: then the error goes on.

    A tool that was ended through the token gives a result: AutoGen waits forever for one that never comes, and what it
    does next ends with the token anyway. One that was cancelled by itself has become another error before.
    """
    return isinstance(error, asyncio.CancelledError) and (token is None or not token.is_cancelled())


def _error(name: str, text: str) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=True)


def _with_parts(
    kind: type[ToolResult], result: ToolResult, text: str, images: Sequence[ImageResultContent]
) -> ToolResult:
    """Return the same result with another text, followed by its images."""
    return kind(name=result.name, result=[TextResultContent(content=text), *images], is_error=result.is_error)
