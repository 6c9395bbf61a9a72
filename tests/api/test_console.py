"""The pages of the console: what they show to whom, with a fixed number of queries."""

import re
import uuid

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import User
from shared.audit import record
from shared.moderation.service import keep_signal, open_case
from shared.photos.models import Photo, PhotoStatus
from tests.console import Desk, detail
from tests.console_scene import Scene, scene
from tests.people import make_user

LISTS = ("cases", "people", "matches", "signals", "notices", "work", "audit")


@pytest.fixture
def here(session: Session) -> Scene:
    return scene(session)


@pytest.fixture
def admin(client: TestClient, here: Scene) -> Desk:
    return Desk.opened(client, "root@example.com")


@pytest.fixture
def moderator(client: TestClient, here: Scene) -> Desk:
    return Desk.opened(client, "mo@example.com")


def people_shown(page: str) -> list[str]:
    """The names in the list of people."""
    return re.findall(r'<span class="who-name">(\w+)', page)


def test_every_page_is_there(admin: Desk, moderator: Desk) -> None:
    for desk in (admin, moderator):
        for path in ("/", "/photos", *(f"/{key}/list" for key in LISTS)):
            assert "Log out" in desk.page(path)


def test_what_is_not_there_is_said_in_a_page(admin: Desk, here: Scene) -> None:
    nobody = uuid.uuid4()
    paths = ["/nothing", "/nothing/list", "/people/detail", "/people/detail?pk=x", "/signals/list/x"]
    for path in [*paths, *(detail(key, nobody) for key in ("people", "cases", "matches"))]:
        answer = admin.get(path)
        assert answer.status_code == 404, path
        assert "There is nothing here" in answer.text
    for key in ("signals", "notices", "audit", "work"):
        assert admin.get(detail(key, here.lena.id)).status_code == 403, "a row says all there is"


def test_a_list_takes_as_many_queries_however_long_it_is(
    admin: Desk, session: Session, here: Scene, queries: list[str]
) -> None:
    def counted(path: str) -> int:
        queries.clear()
        admin.page(path)
        return len(queries)

    paths = [
        "/photos",
        *(f"/{key}/list" for key in LISTS),
        detail("cases", here.case.id),
        detail("people", here.lena.id),
    ]
    few = {path: counted(path) for path in paths}
    for number in range(5):
        person = make_user(session, name=f"New {number}")
        renditions = dict.fromkeys(("320", "640", "1080", "jpeg"), "photos/x/y.webp")
        session.add(Photo(user_id=person.id, position=0, status=PhotoStatus.READY, renditions=renditions))
        session.add(Photo(user_id=here.lena.id, position=3 + number, status=PhotoStatus.READY, renditions=renditions))
        record(session, actor_id=person.id, action="case.taken", user_id=here.lena.id)
        signal = keep_signal(
            session, kind="like_refused", subject=str(number), user_id=here.lena.id, evidence={}, now=clock.now()
        )
        assert signal is not None
        signal.case_id = here.case.id
        open_case(session, user_id=person.id, now=clock.now())
    session.flush()
    assert {path: counted(path) for path in paths} == few
    assert max(few[path] for path in paths[:8]) <= 8


def test_the_overview_counts(admin: Desk) -> None:
    page = admin.page("/")
    assert {words: number for number, words in re.findall(r"<b>([\d,]+)</b> ([a-z ]+)", page)} == {
        "open case": "1",
        "active": "20",
        "paused": "0",
        "suspended": "0",
        "deleting": "0",
        "hidden": "1",
        "processing": "0",
        "ready": "19",
        "rejected": "0",
    }
    assert page.count('class="chart"') == 4
    assert "93 in 30 days" in page
    assert "6 in 30 days" in page
    assert page.count(" s ago") == 5, "a heartbeat of each queue"
    assert "1,800" in page


def test_people_are_searched_filtered_and_sorted(admin: Desk) -> None:
    def shown(query: str) -> list[str]:
        return people_shown(admin.page(f"/people/list{query}"))

    assert len(shown("")) == 20
    assert shown("?q=LEN") == ["Lena"]
    assert shown("?q=lena_") == ["Lena"]
    assert shown("?q=%25") == [], "a percent sign is one"
    assert shown("?q=mia@example.org") == ["Mia"]
    assert shown("?q=%00len") == ["Lena"]
    assert shown("?state=hidden") == ["Lena"]
    assert sorted(shown("?role=moderator")) == ["Ann", "Mo"]
    assert shown("?state=paused") == []
    assert len(shown("?state=nonsense&page=0")) == 20
    assert shown("?page=2") == []
    names = shown("?sort=name__asc")
    assert names == sorted(names)
    assert shown("?sort=name__desc") == names[::-1]
    assert len(shown("?sort=password_hash__asc")) == 20
    assert admin.get("/people/list?page_size=1000000").status_code == 400


def test_moderators_neither_see_nor_search_addresses(moderator: Desk, here: Scene) -> None:
    page = moderator.page("/people/list")
    assert "@example.org" not in page
    assert people_shown(moderator.page("/people/list?q=mia@example.org")) == []
    assert "lena@example.org" not in moderator.page(detail("people", here.lena.id))


def test_a_person_is_shown_without_what_nobody_needs(admin: Desk, here: Scene) -> None:
    page = admin.page(detail("people", here.lena.id))
    for words in (
        "Climber, reader, bad cook.",
        "A lake at six",
        "lena@example.org",
        "3 active",
        "harassment",
        "hidden",
    ):
        assert words in page
    assert "One more answer is private" in page
    assert "Nobody is ever to read this" not in page
    assert "52.5°, 13.4°" in page
    for secret in ("52.51", "13.37", here.lena.password_hash + '"', "password_hash", "Send me money"):
        assert secret not in page


def test_nobody_sees_their_own_record_nor_moderators_that_of_colleagues(
    admin: Desk, moderator: Desk, here: Scene
) -> None:
    assert "This is you" in moderator.page(detail("people", here.moderator.id))
    assert "is for admins" in moderator.page(detail("people", here.colleague.id))
    assert "Nothing on record" in admin.page(detail("people", here.colleague.id))
    assert "This is you" in admin.page(detail("people", here.admin.id))
    assert "For admins" not in moderator.page(detail("people", here.lena.id))
    assert "For admins" in admin.page(detail("people", here.lena.id))
    assert "For admins" not in admin.page(detail("people", here.admin.id))


def test_what_is_noted_about_staff_is_not_in_their_lists(moderator: Desk, here: Scene, session: Session) -> None:
    assert "has a photo that somebody else has too" in moderator.page("/signals/list")
    assert "Several people have reported" in moderator.page("/notices/list")
    here.lena.role = "moderator"
    session.flush()
    assert "has a photo that somebody else has too" not in moderator.page("/signals/list")
    assert "Several people have reported" not in moderator.page("/notices/list")
    assert moderator.get(detail("cases", here.case.id)).status_code == 404
    assert "No case here" in moderator.page("/cases/list")


def test_photos_by_state_and_by_what_was_noticed(admin: Desk, here: Scene, session: Session) -> None:
    def shown(query: str) -> int:
        return admin.page(f"/photos{query}").count("<figure")

    assert shown("") == 19
    assert shown("?state=ready") == 19
    assert shown("?state=rejected") == 0
    assert shown("?signal=stolen") == 1
    assert shown("?page=2") == 0
    assert shown("?page=x&state=nonsense") == 19
    session.add(Photo(user_id=here.mia.id, position=1, status=PhotoStatus.REJECTED, rejection="too_small"))
    session.flush()
    assert "too small" in admin.page("/photos?state=rejected")


def test_a_match_has_a_history_and_no_words(admin: Desk, here: Scene) -> None:
    assert admin.page("/matches/list").count('class="couple"') == 3
    assert admin.page("/matches/list?state=dating").count('class="couple"') == 0
    assert admin.page(f"/matches/list?q={here.lena.id}").count('class="couple"') == 3
    page = admin.page(detail("matches", here.match.id))
    assert "they like each other" in page
    assert "Send me money" not in page + admin.page("/matches/list")


def test_a_case_has_all_that_it_takes_to_decide(moderator: Desk, here: Scene) -> None:
    assert "Lena" in moderator.page("/cases/list")
    assert "Lena" in moderator.page("/cases/list?which=free")
    assert "No case here" in moderator.page("/cases/list?which=mine")
    assert "No case here" in moderator.page("/cases/list?which=closed")
    page = moderator.page(detail("cases", here.case.id))
    pair = page.partition('class="card mb-3 pair"')[2].partition("</section>")[0]
    assert re.findall(r'alt="(.*?)"', pair) == ["The photo of Lena", "The photo that it resembles"]
    pictures = re.findall(r'src="http://testserver(/media/.*?)"', pair)
    assert len(set(pictures)) == 2
    for picture in pictures:
        assert moderator.client.get(picture.replace("&amp;", "&")).headers["content-type"] == "image/webp"
    for words in (
        "These are somebody else&#39;s pictures.",
        "Send me money",
        "Tom",
        "0 were founded",
        "lena@example.net",
    ):
        assert words in page
    assert "Nobody is ever to read this" not in page
    assert 'id="decide"' not in page, "whoever has not taken it cannot decide"


def test_a_case_is_shown_even_when_pictures_and_people_are_gone(moderator: Desk, here: Scene, session: Session) -> None:
    session.delete(session.get_one(User, here.mia.id))
    session.delete(here.photo)
    session.flush()
    pair = moderator.page(detail("cases", here.case.id)).partition('class="card mb-3 pair"')[2]
    assert "that photo is gone" in pair
    assert "an account that is gone" in pair
    assert "this photo is gone" not in pair, "the reports keep it"


def test_failed_work_is_found(admin: Desk, moderator: Desk) -> None:
    for query, rows in {"": 2, "?kind=mail.send": 1, "?q=SERVER went": 2, "?q=nothing": 0}.items():
        assert admin.page(f"/work/list{query}").count("SMTPServerDisconnected") == rows
    assert "Try again" in admin.page("/work/list")
    assert "Try again" not in moderator.page("/work/list")


def test_moderators_see_of_the_log_what_they_did(admin: Desk, moderator: Desk) -> None:
    assert admin.page("/audit/list").count("<code>console.login</code>") == 2
    assert moderator.page("/audit/list").count("<code>console.login</code>") == 1
    assert "Root" not in moderator.page("/audit/list")
    assert admin.page("/audit/list?of=case").count("<code>") == 0
    assert admin.page("/audit/list?of=console&q=mo").count("<code>") == 1


def test_words_of_people_are_words_and_nothing_else(admin: Desk, here: Scene, session: Session) -> None:
    here.lena.name, here.lena.bio = '<script>alert("x")</script>', "<img src=x onerror=alert(1)>"
    session.flush()
    for path in ("/people/list", "/cases/list", detail("people", here.lena.id), detail("cases", here.case.id)):
        page = admin.page(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert" in page
    assert '"><b>' not in admin.page("/people/list?q=%22%3E%3Cb%3E")
