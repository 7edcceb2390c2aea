"""OpenTelemetry: a `chat` span around each model call, under AutoGen's own spans, and metrics; needs the API only."""

from collections.abc import Mapping
from functools import lru_cache, partial
from uuid import uuid4
from weakref import WeakSet

from genai_prices import data_snapshot
from opentelemetry.metrics import MeterProvider, get_meter_provider
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_current_span,
    get_tracer_provider,
    use_span,
)

from autogen_budget._hooks import CallStart, Scope
from autogen_budget._record_json import to_dict
from autogen_budget._records import CallRecord, Event, Record

from . import _conventions as names
from ._span_content import content_attributes

Attribute = str | bool | int | float
Attributes = dict[str, Attribute]


class Telemetry:
    """Sends spans and metrics of every model call to OpenTelemetry; a hook.

    The span is a child of the one that is current when the call begins: AutoGen's `invoke_agent`. Whatever goes on
    until the call ends is inside it: the spans of an HTTP client, of a model that writes a summary. What else is
    recorded (cuts, waits, retries, time limits, loops) becomes an event of the current span. A record that is told
    later, as one read from a file, becomes a span with the times of its call.

    .. code-block:: python

        from autogen_budget import BudgetedAgent, Telemetry, TokenBudget

        agent = BudgetedAgent(assistant, TokenBudget(8_000), hooks=[Telemetry()])

    Args:
        tracer_provider (TracerProvider | None): Where spans go. `None` means the global one.
        meter_provider (MeterProvider | None): Where metrics go. `None` means the global one.
        model_in_process (bool): Whether the model runs in this process; its spans are of kind INTERNAL then, else
            CLIENT.
        include_content (bool): Whether the span holds instructions, messages and the reply too.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        model_in_process: bool = False,
        include_content: bool = False,
    ) -> None:
        tracers = get_tracer_provider() if tracer_provider is None else tracer_provider
        meters = get_meter_provider() if meter_provider is None else meter_provider
        self.include_content = include_content
        self._begun = WeakSet[Span]()
        self._kind = SpanKind.INTERNAL if model_in_process else SpanKind.CLIENT
        self._tracer = tracers.get_tracer("autogen_budget", schema_url=names.SCHEMA_URL)
        meter = meters.get_meter("autogen_budget", schema_url=names.SCHEMA_URL)
        self._duration = meter.create_histogram(
            names.DURATION, "s", "Duration of model calls", explicit_bucket_boundaries_advisory=names.DURATION_BUCKETS
        )
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE, "{token}", "Tokens used", explicit_bucket_boundaries_advisory=names.TOKEN_BUCKETS
        )
        self._compactions = meter.create_counter(f"{names.OWN}compactions", "{call}", "Calls that were made smaller")
        self._parts = meter.create_counter(f"{names.OWN}tokens.parts", "{token}", "Parts of the tokens used, by kind")
        self._run = uuid4().hex[:12]  # conversations are numbered by each client anew
        self._spared = meter.create_counter(f"{names.OWN}tokens.spared", "{token}", "Tokens that were not sent")

    def __call__(self, record: Record) -> None:
        """Send a record."""
        if isinstance(record, CallRecord):
            self._call(record)
        else:
            self._event(record)

    def begin_call(self, start: CallStart) -> Scope:
        """Begin the span of a call; see `CallTracer`."""
        attributes: Attributes = {**_common(start), **({names.REQUEST_STREAM: True} if start.stream else {})}
        span = self._tracer.start_span(
            _name(start.model), kind=self._kind, attributes=attributes, start_time=_nanoseconds(start.at)
        )
        self._begun.add(span)
        return partial(use_span, span, record_exception=False, set_status_on_exception=False)

    def _call(self, record: CallRecord) -> None:
        began = _nanoseconds(record.at - record.seconds)
        common = {**_common(record), **_error(record)}
        span = get_current_span()
        if span in self._begun:
            self._begun.remove(span)
            span.update_name(_name(record.model))
        else:
            span = self._tracer.start_span(_name(record.model), kind=self._kind, start_time=began)
        span.set_attributes({**common, **self._conversation(record), **_details(record)})
        if self.include_content:
            span.set_attributes(content_attributes(record))
        for step in record.steps:
            about = {"tokens_before": step.tokens_before, "tokens_after": step.tokens_after, "failed": step.failed}
            attributes: Attributes = {f"{names.OWN}{key}": value for key, value in about.items()}
            span.add_event(f"{names.OWN}step {step.strategy}", attributes, began)
        if record.error is not None:
            span.set_status(Status(StatusCode.ERROR, _error_type(record.error)))
        span.end(_nanoseconds(record.at))
        if record.from_cache:
            return
        self._duration.record(record.seconds, common)
        for kind, tokens in (("input", record.reported_prompt_tokens), ("output", record.reported_completion_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, {**common, names.TOKEN_TYPE: kind})
        for kind, tokens in (
            ("cache_read", record.cached_tokens),
            ("cache_write", record.cache_write_tokens),
            ("reasoning", record.reasoning_tokens),
        ):
            if tokens is not None:
                self._parts.add(tokens, {**common, names.TOKEN_TYPE: kind})
        if record.shrank:
            self._compactions.add(1, common)
        if record.tokens_sent:
            self._spared.add(max(0, record.tokens_before - record.tokens_sent), common)

    def _conversation(self, record: CallRecord) -> Attributes:
        """Return the conversation of a call, distinct from those of other agents and other processes."""
        name = f"{self._run}/{record.name}/{record.conversation}"
        return {names.CONVERSATION_ID: name} if record.conversation else {}

    @staticmethod
    def _event(record: Event) -> None:
        values = to_dict(record).items()
        attributes: Attributes = {
            f"{names.OWN}{key}": value for key, value in values if isinstance(value, (str, bool, int, float))
        }
        get_current_span().add_event(f"{names.OWN}{record.kind}", attributes, _nanoseconds(record.at))


def _name(model: str | None) -> str:
    return f"chat {model}" if model else "chat"


def _common(record: CallRecord | CallStart) -> Attributes:
    """Return the attributes that distinguish spans and metrics."""
    attributes: Attributes = {
        names.OPERATION: "chat",
        names.PROVIDER: _provider(record.model),
        names.AGENT_NAME: record.name,
        f"{names.OWN}purpose": record.purpose,
    }
    if record.model is not None:
        attributes[names.REQUEST_MODEL] = record.model
    return attributes


def _error(record: CallRecord) -> Attributes:
    return {} if record.error is None else {names.ERROR_TYPE: _error_type(record.error)}


def _details(record: CallRecord) -> Mapping[str, Attribute | tuple[str]]:
    """Return what only the span of a call has."""
    known: dict[str, Attribute | tuple[str] | None] = {
        names.INPUT_TOKENS: record.reported_prompt_tokens,
        names.OUTPUT_TOKENS: record.reported_completion_tokens,
        names.CACHE_READ_TOKENS: record.cached_tokens,
        names.CACHE_WRITE_TOKENS: record.cache_write_tokens,
        names.REASONING_TOKENS: record.reasoning_tokens,
        names.MAX_TOKENS: record.max_reply_tokens,
        names.TIME_TO_FIRST_CHUNK: record.first_token_seconds,
        names.REQUEST_STREAM: True if record.first_token_seconds is not None else None,
        names.FINISH_REASONS: None if record.finish_reason is None else (record.finish_reason,),
        names.COMPACTED: record.compacted,
        f"{names.OWN}cap": record.cap,
        f"{names.OWN}window": record.window,
        f"{names.OWN}tokens_before": record.tokens_before,
        f"{names.OWN}tokens_sent": record.tokens_sent,
        f"{names.OWN}stable_prefix_tokens": record.stable_prefix_tokens,
        f"{names.OWN}retries": record.retries,
        f"{names.OWN}waited_seconds": record.waited_seconds,
        f"{names.OWN}cache_bust": record.cache_bust,
        f"{names.OWN}from_cache": record.from_cache,
        **{f"{names.OWN}tokens.{layer.replace(' ', '_')}": tokens for layer, tokens in record.layers_sent.items()},
    }
    return {key: value for key, value in known.items() if value is not None}


def _error_type(error: str) -> str:
    return error.partition(":")[0]


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)


@lru_cache(maxsize=256)
def _provider(model: str | None) -> str:
    """Return who serves a model, by its name; the conventions ask for a value."""
    try:
        provider, _ = data_snapshot.get_snapshot().find_provider_model(model or "", None, None, None)
    except LookupError:
        return "unknown"
    return provider.id
