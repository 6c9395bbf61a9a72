"""Tokens that switch a kind of mail off: good for ever, and for nothing else."""

import base64
import uuid

import pytest

from shared.notifications.rules import Mailed
from shared.notifications.unsubscribing import read, token_for
from shared.settings import Settings

VALUES = Settings(secret_key="k" * 40)
WHO = uuid.uuid4()


@pytest.mark.parametrize("kind", Mailed)
def test_a_token_names_a_person_and_a_kind(kind: Mailed) -> None:
    token = token_for(WHO, kind, VALUES)
    assert read(token, VALUES) == (WHO, kind)
    assert token == token_for(WHO, kind, VALUES)
    assert len(token) < 100


def test_retired_keys_are_honoured_and_others_are_not() -> None:
    token = token_for(WHO, Mailed.MATCH, VALUES)
    retired = Settings(secret_key="n" * 40, retired_secret_keys=["k" * 40])
    assert read(token, retired) == (WHO, Mailed.MATCH)
    assert read(token, Settings(secret_key="n" * 40)) is None


def test_no_changed_token_is_good() -> None:
    raw = base64.urlsafe_b64decode(token_for(WHO, Mailed.MATCH, VALUES) + "==")
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert read(base64.urlsafe_b64encode(changed).decode().rstrip("="), VALUES) is None


@pytest.mark.parametrize("token", ["", "x", "ä", "=", "A" * 40, "A" * 200, "+/+/"])
def test_nonsense_is_no_token(token: str) -> None:
    assert read(token, VALUES) is None
