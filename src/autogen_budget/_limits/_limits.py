"""What an agent may take in time, in parallel, per minute and in repetitions, as a validated value: `Limits`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from autogen_budget._budget import settings_repr
from autogen_budget._shared import SERVER_URL, WhenAway, without_credentials

NO_TOOLS: Mapping[str, float | None] = MappingProxyType({})
"""No time limits for single tools."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastOne = Annotated[int, Field(ge=1, strict=True)]


class Limits(BaseModel):
    """How long, how often and how much at once an agent may call models and tools.

    The defaults end what hangs, not what works. Agents that are given the same object share its bounds on calls and
    tokens; equal objects do not.

    .. code-block:: python

        from autogen_budget import BudgetedAgent, Limits, TokenBudget

        limits = Limits(run_timeout=900, max_concurrent_calls=4, tool_timeouts={"build": 1_800})
        agents = [BudgetedAgent(agent, TokenBudget(8_000), limits=limits) for agent in assistants]

    Args:
        model_timeout (float | None): Seconds until a model's answer, asked once. A stream is limited by the next two
            instead, so that one that is slow but alive is never cut off. `None` means no limit.
        first_token_timeout (float | None): Seconds until the first chunk of a stream. `None` means `model_timeout`.
        idle_timeout (float | None): Seconds between two chunks of a stream. `None` means no limit.
        tool_timeout (float | None): Seconds for one call of a tool, for one run of code, and for tools to start or to
            list themselves. `None` means no limit.
        tool_timeouts (Mapping[str, float | None]): The same for single tools, by name, in place of `tool_timeout`;
            `"code_executor"` stands for code that an agent runs, `"user_input"` for the wait for a person, which is
            without limit where it is not named, unless it is `input()` without a terminal.
        run_timeout (float | None): Seconds for one run of an agent or of a team, with all agents, teams and tools that
            work in it. `None` means no limit but the one of whoever called it.
        max_concurrent_calls (int | None): Model calls under way at once. `None` means no bound.
        max_tokens_in_flight (int | None): Prompt tokens of the model calls under way at once; a larger prompt is sent
            alone. `None` means no bound.
        max_requests_per_minute (int | None): Model calls begun in any minute. `None` means no bound.
        max_tokens_per_minute (int | None): Tokens of prompts and replies in any minute. `None` means no bound.
        max_repeats (int | None): How often an agent may make the same calls in a row in a run with the same results;
            six times as often when the results change. A client without an agent only warns the model. A run of a team
            ends as well in which nothing else is done, such as two agents that hand over to each other. `None` means
            any number.
        max_turns (int | None): Turns that a team may take in one run; in the last of five and more, no tools are given.
            `None` means what the team says, or 1,000 where it has neither a limit nor a termination condition.
        retries (int): How often a model is asked again when it timed out, was overloaded or dropped the connection, as
            long as nothing of its answer was passed on.
        url (str | None): A Redis server, `redis://` or `rediss://` (TLS), where all processes that have limits of this
            name share their bounds on calls and tokens, first come, first served; each keeps to the bounds that it was
            given itself. A call whose process dies counts until its lease ends. User and password may stand in
            `AUTOGEN_BUDGET_REDIS_USERNAME` and `AUTOGEN_BUDGET_REDIS_PASSWORD`; dumps, logs and errors never hold them.
            Needs the extra `redis`. `None` means the bounds hold for this process.
        name (str | None): The name under which they are shared. `None` means they are not.
        lease_seconds (float): Seconds until a call whose process died does not count any more, above 0.
        when_away (WhenAway): While the server cannot be reached, `"refuse"` raises `PoolUnavailableError` before each
            call; `"local"` goes on with the bounds for this process alone. Either is one line in the log.

    Raises:
        pydantic.ValidationError: A `ValueError`; a setting is out of range.
        ValueError: `url` is given without a name, or without anything to share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_timeout: Seconds | None = 600
    first_token_timeout: Seconds | None = None
    idle_timeout: Seconds | None = 120
    tool_timeout: Seconds | None = 300
    tool_timeouts: Mapping[str, Seconds | None] = Field(default_factory=dict[str, "Seconds | None"])
    run_timeout: Seconds | None = None
    max_concurrent_calls: AtLeastOne | None = None
    max_tokens_in_flight: AtLeastOne | None = None
    max_requests_per_minute: AtLeastOne | None = None
    max_tokens_per_minute: AtLeastOne | None = None
    max_repeats: Annotated[int, Field(ge=2, strict=True)] | None = 5
    max_turns: AtLeastOne | None = None
    retries: Annotated[int, Field(ge=0, strict=True)] = 2
    url: Annotated[str, Field(pattern=SERVER_URL)] | None = None
    name: Annotated[str, Field(min_length=1)] | None = None
    lease_seconds: Seconds = 60.0
    when_away: WhenAway = "refuse"

    _server_url: str | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        model_timeout: float | None = 600,
        first_token_timeout: float | None = None,
        idle_timeout: float | None = 120,
        tool_timeout: float | None = 300,
        tool_timeouts: Mapping[str, float | None] = NO_TOOLS,
        run_timeout: float | None = None,
        max_concurrent_calls: int | None = None,
        max_tokens_in_flight: int | None = None,
        max_requests_per_minute: int | None = None,
        max_tokens_per_minute: int | None = None,
        max_repeats: int | None = 5,
        max_turns: int | None = None,
        retries: int = 2,
        url: str | None = None,
        name: str | None = None,
        lease_seconds: float = 60.0,
        when_away: WhenAway = "refuse",
    ) -> None:
        super().__init__(
            model_timeout=model_timeout,
            first_token_timeout=first_token_timeout,
            idle_timeout=idle_timeout,
            tool_timeout=tool_timeout,
            tool_timeouts=tool_timeouts,
            run_timeout=run_timeout,
            max_concurrent_calls=max_concurrent_calls,
            max_tokens_in_flight=max_tokens_in_flight,
            max_requests_per_minute=max_requests_per_minute,
            max_tokens_per_minute=max_tokens_per_minute,
            max_repeats=max_repeats,
            max_turns=max_turns,
            retries=retries,
            url=None if url is None else without_credentials(url),
            name=name,
            lease_seconds=lease_seconds,
            when_away=when_away,
        )
        self._server_url = url
        if url is None:
            return
        if name is None:
            raise ValueError("shared limits need a name: limits of one name at one url are shared. Give name='...'")
        if not (max_concurrent_calls or max_tokens_in_flight or max_requests_per_minute or max_tokens_per_minute):
            raise ValueError(
                "there is nothing to share at the url: give max_concurrent_calls, max_tokens_in_flight, "
                "max_requests_per_minute or max_tokens_per_minute"
            )

    def __repr__(self) -> str:
        return settings_repr(type(self).__name__, self)

    @property
    def server_url(self) -> str | None:
        """`url` as it was given, with user and password. `None` means nothing is shared."""
        return self._server_url

    def __hash__(self) -> int:
        """Equal limits have equal hashes."""
        values = self.model_dump(exclude={"tool_timeouts"}).values()
        return hash((*values, frozenset(self.tool_timeouts.items())))

    def for_tool(self, tool: str) -> float | None:
        """Return the seconds that one call of a tool may take. `None` means no limit.

        Args:
            tool (str): The tool's name.
        """
        return self.tool_timeouts.get(tool, self.tool_timeout)
