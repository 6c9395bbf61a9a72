"""What moderators find at their console: people with pictures, a case with all that one can have, and more."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import clock, ledger
from shared.accounts.models import User
from shared.discovery.models import DiscoveryRun
from shared.health import beat
from shared.jobs import QUEUES, SEND_MAIL
from shared.ledger import Work
from shared.matching.models import Like, Match, MatchChange
from shared.matching.rules import in_order
from shared.matching.safety import Complaint
from shared.messaging import reporting
from shared.messaging.models import Message
from shared.moderation.models import Case, Reason
from shared.moderation.service import keep_signal, open_case
from shared.photos.models import Photo, PhotoStatus
from shared.prompts.models import Prompt, PromptAnswer
from shared.quiz.models import UserTraitScore
from shared.storage import storage
from tests.console import make_staff
from tests.people import make_user
from tests.stack import ROOT

PICTURES = ROOT / "dev" / "portraits" / "pictures"
NAMES = ("Tom", "Ida", "Max", "Noor", "Jan", "Eva", "Sami", "Lou", "Kai", "Zoe", "Ben", "Pia", "Rob", "Una", "Finn")


@dataclass(frozen=True)
class Scene:
    """Who is in it."""

    admin: User
    moderator: User
    colleague: User
    lena: User
    """Reported three times, with a picture that is Mia's."""
    mia: User
    case: Case
    match: Match
    photo: Photo
    """The one of Lena's that is Mia's."""


def scene(session: Session, *, now: datetime | None = None) -> Scene:
    """All of it, in the tables and in storage."""
    now = now or clock.now()
    chance = Random(7)
    staff = [
        make_staff(session, role, email=f"{name}@example.com", name=name.title())
        for name, role in (("root", "admin"), ("mo", "moderator"), ("ann", "moderator"))
    ]
    files = iter(sorted(PICTURES.glob("woman-*.webp")))
    hers, her_other = next(files), next(files)
    lena = _person(session, "Lena", [hers, next(files), next(files)], now, bio="Climber, reader, bad cook.")
    mia = _person(session, "Mia", [her_other], now)
    _tell(session, lena)
    crowd = [_person(session, name, [next(files)], now - timedelta(days=chance.triangular(0, 30, 0))) for name in NAMES]
    _likes(session, crowd, chance, now)
    matched = [_match(session, lena, other, now) for other in crowd[:3]]
    stolen, theirs = session.scalars(
        select(Photo).where(Photo.user_id.in_([lena.id, mia.id]), Photo.position == 0).order_by(Photo.user_id == mia.id)
    )
    for other, match, reason in zip(
        crowd, matched, (Reason.HARASSMENT, Reason.FAKE_PROFILE, Reason.SPAM), strict=False
    ):
        said = session.scalar(select(Message).where(Message.match_id == match.id, Message.sender_id == lena.id))
        complaint = Complaint(
            user_id=lena.id, reason=reason, details="These are somebody else's pictures.", photo_id=stolen.id
        )
        reporting.report(
            session,
            other,
            complaint=complaint,
            message_id=said.id if said else None,
            and_block=False,
            now=now - timedelta(hours=3),
        )
    _signals(session, lena, mia, stolen, theirs, now)
    _work(session, now)
    session.flush()
    case = session.scalars(select(Case).where(Case.user_id == lena.id)).one()
    admin, moderator, colleague = staff
    return Scene(admin, moderator, colleague, lena, mia, case, matched[0], stolen)


def _person(session: Session, name: str, pictures: Sequence[Path], joined: datetime, **columns: Any) -> User:
    person = make_user(
        session,
        name=name,
        email=f"{name.lower()}@example.org",
        username=name.lower() + "_",
        birth_date=date(1994, 5, 1),
        gender="woman",
        latitude=52.5163,
        longitude=13.3777,
        created_at=joined,
        last_active_at=joined,
        **columns,
    )
    for position, picture in enumerate(pictures):
        session.add(_photo(person, position, picture, joined))
    session.flush()
    return person


def _photo(person: User, position: int, picture: Path, when: datetime) -> Photo:
    key = f"photos/console/{picture.name}"
    storage().put(key, picture.read_bytes(), "image/webp")
    renditions = dict.fromkeys(("320", "640", "1080", "jpeg"), key)
    return Photo(user_id=person.id, position=position, status=PhotoStatus.READY, renditions=renditions, created_at=when)


def _tell(session: Session, lena: User) -> None:
    asked = session.scalars(select(Prompt).order_by(Prompt.position).limit(2)).all()
    texts = ("A lake at six in the morning, and nobody else.", "Nobody is ever to read this.")
    for position, (prompt, text) in enumerate(zip(asked, texts, strict=True)):
        session.add(
            PromptAnswer(user_id=lena.id, prompt_id=prompt.id, answer=text, private=bool(position), position=position)
        )
    session.add(UserTraitScore(user_id=lena.id, version=1, scores=[0.8, 0.3, 0.6, 0.9, 0.4, 0.7]))


def _likes(session: Session, crowd: Sequence[User], chance: Random, now: datetime) -> None:
    pairs = [(one.id, other.id) for one in crowd for other in crowd if one is not other and chance.random() < 0.4]
    moments = [now - timedelta(days=chance.triangular(0, 30, 0)) for _ in pairs]
    rows = [
        {"id": clock.new_id(), "liker_id": liker, "liked_id": liked, "created_at": when}
        for (liker, liked), when in zip(pairs, moments, strict=True)
    ]
    session.execute(insert(Like), rows)


def _match(session: Session, lena: User, other: User, now: datetime) -> Match:
    low, high = in_order(lena.id, other.id)
    began = now - timedelta(days=2)
    match = Match(
        id=clock.new_id(),
        low_id=low,
        high_id=high,
        state="active",
        created_at=began,
        state_changed_at=began,
        active_at=now,
        messages=2,
    )
    session.add(match)
    session.flush()
    session.add(
        MatchChange(match_id=match.id, before=None, after="active", why="they like each other", created_at=began)
    )
    lines = ((other.id, "Hello Lena, is that lake near Berlin?"), (lena.id, "Send me money and I will tell you."))
    for number, (sender, text) in enumerate(lines, start=1):
        session.add(
            Message(
                match_id=match.id,
                number=number,
                id=uuid.uuid4(),
                sender_id=sender,
                text=text,
                created_at=began + timedelta(minutes=number),
            )
        )
    session.flush()
    return match


def _signals(session: Session, lena: User, mia: User, stolen: Photo, theirs: Photo, now: datetime) -> None:
    likeness = {"photo_id": str(stolen.id), "other_photo_id": str(theirs.id), "other_user_id": str(mia.id)}
    like = {"code": "comment_contact_info", "user_id": str(mia.id), "comment": "Write to me at lena@example.net"}
    signals = [
        keep_signal(
            session, kind=kind, subject=subject, user_id=lena.id, evidence=evidence, now=now - timedelta(hours=5)
        )
        for kind, subject, evidence in (
            ("stolen_photo", f"{stolen.id}:{theirs.id}", {**likeness, "same_bytes": False}),
            ("like_refused", str(uuid.uuid4()), like),
        )
    ]
    open_case(session, user_id=lena.id, now=now, signals=[one for one in signals if one is not None])


def _work(session: Session, now: datetime) -> None:
    for queue in QUEUES:
        beat(session, queue=queue)
    for number in range(3):
        ledger.ask(session, SEND_MAIL, str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))))
    session.flush()
    failed = session.scalars(select(Work).limit(2)).all()
    for row in failed:
        row.due_at, row.attempts, row.error = None, 30, "SMTPServerDisconnected: the server went away"
    for days in range(3):
        began = now - timedelta(days=days, minutes=5)
        session.add(
            DiscoveryRun(
                day=began.date(),
                started_at=began,
                finished_at=began + timedelta(minutes=2),
                regions=4,
                yes_given=[0.1] * 3,
                yes_received=[0.1] * 3,
                failed=0,
                people=1800 + days,
                shown=2000,
                gini=0.4,
                shown_to_nobody=0.03,
            )
        )
