"""Spans: whose part they are, and what they leave out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared import ledger, tracing
from shared.jobs import EMBED_ANSWER

LISTENERS: dict[str, Callable[..., Any]] = {
    "before_cursor_execute": tracing._began,
    "after_cursor_execute": tracing._ended,
    "handle_error": tracing._failed,
}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What was traced, kept here."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing._Active, "tracer", provider.get_tracer("test"))
    tracing._follow_statements()
    yield kept
    for name, listener in LISTENERS.items():
        event.remove(Engine, name, listener)


def ended(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    return list(spans.get_finished_spans())


def test_work_belongs_to_whoever_asked_for_it_last(spans: InMemorySpanExporter, session: Session) -> None:
    ledger.ask(session, EMBED_ANSWER, "a", "b")
    with tracing.task("first"):
        ledger.ask(session, EMBED_ANSWER, "a")
    with tracing.task("second"):
        ledger.ask(session, EMBED_ANSWER, "a")
    asked = {claim.key: claim.traceparent for claim in ledger.claim_batch(session, EMBED_ANSWER, most=5)}
    second = ended(spans)[-1]
    assert second.context is not None
    assert asked["b"] is None
    assert str(asked["a"]).startswith(f"00-{second.context.trace_id:032x}-{second.context.span_id:016x}-")


def test_a_batch_is_part_of_the_first_trace_and_has_links_to_the_others(spans: InMemorySpanExporter) -> None:
    one, other = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    with tracing.task("prompts.embed", asked_by=[None, one, other, one]):
        pass
    (span,) = ended(spans)
    assert span.context is not None
    assert span.context.trace_id == int("1" * 32, 16)
    assert [link.context.trace_id for link in span.links] == [int("2" * 32, 16)]


def test_statements_are_steps_of_what_is_traced_without_their_parameters(
    spans: InMemorySpanExporter, session: Session
) -> None:
    session.execute(text("SELECT :word || 'x'"), {"word": "planted"})
    assert ended(spans) == []
    with tracing.task("task"):
        session.execute(text("SELECT :word || 'x'"), {"word": "planted"})
    statement, task = ended(spans)
    assert statement.parent is not None
    assert statement.parent == task.context
    assert statement.name == "SELECT"
    assert statement.attributes is not None
    assert "planted" not in str(statement.attributes["db.query.text"])


def test_an_error_is_told_by_its_kind_and_not_by_its_words(spans: InMemorySpanExporter, session: Session) -> None:
    with pytest.raises(ProgrammingError), tracing.task("task"):
        session.execute(text("SELECT CAST(:word AS integer), planted"), {"word": "1"})
    *_, statement, task = ended(spans)
    for span in (statement, task):
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert not span.events
    assert statement.attributes is not None
    assert statement.attributes["error.type"] == "UndefinedColumn"


def test_nothing_is_traced_unless_that_is_configured(session: Session) -> None:
    with tracing.task("task"), tracing.step("step"), tracing.statement(b"SELECT 1"):
        tracing.note(**{"request.id": "request-0001"})
        tracing.note_error(ValueError())
        assert tracing.current() is None
    assert tracing.provider() is None
