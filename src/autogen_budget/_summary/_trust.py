"""Which models are trusted to summarise without being asked for it."""

from typing import get_args

from autogen_core.models import ModelFamily, ModelInfo
from genai_prices import data_snapshot

LEAST_CAP = 4_000
"""Tokens of the smallest cap under which an agent's own model summarises by default. Under less, prose takes room that
facts need more: it says in a hundred tokens what facts say in ten."""


def can_summarise(info: ModelInfo, model: str | None) -> bool:
    """Whether a model is known to handle it: AutoGen knows its family, or `genai-prices` its name.

    The smallest open models do not: they repeat themselves and invent dates. Those who use one know its name, but no
    list does.

    Args:
        info (ModelInfo): What the client says about the model.
        model (str | None): Its name. `None` means the client does not tell it.
    """
    if info["family"] != ModelFamily.UNKNOWN and info["family"] in get_args(ModelFamily.ANY):
        return True
    if model is None:
        return False
    try:
        data_snapshot.get_snapshot().find_provider_model(model, None, None, None)
    except LookupError:
        return False
    return True
