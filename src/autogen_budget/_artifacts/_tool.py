"""The tool by which a model reads back what was cut: `ReadArtifactTool`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from autogen_core import CancellationToken
from autogen_core.tools import BaseTool, ParametersSchema, ToolSchema
from pydantic import BaseModel, model_validator

from autogen_budget._counting import TokenCounter

from ._page import MAX_LINES, read_page
from ._store import ArtifactStore

READ_ARTIFACT = "read_artifact"
"""Name of the tool."""

HISTORY = "history"
"""What a model names, in place of a reference, to read the turns that left its conversation."""

SMALLEST_LIMIT = 64
"""Tokens that an answer may hold at least: its heading alone takes up to about 40."""

_DESCRIPTION = "Reads or searches the whole of a text that was cut, by the reference in its notice."
_OF_HISTORY = f"{_DESCRIPTION[:-1]}, or {HISTORY!r} for turns left out."
_PATTERN = "regular expression; shows only lines that match; (?i) ignores case"


class ReadArtifactArgs(BaseModel):
    """What a model may ask for. `None` counts as not given, since some models fill in every argument.

    Args:
        ref (str): The reference of a text, or "history".
        start_line (int): As for `read_page`.
        max_lines (int): As for `read_page`.
        pattern (str): As for `read_page`.
        start_column (int): As for `read_page`.
    """

    ref: str
    start_line: int = 1
    max_lines: int = MAX_LINES
    pattern: str = ""
    start_column: int = 1

    @model_validator(mode="before")
    @classmethod
    def _drop_none(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in cast("Mapping[str, object]", given).items() if value is not None}


class ArtifactPage(BaseModel):
    """What the tool returns.

    Args:
        text (str): The answer of `read_page`.
    """

    text: str


class ReadArtifactTool(BaseTool[ReadArtifactArgs, ArtifactPage]):
    """Lets a model read a text that was cut, by the reference in the notice that stands in its place.

    What cannot be answered raises an error whose text says what would work; a workbench makes an error result of it.

    Args:
        store (ArtifactStore): Where the texts are.
        counter (TokenCounter): What counts the tokens of answers.
        limit (int): Tokens one answer may hold, at least 64.
        history (Callable[[], Awaitable[str]] | None): Reads the turns that left the conversation, which the model names
            "history". `None` means there is no such text.

    Raises:
        ValueError: The limit is below 64 tokens.
    """

    def __init__(
        self,
        store: ArtifactStore,
        counter: TokenCounter,
        limit: int,
        *,
        history: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        if limit < SMALLEST_LIMIT:
            raise ValueError(f"limit must be at least {SMALLEST_LIMIT} tokens, not {limit}: a heading takes up to 40")
        super().__init__(ReadArtifactArgs, ArtifactPage, READ_ARTIFACT, _OF_HISTORY if history else _DESCRIPTION)
        self._store = store
        self._counter = counter
        self._limit = limit
        self._history = history

    @property
    def schema(self) -> ToolSchema:
        """The shortest schema that models understand: it is part of every request."""
        return ToolSchema(
            name=READ_ARTIFACT,
            description=self.description,
            parameters=ParametersSchema(
                type="object",
                properties={
                    "ref": {"type": "string"},
                    "start_line": {"type": "integer"},
                    "max_lines": {"type": "integer"},
                    "pattern": {"type": "string", "description": _PATTERN},
                    "start_column": {"type": "integer"},
                },
                required=["ref"],
            ),
        )

    def return_value_as_string(self, value: ArtifactPage) -> str:
        """The answer as the model sees it.

        Args:
            value (ArtifactPage): What `run` returned.

        Returns:
            str: Its text.
        """
        return value.text

    async def run(self, args: ReadArtifactArgs, cancellation_token: CancellationToken) -> ArtifactPage:
        """Reads a page, off the event loop.

        Args:
            args (ReadArtifactArgs): What the model asked for.
            cancellation_token (CancellationToken): Ends the waiting; what runs is bounded in time and is left to end.

        Returns:
            ArtifactPage: The answer.

        Raises:
            ArtifactNotFoundError: No text has that reference, or no turns were left out.
            ValueError: As for `read_page`.
            OSError: The store failed.
        """
        reading = asyncio.ensure_future(self._read(args))
        cancellation_token.link_future(reading)
        return ArtifactPage(text=await reading)

    async def _read(self, args: ReadArtifactArgs) -> str:
        named = self._history is not None and args.ref.strip("\"'` ").lower() == HISTORY
        text = await (self._history() if self._history and named else self._store.get(args.ref))
        return await asyncio.to_thread(
            read_page,
            text,
            self._limit,
            self._counter,
            start_line=args.start_line,
            start_column=args.start_column,
            max_lines=args.max_lines,
            pattern=args.pattern,
        )
