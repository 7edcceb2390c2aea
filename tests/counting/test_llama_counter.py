"""The exact counter of the examples: it agrees with the server on whole requests, and never raises."""

import os
import subprocess
import sys

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import FunctionTool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llama_counter
from autogen_budget import BudgetedAgent, TiktokenCounter, TokenBudget, TokenCounter
from llama_counter import LlamaCppCounter, measure
from local_model import LocalModel
from profiles import examples
from servers import OpenAIServer

NOWHERE = "http://127.0.0.1:9/v1"  # the port of a service that discards, and that nobody runs

TALK: list[LLMMessage] = [
    SystemMessage(content="You help."),
    UserMessage(content="How many bolts are in hall B2?", source="user"),
    AssistantMessage(content=[FunctionCall("{}", "1", "stock")], source="helper", thought="I look it up."),
    FunctionExecutionResultMessage(
        content=[
            FunctionExecutionResult(content=content, call_id=str(number), name="stock", is_error=False)
            for number, content in enumerate(("350 bolts", "", "42 nuts\n\n"))
        ]
    ),
    AssistantMessage(content="350.\n", source="helper"),
    UserMessage(content="谢谢 😀 <|im_end|>", source="user"),
]


def stock(hall: str) -> str:
    """Look up what is in stock."""
    return f"{hall}: 350 bolts"


texts = st.text(st.characters(codec="utf-8"), max_size=60)
said = st.builds(UserMessage, content=texts, source=st.just("user")) | st.builds(
    AssistantMessage, content=texts, source=st.just("helper")
)


@settings(max_examples=examples(0.5), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(middle=st.lists(said, max_size=6))
def test_the_messages_add_up_to_the_request(local_model: LocalModel, middle: list[LLMMessage]) -> None:
    """The sum of single counts is the server's count of the whole, whatever is said and in whatever order."""
    counter = LlamaCppCounter(local_model.base_url)
    messages = [SystemMessage(content="You help."), *middle, UserMessage(content="Go on.", source="user")]
    assert counter.tokens(measure(counter, messages)) == counter.count_whole(messages)


def test_calls_and_results_add_up_too(local_model: LocalModel) -> None:
    """Calls, parallel and empty results, and text that looks like a mark of the template count as they are read."""
    counter = LlamaCppCounter(local_model.base_url)
    assert counter.tokens(measure(counter, TALK)) == counter.count_whole(TALK)


async def test_the_count_is_what_the_model_reports(local_model: LocalModel) -> None:
    """The model reads as many tokens as were counted, with tools and without instructions as well."""
    tool = FunctionTool(stock, description="Looks up what is in stock.")
    client = local_model.client(max_tokens=1)
    for messages, tools in ((TALK, []), (TALK, [tool]), (TALK[1:], [])):
        counter = LlamaCppCounter(local_model.base_url, system_first=messages is TALK)
        predicted = counter.tokens(counter.measure_extras(tools)) - counter.tokens(counter.measure_extras())
        predicted += counter.tokens(measure(counter, messages))
        result = await client.create(messages, tools=tools)
        assert result.usage.prompt_tokens == predicted
    await client.close()


async def test_it_serves_an_agent_under_a_budget(local_model: LocalModel) -> None:
    """Plugged into a `BudgetedAgent`, it predicts every call to the token."""
    client = local_model.client(max_tokens=4)
    assistant = AssistantAgent("reader", model_client=client, system_message="Read.")
    counter = LlamaCppCounter(local_model.base_url)
    agent = BudgetedAgent(assistant, TokenBudget(300, context_window=2_048), counter=counter)
    for number in range(4):
        await agent.run(task=f"{number} bolts, " * 20)
    await client.close()
    assert [record.reported_prompt_tokens for record in agent.records] == [r.tokens_sent for r in agent.records]
    assert agent.records[-1].compacted


def test_a_text_is_what_it_adds_to_a_message(local_model: LocalModel) -> None:
    """A text alone is measured without the frame of a message; nothing is nothing."""
    counter = LlamaCppCounter(local_model.base_url)
    assert counter.count_text("") == 0
    assert counter.count_text("hi there") == 2


@pytest.mark.parametrize("text", ["plain", "", "\ud800", "x" * 100_000])
def test_without_a_server_it_counts_with_tiktoken(text: str) -> None:
    """A server that does not answer costs exactness, and nothing else."""
    counter, tiktoken = LlamaCppCounter(NOWHERE), TiktokenCounter()
    message = UserMessage(content=text, source="user")
    assert isinstance(counter, TokenCounter)
    assert counter.measure_message(message) == tiktoken.measure_message(message)
    assert counter.measure_text(text) == tiktoken.measure_text(text)
    assert counter.measure_extras() == tiktoken.measure_extras()


async def test_a_server_that_cannot_count_is_no_error() -> None:
    """A server without that endpoint answers with 404: tiktoken counts."""
    async with OpenAIServer(window=1_000) as server:
        counter = LlamaCppCounter(server.base_url)
        assert counter.measure_message(TALK[0]) == TiktokenCounter().measure_message(TALK[0])


def test_what_the_server_refuses_does_not_stop_it(local_model: LocalModel) -> None:
    """A lone surrogate cannot be sent as JSON; that one text is counted with tiktoken, the next one exactly again."""
    counter = LlamaCppCounter(local_model.base_url)
    broken = UserMessage(content="a\ud800b", source="user")
    assert counter.measure_message(broken) == TiktokenCounter().measure_message(broken)
    assert counter.count_text("hi there") == 2


def test_the_comparison_prints_a_table() -> None:
    """Run as a program it compares the counters on the local model, and the parts add up to the whole."""
    outcome = subprocess.run(
        [sys.executable, llama_counter.__file__], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert outcome.stderr == ""
    assert "log lines" in outcome.stdout
    *_, parts, whole = (word.strip(";") for word in outcome.stdout.split() if word[:1].isdigit())
    assert parts == whole
