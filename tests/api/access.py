"""Who may not use the ids of others: an entry for each id of each route, by which test_access.py tries it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.accounts.models import Role, User
from shared.discovery import candidates, queues
from shared.matching import matches, safety
from shared.matching.models import Match
from shared.matching.rules import MatchState, in_order
from shared.messaging.models import Message
from shared.review import suspensions
from tests import things
from tests.likes import signed_in
from tests.people import make_user

Values = dict[str, Any]


@dataclass
class Scene:
    """The owner of something, and somebody who asks for it."""

    session: Session
    owner: User
    asker: User
    relation: str
    """What lies between them: a key of RELATIONS."""

    @property
    def match(self) -> Match:
        """The owner's match: with who asks, if they ever had one, else with somebody else."""
        low, high = in_order(self.owner.id, self.asker.id)
        found = self.session.scalars(select(Match).where(Match.low_id == low, Match.high_id == high)).first()
        return found or things.match(self.session, self.owner, make_user(self.session))


def _themself(scene: Scene) -> None:
    scene.asker = scene.owner


def _nothing(_scene: Scene) -> None:
    return


def _shown(scene: Scene) -> None:
    things.photo(scene.session, scene.owner)
    candidates.make(scene.session, user_ids=[scene.owner.id, scene.asker.id], now=clock.now())
    queues.refresh(scene.session, user_id=scene.asker.id, now=clock.now(), tell=False)


def _matched(scene: Scene) -> None:
    things.match(scene.session, scene.owner, scene.asker)


def _unmatched(scene: Scene) -> None:
    _matched(scene)
    matches.change(scene.session, scene.owner, match_id=scene.match.id, to=MatchState.UNMATCHED, now=clock.now())


def _blocked(scene: Scene) -> None:
    _matched(scene)
    safety.block(scene.session, scene.owner, user_id=scene.asker.id, now=clock.now())


def _blocker(scene: Scene) -> None:
    _matched(scene)
    safety.block(scene.session, scene.asker, user_id=scene.owner.id, now=clock.now())


def _moderator(scene: Scene) -> None:
    scene.asker.role = Role.MODERATOR


def _admin(scene: Scene) -> None:
    scene.asker.role = Role.ADMIN


RELATIONS: Final[dict[str, Callable[[Scene], None]]] = {
    "owner": _themself,
    "stranger": _nothing,
    "viewer": _shown,  # to whom discovery shows the owner
    "matched": _matched,
    "unmatched": _unmatched,
    "blocked": _blocked,
    "blocker": _blocker,
    "moderator": _moderator,
    "admin": _admin,
}


@dataclass(frozen=True)
class Access:
    """One id of one route."""

    make: Callable[[Scene], Values]
    """The thing and all that is to be sent about it: values for the path, and fields of the body."""
    refused: Mapping[str, str | None]
    """Who of RELATIONS is refused with which code, and changes nothing; None: there is no error, and no effect."""
    allowed: str = "owner"
    """Who is not, which shows that the request is right."""


def _photo(scene: Scene) -> Values:
    return {"photo_id": things.photo(scene.session, scene.owner).id}


def _answer(scene: Scene) -> Values:
    return {"answer_id": things.answer(scene.session, scene.owner).id}


def _notice(scene: Scene) -> Values:
    return {"notice_id": things.notice(scene.session, scene.owner).id}


def _notification(scene: Scene) -> Values:
    return {"notification_id": things.notification(scene.session, scene.owner).id}


def _login(scene: Scene) -> Values:
    return {"session_id": signed_in(scene.session, scene.owner).session_id}


def _export(scene: Scene) -> Values:
    return {"export_id": things.export(scene.session, scene.owner).id}


def _case(scene: Scene) -> Values:
    """A case about the owner, which whoever asks has taken, if they may."""
    judge = scene.asker if scene.asker.role != Role.USER and scene.asker is not scene.owner else None
    return {"case_id": things.case(scene.session, scene.owner, taken_by=judge).id}


def _suspended(scene: Scene) -> Values:
    suspensions.begin(scene.session, scene.owner, until=None)
    return _person(scene)


def _of_the_case(make: Callable[[Scene], Values], name: str, decision: str) -> Callable[[Scene], Values]:
    """A decision about something of the owner's."""

    def made(scene: Scene) -> Values:
        (thing,) = make(scene).values()
        return {**_case(scene), name: thing, "decision": decision, "reason": WHY}

    return made


def _match(scene: Scene) -> Values:
    return {"match_id": scene.match.id}


def _person(scene: Scene) -> Values:
    return {"user_id": scene.owner.id}


def _message(scene: Scene) -> Values:
    """What the owner has written in their match."""
    written = select(Message).where(Message.match_id == scene.match.id, Message.sender_id == scene.owner.id)
    return {"message_id": scene.session.scalars(written).one().id}


def _with(make: Callable[[Scene], Values], **more: Any) -> Callable[[Scene], Values]:
    return lambda scene: {**make(scene), **more}


def _listed(make: Callable[[Scene], Values]) -> Callable[[Scene], Values]:
    return lambda scene: {"ids": list(make(scene).values())}


def _about(make: Callable[[Scene], Values], name: str, **more: Any) -> Callable[[Scene], Values]:
    """Something of the owner's; a stranger says that it is somebody else's, whom they may name."""

    def made(scene: Scene) -> Values:
        (thing,) = make(scene).values()
        whose = make_user(scene.session) if scene.relation == "stranger" else scene.owner
        things.photo(scene.session, whose)
        return {"user_id": whose.id, name: thing, **more}

    return made


def _in_own_match(scene: Scene) -> Values:
    """A message of the owner's match; a stranger says that it is of a match of theirs."""
    stranger = scene.relation == "stranger"
    match = things.match(scene.session, scene.asker, make_user(scene.session)) if stranger else scene.match
    return {"match_id": match.id, **_message(scene)}


OF_BLOCKED: Final = dict.fromkeys(("blocked", "blocker"), "not_found")
OWN: Final = dict.fromkeys(("stranger", "matched", "blocked", "blocker", "moderator", "admin"), "not_found")
IN_MATCH: Final = dict.fromkeys(("stranger", "blocked", "blocker", "moderator", "admin"), "not_in_match")
PLAIN: Final = dict.fromkeys(("owner", "stranger", "matched", "blocked", "blocker"), "forbidden")
MODERATORS: Final = PLAIN | {"moderator": "forbidden"}
NOT_SEEN: Final = dict.fromkeys(("stranger", "unmatched", "blocked", "blocker"), "not_found")
NOT_THEIRS: Final = {"stranger": "validation_error"}
WHY: Final = "You sent an advertisement to forty people."
WORDS: Final = "Teach me the card trick and I will cook for you."

# By route and id; a word instead says why it is everybody's.
IDS: Final[dict[str, Access | str]] = {
    "appeal.notice_id": Access(_with(_notice, text="I was there."), OWN),
    "block.user_id": Access(_person, {"blocked": "not_found"}, allowed="stranger"),
    "change_role.user_id": Access(_with(_person, role="moderator"), MODERATORS, allowed="admin"),
    "change_match.match_id": Access(
        _with(_match, state="archived"), IN_MATCH | {"unmatched": "invalid_transition"}, allowed="matched"
    ),
    "create_answer.question_id": "a question of the catalogue",
    "delete_answer.answer_id": Access(_answer, OWN),
    "delete_photo.photo_id": Access(_photo, OWN),
    "demo_file.name": "a file of a page that everybody may read",
    "demo_link.match_id": "written into an address, and nothing is looked up by it",
    "demo_link.notice_id": "leads to one's own, and nothing is looked up by it",
    "end_session.session_id": Access(_login, OWN),
    "get_answer.answer_id": Access(_answer, OWN),
    "get_badge_icon.slug": "a badge of the catalogue",
    "get_case.case_id": Access(_case, PLAIN, allowed="moderator"),
    "get_export.export_id": Access(_export, OWN),
    "get_match.match_id": Access(_match, IN_MATCH, allowed="unmatched"),
    "get_media.key": "good with a signature only, see test_media.py",
    "get_photo.photo_id": Access(_photo, OWN),
    "get_profile.user_id": Access(_person, NOT_SEEN, allowed="matched"),
    "get_user.user_id": Access(_person, PLAIN, allowed="moderator"),
    "get_why.user_id": Access(_person, OWN, allowed="viewer"),
    "like.photo_id": Access(_about(_photo, "photo_id", comment=WORDS), NOT_THEIRS, allowed="viewer"),
    "like.prompt_id": Access(_about(_answer, "prompt_id", comment=WORDS), NOT_THEIRS, allowed="viewer"),
    "like.user_id": Access(_with(_person, comment=WORDS), OF_BLOCKED, allowed="stranger"),
    "list_messages.match_id": Access(_match, IN_MATCH, allowed="unmatched"),
    "mark_read.match_id": Access(_match, IN_MATCH, allowed="matched"),
    "mark_read.message_id": Access(_in_own_match, {"stranger": "not_found"}, allowed="matched"),
    "order_answers.ids": Access(_listed(_answer), NOT_THEIRS),
    "order_photos.ids": Access(_listed(_photo), NOT_THEIRS),
    "pass.user_id": Access(_person, OF_BLOCKED, allowed="stranger"),
    "read_notifications.ids": Access(_listed(_notification), {"stranger": None}),
    "release_case.case_id": Access(_case, PLAIN, allowed="moderator"),
    "replace_answer.answer_id": Access(_with(_answer, answer="Bread."), OWN),
    "replace_answer.question_id": "a question of the catalogue",
    "report.message_id": Access(_about(_message, "message_id", reason="spam"), NOT_THEIRS, allowed="matched"),
    "report.photo_id": Access(_about(_photo, "photo_id", reason="spam"), NOT_THEIRS, allowed="viewer"),
    "report.prompt_id": Access(_about(_answer, "prompt_id", reason="spam"), NOT_THEIRS, allowed="viewer"),
    "report.user_id": Access(_with(_person, reason="spam"), {"stranger": "not_found"}, allowed="matched"),
    "send_message.match_id": Access(
        _with(_match, text="Hello!"), IN_MATCH | {"unmatched": "match_closed"}, allowed="matched"
    ),
    "resolve_case.case_id": Access(_with(_case, decision="warn", reason=WHY), PLAIN, allowed="moderator"),
    "resolve_case.photo_id": Access(_of_the_case(_photo, "photo_id", "remove_photo"), PLAIN, allowed="moderator"),
    "resolve_case.prompt_id": Access(_of_the_case(_answer, "prompt_id", "remove_answer"), PLAIN, allowed="moderator"),
    "restore_user.user_id": Access(
        _with(_suspended, reason=WHY), MODERATORS | {"owner": "account_suspended"}, allowed="admin"
    ),
    "submit_quiz.answers": "questions and options of the quiz",
    "suspend_user.user_id": Access(_with(_person, rule="spam", reason=WHY), MODERATORS, allowed="admin"),
    "take_case.case_id": Access(_case, PLAIN, allowed="moderator"),
    "unmatch.match_id": Access(_match, IN_MATCH | {"unmatched": "invalid_transition"}, allowed="matched"),
}

EVEN_SUSPENDED: Final = {"appeal.notice_id", "get_export.export_id"}
"""What somebody suspended can use as before: why, and what is held about them."""
