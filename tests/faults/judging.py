"""After everything has come to rest: is what was promised true, and nothing half done?"""

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from shared import clock
from shared.discovery import candidates
from shared.privacy import erasure
from shared.quiz.traits import Trait
from tests.faults.breaks import LOSES_RESULTS
from tests.faults.evidence import Evidence
from tests.faults.invariants import NEVER
from tests.faults.journal import Word
from tests.faults.kinds import KINDS
from tests.faults.listening import Ear
from tests.faults.people import Person
from tests.people import PASSWORD

NOTING = 5.0  # seconds around the arrival of a mail in which a fault may have kept its worker from noting it


def stored(evidence: Evidence) -> Iterator[str]:
    """What the database contradicts."""
    for kind in KINDS:
        yield from kind.rule(evidence.entries(kind.name), kind.stored(evidence))
    for what, query in NEVER.items():
        for row in evidence.rows(query):
            yield f"{what}: {', '.join(f'{name} {value}' for name, value in row.items())}"
    yield from _counts(evidence)
    yield from _lost_conversations(evidence)
    yield from _likes_told_of(evidence)
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
    with _session(evidence) as session:
        session.execute(text("CREATE TEMPORARY TABLE known ON COMMIT DROP AS SELECT * FROM candidates"))
        candidates.make(session, user_ids=session.scalars(text("SELECT id FROM users")).all(), now=clock.now())
        for column in columns:
            query = f"""SELECT c.user_id, k.{column}::text, c.{column}::text
                FROM candidates c LEFT JOIN known k USING (user_id) WHERE CASE WHEN k.user_id IS NULL THEN c.shown
                    ELSE k.{column}::text IS DISTINCT FROM c.{column}::text END"""
            for user_id, known, now in session.execute(text(query)):
                yield f"ranking knows {column} of {user_id} as {known}, and it is {now}"[:300]


def erased(evidence: Evidence) -> Iterator[str]:
    """Where something of those who have left is still to be found."""
    with _session(evidence) as session:
        for person in evidence.town.left():
            for column in erasure.remains(session, user_id=uuid.UUID(person.id)):
                yield f"{column} still has {person}, who has left"


async def shown(evidence: Evidence) -> list[str]:
    """What the API contradicts, when each person reads what they own."""
    wrong = []
    blocked = {row["id"] for row in evidence.rows("SELECT id::text FROM matches WHERE blocked")}
    for kind in KINDS:
        if kind.shown is None:
            continue
        entries = evidence.entries(kind.name)
        for person in evidence.town.here():
            mine = [entry for entry in entries if entry.who == str(person)]
            visible = [entry for entry in mine if entry.content.get("match_id") not in blocked]
            wrong += [f"over REST, {what}" for what in kind.rule(visible, await kind.shown(person))]
    return wrong


async def farewell(person: Person) -> list[str]:
    """What still lets somebody in who has left."""
    login = {"username": person.email, "password": PASSWORD}
    refresh = {"refresh_token": person.refresh_token}
    asked = {
        "a login": await person.ask("GET", "/v1/users/me", may=("token_invalid",)),
        "a refresh token": await person.ask("POST", "/v1/auth/refresh", refresh, may=("token_invalid",)),
        "the password": await person.ask("POST", "/v1/auth/login", login, may=("invalid_credentials",)),
    }
    return [
        f"{what} of {person}, who has left, is still good"
        for what, answer in asked.items()
        if answer is None or not answer.code
    ]


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
    kept = "SELECT key FROM report_files UNION SELECT key FROM exports WHERE key IS NOT NULL"
    named |= {row["key"] for row in evidence.rows(kept)}
    there = evidence.files()
    yield from (f"file {key} is not there" for key in sorted(named - there))
    yield from (f"file {key} is left over" for key in sorted(there - named))


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
    messages, gone = evidence.by_key(query), evidence.gone()
    for ear in ears:
        for message_id, told in ear.messages.items():
            if told["match_id"] in gone:
                continue
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


def _counts(evidence: Evidence) -> Iterator[str]:
    """A like is counted once, and stays counted when the one who was liked has left."""
    gone = {person.id for person in evidence.town.left()}
    asked = evidence.town.journal.of("like")
    promised = {entry.key for entry in asked if entry.word == Word.PROMISED}
    doubts = {entry.key for entry in asked if entry.word == Word.DOUBT} - promised
    of_promised, of_doubts = (
        Counter(liker for liker, _, liked in (pair.partition(">") for pair in pairs) if liked in gone)
        for pairs in (promised, doubts)
    )
    query = """SELECT u.id::text, (SELECT count(*) FROM likes WHERE liker_id = u.id) AS likes,
        (SELECT coalesce(sum(used), 0) FROM daily_like_counts WHERE user_id = u.id) AS used FROM users u"""
    for row in evidence.rows(query):
        least = row["likes"] + of_promised[row["id"]]
        if not least <= row["used"] <= least + of_doubts[row["id"]]:
            yield f"a count of likes that is not their number: {row}, and {least} are known"


def _likes_told_of(evidence: Evidence) -> Iterator[str]:
    """A notification of a like that is not there: unless its author has left."""
    gone = evidence.gone()
    theirs = [like for like in evidence.town.journal.of("like") if like.who in gone and like.word != Word.REFUSED]
    known = {like.content.get("id") for like in theirs}
    unknown = {like.key.partition(">")[2] for like in theirs if "id" not in like.content}
    query = """SELECT n.user_id::text, n.data ->> 'like_id' AS like_id FROM notifications n
        WHERE n.kind = 'like.received' AND NOT EXISTS (SELECT FROM likes l WHERE l.id::text = n.data ->> 'like_id')"""
    for row in evidence.rows(query):
        if row["like_id"] not in known and row["user_id"] not in unknown:
            yield f"a notification of a like that is not there: {row}"


def _lost_conversations(evidence: Evidence) -> Iterator[str]:
    """What somebody has written stays theirs when the other leaves, unless a block hides it."""
    gone, town = evidence.gone(), evidence.town
    blocks = {frozenset(one.key.split(">")) for one in town.journal.of("block") if one.word != Word.REFUSED}
    for entry in town.journal.of("message"):
        both = town.matches.get(entry.content["match_id"], set())
        stays = entry.who not in gone and len(both & gone) == 1 and both not in blocks
        if stays and entry.word == Word.PROMISED and entry.content["match_id"] in gone:
            yield f"message {entry.key} of {entry.who} went with the account of the other"


@contextmanager
def _session(evidence: Evidence) -> Iterator[Session]:
    """One in which nothing is changed in the end."""
    engine = create_engine(evidence.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with Session(engine) as session:
        yield session
        session.rollback()
    engine.dispose()


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
