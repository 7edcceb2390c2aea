"""Strategies in AutoGen's declarative form: what a dataclass holds, by name, and the way back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import cast, get_args, get_type_hints

from autogen_core import Component, ComponentBase, ComponentLoader, ComponentModel, is_component_instance
from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import Self

from ._protocol import Strategy


class StrategyConfig(BaseModel):
    """The declarative form of a strategy: its settings, by the names of its arguments."""

    model_config = ConfigDict(extra="allow")  # each strategy checks its own


class DeclaredStrategy(ComponentBase[StrategyConfig], Component[StrategyConfig]):
    """Makes a frozen dataclass an AutoGen component: its fields are its settings.

    A field may hold a component, such as a model client. `None` must be a field's default where it is allowed at all:
    AutoGen leaves it out of what it dumps.
    """

    component_type = "strategy"
    component_config_schema = StrategyConfig

    __pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def __init_subclass__(cls, **options: object) -> None:
        """Name the class by the package that offers it; one that a user derives goes by its own module."""
        super().__init_subclass__(**options)
        package = __name__.partition(".")[0]
        ours = cls.__module__.partition(".")[0] == package
        cls.component_provider_override = f"{package}.{cls.__name__}" if ours else None

    def _to_config(self) -> StrategyConfig:
        return StrategyConfig.model_validate({name: _written(getattr(self, name)) for name in _settings_of(type(self))})

    @classmethod
    def _from_config(cls, config: StrategyConfig) -> Self:
        settings = dict(config.model_extra or {})
        for name, hint in _settings_of(cls).items():
            if name in settings and any(issubclass(kind, ComponentLoader) for kind in _classes_in(hint)):
                settings[name] = ComponentLoader.load_component(settings[name], object)
        return TypeAdapter(cls).validate_python(settings)


def dump_strategies(strategies: Sequence[Strategy] | None) -> list[ComponentModel] | None:
    """Return the declarative form of strategies, for the configuration of a component that uses them.

    `strategies`: In reading order. `None` means the default ones.

    Raises:
        TypeError: One of them is no component.
    """
    return None if strategies is None else [_dumped(strategy) for strategy in strategies]


def load_strategies(models: Sequence[ComponentModel] | None) -> list[Strategy] | None:
    """Return the strategies that a configuration describes.

    Raises:
        TypeError: One of them describes something else.
        ValueError: A setting is out of range, or there is none of that name.
    """
    return None if models is None else [_loaded(model) for model in models]


def _dumped(strategy: Strategy) -> ComponentModel:
    if not is_component_instance(strategy):
        raise TypeError(
            f"the strategy {strategy!r:.60} cannot be dumped: it is code. Make it an AutoGen Component (autogen_core."
            "Component), or use strategies of this library"
        )
    return strategy.dump_component()


def _loaded(model: ComponentModel) -> Strategy:
    loaded = ComponentLoader.load_component(model, object)
    if not isinstance(loaded, Strategy):
        raise TypeError(f"{model.provider} is not a strategy: it cannot be called with a history and a need")
    return loaded


def _settings_of(cls: type) -> Mapping[str, object]:
    """Return the types of a dataclass's arguments, by name."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


def _written(value: object) -> object:
    return value.dump_component() if is_component_instance(value) else value


def _classes_in(hint: object) -> Iterator[type]:
    """Yield the classes that a type names, inside unions too."""
    if isinstance(hint, type):
        yield hint
    for part in cast("tuple[object, ...]", get_args(hint)):
        yield from _classes_in(part)
