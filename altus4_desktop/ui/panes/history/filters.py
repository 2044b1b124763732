"""What narrows the history down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.paged_filters import ChoiceBox, PagedFilters
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration, exact
from altus4_desktop.ui.widgets import IconButton, SearchField

_NAME_LENGTH = 40
_RANGE = "range"
_ONE_ROW = 780
# From and to how many milliseconds, both included.
_TOOK: tuple[tuple[int, int | None], ...] = ((0, None), (0, 99), (100, 999), (1000, None))


class HistoryFilters(PagedFilters):
    """Words, time, mode, outcome, connection and account."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range: tuple[datetime | None, datetime | None] = (None, None)
        self.text = SearchField(self.tr("Words of the query"), name="history.filter")
        self.whole = QCheckBox(self.tr("Whole query"))
        self.whole.setObjectName("history.whole")
        self.whole.setAccessibleName(self.whole.text())
        self.whole.setToolTip(self.tr("Only queries that are exactly these words"))
        self.whole.toggled.connect(self._take_choice)
        self.period = ChoiceBox("history.period", self.tr("When"))
        for title, days in (
            (self.tr("Any time"), ""),
            (self.tr("The last 24 hours"), "1"),
            (self.tr("The last 7 days"), "7"),
            (self.tr("The last 30 days"), "30"),
            (self.tr("The last year"), "365"),
        ):
            self.period.addItem(title, days)
        self.mode = ChoiceBox("history.mode", self.tr("Mode"))
        for title, mode in (
            (self.tr("Any mode"), ""),
            (self.tr("Natural"), SearchMode.NATURAL.value),
            (self.tr("Boolean"), SearchMode.BOOLEAN.value),
            (self.tr("Semantic"), SearchMode.SEMANTIC.value),
        ):
            self.mode.addItem(title, mode)
        self.outcome = ChoiceBox("history.outcome", self.tr("Outcome"))
        for title, outcome in (
            (self.tr("Any result"), ""),
            (self.tr("With hits"), HistoryOutcome.HITS.value),
            (self.tr("Nothing found"), HistoryOutcome.NONE.value),
            (self.tr("Failed"), HistoryOutcome.FAILED.value),
            (self.tr("Slow"), HistoryOutcome.SLOW.value),
        ):
            self.outcome.addItem(title, outcome)
        self.took = ChoiceBox("history.took", self.tr("How long it took"))
        for bounds in _TOOK:
            self.took.addItem(_took_words(*bounds), _took_key(*bounds))
        self.connection = ChoiceBox("history.connection", self.tr("Connection"))
        self.connection.addItem(self.tr("Anywhere"), "")
        self.person = ChoiceBox("history.person", self.tr("Account"))
        self.person.addItem(self.tr("Everybody"), "")
        self.person.hide()
        self._first, self._rest = QHBoxLayout(), QGridLayout()
        self._first.setSpacing(Space.S)
        self._reset = IconButton("close", self.tr("Show everything"), name="history.reset", size=16)
        self._reset.clicked.connect(self.clear)
        self._reset.hide()
        self.changed.connect(self._show_reset)
        self._first.addWidget(self.text, 3)
        self._first.addWidget(self.whole)
        self._first.addWidget(self._reset)
        self._rest.setSpacing(Space.S)
        self._boxes = (
            self.period,
            self.mode,
            self.outcome,
            self.took,
            self.connection,
            self.person,
        )
        self._listen(self.text, *self._boxes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(self._first)
        column.addLayout(self._rest)
        self._columns = 0
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What is chosen stays readable."""
        super().resizeEvent(event)
        self._arrange()

    @property
    def is_set(self) -> bool:
        """Whether anything narrows the history down."""
        return self.query() != HistoryQuery()

    def query(self, now: datetime | None = None) -> HistoryQuery:
        """What is asked for."""
        days, mode = str(self.period.currentData()), str(self.mode.currentData())
        outcome = str(self.outcome.currentData())
        least, _, most = str(self.took.currentData()).partition("-")
        # In whole minutes: two questions soon after each other are the same question.
        minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
        from_at, to_at = minute - timedelta(days=int(days)) if days.isdigit() else None, None
        if days == _RANGE:
            from_at, to_at = self._range
        return HistoryQuery(
            text=self.text.text().strip(),
            connection_id=str(self.connection.currentData()),
            mode=SearchMode(mode) if mode else None,
            outcome=HistoryOutcome(outcome) if outcome else None,
            user_id=str(self.person.currentData()),
            from_at=from_at,
            to_at=to_at,
            whole=self.whole.isChecked() and bool(self.text.text().strip()),
            least_ms=int(least),
            most_ms=int(most) if most else None,
        )

    def show_query(self, query: HistoryQuery) -> None:
        """Ask for these searches; ``changed`` does not come."""
        for widget in (self.text, self.whole, *self._boxes):
            widget.blockSignals(True)
        self._typing.stop()
        self.text.setText(query.text)
        self.whole.setChecked(query.whole)
        self._range = (query.from_at, query.to_at)
        place = self.period.findData(_RANGE)
        if place >= 0:
            self.period.removeItem(place)
        if self._range != (None, None):
            self.period.addItem(_range_words(*self._range), _RANGE)
        self.period.setCurrentIndex(max(0, self.period.findData(_RANGE)))
        took = _took_key(query.least_ms, query.most_ms)
        while self.took.count() > len(_TOOK):
            self.took.removeItem(len(_TOOK))
        if self.took.findData(took) < 0:
            self.took.addItem(_took_words(query.least_ms, query.most_ms), took)
        for box, key in (
            (self.mode, query.mode.value if query.mode else ""),
            (self.outcome, query.outcome.value if query.outcome else ""),
            (self.took, took),
            (self.connection, query.connection_id),
            (self.person, query.user_id),
        ):
            # Names may not have been read yet: they come with the first page.
            if box.findData(key) < 0:
                box.addItem("…", key)
            box.setCurrentIndex(box.findData(key))
        for widget in (self.text, self.whole, *self._boxes):
            widget.blockSignals(False)
        self._show_reset()

    def set_connections(self, names: Mapping[str, str]) -> None:
        """Offer these by id; what is chosen stays chosen."""
        _fill(self.connection, names)

    def set_people(self, emails: Mapping[str, str]) -> None:
        """Offer these by id; without any there is nothing to choose."""
        self.person.setVisible(bool(emails))
        self._arrange()
        _fill(self.person, emails)

    @Slot()
    def clear(self) -> None:
        """Show everything again."""
        for box in self._boxes:
            box.setCurrentIndex(0)
        self.whole.setChecked(False)
        self.text.clear()

    def _arrange(self) -> None:
        """The choices in a row below the words; where that is too narrow for all, in two."""
        columns = 4
        if self.person.isVisibleTo(self):
            columns = 3 if self.width() < _ONE_ROW else 5
        if columns == self._columns:
            return
        self._columns = columns
        below = self._boxes if columns == 3 else self._boxes[1:]
        if self.period not in below:
            self._first.insertWidget(2, self.period, 1)
        for place, box in enumerate(below):
            self._rest.addWidget(box, place // columns, place % columns)
        for column in range(len(self._boxes)):
            self._rest.setColumnStretch(column, 1 if column < columns else 0)

    @Slot()
    def _show_reset(self) -> None:
        self._reset.setVisible(self.is_set)


def _range_words(from_at: datetime | None, to_at: datetime | None) -> str:
    first = exact(from_at)[:-3] if from_at else "…"
    last = exact(to_at)[:-3] if to_at else "…"
    return f"{first} – {last}"


def _took_key(least_ms: int, most_ms: int | None) -> str:
    return f"{least_ms}-{'' if most_ms is None else most_ms}"


def _took_words(least_ms: int, most_ms: int | None) -> str:
    least = duration(least_ms)
    if most_ms is None:
        return _tr("{least} and longer").format(least=least) if least_ms else _tr("Any speed")
    # What is said of a range is where the next one begins.
    most = duration(most_ms + 1)
    if least_ms:
        return _tr("{least} to {most}").format(least=least, most=most)
    return _tr("Under {most}").format(most=most)


def _tr(text: str) -> str:
    return QCoreApplication.translate("history", text)


def _fill(box: QComboBox, items: Mapping[str, str]) -> None:
    chosen = box.currentData()
    box.blockSignals(True)
    while box.count() > 1:
        box.removeItem(1)
    for key, title in items.items():
        short = title if len(title) <= _NAME_LENGTH else title[: _NAME_LENGTH - 1] + "…"
        box.addItem(short, key)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.blockSignals(False)
