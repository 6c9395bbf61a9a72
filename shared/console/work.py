"""Work that was given up: shown, tried again, or forgotten."""

import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shared import backlog, ledger
from shared.console.lists import Found, Sorts, Wanted, containing, page_of
from shared.errors import Refusal
from shared.jobs import LEDGER_JOBS, SEND_MAIL
from shared.ledger import Work
from shared.mail import service as mail

KINDS: Final = tuple(sorted(LEDGER_JOBS))
_SORTS: Final[Sorts] = {"kind": Work.kind, "created_at": Work.created_at, "attempts": Work.attempts}


def failed(session: Session, *, wanted: Wanted) -> Found:
    """Rows that were given up, the newest first."""
    rows = select(Work.kind, Work.key, Work.attempts, Work.error, Work.request_id, Work.created_at)
    rows = rows.where(Work.due_at.is_(None))
    if kind := wanted.values.get("kind"):
        rows = rows.where(Work.kind == kind)
    if wanted.q:
        rows = rows.where(or_(Work.key == wanted.q, Work.error.ilike(containing(wanted.q))))
    return page_of(session, rows, wanted, sorts=_SORTS, usual=Work.created_at.desc(), last=Work.key)


def retry(session: Session, *, kind: str, keys: Sequence[str]) -> int:
    """Try given-up work again, with its attempts afresh; how much."""
    chosen = _given_up(session, kind, keys)
    ledger.ask(session, LEDGER_JOBS[kind], *chosen)
    return len(chosen)


def drop(session: Session, *, kind: str, keys: Sequence[str]) -> int:
    """Forget given-up work, and with `mail.send` the mails too; how much."""
    chosen = _given_up(session, kind, keys)
    if kind == SEND_MAIL.name:  # else they would be found unpromised, and asked for again
        mail.forget(session, *map(uuid.UUID, chosen))
    return backlog.drop(session, LEDGER_JOBS[kind], chosen)


def _given_up(session: Session, kind: str, keys: Sequence[str]) -> Sequence[str]:
    if kind not in LEDGER_JOBS:
        raise Refusal("not_found", f"There is no kind of work {kind}.")
    rows = select(Work.key).where(Work.kind == kind, Work.key.in_(keys), Work.due_at.is_(None)).with_for_update()
    chosen = session.scalars(rows).all()
    if not chosen:
        raise Refusal("not_found", "This work is no longer given up: somebody else has retried or dropped it.")
    return chosen
