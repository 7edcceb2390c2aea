"""Settings that every test shares: how many examples Hypothesis tries, and the local model's server.

By default a test tries the same examples in every run: whoever changes the code sees what the change did. New ones are
looked for with `HYPOTHESIS_PROFILE=search pytest`; what it finds becomes an example in a test. Tests on the real model
are left out unless they are asked for: `pytest -m real_model`, or `pytest -m ""` for everything.
"""

import signal

import pytest

import profiles
from local_server import local_model
from redis_server import own_server, redis_server

__all__ = [
    "local_model",
    "own_server",
    "profiles",
    "redis_server",
]  # fixtures for every test, and profiles that are loaded before any

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's background job ignores Ctrl-C, and so would the programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


REAL_MODEL_SECONDS = 1_500
"""What a test on the real model may take: it shares two cores with other tests, and its speed is no promise of ours."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on the real model, so that the quick run can leave it out, and give it time."""
    for item in items:
        if isinstance(item, pytest.Function) and "local_model" in item.fixturenames:
            item.add_marker(pytest.mark.real_model)
            item.add_marker(pytest.mark.timeout(REAL_MODEL_SECONDS))
