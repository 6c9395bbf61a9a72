"""A bounded number of cases from the OpenAPI document in every role; `make fuzz` tries many more."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from shared.accounts.models import Role
from shared.database import Database
from tests.fuzz.ids import kind_of
from tests.fuzz.run import ANONYMOUS, ROLES, Plan, fuzz
from tests.fuzz.world import ENVIRONMENT, World
from tests.live import api

SEED = 1843
EXAMPLES = {ANONYMOUS: 5, Role.USER: 5, Role.MODERATOR: 3, Role.ADMIN: 3}
HOSTILE = 12


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


@pytest.fixture
def world(committed: Database) -> Iterator[World]:
    with api(**ENVIRONMENT) as running:
        world = World(running.url, committed)
        yield world
        world.close()


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_as_documented(world: World, document: dict[str, Any], role: Role | None) -> None:
    outcome = fuzz(world, document, Plan(SEED, EXAMPLES[role], hostile=HOSTILE, roles=[role]))
    assert not outcome.failures, "\n\n".join(outcome.failures.values())
    assert outcome.statuses[role, 2] > 0.1 * outcome.cases[role] > 5, outcome.statuses
    assert len(outcome.succeeded) > 0.5 * len(outcome.operations), outcome.never_succeeded


def test_every_path_leads_somewhere(document: dict[str, Any]) -> None:
    """Else nothing but "not found" would be seen of it."""
    unknown = [
        f"{operation['operationId']}.{name}"
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for name in re.findall(r"{(\w+)}", path)
        if kind_of(operation["operationId"], name) is None
    ]
    assert not unknown, "say in KINDS of tests/fuzz/ids.py, and in tests/fuzz/world.py, where there are real ones"
