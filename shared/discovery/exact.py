"""The queue of one person by exact SQL: for whoever has none yet, and after a change that matters to them."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Date, Integer, SmallInteger

from shared.accounts.rules import ADULT, OLDEST, public_age, years_before
from shared.discovery import candidates, cells, rules
from shared.discovery.appeal import AGE_POINTS, CHANCES, LIMIT, Standing, own
from shared.discovery.models import Candidate
from shared.discovery.settled import LIKED_BY, SETTLED
from shared.quiz.traits import Trait
from shared.settings import settings

_COLUMNS: Final = ("user_id", *rules.PARTS, "lift", "damping", "score")
_GAP: Final = " + ".join(
    f"{points} * abs(c.{trait} - v.{trait})" for trait, points in zip(Trait, rules.TRAIT_POINTS, strict=True)
)
_CHANCE: Final = f"(:chances)[1 + {LIMIT} + greatest(-{LIMIT}, least({LIMIT}, {{}}))]"
_RANK: Final = f"""
WITH viewers AS (SELECT u.id, u.contact_hash FROM users u WHERE u.id = :me),
settled AS MATERIALIZED ({SETTLED}),
liked_by AS MATERIALIZED ({LIKED_BY}),
v AS MATERIALIZED (SELECT * FROM candidates WHERE user_id = :me),
within AS (
    SELECT near.* FROM (
        SELECT c.*, {{apart}} AS apart FROM candidates c
        WHERE c.shown AND c.offered AND c.cell = ANY(:cells) AND c.gender = ANY(:genders)
            AND c.birth_date > :born_after AND c.birth_date <= :born_by
    ) near
    WHERE near.apart <= {rules.NEAR}
    UNION ALL
    SELECT far.* FROM (
        SELECT c.*, {{apart}} AS apart FROM candidates c
        WHERE :far AND c.shown AND c.offered_far AND c.gender = ANY(:genders)
            AND c.birth_date > :born_after AND c.birth_date <= :born_by
    ) far
    WHERE far.apart > {rules.NEAR}
),
fitting AS MATERIALIZED (
    SELECT c.user_id, c.joined_on > :today - :newcomer_days AS is_new, c.completeness * 10 AS completeness, c.damping,
        {rules.WHOLE} - ({_GAP}) / 100 AS compatibility,
        least({rules.WHOLE}, greatest(0, -(c.meaning <#> v.meaning))::integer * {rules.WHOLE} / {rules.SQUARE})
            AS meaning,
        CASE WHEN c.cell = 0 OR v.cell = 0 THEN 0
            ELSE (:distances)[1 + least({rules.FARTHEST_KM}, ceil(sqrt(c.apart) * 0.001::float)::integer)]
            END AS distance,
        greatest(0, {rules.WHOLE} - {rules.WHOLE} * greatest(0, :today - c.active_on) / {rules.ACTIVE_DAYS})
            AS activity,
        greatest(0, least({_CHANCE.format(":openness + c.appeal")}, {_CHANCE.format("c.openness + :appeal")})
            - {AGE_POINTS} * (abs(c.birth_date - v.birth_date) / {rules.DAYS})) AS reciprocity,
        CASE WHEN 31 * (v.dice + 1::bigint) * (c.dice + 3) * (:period % 997 + 1) % 10007
            % CASE WHEN c.user_id IN (SELECT other_id FROM liked_by) THEN 2 ELSE 4 END = 0
            THEN {rules.LIFT} ELSE 0 END AS lift
    FROM within c, v
    WHERE v.gender & c.seeks <> 0 AND c.min_age <= :age AND (c.max_age >= :age OR c.max_age = {OLDEST})
        AND c.apart <= least(v.reach, c.reach)
        AND c.user_id <> :me AND c.user_id NOT IN (SELECT other_id FROM settled)
),
scored AS MATERIALIZED (
    SELECT *, {" + ".join(f"{weight} * {part}" for part, weight in rules.WEIGHTS.items())}
        + {rules.WHOLE} * (lift - damping) AS score
    FROM fitting
)
(SELECT is_new, {", ".join(_COLUMNS)} FROM scored WHERE NOT is_new ORDER BY score DESC, user_id LIMIT :length)
UNION ALL
(SELECT is_new, {", ".join(_COLUMNS)} FROM scored WHERE is_new ORDER BY score DESC, user_id LIMIT :length)
""".format(
    apart=" + ".join(f"(c.{axis} - :{axis})::bigint * (c.{axis} - :{axis})" for axis in "xyz"),
)
TYPES: Final[dict[str, Any]] = {
    "cells": ARRAY(Integer),
    "genders": ARRAY(SmallInteger),
    "chances": ARRAY(Integer),
    "distances": ARRAY(Integer),
    "born_after": Date,
    "born_by": Date,
    "today": Date,
}
RANK: Final = text(_RANK).bindparams(*(bindparam(name, type_=kind) for name, kind in TYPES.items()))


@dataclass(frozen=True, slots=True)
class Place:
    """One of a queue: whom, with what score, from what parts (those of `rules.PARTS`, lift and damping)."""

    user_id: uuid.UUID
    score: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A queue, and the wishes that it was made for."""

    places: list[Place]
    wishes: uuid.UUID


def rank(session: Session, *, user_id: uuid.UUID, now: datetime) -> Ranked | None:
    """The queue of somebody, having made anew what is known of them; None when they are not here."""
    candidates.make(session, user_ids=[user_id], now=now)
    viewer = session.scalar(
        select(Candidate).where(Candidate.user_id == user_id).execution_options(populate_existing=True)
    )
    if viewer is None:
        return None
    rows = session.execute(RANK, parameters(viewer, now=now)).all()
    people = {row.user_id: row for row in rows}
    numbers = {known: number for number, known in enumerate(people)}
    names = list(people)
    places = [-1] * settings().discovery_queue
    filled = rules.placed(
        [numbers[row.user_id] for row in rows if not row.is_new],
        [numbers[row.user_id] for row in rows if row.is_new],
        settings().newcomer_every,
        places,
    )
    return Ranked([_place(people[names[number]]) for number in places[:filled]], viewer.wishes)


def parameters(viewer: Candidate, *, now: datetime) -> dict[str, Any]:
    """What the statement RANK asks for."""
    today, values, mine = now.date(), settings(), own(Standing(viewer.openness, viewer.appeal))
    limit = rules.NEAR_KM if viewer.reach > rules.NEAR else viewer.reach**0.5 / 1000 if viewer.reach > 0 else 0
    around = cells.around_place(viewer.x, viewer.y, viewer.z, km=limit) if viewer.cell else [cells.NOWHERE]
    return {
        "me": viewer.user_id,
        "now": now,
        "today": today,
        "cells": around,
        "genders": [bit for bit in rules.GENDERS.values() if bit & viewer.seeks],
        "born_after": born_after(viewer.max_age, today),
        "born_by": born_by(viewer.min_age, today),
        "age": public_age(viewer.birth_date, today),
        "x": viewer.x,
        "y": viewer.y,
        "z": viewer.z,
        "far": viewer.reach > rules.NEAR,
        "openness": mine.openness,
        "appeal": mine.appeal,
        "chances": list(CHANCES),
        "distances": list(rules.DISTANCE_POINTS),
        "period": rules.period_of(today),
        "newcomer_days": values.newcomer_days,
        "length": values.discovery_queue,
    }


def born_after(oldest: int, today: date) -> date:
    """The day after which somebody was born who is at most `oldest`."""
    return date(1, 1, 1) if oldest == OLDEST else years_before(today, oldest + 1)


def born_by(youngest: int, today: date) -> date:
    """The last day on which somebody was born who is at least `youngest`."""
    return today + timedelta(days=1) if youngest <= ADULT else years_before(today, youngest)


def _place(row: Any) -> Place:  # noqa: ANN401 - a row of the statement
    return Place(row.user_id, row.score, tuple(getattr(row, part) for part in (*rules.PARTS, "lift", "damping")))
