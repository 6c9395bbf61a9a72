"""Bringing the demo's people into the system, each by the domain's own functions."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dev.demo.cast import DOMAIN, Role
from dev.demo.portraits import pictures
from shared import clock
from shared.accounts.models import LoginSession, User
from shared.accounts.service import find_by_login, reconsider, sign_up
from shared.accounts.tokens import Claims
from shared.notifications import service as notifications
from shared.notifications.rules import Mailed
from shared.photos import service as photos
from shared.prompts import service as prompts
from shared.prompts.catalogue import QUESTIONS
from shared.quiz import service as quiz
from shared.quiz.questions import CURRENT, QUIZZES
from shared.storage import storage


def known(session: Session) -> dict[str, User]:
    """Those of the demo's people who are there already, by their addresses."""
    found = session.scalars(select(User).where(User.email.endswith(f"@{DOMAIN}", autoescape=True)))
    return {user.email: user for user in found}


def join(session: Session, roles: Sequence[Role], *, password_hash: str, now: datetime) -> None:
    """Make these people, with answers, quiz and pictures; workers do the rest as they do for everybody.

    The pictures go to storage first: if this is interrupted they belong to nobody, and are swept away.
    """
    for role in roles:
        user = sign_up(session, password_hash=password_hash, now=now, columns=_columns(session, role, now))
        for slug, text in role.answers:
            asked = next(question.id for question in QUESTIONS if question.slug == slug)
            prompts.answer(session, user, prompt_id=asked, text=text, private=False)
        quiz.submit(session, user, version=CURRENT, answers=_sheet(role), now=now)
        for data in pictures(role):
            photo_id = clock.new_id()
            storage().put(photos.upload_key(photo_id), data, "application/octet-stream")
            photos.submit(session, user, photo_id=photo_id)
        if role.username is None:  # hundreds of mails about each other would be no use to anybody
            notifications.switch(session, user, wanted=dict.fromkeys(Mailed, False))
        reconsider(session, user.id)


@contextmanager
def logged_in(session: Session, user: User, *, now: datetime) -> Iterator[Claims]:
    """What somebody's access token would say, for the statements that ask for one; logged out at the end."""
    claims, until = Claims(user.id, clock.new_id(), ""), max(now, clock.now()) + timedelta(minutes=1)
    session.add(LoginSession(id=claims.session_id, user_id=user.id, token_hash=b"", idle_until=until, expires_at=until))
    session.flush()
    yield claims
    session.execute(delete(LoginSession).where(LoginSession.id == claims.session_id))


def _columns(session: Session, role: Role, now: datetime) -> dict[str, object]:
    random = Random(f"times {role.number}")
    free = role.username is not None and find_by_login(session, role.username) is None
    return {
        "email": role.email,
        "email_verified_at": now,
        "username": role.username if free else None,
        "name": role.name,
        "birth_date": role.born(now.date()),
        "gender": role.gender,
        "bio": role.bio,
        "latitude": role.latitude,
        "longitude": role.longitude,
        "time_zone": role.city.time_zone,
        "sought_genders": list(role.seeks),
        "min_age": max(18, role.age - 14),
        "max_age": role.age + 16,
        "max_distance_km": random.choice((30, 50, 50, 80, None)),
        "created_at": now - timedelta(days=random.uniform(1, 60)),
        "last_active_at": now - timedelta(days=random.uniform(0, 9)),
    }


def _sheet(role: Role) -> dict[uuid.UUID, uuid.UUID]:
    current = QUIZZES[CURRENT]
    return {
        current.question_id(question): current.option_id(question, option)
        for question in current.questions
        for option in question.options
        if role.sheet[question.slug] == option.slug
    }
