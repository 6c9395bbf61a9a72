"""One of each thing that people have, straight into the database: for tests that need any, whatever it is like."""

import uuid
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import EmailToken, User
from shared.accounts.tokens import secret_hash
from shared.matching.models import Like, Match, Pair
from shared.matching.rules import BOTH, in_order, side
from shared.messaging.models import Message
from shared.moderation import service as moderation
from shared.moderation.models import Case, Notice, Reason, Report
from shared.moderation.rules import NoticeKind
from shared.moderation.service import Statement
from shared.notifications.models import Notification
from shared.photos.models import Photo, PhotoStatus
from shared.privacy import exports
from shared.privacy.models import Export
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import PromptAnswer
from shared.review import cases

RENDITIONS: Final = {"320": "webp", "640": "webp", "1080": "webp", "jpeg": "jpg"}
FACTS: Final = "5 of your likes within 24 hours were refused as spam."
RULE: Final = "Likes are for personal words to one person."


def photo(session: Session, user: User) -> Photo:
    """A photo that is ready, behind those that they have; its files are not there."""
    position = _number_of(session, Photo, user)
    made = Photo(
        user_id=user.id,
        position=position,
        status=PhotoStatus.READY,
        width=1080,
        height=1440,
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        color="#336699",
        renditions={name: f"photos/{user.id}/{position}-{name}.{kind}" for name, kind in RENDITIONS.items()},
    )
    session.add(made)
    session.flush()
    return made


def answer(session: Session, user: User) -> PromptAnswer:
    """An answer to the next question of the catalogue, whose vector nobody waits for."""
    number = _number_of(session, PromptAnswer, user)
    made = PromptAnswer(
        user_id=user.id, prompt_id=QUESTIONS[number].id, position=number, answer="Marzipan, and the night bus."
    )
    session.add(made)
    session.flush()
    return made


def like(session: Session, liker: User, liked: User, **about: Any) -> Like:
    """One likes the other, who has not answered."""
    low, high = in_order(liker.id, liked.id)
    session.add(Pair(low_id=low, high_id=high, likes=side(liker.id, liked.id)))
    sent = Like(id=clock.new_id(), liker_id=liker.id, liked_id=liked.id, created_at=clock.now(), **about)
    session.add(sent)
    session.flush()
    return sent


def match(session: Session, one: User, other: User, *, messages: int = 2, **columns: Any) -> Match:
    """Two who like each other, and so many messages, an even number: each wrote half, and none has been read."""
    low, high = in_order(one.id, other.id)
    pair = insert(Pair).values(low_id=low, high_id=high, likes=BOTH)
    session.execute(pair.on_conflict_do_update(index_elements=[Pair.low_id, Pair.high_id], set_={"likes": BOTH}))
    now = clock.now()
    made = Match(
        low_id=low,
        high_id=high,
        created_at=now,
        state_changed_at=now,
        active_at=now,
        messages=messages,
        low_unread=messages // 2,
        high_unread=messages // 2,
        **{"state": "active", **columns},
    )
    session.add(made)
    session.flush()
    session.add_all(
        Message(
            match_id=made.id,
            number=number,
            id=clock.new_id(),
            sender_id=one.id if number % 2 else other.id,
            text="Then bring the bread, and an appetite.",
            created_at=now + timedelta(microseconds=number),
        )
        for number in range(1, messages + 1)
    )
    session.flush()
    return made


def notification(session: Session, user: User) -> Notification:
    """Something that somebody was told."""
    told = Notification(user_id=user.id, kind="like.received", data={"like_id": str(clock.new_id())})
    session.add(told)
    session.flush()
    return told


def notice(session: Session, user: User) -> Notice:
    """A decision about somebody."""
    now = clock.now()
    about = moderation.open_case(session, user_id=user.id, now=now)
    statement = Statement(kind=NoticeKind.LIKES_PAUSED, facts=FACTS, rule=RULE)
    decided = moderation.give_notice(session, statement, user_id=user.id, case_id=about.id, now=now)
    session.flush()
    return decided


def case(session: Session, user: User, *, taken_by: User | None = None) -> Case:
    """A case about somebody, which a moderator has or nobody."""
    now = clock.now()
    opened = moderation.open_case(session, user_id=user.id, now=now)
    if taken_by is not None:
        cases.take(session, taken_by, case_id=opened.id, now=now)
    return opened


def export(session: Session, user: User) -> Export:
    """An export that somebody has asked for."""
    return exports.ask(session, user, now=clock.now())


def report(session: Session, reporter: User, user: User) -> Report:
    """One has reported the other, and moderators have a case about them."""
    case_id = moderation.open_case(session, user_id=user.id, now=clock.now())
    sent = Report(
        reporter_id=reporter.id, user_id=user.id, case_id=case_id, reason=Reason.SPAM, details="", snapshot={}
    )
    session.add(sent)
    session.flush()
    return sent


def mailed_token(session: Session, user: User, *, purpose: str) -> str:
    """What the link of a mail proves, as it stands in the mail."""
    token = uuid.uuid4().hex
    until = clock.now() + timedelta(hours=1)
    session.add(
        EmailToken(hash=secret_hash(token), user_id=user.id, purpose=purpose, email=user.email, expires_at=until)
    )
    session.flush()
    return token


def _number_of(session: Session, table: type[Photo | PromptAnswer], user: User) -> int:
    return session.scalars(select(func.count()).where(table.user_id == user.id)).one()
