"""The pytest plugin of autogen-budget: the fixture `token_records` and the marker `token_bounds`.

.. code-block:: python

    @pytest.mark.token_bounds(max_prompt_tokens=4_000, max_total_tokens=20_000)
    async def test_support_agent(): ...

    async def test_research_team(token_records):
        await team.run(task="...")
        assert len(token_records.calls) < 10

It stands outside the package, which it loads only for tests that ask for it: pytest imports plugins at every start.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from autogen_budget import RecordLog

MARKER = "token_bounds"
MAX_RECORDS = 100_000
"""How many calls of one test are kept."""

_log = pytest.StashKey["RecordLog"]()


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(max_prompt_tokens, max_growth, max_total_tokens, max_calls, max_cost): fail a test whose model "
        "calls under budget go beyond a limit, with the report of its calls",
    )


@pytest.fixture
def token_records(request: pytest.FixtureRequest) -> RecordLog:
    """The records of all model calls under budget that the test makes, whoever makes them."""
    return _log_of(request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Record the calls of a test that wants it, and hold them against its bounds."""
    marker = item.get_closest_marker(MARKER)
    if marker is None and _log not in item.stash:
        return (yield)
    from autogen_budget import assert_within, observed

    log = _log_of(item)
    with observed(log.add):
        result = yield
    if marker is not None:
        assert_within(log, **marker.kwargs)
    return result


def _log_of(item: pytest.Item) -> RecordLog:
    from autogen_budget import RecordLog

    return item.stash.setdefault(_log, RecordLog(MAX_RECORDS))
