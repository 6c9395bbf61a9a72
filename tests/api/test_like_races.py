"""Likes that arrive at the same instant, over HTTP: what they may not get around together either."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select

from shared.accounts.models import User
from shared.database import Database
from shared.matching.models import DailyLikeCount, Like, Match
from shared.moderation.models import Case, Notice, Signal
from shared.notifications.models import Notification
from tests.likes import words
from tests.people import Person, error_code, sign_up

MANY = "1000"


def send(person: Person, user_id: uuid.UUID, comment: str | None) -> Response:
    body = {"user_id": str(user_id), "comment": comment}
    return person.post("/v1/matching/like", json={key: value for key, value in body.items() if value is not None})


def all_at_once(person: Person, wishes: Sequence[tuple[uuid.UUID, str | None]]) -> list[Response]:
    start = threading.Barrier(len(wishes))

    def run(wish: tuple[uuid.UUID, str | None]) -> Response:
        start.wait(10)
        return send(person, *wish)

    with ThreadPoolExecutor(len(wishes)) as pool:
        return list(pool.map(run, wishes))


def others(client: TestClient, count: int) -> list[uuid.UUID]:
    return [sign_up(client).id for _ in range(count)]


def outcomes(answers: Sequence[Response]) -> Counter[str]:
    """How many were sent, and how many refused for what."""
    return Counter("sent" if answer.status_code == 201 else error_code(answer) for answer in answers)


def kept(db: Database, person: Person) -> tuple[int, int]:
    """(likes, likes counted) of somebody on all their days."""
    with db.transaction() as session:
        sent = session.scalar(select(func.count()).where(Like.liker_id == person.id)) or 0
        used = session.scalar(select(func.sum(DailyLikeCount.used)).where(DailyLikeCount.user_id == person.id)) or 0
        return sent, used


def consequences(db: Database, person: Person) -> tuple[int, int, int]:
    """(signals, notices, open cases) about somebody."""
    with db.transaction() as session:
        open_case = Case.closed_at.is_(None)
        tables: list[Any] = [
            select(func.count()).where(Signal.user_id == person.id),
            select(func.count()).where(Notice.user_id == person.id),
            select(func.count()).where(Case.user_id == person.id, open_case),
        ]
        signals, notices, cases = (session.scalar(counted) or 0 for counted in tables)
        return signals, notices, cases


def used_by(person: Person) -> int:
    used: int = person.get("/v1/matching/quota").json()["used"]
    return used


def test_fifty_pairs_who_like_each_other_at_once_are_fifty_matches(
    real_client: TestClient, committed: Database
) -> None:
    """Both likes of a pair are sent, one of them has the match, both people see it and each is told once."""
    pairs = [(sign_up(real_client), sign_up(real_client)) for _ in range(50)]
    starts = [threading.Barrier(2) for _ in pairs]

    def run(number: int) -> Response:
        one, other = pairs[number // 2] if number % 2 else pairs[number // 2][::-1]
        starts[number // 2].wait(10)
        return send(one, other.id, words(number))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run, range(2 * len(pairs))))
    assert {answer.status_code for answer in answers} == {201}
    made = [answer.json()["match"] for answer in answers]
    assert [sum(one is not None for one in made[at : at + 2]) for at in range(0, len(made), 2)] == [1] * len(pairs)
    ids = [match["id"] for match in made if match is not None]
    for match_id, pair in zip(ids, pairs, strict=True):
        for one, other in (pair, pair[::-1]):
            (match,) = one.get("/v1/matching/matches").json()["items"]
            assert (match["id"], match["state"], match["user"]["id"]) == (match_id, "active", str(other.id))
    with committed.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Match)) == len(pairs)
        told = session.execute(
            select(Notification.user_id, Notification.data["match_id"].astext).where(
                Notification.kind == "match.created"
            )
        )
        expected = [(one.id, match_id) for match_id, pair in zip(ids, pairs, strict=True) for one in pair]
        assert Counter(map(tuple, told)) == Counter(expected)


def test_of_forty_likes_at_once_ten_are_sent(
    real_client: TestClient, committed: Database, configured: Callable[..., None]
) -> None:
    """The rest hear that the day's likes are used up, and when to come back."""
    configured(LIKES_PER_MINUTE=MANY)
    ada = sign_up(real_client)
    answers = all_at_once(ada, [(user_id, words(user_id)) for user_id in others(real_client, 40)])
    assert outcomes(answers) == {"sent": 10, "daily_like_limit": 30}
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.status_code for answer in refused} == {429}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 24 * 60 * 60 for answer in refused)
    assert kept(committed, ada) == (10, 10)
    assert used_by(ada) == 10


def test_of_one_like_sent_twenty_times_at_once_one_is_sent(real_client: TestClient, committed: Database) -> None:
    """The others are likes that were sent already: they cost nothing, and are no spam."""
    ada, (bob,) = sign_up(real_client), others(real_client, 1)
    answers = all_at_once(ada, [(bob, words("bob"))] * 20)
    assert outcomes(answers) == {"sent": 1, "already_liked": 19}
    assert {answer.status_code for answer in answers} == {201, 409}
    assert kept(committed, ada) == (1, 1)
    assert consequences(committed, ada) == (0, 0, 0)


def test_of_twelve_likes_at_once_four_are_sent(
    real_client: TestClient, committed: Database, configured: Callable[..., None]
) -> None:
    """The others are too fast. Each of them is a signal, which may not pause the likes here."""
    configured(REFUSALS_UNTIL_PAUSE="100")
    ada = sign_up(real_client)
    answers = all_at_once(ada, [(user_id, words(user_id)) for user_id in others(real_client, 12)])
    assert outcomes(answers) == {"sent": 4, "too_fast": 8}
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.status_code for answer in refused} == {429}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    assert kept(committed, ada) == (4, 4)
    assert consequences(committed, ada) == (8, 0, 0)


def test_the_fifth_refusal_of_a_rush_pauses_likes_once(real_client: TestClient, committed: Database) -> None:
    """Of twelve at once four are sent, five too fast, and the last of those pauses likes: so it says to the rest."""
    ada = sign_up(real_client)
    answers = all_at_once(ada, [(user_id, words(user_id)) for user_id in others(real_client, 12)])
    assert outcomes(answers) == {"sent": 4, "too_fast": 5, "likes_paused": 3}
    assert kept(committed, ada) == (4, 4)
    assert consequences(committed, ada) == (5, 1, 1)


def test_of_one_comment_sent_to_six_at_once_one_is_sent(real_client: TestClient, committed: Database) -> None:
    """The other five are refused for it, each is counted once, and that pauses the person's likes once."""
    ada = sign_up(real_client)
    answers = all_at_once(ada, [(user_id, words("all")) for user_id in others(real_client, 6)])
    assert outcomes(answers) == {"sent": 1, "comment_duplicated": 5}
    assert kept(committed, ada) == (1, 1)
    assert consequences(committed, ada) == (5, 1, 1)
    counts = sorted(answer.json()["error"]["details"]["refusals"] for answer in answers if answer.status_code != 201)
    assert counts == [1, 2, 3, 4, 5]
    with committed.transaction() as session:
        assert session.get_one(User, ada.id).likes_paused_until is not None
    (bob,) = others(real_client, 1)
    assert error_code(send(ada, bob, words("bob"))) == "likes_paused"


def test_ten_likes_without_words_at_once_do_not_skip_the_fifth_comment(
    real_client: TestClient, committed: Database, configured: Callable[..., None]
) -> None:
    """Four of five with comments are used: the next one needs words, however many come without."""
    configured(LIKES_PER_MINUTE=MANY)
    ada = sign_up(real_client)
    first = others(real_client, 4)
    assert {send(ada, user_id, words(user_id)).status_code for user_id in first} == {201}
    answers = all_at_once(ada, [(user_id, None) for user_id in others(real_client, 10)])
    assert outcomes(answers) == {"comment_required": 10}
    assert kept(committed, ada) == (4, 4)


def test_likes_without_words_wait_for_the_fifth_comment(
    real_client: TestClient, committed: Database, configured: Callable[..., None]
) -> None:
    """The one with words is sent whenever it comes; of those at the same time no more than the day has left."""
    configured(LIKES_PER_MINUTE=MANY)
    ada = sign_up(real_client)
    assert {send(ada, user_id, words(user_id)).status_code for user_id in others(real_client, 4)} == {201}
    fifth, *rest = others(real_client, 12)
    with_words, *without = all_at_once(ada, [(fifth, words(fifth)), *((user_id, None) for user_id in rest)])
    assert with_words.status_code == 201
    sent = outcomes(without)
    assert set(sent) <= {"sent", "comment_required", "daily_like_limit"}
    assert sent["sent"] <= 5
    assert kept(committed, ada) == (5 + sent["sent"],) * 2
