"""One budget for any number of agents: `SpendPool` reserves before each model call and settles after it."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from functools import partial
from typing import Annotated
from uuid import uuid4
from weakref import ReferenceType, ref

from autogen_core import Component, ComponentBase, ComponentModel
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Self

from autogen_budget._budget import settings_repr
from autogen_budget._shared import SERVER_URL, WhenAway, without_credentials

from ._amounts import Allowance, Amount, Purpose, SpendReport, Spent
from ._ledger import Books, Ledger, Limit
from ._prices import Price, PriceList
from ._redis import RedisLedger
from ._reservation import Account, Reservation, run_step

AtLeastOne = Annotated[int, Field(ge=1, strict=True)]


class SpendPoolConfig(BaseModel):
    """The declarative form of a `SpendPool`: its settings, not what it spent."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1)
    max_tokens: AtLeastOne | None = None
    max_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    max_calls: AtLeastOne | None = None
    prices: dict[str, Price] = {}
    parent: ComponentModel | None = None
    url: str | None = Field(default=None, pattern=SERVER_URL)
    lease_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    when_away: WhenAway = "refuse"


_loaded: ContextVar[Mapping[str, "ReferenceType[SpendPool]"]] = ContextVar("autogen_budget_loaded_pools")
"""The pools that this task or thread has loaded, by their settings."""


class SpendPool(ComponentBase[SpendPoolConfig], Component[SpendPoolConfig]):
    """A budget that any set of agents and clients share, in tokens, US dollars and calls.

    Every model call reserves its prompt and the tokens for its reply before it is made, and settles for what it really
    used. What does not fit raises `SpendLimitError` before anything is sent, so reservations and spending together
    never exceed a limit. Only a reply longer than its reservation can: it is booked as it is.

    A pool is exhausted when a limit is reached, or when a call was refused that no release can free enough for (other
    than one for a summary, which a run can do without). From then on it refuses every call, however small: a run ends,
    and does not limp on with those agents whose prompts are short.

    .. code-block:: python

        from autogen_budget import SpendPool

        pool = SpendPool(max_tokens=200_000, max_cost=1.50, name="team")
        research = pool.child("research", max_tokens=50_000)

        with research.reserve(3_000, 1_000, agent="scout", model="gpt-4o") as reservation:
            ...  # call the model
            reservation.settle(2_950, 412)
        print(pool.report())

    A dumped pool carries its settings, not what it spent; see `save_state` for that. Components that shared a pool
    share one again when they are loaded together: loading settings that the same task (or thread) has loaded before
    gives the same pool, as long as nothing was reserved from it. To load several teams before the first of them runs,
    each with a pool of its own, load each in a `with SpendPool.loading():` block.

    Args:
        max_tokens (int | None): Tokens it may spend, prompts and replies together, at least 1. `None` means no limit.
        max_cost (float | None): US dollars it may spend, above 0. `None` means no limit. With a limit, a call to a
            model whose price is not known is refused: nobody could say whether it fits.
        max_calls (int | None): Model calls it may make, at least 1. `None` means no limit.
        name (str | None): Its name, for reports and messages. `None` means one is made up.
        prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. Give one for a model of
            your own. `None` means there are none. Children use those of the root.
        parent (SpendPool | None): The pool it is a share of; see `child`. `None` means it is a root.
        url (str | None): A Redis server, `redis://` or `rediss://` (TLS), that keeps the books for all processes that
            open a pool of this name there; each keeps to the limits that it was given itself. User and password may
            stand in `AUTOGEN_BUDGET_REDIS_USERNAME` and `AUTOGEN_BUDGET_REDIS_PASSWORD`; dumps, logs and errors never
            hold them. Needs the extra `redis`. `None` means the books are kept in this process.
        lease_seconds (float): Seconds until what a process held that died is charged to the shared pool, above 0.
        when_away (WhenAway): While the server cannot be reached, `"refuse"` raises `PoolUnavailableError` before each
            call; `"local"` goes on with the limits for what this process itself spends, and settles with the server
            later. Either is one line in the log.

    Raises:
        ImportError: `url` is given and the package `redis` is missing.
        ValueError: A limit is out of range, the name is empty, a child brings prices or a url, a shared pool has no
            name, or the parent has a child of this name with other limits.
    """

    component_type = "spend_pool"
    component_config_schema = SpendPoolConfig
    component_provider_override = "autogen_budget.SpendPool"

    def __init__(
        self,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        max_calls: int | None = None,
        *,
        name: str | None = None,
        prices: Mapping[str, Price] | None = None,
        parent: "SpendPool | None" = None,
        url: str | None = None,
        lease_seconds: float = 60.0,
        when_away: WhenAway = "refuse",
    ) -> None:
        config = SpendPoolConfig(
            name=name,
            max_tokens=max_tokens,
            max_cost=max_cost,
            max_calls=max_calls,
            prices=dict(prices or {}),
            url=None if url is None else without_credentials(url),
            lease_seconds=lease_seconds,
            when_away=when_away,
        )
        if parent is not None and (config.prices or url):
            what = "prices are those" if config.prices else "the url is that"
            raise ValueError(f"{what} of the root pool, whichever child pays: {parent.name!r} has a root")
        if url is not None and config.name is None:
            raise ValueError("a shared pool needs a name: pools of one name at one url are one pool. Give name='...'")
        own_name = config.name or f"pool-{uuid4().hex[:8]}"
        allowance = Allowance(
            max_tokens, None if config.max_cost is None else Decimal(repr(config.max_cost)), max_calls
        )
        self.parent = parent
        """The pool it is a share of. `None` means it is a root."""
        self.account = (
            _below(parent, own_name, allowance) if parent is not None else _root(config, own_name, allowance, url)
        )
        """Where it stands in its tree."""
        self._config = config.model_copy(update={"name": own_name})

    def __repr__(self) -> str:
        return settings_repr(type(self).__name__, self._config.model_copy(update={"name": self.name}))

    @property
    def name(self) -> str:
        """Its name, behind those of its parents, parted by `/`."""
        return self.account.limits[0].pool

    @property
    def spent(self) -> Spent:
        """What finished calls used, those of its children included."""
        return self.report().spent

    @property
    def reserved(self) -> Amount:
        """What calls under way hold, those of its children included."""
        return self.report().reserved

    @property
    def remaining(self) -> Allowance:
        """What can still be reserved now, by this pool and all its parents; `None` in it means no limit."""
        return self.report().remaining

    @property
    def exhausted(self) -> bool:
        """Whether it is used up, by its own limits or those of a parent; it stays so."""
        return self.report().exhausted

    def child(
        self,
        name: str,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        max_calls: int | None = None,
    ) -> Self:
        """Return a share of this pool: what it reserves and spends counts here and in all pools above too.

        Args:
            name (str): Its name. Asked for again with the same limits, it is the same share.
            max_tokens (int | None): Tokens it may spend. `None` means only the pools above limit it.
            max_cost (float | None): US dollars it may spend. `None` means only the pools above limit it.
            max_calls (int | None): Model calls it may make. `None` means only the pools above limit it.

        Raises:
            ValueError: A limit is out of range, or there is a child of this name with other limits.
        """
        return type(self)(max_tokens, max_cost, max_calls, name=name, parent=self)

    def reserve(
        self,
        prompt_tokens: int,
        reply_tokens: int,
        *,
        agent: str,
        purpose: Purpose = "reply",
        model: str | None = None,
    ) -> Reservation:
        """Reserve what a call may use at most, here and in all pools above, or in none.

        Args:
            prompt_tokens (int): Tokens that will be sent.
            reply_tokens (int): Tokens kept for the reply.
            agent (str): Who calls.
            purpose (Purpose): What for.
            model (str | None): The model's name. `None` means it is not known.

        Raises:
            SpendLimitError: It does not fit; nothing is reserved. When its `final` is false, it may fit once calls
                under way are settled: `acquire` waits for that.
            ValueError: An argument is out of range.
        """
        account = self.account
        return account.reserve(account.request(prompt_tokens, reply_tokens, agent=agent, purpose=purpose, model=model))

    async def acquire(
        self,
        prompt_tokens: int,
        reply_tokens: int,
        *,
        agent: str,
        purpose: Purpose = "reply",
        model: str | None = None,
    ) -> Reservation:
        """Reserve as `reserve` does, but wait while only calls under way are in the way of it.

        Agents that call at the same time hold more than they will use; they are not to fail for that. Do not wait here
        while holding a reservation of the same tree.

        Args:
            prompt_tokens (int): Tokens that will be sent.
            reply_tokens (int): Tokens kept for the reply.
            agent (str): Who calls.
            purpose (Purpose): What for.
            model (str | None): The model's name. `None` means it is not known.

        Raises:
            SpendLimitError: It cannot fit any more, whatever calls under way give back.
            ValueError: An argument is out of range.
        """
        account = self.account
        request = partial(account.request, prompt_tokens, reply_tokens, agent=agent, purpose=purpose, model=model)
        return await account.acquire(await run_step(account.ledger, request))

    async def areport(self) -> SpendReport:
        """Return how the pool stands now, frozen; where the books are on a server, the event loop goes on meanwhile.

        Raises:
            PoolUnavailableError: The server of a shared pool cannot be reached.
        """
        return await run_step(self.account.ledger, self.report)

    def report(self) -> SpendReport:
        """Return how the pool stands now, frozen.

        Raises:
            PoolUnavailableError: The server of a shared pool cannot be reached.
        """
        (own, *above), lines = self.account.ledger.look(self.account.limits)
        remaining = own.limit.allowance.minus(own.spent.amount + own.held)
        for status in above:
            remaining = remaining.tighter(status.limit.allowance.minus(status.spent.amount + status.held))
        return SpendReport(
            pool=self.name,
            limits=own.limit.allowance,
            spent=own.spent,
            reserved=own.held,
            remaining=remaining,
            exhausted=any(status.exhausted_unit for status in (own, *above)),
            affords_another=not any(status.exceeded_unit(own.marks.largest) for status in (own, *above)),
            lines=lines,
        )

    def save_state(self) -> Mapping[str, object]:
        """Return what the whole tree spent, as values that JSON can hold.

        It is the same for every pool of a tree, so that it does not matter which of them is asked. Calls under way are
        not in it.
        """
        return self.account.ledger.save()

    def load_state(self, state: Mapping[str, object]) -> None:
        """Go on where another tree of pools was, in place of what this tree spent.

        Limits are not in the state: a pool that was exhausted is not when it is loaded with larger ones.

        Args:
            state (Mapping[str, object]): What `save_state` returned.

        Raises:
            pydantic.ValidationError: A `ValueError`; the state is not understood. Nothing is changed.
        """
        self.account.ledger.load(state)

    def close(self) -> None:
        """Close the connections of a shared pool. Its leases are no longer renewed; a later call opens it again."""
        self.account.ledger.close()

    @classmethod
    @contextmanager
    def loading(cls) -> Generator[None]:
        """Pools loaded in the block are shared with what is loaded in it, and with nothing else."""
        token = _loaded.set({})
        try:
            yield
        finally:
            _loaded.reset(token)

    def _to_config(self) -> SpendPoolConfig:
        parent = None if self.parent is None else self.parent.dump_component()
        return self._config.model_copy(update={"parent": parent})

    @classmethod
    def _from_config(cls, config: SpendPoolConfig) -> Self:
        if config.parent is not None:
            parent = cls.load_component(config.parent)
            return cls(config.max_tokens, config.max_cost, config.max_calls, name=config.name, parent=parent)
        key, loaded = config.model_dump_json(), _loaded.get({})
        there = loaded[key]() if key in loaded else None
        if isinstance(there, cls) and there.account.ledger.untouched:
            return there
        pool = cls(
            config.max_tokens,
            config.max_cost,
            config.max_calls,
            name=config.name,
            prices=config.prices,
            url=config.url,
            lease_seconds=config.lease_seconds,
            when_away=config.when_away,
        )
        _loaded.set({**loaded, key: ref(pool)})
        return pool


def _root(config: SpendPoolConfig, name: str, allowance: Allowance, url: str | None) -> Account:
    books: Books = Ledger()
    if url is not None:
        books = RedisLedger(url, name, lease_seconds=config.lease_seconds, when_away=config.when_away)
    return Account(books, PriceList(config.prices), (Limit(name, (), allowance),))


def _below(parent: SpendPool, name: str, allowance: Allowance) -> Account:
    above = parent.account
    limit = above.ledger.open(Limit(f"{parent.name}/{name}", (*above.limits[0].path, name), allowance))
    return Account(above.ledger, above.prices, (limit, *above.limits))


def pool_to_charge(pool: SpendPool | None, inside: Iterable[SpendPool]) -> SpendPool | None:
    """Return the pool that a wrapper around clients charges, so that no call is paid for twice.

    `pool`: The pool it was given. `None` means none.

    Returns:
        SpendPool | None: `None` means that nothing is left to charge: inside, this pool or a child of it is.

    Raises:
        ValueError: Inside, another part of the same pool is charged: with both, the whole would be charged twice.
    """
    if pool is None:
        return None
    for charged in inside:
        if pool in _upwards(charged):
            return None
        if _upwards(charged)[-1] is _upwards(pool)[-1]:
            raise ValueError(
                f"the client charges {charged.name!r} already, so that with {pool.name!r} each call would be paid for "
                "twice: give the pool to one of the wrappers alone"
            )
    return pool


def _upwards(pool: SpendPool) -> list[SpendPool]:
    """Return a pool and those above it; the last is the root."""
    found = [pool]
    while (above := found[-1].parent) is not None:
        found.append(above)
    return found
