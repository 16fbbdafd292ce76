"""`Tracer` and `Span` with OpenTelemetry's SDK. Only this module imports it; it is there with the extra `telemetry`.

The provider is our own, not the global one, so libraries that the server uses do not begin to trace by themselves.
Texts of errors are never recorded, since they may hold prompts, paths and addresses.
"""

from __future__ import annotations

import logging
import os
import threading
from asyncio import CancelledError
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from reelwright import __version__
from reelwright.errors import Cancelled, ReelwrightError
from reelwright.tracing import Facts, Kind, Span, Tracer

CLOSE_S = 3.0
"""A receiver that does not answer holds the end of the process up no longer than this."""

_W3C = TraceContextTextMapPropagator()


def open_tracer() -> Tracer:
    """A tracer that sends to the receiver which the environment names."""
    # It warns at every try of every batch; the one line when a batch is given up is enough.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return _Tracer(provider)


def _resource() -> Resource:
    """Who sends: the environment's names (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES), this process, this version."""
    facts: dict[str, str | int] = {"service.version": __version__, "process.pid": os.getpid()}
    if SERVICE_NAME not in OTELResourceDetector().detect().attributes:
        facts[SERVICE_NAME] = "reelwright"
    return Resource.create(facts)


class _Tracer:
    on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._spans = provider.get_tracer("reelwright", __version__)

    def begin(
        self,
        name: str,
        facts: Facts | None = None,
        *,
        kind: Kind = Kind.INTERNAL,
        parent: str | None = None,
        begun: datetime | None = None,
    ) -> Span:
        context = _W3C.extract({"traceparent": parent}, Context()) if parent else None
        return _Span(self._spans, _begin(self._spans, name, facts, kind, context, begun))

    def flush(self) -> None:
        threading.Thread(target=self._provider.force_flush, name="traces", daemon=True).start()

    def close(self) -> None:
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(CLOSE_S)


class _Span:
    def __init__(self, spans: trace.Tracer, span: trace.Span) -> None:
        self._spans = spans
        self._span = span

    @property
    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self._span, Context()))
        return carrier.get("traceparent")

    def begin(self, name: str, facts: Facts | None = None, *, kind: Kind = Kind.INTERNAL) -> Span:
        below = trace.set_span_in_context(self._span, Context())
        return _Span(self._spans, _begin(self._spans, name, facts, kind, below, None))

    @contextmanager
    def current(self) -> Generator[None]:
        with trace.use_span(self._span, record_exception=False, set_status_on_exception=False):
            yield

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, facts: Facts) -> None:
        self._span.set_attributes(facts)

    def link(self, traceparent: str | None) -> None:
        other = trace.get_current_span(_W3C.extract({"traceparent": traceparent or ""}, Context())).get_span_context()
        if other.is_valid:
            self._span.add_link(other)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self, at: datetime | None = None) -> None:
        self._span.end(_nanoseconds(at))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        match error:
            case Cancelled() | CancelledError():
                self.note({"reelwright.outcome": "cancelled"})
            case ReelwrightError(code=code):
                self.fail(code)
            case Exception():
                self.fail(type(error).__name__)
        self.end()


def _begin(
    spans: trace.Tracer, name: str, facts: Facts | None, kind: Kind, context: Context | None, begun: datetime | None
) -> trace.Span:
    return spans.start_span(
        name, context=context, kind=trace.SpanKind[kind], attributes=facts, start_time=_nanoseconds(begun)
    )


def _nanoseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1e9)
