"""Live messages: what an idle WebSocket takes, and what talking costs those who talk and everybody else."""

import asyncio
import itertools
import json
import os
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from websockets.asyncio.client import ClientConnection, connect

from bench import serving
from bench.report import Figure
from bench.serving import Server
from dev import parts
from dev.temporary import stores

SOCKETS: Final = 2000  # two for each match, one of each person
RATE: Final = 200  # messages a second
SECONDS: Final = 30
QUIET: Final = 15  # seconds in which nobody talks
SENDERS: Final = 16  # connections over which they are sent
PROBES: Final = 25  # reads of a page of 30 a second, beside
OPENING: Final = 50  # sockets at a time
DRAIN: Final = 5.0  # seconds for the last to arrive
CREATED: Final = b"HTTP/1.1 201"
_UNLIMITED: Final = dict.fromkeys(
    (f"RATE_LIMIT_{name}" for name in ("DEFAULT", "MESSAGES", "CONNECTIONS", "CONNECTIONS_ADDRESS")), "1000000/minute"
)


@dataclass(frozen=True, slots=True)
class Match:
    """Two who are matched, and their tokens."""

    id: uuid.UUID
    people: tuple[tuple[uuid.UUID, str], tuple[uuid.UUID, str]]


@dataclass
class Talk:
    """What was sent when, and what has arrived where."""

    sent: dict[str, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    arrived: dict[uuid.UUID, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    """Of each person, (client id, number) of each message in the order in which they came."""

    def faults(self, matches: Sequence[Match]) -> int:
        """Messages that somebody has not got, or twice, or before an earlier one."""
        faults = 0
        for match in matches:
            wanted = [client_id for client_id in self.sent if client_id.startswith(str(match.id))]
            for person, _ in match.people:
                got = self.arrived[person]
                numbers = [number for _, number in got]
                faults += len(set(wanted) ^ {client_id for client_id, _ in got}) + len(got) - len(set(got))
                faults += sum(later <= earlier for earlier, later in itertools.pairwise(numbers))
        return faults


def measure() -> list[Figure]:
    """Memory of a socket, faults and delay of messages, and the slowest reads beside."""
    with stores() as values:
        env = {**os.environ, **values, "LOG_LEVEL": "WARNING", **_UNLIMITED}
        os.environ.update(env)
        with psycopg.connect(values["DATABASE_URL"], autocommit=True) as connection:
            matches = _matches(connection)
        with serving.api(env) as server:
            return asyncio.run(_measure(server, matches))


async def _measure(server: Server, matches: list[Match]) -> list[Figure]:
    talk = Talk()
    await _send(server, matches, Talk(), seconds=2)  # warm
    before = server.process.memory_info().rss
    sockets = await _open(server, matches)
    await asyncio.sleep(2)
    each = (server.process.memory_info().rss - before) / len(sockets) / 1024
    readers = [asyncio.create_task(_read(socket, person, talk)) for socket, person in sockets]
    with ProcessPoolExecutor(1) as pool:
        loop = asyncio.get_running_loop()
        quiet = await loop.run_in_executor(pool, _probe, server.port, matches[0], QUIET)
        probing = loop.run_in_executor(pool, _probe, server.port, matches[0], SECONDS)
        cpu = sum(server.process.cpu_times()[:2])
        await _send(server, matches, talk, seconds=SECONDS)
        cpu = (sum(server.process.cpu_times()[:2]) - cpu) / SECONDS
        busy = await probing
    await asyncio.sleep(DRAIN)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await asyncio.gather(*(socket.close() for socket, _ in sockets))
    return _figures(talk, matches, each=each, quiet=quiet, busy=busy, cpu=cpu)


def _figures(
    talk: Talk, matches: list[Match], *, each: float, quiet: list[float], busy: list[float], cpu: float
) -> list[Figure]:
    calm, beside = (statistics.quantiles(times, n=100)[98] * 1000 for times in (quiet, busy))
    delays = [seconds * 1000 for seconds in statistics.quantiles(talk.delays, n=100)]
    return [
        Figure(
            id="T1",
            what=f"memory of an idle WebSocket, of {SOCKETS:,} to one process",
            unit="kB",
            product=each,
            must=60,
            reach=40,
            better="lower",
        ),
        Figure(
            id="T2",
            what=f"of {len(talk.sent):,} messages in {SECONDS} s, to two people each: lost, doubled or out of order",
            unit="",
            product=talk.faults(matches),
            must=0,
            reach=0,
            better="lower",
        ),
        Figure(
            id="T3",
            what=f"from sending to the other's socket: p99 (p50 {delays[49]:.0f} ms; {cpu:.0%} of a core in the API)",
            unit="ms",
            product=delays[98],
            must=250,
            reach=120,
            better="lower",
        ),
        Figure(
            id="T4",
            what="a page of 30 messages over HTTP meanwhile: p99, against that while nobody talks",
            unit="ms",
            product=beside,
            floor=calm,
            ratio=beside / calm,
            must=4,
            reach=2.5,
            better="lower",
        ),
    ]


def _matches(connection: psycopg.Connection) -> list[Match]:
    """Matches of people who are signed in; the first has 100 messages to read."""
    connection.execute(
        "INSERT INTO users (id, email, name, password_hash, birth_date)"
        " SELECT gen_random_uuid(), i || '@example.com', 'Ada', '!', '1990-12-10' FROM generate_series(1, %s) i",
        [SOCKETS],
    )
    tokens = dict(serving.sign_in(connection, "SELECT id FROM users"))
    ids = sorted(tokens)
    made = []
    for low, high in zip(ids[::2], ids[1::2], strict=True):
        made.append(Match(uuid.uuid4(), ((low, tokens[low]), (high, tokens[high]))))
        connection.execute(
            "INSERT INTO matches (id, low_id, high_id, state, created_at, state_changed_at, active_at)"
            " VALUES (%s, %s, %s, 'active', now(), now(), now())",
            [made[-1].id, low, high],
        )
    connection.execute(
        "INSERT INTO messages (match_id, number, id, sender_id, text, created_at)"
        " SELECT %s, i, gen_random_uuid(), %s, repeat('words ', 20), now() FROM generate_series(1, 100) i",
        [made[0].id, made[0].people[0][0]],
    )
    connection.execute("UPDATE matches SET messages = 100 WHERE id = %s", [made[0].id])
    connection.execute("ANALYZE")
    return made


async def _open(server: Server, matches: list[Match]) -> list[tuple[ClientConnection, uuid.UUID]]:
    gate = asyncio.Semaphore(OPENING)

    async def one(person: uuid.UUID, token: str) -> tuple[ClientConnection, uuid.UUID]:
        async with gate:
            socket = await connect(
                f"ws://{parts.HOST}:{server.port}/v1/ws", compression=None, ping_interval=None, open_timeout=60
            )
            await socket.send(json.dumps({"type": "auth", "token": token, "since": None}))
            assert json.loads(await socket.recv())["type"] == "ready"
            return socket, person

    return list(await asyncio.gather(*(one(*person) for match in matches for person in match.people)))


async def _read(socket: ClientConnection, person: uuid.UUID, talk: Talk) -> None:
    async for text in socket:
        now = time.perf_counter()
        event = json.loads(text)
        if event["type"] == "message.created":
            message: dict[str, Any] = event["data"]["message"]
            talk.arrived[person].append((message["client_id"], message["number"]))
            if message["sender_id"] != str(person):
                talk.delays.append(now - talk.sent[message["client_id"]])


async def _send(server: Server, matches: list[Match], talk: Talk, *, seconds: float) -> None:
    """Send at the rate, over several connections; each match's messages over one, as a person's phone would."""
    began = time.perf_counter()
    total = int(RATE * seconds)

    async def sender(mine: int) -> None:
        reader, writer = await asyncio.open_connection(parts.HOST, server.port)
        for number in range(mine, total, SENDERS):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            own = matches[mine::SENDERS]
            turn = number // SENDERS
            match = own[turn % len(own) if turn % 2 else turn % 4]  # half of it in few that talk a lot
            client_id = f"{match.id}/{began}/{number}"
            talk.sent[client_id] = time.perf_counter()
            writer.write(_post(match, match.people[turn % 2][1], client_id))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(CREATED):
                raise SystemExit(head.decode())
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(sender(number) for number in range(SENDERS)))


def _post(match: Match, token: str, client_id: str) -> bytes:
    body = json.dumps({"text": "I would bring the bread, and my sisters.", "client_id": client_id}).encode()
    return (
        f"POST /v1/matching/matches/{match.id}/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _probe(port: int, match: Match, seconds: float) -> list[float]:
    """Seconds that each of many reads took; in a process of its own, so that the readers' work is not measured."""
    request = (
        f"GET /v1/matching/matches/{match.id}/messages HTTP/1.1\r\nHost: bench\r\n"
        f"Authorization: Bearer {match.people[0][1]}\r\n\r\n"
    ).encode()
    times, began = [], time.perf_counter()
    server = Server(None, port)  # type: ignore[arg-type] # only its port is needed
    while time.perf_counter() - began < seconds:
        times += server.send([request], status=200)
        time.sleep(1 / PROBES)
    return times
