"""The deeds of the console: what its buttons do, one by one."""

from typing import Final

from sqlalchemy.orm import Session
from starlette.requests import Request

from api.console.deeds import Deed, Given
from api.review import MAX_DAYS, REASON_LENGTHS
from shared import audit, clock
from shared.accounts.models import Role, User
from shared.console import work
from shared.errors import Refusal
from shared.moderation.models import Reason
from shared.moderation.rules import Decision
from shared.review import cases, decisions, people
from shared.review.decisions import Verdict
from shared.settings import settings


async def _take(given: Given) -> str:
    await given.run(cases.take, case_id=given.id("case_id"), now=clock.now())
    return f"This case is yours for {settings().case_hours:g} hours."


async def _release(given: Given) -> str:
    await given.run(cases.release, case_id=given.id("case_id"))
    return "Others can take this case again."


async def _resolve(given: Given) -> str:
    decision = given.one_of("decision", Decision)
    verdict = Verdict(
        decision=decision,
        reason=_reason(given),
        rule=given.one_of("rule", Reason),
        photo_id=given.chosen("photo_id") if decision == Decision.REMOVE_PHOTO else None,
        prompt_id=given.chosen("prompt_id") if decision == Decision.REMOVE_ANSWER else None,
        days=given.number("days", most=MAX_DAYS) if decision == Decision.SUSPEND else None,
        evidence=given.number("evidence", most=1_000_000),
    )
    await given.run(decisions.resolve, case_id=given.id("case_id"), verdict=verdict, now=clock.now())
    return "Decided. The person has been told."


async def _change_role(given: Given) -> str:
    person = await given.run(people.change_role, user_id=given.id("user_id"), role=given.one_of("role", Role))
    return f"{person.name} is now {person.role}."


async def _suspend(given: Given) -> str:
    days = None if given.text("for") == "good" else given.number("days", most=MAX_DAYS)
    rule, reason = given.one_of("rule", Reason), _reason(given)
    person = await given.run(
        people.suspend, user_id=given.id("user_id"), days=days, reason=reason, rule=rule, now=clock.now()
    )
    return f"{person.name} is {'banned' if days is None else 'suspended'}."


async def _restore(given: Given) -> str:
    reason = _reason(given)
    person = await given.run(people.restore, user_id=given.id("user_id"), reason=reason, now=clock.now())
    return f"{person.name} is {person.status} again."


def _reason(given: Given) -> str:
    least, most = REASON_LENGTHS
    reason = given.text("reason", most=most)
    if len(reason) < least:
        raise Refusal("validation_error", f"Say why in {least} characters or more: the person is told your words.")
    return reason


async def _retry(given: Given) -> str:
    number = await given.run(_retry_work, kind=given.text("kind"), key=given.text("key"))
    return f"Queued {number}."


async def _drop(given: Given) -> str:
    number = await given.run(_drop_work, kind=given.text("kind"), key=given.text("key"))
    return f"Dropped {number}."


def _retry_work(session: Session, admin: User, *, kind: str, key: str) -> int:
    number = work.retry(session, kind=kind, keys=[key])
    audit.record(session, actor_id=admin.id, action="work.retried", kind=kind, key=key)
    return number


def _drop_work(session: Session, admin: User, *, kind: str, key: str) -> int:
    number = work.drop(session, kind=kind, keys=[key])
    audit.record(session, actor_id=admin.id, action="work.dropped", kind=kind, key=key)
    return number


def _to_work(request: Request) -> str:
    return str(request.url_for("admin:list", key="work"))


def _to_case(request: Request) -> str:
    return str(request.url_for("admin:detail", key="cases").include_query_params(pk=request.path_params["case_id"]))


def _to_person(request: Request) -> str:
    return str(request.url_for("admin:detail", key="people").include_query_params(pk=request.path_params["user_id"]))


ALL: Final = (
    Deed("/cases/{case_id}/take", "take_case", _take, back=_to_case),
    Deed("/cases/{case_id}/release", "release_case", _release, back=_to_case),
    Deed("/cases/{case_id}/resolve", "resolve_case", _resolve, back=_to_case),
    Deed("/people/{user_id}/role", "change_role", _change_role, back=_to_person, least=Role.ADMIN),
    Deed("/people/{user_id}/suspend", "suspend", _suspend, back=_to_person, least=Role.ADMIN),
    Deed("/people/{user_id}/restore", "restore", _restore, back=_to_person, least=Role.ADMIN),
    Deed("/work/retry", "retry_work", _retry, back=_to_work, least=Role.ADMIN),
    Deed("/work/drop", "drop_work", _drop, back=_to_work, least=Role.ADMIN),
)
