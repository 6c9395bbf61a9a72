"""Signed links to pictures, in a local folder and in a bucket."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import worker.photos
import worker.work
from shared import clock
from shared.storage import storage
from tests.people import error_code

MADE = (worker.photos, worker.work)  # modules in which tasks find the database
KEY = "photos/ab/abc/1234-320.webp"


@pytest.fixture
def link(configured: Callable[..., None], tmp_path: Path) -> str:
    configured(STORAGE_URL=f"file://{tmp_path}", MEDIA_URL_HOURS="2")
    storage().put(KEY, b"picture", "image/webp")
    return storage().url(KEY)


def test_a_signed_link_serves_the_picture_for_caches_but_not_for_scripts(client: TestClient, link: str) -> None:
    answer = client.get(link)
    assert (answer.status_code, answer.content) == (200, b"picture")
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    private, age, immutable = answer.headers["Cache-Control"].split(", ")
    assert (private, immutable) == ("private", "immutable")
    assert 3600 <= int(age.removeprefix("max-age=")) <= 7200
    again = client.get(link, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_link_keeps_its_address_for_a_while_so_that_caches_work(link: str) -> None:
    assert storage().url(KEY) == link


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace("320", "640"),
        lambda link: link.replace("expires=1", "expires=2"),
        lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"),
        lambda link: link.replace("signature=", "signature=%00"),
        lambda link: link.replace("/media/", "/media/../"),
        lambda link: link.replace("/media/photos", "/media/../../etc/passwd"),
    ],
)
def test_a_changed_link_serves_nothing(client: TestClient, link: str, change: Callable[[str], str]) -> None:
    answer = client.get(change(link))
    assert answer.status_code in {404, 422}
    assert error_code(answer) in {"not_found", "validation_error"}


def test_a_link_expires(client: TestClient, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert client.get(link).status_code == 404


def test_a_deleted_file_is_not_found(client: TestClient, link: str) -> None:
    storage().delete([KEY])
    assert error_code(client.get(link)) == "not_found"


def test_what_is_not_a_rendition_is_never_served(client: TestClient, link: str) -> None:
    storage().put("uploads/raw", b"with GPS", "application/octet-stream")
    assert client.get(storage().url("uploads/raw")).status_code == 404


def test_a_link_without_its_signature_is_refused(client: TestClient, link: str) -> None:
    assert client.get(link.partition("?")[0]).status_code == 422


def test_another_secret_signs_other_links(link: str, configured: Callable[..., None], client: TestClient) -> None:
    configured(MEDIA_SECRET="another secret of this test")
    assert storage().url(KEY) != link
    assert client.get(link).status_code == 404
