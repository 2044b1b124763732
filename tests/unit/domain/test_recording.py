"""When searches were not recorded, by the clock of who did not want it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from altus4_desktop.domain.custom_metrics import (
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DayLack,
    MetricSource,
    days_of,
)
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.recording import Switch, find_pauses, is_paused

_NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
_ZONES = {"ann": "Pacific/Auckland", "bob": "America/New_York"}


def test_a_pause_is_from_off_to_on_by_the_clock_of_that_person() -> None:
    switches = [
        Switch("ann", _NOON, is_on=False),
        # Said twice, and by somebody who is gone.
        Switch("ann", _NOON + _DAY, is_on=False),
        Switch("gone", _NOON - 9 * _DAY, is_on=False),
        Switch("bob", _NOON, is_on=True),
        Switch("ann", _NOON + 2 * _DAY, is_on=True),
    ]
    [pause] = pauses = find_pauses(switches, _ZONES)
    assert (pause.begins.isoformat(), pause.begins.tzinfo) == ("2026-03-11T01:00:00", None)
    off = [day for day in range(9, 15) if is_paused(pauses, date(2026, 3, day))]
    assert off == [11, 12, 13]
    assert [hour for hour in range(24) if is_paused(pauses, date(2026, 3, 13), hour)] == [0]
    still = find_pauses([Switch("bob", _NOON, is_on=False)], _ZONES)
    assert is_paused(still, date(2030, 1, 1))
    assert not is_paused(still, date(2026, 3, 9))


def test_a_metric_knows_nothing_of_days_that_were_not_recorded() -> None:
    pauses = find_pauses([Switch("bob", _NOON, is_on=False)], _ZONES)
    period = Period(date(2026, 3, 9), date(2026, 3, 13))
    rows = {
        date(2026, 3, day): CountedDay(date(2026, 3, day), found, is_stale=found is None)
        for day, found in ((11, 0), (12, 3), (13, None))
    }

    def told(source: MetricSource) -> list[int | str | None]:
        metric = CustomMetric("m", "u", CustomMetricDraft("m", source), period.first)
        days = days_of(metric, rows, period, period, pauses=pauses)
        return [day.lack or day.found for day in days]

    lack = DayLack.NOT_RECORDED
    assert told(MetricSource.HISTORY) == [0, lack, lack, 3, DayLack.COUNTING]
    assert told(MetricSource.SAVED_SEARCH)[2] == 0
