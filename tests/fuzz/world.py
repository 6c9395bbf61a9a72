"""The people in whose names the API is fuzzed, and what each of them has and can see."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx2
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts import by_mail
from shared.accounts.models import LoginSession, Role, User
from shared.badges.catalogue import BADGES
from shared.database import Database
from shared.discovery import candidates, queues
from shared.discovery.models import DiscoveryQueue
from shared.matching import passes, safety
from shared.matching.rules import MatchState
from shared.messaging.models import Message
from shared.notifications import unsubscribing
from shared.notifications.rules import Mailed
from shared.prompts.catalogue import QUESTIONS
from shared.settings import Settings, settings
from shared.storage import storage
from tests import things
from tests.people import PASSWORD
from tests.pictures import small_photo

Real = dict[str, list[Any]]

PLACE: Final = {"latitude": 52.52, "longitude": 13.405}
PICTURE: Final = "photos/fuzz/picture.webp"
COMMENTS: Final = ("Teach me the card trick and I will cook for you.", "Who won the argument about the tent?")

# For the API that is fuzzed: else most answers would be that one is too fast.
ENVIRONMENT: Final = {
    **{name.upper(): "1000000/minute" for name in Settings.model_fields if name.startswith("rate_limit")},
    "LIKES_PER_DAY": "1000",
    "COMMENTED_LIKES_PER_DAY": "0",
    "LIKES_PER_MINUTE": "1000",
    "MOVES_PER_DAY": "1000",
}


@dataclass
class Actor:
    """Somebody signed in, and what is real for them: lists of values, see `ids.KINDS`."""

    role: Role | None
    token: str | None
    real: Real

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class World:
    """A running API and the database behind it."""

    def __init__(self, url: str, database: Database) -> None:
        self.url = url
        self._database = database
        self._http = httpx2.Client(base_url=url, timeout=30)
        storage().put(PICTURE, b"picture", "image/webp")

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def new_actor(self, role: Role | None) -> Actor:
        """Somebody new who has some of everything; None for nobody in particular, who is not signed in."""
        email = f"{uuid.uuid4().hex}@example.com"
        body = {"email": email, "password": PASSWORD, "name": "Ada", "birth_date": "1990-12-10", "location": PLACE}
        answer = self._http.post("/v1/auth/signup", json=body)
        assert answer.status_code == 201, answer.text
        signed_up = answer.json()
        other_login = self._http.post("/v1/auth/login", json={"username": email, "password": PASSWORD}).json()
        real = self._database.call(_furnish, user_id=uuid.UUID(signed_up["user"]["id"]), role=role or Role.USER)
        real |= {
            "email": [email],
            "password": [PASSWORD],
            "refresh_token": [other_login["refresh_token"]],
            "link": [storage().url(PICTURE)],
            "picture": [small_photo()],
        }
        return Actor(role, signed_up["access_token"] if role else None, real)

    def still_is(self, actor: Actor) -> bool:
        """Whether somebody is who they were: signed in, with their role."""
        if actor.token is None:
            return True
        answer = self._http.get("/v1/users/me", headers=actor.headers)
        return answer.status_code == httpx2.codes.OK and answer.json()["role"] == actor.role


def _furnish(session: Session, *, user_id: uuid.UUID, role: Role) -> Real:
    me = session.get_one(User, user_id)
    me.role = role
    friend, quiet, admirer, stranger, passed, blocked = people = _people(session, 6)
    match = things.match(session, me, friend)
    archived = things.match(session, me, quiet, state=MatchState.ARCHIVED)
    things.like(session, admirer, me)
    now = clock.now()
    passes.pass_over(session, me, user_id=passed.id, now=now)
    safety.block(session, me, user_id=blocked.id, now=now)
    own_photos = [things.photo(session, me) for _ in range(3)]
    own_answers = [things.answer(session, me) for _ in range(2)]
    photo, answer = things.photo(session, stranger), things.answer(session, stranger)
    candidates.make(session, user_ids=[me.id, stranger.id], now=now)
    queues.refresh(session, user_id=me.id, now=now, tell=False)
    return {
        "user": _ids(*people, me),
        "likeable": _ids(stranger, admirer),
        "queued": [str(one) for one in session.get_one(DiscoveryQueue, me.id).ids],
        "match": _ids(match, archived),
        "message": _all(session, select(Message.id).where(Message.match_id == match.id).order_by(Message.number)),
        "own_photo": _ids(*own_photos),
        "photo": _ids(photo),
        "own_answer": _ids(*own_answers),
        "answer": _ids(answer),
        "question": [str(question.id) for question in QUESTIONS],
        "badge": [badge.slug for badge in BADGES],
        "notification": _ids(*(things.notification(session, me) for _ in range(2))),
        "notice": _ids(things.notice(session, me)),
        "export": _ids(things.export(session, me)),
        "case": _ids(things.case(session, stranger)),
        **_judging(session, me),
        "session": _all(session, select(LoginSession.id).where(LoginSession.user_id == me.id)),
        "comment": list(COMMENTS),
        "verification": [things.mailed_token(session, me, purpose=by_mail.VERIFY)],
        "reset": [things.mailed_token(session, me, purpose=by_mail.RESET)],
        "unsubscribe": [unsubscribing.token_for(me.id, kind, settings()) for kind in Mailed],
    }


def _judging(session: Session, me: User) -> Real:
    """What a moderator has to decide on."""
    if me.role == Role.USER:
        return {}
    suspects = _people(session, 3)
    return {
        "taken_case": _ids(*(things.case(session, suspect, taken_by=me) for suspect in suspects)),
        "case_photo": _ids(*(things.photo(session, suspect) for suspect in suspects)),
        "case_answer": _ids(*(things.answer(session, suspect) for suspect in suspects)),
    }


def _people(session: Session, count: int) -> list[User]:
    people = [
        User(
            id=clock.new_id(),
            email=f"{uuid.uuid4().hex}@example.com",
            name="Bob",
            birth_date=date(1992, 3, 4),
            password_hash="!",
            **PLACE,
        )
        for _ in range(count)
    ]
    session.add_all(people)
    session.flush()
    return people


def _ids(*rows: Any) -> list[str]:
    return [str(row.id) for row in rows]


def _all(session: Session, ids: Select[uuid.UUID]) -> list[str]:
    return [str(one) for one in session.scalars(ids)]
