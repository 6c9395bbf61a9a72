"""What moderation holds about a person, and what of it outlasts their account.

Reports of others by somebody who has left stay, without the reporter and their words in the conversation: what was
reported is about somebody who is still here. What is about the person goes with their account.
"""

import uuid
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, func, literal, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.audit import AuditEntry
from shared.holdings import MOST, Deleted, Emptied, Exported, Holdings, Kept, Rewritten
from shared.moderation.models import Case, Notice, Report, Signal

# Of the conversation that a report keeps, the reporter's own lines become empty ones of nobody.
_CONVERSATION: Final[ColumnElement[Any]] = literal_column(
    """CASE WHEN jsonb_typeof(snapshot -> 'conversation') = 'array' THEN
    jsonb_set(snapshot, '{conversation}', (
        SELECT coalesce(jsonb_agg(
            CASE WHEN line ->> 'sender_id' = CAST(reporter_id AS text)
                THEN line || '{"sender_id": null, "text": null}' ELSE line END ORDER BY place
        ), '[]')
        FROM jsonb_array_elements(snapshot -> 'conversation') WITH ORDINALITY AS lines (line, place)
    )) ELSE snapshot END""",
    JSONB,
)


ACCOUNTABILITY: Final = "Whoever has power over people answers for it: ids that name nobody once the account is gone."


def _named_in_a_signal(user_id: uuid.UUID) -> ColumnElement[bool]:
    return and_(Signal.kind == "stolen_photo", Signal.evidence["other_user_id"].astext == str(user_id))


def _forget_in_signals(session: Session, user_id: uuid.UUID) -> int:
    """Signals about others, of photos like one of theirs: that there was such a photo stays."""
    some = select(Signal.id).where(_named_in_a_signal(user_id)).limit(MOST)
    gone = text("""evidence || '{"other_user_id": null}'""")
    changed = session.scalars(
        update(Signal)
        .where(Signal.id.in_(some))
        .values(evidence=gone)
        .returning(Signal.id)
        .execution_options(synchronize_session=False)
    )
    return len(changed.all())


HOLDINGS = Holdings(
    "moderation",
    columns=(
        Emptied(Report.reporter_id, also={"snapshot": _CONVERSATION}),
        Deleted(Report.user_id),
        Rewritten(Signal.evidence, _forget_in_signals, _named_in_a_signal),
        Deleted(Signal.user_id),
        Deleted(Notice.user_id),
        Emptied(Notice.decided_by),
        Deleted(Case.user_id),
        Emptied(Case.taken_by),
        Emptied(Case.closed_by),
        *(Kept(column, ACCOUNTABILITY) for column in (AuditEntry.actor_id, AuditEntry.user_id)),
    ),
    exports=(
        Exported(
            "decisions_about_you",
            "What was decided about you, why, and what you have said to it.",
            lambda user_id: select(
                Notice.kind,
                Notice.facts,
                Notice.rule,
                Notice.automatic,
                Notice.until,
                Notice.created_at,
                Notice.appeal,
                Notice.appealed_at,
            ).where(Notice.user_id == user_id),
            (Notice.created_at, Notice.id),
        ),
        Exported(
            "cases_about_you",
            "When moderators have had to look at your account.",
            lambda user_id: select(Case.opened_at, Case.closed_at).where(Case.user_id == user_id),
            (Case.opened_at, Case.id),
        ),
        Exported(
            "signals_about_you",
            "What has been noticed about your account by rules.",
            lambda user_id: select(Signal.kind, Signal.created_at).where(Signal.user_id == user_id),
            (Signal.created_at, Signal.id),
        ),
        Exported(
            "reports_about_you",
            "Reports of you: why, and in which month. By whom, and in what words, is theirs.",
            lambda user_id: select(
                Report.reason, func.to_char(Report.created_at, literal("YYYY-MM", Text)).label("month")
            ).where(Report.user_id == user_id),
            (Report.id,),
        ),
        Exported(
            "reports_by_you",
            "What you have reported.",
            lambda user_id: select(Report.reason, Report.details, Report.created_at).where(
                Report.reporter_id == user_id
            ),
            (Report.created_at, Report.id),
        ),
    ),
)
