"""Who is shown to whom and in what order, slowly and obviously: what people have said, one pair after the other."""

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts.models import Gender, Status, User
from shared.accounts.rules import OLDEST, public_age
from shared.discovery.appeal import AGE_POINTS, Standing, chance, own
from shared.discovery.exact import Place
from shared.discovery.models import Candidate
from shared.discovery.rules import DISTANCE_POINTS, LIFT, TRAIT_POINTS, WEIGHTS
from shared.matching.models import Block, ContactHash, Like, Match, Pass
from shared.matching.rules import MatchState
from shared.photos.models import Photo, PhotoStatus
from shared.profiles.rules import completeness
from shared.prompts.models import PromptAnswer
from shared.quiz.models import PopulationTraits, UserTraitScore
from shared.quiz.rules import UNKNOWN
from shared.settings import settings
from tests.shared.discovery.people import NOW, TODAY

NEAR: Final = 120_000**2  # square metres


class Reference:
    """Everything that has been said, read once."""

    def __init__(self, session: Session) -> None:
        self.people = {user.id: user for user in session.scalars(select(User))}
        self.known = {one.user_id: one for one in session.scalars(select(Candidate))}
        self.photos = set(session.scalars(select(Photo.user_id).where(Photo.status == PhotoStatus.READY)))
        self.answers = set(session.scalars(select(PromptAnswer.user_id).where(~PromptAnswer.private)))
        self.scores = {taken.user_id: taken.scores for taken in session.scalars(select(UserTraitScore))}
        self.usual = session.scalar(select(PopulationTraits.scores))
        self.likes = {(like.liker_id, like.liked_id) for like in session.scalars(select(Like))}
        self.passes = {(one.passer_id, one.passed_id) for one in session.scalars(select(Pass)) if one.expires_at > NOW}
        self.blocks = {(block.blocker_id, block.blocked_id) for block in session.scalars(select(Block))}
        self.contacts = {(contact.user_id, contact.hash) for contact in session.scalars(select(ContactHash))}
        matches = session.scalars(select(Match).where(Match.state != MatchState.DELETED))
        self.matches = {frozenset((match.low_id, match.high_id)) for match in matches}

    def viewers(self) -> list[User]:
        return [one for one in self.people.values() if one.status in {Status.ACTIVE, Status.PAUSED}]

    def queue(self, viewer: User, *, length: int, every: int) -> list[Place]:
        fitting = [self.place(viewer, other) for other in self.people.values() if self.may_be_shown(viewer, other)]
        best = sorted(fitting, key=lambda place: (-place.score, place.user_id))
        first_day = TODAY.toordinal() - settings().newcomer_days
        new = [place for place in best if self.people[place.user_id].created_at.date().toordinal() > first_day]
        others = [place for place in best if place not in new]
        placed: list[Place] = []
        while len(placed) < length and len(placed) < len(best):
            turn_of_new = (len(placed) + 1) % every == 0
            first, second = (new, others) if turn_of_new else (others, new)
            placed.append(next(place for place in (*first, *second) if place not in placed))
        return placed

    def may_be_shown(self, viewer: User, other: User) -> bool:
        apart, theirs = squared_distance(viewer, other), self.known.get(other.id)
        return (
            viewer.id != other.id
            and theirs is not None
            and other.status == Status.ACTIVE
            and other.hidden_at is None
            and other.id in self.photos
            and (other.email_verified_at is not None or not settings().verified_email_required)
            and (theirs.offered if apart <= NEAR else theirs.offered_far)
            and all(
                seeks(one, two) and old_enough(one, two) and near_enough(one, apart)
                for one, two in ((viewer, other), (other, viewer))
            )
            and self.nothing_between(viewer, other)
        )

    def nothing_between(self, viewer: User, other: User) -> bool:
        return (
            (viewer.id, other.id) not in self.likes | self.passes | self.blocks
            and (other.id, viewer.id) not in self.blocks
            and frozenset((viewer.id, other.id)) not in self.matches
            and (viewer.id, other.contact_hash) not in self.contacts
            and (other.id, viewer.contact_hash) not in self.contacts
        )

    def place(self, viewer: User, other: User) -> Place:
        me, them = self.known[viewer.id], self.known[other.id]
        metres = squared_distance(viewer, other) ** 0.5
        away = max(0, (TODAY - other.last_active_at.date()).days)
        gaps = zip(TRAIT_POINTS, self.traits(viewer.id), self.traits(other.id), strict=True)
        product = sum(int(mine) * int(theirs) for mine, theirs in zip(numbers(me), numbers(them), strict=True))
        years = abs((viewer.birth_date - other.birth_date).days) // 365
        mine = own(Standing(me.openness, me.appeal))
        likely = min(chance(mine.openness, them.appeal), chance(them.openness, mine.appeal))
        parts = {
            "compatibility": 1000 - sum(points * abs(mine - theirs) for points, mine, theirs in gaps) // 100,
            "meaning": min(1000, max(0, product) * 1000 // 127**2),
            "distance": DISTANCE_POINTS[min(500, up(metres))] if viewer.place and other.place else 0,
            "activity": max(0, 1000 - 1000 * away // 30),
            "completeness": 10 * self.completeness(other),
            "reciprocity": max(0, likely - AGE_POINTS * years),
        }
        lot = 31 * (me.dice + 1) * (them.dice + 3) * (TODAY.toordinal() // 7 % 997 + 1) % 10007
        lift = LIFT if lot % (2 if (other.id, viewer.id) in self.likes else 4) == 0 else 0
        score = sum(WEIGHTS[part] * value for part, value in parts.items()) + 1000 * (lift - them.damping)
        return Place(other.id, score, (*parts.values(), lift, them.damping))

    def traits(self, user_id: uuid.UUID) -> list[int]:
        return [round(1000 * float(score)) for score in self.scores.get(user_id, self.usual or UNKNOWN)]

    def completeness(self, user: User) -> int:
        has = {"photo": user.id in self.photos, "prompts": user.id in self.answers, "quiz": user.id in self.scores}
        has |= {"bio": user.bio != "", "gender": user.gender is not None, "location": user.place is not None}
        return completeness(has)[0]


def numbers(known: Candidate) -> Iterable[float]:
    return getattr(known.meaning, "to_list", lambda: known.meaning)()


def seeks(one: User, other: User) -> bool:
    return set(one.sought_genders) == set(Gender) or other.gender in one.sought_genders


def old_enough(one: User, other: User, today: date = TODAY) -> bool:
    years = public_age(other.birth_date, today)
    return one.min_age <= years and (years <= one.max_age or one.max_age == OLDEST)


def near_enough(one: User, apart: int) -> bool:
    limit = one.max_distance_km
    return limit is None or (one.place is not None and apart <= (1000 * limit) ** 2)


def squared_distance(one: User, other: User) -> int:
    """Whoever is nowhere is in the middle of the earth: far from all but their like."""
    nowhere = [0, 0, 0]
    return sum((a - b) ** 2 for a, b in zip(one.place or nowhere, other.place or nowhere, strict=True))


def up(metres: float) -> int:
    return int(-(-metres * 0.001 // 1))
