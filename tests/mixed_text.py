"""Requests of mixed text, the same for the same seed: prose, code, JSON, tables of digits, log lines, Chinese."""

import inspect
import json
import pydoc_data.topics
import random
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage

from autogen_budget import TokenCounter


def _is_prose(text: str) -> bool:
    return len(text) > 200 and sum(sign.isalpha() or sign.isspace() for sign in text) > 0.92 * len(text)


_PROSE = [part for topic in pydoc_data.topics.topics.values() for part in topic.split("\n\n") if _is_prose(part)]
_CODE = [part for module in (json, inspect, textwrap) for part in inspect.getsource(module).split("\n\n") if part]
_CHINESE = (
    "请根据以下资料撰写一份报告，并在最后给出建议。",
    "用户反馈系统在高峰期响应缓慢，需要尽快排查原因。",
    "我们建议先备份数据，然后再执行升级操作。",
    "会议将于下周三上午十点在三号会议室举行。",
    "投资者对市场前景持谨慎乐观的态度。",
    "这个函数接收两个参数，返回它们的最大公约数。",
)
_WORDS = ("order", "price", "status", "created", "region", "customer", "total", "address")


def prose(chance: random.Random, size: int) -> str:
    """English."""
    return _join("\n\n", size, lambda: chance.choice(_PROSE))


def code(chance: random.Random, size: int) -> str:
    """Python."""
    return _join("\n\n", size, lambda: chance.choice(_CODE))


def records(chance: random.Random, size: int) -> str:
    """JSON."""

    def record() -> str:
        values: tuple[object, ...] = (chance.randint(0, 10**6), round(chance.random(), 3), None, chance.choice(_WORDS))
        return json.dumps({name: chance.choice(values) for name in chance.sample(_WORDS, 4)})

    return "[" + _join(", ", size, record)


def table(chance: random.Random, size: int) -> str:
    """Rows of digits."""
    return _join("\n", size, lambda: ",".join(str(chance.randint(0, 10 ** chance.randint(1, 8))) for _ in range(8)))


def log(chance: random.Random, size: int) -> str:
    """Log lines."""

    def line() -> str:
        time = f"2025-03-{chance.randint(10, 28)}T10:{chance.randint(10, 59)}:17.{chance.randint(100, 999)}Z"
        return f"{time} INFO [{chance.choice(_WORDS)}-{chance.randint(1, 9)}] request={chance.getrandbits(64):x} ok"

    return _join("\n", size, line)


def chinese(chance: random.Random, size: int) -> str:
    """Chinese, with fewer characters than asked for: they are worth more."""
    return _join("", size // 3, lambda: chance.choice(_CHINESE))


KINDS: Mapping[str, Callable[[random.Random, int], str]] = {
    "prose": prose,
    "code": code,
    "records": records,
    "table": table,
    "log": log,
    "chinese": chinese,
}
"""Makers of text, each of about the size asked for, in characters."""


def conversations(seed: int, calls: int = 30) -> Iterator[list[LLMMessage]]:
    """Gives the requests of one conversation that grows, changes its subject, and is cut when it has become long.

    Args:
        seed (int): The same requests for the same seed.
        calls (int): How many requests.

    Yields:
        list[LLMMessage]: The messages of the next request; the last is the user's.
    """
    chance = random.Random(seed)
    system = SystemMessage(content=prose(chance, 600))
    history: list[LLMMessage] = [UserMessage(content=prose(chance, 200), source="user")]
    subjects = list(KINDS)
    for call in range(calls):
        if call % 4 == 0:
            subjects = chance.sample(list(KINDS), chance.randint(1, 3))
        for _ in range(chance.randint(1, 2)):
            text = KINDS[chance.choice(subjects)](chance, chance.randint(100, 4_000))
            history.append(AssistantMessage(content=text, source="helper"))
            history.append(UserMessage(content=prose(chance, chance.randint(20, 200)), source="user"))
        yield [system, *history]
        if len(history) > 16:
            history = history[-6:]


def _join(separator: str, size: int, make: Callable[[], str]) -> str:
    made: list[str] = []
    while sum(map(len, made)) < size:
        made.append(make())
    return separator.join(made)[:size]


def predictions(
    counter: TokenCounter, requests: Iterable[Sequence[LLMMessage]], report: Callable[[Sequence[LLMMessage]], int]
) -> list[float]:
    """Lets a counter learn from call to call and compares what it predicted with what was reported.

    Args:
        counter (TokenCounter): The counter; it learns.
        requests (Iterable[Sequence[LLMMessage]]): The messages of one call after another.
        report (Callable[[Sequence[LLMMessage]], int]): The model's own count of a request, in tokens.

    Returns:
        list[float]: Predicted by reported tokens for each call, the first five left out.
    """
    ratios: list[float] = []
    for messages in requests:
        tally = sum(map(counter.measure_message, messages), counter.measure_extras())
        reported = report(messages)
        ratios.append(counter.tokens(tally) / reported)
        counter.observe(tally, reported)
    return ratios[5:]
