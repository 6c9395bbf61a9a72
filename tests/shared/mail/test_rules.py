"""Names in mails, and what is told of a server's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mail.rules import ADDRESS, KINDS, SOMEBODY, in_words, masked, shown_device, shown_name
from shared.notifications.rules import Mailed


def test_each_kind_that_can_be_switched_off_has_a_switch_and_each_switch_a_kind() -> None:
    assert sorted(kind.switch for kind in KINDS.values() if kind.switch) == sorted(Mailed)


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Zoë",
        "Ada Lovelace",
        "J. R.",
        "Dr. Ada",
        "李",
        "O'Neil",
        "Ada-Marie",
        "Ada 🌻",
        "Zoe\u0308",
        "\uff21da",
        "R2. D2",
        "李。",
    ],
)
def test_names_are_shown_as_they_are(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("evil.com", "http://x", "www.evil", "ada@evil.example", "x.co/y", "Ada evil.co.uk", "mailto:x", "", " \n"),
        *("web3.com", "pay-now1.io", "a b365.de", "evil_.com", "evil\u3002com", "evil\uff0ecom", "evil\uff61com"),
        *("evil\u2024com", "\uff45vil.com", "evil\u0338.com", "ada\uff20evil", "https\uff1a\uff0f\uff0fx"),
    ],
)
def test_a_name_that_would_be_a_link_is_not_shown(name: str) -> None:
    assert shown_name(name) == SOMEBODY


@pytest.mark.parametrize(
    ("device", "shown"),
    [
        ("Delete/1.4 (Pixel 9)", "Delete/1.4 (Pixel 9)"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
        ("x" * 200, "x" * 80),
        ("call evil.com now", ""),
        ("bot (+http://evil)", ""),
        ("see web3\u3002com", ""),
        ("", ""),
    ],
)
def test_devices_are_shown_in_short_unless_they_are_bait(device: str, shown: str) -> None:
    assert shown_device(device) == shown


@given(st.text())
def test_a_shown_name_is_one_line(name: str) -> None:
    shown = shown_name(name)
    assert shown
    assert shown.isprintable()
    assert shown.splitlines() == [shown]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Ada"], "Ada"),
        (["Ada", "Bob"], "Ada and Bob"),
        (["Ada", "Bob", "Cy"], "Ada, Bob and Cy"),
        (["Ada", "Bob", "Cy", "Di"], "Ada, Bob and 2 others"),
        ([*"ABCDEFG"], "A, B and 5 others"),
    ],
)
def test_people_in_words(names: list[str], said: str) -> None:
    assert in_words(names) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("550 5.1.1 <ada@example.com>: unknown", f"550 5.1.1 <{ADDRESS}>: unknown"),
        ("ada+x@sub.example.co.uk, zoë@bücher.example", f"{ADDRESS}, {ADDRESS}"),
        ("bad link https://a/verify?token=abc-DEF_1 found", f"bad link https://a/verify?token={ADDRESS} found"),
        ("two\r\nlines", "two lines"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_servers_words_without_addresses_and_tokens(said: str, shown: str) -> None:
    assert masked(said) == shown
