"""Every kind of promise: by which rule it is judged, what the database holds of it, and what the API shows its person.

Whoever adds a kind of action adds a row here; the names of the columns are those of the journal's contents.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.quiz.questions import CURRENT, QUIZZES
from shared.quiz.traits import Trait
from tests.faults.evidence import Evidence
from tests.faults.journal import Entry, Stored, Word, latest, once
from tests.faults.people import Person

QUIZ = QUIZZES[CURRENT]
Rule = Callable[[Iterable[Entry], Stored], Iterator[str]]
Found = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Kind:
    """One kind of promise."""

    name: str
    rule: Rule
    stored: Callable[[Evidence], Stored]
    shown: Callable[[Person], Awaitable[Found]] | None = None


def furthest(entries: Iterable[Entry], stored: Stored) -> Iterator[str]:
    """What is wrong, when a number that was promised may have grown since, and not shrunk."""
    for entry in entries:
        if entry.word == Word.PROMISED:
            number = stored[entry.key][0]["number"] if stored.get(entry.key) else None
            if number is None or number < entry.content["number"]:
                yield f"read {entry.key}: {entry.content['number']} was promised, and it is {number}"


def _of(query: str) -> Callable[[Evidence], Stored]:
    return lambda evidence: evidence.by_key(query)


def _settings(evidence: Evidence) -> Stored:
    found: Found = {}
    for row in evidence.rows("SELECT id::text, bio, latitude, longitude FROM users"):
        place = {"latitude": row["latitude"], "longitude": row["longitude"]}
        found |= {f"{row['id']}/bio": [{"value": row["bio"]}], f"{row['id']}/location": [{"value": place}]}
    return found


def _quizzes(evidence: Evidence) -> Stored:
    found: Found = {}
    query = """SELECT user_id::text, answers, scores::text FROM quiz_responses JOIN user_trait_scores USING (user_id)"""
    for row in evidence.rows(query):
        scores = zip(Trait, row["scores"].strip("[]").split(","), strict=True)
        answers = {
            str(QUIZ.question_id(question)): str(QUIZ.option_id(question, option))
            for question in QUIZ.questions
            for option in question.options
            if row["answers"][question.slug] == option.slug
        }
        traits = {str(trait): round(float(score), 3) for trait, score in scores}
        found[row["user_id"]] = [{"answers": answers, "traits": traits}]
    return found


async def _items(person: Person, path: str) -> list[dict[str, Any]]:
    """All of a list, page by page where it has pages."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await person.ask("GET", f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        assert answer is not None, f"{path} cannot be read afterwards"
        items += answer.json["items"]
        cursor = answer.json.get("next_cursor")
    return items


async def _own_account(person: Person) -> Found:
    answer = await person.ask("GET", "/v1/users/me")
    assert answer is not None, f"{person} cannot read their account afterwards"
    return {person.email: [{"id": answer.json["id"], "email": answer.json["email"]}]}


async def _own_settings(person: Person) -> Found:
    answer = await person.ask("GET", "/v1/users/me")
    assert answer is not None, f"{person} cannot read their account afterwards"
    return {f"{person.id}/{name}": [{"value": answer.json[name]}] for name in ("bio", "location")}


async def _own_photos(person: Person) -> Found:
    return {photo["id"]: [{"status": photo["status"]}] for photo in await _items(person, "/v1/profile/photos")}


async def _own_answers(person: Person) -> Found:
    answers = await _items(person, "/v1/profile/prompts")
    return {f"{person.id}/{one['question']['id']}": [{"answer": one["answer"]}] for one in answers}


async def _own_messages(person: Person) -> Found:
    """Of all matches that can still be read: not those that a block has ended."""
    found: Found = {}
    for match_id in {match["id"] for match in await _all_matches(person)}:
        for message in await _items(person, f"/v1/matching/matches/{match_id}/messages"):
            if message["sender_id"] == person.id:
                message["match_id"] = match_id
                found.setdefault(message["client_id"], []).append(message)
    return found


async def _all_matches(person: Person) -> list[dict[str, Any]]:
    matches = await _items(person, "/v1/matching/matches")
    for state in ("unmatched", "deleted"):
        ended = await person.ask("GET", f"/v1/matching/matches?state={state}&limit=100")
        assert ended is not None, f"{person} cannot read their matches afterwards"
        matches += ended.json["items"]
    return matches


async def _own_blocks(person: Person) -> Found:
    return {f"{person.id}>{one['user_id']}": [{}] for one in await _items(person, "/v1/matching/blocks")}


async def _own_exports(person: Person) -> Found:
    exports = await _items(person, "/v1/users/me/exports")
    return {one["id"]: [{"status": one["status"]}] for one in exports if one["url"]}


KINDS = (
    Kind("account", once, _of("SELECT email AS key, id::text, email FROM users"), _own_account),
    Kind(
        "proof",
        latest,
        _of("SELECT email AS key, true AS verified FROM users WHERE email_verified_at IS NOT NULL"),
    ),
    Kind("setting", latest, _settings, _own_settings),
    Kind("photo", latest, _of("SELECT id AS key, status FROM photos"), _own_photos),
    Kind("answer", latest, _of("SELECT user_id || '/' || prompt_id AS key, answer FROM prompt_answers"), _own_answers),
    Kind("quiz", latest, _quizzes),
    Kind("like", once, _of("SELECT liker_id || '>' || liked_id AS key, id::text, comment FROM likes")),
    Kind("match", once, _of("SELECT low_id || ':' || high_id AS key, id::text FROM matches")),
    Kind("pass", latest, _of("SELECT passer_id || '>' || passed_id AS key, true AS passed FROM passes")),
    Kind(
        "message",
        once,
        _of("SELECT client_id AS key, id::text, match_id::text, sender_id::text, number, text FROM messages"),
        _own_messages,
    ),
    Kind(
        "read",
        furthest,
        _of(
            "SELECT id || '/' || low_id AS key, low_read AS number FROM matches"
            " UNION ALL SELECT id || '/' || high_id, high_read FROM matches"
        ),
    ),
    Kind("block", once, _of("SELECT blocker_id || '>' || blocked_id AS key FROM blocks"), _own_blocks),
    Kind("report", once, _of("SELECT details AS key, id::text, user_id::text, reason FROM reports")),
    Kind("export", once, _of("SELECT id AS key, status FROM exports"), _own_exports),
    Kind("erasure", once, _of("SELECT user_id AS key FROM audit WHERE action = 'user.erased'")),
    Kind(
        "unmatch",
        once,
        _of("SELECT id AS key, 'unmatched' AS state FROM matches WHERE state IN ('unmatched', 'deleted')"),
    ),
)
