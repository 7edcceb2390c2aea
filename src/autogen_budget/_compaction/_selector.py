"""A selector's prompt made shorter where it may be: the oldest messages of the thread go, roles and instructions stay.

AutoGen's `SelectorGroupChat` asks for the next speaker with one message that holds the roles, the whole thread and the
instructions. In it each message of the thread begins with `name: `, and two empty lines part it from the next. That,
and nothing of the wording around it, is what is looked for: selector prompts are often custom.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autogen_core.models import AssistantMessage, SystemMessage, UserMessage

from autogen_budget._cut import cut_middle
from autogen_budget._history import History
from autogen_budget._turns import Turn

from ._component import DeclaredStrategy
from ._protocol import CompactionContext

SELECTOR = "selector"
"""The `source` of a selector's own answers, which stand behind its prompt when it has to be asked again."""

SLACK = 0.25
"""How much of the way from the cap down to the target is left free, for being asked again. More would gain nothing: the
next prompt is another one, with the whole thread in it again."""

_ANY_NAME = r"[\w-]{1,64}"
_GAP = "\n\n\n"
_GAPS = re.compile(r"\n{3,}")
_NOTICE = re.compile(r"\[([\d,]+) earlier messages? left out to fit the context window\]\n\n\n\Z")


@dataclass(frozen=True)
class TrimSelectorThread(DeclaredStrategy):
    """Leaves the oldest messages of the thread out of a selector's prompt, and says how many they are.

    Roles, instructions, the first message (which is the task) and the newest one stay. These two messages are cut in
    their middle where no others are left to leave out. Any other request is let through as it is.

    Args:
        participants (tuple[str, ...]): Names that messages of the thread begin with, beside `user`. Empty means any
            that an agent may have.
    """

    participants: tuple[str, ...] = ()

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Leave out as few as possible."""
        prompt = _prompt_of(history)
        thread = None if prompt is None or context.tokens <= context.target else self._read(prompt)
        if thread is None:
            return history
        goal = context.cap - int((context.cap - context.target) * SLACK)

        def fits(text: str) -> bool:
            return context.tokens_of(_with_prompt(history, text)) <= goal

        if fits(thread.text()):
            return history
        droppable = len(thread.messages) - 1
        count = bisect_left(range(droppable), True, key=lambda dropped: fits(thread.without(dropped).text()))
        shorter = thread.without(count)
        if count == droppable and not fits(shorter.text()):
            shorter = _cut(shorter, context, fits)
        context.note(f"{shorter.left_out - thread.left_out:,} messages of the selector's thread left out")
        return _with_prompt(history, shorter.text())

    def _read(self, prompt: str) -> "_Thread | None":
        """Return the parts of a prompt. `None` means it holds no thread with anything in it to leave out."""
        name = "|".join(map(re.escape, ("user", *self.participants))) if self.participants else _ANY_NAME
        starts = [found.end() for found in re.finditer(rf"{_GAP}(?=(?:{name}): )", prompt)]
        if not starts:
            return None
        end = max((gap.end() for gap in _GAPS.finditer(prompt, starts[-1])), default=len(prompt))
        head, left_out = prompt[: starts[0]], 0
        if notice := _NOTICE.search(head):
            head, left_out = head[: notice.start()], int(notice[1].replace(",", ""))
        # Roles are lines that begin with a name as well: the task is behind them, and most often a user's.
        first = list(re.finditer(r"\n(?=user: )", head)) or list(re.finditer(rf"\n(?=(?:{name}): )", head))
        split = first[-1].end() if first else len(head)
        messages = [prompt[a:b] for a, b in zip(starts, [*starts[1:], end], strict=True)]
        return _Thread(head[:split], head[split:], left_out, tuple(messages), prompt[end:])


@dataclass(frozen=True)
class _Thread:
    """A selector's prompt in its parts; together they are its text."""

    head: str
    task: str
    left_out: int
    messages: tuple[str, ...]
    tail: str

    def text(self) -> str:
        """Return the prompt."""
        what = "1 earlier message" if self.left_out == 1 else f"{self.left_out:,} earlier messages"
        notice = f"[{what} left out to fit the context window]{_GAP}" if self.left_out else ""
        return "".join((self.head, self.task, notice, *self.messages, self.tail))

    def without(self, count: int) -> "_Thread":
        """Return the same prompt without so many of its oldest messages."""
        return replace(self, left_out=self.left_out + count, messages=self.messages[count:])


def _cut(thread: _Thread, context: CompactionContext, fits: Callable[[str], bool]) -> _Thread:
    """Task and newest message cut to the same number of tokens, the largest that fits."""

    def cut_to(tokens: int) -> _Thread:
        task, newest = (_shorten(text, tokens, context) for text in (thread.task, thread.messages[-1]))
        return replace(thread, task=task, messages=(*thread.messages[:-1], newest))

    tokens = bisect_right(range(1, context.cap), False, key=lambda tokens: not fits(cut_to(tokens).text()))
    return cut_to(tokens)


def _shorten(text: str, tokens: int, context: CompactionContext) -> str:
    """Return a message of the thread, cut in its middle; the gap behind it stays."""
    words = text.rstrip("\n")
    return cut_middle(words, tokens, context.counter) + text[len(words) :]


def _prompt_of(history: History) -> str | None:
    """Return the text of the one message that a selector's request is made of; `None` means it is no such request."""
    message: SystemMessage | UserMessage
    match history:
        case History(system=(message,), turns=turns) if _asked_again(turns):
            return message.content
        case History(system=(), turns=(Turn(head=UserMessage() as message), *turns)) if _asked_again(turns):
            return message.content if isinstance(message.content, str) else None
        case _:
            return None


def _asked_again(turns: Sequence[Turn]) -> bool:
    """Return whether these turns can follow a selector's prompt: none, or its own answers that were no use."""
    first = next((turn.head for turn in turns if not turn.note), None)
    return first is None or (isinstance(first, AssistantMessage) and first.source == SELECTOR)


def _with_prompt(history: History, text: str) -> History:
    if history.system:
        return replace(history, system=(history.system[0].model_copy(update={"content": text}),))
    prompt, *rest = history.turns
    return history.with_turns((prompt.with_head(prompt.head.model_copy(update={"content": text})), *rest))
