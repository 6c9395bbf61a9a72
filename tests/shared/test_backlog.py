"""What those who run it are told of the ledger."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from shared import backlog, ledger
from shared.jobs import LEDGER_JOBS, PROCESS_PHOTO
from shared.ledger import Work

JOB = PROCESS_PHOTO


def test_figures_count_what_waits_and_what_failed(session: Session) -> None:
    ledger.ask(session, JOB, "a", "b", "c")
    session.execute(update(Work).where(Work.key == "c").values(due_at=None))
    session.execute(update(Work).where(Work.key == "a").values(created_at=func.now() - timedelta(seconds=90)))
    figures = {line.kind: line for line in backlog.figures(session)}
    assert set(figures) == set(LEDGER_JOBS)
    assert (figures[JOB.name].unfinished, figures[JOB.name].failed) == (2, 1)
    assert figures[JOB.name].oldest_seconds == pytest.approx(90, abs=5)
    assert backlog.drop(session, JOB, ["c", "a"]) == 1, "only what was given up can be dropped"
