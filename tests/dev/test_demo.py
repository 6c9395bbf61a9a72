"""The demo's people: who they are, that they come once, and that a start without them has none."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dev.demo import __main__ as demo
from dev.demo import meetings, people
from dev.demo.answers import ANSWERS
from dev.demo.cast import CITIES, PASSWORD, STARS, Role, cast
from dev.demo.portraits import pictures
from dev.demo.words import ABOUT_ANYTHING, ABOUT_PORTRAIT, BIOS, COMMENTS, TALKS
from dev.up import makes_demo
from shared.accounts.models import User
from shared.accounts.rules import password_weakness
from shared.database import Database
from shared.matching import comments
from shared.matching.contact_details import contact_details
from shared.matching.models import Like, Match
from shared.messaging.models import Message
from shared.prompts.catalogue import QUESTIONS
from shared.prompts.models import PromptAnswer
from shared.settings import Settings, settings
from tests.shared.test_settings import SAFE

EVERYBODY = 200


def count(session: Session, table: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_their_words_are_such_as_the_system_takes() -> None:
    assert set(ANSWERS) == set(COMMENTS) == {question.slug for question in QUESTIONS}
    assert all(len(text) <= 300 for texts in ANSWERS.values() for text in texts)
    assert all(len(set(texts)) >= 5 for texts in ANSWERS.values())
    sent = [*ABOUT_PORTRAIT, *ABOUT_ANYTHING, *(text for texts in COMMENTS.values() for text in texts)]
    assert len(set(sent)) == len(sent)
    assert all(contact_details(text) is None for text in (*sent, *BIOS))
    assert all(comments.length(text) >= settings().personal_comment_length for text in sent)
    assert all(text for talk in TALKS for text in talk)
    assert password_weakness(PASSWORD) is None


def test_a_person_is_the_same_every_time_and_however_many_there_are() -> None:
    assert cast(EVERYBODY) == cast(EVERYBODY)
    assert cast(EVERYBODY)[:24] == cast(24)
    assert len({role.email for role in cast(2000)}) == 2000


def test_everybody_lives_near_others_whom_they_fit() -> None:
    roles = cast(EVERYBODY)
    assert {role.city for role in roles} == set(CITIES)
    assert {role.username for role in roles[: len(STARS)]} == {"ada", "ben", "chris"}
    assert {role.city for role in roles[: len(STARS)]} == {CITIES[0]}
    fitting = [sum(meetings.fits(role, other) for other in roles if other is not role) for role in roles]
    assert min(fitting) >= 8


def test_nobody_is_planned_to_like_more_than_a_day_allows() -> None:
    planned = meetings.intents(cast(EVERYBODY))
    assert max(Counter(intent.liker.number for intent in planned).values()) <= settings().likes_per_day
    named = [(intent.liker.username, intent.liked.username) for intent in planned]
    assert ("chris", "ada") in named
    assert ("ada", "chris") not in named
    assert {("ada", "ben"), ("ben", "ada")} <= set(named)
    assert not [1 for one, other in pairwise(named) if one == ("ben", "ada") and other == ("ada", "ben")]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, configured: Callable[..., None]) -> None:
    """Nobody waits for workers, which there are none of."""
    monkeypatch.setattr(demo, "PATIENCE", 0.0)
    monkeypatch.setattr(demo, "POLITE", 0)
    configured(DEMO_PEOPLE="24")


def figures(db: Database) -> list[int]:
    with db.transaction() as session:
        return [count(session, table) for table in (User, PromptAnswer, Like, Match, Message)]


def test_they_come_once(committed: Database, hurried: None) -> None:
    demo.main()
    before = figures(committed)
    assert before[:2] == [24, 72]
    assert min(before) > 3
    demo.main()
    assert figures(committed) == before


def test_an_interrupted_start_is_gone_on_with(
    committed: Database, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_the_sixteenth(role: Role) -> list[bytes]:
        if role.number > 15:
            raise KeyboardInterrupt
        return pictures(role)

    monkeypatch.setattr(people, "pictures", until_the_sixteenth)
    with pytest.raises(KeyboardInterrupt):
        demo.main()
    assert figures(committed)[0] == demo.BATCH
    monkeypatch.setattr(people, "pictures", pictures)
    demo.main()
    assert figures(committed)[:2] == [24, 72]


def test_none_come_where_none_are_wanted(committed: Database, configured: Callable[..., None]) -> None:
    configured(DEMO_PEOPLE="0")
    demo.main()
    assert figures(committed) == [0] * 5


def test_only_development_has_them(configured: Callable[..., None]) -> None:
    configured(**SAFE)
    with pytest.raises(SystemExit, match="development only"):
        demo.main()


def test_somebodys_own_database_gets_them_only_when_that_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DEMO_PEOPLE", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)

    def made(**values: Any) -> bool:
        return makes_demo(Settings(_env_file=None, **values))

    assert made()
    assert not made(demo_people=0)
    assert not made(database_url="postgresql://db/mine")
    assert made(database_url="postgresql://db/mine", demo_people=5)
