"""Settings that every test shares: how many examples Hypothesis tries, and the local model's server."""

import os

from hypothesis import HealthCheck, settings

from local_server import local_model

__all__ = ["local_model"]  # a fixture for every test

settings.register_profile(
    "default",
    deadline=None,  # no test asserts a time
    suppress_health_check=[HealthCheck.too_slow],  # two busy cores are no defect of a strategy
)
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
