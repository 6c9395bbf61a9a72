"""Words that nobody has said before."""

import uuid
from functools import lru_cache

from tests.answers import corpus
from tests.faults.people import Person


def words(person: Person, number: int = 9) -> str:
    """A sentence that nobody else says."""
    return " ".join(person.random.choices(_words(), k=number)).capitalize() + "."


def new_id(person: Person) -> str:
    """An id of a client's own."""
    return str(uuid.UUID(int=person.random.getrandbits(128), version=4))


@lru_cache
def _words() -> list[str]:
    said = " ".join(one["answer"] for one in corpus()).lower().split()
    return sorted({word for word in said if word.isascii() and word.isalpha() and 3 < len(word) < 10})
