"""The commands by which the first admin is made."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from shared.accounts.__main__ import commands
from shared.accounts.models import User
from shared.accounts.passwords import verify_password
from shared.audit import AuditEntry
from shared.database import Database
from tests.people import make_user


def test_somebody_is_made_an_admin(committed: Database) -> None:
    with committed.transaction() as session:
        ada = make_user(session, email="Ada@example.com")
    result = CliRunner().invoke(commands, ["set-role", "ada@example.com", "admin"])
    assert (result.exit_code, result.output) == (0, "Ada@example.com is now admin.\n")
    with committed.transaction() as session:
        found = session.get(User, ada.id)
        assert found is not None
        assert found.role == "admin"


def test_what_cannot_be_done_is_told(committed: Database) -> None:
    unknown = CliRunner().invoke(commands, ["set-role", "nobody@example.com", "admin"])
    assert (unknown.exit_code, unknown.output) == (1, "Error: There is no account nobody@example.com.\n")
    assert CliRunner().invoke(commands, ["set-role", "nobody@example.com", "king"]).exit_code == 2


def made(committed: Database, email: str) -> User:
    with committed.transaction() as session:
        return session.scalars(select(User).where(User.email == email)).one()


def test_an_admin_is_created_with_a_password_that_is_read(committed: Database) -> None:
    result = CliRunner().invoke(commands, ["create-admin", "Root@Example.com"], input="a lake at six\n")
    assert (result.exit_code, result.output) == (
        0,
        "Root@example.com is now an admin.\nThe console is at http://localhost:8000/admin\n",
    )
    root = made(committed, "Root@example.com")
    assert (root.role, root.status) == ("admin", "paused"), "an admin is shown to nobody"
    assert root.email_verified_at is not None
    assert verify_password("a lake at six", root.password_hash)[0]
    with committed.transaction() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.user_id == root.id))
    assert (entry.actor_id, entry.action, entry.details["after"]) == (None, "user.role", "admin")


def test_a_password_can_be_made_up(committed: Database) -> None:
    result = CliRunner().invoke(commands, ["create-admin", "root@example.com", "--generate"])
    assert result.exit_code == 0
    password = result.output.partition("The password is ")[2].partition("\n")[0]
    assert len(password) == 24
    assert verify_password(password, made(committed, "root@example.com").password_hash)[0]


def test_on_a_terminal_it_is_asked_for_twice_and_not_shown(
    committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.accounts.__main__._is_terminal", lambda: True)
    typed = "a lake at six\nanother\na lake at six\na lake at six\n"
    result = CliRunner().invoke(commands, ["create-admin", "root@example.com"], input=typed)
    assert result.exit_code == 0
    assert "a lake" not in result.output
    assert verify_password("a lake at six", made(committed, "root@example.com").password_hash)[0]


def test_whoever_has_an_account_becomes_admin_and_keeps_the_password(committed: Database) -> None:
    with committed.transaction() as session:
        make_user(session, email="ada@example.com")
    result = CliRunner().invoke(commands, ["create-admin", "ADA@example.com"])
    assert result.output.startswith("ada@example.com is now admin.\n")
    ada = made(committed, "ada@example.com")
    assert (ada.role, ada.status, ada.password_hash) == ("admin", "active", "!")


@pytest.mark.parametrize(
    ("email", "password", "why"),
    [
        ("root@example.com", "short", "A password has 8 to 128 characters."),
        ("root@example.com", "", "A password has 8 to 128 characters."),
        ("root@example.com", "password123", "among the most common"),
        ("root@example.com", "root@example.com", "your own name or address"),
        ("root", "a lake at six", "email address"),
    ],
)
def test_weak_passwords_and_what_is_no_address_are_refused(
    committed: Database, email: str, password: str, why: str
) -> None:
    result = CliRunner().invoke(commands, ["create-admin", email], input=f"{password}\n")
    assert result.exit_code == 1
    assert why in result.output
    with committed.transaction() as session:
        assert session.scalars(select(User)).all() == []
