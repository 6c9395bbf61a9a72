"""Nobody finds out where somebody lives within their cell, from however many places they measure."""

import math
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from shared.accounts.models import User
from shared.discovery import candidates, exact
from tests.shared.discovery.globe import Place, away, place_of, shown_km
from tests.shared.discovery.people import CITY, NOW, person

POINTS = 300
FINE_KM = 0.05
TOWNS = (CITY, (-17.0, 179.97), (64.14, -21.94), (0.0, 0.0), (-54.8, -68.3))


def around(random: Random, town: tuple[float, float], *, km: float) -> tuple[float, float]:
    return away(*town, km=km * math.sqrt(random.random()), turn=random.uniform(0, 2 * math.pi))


def answers(victim: Place, measured_from: list[Place]) -> list[tuple[int, int]]:
    """What an attacker hears from each point: the kilometres shown, and how many limits of 1..50 km leave them out."""
    return [
        (shown_km(victim, point), sum(math.dist(victim, point) > 1000 * limit for limit in range(1, 51)))
        for point in measured_from
    ]


def two_in_one_cell(random: Random, town: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    while True:
        home = around(random, town, km=20)
        other = around(random, home, km=1.2)
        if place_of(*home) == place_of(*other) and home != other:
            return home, other


@pytest.mark.parametrize("town", TOWNS)
def test_two_in_one_cell_give_the_same_answers_wherever_they_are_measured_from(town: tuple[float, float]) -> None:
    random = Random(3)
    measured_from = [place_of(*around(random, town, km=30)) for _ in range(POINTS)]
    for _ in range(30):
        one, other = two_in_one_cell(random, town)
        assert answers(place_of(*one), measured_from) == answers(place_of(*other), measured_from)


def test_rankings_tell_nothing_apart_either(session: Session) -> None:
    random = Random(5)
    homes = two_in_one_cell(random, CITY)
    victim, attacker = person(session, max_distance_km=60), person(session)
    candidates.make(session, user_ids=[victim.id], now=NOW)
    points = [(*around(random, CITY, km=40), random.randint(1, 50)) for _ in range(POINTS)]
    heard = []
    for latitude, longitude in homes:
        victim.latitude, victim.longitude = latitude, longitude
        session.flush()
        candidates.make(session, user_ids=[victim.id], now=NOW)
        heard.append([seen(session, attacker, *point) for point in points])
    assert heard[0] == heard[1]
    assert {True, False} == {place is not None for place in heard[0]}


def seen(session: Session, attacker: User, latitude: float, longitude: float, limit: int) -> exact.Place | None:
    """What the attacker is shown of the only other person, from there and with this limit."""
    attacker.latitude, attacker.longitude, attacker.max_distance_km = latitude, longitude, limit
    session.flush()
    ranked = exact.rank(session, user_id=attacker.id, now=NOW)
    assert ranked is not None
    return ranked.places[0] if ranked.places else None


@pytest.mark.parametrize("town", TOWNS)
def test_the_likeliest_positions_are_the_whole_cell(town: tuple[float, float]) -> None:
    random = Random(11)
    home = around(random, town, km=20)
    points = np.array([place_of(*around(random, town, km=30)) for _ in range(POINTS)], dtype=np.float64)
    positions = grid(home, km=2.5)
    places = np.array([place_of(*position) for position in positions], dtype=np.float64)
    misses = np.zeros(len(positions))
    for point in points:
        told = kilometres(np.array([place_of(*home)], dtype=np.float64), point)
        misses += kilometres(places, point) != told
    likeliest = {positions[n] for n in np.flatnonzero(misses == misses.min())}
    cell = {position for position in positions if place_of(*position) == place_of(*home)}
    assert misses.min() == 0
    assert cell <= likeliest, "no answer speaks against any position of the cell"
    assert len(cell) == pytest.approx(1 / FINE_KM**2, rel=0.15)


def grid(middle: tuple[float, float], *, km: float) -> list[tuple[float, float]]:
    steps = np.arange(-km, km, FINE_KM) / 111.195
    wide = 1 / math.cos(math.radians(middle[0]))
    return [(middle[0] + north, (middle[1] + wide * east + 180) % 360 - 180) for north in steps for east in steps]


def kilometres(places: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.maximum(1, np.ceil(np.sqrt(((places - point) ** 2).sum(axis=1)) / 1000))
    return found
