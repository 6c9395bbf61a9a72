"""The picture of a match's life: made of the table as it is now."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dev.match_states import PICTURE, PLACES, WORDS, main, picture
from shared.matching.rules import OPEN, TRANSITIONS, MatchState, Why

SVG = "{http://www.w3.org/2000/svg}"


def shown(drawn: str) -> dict[tuple[str | None, str], set[str]]:
    """The transitions that the arrows say they stand for."""
    return {
        (before or None, arrow.attrib["data-after"]): set(arrow.attrib["data-why"].split())
        for arrow in ET.fromstring(drawn).iter(f"{SVG}g")
        for before in arrow.attrib["data-before"].split(" ")
    }


def test_the_picture_in_the_docs_is_that_of_the_present_table() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "make match-states"


def test_it_shows_every_transition_with_its_causes_and_no_other() -> None:
    assert shown(picture()) == TRANSITIONS


def test_the_causes_stand_beside_their_arrow_in_words() -> None:
    for arrow in ET.fromstring(picture()).iter(f"{SVG}g"):
        written = " ".join("".join(text.itertext()) for text in arrow.iter(f"{SVG}text"))
        assert written == " or ".join(WORDS[why] for why in Why if why in arrow.attrib["data-why"].split())


def test_it_tells_every_state_and_change_to_who_cannot_see_it() -> None:
    root = ET.fromstring(picture())
    assert root.findtext(f"{SVG}title") == "The life of a match"
    told = root.findtext(f"{SVG}desc") or ""
    assert "active to archived: either of the two, or 14 days without a message." in told
    assert "active or archived or dating to deleted: an account is deleted." in told
    assert set(MatchState) <= {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}


@pytest.mark.parametrize("missing", OPEN)
def test_arrows_that_go_together_part_when_one_of_the_states_is_out(missing: MatchState) -> None:
    changed = {change: causes for change, causes in TRANSITIONS.items() if change != (missing, MatchState.DELETED)}
    assert shown(picture(changed)) == changed
    assert picture(changed) != picture()


@pytest.mark.parametrize("change", [(MatchState.UNMATCHED, MatchState.ACTIVE), (None, MatchState.DATING)])
def test_what_is_new_in_the_table_is_drawn_without_being_asked_for(
    change: tuple[MatchState | None, MatchState],
) -> None:
    changed = {**TRANSITIONS, change: frozenset({Why.BOTH, Why.MESSAGE})}
    assert shown(picture(changed)) == changed


def test_a_change_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="becomes itself"):
        picture({(MatchState.DATING, MatchState.DATING): frozenset({Why.BOTH})})


def test_a_state_without_a_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PLACES, MatchState.DATING)
    with pytest.raises(ValueError, match="dating has no place in PLACES"):
        picture()


def test_a_cause_without_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(WORDS, Why.BLOCK)
    with pytest.raises(ValueError, match="block has no words in WORDS"):
        picture()


def test_the_command_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dev.match_states.PICTURE", tmp_path / "drawn.svg")
    main()
    assert (tmp_path / "drawn.svg").read_text(encoding="utf-8") == picture()
