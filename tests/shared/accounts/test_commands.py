"""The command by which the first admin is made."""

from click.testing import CliRunner

from shared.accounts.__main__ import commands
from shared.accounts.models import User
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
