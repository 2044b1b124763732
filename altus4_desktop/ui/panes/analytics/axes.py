"""The axes of charts: words at rows, whole numbers, durations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration

_DURATIONS = (0, 10, 100, 1000, 10_000, 100_000, 1_000_000)


class LabelAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Words at whole numbers, as many as there is room for."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.room = 0.0
        self._words: list[str] = []
        self._offset = 0.0

    def set_labels(self, words: list[str], offset: float = 0.0) -> None:
        """The words of 0, 1, 2…"""
        self._words = words
        self._offset = offset
        self.picture = None
        self.update()

    def tickValues(self, least: float, most: float, size: float) -> list[tuple[float, list[float]]]:
        """Where words stand."""
        count = len(self._words)
        if not count:
            return []
        step = 1
        if self.orientation == "bottom":
            widest = max(map(self._metrics().horizontalAdvance, self._words)) + Space.L
            step = max(1, math.ceil(count * widest / max(size, 1.0)))
            step = next((nice for nice in (1, 2, 3, 6, 7, 14, 28) if nice >= step), step)
        return [(step, [place + self._offset for place in range(0, count, step)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The words."""
        del scale, spacing
        words = [self._words[round(value - self._offset)] for value in values]
        if self.orientation != "left":
            return words
        room = self.room or 1e9
        right = Qt.TextElideMode.ElideRight
        return [self._metrics().elidedText(text, right, room) for text in words]

    def _metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.style["tickFont"] or self.font())


class ValueAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Whole numbers, or durations in powers of ten."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.is_duration = False
        self.enableAutoSIPrefix(enable=False)

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
