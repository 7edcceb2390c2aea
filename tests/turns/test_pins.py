"""What stays in a conversation: pinned turns and the newest ones."""

import logging

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TokenBudget, compact, pin


def said(text: str, source: str = "user") -> UserMessage:
    """A user's or another agent's message."""
    return UserMessage(content=text, source=source)


def thread(*marked: LLMMessage) -> list[LLMMessage]:
    """A long thread with some messages early in it."""
    chatter: list[LLMMessage] = [
        AssistantMessage(content=f"Note {i}: nothing happened in the harbour today.", source="clerk") for i in range(60)
    ]
    return [
        SystemMessage(content="Keep the books."),
        said("Begin."),
        *chatter[:5],
        *marked,
        *chatter[5:],
        said("And?"),
    ]


async def test_pinned_messages_stay_word_for_word() -> None:
    """Whoever said it, wherever it stands: what a pin marks is in the compacted request as it came."""
    terms, law = said("TERMS: payment within 30 days."), said("Clause 9 is void.", "lawyer")
    short = AssistantMessage(content="Agreed!", source="clerk")
    pins = [pin(contains="TERMS"), pin(source="lawyer"), pin(lambda message: message.content == "Agreed!")]
    messages = thread(terms, law, short)
    with_pins = await compact(messages, TokenBudget(400), pins=pins)
    assert all(any(message is sent for sent in with_pins.messages) for message in (terms, law, short))
    without = await compact(messages, TokenBudget(400))
    assert not any(message is sent for sent in without.messages for message in (terms, law, short))


async def test_a_pinned_result_stays_with_its_call() -> None:
    """Marking a call's result keeps the call as well: the turn stays whole."""
    call = AssistantMessage(content=[FunctionCall(id="1", name="quote", arguments="{}")], source="clerk")
    result = FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content="PRICE 40", name="quote", call_id="1", is_error=False)]
    )
    compacted = await compact(thread(call, result), TokenBudget(400), pins=[pin(contains="PRICE")])
    at = compacted.messages.index(call)
    assert compacted.messages[at + 1] is result


async def test_all_that_is_given_must_hold() -> None:
    """Source and words together mark only what has both."""
    both = pin(source="lawyer", contains="void")
    marked = [said("The form is void."), said("Clause 9 is void.", "lawyer"), said("Good day.", "lawyer")]
    compacted = await compact(thread(*marked), TokenBudget(400), pins=[both])
    assert [any(message is sent for sent in compacted.messages) for message in marked] == [False, True, False]


async def test_newest_turns_stay_as_many_as_asked() -> None:
    """`keep_last_turns` newest turns are in the request; they give way only if the cap could not be kept."""
    messages = thread()
    kept = await compact(messages, TokenBudget(500, keep_last_turns=12))
    assert [*kept.messages[-12:]] == messages[-12:]
    small = await compact(messages, TokenBudget(150, keep_last_turns=50))
    assert small.tokens_after <= 150
    assert small.messages[-1] is messages[-1]


async def test_the_cap_outranks_pins() -> None:
    """Pinned messages that alone are over the cap are shortened, not dropped."""
    terms = [said(f"TERMS {i}: " + "payment within thirty days and so on " * 20) for i in range(5)]
    compacted = await compact(thread(*terms), TokenBudget(600), pins=[pin(contains="TERMS")])
    assert compacted.tokens_after <= 600
    assert [str(message.content)[:7] for message in compacted.messages if "TERMS" in str(message.content)[:7]] == [
        f"TERMS {i}" for i in range(5)
    ]


async def test_a_failing_predicate_pins_nothing_and_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """What a predicate raises is one line in the log."""

    def broken(message: LLMMessage) -> bool:
        raise KeyError("no such field")

    with caplog.at_level(logging.WARNING, "autogen_budget"):
        compacted = await compact(thread(), TokenBudget(400), pins=[pin(broken)])
    assert compacted.tokens_after <= 400
    assert "no such field" in caplog.text


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: pin(), ValueError, "needs a predicate, a source or words"),
        (lambda: pin("lawyer"), TypeError, "must be a function"),  # type: ignore[arg-type]  # what is tested
        (
            lambda: BudgetedChatCompletionClient(
                ReplayChatCompletionClient([]),
                TokenBudget(900),
                pins=["lawyer"],  # type: ignore[list-item]  # what is tested
            ),
            TypeError,
            "made by pin()",
        ),
    ],
)
def test_wrong_pins_are_refused(make: object, error: type[Exception], says: str) -> None:
    """A pin that would mark everything, or is none, is refused with what to do."""
    assert callable(make)
    with pytest.raises(error, match=says.replace("(", r"\(").replace(")", r"\)")):
        make()


def test_pins_are_dumped_unless_they_are_code() -> None:
    """Sources and words survive `dump_component`; a predicate is refused by name."""
    client = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["a"]), TokenBudget(900), pins=[pin(source="lawyer", contains="void")]
    )
    loaded = BudgetedChatCompletionClient.load_component(client.dump_component())
    assert loaded.dump_component() == client.dump_component()
    assert loaded.dump_component().config["pins"] == [{"source": "lawyer", "contains": "void"}]
    code = BudgetedChatCompletionClient(ReplayChatCompletionClient(["a"]), TokenBudget(900), pins=[pin(lambda _: True)])
    with pytest.raises(TypeError, match="predicate cannot be dumped"):
        code.dump_component()
