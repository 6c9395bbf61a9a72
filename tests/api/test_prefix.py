"""Behind a proxy that serves the API below a prefix and takes it off: links and redirects stay below it."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.bodies import JSON_LIMIT
from shared.database import Database

Configure = Callable[..., None]


@pytest.fixture
def client(db: Database, configured: Configure) -> Iterator[TestClient]:
    """A client whose requests arrive as Uvicorn hands them on: with the prefix, and saying so."""
    configured(ROOT_PATH="/api")
    with TestClient(create_app(db), root_path="/api", raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def test_redirects_stay_below_the_prefix(client: TestClient) -> None:
    answer = client.get("/api/v1/health/live/")
    assert answer.headers["location"] == "http://testserver/api/v1/health/live"


def test_links_are_below_the_prefix(client: TestClient) -> None:
    account = {"email": "ada@example.com", "password": "engines of 1843", "name": "Ada", "birth_date": "1990-12-10"}
    answer = client.post("/api/v1/auth/signup", json=account)
    assert answer.headers["location"] == "http://testserver/api/v1/users/me"


def test_photos_may_be_larger_than_json(client: TestClient) -> None:
    body = b"x" * (JSON_LIMIT + 1)
    assert client.post("/api/v1/auth/login", content=body).status_code == 413
    assert client.post("/api/v1/profile/photos", content=body).status_code == 401


def test_the_docs_work_below_the_prefix(client: TestClient) -> None:
    assert "url: '/api/openapi.json'" in client.get("/api/docs").text
    document = client.get("/api/openapi.json").json()
    assert document["servers"] == [{"url": "/api"}]
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["flows"]["password"]["tokenUrl"] == "/api/v1/auth/token"


@pytest.mark.parametrize("prefix", ["api", "/api/", "https://trydelete.app/api"])
def test_a_prefix_in_another_form_is_refused_at_the_start(configured: Configure, prefix: str) -> None:
    configured(ROOT_PATH=prefix)
    with pytest.raises(SystemExit, match="ROOT_PATH"):
        create_app()
