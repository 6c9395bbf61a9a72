"""The picture of the quiz: made of its data as they are now."""

import re
from pathlib import Path
from statistics import correlation
from xml.etree import ElementTree as ET

import pytest

from dev.quiz_picture import PICTURE, columns, main, matrix, picture
from shared.quiz.questions import CURRENT, QUIZZES
from shared.quiz.traits import TRAITS

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def drawn() -> str:
    return picture(columns(QUIZZES[CURRENT]))


def test_the_picture_in_the_docs_is_that_of_the_present_quiz(drawn: str) -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawn, "make quiz-picture"


def test_it_shows_every_trait_and_every_pair(drawn: str) -> None:
    words = ["".join(text.itertext()) for text in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {meaning.label for meaning in TRAITS.values()} <= set(words)
    assert sum(bool(re.fullmatch(rf"[+{MINUS}]0\.\d\d|0", word)) for word in words) >= 30
    assert not re.search(r"nan|inf\b", drawn)


def test_the_matrix_holds_correlations() -> None:
    found = columns(QUIZZES[CURRENT])
    for one, line in zip(found, matrix(found), strict=True):
        assert line == pytest.approx([correlation(one, other) for other in found])


def test_the_command_draws_and_tells_the_strongest_pair(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drawn: str
) -> None:
    monkeypatch.setattr("dev.quiz_picture.PICTURE", tmp_path / "drawn.svg")
    main()
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == drawn
    assert f"The strongest pair: social energy and independence, {MINUS}0.30." in capsys.readouterr().out
