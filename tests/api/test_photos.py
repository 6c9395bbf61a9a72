"""The photo routes: what is taken in, what is refused and how early, and what a person is shown."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.jobs import DELETE_FILES, PROCESS_PHOTO, SEND_MAIL
from shared.ledger import Work
from shared.photos import service
from shared.photos.rules import MAX_BYTES, MESSAGES, Rejection
from tests.api.test_media import MADE
from tests.people import Person, error_code, sign_up
from tests.pictures import avif, heic, small_photo, webp
from worker import photos as tasks


@pytest.fixture
def media(configured: Callable[..., None], tmp_path: Path) -> Path:
    configured(STORAGE_URL=f"file://{tmp_path}")
    return tmp_path


@pytest.fixture
def ada(client: TestClient, media: Path) -> Person:
    return sign_up(client)


def files(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def form(name: str = "file", boundary: str = "b0undary", body: bytes = b"", *, end: bool = True) -> dict[str, object]:
    """A multipart body made by hand."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="p.jpg"\r\n\r\n'.encode()
    tail = f"\r\n--{boundary}--\r\n".encode() if end else b""
    return {"content": head + body + tail, "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"}}


@pytest.mark.parametrize("picture", [small_photo, webp, heic, avif])
def test_an_upload_is_stored_promised_and_answered(
    ada: Person, media: Path, session: Session, picture: Callable[[], bytes]
) -> None:
    answer = ada.upload(picture(), name="../../etc/passwd")
    assert answer.status_code == 202, answer.text
    photo = answer.json()
    assert photo == {
        "id": photo["id"],
        "status": "processing",
        "rejection": None,
        "position": 0,
        "width": None,
        "height": None,
        "thumbhash": None,
        "color": None,
        "urls": None,
        "created_at": photo["created_at"],
    }
    assert answer.headers["Location"] == f"http://testserver/v1/profile/photos/{photo['id']}"
    assert ada.get(answer.headers["Location"]).json() == photo
    assert files(media) == [f"uploads/{photo['id']}"]
    assert (media / "uploads" / photo["id"]).read_bytes() == picture()
    work = session.scalars(select(Work).where(Work.kind != SEND_MAIL.name)).one()
    assert (work.kind, work.key, work.request_id) == (PROCESS_PHOTO.name, photo["id"], answer.headers["X-Request-ID"])


def test_other_fields_of_the_form_are_passed_over(ada: Person, media: Path) -> None:
    picture = small_photo()
    sent = {"title": (None, "mine"), "file": ("p.jpg", picture), "more": (None, "x" * 1000)}
    answer = ada.post("/v1/profile/photos", files=sent)
    assert answer.status_code == 202
    assert (media / "uploads" / answer.json()["id"]).read_bytes() == picture


@pytest.mark.parametrize(
    ("status", "code", "send"),
    [
        (415, "unsupported_media", lambda ada: ada.upload(b"just some text that is called a photo" * 10)),
        (415, "unsupported_media", lambda ada: ada.upload(b"GIF89a" + bytes(500))),
        (415, "unsupported_media", lambda ada: ada.upload(b"tiny")),
        (422, "validation_error", lambda ada: ada.upload(b"")),
        (413, "too_large", lambda ada: ada.upload(small_photo() + bytes(16 * 1024**2))),
        (413, "too_large", lambda ada: ada.upload(small_photo() + bytes(MAX_BYTES - len(small_photo()) + 1))),
        (422, "validation_error", lambda ada: ada.post("/v1/profile/photos", **form("photo", body=small_photo()))),
        (422, "validation_error", lambda ada: ada.post("/v1/profile/photos", **form(body=small_photo(), end=False))),
        (422, "validation_error", lambda ada: ada.post("/v1/profile/photos", **form(boundary="b" * 71, body=b"x"))),
        (422, "validation_error", lambda ada: ada.post("/v1/profile/photos", json={"file": "x"})),
        (422, "validation_error", lambda ada: ada.post("/v1/profile/photos", content=small_photo())),
        (
            422,
            "validation_error",
            lambda ada: ada.post(
                "/v1/profile/photos",
                content=b"no boundary in here",
                headers={"Content-Type": "multipart/form-data; boundary=x"},
            ),
        ),
    ],
)
def test_bad_uploads_are_refused_and_leave_nothing(
    ada: Person, media: Path, session: Session, status: int, code: str, send: Callable[[Person], object]
) -> None:
    answer = send(ada)
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    assert error_code(answer) == code  # type: ignore[arg-type]
    assert files(media) == []
    assert session.scalars(select(Work).where(Work.kind != SEND_MAIL.name)).all() == []
    assert ada.get("/v1/profile/photos").json()["total"] == 0


def test_exactly_fifteen_megabytes_fit(ada: Person) -> None:
    assert ada.upload(small_photo() + bytes(MAX_BYTES - len(small_photo()))).status_code == 202


def test_a_body_that_does_not_say_its_length_is_counted_while_it_comes(ada: Person, media: Path) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n' + small_photo()
        while sent < 100 * 1024**2:
            sent += 1024**2
            yield bytes(1024**2)

    answer = ada.post(
        "/v1/profile/photos", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status_code, error_code(answer)) == (413, "too_large")
    assert files(media) == []


def test_an_upload_that_lost_the_race_for_the_last_place_leaves_nothing(
    ada: Person, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(6):
        ada.upload(small_photo(seed=seed))
    monkeypatch.setattr(service, "check_room", lambda *_: monkeypatch.undo())  # as if there had been room just now
    before = files(media)
    assert error_code(ada.upload(small_photo(seed=7))) == "photo_limit"
    assert files(media) == before


def test_the_seventh_photo_is_refused_before_its_bytes_are_read(ada: Person, media: Path) -> None:
    for seed in range(6):
        assert ada.upload(small_photo(seed=seed)).status_code == 202
    answer = ada.upload(b"whatever")
    assert (answer.status_code, error_code(answer)) == (409, "photo_limit")
    assert answer.json()["error"]["details"] == {"limit": 6}
    assert len(files(media)) == 6


def test_a_processed_photo_is_shown_with_links_and_a_rejected_one_with_its_reason(
    ada: Person, db: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in MADE:
        monkeypatch.setattr(module, "database", lambda: db)
    good, damaged = ada.upload(small_photo()).json()["id"], ada.upload(small_photo()[:9000]).json()["id"]
    tasks.process(good)
    tasks.process(damaged)
    listed = ada.get("/v1/profile/photos").json()
    assert (listed["total"], listed["limit"], listed["offset"]) == (2, 100, 0)
    ready, rejected = listed["items"]
    assert (ready["id"], ready["status"], ready["rejection"]) == (good, "ready", None)
    assert set(ready["urls"]) == {"320", "640", "1080", "jpeg"}
    assert ready["thumbhash"]
    assert ready["color"].startswith("#")
    assert (rejected["id"], rejected["status"], rejected["urls"]) == (damaged, "rejected", None)
    assert rejected["rejection"] == {"code": "corrupt", "message": MESSAGES[Rejection.CORRUPT]}
    page = ada.get("/v1/profile/photos", params={"limit": 1, "offset": 1}).json()
    assert [photo["id"] for photo in page["items"]] == [damaged]
    assert page["total"] == 2
    assert ada.get("/v1/users/me").json()["profile"]["percent"] == 30


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": "many"}, {"limit": 10**30}])
def test_pages_outside_the_bounds_are_refused(ada: Person, query: dict[str, object]) -> None:
    answer = ada.get("/v1/profile/photos", params=query)
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


def test_photos_are_put_in_order_and_deleted(ada: Person, session: Session) -> None:
    ids = [ada.upload(small_photo(seed=seed)).json()["id"] for seed in range(3)]
    answer = ada.put("/v1/profile/photos/order", json={"ids": ids[::-1]})
    assert [(photo["id"], photo["position"]) for photo in answer.json()["items"]] == list(
        zip(ids[::-1], range(3), strict=True)
    )
    assert ada.put("/v1/profile/photos/order", json={"ids": ids[:2]}).status_code == 422
    assert ada.put("/v1/profile/photos/order", json={"ids": ["x"]}).status_code == 422
    assert ada.delete(f"/v1/profile/photos/{ids[2]}").status_code == 204
    left = ada.get("/v1/profile/photos").json()["items"]
    assert [(photo["id"], photo["position"]) for photo in left] == [(ids[1], 0), (ids[0], 1)]
    assert ada.delete(f"/v1/profile/photos/{ids[2]}").status_code == 404
    assert session.get(Work, (DELETE_FILES.name, ids[2])) is not None


def test_another_persons_photo_does_not_exist(ada: Person, client: TestClient) -> None:
    photo = ada.upload(small_photo()).json()["id"]
    stranger = sign_up(client)
    for method in ("GET", "DELETE"):
        answer = stranger.request(method, f"/v1/profile/photos/{photo}")
        assert (answer.status_code, error_code(answer)) == (404, "not_found")
    assert stranger.get(f"/v1/profile/photos/{uuid.uuid4()}").status_code == 404
    assert stranger.get("/v1/profile/photos/not-an-id").status_code == 422
    assert ada.get(f"/v1/profile/photos/{photo}").status_code == 200


def test_only_the_signed_in_upload(client: TestClient, media: Path) -> None:
    answer = client.post("/v1/profile/photos", files={"file": small_photo()})
    assert (answer.status_code, error_code(answer)) == (401, "not_authenticated")
    assert files(media) == []


def test_without_storage_an_upload_is_told_to_come_back(
    client: TestClient, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "test")
    configured(STORAGE_URL="s3://bucket/media", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_ALLOW_HTTP="true")
    ada = sign_up(client)
    answer = ada.upload(small_photo())
    assert (answer.status_code, error_code(answer)) == (503, "service_unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert session.scalars(select(Work).where(Work.kind != SEND_MAIL.name)).all() == []
