"""Nobody finds out by trying who has an account, who has blocked them, or whose things there are.

Whatever is refused because of somebody else's state is answered as if there were no such person at all, after the same
statements; what is told on purpose stands in docs/threat-model.md.
"""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from shared import clock, redis
from shared.accounts import by_mail, passwords
from shared.accounts.models import Status, User
from shared.mail.models import Mail
from shared.moderation import service as moderation
from shared.moderation.rules import NoticeKind
from shared.photos.models import Photo, PhotoStatus
from shared.storage import storage
from tests.api.test_matches import matched
from tests.people import PASSWORD, Person, error_code, sign_up

BLOCK = "/v1/matching/block"
LIKE = "/v1/matching/like"
NOBODY = "nobody@example.com"
Configure = Callable[..., None]

# What can be asked about a person whose id is known.
OF_A_PERSON: dict[str, Callable[[Person, uuid.UUID], Response]] = {
    "profile": lambda ada, them: ada.get(f"/v1/users/{them}"),
    "why": lambda ada, them: ada.get(f"/v1/discovery/{them}/why"),
    "like": lambda ada, them: ada.post(LIKE, json={"user_id": str(them), "comment": "Which of the books was it?"}),
    "like without a word": lambda ada, them: ada.post(LIKE, json={"user_id": str(them)}),
    "like about a photo": lambda ada, them: ada.post(
        LIKE, json={"user_id": str(them), "comment": "What a wonderful old lamp.", "photo_id": str(uuid.UUID(int=7))}
    ),
    "pass": lambda ada, them: ada.post("/v1/matching/pass", json={"user_id": str(them)}),
    "report": lambda ada, them: ada.post("/v1/matching/report", json={"user_id": str(them), "reason": "spam"}),
    "report a photo": lambda ada, them: ada.post(
        "/v1/matching/report", json={"user_id": str(them), "reason": "spam", "photo_id": str(uuid.UUID(int=7))}
    ),
    "report a message": lambda ada, them: ada.post(
        "/v1/matching/report", json={"user_id": str(them), "reason": "spam", "message_id": str(uuid.UUID(int=7))}
    ),
    "block": lambda ada, them: ada.post(BLOCK, json={"user_id": str(them)}),
}
# Who can be told from nobody, and by what: one may keep away from whom one cannot see at the moment, and hiding is from
# discovery only, so that whom one had before one stays there to be liked or passed.
TOLD: dict[str, set[str]] = {
    "suspended": {"block"},
    "paused": {"block"},
    "hidden": {"block", "like", "like without a word", "like about a photo", "pass", "report", "report a photo"},
}


def told(answer: Response) -> tuple[int, object, list[tuple[str, str]]]:
    """Everything that an answer says, but for what is each request's own."""
    body = answer.json() if answer.headers.get("content-type") == "application/json" else answer.content
    if isinstance(body, dict) and "error" in body:
        body = {**body["error"], "request_id": None}
    own = {"x-request-id", "date", "ratelimit"}  # how many tries are left goes down
    return answer.status_code, body, sorted(pair for pair in answer.headers.multi_items() if pair[0].lower() not in own)


@pytest.fixture
def ada(client: TestClient) -> Person:
    return sign_up(client, name="Ada")


def somebody(client: TestClient, session: Session, **columns: Any) -> Person:
    """Whom discovery could show to everybody."""
    person = sign_up(client, name="Bob", bio="Reads.")
    session.add(
        Photo(user_id=person.id, position=0, status=PhotoStatus.READY, renditions={"1080": "photos/a/b"}, color="#fff")
    )
    session.execute(update(User).where(User.id == person.id).values(**columns))
    session.commit()
    return person


def make(state: str, ada: Person, session: Session) -> Person:
    """Somebody in that state towards ada."""
    columns: dict[str, Any] = {"hidden_at": clock.now()} if state == "hidden" else {}
    if state in {"suspended", "deleting", "paused"}:
        columns = {"status": Status(state)}
    person = somebody(ada.client, session, **columns)
    if state == "blocks me":
        assert person.post(BLOCK, json={"user_id": str(ada.id)}).status_code == 201
    return person


@pytest.mark.parametrize("state", ["blocks me", "deleting", "suspended", "paused", "hidden"])
def test_a_person_who_is_not_there_for_me_is_nobody(
    ada: Person, session: Session, queries: list[str], state: str
) -> None:
    them = make(state, ada, session)
    for what, ask in OF_A_PERSON.items():
        ask(ada, uuid.uuid4())  # whatever is done only the first time
        asked: list[tuple[object, list[str]]] = []
        for user_id in (uuid.uuid4(), them.id):
            queries.clear()
            answer = ask(ada, user_id)
            asked.append((told(answer), [" ".join(statement.split()[:4]) for statement in queries]))
        (nobody, statements), (known, theirs) = asked
        if what in TOLD.get(state, ()):
            assert known != nobody, f"{what} is no exception any more"
        else:
            assert known == nobody, what
            assert theirs == statements, f"{what} would take another time"


def test_somebody_who_is_there_is_found_or_else_the_above_proves_nothing(ada: Person, session: Session) -> None:
    for what, ask in OF_A_PERSON.items():
        there, nobody = somebody(ada.client, session), uuid.uuid4()
        if what not in {"why", "report a message"}:
            assert told(ask(ada, there.id)) != told(ask(ada, nobody)), what


def test_whom_i_have_blocked_is_nobody_but_for_the_block_itself_and_a_report(ada: Person, session: Session) -> None:
    them = somebody(ada.client, session)
    ada.post(BLOCK, json={"user_id": str(them.id)})
    for what, ask in OF_A_PERSON.items():
        if what != "block" and "report" not in what:
            assert told(ask(ada, them.id)) == told(ask(ada, uuid.uuid4())), what


# What can be asked about a thing whose id is known.
OF_A_THING: dict[str, Callable[[Person, object], Response]] = {
    "match": lambda me, id_: me.get(f"/v1/matching/matches/{id_}"),
    "change of a match": lambda me, id_: me.patch(f"/v1/matching/matches/{id_}", json={"state": "archived"}),
    "unmatch": lambda me, id_: me.post("/v1/matching/unmatch", json={"match_id": str(id_)}),
    "messages": lambda me, id_: me.get(f"/v1/matching/matches/{id_}/messages"),
    "message": lambda me, id_: me.post(f"/v1/matching/matches/{id_}/messages", json={"text": "Hello"}),
    "read": lambda me, id_: me.post(f"/v1/matching/matches/{id_}/messages/read"),
    "photo": lambda me, id_: me.get(f"/v1/profile/photos/{id_}"),
    "removal of a photo": lambda me, id_: me.delete(f"/v1/profile/photos/{id_}"),
    "order of photos": lambda me, id_: me.put("/v1/profile/photos/order", json={"ids": [str(id_)]}),
    "answer": lambda me, id_: me.get(f"/v1/profile/prompts/{id_}"),
    "change of an answer": lambda me, id_: me.put(f"/v1/profile/prompts/{id_}", json={"answer": "Tea"}),
    "removal of an answer": lambda me, id_: me.delete(f"/v1/profile/prompts/{id_}"),
    "session": lambda me, id_: me.delete(f"/v1/auth/sessions/{id_}"),
    "appeal": lambda me, id_: me.post(f"/v1/notices/{id_}/appeal", json={"text": "No."}),
    "notification": lambda me, id_: me.post("/v1/notifications/read", json={"ids": [str(id_)]}),
}


@pytest.fixture
def things(ada: Person, client: TestClient, session: Session) -> dict[str, str]:
    """What others have, by the word that a probe begins or ends with."""
    bob, eve = somebody(client, session), somebody(client, session)
    match = matched(bob, eve)
    question = bob.get("/v1/prompts").json()["items"][0]["id"]
    answer = bob.post("/v1/profile/prompts", json={"question_id": question, "answer": "Fish soup."}).json()
    now = clock.now()
    case = moderation.open_case(session, user_id=bob.id, now=now)
    statement = moderation.Statement(kind=NoticeKind.HIDDEN, facts="Facts.", rule="A rule.")
    moderation.give_notice(session, statement, user_id=bob.id, case_id=case.id, now=now)
    session.commit()
    return {
        "match": match,
        "message": match,
        "messages": match,
        "read": match,
        "unmatch": match,
        "photo": bob.get("/v1/profile/photos").json()["items"][0]["id"],
        "photos": bob.get("/v1/profile/photos").json()["items"][0]["id"],
        "answer": answer["id"],
        "session": bob.get("/v1/auth/sessions").json()["items"][0]["id"],
        "appeal": bob.get("/v1/notices").json()["items"][0]["id"],
        "notification": bob.get("/v1/notifications").json()["items"][0]["id"],
    }


def test_what_belongs_to_others_is_nothing_of_mine_and_stays(
    ada: Person, things: dict[str, str], queries: list[str]
) -> None:
    for what, ask in OF_A_THING.items():
        theirs = things[what.rsplit(" ", 1)[-1]]
        ask(ada, uuid.uuid4())
        asked = []
        for id_ in (uuid.uuid4(), theirs):
            queries.clear()
            answer = ask(ada, id_)
            asked.append((told(answer), len(queries)))
        assert asked[0] == asked[1], what
        assert what == "notification" or 400 <= asked[0][0][0] < 500, what


def test_a_picture_of_somebody_is_no_picture_without_its_signature(
    client: TestClient, configured: Configure, tmp_path: Any
) -> None:
    configured(STORAGE_URL=f"file://{tmp_path}")
    storage().put("photos/ab/there-320.webp", b"picture", "image/webp")
    there, elsewhere = storage().url("photos/ab/there-320.webp"), storage().url("photos/ab/nowhere-320.webp")
    assert client.get(there).status_code == 200
    query = there.partition("?")[2]
    wrong = [
        client.get(f"/media/photos/ab/{name}-320.webp?{asked}")
        for name in ("there", "nowhere")
        for asked in (elsewhere.partition("?")[2] if name == "there" else query, "expires=1&signature=x")
    ]
    assert {answer.status_code for answer in wrong} == {404}
    assert len({str(told(answer)) for answer in wrong}) == 1


class Accounts:
    """Accounts in every state, and one who is not there, by what they would log in with."""

    def __init__(self, client: TestClient, session: Session) -> None:
        self.emails = {"nobody": NOBODY}
        self.usernames = {"nobody": "nobody"}
        for state in Status:
            person = sign_up(client, username=f"a.{state}")
            session.execute(update(User).where(User.id == person.id).values(status=state))
            self.emails[state], self.usernames[state] = person.email, f"a.{state}"
        session.commit()


@pytest.fixture
def accounts(client: TestClient, session: Session) -> Accounts:
    return Accounts(client, session)


def test_a_wrong_password_says_nothing_about_the_account_and_costs_the_same(
    client: TestClient, accounts: Accounts, queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    verify = passwords._policy().verify_and_update

    def note(password: str, stored: str) -> object:
        hashed.append(stored[:20])
        return verify(password, stored)

    monkeypatch.setattr(passwords._policy(), "verify_and_update", note)
    seen = set()
    for login in (*accounts.emails.values(), *accounts.usernames.values()):
        for path, how in (("/v1/auth/login", "json"), ("/v1/auth/token", "data")):
            queries.clear()
            hashed.clear()
            body: dict[str, Any] = {how: {"username": login, "password": "wrong"}}
            answer = client.post(path, **body)
            assert error_code(answer) == "invalid_credentials"
            assert len(hashed) == 1, "as much work for everybody"
            seen.add((str(told(answer)), tuple(queries), hashed[0].rpartition("$")[0]))
    assert len(seen) == 1


def test_that_an_account_is_suspended_is_told_to_its_owner_only(client: TestClient, accounts: Accounts) -> None:
    def log_in(password: str) -> Response:
        body = {"username": accounts.emails["suspended"], "password": password}
        return client.post("/v1/auth/login", json=body)

    assert error_code(log_in("wrong")) == "invalid_credentials"
    assert error_code(log_in(PASSWORD)) == "account_suspended"


def test_asking_for_a_new_password_says_nothing_about_the_account(
    client: TestClient, accounts: Accounts, queries: list[str], session: Session
) -> None:
    seen = set()
    for email in accounts.emails.values():
        queries.clear()
        answer = client.post("/v1/auth/password/forgot", json={"email": email})
        assert answer.status_code == 202
        seen.add((str(told(answer)), tuple(queries)))
    assert len(seen) == 1
    assert session.query(func.count(Mail.id)).filter(Mail.kind == by_mail.RESET).scalar() == len(accounts.emails)


@pytest.mark.parametrize("path", ["/v1/auth/password/reset", "/v1/auth/email/verify"])
def test_a_made_up_link_says_nothing(client: TestClient, path: str) -> None:
    body = {"token": "x" * 22} | ({"password": "password"} if "reset" in path else {})
    first, second = (client.post(path, json=body | {"token": token}) for token in ("x" * 22, "y" * 22))
    assert error_code(first) == "token_invalid", "before it says how weak the password is"
    assert told(first) == told(second)


def test_having_the_link_sent_again_needs_a_login(client: TestClient) -> None:
    for body in ({}, {"email": NOBODY}):
        assert client.post("/v1/auth/email/resend", json=body).status_code == 401


def test_signing_up_tells_that_an_address_is_taken_and_nothing_more(
    client: TestClient, accounts: Accounts, queries: list[str]
) -> None:
    """It must: there is no other way to tell its owner in the app. How often one can ask is limited."""

    def join(email: str) -> Response:
        body = {"email": email, "password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10"}
        return client.post("/v1/auth/signup", json=body)

    seen = set()
    for state in Status:
        queries.clear()
        answer = join(accounts.emails[state])
        assert error_code(answer) == "email_taken"
        seen.add((str(told(answer)), tuple(queries)))
    assert len(seen) == 1, "not in which state the account is"


def test_how_often_one_can_ask_for_addresses_is_limited(client: TestClient, configured: Configure) -> None:
    configured(RATE_LIMIT_SIGNUP="2/minute")
    redis.client().flushdb()
    body = {"email": NOBODY, "password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10"}
    assert [client.post("/v1/auth/signup", json=body).status_code for _ in range(3)] == [201, 409, 429]
    redis.client().flushdb()
