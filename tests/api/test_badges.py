"""The routes of badges: one's own, the catalogue, and the icons."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from api.badges import PublicBadge
from shared.accounts.models import User
from shared.badges import service
from shared.badges.catalogue import BADGES
from shared.badges.drawings import DRAWINGS
from tests.people import Person, error_code, sign_up
from tests.shared.badges.people import MODEL, answer, closeness, score

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client)


def give_badges(session: Session, person: Person) -> None:
    user = session.get_one(User, person.id)
    answer(session, user, "sawdust")
    score(session, user, directness=0.9)
    service.make(session, user_ids=[user.id], model=MODEL, closeness=closeness, now=NOW)
    session.commit()


def test_ones_own_badges_come_the_best_first(ada: Person, session: Session) -> None:
    assert ada.get("/v1/profile/badges").json() == {"items": [], "total": 0, "limit": 100, "offset": 0}
    give_badges(session, ada)
    page = ada.get("/v1/profile/badges").json()
    assert page["items"][0] == {
        "slug": "sawdust",
        "name": "Sawdust",
        "description": "Looks at a broken thing and rolls up both sleeves.",
        "reason": "Made by hand: the answer to “What a morning with nothing planned turns into”",
        "icon": "http://testserver/v1/badges/sawdust/icon.svg",
        "awarded_at": "2026-11-21T12:00:00Z",
    }
    assert [badge["slug"] for badge in page["items"]] == ["sawdust", "straight_line"]
    second = ada.get("/v1/profile/badges", params={"limit": 1, "offset": 1}).json()
    assert ([badge["slug"] for badge in second["items"]], second["total"]) == (["straight_line"], 2)


def test_badges_are_only_ones_own(ada: Person, client: TestClient, session: Session) -> None:
    give_badges(session, ada)
    assert sign_up(client).get("/v1/profile/badges").json()["total"] == 0


def test_others_are_not_told_since_when() -> None:
    assert set(PublicBadge.model_fields) == {"slug", "name", "description", "icon", "reason"}


def test_the_catalogue_has_every_badge_with_its_icon(ada: Person, client: TestClient) -> None:
    page = ada.get("/v1/badges").json()
    assert page["total"] == len(BADGES) == len(page["items"])
    assert {tuple(badge) for badge in page["items"]} == {("slug", "name", "description", "icon")}
    for badge in page["items"]:
        assert client.get(badge["icon"]).content == DRAWINGS[badge["slug"]].svg
    part = ada.get("/v1/badges", params={"limit": 2, "offset": 1}).json()
    assert [badge["slug"] for badge in part["items"]] == [badge.slug for badge in BADGES[1:3]]


@pytest.mark.parametrize("path", ["/v1/badges", "/v1/profile/badges"])
def test_badges_are_for_the_signed_in(client: TestClient, path: str) -> None:
    assert error_code(client.get(path)) == "not_authenticated"
    assert sign_up(client).get(path, params={"limit": 0}).status_code == 422


def test_who_has_logged_out_does_not_see_the_catalogue(ada: Person) -> None:
    assert ada.post("/v1/auth/logout-all").status_code == 204
    assert error_code(ada.get("/v1/badges")) == "token_invalid"


def test_an_icon_can_be_cached_and_can_do_nothing(client: TestClient) -> None:
    answer = client.get("/v1/badges/sawdust/icon.svg")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    again = client.get("/v1/badges/sawdust/icon.svg", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/badges/recess/icon.svg").headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize("slug", ["nothing", "..%2Fcatalogue", "%2e%2e", "SAWDUST", "sawdust.svg"])
def test_an_unknown_icon_is_the_usual_404(client: TestClient, slug: str) -> None:
    answer = client.get(f"/v1/badges/{slug}/icon.svg")
    assert (answer.status_code, error_code(answer)) == (404, "not_found")


def test_icons_are_below_the_host_that_was_asked(ada: Person) -> None:
    page = ada.get("/v1/badges", headers={"Host": "trydelete.app"}).json()
    assert page["items"][0]["icon"].startswith("http://trydelete.app/v1/badges/")
