"""What counts as a promise kept."""

from collections import Counter

import pytest

from tests.faults.uploads import Outcome


def test_all_uploads_ready_is_kept_also_with_an_answer_lost() -> None:
    assert Outcome(uploads=3, accepted=3, statuses=Counter(ready=3)).held
    assert Outcome(uploads=3, accepted=3, answers_lost=1, statuses=Counter(ready=4)).held


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(uploads=3),
        Outcome(uploads=3, accepted=2, statuses=Counter(ready=2)),
        Outcome(uploads=3, accepted=3, statuses=Counter(ready=2, processing=1)),
        Outcome(uploads=3, accepted=3, answers_lost=1, statuses=Counter(ready=3, rejected=1)),
        Outcome(uploads=3, accepted=3, statuses=Counter(ready=3), stored_twice=1),
        Outcome(uploads=3, accepted=3, statuses=Counter(ready=3), errors_while_postgres_was_up=["500"]),
    ],
)
def test_anything_less_is_broken(outcome: Outcome) -> None:
    assert not outcome.held
