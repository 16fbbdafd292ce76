"""An OTLP/HTTP receiver: decodes what it gets and keeps the spans.

The protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span as it came over the wire. Ids are hex; `parent` is empty for a trace's first span; times in seconds."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    begun: float
    ended: float
    failed: bool
    facts: Mapping[str, Any]
    links: tuple[str, ...]
    resource: Mapping[str, Any]

    @property
    def pid(self) -> int:
        return int(self.resource["process.pid"])


class Collector:
    """`spans`: what came so far. `headers`: those of the last request."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.headers: Mapping[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, trace: str) -> list[Span]:
        """The spans of a trace, by their beginning."""
        return sorted((span for span in list(self.spans) if span.trace == trace), key=lambda span: span.begun)

    def named(self, name: str, **facts: Any) -> list[Span]:
        """The spans with that name and those facts (`_` for `.`)."""
        wanted = {key.replace("_", "."): value for key, value in facts.items()}
        return [one for one in list(self.spans) if one.name == name and wanted.items() <= dict(one.facts).items()]

    def _take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            resource = _facts(group.resource.attributes)
            self.spans += [_span(span, resource) for scope in group.scope_spans for span in scope.spans]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if right:
                    collector.headers = dict(self.headers)
                    packed = self.headers.get("Content-Encoding") == "gzip"
                    collector._take(gzip.decompress(body) if packed else body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if right else 400)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def _span(span: WireSpan, resource: Mapping[str, Any]) -> Span:
    return Span(
        name=span.name,
        kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        begun=span.start_time_unix_nano / 1e9,
        ended=span.end_time_unix_nano / 1e9,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        facts=_facts(span.attributes),
        links=tuple(link.trace_id.hex() for link in span.links),
        resource=resource,
    )


def _facts(attributes: Any) -> dict[str, Any]:
    def value(entry: KeyValue) -> Any:
        return getattr(entry.value, str(entry.value.WhichOneof("value")))

    return {entry.key: value(entry) for entry in attributes}
