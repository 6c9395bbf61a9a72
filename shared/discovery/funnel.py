"""Why a queue is as short as it is: what each of one's own wishes leaves, and what would help most."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, exists, select, text
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.accounts.rules import OLDEST
from shared.discovery import candidates, cells, exact, rules
from shared.discovery.models import Candidate
from shared.photos.models import Photo, PhotoStatus

# Counts are rounded down, the more the larger they are, so that nobody can be told by coming or going.
STEPS: Final = ((10, 10), (100, 50), (1000, 100))  # from this count on, to multiples of this
OWN: Final = ("genders", "ages", "distance")  # one's own wishes

# Near, or anywhere for whoever has no limit: everybody who would be shown this viewer, whatever the viewer wishes. Whom
# the viewer has decided on counts too: else one more block, or one address less among the contacts, would tell of one.
_APART: Final = "(x - :x)::bigint * (x - :x) + (y - :y)::bigint * (y - :y) + (z - :z)::bigint * (z - :z)"
_COUNTS: Final = text(f"""
WITH v AS MATERIALIZED (SELECT * FROM candidates WHERE user_id = :me),
around AS (
    SELECT * FROM (
        SELECT *, {_APART} AS apart FROM candidates
        WHERE shown AND offered AND cell = ANY(:cells) AND gender = ANY(:all_genders)
    ) near
    WHERE apart <= {rules.NEAR}
    UNION ALL
    SELECT * FROM (
        SELECT *, {_APART} AS apart FROM candidates
        WHERE :far AND shown AND offered_far AND gender = ANY(:all_genders)
    ) far
    WHERE apart > {rules.NEAR}
),
judged AS (
    SELECT v.seeks & c.gender <> 0 AS genders, c.birth_date > :born_after AND c.birth_date <= :born_by AS ages,
        c.apart <= v.reach AS distance
    FROM around c, v
    WHERE c.user_id <> :me AND v.gender & c.seeks <> 0 AND c.min_age <= :age
        AND (c.max_age >= :age OR c.max_age = {OLDEST}) AND c.apart <= c.reach
)
SELECT count(*) AS people,
    count(*) FILTER (WHERE genders AND ages AND distance) AS all,
    {", ".join(f"count(*) FILTER (WHERE {one}) AS {one}" for one in OWN)},
    {
    ", ".join(
        f"count(*) FILTER (WHERE {' AND '.join(other for other in OWN if other != one)}) AS without_{one}"
        for one in OWN
    )
}
FROM judged
""").bindparams(
    *(bindparam(name, type_=exact.TYPES[name]) for name in ("cells", "born_after", "born_by")),
    bindparam("all_genders", type_=exact.TYPES["genders"]),
)


@dataclass(frozen=True, slots=True)
class Leaves:
    """How many people one of the viewer's wishes leaves by itself, and how many there would be without it."""

    wish: str
    leaves: int
    without: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """From all who would like to be shown this viewer to those in reach of all of the viewer's wishes."""

    people: int
    left: int
    wishes: list[Leaves]


@dataclass(frozen=True, slots=True)
class Advice:
    """What somebody with an empty queue can do, for programs and in words."""

    action: str
    text: str


def funnel(session: Session, user: User, *, now: datetime) -> Funnel:
    """What each of one's own wishes leaves, in rounded counts: 0 stands for fewer than ten."""
    candidates.make(session, user_ids=[user.id], now=now)
    viewer = session.get_one(Candidate, user.id, populate_existing=True)
    values = exact.parameters(viewer, now=now)
    everywhere = cells.around_place(viewer.x, viewer.y, viewer.z, km=rules.NEAR_KM) if viewer.cell else [cells.NOWHERE]
    row = session.execute(_COUNTS, values | {"cells": everywhere, "all_genders": list(rules.GENDERS.values())}).one()
    return Funnel(
        rounded(row.people),
        rounded(row.all),
        [Leaves(wish, rounded(getattr(row, wish)), rounded(getattr(row, f"without_{wish}"))) for wish in OWN],
    )


def rounded(count: int) -> int:
    """A count by which nobody can be singled out."""
    step = max((step for least, step in STEPS if count >= least), default=count + 1)
    return count // step * step


def advice(session: Session, user: User, *, now: datetime) -> list[Advice]:
    """What would help somebody who is shown nobody, what helps most first."""
    if user.status == Status.PAUSED:
        return [Advice("resume", "You are paused, so nobody is shown to you or you to them. Resume to go on.")]
    found = funnel(session, user, now=now)
    wishes = {one.wish: one for one in found.wishes}
    widened = sorted((wishes["distance"], wishes["ages"]), key=lambda one: one.without, reverse=True)
    words = {
        "distance": "Look farther away: about {} people are within your other wishes.",
        "ages": "Be open to more ages: about {} people are within your other wishes.",
    }
    given = [
        Advice(f"widen_{one.wish}", words[one.wish].format(one.without)) for one in widened if one.without > found.left
    ]
    if user.place is None:
        given.insert(0, Advice("set_location", "Say roughly where you are, so that we find people near you."))
    if not session.scalar(select(exists().where(Photo.user_id == user.id, Photo.status == PhotoStatus.READY))):
        given.append(Advice("add_photo", "Add a photo, so that people can find you too."))
    given.append(Advice("wait", "You have seen everybody who fits for now. New people come every day."))
    return given
