"""What is put where a case has made something up, so that more comes back than that there is no such thing."""

from collections.abc import Iterator, MutableMapping
from random import Random
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from schemathesis import APIOperation, Case
from schemathesis.core.parameters import ParameterLocation

from tests.fuzz.world import Real

OFTEN: Final = 0.75

# By the name of a parameter or a field, and where that means different things, of an operation: which of the lists in
# an actor's `real` has values for it. Every parameter in a path needs one: see test_every_path_leads_somewhere.
KINDS: Final[dict[str, str | None]] = {
    "answer_id": "own_answer",
    "actor_id": "user",
    "case_id": "case",
    "comment": "comment",
    "email": "email",
    "export_id": "export",
    "file": "picture",
    "match_id": "match",
    "message_id": "message",
    "notice_id": "notice",
    "old_password": "password",
    "password": "password",
    "photo_id": "photo",
    "prompt_id": "answer",
    "question_id": "question",
    "refresh_token": "refresh_token",
    "session_id": "session",
    "slug": "badge",
    "user_id": "user",
    "delete_photo.photo_id": "own_photo",
    "get_why.user_id": "queued",
    "like.user_id": "likeable",
    "get_photo.photo_id": "own_photo",
    "log_in.username": "email",
    "log_in_by_form.username": "email",
    "order_answers.ids": "own_answer",
    "order_photos.ids": "own_photo",
    "read_notifications.ids": "notification",
    "reset_password.token": "reset",
    "resolve_case.case_id": "taken_case",
    "resolve_case.photo_id": "case_photo",
    "resolve_case.prompt_id": "case_answer",
    "sign_up.email": None,  # somebody else's, for once
    "show_unsubscribe.token": "unsubscribe",
    "unsubscribe.token": "unsubscribe",
    "verify_email.token": "verification",
    "get_media.key": "link",
}


def kind_of(operation_id: str, name: str) -> str | None:
    """Which list has values for a parameter or field."""
    return KINDS.get(f"{operation_id}.{name}", KINDS.get(name))


def operation_id(operation: APIOperation[Any, Any, Any, Any]) -> str:
    """The name of an operation in the document."""
    return str(operation.definition.raw["operationId"])


def aim(case: Case[Any], real: Real, random: Random) -> None:
    """Put real values into a case, mostly; where it is to be wrong it stays so."""
    name = operation_id(case.operation)
    if name == "get_media":
        _aim_at_a_link(case, real, random)
        return
    for location, container in _containers(case):
        if case.meta is not None and case.meta.is_negative_at(location):
            continue
        for field, made_up in list(container.items()):
            values = real.get(kind_of(name, field) or "")
            if values and random.random() < OFTEN:
                container[field] = list(values) if isinstance(made_up, list) else random.choice(values)


def _containers(case: Case[Any]) -> Iterator[tuple[ParameterLocation, MutableMapping[str, Any]]]:
    yield ParameterLocation.PATH, case.path_parameters
    yield ParameterLocation.QUERY, case.query
    if isinstance(case.body, dict):
        yield ParameterLocation.BODY, case.body


def _aim_at_a_link(case: Case[Any], real: Real, random: Random) -> None:
    """A link is good as a whole, or not at all."""
    if case.meta is not None and case.meta.generation.mode.is_positive and random.random() < OFTEN:
        link = urlsplit(random.choice(real["link"]))
        case.path_parameters["key"] = link.path.removeprefix("/media/")
        case.query.update(parse_qsl(link.query))
