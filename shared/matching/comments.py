"""When two comments are the same to a person: what is left of a text to compare, and how near two of them are."""

import unicodedata
from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from zlib import crc32

# From here two comments are near-equal (Jaccard of trigrams). Of the pairs in the tests, those with a word, a name, a
# typo or the emoji changed have 0.556 or more, and different sentences on one subject or with one greeting 0.533 or
# less. A short question with another noun ("your favourite pasta", "your favourite film") has one word changed: near.
NEAR: Final = 0.55

_SHINGLE: Final = 3  # characters
_WIDTH: Final = 4  # bytes of a character
_DROPPED: Final = frozenset(
    {"Mn", "Me", "Cf"}
)  # accents, enclosing marks and variation selectors; invisible characters
_UNSEEN: Final = frozenset({"Cf", "Cc", "Mn", "Me"})
_KEPT: Final = frozenset({"L", "N"})
_VOWEL_SIGNS: Final = "Mc"  # what a vowel is in many Indian scripts, not an accent
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")  # letters by category that nobody sees


def normalised(text: str) -> str:
    """What is left of a text for comparing: words without case, accents, punctuation and emoji. Idempotent.

    Of a text that has no words it is the text itself, without whitespace.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # What stands behind a removed character may combine with what stands before it.
    while (again := _words(folded) or _bare(folded)) != folded:
        folded = again
    return folded


def length(text: str) -> int:
    """How many characters of a text somebody sees, a blank between words included."""
    shown = " ".join(text.split())
    return len(shown) if shown.isascii() else sum(unicodedata.category(one) not in _UNSEEN for one in shown)


def shingles(words: str) -> list[int]:
    """The sorted distinct hashes (signed, 32 bits) of the character trigrams of a normalised text, one at least."""
    padded = f" {words} ".encode("utf-32-le", errors="surrogatepass")
    last = max(0, len(padded) - _SHINGLE * _WIDTH)
    hashes = {crc32(padded[start : start + _SHINGLE * _WIDTH]) for start in range(0, last + 1, _WIDTH)}
    return sorted(number - (number >> 31 << 32) for number in hashes)


def similarity(a: Collection[int], b: Collection[int]) -> float:
    """How much two sets of shingles have in common: 0 is nothing, 1 is everything."""
    ours, theirs = set(a), set(b)
    together = len(ours | theirs)
    return len(ours & theirs) / together if together else 1.0


def fingerprint(words: str) -> int:
    """A hash (signed, 64 bits) of a normalised text, the same on every machine."""
    digest = blake2b(words.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _words(folded: str) -> str:
    parts = "".join(map(_plain, unicodedata.normalize("NFKD", folded)))
    return unicodedata.normalize("NFKC", " ".join(parts.casefold().split()))


def _bare(folded: str) -> str:
    return unicodedata.normalize("NFKC", "".join(folded.split()).casefold())


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in _DROPPED or character in _FILLERS:
        return ""
    return character if category[0] in _KEPT or category == _VOWEL_SIGNS else " "
