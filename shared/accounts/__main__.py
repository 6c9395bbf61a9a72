"""`python -m shared.accounts set-role LOGIN ROLE`: how the first admin is made."""

import click

from shared.accounts.models import Role
from shared.accounts.service import set_role
from shared.database import database
from shared.errors import Refusal


@click.group()
def commands() -> None:
    """Accounts, from the command line of somebody who may reach the database."""


@commands.command("set-role")
@click.argument("login")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def set_role_command(login: str, role: str) -> None:
    """Give the account of an e-mail address or username the ROLE user, moderator or admin."""
    try:
        user = database().call(set_role, login=login, role=Role(role))
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from None
    click.echo(f"{user.email} is now {role}.")


if __name__ == "__main__":
    commands(prog_name="python -m shared.accounts")
