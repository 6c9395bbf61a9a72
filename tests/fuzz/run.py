"""Fuzzing: every operation of the OpenAPI document, as everybody who may call it, with cases made from its schema."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.failures import FailureGroup
from schemathesis.core.media_types import is_form_urlencoded
from schemathesis.core.result import Err, Ok
from schemathesis.core.transport import is_event_stream
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override
from schemathesis.specs.openapi import checks

from api.shapes import _one_line
from shared.accounts.models import Role
from tests.fuzz.hostile import Request, hostile
from tests.fuzz.ids import aim, operation_id
from tests.fuzz.world import Actor, World

Operation = APIOperation[Any, Any, Any, Any]
Answer = Response | requests.Response
Check = Callable[[CheckContext, Response, Case[Any]], bool | None]


def wrong_is_refused(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """What does not fit the schema is not accepted.

    But text may fit once it is tidied, and of a form, what is empty was not sent (RFC 6749, section 3.1).
    """
    form = case.body if is_form_urlencoded(case.media_type) else {}
    if (isinstance(form, dict) and "" in form.values()) or not _is_tidy(case.body):
        return None
    return checks.negative_data_rejection(ctx, response, case)


def _is_tidy(part: object) -> bool:
    if isinstance(part, str):
        return part == _one_line(part)
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return all(_is_tidy(one) for one in inner)


def other_methods_are_refused(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """With 405; beside ids, the words of other paths are taken for one that is wrong."""
    return None if response.status_code == 422 else checks.unsupported_method(ctx, response, case)


def has_request_id(_ctx: CheckContext, response: Response, _case: Case[Any]) -> bool | None:
    """Every answer can be found in the log."""
    if not response.headers.get("x-request-id"):
        raise AssertionError("The answer has no X-Request-ID")
    return None


CHECKS: Final = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.allow_header_conformance,
    wrong_is_refused,
    other_methods_are_refused,
    has_request_id,
)
HOSTILE_CHECKS: Final = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    has_request_id,
)
TIMEOUT_SECONDS: Final = 30
ANONYMOUS: Final = None
ROLES: Final = (ANONYMOUS, Role.USER, Role.MODERATOR, Role.ADMIN)


@dataclass(frozen=True)
class Plan:
    """How much to try. The same seed tries the same again."""

    seed: int
    examples: int
    """Made at random, of each operation, role and kind: those that fit the schema, and those that do not."""
    systematic: Sequence[Role | None] = (Role.USER,)
    """Who also tries every limit of every schema, each by itself."""
    hostile: int | None = None
    """How many of the requests that no schema describes each of them tries of each operation; None: all."""
    roles: Sequence[Role | None] = ROLES
    only: str | None = None
    """One operation."""


@dataclass
class Outcome:
    """What came of it."""

    cases: Counter[Role | None] = field(default_factory=Counter)
    statuses: Counter[tuple[Role | None, int]] = field(default_factory=Counter)
    """By role and hundred."""
    operations: set[str] = field(default_factory=set)
    succeeded: set[str] = field(default_factory=set)
    """Operations that were answered with what they are for, at least once."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """By operation and what is wrong: the first case in full."""

    @property
    def never_succeeded(self) -> set[str]:
        """Operations of which nothing but errors was seen."""
        return self.operations - self.succeeded


def fuzz(world: World, document: dict[str, Any], plan: Plan, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Try everything that `plan` says."""
    schema, outcome = schemathesis.openapi.from_dict(document), Outcome()
    operations = [_sound(found) for found in schema.get_all_operations()]
    operations.sort(key=lambda operation: operation.method != "get")  # one person can try all that changes nothing
    for role in plan.roles:
        cast = Cast(world, role)
        for operation in operations:
            name = operation_id(operation)
            if plan.only not in {None, name} or (role is ANONYMOUS and "security" in operation.definition.raw):
                continue
            outcome.operations.add(name)
            attempt = Attempt(cast, outcome, name, Random(f"{plan.seed} {role} {name}"))
            if role in plan.systematic:
                for case in _systematic(operation, list(GenerationMode)):
                    attempt.send(case)
                attempt.harm(next(_systematic(operation, [GenerationMode.POSITIVE])), plan.hostile)
            _at_random(operation, attempt.send, plan)
            if operation.method != "get":
                cast.leave()  # whoever comes next has everything again
        cast.http.close()
        say(f"{named(role)}: {outcome.cases[role]} cases, {len(outcome.failures)} failures so far")
    return outcome


class Cast:
    """Whoever plays a role at the time."""

    def __init__(self, world: World, role: Role | None) -> None:
        self.world, self.role = world, role
        self.http = requests.Session()
        self._actor: Actor | None = None

    @property
    def actor(self) -> Actor:
        """Somebody who has everything, or what is left of it."""
        if self._actor is None:
            self._actor = self.world.new_actor(self.role)
        return self._actor

    def leave(self) -> None:
        """Let somebody else take the role."""
        self._actor = None


class Attempt:
    """One operation, tried in one role."""

    def __init__(self, cast: Cast, outcome: Outcome, name: str, random: Random) -> None:
        self._cast, self._outcome, self._name, self._random = cast, outcome, name, random
        self._is_enforced = False

    def send(self, case: Case[Any]) -> None:
        """Send one case, and note what came of it."""
        aim(case, self._cast.actor.real, self._random)
        answer = self._answered(lambda actor: self._call(case, actor))
        if answer.status_code < 300:
            self._outcome.succeeded.add(self._name)
        wanted = list(CHECKS)
        if answer.status_code < 300 and not self._is_enforced:  # once is enough, and takes two more requests
            wanted.append(checks.ignored_auth)
            self._is_enforced = True
        self._check(case, answer, wanted)

    def harm(self, case: Case[Any], most: int | None) -> None:
        """Send variations of a case that no schema describes."""
        aim(case, self._cast.actor.real, self._random)
        variations = list(hostile(case))
        for request in variations if most is None else self._random.sample(variations, min(most, len(variations))):
            try:
                answer = self._answered(partial(self._call_as_written, request))
            except requests.RequestException as error:
                self._outcome.failures.setdefault((self._name, "The connection broke"), f"{request}\n{error}"[:2000])
            else:
                self._check(case, answer, HOSTILE_CHECKS)

    def _answered(self, call: Callable[[Actor], Answer]) -> Answer:
        cast, outcome = self._cast, self._outcome
        answer = call(cast.actor)
        if answer.status_code in {401, 403} and not cast.world.still_is(cast.actor):
            cast.leave()  # what was sent before has logged them out, or worse
            answer = call(cast.actor)
        outcome.cases[cast.role] += 1
        outcome.statuses[cast.role, answer.status_code // 100] += 1
        return answer

    def _call(self, case: Case[Any], actor: Actor) -> Answer:
        url, http = self._cast.world.url, self._cast.http
        if "text/event-stream" not in case.operation.definition.raw["responses"].get("200", {}).get("content", {}):
            return case.call(url, http, actor.headers, timeout=TIMEOUT_SECONDS)
        sent = case.as_transport_kwargs(url, actor.headers)
        return _without_end(http.request(**sent, timeout=TIMEOUT_SECONDS, stream=True))

    def _call_as_written(self, request: Request, actor: Actor) -> Answer:
        answer = self._cast.http.request(
            request.method,
            self._cast.world.url + request.target,
            data=request.content,
            headers={name: value.encode("latin-1") for name, value in (actor.headers | request.headers).items()},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        )
        return _without_end(answer)

    def _check(self, case: Case[Any], answer: Answer, wanted: Sequence[Check]) -> None:
        try:
            case.validate_response(
                answer,
                checks=list(wanted),
                headers=self._cast.actor.headers,
                transport_kwargs={"base_url": self._cast.world.url},
            )
        except FailureGroup as group:
            for failure in group.exceptions:
                who = f"as {named(self._cast.role)}\n{group}"
                self._outcome.failures.setdefault((self._name, failure.title), who)


def _without_end(answer: requests.Response) -> requests.Response:
    """An answer that can be read, even if more of it may always come."""
    if is_event_stream(answer.headers.get("Content-Type")):
        answer._content = b""
        answer.close()
    return answer


def _sound(found: Ok[Operation] | Err[InvalidSchema]) -> Operation:
    if isinstance(found, Err):
        raise found.err()
    return found.ok()


def _systematic(operation: Operation, modes: list[GenerationMode]) -> Iterator[Case[Any]]:
    """Each limit of the schema, each part left out or of another type, each method that there is not."""
    generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=modes,
        generation_config=generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )


def _at_random(operation: Operation, send: Callable[[Case[Any]], None], plan: Plan) -> None:
    for mode in GenerationMode:
        tried = seed(plan.seed)(
            settings(
                max_examples=plan.examples,
                phases=[Phase.generate],
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )(given(operation.as_strategy(generation_mode=mode))(send))
        )
        try:
            tried()
        except Unsatisfiable:  # where nothing is sent, nothing can be sent wrongly
            continue


def named(role: Role | None) -> str:
    """A role in words."""
    return role or "nobody"
