"""The errors of this library, one tree.

Bad arguments raise `ValueError` or `TypeError`. Only what the library exists for has classes of its own:

    BudgetError
    ├── ContextOverflowError      a request cannot be made to fit, or the provider refused it for its size
    ├── SpendLimitError           a pool has too little left for a model call
    ├── PoolUnavailableError      the server of a shared pool or shared limits cannot be reached
    ├── ModelTimeoutError         a model did not answer in time
    ├── ToolTimeoutError          a tool did not end in time
    ├── RunTimeoutError           a run passed its deadline
    ├── LoopDetectedError         an agent does the same again and again
    ├── MessageTooLargeError      a message is too large to be sent between processes
    ├── RemoteTimeoutError        an agent in another process did not answer in time
    └── ArtifactNotFoundError     a reference names no stored text

Teams turn an agent's exception into a `RuntimeError` whose text begins with the name of its class.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage

LONGEST_ERROR = 2_000
"""Characters that are told of an error: some quote the whole request."""


def error_text(error: BaseException) -> str:
    """Return the class and the words of any error, at most `LONGEST_ERROR` characters; never raises."""
    try:
        words = str(error).encode("utf-8", "replace").decode()
    except Exception:
        words = "it has no readable text"
    text = f"{type(error).__name__}: {words}"
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 3]}..."


class BudgetError(Exception):
    """Base of every error this library raises about budgets.

    Args:
        message (str): What was wrong, with the numbers, and what to do about it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


class ContextOverflowError(BudgetError):
    """A request is larger than its cap and nothing that may be cut is left, or the provider refused it for its size.

    Raised before the call when even the fixed part (instructions, schemas, newest turn as far as it may not be cut) is
    over the cap. Raised after the call, with the provider's error as its cause, when a strictly smaller request was
    refused as well.

    Args:
        message (str): What was too large and what to do about it.
        cap (int): Tokens the request was allowed to hold.
        size (int): Tokens the smallest possible request holds.
        parts (Mapping[str, int]): Tokens of its largest parts, by name, largest first.
    """

    def __init__(self, message: str, *, cap: int, size: int, parts: Mapping[str, int]) -> None:
        super().__init__(message)
        self.cap = cap
        self.size = size
        self.parts = dict(parts)


class SpendLimitError(BudgetError):
    """A pool has too little left for a model call. Raised before the call; nothing was sent or reserved.

    Args:
        message (str): What is spent, reserved, asked for and allowed, and what to do about it.
        pool (str): The pool that refused: the one that was to pay, or one above it.
        unit (Literal["tokens", "cost", "calls"]): What there is too little of; the numbers are in it, cost in US
            dollars.
        limit (int | Decimal): What the pool may spend.
        spent (int | Decimal): What finished calls used.
        reserved (int | Decimal): What calls under way hold.
        asked (int | Decimal | None): What this call asked for. `None` means nobody can say: its price is not known.
        final (bool): Whether nothing can change that. False means it may fit once calls under way are settled.
    """

    def __init__(
        self,
        message: str,
        *,
        pool: str,
        unit: Literal["tokens", "cost", "calls"],
        limit: int | Decimal,
        spent: int | Decimal,
        reserved: int | Decimal,
        asked: int | Decimal | None,
        final: bool,
    ) -> None:
        super().__init__(message)
        self.pool = pool
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.asked = asked
        self.final = final


class PoolUnavailableError(BudgetError):
    """The server of a shared pool or of shared limits cannot be reached, so nobody can say whether a call fits.

    The call was not made.
    """


class ModelTimeoutError(BudgetError):
    """A model did not answer in time, as often as it may be asked.

    Args:
        message (str): Which clock ran out, and what to do about it.
        clock (Literal["call", "first_token", "idle"]): Which one: for a whole answer, for the first chunk of a stream,
            or between two chunks.
        seconds (float): Its limit, in seconds.
        attempts (int): How often the model was asked.
    """

    def __init__(
        self, message: str, *, clock: Literal["call", "first_token", "idle"], seconds: float, attempts: int
    ) -> None:
        super().__init__(message)
        self.clock = clock
        self.seconds = seconds
        self.attempts = attempts


class ToolTimeoutError(BudgetError):
    """Tools did not start, list themselves or end in time. For a call the model is given this as an error result.

    Args:
        message (str): What took too long, and what to do about it.
        tool (str): The tool's name, or what its workbench did.
        seconds (float): The limit, in seconds.
    """

    def __init__(self, message: str, *, tool: str, seconds: float) -> None:
        super().__init__(message)
        self.tool = tool
        self.seconds = seconds


class RunTimeoutError(BudgetError):
    """A run passed its deadline.

    Args:
        message (str): Whose run it was, and what to do about it.
        seconds (float | None): The limit, in seconds. `None` means the deadline came from a saved state or from
            outside.
        messages (Sequence[BaseAgentEvent | BaseChatMessage]): What was said in the run until then.
    """

    def __init__(
        self, message: str, *, seconds: float | None, messages: Sequence[BaseAgentEvent | BaseChatMessage] = ()
    ) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.messages = tuple(messages)


class LoopDetectedError(BudgetError):
    """An agent does the same again and again.

    Args:
        message (str): What is repeated, and what to do about it.
        repeats (int): How often it was done in a row.
        cycle (int): How many steps are repeated: 1 for one call, 2 for two by turns.
    """

    def __init__(self, message: str, *, repeats: int, cycle: int) -> None:
        super().__init__(message)
        self.repeats = repeats
        self.cycle = cycle


class MessageTooLargeError(BudgetError):
    """A message is too large to be sent between processes. It was not sent."""


class RemoteTimeoutError(BudgetError, TimeoutError):
    """An agent in another process did not answer in time."""


class ArtifactNotFoundError(BudgetError):
    """A reference names no text in the store."""
