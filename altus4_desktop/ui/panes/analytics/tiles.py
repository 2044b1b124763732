"""The figures of a period at a glance."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.figures import Counts, Figures
from altus4_desktop.ui.panes.analytics.wording import change_words
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration
from altus4_desktop.ui.widgets import Card, Label

_ROOMY = 820


class Tile(Card):
    """One figure, and how it was before."""

    def __init__(self, title: str, short: str = "", parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.M, spacing=2, parent=parent)
        self._title, self._short = title, short or title
        self._head = Label(title, "caption")
        self._value = Label("–", "title")
        self._change = Label(role="caption")
        self._is_low = False
        for label in (self._head, self._value, self._change):
            label.setMinimumWidth(1)
            self.body.addWidget(label)
        self.body.addStretch(1)

    def show_value(self, value: str, change: str) -> None:
        """Tell it."""
        self._value.setText(value)
        self._change.setText(change)
        words = ", ".join(filter(None, (self._title, value, change)))
        self.setAccessibleName(words)
        self.setToolTip(plain_tool_tip(words))
        self.set_low(low=self._is_low)

    def set_low(self, *, low: bool) -> None:
        """As little room as the figure needs; how it was before is told by the tool tip then."""
        self._is_low = low
        margin = Space.S if low else Space.M
        self.body.setContentsMargins(margin, margin, margin, margin)
        self._head.setText(self._short if low else self._title)
        self._value.set_role("strong" if low else "title")
        self._change.setHidden(low or not self._change.text())


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

    def show_figures(self, figures: Figures, *, can_compare: bool) -> None:
        """Tell these, and how they were before unless of some days then nothing is known."""
        counts, before = figures.counts, figures.before if can_compare else None
        change = ""
        if before is not None:
            change = change_words(counts.searches, before.searches)
        elif figures.before is not None:
            change = self.tr("before is not all known")
        self.tiles["searches"].show_value(f"{counts.searches:,}", change)
        for name, part in (("zero", _zero_percent), ("failed", _failed_percent)):
            now = part(counts)
            text = "–" if now is None else f"{now:.1f} %"
            self.tiles[name].show_value(text, self._points(now, before, part))
        latency, earlier = figures.latency, figures.latency_before if can_compare else None
        for name, value, was in (
            ("p50", latency.p50_ms, earlier.p50_ms if earlier is not None else None),
            ("p95", latency.p95_ms, earlier.p95_ms if earlier is not None else None),
        ):
            text = "–" if value is None else duration(value)
            change = change_words(value, was) if earlier is not None else ""
            self.tiles[name].show_value(text, change)

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
