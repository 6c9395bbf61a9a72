"""Moderators and admins at the console, for tests: as clients that keep a cookie and fill in forms."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.accounts.passwords import hash_password
from tests.people import PASSWORD, make_user

HERE = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "origin": "http://testserver"}


def make_staff(session: Session, role: str = "moderator", **columns: Any) -> User:
    """Somebody who may enter."""
    return make_user(session, role=role, password_hash=hash_password(PASSWORD), **{"name": role.title(), **columns})


@dataclass
class Desk:
    """A browser in which somebody has logged in, or tried to."""

    client: TestClient
    answer: Response

    @classmethod
    def opened(cls, client: TestClient, login: str, password: str = PASSWORD) -> "Desk":
        """Log in with a browser of one's own."""
        mine = TestClient(client.app, raise_server_exceptions=False, follow_redirects=False)
        mine.portal = client.portal  # the event loop of the application
        form = {"username": login, "password": password}
        return cls(mine, mine.post("/admin/login", data=form, headers=HERE))

    def get(self, path: str, **more: Any) -> Response:
        return self.client.get(f"/admin{path}", **more)

    def page(self, path: str) -> str:
        """A page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def token(self) -> str:
        """That of the forms shown here."""
        found = re.search(r'name="csrftoken" value="([^"]+)"', self.page("/"))
        assert found is not None
        return found.group(1)

    def post(self, path: str, *, headers: dict[str, str] | None = None, **form: Any) -> Response:
        """Send a form as its page would."""
        data = {"csrftoken": self.token(), **form}
        return self.client.post(f"/admin{path}", data=data, headers=HERE if headers is None else headers)

    def told(self) -> str:
        """The messages of the next page, as text."""
        return " ".join(re.findall(r'<div class="alert-description">(.*?)</div>', self.page("/people/list")))


def detail(key: str, of: uuid.UUID) -> str:
    """The path of a page about one thing."""
    return f"/{key}/detail?pk={of}"
