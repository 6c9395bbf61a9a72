"""Logs: one line per event, for human eyes or as JSON, each with the id of the request that caused it."""

import logging
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.types import EventDict, Processor, WrappedLogger

# What Postgres says in detail may go over many lines, until SQLAlchemy's own words or those before the next error; the
# lines of a group are behind bars.
_QUOTED = re.compile(
    r"(?<=DETAIL:|ONTEXT:)(?s:.*?)"
    r"(?=\n[ |]*\[?SQL:|\n[ |]*The above exception |\n[ |]*During handling |\n[ |]*\+-{10}|\Z)"
    r"|(?<=input_value=).*(?=, input_type=)"
)
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = (  # libraries whose information is noise beside ours
    "amqp",
    "celery.app.trace",
    "celery.apps.worker",
    "celery.beat",
    "celery.worker.strategy",
    "httpcore",
    "httpx",
    "kombu",
    "uvicorn.error",
)
# Where it happened, without the local variables that structlog adds by itself: they hold passwords and tokens.
_TRACES = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    return structlog.stdlib.get_logger(name)


def _process(name: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "process": name}

    return add


def configure(*, process: str, level: str, as_json: bool) -> None:
    """Send every log line of this process, also those of libraries, to standard output in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
        _process(process),
    ]
    if as_json:
        render: list[Processor] = [_traces, structlog.processors.JSONRenderer()]
    else:
        render = [_human]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _traces(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event = _TRACES(logger, method, event)
    _leave_out_values(event.get("exception") or [])
    return event


def _leave_out_values(traces: list[dict[str, Any]]) -> None:
    for trace in traces:
        trace["exc_value"] = without_values(trace["exc_value"])
        trace["exc_notes"] = [without_values(note) for note in trace["exc_notes"]]
        for inner in trace["exceptions"]:  # of a group
            _leave_out_values(inner)


def without_values(text: str) -> str:
    """The words of an exception without what they quote: Postgres the offending row, pydantic the offending value."""
    return _QUOTED.sub(" (left out)", text)


def _human(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    time, level = (event.pop(key, "") for key in ("timestamp", "level"))
    event.pop("process", None)  # whoever runs several prints a name before each line
    text, trace = event.pop("event", ""), event.pop("exception", None)
    info = event.pop("exc_info", None)
    if info and trace is None:
        trace = structlog.processors.ExceptionRenderer()(_logger, _method, {"exc_info": info}).get("exception")
    event.pop("logger", None)
    pairs = " ".join(f"{key}={value}" for key, value in event.items())
    line = f"{time} {level if level not in {'info', 'debug'} else '':<8} {text}  {pairs}".rstrip()
    return f"{line}\n{without_values(trace)}" if trace else line


def request_id(proposed: str | None = None) -> str:
    """The proposed request id when it is well-formed (8 to 64 of `A-Za-z0-9._-`), else a new one."""
    if proposed and _WELL_FORMED.fullmatch(proposed):
        return proposed
    return f"{random.getrandbits(128):032x}"


@contextmanager
def context(**values: Any) -> Iterator[None]:  # noqa: ANN401 - anything that can be printed
    """Put the values on every line that is logged inside, also in threads started from here."""
    before = structlog.contextvars.bind_contextvars(**values)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**before)


def current_request_id() -> str | None:
    """The id of the request that is being answered or worked for, if any."""
    value = structlog.contextvars.get_contextvars().get("request_id")
    return str(value) if value else None
