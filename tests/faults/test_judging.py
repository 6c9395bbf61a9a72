"""What counts as a promise kept, and which errors a fault explains."""

import pytest

from tests.faults import journal
from tests.faults.everything import Outcome
from tests.faults.journal import Entry, Journal, Word, latest, once
from tests.faults.kinds import furthest
from tests.faults.trouble import RECOVERY, Fault, Trouble


def entry(word: Word, sent: float = 0.0, **content: object) -> Entry:
    return Entry("message", "ada", "key", content, sent, word)


@pytest.mark.parametrize(
    ("word", "there", "wrong"),
    [
        (Word.PROMISED, [{"text": "hello"}], None),
        (Word.PROMISED, [], "was promised and is not there"),
        (Word.PROMISED, [{"text": "hello"}, {"text": "hello"}], "is there 2 times"),
        (Word.PROMISED, [{"text": "other"}], "text was promised as 'hello' and is 'other'"),
        (Word.DOUBT, [], None),
        (Word.DOUBT, [{"text": "hello"}], None),
        (Word.DOUBT, [{"text": "hello"}] * 2, "is there 2 times"),
        (Word.REFUSED, [], None),
        (Word.REFUSED, [{"text": "hello"}], "was refused and is there"),
    ],
)
def test_what_is_promised_is_there_once_and_what_is_in_doubt_at_most_once(
    word: Word, there: list[dict[str, object]], wrong: str | None
) -> None:
    said = list(once([entry(word, text="hello")], {"key": there} if there else {}))
    assert [one for one in said if wrong is None or wrong not in one] == []
    assert len(said) == (wrong is not None)


def test_asking_again_for_the_same_may_answer_a_doubt() -> None:
    asked = [entry(Word.DOUBT, text="hello"), entry(Word.REFUSED, text="hello")]
    assert not list(once(asked, {"key": [{"text": "hello"}]}))


@pytest.mark.parametrize(
    ("now", "kept"),
    [("second", True), ("in doubt", True), ("first", False), ("in doubt, long ago", False), ("refused", False)],
)
def test_of_what_was_set_the_last_promise_counts_or_something_in_doubt_since(now: str, kept: bool) -> None:
    asked = [
        entry(Word.DOUBT, 100.0, value="in doubt, long ago"),
        entry(Word.PROMISED, 110.0, value="first"),
        entry(Word.PROMISED, 110.0 + journal.DELAYED, value="second"),
        entry(Word.DOUBT, 120.0 + journal.DELAYED, value="in doubt"),
        entry(Word.REFUSED, 130.0 + journal.DELAYED, value="refused"),
    ]
    assert (not list(latest(asked, {"key": [{"value": now}]}))) is kept
    assert list(latest(asked, {}))


def test_what_was_taken_away_is_gone() -> None:
    asked = [entry(Word.PROMISED, 1.0, value="there"), entry(Word.PROMISED, 2.0)]
    assert not list(latest(asked, {}))
    assert list(latest(asked, {"key": [{"value": "there"}]}))


def test_a_marker_does_not_go_back() -> None:
    asked = [entry(Word.PROMISED, number=3)]
    assert not list(furthest(asked, {"key": [{"number": 4}]}))
    assert list(furthest(asked, {"key": [{"number": 2}]}))
    assert list(furthest(asked, {}))


def test_a_fault_explains_only_its_own_errors_and_for_a_short_while() -> None:
    trouble = Trouble([Fault("Postgres crashed", frozenset({"503"}), began=10.0, ended=12.0)])
    assert trouble.explains("503", 12.0 + RECOVERY)
    assert not trouble.explains("503", 12.1 + RECOVERY)
    assert not trouble.explains("no answer", 11.0)
    assert trouble.broke(frozenset({"Postgres crashed"}), 11.0, 20.0)
    assert not trouble.broke(frozenset({"Postgres crashed"}), 13.0, 20.0)


def test_an_outcome_in_which_nothing_was_promised_has_not_held() -> None:
    good = Outcome()
    good.words["like", "promised"] = 1
    assert good.held
    assert not Outcome().held
    good.broken.append("a like is not there")
    assert not good.held


def test_a_journal_finds_again_what_was_noted() -> None:
    kept = Journal()
    kept.open("photo", "ada", "unknown", status="ready").keep("a photo's id", width=1)
    kept.open("photo", "ada", "unknown", status="ready").refuse()
    assert [(one.key, one.word) for one in kept.of("photo")] == [
        ("a photo's id", Word.PROMISED),
        ("unknown", Word.REFUSED),
    ]
    assert kept.of("photo")[0].content == {"status": "ready", "width": 1}
    assert not kept.of("like")
