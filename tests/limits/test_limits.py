"""Settings are checked when they are made, and deadlines can only come nearer."""

import pytest

import simulated_time
from autogen_budget import Limits
from autogen_budget._limits import Run, current_run, enter_run, run_limits, shortened, unix_time


def test_the_defaults_end_hangs_and_no_work() -> None:
    """Ten minutes for an answer, two between chunks, five for a tool; nothing is bounded that nobody bounds."""
    limits = Limits()
    assert limits.model_dump(exclude_none=True) == {
        "model_timeout": 600,
        "idle_timeout": 120,
        "tool_timeout": 300,
        "tool_timeouts": {},
        "max_repeats": 5,
        "retries": 2,
        "lease_seconds": 60.0,
        "when_away": "refuse",
    }


def test_tools_have_times_of_their_own() -> None:
    """By name; None means no limit."""
    limits = Limits(tool_timeout=10, tool_timeouts={"build": 900, "wait_for_user": None})
    assert (limits.for_tool("build"), limits.for_tool("wait_for_user"), limits.for_tool("ls")) == (900, None, 10)


@pytest.mark.parametrize(
    "settings",
    [
        {"model_timeout": 0},
        {"tool_timeout": -1},
        {"run_timeout": float("inf")},
        {"max_concurrent_calls": 0},
        {"max_repeats": 1},
        {"retries": -1},
        {"tool_timeouts": {"build": 0}},
        {"url": "http://127.0.0.1", "name": "gpu", "max_concurrent_calls": 1},
        {"lease_seconds": 0},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    """By name, when it is set."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        Limits.model_validate(settings)


def test_limits_are_values() -> None:
    """Equal ones are equal, hash alike, cannot be changed, and survive JSON."""
    limits = Limits(tool_timeouts={"build": 900}, retries=0)
    same = Limits.model_validate_json(limits.model_dump_json())
    assert same == limits
    assert len({same, limits, Limits()}) == 2
    with pytest.raises(ValueError, match="frozen"):
        limits.retries = 3


def test_a_deadline_only_comes_nearer() -> None:
    """A run inside another ends with it at the latest; a saved one comes back."""

    async def main() -> None:
        assert shortened(None) is None
        assert current_run() is None
        enter_run(Run("agent", shortened(10)))
        enter_run(Run("agent", shortened(99)))
        assert [limit.ends for limit in run_limits()] == [10]
        inner = shortened(4)
        assert inner is not None
        saved = unix_time(inner)
        enter_run(None)
        again = shortened(None, until=saved)
        assert again is not None
        assert again.seconds == pytest.approx(4, abs=1)

    simulated_time.run(main())
