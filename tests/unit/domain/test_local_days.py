"""Days of time zones, compared with the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altus4_desktop.domain.local_days import (
    day_bounds,
    day_number,
    day_of,
    epoch_s,
    find_days,
    find_spans,
    find_week_hours,
    find_zone,
    hour_begins,
    hours_of_day,
    instant_of,
)

# "localtime" and the like are the computer's, not a place's.
_ZONES = sorted(name for name in available_timezones() if "/" in name)
_SECONDS = st.integers(epoch_s(datetime(1980, 1, 1, tzinfo=UTC)), 2_000_000_000)


def _local(zone: str, at: int) -> datetime:
    return instant_of(at).astimezone(ZoneInfo(zone))


@given(zone=st.sampled_from(_ZONES), at=_SECONDS)
@settings(max_examples=60, deadline=None)
def test_spans_have_the_offsets_of_the_zone(zone: str, at: int) -> None:
    spans = find_spans(zone, at - 40_000_000, at + 1)
    assert (spans[0].begins, spans[-1].ends) == (at - 40_000_000, at + 1)
    assert all(one.ends == two.begins for one, two in pairwise(spans))
    for span in spans:
        for second in (span.begins, (span.begins + span.ends) // 2, span.ends - 1):
            offset = _local(zone, second).utcoffset()
            assert offset == timedelta(seconds=span.offset_s), second


@given(zone=st.sampled_from(_ZONES), at=_SECONDS)
@settings(max_examples=60, deadline=None)
def test_every_instant_lies_within_its_day(zone: str, at: int) -> None:
    day = day_number(_local(zone, at).date())
    begins, ends = day_bounds(zone, day, day)
    assert begins <= at < ends
    assert day in find_days(zone, at, at + 1)
    assert _local(zone, begins).date() == _local(zone, ends - 1).date() == day_of(day)
    offset = _local(zone, at).utcoffset()
    assert offset is not None
    hours = [(hour.hour, hour.offset_s) for hour in hours_of_day(zone, day)]
    assert (_local(zone, at).hour, offset.total_seconds()) in hours
    assert len(set(hours)) == len(hours)


def test_days_on_which_clocks_are_changed() -> None:
    spring, autumn = day_number(date(2026, 3, 29)), day_number(date(2026, 10, 25))
    lengths = [
        ends - begins
        for begins, ends in (day_bounds("Europe/Lisbon", day, day) for day in (spring, autumn))
    ]
    assert lengths == [23 * 3600, 25 * 3600]
    assert [hour.hour for hour in hours_of_day("Europe/Lisbon", spring)][:3] == [0, 2, 3]
    twice = hours_of_day("Europe/Lisbon", autumn)
    assert [(hour.hour, hour.offset_s) for hour in twice][:4] == [
        (0, 3600),
        (1, 3600),
        (1, 0),
        (2, 0),
    ]
    begins_at = [hour_begins("Europe/Lisbon", autumn, hour).hour for hour in twice]
    assert begins_at[:4] == [23, 0, 1, 2]
    # Half an hour on Lord Howe Island, and a day that Samoa left out.
    begins, ends = day_bounds("Australia/Lord_Howe", day_number(date(2026, 4, 5)), 20_548)
    assert (begins, ends - begins) == (day_bounds("Australia/Lord_Howe", 20_548, 20_548)[0], 88_200)
    skipped = day_number(date(2011, 12, 30))
    begins, ends = day_bounds("Pacific/Apia", skipped, skipped)
    assert begins == ends
    assert hours_of_day("Pacific/Apia", skipped) == ()


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Lisbon", date(2026, 3, 29)),
        ("Europe/Lisbon", date(2026, 10, 25)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("Asia/Kolkata", date(2026, 4, 5)),
    ],
)
def test_hours_begin_when_clocks_show_them(zone: str, day: date) -> None:
    """At the first instant that does, also where clocks are changed in the middle of an hour."""
    number = day_number(day)
    begins, ends = day_bounds(zone, number, number)
    shown: dict[tuple[int, float], int] = {}
    for at in range(begins, ends, 60):
        here = datetime.fromtimestamp(at, ZoneInfo(zone))
        offset = here.utcoffset()
        assert offset is not None
        shown.setdefault((here.hour, offset.total_seconds()), at)
    told = {
        (hour.hour, hour.offset_s): hour_begins(zone, number, hour).timestamp()
        for hour in hours_of_day(zone, number)
    }
    assert told == shown


def test_a_zone_that_is_not_known_is_utc() -> None:
    assert find_zone("Europe/Atlantis") is UTC
    assert find_zone("../etc/passwd") is UTC
    assert [span.offset_s for span in find_spans("", 0, 10)] == [0]


@given(
    zone=st.sampled_from(_ZONES),
    begins=_SECONDS,
    length=st.integers(0, 40 * 24 * 3600),
    weekday=st.integers(1, 7),
    hour=st.integers(0, 23),
)
@settings(max_examples=60, deadline=None)
def test_hours_of_the_week_are_those_that_clocks_show(
    zone: str, begins: int, length: int, weekday: int, hour: int
) -> None:
    ends = begins + length
    found = find_week_hours(zone, weekday, hour, begins, ends)
    assert found == sorted(found)
    assert all(first < last for first, last in found)
    inside = {at for first, last in found for at in (*range(first, last, 600), last - 1)}
    for at in inside | set(range(begins, ends, 1800)):
        shown = _local(zone, at)
        is_that = (shown.isoweekday(), shown.hour) == (weekday, hour)
        assert is_that == any(first <= at < last for first, last in found)
