"""What a comment says to a person who reads it: look-alike letters, invisible ones and spellings with gaps undone."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from shared.matching import contact_words as words

_INVISIBLE: Final = frozenset({"Mn", "Me", "Cf"})
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0")  # letters by category that nobody sees
_FRAMED: Final = {
    chr(first + step): chr(ord(letter) + step) for first, length, letter in words.FRAMED for step in range(length)
}

# "I love that.It is great" is two sentences, and would else be a domain or a name.
_JOINED: Final = re.compile(r"\.(?<=[^\W\d_]{2}\.)(?=[A-Z][a-z']|I\b)")

_LETTERS_APART: Final = re.compile(r"(?<!\w)[a-z0-9@$!](?:[ ._*~-]{1,3}[a-z0-9@$!])+(?!\w)")
_MIN_LETTERS: Final = 2
_MAYBE_DISGUISED: Final = re.compile(r"[0-9@$!|._*~-][a-z]|[a-z][0-9@$|]")
_TOKEN: Final = re.compile(r"[a-z0-9@$!|](?:[._*~-]{0,3}[a-z0-9@$!|])*")
_SEPARATORS: Final = str.maketrans("", "", " ._*~-")
_SPLIT_FROM: Final = 4  # letters that a platform's name has at least when somebody's name is glued to it
_WORD: Final = re.compile(r"[^\W_]+")


def readable(text: str) -> str:
    """The text in lower case, with plain letters for those that look like them, and nothing invisible."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", "".join(map(_seen, unicodedata.normalize("NFKD", text))))
    if "." in text:
        text = _JOINED.sub(". ", text)
    # A second time, because the lower case of some letters is a look-alike and that of others has an accent.
    lower = text.lower()
    return lower if lower.isascii() else "".join(map(_seen, lower))


def words_of(text: str) -> list[str]:
    """Its words and numbers."""
    return _WORD.findall(text)


def undisguised(text: str, *, lone_letters: int) -> str:
    """A readable text with the platforms in it by their names: "i n s t a", "1nsta", "ins.ta" and "inst@gram"."""
    if lone_letters >= _MIN_LETTERS:
        text = _LETTERS_APART.sub(_together, text)
    if _MAYBE_DISGUISED.search(text):
        text = _TOKEN.sub(_unmasked, text)
    return text


@lru_cache(maxsize=4096)
def _seen(character: str) -> str:
    if character in _FILLERS or unicodedata.category(character) in _INVISIBLE:
        return ""
    return _FRAMED.get(character) or words.LOOKALIKES.get(character, character)


def _together(found: re.Match[str]) -> str:
    joined = found[0].translate(_SEPARATORS)
    skeleton = joined.translate(words.LEET)
    if name := _PLATFORMS.get(skeleton):
        return name
    for length in range(len(joined) - 1, _SPLIT_FROM - 1, -1):
        if name := _PLATFORMS.get(skeleton[:length]):
            return f"{name} {joined[length:]}"
    return found[0]


def _unmasked(found: re.Match[str]) -> str:
    token = found[0].rstrip("!|")
    joined = token.translate(_SEPARATORS)
    if joined.isdecimal():
        return found[0]
    name = _PLATFORMS.get(joined.translate(words.LEET))
    return found[0] if name is None else name + found[0][len(token) :]


_PLATFORMS: Final = {
    name.replace(" ", "").translate(words.LEET): name.replace(" ", "")
    for name in map(readable, (*words.PLATFORMS, *words.ALIASES))
}
