"""Hashing passwords: nothing is cut, nothing is changed, and what was hashed weakly is hashed anew."""

import statistics
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.accounts.passwords import hash_password, verify_password


def test_the_hash_is_bcrypt_over_sha256_with_a_salt_of_its_own() -> None:
    one, two = hash_password("engines of 1843"), hash_password("engines of 1843")
    assert one.startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert one != two
    assert verify_password("engines of 1843", one) == (True, None)
    assert verify_password("engines of 1844", one) == (False, None)


def test_nothing_is_cut_at_72_bytes() -> None:
    stored = hash_password("x" * 100)
    assert verify_password("x" * 100, stored)[0]
    assert not verify_password("x" * 99, stored)[0]
    assert not verify_password("x" * 72, stored)[0]
    assert not verify_password("x" * 99 + "y", stored)[0]


@pytest.mark.parametrize(
    ("stored", "tried"),
    [
        ("Engines", "engines"),
        ("engines ", "engines"),
        ("\u00e9t\u00e9 1843", "e\u0301te\u0301 1843"),  # composed and decomposed
        ("ﬁnance", "finance"),
        ("🦄" * 8, "🦄" * 7),
    ],
)
def test_passwords_are_verified_exactly_as_received(stored: str, tried: str) -> None:
    hashed = hash_password(stored)
    assert verify_password(stored, hashed)[0]
    assert not verify_password(tried, hashed)[0]


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=128),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=128),
)
@hypothesis_settings(max_examples=25)
def test_any_text_is_a_password(password: str, other: str) -> None:
    stored = hash_password(password)
    assert verify_password(password, stored) == (True, None)
    assert verify_password(other, stored)[0] == (other == password)


def test_a_hash_made_with_fewer_rounds_is_replaced(rounds: Callable[[int], None]) -> None:
    rounds(4)
    weak = hash_password("engines of 1843")
    rounds(5)
    right, renewed = verify_password("engines of 1843", weak)
    assert right
    assert renewed is not None
    assert ",r=5$" in renewed
    assert verify_password("engines of 1843", renewed) == (True, None)
    assert verify_password("wrong", weak) == (False, None)


def test_a_hash_made_with_more_rounds_is_kept(rounds: Callable[[int], None]) -> None:
    rounds(5)
    strong = hash_password("engines of 1843")
    rounds(4)
    assert verify_password("engines of 1843", strong) == (True, None)


def test_no_account_is_wrong_whatever_the_password() -> None:
    assert verify_password("engines of 1843", None) == (False, None)
    assert verify_password("nobody's password", None) == (False, None), "the dummy's own password opens nothing"


def test_no_account_takes_as_long_as_a_wrong_password(rounds: Callable[[int], None]) -> None:
    rounds(8)
    stored = hash_password("engines of 1843")
    verify_password("warm up", None)

    def took(of: str | None) -> float:
        began = time.perf_counter()
        verify_password("wrong", of)
        return time.perf_counter() - began

    pairs = [(took(stored), took(None)) for _ in range(9)]
    known, unknown = (statistics.median(times) for times in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2
