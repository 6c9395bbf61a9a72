"""Traces by OpenTelemetry: a request, its statements, and the tasks that came of it. Off unless configured.

Nothing that people say or are is in a span: statements are without their parameters, errors without their words, and
addresses without what follows the question mark.
"""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Connection, Engine, ExceptionContext, event

from shared.settings import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

STATEMENT_LENGTH: Final = 2000
_SPANS: Final = "spans"  # of the statements under way, in the `info` of their connection
_PARENT: Final = "traceparent"
_NOTHING: Final = nullcontext()
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class _Active:
    """What makes this process's spans, if anything does."""

    provider: "TracerProvider | None" = None
    tracer: Tracer | None = None


def configure(*, process: str) -> None:
    """Send traces to OTEL_EXPORTER_OTLP_ENDPOINT, if it is set. After a fork again: what sends is a thread.

    The library itself reads its other variables: sampler, headers, attributes of the resource, and so on.
    """
    endpoint = settings().otel_exporter_otlp_endpoint
    if endpoint is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - if wanted
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    class Discreet(SpanProcessor):
        """Takes out what FastAPI notes of a query: places, and the tokens of links."""

        def on_start(self, span: Any, parent_context: object = None) -> None:  # noqa: ANN401, ARG002 - the library's
            if "url.query" in (span.attributes or {}):
                span.set_attribute("url.query", "")

    about = {
        "service.namespace": "delete",
        "service.name": process,
        "service.version": version("delete"),
        "service.instance.id": f"{platform.node()}-{os.getpid()}",
        "deployment.environment.name": settings().environment,
    }
    if _Active.provider is None:
        _follow_statements()
    _Active.provider = TracerProvider(resource=Resource.create(about))
    _Active.provider.add_span_processor(Discreet())
    _Active.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    _Active.tracer = _Active.provider.get_tracer("delete")


def flush() -> None:
    """Send what waits to be sent; before a process ends that runs nothing at its exit."""
    if _Active.provider is not None:
        _Active.provider.shutdown()


def provider() -> "TracerProvider | None":
    """What makes spans, for the web framework; None when nothing does."""
    return _Active.provider


def current() -> str | None:
    """The `traceparent` of what is being done, by which whatever comes of it can be told to belong to it."""
    if _Active.tracer is None:
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_PARENT)


def note(**attributes: str | int) -> None:
    """Note something on the span of what is being done."""
    if _Active.tracer is not None:
        trace.get_current_span().set_attributes(attributes)


def note_error(error: Exception) -> None:
    """Note on the span of what is being done that it failed."""
    if _Active.tracer is not None:
        _mark(trace.get_current_span(), error)


def step(name: str) -> AbstractContextManager[object]:
    """A span of a part of what is being done; of what is not traced, no part is."""
    if _Active.tracer is None or not trace.get_current_span().is_recording():
        return _NOTHING
    return _span(_Active.tracer, name, kind=SpanKind.CLIENT)


def statement(sql: bytes) -> AbstractContextManager[object]:
    """`step` of a statement with numbered parameters."""
    if _Active.tracer is None or not trace.get_current_span().is_recording():
        return _NOTHING
    text = sql.decode()
    return _span(_Active.tracer, _verb(text), kind=SpanKind.CLIENT, attributes=_about(text))


def task(name: str, *, asked_by: Sequence[str | None] = (), **attributes: str | int) -> AbstractContextManager[object]:
    """The span of a task: part of the trace of whoever first asked for it, with links to the others'."""
    if _Active.tracer is None:
        return _NOTHING
    first, *others = [{_PARENT: parent} for parent in dict.fromkeys(asked_by) if parent] or [{}]
    links = [Link(trace.get_current_span(_PROPAGATOR.extract(other)).get_span_context()) for other in others]
    parent = _PROPAGATOR.extract(first)
    kind = SpanKind.CONSUMER
    return _span(_Active.tracer, name, kind=kind, attributes=attributes, context=parent, links=links)


@contextmanager
def _span(tracer: Tracer, name: str, **how: Any) -> Iterator[None]:  # noqa: ANN401 - the library's
    """A span that tells of an error its kind: the library would add its words."""
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False, **how) as span:
        try:
            yield
        except Exception as error:
            _mark(span, error)
            raise


def _mark(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(StatusCode.ERROR)


def _verb(sql: str) -> str:
    return sql.split(maxsplit=1)[0].upper() if sql.strip() else "statement"


def _about(sql: str) -> dict[str, str]:
    return {"db.system.name": "postgresql", "db.query.text": sql[:STATEMENT_LENGTH]}


def _follow_statements() -> None:
    event.listen(Engine, "before_cursor_execute", _began)
    event.listen(Engine, "after_cursor_execute", _ended)
    event.listen(Engine, "handle_error", _failed)


def _began(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
    span: Span | None = None
    if _Active.tracer is not None and trace.get_current_span().is_recording():
        span = _Active.tracer.start_span(_verb(sql), kind=SpanKind.CLIENT, attributes=_about(sql))
    connection.info.setdefault(_SPANS, []).append(span)


def _ended(connection: Connection, *_: object) -> None:
    span = connection.info[_SPANS].pop()
    if span is not None:
        span.end()


def _failed(context: ExceptionContext) -> None:
    spans: list[Span | None] = context.connection.info.get(_SPANS, []) if context.connection is not None else []
    span = spans.pop() if spans else None
    if span is not None:
        _mark(span, context.original_exception)
        span.end()
