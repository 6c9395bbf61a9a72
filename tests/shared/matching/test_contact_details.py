"""Which comments hold contact details, and which only mention what could be."""

# ruff: noqa: RUF001 - look-alike letters are what this is about

import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching.contact_details import contact_details

# One in each line, as people would send them with a like.
INNOCENT_COMMENTS = Path(__file__).parents[2] / "data" / "innocent_comments.txt"

EMAILS = [
    "write to anna.k@example.com",
    "ANNA@EXAMPLE.ORG please",
    "anna at gmail dot com",
    "anna.k92 at gmail",
    "anna (at) mail",
    "anna[at]gmail",
    "anna (at) example (dot) com",
    "anna @ gmail . com",
    "gmail: annalena",
    "my gmail is anna.lena",
    "anna at outlook dot com",
    "anna@gmail",
    "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
    "anna arroba hotmail punto com",
    "аnnа@gmаil.соm",
]
LINKS = [
    "look at https://example.com/me",
    "http://foo.bar",
    "www.annas-photos.de",
    "annas-photos.com",
    "Check out annaphotos.com, it's mine",
    "annaphotos dot com",
    "annaphotos d0t com",
    "annaphotos [dot] com",
    "annaphotos(dot)com",
    "annaphotos . com",
    "annaphotos .com",
    "anna . me",
    "t.me/anna_k",
    "t . me / anna_k",
    "wa.me/4915123456",
    "bit.ly/3abcdE",
    "discord.gg/abcdef",
    "onlyfans.com/anna",
    "see my onlyfans",
    "linktr.ee/anna",
    "my page is annas-garten.de",
    "annaphotos\u200b.com",
    "annaphotos punto com",
    "foo.co.uk",
    "hxxps://example.com",
]
PHONES = [
    "+49 151 23456789",
    "call me: 0151 23456789",
    "(415) 555-2671",
    "415-555-2671",
    "555-123-4567",
    "5551234567",
    "07911 123456",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "0612345678",
    "+33 6 12 34 56 78",
    "612 345 678",
    "+34 612 345 678",
    "my number is 333 123 4567",
    "0049 151 23456789",
    "4915123456789",
    "o7911 l23456",
    "0 7 9 1 1 1 2 3 4 5 6",
    "0-7-9-1-1-1-2-3-4-5-6",
    "0🔥7🔥9🔥1🔥1🔥1🔥2🔥3🔥4🔥5🔥6",
    "0️⃣7️⃣9️⃣1️⃣1️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣",
    "０７９１１ １２３４５６",
    "text me four one five five five five two six seven one",
    "zero seven nine one one, one two three, four five six",
    "null eins fünf eins zwei drei vier fünf sechs sieben acht neun",
    "zéro six un deux trois quatre cinq six sept huit",
    "seis uno dos tres cuatro cinco seis siete ocho",
    "tre tre tre uno due tre quattro cinque sei sette",
    "oh seven nine double one one two three four five six",
    "plus four nine one five one two three four five six seven eight nine",
    "fouronefivefivefivefivetwosixsevenone",
    "98201 43210",
    "+1.415.555.2671",
    "٠٧٩١١١٢٣٤٥٦",
    "079/1112/3456 and 0151/23456789",
]
HANDLES = [
    "@anna_k",
    "I'm @annalena on there",
    "ig: anna",
    "IG - anna_k",
    "insta anna",
    "insta annalena99",
    "my insta is annalena",
    "my Instagram is anna.lena, say hi",
    "snap: annalena",
    "sc anna",
    "sc: anna",
    "telegram annalena",
    "telegram: annalena",
    "You're cute! add me on whatsapp",
    "whatsapp me",
    "just WhatsApp me 😉",
    "find me on instagram",
    "find me on my insta",
    "kik annalena",
    "kik: anna",
    "tiktok anna.lena",
    "anna#1234",
    "discord anna#1234",
    "fb: Anna Lena",
    "i n s t a : anna",
    "i n s t a anna_k",
    "i n s t a a n n a k",
    "i.n.s.t.a anna_k",
    "1nsta: anna",
    "inst@gram: anna",
    "ins.ta: anna",
    "1g: anna",
    "i g: anna",
    "іnѕtаgrаm: anna",
    "in\u200bsta: anna",
    "ｉｎｓｔａ: anna",
    "𝗶𝗻𝘀𝘁𝗮: anna",
    "ɪɴꜱᴛᴀ: anna",
    "🅸🅽🆂🆃🅰: anna",
    "te1egram: anna",
    "insta → anna",
    "insta👉anna",
    "Insta=anna",
    "insta @anna",
    "hmu on snap",
    "hit me up on Snapchat",
    "text me on Telegram",
    "let's move to WhatsApp",
    "Let's chat on Telegram instead",
    "I'm on insta as anna",
    "same name on insta",
    "schreib mir auf Insta",
    "Du findest mich auf Instagram",
    "mein Insta ist annalena",
    "mon insta c'est annalena",
    "ajoute-moi sur snap",
    "agrégame en instagram",
    "mi insta es annalena",
    "búscame en insta",
    "me chama no zap",
    "chama no whats",
    "meu insta é annalena",
    "scrivimi su instagram",
    "пиши мне в телеграм",
    "мой инстаграм: annalena",
    "Wh4tsapp me",
    "line id: annalena",
]
CAUGHT = [
    *((text, "email") for text in EMAILS),
    *((text, "link") for text in LINKS),
    *((text, "phone") for text in PHONES),
    *((text, "handle") for text in HANDLES),
    ("anna@example.com, www.example.com, +49 151 23456789, @anna_k", "email"),
    ("www.example.com, +49 151 23456789, @anna_k", "link"),
    ("@anna_k or +49 151 23456789", "phone"),
]

INNOCENT = ["", *INNOCENT_COMMENTS.read_text(encoding="utf-8").splitlines()]

HOSTILE = [
    *(
        piece * (300 // len(piece))
        for piece in ("a", "@", ".", "a.", "1 ", "1", "!", "a!", "i ", "unouno", "sei", "seis")
    ),
    *(
        piece * (300 // len(piece))
        for piece in ("insta ", "insta: ", "my insta is ", "a@", "a@a.", "(", "(at)", "dot ")
    ),
    *(
        piece * (300 // len(piece))
        for piece in ("a dot ", "not ", "1,000", "12.", "1-1 ", "@a", "a_", "i.", "never a ", "oh ")
    ),
    *(
        piece * (300 // len(piece))
        for piece in ("0️⃣", "ig", "->", "insta -", "add me ", "o1", "  ", "\u200b", "ﷺ", "2019-", "+1")
    ),
]


@pytest.mark.parametrize(("text", "kind"), CAUGHT)
def test_contact_details_are_found(text: str, kind: str) -> None:
    assert contact_details(text) == kind


@pytest.mark.parametrize("text", [text for text, _ in CAUGHT])
def test_contact_details_are_found_within_a_sentence(text: str) -> None:
    assert contact_details(f"{text}\nYour smile made my day!") is not None


@pytest.mark.parametrize("text", INNOCENT)
def test_what_people_say_with_a_like_passes(text: str) -> None:
    assert contact_details(text) is None


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_takes_long(text: str) -> None:
    contact_details(text)  # the phone library and its regions are loaded once
    start = process_time()
    contact_details(text)
    assert process_time() - start < 0.1


@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    assert contact_details(text) in {None, "email", "link", "phone", "handle"}


@given(st.text("0123456789+()-. @:/#_oliINSTAinstagram🔥", max_size=300))
def test_any_text_like_contact_details_has_an_answer(text: str) -> None:
    assert contact_details(text) in {None, "email", "link", "phone", "handle"}


def test_the_phone_library_is_loaded_by_many_digits_only() -> None:
    code = (
        "import sys; from shared.matching.contact_details import contact_details as of;"
        "of('I was born in 1990, one two'); assert 'phonenumbers' not in sys.modules;"
        "of('0151 23456789'); assert 'phonenumbers' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
