"""Read a file of whatever format, line by line where its lines are JSON values."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import cast

from autogen_core.models import LLMMessage

from autogen_budget._record_json import RECORD_BEGINNING, RecordFormatError, from_dict, record_of_line
from autogen_budget._records import Record

from ._atif import atif_transcript, is_atif
from ._autogen import MESSAGE_TYPES, is_state, state_transcripts
from ._openai import ROLES, openai_messages
from ._transcript import FileFormatError, Transcript, autogen_messages, items, mapping, tool_schemas

MAX_DOCUMENT_BYTES = 256 * 2**20
"""The largest file that is read as one JSON value: it takes about ten times its size in memory."""

MAX_LINE_BYTES = MAX_DOCUMENT_BYTES
"""The longest line of a file of lines."""

Progress = Callable[[int], None]


def read_file(path: str | PathLike[str], progress: Progress | None = None) -> Iterator[Transcript | Record]:
    """Read a file: transcripts, or records.

    Files whose lines are JSON values are read one line at a time, so that their size does not matter.

    `progress`: Called with how many bytes were read since the last time. `None` means nobody is.

    Raises:
        OSError: The file cannot be read.
        FileFormatError: It is empty, damaged, or of no format that is known.
    """
    file = Path(path)
    size = file.stat().st_size
    if size == 0:
        raise FileFormatError(f"{path} is empty")
    if _has_lines(file):
        yield from _lines(file, progress or _nobody)
        return
    if size > MAX_DOCUMENT_BYTES:
        raise FileFormatError(
            f"{path} is one JSON value of {size / 2**20:,.0f} MB, and only files of lines can be larger than "
            f"{MAX_DOCUMENT_BYTES // 2**20} MB: write one value to a line, for example with `jq -c '.[]'`"
        )
    try:
        value: object = json.loads(file.read_bytes())
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{path} is not JSON: line {error.lineno:,}, column {error.colno:,}: {error.msg}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is not JSON: {error}") from None
    (progress or _nobody)(size)
    try:
        found = list(_value(value, file.stem))
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    if not found:
        raise FileFormatError(f"{path} holds no messages")
    yield from found


def _has_lines(file: Path) -> bool:
    """Return whether the first line that is not blank is a JSON value by itself, and not the whole file."""
    with file.open("rb") as stream:
        for line in stream:
            if line.strip():
                first = line
                break
        else:
            return False
        more = any(line.strip() for line in stream)
    try:
        value: object = json.loads(first)
    except (ValueError, RecursionError):
        return file.suffix in (".jsonl", ".ndjson")
    return isinstance(value, dict) and (more or file.suffix in (".jsonl", ".ndjson"))


def _lines(file: Path, progress: Progress) -> Iterator[Transcript | Record]:
    messages: list[object] = []  # a conversation with a message to a line
    with file.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            progress(len(line))
            if not line.strip():
                continue
            try:
                if len(line) > MAX_LINE_BYTES:
                    raise FileFormatError(f"longer than {MAX_LINE_BYTES // 2**20} MB")
                if line.startswith(RECORD_BEGINNING):
                    yield record_of_line(line)
                    continue
                value = mapping(_json(line))
                if _is_message(value):
                    messages.append(value)
                else:
                    yield from _value(value, f"{file.stem} {number}")
            except (FileFormatError, RecordFormatError) as error:
                if not line.endswith(b"\n") and "not JSON" in str(error) and number > 1:
                    break  # a writer is still at it, or never finished
                raise FileFormatError(f"{file}, line {number:,}: {error}") from None
    if messages:
        try:
            yield Transcript(file.stem, _messages(messages))
        except FileFormatError as error:
            raise FileFormatError(f"{file}: {error}") from None


def _json(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"not JSON: {error}") from None


def _value(value: object, name: str) -> Iterator[Transcript | Record]:
    """Yield what one JSON value holds."""
    if isinstance(value, list):
        values = cast("list[object]", value)
        if values and all(_is_message(mapping(each)) for each in values[:1]):
            yield Transcript(name, _messages(values))
            return
        for number, each in enumerate(values, 1):
            yield from _value(each, f"{name} {number}")
        return
    values_by_key = mapping(value)
    if "kind" in values_by_key and "version" in values_by_key:
        yield from_dict(values_by_key)
    elif is_atif(values_by_key):
        yield atif_transcript(values_by_key)
    elif is_state(values_by_key):
        yield from state_transcripts(values_by_key)
    elif messages := items(values_by_key.get("messages")):
        label = str(values_by_key.get("id") or values_by_key.get("name") or name)
        yield Transcript(label, _messages(messages), tool_schemas(values_by_key.get("tools")))
    elif "messages" not in values_by_key:
        keys = ", ".join(list(values_by_key)[:5]) or type(value).__name__
        raise FileFormatError(
            f"of no format that is known ({keys}): it should be an AutoGen state, messages of AutoGen or OpenAI, an "
            "ATIF trajectory, or records of autogen-budget"
        )


def _messages(values: Sequence[object]) -> tuple[LLMMessage, ...]:
    """Return the messages of AutoGen or OpenAI, as the first of them is."""
    if mapping(values[0]).get("type") in MESSAGE_TYPES:
        return autogen_messages(values)
    return openai_messages(values)


def _is_message(value: Mapping[str, object]) -> bool:
    return value.get("type") in MESSAGE_TYPES or value.get("role") in ROLES


def _nobody(count: int) -> None:
    """Take progress that nobody wants to know."""
