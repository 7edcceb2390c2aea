"""The real local model as a fixture: one llama.cpp server for all tests of a session."""

from collections.abc import Generator

import pytest

from local_model import LocalModel


@pytest.fixture(scope="session")
def local_model() -> Generator[LocalModel]:
    """SmolLM2 with a window of 2,048 tokens; it serves one request at a time."""
    with LocalModel(window=2_048) as model:
        yield model
