"""A person's own photos: the limit, the order, and the promise to process and to delete."""

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.errors import Refusal
from shared.jobs import DELETE_FILES, PROCESS_PHOTO
from shared.ledger import Work
from shared.photos import service
from shared.photos.models import Photo
from tests.people import make_user


def submit(session: Session, user: object) -> Photo:
    return service.submit(session, user, photo_id=uuid.uuid4())  # type: ignore[arg-type]


def promised(session: Session) -> set[tuple[str, str]]:
    return {(work.kind, work.key) for work in session.scalars(select(Work))}


def test_a_photo_is_taken_in_with_the_promise_to_process_it(session: Session) -> None:
    photo = submit(session, make_user(session))
    assert (photo.status, photo.position) == ("processing", 0)
    assert promised(session) == {(PROCESS_PHOTO.name, str(photo.id))}


def test_six_photos_fit(session: Session) -> None:
    user = make_user(session)
    assert [submit(session, user).position for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    with pytest.raises(Refusal, match="as many photos as fit") as refused:
        submit(session, user)
    assert (refused.value.code, refused.value.details) == ("photo_limit", {"limit": 6})


def test_rejected_photos_take_no_place(session: Session) -> None:
    user = make_user(session)
    for photo in [submit(session, user) for _ in range(6)][:2]:
        photo.status, photo.rejection = "rejected", "corrupt"
    session.flush()
    submit(session, user)
    submit(session, user)
    with pytest.raises(Refusal):
        service.check_room(session, user)


def test_nobody_piles_up_rejected_photos(session: Session) -> None:
    user = make_user(session)
    for _ in range(service.MOST_REJECTED + 5):
        photo = submit(session, user)
        photo.status, photo.rejection = "rejected", "corrupt"
        session.flush()
    newest = submit(session, user)
    photos = service.own_photos(session, user)
    assert len(photos) == service.MOST_REJECTED + 1
    assert [photo.position for photo in photos] == list(range(len(photos)))
    assert photos[-1].id == newest.id
    assert sum(kind == DELETE_FILES.name for kind, _ in promised(session)) == 5


def test_the_order_names_every_photo_once(session: Session) -> None:
    user, stranger = make_user(session), make_user(session)
    photos = [submit(session, user) for _ in range(3)]
    ids = [photo.id for photo in photos]
    wanted = [ids[2], ids[0], ids[1]]
    assert [photo.id for photo in service.reorder(session, user, ids=wanted)] == wanted
    session.expire_all()
    assert [photo.id for photo in service.own_photos(session, user)] == wanted
    foreign = submit(session, stranger).id
    for wrong in ([ids[0]], [*ids, ids[0]], [*ids, foreign], [ids[0], ids[0], ids[1]], []):
        with pytest.raises(Refusal, match="exactly once"):
            service.reorder(session, user, ids=wrong)


def test_deleting_closes_the_gap_and_promises_to_delete_the_files(session: Session) -> None:
    user = make_user(session)
    first, second, third = (submit(session, user) for _ in range(3))
    service.remove(session, user, photo_id=second.id)
    session.expire_all()
    left = service.own_photos(session, user)
    assert [(photo.id, photo.position) for photo in left] == [(first.id, 0), (third.id, 1)]
    assert (DELETE_FILES.name, str(second.id)) in promised(session)
    assert (PROCESS_PHOTO.name, str(second.id)) not in promised(session)


def test_another_persons_photo_is_not_found(session: Session) -> None:
    photo = submit(session, make_user(session))
    stranger = make_user(session)
    for call in (service.own_photo, service.remove):
        with pytest.raises(Refusal) as refused:
            call(session, stranger, photo_id=photo.id)
        assert refused.value.code == "not_found"
