"""A digest in a saved state: the same digest comes back, and it is small."""

import json
from typing import Any

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    UserMessage,
)
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter, Turn
from autogen_budget._digest import Digest
from autogen_budget._digest._digest import MOST_FACTS
from autogen_budget._digest._state import pack

COUNTER = TiktokenCounter()


def lookup(order: int, **record: Any) -> Turn:
    """A call that looks an order up."""
    arguments = json.dumps({"order_id": f"#W{order}"})
    result = json.dumps({"order_id": f"#W{order}", "email": f"u{order}@example.com", **record})
    return Turn(
        AssistantMessage(content=[FunctionCall(id=str(order), name="get_order", arguments=arguments)], source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=result, name="get_order", call_id=str(order), is_error=False)]
        ),
    )


def said(text: str) -> Turn:
    """A user's words."""
    return Turn(UserMessage(content=text, source="user"))


def asked(text: str) -> Turn:
    """A question of the assistant."""
    return Turn(AssistantMessage(content=f"{text} ok?", source="a"))


def saved_and_loaded(digest: Digest) -> Digest:
    """A digest after its way through a file."""
    return Digest.load(json.loads(json.dumps(digest.save())))


TURNS = st.one_of(
    st.builds(lookup, st.integers(0, 9), status=st.sampled_from(["pending", "shipped"]), note=st.text()),
    st.builds(said, st.text()),
    st.builds(asked, st.text()),
)


@given(st.lists(TURNS, max_size=8), st.lists(TURNS, max_size=4))
def test_a_loaded_digest_is_the_one_that_was_saved(before: list[Turn], after: list[Turn]) -> None:
    """It holds the same facts in the same order, tells the same, and goes on the same."""
    digest = Digest().extended(before)
    loaded = saved_and_loaded(digest)
    assert loaded == digest
    assert list(loaded.facts) == list(digest.facts)
    assert loaded.extended(after).render(300, COUNTER) == digest.extended(after).render(300, COUNTER)


def test_the_largest_digest_is_small() -> None:
    """As many facts as a digest holds take less than 100 kB of a state."""
    digest = Digest()
    while len(digest.facts) < MOST_FACTS * 0.9:
        turns = digest.turns
        digest = digest.extended(lookup(turns * 100 + i, total=turns + i, city=f"Town {i}") for i in range(100))
    assert len(json.dumps(digest.save())) < 100_000


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"turns": 1, "question": ""},
        {"turns": "1", "question": "", "facts": pack([])},
        {"turns": 1, "question": None, "facts": pack([])},
        {"turns": 1, "question": "", "facts": "no base64!"},
        {"turns": 1, "question": "", "facts": "bm90IHBhY2tlZA=="},
        {"turns": 1, "question": "", "facts": pack([])[:4]},
        {"turns": 1, "question": "", "facts": "eJyLVipOTVGyUlAqyk_NU6oFAB9WBE0="},
    ],
)
def test_garbage_is_refused(state: dict[str, object]) -> None:
    """What no digest saved is an error of its own kind."""
    with pytest.raises(ValueError, match=r".+"):
        Digest.load(state)
