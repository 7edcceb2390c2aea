"""How many examples a property tries: the profile says it, a heavy or precious property a multiple of it."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    max_examples=50,
    deadline=None,  # no test asserts a time
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # two busy cores are no defect of a strategy
)
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=10)
settings.register_profile("ci", parent=settings.get_profile("default"), max_examples=100)
settings.register_profile("search", parent=settings.get_profile("default"), derandomize=False, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def examples(times: float) -> int:
    """A multiple of the profile's number of examples, at least one."""
    return max(1, round(settings.default.max_examples * times)) if settings.default else 1
