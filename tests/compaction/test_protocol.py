"""Strategies: what they are told, and their declarative form."""

import inspect
import json
from dataclasses import MISSING, dataclass, fields
from typing import Any, cast, get_args, get_type_hints

import pytest
from autogen_core import Component, ComponentBase, ComponentModel
from autogen_core.models import ChatCompletionClient, SystemMessage, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel
from typing_extensions import Self

import autogen_budget
from autogen_budget import CompactionContext, History, Strategy, TiktokenCounter, TrimOldest, TruncateToolOutputs
from autogen_budget._compaction import parameter_names
from autogen_budget._compaction._component import DeclaredStrategy, dump_strategies, load_strategies
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


@dataclass(frozen=True)
class Asking(DeclaredStrategy):
    """Holds a component.

    It does nothing with it.
    """

    client: ChatCompletionClient | None = None
    words: int = 3

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Does nothing."""
        return history


@dataclass(frozen=True)
class Derived(TruncateToolOutputs):
    """A user's own, made from one of the library's."""

    mildly: bool = False


class OwnConfig(BaseModel):
    """The settings of a user's own component."""

    share: float


class Own(ComponentBase[OwnConfig], Component[OwnConfig]):
    """A strategy of a user's own that is an AutoGen component."""

    component_type = "my_strategy"
    component_config_schema = OwnConfig

    def __init__(self, share: float) -> None:
        self.share = share

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Does nothing."""
        return history

    def _to_config(self) -> OwnConfig:
        return OwnConfig(share=self.share)

    @classmethod
    def _from_config(cls, config: OwnConfig) -> Self:
        return cls(config.share)


class Plain:
    """A strategy that is code."""

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Does nothing."""
        return history


def public_strategies() -> list[type[Strategy]]:
    """The strategies that the library offers."""
    public = [getattr(autogen_budget, name) for name in autogen_budget.__all__]
    classes = [thing for thing in public if inspect.isclass(thing) and thing is not Strategy]
    wanted = list(inspect.signature(Strategy.__call__).parameters)
    found = [c for c in classes if "__call__" in vars(c) and list(inspect.signature(c.__call__).parameters) == wanted]
    return cast("list[type[Strategy]]", found)


def through_json(*strategies: Strategy) -> list[Strategy]:
    """The strategies, dumped, written as JSON, read and loaded."""
    dumped = dump_strategies(strategies)
    assert dumped is not None
    text = json.dumps([model.model_dump() for model in dumped])
    loaded = load_strategies([ComponentModel.model_validate(model) for model in json.loads(text)])
    assert loaded is not None
    return loaded


@pytest.mark.parametrize("strategy", public_strategies())
def test_every_strategy_is_a_component(strategy: type[Strategy]) -> None:
    """The library's own carry the public name, and come back equal; `None` is a default wherever it is allowed."""
    assert issubclass(strategy, DeclaredStrategy)
    hints = get_type_hints(strategy)
    needed = {f.name for f in fields(strategy) if f.default is MISSING and f.default_factory is MISSING}  # type: ignore[arg-type]  # every strategy is a dataclass
    assert not needed or needed == {"client"}
    made = strategy(**{name: ReplayChatCompletionClient(["yes"]) for name in needed})
    (model,) = dump_strategies([made]) or []
    assert model.provider == f"autogen_budget.{strategy.__name__}"
    assert model.component_type == "strategy"
    (loaded,) = through_json(made)
    assert dump_strategies([loaded]) == dump_strategies([made])
    for f in fields(strategy):  # type: ignore[arg-type]  # every strategy is a dataclass
        assert type(None) not in get_args(hints[f.name]) or f.default is None, f.name


def test_settings_come_back() -> None:
    """What was set is what is loaded, numbers, mappings and all, in the same order."""
    strategies: list[Strategy] = [TruncateToolOutputs(500, {"search": 90}), TrimOldest(facts=False)]
    assert through_json(*strategies) == strategies


def test_a_component_inside_is_loaded_too() -> None:
    """A strategy may hold a model client: it is dumped in its place, and left out where there is none."""
    with_client, without = through_json(Asking(ReplayChatCompletionClient(["yes"]), words=7), Asking())
    assert isinstance(with_client, Asking)
    assert isinstance(with_client.client, ReplayChatCompletionClient)
    assert with_client.words == 7
    assert without == Asking()


def test_users_strategies_go_by_their_own_names() -> None:
    """A component of a user's own is dumped as such, and so is one that is derived from the library's."""
    dumped = dump_strategies([Own(0.3), Derived(7, mildly=True)]) or []
    assert [model.provider for model in dumped] == [f"{__name__}.Own", f"{__name__}.Derived"]
    own, derived = through_json(Own(0.3), Derived(7, mildly=True))
    assert isinstance(own, Own)
    assert own.share == 0.3
    assert derived == Derived(7, mildly=True)


def test_no_strategies_and_none_given_are_two_things() -> None:
    """`None` stands for the default ones; an empty list stays empty."""
    assert dump_strategies(None) is None
    assert load_strategies(None) is None
    assert dump_strategies([]) == []
    assert load_strategies([]) == []


def test_code_is_refused() -> None:
    """A strategy that is no component is named, instead of being lost."""
    with pytest.raises(TypeError, match=r"strategy <.*test_protocol\.Plain .* cannot be dumped: it is code"):
        dump_strategies([TrimOldest(), Plain()])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"max_token": 5}, "max_token\n"),
        ({"max_tokens": "many"}, "max_tokens\n"),
        ({"per_tool": {"search": None}}, "per_tool.search"),
    ],
)
def test_settings_are_checked_when_they_are_loaded(config: dict[str, object], message: str) -> None:
    """What the constructor refuses is refused, and so is what it does not know."""
    model = ComponentModel(provider="autogen_budget.TruncateToolOutputs", config=config)
    with pytest.raises(ValueError, match=message):
        load_strategies([model])


@pytest.mark.parametrize("client", [TrimOldest(), ReplayChatCompletionClient(["no"])])
def test_what_is_loaded_must_be_a_strategy(client: ComponentBase[BaseModel]) -> None:
    """A client among strategies, or a strategy where a client belongs, is an error that names it."""
    model = client.dump_component()
    if isinstance(client, ReplayChatCompletionClient):
        with pytest.raises(TypeError, match="ReplayChatCompletionClient is not a strategy"):
            load_strategies([model])
    else:
        with pytest.raises(ValueError, match="client"):
            load_strategies([ComponentModel(provider=f"{__name__}.Asking", config={"client": model})])
