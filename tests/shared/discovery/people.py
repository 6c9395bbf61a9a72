"""Many different people for tests of discovery, made at random: twins among them, and all that lies between two."""

import math
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from random import Random
from typing import Any, Final

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Gender, Status, User
from shared.accounts.rules import OLDEST, years_before
from shared.discovery import candidates
from shared.discovery.models import Candidate, DiscoveryRun
from shared.embedding.rules import DIMENSIONS
from shared.matching import passes
from shared.matching.models import Block, ContactHash, Like, Match, Pair, Pass
from shared.matching.rules import MatchState, in_order, side
from shared.photos.models import Photo, PhotoStatus
from shared.prompts.models import ProfileVector, Prompt, PromptAnswer
from shared.quiz.models import PopulationTraits, UserTraitScore
from shared.quiz.traits import Trait
from shared.settings import settings

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY: Final = NOW.date()

# Where people live around: latitude and longitude.
CITY: Final = (52.52, 13.405)
CORNER: Final = (50.0, 10.0)  # of four regions
DATE_LINE: Final = (-17.0, 180.0)
POLE: Final = (89.7, 30.0)
ORIGIN: Final = (0.0, 0.0)
CENTRES: Final = (CITY, CORNER, DATE_LINE, POLE, ORIGIN)

_LIMITS: Final = (1, 5, 25, 100, 300, 500, None, None, None)
_SOUGHT: Final = (
    ["woman"],
    ["man"],
    ["woman", "man"],
    ["nonbinary", "woman"],
    list(Gender),
    list(Gender),
    list(Gender),
)
_GENDERS: Final = ("woman", "woman", "man", "man", "nonbinary", None)
_STATUSES: Final = (Status.PAUSED, Status.SUSPENDED, Status.DELETING)

Columns = dict[str, Any]
Event = Callable[[Session, Random, User, User], None]


def person(
    session: Session,
    *,
    scores: Sequence[float] | None = None,
    vector: Sequence[float] | None = None,
    photo: PhotoStatus | None = PhotoStatus.READY,
    **columns: Any,
) -> User:
    """Somebody with a photo, who has just been here and seeks everybody, unless it is said otherwise."""
    user = _added(session, scores=scores, vector=vector, photo=photo, **columns)
    session.flush()
    session.refresh(user)
    return user


def _added(
    session: Session,
    *,
    scores: Sequence[float] | None,
    vector: Sequence[float] | None,
    photo: PhotoStatus | None,
    **columns: Any,
) -> User:
    user_id = columns.pop("id", None) or clock.new_id()
    usual = {
        "email": f"{user_id.hex}@example.com",
        "name": "Ada",
        "password_hash": "!",
        "birth_date": date(1990, 12, 10),
        "created_at": NOW - timedelta(days=300),
        "last_active_at": NOW,
    }
    user = User(id=user_id, **{**usual, **columns})
    session.add(user)
    if photo is not None:
        reason, made = ("too_small" if photo == PhotoStatus.REJECTED else None), {"1080": "a"}
        session.add(Photo(user_id=user.id, position=0, status=photo, rejection=reason, renditions=made))
    if scores is not None:
        session.add(UserTraitScore(user_id=user.id, version=1, scores=list(scores)))
    if vector is not None:
        session.add(ProfileVector(user_id=user.id, vector=list(vector), model=settings().embedding_model))
    return user


def unit(random: Random) -> list[float]:
    """A vector of meaning of unit length."""
    numbers = [random.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


def population(session: Session, random: Random, count: int, *, centre: tuple[float, float]) -> list[User]:
    """So many people around a place and far from it, with all that there can be between them."""
    tastes = [unit(random) for _ in range(3)]
    characters = [_character(random, centre, tastes) for _ in range(max(1, count * 2 // 3))]
    prompt = session.scalars(select(Prompt.id).order_by(Prompt.id).limit(1)).one()
    everybody = []
    for _ in range(count):
        user = _added(session, id=_id(random), **random.choice(characters))
        everybody.append(user)
        if random.random() < 0.4:
            words: Columns = {"answer": "Rain.", "private": random.random() < 0.3}
            session.add(PromptAnswer(user_id=user.id, prompt_id=prompt, position=0, **words))
    session.flush()
    if random.random() < 0.5:
        session.add(PopulationTraits(scores=[random.randint(0, 15) / 15 for _ in Trait], people=9, computed_at=NOW))
        shares = {side: [random.uniform(0.1, 0.9) for _ in range(4)] for side in ("yes_given", "yes_received")}
        session.add(DiscoveryRun(day=TODAY, started_at=NOW, regions=1, **shares))
    for days in range(-14, 40, 7):
        passes._ensure_partition(session, TODAY + timedelta(days=days))
    pairs = list(combinations(everybody, 2))
    with session.no_autoflush:
        for pair in random.sample(pairs, min(len(pairs), 3 * count)):
            one, other = random.sample(pair, 2)
            random.choice(_EVENTS)(session, random, one, other)
    session.flush()
    return everybody


def known(session: Session, random: Random, everybody: Sequence[User]) -> None:
    """Let ranking know these people, and a night choose whom it offers; many throw the same dice."""
    candidates.make(session, user_ids=[user.id for user in everybody], now=NOW)
    thrown = [
        {
            "who": user.id,
            "dice": random.choice([0, 1, 5, 6, 7, 9999]),
            "damping": random.choice([0, 0, -61, -1, 3, 120]),
        }
        for user in everybody
    ]
    changed: Columns = {"dice": bindparam("dice"), "damping": bindparam("damping")}
    table = Candidate.__table__
    session.connection().execute(update(Candidate).where(table.c.user_id == bindparam("who")).values(changed), thrown)
    for region in regions(session):
        remake(session, region)
    candidates.offer_far(session)
    session.expire_all()


def remake(session: Session, region: int) -> None:
    candidates.make(session, user_ids=candidates.of_region(session, region=region), now=NOW)
    candidates.offer(session, region=region)


def regions(session: Session) -> list[int]:
    return list(session.scalars(select(Candidate.region).distinct().order_by(Candidate.region)))


def candidate(session: Session, user: User) -> Candidate:
    """Somebody's row as it is now."""
    return session.get_one(Candidate, user.id, populate_existing=True)


def place_of(session: Session, latitude: float, longitude: float) -> list[int]:
    found = session.scalar(text("SELECT place_of(:north, :east)"), {"north": latitude, "east": longitude})
    return list(found)


def _id(random: Random) -> uuid.UUID:
    """Some end with zeros, which arrays of bytes like to lose."""
    zeros = random.choice([0, 0, 0, 1, 2])
    return uuid.UUID(bytes=random.randbytes(16 - zeros) + bytes(zeros))


def _character(random: Random, centre: tuple[float, float], tastes: Sequence[Sequence[float]]) -> Columns:
    """All about somebody but who they are: whoever has the same is their twin."""
    youngest = random.choice([18, 18, 18, 19, 25, 30, random.randint(18, 50)])
    oldest = max(youngest, random.choice([OLDEST, OLDEST, OLDEST, 30, 31, 45, 98, random.randint(18, OLDEST)]))
    latitude, longitude = _place(random, centre) if random.random() < 0.9 else (None, None)
    vector = random.choice([*tastes, [-number for number in tastes[0]], unit(random), None])
    joined = random.choice([random.randint(0, 20), 14, 13, 300])
    return {
        "gender": random.choice(_GENDERS),
        "sought_genders": random.choice(_SOUGHT),
        "birth_date": _birth_date(random),
        "bio": random.choice(["", "Bakes bread."]),
        "min_age": youngest,
        "max_age": oldest,
        "latitude": latitude,
        "longitude": longitude,
        "max_distance_km": random.choice(_LIMITS),
        "status": random.choice(_STATUSES) if random.random() < 0.1 else Status.ACTIVE,
        "hidden_at": NOW if random.random() < 0.06 else None,
        "email_verified_at": NOW if random.random() < 0.8 else None,
        "created_at": NOW - timedelta(days=joined, hours=random.randint(0, 12)),
        "last_active_at": NOW - timedelta(days=random.choice([0, 0, 1, 7, 29, 30, 90]), hours=random.randint(-1, 13)),
        "photo": random.choice([PhotoStatus.PROCESSING, None]) if random.random() < 0.1 else PhotoStatus.READY,
        "scores": [random.randint(0, 15) / 15 for _ in Trait] if random.random() < 0.8 else None,
        "vector": vector,
    }


def _birth_date(random: Random) -> date:
    """Mostly near a birthday, where being of an age begins and ends."""
    years = random.choice([18, 19, 25, 30, 30, 31, 45, 99, 104])
    days = random.choice([0, 1, -1, random.randint(-360, 0)])
    return years_before(TODAY, years) + timedelta(days=days)


def _place(random: Random, centre: tuple[float, float]) -> tuple[float, float]:
    north, east = centre
    kilometres = random.choice([0, 0, 1, 5, 20, 60, 250, 480, 505, 6000])
    turn = random.uniform(0, 2 * math.pi)
    latitude = max(-90.0, min(90.0, north + kilometres * math.sin(turn) / 111.19))
    aside = kilometres * math.cos(turn) / (111.19 * max(0.01, math.cos(math.radians(latitude))))
    return latitude, max(-180.0, min(180.0, (east + aside + 180) % 360 - 180))


def likes(session: Session, one: User, other: User) -> None:
    pair = _pair(session, one, other)
    pair.likes |= side(one.id, other.id)
    session.add(Like(id=clock.new_id(), liker_id=one.id, liked_id=other.id, created_at=NOW - timedelta(days=1)))


def passed(session: Session, one: User, other: User, *, until: datetime = NOW + timedelta(days=3)) -> None:
    made: Columns = {"expires_on": until.date(), "expires_at": until, "created_at": NOW - timedelta(days=29)}
    session.add(Pass(passer_id=one.id, passed_id=other.id, **made))


def blocks(session: Session, one: User, other: User) -> None:
    _pair(session, one, other).blocked = True
    session.add(Block(blocker_id=one.id, blocked_id=other.id, created_at=NOW))


def _pair(session: Session, one: User, other: User) -> Pair:
    low, high = in_order(one.id, other.id)
    for pair in session.new:
        if isinstance(pair, Pair) and (pair.low_id, pair.high_id) == (low, high):
            return pair
    found = session.get(Pair, (low, high)) or Pair(low_id=low, high_id=high, likes=0)
    session.add(found)
    return found


def _match(session: Session, one: User, other: User, state: MatchState) -> None:
    low, high = in_order(one.id, other.id)
    moments: Columns = dict.fromkeys(("created_at", "state_changed_at", "active_at"), NOW)
    session.add(Match(low_id=low, high_id=high, state=state, **moments))


def _matched(session: Session, random: Random, one: User, other: User) -> None:
    likes(session, one, other)
    likes(session, other, one)
    _match(session, one, other, random.choice([state for state in MatchState if state != MatchState.DELETED]))


def _over(session: Session, _: Random, one: User, other: User) -> None:
    """A match that an account's deletion has ended, whose likes are forgotten."""
    _match(session, one, other, MatchState.DELETED)


def _likes(session: Session, _: Random, one: User, other: User) -> None:
    likes(session, one, other)


def _passes(session: Session, random: Random, one: User, other: User) -> None:
    until = [timedelta(days=3), timedelta(hours=1), timedelta(seconds=0), timedelta(hours=-1), timedelta(days=-8)]
    passed(session, one, other, until=NOW + random.choice(until))
    if random.random() < 0.3:
        likes(session, other, one)


def _blocks(session: Session, random: Random, one: User, other: User) -> None:
    if random.random() < 0.5:
        likes(session, *random.sample([one, other], 2))
    blocks(session, one, other)


def _knows(session: Session, _: Random, one: User, other: User) -> None:
    assert other.contact_hash is not None
    session.add(ContactHash(user_id=one.id, hash=other.contact_hash))


_EVENTS: Final[tuple[Event, ...]] = (_likes, _likes, _likes, _passes, _passes, _matched, _over, _blocks, _knows)
