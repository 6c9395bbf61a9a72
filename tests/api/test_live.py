"""Live events through real processes: who gets what, what breaks in between, and that nothing is missed or doubled."""

import asyncio
import json
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from fastapi.testclient import TestClient
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from api.listening import Hub
from dev import parts
from shared import events, redis
from shared.accounts.tokens import Claims, KeyRing
from shared.database import GATHER, Database
from shared.settings import settings
from tests.api.test_matches import change, matched
from tests.api.test_messages import said
from tests.live import WITHIN, Api, Socket, api, stream, websocket
from tests.people import Person, sign_up

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    with api() as running:
        yield running


@pytest.fixture
def pair(real_client: TestClient) -> tuple[Person, Person]:
    redis.BREAKER._closed_until = 0.0
    return sign_up(real_client, name="Ada"), sign_up(real_client, name="Bob")


@pytest.fixture
def match(pair: tuple[Person, Person]) -> str:
    made = matched(*pair)
    time.sleep(4 * GATHER)  # until what was told of that is out
    return made


def token(person: Person) -> str:
    return str(person.tokens["access_token"])


def short(person: Person, seconds: float) -> str:
    """A token of theirs that is good for so long."""
    keys, now = KeyRing(settings()), datetime.now(UTC)
    mine = keys.read(token(person), "access")
    claims = Claims(mine.user_id, mine.session_id, "x")
    return keys.issue("access", claims, issued=now, expires=now + timedelta(seconds=seconds))


def texts(frames: list[dict[str, Any]]) -> list[str]:
    return [one["data"]["message"]["text"] for one in frames if one["type"] == "message.created"]


def test_a_message_reaches_every_device_of_both_and_nobody_else(
    running: Api, real_client: TestClient, pair: tuple[Person, Person], match: str
) -> None:
    (ada, bob), stranger = pair, sign_up(real_client)
    with (
        websocket(running, token(bob), since=None) as phone,
        websocket(running, token(bob), since=None) as laptop,
        websocket(running, token(ada), since=None) as mine,
        websocket(running, token(stranger), since=None) as theirs,
    ):
        sent = said(ada, match, "Grüße, Bob! 🍲")
        for one in (phone, laptop, mine):
            frame = one.read()
            assert set(frame) == {"type", "id", "at", "data"}
            assert (frame["type"], frame["data"]) == ("message.created", {"match_id": match, "message": sent})
        assert theirs.is_silent()
        bob.post(f"/v1/matching/matches/{match}/read")
        assert mine.read()["data"] | {"read_at": ""} == {
            "match_id": match,
            "reader_id": str(bob.id),
            "message_id": sent["id"],
            "number": 1,
            "read_at": "",
        }


def test_a_message_to_an_archived_match_tells_of_both(running: Api, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    change(ada, match, "archived")
    with websocket(running, token(ada), since=None) as mine:
        said(bob, match, "Still there?")
        assert [mine.read()["type"] for _ in range(2)] == ["match.changed", "message.created"]


def test_a_pair_of_subprotocols_signs_in_too(running: Api, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    pairs = [Subprotocol("bearer"), Subprotocol(token(bob))]
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws?since=", subprotocols=pairs) as connection:
        assert connection.subprotocol == "bearer"
        live = Socket(connection)
        assert live.read()["type"] == "ready"
        said(ada, match, "Hello.")
        assert live.read("message.created")


def test_without_asking_there_is_no_ready(running: Api, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    with websocket(running, token(bob)) as live:
        assert live.is_silent()
        said(ada, match, "Hello.")
        assert live.read()["type"] == "message.created"


@pytest.mark.parametrize(
    "first", ["", "no JSON", "[]", '{"type":"auth"}', '{"type":"hello"}', '{"type":"auth","token":"x.y.z"}', b"bytes"]
)
def test_who_does_not_sign_in_is_closed_with_4401(running: Api, first: str | bytes) -> None:
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws") as connection:
        connection.send(first)
        assert Socket(connection).closed()[0] == 4401


@pytest.mark.parametrize("offered", [["bearer"], ["bearer", "x.y.z"]])
def test_a_bad_subprotocol_token_is_closed_with_4401(running: Api, offered: list[str]) -> None:
    subprotocols = [Subprotocol(one) for one in offered]
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws", subprotocols=subprotocols) as connection:
        assert Socket(connection).closed()[0] == 4401


def test_a_refresh_token_and_one_that_was_logged_out_are_no_tickets(running: Api, pair: tuple[Person, Person]) -> None:
    ada, bob = pair
    bob.post("/v1/auth/logout")
    for ticket in (str(ada.tokens["refresh_token"]), token(bob)):
        with websocket(running, ticket) as live:
            assert live.closed() == (4401, "token_invalid")


def test_logging_out_closes_the_connections_of_that_login_at_once(running: Api, pair: tuple[Person, Person]) -> None:
    ada, _ = pair
    with websocket(running, token(ada), since=None) as live, stream(running, token(ada)) as streamed:
        began = time.monotonic()
        ada.post("/v1/auth/logout-all")
        assert live.closed() == (4401, "token_invalid")
        assert list(streamed) == [{"retry": "2000"}], "it ends"
        assert time.monotonic() - began < 5


def test_it_ends_with_the_token_unless_there_is_a_new_one(
    running: Api, pair: tuple[Person, Person], match: str
) -> None:
    ada, bob = pair
    with websocket(running, short(bob, 2), since=None) as kept, websocket(running, short(bob, 2), since=None) as left:
        kept.say(type="auth", token=token(bob))
        assert left.closed() == (4401, "token_expired")
        kept.say(type="ping")
        assert kept.read() == {"type": "pong"}
        said(ada, match, "Still there?")
        assert kept.read()["type"] == "message.created"
        kept.say(type="auth", token=token(ada))
        assert kept.closed() == (4401, "token_invalid"), "whose it is does not change"


@pytest.mark.parametrize("frame", ["no JSON", "[]", "{}", b"bytes"])
def test_what_is_not_understood_closes(running: Api, pair: tuple[Person, Person], frame: str | bytes) -> None:
    with websocket(running, token(pair[0]), since=None) as live:
        live.connection.send(frame)
        assert live.closed() == (4400, "not understood")


def test_who_comes_back_gets_what_was_missed_once_and_in_order(
    running: Api, pair: tuple[Person, Person], match: str
) -> None:
    ada, bob = pair
    with websocket(running, token(bob), since=None) as before:
        said(ada, match, "1")
        last = before.read("message.created")["id"]
    for number in range(2, 30):
        said(ada, match, str(number))
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws") as connection:
        after = Socket(connection)
        after.say(type="auth", token=token(bob), since=last)
        said(ada, match, "30")
        assert after.read("ready")["data"] == {"complete": True}
        while "30" not in texts(after.frames):
            after.read()
        assert texts(after.frames) == [str(number) for number in range(2, 31)]
    for since in (str(uuid.uuid4()), "", "\x00", "x" * 5000):
        with connect(f"ws://127.0.0.1:{running.port}/v1/ws") as connection:
            lost = Socket(connection)
            lost.say(type="auth", token=token(bob), since=since)
            assert lost.read()["data"] == {"complete": False}, "then the client reads anew"


def test_a_killed_process_costs_nothing_but_a_connection(running: Api, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    with api() as other, websocket(other, token(bob), since=None) as before:
        for number in range(10):
            said(ada, match, str(number))
        while len(texts(before.frames)) < 5:
            before.read()
        other.kill()
        for number in range(10, 20):
            said(ada, match, str(number))
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws") as connection:
        after = Socket(connection)
        after.say(type="auth", token=token(bob), since=before.frames[-1]["id"])
        assert after.read("ready")["data"] == {"complete": True}
        while "19" not in texts(after.frames):
            after.read()
    assert texts(before.frames + after.frames) == [str(number) for number in range(20)]


def test_server_sent_events_are_the_same(running: Api, pair: tuple[Person, Person], match: str) -> None:
    ada, bob = pair
    with stream(running, token(bob)) as streamed:
        assert next(streamed) == {"retry": "2000"}
        sent = said(ada, match, "Hello.")
        event = next(streamed)
    told = json.loads(event["data"])
    assert (event["event"], event["id"], told["data"]["message"]) == ("message.created", told["id"], sent)
    said(ada, match, "Are you there?")
    time.sleep(4 * GATHER)
    with stream(running, token(bob), **{"Last-Event-ID": told["id"]}) as streamed:
        got = [next(streamed) for _ in range(3)][1:]
    assert [one["event"] for one in got] == ["message.created", "ready"]


def test_a_stream_needs_a_token(running: Api) -> None:
    with pytest.raises(AssertionError), stream(running, "x"):
        pass


def test_plain_http_to_the_websocket_is_told_so(running: Api) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{running.port}/v1/nowhere"):
        pass


def test_a_stop_sends_everybody_elsewhere_without_waiting(pair: tuple[Person, Person]) -> None:
    ada, bob = pair
    with api() as other, websocket(other, token(ada), since=None) as live, stream(other, token(bob)) as streamed:
        began = time.monotonic()
        other.process.send_signal(signal.SIGTERM)
        assert live.closed()[0] == 1012
        list(streamed)
        other.process.wait(20)
        assert time.monotonic() - began < 10


def test_who_reads_nothing_is_closed_with_a_code_and_takes_no_memory(running: Api, pair: tuple[Person, Person]) -> None:
    bob = pair[1]
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", running.port))
    process = psutil.Process(running.process.pid)
    with connect(f"ws://127.0.0.1:{running.port}/v1/ws", sock=narrow, max_queue=1, ping_interval=None) as connection:
        slow = Socket(connection)
        slow.say(type="auth", token=token(bob), since=None)
        slow.read("ready")
        before = process.memory_info().rss
        for _ in range(5):  # a break of the subscription brings no more than is kept, and a new beginning
            for _ in range(100):
                events.publish(
                    events.event(user_id=bob.id, kind="match.changed", data={"filling": "x" * 20_000}) for _ in range(5)
                )
            time.sleep(1)
            assert process.memory_info().rss - before < 8 * 1024**2, "of 10 MB that were sent"
            with suppress(TimeoutError):
                assert slow.closed(within=5)[0] == 4408
                return
        pytest.fail("it stayed open")


def test_it_stops_whenever_it_is_told_to(committed: Database) -> None:
    async def open_and_close() -> None:
        for turns in range(100):
            hub = Hub(settings().redis_url, committed)
            await hub.open()
            for _ in range(turns % 40):
                await asyncio.sleep(0)
            async with asyncio.timeout(WITHIN):
                await hub.close()

    asyncio.run(open_and_close())


@pytest.mark.parametrize("before", [0, 3])
def test_a_cut_connection_to_redis_loses_nothing(
    running: Api, pair: tuple[Person, Person], match: str, before: int
) -> None:
    ada, bob = pair
    with websocket(running, token(bob), since=None) as asking, websocket(running, token(bob)) as silent:
        assert silent.is_silent(), "it is not told when it is ready"
        for number in range(before):
            said(ada, match, str(number))
        for _ in range(2):
            redis.client().client_kill_filter(_type="pubsub")
            for number in range(before, before + 3):
                said(ada, match, str(number))
            before += 3
            for live in (asking, silent):
                while len(texts(live.frames)) < before:
                    live.read()
                assert texts(live.frames) == [str(number) for number in range(before)]
        assert asking.is_silent(1.5) or asking.frames[-1]["type"] == "ready"
        assert silent.is_silent()


def test_with_redis_away_connections_stay_and_rest_answers(
    committed: Database, pair: tuple[Person, Person], match: str, tmp_path: Path
) -> None:
    ada, bob = pair
    port = parts.free_port()

    def start() -> subprocess.Popen[bytes]:
        part = parts.redis(tmp_path / "redis", port=port, durable=False)
        started = subprocess.Popen(part.argv)
        while not parts.answers(port):
            time.sleep(0.05)
        return started

    server = start()
    try:
        with (
            api(REDIS_URL=f"redis://127.0.0.1:{port}/0") as other,
            websocket(other, token(bob), since=None) as live,
            httpx2.Client(base_url=other.url, headers=ada.headers, timeout=10) as http,
        ):

            def say(text: str) -> int:
                return http.post(f"/v1/matching/matches/{match}/messages", json={"text": text}).status_code

            assert say("1") == 201
            assert texts([live.read("message.created")]) == ["1"]
            server.kill()
            server.wait(10)
            began = time.monotonic()
            assert [say(str(number)) for number in range(2, 6)] == [201] * 4
            assert time.monotonic() - began < 8
            live.say(type="ping")
            assert live.read() == {"type": "pong"}
            server = start()
            assert live.read("ready", within=20)["data"] == {"complete": False}, "read anew what came meanwhile"
            assert say("6") == 201
            while "6" not in texts(live.frames):
                live.read()
            assert texts(live.frames) == [str(number) for number in range(1, 7)], "late, and all of them"
    finally:
        server.kill()
        server.wait(10)
