"""What the demo's people do with each other: likes with a sentence, matches, first words."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dev.demo.cast import STARS, Role
from dev.demo.people import logged_in
from dev.demo.words import ABOUT_ANYTHING, ABOUT_PORTRAIT, COMMENTS
from shared import events
from shared.accounts.models import User
from shared.database import one
from shared.errors import Refusal
from shared.matching import likes
from shared.matching.like_statement import LIKE
from shared.matching.likes import Liked, Wish
from shared.matching.models import Like
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


def intents(roles: list[Role]) -> list[Intent]:
    """Who likes whom, in the order in which it happens; an answer comes after what it answers."""
    groups = [*_of_stars(roles), *_of_others(roles[len(STARS) :])]
    Random("order").shuffle(groups)
    return [intent for group in groups for intent in group]


def _of_stars(roles: list[Role]) -> Iterator[tuple[Intent, ...]]:
    stars, others = roles[: len(STARS)], roles[len(STARS) :]
    by_login = {star.username: star for star in stars}
    if len(stars) == len(STARS):
        for first, second in _PAIRS:
            yield Intent(by_login[first], by_login[second]), Intent(by_login[second], by_login[first])
        for first, second in _WAITING:
            yield (Intent(by_login[first], by_login[second]),)
    for star in stars:
        for place, fan in enumerate([other for other in others if fits(star, other)][:STAR_LIKES]):
            both = Intent(fan, star), Intent(star, fan)
            yield both if place < STAR_MATCHES else both[:1]


def _of_others(others: list[Role]) -> Iterator[tuple[Intent, ...]]:
    for role in others:
        random = Random(f"likes {role.number}")
        possible = [other for other in others if other is not role and fits(role, other)]
        for liked in random.sample(possible, min(LIKES_OF_EACH, len(possible))):
            both = Intent(role, liked), Intent(liked, role)
            yield both if random.random() < ANSWERED else both[:1]


def like(session: Session, people: Mapping[str, User], intent: Intent, *, now: datetime) -> Liked | None:
    """Send a like as somebody who has logged in for it; None when it is not the first time."""
    liker, liked = people.get(intent.liker.email), people.get(intent.liked.email)
    if liker is None or liked is None:  # somebody has deleted the account
        return None
    wish = _wish(session, intent, liker.id, liked.id)
    with logged_in(session, liker, now=now) as claims:
        try:
            row = one(session, LIKE, likes.parameters(claims, wish, now=now))
            sent = likes.read(likes.Answer(*row), wish, now=now) if row is not None else None
        except Refusal:  # it is not the first time, or they have decided otherwise since
            sent = None
    for each in likes.news(liker.id, sent) if sent else ():
        events.note(session, user_id=each.user_id, kind=each.type, data=each.data)
    return sent


def _wish(session: Session, intent: Intent, liker_id: uuid.UUID, liked_id: uuid.UUID) -> Wish:
    """About a picture or an answer, in words that neither they have read nor the liker has written to anybody."""
    random = Random(f"{intent.liker.number} likes {intent.liked.number}")
    photo = session.scalar(
        select(Photo.id).where(Photo.user_id == liked_id, Photo.status == PhotoStatus.READY).order_by(Photo.position)
    )
    answers = session.execute(
        select(PromptAnswer.id, Prompt.slug)
        .join(Prompt, Prompt.id == PromptAnswer.prompt_id)
        .where(PromptAnswer.user_id == liked_id, ~PromptAnswer.private)
        .order_by(PromptAnswer.position)
    ).all()
    about = [Wish(liked_id, text, prompt_id=answer_id) for answer_id, slug in answers for text in COMMENTS[slug]]
    if photo is not None:
        about.append(Wish(liked_id, random.choice(ABOUT_PORTRAIT), photo_id=photo))
    anything = [Wish(liked_id, text) for text in ABOUT_ANYTHING]
    used = set(session.scalars(select(Like.comment).where(or_(Like.liked_id == liked_id, Like.liker_id == liker_id))))
    fresh = [wish for wish in about if wish.comment not in used] or [w for w in anything if w.comment not in used]
    return random.choice(fresh or anything)
