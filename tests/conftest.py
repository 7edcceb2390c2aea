"""Settings that every test shares: which examples Hypothesis tries, and the local model's server.

By default a test tries the same examples in every run: whoever changes the code sees what the change did. New ones are
looked for with `HYPOTHESIS_PROFILE=search pytest`; what it finds becomes an example in a test.
"""

import os
import signal

from hypothesis import HealthCheck, settings

from local_server import local_model

__all__ = ["local_model"]  # a fixture for every test

settings.register_profile(
    "default",
    deadline=None,  # no test asserts a time
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # two busy cores are no defect of a strategy
)
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=10)
settings.register_profile("search", parent=settings.get_profile("default"), derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A script's background job ignores Ctrl-C, and so would the programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
