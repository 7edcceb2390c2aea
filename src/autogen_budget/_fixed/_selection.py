"""Choose the tools that a request offers: those it most likely needs, up to a cap, and the same as long as they do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from autogen_core.tools import Tool, ToolSchema

from autogen_budget._counting import Tally, TokenCounter

from ._find import FIND_TOOLS_SCHEMA
from ._schemas import forms_of, schema_of
from ._tool_context import ToolContext
from ._tool_index import ToolIndex

AnyTool: TypeAlias = Tool | ToolSchema


@dataclass(frozen=True, slots=True)
class _Choice:
    """What comes first when not all tools fit.

    Args:
        latest (int): Tools called last that come before those that the request seems to be about.
        likeliest (int): Tools that are chosen for their score alone; the others for their score by token, so that one
            large schema does not take the place of four small ones.
        wanted (int): Tools, the likeliest first, that have to be in a request: where one is not, all are chosen anew.
            More of them cost the prompt cache, and find hardly any more of the tools that are called.
        least_wanted (float): Share of the best score that such a tool has at least.
    """

    latest: int = 5
    likeliest: int = 4
    wanted: int = 12
    least_wanted: float = 0.2


_CHOICE = _Choice()


class Toolset:
    """All tools of an agent, read once: their shorter forms, what these weigh, and what the tools are about."""

    def __init__(self, tools: Sequence[AnyTool], counter: TokenCounter) -> None:
        self.tools = tuple(tools)
        """The tools as received."""
        self.counter = counter
        """Weighs them."""
        self.index = ToolIndex(tools)
        """What they are about."""
        self.finder = next((place for place, tool in enumerate(tools) if tool == FIND_TOOLS_SCHEMA), None)
        """The place of `find_tools`. `None` means that nothing offers it."""
        self.handoffs = frozenset(place for place, tool in enumerate(tools) if _is_handoff(tool))
        """The places of hand-offs, as far as AutoGen's own names show it."""
        self._forms = [forms_of(tool) for tool in tools]
        self._weights = [[self._weigh(form) for form in forms] for forms in self._forms]

    def _weigh(self, form: AnyTool) -> Tally:
        """Return what a tool adds to a request that has others."""
        return self.counter.measure_extras([form, form]) - self.counter.measure_extras([form])

    def shortest(self, place: int) -> int:
        """Return which form of a tool is the shortest."""
        return len(self._forms[place]) - 1

    def weight(self, place: int, form: int) -> Tally:
        """Return what one form of a tool weighs."""
        return self._weights[place][form]

    def form(self, place: int, form: int) -> AnyTool:
        """Return one form of a tool."""
        return self._forms[place][form]

    def places_of(self, names: Iterable[str]) -> list[int]:
        """Return where tools stand, by name; those that are not there are passed over."""
        places = {name: place for place, name in reversed(list(enumerate(self.index.names)))}
        return [places[name] for name in names if name in places]


@dataclass(frozen=True, slots=True)
class Selection:
    """The tools that requests offer.

    Args:
        tools (Sequence[Tool | ToolSchema]): What to offer, in the order in which the tools were received.
        forms (tuple[tuple[int, int], ...]): The place of each among all tools, and which of its forms it is.
        withheld (tuple[str, ...]): The names of the tools that are not offered.
        shortened (tuple[str, ...]): The names of those that are offered in a shorter form.
        tokens (int): What all of them weigh.
    """

    tools: Sequence[AnyTool] = ()
    forms: tuple[tuple[int, int], ...] = ()
    withheld: tuple[str, ...] = ()
    shortened: tuple[str, ...] = ()
    tokens: int = 0


def tool_tokens(tools: Sequence[AnyTool], counter: TokenCounter) -> int:
    """Count what tools add to a request."""
    return counter.tokens(counter.measure_extras(tools) - counter.measure_extras())


def select_tools(
    toolset: Toolset,
    context: ToolContext,
    limit: int,
    *,
    always: Collection[str] = (),
    before: Selection | None = None,
) -> Selection:
    """Choose the tools that a request offers.

    First descriptions get shorter, then tools go. What the request before offered is offered again as long as it fits
    and nothing is missing that this request needs: providers cache what begins the same.

    `before`: What the request before offered, of the same tools. `None` means there was none.
    """
    fixed = [*toolset.places_of(always), *sorted(toolset.handoffs)]
    if before is not None and tool_tokens(before.tools, toolset.counter) <= limit and not before.withheld:
        return before
    scores = toolset.index.scores(context)
    ranked = _ranked(toolset, context, scores)
    asked = [*fixed, *toolset.places_of(context.found)]
    if before is not None and tool_tokens(before.tools, toolset.counter) <= limit:
        least = max(scores, default=0.0) * _CHOICE.least_wanted
        wanted = (place for place in ranked[: _CHOICE.wanted] if scores[place] >= least)
        missing = {*asked, *toolset.places_of(context.called[:1]), *wanted} - {place for place, _ in before.forms}
        if not missing:
            return before
        anew = _choose(toolset, [*asked, *ranked], limit, fixed)
        return anew if missing & {place for place, _ in anew.forms} else before
    return _choose(toolset, [*asked, *ranked], limit, fixed)


def _ranked(toolset: Toolset, context: ToolContext, scores: Sequence[float]) -> list[int]:
    """Return the places of all tools, the most likely needed first."""
    places = range(len(scores))

    def by_token(place: int) -> float:
        return -scores[place] / max(1, toolset.counter.tokens(toolset.weight(place, -1)))

    called = toolset.places_of(context.called)
    named = toolset.index.named_in(f"{context.instructions} {context.request}")
    likeliest = sorted(places, key=lambda place: -scores[place])[: _CHOICE.likeliest]
    first = (*called[: _CHOICE.latest], *likeliest, *called, *sorted(named, key=by_token))
    return list(dict.fromkeys((*first, *sorted(places, key=by_token))))


def _choose(toolset: Toolset, order: Sequence[int], limit: int, fixed: Collection[int]) -> Selection:
    """Choose anew: all tools as received if they fit, else the shortest forms of as many as do, and longer ones."""
    finder: set[int] = set() if toolset.finder is None else {toolset.finder}
    others = [place for place in dict.fromkeys(order) if place not in finder]
    whole = _selection(toolset, dict.fromkeys(others, 0))
    if whole.tokens <= limit:
        return whole
    chosen = _fill(toolset, others, limit, fixed)
    if len(chosen) < len(others):  # only then is there anything to find
        chosen = _fill(toolset, [*finder, *others], limit, {*fixed, *finder})
    return _selection(toolset, chosen)


def _fill(toolset: Toolset, order: Sequence[int], limit: int, fixed: Collection[int]) -> dict[int, int]:
    """Return the places of the tools that fit in this order, each with the longest of its forms that fits."""
    counter, tools = toolset.counter, toolset.tools
    chosen: dict[int, int] = {}
    total = counter.measure_extras(tools[:1]) - counter.measure_extras() - toolset.weight(0, 0)  # what introduces tools
    for place in (*fixed, *order):
        grown = total + toolset.weight(place, -1)
        if place not in chosen and (place in fixed or counter.tokens(grown) <= limit):
            chosen[place], total = toolset.shortest(place), grown
    for place, shortest in chosen.items():
        without = total - toolset.weight(place, shortest)
        for form in range(shortest):
            grown = without + toolset.weight(place, form)
            if counter.tokens(grown) <= limit:
                chosen[place], total = form, grown
                break
    return chosen


def _selection(toolset: Toolset, chosen: Mapping[int, int]) -> Selection:
    forms = tuple(sorted(chosen.items()))
    tools = [toolset.form(place, form) for place, form in forms]
    names = toolset.index.names
    return Selection(
        tools,
        forms,
        withheld=tuple(name for place, name in enumerate(names) if place not in chosen and place != toolset.finder),
        shortened=tuple(names[place] for place, form in forms if form),
        tokens=tool_tokens(tools, toolset.counter),
    )


def _is_handoff(tool: AnyTool) -> bool:
    schema = schema_of(tool)
    parameters = schema.get("parameters")
    properties = cast("Mapping[str, object]", parameters).get("properties") if isinstance(parameters, Mapping) else None
    return not properties and str(schema.get("name")).startswith("transfer_to_")
