"""A collector of traces and a Sentry, as small as can be: what the system tells them is kept to be looked at."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span, with what the tests ask of it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    links: tuple[str, ...]
    attributes: dict[str, str]


@dataclass
class Watchers:
    """Both, at one address."""

    url: str
    raw: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sentry_dsn(self) -> str:
        return f"{self.url.replace('://', '://key@')}/1"

    @property
    def settings(self) -> dict[str, str]:
        """What has a process tell them, at once."""
        traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        return {**traces, "SENTRY_DSN": self.sentry_dsn}

    def take(self, path: str, body: bytes) -> None:
        """Keep what came."""
        self.raw.append(body)
        if path == "/v1/traces":
            self.spans += _spans(body)
        elif path == "/api/1/envelope/":
            lines = body.split(b"\n")
            self.reports += [
                json.loads(payload)
                for header, payload in zip(lines[1::2], lines[2::2], strict=False)
                if json.loads(header or b"{}").get("type") == "event"
            ]

    def heard(self, word: str) -> bool:
        """Whether a word was among anything that came."""
        return any(word.encode() in body for body in self.raw)


def _spans(body: bytes) -> Iterator[Span]:
    for of_process in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {pair.key: pair.value.string_value for pair in of_process.resource.attributes}
        for scope in of_process.scope_spans:
            for span in scope.spans:
                yield Span(
                    about["service.name"],
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.status.code == 2,  # an error
                    tuple(link.trace_id.hex() for link in span.links),
                    {pair.key: pair.value.string_value or str(pair.value.int_value) for pair in span.attributes},
                )


@contextmanager
def watchers() -> Iterator[Watchers]:
    """Both, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.take(self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Watchers(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
