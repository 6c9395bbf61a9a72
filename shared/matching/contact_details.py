"""Whether a comment holds contact details: links, e-mail addresses, phone numbers, names on other platforms.

Where a rule cannot tell, it lets the comment pass: to refuse an innocent one is worse than to let a name through.
"""

import re
from collections.abc import Iterable
from typing import Final

from shared.matching import contact_words as words
from shared.matching.contact_reading import readable, undisguised, words_of
from shared.matching.phone_numbers import has_phone_number

# The end of the clause: of the line, a sign, or an emoji.
_END: Final = r"(?=[^\S\n]*(?:$|[^\w \t@'\"-]))"


def _any(alternatives: Iterable[str]) -> str:
    return "|".join(sorted(alternatives, key=len, reverse=True))


def _literally(literals: Iterable[str]) -> str:
    return _any(re.escape(readable(literal)).replace(r"\ ", " ?") for literal in literals)


# --- E-mail ---

_ADDRESS: Final = re.compile(r"(?<=[\w+-])@[\w-]+\.[a-z]{2,}|(?<=[\w+-]) ?@ ?(?:" + _any(words.MAIL_PROVIDERS) + r")\b")
_BRACKETED_AT: Final = re.compile(r"(?<=\w) ?[(\[{<] ?(?:at|@|arroba|chiocciola) ?[)\]}>] ?(\w+)")
_MAIL: Final = _any((*words.MAIL_PROVIDERS, *words.MAIL_WORDS))
_DOT: Final = rf"(?: ?[(\[{{<*_-]? ?(?:{_any(words.DOTS)}|\.) ?[)\]}}>*_-]? ?)"
_SPOKEN_AT: Final = re.compile(
    rf"\w (?:at|arroba|chiocciola|a) (?:(?:{_any(words.MAIL_PROVIDERS)})\b|(?:{_MAIL}){_DOT}[a-z]{{2,3}}\b)"
    rf"|\w (?:at|arroba|chiocciola) \w+ (?:{_any(words.DOTS)}) (?:{_any(words.SPOKEN_ENDINGS)})\b"
)
_MAIL_STARTS: Final = frozenset({*words.MAIL_PROVIDERS, *words.MAIL_WORDS, "arroba", "chiocciola"})
_DOT_WORDS: Final = frozenset(words.DOTS)


def _is_email(text: str, found: set[str]) -> bool:
    if "@" in text and _ADDRESS.search(text):
        return True
    if not found.isdisjoint(("at", "arroba", "chiocciola")) or "@" in text:
        if any(match[1] not in words.NO_NAMES for match in _BRACKETED_AT.finditer(text)):
            return True
        if not (found.isdisjoint(_MAIL_STARTS) and found.isdisjoint(_DOT_WORDS)) and _SPOKEN_AT.search(text):
            return True
    return not found.isdisjoint(words.MAIL_PROVIDERS) and _MAILBOXES.names_somebody(text)


# --- Links ---

_PROTOCOL: Final = re.compile(r"(?:https?|hxxps?|ftp|tg) ?: ?/ ?/|\bwww ?\. ?\w|\bwww \w+ com\b")
_ENDING: Final = rf"(?:{_literally(words.PLAIN_ENDINGS)})(?![\w-])"
_WORD_ENDING: Final = rf"(?:{_literally(words.WORD_ENDINGS)})"
_NO_DOMAIN: Final = "".join(rf"(?<!\b{name}\.)" for name in words.NO_DOMAINS)
_SPACED_ENDING: Final = _any(words.SPOKEN_ENDINGS[:3])
# What stands before the dot is looked at behind it: searching for a dot is what makes this fast.
_DOMAIN: Final = re.compile(
    rf"\.(?:(?<=[a-z0-9-]{{2}}\.){_NO_DOMAIN}(?:{_ENDING}|{_WORD_ENDING}(?:/\w|(?=[,!?)]|\.?\s*$)))"
    rf"|(?<=\w{{2}} \.) ?(?:{_SPACED_ENDING})\b"
    rf"|(?<=\w{{2}}\.) (?:{_SPACED_ENDING})(?:/\w|\W*$)"
    rf"|(?<=\w{{2}} \.) ?(?:{_any(words.SPOKEN_LAST_ENDINGS)})(?:/\w|\W*$))",
    re.MULTILINE,
)
_HOST: Final = re.compile(rf"(?<![a-z0-9])(?:{_literally(words.HOSTS).replace(chr(92) + '.', ' ?[.,] ?')}) ?/ ?[\w+@-]")
_SPOKEN_DOT: Final = re.compile(
    rf"(\w+)[\s_*-]+(?:d[o0]t|punto|punkt)[\s_*-]+"
    rf"(?:(?:{_literally(words.SPOKEN_ENDINGS)})\b(?! (?:bubble|boom|era|crash|bust|days|company|startup))"
    rf"|(?:{_any(words.SPOKEN_LAST_ENDINGS)})\W*$)"
    rf"|(\w+) (?:ponto|point) (?:com|net|org)(?: ponto br|\W*$)"
)
_BRACKETED_DOT: Final = re.compile(rf"[(\[{{<] ?(?:{_any(words.DOTS)}|\.) ?[)\]}}>] ?[a-z]{{2}}")
_MY_PAGES: Final = re.compile(r"\b(?:my|mein|mi|meu|mon) (?:onlyfans|fansly)\b(?! (?:is|was|joke|career|account is))")


def _is_link(text: str, found: set[str]) -> bool:
    if ("/" in text or "www" in text) and (_PROTOCOL.search(text) or _HOST.search(text)):
        return True
    if "." in text and (_DOMAIN.search(text) or _BRACKETED_DOT.search(text)):
        return True
    if not found.isdisjoint(_DOT_WORDS):
        spoken = (match[1] or match[2] for match in _SPOKEN_DOT.finditer(text))
        if _BRACKETED_DOT.search(text) or any(name not in words.NO_HOSTS for name in spoken):
            return True
    return "fans" in text and bool(_MY_PAGES.search(text))


# --- Handles ---

_NAME: Final = r"@?(\w(?:[\w.]*\w)?)(?![\w'])"
_AT_NAME: Final = re.compile(r"(?<![\w@.])@(?=[\w.]*[^\W\d_])(?!\d+(?:am|pm|h|uhr)\b)(\w[\w.]{1,29}\w)")
_TAG: Final = re.compile(r"[\w.]{2,32}#\d{4}(?!\d)")
# A digit, an underscore or a dot within, as words do not have; "90s", "2nd" and "10k" are words.
_NO_WORD: Final = re.compile(r"(?=.*[^\W\d_])(?!\d+(?:s|st|nd|rd|th|er|x|k|ies|am|pm|h|km|m)?$)(?:.*[\d_]|\w+\.\w+$).*")
_MIN_NAME: Final = 3


class _Names:
    """The ways to say one's name on platforms."""

    def __init__(self, *, names: Iterable[str], whole: Iterable[str]) -> None:
        bare = _literally(names)
        platform = rf"(?:{bare})(?: (?:{_any(words.ACCOUNT_WORDS)}))?"
        mine, copula = _literally(words.MINE), _literally(words.COPULAS)
        # With a sign, as in "ig: lisa".
        self._marked = re.compile(rf"\b{platform}\s*-?[:=@→➡👉>⇒]+[\s\W]{{0,3}}?{_NAME}")
        # Beside it, when no word looks like that: "insta - lisa.99".
        self._beside = re.compile(rf"\b{platform}(?: (?:{copula}))?[^\w.,!?]{{1,5}}{_NAME}")
        # As in "lisa_99 on insta".
        self._before = re.compile(rf"(?<![\w.]){_NAME} (?:on|auf|sur|en|su|no) {platform}\b")
        # As in "my insta is lisa" and "insta name lisa".
        self._mine = re.compile(
            rf"\b(?:(?:{mine}) {platform}(?:'s| (?:{copula})| ?=)|(?:{bare}) (?:id|user ?name|handle|name))"
            rf" (?:called )?{_NAME}{_END}"
        )
        # As in "insta lisa" and no more in this line. Names are not exclaimed; "Insta perfection!" is.
        self._whole = re.compile(
            rf"(?:^\W*(?:{_literally(whole)})|[^\w\s'-]\s*(?:{_literally(words.LAST_PLATFORMS)}))"
            rf"[^\w.,!?\n]{{1,5}}{_NAME}[^\w!?]*$",
            re.MULTILINE,
        )
        # As in "I'm on insta as lisa".
        self._as = re.compile(rf"\b(?:on|auf|sur|en|su|no) {platform} (?:as|under|als|unter|comme|como|come) {_NAME}")

    def names_somebody(self, text: str) -> bool:
        """Whether a readable text says somebody's name on one of these platforms."""
        return (
            any(_may_be_name(found[1]) for found in self._marked.finditer(text))
            or any(_NO_WORD.match(found[1]) and len(found[1]) > _MIN_NAME for found in self._beside.finditer(text))
            or any(_NO_WORD.match(found[1]) and len(found[1]) > _MIN_NAME for found in self._before.finditer(text))
            or any(_may_be_account(found[1]) for found in self._mine.finditer(text))
            or any(_may_be_account(found[1]) for found in self._whole.finditer(text))
            or any(_may_be_name(found[1]) for found in self._as.finditer(text))
        )


def _may_be_name(name: str) -> bool:
    return len(name) >= _MIN_NAME and not name.isdecimal() and name not in words.NO_NAMES


def _may_be_account(name: str) -> bool:
    return _may_be_name(name) and name not in words.NO_ACCOUNT_NAMES


_MAILBOXES: Final = _Names(names=words.MAIL_PROVIDERS, whole=words.MAIL_PROVIDERS)
_ACCOUNTS: Final = _Names(names=(*words.PLATFORMS, *words.ALIASES), whole=words.SHORT_PLATFORMS)

_ANY_PLATFORM: Final = _literally((*words.PLATFORMS, *words.ALIASES, *words.INVITED_ONLY))
_INVITATION: Final = re.compile(
    rf"\b(?:{_any(readable(invitation) for invitation in words.INVITATIONS)})"
    rf"(?: (?:{_literally(words.PREPOSITIONS)}))?(?: (?:my|the|mein|mon|mi|meu|il mio|o|l))? (?:{_ANY_PLATFORM})\b"
)
_VERB: Final = re.compile(
    rf"\b(?:{_any(words.VERBS)}) me\b(?! (?:in|is|was|and|or|too|either|that|this|when))|\bsnap me{_END}"
)
_NEGATED: Final = re.compile(rf"\b(?:{_literally(words.NEGATIONS)})\b(?:\W+\w+){{0,3}}\W+$")
_NEGATED_WITHIN: Final = 40
# First words and whole ones, so that a set says whether any expression is worth trying.
_PLATFORM_STARTS: Final = frozenset(
    part
    for name in map(readable, (*words.PLATFORMS, *words.ALIASES, *words.INVITED_ONLY))
    for part in (name.replace(" ", ""), name.split()[0])
    if len(part) > 1
)


def _is_handle(text: str, tokens: list[str]) -> bool:
    if "@" in text and any(found[1] not in words.AT_WORDS for found in _AT_NAME.finditer(text)):
        return True
    if "#" in text and _TAG.search(text):
        return True
    plain = undisguised(text, lone_letters=sum(len(token) == 1 for token in tokens))
    if _PLATFORM_STARTS.isdisjoint(tokens if plain == text else words_of(plain)):
        return False
    return _ACCOUNTS.names_somebody(plain) or _is_invitation(plain)


def _is_invitation(text: str) -> bool:
    return any(
        not _NEGATED.search(text[max(0, found.start() - _NEGATED_WITHIN) : found.start()])
        for pattern in (_INVITATION, _VERB)
        for found in pattern.finditer(text)
    )


def contact_details(text: str) -> str | None:
    """The kind of contact details in a comment: "email", "link", "phone", "handle", the first of them, or None."""
    seen = readable(text)
    tokens = words_of(seen)
    found = set(tokens)
    if _is_email(seen, found):
        return "email"
    if _is_link(seen, found):
        return "link"
    if has_phone_number(seen, found):
        return "phone"
    return "handle" if _is_handle(seen, tokens) else None
