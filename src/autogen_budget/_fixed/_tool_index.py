"""The tools of an agent, ranked by what a request is about: by words alone, without a model."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from itertools import pairwise
from operator import itemgetter
from typing import cast

from autogen_core.tools import Tool, ToolSchema

from autogen_budget._text import rarity, stems_of, words_of

from ._schemas import schema_of
from ._tool_context import ToolContext


@dataclass(frozen=True, slots=True)
class _Ranking:
    """How tools are ranked.

    `tests/benchmarks/bench_tools.py` measures how often the tool that is called next is among those that fit.

    Args:
        name (float): What a word of a tool's name weighs beside one of its description and parameters.
        instructions (float): The weight of the instructions beside that of the request.
        task (float): The weight of the first request beside that of the newest.
        recent (float): The weight of the newest other message; that of the one before is half of it.
        similar (float): The weight of the tools that are like those which the texts name: the tools of one service are
            needed together.
        called (float): The weight of the tools that are like those which were called.
        looks (float): How much more a tool counts that only looks something up: agents look before they act.
        general (float): What a tool counts whose name is one word, such as `calculate`: it is of no service, and the
            words of a request seldom lead to it.
        foreign (float): What is left of the score of a tool that has no word in common with the instructions and the
            newest messages: it belongs to another service.
        familiar (int): How much more a tool counts with each further word that it has in common with them: the power
            of their share.
        examples (int): How many of the tools that the texts name most count for those that are like them.
        memory (int): How many of the tools that were called do.
        terms (int): Words and pairs that stand for one tool, the weightiest.
    """

    name: float = 2.0
    instructions: float = 1.0
    task: float = 0.3
    recent: float = 1.0
    similar: float = 4.0
    called: float = 0.5
    looks: float = 0.5
    general: float = 0.15
    foreign: float = 0.1
    familiar: int = 4
    examples: int = 20
    memory: int = 5
    terms: int = 60


_RANKING = _Ranking()

_LOOKING = frozenset(
    {"check", "count", "describe", "fetch", "find", "get", "list", "lookup", "query", "read", "search", "show", "view"}
)
"""Verbs with which the names of tools begin that change nothing."""

_NAME = re.compile(r"[\w.\-]*\w")

MAX_TOOL_TEXT = 4_000
"""Characters of one description that are read."""


class ToolIndex:
    """Ranks tools; a value that can be used from any thread."""

    def __init__(self, tools: Sequence[Tool | ToolSchema]) -> None:
        texts = [_texts_of(tool) for tool in tools]
        self.names: tuple[str, ...] = tuple(name for name, _, _ in texts)
        """The names of the tools, in their order."""
        weights = [_weights(name, [description, *others]) for name, description, others in texts]
        held = [weight.keys() for weight in weights]
        self._rarity = rarity(frozenset[str]().union(*held), held)
        self._vectors = [
            _unit({term: weight * self._rarity[term] for term, weight in each.items()}) for each in weights
        ]
        name_words = [words_of(name) for name in self.names]
        self._factors = [1 + _RANKING.looks * (words[:1] != () and words[0] in _LOOKING) for words in name_words]
        self._general = [float(len(words) == 1) for words in name_words]
        self._wholes = [sum(weight for term, weight in vector.items() if " " not in term) for vector in self._vectors]
        self._by_term: dict[str, list[tuple[int, float]]] = {}
        for place, vector in enumerate(self._vectors):
            for term, weight in vector.items():
                self._by_term.setdefault(term, []).append((place, weight))
        self._read = lru_cache(maxsize=32)(self._read_text)  # instructions, task and request come with every call

    def search(self, query: str) -> list[int]:
        """Find the tools that a query is about.

        Returns:
            list[int]: Their places, the best first; empty where no word of it is a tool's.
        """
        scores = self._read(query)[0]
        return sorted((place for place, score in enumerate(scores) if score), key=lambda place: (-scores[place], place))

    def named_in(self, text: str) -> list[int]:
        """Find the tools that a text names as no prose would: `get_order`, not "think"."""
        words = frozenset(_NAME.findall(text))
        return [place for place, name in enumerate(self.names) if name in words and not name.isalpha()]

    def scores(self, context: ToolContext) -> list[float]:
        """Score each tool by how likely a request needs it."""
        total = [0.0] * len(self.names)
        sources = [
            (_RANKING.instructions, context.instructions),
            (_RANKING.task, context.task if context.task != context.request else ""),
            (1.0, context.request),
            *((_RANKING.recent / (i + 1), text) for i, text in enumerate(context.recent)),
        ]
        for weight, text in sources:
            total = _sum(total, weight, self._read(text)[0])
        familiar = (_RANKING.foreign + share**_RANKING.familiar for share in self._familiarity(context.texts))
        total = _scaled([score * factor for score, factor in zip(total, familiar, strict=True)])
        best = nlargest(_RANKING.examples, enumerate(total), key=itemgetter(1))
        total = _sum(total, _RANKING.similar, self._similar(best))
        places = {name: place for place, name in enumerate(self.names)}
        called = [places[name] for name in context.called if name in places][: _RANKING.memory]
        recent_first = ((place, 1 / math.sqrt(i + 1)) for i, place in enumerate(called))
        total = _sum(_scaled(total), _RANKING.called, self._similar(recent_first))
        total = [score * factor for score, factor in zip(total, self._factors, strict=True)]
        return _sum(total, _RANKING.general, self._general)

    def _read_text(self, text: str) -> tuple[list[float], frozenset[str]]:
        """Return how much of a text each tool is about, from 0 to 1, and the words of tools in it."""
        scores = [0.0] * len(self.names)
        terms = _terms_of(text)
        known = terms.keys() & self._by_term.keys()
        for term in sorted(known):
            strength = self._rarity[term] * (1 + math.log(terms[term]))
            for place, weight in self._by_term[term]:
                scores[place] += weight * strength
        return _scaled(scores), frozenset(known)

    def _similar(self, weighted: Iterable[tuple[int, float]]) -> list[float]:
        """Return how much each tool is like those that are given, from 0 to 1."""
        together: dict[str, float] = {}
        for place, weight in weighted:
            if weight:
                for term, part in self._vectors[place].items():
                    together[term] = together.get(term, 0.0) + weight * part
        scores = [0.0] * len(self.names)
        for term, weight in together.items():
            for place, part in self._by_term[term]:
                scores[place] += weight * part
        return _scaled(scores)

    def _familiarity(self, texts: Iterable[str]) -> list[float]:
        """Return the share of each tool's words, by their weight, that the texts hold."""
        known = frozenset[str]().union(*(self._read(text)[1] for text in texts))
        held = [0.0] * len(self.names)
        for term in sorted(known):
            for place, weight in self._by_term[term]:
                held[place] += weight * (" " not in term)  # a pair stands in a text by chance only
        return [part / whole if whole else 0.0 for part, whole in zip(held, self._wholes, strict=True)]


def _texts_of(tool: Tool | ToolSchema) -> tuple[str, str, list[str]]:
    """Return the name, the description, and what else of a schema describes what a tool is for."""
    schema = schema_of(tool)
    others: list[str] = []
    pending: list[object] = [schema.get("parameters")]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending += cast("list[object]", part)
        elif isinstance(part, Mapping):
            for key, value in cast("Mapping[str, object]", part).items():
                if key == "properties" and isinstance(value, Mapping):
                    named = cast("Mapping[str, object]", value)
                    others += named
                    pending += named.values()
                elif key == "description" or key == "enum":
                    others += [value] if isinstance(value, str) else _strings(value)
                else:
                    pending.append(value)
    name = schema.get("name", "") if isinstance(tool, Mapping) else tool.name
    description = schema.get("description")
    return str(name), description if isinstance(description, str) else "", others


def _strings(value: object) -> list[str]:
    return [item for item in cast("list[object]", value) if isinstance(item, str)] if isinstance(value, list) else []


def _weights(name: str, texts: Iterable[str]) -> dict[str, float]:
    weights = {term: 1.0 for text in texts for term in _terms_of(text[:MAX_TOOL_TEXT])}
    return weights | dict.fromkeys(_terms_of(name), _RANKING.name)


def _terms_of(text: str) -> Counter[str]:
    """Return the stems of a text and their pairs, with how often they stand in it."""
    stems = stems_of(text)
    return Counter(stems) + Counter(f"{a} {b}" for a, b in pairwise(stems))


def _unit(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weightiest terms, as a vector of length 1; empty where none has any weight."""
    kept = nlargest(_RANKING.terms, weights.items(), key=itemgetter(1))
    length = math.sqrt(sum(weight**2 for _, weight in kept))
    return {term: weight / length for term, weight in kept if weight} if length else {}


def _scaled(scores: list[float]) -> list[float]:
    most = max(scores, default=0.0)
    return [score / most for score in scores] if most else scores


def _sum(scores: Sequence[float], weight: float, others: Sequence[float]) -> list[float]:
    return [score + weight * other for score, other in zip(scores, others, strict=True)]
