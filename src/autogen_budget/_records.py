"""Records: one frozen value for each model call, output cut, wait, retry, time limit and loop, in one stream."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to a request before it was sent.

    Args:
        strategy (str): Who did it: the strategy's class name, `"repair"`, `"Instructions"`, which holds these to their
            cap, or `"force fit"`, which cuts what may not be dropped.
        tokens_before (int): Tokens of the whole request before the step.
        tokens_after (int): Tokens of the whole request after it.
        note (str): Further words: what was repaired, why a step failed, what a strategy adds. Empty means none.
        failed (bool): Whether the step was tried, failed, and left the request as it was.
        dropped (int): Turns that were dropped.
        cut (int): Turns of which a part was cut or left out.
        summarised (int): Turns that a model's summary newly covers.
        recalled (int): Dropped or cut turns that were brought back for the newest request.
        sections (int): Sections of long instructions that were brought in for the newest request.
        not_stored (int): Dropped turns and cut results that no store keeps whole, although there is one.
        task_cut (bool): Whether the task, the first words of a user, was cut.
        instructions_cut (bool): Whether a system message was cut.
    """

    strategy: str
    tokens_before: int
    tokens_after: int
    note: str = ""
    failed: bool = False
    dropped: int = 0
    cut: int = 0
    summarised: int = 0
    recalled: int = 0
    sections: int = 0
    not_stored: int = 0
    task_cut: bool = False
    instructions_cut: bool = False

    @property
    def freed(self) -> int:
        """Tokens that the step freed; negative where it added some, as recall does."""
        return self.tokens_before - self.tokens_after

    @property
    def detail(self) -> str:
        """What was done, in a few words, made of the other fields."""
        numbers = (self.dropped, self.cut, self.summarised, self.recalled)
        counted = zip(numbers, ("dropped", "cut", "summarised", "recalled"), strict=True)
        parts = [f"{n:,} turn{'' if n == 1 else 's'} {what}" for n, what in counted if n]
        parts += [f"{self.sections:,} section{'' if self.sections == 1 else 's'} shown"] * bool(self.sections)
        parts += ["the task cut"] * self.task_cut + ["instructions cut"] * self.instructions_cut
        parts += [f"{self.not_stored:,} of them not stored"] * bool(self.not_stored)
        if not parts and self.freed > 0 and not self.note:
            parts = ["fewer facts of earlier turns"]
        return "; ".join(filter(None, (", ".join(parts), self.note)))


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a request, or one result of a call: what it is and what it weighs, never what it says.

    Args:
        label (str): What it is: `"result of fetch_page"`, `"text of writer"`, `"instructions"`, `"memory"`.
        layer (str): The layer of the request it belongs to.
        tokens (int): What it weighs, in tokens.
        fingerprint (str): Equal for equal contents within one process; keyed by a secret of the process, so that it
            reveals nothing about the content.
        age (int): How many calls of its conversation followed it. 0 means it is new in this call.
    """

    label: str
    layer: str
    tokens: int
    fingerprint: str
    age: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One model call: what was received, what was sent, what was done in between, and what the provider reported.

    Args:
        name (str): Who called: the agent's name, or the name given to the client.
        purpose (str): What the call was for: `reply`, `selector`, `orchestrator` or `summary`.
        model (str | None): The model's name. `None` means the client does not name it.
        cap (int): Tokens the request was allowed to hold.
        window (int | None): Tokens of the model's context window. `None` means it is not known, and the cap was set.
        window_source (str | None): Where it is known from. `None` means the window is not known.
        tokens_before (int): Tokens of the request as received, with everything its conversation ever held.
        tokens_sent (int): Tokens of the request as it was sent, as predicted by the counter; never above the cap. 0 if
            it could not be made to fit.
        layers_before (Mapping[str, int]): `tokens_before` by part of the request, largest first.
        layers_sent (Mapping[str, int]): `tokens_sent` by part of the request, largest first.
        steps (tuple[Step, ...]): What this call did to the request, in order. Empty when it only went on with what an
            earlier call had made, or changed nothing at all.
        compacted (bool): Whether the request differs from the messages as received, by this call or an earlier one.
        stable_prefix_tokens (int): Tokens of the request's beginning, schemas included, that the previous request of
            its conversation had as well, byte for byte: what a provider can read from its prompt cache. 0 if it is the
            first.
        new_tokens (int): Tokens of the messages, as received, that its conversation did not have before.
        reported_prompt_tokens (int | None): Prompt tokens the provider reported. `None` means it reported none.
        reported_completion_tokens (int | None): Tokens of the reply it reported. `None` means it reported none.
        cached_tokens (int | None): Prompt tokens the provider read from its cache. `None` means it did not report it;
            AutoGen passes this on only through its event logger, which has to be enabled at level INFO.
        cache_write_tokens (int | None): Prompt tokens it wrote to its cache, known in the same way.
        reasoning_tokens (int | None): Tokens of the reply that the model reasoned with, known in the same way.
        from_cache (bool): Whether the reply came from a `ChatCompletionCache` and no model was called.
        retries (int): How often the request was made smaller and sent again after the provider refused it for its size.
        seconds (float): Time from the call to its end, in seconds.
        error (str | None): The error the call ended with: its class, a colon, its text. `None` means it succeeded.
        at (float): When the call ended, in seconds of Unix time.
        seconds_left (float | None): Seconds left to the run when the call ended. `None` means it has no time limit.
        waited_seconds (float): How much of `seconds` went by before the request was sent: planning, summaries, waiting
            for spend or a free place.
        first_token_seconds (float | None): Time from sending to the first chunk of a stream, in seconds. `None` means
            the reply was not streamed.
        conversation (str): Tells the conversations of one caller apart. `""` means this is not known.
        new_parts (tuple[Part, ...]): What was new in this call, as received, in order.
        largest (tuple[Part, ...]): The largest parts that were sent, largest first, with their ages.
        tools (Mapping[str, int]): Tokens of the schema of each tool and hand-off that was offered, by name.
        tools_withheld (tuple[str, ...]): Names of the tools that `max_tool_schema_tokens` left no place for.
        tools_shortened (tuple[str, ...]): Names of those whose schemas it made shorter.
        called (tuple[str, ...]): Names of the tools that the reply calls.
        finish_reason (str | None): Why the reply ended, as AutoGen spells it. `None` means there was none.
        cache_bust (str | None): The first thing that changed in the beginning that the request could have had in common
            with the one before it: `"a time or date in the instructions, at character 31"`. `None` means nothing did.
        max_reply_tokens (int | None): Tokens that the call, or its client, limited the reply to. `None` means neither
            did.
        content (tuple[Mapping[str, object], ...] | None): The messages as they were sent. `None` means content is not
            recorded, which is the default.
        reply (Mapping[str, object] | None): The reply as a message. `None` means the same, or that there was none.
        larger (bool): Whether a larger model took over a call that could not fit, and this is its record.
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
    retries: int
    seconds: float
    error: str | None
    at: float = field(default_factory=time.time)
    seconds_left: float | None = None
    waited_seconds: float = 0.0
    first_token_seconds: float | None = None
    conversation: str = ""
    new_parts: tuple[Part, ...] = ()
    largest: tuple[Part, ...] = ()
    tools: Mapping[str, int] = field(default_factory=dict[str, int])
    tools_withheld: tuple[str, ...] = ()
    tools_shortened: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    finish_reason: str | None = None
    cache_bust: str | None = None
    max_reply_tokens: int | None = None
    content: tuple[Mapping[str, object], ...] | None = None
    reply: Mapping[str, object] | None = None
    larger: bool = False
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    kind: Literal["call"] = "call"

    @property
    def shrank(self) -> bool:
        """Whether this call made the request smaller, rather than going on with what an earlier one had made."""
        return any(step.tokens_after < step.tokens_before for step in self.steps)


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
        name (str): The agent whose tool it was. `""` means this is not known.
        at (float): When it was cut, in seconds of Unix time.
    """

    tool: str
    characters: int
    kept: int
    limit: int
    reference: str | None
    error: str | None
    name: str = ""
    at: float = field(default_factory=time.time)
    kind: Literal["output_cut"] = "output_cut"


@dataclass(frozen=True, slots=True)
class WaitRecord:
    """A call that waited before it was sent.

    Args:
        name (str): Who waited: the agent's name, or the name given to the client.
        reason (str): What for: `concurrency`, `rate`, `back-off` or `spend`.
        seconds (float): How long, in seconds.
        at (float): When the waiting ended, in seconds of Unix time.
    """

    name: str
    reason: Literal["concurrency", "rate", "back-off", "spend"]
    seconds: float
    at: float = field(default_factory=time.time)
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class RetryRecord:
    """A call that failed and is made again.

    Args:
        name (str): Who called.
        attempt (int): How many times it has failed so far, from 1.
        error (str): The error: its class, a colon, its text.
        delay (float): Seconds until it is made again.
        at (float): When it failed, in seconds of Unix time.
    """

    name: str
    attempt: int
    error: str
    delay: float
    at: float = field(default_factory=time.time)
    kind: Literal["retry"] = "retry"


@dataclass(frozen=True, slots=True)
class TimeLimitRecord:
    """A time limit that ended something.

    Args:
        name (str): Whose limit it was: the agent's or the team's name.
        limit (str): Which one: `first_token`, `idle`, `call`, `tool` or `run`.
        seconds (float): The limit, in seconds.
        tool (str | None): The tool that was ended. `None` means it was no tool.
        left_behind (bool): Whether it goes on in the background, since nothing could stop it: a function in a thread.
        at (float): When, in seconds of Unix time.
    """

    name: str
    limit: Literal["first_token", "idle", "call", "tool", "run"]
    seconds: float
    tool: str | None = None
    left_behind: bool = False
    at: float = field(default_factory=time.time)
    kind: Literal["time_limit"] = "time_limit"


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """Something that was repeated without an effect.

    Args:
        name (str): Who repeats: the agent's or the team's name.
        pattern (str): What is repeated: `call`, `text`, `agents` (by turns) or `speaker` (is chosen again and again).
        subject (str): The tools or agents in it, by name.
        repeats (int): How many times it was seen.
        action (str): What was done: `nudged` (the model was warned) or `ended` (the run).
        at (float): When, in seconds of Unix time.
    """

    name: str
    pattern: Literal["call", "text", "agents", "speaker"]
    subject: str
    repeats: int
    action: Literal["nudged", "ended"]
    at: float = field(default_factory=time.time)
    kind: Literal["loop"] = "loop"


Event = OutputCut | WaitRecord | RetryRecord | TimeLimitRecord | LoopRecord
"""Anything that the library records beside calls; `kind` distinguishes them."""

Record = CallRecord | Event
"""Anything that the library records; `kind` distinguishes them."""
