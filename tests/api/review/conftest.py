"""The people of a case: Ada reports Bob, Mo moderates, and Amy is an admin."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from shared.photos.models import Photo, PhotoStatus
from tests.api.review.judging import staff
from tests.people import Person, sign_up


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada")


@pytest.fixture
def bob(client: TestClient, session: Session) -> Person:
    bob = sign_up(client, name="Bob", bio="Buy my pills.", username="bob.pills")
    renditions = {name: f"photos/bo/b-{name}" for name in ("320", "640", "1080", "jpeg")}
    session.add(
        Photo(
            user_id=bob.id,
            position=0,
            status=PhotoStatus.READY,
            renditions=renditions,
            sha256=b"1" * 32,
            fingerprint="01" * 32,
            color="#102030",
        )
    )
    session.flush()
    return bob


@pytest.fixture
def mo(client: TestClient, session: Session) -> Person:
    return staff(client, session, name="Mo")


@pytest.fixture
def amy(client: TestClient, session: Session) -> Person:
    return staff(client, session, "admin", name="Amy")
