"""Evenings at which people met and decided about each other, read from a file of directed decisions."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Row = dict[str, str]

COLUMNS: Final = frozenset({"wave", "iid", "pid", "gender", "age", "int_corr", "dec"})


@dataclass(frozen=True, slots=True)
class Evening:
    """People, and what they decided: matrices are [person, partner]. What is not known is nan."""

    side: Integers
    age: Floats
    met: Booleans
    yes: Integers
    interest: Floats  # the correlation of both people's interests

    @property
    def matched(self) -> Booleans:
        """Where both said yes."""
        return (self.yes * self.yes.T).astype(np.bool_)

    @property
    def age_gap(self) -> Floats:
        """Years between two people."""
        return np.abs(self.age[:, None] - self.age[None, :])


@dataclass(frozen=True, slots=True)
class Left:
    """Counts of decisions, the pair's own two left out. [person, partner] is about the person."""

    given_yes: Integers
    given: Integers
    received_yes: Integers
    received: Integers
    usual: Floats  # how readily the person's side says yes

    @property
    def giving(self) -> Floats:
        """The share of yes among decisions of the person."""
        return self.given_yes / np.maximum(self.given, 1)

    @property
    def receiving(self) -> Floats:
        """The share of yes among decisions about the person."""
        return self.received_yes / np.maximum(self.received, 1)


def left(evening: Evening) -> Left:
    yes, met = evening.yes, evening.met.astype(np.int64)
    same = (evening.side[:, None] == evening.side[None, :]).astype(np.int64)
    side_yes, side = (same @ matrix.sum(axis=1) for matrix in (yes, met))
    return Left(
        given_yes=yes.sum(axis=1)[:, None] - yes,
        given=met.sum(axis=1)[:, None] - met,
        received_yes=yes.sum(axis=0)[:, None] - yes.T,
        received=met.sum(axis=0)[:, None] - met.T,
        usual=(side_yes[:, None] - yes) / np.maximum(side[:, None] - met, 1),
    )


def read(path: Path) -> list[Evening]:
    """The evenings of a CSV file with a row per person and partner; pairs known from one side only are left out."""
    evenings: dict[str, list[Row]] = {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        missing = sorted(COLUMNS.difference(reader.fieldnames or ()))
        if missing:
            message = f"{path} has no column {', '.join(missing)}"
            raise SystemExit(message)
        for row in reader:
            if row["pid"] and row["dec"]:
                evenings.setdefault(row["wave"], []).append(row)
    return [_evening(rows) for rows in evenings.values()]


def _evening(rows: list[Row]) -> Evening:
    people = sorted({_integer(row[column]) for row in rows for column in ("iid", "pid")})
    place = {person: number for number, person in enumerate(people)}
    size = len(people)
    side, age = np.zeros(size, np.int64), np.full(size, np.nan)
    met, yes = np.zeros((size, size), np.bool_), np.zeros((size, size), np.int64)
    interest = np.full((size, size), np.nan)
    for row in rows:
        person, partner = place[_integer(row["iid"])], place[_integer(row["pid"])]
        side[person], age[person] = _integer(row["gender"]), _number(row["age"])
        met[person, partner], yes[person, partner] = True, _integer(row["dec"])
        interest[person, partner] = _number(row["int_corr"])
    both = met & met.T
    return Evening(side=side, age=age, met=both, yes=yes * both, interest=interest)


def _integer(text: str) -> int:
    return int(float(text))


def _number(text: str) -> float:
    return float(text) if text else float("nan")
