"""One call under way: what its record says at each stage, and which errors lead to a second request."""

import pytest
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage

from autogen_budget import ContextOverflowError, TiktokenCounter, TokenBudget, default_strategies
from autogen_budget._attempt import Attempt
from autogen_budget._planner import Call, Planner
from autogen_budget._windows import ClientFacts

REFUSAL = ValueError("Requested tokens (900) exceed context window of 512")


def attempt_of(messages: list[LLMMessage], counter: TiktokenCounter | None = None, cap: int = 400) -> Attempt:
    """A call that has just begun."""
    budget = TokenBudget(cap)
    counter = counter or TiktokenCounter()
    planner = Planner(ClientFacts(), budget, default_strategies(budget), counter, multiple_system_messages=False)
    return Attempt(Call(messages), planner, name="clerk", model="tiny")


def chat(turns: int) -> list[LLMMessage]:
    """A task and as many answers."""
    answers = [AssistantMessage(content="of the long way " * 8, source="a") for _ in range(turns)]
    return [UserMessage(content="the task", source="user"), *answers]


def test_a_call_that_never_got_to_a_request() -> None:
    """Before anything is planned the record names caller, model and cap, and nothing else."""
    record = attempt_of(chat(1)).record()
    assert (record.name, record.model, record.cap) == ("clerk", "tiny", 400)
    assert (record.tokens_before, record.tokens_sent, record.steps, record.error) == (0, 0, (), None)


async def test_a_call_that_succeeded() -> None:
    """Usage comes from the result, sizes from the request."""
    attempt = attempt_of(chat(3))
    request = await attempt.request()
    attempt.result = CreateResult(finish_reason="stop", content="x", usage=RequestUsage(70, 5), cached=False)
    record = attempt.record()
    assert (record.reported_prompt_tokens, record.reported_completion_tokens) == (70, 5)
    assert record.tokens_sent == request.tokens
    assert record.retries == 0


async def test_usage_of_nothing_is_not_reported() -> None:
    """Providers that report 0 tokens have reported nothing, and teach nothing."""
    counter = TiktokenCounter()
    attempt = attempt_of(chat(3), counter)
    request = await attempt.request()
    attempt.result = CreateResult(finish_reason="stop", content="x", usage=RequestUsage(0, 0), cached=False)
    attempt.settle()
    assert attempt.record().reported_prompt_tokens is None
    assert counter.tokens(request.tally) == request.tokens


async def test_reported_usage_teaches_the_counter() -> None:
    """What the provider reports beside the prompt is part of the prompt."""
    counter = TiktokenCounter()
    attempt = attempt_of(chat(3), counter)
    request = await attempt.request()
    attempt.result = CreateResult(
        finish_reason="stop", content="x", usage=RequestUsage(request.tokens, 5), cached=False
    )
    attempt.usage.beside_prompt = request.tokens // 2
    attempt.settle()
    assert counter.tokens(request.tally) > request.tokens


async def test_the_first_refusal_leads_to_a_smaller_request() -> None:
    """The second raises, with the provider's error as its cause."""
    attempt = attempt_of(chat(10))
    first = await attempt.request()
    second = await attempt.smaller_request(REFUSAL)
    assert second.tokens < first.tokens
    assert attempt.record().retries == 1
    with pytest.raises(ContextOverflowError, match="twice") as caught:
        await attempt.smaller_request(REFUSAL)
    assert caught.value.__cause__ is REFUSAL
    assert caught.value.size == second.tokens


async def test_a_refusal_that_cannot_be_answered_keeps_its_cause() -> None:
    """Where nothing can be left out, our error carries the provider's."""
    attempt = attempt_of([SystemMessage(content="rule " * 300), UserMessage(content="x", source="user")])
    await attempt.request()
    with pytest.raises(ContextOverflowError, match="cannot be made to fit") as caught:
        await attempt.smaller_request(REFUSAL)
    assert caught.value.__cause__ is REFUSAL


async def test_other_errors_are_raised_as_they_are() -> None:
    """Also one that looks like a refusal before anything was sent."""
    attempt = attempt_of(chat(1))
    with pytest.raises(ValueError, match="exceed context window"):
        await attempt.smaller_request(REFUSAL)
    await attempt.request()
    other = KeyError("tide")
    with pytest.raises(KeyError) as caught:
        await attempt.smaller_request(other)
    assert caught.value is other
