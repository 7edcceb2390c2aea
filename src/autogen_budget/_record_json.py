"""Records as JSON: one line each, versioned, without content unless it is asked for."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from inspect import iscoroutinefunction
from os import PathLike
from pathlib import Path
from typing import Annotated, cast

from pydantic import Field, TypeAdapter, ValidationError

from ._checks import check_sequence, kind_of
from ._hooks import Hook
from ._records import CallRecord, Record, RetryRecord

VERSION = 1
"""The version of the JSON form. A reader takes this version and older ones, and fields that it does not know."""


@cache
def _adapter() -> TypeAdapter[Record]:
    """Make the adapter when the first record is written or read: it takes longer than the rest of this module."""
    return TypeAdapter(Annotated[Record, Field(discriminator="kind")])


RECORD_BEGINNING = f'{{"version":{VERSION},'.encode()
"""The beginning of a line that a `RecordFile` wrote; such lines are read faster, and with less memory."""


class RecordFormatError(ValueError):
    """A line that is no record of a version this library can read; its text names the line."""


def to_dict(record: Record, *, include_content: bool = False) -> dict[str, object]:
    """Turn a record into values that JSON can hold."""
    shown = record if include_content else _without_content(record)
    return {"version": VERSION, **cast("dict[str, object]", _adapter().dump_python(shown, mode="json"))}


def from_dict(values: Mapping[str, object]) -> Record:
    """Turn what `to_dict` returned back into a record.

    Raises:
        RecordFormatError: They are no record, or one of a later version.
    """
    version = values.get("version")
    if type(version) is not int or version < 1:
        raise RecordFormatError('not a record of autogen-budget: "version" is missing')
    if version > VERSION:
        raise RecordFormatError(f"record version {version} is newer than {VERSION}: upgrade autogen-budget to read it")
    try:
        return _adapter().validate_python({key: value for key, value in values.items() if key != "version"})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordFormatError(f"not a valid record: {where or 'kind'}: {first['msg']}") from None


class RecordFile:
    """Writes records to a file, one JSON line each; a hook.

    Several processes may write to the same file: each record is one `write` to a file opened for appending.

    Args:
        path (str | PathLike[str]): The file. It and its folder are made if they are missing, readable by the owner
            only.
        include_content (bool): Whether messages and texts of errors are written too; see `to_dict`.
    """

    def __init__(self, path: str | PathLike[str], *, include_content: bool = False) -> None:
        self.path = Path(path)
        self.include_content = include_content

    def __call__(self, record: Record) -> None:
        """Append a record to the file."""
        line = json.dumps(to_dict(record, include_content=self.include_content), separators=(",", ":")) + "\n"
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


def with_record_file(hooks: Sequence[Hook], path: str | PathLike[str] | None) -> tuple[Hook, ...]:
    """Check hooks, and put a file of records behind them; `path` is `None` for no file.

    Raises:
        TypeError: They are no sequence of functions.
    """
    check_sequence("hooks", hooks, "[print]")
    for hook in hooks:
        if not callable(hook):
            raise TypeError(f"hooks must be functions that take a record, got {kind_of(hook)}")
        if iscoroutinefunction(hook) or iscoroutinefunction(getattr(hook, "__call__", None)):  # noqa: B004  # not a test
            raise TypeError(
                f"hooks are called, not awaited, and {kind_of(hook)} is async: give a plain function, such as the "
                "put_nowait of an asyncio.Queue that a task of yours reads"
            )
    return (*hooks, *(() if path is None else (RecordFile(path),)))


def read_records(path: str | PathLike[str]) -> Iterator[Record]:
    """Read the records of a file one by one, so that its size does not matter.

    Args:
        path (str | PathLike[str]): A file that a `RecordFile` wrote. A last line without its end, which a writer is
            still at or never finished, is left out.

    Raises:
        OSError: The file cannot be read.
        RecordFormatError: A line is no record.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield record_of_line(line)
            except RecordFormatError as error:
                if not line.endswith(b"\n"):
                    return
                raise RecordFormatError(f"{path}, line {number:,}: {error}") from None


def record_of_line(line: bytes | str) -> Record:
    """Read one line of a file of records.

    Raises:
        RecordFormatError: It is no record.
    """
    line = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    if line.startswith(RECORD_BEGINNING):
        with suppress(ValidationError):  # said in plain words below
            return _adapter().validate_json(line)
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordFormatError(f"not JSON: {error}") from None
    if not isinstance(values, dict):
        raise RecordFormatError("not a JSON object")
    return from_dict(cast("dict[str, object]", values))


def _without_content(record: Record) -> Record:
    """Return a record without what may quote a conversation."""
    if isinstance(record, CallRecord):
        steps = tuple(replace(step, note=_error_class(step.note)) if step.failed else step for step in record.steps)
        return replace(record, steps=steps, error=record.error and _error_class(record.error), content=None, reply=None)
    if isinstance(record, RetryRecord):
        return replace(record, error=_error_class(record.error))
    return record


def _error_class(error: str) -> str:
    return error.partition(":")[0]
