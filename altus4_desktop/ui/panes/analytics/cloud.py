"""Very many points at levels of detail: what is drawn of a part of them depends on the room there
is, not on how many there are.

Of points that come to lie in the same cell one is kept, and how many there are: nothing is averaged
away, and a single failure among a million searches is still a mark of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from altus4_desktop.domain.search_points import PointOutcome, SearchPoint, SearchPoints
from altus4_desktop.ui.panes.analytics.axes import scaled

Array = np.ndarray[Any, Any]

SHADES = 63
"""How many shades of a colour tell how many points lie in one place."""
_ROWS = 1024
_COARSEST = 2048
_LEVELS = 7
_REACH = 3
# More of the picture than this is not covered with marks of one outcome.
_CROWDED = 0.1
_SHADE_STEP = 7
_OUTCOMES = len(PointOutcome)


def _filled(*lines: str) -> tuple[tuple[int, int], ...]:
    middle = len(lines) // 2
    return tuple(
        (row - middle, column - middle)
        for row, line in enumerate(lines)
        for column, sign in enumerate(line)
        if sign == "#"
    )


# Shapes tell outcomes apart as well as colours do.
_DOT = _filled("...", ".##", ".##")
_MARKS = {
    PointOutcome.HITS: _DOT,
    PointOutcome.CANCELLED: _filled(".....", ".....", "#####", ".....", "....."),
    PointOutcome.NONE: _filled("#####", "#...#", "#...#", "#...#", "#####"),
    PointOutcome.FAILED: _filled("#...#", ".#.#.", "..#..", ".#.#.", "#...#"),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """Points of one outcome in the order of their instants, ``y`` from 0 to 1."""

    x: Array
    y: Array
    shades: Array

    def between(self, first: float, last: float) -> slice:
        low, high = np.searchsorted(self.x, [first, last])
        return slice(int(low), int(high))


class Cloud:
    """Points of which a part can be drawn at once; made on a worker, never changed.

    ``first_s`` and ``last_s`` are the instants of the first and the last one, ``most_ms`` the
    longest duration; ``height`` is `scaled` of what is as high as the plot.
    """

    def __init__(self, points: SearchPoints) -> None:
        self.points = points
        self.at_s: Array = np.frombuffer(points.at_s, np.int64)
        self.ms: Array = np.frombuffer(points.ms, np.int32)
        self.outcomes: Array = np.frombuffer(points.outcomes, np.uint8)
        self.first_s = int(self.at_s[0]) if len(points) else 0
        self.last_s = int(self.at_s[-1]) if len(points) else 0
        self.most_ms = int(self.ms.max()) if len(points) else 0
        self.height = scaled(max(self.most_ms, 10)) * 1.06
        self._y = (np.log10(1.0 + self.ms) / self.height).astype(np.float32)
        x = (self.at_s - self.first_s).astype(np.float64)
        self._exact = [self._one_by_one(x, outcome) for outcome in PointOutcome]
        self._levels = self._build_levels(x)

    def __len__(self) -> int:
        return len(self.points)

    def places(self, first_s: float, last_s: float) -> tuple[int, int]:
        """Which of the points lie between two instants: from the first to before the second."""
        low, high = np.searchsorted(self.at_s, [first_s, np.nextafter(last_s, np.inf)])
        return int(low), int(high)

    def draw(self, first_s: float, last_s: float, width: int, height: int) -> Array:
        """The part between two instants as a picture of bytes, its rows from the top: 0 where there
        is nothing, else 64 times the `PointOutcome` and a shade from 1 to `SHADES`."""
        first, last = first_s - self.first_s, last_s - self.first_s
        per_pixel = (last - first) / max(width, 1)
        picture = np.zeros((height, width), np.uint8)
        stride = width + 2 * _REACH
        for outcome, marks in zip(PointOutcome, self._level(per_pixel), strict=True):
            edge = _REACH * per_pixel
            part = marks.between(first - edge, last + edge)
            if part.start == part.stop:
                continue
            columns = ((marks.x[part] - first) / per_pixel).astype(np.int32)
            np.clip(columns, -_REACH, width - 1 + _REACH, out=columns)
            rows = ((1.0 - marks.y[part]) * (height - 1)).astype(np.int32)
            # Around it there is room for the marks of points beyond the edge.
            plane: Array = np.zeros((height + 2 * _REACH, stride), np.uint8)
            plane[rows + _REACH, columns + _REACH] = marks.shades[part] + (SHADES + 1) * outcome
            mark = _MARKS[outcome]
            if len(columns) * len(mark) > width * height * _CROWDED:
                mark = _DOT
            for down, right in mark:
                top, left = _REACH - down, _REACH - right
                np.maximum(picture, plane[top : top + height, left : left + width], out=picture)
        return picture

    def visible(self, first_s: float, last_s: float, most: int) -> list[SearchPoint] | None:
        """The points between two instants, None when there are more than ``most``."""
        low, high = self.places(first_s, last_s)
        return list(self.points.between(low, high)) if high - low <= most else None

    def nearest(
        self,
        at_s: float,
        y: float,
        per_pixel: tuple[float, float],
        reach: float,
    ) -> int | None:
        """The place of the point nearest to one in the plot, of those within ``reach`` pixels;
        ``per_pixel`` are how many seconds and how much of ``height`` a pixel is."""
        low, high = self.places(at_s - reach * per_pixel[0], at_s + reach * per_pixel[0])
        if low == high:
            return None
        across = (self.at_s[low:high] - at_s) / per_pixel[0]
        down = (self._y[low:high] * self.height - y) / per_pixel[1]
        distances = across * across + down * down
        best = int(np.argmin(distances))
        return low + best if distances[best] <= reach * reach else None

    def counts(self) -> dict[PointOutcome, int]:
        """How many searches ended how."""
        found = np.bincount(self.outcomes, minlength=_OUTCOMES)
        return {outcome: int(found[outcome]) for outcome in PointOutcome}

    def _one_by_one(self, x: Array, outcome: PointOutcome) -> _Marks:
        chosen = np.flatnonzero(self.outcomes == outcome)
        return _Marks(x[chosen], self._y[chosen], np.ones(len(chosen), np.uint8))

    def _level(self, per_pixel: float) -> list[_Marks]:
        """The coarsest of which a cell is no wider than a pixel."""
        for seconds, marks in self._levels:
            if seconds <= per_pixel:
                return marks
        return self._exact

    def _build_levels(self, x: Array) -> list[tuple[float, list[_Marks]]]:
        """The widths of the cells in seconds, the widest first."""
        span = float(self.last_s - self.first_s)
        finest = _COARSEST << (_LEVELS - 1)
        # Where cells are not fewer than points they are no use.
        if span <= 0 or len(self) <= _COARSEST:
            return []
        width = span / finest
        cells = np.minimum((x / width).astype(np.int64), finest - 1)
        rows = np.minimum((self._y * _ROWS).astype(np.int64), _ROWS - 1)
        keys = (self.outcomes.astype(np.int64) * finest + cells) * _ROWS + rows
        keys, counts = np.unique(keys, return_counts=True)
        levels = [(width, self._marks(keys, counts, width, finest))]
        for _ in range(_LEVELS - 1):
            finest, width = finest // 2, width * 2
            # As outcome and cell follow each other in a key, halving both is halving one number.
            keys = (keys // _ROWS // 2) * _ROWS + keys % _ROWS
            keys, places = np.unique(keys, return_inverse=True)
            counts = np.bincount(places, weights=counts).astype(np.int64)
            levels.append((width, self._marks(keys, counts, width, finest)))
        return levels[::-1]

    def _marks(self, keys: Array, counts: Array, width: float, cells: int) -> list[_Marks]:
        shades = np.minimum(1 + _SHADE_STEP * np.log2(counts), SHADES).astype(np.uint8)
        x = ((keys // _ROWS % cells + 0.5) * width).astype(np.float64)
        y = ((keys % _ROWS + 0.5) / _ROWS).astype(np.float32)
        bounds = np.searchsorted(keys, np.arange(_OUTCOMES + 1) * cells * _ROWS)
        return [
            _Marks(x[low:high], y[low:high], shades[low:high]) for low, high in pairwise(bounds)
        ]
