"""A person with something in every table, for tests of what becomes of it: with others around them, who stay."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared import audit, clock, ledger
from shared.accounts.models import EmailToken, User
from shared.badges.models import BadgeRun, UserBadge
from shared.discovery.models import Candidate, DiscoveryExposure, DiscoveryQueue
from shared.idempotency import IdempotencyKey
from shared.jobs import MAKE_BADGES, REFRESH_QUEUE
from shared.mail.models import Mail
from shared.matching.models import (
    Block,
    ContactHash,
    DailyLikeCount,
    Like,
    Match,
    MatchChange,
    Pair,
)
from shared.matching.passes import pass_over
from shared.matching.rules import in_order
from shared.messaging.models import Message
from shared.moderation.models import Case, Notice, Report, ReportFile, Signal
from shared.notifications.models import MutedMail, Notification
from shared.photos.models import Photo, PhotoStatus
from shared.photos.service import folder
from shared.privacy.models import Export, ExportStatus
from shared.prompts.models import ProfileVector, Prompt, PromptAnswer
from shared.quiz.models import QuizResponse, UserTraitScore
from shared.storage import storage
from tests.likes import signed_in_all
from tests.people import make_user

NOW = clock.now()
SECRETS = ("bobs own words", "carls own words", "evidence of bob", "Bobson", "bob said nothing good of ada")


@dataclass
class Life:
    """Who there is: Ada, with whom everything is about; Bob, her match; Carl, a block; and Eve, who has left."""

    ada: uuid.UUID
    bob: uuid.UUID
    carl: uuid.UUID
    eve: uuid.UUID
    talk: uuid.UUID
    blocked: uuid.UUID
    left: uuid.UUID
    silent: uuid.UUID
    photo: uuid.UUID
    reported_photo: uuid.UUID
    export: uuid.UUID


def live(session: Session, *, messages: int = 3) -> Life:
    """Everything that somebody can leave in tables and files."""
    bob, ada, carl, dora, eve = sorted(clock.new_id() for _ in range(5))  # on either side of others
    make_user(session, id=ada, email="ada@example.com", name="Ada Lovelace", username="ada", bio="Writes letters.")
    for person, name in ((bob, "Bob Bobson"), (carl, "Carl Carlson"), (dora, "Dora")):
        make_user(session, id=person, name=name)
    life = Life(ada, bob, carl, eve, *(clock.new_id() for _ in range(7)))
    _accounts(session, life)
    _profile(session, life)
    _meetings(session, life, dora)
    _talks(session, life, dora, messages)
    _moderation(session, life)
    _ranking(session, life)
    ledger.ask(session, MAKE_BADGES, str(ada))
    ledger.ask(session, REFRESH_QUEUE, str(ada), str(bob))
    return life


def _accounts(session: Session, life: Life) -> None:
    signed_in_all(session, [life.ada, life.bob])
    later = NOW + timedelta(days=1)
    session.add_all(
        [
            EmailToken(hash=b"a", user_id=life.ada, purpose="verify_email", email="ada@example.com", expires_at=later),
            Mail(user_id=life.ada, kind="new_match", data={"match_ids": [str(life.talk)]}),
            MutedMail(user_id=life.ada, kind="match.created"),
            *_told(life),
            Export(
                id=life.export,
                user_id=life.ada,
                status=ExportStatus.READY,
                created_at=NOW,
                expires_at=later,
                key=f"exports/{life.export}/one.zip",
            ),
        ]
    )
    storage().put(f"exports/{life.export}/one.zip", b"zip", "application/zip")


def _told(life: Life) -> list[Notification]:
    match, ada = {"match_id": str(life.talk)}, {"sender_id": str(life.ada)}
    return [
        Notification(user_id=life.ada, kind="match.created", data=match),
        Notification(user_id=life.bob, kind="message.created", data=match | ada),
        Notification(user_id=life.carl, kind="message.created", data={"match_id": str(life.blocked)} | ada),
    ]


def _profile(session: Session, life: Life) -> None:
    prompt = session.scalars(select(Prompt).limit(1)).one()
    vector = [0.0] * 384
    answer = PromptAnswer(id=clock.new_id(), user_id=life.ada, prompt_id=prompt.id, answer="Mangoes.", position=0)
    session.add_all(
        [
            answer,
            ProfileVector(user_id=life.ada, vector=vector, model="m"),
            QuizResponse(user_id=life.ada, version=1, answers={"a": "b"}, answered_at=NOW),
            UserTraitScore(user_id=life.ada, version=1, scores=[0.5] * 6),
            BadgeRun(user_id=life.ada, catalogue=1, made_at=NOW),
            _photo(life.photo, life.ada, 0),
        ]
    )
    session.flush()
    session.add(
        UserBadge(
            user_id=life.ada,
            slug="soup",
            reason="Soup.",
            strength=0.5,
            position=0,
            answer_id=answer.id,
            answer_sha256=b"x",
            awarded_at=NOW,
        )
    )
    for photo_id in (life.photo, life.reported_photo):
        for variant in ("1080.webp", "jpeg.jpg"):
            storage().put(f"{folder(photo_id)}/{variant}", variant.encode(), "image/webp")
    storage().put(f"uploads/{life.photo}", b"raw", "image/jpeg")


def _photo(photo_id: uuid.UUID, user_id: uuid.UUID, position: int) -> Photo:
    renditions = {"1080": f"{folder(photo_id)}/1080.webp", "jpeg": f"{folder(photo_id)}/jpeg.jpg"}
    return Photo(
        id=photo_id, user_id=user_id, position=position, status=PhotoStatus.READY, renditions=renditions, width=1080
    )


def _meetings(session: Session, life: Life, dora: uuid.UUID) -> None:
    people = (life.bob, life.carl, dora)
    pairs = [in_order(life.ada, other) for other in people]
    session.execute(insert(Pair), [{"low_id": low, "high_id": high} for low, high in pairs])
    session.add_all(
        [
            Like(id=clock.new_id(), liker_id=life.ada, liked_id=life.bob, comment="Hello Bob!", created_at=NOW),
            Like(id=clock.new_id(), liker_id=dora, liked_id=life.ada, comment="Hello Ada!", created_at=NOW),
            DailyLikeCount(user_id=life.ada, day=date(2026, 11, 25), used=1),
            Block(blocker_id=life.ada, blocked_id=dora, created_at=NOW),
            Block(blocker_id=life.carl, blocked_id=life.ada, created_at=NOW),
            ContactHash(user_id=life.ada, hash=b"aunt"),
        ]
    )
    session.flush()
    ada, bob = session.get_one(User, life.ada), session.get_one(User, life.carl)
    pass_over(session, ada, user_id=life.carl, now=NOW)
    pass_over(session, bob, user_id=life.ada, now=NOW)


def _talks(session: Session, life: Life, dora: uuid.UUID, messages: int) -> None:
    said: list[dict[str, Any]] = []
    for match_id, other, words, more in (
        (life.talk, life.bob, "bobs own words", {}),
        (life.blocked, life.carl, "carls own words", {"blocked": True, "state": "unmatched"}),
        (life.left, life.eve, "eves words", {"state": "deleted"}),
        (life.silent, dora, "", {"messages": 0}),
    ):
        low, high = in_order(life.ada, other)
        moments = dict.fromkeys(("created_at", "state_changed_at", "active_at"), NOW)
        row = {"id": match_id, "low_id": low, "high_id": high, "state": "active", "messages": messages} | moments | more
        session.add(Match(**row))
        session.flush()
        change = {"match_id": match_id, "after": "active", "why": "mutual_like", "created_at": NOW}
        session.add(MatchChange(changed_by=life.ada, **change))
        said += [
            {
                "match_id": match_id,
                "number": number,
                "id": clock.new_id(),
                "sender_id": life.ada if number % 2 else other,
                "text": f"adas words {number}" if number % 2 else f"{words} {number}",
                "created_at": NOW + timedelta(seconds=number),
            }
            for number in range(1, messages + 1)
            if words
        ]
    session.execute(insert(Message), said)


def _moderation(session: Session, life: Life) -> None:
    line = {"id": "1", "created_at": NOW.isoformat(), "reported": False}
    talk = [
        {"sender_id": str(life.ada), "text": "please stop, says ada", **line},
        {"sender_id": str(life.bob), "text": "evidence of bob", **line},
    ]
    by_ada = {"taken_by": life.ada, "closed_by": life.ada}  # who was a moderator once
    cases = {life.ada: Case(id=clock.new_id(), user_id=life.ada, opened_at=NOW)}
    cases[life.bob] = Case(
        id=clock.new_id(), user_id=life.bob, opened_at=NOW, closed_at=NOW, decision="warn", reason="He did.", **by_ada
    )
    session.add_all(cases.values())
    session.flush()
    about_ada = Report(
        id=clock.new_id(),
        reporter_id=life.bob,
        user_id=life.ada,
        case_id=cases[life.ada].id,
        reason="spam",
        details="bob said nothing good of ada",
        snapshot={"name": "Ada Lovelace"},
        created_at=NOW,
    )
    session.add_all(
        [
            about_ada,
            Report(
                reporter_id=life.ada,
                user_id=life.bob,
                case_id=cases[life.bob].id,
                reason="harassment",
                details="He does not stop.",
                snapshot={"name": "Bob", "conversation": talk},
                created_at=NOW,
            ),
            Signal(kind="appeal", subject="1", user_id=life.ada, evidence={}),
            Signal(
                kind="stolen_photo",
                subject=f"{clock.new_id()}:{life.photo}",
                user_id=life.bob,
                evidence={"other_user_id": str(life.ada), "same_bytes": True},
            ),
            Notice(
                user_id=life.ada,
                case_id=cases[life.ada].id,
                kind="hidden",
                facts="Hidden.",
                rule="A rule.",
                automatic=True,
                created_at=NOW,
            ),
            Notice(
                user_id=life.bob,
                case_id=cases[life.bob].id,
                kind="warned",
                facts="A warning.",
                rule="A rule.",
                automatic=False,
                decided_by=life.ada,
                created_at=NOW,
            ),
        ]
    )
    session.add(IdempotencyKey(user_id=life.ada, key=b"k" * 32, content=b"c" * 32, answer="{}", created_at=NOW))
    audit.record(session, actor_id=life.ada, action="case.warn", user_id=life.bob, reason="He did.")
    audit.record(session, actor_id=life.bob, action="user.role", user_id=life.ada, before="moderator", after="user")
    session.flush()
    key = f"{folder(life.reported_photo)}/1080.webp"
    session.add(ReportFile(report_id=about_ada.id, photo_id=life.reported_photo, key=key))


def _ranking(session: Session, life: Life) -> None:
    candidate = {column.name: 0 for column in Candidate.__table__.columns}
    dates = dict.fromkeys(("birth_date", "active_on", "joined_on"), date(2026, 11, 25))
    flags = dict.fromkeys(("shown", "offered", "offered_far"), False)
    more = {"user_id": life.ada, "meaning": [0.0] * 384, "wishes": clock.new_id()}
    session.execute(insert(Candidate).values(**candidate | dates | flags | more))
    others = [clock.new_id(), life.ada, clock.new_id()]
    session.add_all(
        [
            DiscoveryQueue(user_id=life.ada, ids=[life.bob], parts=b"b" * 6, wishes=clock.new_id(), computed_at=NOW),
            DiscoveryQueue(
                user_id=life.bob,
                ids=others,
                parts=b"1" * 6 + b"2" * 6 + b"3" * 6,
                wishes=clock.new_id(),
                computed_at=NOW,
            ),
            DiscoveryExposure(region=7, ids=others, queues=[1, 2, 3]),
        ]
    )
    session.flush()
