"""Public profiles, and how complete one's own is."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TypeVar

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.accounts.rules import public_age
from shared.badges import service as badges
from shared.badges.models import UserBadge
from shared.photos.models import Photo, PhotoStatus
from shared.profiles import rules
from shared.profiles.rules import Activity
from shared.prompts.models import PromptAnswer
from shared.prompts.service import shown_answers
from shared.quiz.compatibility import Compatibility, compare
from shared.quiz.models import QuizResponse
from shared.quiz.population import sides

T = TypeVar("T", Photo, PromptAnswer)


@dataclass(frozen=True, slots=True)
class PublicProfile:
    """What a viewer may know of somebody."""

    id: uuid.UUID
    name: str
    age: int | None
    """None of somebody whose account is deleted."""
    bio: str
    distance_km: int | None
    active: Activity
    photos: Sequence[Photo]
    answers: Sequence[PromptAnswer]
    badges: Sequence[UserBadge]
    compatibility: Compatibility | None


def public_profiles(session: Session, viewer: User, *, people: Sequence[User], today: date) -> list[PublicProfile]:
    """The public profiles of people whom the viewer may see, in a fixed number of queries."""
    ids = [person.id for person in people]
    photos = _by_person(
        session.scalars(
            select(Photo)
            .where(Photo.user_id.in_(ids), Photo.status == PhotoStatus.READY)
            .order_by(Photo.user_id, Photo.position)
        ).all()
    )
    answers = _by_person(shown_answers(session, ids))
    earned = badges.badges_of(session, ids)
    traits = sides(session, {viewer.id, *ids})
    return [
        PublicProfile(
            id=person.id,
            name=person.name,
            age=public_age(person.birth_date, today),
            bio=person.bio,
            distance_km=_distance(viewer, person),
            active=rules.activity(person.last_active_at.date(), today),
            photos=photos.get(person.id, []),
            answers=answers.get(person.id, []),
            badges=earned.get(person.id, []),
            compatibility=compare(traits[viewer.id], traits[person.id]) if person.id != viewer.id else None,
        )
        for person in people
    ]


def bare_profile(user_id: uuid.UUID, *, name: str, age: int | None) -> PublicProfile:
    """What is left to see of somebody whom the viewer has to do with no more."""
    return PublicProfile(
        id=user_id,
        name=name,
        age=age,
        bio="",
        distance_km=None,
        active=Activity.LONGER_AGO,
        photos=(),
        answers=(),
        badges=(),
        compatibility=None,
    )


def completeness(session: Session, user: User) -> tuple[int, list[str]]:
    """(percent, what is missing in words) of one's own profile."""
    photo, prompts, quiz_taken = session.execute(
        select(
            exists().where(Photo.user_id == user.id, Photo.status == PhotoStatus.READY),
            exists().where(PromptAnswer.user_id == user.id, ~PromptAnswer.private),
            exists().where(QuizResponse.user_id == user.id),
        )
    ).one()
    return rules.completeness(
        {
            "photo": photo,
            "prompts": prompts,
            "quiz": quiz_taken,
            "bio": bool(user.bio),
            "gender": user.gender is not None,
            "location": user.place is not None,
        }
    )


def _distance(viewer: User, person: User) -> int | None:
    mine, theirs = viewer.place, person.place
    return rules.distance_km(mine, theirs) if mine and theirs and viewer.id != person.id else None


def _by_person(rows: Sequence[T]) -> dict[uuid.UUID, list[T]]:
    return {user_id: list(theirs) for user_id, theirs in groupby(rows, key=lambda row: row.user_id)}
