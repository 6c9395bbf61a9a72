"""After the last fault everything works again: every queue is served, and what is written reaches who listens."""

from dev.supervisor import wait_for
from shared.jobs import QUEUES
from tests.faults.evidence import Evidence
from tests.faults.listening import Ear
from tests.faults.meeting import write_to
from tests.faults.people import Town

MATCHES = 10
PATIENCE = 60.0  # seconds in which it must be so: a client comes back to its socket within some of them
ALIVE = 30.0  # seconds since the last heartbeat of a queue; two are due in that time


async def recovered(evidence: Evidence, ears: list[Ear]) -> list[str]:
    """What does not work."""
    return [*await _unserved(evidence.town), *await _unheard(evidence, ears)]


async def _unserved(town: Town) -> list[str]:
    """Queues whose workers take nothing any more."""
    asker, dead = town.here()[0], set(QUEUES)

    async def all_alive() -> bool:
        nonlocal dead
        answer = await asker.ask("GET", "/v1/health")
        ages = answer.json["workers"] if answer is not None else {}
        dead = {queue for queue in QUEUES if ages.get(queue, ALIVE) >= ALIVE}
        return not dead

    await wait_for(all_alive, timeout=PATIENCE, every=0.5)
    return [f"nobody serves the queue {queue} any more" for queue in sorted(dead)]


async def _unheard(evidence: Evidence, ears: list[Ear]) -> list[str]:
    """Messages that are written now and of which the other's client is told nothing."""
    listening = {ear.person.id: ear for ear in ears}
    people = {person.id: person for person in evidence.town.here()}
    rows = evidence.rows(
        """SELECT id::text, low_id::text, high_id::text FROM matches
        WHERE state = 'active' AND NOT blocked ORDER BY id LIMIT %s""",
        MATCHES,
    )
    unheard = []
    for row in rows:
        message_id = await write_to(people[row["low_id"]], row["id"])
        ear = listening[row["high_id"]]

        async def heard(message_id: str | None = message_id, ear: Ear = ear) -> bool:
            return message_id in ear.messages

        if message_id is None or not await wait_for(heard, timeout=PATIENCE, every=0.2):
            unheard.append(f"{ear.person} is told nothing of what is written to them")
    return unheard
