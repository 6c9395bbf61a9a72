"""Who the demo's people are: the same number is the same person on every machine."""

import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from dev.demo.answers import ANSWERS
from dev.demo.words import BIOS, NAMES
from shared.accounts.models import Gender
from shared.prompts.rules import MAX_ANSWERS
from shared.quiz.questions import CURRENT, QUIZZES

DOMAIN: Final = "demo.trydelete.app"
PASSWORD: Final = "demo demo demo"  # noqa: S105 - in the greeting of `make up`
SPREAD: Final = 0.035  # degrees, about four kilometres
EVERYBODY: Final = (Gender.WOMAN, Gender.MAN, Gender.NONBINARY)


@dataclass(frozen=True, slots=True)
class City:
    """A place where people of the demo live, and how many of ten."""

    latitude: float
    longitude: float
    time_zone: str
    share: int


CITIES: Final = (
    City(52.52, 13.405, "Europe/Berlin", 5),
    City(38.725, -9.15, "Europe/Lisbon", 3),
    City(43.66, -79.39, "America/Toronto", 2),
)
_HOMES: Final = tuple(city for city in CITIES for _ in range(city.share))


@dataclass(frozen=True, slots=True)
class Star:
    """Somebody to log in as: with a short username, likes that wait, and matches."""

    username: str
    name: str
    gender: Gender
    seeks: tuple[Gender, ...]
    bio: str


STARS: Final = (
    Star(
        "ada",
        "Ada",
        Gender.WOMAN,
        (Gender.MAN, Gender.NONBINARY),
        "Writes letters to machines and, now and then, gets an answer. Will walk any distance for a good library.",
    ),
    Star(
        "ben",
        "Ben",
        Gender.MAN,
        (Gender.WOMAN, Gender.NONBINARY),
        "Boat builder in a city with too little water. Cooks for eight, even when two are coming.",
    ),
    Star(
        "chris",
        "Chris",
        Gender.NONBINARY,
        EVERYBODY,
        "Trumpet, tomatoes, time tables. I teach maths to people who think that they cannot do it.",
    ),
)


@dataclass(frozen=True, slots=True)
class Role:
    """One of the demo's people, before the system knows them."""

    number: int
    name: str
    username: str | None
    gender: Gender
    seeks: tuple[Gender, ...]
    age: int
    bio: str
    city: City
    latitude: float
    longitude: float
    answers: tuple[tuple[str, str], ...]
    """Slugs of questions, and what they say."""
    sheet: dict[str, str]
    """Of the quiz: slug of each question to that of the chosen option."""
    portrait: int
    """How many people of their gender come before them."""

    @property
    def email(self) -> str:
        """Their address, at which they are known again."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode().lower()
        return f"{plain}{self.number}@{DOMAIN}"

    def born(self, today: date) -> date:
        """A birth date with which they have their age today."""
        return today - timedelta(days=round((self.age + 0.5) * 365.25))


def cast(count: int) -> list[Role]:
    """The first so many people; the stars come first."""
    seen = dict.fromkeys(Gender, 0)
    roles = []
    for number in range(1, count + 1):
        role = _role(number, seen)
        seen[role.gender] += 1
        roles.append(role)
    return roles


def _role(number: int, seen: dict[Gender, int]) -> Role:
    random = Random(f"person {number}")
    star = STARS[number - 1] if number <= len(STARS) else None
    gender = star.gender if star else random.choices(EVERYBODY, (45, 45, 10))[0]
    city = CITIES[0] if star else _HOMES[number % len(_HOMES)]
    asked = random.sample(sorted(ANSWERS), MAX_ANSWERS)
    return Role(
        number=number,
        name=star.name if star else random.choice(NAMES[gender]),
        username=star.username if star else None,
        gender=gender,
        seeks=star.seeks if star else _sought(random, gender),
        age=random.randint(27, 34) if star else random.randint(23, 44),
        bio=star.bio if star else random.choice(BIOS),
        city=city,
        latitude=round(city.latitude + random.gauss(0, SPREAD), 5),
        longitude=round(city.longitude + random.gauss(0, SPREAD), 5),
        answers=tuple((slug, random.choice(ANSWERS[slug])) for slug in asked),
        sheet={each.slug: random.choice(each.options).slug for each in QUIZZES[CURRENT].questions},
        portrait=seen[gender],
    )


def _sought(random: Random, gender: Gender) -> tuple[Gender, ...]:
    """Mostly another gender, and never one in which nobody would look for them."""
    if gender == Gender.NONBINARY:
        return EVERYBODY
    other = Gender.MAN if gender == Gender.WOMAN else Gender.WOMAN
    return random.choices(((other,), (other, Gender.NONBINARY), EVERYBODY), (5, 2, 3))[0]
