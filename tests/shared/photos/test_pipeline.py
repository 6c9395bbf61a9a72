"""What becomes of a photo: ready once, duplicates, stolen ones, giving up, and care for what was forgotten."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from shared import events, ledger
from shared.accounts import bans
from shared.accounts.models import User
from shared.database import Database
from shared.jobs import DELETE_FILES, PROCESS_PHOTO
from shared.ledger import Work
from shared.moderation.models import Case, Signal
from shared.moderation.rules import SIGNALS
from shared.photos import pipeline, service
from shared.photos.models import Photo
from shared.photos.pipeline import Outcome
from shared.photos.rules import Rejection
from tests.people import make_user

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INFORMATIVE = 0x0F1E2D3C4B5A6978


def outcome(*, fingerprint: int = INFORMATIVE, sha256: bytes = b"a" * 32, color: str = "#336699") -> Outcome:
    names = {variant: f"photos/{sha256.hex()[:4]}-{variant}" for variant in ("320", "640", "1080", "jpeg")}
    return Outcome(1080, 1440, "hash", color, fingerprint, sha256, names)


def submit(session: Session, user: User) -> uuid.UUID:
    return service.submit(session, user, photo_id=uuid.uuid4()).id


def accept(session: Session, photo_id: uuid.UUID, result: Outcome) -> Photo:
    pipeline.accept(session, photo_id=photo_id, outcome=result, now=NOW)
    photo = session.get(Photo, photo_id)
    assert photo is not None
    return photo


def told(session: Session) -> list[str]:
    return [event.type for event in events.noted(session)]


def test_a_photo_becomes_ready_and_its_owner_is_told(session: Session) -> None:
    user = make_user(session)
    photo = accept(session, submit(session, user), outcome())
    assert (photo.status, photo.width, photo.height, photo.color) == ("ready", 1080, 1440, "#336699")
    assert photo.fingerprint == f"{INFORMATIVE:064b}"
    assert told(session) == ["photo.ready"]


def test_the_same_bytes_or_looks_again_are_a_duplicate(session: Session) -> None:
    user = make_user(session)
    accept(session, submit(session, user), outcome())
    same_bytes = accept(session, submit(session, user), outcome(fingerprint=1))
    same_looks = accept(session, submit(session, user), outcome(fingerprint=INFORMATIVE ^ 1, sha256=b"b" * 32))
    other = accept(session, submit(session, user), outcome(fingerprint=~INFORMATIVE & (2**64 - 1), sha256=b"c" * 32))
    assert [photo.rejection for photo in (same_bytes, same_looks, other)] == ["duplicate", "duplicate", None]
    assert told(session) == ["photo.ready", "photo.rejected", "photo.rejected", "photo.ready"]


def test_of_two_equal_photos_processed_at_once_one_is_ready(committed: Database) -> None:
    for _ in range(10):
        with committed.transaction() as session:
            user = make_user(session)
            ids = [submit(session, user) for _ in range(2)]
        start = threading.Barrier(2)

        def process(photo_id: uuid.UUID, start: threading.Barrier = start) -> None:
            start.wait()
            committed.call(pipeline.accept, photo_id=photo_id, outcome=outcome(), now=NOW)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(process, ids))
        with committed.transaction() as session:
            statuses = session.scalars(select(Photo.status).where(Photo.user_id == user.id)).all()
        assert sorted(statuses) == ["ready", "rejected"]


@pytest.mark.parametrize(
    ("again", "same_bytes"),
    [
        (outcome(), True),
        (outcome(fingerprint=INFORMATIVE ^ 0b11, sha256=b"b" * 32), False),
    ],
)
def test_anothers_photo_raises_a_signal_once(session: Session, again: Outcome, *, same_bytes: bool) -> None:
    original = accept(session, submit(session, make_user(session)), outcome())
    thief = make_user(session)
    photo = accept(session, submit(session, thief), again)
    assert photo.status == "ready", "a signal is for moderators, not a verdict"
    (signal,) = session.scalars(select(Signal)).all()
    assert (signal.kind, signal.user_id) == ("stolen_photo", thief.id)
    assert signal.evidence["other_photo_id"] == str(original.id)
    assert signal.evidence["same_bytes"] is same_bytes
    case = session.scalars(select(Case)).one()
    assert (case.user_id, signal.case_id, case.priority) == (thief.id, case.id, SIGNALS["stolen_photo"])
    pipeline._look_for_stolen(session, photo, NOW)
    assert session.scalar(select(func.count()).select_from(Signal)) == 1


def test_a_photo_of_somebody_banned_opens_a_case(session: Session) -> None:
    banned_in = uuid.uuid4()
    bans.keep(session, make_user(session), case_id=banned_in, photos=[(b"a" * 32, f"{INFORMATIVE:064b}", "#336699")])
    for fingerprint, kept in ((INFORMATIVE ^ 0b11, [str(banned_in)]), (~INFORMATIVE & (2**64 - 1), [])):
        back = make_user(session)
        accept(session, submit(session, back), outcome(fingerprint=fingerprint, sha256=b"b" * 32))
        signals = session.scalars(select(Signal).where(Signal.user_id == back.id, Signal.kind == "banned_photo")).all()
        assert [one.evidence["case_id"] for one in signals] == kept


def test_a_removed_photo_is_kept_while_people_can_object(session: Session) -> None:
    photo = accept(session, submit(session, make_user(session)), outcome())
    service.take_away(session, photo, now=NOW)
    pipeline.tidy(session, now=NOW + pipeline.KEEP_REMOVED)
    assert service.give_back(session, photo)
    service.take_away(session, photo, now=NOW)
    pipeline.tidy(session, now=NOW + pipeline.KEEP_REMOVED + timedelta(seconds=1))
    assert session.scalars(select(Photo)).all() == []


def test_pictures_without_structure_are_nobodys(session: Session) -> None:
    accept(session, submit(session, make_user(session)), outcome(fingerprint=0))
    accept(session, submit(session, make_user(session)), outcome(fingerprint=0, sha256=b"b" * 32))
    assert session.scalars(select(Signal)).all() == []


def test_a_photo_that_is_gone_meanwhile_changes_nothing(session: Session) -> None:
    gone = uuid.uuid4()
    assert pipeline.source(session, photo_id=gone) is None
    pipeline.accept(session, photo_id=gone, outcome=outcome(), now=NOW)
    pipeline.reject(session, photo_id=gone, reason=Rejection.CORRUPT, now=NOW)
    assert told(session) == []


def test_a_ready_photo_is_made_again_from_its_own_largest_rendition(session: Session) -> None:
    photo_id = submit(session, make_user(session))
    assert pipeline.source(session, photo_id=photo_id) == pipeline.Source(
        f"uploads/{photo_id}", photo_id, is_upload=True
    )
    photo = accept(session, photo_id, outcome())
    assert photo.renditions is not None
    before = dict(photo.renditions)
    assert pipeline.source(session, photo_id=photo_id) == pipeline.Source(before["jpeg"], photo_id, is_upload=False)
    again = accept(session, photo_id, outcome(sha256=b"z" * 32))
    assert again.renditions is not None
    assert {name: again.renditions[name] == before[name] for name in before} == {
        "320": False,
        "640": False,
        "1080": True,
        "jpeg": True,
    }
    assert again.sha256 == b"a" * 32, "that of the upload"
    assert told(session) == ["photo.ready"], "nobody is told twice"


def test_a_rejected_photo_is_not_processed_again_but_a_given_up_one_is(session: Session) -> None:
    user = make_user(session)
    damaged, given_up = submit(session, user), submit(session, user)
    pipeline.reject(session, photo_id=damaged, reason=Rejection.CORRUPT, now=NOW)
    pipeline.give_up(session, str(given_up), NOW)
    assert pipeline.source(session, photo_id=damaged) is None
    assert pipeline.source(session, photo_id=given_up) is not None
    assert pipeline.files_in_use(session, [damaged, given_up]) == {f"uploads/{given_up}"}
    assert accept(session, given_up, outcome()).status == "ready"


def test_a_retried_photo_does_not_become_the_seventh(session: Session) -> None:
    user = make_user(session)
    given_up = submit(session, user)
    pipeline.give_up(session, str(given_up), NOW)
    for _ in range(6):
        submit(session, user)
    assert accept(session, given_up, outcome()).rejection == "could_not_process"


def test_rejecting_leaves_a_ready_photo_alone(session: Session) -> None:
    photo = accept(session, submit(session, make_user(session)), outcome())
    pipeline.reject(session, photo_id=photo.id, reason=Rejection.COULD_NOT_PROCESS, now=NOW)
    assert photo.status == "ready"


def test_tidying_forgets_old_rejections_and_finds_what_nobody_processes(session: Session) -> None:
    user = make_user(session)
    old, fresh, forgotten, waiting = (submit(session, user) for _ in range(4))
    for photo_id in (old, fresh):
        pipeline.reject(session, photo_id=photo_id, reason=Rejection.CORRUPT, now=NOW)
    session.execute(update(Photo).where(Photo.id == old).values(processed_at=NOW - timedelta(days=8)))
    session.execute(update(Photo).where(Photo.id == fresh).values(processed_at=NOW - timedelta(days=6)))
    session.execute(update(Photo).where(Photo.id.in_([forgotten, waiting])).values(created_at=NOW - timedelta(hours=1)))
    ledger.cancel(session, PROCESS_PHOTO, str(forgotten))
    assert pipeline.tidy(session, now=NOW) == (1, 1)
    left = set(session.scalars(select(Photo.id)))
    assert left == {fresh, forgotten, waiting}
    promised = {(work.kind, work.key) for work in session.scalars(select(Work))}
    assert {(DELETE_FILES.name, str(old)), (PROCESS_PHOTO.name, str(forgotten))} <= promised
    assert pipeline.tidy(session, now=NOW) == (0, 0)


def test_reindexing_finds_what_it_is_asked_for(session: Session) -> None:
    user, other = make_user(session), make_user(session)
    mine = [submit(session, user) for _ in range(3)]
    theirs = submit(session, other)
    damaged = submit(session, user)
    pipeline.reject(session, photo_id=damaged, reason=Rejection.CORRUPT, now=NOW)
    accept(session, mine[0], outcome())

    def ids(*, stale: bool = False, user_id: uuid.UUID | None = None) -> set[uuid.UUID]:
        return set(session.scalars(pipeline.to_process(user_id=user_id, stale=stale)))

    assert ids() == {*mine, theirs}
    assert ids(user_id=user.id) == {*mine}
    assert ids(stale=True, user_id=user.id) == {*mine[1:]}


def test_the_nearest_photos_are_found_by_the_index(session: Session) -> None:
    session.execute(text("SET LOCAL enable_seqscan = off"))
    nearest = "SELECT id FROM photos ORDER BY fingerprint <~> repeat('01', 32)::bit(64) LIMIT 20"
    plan = session.scalars(text(f"EXPLAIN {nearest}")).all()
    assert "ix_photos_fingerprint" in "\n".join(plan)
