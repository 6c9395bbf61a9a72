"""Signatures of what the console leaves with a browser."""

from collections.abc import Callable

from shared.accounts.seal import Seal
from shared.settings import settings

Configure = Callable[..., None]
OLD, NEW = "o" * 32, "n" * 32


def test_a_signature_is_good_for_its_text_and_its_purpose_only() -> None:
    seal = Seal(settings())
    signed = seal.sign("cookie", "one")
    assert seal.genuine("cookie", "one", signed)
    assert signed == seal.sign("cookie", "one")
    for purpose, text, signature in (
        ("cookie", "two", signed),
        ("form", "one", signed),
        ("cookie", "one", signed[:-1]),
        ("cookie", "one", f"{signed}0"),
        ("cookie", "one", signed.partition(".")[2]),
        ("cookie", "one", f".{signed}"),
        ("cookie", "one", ""),
        ("cookie", "one", "é.é"),
    ):
        assert not seal.genuine(purpose, text, signature), (purpose, text, signature)  # type: ignore[arg-type]


def test_what_an_earlier_key_has_signed_is_good_as_long_as_that_is_named(configured: Configure) -> None:
    configured(SECRET_KEY=OLD)
    before = Seal(settings()).sign("cookie", "one")
    configured(SECRET_KEY=NEW, RETIRED_SECRET_KEYS=OLD)
    both = Seal(settings())
    assert both.genuine("cookie", "one", before)
    assert both.sign("cookie", "one") != before
    configured(SECRET_KEY=NEW, RETIRED_SECRET_KEYS="")
    assert not Seal(settings()).genuine("cookie", "one", before)


def test_nothing_of_the_key_shows(configured: Configure) -> None:
    configured(SECRET_KEY=OLD)
    assert OLD[:4] not in Seal(settings()).sign("form", "one")
