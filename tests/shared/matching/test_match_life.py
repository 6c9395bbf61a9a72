"""The life of meetings among a few people, in any order of events, against a model of what the product promises."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared import database
from shared.accounts import service as accounts
from shared.accounts.models import LoginSession, User
from shared.accounts.tokens import Claims
from shared.database import Database
from shared.errors import Refusal
from shared.matching import likes, matches, safety
from shared.matching.like_statement import LIKE
from shared.matching.likes import Answer, Wish
from shared.matching.models import Like, Match, MatchChange, Pair
from shared.matching.rules import OPEN, MatchState
from tests.messages import write
from tests.people import make_user
from tests.shared.matching.life import TALKING, Meeting, World


def someone_proposes(machine: "LifeMachine") -> bool:
    return any(one.proposed for one in machine.world.meetings)


def someone_waits(machine: "LifeMachine") -> bool:
    return any((liked, liker) not in machine.world.likes for liker, liked in machine.world.likes)


def someone_has_met(machine: "LifeMachine") -> bool:
    return bool(machine.world.meetings)


ANY = st.integers(0, 11)


class LifeMachine(RuleBasedStateMachine):
    """Does everything to the database and to the model, each request in a transaction of its own, and compares."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.outer = self.connection.begin()
        self.db = Database(self.connection, threads=1)
        self.world = World(datetime(2026, 3, 1, tzinfo=UTC))
        self.people: list[Claims] = []
        self.made: list[uuid.UUID] = []

    def teardown(self) -> None:
        self.outer.rollback()
        self.connection.close()

    @initialize(count=st.sampled_from([3, 4]), met=st.sampled_from([3, 2, 1, 0]))
    def begin(self, count: int, met: int) -> None:
        ever = datetime(2100, 1, 1, tzinfo=UTC)
        with self.db.transaction() as session:
            for number in range(1, count + 1):
                user = make_user(session, id=uuid.UUID(int=number))
                login = LoginSession(user_id=user.id, token_hash=b"", idle_until=ever, expires_at=ever)
                session.add(login)
                session.flush()
                self.people.append(Claims(user.id, login.id, ""))
        for one, other in [(0, 1), (1, 2), (0, 2)][:met]:
            self.time_passes(1)
            self.try_to_like(one, other)
            self.try_to_like(other, one)

    @rule(hours=st.sampled_from([1, 24, 7 * 24]))
    def time_passes(self, hours: int) -> None:
        self.world.now += timedelta(hours=hours)

    @rule(liker=ANY, steps=st.integers(1, 3))
    def like(self, liker: int, steps: int) -> None:
        self.try_to_like(*self.two(liker, steps))

    @precondition(someone_waits)
    @rule(which=ANY)
    def like_back(self, which: int) -> None:
        waiting = sorted(like for like in self.world.likes if like[::-1] not in self.world.likes)
        liker, liked = waiting[which % len(waiting)]
        self.try_to_like(liked, liker)

    @precondition(someone_has_met)
    @rule(which=ANY, person=ANY, to=st.sampled_from(["dating", "dating", *MatchState]))
    def change(self, which: int, person: int, to: str) -> None:
        meeting = self.meeting(which)
        self.try_to_change(sorted(meeting.people)[person % 2], meeting, to)

    @precondition(someone_has_met)
    @rule(which=ANY, person=ANY)
    def both_propose(self, which: int, person: int) -> None:
        self.change(which, person, "dating")
        self.change(which, person + 1, "dating")

    @precondition(someone_proposes)
    @rule(which=ANY)
    def agree(self, which: int) -> None:
        proposed = [one for one in self.world.meetings if one.proposed]
        meeting = proposed[which % len(proposed)]
        self.try_to_change(min(meeting.people - meeting.proposed), meeting, "dating")

    @precondition(someone_has_met)
    @rule(which=ANY, to=st.sampled_from([None, *MatchState]))
    def meddle(self, which: int, to: str | None) -> None:
        meeting = self.meeting(which)
        outsider = min(set(range(len(self.people))) - meeting.people)
        if to is None:
            self.try_to_write(outsider, meeting)
        else:
            self.try_to_change(outsider, meeting, to)

    @precondition(someone_has_met)
    @rule(which=ANY, person=ANY)
    def write(self, which: int, person: int) -> None:
        meeting = self.meeting(which)
        self.try_to_write(sorted(meeting.people)[person % 2], meeting)

    @precondition(lambda self: not self.world.blocked)  # for something to be left to happen
    @rule(blocker=ANY, steps=st.integers(1, 3))
    def block(self, blocker: int, steps: int) -> None:
        blocker, blocked = self.two(blocker, steps)
        self.world.block(blocker, blocked)
        user_id, now = self.people[blocked].user_id, self.world.now
        assert (
            self.ask(lambda session: safety.block(session, self.user(session, blocker), user_id=user_id, now=now))
            is None
        )

    @rule(hours=st.sampled_from([0, 13 * 24, 14 * 24, 14 * 24 + 1]))
    def archive_quiet(self, hours: int) -> None:
        self.time_passes(hours)
        self.world.archive_quiet()
        assert self.ask(partial(matches.archive_quiet, now=self.world.now)) is None

    @precondition(lambda self: not any(one.state == "deleted" for one in self.world.meetings[-2:]))
    @rule(person=ANY)
    def delete_account(self, person: int) -> None:
        person %= len(self.people)
        self.world.end_all(person)
        now = self.world.now
        assert self.ask(lambda session: matches.end_all(session, self.user(session, person), now=now)) is None

    @rule(person=ANY)
    def pause(self, person: int) -> None:
        person %= len(self.people)
        self.world.resting.add(person)
        assert self.ask(lambda session: accounts.pause(session, self.user(session, person))) is None

    @rule(person=ANY)
    def resume(self, person: int) -> None:
        person %= len(self.people)
        expected = self.world.resume(person)
        assert self.ask(lambda session: accounts.resume(session, self.user(session, person))) == expected

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        if not self.people:
            return
        with self.db.transaction() as session:
            found = session.scalars(select(Match).order_by(Match.created_at)).all()
            self.made.extend(one.id for one in found if one.id not in self.made)
            by_id = {one.id: one for one in found}
            assert len(self.made) == len(self.world.meetings) == len(found)
            for match_id, meeting in zip(self.made, self.world.meetings, strict=True):
                self.check_match(by_id[match_id], meeting)
            self.check_at_most_one(found)
            self.check_changes(session)
            self.check_people(session)
            self.check_likes(session)
            for person in range(len(self.people)):
                self.check_own_matches(session, person)

    def check_match(self, match: Match, meeting: Meeting) -> None:
        proposed = {
            number for side, number in zip((1, 2), sorted(meeting.people), strict=True) if match.proposed & side
        }
        assert [match.low_id, match.high_id] == [self.people[number].user_id for number in sorted(meeting.people)]
        assert (match.state, proposed) == (meeting.state, meeting.proposed)
        assert (match.state_changed_at, match.active_at) == (meeting.since, meeting.written)

    def check_at_most_one(self, found: Sequence[Match]) -> None:
        alive = Counter((one.low_id, one.high_id) for one in found if one.state != "deleted")
        assert all(count == 1 for count in alive.values())

    def check_changes(self, session: Session) -> None:
        steps: dict[uuid.UUID, list[str | None]] = {match_id: [None] for match_id in self.made}
        for change in session.scalars(select(MatchChange).order_by(MatchChange.id)):
            assert change.before == steps[change.match_id][-1]
            steps[change.match_id].append(change.after)
        for match_id, meeting in zip(self.made, self.world.meetings, strict=True):
            assert len(steps[match_id]) == meeting.changes + 1
            assert steps[match_id][-1] == meeting.state

    def check_people(self, session: Session) -> None:
        for number, user in enumerate(session.scalars(select(User).order_by(User.id))):
            assert user.status == ("paused" if self.world.is_paused(number) else "active")
            assert (user.dating_match_id is not None) == self.world.is_dating(number)

    def check_likes(self, session: Session) -> None:
        number = {claims.user_id: index for index, claims in enumerate(self.people)}
        found = session.scalars(select(Like)).all()
        assert {(number[one.liker_id], number[one.liked_id]) for one in found} == self.world.likes
        for pair in session.scalars(select(Pair)):
            low, high = number[pair.low_id], number[pair.high_id]
            assert pair.likes == ((low, high) in self.world.likes) + 2 * ((high, low) in self.world.likes)
            assert pair.blocked == ({low, high} in self.world.blocked)

    def check_own_matches(self, session: Session, person: int) -> None:
        now, expected = self.world.now, {}
        for match_id, meeting in zip(self.made, self.world.meetings, strict=True):
            if meeting.state in TALKING and self.world.can_find(person, meeting):
                expected[match_id] = (person in meeting.proposed, bool(meeting.proposed - {person}))
        shown = matches.own_matches(session, self.user(session, person), states=OPEN, after=None, limit=50, now=now)
        assert {one.match.id: (one.proposed_by_me, one.proposed_by_them) for one in shown} == expected
        assert len(shown) == len(expected)
        assert shown == sorted(shown, key=lambda one: (one.match.active_at, one.match.id), reverse=True)

    def try_to_like(self, liker: int, liked: int) -> None:
        expected, now = self.world.like(liker, liked), self.world.now
        wish = Wish(self.people[liked].user_id)

        def like(session: Session) -> None:
            row = database.one(session, LIKE, likes.parameters(self.people[liker], wish, now=now))
            assert row is not None
            sent = likes.read(Answer(*row), wish, now=now)
            assert (sent.match_id is not None) == ((liked, liker) in self.world.likes)

        assert self.ask(like) == expected

    def try_to_change(self, person: int, meeting: Meeting, to: str) -> None:
        match_id, state, now = self.match_id(meeting), MatchState(to), self.world.now
        expected = self.world.change(person, meeting, to)

        def change(session: Session) -> None:
            shown = matches.change(session, self.user(session, person), match_id=match_id, to=state, now=now)
            assert shown.match.state == meeting.state
            assert shown.proposed_by_me == (person in meeting.proposed)

        assert self.ask(change) == expected

    def try_to_write(self, person: int, meeting: Meeting) -> None:
        match_id, now = self.match_id(meeting), self.world.now
        expected = self.world.write(person, meeting)
        assert self.ask(lambda session: write(session, self.people[person], match_id=match_id, now=now)) == expected

    def ask(self, function: Callable[[Session], object]) -> str | None:
        """Run it as a request of its own; the code of its refusal."""
        try:
            self.db.call(function)
        except Refusal as refusal:
            return refusal.code
        return None

    def user(self, session: Session, person: int) -> User:
        return session.get_one(User, self.people[person].user_id)

    def two(self, person: int, steps: int) -> tuple[int, int]:
        """Two who are not the same."""
        count = len(self.people)
        return person % count, (person + 1 + steps % (count - 1)) % count

    def meeting(self, which: int) -> Meeting:
        return self.world.meetings[which % len(self.world.meetings)]

    def match_id(self, meeting: Meeting) -> uuid.UUID:
        return next(one for one, same in zip(self.made, self.world.meetings, strict=True) if same is meeting)


def test_meetings_in_any_order_of_events(engine: Engine, configured: Callable[..., None]) -> None:
    configured(LIKES_PER_DAY="1000", LIKES_PER_MINUTE="1000", COMMENTED_LIKES_PER_DAY="0")
    chosen = hypothesis_settings(max_examples=25, stateful_step_count=30)
    run_state_machine_as_test(partial(LifeMachine, engine), settings=chosen)  # type: ignore[arg-type] # any maker of one will do
