"""`python -m shared.accounts create-admin EMAIL`: how the first admin is made; `set-role LOGIN ROLE` for the others."""

import sys

import click
from email_validator import EmailNotValidError, validate_email

from shared import clock
from shared.accounts import passwords, rules
from shared.accounts.models import Role
from shared.accounts.service import create_admin, find_by_login, set_role
from shared.accounts.tokens import new_secret
from shared.database import database
from shared.errors import Refusal
from shared.settings import settings


@click.group()
def commands() -> None:
    """Accounts, from the command line of somebody who may reach the database."""


@commands.command("create-admin")
@click.argument("email")
@click.option("--generate", is_flag=True, help="Make up a password and print it.")
def create_admin_command(email: str, *, generate: bool) -> None:
    """Create an admin with the address EMAIL, or give that role to the account which has it.

    The password of a new account is asked for on a terminal, and else read from the first line of the input.
    """
    if database().call(find_by_login, email) is not None:
        _set_role(email, Role.ADMIN)
    else:
        address = _address(email)
        password = new_secret()[:24] if generate else _asked()
        weakness = rules.password_weakness(password, about=(address, address.partition("@")[0]))
        if weakness is not None:
            raise click.ClickException(weakness)
        hashed = passwords.hash_password(password)
        try:
            database().call(create_admin, email=address, password_hash=hashed, now=clock.now())
        except Refusal as refusal:
            raise click.ClickException(refusal.message) from None
        click.echo(f"{address} is now an admin." + (f" The password is {password}" if generate else ""))
    click.echo(f"The console is at {settings().public_url}/admin")


@commands.command("set-role")
@click.argument("login")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def set_role_command(login: str, role: str) -> None:
    """Give the account of an e-mail address or username the ROLE user, moderator or admin."""
    _set_role(login, Role(role))


def _set_role(login: str, role: Role) -> None:
    try:
        user = database().call(set_role, login=login, role=role)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from None
    click.echo(f"{user.email} is now {role}.")


def _address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise click.ClickException(str(error)) from None


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _asked() -> str:
    if _is_terminal():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


if __name__ == "__main__":
    commands(prog_name="python -m shared.accounts")
