"""The tool by which a model reads back what was cut: `ReadArtifactTool`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import cast

from autogen_core import CancellationToken
from autogen_core.tools import BaseTool, ParametersSchema, ToolSchema
from pydantic import BaseModel, model_validator

from autogen_budget._counting import TokenCounter
from autogen_budget._turns import READ_ARTIFACT

from ._everywhere import search_texts
from ._page import MAX_LINES, read_page
from ._store import ArtifactStore
from ._words import TextIndex

HISTORY = "history"
"""What a model names, in place of a reference, to read what left its conversation, or to search all of it."""

SMALLEST_LIMIT = 64
"""Tokens that an answer may hold at least: its heading alone takes up to about 40."""

_DESCRIPTION = "Reads or searches a cut text."
_OF_HISTORY = "Reads or searches a cut text; without ref, the history."

_REF = re.compile(r"\W*(\w+?)(?::([0-9]{1,9}))?(?::([0-9]{1,9}))?\W*")
_PATTERN = re.compile(r"/(.+)/", re.DOTALL)


class ReadArtifactArgs(BaseModel):
    """What a model may ask for. `None` counts as not given, since some models fill in every argument.

    Args:
        ref (str): The reference of a text, or "history"; behind a colon the line to begin with, from 1, and behind
            another one the character of that line.
        search (str): Words to look for, the best passages first, or a pattern between slashes. Empty to read.
        start_line (int): The line, for models that name it apart. So are the others.
        max_lines (int): As for `read_page`.
        pattern (str): A pattern without slashes.
        start_column (int): As for `read_page`.
    """

    ref: str = HISTORY
    search: str = ""
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

    @property
    def place(self) -> tuple[str, int, int]:
        """The reference, the line and the character that are meant."""
        parsed = _REF.fullmatch(self.ref)
        if parsed is None:
            return self.ref or HISTORY, self.start_line, self.start_column
        return parsed[1], int(parsed[2] or self.start_line), int(parsed[3] or self.start_column)

    @property
    def asked(self) -> tuple[str, str]:
        """The words and the pattern that are looked for; at most one of them is not empty."""
        between = _PATTERN.fullmatch(self.search.strip())
        if self.pattern or between:
            return "", self.pattern or (between[1] if between else "")
        return self.search.strip(), ""


class ArtifactPage(BaseModel):
    """What the tool returns.

    Args:
        text (str): The answer of `read_page`.
    """

    text: str


class ReadArtifactTool(BaseTool[ReadArtifactArgs, ArtifactPage]):
    """Lets a model read a text that was cut, by the reference in the notice that stands in its place.

    What cannot be answered raises an error whose text says what would work; a workbench makes an error result of it.

    `limit`: Tokens one answer may hold, at least 64. `history`: Reads the turns that left the conversation, which
    the model names "history". `None` means there is no such text. `index`: What is known of the words of these
    texts. `None` means nothing is, yet.

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
        references: Callable[[], Iterable[str]] = tuple,
        index: TextIndex | None = None,
    ) -> None:
        if limit < SMALLEST_LIMIT:
            raise ValueError(f"limit must be at least {SMALLEST_LIMIT} tokens, not {limit}: a heading takes up to 40")
        super().__init__(ReadArtifactArgs, ArtifactPage, READ_ARTIFACT, _OF_HISTORY if history else _DESCRIPTION)
        self._store = store
        self._counter = counter
        self.limit = limit
        """Tokens one answer may hold."""
        self._history = history
        self._references = references
        self._index = TextIndex() if index is None else index

    @property
    def schema(self) -> ToolSchema:
        """The shortest schema that models understand, since it is part of every request: 70 tokens of each.

        What else the tool takes is named by answers that call for it.
        """
        return ToolSchema(
            name=READ_ARTIFACT,
            description=self.description,
            parameters=ParametersSchema(
                type="object", properties={"ref": {"type": "string"}, "search": {"type": "string"}}
            ),
        )

    def return_value_as_string(self, value: ArtifactPage) -> str:
        """Return the answer as the model sees it."""
        return value.text

    async def run(self, args: ReadArtifactArgs, cancellation_token: CancellationToken) -> ArtifactPage:
        """Read a page, or search, off the event loop.

        Raises:
            ArtifactNotFoundError: No text has that reference, or no turns were left out.
            ValueError: As for `read_page`.
            OSError: The store failed.
        """
        reading = asyncio.ensure_future(self._read(args))
        cancellation_token.link_future(reading)
        return ArtifactPage(text=await reading)

    async def _read(self, args: ReadArtifactArgs) -> str:
        name, line, column = args.place
        words, pattern = args.asked
        everything = name.lower() == HISTORY
        if words or (pattern and everything):
            references = [*dict.fromkeys(self._references())] if everything else [name.lower()]
            return await search_texts(self._store, references, words, pattern, self.limit, self._counter, self._index)
        text = await (self._history() if self._history and everything else self._store.get(name))
        return await asyncio.to_thread(
            read_page,
            text,
            self.limit,
            self._counter,
            name=name.lower(),
            start_line=line,
            start_column=column,
            max_lines=args.max_lines,
            pattern=pattern,
        )
