"""Deciding on a case: what a moderator can do about a person, the notice that tells them, and taking it back."""

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import audit, clock
from shared.accounts import bans
from shared.accounts.models import User
from shared.accounts.service import reconsider
from shared.errors import Refusal, invalid
from shared.moderation import service as moderation
from shared.moderation.models import Case, Notice, Report, Signal
from shared.moderation.rules import FACTS, REPORT_OUTCOMES, REPORT_RULE, RULES, SIGNALS, TOLD, Decision, NoticeKind
from shared.moderation.service import Statement
from shared.photos import service as photos
from shared.photos.models import Photo
from shared.prompts import service as prompts
from shared.review import cases, suspensions

OF_APPEALS: Final = frozenset({Decision.UPHOLD, Decision.OVERTURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a moderator decides and why; `reason` is told to the person, `rule` is a key of RULES.

    `photo_id`, `prompt_id` (of the answer) and `days` are what some decisions need. `evidence` is how many reports and
    signals the moderator has seen in the case.
    """

    decision: Decision
    reason: str
    rule: str | None = None
    photo_id: uuid.UUID | None = None
    prompt_id: uuid.UUID | None = None
    days: int | None = None
    evidence: int | None = None


def resolve(session: Session, moderator: User, *, case_id: uuid.UUID, verdict: Verdict, now: datetime) -> Case:
    """Decide on a case that the moderator has taken: act, tell the person and whoever reported them, note it, close it.

    Raises:
        Refusal: `not_found`, `forbidden`, `invalid_transition` when it is not theirs or something new has come, or
            `validation_error` when the decision lacks what it needs.
    """
    case = cases.held(session, moderator, case_id=case_id)
    reports = session.scalars(select(Report).where(Report.case_id == case.id).order_by(Report.created_at)).all()
    if verdict.evidence is not None and verdict.evidence != len(reports) + _signals(session, case):
        raise Refusal("invalid_transition", "Something new has come into this case. Please look at it again.")
    person = session.get_one(User, case.user_id, populate_existing=True)
    objections = cases.appealed(session, case)
    if bool(objections) != (verdict.decision in OF_APPEALS):
        raise invalid("decision", "An appeal is answered first, by uphold or overturn; those are for appeals alone.")
    decided = _answered_apart(session, case, reports) if objections else case
    reports = [] if objections else reports
    rule = RULES[verdict.rule or _main_reason(reports)]
    until = now + timedelta(days=verdict.days or 0) if verdict.decision == Decision.SUSPEND else None
    removed = _act(session, person, case, verdict, until, now)
    for notice in objections:
        notice.overturned = verdict.decision == Decision.OVERTURN
        session.flush()
        if notice.overturned:
            take_back(session, person, notice)
    if not objections:
        person.hidden_at = None  # somebody has looked
    reconsider(session, person.id)
    statement = Statement(
        kind=TOLD[verdict.decision],
        facts=f"{FACTS[verdict.decision].format(days=_days(verdict.days))} {verdict.reason}",
        rule=rule,
        until=until,
        decided_by=moderator.id,
        removed=removed,
    )
    moderation.give_notice(session, statement, user_id=person.id, case_id=decided.id, now=now)
    _judge(session, reports, founded=verdict.decision != Decision.DISMISS, moderator=moderator, now=now)
    decided.closed_at, decided.closed_by = now, moderator.id
    decided.decision, decided.reason = verdict.decision, verdict.reason
    audit.record(
        session,
        actor_id=moderator.id,
        action=f"case.{verdict.decision}",
        user_id=person.id,
        case_id=decided.id,
        reason=verdict.reason,
        **{name: str(value) for name in ("rule", "photo_id", "prompt_id", "days") if (value := getattr(verdict, name))},
    )
    return decided


def _answered_apart(session: Session, case: Case, reports: Sequence[Report]) -> Case:
    """The case in which an appeal is answered: of its own where there is more to decide, which is then left to others.

    What somebody says to an old decision tells nothing of what was reported since.
    """
    of_appeals = (Signal.case_id == case.id, Signal.kind == "appeal")
    rest = session.scalar(select(Signal.id).where(Signal.case_id == case.id, Signal.kind != "appeal").limit(1))
    if not reports and rest is None:
        return case
    apart = Case(
        id=clock.new_id(),
        user_id=case.user_id,
        opened_at=case.opened_at,
        taken_by=case.taken_by,
        taken_at=case.taken_at,
        closed_at=case.taken_at,  # or it would be a second open one; both are said anew below
        decision=Decision.UPHOLD,
    )
    session.add(apart)
    session.flush()
    moved = session.scalars(update(Signal).where(*of_appeals).values(case_id=apart.id).returning(Signal.id)).all()
    case.priority -= SIGNALS["appeal"] * len(moved)
    case.taken_by = case.taken_at = None
    return apart


def _signals(session: Session, case: Case) -> int:
    return session.scalar(select(func.count()).where(Signal.case_id == case.id)) or 0


def _act(
    session: Session, person: User, case: Case, verdict: Verdict, until: datetime | None, now: datetime
) -> dict[str, Any] | None:
    """Do what was decided; what of it could be put back."""
    match verdict.decision:
        case Decision.REMOVE_PHOTO:
            photo = session.scalar(select(Photo).where(Photo.id == verdict.photo_id, Photo.user_id == person.id))
            if photo is None or photo.renditions is None or photo.rejection is not None:
                raise invalid("photo_id", "Name one of their photos that is shown.")
            photos.take_away(session, photo, now=now)
            return {"photo_id": str(photo.id)}
        case Decision.REMOVE_ANSWER:
            answers, _ = prompts.own_answers(session, person, q="", sort="position", limit=100, offset=0)
            answer = next((one for one in answers if one.id == verdict.prompt_id and not one.private), None)
            if answer is None:
                raise invalid("prompt_id", "Name one of their answers that is shown.")
            prompts.remove(session, person, answer_id=answer.id)
            return {"prompt_id": str(answer.prompt_id), "answer": answer.answer}
        case Decision.REMOVE_BIO:
            if not person.bio:
                raise invalid("decision", "They have written nothing about themself.")
            bio, person.bio = person.bio, ""
            return {"bio": bio}
        case Decision.SUSPEND:
            _suspend(session, person, until, now)
        case Decision.BAN:
            suspensions.begin(session, person, until=None)
            seen = select(Photo.sha256, Photo.fingerprint, Photo.color).where(Photo.user_id == person.id)
            bans.keep(session, person, case_id=case.id, photos=[(*row,) for row in session.execute(seen)])
        case _:
            pass
    return None


def _suspend(session: Session, person: User, until: datetime | None, now: datetime) -> None:
    if until is None or until <= now:
        raise invalid("days", "Say for how many days.")
    if suspensions.holds(person, until=until):
        raise Refusal("invalid_transition", "They are suspended already, until then or for longer.")
    suspensions.begin(session, person, until=until)


def take_back(session: Session, person: User, notice: Notice) -> None:
    """Undo a decision as far as that is still possible. Lock the person first."""
    match notice.kind:
        case NoticeKind.SUSPENDED | NoticeKind.BANNED:
            if notice.id == _holding(session, person):
                suspensions.end(session, person)
            if notice.case_id is not None:
                bans.lift(session, case_id=notice.case_id)
        case NoticeKind.HIDDEN:
            person.hidden_at = None
        case NoticeKind.LIKES_PAUSED:
            person.likes_paused_until = None
        case NoticeKind.PHOTO_REMOVED:
            photo = session.get(Photo, uuid.UUID((notice.removed or {})["photo_id"]))
            if photo is not None:
                photos.give_back(session, photo)
        case NoticeKind.ANSWER_REMOVED:
            _answer_again(session, person, notice.removed or {})
        case NoticeKind.BIO_REMOVED:
            person.bio = person.bio or (notice.removed or {})["bio"]
        case _:
            pass  # a warning has taken nothing away
    _judge_again(session, notice)


def _holding(session: Session, person: User) -> uuid.UUID | None:
    """The notice of the suspension that holds: the last that was not taken back, apart from those just now."""
    kinds = (NoticeKind.SUSPENDED, NoticeKind.BANNED)
    told = select(Notice.id, Notice.overturned).where(Notice.user_id == person.id, Notice.kind.in_(kinds))
    latest = session.execute(told.order_by(Notice.created_at.desc(), Notice.id.desc()).limit(1)).first()
    return None if latest is None else latest.id


def _answer_again(session: Session, person: User, removed: dict[str, Any]) -> None:
    with suppress(Refusal):  # they have answered that, or as many as fit, meanwhile
        prompts.answer(
            session, person, prompt_id=uuid.UUID(removed["prompt_id"]), text=removed["answer"], private=False
        )


def _judge(session: Session, reports: Sequence[Report], *, founded: bool, moderator: User, now: datetime) -> None:
    """Remember whether the reports were founded, and tell those who made them."""
    for report in reports:
        report.founded = founded
    statement = Statement(
        kind=NoticeKind.REPORT_FOUNDED if founded else NoticeKind.REPORT_UNFOUNDED,
        facts=REPORT_OUTCOMES[founded],
        rule=REPORT_RULE,
        decided_by=moderator.id,
    )
    for reporter_id in {report.reporter_id: None for report in reports if report.reporter_id is not None}:
        moderation.give_notice(session, statement, user_id=reporter_id, case_id=reports[0].case_id, now=now)


def _judge_again(session: Session, notice: Notice) -> None:
    """What led to a moderator's decision that is taken back was unfounded."""
    case = session.get(Case, notice.case_id) if notice.case_id is not None else None
    if case is None or case.decision is None or TOLD[Decision(case.decision)] != notice.kind:
        return
    reports = update(Report).where(Report.case_id == notice.case_id, Report.user_id == notice.user_id)
    session.execute(reports.values(founded=False))


def _main_reason(reports: Sequence[Report]) -> str:
    """The rule that most reports name."""
    ((reason, _),) = Counter(report.reason for report in reports).most_common(1) or [("other", 0)]
    return reason


def _days(days: int | None) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
