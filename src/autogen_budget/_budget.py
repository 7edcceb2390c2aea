"""The token cap of one agent, as a validated value: `TokenBudget`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

NO_TOOLS: Mapping[str, int] = MappingProxyType({})
"""No limits for single tools."""

Tokens = Annotated[int, Field(ge=1, strict=True)]

LARGEST_DEFAULT_RESERVE = 4_096
"""Tokens kept free for a reply when neither budget nor client sets it: what AutoGen's Anthropic client asks for."""


def settings_repr(name: str, settings: BaseModel) -> str:
    """Render the call that makes an object with these settings, without those that have their default."""
    fields = type(settings).model_fields
    values = ((key, value) for key, value in settings if value != fields[key].get_default(call_default_factory=True))
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in values)})"


class TokenBudget(BaseModel):
    """How many tokens one model call may hold, and how compaction behaves when it would hold more.

    The cap of a call is `min(max_prompt_tokens, context_window - reply_reserve)`.

    .. code-block:: python

        from autogen_budget import TokenBudget

        TokenBudget(8_000)  # at most 8,000 tokens in each request
        TokenBudget(context_window=32_768)  # whatever the window leaves beside the reply

    Args:
        max_prompt_tokens (int | None): Tokens one whole request may hold: instructions, memory, history, tool and JSON
            schemas, images. `None` means only the context window limits it.
        context_window (int | None): Tokens the model's window holds, prompt and reply together. `None` means it is
            looked up by the model's name, and corrected by what the provider says.
        reply_reserve (int | None): Tokens of the window kept free for the reply; a larger `max_tokens` or
            `max_completion_tokens` set on the client wins. `None` means a quarter of the window, at most 4,096.
        compact_to (float): Share of the cap that compaction shrinks to, above 0 and up to 1. Nothing happens while a
            request fits under the cap; the lower the share, the more rarely the prefix changes that providers cache.
            Where prices are known, compaction goes further if only that pays for reading the rest anew.
        max_tool_output_tokens (int | None): Tokens one output of a tool may hold; what is longer is cut before it
            enters the conversation. `None` means a quarter of the cap.
        tool_output_tokens (Mapping[str, int]): The same for single tools, by name: these tokens take the place of
            `max_tool_output_tokens`. `"code_executor"` stands for the output of code that an agent runs.
        max_instruction_tokens (int | None): Tokens the instructions of an agent may take of each request, and as many
            each memory block that AutoGen appends. Longer ones are read as a document: what comes before its first
            section and its contents are always sent, the sections that a message is about stand before it. They never
            take more than three quarters of what tools leave of the cap. `None` means only the whole counts.
        max_tool_schema_tokens (int | None): Tokens of each request that schemas of tools and hand-offs may take. Over
            it, descriptions are shortened, then the tools stay that were called before or that the request is about;
            `find_tools` finds the others. `None` means that all are offered as they are.
        keep_last_turns (int): How many of the newest turns are not dropped, at least 1; calls with their results are
            one turn. They give way only if the request would not fit otherwise.

    Raises:
        pydantic.ValidationError: A `ValueError`; a setting is out of range, or the reserve is not below the window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_prompt_tokens: Tokens | None = None
    context_window: Tokens | None = None
    reply_reserve: Annotated[int, Field(ge=0, strict=True)] | None = None
    compact_to: Annotated[float, Field(gt=0, le=1)] = 0.6
    max_tool_output_tokens: Tokens | None = None
    tool_output_tokens: Mapping[str, Tokens] = Field(default_factory=dict[str, Tokens])
    max_instruction_tokens: Tokens | None = None
    max_tool_schema_tokens: Tokens | None = None
    keep_last_turns: Annotated[int, Field(ge=1, strict=True)] = 1

    def __init__(
        self,
        max_prompt_tokens: int | None = None,
        *,
        context_window: int | None = None,
        reply_reserve: int | None = None,
        compact_to: float = 0.6,
        max_tool_output_tokens: int | None = None,
        tool_output_tokens: Mapping[str, int] = NO_TOOLS,
        max_instruction_tokens: int | None = None,
        max_tool_schema_tokens: int | None = None,
        keep_last_turns: int = 1,
    ) -> None:
        super().__init__(
            max_prompt_tokens=max_prompt_tokens,
            context_window=context_window,
            reply_reserve=reply_reserve,
            compact_to=compact_to,
            max_tool_output_tokens=max_tool_output_tokens,
            tool_output_tokens=tool_output_tokens,
            max_instruction_tokens=max_instruction_tokens,
            max_tool_schema_tokens=max_tool_schema_tokens,
            keep_last_turns=keep_last_turns,
        )

    def __repr__(self) -> str:
        return settings_repr(type(self).__name__, self)

    def __hash__(self) -> int:
        """Equal budgets have equal hashes."""
        values = self.model_dump(exclude={"tool_output_tokens"}).values()
        return hash((*values, frozenset(self.tool_output_tokens.items())))

    @model_validator(mode="after")
    def _reserve_below_window(self) -> Self:
        if self.context_window is not None and (self.reply_reserve or 0) >= self.context_window:
            raise ValueError(
                f"reply_reserve ({self.reply_reserve}) must be below context_window ({self.context_window}): "
                "nothing would be left for the prompt"
            )
        return self

    def cap(self, window: int | None, max_reply_tokens: int | None = None) -> int:
        """Return the tokens one request may hold in a model with this window.

        Args:
            window (int | None): Tokens the model's window holds. `None` means it is not known, and `max_prompt_tokens`
                alone decides.
            max_reply_tokens (int | None): Tokens the client asks for as the longest reply. `None` means it does
                not say.

        Returns:
            int: At least 1. A reserve that would take more than three quarters of the window is held to that, so that
            a small window learned later (by name, or reported by the provider) still leaves tokens to work in.

        Raises:
            ValueError: Neither the window nor `max_prompt_tokens` is known.
        """
        if window is None:
            if self.max_prompt_tokens is None:
                raise ValueError("no cap: set max_prompt_tokens or context_window in TokenBudget")
            return self.max_prompt_tokens
        available = max(1, window - self.reply_room(window, max_reply_tokens))
        return available if self.max_prompt_tokens is None else min(available, self.max_prompt_tokens)

    def reply_room(self, window: int | None, max_reply_tokens: int | None = None) -> int:
        """Return the tokens kept free for the reply in a model with this window.

        Args:
            window (int | None): Tokens the model's window holds. `None` means it is not known.
            max_reply_tokens (int | None): As in `cap`.
        """
        reserve = self.reply_reserve
        if reserve is None and window is not None:
            reserve = min(LARGEST_DEFAULT_RESERVE, window // 4)
        if reserve is None:  # only the client may set one
            return LARGEST_DEFAULT_RESERVE if max_reply_tokens is None else max_reply_tokens
        reserve = max(reserve, max_reply_tokens or 0)
        return reserve if window is None else min(reserve, window * 3 // 4)

    def tool_output_limit(self, tool: str, cap: int) -> int:
        """Return the tokens one output of a tool may hold.

        Args:
            tool (str): The tool's name.
            cap (int): Tokens one request may hold.

        Returns:
            int: At least 1.
        """
        return self.tool_output_tokens.get(tool) or self.max_tool_output_tokens or max(1, cap // 4)
