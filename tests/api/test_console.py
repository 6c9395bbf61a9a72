"""The pages of the console: there for whom they are for, as they should be, with a fixed number of queries."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.console import Desk, make_staff

LISTS = ("cases", "people", "matches", "signals", "notices", "work", "audit")


@pytest.fixture
def admin(client: TestClient, session: Session) -> Desk:
    make_staff(session, "admin", email="root@example.com")
    session.commit()
    return Desk.opened(client, "root@example.com")


@pytest.mark.parametrize("path", ["/", "/photos", *(f"/{key}/list" for key in LISTS)])
def test_every_page_is_there(admin: Desk, path: str) -> None:
    page = admin.page(path)
    assert "Log out" in page
