"""People's badges in the database: made, kept, shown only while they are good."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, event, select, text
from sqlalchemy.orm import Session

from shared import events
from shared.accounts.models import User
from shared.badges import service
from shared.badges.catalogue import CATALOGUE
from shared.badges.models import BadgeRun, UserBadge
from shared.database import Database
from shared.prompts.models import PromptAnswer
from shared.quiz.models import QuizResponse
from tests.people import make_user
from tests.races import beside
from tests.shared.badges.people import MODEL, answer, closeness, score, vector_of
from tests.shared.quiz.sheets import sheet_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def ada(session: Session) -> User:
    return make_user(session)


def make(session: Session, user: User, *, now: datetime = NOW, model: str = MODEL) -> None:
    service.make(session, user_ids=[user.id], model=model, closeness=closeness, now=now)
    session.flush()


def slugs(session: Session, user: User) -> list[str]:
    return [badge.slug for badge in service.own_badges(session, user)]


def told(session: Session) -> list[list[str]]:
    return [one.data["badges"] for one in events.noted(session) if one.type == "badges.changed"]


def test_badges_come_from_scores_and_public_answers_the_best_first(session: Session, ada: User) -> None:
    score(session, ada, directness=0.9)
    shown = answer(session, ada, "sawdust")
    make(session, ada)
    first, second = service.own_badges(session, ada)
    assert (first.slug, first.answer_id, first.position) == ("sawdust", shown.id, 0)
    assert first.reason == "Made by hand: the answer to “What a morning with nothing planned turns into”"
    assert (second.slug, second.answer_id, second.reason) == ("straight_line", None, "From the quiz: very direct")
    assert first.awarded_at == second.awarded_at == NOW
    assert told(session) == [["sawdust", "straight_line"]]


def test_the_best_is_first_whichever_was_awarded_first(session: Session, ada: User) -> None:
    for slug, position in (("recess", 1), ("sawdust", 2), ("straight_line", 0)):
        session.add(UserBadge(user_id=ada.id, slug=slug, reason="", strength=1, position=position, awarded_at=NOW))
        session.flush()
    assert slugs(session, ada) == ["straight_line", "recess", "sawdust"]


def test_making_again_changes_and_tells_nothing(session: Session, ada: User) -> None:
    score(session, ada, directness=0.9)
    answer(session, ada, "sawdust")
    make(session, ada)
    make(session, ada, now=LATER)
    assert {badge.awarded_at for badge in service.own_badges(session, ada)} == {NOW}
    assert len(told(session)) == 1
    run = session.get(BadgeRun, ada.id)
    assert run is not None
    assert (run.catalogue, run.made_at) == (CATALOGUE, LATER)


def test_what_stays_the_same_is_not_written_again(session: Session, ada: User) -> None:
    def places() -> list[str]:
        return list(session.scalars(text("SELECT ctid::text FROM user_badges ORDER BY slug")))

    score(session, ada, directness=0.9, adventure=0.83)
    answer(session, ada, "sawdust")
    make(session, ada)
    before = places()
    make(session, ada, now=LATER)
    assert places() == before
    assert len(before) == 3


def test_what_stays_keeps_its_moment_and_what_is_no_longer_earned_goes(session: Session, ada: User) -> None:
    score(session, ada, directness=0.9)
    answer(session, ada, "sawdust")
    make(session, ada)
    score(session, ada, directness=0.0)
    make(session, ada, now=LATER)
    held = {badge.slug: badge.awarded_at for badge in service.own_badges(session, ada)}
    assert held == {"sawdust": NOW, "soft_landing": LATER}
    assert set(session.scalars(select(UserBadge.slug))) == set(held)
    assert len(told(session)) == 2


def test_somebody_with_nothing_is_told_nothing_and_stamped(session: Session, ada: User) -> None:
    make(session, ada)
    assert slugs(session, ada) == []
    assert told(session) == []
    assert session.get(BadgeRun, ada.id) is not None


def test_private_answers_take_no_part(session: Session, ada: User) -> None:
    answer(session, ada, "sawdust", private=True)
    make(session, ada)
    assert slugs(session, ada) == []


def test_a_badge_is_not_shown_once_its_answer_is_private_changed_or_deleted(session: Session, ada: User) -> None:
    hidden, changed, deleted = (answer(session, ada, slug) for slug in ("sawdust", "recess", "dog_eared"))
    make(session, ada)
    assert len(slugs(session, ada)) == 3
    hidden.private = True
    # even when its new words are embedded already, and its badges not yet made
    changed.answer = "Something else"
    session.flush()
    assert slugs(session, ada) == ["dog_eared"]
    session.execute(delete(PromptAnswer).where(PromptAnswer.id == deleted.id))
    session.expire_all()
    assert slugs(session, ada) == []
    make(session, ada, now=LATER)
    assert told(session)[1:] == [["recess"]], "the new words earn it as well"


def test_an_answer_that_waits_for_the_new_model_keeps_its_badge(session: Session, ada: User) -> None:
    old = answer(session, ada, "sawdust")
    make(session, ada)
    make(session, ada, model="a-new-model", now=LATER)
    assert slugs(session, ada) == ["sawdust"]
    old.vector, old.model = vector_of("recess"), "a-new-model"
    make(session, ada, model="a-new-model", now=LATER)
    assert slugs(session, ada) == ["recess"]
    assert told(session) == [["sawdust"], ["recess"]]


def test_scores_are_derived_before_badges_are_made(session: Session, ada: User) -> None:
    session.add(QuizResponse(user_id=ada.id, version=1, answers=sheet_of(0), answered_at=NOW))
    make(session, ada)
    earned = slugs(session, ada)
    score(session, ada, directness=0.0)  # as other weights had it
    make(session, ada, now=LATER)
    assert slugs(session, ada) == earned != []


def test_a_quiz_that_only_newer_processes_know_keeps_its_scores(session: Session, ada: User) -> None:
    session.add(QuizResponse(user_id=ada.id, version=2, answers={"another": "question"}, answered_at=NOW))
    score(session, ada, directness=0.9)
    make(session, ada)
    assert slugs(session, ada) == ["straight_line"]


def test_vectors_of_another_model_are_never_compared(session: Session, ada: User) -> None:
    answer(session, ada, "sawdust", model="an-old-model")
    make(session, ada)
    assert slugs(session, ada) == []


def test_words_that_changed_do_not_keep_the_badge_while_they_wait(session: Session, ada: User) -> None:
    changed = answer(session, ada, "sawdust")
    make(session, ada)
    changed.answer, changed.vector, changed.model, changed.engine = "New words", None, None, None
    make(session, ada, now=LATER)
    assert session.scalars(select(UserBadge)).all() == []


def test_what_the_catalogue_no_longer_has_is_not_shown_and_goes(session: Session, ada: User) -> None:
    session.add(UserBadge(user_id=ada.id, slug="retired", reason="", strength=1, position=0, awarded_at=NOW))
    session.flush()
    assert slugs(session, ada) == []
    make(session, ada)
    assert session.scalars(select(UserBadge)).all() == []


def test_badges_made_at_once_are_those_of_the_newest_scores(committed: Database) -> None:
    with committed.transaction() as session:
        ada = make_user(session)
        score(session, ada, directness=0.9)
        answer(session, ada, "sawdust")
    with ThreadPoolExecutor(1) as pool:
        with committed.transaction() as session:
            score(session, ada, directness=0.0)
            make(session, ada)
            second = beside(session, pool, committed.call, make, ada, now=LATER)
        second.result()
    with committed.transaction() as session:
        held = [(badge.slug, badge.position, badge.awarded_at) for badge in service.own_badges(session, ada)]
        assert held == [("soft_landing", 0, NOW), ("sawdust", 1, NOW)]
        assert session.scalars(select(BadgeRun.made_at)).all() == [LATER]


def test_nobody_is_made_badges_who_is_gone(session: Session) -> None:
    service.make(session, user_ids=[uuid.uuid4()], model=MODEL, closeness=closeness, now=NOW)
    assert session.scalars(select(BadgeRun)).all() == []


def test_the_badges_of_many_people_are_made_together(session: Session, ada: User, queries: list[str]) -> None:
    def make_all(people: list[User], gone: uuid.UUID) -> int:
        session.flush()
        queries.clear()
        ids = [*(person.id for person in people), gone]
        service.make(session, user_ids=ids, model=MODEL, closeness=closeness, now=NOW)
        return len(queries)

    bert, cleo, dora = make_user(session), make_user(session), make_user(session)
    answer(session, ada, "sawdust")
    answer(session, bert, "recess")
    score(session, bert, directness=0.9)
    score(session, cleo, directness=0.0)
    for_many = make_all([ada, bert, cleo, dora], uuid.uuid4())
    assert [slugs(session, one) for one in (ada, bert, cleo, dora)] == [
        ["sawdust"],
        ["recess", "straight_line"],
        ["soft_landing"],
        [],
    ]
    assert {event.user_id for event in events.noted(session)} == {ada.id, bert.id, cleo.id}
    # each of them now has another change: a place, a reason, a badge more or less
    score(session, ada, adventure=1.0)
    score(session, bert, directness=1.0)
    score(session, cleo, directness=1.0)
    answer(session, dora, "recess")
    assert make_all([ada, bert, cleo, dora], uuid.uuid4()) == make_all([dora], uuid.uuid4()) == for_many


def test_the_badges_of_many_people_are_one_query(session: Session, ada: User) -> None:
    people = [ada, make_user(session), make_user(session)]
    for person, slug in zip(people, ("sawdust", "recess", None), strict=True):
        answer(session, person, slug)
        make(session, person)
    session.expire_all()
    ids = [person.id for person in people]
    session.expunge_all()
    statements: list[str] = []
    connection = session.connection()

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(connection, "before_cursor_execute", count)
    found = service.badges_of(session, ids)
    event.remove(connection, "before_cursor_execute", count)
    assert [[badge.slug for badge in found[user_id]] for user_id in ids] == [["sawdust"], ["recess"], []]
    assert len(statements) == 1
