"""Whether a comment holds a phone number, in digits or said in words, and not only years, times, scores and counts."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from shared.matching import contact_words as words

MIN_DIGITS: Final = 7  # Shorter ones are local numbers at most, and nobody gives them to a stranger.
MAX_DIGITS: Final = 15  # E.164
_MIN_PLAIN_DIGITS: Final = 4  # The letters that look like digits are three, so most of a number are digits.
_MIN_SPOKEN: Final = 2  # different words; one of them may be "a" or a preposition ("um 18 Uhr")
_MIN_GLUED: Final = 12  # letters of "sevenonefive"
_WRITTEN_AS_ONE: Final = 10
_WITH_COUNTRY: Final = 11

_DIGITS: Final = {word: str(digit) for digit, names in enumerate(words.NUMBER_WORDS) for word in names}
NUMBER_WORDS: Final = frozenset(_DIGITS)
_ONE_WORD: Final = "|".join(sorted(_DIGITS, key=len, reverse=True))
_SPOKEN_DIGIT: Final = re.compile(_ONE_WORD)
# Possessive, because words that begin alike could be split in many ways.
_SPOKEN: Final = re.compile(rf"(?<![^\W\d_])(?:{_ONE_WORD})++(?![^\W\d_])")
_GLUED: Final = re.compile(rf"(?<![^\W\d_])(?:{_ONE_WORD}){{3}}")
_DOUBLE: Final = re.compile(r"\b(?:double|doppel|doble|dobro) ?(\d)")
_PLUS: Final = re.compile(r"\b(?:plus|piu|mas|mais) ?(?=\d)")
# The letters o, l and i beside digits: "o79ll 123456", "0 7 o 1".
_LETTER_DIGITS: Final = re.compile(r"(?<![^\W\d_])[oli]{0,3}\d[\doli]*(?![^\W\d_])|(?<![^\W_])oh?(?=[\W_]{1,2}\d)")
_AS_DIGITS: Final = str.maketrans("oli", "011", "h")

# Blanks, dots, emoji: whatever is neither letter nor digit, but no more than a person would put between.
_RUN: Final = re.compile(r"\+?\d(?:[\W_]{0,4}\d){6,}")
_DIGIT: Final = re.compile(r"\d")
_NOT_DIGITS: Final = re.compile(r"\D+")

# Numbers of other kinds. All are replaced by a letter, which ends a run.
_MASK: Final = "x"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"(?:19|20)\d\d"
_AMOUNT: Final = r"\d{1,3}(?:[ .,']\d{3})+"
_UNIT: Final = "|".join(words.UNITS)
_OTHER_NUMBERS: Final = re.compile(
    "|".join(
        (
            rf"(?<![\d./-])(?:{_DAY}([./-]){_MONTH}|{_MONTH}([./-]){_DAY})(?:\1|\2)(?:{_YEAR}|\d\d)(?![./-]?\d)",
            rf"(?<![\d./-]){_YEAR}([./-]){_MONTH}\3{_DAY}(?![./-]?\d)",
            # Years in a row, or from one to the other.
            rf"(?<!\d)(?<!\d[ .-]){_YEAR}(?:[ ,;/-]{{1,3}}{_YEAR})+(?!\d)",
            rf"(?<!\d)(?:{_YEAR}{_MONTH}{_DAY}|{_DAY}{_MONTH}{_YEAR})(?!\d)",
            r"(?<![\d:])\d{1,2}:\d\d(?!:?\d)",
            # Sets of a match, or its halves.
            r"(?<![\d-])\d[:-]\d(?:[ ,;]{1,2}\d[:-]\d)+(?![\d-])",
            rf"[$€£¥₹] ?(?:{_AMOUNT}|\d+)(?:[.,]\d\d?)?",
            rf"(?<!\d)(?<!\d[ .,'-])(?:\d+ ?- ?)?(?:{_AMOUNT}|\d+)(?:[.,]\d\d?)? ?(?:[$€£¥₹%°]|(?:{_UNIT})\b)",
            # A million is a count. Numbers with three groups of three are phone numbers in Spain unless they are round.
            r"(?<!\d)(?<!\d[ .,'-])\d{1,2}([ .,'])\d{3}\4\d{3}(?![ .,']?\d)",
            r"(?<!\d)(?<!\d[ .,'-])\d{1,3}(?:[ .,']\d{3})*(?:[ .,']000){2}(?![ .,']?\d)",
            r"(?<!\d)3[.,]14159\d*",
            # Coordinates.
            r"(?<![\d.])\d{1,3}\.\d{3,},? ?-?\d{1,3}\.\d{3,}(?![.\d])",
        )
    )
)
# "One, two, three" up to ten and down again, and the series that people who like numbers write.
_COUNTED: Final = ("123456789101112131415", "12345678901234567890", "0123456789", "987654321098765", "10987654321")
_SERIES: Final = (
    *_COUNTED,
    "1123581321345589144",
    "01123581321345589144",
    "4815162342",
    "24681012141618",
    "2357111317192329",
)
# "140, 100, 180 kilos" would be a number in Spain, where nobody writes one like that.
_LIST: Final = re.compile(r"[1-9]\d{1,3}(?:, ?\d{2,4})+")
_MOST_RUNS: Final = 6  # each may take a millisecond, and the event loop waits
_MANY_COMMAS: Final = 5  # with so many it is a list of numbers, and mostly not one in disguise

# Fictional numbers too, which no country has given out: three, three and four digits.
_AMERICAN: Final = re.compile(r"\(?\d{3}\)?[ ./-]{0,2}\d{3}[ ./-]\d{4}")


def has_phone_number(text: str, found: set[str]) -> bool:
    """Whether a readable text, whose words are `found`, holds a phone number."""
    text = _in_digits(text, found)
    if not _RUN.search(text):
        return False
    return any(map(_is_phone_number, islice(_runs(_OTHER_NUMBERS.sub(_MASK, text)), _MOST_RUNS)))


def _in_digits(text: str, found: set[str]) -> str:
    if len(NUMBER_WORDS & found) >= _MIN_SPOKEN or (
        max(map(len, found), default=0) >= _MIN_GLUED and _GLUED.search(text)
    ):
        text = _SPOKEN.sub(_spoken_digits, text)
    if len(_DIGIT.findall(text)) < _MIN_PLAIN_DIGITS:
        return text
    text = _LETTER_DIGITS.sub(lambda part: part[0].translate(_AS_DIGITS), text)
    return _PLUS.sub("+", _DOUBLE.sub(r"\1\1", text))


def _spoken_digits(found: re.Match[str]) -> str:
    return _SPOKEN_DIGIT.sub(lambda word: _DIGITS[word[0]], found[0])


def _runs(text: str) -> Iterator[str]:
    for found in _RUN.finditer(text):
        digits = _NOT_DIGITS.sub("", found[0])
        if not any(digits in series for series in _SERIES) and len(set(digits)) > 1:
            yield found[0]


def _is_phone_number(run: str) -> bool:
    digits = _NOT_DIGITS.sub("", run)
    if _AMERICAN.fullmatch(run) or (digits == run and _WRITTEN_AS_ONE <= len(digits) <= MAX_DIGITS):
        return True
    if _LIST.fullmatch(run) or run.count(",") >= _MANY_COMMAS or len(digits) > 2 * MAX_DIGITS:
        return False
    return _is_known_number(run, digits)


def _is_known_number(run: str, digits: str) -> bool:
    # It costs every process megabytes and 20 ms, and hardly any comment has that many digits.
    from phonenumbers import Leniency, PhoneNumberMatcher  # noqa: PLC0415 - see above

    if run[0] == "+" or digits.startswith("00"):
        international = f"+{digits.removeprefix('00')}"
        return PhoneNumberMatcher(international, None, leniency=Leniency.POSSIBLE).has_next()
    texts = {run, digits} if len(digits) <= MAX_DIGITS else {run}
    if _WITH_COUNTRY <= len(digits) <= MAX_DIGITS and PhoneNumberMatcher(f"+{digits}", None).has_next():
        return True
    return any(PhoneNumberMatcher(text, region).has_next() for text in texts for region in words.REGIONS)
