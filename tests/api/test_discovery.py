"""Discovery over HTTP: who is shown, in what order, with what, and what changes that in the very next read."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Role, Status, User
from shared.badges.catalogue import BADGES
from shared.discovery import candidates, nights, queues
from shared.discovery.models import DiscoveryQueue
from shared.jobs import REFRESH_QUEUE
from shared.ledger import Work
from shared.matching.models import Block, Pair
from shared.matching.rules import in_order, side
from shared.photos.models import Photo
from shared.storage import storage
from tests.api.test_profiles import PLACE, show
from tests.api.test_quiz import submit
from tests.people import Person, error_code, sign_up

NEARBY = {"latitude": 52.53, "longitude": 13.41}


@pytest.fixture
def ada(client: TestClient, session: Session) -> Person:
    ada = sign_up(client, location=PLACE, gender="woman")
    show(session, ada)
    return ada


@pytest.fixture
def bob(client: TestClient, session: Session) -> Person:
    return shown(client, session, name="Bob", gender="man")


def shown(client: TestClient, session: Session, **more: Any) -> Person:
    """Somebody nearby with a photo, of whom ranking knows."""
    person = sign_up(client, **{"location": NEARBY, **more})
    show(session, person)
    candidates.make(session, user_ids=[person.id], now=clock.now())
    return person


def page(person: Person, **asked: Any) -> dict[str, Any]:
    answer = person.get("/v1/discovery", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seen(person: Person) -> list[uuid.UUID]:
    return [uuid.UUID(card["user"]["id"]) for card in page(person, limit=100)["items"]]


def test_somebody_without_a_queue_is_shown_people_at_once(ada: Person, bob: Person, session: Session) -> None:
    assert session.get(DiscoveryQueue, ada.id) is None
    found = page(ada)
    (card,) = found["items"]
    assert card["user"]["id"] == str(bob.id)
    assert set(card) == {"user", "compatibility", "liked_you"}
    assert card["liked_you"] is False
    assert found["queue"]["remaining"] == 1
    assert found["next_cursor"] is None
    assert found["help"] == []


def test_a_card_shows_what_the_profile_shows(ada: Person, bob: Person, session: Session) -> None:
    """One is JSON that Postgres makes, the other goes through Python: nobody may see a difference."""
    submit(ada)
    submit(bob)
    for number, question in enumerate(ada.get("/v1/prompts").json()["items"][:3]):
        said = {"question_id": question["id"], "answer": f"Bread № {number} “and” \\ {{soup}}", "private": number == 1}
        assert bob.post("/v1/profile/prompts", json=said).status_code == 201
    session.execute(
        text(
            "INSERT INTO user_badges (user_id, slug, reason, strength, position, awarded_at) "
            "VALUES (:id, :slug, 'You come alive among people.', 0.9, 0, now())"
        ),
        {"id": bob.id, "slug": BADGES[0].slug},
    )
    session.execute(update(User).where(User.id == bob.id).values(last_active_at=clock.now() - timedelta(days=3)))
    profile = ada.get(f"/v1/users/{bob.id}").json()
    (card,) = page(ada)["items"]
    assert card["user"] == profile
    assert card["compatibility"] == profile["compatibility"]
    assert profile["badges"]
    assert len(profile["prompts"]) == 2
    assert profile["photos"][0]["urls"]


@pytest.mark.parametrize("taken", [(True, True), (True, False), (False, True), (False, False)])
def test_compatibility_is_told_as_elsewhere_whoever_took_the_quiz(
    ada: Person, bob: Person, taken: tuple[bool, bool]
) -> None:
    for person, has in zip((ada, bob), taken, strict=True):
        if has:
            submit(person)
    (card,) = page(ada)["items"]
    assert card["compatibility"] == ada.get(f"/v1/users/{bob.id}").json()["compatibility"]


def test_links_of_a_page_lead_to_pictures(ada: Person, bob: Person, client: TestClient, session: Session) -> None:
    photo = session.scalars(select(Photo).where(Photo.user_id == bob.id, Photo.status == "ready")).one()
    assert photo.renditions is not None
    for key in photo.renditions.values():
        storage().put(key, b"picture", "image/webp")
    (card,) = page(ada)["items"]
    for url in card["user"]["photos"][0]["urls"].values():
        assert client.get(url).content == b"picture"
        assert client.get(url.replace("signature=", "signature=x")).status_code == 404


def test_pages_show_everybody_once_and_in_order(ada: Person, client: TestClient, session: Session) -> None:
    everybody = {shown(client, session, name=f"Person {number}", gender="man").id for number in range(7)}
    first = page(ada, limit=3)
    second = page(ada, limit=3, cursor=first["next_cursor"])
    third = page(ada, limit=3, cursor=second["next_cursor"])
    ids = [card["user"]["id"] for each in (first, second, third) for card in each["items"]]
    assert [len(each["items"]) for each in (first, second, third)] == [3, 3, 1]
    assert third["next_cursor"] is None
    assert {uuid.UUID(one) for one in ids} == everybody
    queue = session.get_one(DiscoveryQueue, ada.id)
    assert ids == [str(one) for one in queue.ids]


def test_a_cursor_of_an_older_queue_begins_anew(ada: Person, client: TestClient, session: Session) -> None:
    for _ in range(4):
        shown(client, session, gender="man")
    cursor = page(ada, limit=3)["next_cursor"]
    queues.refresh(session, user_id=ada.id, now=clock.now())
    assert len(page(ada, limit=3, cursor=cursor)["items"]) == 3


@pytest.mark.parametrize("cursor", ["x", "1", "1.x", "1.99999999999999999999999", ".", "🥖"])
def test_what_is_no_cursor_is_refused(ada: Person, cursor: str) -> None:
    answer = ada.get("/v1/discovery", params={"cursor": cursor})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")


@pytest.mark.parametrize("limit", ["0", "101", "x", ""])
def test_limits_are_checked(ada: Person, limit: str) -> None:
    answer = ada.get("/v1/discovery", params={"limit": limit})
    assert (answer.status_code, error_code(answer)) == (422, "validation_error")
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "query.limit"


def test_strangers_are_shown_nothing(client: TestClient) -> None:
    for path in ("/v1/discovery", "/v1/discovery/funnel", f"/v1/discovery/{uuid.uuid4()}/why"):
        assert error_code(client.get(path)) == "not_authenticated"


def _like(ada: Person, bob: Person, _session: Session) -> None:
    body = {"user_id": str(bob.id), "comment": "Your bread looks like it has a story."}
    assert ada.post("/v1/matching/like", json=body).status_code == 201


def _pass(ada: Person, bob: Person, _session: Session) -> None:
    assert ada.post("/v1/matching/pass", json={"user_id": str(bob.id)}).status_code == 201


def _block(ada: Person, bob: Person, _session: Session) -> None:
    assert ada.post("/v1/matching/block", json={"user_id": str(bob.id)}).status_code == 201


def _blocked(ada: Person, bob: Person, session: Session) -> None:
    _block(bob, ada, session)


def _pause(_ada: Person, bob: Person, _session: Session) -> None:
    assert bob.post("/v1/users/me/pause").status_code == 200


def _hide(_ada: Person, bob: Person, session: Session) -> None:
    session.execute(update(User).where(User.id == bob.id).values(hidden_at=clock.now()))


def _suspend(_ada: Person, bob: Person, session: Session) -> None:
    session.execute(update(User).where(User.id == bob.id).values(status=Status.SUSPENDED))


def _photo(_ada: Person, bob: Person, session: Session) -> None:
    session.execute(update(Photo).where(Photo.user_id == bob.id).values(status="rejected", rejection="corrupt"))


def _gender(_ada: Person, bob: Person, _session: Session) -> None:
    assert bob.patch("/v1/users/me", json={"preferences": {"genders": ["man"]}}).status_code == 200


def _ages(_ada: Person, bob: Person, _session: Session) -> None:
    assert bob.patch("/v1/users/me", json={"preferences": {"max_age": 20}}).status_code == 200


def _distance(_ada: Person, bob: Person, _session: Session) -> None:
    assert bob.patch("/v1/users/me", json={"preferences": {"max_distance_km": 1}}).status_code == 200


def _moved(_ada: Person, bob: Person, _session: Session) -> None:
    change = {"location": {"latitude": 48.8, "longitude": 2.3}, "preferences": {"max_distance_km": 50}}
    assert bob.patch("/v1/users/me", json=change).status_code == 200


def _contact(_ada: Person, bob: Person, session: Session) -> None:
    session.execute(
        text("INSERT INTO contact_hashes (user_id, hash) SELECT :bob, contact_hash FROM users WHERE email = :email"),
        {"bob": bob.id, "email": _ada.email},
    )


def _unmatched(ada: Person, bob: Person, session: Session) -> None:
    low, high = in_order(ada.id, bob.id)
    session.add(Pair(low_id=low, high_id=high, likes=3))
    session.execute(
        text(
            "INSERT INTO matches (id, low_id, high_id, state, created_at, state_changed_at, active_at) "
            "VALUES (gen_random_uuid(), :low, :high, 'unmatched', now(), now(), now())"
        ),
        {"low": low, "high": high},
    )
    session.flush()


def _own_gender(ada: Person, _bob: Person, _session: Session) -> None:
    assert ada.patch("/v1/users/me", json={"preferences": {"genders": ["woman"]}}).status_code == 200


def _own_ages(ada: Person, _bob: Person, _session: Session) -> None:
    assert ada.patch("/v1/users/me", json={"preferences": {"min_age": 90, "max_age": 98}}).status_code == 200


def _own_distance(ada: Person, _bob: Person, _session: Session) -> None:
    assert ada.patch("/v1/users/me", json={"preferences": {"max_distance_km": 1}}).status_code == 200


@pytest.mark.parametrize(
    "happens",
    [
        *(_like, _pass, _block, _blocked, _pause, _hide, _suspend, _photo, _gender, _ages, _distance, _moved),
        *(_contact, _unmatched, _own_gender, _own_ages, _own_distance),
    ],
)
def test_whatever_happens_counts_in_the_very_next_read(
    ada: Person,
    bob: Person,
    client: TestClient,
    session: Session,
    happens: Callable[[Person, Person, Session], None],
) -> None:
    eve = shown(client, session, name="Eve", gender="woman")
    assert set(seen(ada)) == {bob.id, eve.id}
    before = session.get_one(DiscoveryQueue, ada.id).ids
    happens(ada, bob, session)
    session.expire_all()
    assert bob.id in before
    assert bob.id not in seen(ada)


def test_the_queue_itself_need_not_be_made_anew_for_that(ada: Person, bob: Person, session: Session) -> None:
    seen(ada)
    made = session.get_one(DiscoveryQueue, ada.id).computed_at
    _pass(ada, bob, session)
    session.expire_all()
    assert seen(ada) == []
    assert session.get_one(DiscoveryQueue, ada.id).computed_at == made


def test_wishes_that_widen_count_in_the_very_next_read_too(ada: Person, bob: Person, session: Session) -> None:
    _own_gender(ada, bob, session)
    assert seen(ada) == []
    assert ada.patch("/v1/users/me", json={"preferences": {"genders": ["man"]}}).status_code == 200
    assert seen(ada) == [bob.id]


def test_whoever_is_paused_sees_nobody_and_is_told_why(ada: Person, bob: Person) -> None:
    seen(ada)
    ada.post("/v1/users/me/pause")
    found = page(ada)
    assert found["items"] == []
    assert [one["action"] for one in found["help"]] == ["resume"]
    ada.post("/v1/users/me/resume")
    assert seen(ada) == [bob.id]


def test_an_empty_queue_says_what_would_help_most(ada: Person, client: TestClient, session: Session) -> None:
    for number in range(12):
        shown(client, session, name=f"Far {number}", gender="man", location={"latitude": 52.1, "longitude": 13.4})
    ada.patch("/v1/users/me", json={"preferences": {"max_distance_km": 5}})
    found = page(ada)
    assert found["items"] == []
    assert found["help"][0]["action"] == "widen_distance"
    assert "about 10 people" in found["help"][0]["text"]


def test_the_funnel_counts_what_each_wish_leaves(ada: Person, client: TestClient, session: Session) -> None:
    for number in range(25):
        shown(client, session, gender="man" if number < 12 else "woman")
    ada.patch("/v1/users/me", json={"preferences": {"genders": ["woman"]}})
    found = ada.get("/v1/discovery/funnel").json()
    assert (found["people"], found["left"]) == (20, 10)
    wishes = {one["wish"]: (one["leaves"], one["without"]) for one in found["wishes"]}
    assert wishes == {"genders": (10, 20), "ages": (20, 10), "distance": (20, 10)}


def test_why_adds_up(ada: Person, bob: Person) -> None:
    seen(ada)
    found = ada.get(f"/v1/discovery/{bob.id}/why").json()
    assert found["place"] == 1
    parts = {one["part"]: one for one in found["parts"]}
    assert set(parts) >= {"compatibility", "meaning", "distance", "activity", "completeness", "reciprocity"}
    assert all(one["text"] for one in parts.values())
    assert parts["activity"]["points"] == pytest.approx(10, abs=0.1)


def test_why_is_told_of_nobody_who_is_not_shown(ada: Person, bob: Person, session: Session) -> None:
    assert error_code(ada.get(f"/v1/discovery/{bob.id}/why")) == "not_found"
    seen(ada)
    _blocked(ada, bob, session)
    assert error_code(ada.get(f"/v1/discovery/{bob.id}/why")) == "not_found"
    assert error_code(ada.get(f"/v1/discovery/{uuid.uuid4()}/why")) == "not_found"


def test_a_like_is_told_only_where_it_may_be(
    ada: Person, bob: Person, session: Session, configured: Callable[..., None]
) -> None:
    low, high = in_order(ada.id, bob.id)
    session.add(Pair(low_id=low, high_id=high, likes=side(bob.id, ada.id)))
    session.flush()
    assert page(ada)["items"][0]["liked_you"] is False
    configured(LIKED_YOU_SHOWN="true")
    assert page(ada)["items"][0]["liked_you"] is True


def test_a_low_queue_is_asked_for_now_and_then(ada: Person, bob: Person, session: Session) -> None:
    def asked() -> bool:
        return session.get(Work, (REFRESH_QUEUE.name, str(ada.id)), populate_existing=True) is not None

    seen(ada)
    session.execute(text("DELETE FROM work"))
    assert page(ada)["queue"]["refreshing"] is False
    assert not asked()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    session.execute(update(DiscoveryQueue).values(computed_at=long_ago))
    assert page(ada)["queue"]["refreshing"] is True
    assert asked()


def test_ten_changes_are_one_refresh(ada: Person, session: Session) -> None:
    for age in range(30, 40):
        assert ada.patch("/v1/users/me", json={"preferences": {"max_age": age}}).status_code == 200
    rows = session.scalars(select(Work).where(Work.kind == REFRESH_QUEUE.name, Work.key == str(ada.id))).all()
    assert len(rows) == 1


def test_nobody_can_scan_a_city(ada: Person, configured: Callable[..., None]) -> None:
    configured(MOVES_PER_DAY="3")
    for step in range(3):
        place = {"latitude": 52.5 + step / 50, "longitude": 13.4}
        assert ada.patch("/v1/users/me", json={"location": place}).status_code == 200
    refused = ada.patch("/v1/users/me", json={"location": {"latitude": 52.9, "longitude": 13.4}, "bio": "Moved."})
    assert (refused.status_code, error_code(refused)) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) > 80_000
    me = ada.get("/v1/users/me").json()
    assert me["location"]["latitude"] == pytest.approx(52.54)
    assert me["bio"] == ""
    within = {"latitude": 52.54, "longitude": 13.4001}
    assert ada.patch("/v1/users/me", json={"location": within}).status_code == 200  # the same cell tells nothing new


def test_moderators_see_how_fair_the_nights_were(ada: Person, session: Session) -> None:
    assert error_code(ada.get("/v1/admin/discovery")) == "forbidden"
    session.execute(update(User).where(User.id == ada.id).values(role=Role.MODERATOR))
    assert nights.start(session, now=clock.now()) is not None
    (night,) = ada.get("/v1/admin/discovery").json()["items"]
    assert night["finished_at"] is None
    session.execute(text("DELETE FROM work"))
    assert nights.finish(session, now=clock.now()) is not None
    (night,) = ada.get("/v1/admin/discovery").json()["items"]
    assert night["finished_at"] is not None
    assert night["shown_to_nobody"] == 0.0 or night["shown_to_nobody"] == 1.0


def test_a_page_is_one_statement(ada: Person, bob: Person, queries: list[str]) -> None:
    seen(ada)
    queries.clear()
    seen(ada)
    assert queries == []  # but for the one that goes past SQLAlchemy


def test_blocks_of_others_are_no_matter(ada: Person, bob: Person, client: TestClient, session: Session) -> None:
    eve = shown(client, session, name="Eve", gender="woman")
    session.add(Block(blocker_id=eve.id, blocked_id=bob.id, created_at=clock.now()))
    session.flush()
    assert bob.id in seen(ada)
