"""What providers demand of a list of messages, checked without any of the library's own code."""

from collections.abc import Sequence

from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelFamily,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.anthropic._anthropic_client import to_anthropic_type
from autogen_ext.models.ollama._ollama_client import to_ollama_type
from autogen_ext.models.openai._openai_client import to_oai_type

FAMILIES = (
    ModelFamily.GPT_4O,
    ModelFamily.UNKNOWN,
    ModelFamily.GEMINI_2_0_FLASH,
    ModelFamily.CLAUDE_3_5_SONNET,
    ModelFamily.MISTRAL,
    ModelFamily.LLAMA_3_3_70B,
)


def assert_valid(messages: Sequence[LLMMessage], *, multiple_system_messages: bool = False) -> None:
    """Pairs are whole and adjacent, ids are unique, instructions and first words stand where they may."""
    used: set[str] = set()
    open_ids: list[str] = []
    begun = False
    for message in messages:
        if isinstance(message, FunctionExecutionResultMessage):
            assert open_ids, "results without calls"
            assert sorted(result.call_id for result in message.content) == sorted(open_ids)
            open_ids = []
            continue
        assert not open_ids, "calls without results"
        if isinstance(message, SystemMessage):
            assert multiple_system_messages or not begun, "a system message inside"
            continue
        led = begun or multiple_system_messages or isinstance(message, UserMessage)
        assert led, "the assistant speaks first"
        begun = True
        if isinstance(message, AssistantMessage) and isinstance(message.content, list):
            open_ids = [call.id for call in message.content]
            assert open_ids, "an assistant message without content"
            assert all(open_ids)
            assert len(set(open_ids)) == len(open_ids)
            assert not used & set(open_ids), "an id is used twice"
            used.update(open_ids)
    assert not open_ids, "calls without results"


def convert_everywhere(messages: Sequence[LLMMessage]) -> None:
    """Convert the messages as AutoGen's own clients do, for every provider; raises where one of them would."""
    for message in messages:
        for family in FAMILIES:
            to_oai_type(message, model="any", model_family=family)
        to_anthropic_type(message)
        to_ollama_type(message)
