"""The catalogue: complete, short, kind to its readers, and drawn."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from shared.badges import drawings
from shared.badges.catalogue import BADGES, BY_SLUG, Badge, Kind
from shared.badges.drawings import DRAWINGS
from shared.badges.examples import EXAMPLES
from shared.badges.plain import PLAIN
from shared.badges.rules import NEAREST
from shared.prompts.catalogue import QUESTIONS

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"path", "circle", "ellipse", "rect"}
ATTRIBUTES = {"d", "cx", "cy", "r", "rx", "ry", "x", "y", "width", "height", "transform"}
ROOT = {
    "viewBox": "0 0 24 24",
    "fill": "none",
    "stroke": "currentColor",
    "stroke-width": "1.75",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
}


def test_there_are_enough_of_every_kind_and_none_twice() -> None:
    assert len(BY_SLUG) == len({badge.name for badge in BADGES}) == len({badge.description for badge in BADGES})
    assert len(BY_SLUG) == len(BADGES) >= 20
    assert [len([badge for badge in BADGES if len(badge.leans) == leans]) for leans in range(3)] == [16, 12, 6]


@pytest.mark.parametrize("badge", BADGES, ids=lambda badge: badge.slug)
def test_words_are_short_and_for_every_reader(badge: Badge) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", badge.slug)
    assert 3 <= len(badge.name) <= 25
    assert 20 <= len(badge.description) <= 80
    assert badge.description.endswith(".")
    assert not re.search(r"\b(your?|they|their|his|her)\b", badge.reason), "read by the person and by others"
    longest = max((question.text for question in QUESTIONS), key=len)
    assert len(badge.reason.format(question=longest, how="unmistakably")) <= 110
    assert ("{question}" in badge.reason, "{how}" in badge.reason) == (not badge.leans, bool(badge.leans))


def test_every_badge_of_meaning_has_examples_and_no_sentence_stands_for_two() -> None:
    assert set(EXAMPLES) == {badge.slug for badge in BADGES if badge.kind == Kind.MEANING}
    assert all(len(texts) >= 2 * NEAREST for texts in (*EXAMPLES.values(), PLAIN))
    everything = [text for texts in (*EXAMPLES.values(), PLAIN) for text in texts]
    assert len(set(everything)) == len(everything)


def test_there_is_an_icon_for_each_badge_and_none_besides() -> None:
    folder = Path(drawings.__file__).with_name("icons")
    assert {path.name for path in folder.iterdir()} == {f"{slug}.svg" for slug in BY_SLUG}
    assert len({drawing.digest for drawing in DRAWINGS.values()}) == len(BADGES)


@pytest.mark.parametrize("slug", BY_SLUG)
def test_icons_are_small_alike_and_nothing_but_lines(slug: str) -> None:
    svg = DRAWINGS[slug].svg
    assert len(svg) < 1000
    root = ET.fromstring(svg)
    assert (root.tag, root.attrib) == (f"{SVG}svg", ROOT)
    for element in root.iter():
        if element is not root:
            assert element.tag.removeprefix(SVG) in SHAPES
            assert set(element.attrib) <= ATTRIBUTES
            assert not list(element)
        assert not (element.text or "").strip()
