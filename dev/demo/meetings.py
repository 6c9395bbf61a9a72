"""What the demo's people do with each other: likes with a sentence, matches, first words."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from dev.demo.cast import STARS, Role
from dev.demo.people import logged_in
from dev.demo.words import ABOUT_PORTRAIT, COMMENTS
from shared import events
from shared.accounts.models import User
from shared.database import one
from shared.errors import Refusal
from shared.matching import likes
from shared.matching.like_statement import LIKE
from shared.matching.likes import Liked, Wish
from shared.photos.models import Photo, PhotoStatus
from shared.prompts.models import Prompt, PromptAnswer

LIKES_OF_EACH: Final = 2
ANSWERED: Final = 0.3  # of the likes that anybody but a star gets
STAR_LIKES: Final = 9  # that each star gets
STAR_MATCHES: Final = 3  # of these are answered
_PAIRS: Final = frozenset({("ada", "ben")})  # who have matched, so that two can talk at once
_WAITING: Final = frozenset({("chris", "ada")})  # who likes, and waits for an answer


@dataclass(frozen=True, slots=True)
class Intent:
    """One person is going to like another."""

    liker: Role
    liked: Role


def fits(a: Role, b: Role) -> bool:
    """Whether two people could be shown to each other."""
    return a.city is b.city and a.gender in b.seeks and b.gender in a.seeks


def intents(roles: list[Role]) -> Iterator[Intent]:
    """Who likes whom, in the order in which it happens; an answer comes after what it answers."""
    stars, others = roles[: len(STARS)], roles[len(STARS) :]
    by_login = {star.username: star for star in stars}
    for pair in (*_PAIRS, *_WAITING):
        if all(login in by_login for login in pair):
            yield Intent(by_login[pair[0]], by_login[pair[1]])
            if pair in _PAIRS:
                yield Intent(by_login[pair[1]], by_login[pair[0]])
    for star in stars:
        for place, fan in enumerate([other for other in others if fits(star, other)][:STAR_LIKES]):
            yield Intent(fan, star)
            if place < STAR_MATCHES:
                yield Intent(star, fan)
    for role in others:
        random = Random(f"likes {role.number}")
        possible = [other for other in others if other is not role and fits(role, other)]
        for liked in random.sample(possible, min(LIKES_OF_EACH, len(possible))):
            yield Intent(role, liked)
            if random.random() < ANSWERED:
                yield Intent(liked, role)


def like(session: Session, people: Mapping[str, User], intent: Intent, *, now: datetime) -> Liked | None:
    """Send a like as somebody who has logged in for it; None when it is not the first time."""
    liker, liked = people.get(intent.liker.email), people.get(intent.liked.email)
    if liker is None or liked is None:  # somebody has deleted the account
        return None
    wish = _wish(session, intent, liked.id)
    with logged_in(session, liker, now=now) as claims:
        try:
            row = one(session, LIKE, likes.parameters(claims, wish, now=now))
            sent = likes.read(likes.Answer(*row), wish, now=now) if row is not None else None
        except Refusal:  # it is not the first time, or they have decided otherwise since
            sent = None
    for each in likes.news(liker.id, sent) if sent else ():
        events.note(session, user_id=each.user_id, kind=each.type, data=each.data)
    return sent


def _wish(session: Session, intent: Intent, liked_id: uuid.UUID) -> Wish:
    """About an answer or a picture, in words that the liker has for nobody else."""
    random = Random(f"{intent.liker.number} likes {intent.liked.number}")
    photo = session.scalar(
        select(Photo.id).where(Photo.user_id == liked_id, Photo.status == PhotoStatus.READY).order_by(Photo.position)
    )
    if photo is not None and random.random() < 0.2:  # noqa: PLR2004 - a fifth
        return Wish(liked_id, random.choice(ABOUT_PORTRAIT), photo_id=photo)
    answers = session.execute(
        select(PromptAnswer.id, Prompt.slug)
        .join(Prompt, Prompt.id == PromptAnswer.prompt_id)
        .where(PromptAnswer.user_id == liked_id, ~PromptAnswer.private)
        .order_by(PromptAnswer.position)
    ).all()
    if not answers:
        return Wish(liked_id, random.choice(ABOUT_PORTRAIT))
    answer_id, slug = random.choice(answers)
    return Wish(liked_id, random.choice(COMMENTS[slug]), prompt_id=answer_id)
