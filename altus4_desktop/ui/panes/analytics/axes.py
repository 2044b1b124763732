"""The axes of charts: words at rows, whole numbers, durations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF

from altus4_desktop.domain.local_days import DAY_S, find_zone
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration

_DURATIONS = (0, 10, 100, 1000, 10_000, 100_000, 1_000_000)
_SECOND_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200)
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 3, 6, 12, 60)
_MONTH_S = 30 * DAY_S
_LABEL_ROOM = 84
_ROW_STEPS = (1, 2, 3, 6, 7, 14)


class _Axis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """An axis without a title."""

    def updateAutoSIPrefix(self) -> None:
        """pyqtgraph would write a title anew, which none has, each time the range changes."""
        self.picture = None
        self.update()


class LabelAxis(_Axis):
    """Words at whole numbers, as many as there is room for."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.room = 0.0
        self._words: list[str] = []
        self._chapters: Mapping[int, str] = {}
        self._offset = 0.0

    def set_labels(
        self, words: list[str], offset: float = 0.0, chapters: Mapping[int, str] | None = None
    ) -> None:
        """The words of 0, 1, 2…, and other words of some places, which stand alone where there is
        no room for the others."""
        self._words = words
        self._chapters = chapters or {}
        self._offset = offset
        self.picture = None
        self.update()

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Where words stand."""
        # Where rows are counted from the top, the ends come the other way round.
        least, most = sorted((least, most))
        first = max(0, math.ceil(least - self._offset))
        last = min(len(self._words) - 1, math.floor(most - self._offset))
        if last < first:
            return []
        step, widest = 1, 0.0
        if self.orientation == "bottom":
            seen = self._words[first : last + 1]
            widest = max(map(self._metrics().horizontalAdvance, seen)) + Space.L
            step = max(1, math.ceil((most - least) * widest / max(size, 1.0)))
            step = next((nice for nice in _ROW_STEPS if nice >= step), step)
            if step > _ROW_STEPS[-1] and self._chapters:
                return [(step, self._chapters_within(least, most, size))]
        first += -first % step
        places = [place + self._offset for place in range(first, last + 1, step)]
        if self.orientation == "bottom" and places:
            # Half a word that hangs over the edge cannot be read.
            room = (most - places[-1]) * size / max(most - least, 1e-9)
            if widest - Space.L > 2 * room + Space.XL:
                places.pop()
        return [(step, places)]

    def _chapters_within(self, least: float, most: float, size: float) -> list[float]:
        """As many of them as there is room for."""
        places = [place for place in self._chapters if least <= place + self._offset <= most]
        widest = max(map(self._metrics().horizontalAdvance, self._chapters.values())) + Space.L
        fitting = max(1, math.floor(size / widest))
        return [place + self._offset for place in places[:: math.ceil(len(places) / fitting) or 1]]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The words."""
        del scale
        places = [round(value - self._offset) for value in values]
        is_coarse = spacing > _ROW_STEPS[-1] and bool(self._chapters)
        words = [(self._chapters if is_coarse else self._words)[place] for place in places]
        if self.orientation != "left":
            return words
        room = self.room or 1e9
        right = Qt.TextElideMode.ElideRight
        return [self._metrics().elidedText(text, right, room) for text in words]

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.style["tickFont"] or self.font())


class ValueAxis(_Axis):
    """Whole numbers, or durations in powers of ten."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.is_duration = False

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Where numbers stand."""
        if self.is_duration:
            places = [scaled(ms) for ms in _DURATIONS]
            return [(1.0, [place for place in places if least <= place <= most])]
        rough = max(most - least, 1e-9) / max(2.0, size / 40)
        power = 10 ** math.floor(math.log10(rough))
        step = max(1, next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough))
        first = math.ceil(least / step)
        places = [number * step for number in range(first, math.floor(most / step) + 1)]
        return [(float(step), [float(place) for place in places])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The numbers."""
        del scale, spacing
        if self.is_duration:
            return [duration(unscaled(value)) for value in values]
        return [f"{value:,.0f}" for value in values]


def scaled(milliseconds: float) -> float:
    """From 1 ms to minutes: in powers of ten, with a place for 0."""
    return math.log10(1 + milliseconds)


def unscaled(value: float) -> float:
    """The milliseconds that stand there."""
    return 10**value - 1


class TimeAxis(_Axis):
    """Seconds since 1970 as the clocks of a zone show them."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self._zone: tzinfo = UTC

    def set_zone(self, zone: str) -> None:
        """Whose clocks these are."""
        self._zone = find_zone(zone)
        self.picture = None
        self.update()

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Where full minutes, hours, days, months stand."""
        rough = (most - least) / max(2.0, size / _LABEL_ROOM)
        for step in _SECOND_STEPS:
            if step >= rough:
                return [(float(step), self._seconds(least, most, step))]
        for step in _DAY_STEPS:
            if step * DAY_S >= rough:
                return [(float(step * DAY_S), self._days(least, most, step))]
        step = next((step for step in _MONTH_STEPS if step * _MONTH_S >= rough), _MONTH_STEPS[-1])
        return [(float(step * _MONTH_S), self._months(least, most, step))]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """A time, a day or a month, as exact as the steps are."""
        del scale
        return [self._words(value, spacing) for value in values]

    def _words(self, value: float, spacing: float) -> str:
        at = datetime.fromtimestamp(value, self._zone)
        if spacing >= _MONTH_S:
            return f"{at:%Y-%m}"
        if spacing >= DAY_S or not (at.hour or at.minute or at.second):
            return f"{at:%Y-%m-%d}" if (at.month, at.day) == (1, 1) else f"{at:%m-%d}"
        return f"{at:%H:%M:%S}" if spacing < 60 else f"{at:%H:%M}"

    def _seconds(self, least: float, most: float, step: int) -> list[float]:
        offset = datetime.fromtimestamp(least, self._zone).utcoffset()
        shift = offset.total_seconds() if offset is not None else 0.0
        first = math.ceil((least + shift) / step)
        last = math.floor((most + shift) / step)
        return [number * step - shift for number in range(first, last + 1)]

    def _days(self, least: float, most: float, step: int) -> list[float]:
        first = datetime.fromtimestamp(least, self._zone).toordinal()
        last = datetime.fromtimestamp(most, self._zone).toordinal()
        # Weeks begin with their Mondays.
        first += (1 - first) % step
        days = map(datetime.fromordinal, range(first, last + 1, step))
        return self._within(least, most, days)

    def _months(self, least: float, most: float, step: int) -> list[float]:
        first = datetime.fromtimestamp(least, self._zone)
        last = datetime.fromtimestamp(most, self._zone)
        begin = first.year * 12 + first.month - 1
        begin += -begin % step
        months = range(begin, last.year * 12 + last.month, step)
        days = (datetime(at // 12, at % 12 + 1, 1, tzinfo=self._zone) for at in months)
        return self._within(least, most, days)

    def _within(self, least: float, most: float, days: Iterable[datetime]) -> list[float]:
        found = [day.replace(tzinfo=self._zone).timestamp() for day in days]
        return [at for at in found if least <= at <= most]
