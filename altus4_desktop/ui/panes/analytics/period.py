"""Which days the charts are about, and whether those before are compared with them."""

from __future__ import annotations

from datetime import date

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from altus4_desktop.domain.figures import COUNTED_DAYS, PERIOD_DAYS, Period
from altus4_desktop.ui.panes.audit.filters import read_day
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Label, Segments, refresh_style

CUSTOM = "custom"
MOST_DAYS = 3660
_FIRST_CHOICE = "month"


class PeriodBar(QWidget):
    """``changed`` comes when other days are wanted, or something else is compared; ``refused`` says
    why days that were typed are none."""

    changed = Signal()
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        titles = {
            "day": self.tr("Day"),
            "week": self.tr("Week"),
            "month": self.tr("Month"),
            "quarter": self.tr("Quarter"),
            "year": self.tr("Year"),
        }
        self.choice = Segments(
            [*((key, titles[key]) for key in PERIOD_DAYS), (CUSTOM, self.tr("Days…"))],
            name="analytics.period",
            label=self.tr("Period"),
        )
        self.choice.set_key(_FIRST_CHOICE)
        self.choice.chosen.connect(self._take_choice)
        self.compare = QCheckBox(self.tr("Compare with before"))
        self.compare.setObjectName("analytics.compare")
        self.compare.setAccessibleName(self.tr("Compare with the days before"))
        self.compare.setChecked(True)
        self.compare.toggled.connect(self.changed)
        self.first = _day("analytics.from", self.tr("From"), self.tr("From, as 2026-01-31"))
        self.last = _day("analytics.to", self.tr("To"), self.tr("To (included)"))
        for field in (self.first, self.last):
            field.editingFinished.connect(self._take_days)
        self._days = QWidget()
        days = QHBoxLayout(self._days)
        days.setContentsMargins(0, 0, 0, 0)
        days.setSpacing(Space.S)
        for part in (self.first, Label("–", "muted"), self.last):
            days.addWidget(part)
        days.addStretch(1)
        self._days.hide()
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        row.addWidget(self.choice)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(row)
        column.addWidget(self._days)
        self._asked: Period | None = None

    def period(self, today: date) -> Period | None:
        """The days that are wanted; None while those that are typed are none."""
        if self.choice.key != CUSTOM:
            return Period.ending(today, PERIOD_DAYS[self.choice.key])
        first, last = read_day(self.first.text()), read_day(self.last.text())
        if first is None or last is None or not first <= last:
            return None
        # What is typed may be the year 1.
        if first < COUNTED_DAYS.first or last > COUNTED_DAYS.last:
            return None
        # Longer than anything is kept.
        if (last - first).days >= MOST_DAYS:
            return None
        return Period(first, last)

    def keep(self, memory: PaneMemory) -> None:
        """Write down what is chosen."""
        days = [self.first.text(), self.last.text()] if self.choice.key == CUSTOM else []
        memory.keep("period", [self.choice.key, *days])
        memory.keep("compares", self.compare.isChecked())

    def restore(self, memory: PaneMemory) -> None:
        """Choose what was chosen last; ``changed`` does not come."""
        compares = memory.value("compares")
        if isinstance(compares, bool):
            self.compare.blockSignals(True)
            self.compare.setChecked(compares)
            self.compare.blockSignals(False)
        match memory.value("period"):
            case [str() as key] if key in PERIOD_DAYS:
                self.choice.set_key(key)
            case [str() as key, str() as first, str() as last] if key == CUSTOM:
                self.first.setText(first)
                self.last.setText(last)
                self.choice.set_key(CUSTOM)
                if self.period(date.max) is None:
                    self.choice.set_key(_FIRST_CHOICE)
                self._days.setVisible(self.choice.key == CUSTOM)

    def problem(self) -> str:
        """Why the days that are typed are none; "" of those that are some."""
        if self.period(date.max) is not None:
            return ""
        return self.tr(
            "Write both days as 2026-01-31, the first one first, at most ten years apart, from 1970"
            " to 2099."
        )

    def offer(self, period: Period) -> None:
        """Begin with these days when days of one's own are wanted."""
        if self.choice.key != CUSTOM:
            self._asked = None
            self.first.setText(period.first.isoformat())
            self.last.setText(period.last.isoformat())

    @Slot()
    def _take_choice(self) -> None:
        is_custom = self.choice.key == CUSTOM
        self._days.setVisible(is_custom)
        self._asked = None
        if is_custom:
            self.first.setFocus()
            self.first.selectAll()
            self._asked = self._mark()
        self.changed.emit()

    @Slot()
    def _take_days(self) -> None:
        if self.choice.key != CUSTOM:
            return
        period = self._mark()
        if period is None:
            self._asked = None
            self.refused.emit(self.problem())
        elif period != self._asked:
            self._asked = period
            self.changed.emit()

    def _mark(self) -> Period | None:
        """Show in the fields whether they say days."""
        problem = self.problem()
        for field in (self.first, self.last):
            field.setProperty("invalid", "true" if problem else "false")
            field.setAccessibleDescription(problem)
            field.setToolTip(problem)
            refresh_style(field)
        return self.period(date.max)


def _day(name: str, label: str, placeholder: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setPlaceholderText(placeholder)
    field.setMaximumWidth(190)
    return field
