"""A person's own quiz: handing it in, again, and what is left of it when the quiz changes."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.database import Database
from shared.errors import Refusal
from shared.jobs import MAKE_BADGES, REFRESH_QUEUE
from shared.ledger import Work
from shared.quiz import questions, service
from shared.quiz.models import QuizResponse, UserTraitScore
from shared.quiz.questions import Option, Question, Quiz
from shared.quiz.rules import scores
from shared.quiz.service import OwnQuiz
from shared.quiz.traits import Trait
from tests.people import make_user
from tests.shared.quiz.sheets import QUIZ, answers_of, sheet_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
SECOND = Quiz(
    2,
    (
        Question(
            "free_evening",
            "The same situation with other choices.",
            (
                Option("stay", "I stay.", dict.fromkeys(Trait, -1)),
                Option("go", "I go.", dict.fromkeys(Trait, 1)),
            ),
        ),
    ),
)


@pytest.fixture
def second_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Bring out a second version of the quiz, as an edit of its data would."""

    def bring_out() -> None:
        monkeypatch.setitem(questions.QUIZZES, 2, SECOND)
        monkeypatch.setattr(questions, "CURRENT", 2)

    return bring_out


def submit(session: Session, user: User, *, place: int = 0, quiz: Quiz = QUIZ, now: datetime = NOW) -> OwnQuiz:
    return service.submit(session, user, version=quiz.version, answers=answers_of(sheet_of(place, quiz), quiz), now=now)


def refused(session: Session, user: User, **changes: object) -> Refusal:
    sent = {"version": 1, "answers": answers_of(sheet_of(0)), "now": NOW, **changes}
    with pytest.raises(Refusal) as caught:
        service.submit(session, user, **sent)  # type: ignore[arg-type]
    return caught.value


def promised(session: Session) -> set[tuple[str, str]]:
    return {(work.kind, work.key) for work in session.scalars(select(Work))}


def test_before_the_quiz_there_is_nothing_but_its_questions(session: Session) -> None:
    assert service.own(session, make_user(session)) == OwnQuiz(QUIZ, {}, None, None, None)


def test_answers_are_kept_scores_derived_and_badges_promised(session: Session) -> None:
    user = make_user(session)
    taken = submit(session, user, place=2)
    session.expunge_all()
    response, derived = session.get_one(QuizResponse, user.id), session.get_one(UserTraitScore, user.id)
    assert (response.version, response.answers, response.answered_at) == (1, sheet_of(2), NOW)
    assert derived.version == 1
    assert derived.scores == pytest.approx(scores(QUIZ, sheet_of(2)), abs=1e-6)
    assert promised(session) == {(job.name, str(user.id)) for job in (MAKE_BADGES, REFRESH_QUEUE)}
    assert (taken.sheet, taken.answered_at, taken.retake_at) == (sheet_of(2), NOW, LATER)
    assert service.own(session, user) == taken


def test_scores_can_be_derived_again(session: Session, queries: list[str]) -> None:
    ada, bob, guest = make_user(session), make_user(session), make_user(session)
    submit(session, ada, place=1)
    submit(session, bob, place=2)
    before = {row.user_id: row.scores for row in session.scalars(select(UserTraitScore))}
    by_other_weights = UserTraitScore(user_id=ada.id, version=1, scores=[0.5] * len(Trait))
    session.merge(by_other_weights)
    session.execute(delete(UserTraitScore).where(UserTraitScore.user_id == bob.id))
    session.flush()
    queries.clear()
    service.derive(session, user_ids=[ada.id, bob.id, guest.id])
    assert len(queries) == 2
    session.expire_all()
    assert {row.user_id: row.scores for row in session.scalars(select(UserTraitScore))} == before


def test_answering_again_replaces_everything_after_thirty_days(session: Session) -> None:
    user = make_user(session)
    submit(session, user, place=0)
    refusal = refused(session, user, now=LATER - timedelta(microseconds=1), answers=answers_of(sheet_of(3)))
    assert (refusal.code, refusal.status, refusal.details) == ("quiz_too_soon", 409, {"retake_at": LATER})
    assert service.own(session, user).sheet == sheet_of(0)
    asked = select(Work.version).where(Work.kind == MAKE_BADGES.name)
    version = session.scalars(asked).one()
    submit(session, user, place=3, now=LATER)
    kept = service.own(session, user)
    assert (kept.sheet, kept.answered_at) == (sheet_of(3), LATER)
    assert kept.scores == pytest.approx(scores(QUIZ, sheet_of(3)), abs=1e-6)
    assert session.scalars(asked.execution_options(populate_existing=True)).one() == version + 1
    assert session.scalar(select(func.count()).select_from(QuizResponse)) == 1


def test_how_soon_is_a_setting(session: Session, configured: Callable[..., None]) -> None:
    configured(QUIZ_RETAKE_DAYS="0")
    user = make_user(session)
    submit(session, user)
    assert submit(session, user, place=1).sheet == sheet_of(1)


def test_every_question_wants_an_answer(session: Session) -> None:
    answers = answers_of(sheet_of(0))
    missing = list(answers)[1:3]
    refusal = refused(session, make_user(session), answers={k: v for k, v in answers.items() if k not in missing})
    assert (refusal.code, refusal.status) == ("quiz_incomplete", 422)
    assert refusal.details == {"missing": [str(asked) for asked in missing]}
    assert refused(session, make_user(session), answers={}).code == "quiz_incomplete"


def test_questions_and_options_of_elsewhere_are_refused_by_name(session: Session) -> None:
    answers = answers_of(sheet_of(0))
    first, second = list(answers)[:2]
    stranger = uuid.uuid4()
    refusal = refused(session, make_user(session), answers={**answers, first: answers[second], stranger: stranger})
    assert refusal.code == "validation_error"
    assert refusal.details is not None
    assert [field["field"] for field in refusal.details["fields"]] == [
        f"body.answers.{stranger}",
        f"body.answers.{first}",
    ]


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_version_than_the_current_is_refused_in_words(session: Session, version: int) -> None:
    refusal = refused(session, make_user(session), version=version)
    assert refusal.code == "validation_error"
    assert "load it again" in refusal.message
    assert refusal.details == {"fields": [{"field": "body.version", "message": "is 1 now"}]}


def test_what_is_refused_leaves_nothing(session: Session) -> None:
    user = make_user(session)
    refused(session, user, version=2)
    refused(session, user, answers={})
    assert service.own(session, user) == OwnQuiz(QUIZ, {}, None, None, None)
    assert promised(session) == set()


def test_a_new_version_changes_nothing_for_who_answered_the_old_one(
    session: Session, second_version: Callable[[], None]
) -> None:
    user = make_user(session)
    before = submit(session, user, place=2)
    second_version()
    now = service.own(session, user)
    assert now.quiz == SECOND
    assert now.sheet == {}, "a slug that both versions have does not make an old answer one to the new question"
    assert (now.answered_at, now.retake_at) == (before.answered_at, before.retake_at)
    assert now.scores == pytest.approx(before.scores, abs=1e-6)
    response = session.get_one(QuizResponse, user.id)
    derived = scores(questions.QUIZZES[response.version], response.answers)
    assert derived == pytest.approx(before.scores, abs=1e-6), "what was answered to the old version can still be scored"


def test_the_new_version_is_taken_when_it_is_time(session: Session, second_version: Callable[[], None]) -> None:
    user = make_user(session)
    submit(session, user)
    second_version()
    assert refused(session, user, now=LATER).code == "validation_error"
    early = refused(session, user, version=2, answers=answers_of(sheet_of(1, SECOND), SECOND))
    assert early.code == "quiz_too_soon"
    taken = submit(session, user, place=1, quiz=SECOND, now=LATER)
    assert (taken.sheet, taken.scores) == ({"free_evening": "go"}, (1,) * 6)
    assert session.get_one(UserTraitScore, user.id).version == 2


def test_of_racing_submissions_one_wins(committed: Database) -> None:
    with committed.transaction() as session:
        user = make_user(session)

    def try_it(place: int) -> str:
        try:
            committed.call(submit, user, place=place)
        except Refusal as refusal:
            return refusal.code
        return "taken"

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(try_it, range(4)))
    assert sorted(ends) == ["quiz_too_soon"] * 3 + ["taken"]
    with committed.transaction() as session:
        won = sheet_of(ends.index("taken"))
        assert session.get_one(QuizResponse, user.id).answers == won
        assert session.get_one(UserTraitScore, user.id).scores == pytest.approx(scores(QUIZ, won), abs=1e-6)


def test_the_quiz_goes_with_its_person(session: Session) -> None:
    user = make_user(session)
    submit(session, user)
    session.execute(delete(User).where(User.id == user.id))
    for table in (QuizResponse, UserTraitScore):
        assert session.scalar(select(func.count()).select_from(table)) == 0
