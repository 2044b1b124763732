"""The figures of a period at a glance."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.figures import Counts, Figures
from altus4_desktop.services.so_far import SoFar
from altus4_desktop.ui.panes.analytics.wording import (
    change_arrow,
    change_words,
    points_arrow,
    short_change_words,
)
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import Card, Label

_ROOMY = 880


class Tile(Card):
    """One figure, and how it was before."""

    def __init__(self, title: str, short: str = "", parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.M, spacing=2, parent=parent)
        self._title, self._short = title, short or title
        self._head = Label(title, "caption")
        self._value = Label("–", "title")
        self._change = ElidedLabel(role="caption")
        self._arrow = Label(role="caption")
        self._is_low = False
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self._value)
        row.addWidget(self._arrow)
        row.addStretch(1)
        self._head.setMinimumWidth(1)
        self.body.addWidget(self._head)
        self.body.addLayout(row)
        self.body.addWidget(self._change)
        self.body.addStretch(1)

    def show_value(self, value: str, change: str, arrow: str, more: str = "") -> None:
        """Tell it; ``arrow`` is ``change`` in little room, ``more`` what else is to be said of
        it."""
        self._value.setText(value)
        self._change.setText(change)
        self._arrow.setText(arrow)
        words = ", ".join(filter(None, (self._title, value, change, more)))
        self.setAccessibleName(words)
        for part in (self, self._change):
            part.setToolTip(plain_tool_tip(words))
        self.set_low(low=self._is_low)

    def set_low(self, *, low: bool) -> None:
        """As little room as the figure needs; of how it was before an arrow is left then."""
        self._is_low = low
        margin = Space.S if low else Space.M
        self.body.setContentsMargins(margin, margin, margin, margin)
        self._head.setText(self._short if low else self._title)
        self._value.set_role("strong" if low else "title")
        self._change.setHidden(low or not self._change.text())
        self._arrow.setVisible(low and bool(self._arrow.text()))


class Tiles(QWidget):
    """How many searches, how many without result or failed, and how long they took."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles = {
            "searches": Tile(self.tr("Searches")),
            "zero": Tile(self.tr("Nothing found")),
            "failed": Tile(self.tr("Failed")),
            "p50": Tile(self.tr("Half take at most"), self.tr("Half within")),
            "p95": Tile(self.tr("95 % take at most"), self.tr("95 % within")),
        }
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(Space.M)
        for tile in self.tiles.values():
            self._row.addWidget(tile, 1)

    def show_figures(
        self, figures: Figures, so_far: SoFar | None = None, *, can_compare: bool
    ) -> None:
        """Tell these, and how they were before unless of some days then nothing is known; of an
        unfinished day what is over is compared, shares and durations as they are."""
        counts, before = figures.counts, figures.before if can_compare else None
        change = arrow = more = ""
        if before is not None:
            over = so_far or SoFar(counts.searches, before.searches)
            change = change_words(over.searches, over.before)
            arrow = change_arrow(over.searches, over.before)
            # What is compared is said in what room a tile has.
            short = short_change_words(over.searches, over.before)
            if so_far is not None and so_far.hour is None:
                change = self.tr("{change}, today aside").format(change=short)
                more = self.tr("today goes on, and is left out of both")
            elif so_far is not None:
                change = self.tr("{change}, by {hour}").format(
                    change=short, hour=f"{so_far.hour:02}:00"
                )
                more = self.tr("the same hours are compared: {now} and {before}").format(
                    now=f"{so_far.searches:,}", before=f"{so_far.before:,}"
                )
        elif figures.before is not None:
            change = self.tr("before is not all known")
        self.tiles["searches"].show_value(f"{counts.searches:,}", change, arrow, more)
        for name, part in (("zero", _zero_percent), ("failed", _failed_percent)):
            now = part(counts)
            text = "–" if now is None else f"{now:.1f} %"
            was = part(before) if before is not None else None
            points = points_arrow(now, was)
            self.tiles[name].show_value(text, self._points(now, before, part), points)
        latency, earlier = figures.latency, figures.latency_before if can_compare else None
        for name, value, was in (
            ("p50", latency.p50_ms, earlier.p50_ms if earlier is not None else None),
            ("p95", latency.p95_ms, earlier.p95_ms if earlier is not None else None),
        ):
            text = "–" if value is None else duration(value)
            change = change_words(value, was) if earlier is not None else ""
            arrow = change_arrow(value, was) if earlier is not None else ""
            self.tiles[name].show_value(text, change, arrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Low where there is little room, so that the first chart is in sight."""
        super().resizeEvent(event)
        is_low = self.width() < _ROOMY
        self._row.setSpacing(Space.S if is_low else Space.M)
        for tile in self.tiles.values():
            tile.set_low(low=is_low)

    def _points(
        self, now: float | None, before: Counts | None, part: Callable[[Counts], float | None]
    ) -> str:
        if before is None:
            return ""
        was = part(before)
        if now is None or was is None:
            return change_words(now, None)
        return self.tr("{before} % before").format(before=f"{was:.1f}")


def _zero_percent(counts: Counts) -> float | None:
    return 100 * counts.zero / counts.searches if counts.searches else None


def _failed_percent(counts: Counts) -> float | None:
    return 100 * (counts.failed + counts.partial) / counts.searches if counts.searches else None
