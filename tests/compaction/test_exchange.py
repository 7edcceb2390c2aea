"""The newest exchange: what the newest request is about stays, measured against the cap and not the target."""

import pytest
from autogen_core.models import AssistantMessage, LLMMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedChatCompletionClient, History, TiktokenCounter, TokenBudget, compact
from builders import reference_in, said, user
from conversations import called, report

COUNTER = TiktokenCounter()


def draft(tokens: int) -> str:
    """An answer of about so many tokens, whose sentences all differ."""
    return "\n".join(f"Section {i}: the harbour of Norwell took {i * 7} tonnes." for i in range(tokens // 15))


def chat(answer: str, request: str = "Translate the last draft to French.") -> list[LLMMessage]:
    """A chat with some past, an answer, and a request about it."""
    past = [message for i in range(40) for message in (user(f"Question {i}: {report(6)}"), said(f"Answer {i}."))]
    return [user("Help with the report."), *past, user("Write the draft."), said(answer), user(request)]


async def test_the_last_answer_stays_whole_where_it_fits_under_the_cap() -> None:
    """A draft over the target and under the cap is sent with the request that is about it."""
    text = draft(5_150)
    assert 4_800 < COUNTER.count_text(text) < 6_000
    done = await compact(chat(text), TokenBudget(8_000))
    assert done.messages[-2] == said(text)
    assert done.tokens_after <= 8_000


async def test_a_larger_answer_is_cut_in_its_middle_and_can_be_read_back() -> None:
    """Beginning and end stay, and the reference leads to the whole."""
    text, store = draft(12_000), ArtifactStore()
    inner = ReplayChatCompletionClient(["Voilà."])
    await BudgetedChatCompletionClient(inner, TokenBudget(8_000), artifacts=store).create(chat(text))
    answer = [part for part in inner.create_calls[0]["messages"] if isinstance(part, AssistantMessage)][-1]
    assert isinstance(answer.content, str)
    assert COUNTER.count_text(answer.content) > 5_000
    assert answer.content.startswith("Section 0: ")
    assert answer.content.endswith(text[-30:])
    assert await store.get(str(reference_in(answer.content))) == text


async def test_the_result_that_an_answer_is_about_stays() -> None:
    """A request about the last answer has the text that the answer was made of; later calls let it go."""
    page = report(700, "clause")
    came = [*chat("ok", "Read the contract."), *called(1, page), said("It has 700 clauses."), user("And clause 641?")]
    done = await compact(came, TokenBudget(8_000))
    assert "clause 641 of" in str(done.messages[-3])
    assert History.parse(came).exchange[-1] == len(History.parse(came).turns) - 3


async def test_without_room_the_answer_goes() -> None:
    """Under a cap that would leave scraps of it, it is dropped like any turn."""
    done = await compact(chat(draft(500)), TokenBudget(80))
    assert done.tokens_after <= 80
    assert not any(isinstance(message, AssistantMessage) for message in done.messages)


@pytest.mark.parametrize(
    ("messages", "exchange"),
    [
        ([], ()),
        ([user("task")], ()),
        ([user("task"), said("answer"), user("why?")], (1,)),
        ([user("task"), said("answer"), user("from a colleague"), user("why?")], (2, 1)),
        ([user("task"), *called(1, "page"), said("answer"), user("why?")], (2, 1)),
        ([user("task"), *called(1, "page"), said("answer"), user("why?"), *called(2, "more")], (2,)),
        ([user("task"), *called(1, "page"), user("go on"), said("answer"), user("why?")], (3,)),
    ],
)
def test_what_belongs_to_the_exchange(messages: list[LLMMessage], exchange: tuple[int, ...]) -> None:
    """What the request replies to, the last answer, and the results it was made of, while nothing came after."""
    assert History.parse(messages).exchange == exchange
