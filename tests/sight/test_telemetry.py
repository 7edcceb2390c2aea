"""Spans and metrics of model calls, as the SDK's in-memory exporters get them."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import CreateResult
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    InMemoryMetricReader,
    NumberDataPoint,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    OutputCut,
    Record,
    Step,
    Telemetry,
    TokenBudget,
)
from builders import call, call_record, result, user
from clerks import CAN_ALL
from servers import OpenAIServer
from servers.clients import client_of


@dataclass
class Collector:
    """Where spans and metrics end up."""

    spans: InMemorySpanExporter
    tracers: TracerProvider
    metrics: InMemoryMetricReader
    meters: MeterProvider

    def telemetry(self, *, model_in_process: bool = False, include_content: bool = False) -> Telemetry:
        """A hook that sends here."""
        return Telemetry(self.tracers, self.meters, model_in_process=model_in_process, include_content=include_content)

    def chats(self) -> list[ReadableSpan]:
        """The spans of model calls."""
        return [span for span in self.spans.get_finished_spans() if span.name.startswith("chat")]

    def points(self) -> dict[str, list[NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint]]:
        """The metrics, by name."""
        data = self.metrics.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Exporters in memory."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    yield Collector(spans, tracers, reader, meters)
    tracers.shutdown()
    meters.shutdown()


async def test_a_call_is_a_span_under_the_current_one(collector: Collector) -> None:
    """A real agent's call: its parent, its times, its usage and what was sent of it."""
    async with OpenAIServer() as server, client_of(server) as client:
        agent = BudgetedAgent(AssistantAgent("clerk", client), TokenBudget(500), hooks=[collector.telemetry()])
        with collector.tracers.get_tracer("test").start_as_current_span("invoke_agent clerk") as parent:
            await agent.run(task="How many ships?")
    (record,) = agent.records
    (span,) = collector.chats()
    assert span.name == f"chat {record.model}"
    assert span.kind is SpanKind.CLIENT
    assert span.parent is not None
    assert span.parent.span_id == parent.get_span_context().span_id
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time == pytest.approx((record.at - record.seconds) * 1e9, abs=5e8)
    assert span.end_time == int(record.at * 1e9)
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.model"] == record.model
    assert attributes["gen_ai.agent.name"] == "clerk"
    assert str(attributes["gen_ai.conversation.id"]).endswith("/clerk/1")
    assert attributes["gen_ai.usage.input_tokens"] == record.reported_prompt_tokens
    assert attributes["gen_ai.usage.output_tokens"] == record.reported_completion_tokens
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attributes["gen_ai.conversation.compacted"] is False
    assert attributes["autogen_budget.tokens_sent"] == record.tokens_sent
    assert attributes["autogen_budget.tokens.task"] == record.layers_sent["task"]
    assert "ships" not in str(attributes)
    points = collector.points()
    assert [point.attributes["gen_ai.token.type"] for point in points["gen_ai.client.token.usage"] if point.attributes]
    assert isinstance(points["gen_ai.client.operation.duration"][0], HistogramDataPoint)


class Traced(ReplayChatCompletionClient):
    """A model that makes a span of its own, as an HTTP client does, for each chunk of a reply."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(["Nine ships."], model_info=CAN_ALL)
        self._tracer = collector.tracers.get_tracer("http")

    async def create(self, *arguments: Any, **named: Any) -> CreateResult:
        """Answer within a span."""
        with self._tracer.start_as_current_span("POST"):
            return await super().create(*arguments, **named)

    async def create_stream(self, *arguments: Any, **named: Any) -> AsyncGenerator[str | CreateResult, None]:
        """Answer in chunks, each within a span."""
        async for item in super().create_stream(*arguments, **named):
            with self._tracer.start_as_current_span("POST"):
                pass
            yield item


@pytest.mark.parametrize("stream", [False, True])
async def test_what_goes_on_in_a_call_is_within_its_span(stream: bool, collector: Collector) -> None:
    """Its requests over the network are; what its reader does between two chunks is not."""
    hooks = [collector.telemetry(include_content=True)]
    client = BudgetedChatCompletionClient(Traced(collector), TokenBudget(500), name="clerk", hooks=hooks)
    task, arguments = [user("How many ships?")], {"max_tokens": 60}
    with collector.tracers.get_tracer("test").start_as_current_span("invoke_agent clerk") as parent:
        if stream:
            async for _ in client.create_stream(task, extra_create_args=arguments):
                assert get_current_span() is parent
        else:
            await client.create(task, extra_create_args=arguments)
        assert get_current_span() is parent
    (chat,) = collector.chats()
    posts = [span for span in collector.spans.get_finished_spans() if span.name == "POST"]
    assert len(posts) == (3 if stream else 1)
    assert {post.parent and post.parent.span_id for post in posts} == {chat.context and chat.context.span_id}
    assert chat.parent == parent.get_span_context()
    attributes = dict(chat.attributes or {})
    assert attributes.get("gen_ai.request.stream", False) is stream
    assert attributes["gen_ai.request.max_tokens"] == 60
    parts = [{"role": "user", "parts": [{"type": "text", "content": "How many ships?"}]}]
    assert json.loads(str(attributes["gen_ai.input.messages"])) == parts
    reply = {"role": "assistant", "parts": [{"type": "text", "content": "Nine ships."}], "finish_reason": "stop"}
    assert json.loads(str(attributes["gen_ai.output.messages"])) == [reply]


async def test_a_stream_that_is_left_ends_its_span(collector: Collector) -> None:
    """With the error that ended it."""
    client = BudgetedChatCompletionClient(Traced(collector), TokenBudget(500), hooks=[collector.telemetry()])
    stream = client.create_stream([user("How many ships?")])
    await anext(stream)
    await stream.aclose()
    (chat,) = collector.chats()
    assert dict(chat.attributes or {})["error.type"] == "GeneratorExit"


async def test_a_failing_tracer_fails_no_call() -> None:
    """What it cannot do is one line in the log."""

    class Failing:
        def __init__(self, early: bool) -> None:
            self._early = early

        def __call__(self, record: Record) -> None:
            raise RuntimeError

        def begin_call(self, start: object) -> Callable[[], AbstractContextManager[object]]:
            if self._early:
                raise RuntimeError
            return self._scope

        def _scope(self) -> AbstractContextManager[object]:
            raise RuntimeError

    hooks = [Failing(early=True), Failing(early=False)]
    model = ReplayChatCompletionClient(["Nine."], model_info=CAN_ALL)
    client = BudgetedChatCompletionClient(model, TokenBudget(500), hooks=hooks)
    assert (await client.create([user("How many?")])).content == "Nine."


def test_content_is_written_as_the_conventions_do(collector: Collector) -> None:
    """Instructions, texts, calls and results; images are left out."""
    image = {"data": "iVBO"}
    messages: list[dict[str, object]] = [
        {"type": "SystemMessage", "content": "Help."},
        {"type": "UserMessage", "content": ["Look.", image], "source": "user"},
        call("1").model_dump(mode="json"),
        result("1").model_dump(mode="json"),
    ]
    telemetry = collector.telemetry(include_content=True)
    telemetry(call_record(content=tuple(messages), reply=call("2").model_dump(mode="json"), finish_reason="stop"))
    (span,) = collector.chats()
    attributes = {key: str(value) for key, value in (span.attributes or {}).items()}
    assert json.loads(attributes["gen_ai.system_instructions"]) == [{"type": "text", "content": "Help."}]
    sent = json.loads(attributes["gen_ai.input.messages"])
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert [part["type"] for message in sent for part in message["parts"]] == [
        "text",
        "tool_call",
        "tool_call_response",
    ]
    (reply,) = json.loads(attributes["gen_ai.output.messages"])
    assert reply["parts"][0]["id"] == "2"
    collector.telemetry(include_content=True)(call_record())
    collector.telemetry(include_content=True)(call_record(content=tuple(messages)))
    without, unanswered = collector.chats()[1:]
    assert not any(key.endswith("messages") for key in without.attributes or {})
    assert "gen_ai.output.messages" not in (unanswered.attributes or {})


def test_compaction_errors_and_streams_are_told(collector: Collector) -> None:
    """Steps are events; an error is its class only; a stream has the time to its first chunk."""
    telemetry = collector.telemetry(model_in_process=True)
    telemetry(
        call_record(
            model=None,
            compacted=True,
            steps=(Step("TrimOldest", 900, 500, dropped=3),),
            tokens_before=900,
            tokens_sent=500,
            error="APIError: Anna said",
            first_token_seconds=0.2,
            cached_tokens=300,
            cache_write_tokens=40,
            reasoning_tokens=7,
        )
    )
    telemetry(call_record(tokens_before=900, tokens_sent=0))  # it could not be made to fit
    span, _ = collector.chats()
    assert (span.name, span.kind) == ("chat", SpanKind.INTERNAL)
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "APIError"
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "APIError"
    assert attributes["gen_ai.provider.name"] == "unknown"
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] == 0.2
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 300
    assert attributes["gen_ai.usage.cache_write.input_tokens"] == 40
    assert attributes["gen_ai.usage.reasoning.output_tokens"] == 7
    assert attributes["gen_ai.conversation.compacted"] is True
    assert [event.name for event in span.events] == ["autogen_budget.step TrimOldest"]
    points = collector.points()
    (compactions,), (spared,) = points["autogen_budget.compactions"], points["autogen_budget.tokens.spared"]
    assert isinstance(compactions, NumberDataPoint)
    assert isinstance(spared, NumberDataPoint)
    assert (compactions.value, spared.value) == (1, 400)
    parts = {
        dict(point.attributes or {})["gen_ai.token.type"]: point for point in points["autogen_budget.tokens.parts"]
    }
    assert {kind: getattr(point, "value", None) for kind, point in parts.items()} == {
        "cache_read": 300,
        "cache_write": 40,
        "reasoning": 7,
    }


def test_replies_from_a_cache_are_in_no_metric(collector: Collector) -> None:
    """No model was called."""
    collector.telemetry()(call_record(from_cache=True))
    assert len(collector.chats()) == 1
    assert collector.metrics.get_metrics_data() is None


def test_other_records_are_events_of_the_current_span(collector: Collector) -> None:
    """With their figures; without a span they go nowhere."""
    telemetry = collector.telemetry()
    cut = OutputCut("fetch", 9_000, 800, 200, "a1", None, name="clerk")
    telemetry(cut)
    with collector.tracers.get_tracer("test").start_as_current_span("execute_tool"):
        telemetry(cut)
    (span,) = collector.spans.get_finished_spans()
    (event,) = span.events
    assert event.name == "autogen_budget.output_cut"
    assert dict(event.attributes or {})["autogen_budget.characters"] == 9_000


def test_the_global_providers_are_the_default() -> None:
    """Without an SDK nothing happens, and nothing fails."""
    Telemetry()(call_record())
