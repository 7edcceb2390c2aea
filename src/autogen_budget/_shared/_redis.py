"""A Redis server that processes share: connections, credentials, and one line in the log when it goes and comes."""

import logging
import os
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import MovedError
from redis.retry import Retry

from autogen_budget._errors import PoolUnavailableError

from ._server import ServerAwayError, WhenAway, without_credentials

logger = logging.getLogger("autogen_budget")


@dataclass(frozen=True, slots=True)
class Settings:
    """Figures of this backend."""

    connect_timeout: float = 2.0
    """Seconds; a server on the same network answers in a millisecond."""
    answer_timeout: float = 5.0
    """Seconds until an answer that does not come counts as the server being away."""
    silence: float = 1.0
    """Seconds for which a server that gave no answer in time is not asked again, so that calls do not queue for it."""
    reconnections: int = 1
    """How often a step is taken again on a new connection: a server that was started again has ended the old one."""


SETTINGS = Settings()


class RedisServer:
    """A `SharedServer` on Redis; see `open_server` for its arguments."""

    def __init__(
        self, url: str, what: str, *, keys: Sequence[str], scripts: Mapping[str, str], when_away: WhenAway
    ) -> None:
        environment = {"username": "AUTOGEN_BUDGET_REDIS_USERNAME", "password": "AUTOGEN_BUDGET_REDIS_PASSWORD"}
        credentials = {name: value for name, key in environment.items() if (value := os.environ.get(key))}
        self._options: dict[str, Any] = {
            "socket_connect_timeout": SETTINGS.connect_timeout,
            "socket_timeout": SETTINGS.answer_timeout,
            # By itself the package waits ten times as long for a server that does not answer.
            "retry": Retry(NoBackoff(), SETTINGS.reconnections, supported_errors=(redis.ConnectionError,)),
            "decode_responses": True,
            **({} if urlsplit(url).password else credentials),
        }
        self._url = url
        self._texts = dict(scripts)
        self._keys = list(keys)
        client = redis.Redis.from_url(url, **self._options)  # pyright: ignore[reportUnknownMemberType]  # untyped keywords
        self._use(client)
        self._what = what
        self._where = without_credentials(url)
        self._when_away = when_away
        self._away = False
        self._ask_again = 0.0

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script, by its name; one that is run twice because its answer was lost must count once.

        Raises:
            ServerAwayError: The server cannot be reached, or did not answer in time.
        """
        if time.monotonic() < self._ask_again:
            raise ServerAwayError
        try:
            try:
                answer = self._call(script, arguments)
            except MovedError:  # one node of a cluster, and not the one that has the keys
                self._use(redis.RedisCluster.from_url(self._url, **self._options))
                answer = self._call(script, arguments)
        except redis.RedisError as error:  # gone, silent, loading its data, full, or a replica: it is of no use now
            if isinstance(error, redis.TimeoutError):
                self._ask_again = time.monotonic() + SETTINGS.silence
            self._note_away(type(error).__name__)
            raise ServerAwayError from None
        if self._away:
            self._away = False
            logger.warning("%s can be reached again at %s", self._what, self._where)
        return answer

    def unavailable(self) -> PoolUnavailableError:
        """Return what to raise while it is away and calls are to be refused."""
        return PoolUnavailableError(
            f"{self._what} cannot be reached at {self._where}, so nobody can say whether the call fits. "
            'It was not made. Start the server, or let the limits hold for this process alone: when_away="local"'
        )

    def close(self) -> None:
        """Close its connections; a later step opens them again."""
        self._close()

    def _use(self, client: "redis.Redis | redis.RedisCluster") -> None:
        """Run scripts by this client from now on."""
        self._close = client.close
        weakref.finalize(self, client.close)
        self._scripts = {
            name: cast("redis.Redis", client).register_script(script) for name, script in self._texts.items()
        }

    def _call(self, script: str, arguments: Sequence[object]) -> Any:
        return self._scripts[script](keys=self._keys, args=cast("list[str]", list(arguments)))

    def _note_away(self, why: str) -> None:
        if not self._away:
            self._away = True
            does = "calls are refused" if self._when_away == "refuse" else "its limits hold for this process alone"
            logger.warning("%s cannot be reached at %s (%s): until it can, %s", self._what, self._where, why, does)
