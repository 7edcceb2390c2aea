"""What a strategy is told: sizes of the whole request, urgency, and what the tools will ask for."""

from typing import Any

from autogen_core.models import SystemMessage, UserMessage
from autogen_core.tools import FunctionTool

from autogen_budget import History, TiktokenCounter
from autogen_budget._compaction import parameter_names
from builders import context_for

COUNTER = TiktokenCounter()


def test_need_says_how_much_and_how_urgent() -> None:
    """Over the cap is hard, over the target alone is soft; sizes are those of the whole request."""
    history = History.parse([SystemMessage(content="Be brief."), UserMessage(content="hello", source="user")])
    context = context_for(history, target=5, cap=10)
    assert context.tokens == context.tokens_of(history) == COUNTER.count(history.flatten())
    assert context.over_cap
    assert not context_for(history, target=5, cap=100).over_cap
    assert context.after(History()).tokens == COUNTER.count([])


async def test_need_keeps_nothing_without_a_store() -> None:
    """Without a store there is no reference to give."""
    assert await context_for(History(), 5, 10).store("text") is None


def test_names_of_all_parameters() -> None:
    """Names are found at any depth of a schema, of tools and of schemas alike."""

    def search(query: str, limit: int = 5) -> str:
        """Search."""
        return query * limit

    nested: Any = {
        "name": "book",
        "parameters": {
            "type": "object",
            "properties": {
                "passengers": {"type": "array", "items": {"type": "object", "properties": {"first_name": {}}}},
                "when": {"anyOf": [{"type": "object", "properties": {"date": True}}, {"type": "null"}]},
            },
        },
    }
    names = parameter_names([FunctionTool(search, "Searches."), nested])
    assert names == {"query", "limit", "passengers", "first_name", "when", "date"}


def test_a_schema_that_cannot_be_read_has_no_names() -> None:
    """A tool that fails to tell its schema does not fail the request."""

    class Broken:
        @property
        def schema(self) -> object:
            """Fails."""
            raise RuntimeError("no schema")

    broken: Any = Broken()
    assert parameter_names([broken]) == frozenset()
