"""What is mailed to whom, when, and what is not."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared.accounts.models import Status, User
from shared.mail.models import Mail
from shared.matching.models import ContactHash, Match, Pair
from shared.notifications.models import MutedMail, Notification
from shared.reminders import service
from tests.shared.reminders.people import LONG_AGO, MINUTE, NOW, away, decide, mails, match, told

HOUR = timedelta(hours=1)
Change = Callable[[Session, User, User, Match], None]


@pytest.mark.parametrize(("kind", "mail"), [("match.created", "new_match"), ("message.created", "message_waiting")])
def test_what_is_unread_for_long_enough_is_mailed_once(session: Session, kind: str, mail: str) -> None:
    ada, bob = away(session), away(session)
    made = match(session, ada, bob)
    told(session, ada, made, kind=kind, ago=4 * MINUTE)
    assert decide(session) == 0
    assert mails(session, ada) == []
    assert decide(session, now=NOW + MINUTE) == 1
    assert mails(session, ada) == [(mail, [str(made.id)])]
    for hours in (0, 2, 48):
        assert decide(session, now=NOW + MINUTE + hours * HOUR) == 0
    assert mails(session, bob) == []


def _switch_off(session: Session, ada: User, _bob: User, _made: Match) -> None:
    session.add(MutedMail(user_id=ada.id, kind="match.created"))


def _block(session: Session, _ada: User, _bob: User, made: Match) -> None:
    session.execute(update(Pair).where(Pair.low_id == made.low_id, Pair.high_id == made.high_id).values(blocked=True))


def _contact(session: Session, ada: User, bob: User, _made: Match) -> None:
    assert bob.contact_hash is not None
    session.add(ContactHash(user_id=ada.id, hash=bob.contact_hash))


def _ada(**columns: Any) -> Change:
    def change(session: Session, ada: User, _other: User, _made: Match) -> None:
        session.execute(update(User).where(User.id == ada.id).values(**columns))

    return change


def _bob(**columns: Any) -> Change:
    def change(session: Session, _ada: User, bob: User, _made: Match) -> None:
        session.execute(update(User).where(User.id == bob.id).values(**columns))

    return change


def _state(state: str) -> Change:
    def change(session: Session, _ada: User, _other: User, made: Match) -> None:
        session.execute(update(Match).where(Match.id == made.id).values(state=state))

    return change


REASONS: dict[str, Change] = {
    "switched off": _switch_off,
    "blocked": _block,
    "known by contacts": _contact,
    "not verified": _ada(email_verified_at=None),
    "suspended": _ada(status=Status.SUSPENDED),
    "leaving": _ada(status=Status.DELETING),
    "other suspended": _bob(status=Status.SUSPENDED),
    "other leaving": _bob(status=Status.DELETING),
    "unmatched": _state("unmatched"),
    "deleted": _state("deleted"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_there_are_reasons_to_mail_nothing_and_that_is_decided_for_good(session: Session, reason: str) -> None:
    ada, bob = away(session), away(session)
    made = match(session, ada, bob)
    row = told(session, ada, made)
    REASONS[reason](session, ada, bob, made)
    session.flush()
    assert decide(session) == 0
    session.refresh(row)
    assert row.mail_from is None
    assert mails(session, ada) == []


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_that_comes_before_the_mail_is_sent_counts_too(session: Session, reason: str) -> None:
    ada, bob = away(session), away(session, name="Bob")
    made = match(session, ada, bob)
    told(session, ada, made)
    assert decide(session) == 1
    (mail,) = session.scalars(select(Mail))
    assert service.facts(session, mail, ada) == {"people": "Bob", "number": 1, "match_id": str(made.id)}
    if reason in {"not verified", "suspended", "leaving"}:
        return  # of the person: whom a mail goes to is asked elsewhere
    REASONS[reason](session, ada, bob, made)
    session.flush()
    assert service.facts(session, mail, ada) is None


def test_what_was_read_is_not_mailed_not_even_at_the_last_moment(session: Session) -> None:
    ada, bob = away(session), away(session)
    first, second = match(session, ada, bob), match(session, ada, away(session, name="Cy"))
    told(session, ada, first, read_at=NOW)
    row = told(session, ada, second)
    assert decide(session) == 1
    (mail,) = session.scalars(select(Mail))
    assert mail.data == {"match_ids": [str(second.id)]}
    row.read_at = NOW
    session.flush()
    assert service.facts(session, mail, ada) is None


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
@pytest.mark.parametrize("state", ["active", "archived", "dating"])
def test_who_pauses_or_dates_is_told_as_well(session: Session, status: Status, state: str) -> None:
    ada, bob = away(session, status=status), away(session, status=status)
    told(session, ada, match(session, ada, bob, state=state), kind="message.created")
    assert decide(session) == 1


def test_who_is_here_is_spared_and_asked_after_an_hour(session: Session) -> None:
    ada, bob = away(session), away(session)
    row = told(session, ada, match(session, ada, bob))
    assert decide(session, ada.id) == 0
    session.refresh(row)
    assert row.mail_from == NOW + HOUR
    assert decide(session, now=NOW + HOUR) == 0
    assert decide(session, ada.id, now=NOW + HOUR + 5 * MINUTE) == 0, "still here"
    assert decide(session, now=NOW + 2 * HOUR + 10 * MINUTE) == 1


def test_who_was_here_since_is_taken_for_here_and_mailed_when_they_have_gone(session: Session) -> None:
    ada, bob = away(session, last_active_at=NOW - 2 * MINUTE), away(session)
    told(session, ada, match(session, ada, bob))
    assert decide(session) == 0
    assert decide(session, now=NOW + HOUR + 5 * MINUTE) == 1
    before = away(session, last_active_at=NOW - 7 * MINUTE)
    told(session, before, match(session, before, bob))
    assert decide(session) == 1


def test_however_many_write_there_is_one_mail_an_hour(session: Session) -> None:
    ada, others = away(session), [away(session, name=name) for name in ("Bob", "Cy", "Di", "Ed")]
    matches = [match(session, ada, other) for other in others]
    for number, made in enumerate(matches[:3]):
        told(session, ada, made, kind="message.created", ago=(9 - number) * MINUTE)
    assert decide(session) == 1
    (mail,) = session.scalars(select(Mail))
    assert mail.data == {"match_ids": [str(made.id) for made in matches[:3]]}
    assert service.facts(session, mail, ada) == {"people": "Bob, Cy and Di", "number": 3, "match_id": None}
    late = told(session, ada, matches[3], kind="message.created", ago=-10 * MINUTE)
    assert decide(session, now=NOW + 20 * MINUTE) == 0
    session.refresh(late)
    assert late.mail_from == NOW + HOUR
    assert decide(session, now=NOW + HOUR + 4 * MINUTE) == 0
    assert decide(session, now=NOW + HOUR + 6 * MINUTE) == 1
    assert mails(session, ada)[1] == ("message_waiting", [str(matches[3].id)])


def test_a_match_and_a_message_are_two_mails(session: Session) -> None:
    ada, bob = away(session), away(session)
    made = match(session, ada, bob)
    told(session, ada, made)
    told(session, ada, made, kind="message.created")
    assert decide(session) == 2
    assert sorted(kind for kind, _ in mails(session, ada)) == ["message_waiting", "new_match"]


def test_each_person_is_decided_on_by_themself(session: Session) -> None:
    ada, bob, cy = away(session), away(session), away(session)
    made = match(session, ada, bob)
    for user in (ada, bob):
        told(session, user, made)
    told(session, cy, match(session, cy, ada))
    assert decide(session, bob.id) == 2
    assert [len(mails(session, user)) for user in (ada, bob, cy)] == [1, 0, 1]


def test_other_kinds_are_not_mailed(session: Session) -> None:
    ada, bob = away(session), away(session)
    told(session, ada, match(session, ada, bob), kind="like.received")
    assert service.due(session, now=NOW, most=10) == []


def test_those_who_wait_longest_come_first_and_not_all_at_once(session: Session) -> None:
    people = [away(session) for _ in range(4)]
    for number, user in enumerate(people[:3]):
        told(session, user, match(session, user, people[3]), ago=(6 + number) * MINUTE)
    assert service.due(session, now=NOW, most=2) == [people[2].id, people[1].id]


def test_a_notification_about_a_match_that_is_gone_is_decided(session: Session) -> None:
    ada = away(session)
    row = Notification(user_id=ada.id, kind="match.created", data={"match_id": str(uuid.uuid4())}, mail_from=LONG_AGO)
    session.add(row)
    session.flush()
    assert decide(session) == 0
    session.refresh(row)
    assert row.mail_from is None


def test_what_waits_is_found_by_an_index_of_its_own(session: Session) -> None:
    ada, bob = away(session), away(session)
    made = match(session, ada, bob)
    session.execute(
        text(
            "INSERT INTO notifications (id, user_id, kind, data, created_at, mail_from)"
            " SELECT gen_random_uuid(), :ada, 'match.created', jsonb_build_object('match_id', CAST(:made AS text)),"
            " now(), NULL FROM generate_series(1, 5000)"
        ),
        {"ada": ada.id, "made": str(made.id)},
    )
    session.execute(text("ANALYZE notifications"))
    statement = (
        select(Notification.user_id)
        .where(*service._due(NOW))
        .compile(session.connection(), compile_kwargs={"literal_binds": True})
    )
    plan = json.dumps(session.execute(text(f"EXPLAIN (FORMAT json) {statement}")).scalar_one())
    assert "ix_notifications_undecided" in plan


def test_rows_of_statements_that_know_nothing_of_mails_wait_as_well(session: Session) -> None:
    ada, bob = away(session), away(session)
    made = match(session, ada, bob)
    session.execute(
        text(
            "INSERT INTO notifications (id, user_id, kind, data, created_at)"
            " VALUES (gen_random_uuid(), :ada, 'match.created', jsonb_build_object('match_id', CAST(:made AS text)),"
            " now())"
        ),
        {"ada": ada.id, "made": str(made.id)},
    )
    (row,) = session.scalars(select(Notification))
    assert row.mail_from is not None
