"""Spans and metrics of model calls, as the SDK's in-memory exporters get them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from autogen_agentchat.agents import AssistantAgent
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
from opentelemetry.trace import SpanKind, StatusCode

from autogen_budget import BudgetedAgent, OutputCut, Step, Telemetry, TokenBudget
from builders import call_record
from servers import OpenAIServer
from servers.clients import client_of


@dataclass
class Collector:
    """Where spans and metrics end up."""

    spans: InMemorySpanExporter
    tracers: TracerProvider
    metrics: InMemoryMetricReader
    meters: MeterProvider

    def telemetry(self, *, model_in_process: bool = False) -> Telemetry:
        """A hook that sends here."""
        return Telemetry(self.tracers, self.meters, model_in_process=model_in_process)

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
    assert span.end_time - span.start_time == pytest.approx(record.seconds * 1e9, rel=0.01)
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
        )
    )
    (span,) = collector.chats()
    assert (span.name, span.kind) == ("chat", SpanKind.INTERNAL)
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "APIError"
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "APIError"
    assert attributes["gen_ai.provider.name"] == "unknown"
    assert attributes["gen_ai.request.stream"] is True
    assert attributes["gen_ai.response.time_to_first_chunk"] == 0.2
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 300
    assert attributes["gen_ai.conversation.compacted"] is True
    assert [event.name for event in span.events] == ["autogen_budget.step TrimOldest"]
    points = collector.points()
    (compactions,), (spared,) = points["autogen_budget.compactions"], points["autogen_budget.tokens.spared"]
    assert isinstance(compactions, NumberDataPoint)
    assert isinstance(spared, NumberDataPoint)
    assert (compactions.value, spared.value) == (1, 400)


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
