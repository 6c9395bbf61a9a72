"""The rules of accounts, on their own."""

import re
from calendar import isleap
from datetime import date, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts import rules

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2000, 6, 15), date(2018, 6, 14), 17),
        (date(2000, 6, 15), date(2018, 6, 15), 18),
        (date(2000, 6, 15), date(2018, 6, 16), 18),
        (date(2000, 12, 31), date(2019, 1, 1), 18),
        (date(2000, 1, 1), date(2018, 12, 31), 18),
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
        (date(2004, 2, 29), date(2024, 2, 28), 19),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2000, 6, 15), date(2000, 6, 15), 0),
    ],
)
def test_age(born: date, today: date, years: int) -> None:
    assert rules.age(born, today) == years


@given(DAYS, DAYS)
def test_a_day_makes_nobody_younger_and_at_most_a_year_older(born: date, today: date) -> None:
    assert rules.age(born, today + timedelta(days=1)) - rules.age(born, today) in {0, 1}


@given(DAYS, st.integers(0, 120))
def test_a_birthday_is_once_a_year(born: date, years: int) -> None:
    in_march = (born.month, born.day) == (2, 29) and not isleap(born.year + years)
    birthday = date(born.year + years, 3, 1) if in_march else born.replace(year=born.year + years)
    assert rules.age(born, birthday) == years
    assert rules.age(born, birthday - timedelta(days=1)) == years - 1


@pytest.mark.parametrize(
    "password",
    [
        "engines of 1843",
        "öäüß1234",
        "🦄🐝🌍🎈🎁🎲🎸🏀",
        "Xk3!Xk3!",
        "abcd" * 32,
        " two  spaces ",
        "пароль-из-слов",
        "日本語のパスワード",
    ],
)
def test_good_passwords(password: str) -> None:
    assert rules.password_weakness(password, about=("ada@example.com", None, "Ada")) is None


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("", "8 to 128"),
        ("kj3 9x!", "8 to 128"),
        ("k3!x" * 32 + "y", "8 to 128"),
        ("aaaaaaaaaa", "repeats"),
        ("abcabcabcabc", "repeats"),
        ("password", "common"),
        ("PassWord", "common"),
        ("12345678", "common"),
        ("trustno1", "common"),
        ("iloveyou", "common"),
    ],
)
def test_weak_passwords_are_told_why(password: str, because: str) -> None:
    assert because in (rules.password_weakness(password) or "")


@pytest.mark.parametrize("own", ["ada@example.com", "ada.lovelace", "Ada Lovelace"])
def test_a_password_is_not_ones_own_name_or_address(own: str) -> None:
    about = ("ada@example.com", "ada.lovelace", "Ada Lovelace")
    assert "your own" in (rules.password_weakness(own.upper(), about=about) or "")
    assert rules.password_weakness(own + "!", about=about) is None
    assert rules.password_weakness(own, about=(None, "", None)) is None


@given(st.text(max_size=140))
def test_no_password_is_both_out_of_bounds_and_good(password: str) -> None:
    weakness = rules.password_weakness(password)
    if not 8 <= len(password) <= 128:
        assert weakness == "A password has 8 to 128 characters."
    elif weakness is None:
        assert len(set(password)) >= 4


@pytest.mark.parametrize("name", ["ada", "a.b", "___", "0" * 30, "ada_l.1815"])
def test_usernames(name: str) -> None:
    assert re.fullmatch(rules.USERNAME, name)


@pytest.mark.parametrize("name", ["", "ab", "a" * 31, "Ada", "ada l", "ada\n", "\nada", "adä", "a@b.c", "ada-l", "٣٣٣"])
def test_what_is_no_username(name: str) -> None:
    assert not re.fullmatch(rules.USERNAME, name)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Pacific/Kiritimati"])
def test_time_zones(name: str) -> None:
    assert rules.time_zone_known(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "europe/berlin", "../../etc/passwd", "/etc/localtime", "localtime", "+02:00", "\0"]
)
def test_what_is_no_time_zone(name: str) -> None:
    assert not rules.time_zone_known(name)


def test_every_known_time_zone_can_be_used() -> None:
    for name in available_timezones() - {"localtime"}:
        assert rules.time_zone_known(name)
        assert ZoneInfo(name).key == name
        assert rules.time_zone_known(rules.plain_time_zone(name))
