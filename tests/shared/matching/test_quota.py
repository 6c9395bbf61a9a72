"""A person's day, and what they may like in it: wherever they are, and whatever the clocks there do."""

import math
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from string import ascii_lowercase

import pytest
from hypothesis import example, given
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
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared import database
from shared.accounts.models import LoginSession
from shared.accounts.rules import plain_time_zone, time_zone_known
from shared.accounts.tokens import Claims
from shared.errors import Refusal
from shared.matching import likes
from shared.matching.like_statement import LIKE
from shared.matching.likes import Answer, Liked, Wish
from shared.matching.models import DailyLikeCount
from shared.matching.rules import Quota, day_ends
from tests.people import make_user
from tests.shared.matching.zones import ALL, PECULIAR, ZONES, local_day, moments

YEARS = range(2015, 2036)
# The newest time zone data of the database and of this machine may be of different years: these are long agreed on.
SETTLED = range(2015, 2022)
PER_DAY, COMMENTED, PER_MINUTE = 3, 1, 2
PERSONAL = 15  # characters
MINUTE = timedelta(seconds=60)


def in_zones(zones: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, datetime]]:
    return zones.flatmap(lambda zone: st.tuples(st.just(zone), moments(zone, YEARS)))


@hypothesis_settings(max_examples=1000)
@given(in_zones(ZONES))
@example(("Asia/Beirut", datetime(2022, 3, 26, 21, 59, 59, tzinfo=UTC)))  # midnight is one o'clock
@example(("America/Havana", datetime(2022, 11, 6, 4, 30, tzinfo=UTC)))  # the first of two half past midnight
@example(("America/Havana", datetime(2022, 11, 6, 5, 30, tzinfo=UTC)))  # the second
@example(("Africa/Cairo", datetime(2024, 10, 31, 21, 30, tzinfo=UTC)))  # the second half past eleven of a day
@example(("Antarctica/Casey", datetime(2021, 3, 13, 13, 30, tzinfo=UTC)))  # midnight was nine o'clock again
def test_a_day_ends_when_the_calendar_there_shows_the_next_one(place: tuple[str, datetime]) -> None:
    zone, now = place
    day = local_day(now, zone)
    ends = day_ends(day, zone)
    assert ends > now
    assert local_day(ends - timedelta(microseconds=1), zone) <= day
    assert local_day(ends, zone) > day


@pytest.mark.parametrize("day", [datetime(2018, 1, 17, tzinfo=UTC), datetime(2018, 7, 18, tzinfo=UTC)])
def test_the_database_counts_the_days_of_every_zone_that_people_may_have(session: Session, day: datetime) -> None:
    # Half-hours, for an offset that is wrong by no more than that to show at midnight.
    times = [day + count * timedelta(minutes=30) for count in range(48)]
    days = text("SELECT t, CAST(t AT TIME ZONE :zone AS date) FROM unnest(CAST(:times AS timestamptz[])) t")
    wrong = set()
    for zone in filter(time_zone_known, ALL):
        found = session.execute(days, {"zone": plain_time_zone(zone), "times": times})
        wrong |= {zone for time, counted in found if counted != local_day(time, zone)}
    assert not wrong


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Pago_Pago", "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize("hour", range(24))
def test_no_day_is_forgotten_before_it_is_over(session: Session, zone: str, hour: int) -> None:
    now = datetime(2026, 3, 1, hour, 59, 59, tzinfo=UTC)
    user, today = make_user(session, time_zone=zone), local_day(now, zone)
    ages = (0, 1, 10, 100)
    session.add_all(DailyLikeCount(user_id=user.id, day=today - timedelta(days=age), used=2) for age in ages)
    session.flush()
    assert likes.forget_counts(session, now=now, most=1) == 1
    assert likes.forget_counts(session, now=now) == 1
    assert likes.forget_counts(session, now=now) == 0
    assert likes.quota(session, user, now=now).used == 2


@dataclass
class Diary:
    """What the rules say of one person's likes: so many on a date of their calendar, and so many in a minute."""

    zone: str
    used: Counter[date] = field(default_factory=Counter)
    times: list[datetime] = field(default_factory=list)

    def refusal(self, now: datetime, words: str | None) -> str | None:
        if self.used_today(now) >= PER_DAY:
            return "daily_like_limit"
        if len([time for time in self.times if now - time < MINUTE]) >= PER_MINUTE:
            return "too_fast"
        if self.used_today(now) < COMMENTED and len(words or "") < PERSONAL:
            return "comment_required"
        return None

    def like(self, now: datetime) -> None:
        self.used[local_day(now, self.zone)] += 1
        self.times.append(now)

    def used_today(self, now: datetime) -> int:
        return self.used[local_day(now, self.zone)]

    def seconds_to_wait(self, now: datetime, code: str) -> int | None:
        if code == "comment_required":
            return None
        free_at = self.next_day(now) if code == "daily_like_limit" else self.times[-PER_MINUTE] + MINUTE
        return math.ceil((free_at - now).total_seconds())

    def next_day(self, now: datetime) -> datetime:
        """By looking at the calendar: the first second that shows another date."""
        today, second = local_day(now, self.zone), now.replace(microsecond=0)

        def is_over(seconds: int) -> bool:
            return local_day(second + timedelta(seconds=seconds), self.zone) > today

        return second + timedelta(seconds=bisect_left(range(100_000), True, key=is_over))  # noqa: FBT003 - what is_over is


class QuotaMachine(RuleBasedStateMachine):
    """Somebody who likes only people whom they have never met, at any moments, and who may travel."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.connection = engine.connect()
        self.session = Session(self.connection, expire_on_commit=False)
        self.liked = 0

    def teardown(self) -> None:
        self.session.close()
        self.connection.close()

    @initialize(place=st.sampled_from(PECULIAR).flatmap(lambda zone: st.tuples(st.just(zone), moments(zone, SETTLED))))
    def begin(self, place: tuple[str, datetime]) -> None:
        zone, self.now = place
        self.diary = Diary(zone)
        self.user = make_user(self.session, time_zone=zone)
        ever = datetime(2100, 1, 1, tzinfo=UTC)
        login = LoginSession(user_id=self.user.id, token_hash=b"", idle_until=ever, expires_at=ever)
        self.session.add(login)
        self.session.flush()
        self.claims = Claims(self.user.id, login.id, "")

    @rule(time=st.sampled_from([1e-6, 1, 29, 30, 31, 59, 60 - 1e-6, 60, 61, 1800, 3600, 10_000, 86_400, 300_000]))
    def time_passes(self, time: float) -> None:
        self.now += timedelta(seconds=time)

    @rule(seconds=st.sampled_from([-60, -59, -30, -1, -1e-6, 0, 1, 30]))
    def it_is_about_midnight(self, seconds: float) -> None:
        self.now = max(self.now, self.diary.next_day(self.now) + timedelta(seconds=seconds))

    @precondition(lambda self: self.diary.times)
    @rule(last=st.sampled_from([1, 2]), seconds=st.sampled_from([-0.5, -1e-6, 0, 1e-6]))
    def it_is_about_a_minute_after_a_like(self, last: int, seconds: float) -> None:
        self.now = max(self.now, self.diary.times[-last:][0] + MINUTE + timedelta(seconds=seconds))

    @rule(zone=st.sampled_from(PECULIAR))
    def travel(self, zone: str) -> None:
        self.diary.zone = self.user.time_zone = zone
        self.session.flush()

    @rule()
    def forget_counts(self) -> None:
        likes.forget_counts(self.session, now=self.now)

    @rule(length=st.sampled_from([0, PERSONAL - 1, PERSONAL, PERSONAL]))
    def like(self, length: int) -> None:
        words = self.new_words(length) or None
        expected = self.diary.refusal(self.now, words)
        answer, outcome = self.try_to_like(words)
        if expected is None:
            assert isinstance(outcome, Liked)
            self.diary.like(self.now)
            self.check(outcome.quota)
        else:
            assert isinstance(outcome, Refusal)
            assert outcome.code == expected
            self.check_wait(outcome)
        self.check(answer.quota)

    @rule(seconds=st.sampled_from([0, 30, 59.5]))
    def like_twice(self, seconds: float) -> None:
        self.like(PERSONAL)
        self.time_passes(seconds)
        self.like(PERSONAL)

    @invariant()
    def what_is_left_is_what_the_diary_says(self) -> None:
        if hasattr(self, "diary"):
            self.check(likes.quota(self.session, self.user, now=self.now))

    def try_to_like(self, words: str | None) -> tuple[Answer, Liked | Refusal]:
        wish = Wish(make_user(self.session).id, words)
        row = database.one(self.session, LIKE, likes.parameters(self.claims, wish, now=self.now))
        assert row is not None
        answer = Answer(*row)
        try:
            return answer, likes.read(answer, wish, now=self.now)
        except Refusal as refusal:
            return answer, refusal

    def new_words(self, length: int) -> str:
        """Never the same twice, since that would be refused for another reason."""
        self.liked += 1
        numbers = uuid.uuid5(uuid.NAMESPACE_OID, str(self.liked)).bytes
        return "".join(ascii_lowercase[number % len(ascii_lowercase)] for number in numbers)[:length]

    def check(self, quota: Quota) -> None:
        used = self.diary.used_today(self.now)
        assert (quota.limit, quota.used, quota.remaining) == (PER_DAY, used, PER_DAY - used)
        assert quota.comments_required_remaining == max(0, COMMENTED - used)
        assert quota.resets_at == self.diary.next_day(self.now)

    def check_wait(self, refusal: Refusal) -> None:
        seconds = self.diary.seconds_to_wait(self.now, refusal.code)
        assert (refusal.details or {}).get("retry_after_seconds") == seconds
        assert (refusal.headers or {}).get("Retry-After") == (None if seconds is None else str(seconds))


def test_quota_in_any_order_of_events(engine: Engine, configured: Callable[..., None]) -> None:
    configured(LIKES_PER_DAY=str(PER_DAY), COMMENTED_LIKES_PER_DAY=str(COMMENTED), LIKES_PER_MINUTE=str(PER_MINUTE))
    chosen = hypothesis_settings(max_examples=100, stateful_step_count=30)
    run_state_machine_as_test(partial(QuotaMachine, engine), settings=chosen)  # type: ignore[arg-type] # any maker of one will do
