"""After everything has come to rest: is what was promised true, and nothing half done?"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from shared import clock
from shared.discovery import candidates
from shared.quiz.traits import Trait
from tests.faults.breaks import LOSES_RESULTS
from tests.faults.evidence import Evidence
from tests.faults.invariants import NEVER
from tests.faults.journal import Word
from tests.faults.kinds import KINDS
from tests.faults.listening import Ear
from tests.faults.people import Person

NOTING = 5.0  # seconds around the arrival of a mail in which a fault may have kept its worker from noting it


def stored(evidence: Evidence) -> Iterator[str]:
    """What the database contradicts."""
    for kind in KINDS:
        yield from kind.rule(evidence.town.journal.of(kind.name), kind.stored(evidence))
    for what, query in NEVER.items():
        for row in evidence.rows(query):
            yield f"{what}: {', '.join(f'{name} {value}' for name, value in row.items())}"
    yield from _unknown_photos(evidence)
    yield from _unknown(evidence, "report", "SELECT details AS key FROM reports")
    yield from _unknown(evidence, "message", "SELECT client_id AS key FROM messages")
    yield from _unknown(evidence, "account", "SELECT email AS key FROM users")


def ranking(evidence: Evidence) -> Iterator[str]:
    """Whom ranking knows otherwise than they are: made anew, its row would be another."""
    columns = (
        "shown",
        "gender",
        "seeks",
        "min_age",
        "max_age",
        "x",
        "y",
        "z",
        "reach",
        *Trait,
        "meaning",
        "wishes",
    )
    engine = create_engine(evidence.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with Session(engine) as session:
        session.execute(text("CREATE TEMPORARY TABLE known ON COMMIT DROP AS SELECT * FROM candidates"))
        candidates.make(session, user_ids=session.scalars(text("SELECT id FROM users")).all(), now=clock.now())
        for column in columns:
            query = f"""SELECT c.user_id, k.{column}::text, c.{column}::text
                FROM candidates c LEFT JOIN known k USING (user_id) WHERE CASE WHEN k.user_id IS NULL THEN c.shown
                    ELSE k.{column}::text IS DISTINCT FROM c.{column}::text END"""
            for user_id, known, now in session.execute(text(query)):
                yield f"ranking knows {column} of {user_id} as {known}, and it is {now}"[:300]
        session.rollback()
    engine.dispose()


async def shown(evidence: Evidence) -> list[str]:
    """What the API contradicts, when each person reads what they own."""
    wrong = []
    blocked = {row["id"] for row in evidence.rows("SELECT id::text FROM matches WHERE blocked")}
    for kind in KINDS:
        for person in evidence.town.here():
            if kind.shown is None:
                continue
            mine = [entry for entry in evidence.town.journal.of(kind.name) if entry.who == str(person)]
            visible = [entry for entry in mine if entry.content.get("match_id") not in blocked]
            wrong += [f"over REST, {what}" for what in kind.rule(visible, await kind.shown(person))]
    return wrong


async def tokens(person: Person) -> Iterator[str]:
    """What is wrong with somebody's logins: the last pair is good, and none that was used up or ended."""
    wrong = []
    answer = await person.ask("POST", "/v1/auth/refresh", {"refresh_token": person.refresh_token})
    if answer is None:
        wrong.append(f"the last refresh token of {person} is no good")
    else:
        person.sign_in(answer.json)
    for token in person.ended_tokens:
        person.token, kept = token, person.token
        answer = await person.ask("GET", "/v1/users/me", may=("token_invalid",))
        if answer is None or not answer.code:
            wrong.append(f"a login that {person} has ended is still good")
        person.token = kept
    if len(person.used_tokens) > 1:  # this ends the login, so it is the last thing that is asked of it
        oldest = {"refresh_token": person.used_tokens[0]}
        answer = await person.ask("POST", "/v1/auth/refresh", oldest, may=("token_reused",))
        if answer is None or not answer.code:
            wrong.append(f"a refresh token of {person} was good twice")
    return iter(wrong)


def files(evidence: Evidence) -> Iterator[str]:
    """Files that are named and not there, and such that nobody names although all was swept."""
    named = {
        key
        for row in evidence.rows("SELECT renditions FROM photos WHERE renditions IS NOT NULL")
        for key in row["renditions"].values()
    }
    reported = {row["key"] for row in evidence.rows("SELECT key FROM report_files")}
    there = evidence.files()
    yield from (f"file {key} is not there" for key in sorted((named | reported) - there))
    yield from (f"file {key} is left over" for key in sorted(there - named - reported))


def mails(evidence: Evidence, posted: list[tuple[str, float]]) -> Iterator[str]:
    """Mails that never came, and such that came again although nothing kept their worker from noting that they had."""
    arrived: dict[str, list[float]] = {}
    for message_id, moment in posted:
        arrived.setdefault(message_id.strip("<>").partition("@")[0], []).append(moment)
    unconfirmed = {row["id"]: row["unconfirmed"] for row in evidence.rows("SELECT id::text, unconfirmed FROM mails")}
    for mail_id, times in unconfirmed.items():
        moments = arrived.get(mail_id, [])
        if not moments:
            yield f"mail {mail_id} never came"
        again = [
            second
            for first, second in pairwise(moments)
            if not evidence.town.trouble.broke(LOSES_RESULTS, first - NOTING, first + NOTING)
        ]
        if len(again) > times:
            yield f"mail {mail_id} came {len(moments)} times"


def events(evidence: Evidence, ears: list[Ear]) -> Iterator[str]:
    """Events that told of messages as they are not."""
    query = "SELECT id AS key, match_id::text, sender_id::text, number, text FROM messages"
    messages = evidence.by_key(query)
    for ear in ears:
        for message_id, told in ear.messages.items():
            (kept,) = messages.get(message_id) or [{}]
            if not kept or any(told[name] != value for name, value in kept.items()):
                yield f"{ear.person} was told of message {message_id} as it is not: {told}, not {kept}"


def missed(evidence: Evidence, ears: list[Ear]) -> int:
    """Messages of which somebody who listened was told nothing. Events are hints, so this is no fault."""
    rows = evidence.rows(
        "SELECT s.id::text, low_id::text, high_id::text FROM messages s JOIN matches m ON m.id = match_id"
    )
    listening = {ear.person.id: ear for ear in ears}
    return sum(
        row["id"] not in listening[person].messages
        for row in rows
        for person in (row["low_id"], row["high_id"])
        if person in listening
    )


def _unknown_photos(evidence: Evidence) -> Iterator[str]:
    """A photo that nobody was promised is there because an answer was lost; there are no more than lost answers."""
    entries = evidence.town.journal.of("photo")
    known = {entry.key for entry in entries}
    doubts = Counter(entry.who for entry in entries if entry.word == Word.DOUBT and entry.content)
    rows = evidence.rows("SELECT p.id::text, email FROM photos p JOIN users u ON u.id = user_id")
    unknown = Counter(row["email"] for row in rows if row["id"] not in known)
    yield from (f"{number} photos of {who} that they did not add" for who, number in (unknown - doubts).items())


def _unknown(evidence: Evidence, kind: str, query: str) -> Iterator[str]:
    asked = {entry.key for entry in evidence.town.journal.of(kind)}
    yield from (
        f"a {kind} {row['key']} that nobody asked for" for row in evidence.rows(query) if row["key"] not in asked
    )
