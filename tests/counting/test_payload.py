"""What a request holds besides text: written as it is sent, whatever it is made of."""

import enum
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import pytest
from autogen_core import CancellationToken, FunctionCall, Image
from autogen_core.tools import BaseTool, FunctionTool, ToolSchema
from autogen_ext.models.openai._openai_client import calculate_vision_tokens, convert_tools
from hypothesis import given
from hypothesis import strategies as st
from openai.lib._parsing import type_to_response_format_param
from PIL import Image as Picture
from pydantic import BaseModel, Field

from autogen_budget._counting._payload import (
    LARGEST_IMAGE,
    argument_texts,
    calls_text,
    image_tokens,
    json_text,
    output_text,
    tool_text,
)


class Color(enum.Enum):
    """An enumeration in a schema."""

    RED = "red"


class Leaf(BaseModel):
    """A nested model."""

    color: Color
    size: int | None = None


class Tree(BaseModel):
    """A model with references, lists, unions and itself."""

    name: str = Field(description="What it is called.")
    leaf: Annotated[Leaf, Field(description="A reference beside a description.")]
    leaves: list[Leaf]
    kind: Literal[1, 2] = 1
    branches: list["Tree"] = []
    parent: Annotated["Tree | None", Field(description="Where it grows.")] = None


class Loop(BaseModel):
    """A model whose reference to itself stands beside a description."""

    inner: Annotated["Loop", Field(description="The same again.")]


def look_up(leaf: Leaf, others: list[Leaf | Color], exact: bool = True) -> str:
    """Look up a leaf."""
    return f"{leaf}{others}{exact}"


class Broken(BaseTool[Leaf, Leaf]):
    """A tool that cannot say what it takes."""

    def __init__(self) -> None:
        super().__init__(Leaf, Leaf, "broken", "It breaks.")

    @property
    def schema(self) -> ToolSchema:
        """Fails."""
        raise RuntimeError("no schema today")

    async def run(self, args: Leaf, cancellation_token: CancellationToken) -> Leaf:
        """Gives back what it gets."""
        del cancellation_token
        return args


class Faceless:
    """A value whose text fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def keys(value: object) -> set[str]:
    """All keys anywhere in a JSON value."""
    return set(re.findall(r'"([^"]*)": ', json.dumps(value)))


@pytest.mark.parametrize(
    "tool",
    [
        FunctionTool(look_up, "Finds leaves."),
        FunctionTool(look_up, "Finds leaves.").schema,
        ToolSchema(name="bare"),
    ],
    ids=["tool", "schema", "bare"],
)
def test_tools_are_written_as_they_are_sent(tool: FunctionTool | ToolSchema) -> None:
    """The text is the JSON of AutoGen's OpenAI client, enumerations, unions and nested objects included."""
    assert json.loads(tool_text(tool)) == convert_tools([tool])[0]


def test_a_tool_without_a_schema_keeps_its_name() -> None:
    """Where the schema fails, name and description are counted."""
    assert json.loads(tool_text(Broken()))["function"]["name"] == "broken"
    assert "It breaks." in tool_text(Broken())
    assert json.loads(tool_text(Faceless()))["function"]["name"] == ""  # type: ignore[arg-type]  # the wrong kind on purpose


def test_calls_are_written_with_their_arguments() -> None:
    """All calls of a message stand in one list, in ASCII, even if an argument is no text."""
    calls = [
        FunctionCall(id="1", name="weather", arguments='{"city": "東京"}'),
        FunctionCall(id="2", name="odd", arguments={"a": {1}}),  # type: ignore[arg-type]  # the wrong kind on purpose
    ]
    written = calls_text(calls)
    assert written.isascii()
    first, second = json.loads(written)
    assert first == {
        "id": "1",
        "function": {"arguments": '{"city": "東京"}', "name": "weather"},
        "type": "function",
    }
    assert second["function"]["arguments"] == {"a": "{1}"}


@pytest.mark.parametrize("model", [Leaf, Tree])
def test_json_schemas_hold_what_the_sdk_sends(model: type[BaseModel]) -> None:
    """The schema of a structured reply is at least as long as the OpenAI SDK's, with the same keys."""
    sent = type_to_response_format_param(model)
    written = output_text(model)
    assert len(written) >= len(json.dumps(sent))
    assert keys(json.loads(written)) >= keys(sent)
    for text in argument_texts({"response_format": model}):
        assert json.loads(text) == {"response_format": json.loads(written)}


def test_a_schema_that_holds_itself_is_written_once() -> None:
    """A recursive reference beside a description comes to an end."""
    assert "The same again." in output_text(Loop)


def test_other_replies() -> None:
    """JSON mode costs a few tokens, none nothing."""
    assert output_text(True) == '{"type": "json_object"}'
    assert output_text(False) == output_text(None) == ""


def test_arguments_that_steer_are_left_out() -> None:
    """Only what the model reads is written: no numbers, no routing."""
    arguments: Mapping[str, object] = {
        "temperature": 0.2,
        "seed": None,
        "logit_bias": {"1": 2},
        "metadata": {"a": "b"},
        "functions": [{"name": "f"}],
        "prediction": {"type": "content", "content": "x"},
    }
    assert [json.loads(text) for text in argument_texts(arguments)] == [
        {"functions": [{"name": "f"}]},
        {"prediction": {"type": "content", "content": "x"}},
    ]


def test_any_value_is_written() -> None:
    """Sets, bytes, models, circles, unusual keys and values without a text: something is written for each."""
    circle: list[object] = []
    circle.append(circle)
    assert json_text({"a": b"b"}) == '{"a": "b\'b\'"}'
    assert json.loads(json_text([Leaf(color=Color.RED)])) == [{"color": "red", "size": None}]
    assert json_text(float("nan")) == "NaN"
    assert json_text({1, 2}) == '"{1, 2}"'
    assert json_text(circle) == "[[...]]"
    assert json_text({(1, 2): "x"}) == "{(1, 2): 'x'}"
    assert json_text([Faceless()]) == '["Faceless"]'
    assert json_text({(1, 2): Faceless()}) == "dict"
    assert json_text("\ud800") == '"\ud800"'


@given(width=st.integers(1, 9_000), height=st.integers(1, 9_000))
def test_images_are_counted_as_autogen_counts_them(width: int, height: int) -> None:
    """The tile formula gives AutoGen's number, but for images so thin that one side is scaled to nothing."""

    class Picture:
        size = (width, height)

    class Sized(Image):
        def __init__(self) -> None:
            self.image = Picture()  # type: ignore[assignment]  # the wrong kind on purpose

    counted = image_tokens(Sized())
    assert 255 <= counted <= LARGEST_IMAGE
    if max(width, height) < 2_048 * min(width, height):
        assert counted == calculate_vision_tokens(Sized())


def test_images_of_any_kind_are_counted() -> None:
    """A real image counts by its pixels, and one that cannot say its size counts as the largest."""
    assert image_tokens(Image(Picture.new("RGB", (8, 8)))) == 255
    broken = Image(Picture.new("RGB", (8, 8)))
    del broken.image
    assert image_tokens(broken) == LARGEST_IMAGE
