"""The small version of `make faults everything`: few people, few faults, and a judge who notices what is taken away."""

import asyncio
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.end_to_end.conftest import open_folder
from tests.faults import judging
from tests.faults.breaks import BREAKS
from tests.faults.doing import ACTIONS, leave
from tests.faults.everything import Plan, Run, prepared
from tests.faults.journal import Word

SOME = {
    "every worker killed",
    "Redis half-open",
    "transactions ended by Postgres",
    "answers of Postgres lost",
    "disk full",
}

# What is done to the database behind everybody's back, and what the judge says then.
TAKEN = {
    "DELETE FROM messages WHERE id = (SELECT min(id::text)::uuid FROM messages)": "was promised and is not there",
    "UPDATE messages SET text = text || '!' WHERE id = (SELECT max(id::text)::uuid FROM messages)": "text was promised",
    "DELETE FROM likes WHERE id = (SELECT max(id::text)::uuid FROM likes)": "a pair likes what its likes do not say",
    "UPDATE users SET bio = 'nobody has said this'": "bio of",
    "UPDATE daily_like_counts SET used = used + 1": "a count of likes that is not their number",
    "UPDATE prompt_answers SET vector = NULL, model = NULL, engine = NULL": "an answer that is not embedded",
    "INSERT INTO work (kind, key) VALUES ('photos.process', 'lost')": "work that is left",
    "DELETE FROM photos": "photo",
    """UPDATE notifications SET data = data || '{"like_id": "another"}' WHERE kind = 'like.received'""": (
        "a notification of a like that is not there"
    ),
}


@pytest.mark.xdist_group("second start")
def test_what_people_were_promised_is_true_whatever_breaks() -> None:
    breaks = tuple(one for one in BREAKS if one.name in SOME)
    actions = tuple(one for one in ACTIONS if one.do is not leave)  # a quarter of a minute passes until it is erased
    plan = Plan(people=12, seconds=12, every=2.4, think=0.3, breaks=breaks, actions=actions, lease_scale=0.1)

    async def everything(folder: Path) -> None:
        async with prepared(folder, plan, say=lambda _: None) as run:
            outcome = await run.run()
            assert outcome.held, outcome
            assert set(outcome.faults) == SOME
            for kind in ("account", "photo", "like", "match", "message", "setting", "answer"):
                assert outcome.words[kind, "promised"], outcome.words
            said = _judged_after(run, *TAKEN)
            for query, wrong in TAKEN.items():
                assert any(wrong in one for one in said), (query, said)
            next(run.system.media.glob("photos/*/*/*.webp")).unlink()
            assert any("is not there" in one for one in await run.judge())
            assert not await run.judge_logins()
            await _leave_without_a_trace(run)

    with open_folder() as folder:
        asyncio.run(everything(folder))


async def _leave_without_a_trace(run: Run) -> None:
    """The judge notices when nothing becomes of it that somebody has left, and when too much does."""
    blocks = {frozenset(entry.key.split(">")) for entry in run.town.journal.of("block")}
    match_id, email = next(
        (entry.content["match_id"], entry.who)
        for entry in run.town.journal.of("message")
        if entry.word == Word.PROMISED and run.town.matches[entry.content["match_id"]] not in blocks
    )
    (leaver,) = (
        person for person in run.town.people if person.id in run.town.matches[match_id] and person.email != email
    )
    leaver.has_left = True
    assert any("still has" in one for one in list(judging.erased(run.evidence)))  # which closes its connection
    assert len(await judging.farewell(leaver)) == 3
    said = _judged_after(
        run, f"DELETE FROM messages WHERE match_id = '{match_id}'", f"DELETE FROM matches WHERE id = '{match_id}'"
    )
    assert any("went with the account" in one for one in said)


def _judged_after(run: Run, *queries: str) -> list[str]:
    """What the judge says when all this has been done to the database; it is taken back."""
    with psycopg.connect(run.system.database_url) as connection:
        for query in queries:
            connection.execute(query.encode())
        said = list(judging.stored(replace(run.evidence, connection=connection)))
        connection.rollback()
    return said
