"""What mails say, whoever they are about."""

import re
import uuid
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from shared.mail.models import Mail
from shared.mail.rendering import message, words
from shared.mail.rules import KINDS, UNFOLDED, shown_name
from shared.notifications.rules import Mailed
from shared.notifications.unsubscribing import token_for
from shared.settings import Settings, settings
from tests.mail_server import html_of, text_of

HOSTILE = "<script>alert('x')</script>{{ 7 * 7 }}&\"'"
FACTS: dict[str, Any] = {
    "name": "Ada",
    "site": "https://my.trydelete.app",
    "moment": "25 November 2026 at 14:03 (Europe/Berlin)",
    "unsubscribe": "https://api.example.com/v1/notifications/unsubscribe?token=abc",
    "link": "https://my.trydelete.app/verify?token=abc",
    "device": "Delete/1.4 (Pixel 9)",
    "people": "Bob and Carl",
    "number": 2,
    "match_id": None,
    "token": "abc",
    "until": "9 December 2026 at 14:03 (Europe/Berlin)",
    "facts": "5 of your likes were refused as spam, so your likes are paused.",
    "rule": "Likes are for personal words to one person.",
    "automatic": True,
}


class Seen(HTMLParser):
    """What of a page matters: its elements, where its links lead, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.text += data


def letter(kind: str) -> Mail:
    return Mail(id=uuid.uuid4(), kind=kind, data={}, created_at=datetime(2026, 11, 25, 13, 3, tzinfo=UTC))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_the_same_in_both_parts_and_leaves_nothing_unfilled(kind: str) -> None:
    said = words(kind, FACTS)
    seen = Seen(said.html)
    for part in (said.text, seen.text):
        assert not re.search(r"{{|}}|{%|%}", part)
        assert "None" not in part
    assert FACTS["link"] in said.text
    assert FACTS["link"] in seen.links
    assert set(seen.links) <= {FACTS["link"], FACTS["unsubscribe"]}
    assert (FACTS["unsubscribe"] in seen.links) == (KINDS[kind].switch is not None) == ("unsubscribe" in said.text)
    assert "img" not in seen.tags
    assert "script" not in seen.tags
    assert seen.tags.count("h1") == 1
    assert 'lang="en"' in said.html
    assert "prefers-color-scheme: dark" in said.html
    assert not re.findall(r"(?:src=|@import|<link)", said.html), "nothing is loaded from anywhere"


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_words_and_nothing_else(kind: str) -> None:
    said = words(kind, FACTS | {"name": HOSTILE, "people": HOSTILE, "device": HOSTILE})
    plain = Seen(words(kind, FACTS).html)
    seen = Seen(said.html)
    assert seen.tags == plain.tags
    assert seen.links == plain.links
    assert "49" not in seen.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_has_its_headers_and_both_parts(kind: str) -> None:
    mail, switchable = letter(kind), KINDS[kind].switch is not None
    made = message(
        mail,
        words(kind, FACTS),
        to="ada@example.com",
        unsubscribe=FACTS["unsubscribe"] if switchable else None,
        values=settings(),
    )
    assert made.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]
    assert (made["From"], made["To"]) == ("Delete <hello@trydelete.app>", "ada@example.com")
    assert made["Subject"] == KINDS[kind].subject
    assert made["Message-ID"] == f"<{mail.id}@trydelete.app>"
    assert made["Date"].datetime == mail.created_at
    assert (made["List-Unsubscribe"] == f"<{FACTS['unsubscribe']}>") == switchable
    assert (made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click") == switchable
    assert text_of(made)
    assert html_of(made)
    assert bytes(made).isascii()
    assert max(map(len, bytes(made).splitlines())) < 999, "RFC 5322"


@pytest.mark.parametrize("utf8", [False, True])
def test_the_address_to_unsubscribe_is_in_the_bytes_as_it_is(*, utf8: bool) -> None:
    """However long PUBLIC_URL is, in one piece: mail programs put nothing together."""
    values = Settings(secret_key="k" * 40, mail_from=f"Delete <hello@{'m' * 60}.{'n' * 60}.example.com>")
    token = token_for(uuid.uuid4(), Mailed.MESSAGE, values)
    site = f"https://{'a' * 60}.{'b' * 60}.example.com/behind/{'c' * 100}"
    link = f"{site}/v1/notifications/unsubscribe?token={token}"
    facts, to = FACTS | {"unsubscribe": link}, f"{'l' * 60}@{'d' * 60}.example.com"
    made = message(letter("new_match"), words("new_match", facts), to=to, unsubscribe=link, values=values)
    raw = made.as_bytes(policy=UNFOLDED.clone(utf8=utf8))
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert f"List-Unsubscribe: <{link}>".encode() in lines
    assert f"To: {to}".encode() in lines
    assert b"=?" not in head
    _, _, html = body.partition(b"text/html")
    assert max(map(len, html.split(b"\r\n"))) <= 76, "RFC 2045"


def test_one_person_is_named_in_the_title_and_several_are_counted() -> None:
    assert words("message_waiting", FACTS | {"people": "Bob", "number": 1}).text.startswith("Bob wrote to you")
    assert words("message_waiting", FACTS).text.startswith("2 people wrote to you")
    assert words("new_match", FACTS | {"number": 1}).text.startswith("It is a match\n")


def test_whoever_confirms_an_address_reads_no_words_of_whoever_typed_it() -> None:
    said = words("verify_email", FACTS | {"name": "FREE MONEY"})
    assert "MONEY" not in said.text + said.html


def test_a_fact_that_is_missing_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        words("new_match", {name: value for name, value in FACTS.items() if name != "people"})


@given(st.text(max_size=60))
def test_no_name_breaks_a_mail(name: str) -> None:
    shown = shown_name(name)
    said = words("new_match", FACTS | {"name": shown, "people": shown})
    made = message(letter("new_match"), said, to="ada@example.com", unsubscribe=None, values=settings())
    assert made.keys() == [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]
    assert Seen(said.html).tags == Seen(words("new_match", FACTS).html).tags
