"""What people do, as a table: to have them do more, add a kind to kinds.py and a row with its function here.

Each function notes in the journal what it asks for before it does, and what came of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shared.quiz.questions import CURRENT, QUIZZES
from tests.faults.meeting import block, change, look_around, look_at_likes, read, report, rewind, unmatch, write
from tests.faults.people import OUTAGE, Person
from tests.faults.saying import new_id, words
from tests.people import PASSWORD
from tests.pictures import small_photo
from tests.wire import Wire

GENDERS = ("woman", "man", "nonbinary")
LISBON = (38.72, -9.14)
QUIZ = QUIZZES[CURRENT]


@dataclass(frozen=True)
class Action:
    """Something to do, and how often compared with the others."""

    do: Callable[[Person], Awaitable[None]]
    weight: float


async def join(person: Person) -> bool:
    """Sign up, however long it takes; whether there is an account in the end."""
    entry = person.town.journal.open("account", str(person), person.email, email=person.email)
    latitude, longitude = (place + person.random.uniform(-0.2, 0.2) for place in LISBON)
    body = {
        "email": person.email,
        "password": PASSWORD,
        "name": f"Ada {person.number}",
        "birth_date": f"19{person.random.randint(75, 99)}-06-15",
        "gender": GENDERS[person.number % 2],
        "location": {"latitude": latitude, "longitude": longitude},
    }
    answer = await person.insist("POST", "/v1/auth/signup", body, may=("email_taken",))
    if answer is None:
        return False
    if answer.code == "email_taken":  # the answer to an earlier try was lost
        entry.keep()
        await log_in(person)
    else:
        person.sign_in(answer.json)
        person.id = answer.json["user"]["id"]
        entry.keep(id=person.id)
    return bool(person.id)


async def log_in(person: Person) -> None:
    """A new login; the one before it is ended, if there was one."""
    ended = person.token
    answer = await person.insist("POST", "/v1/auth/login", {"username": person.email, "password": PASSWORD})
    if answer is None:
        return
    if ended and await person.insist("POST", "/v1/auth/logout", may=("token_invalid",)) is not None:
        person.ended_tokens.append(ended)
    person.sign_in(answer.json)
    person.id = answer.json["user"]["id"]
    person.used_tokens.clear()


async def refresh(person: Person) -> None:
    """Trade the refresh token, now and then twice at once, and again and again until there is an answer."""
    old = person.refresh_token
    body = {"refresh_token": old}
    if person.random.random() < 0.3:
        other = Wire(person.town.port, timeout=OUTAGE)
        answers = await asyncio.gather(
            person.ask("POST", "/v1/auth/refresh", body), person.ask("POST", "/v1/auth/refresh", body, wire=other)
        )
        other.close()
        successors = {answer.json["refresh_token"] for answer in answers if answer is not None}
        if len(successors) > 1:
            person.town.note_broken(f"{person} was given {len(successors)} successors of one refresh token")
    answer = await person.insist("POST", "/v1/auth/refresh", body)
    if answer is None:
        await log_in(person)
        return
    person.sign_in(answer.json)
    person.used_tokens.append(old)


async def prove_address(person: Person) -> None:
    """Follow the link of a mail. A second use of it is refused in words that say so."""
    tokens = person.town.mailed.get(person.email)
    if not tokens:
        return
    entry = person.town.journal.open("proof", str(person), person.email, verified=True)
    body = {"token": tokens[0]}
    answer = await person.insist("POST", "/v1/auth/email/verify", body, may=("token_invalid",))
    if answer is None:
        return
    if answer.code and not person.is_proven and not person.unsure:
        person.town.note_broken(f"the link in the first mail to {person} is no good")
    person.is_proven = True
    entry.keep()


async def look_at_oneself(person: Person) -> None:
    """Read one's own account and photos."""
    await person.ask("GET", "/v1/users/me")
    await person.ask("GET", "/v1/profile/photos")


async def edit(person: Person) -> None:
    """Another sentence about oneself, or another place."""
    if person.random.random() < 0.5:
        value: Any = words(person)
        name = "bio"
    else:
        name, value = (
            "location",
            {
                "latitude": round(LISBON[0] + person.random.uniform(-0.2, 0.2), 6),
                "longitude": round(LISBON[1] + person.random.uniform(-0.2, 0.2), 6),
            },
        )
    entry = person.town.journal.open("setting", str(person), f"{person.id}/{name}", value=value)
    if await person.insist("PATCH", "/v1/users/me", {name: value}) is not None:
        entry.keep()


async def upload(person: Person) -> None:
    """Add a photo. Under one key it is one photo, however often it is sent."""
    picture = await asyncio.to_thread(small_photo, seed=person.random.getrandbits(32))
    entry = person.town.journal.open("photo", str(person), f"unknown of {person}", status="ready")
    answer = await person.insist(
        "POST", "/v1/profile/photos", picture=picture, key=new_id(person), may=("photo_limit",)
    )
    if answer is not None and answer.code:
        entry.refuse()
        await remove_photo(person)
    elif answer is not None:
        entry.keep(answer.json["id"])


async def remove_photo(person: Person) -> None:
    """Delete one's first photo."""
    answer = await person.ask("GET", "/v1/profile/photos")
    if answer is None or not answer.json["items"]:
        return
    photo_id = answer.json["items"][0]["id"]
    entry = person.town.journal.open("photo", str(person), photo_id)
    answer = await person.insist("DELETE", f"/v1/profile/photos/{photo_id}", may=("not_found",))
    if answer is not None:
        entry.keep()


async def say(person: Person) -> None:
    """Answer a prompt, write an answer anew, or delete one."""
    answer = await person.insist("GET", "/v1/profile/prompts")
    catalogue = await person.insist("GET", "/v1/prompts")
    if answer is None or catalogue is None:
        return
    mine = {one["question"]["id"]: one["id"] for one in answer.json["items"]}
    if mine and (len(mine) == 3 or person.random.random() < 0.4):
        question, answer_id = person.random.choice(sorted(mine.items()))
        await _change_answer(person, question, answer_id)
        return
    question = person.random.choice([one["id"] for one in catalogue.json["items"] if one["id"] not in mine])
    text = words(person)
    entry = person.town.journal.open("answer", str(person), f"{person.id}/{question}", answer=text)
    may = ("prompt_already_answered",)  # by a try whose answer was lost
    if await person.insist("POST", "/v1/profile/prompts", {"question_id": question, "answer": text}, may=may):
        entry.keep()


async def _change_answer(person: Person, question: str, answer_id: str) -> None:
    path, key = f"/v1/profile/prompts/{answer_id}", f"{person.id}/{question}"
    if person.random.random() < 0.3:
        entry = person.town.journal.open("answer", str(person), key)
        answer = await person.insist("DELETE", path, may=("not_found",))
    else:
        text = words(person)
        entry = person.town.journal.open("answer", str(person), key, answer=text)
        answer = await person.insist("PUT", path, {"answer": text})
    if answer is not None:
        entry.keep()


async def take_quiz(person: Person) -> None:
    """Answer the quiz, differently each time."""
    answers = {
        str(QUIZ.question_id(question)): str(QUIZ.option_id(question, person.random.choice(question.options)))
        for question in QUIZ.questions
    }
    entry = person.town.journal.open("quiz", str(person), person.id, answers=answers)
    body = {"version": QUIZ.version, "answers": answers}
    answer = await person.insist("POST", "/v1/profile/quiz", body)
    if answer is not None:
        entry.keep(traits={one["trait"]: one["score"] for one in answer.json["traits"]})


async def ask_for_export(person: Person) -> None:
    """Ask for all that is held about oneself; while one waits the answer is that one."""
    entry = person.town.journal.open("export", str(person), f"unknown of {person}", status="ready")
    answer = await person.insist("POST", "/v1/users/me/exports", key=new_id(person))
    if answer is not None:
        entry.keep(answer.json["id"])


async def leave(person: Person) -> None:
    """Delete one's account, for good. That the login is no good any more says that it was done: the answer was lost."""
    entry = person.town.journal.open("erasure", str(person), person.id)
    person.has_left = True
    answer = await person.insist("DELETE", "/v1/users/me", {"password": PASSWORD}, may=("token_invalid",))
    if answer is None:
        person.town.note_broken(f"{person} could not leave")
        return
    entry.keep()
    person.town.gone[person.id] = time.monotonic()


ACTIONS = (
    Action(look_around, 6),
    Action(look_at_likes, 6),
    Action(write, 10),
    Action(read, 4),
    Action(look_at_oneself, 2),
    Action(edit, 3),
    Action(upload, 3),
    Action(remove_photo, 0.5),
    Action(say, 3),
    Action(take_quiz, 1),
    Action(refresh, 2),
    Action(log_in, 0.7),
    Action(prove_address, 0.5),
    Action(rewind, 0.5),
    Action(block, 0.3),
    Action(report, 0.4),
    Action(change, 2),
    Action(unmatch, 0.4),
    Action(ask_for_export, 0.4),
    Action(leave, 0.08),
)
