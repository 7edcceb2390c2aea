"""What the library tells about its work: one frozen record for each model call."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

logger = logging.getLogger("autogen_budget")

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to a request before it was sent.

    Args:
        strategy (str): Who did it: the strategy's class name, `"repair"`, or `"last resort"`.
        tokens_before (int): Tokens of the whole request before the step.
        tokens_after (int): Tokens of the whole request after it.
        detail (str): What was done, in a few words.
        failed (bool): Whether the step was tried, failed, and left the request as it was.
    """

    strategy: str
    tokens_before: int
    tokens_after: int
    detail: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One model call: what came, what was sent, what was done in between, and what the provider reported.

    Args:
        name (str): Who called: the agent's name, or the name given to the client.
        purpose (str): What the call was for: `reply`, `selector`, `orchestrator` or `summary`.
        model (str | None): The model's name. `None` means the client does not tell it.
        cap (int): Tokens the request was allowed to hold.
        window (int | None): Tokens of the model's context window. `None` means it is not known, and the cap was set.
        window_source (str | None): Who said so. `None` means the window is not known.
        tokens_before (int): Tokens of the request as it came, with everything its conversation ever held.
        tokens_sent (int): Tokens of the request as it was sent, as predicted by the counter; never above the cap.
        layers_before (Mapping[str, int]): `tokens_before` by part of the request, largest first.
        layers_sent (Mapping[str, int]): `tokens_sent` by part of the request, largest first.
        steps (tuple[Step, ...]): What this call did to the request, in order. Empty when it only went on with what an
            earlier call had made, or changed nothing at all.
        compacted (bool): Whether the request differs from the messages as they came, by this call or an earlier one.
        stable_prefix_tokens (int): Tokens of the request's beginning, schemas included, that the previous request of
            its conversation had as well, byte for byte: what a provider can read from its prompt cache. 0 if it is the
            first.
        new_tokens (int): Tokens of the messages, as they came, that its conversation did not have before.
        reported_prompt_tokens (int | None): Prompt tokens the provider reported. `None` means it reported none.
        reported_completion_tokens (int | None): Tokens of the reply the provider reported. `None` means it reported
            none.
        cached_tokens (int | None): Prompt tokens the provider read from its cache. `None` means it did not tell;
            AutoGen passes this on only through its event logger, which has to be enabled at level INFO.
        from_cache (bool): Whether the reply came from a `ChatCompletionCache` and no model was called.
        estimated (bool): Whether tokens were estimated without a vocabulary.
        retries (int): How often the request was made smaller and sent again after the provider refused it for its size.
        seconds (float): Time from the call to its end, in seconds.
        error (str | None): The error the call ended with. `None` means it succeeded.
    """

    name: str
    purpose: str
    model: str | None
    cap: int
    window: int | None
    window_source: str | None
    tokens_before: int
    tokens_sent: int
    layers_before: Mapping[str, int]
    layers_sent: Mapping[str, int]
    steps: tuple[Step, ...]
    compacted: bool
    stable_prefix_tokens: int
    new_tokens: int
    reported_prompt_tokens: int | None
    reported_completion_tokens: int | None
    cached_tokens: int | None
    from_cache: bool
    estimated: bool
    retries: int
    seconds: float
    error: str | None


Hook = Callable[[CallRecord], object]
"""Is called with the record of each finished call. What it returns is ignored; what it raises is logged."""


@dataclass(frozen=True, slots=True)
class OutputCut:
    """One output of a tool that was longer than it may be.

    Args:
        tool (str): The tool's name; `"code_executor"` for code that an agent ran.
        characters (int): Characters of the whole.
        kept (int): Characters of what is left of it.
        limit (int): Tokens that one output of this tool was allowed to hold.
        reference (str | None): Where the whole is kept. `None` means that it was not.
        error (str | None): Why the whole was not kept. `None` means it was.
    """

    tool: str
    characters: int
    kept: int
    limit: int
    reference: str | None
    error: str | None


OutputHook = Callable[[OutputCut], object]
"""Is called with the record of each output that was cut. What it returns is ignored; what it raises is logged."""


def tell(record: RecordT, hooks: Iterable[Callable[[RecordT], object]]) -> None:
    """Call hooks with a record; what they raise is one line in the log.

    Args:
        record (CallRecord | OutputCut): What is told.
        hooks (Iterable[Hook] | Iterable[OutputHook]): Who is told.
    """
    for hook in hooks:
        try:
            hook(record)
        except Exception:
            logger.warning("hook %r failed", hook, exc_info=True)
