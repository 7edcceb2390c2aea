"""Which models summarise without being asked for it."""

import pytest
from autogen_core.models import ModelFamily, ModelInfo

from autogen_budget._summary import can_summarise


def info(family: str) -> ModelInfo:
    """What a client says about a model of some family."""
    return ModelInfo(vision=False, function_calling=True, json_output=True, family=family, structured_output=True)


@pytest.mark.parametrize(
    ("family", "model", "trusted"),
    [
        (ModelFamily.GPT_4O, None, True),
        (ModelFamily.LLAMA_3_3_70B, "my-llama", True),
        (ModelFamily.UNKNOWN, "gpt-4o", True),
        (ModelFamily.UNKNOWN, "smollm2", False),
        (ModelFamily.UNKNOWN, None, False),
        ("a-family-of-my-own", None, False),
    ],
)
def test_a_model_is_known_by_its_family_or_its_name(family: str, model: str | None, trusted: bool) -> None:
    """AutoGen knows families, and `genai-prices` names; a model that neither knows is not trusted."""
    assert can_summarise(info(family), model) is trusted
