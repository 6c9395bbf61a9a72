"""The nightly run over everybody: begun once a day, its regions ranked by whoever is free, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import ledger
from shared.accounts.models import Status, User
from shared.discovery import appeal, candidates, rules
from shared.discovery.models import Candidate, DiscoveryExposure, DiscoveryQueue, DiscoveryRun
from shared.jobs import FINISH_NIGHT, RANK_REGION, REFRESH_QUEUE
from shared.ledger import Work
from shared.settings import settings

FORGOTTEN: Final = timedelta(minutes=5)
MISSING: Final = 10_000
CERTAIN: Final = 500  # decisions at the usual share that are added to those of everybody: with few, little is known

_SIDE: Final = "CASE u.gender {} ELSE {} END".format(
    " ".join(f"WHEN '{gender}' THEN {n}" for n, gender in enumerate(rules.GENDERS, start=1) if gender),
    len(rules.GENDERS),
)
# A sample: shares of so many decisions are as exact as they need to be.
_SHARES: Final = text(f"""
WITH decided AS (
    (SELECT liker_id AS giver, liked_id AS receiver, 1 AS yes FROM likes WHERE created_at > :since LIMIT 200000)
    UNION ALL
    (SELECT passer_id, passed_id, 0 FROM passes WHERE created_at > :since LIMIT 200000)
),
scale AS (  -- of likes and of passes the same share
    SELECT (SELECT count(*) FROM likes WHERE created_at > :since)::float AS likes,
        (SELECT count(*) FROM passes WHERE created_at > :since)::float AS passes
)
SELECT side, given,
    (sum(weight * yes) + {CERTAIN} * {appeal.USUAL}) / (sum(weight) + {CERTAIN}) AS share
FROM (
    SELECT {_SIDE} AS side, given, yes, CASE WHEN yes = 1 THEN greatest(1, likes / 200000)
        ELSE greatest(1, passes / 200000) END AS weight
    FROM decided CROSS JOIN scale
    CROSS JOIN LATERAL (VALUES (giver, true), (receiver, false)) AS who (id, given)
    JOIN users u ON u.id = who.id
) weighted
GROUP BY side, given
""")
_REGIONS: Final = text("""
WITH RECURSIVE of_region AS (
    (SELECT region FROM candidates ORDER BY region LIMIT 1)
    UNION ALL
    SELECT (SELECT c.region FROM candidates c WHERE c.region > r.region ORDER BY c.region LIMIT 1) FROM of_region r
    WHERE r.region IS NOT NULL
)
SELECT region FROM of_region WHERE region IS NOT NULL
""")
# Whoever was in more queues than is usual for their gender in their region is damped a little more than the night
# before, who was in fewer a little less; so it settles where exposure is even, or at the bound. Logarithms, since being
# in twice as many is as much as in half. Of one gender: where there are fewer of one than of the other, all of them are
# in more.
_DAMP: Final = text("""
WITH seen AS (
    SELECT of_region.user_id, sum(of_region.queues) AS queues
    FROM discovery_exposures e CROSS JOIN LATERAL unnest(e.ids, e.queues) AS of_region (user_id, queues)
    GROUP BY 1
),
here AS (
    SELECT c.user_id, c.damping, coalesce(seen.queues, 0) AS queues,
        greatest(1, avg(coalesce(seen.queues, 0)) OVER (PARTITION BY c.gender)) AS usual
    FROM candidates c LEFT JOIN seen ON seen.user_id = c.user_id WHERE c.region = :region AND c.shown
),
wanted AS (
    SELECT user_id, greatest(-:most / 2, least(:most, round(
        damping + :most / 4.0 * log(2, (1 + queues) / (1 + usual))
    ))) AS damping
    FROM here
)
UPDATE candidates c SET damping = wanted.damping FROM wanted
WHERE c.user_id = wanted.user_id AND c.damping <> wanted.damping
""")
# The Gini coefficient of exposure: 2 * sum(rank * value) / (n * sum(value)) - (n + 1) / n, values in their order.
_FAIRNESS: Final = text("""
WITH seen AS (
    SELECT of_region.user_id, sum(of_region.queues) AS queues
    FROM discovery_exposures e CROSS JOIN LATERAL unnest(e.ids, e.queues) AS of_region (user_id, queues)
    GROUP BY 1
),
ordered AS (
    SELECT coalesce(seen.queues, 0)::float AS queues, row_number() OVER (ORDER BY coalesce(seen.queues, 0)) AS place,
        count(*) OVER () AS people
    FROM candidates c LEFT JOIN seen ON seen.user_id = c.user_id WHERE c.shown
)
SELECT count(*) AS shown,
    coalesce(2 * sum(place * queues) / nullif(max(people) * sum(queues), 0) - (max(people) + 1.0) / max(people), 0)
        AS gini,
    coalesce(avg((queues = 0)::integer), 0) AS shown_to_nobody
FROM ordered
""")


@dataclass(frozen=True, slots=True)
class Fairness:
    """How evenly queues are spread over those who can be shown."""

    shown: int
    gini: float
    shown_to_nobody: float


def start(session: Session, *, now: datetime) -> int | None:
    """Begin tonight's run, unless there is one; how many regions were asked for. Two who begin at once begin one."""
    day = _night(now)
    if session.get(DiscoveryRun, day) is not None:
        return None
    _be_patient(session)
    shares = _shares(session, now)
    row = insert(DiscoveryRun).values(
        day=day, started_at=now, regions=0, yes_given=shares[True], yes_received=shares[False]
    )
    if session.scalar(row.on_conflict_do_nothing().returning(DiscoveryRun.day)) is None:
        return None
    candidates.offer_far(session)
    found = regions(session)
    session.execute(delete(DiscoveryExposure).where(DiscoveryExposure.region.not_in(found)))
    session.execute(update(DiscoveryRun).where(DiscoveryRun.day == day).values(regions=len(found)))
    _ask_for_missing(session, now)
    ledger.ask(session, RANK_REGION, *map(str, found))
    return len(found)


def regions(session: Session) -> Sequence[int]:
    """The regions in which there is anybody."""
    return session.scalars(_REGIONS).all()


def finish(session: Session, *, now: datetime) -> DiscoveryRun | None:
    """Close the newest run if none of its regions waits any more: damp, and keep how fair it came out."""
    run = session.scalar(
        select(DiscoveryRun).order_by(DiscoveryRun.day.desc()).limit(1).with_for_update(skip_locked=True)
    )
    if run is None or run.finished_at is not None:
        return None
    waiting, failed = session.execute(
        select(func.count(Work.due_at), func.count() - func.count(Work.due_at)).where(Work.kind == RANK_REGION.name)
    ).one()
    if waiting:
        return None
    _be_patient(session)
    fair = fairness(session)
    run.finished_at, run.shown, run.gini, run.shown_to_nobody = now, fair.shown, fair.gini, fair.shown_to_nobody
    run.people, run.failed = session.scalar(select(func.count()).select_from(DiscoveryQueue)), failed
    return run


def damp(session: Session, *, region: int) -> None:
    """Damp those of a region who are in more queues than is usual there, and raise who is in fewer; once a night."""
    _be_patient(session)
    session.execute(_DAMP, {"region": region, "most": settings().exposure_damping})


def fairness(session: Session) -> Fairness:
    """How fair the queues are now."""
    row = session.execute(_FAIRNESS).one()
    return Fairness(row.shown, float(row.gini), float(row.shown_to_nobody))


def runs(session: Session, *, most: int) -> Sequence[DiscoveryRun]:
    """The last runs, the newest first."""
    return session.scalars(select(DiscoveryRun).order_by(DiscoveryRun.day.desc()).limit(most)).all()


def latest(session: Session) -> Sequence[DiscoveryRun]:
    """The last run, and before it the last one that has ended, where that is another."""
    ended = select(DiscoveryRun).where(DiscoveryRun.finished_at.is_not(None)).order_by(DiscoveryRun.day.desc()).limit(1)
    both = {run.day: run for run in (*session.scalars(ended), *runs(session, most=1))}
    return sorted(both.values(), key=lambda run: run.day, reverse=True)


def _be_patient(session: Session) -> None:
    """Let a statement over everybody take as long as its task may."""
    limit = f"{FINISH_NIGHT.soft_limit * 1000:.0f}"
    session.execute(select(func.set_config("statement_timeout", limit, True)))  # noqa: FBT003 - of this transaction only


def _night(now: datetime) -> date:
    """The day to which the run belongs that begins, or began, at the last DISCOVERY_HOUR."""
    return (now - timedelta(hours=settings().discovery_hour)).date()


def _shares(session: Session, now: datetime) -> dict[bool, list[float]]:
    """The usual shares of likes, given and received, for each of `rules.GENDERS`."""
    shares = {given: [appeal.USUAL] * len(rules.GENDERS) for given in (True, False)}
    for side, given, share in session.execute(_SHARES, {"since": now - timedelta(days=settings().pass_days)}):
        shares[given][side - 1] = share
    return shares


def _ask_for_missing(session: Session, now: datetime) -> None:
    """Ask for the queues of people of whom ranking knows nothing, a bounded number: code forgot to ask."""
    waiting = session.scalars(
        select(User.id)
        .outerjoin(Candidate, Candidate.user_id == User.id)
        .where(
            User.status == Status.ACTIVE,
            User.created_at < now - FORGOTTEN,
            Candidate.user_id.is_(None),
            ledger.unpromised(REFRESH_QUEUE, User.id),
        )
        .limit(MISSING)
    ).all()
    ledger.ask(session, REFRESH_QUEUE, *map(str, waiting))
