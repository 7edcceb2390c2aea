"""The digest: what it keeps of dropped turns, and its promises over any conversation."""

import json
from collections.abc import Sequence

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
