"""What people do with each other while the system breaks."""

import asyncio
import time

from tests.faults.journal import Entry
from tests.faults.people import Person
from tests.faults.saying import new_id, words
from tests.wire import Answer, Wire


async def look_around(person: Person) -> None:
    """Read discovery, and like or pass who is shown first."""
    asked = time.monotonic()
    answer = await person.ask("GET", "/v1/discovery?limit=10")
    if answer is None:
        return
    shown = [card["user"]["id"] for card in answer.json["items"]]
    wrongly = _not_to_be_shown(person, asked) & {*shown}
    if wrongly:
        person.town.note_broken(f"{person} was shown {wrongly} in discovery")
    if len(set(shown)) < len(shown):
        person.town.note_broken(f"{person} was shown somebody twice on one page")
    others = [one.id for one in person.town.here(but=person) if one.id not in person.avoided]
    for user_id in (shown or others)[: person.random.randint(1, 3)]:
        await (like if person.random.random() < 0.8 else pass_over)(person, user_id)


async def look_at_likes(person: Person) -> None:
    """Read who likes me, and like somebody of them."""
    asked = time.monotonic()
    answer = await person.ask("GET", "/v1/matching/likes?limit=10")
    if answer is None:
        return
    waiting = [one["user_id"] for one in answer.json["items"]]
    wrongly = _not_to_be_shown(person, asked) & {*waiting}
    if wrongly:
        person.town.note_broken(f"{person} was shown {wrongly} among likes that wait")
    if waiting:
        await like(person, person.random.choice(waiting))


async def like(person: Person, user_id: str) -> None:
    """Like somebody with a sentence. That it was already so is as good as a promise: the first answer was lost."""
    comment = words(person)
    entry = person.town.journal.open("like", str(person), f"{person.id}>{user_id}", comment=comment)
    may = ("already_liked", "already_matched", "not_found", "forbidden")  # who dates is paused
    answer = await person.insist("POST", "/v1/matching/like", {"user_id": user_id, "comment": comment}, may=may)
    if answer is None:
        return
    if answer.code in {"not_found", "forbidden"}:
        _refused(person, entry)
        return
    person.avoided.add(user_id)
    if answer.code:
        entry.keep()
        return
    made = answer.json
    entry.keep(id=made["like"]["id"])
    if made["match"] is not None:
        pair = ":".join(sorted((person.id, user_id)))
        person.town.journal.open("match", str(person), pair).keep(id=made["match"]["id"])
        person.match(made["match"]["id"], user_id)


async def pass_over(person: Person, user_id: str) -> None:
    """Pass somebody. Again is no error."""
    entry = person.town.journal.open("pass", str(person), f"{person.id}>{user_id}", passed=True)
    may = ("already_liked", "not_found")
    answer = await person.insist("POST", "/v1/matching/pass", {"user_id": user_id}, may=may)
    if answer is None:
        return
    if answer.code:
        _refused(person, entry)
        return
    entry.keep()
    person.avoided.add(user_id)
    person.passed = user_id


async def rewind(person: Person) -> None:
    """Take the last pass back, once a day."""
    if not person.passed:
        return
    entry = person.town.journal.open("pass", str(person), f"{person.id}>{person.passed}")
    answer = await person.insist("POST", "/v1/matching/rewind", may=("nothing_to_rewind",))
    if answer is not None and not answer.code:
        entry.keep()
        person.avoided.discard(answer.json["user_id"])
        if answer.json["user_id"] != person.passed:
            person.town.note_broken(f"{person} was given another back than the last whom they passed")
    elif answer is not None:
        _refused(person, entry)
    person.passed = ""


async def write(person: Person) -> None:
    """Write to some match."""
    match_id = await _some_match(person)
    if match_id is not None:
        await write_to(person, match_id)


async def write_to(person: Person, match_id: str) -> str | None:
    """Write to a match, now and then the same twice at once, and again until there is an answer; the message's id."""
    client_id, text = new_id(person), words(person, person.random.randint(3, 30))
    content = {"match_id": match_id, "sender_id": person.id, "text": text}
    entry = person.town.journal.open("message", str(person), client_id, **content)
    path, body = f"/v1/matching/matches/{match_id}/messages", {"text": text, "client_id": client_id}
    may = ("match_closed", "not_in_match")
    answers: list[Answer | None] = []
    if person.random.random() < 0.15:
        other = Wire(person.town.port, timeout=20)
        both = (person.ask("POST", path, body, may=may), person.ask("POST", path, body, may=may, wire=other))
        answers += await asyncio.gather(*both)
        other.close()
    answers.append(await person.insist("POST", path, body, may=may))
    for answer in answers:
        if answer is not None and not answer.code:
            told = (answer.json["id"], answer.json["number"])
            if entry.content.get("id", told[0]) != told[0]:
                person.town.note_broken(f"{person} was told two ids of one message")
            entry.keep(id=told[0], number=told[1])
    if all(answer is not None and answer.code for answer in answers) and not person.unsure:
        entry.refuse()
        person.matches.pop(match_id, None)
    return entry.content.get("id")


async def read(person: Person) -> None:
    """Read the newest page of a match, and say so."""
    match_id = await _some_match(person)
    if match_id is None:
        return
    path = f"/v1/matching/matches/{match_id}"
    answer = await person.ask("GET", f"{path}/messages?limit=30", may=("not_in_match",))
    if answer is None or answer.code or not answer.json["items"]:
        return
    numbers = [one["number"] for one in answer.json["items"]]
    if numbers != list(range(numbers[0], numbers[0] - len(numbers), -1)):
        person.town.note_broken(f"{person} read messages {numbers} of {match_id}")
    body = {"message_id": answer.json["items"][0]["id"]}
    entry = person.town.journal.open("read", str(person), f"{match_id}/{person.id}")
    answer = await person.insist("POST", f"{path}/read", body, may=("not_in_match",))
    if answer is not None and not answer.code:
        entry.keep(number=answer.json["number"])


async def block(person: Person) -> None:
    """Block somebody. To be blocked already by them looks as if they were not there."""
    other = person.random.choice(person.town.here(but=person) or [person])
    if other is person:
        return
    entry = person.town.journal.open("block", str(person), f"{person.id}>{other.id}")
    answer = await person.insist("POST", "/v1/matching/block", {"user_id": other.id}, may=("not_found",))
    if answer is None:
        return
    if answer.code:
        _refused(person, entry)
        return
    entry.keep()
    person.avoided.add(other.id)
    person.matches = {match_id: user_id for match_id, user_id in person.matches.items() if user_id != other.id}


async def report(person: Person) -> None:
    """Report somebody of one's matches, without a block. Under one key it is one report, however often it is sent."""
    match_id = await _some_match(person)
    if match_id is None:
        return
    details, about = words(person, 12), person.matches[match_id]
    entry = person.town.journal.open("report", str(person), details, reason="other", user_id=about)
    body = {"user_id": about, "reason": "other", "details": details, "block": False}
    answer = await person.insist("POST", "/v1/matching/report", body, key=new_id(person), may=("not_found",))
    if answer is not None and answer.code:
        _refused(person, entry)
    elif answer is not None:
        entry.keep(id=answer.json["id"])


async def unmatch(person: Person) -> None:
    """End a match. Whether it was this or the other who did it is not told."""
    match_id = await _some_match(person)
    if match_id is None:
        return
    entry = person.town.journal.open("unmatch", str(person), match_id, state="unmatched")
    may = ("invalid_transition", "not_in_match")
    answer = await person.insist("POST", "/v1/matching/unmatch", {"match_id": match_id}, may=may)
    if answer is not None:
        person.matches.pop(match_id, None)
        if not answer.code:
            entry.keep()


async def change(person: Person) -> None:
    """Archive a match, bring it back, propose to date or agree to. What comes of it depends on the other as well."""
    match_id = await _some_match(person)
    if match_id is not None:
        state = person.random.choice(("archived", "active", "active", "dating"))
        may = ("invalid_transition", "not_in_match")
        await person.insist("PATCH", f"/v1/matching/matches/{match_id}", {"state": state}, may=may)


async def _some_match(person: Person) -> str | None:
    """One of the person's open matches, as the API lists them."""
    answer = await person.ask("GET", "/v1/matching/matches?limit=50")
    if answer is not None:
        person.matches.clear()
        for one in answer.json["items"]:
            person.match(one["id"], one["user"]["id"])
    return person.random.choice(sorted(person.matches)) if person.matches else None


def _not_to_be_shown(person: Person, asked: float) -> set[str]:
    """Oneself, whom one has answered, and who had left before one asked."""
    return {person.id, *person.avoided, *(user_id for user_id, left in person.town.gone.items() if left < asked)}


def _refused(person: Person, entry: Entry) -> None:
    if not person.unsure:
        entry.refuse()
