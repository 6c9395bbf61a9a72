"""A whole journey through real processes that log everything: nothing of what is secret or somebody's own is in it."""

import json
import re
import uuid
from email import message_from_bytes, policy
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from tests.people import PASSWORD
from tests.pictures import small_photo
from tests.stack import Stack

WRONG, NEW = "wrong horse 7531", "analytical engine 7531"
NAMES = {"ada": "Adalbertine", "bob": "Bobinson"}
BIO, ANSWER, WORDS, TALK = "bio-7531", "answer-7531 fish soup", "like-7531 what a lamp", "message-7531 see you"
LATITUDE, LONGITUDE = 52.517531, 13.387531


class Journey:
    """What two people do, and everything of it that no log may tell."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.http = httpx2.Client(base_url=stack.url, timeout=30)
        self.secrets: dict[str, str] = {}
        self.headers: dict[str, dict[str, str]] = {}

    def keep(self, what: str, secret: str) -> str:
        assert len(secret) >= 6, what
        self.secrets[what] = secret
        return secret

    def keep_tokens(self, who: str, tokens: dict[str, str]) -> None:
        for kind in ("access_token", "refresh_token", "device_token"):
            if kind in tokens:
                self.keep(f"{kind} of {who} {len(self.secrets)}", tokens[kind].rpartition(".")[2])
        self.headers[who] = {"Authorization": f"Bearer {tokens['access_token']}"}

    def ask(self, who: str, method: str, path: str, *, status: int = 200, **more: object) -> dict[str, object]:
        answer = self.http.request(method, path, headers=self.headers.get(who), **more)  # type: ignore[arg-type]
        assert answer.status_code == status, (path, answer.text)
        body: dict[str, object] = answer.json() if answer.content else {}
        return body

    def join(self, who: str) -> str:
        email = self.keep(f"address of {who}", f"{who}-{uuid.uuid4().hex[:8]}@example.com")
        body = {
            "email": email,
            "password": PASSWORD,
            "name": NAMES[who],
            "birth_date": "1990-12-10",
            "bio": BIO,
            "location": {"latitude": LATITUDE, "longitude": LONGITUDE},
        }
        joined = self.ask("", "POST", "/v1/auth/signup", status=201, json=body)
        self.keep_tokens(who, joined)  # type: ignore[arg-type]
        return str(joined["user"]["id"])  # type: ignore[index]

    def mailed_token(self, kind: str) -> str:
        folder = Path(self.stack.addresses()["MAIL_DIR"])
        self.stack.wait_for(lambda: bool(list(folder.glob(f"*-{kind}-*.eml"))), seconds=60)
        (mail, *_) = folder.glob(f"*-{kind}-*.eml")
        text = message_from_bytes(mail.read_bytes(), policy=policy.default).get_body(("plain",))
        assert text is not None
        found = re.search(r"token=([\w-]+)", text.get_content())
        assert found is not None
        return self.keep(f"token of {kind}", found[1])


@pytest.mark.xdist_group("second start")
def test_no_log_tells_what_is_secret(folder: Path) -> None:
    stack = Stack(folder, {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "DEV_WORKERS": "1", "LEASE_SCALE": "0.2"})
    stack.start()
    try:
        journey = Journey(stack)
        travel(journey)
        journey.http.close()
        stack.wait_for(lambda: stack.rows("SELECT count(*) FROM work") == [(0,)], seconds=60)
    finally:
        stack.stop()
    log = stack.log()
    assert "/v1/auth/login" in log, "the API has logged"
    assert "photos.process" in log, "the workers have logged"
    assert '"level": "debug"' in log, "in full"
    fixed = {
        "password": PASSWORD,
        "wrong password": WRONG,
        "new password": NEW,
        "bio": BIO,
        "answer": ANSWER,
        "like": WORDS,
        "message": TALK,
        "latitude": str(LATITUDE),
        "longitude": str(LONGITUDE),
        **{f"name of {who}": name for who, name in NAMES.items()},
        "hash": "$bcrypt-sha256$",
        "key": "development-only-secret",
    }
    told = {
        what: next(line for line in stack.lines if secret in line)[:500]
        for what, secret in {**fixed, **journey.secrets}.items()
        if secret in log
    }
    assert not told, json.dumps(told, indent=1)


def travel(journey: Journey) -> None:
    """Everything in which something is sent or shown that is nobody else's business."""
    ask = journey.ask
    ada, bob = journey.join("ada"), journey.join("bob")
    email = journey.secrets["address of ada"]
    for name in (email, "nobody-7531@example.com"):
        ask("", "POST", "/v1/auth/login", status=401, json={"username": name, "password": WRONG})
        ask("", "POST", "/v1/auth/token", status=401, data={"username": name, "password": WRONG})
    ask("", "POST", "/v1/auth/login", status=422, json={"username": email, "password": [WRONG]})
    ask("", "POST", "/v1/auth/signup", status=409, json=again(email))
    journey.keep("address of nobody", "nobody-7531@example.com")
    tokens = ask("", "POST", "/v1/auth/login", json={"username": email, "password": PASSWORD})
    journey.keep_tokens("ada", tokens)  # type: ignore[arg-type]
    refreshed = ask("", "POST", "/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    journey.keep_tokens("ada", refreshed)  # type: ignore[arg-type]
    ask("ada", "GET", f"/v1/users/me?access_token={refreshed['access_token']}")
    ask("ada", "GET", f"/v1/nothing?email={email}", status=404)
    ask("", "POST", "/v1/auth/email/verify", status=204, json={"token": journey.mailed_token("verify_email")})
    show_oneself(journey)
    match = meet(journey, ada, bob)
    ask("bob", "GET", f"/v1/matching/matches/{match}/messages")
    ask("", "POST", "/v1/auth/password/forgot", status=202, json={"email": email})
    token = journey.mailed_token("reset_password")
    ask("", "POST", "/v1/auth/password/reset", status=422, json={"token": token, "password": "password"})
    ask("", "POST", "/v1/auth/password/reset", status=204, json={"token": token, "password": NEW})
    journey.stack.wait_for(
        lambda: journey.http.get(f"http://127.0.0.1:{journey.stack.flower_port}/healthcheck").is_success, seconds=30
    )
    httpx2.get(
        f"http://127.0.0.1:{journey.stack.flower_port}/tasks", auth=("operator", journey.keep("try", "flower-7531"))
    )


def again(email: str) -> dict[str, str]:
    return {"email": email, "password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10"}


def show_oneself(journey: Journey) -> None:
    """A photo, and an answer."""
    files = {"file": ("photo-7531.jpg", small_photo(seed=7), "image/jpeg")}
    journey.keep("name of a file", "photo-7531")
    photo = journey.ask("ada", "POST", "/v1/profile/photos", status=202, files=files)
    path = f"/v1/profile/photos/{photo['id']}"
    journey.stack.wait_for(lambda: journey.ask("ada", "GET", path)["status"] == "ready", seconds=60)
    url = journey.ask("ada", "GET", path)["urls"]["320"]  # type: ignore[index]
    assert journey.http.get(url).status_code == 200
    journey.keep("signature of a link", url.partition("signature=")[2])
    question = journey.ask("ada", "GET", "/v1/prompts")["items"][0]["id"]  # type: ignore[index]
    said = {"question_id": question, "answer": ANSWER}
    answer = journey.ask("ada", "POST", "/v1/profile/prompts", status=201, json=said)
    journey.stack.wait_for(
        lambda: journey.ask("ada", "GET", f"/v1/profile/prompts/{answer['id']}")["status"] == "embedded", seconds=90
    )


def meet(journey: Journey, ada: str, bob: str) -> str:
    """Two likes, and a message to somebody who listens."""
    token = journey.headers["bob"]["Authorization"].removeprefix("Bearer ")
    with connect(journey.stack.url.replace("http", "ws") + "/v1/ws") as socket:
        socket.send(json.dumps({"type": "auth", "token": token}))
        journey.ask("ada", "POST", "/v1/matching/like", status=201, json={"user_id": bob, "comment": WORDS})
        made = journey.ask(
            "bob", "POST", "/v1/matching/like", status=201, json={"user_id": ada, "comment": WORDS[::-1]}
        )
        match = str(made["match"]["id"])  # type: ignore[index]
        journey.ask("ada", "POST", f"/v1/matching/matches/{match}/messages", status=201, json={"text": TALK})
        while "message.created" not in str(socket.recv(10)):
            pass
        socket.send("not understood 7531")
    return match
