"""A service's wire format as strict pydantic models, and where exactly a body breaks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ._replies import Failure, JsonObject

ModelT = TypeVar("ModelT", bound=BaseModel)


class Wire(BaseModel):
    """A part of a request: nothing is converted, nothing unknown is let through."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WireRequest(Wire):
    """A whole request."""

    model: str
    stream: bool = False


class RejectionError(Exception):
    """The server refuses a request with `failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.status} {failure.body}")
        self.failure = failure


@dataclass(frozen=True)
class Flaw:
    """The first thing wrong with a body.

    Args:
        path (tuple[int | str, ...]): Where, as keys and indexes into the body.
        details (ErrorDetails): What, in pydantic's words.
    """

    path: tuple[int | str, ...]
    details: ErrorDetails


def parse(model: type[ModelT], body: JsonObject) -> ModelT | Flaw:
    """`body` as a `model`, or what is wrong with it."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # A union reports every branch. The deepest complaint comes from the branch that was meant; among equals, one
        # about more than the type.
        details = max(error.errors(), key=lambda each: (len(each["loc"]), not each["type"].endswith("_type")))
        return Flaw(_path(details, body), details)


def _path(details: ErrorDetails, body: JsonObject) -> tuple[int | str, ...]:
    """The place of an error, without the names of union branches that pydantic mixes in."""
    location = details["loc"]
    path: list[int | str] = []
    here: object = body
    for depth, step in enumerate(location, start=1):
        inside = _children(here)
        if step in inside:
            here = inside[step]
            path.append(step)
        elif details["type"] == "missing" and depth == len(location):
            path.append(step)
    return tuple(path)


def _children(value: object) -> Mapping[int | str, object]:
    if isinstance(value, dict):
        return cast(dict[int | str, object], value)
    return dict(enumerate(cast(list[object], value))) if isinstance(value, list) else {}
