"""The wire format of OpenAI's chat completions, and the service's complaints about requests that break it."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ._replies import Failure, JsonObject
from ._wire import Flaw, RejectionError, Wire, WireRequest, parse

ToolName: TypeAlias = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]
SpeakerName: TypeAlias = Annotated[str, Field(pattern=r"^[^\s<|\\/>]+$", max_length=64)]


class TextPart(Wire):
    """A piece of text inside a message."""

    type: Literal["text"]
    text: str


class ImageUrl(Wire):
    """Where an image is, and how closely to look at it."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class ImagePart(Wire):
    """An image inside a user message."""

    type: Literal["image_url"]
    image_url: ImageUrl


TextContent: TypeAlias = str | Annotated[list[TextPart], Field(min_length=1)]
Part: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class CalledFunction(Wire):
    """The function of a tool call; its arguments are JSON text."""

    name: ToolName
    arguments: str


class ToolCall(Wire):
    """One call in an assistant message."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class SystemMessage(Wire):
    """Instructions."""

    role: Literal["system", "developer"]
    content: TextContent
    name: SpeakerName | None = None


class UserMessage(Wire):
    """What a user, or another agent, said."""

    role: Literal["user"]
    content: str | Annotated[list[Part], Field(min_length=1)]
    name: SpeakerName | None = None


class AssistantMessage(Wire):
    """What the model said, or the tools it called."""

    role: Literal["assistant"]
    content: TextContent | None = None
    tool_calls: Annotated[list[ToolCall], Field(min_length=1)] | None = None
    name: SpeakerName | None = None


class ToolMessage(Wire):
    """The result of one call."""

    role: Literal["tool"]
    content: TextContent
    tool_call_id: str


Message: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(Wire):
    """A function the model may call."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class Tool(Wire):
    """A tool; functions are the only kind here."""

    type: Literal["function"]
    function: Function


class JsonSchema(Wire):
    """The schema of a structured answer."""

    name: ToolName
    schema_: dict[str, object] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Wire):
    """The form the answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Wire):
    """What a stream carries beside the answer."""

    include_usage: bool = False


class ChatRequest(WireRequest):
    """The body of a request."""

    messages: Annotated[list[Message], Field(min_length=1)]
    tools: Annotated[list[Tool], Field(min_length=1)] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, object] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    user: str | None = None
    reasoning_effort: str | None = None


def invalid(message: str, param: str | None = None, code: str | None = None) -> Failure:
    """The service's form of a 400."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Failure(400, {"error": error})


def read_request(body: JsonObject) -> ChatRequest:
    """`body` as a request that the service would accept, its size aside.

    Raises:
        RejectionError: It would not.
    """
    request = parse(ChatRequest, body)
    if isinstance(request, Flaw):
        raise RejectionError(_complaint(request))
    _check_options(request)
    _check_pairs(request.messages)
    return request


def _complaint(flaw: Flaw) -> Failure:
    details = flaw.details
    context = details.get("ctx", {})
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in flaw.path).removeprefix(".")
    match details["type"]:
        case "missing":
            return invalid(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
        case "extra_forbidden":
            return invalid(f"Unknown parameter: '{path}'.", path, "unknown_parameter")
        case "string_pattern_mismatch":
            wanted = f"Expected a string that matches the pattern '{context['pattern']}'."
            return invalid(f"Invalid '{path}': string does not match pattern. {wanted}", path, "invalid_value")
        case "too_short":
            wanted = "Expected an array with minimum length 1, but got an empty array instead."
            return invalid(f"Invalid '{path}': empty array. {wanted}", path, "empty_array")
        case "literal_error":
            wanted = f"Supported values are: {context['expected']}."
            return invalid(f"Invalid value: {details['input']!r}. {wanted}", path, "invalid_value")
        case "union_tag_invalid":
            wanted = f"Supported values are: {context['expected_tags']}."
            key = str(context["discriminator"]).strip("'")
            return invalid(f"Invalid value: '{context['tag']}'. {wanted}", f"{path}.{key}", "invalid_value")
        case _:
            return invalid(f"Invalid type for '{path}': {details['msg']}.", path, "invalid_type")


def _check_options(request: ChatRequest) -> None:
    if request.stream_options is not None and not request.stream:
        complaint = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise RejectionError(invalid(complaint, "stream_options"))
    for option in ("tool_choice", "parallel_tool_calls"):
        if getattr(request, option) is not None and request.tools is None:
            complaint = f"'{option}' is only allowed when 'tools' are specified."
            raise RejectionError(invalid(f"Invalid value for '{option}': {complaint}", option))
    for index, tool in enumerate(request.tools or []):
        schema = tool.function.parameters
        if schema and schema.get("type") != "object":  # an empty one means that there are no parameters
            wanted = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
            complaint = f"Invalid schema for function '{tool.function.name}': {wanted}"
            raise RejectionError(
                invalid(complaint, f"tools[{index}].function.parameters", "invalid_function_parameters")
            )
    wants_json = request.response_format is not None and request.response_format.type == "json_object"
    if wants_json and not any("json" in message.model_dump_json().lower() for message in request.messages):
        use = "to use 'response_format' of type 'json_object'"
        raise RejectionError(invalid(f"'messages' must contain the word 'json' in some form, {use}.", "messages"))


def _check_pairs(messages: list[Message]) -> None:
    """Every call is answered once, right after the message that made it; nothing else is answered."""
    called: list[str] = []
    answered: list[str] = []
    for index, message in enumerate(messages):
        here = f"messages.[{index}]"
        if isinstance(message, ToolMessage):
            _check_result(message.tool_call_id, called, answered, index)
            answered.append(message.tool_call_id)
            continue
        _check_complete(called, answered, here)
        if isinstance(message, AssistantMessage):
            called = [call.id for call in message.tool_calls or []]
            if message.content is None and not called:
                raise RejectionError(
                    invalid("Invalid value for 'content': expected a string, got null.", f"{here}.content")
                )
            for call_id in called:
                if called.count(call_id) > 1:
                    complaint = (
                        f"Invalid parameter: Duplicate value for 'tool_call_id' of '{call_id}', in messages[{index}]."
                    )
                    raise RejectionError(invalid(complaint, f"{here}.tool_calls"))
        else:
            called = []
        answered = []
    _check_complete(called, answered, f"messages.[{len(messages) - 1}]")


def _check_result(call_id: str, called: list[str], answered: list[str], index: int) -> None:
    here = f"messages.[{index}]"
    if not called:
        # The misspelling is the service's.
        complaint = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        raise RejectionError(invalid(f"Invalid parameter: {complaint}", f"{here}.role"))
    if call_id in answered:
        first = index - len(answered) + answered.index(call_id)
        complaint = f"Duplicate value for 'tool_call_id' of '{call_id}', in messages[{first}] and messages[{index}]."
        raise RejectionError(invalid(f"Invalid parameter: {complaint}", f"{here}.tool_call_id"))
    if call_id not in called:
        complaint = f"'tool_call_id' of '{call_id}' not found in 'tool_calls' of previous message."
        raise RejectionError(invalid(f"Invalid parameter: {complaint}", f"{here}.tool_call_id"))


def _check_complete(called: list[str], answered: list[str], here: str) -> None:
    missing = [call_id for call_id in called if call_id not in answered]
    if missing:
        complaint = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: "
        ) + ", ".join(missing)
        raise RejectionError(invalid(complaint, f"{here}.role"))
