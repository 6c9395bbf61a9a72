"""People for tests: as rows, and as clients of the API."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from shared.accounts.models import User

PASSWORD = "engines of 1843"


def make_user(session: Session, **columns: Any) -> User:
    """A person in the database who cannot log in."""
    defaults = {
        "email": f"{uuid.uuid4().hex}@example.com",
        "name": "Ada",
        "birth_date": date(1990, 12, 10),
        "password_hash": "!",
    }
    user = User(**{**defaults, **columns})
    session.add(user)
    session.flush()
    session.refresh(user)
    return user


@dataclass
class Person:
    """Somebody who has signed up over HTTP."""

    client: TestClient
    email: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> uuid.UUID:
        return uuid.UUID(self.tokens["user"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def request(self, method: str, path: str, **more: Any) -> Response:
        return self.client.request(method, path, headers=self.headers | more.pop("headers", {}), **more)

    def get(self, path: str, **more: Any) -> Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> Response:
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> Response:
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> Response:
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> Response:
        return self.request("DELETE", path, **more)

    def upload(self, data: bytes, name: str = "photo.jpg") -> Response:
        return self.post("/v1/profile/photos", files={"file": (name, data, "image/jpeg")})


def sign_up(client: TestClient, **more: Any) -> Person:
    """Create an account over HTTP and be logged in."""
    email = more.pop("email", f"{uuid.uuid4().hex}@example.com")
    body = {"email": email, "password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10", **more}
    answer = client.post("/v1/auth/signup", json=body)
    assert answer.status_code == 201, answer.text
    return Person(client, email, answer.json())


def error_code(answer: Response) -> str:
    """The code of an error answer, having checked that it has the standard form."""
    body = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "details", "request_id"}, body
    assert body["error"]["request_id"] == answer.headers["X-Request-ID"]
    return str(body["error"]["code"])
