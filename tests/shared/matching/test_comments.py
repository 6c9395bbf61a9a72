"""When two comments are the same to a person."""

# ruff: noqa: RUF001 - look-alike letters are what this is about

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.matching.comments import NEAR, fingerprint, normalised, shingles, similarity

ANY_TEXT = st.text(max_size=300)
HASHES = st.sets(st.integers(-(2**31), 2**31 - 1), max_size=20)

NEAR_EQUAL = [
    ("Your dog is adorable! What's his name?", "Your dog is gorgeous! What's his name?"),
    ("Hey Anna, that hiking photo is amazing, where was it?", "Hey Julia, that hiking photo is amazing, where was it?"),
    ("I love this 😍", "I love this 🔥🔥"),
    ("Hi Anna, how are you?", "Hi Maria, how are you?"),
    ("You have a beautiful smile", "You have a beatiful smile"),
    ("you have a beautiful smile", "You have a BEAUTIFUL smile!!!"),
    ("Hello beautiful, how are you?", "Hello beautiful, how are u?"),
    ("What a view! Is that the Alps?", "What a view! Is that the Andes?"),
    ("Привет, Анна! Классное фото, где это?", "Привет, Оля! Классное фото, где это?"),
    ("Hola guapa, ¿qué tal estás?", "Hola linda, ¿qué tal estás?"),
    ("Schönes Foto, wo war das?", "Tolles Foto, wo war das?"),
    ("We would get along great, I also love climbing", "We would get along great, I also love hiking"),
    ("I bet you make the best pasta in Berlin", "I bet you make the best pasta in Hamburg"),
    ("Nice pic", "Nice pics"),
    ("你好,很高兴认识你", "你好呀,很高兴认识你"),
    ("What is your favourite pasta?", "What is your favourite film?"),
]
DIFFERENT = [
    ("Your dog is adorable! What's his name?", "I have a dog too, does yours like swimming?"),
    ("Hey Anna, that hiking photo is amazing, where was it?", "Hey Anna, which book changed your life?"),
    ("Hi! How was the trip to Japan?", "Hi! Which trip to Japan did you like best?"),
    ("I love dogs, too. What breed is yours?", "I love dogs, too. Mine eats my socks."),
    ("Hello there! Your smile is contagious", "Hello there! Your travel stories sound fun"),
    ("What's your favourite pizza topping?", "What's your favourite place in Rome?"),
    ("Hi, how are you doing today?", "Hi, how did you get into climbing?"),
    ("Where was this photo taken?", "Who took this photo?"),
    ("Das Foto ist toll, wo war das?", "Das Buch kenne ich, wie fandest du das Ende?"),
    ("Привет! Где это снято?", "Привет! Какая у тебя собака?"),
    ("Hola, ¿qué tal? Me encanta tu perro", "Hola, ¿qué tal? ¿Dónde es esa playa?"),
    ("I also play the guitar, for ten years now", "I also play the piano, badly, but with love"),
    ("The hike in the Dolomites looks wonderful", "The Dolomites! Did you do the Tre Cime?"),
    ("Pineapple on pizza is a crime", "Pineapple on pizza is underrated and I will die on this hill"),
    ("Good morning! Coffee or tea?", "Good morning! Are you a runner?"),
    ("So you play chess? Me too!", "So you play the drums? I want to hear that"),
    ("I'd love to hear more about your trip to Peru", "I'd love to hear more about your work with horses"),
    ("你好,很高兴认识你", "你好,你的狗叫什么名字"),
    ("🔥🔥🔥", "😍"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello,   WORLD!! ", "hello world"),
        ("Café Straße", "cafe strasse"),
        ("H\u200be\u00adllo ❤️ you", "hello you"),
        ("５️⃣ Ｈｅｌｌｏ", "5 hello"),
        ("Привет, Ёж!", "привет еж"),
        ("你好,世界!", "你好 世界"),
        ("안녕 세상", "안녕 세상"),
        ("snake_case don't", "snake case don t"),
        ("की", "की"),
        ("🔥 🔥🔥", "🔥🔥🔥"),
        ("?! ", "?!"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_what_is_left_to_compare(text: str, expected: str) -> None:
    assert normalised(text) == unicodedata.normalize("NFKC", expected)


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(st.characters(categories=["Mn", "Zs", "Sk", "Lm", "Cf", "Me", "Sm"]), max_size=8))
def test_normalising_twice_changes_nothing_in_what_combines(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_shingles_are_the_same_on_every_machine() -> None:
    assert shingles("hi") == [650386960, 975030327]
    assert len(shingles("")) == 1
    assert fingerprint("hello world") == -8681194425623006896
    assert fingerprint("🔥🔥🔥") != fingerprint("😍")


@given(ANY_TEXT)
def test_shingles_and_fingerprints_fit(text: str) -> None:
    hashes = shingles(text)
    assert hashes
    assert hashes == sorted(set(hashes))
    assert all(-(2**31) <= one < 2**31 for one in hashes)
    assert -(2**63) <= fingerprint(text) < 2**63


@given(HASHES, HASHES)
def test_similarity_is_symmetric_and_a_share(a: set[int], b: set[int]) -> None:
    assert similarity(a, b) == similarity(b, a)
    assert 0 <= similarity(a, b) <= 1
    assert similarity(a, list(a)) == 1


@pytest.mark.parametrize(("a", "b"), NEAR_EQUAL)
def test_near_equal_comments(a: str, b: str) -> None:
    assert similarity(shingles(normalised(a)), shingles(normalised(b))) >= NEAR


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_comments(a: str, b: str) -> None:
    assert similarity(shingles(normalised(a)), shingles(normalised(b))) < NEAR
