"""The digest: what it keeps of dropped turns, its promises over any conversation, and its saved state."""

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter, Turn
from autogen_budget._digest._digest import MOST_FACTS, Digest
from autogen_budget._digest._state import pack
from autogen_budget._text import encodable
from autogen_budget._turns import note

COUNTER = TiktokenCounter()


def user(text: str) -> Turn:
    """A user's turn."""
    return Turn(UserMessage(content=text, source="user"))


def assistant(text: str) -> Turn:
    """An assistant's turn without calls."""
    return Turn(AssistantMessage(content=text, source="agent"))


def tool(name: str, arguments: str, result: str, *, is_error: bool = False) -> Turn:
    """A turn with one call and its result."""
    call = FunctionCall(id="1", name=name, arguments=arguments)
    answer = FunctionExecutionResult(content=result, name=name, call_id="1", is_error=is_error)
    return Turn(AssistantMessage(content=[call], source="agent"), FunctionExecutionResultMessage(content=[answer]))


def render(turns: Sequence[Turn], limit: int = 1_000, **options: str | Sequence[str]) -> str:
    """What the digest of some turns says."""
    visible, wanted = options.get("visible", ()), options.get("wanted", ())
    assert not isinstance(wanted, str)
    return Digest().extended(turns).render(limit, COUNTER, visible=visible, wanted=wanted)


def tokens(text: str) -> int:
    """Tokens of a text."""
    return COUNTER.count_text(text)


ORDER = (
    '{"order_id": "A-17", "status": "%s", "items": [{"sku": "B771", "name": "Lamp"}, {"sku": "C905", "name": "Rug"}]}'
)

_pieces = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(exclude_categories=()), max_size=10),
    st.sampled_from(
        [
            "order A-17",
            "status: open\n",
            "bob@example.com",
            "/etc/hosts",
            "May 3, 2024",
            "$12.50",
            "x=1",
            '"',
            "`",
            "|a|\n",
        ]
    ),
)
_texts = st.lists(_pieces, max_size=8).map(" ".join)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", "A-1", ""]), inner, max_size=4)
    ),
    max_leaves=12,
)
_contents = st.one_of(_texts, _json.map(json.dumps), _json.map(repr))
_turns = st.lists(
    st.one_of(
        _texts.map(user),
        _texts.map(assistant),
        _texts.map(note),
        _texts.map(lambda text: Turn(SystemMessage(content=text))),
        st.builds(tool, st.sampled_from(["get_order", "bash", ""]), _contents, _contents, is_error=st.booleans()),
    ),
    max_size=6,
)


def test_says_what_a_value_is_and_where_it_comes_from() -> None:
    """A value stands with its field, its record and the tool that brought it."""
    text = render([tool("get_order", '{"order_id": "A-17"}', ORDER % "pending")])

    assert text.splitlines() == [
        "[Facts from 1 earlier turn]",
        "get_order order_id=A-17: status=pending | items: sku=B771, name=Lamp; C905, Rug",
    ]


def test_a_new_value_takes_the_place_of_the_old_one_and_shows_it() -> None:
    """A record that another call shows again is one subject, with what changed in it."""
    text = render(
        [
            tool("get_order", '{"order_id": "A-17"}', ORDER % "pending"),
            tool("ship_order", '{"order_id": "A-17"}', ORDER % "shipped"),
        ]
    )

    assert "ship_order order_id=A-17: status=pending → shipped" in text
    assert text.count("B771") == 1


def test_keeps_the_words_of_the_user() -> None:
    """Values that a user names are kept in the words around them, and so is what the user answered to a question."""
    text = render(
        [
            user("My account number is 99-1234. I am allergic to peanuts and shellfish."),
            assistant("I can book table T40 at Chez Nous. Shall I go ahead?"),
            user("Yes, please"),
        ]
    )

    assert "account number is 99-1234" in text
    assert "I am allergic to peanuts and shellfish." in text
    assert "asked and answered: Shall I go ahead? Yes, please" in text


def test_keeps_failures_and_what_was_done() -> None:
    """The line that tells of an error stays with its call; calls that changed something are listed."""
    text = render(
        [
            tool("bash", '{"command": "pytest tests/test_a.py"}', "E  ValueError: bad input", is_error=True),
            tool("send_mail", '{"to": "bob@example.com"}', "ok"),
        ]
    )

    assert "bash command=pytest tests/test_a.py: E  ValueError: bad input" in text
    assert "calls made: send_mail to=bob@example.com" in text
    assert text.count("bob@example.com") == 1
    assert text.count("bad input") == 1


def test_what_is_visible_is_not_repeated() -> None:
    """A value that stays in the prompt takes no room."""
    turns = [tool("get_user", "{}", '{"email": "bob@example.com", "phone": "555-0100"}')]

    text = render(turns, visible=["call me at 555-0100", "anything else"])

    assert "555-0100" not in text
    assert "bob@example.com" in text
    assert render(turns, visible="bob@example.com 555-0100") == ""


def test_what_the_tools_ask_for_comes_first() -> None:
    """Of equal values those are told whose field is called as a parameter of the tools."""
    turns = [tool("search", "{}", '[{"sku": "B771", "bin": "K204"}, {"sku": "C905", "bin": "M318"}]')]

    few = render(turns, limit=19, wanted=["bin_numbers"])

    assert "K204" in few
    assert "B771" not in few


def test_holds_a_bounded_number_of_facts() -> None:
    """However much goes in, the digest stays bounded, and what counts most stays."""
    many = [tool("list", "{}", json.dumps([{"id": f"K{n:03}{i:03}"} for i in range(400)])) for n in range(30)]

    digest = Digest().extended([user("My customer number is 7731-22."), *many])

    assert len(digest.facts) <= MOST_FACTS
    assert digest.turns == 31
    assert "customer number is 7731-22" in digest.render(300, COUNTER)


def test_takes_a_fixed_amount_of_a_huge_text() -> None:
    """Of a huge result the beginning and the end are read, whatever it is made of."""
    for filler in ("x" * 3_000_000, "a@b." * 500_000, "[" * 300_000, "1 " * 900_000):
        digest = Digest().extended([tool("read", "{}", f"first A1111 {filler} last Z9999")])

        assert {"A1111", "Z9999"} <= {fact.value for fact in digest.facts.values()}
        assert len(digest.facts) <= MOST_FACTS


def test_takes_nothing_from_what_the_library_wrote() -> None:
    """A note of this library is no source of facts."""
    assert render([note("see A-17")]) == ""


def test_an_answer_finds_its_question_across_two_extensions() -> None:
    """The question that the last dropped turn ended with is remembered."""
    digest = Digest().extended([assistant("Shall I pay?")]).extended([user("Yes")])

    assert "Shall I pay? Yes" in digest.render(100, COUNTER)


def test_no_turns_give_the_same_digest() -> None:
    """Extending by nothing gives the same object."""
    digest = Digest().extended([user("A-17")])

    assert digest.extended([]) is digest


def test_refuses_a_negative_limit() -> None:
    """A negative limit is a mistake of the caller."""
    with pytest.raises(ValueError, match="0 or more tokens, got -1"):
        Digest().render(-1, COUNTER)


@given(_turns, st.integers(0, 6))
def test_extending_by_parts_gives_what_extending_at_once_gives(turns: list[Turn], border: int) -> None:
    """It does not matter in how many steps turns were dropped."""
    at_once = Digest().extended(turns)
    by_parts = Digest().extended(turns[:border]).extended(turns[border:])

    assert by_parts == at_once
    assert list(by_parts.facts) == list(at_once.facts)
    assert by_parts.render(200, COUNTER) == at_once.render(200, COUNTER)


@given(_turns, st.integers(0, 120), _texts, st.lists(st.sampled_from(["order_id", "name", ""]), max_size=2))
def test_never_exceeds_its_limit(turns: list[Turn], limit: int, visible: str, wanted: list[str]) -> None:
    """Any conversation, any limit: no error, no token too many, the same text each time."""
    text = render(turns, limit, visible=visible, wanted=wanted)

    assert tokens(text) <= limit
    assert render(turns, limit, visible=visible, wanted=wanted) == text


@given(st.lists(_texts, max_size=4))
def test_tells_nothing_that_was_not_said(texts: list[str]) -> None:
    """Every value occurs in the turns, word for word."""
    said = encodable("\n".join(texts))

    digest = Digest().extended([*map(user, texts), *(tool("run", "{}", text) for text in texts)])

    for fact in digest.facts.values():
        assert " ".join(fact.value.split()) in " ".join(said.split()) or fact.value == "run"


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


def user_says(text: str) -> Turn:
    """A turn in which a user says something."""
    return Turn(UserMessage(content=text, source="user"))


def agent_says(text: str) -> Turn:
    """A turn in which an assistant says something."""
    return Turn(AssistantMessage(content=text, source="agent"))


def test_a_turn_is_read_once() -> None:
    """Whoever drops the same turns gets the very same facts; another turn with the same words is read anew."""
    turns = [user_says("Order B771 goes to Bonn."), agent_says("Order C905 goes to Rome.")]
    first, second, other = (Digest().extended(each) for each in (turns, turns, deepcopy(turns)))
    assert first.facts
    assert [*map(id, first.facts.values())] == [*map(id, second.facts.values())]
    assert first.facts == other.facts
    assert {*map(id, first.facts.values())}.isdisjoint(map(id, other.facts.values()))


@given(st.lists(st.integers(1000, 9999), min_size=2, max_size=5), st.integers(1, 4))
def test_what_was_read_under_another_number_is_told_with_its_own(orders: list[int], first: int) -> None:
    """Facts do not depend on what else was dropped when their turn was read first."""
    turns = [user_says(f"Order A{order} goes to Bonn.") for order in orders]
    Digest().extended(turns[first:])
    assert Digest().extended(turns) == Digest().extended(deepcopy(turns))


def test_what_is_remembered_is_bounded() -> None:
    """A turn that was read long ago is forgotten, and read again."""
    turn = user_says("Order B771 goes to Bonn.")
    before = [*Digest().extended([turn]).facts.values()]
    for number in range(5):
        Digest().extended([agent_says(f"{number} " + "it " * 400_000)])
    after = [*Digest().extended([turn]).facts.values()]
    assert before == after
    assert not any(old is new for old, new in zip(before, after, strict=True))
