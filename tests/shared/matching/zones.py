"""Time zones and the moments at which their days are most easily counted wrong."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

ALL = sorted(available_timezones())
PECULIAR = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Europe/London",
    "Pacific/Pago_Pago",  # -11
    "Pacific/Kiritimati",  # +14
    "Pacific/Chatham",  # +12:45, in summer +13:45
    "Asia/Kathmandu",  # +5:45
    "Australia/Lord_Howe",  # summer time of half an hour
    "Asia/Beirut",  # summer begins at midnight, and ends at the one before it
    "America/Havana",  # summer begins at midnight, and ends at one o'clock, which becomes midnight again
    "Africa/Cairo",
    "Atlantic/Azores",
    "America/Asuncion",
    "Antarctica/Casey",  # by three hours, at odd times
    "Antarctica/Troll",  # by two
    "Africa/Casablanca",  # two changes around Ramadan
]
ZONES = st.sampled_from(PECULIAR) | st.sampled_from(ALL)
_STEP = timedelta(days=4)


def local_day(now: datetime, zone: str) -> date:
    """The date on the calendar of this place."""
    return now.astimezone(ZoneInfo(zone)).date()


@cache
def clock_changes(zone: str, years: range) -> tuple[datetime, ...]:
    """The moments, to the second, at which clocks change there."""
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (years.start, years.stop))
    steps = [begin + count * _STEP for count in range((end - begin) // _STEP)]
    return tuple(_change(zone, at, at + _STEP) for at in steps if _offset(zone, at) != _offset(zone, at + _STEP))


def moments(zone: str, years: range) -> st.SearchStrategy[datetime]:
    """Moments of these years, many of them near midnight there or near a change of clocks."""
    seconds = st.integers(-90, 90) | st.sampled_from([-3600, -1800, 0, 1800, 3600]) | st.integers(-100_000, 100_000)
    days = st.dates(date(years.start, 1, 2), date(years.stop - 1, 12, 30))
    midnights = days.map(lambda day: datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC))
    changes = clock_changes(zone, years)
    near = midnights | st.sampled_from(changes) if changes else midnights
    return st.builds(lambda at, later: at + timedelta(seconds=later), near, seconds)


def _change(zone: str, before: datetime, after: datetime) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def _offset(zone: str, at: datetime) -> timedelta | None:
    return at.astimezone(ZoneInfo(zone)).utcoffset()
