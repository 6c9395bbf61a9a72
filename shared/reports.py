"""Errors told to Sentry: whatever the log calls an error, without anybody's words. Off unless configured.

An exception's own text may quote a row, an address or a message, so it stays here: Sentry is told its kind, the lines
of code that led to it, and the request's id, under which the log has the rest. Nothing of a request is told, and
nothing of a person.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from shared import log
from shared.settings import settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

LEFT_OUT: Final = "(left out; the log has it, under the request's id)"
AGAIN: Final = 60.0  # seconds in which one process tells the same error once
MOST: Final = 1000  # errors that are remembered for that
FACTS: Final = ("request_id", "job", "kind", "key", "attempt", "batch", "code", "what", "route")
"""What of a log line is told: ids of ours and names of ours, and nothing that anybody has written."""
WATCHERS: Final = ("opentelemetry", "sentry_sdk", "urllib3")
"""Whose own troubles are for the log alone: telling of them would make more of them."""
TOLD: Final = frozenset(
    {
        "environment",
        "event_id",
        "exception",
        "fingerprint",
        "level",
        "logentry",
        "message",
        "platform",
        "release",
        "sdk",
        "server_name",
        "tags",
        "timestamp",
    }
)

_Error = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(*, process: str) -> None:
    """Tell errors to SENTRY_DSN, if it is set; after the log is configured.

    After a fork again: what sends is a thread.
    """
    dsn = settings().sentry_dsn
    if dsn is None:
        return
    import sentry_sdk  # noqa: PLC0415 - if wanted
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415

    sentry_sdk.init(
        dsn=dsn,
        environment=settings().environment,
        release=os.environ.get("SENTRY_RELEASE", f"delete@{version('delete')}"),
        # Its own ways to look into a program would send more than is to be told: requests, statements, the log's words.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[AtexitIntegration(callback=lambda _pending, _timeout: None)],
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=_discreet,
    )
    sentry_sdk.set_tag("process", process)
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if not isinstance(handler, Reporter)]
    root.addHandler(Reporter())


def flush() -> None:
    """Send what waits to be sent; before a process ends that runs nothing at its exit."""
    if settings().sentry_dsn is not None:
        import sentry_sdk  # noqa: PLC0415 - if wanted

        sentry_sdk.flush(timeout=2)


class Reporter(logging.Handler):
    """Tells Sentry of each line of the log that is an error, our own and the libraries'."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._told: dict[tuple[object, ...], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of one line; when that fails, nothing else does."""
        try:
            self._tell(record)
        except Exception:  # noqa: BLE001 - whatever it was, somebody was only logging
            self.handleError(record)

    def _tell(self, record: logging.LogRecord) -> None:
        if record.name.startswith(WATCHERS):
            return
        import sentry_sdk  # noqa: PLC0415 - if wanted

        said: Mapping[str, Any] = record.msg if isinstance(record.msg, dict) else {}
        # Ours and those with places to fill are constant; what a library has put together may quote anything.
        text = str(said.get("event") or (record.msg if record.args else f"{record.name}.{record.funcName}"))
        error = _error(said.get("exc_info") or record.exc_info)
        facts = {name: str(said[name]) for name in FACTS if name in said}
        facts.setdefault("request_id", log.current_request_id() or "")
        if not self._is_new((record.name, text, facts.get("job"), facts.get("kind")), error):
            return
        with sentry_sdk.new_scope() as scope:
            scope.set_tags({"said": text, "logger": record.name, **facts})
            if error is not None:
                scope.capture_exception(error)
            else:
                scope.fingerprint = [record.name, text, facts.get("job", ""), facts.get("kind", "")]
                scope.capture_message(text, level="error")

    def _is_new(self, line: tuple[object, ...], error: "_Error | None") -> bool:
        """Whether it was not told lately; one exception is the same error whoever logs it."""
        what = line if error is None else (error[0], *_place(error[2]))
        now = time.monotonic()
        if now - self._told.get(what, -AGAIN) < AGAIN:
            return False
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[what] = now
        return True


def _error(info: object) -> "_Error | None":
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        return type(info), info, info.__traceback__
    if isinstance(info, tuple) and info[0] is not None:
        return info[0], info[1], info[2]
    return None


def _place(trace: TracebackType | None) -> tuple[str, int]:
    """File and line in which an exception was raised."""
    if trace is None:
        return "", 0
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def _discreet(event: "Event", _hint: "Hint") -> "Event":
    """Only what is known to be harmless is told, whatever the library has found."""
    told: Any = {name: value for name, value in event.items() if name in TOLD}
    for error in told.get("exception", {}).get("values", ()):
        error["value"] = LEFT_OUT
        for frame in (error.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    return told  # type: ignore[no-any-return]
