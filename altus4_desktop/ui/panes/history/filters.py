"""What narrows the history down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from PySide6.QtCore import QCoreApplication, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery, OwnTime, WeekHour
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.account_box import AccountBox
from altus4_desktop.ui.panes.audit.filters import read_day
from altus4_desktop.ui.panes.paged_filters import ChoiceBox, PagedFilters
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import duration, exact, midnight
from altus4_desktop.ui.widgets import IconButton, Label, SearchField, refresh_style

_NAME_LENGTH = 40
_RANGE = "range"
_DAYS = "days"
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
Range = tuple[datetime | None, datetime | None, WeekHour | None, OwnTime | None]
_NO_RANGE: Range = (None, None, None, None)
# What the connection was called then, where all that is known is a name.
_NAMED = "name:"
# A key's id follows; alone it is for none.
_KEY = "key:"
_ONE_ROW = 780
# From and to how many milliseconds, both included.
_TOOK: tuple[tuple[int, int | None], ...] = ((0, None), (0, 99), (100, 999), (1000, None))


class HistoryFilters(PagedFilters):
    """Words, time, mode, outcome, connection and account."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = _NO_RANGE
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
            (self.tr("Days…"), _DAYS),
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
        self.person = AccountBox(session, "history.person")
        self.person.hide()
        self.key = ChoiceBox("history.key", self.tr("API key"))
        self.key.addItem(self.tr("Any API key"), "")
        self.key.hide()
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
            self.key,
        )
        self._listen(self.text, *self._boxes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(self._first)
        self._build_days()
        column.addLayout(self._rest)
        column.addWidget(self._days)
        self._arranged: tuple[ChoiceBox, ...] = ()
        self._arrange()

    def _build_days(self) -> None:
        self.first_day = _day("history.from", self.tr("From"), self.tr("From, as 2026-01-31"))
        self.last_day = _day("history.to", self.tr("To"), self.tr("To (included)"))
        self._days = QWidget()
        row = QHBoxLayout(self._days)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        for part in (self.first_day, Label("–", "muted"), self.last_day):
            row.addWidget(part)
        row.addStretch(1)
        self._days.hide()
        for field in (self.first_day, self.last_day):
            field.textChanged.connect(self._take_day)
        self.period.currentIndexChanged.connect(self._show_days)

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
        least, most, finished = str(self.took.currentData()).split("-")
        where, key = str(self.connection.currentData()), str(self.key.currentData())
        is_named = where.startswith(_NAMED)
        # In whole minutes: two questions soon after each other are the same question.
        minute = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
        from_at, to_at = minute - timedelta(days=int(days)) if days.isdigit() else None, None
        week_hour = own_time = None
        if days == _RANGE:
            from_at, to_at, week_hour, own_time = self._range
        elif days == _DAYS:
            first, last = _read(self.first_day.text()), _read(self.last_day.text())
            from_at = midnight(first) if first else None
            to_at = midnight(last + timedelta(days=1)) if last else None
        return HistoryQuery(
            text=self.text.text().strip(),
            connection_id="" if is_named else where,
            mode=SearchMode(mode) if mode else None,
            outcome=HistoryOutcome(outcome) if outcome else None,
            user_id=str(self.person.currentData()),
            from_at=from_at,
            to_at=to_at,
            whole=self.whole.isChecked() and bool(self.text.text().strip()),
            least_ms=int(least),
            most_ms=int(most) if most else None,
            is_finished=bool(finished),
            connection_name=where.removeprefix(_NAMED) if is_named else "",
            key_id=key.removeprefix(_KEY) if key else None,
            week_hour=week_hour,
            own_time=own_time,
        )

    def show_query(self, query: HistoryQuery) -> None:
        """Ask for these searches; ``changed`` does not come."""
        for widget in (self.text, self.whole, *self._boxes):
            widget.blockSignals(True)
        self._typing.stop()
        self.text.setText(query.text)
        self.whole.setChecked(query.whole)
        self._range = (query.from_at, query.to_at, query.week_hour, query.own_time)
        place = self.period.findData(_RANGE)
        if place >= 0:
            self.period.removeItem(place)
        if self._range != _NO_RANGE:
            self.period.addItem(_range_words(*self._range), _RANGE)
        self.period.setCurrentIndex(max(0, self.period.findData(_RANGE)))
        bounds = (query.least_ms, query.most_ms, query.is_finished)
        took = _took_key(*bounds)
        while self.took.count() > len(_TOOK):
            self.took.removeItem(len(_TOOK))
        if self.took.findData(took) < 0:
            self.took.addItem(_took_words(*bounds), took)
        where = query.connection_id
        if query.connection_name:
            where = f"{_NAMED}{query.connection_name}"
            if self.connection.findData(where) < 0:
                self.connection.addItem(_short(query.connection_name), where)
        key = "" if query.key_id is None else f"{_KEY}{query.key_id}"
        while self.key.count() > 1:
            self.key.removeItem(1)
        if key:
            self.key.addItem(_key_words(query.key_id, ""), key)
        self.key.setVisible(bool(key))
        self._arrange()
        for box, data in (
            (self.mode, query.mode.value if query.mode else ""),
            (self.outcome, query.outcome.value if query.outcome else ""),
            (self.took, took),
            (self.connection, where),
            (self.key, key),
            (self.person, query.user_id),
        ):
            # Names may not have been read yet: they come with the first page.
            if box.findData(data) < 0:
                box.addItem("…", data)
            box.setCurrentIndex(box.findData(data))
        for widget in (self.text, self.whole, *self._boxes):
            widget.blockSignals(False)
        self._show_days()
        self._show_reset()

    def set_connections(self, names: Mapping[str, str]) -> None:
        """Offer these by id; what is chosen stays chosen."""
        _fill(self.connection, names)

    def set_key_name(self, name: str) -> None:
        """What the API key is called that is asked for; "": it is gone."""
        if self.key.count() > 1:
            key_id = str(self.key.itemData(1)).removeprefix(_KEY)
            self.key.setItemText(1, _key_words(key_id, name))

    def set_people(self, emails: Mapping[str, str]) -> None:
        """Offer these by id; without any there is nothing to choose."""
        self.person.setVisible(bool(emails))
        self._arrange()
        self.person.offer(emails)

    @Slot()
    def clear(self) -> None:
        """Show everything again."""
        for box in self._boxes:
            box.setCurrentIndex(0)
        self.whole.setChecked(False)
        self.text.clear()

    def _arrange(self) -> None:
        """The choices in a row below the words; where that is too narrow for all, in two."""
        optional = {self.person, self.key}
        shown = [box for box in self._boxes if box not in optional or box.isVisibleTo(self)]
        is_narrow = len(shown) >= len(self._boxes) - 1 and self.width() < _ONE_ROW
        below = tuple(shown if is_narrow else shown[1:])
        if below == self._arranged:
            return
        self._arranged = below
        columns = 3 if is_narrow else len(below)
        if self.period not in below:
            self._first.insertWidget(2, self.period, 1)
        hidden = [box for box in self._boxes if box not in shown]
        for place, box in enumerate((*below, *hidden)):
            self._rest.addWidget(box, place // columns, place % columns)
        for column in range(len(self._boxes)):
            self._rest.setColumnStretch(column, 1 if column < columns else 0)

    @Slot()
    def _show_days(self) -> None:
        is_wanted = self.period.currentData() == _DAYS
        if is_wanted and not self._days.isVisibleTo(self):
            self._days.show()
            self.first_day.setFocus()
        self._days.setVisible(is_wanted)

    @Slot()
    def _take_day(self) -> None:
        problem = self.tr("Write a day as 2026-01-31.")
        for field in (self.first_day, self.last_day):
            wrong = bool(field.text().strip()) and _read(field.text()) is None
            field.setProperty("invalid", "true" if wrong else "false")
            field.setAccessibleDescription(problem if wrong else "")
            field.setToolTip(problem if wrong else "")
            refresh_style(field)
        self._typing.start()

    @Slot()
    def _show_reset(self) -> None:
        self._reset.setVisible(self.is_set)


def _read(text: str) -> date | None:
    day = read_day(text)
    return day if day is not None and _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _day(name: str, label: str, placeholder: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(label)
    field.setPlaceholderText(placeholder)
    field.setMaximumWidth(190)
    return field


def _range_words(
    from_at: datetime | None,
    to_at: datetime | None,
    week_hour: WeekHour | None,
    own_time: OwnTime | None,
) -> str:
    parts = [] if week_hour is None else [_hour_words(week_hour)]
    if from_at is not None or to_at is not None:
        first = exact(from_at)[:-3] if from_at else "…"
        last = exact(to_at)[:-3] if to_at else "…"
        parts.append(f"{first} – {last}")
    if own_time is not None:
        parts.append(_own_words(own_time))
    if own_time is not None or (week_hour is not None and not week_hour.zone):
        parts.append(_own_zone_words())
    return ", ".join(parts)


def _own_words(time: OwnTime) -> str:
    """Days for people, or an hour."""
    if time.ends - time.begins < timedelta(days=1):
        return f"{time.begins:%Y-%m-%d %H:%M} – {time.ends:%H:%M}"
    first, last = time.begins.date(), (time.ends - timedelta(days=1)).date()
    return f"{first}" if first == last else f"{first} – {last}"


def week_hour_words(hour: WeekHour) -> str:
    """An hour of the week for people."""
    words = _hour_words(hour)
    return words if hour.zone else f"{words}, {_own_zone_words()}"


def _own_zone_words() -> str:
    return _tr("each person's own time zone")


def _hour_words(hour: WeekHour) -> str:
    days = (
        _tr("Mondays"),
        _tr("Tuesdays"),
        _tr("Wednesdays"),
        _tr("Thursdays"),
        _tr("Fridays"),
        _tr("Saturdays"),
        _tr("Sundays"),
    )
    return _tr("{day} {hour:02}:00 to {next:02}:00").format(
        day=days[hour.weekday - 1], hour=hour.hour, next=hour.hour + 1
    )


def _key_words(key_id: str | None, name: str) -> str:
    if not key_id:
        return _tr("Without an API key")
    return _short(name) if name else _tr("An API key")


def _took_key(least_ms: int, most_ms: int | None, is_finished: bool = False) -> str:
    return f"{least_ms}-{'' if most_ms is None else most_ms}-{'finished' if is_finished else ''}"


def _took_words(least_ms: int, most_ms: int | None, is_finished: bool = False) -> str:
    words = _taken_words(least_ms, most_ms)
    return _tr("{words}, finished").format(words=words) if is_finished else words


def _taken_words(least_ms: int, most_ms: int | None) -> str:
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


def _short(title: str) -> str:
    return title if len(title) <= _NAME_LENGTH else title[: _NAME_LENGTH - 1] + "…"


def _fill(box: QComboBox, items: Mapping[str, str]) -> None:
    chosen, words = box.currentData(), box.currentText()
    box.blockSignals(True)
    while box.count() > 1:
        box.removeItem(1)
    for key, title in items.items():
        box.addItem(_short(title), key)
    if box.findData(chosen) < 0:
        # What is asked for stays asked for, even of what is gone.
        box.addItem(words, chosen)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    box.blockSignals(False)
