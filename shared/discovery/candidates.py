"""What ranking knows of people, made from what they have said: of one person, or of a whole region."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Uuid

from shared.discovery import appeal, cells, rules
from shared.discovery.models import Candidate
from shared.profiles.rules import COMPLETENESS
from shared.quiz.rules import MIDDLE
from shared.quiz.traits import Trait
from shared.settings import settings

# All that decides whom somebody wants to see, of the table of users as `u`.
WISHES: Final = """md5(concat_ws('|', coalesce(u.gender, ''), u.sought_genders, u.min_age, u.max_age,
    coalesce(u.max_distance_km, 0), u.birth_date, u.place))::uuid"""

_SHARE: Final = {part: share for part, (share, _) in COMPLETENESS.items()}
_BITS: Final = " ".join(f"WHEN '{gender}' THEN {bit}" for gender, bit in rules.GENDERS.items() if gender)
_TRAITS: Final = ", ".join(
    f"round(1000 * coalesce((t.scores::real[])[{n}], (usual.scores::real[])[{n}], {MIDDLE})) AS {trait}"
    for n, trait in enumerate(Trait, start=1)
)
_COLUMNS: Final = (
    *("user_id", "shown", "offered", "offered_far", "gender", "seeks", "min_age", "max_age", "birth_date", "x", "y"),
    *("z", "cell", "region", "reach", *Trait, "meaning", "active_on", "joined_on", "completeness", "openness"),
    *("appeal", "damping", "dice", "wishes"),
)
_KEPT: Final = ("user_id", "offered", "offered_far", "damping", "dice")  # once made, not by this
# Whoever has moved, come back or given up their limit is offered until the next choice is made.
_STILL: Final = """,
    offered = candidates.offered OR candidates.cell <> excluded.cell OR (excluded.shown AND NOT candidates.shown),
    offered_far = excluded.offered_far AND (candidates.offered_far OR candidates.reach <> excluded.reach)
WHERE ({kept}, candidates.offered_far) IS DISTINCT FROM ({made}, candidates.offered_far AND excluded.offered_far)
"""

# In half precision numbers from 1024 to 2048 are whole ones, so adding 1536 rounds, and taking it off leaves the rest.
_MEANING: Final = f"""coalesce((v.vector * array_fill({rules.UNIT}::real, ARRAY[384])::halfvec
    + array_fill(1536::real, ARRAY[384])::halfvec) - array_fill(1536::real, ARRAY[384])::halfvec,
    array_fill(0::real, ARRAY[384])::halfvec)"""


def _standing(yes: str, no: str, usual: str, *, absolute: bool) -> str:
    """The SQL of `appeal.standing`: of openness, which is absolute, or of appeal."""
    usual = f"greatest({appeal.RAREST}, least(1 - {appeal.RAREST}, {usual}))"
    share = f"(({yes} + {appeal.PRIOR} * {usual}) / ({yes} + {no} + {appeal.PRIOR})::float)"
    log_odds = "(ln({0}) - ln(1 - {0}))"
    deviation = f"{appeal.STRETCH} * ({log_odds.format(share)} - {log_odds.format(usual)})"
    whole = f"{log_odds.format(usual)} + {deviation}" if absolute else deviation
    return f"greatest(-{appeal.LIMIT}, least({appeal.LIMIT}, round({appeal.HUNDREDTHS} * ({whole}))))"


_DECISIONS: Final = """
    SELECT
        (SELECT count(*) FROM likes l WHERE l.liker_id = u.id AND l.created_at > :since) AS liked,
        (SELECT count(*) FROM passes p WHERE p.passer_id = u.id AND p.created_at > :since) AS passed,
        (SELECT count(*) FROM likes l WHERE l.liked_id = u.id AND l.created_at > :since) AS liked_by,
        (SELECT count(*) FROM passes p WHERE p.passed_id = u.id AND p.created_at > :since) AS passed_by
"""

_MAKE: Final = """
INSERT INTO candidates ({columns})
SELECT user_id, shown, true, reach > {near}, gender, seeks, min_age, max_age, birth_date, x, y, z, cell, {region},
    reach, {traits}, meaning, active_on, joined_on, completeness, openness, appeal, 0,
    floor(10000 * random()), wishes
FROM (SELECT made.*, CASE WHEN placed THEN {cell} ELSE 0 END AS cell FROM (
    SELECT u.id AS user_id,
        u.status = 'active' AND u.hidden_at IS NULL AND photo.ready
            AND (u.email_verified_at IS NOT NULL OR NOT :verified) AS shown,
        CASE u.gender {bits} ELSE {unsaid} END AS gender,
        CASE WHEN cardinality(u.sought_genders) = 3 THEN {all} ELSE
            (SELECT bit_or(CASE sought {bits} END) FROM unnest(u.sought_genders) sought) END AS seeks,
        u.min_age, u.max_age, u.birth_date, u.place IS NOT NULL AS placed,
        coalesce(u.place[1], 0) AS x, coalesce(u.place[2], 0) AS y, coalesce(u.place[3], 0) AS z,
        CASE WHEN u.max_distance_km IS NULL THEN {anywhere} WHEN u.place IS NULL THEN -1
            ELSE (1000 * u.max_distance_km::bigint) ^ 2 END AS reach,
        {trait_scores},
        {meaning} AS meaning,
        (u.last_active_at AT TIME ZONE 'UTC')::date AS active_on,
        (u.created_at AT TIME ZONE 'UTC')::date AS joined_on,
        CASE WHEN photo.ready THEN {photo} ELSE 0 END
            + CASE WHEN EXISTS (SELECT FROM prompt_answers a WHERE a.user_id = u.id AND NOT a.private)
                THEN {prompts} ELSE 0 END
            + CASE WHEN t.user_id IS NOT NULL THEN {quiz} ELSE 0 END + CASE WHEN u.bio <> '' THEN {bio} ELSE 0 END
            + CASE WHEN u.gender IS NOT NULL THEN {gender} ELSE 0 END
            + CASE WHEN u.place IS NOT NULL THEN {location} ELSE 0 END AS completeness,
        {openness} AS openness,
        {appeal} AS appeal,
        {wishes} AS wishes
    FROM users u
    LEFT JOIN user_trait_scores t ON t.user_id = u.id
    LEFT JOIN population_traits usual ON true
    LEFT JOIN profile_vectors v ON v.user_id = u.id AND v.model = :model
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM photos p WHERE p.user_id = u.id AND p.status = 'ready') AS ready
    ) photo
    CROSS JOIN LATERAL ({decisions}) d
    LEFT JOIN (SELECT * FROM discovery_runs ORDER BY day DESC LIMIT 1) run ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(run.yes_given[side], {usual}) AS usual_given,
            coalesce(run.yes_received[side], {usual}) AS usual_received
        FROM (SELECT CASE u.gender {sides} ELSE {last} END AS side) AS of_gender
    ) shares
    WHERE u.status IN ('active', 'paused') AND {{which}}
) made) placed_people
ON CONFLICT (user_id) DO UPDATE SET {changes}
""".format(
    columns=", ".join(_COLUMNS),
    region=f"CASE WHEN cell = 0 THEN 0 ELSE {cells.REGION_SQL} END",
    cell=cells.CELL_SQL,
    traits=", ".join(Trait),
    trait_scores=_TRAITS,
    bits=_BITS,
    unsaid=rules.GENDERS[None],
    all=rules.ALL_GENDERS,
    anywhere=rules.ANYWHERE,
    near=rules.NEAR,
    meaning=_MEANING,
    openness=_standing("d.liked", "d.passed", "usual_given", absolute=True),
    appeal=_standing("d.liked_by", "d.passed_by", "usual_received", absolute=False),
    usual=appeal.USUAL,
    sides=" ".join(f"WHEN '{gender}' THEN {n}" for n, gender in enumerate(rules.GENDERS, start=1) if gender),
    last=len(rules.GENDERS),
    decisions=_DECISIONS,
    wishes=WISHES,
    changes=", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEPT)
    + _STILL.format(
        kept=", ".join(f"candidates.{name}" for name in _COLUMNS if name not in _KEPT),
        made=", ".join(f"excluded.{name}" for name in _COLUMNS if name not in _KEPT),
    ),
    **_SHARE,
)
_OF_PEOPLE: Final = text(_MAKE.format(which="u.id = ANY(:user_ids)")).bindparams(
    bindparam("user_ids", type_=ARRAY(Uuid))
)
_GONE: Final = """
DELETE FROM candidates c USING users u
WHERE {which} AND u.id = c.user_id AND u.status NOT IN ('active', 'paused')
"""
_GONE_OF_PEOPLE: Final = text(_GONE.format(which="c.user_id = ANY(:user_ids)")).bindparams(
    bindparam("user_ids", type_=ARRAY(Uuid))
)

# A crowded cell offers those who were here last, and of them first those who are in few queues; so everybody who comes
# back gets a turn. Without a bound, the pairs to compare would grow with the square of a city.
_OFFER: Final = text("""
UPDATE candidates c SET offered = ranked.offered
FROM (
    SELECT user_id, row_number() OVER (
        PARTITION BY cell, gender ORDER BY active_on DESC, damping, dice, user_id
    ) <= :most AS offered
    FROM candidates WHERE region = :region AND shown
) ranked
WHERE c.user_id = ranked.user_id AND c.offered <> ranked.offered
""")
_FAR: Final = f"""
WITH chosen AS (
    SELECT far.user_id FROM unnest(CAST(:genders AS smallint[])) AS of_gender (gender)
    CROSS JOIN LATERAL (
        SELECT c.user_id FROM candidates c
        WHERE c.gender = of_gender.gender AND c.shown AND c.reach > {rules.NEAR}
        ORDER BY c.active_on DESC, c.dice LIMIT :most
    ) far
)
"""
_OFFER_FAR: Final = tuple(
    text(_FAR + change)
    for change in (
        """UPDATE candidates c SET offered_far = false
        WHERE c.shown AND c.offered_far AND c.gender = ANY(CAST(:genders AS smallint[]))
            AND c.user_id NOT IN (SELECT user_id FROM chosen)""",
        "UPDATE candidates c SET offered_far = true FROM chosen WHERE c.user_id = chosen.user_id AND NOT c.offered_far",
    )
)


def make(session: Session, *, user_ids: Collection[uuid.UUID], now: datetime) -> None:
    """Make these people's rows anew; whoever is suspended or leaving has none."""
    session.execute(_GONE_OF_PEOPLE, {"user_ids": sorted(user_ids)})
    session.execute(_OF_PEOPLE, {"user_ids": sorted(user_ids), **_values(now)})


def of_region(session: Session, *, region: int) -> Sequence[uuid.UUID]:
    """Everybody in a region, in the order of ids."""
    return session.scalars(
        select(Candidate.user_id).where(Candidate.region == region).order_by(Candidate.user_id)
    ).all()


def offer(session: Session, *, region: int) -> None:
    """Choose whom a region's cells offer."""
    session.execute(_OFFER, {"region": region, "most": settings().discovery_cell})


def offer_far(session: Session) -> None:
    """Choose whom people without any limit may be shown, wherever they are."""
    for change in _OFFER_FAR:
        session.execute(change, {"genders": list(rules.GENDERS.values()), "most": settings().discovery_cell})


def _values(now: datetime) -> dict[str, object]:
    values = settings()
    return {
        "verified": values.verified_email_required,
        "model": values.embedding_model,
        "since": now - timedelta(days=values.pass_days),
    }
