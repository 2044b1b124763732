"""The tables of one server: what runs, who waits, which indexes there are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Generic, TypeVar

from PySide6.QtCore import QCoreApplication, QItemSelection, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.monitoring import IndexStatistics, ListedStatement, LockWait
from altus4_desktop.ui.models.records import RECORD_ROLE, Column, RecordModel
from altus4_desktop.ui.panes.monitoring.wording import count, holder_words, uptime_words
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import size
from altus4_desktop.ui.widgets import Button, EmptyState, Label

R = TypeVar("R", bound=Hashable)
_TIP = 1000


class _LiveTable(PlainTable, Generic[R]):
    """A table whose rows are read anew all the time: who is chosen stays chosen."""

    stop_wanted = Signal()
    _wide_from: Mapping[int, int] = MappingProxyType({})
    _fitted: tuple[int, int] | None = None

    def hide_below(self, widths: Mapping[int, int]) -> None:
        """Leave out columns while the table is not as wide as that."""
        self._wide_from = dict(widths)

    def fit(self, column: int, beside: int) -> None:
        """Make a column as wide as what it says, and leave the one ``beside`` it a third of what
        room there is for both."""
        self._fitted = column, beside
        self._fit()

    def _fit(self) -> None:
        if self._fitted is None:
            return
        column = self._fitted[0]
        room = self.viewport().width() - sum(
            self.columnWidth(other)
            for other in range(self.model().columnCount())
            if other not in self._fitted and not self.isColumnHidden(other)
        )
        said = max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column))
        self.setColumnWidth(column, max(0, min(said + Space.S, room * 2 // 3)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for what matters most."""
        super().resizeEvent(event)
        for column, width in self._wide_from.items():
            self.setColumnHidden(column, event.size().width() < width)
        self._fit()

    def show_rows(self, rows: Sequence[R], same: str) -> None:
        """Show these; ``same`` is the field by which a row is known again."""
        model = self.model()
        if not isinstance(model, RecordModel):
            return
        chosen, place = self.chosen(), self.verticalScrollBar().value()
        wanted = getattr(chosen, same, None)
        model.set_records(rows)
        for number, row in enumerate(rows):
            if wanted is not None and getattr(row, same) == wanted:
                self.selectRow(number)
        self.verticalScrollBar().setValue(place)
        self._fit()

    def chosen(self) -> R | None:
        """The row that is chosen."""
        rows = self.selectionModel().selectedRows()
        found: R | None = rows[0].data(RECORD_ROLE) if rows else None
        return found

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Del stops, Escape leaves."""
        if event.key() == Qt.Key.Key_Delete:
            self.stop_wanted.emit()
        elif event.key() == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        else:
            super().keyPressEvent(event)


class _Page(QWidget):
    """A table, or a sentence where it would be empty."""

    def __init__(self, table: PlainTable, empty: EmptyState) -> None:
        super().__init__()
        self.stack = QStackedWidget()
        self.stack.addWidget(table)
        self.stack.addWidget(empty)
        self.note = Label(role="caption", wrap=True)
        self.note.hide()
        self.foot = QHBoxLayout()
        self.foot.setSpacing(Space.S)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self.stack, 1)
        column.addWidget(self.note)
        column.addLayout(self.foot)

    def show_any(self, *, there: bool, note: str = "") -> None:
        """Whether there are rows, and what is to be said of them."""
        self.stack.setCurrentIndex(0 if there else 1)
        self.note.setText(note)
        self.note.setVisible(bool(note))


class StatementPage(_Page):
    """What this program runs on the server; ``stop_wanted`` for the chosen statement."""

    stop_wanted = Signal(object)

    def __init__(self) -> None:
        columns = [
            Column[ListedStatement](_tr("Search"), lambda it: it.search_id),
            Column[ListedStatement](
                _tr("Running"), lambda it: uptime_words(it.running_s), is_number=True
            ),
            Column[ListedStatement](_tr("State"), lambda it: it.state or "–"),
            Column[ListedStatement](
                _tr("Statement"),
                lambda it: " ".join(it.text.split()),
                tool_tip=lambda it: plain_tool_tip(it.text[:_TIP]),
            ),
        ]
        self.model = RecordModel(columns)
        self.table: _LiveTable[ListedStatement] = _LiveTable(
            self.model,
            {0: 112, 1: 96, 2: 120},
            3,
            name="monitoring.statements",
            label=_tr("Statements of this program that run now"),
        )
        self.table.hide_below({2: 560})
        super().__init__(
            self.table,
            EmptyState(
                "check-circle",
                _tr("Nothing runs"),
                _tr(
                    "Statements of this program under this account are listed while they run, with "
                    "the id of their search."
                ),
            ),
        )
        self.model.setParent(self)
        self.copy_button = Button(_tr("Copy"), icon_name="copy", name="monitoring.statement.copy")
        self.copy_button.clicked.connect(self._copy)
        self.stop_button = Button(
            _tr("Stop the statement…"), icon_name="stop", name="monitoring.statement.stop"
        )
        self.stop_button.clicked.connect(self._stop)
        self.table.stop_wanted.connect(self._stop)
        self.foot.addStretch(1)
        self.foot.addWidget(self.copy_button)
        self.foot.addWidget(self.stop_button)
        self.table.selectionModel().selectionChanged.connect(self._allow)
        self.show_statements((), has_more=False)

    def show_statements(self, statements: Sequence[ListedStatement], *, has_more: bool) -> None:
        """What runs now."""
        self.table.show_rows(statements, "tag")
        note = _tr("Only the longest running ones are listed.") if has_more else ""
        self.show_any(there=bool(statements), note=note)
        self._allow()

    @Slot(QItemSelection)
    def _allow(self, _: object = None) -> None:
        for button in (self.copy_button, self.stop_button):
            button.setEnabled(self.table.chosen() is not None)
            button.setVisible(bool(self.model.rowCount()))

    @Slot()
    def _copy(self) -> None:
        chosen = self.table.chosen()
        if chosen is not None:
            QGuiApplication.clipboard().setText(chosen.text)

    @Slot()
    def _stop(self) -> None:
        chosen = self.table.chosen()
        if chosen is not None:
            self.stop_wanted.emit(chosen)


class LockPage(_Page):
    """Who waits for a metadata lock, and for whom."""

    def __init__(self) -> None:
        columns = [
            Column[LockWait](_tr("Waiting"), lambda it: uptime_words(it.waiting_s), is_number=True),
            Column[LockWait](_tr("Account"), lambda it: it.username),
            Column[LockWait](
                _tr("Who holds it"),
                holder_words,
                tool_tip=lambda it: plain_tool_tip(holder_words(it)[:_TIP]),
            ),
            Column[LockWait](
                _tr("Statement"),
                lambda it: " ".join(it.text.split()),
                tool_tip=lambda it: plain_tool_tip(it.text[:_TIP]),
            ),
        ]
        self.model = RecordModel(columns)
        self.table: _LiveTable[LockWait] = _LiveTable(
            self.model,
            {0: 92, 1: 110, 2: 220},
            3,
            name="monitoring.locks",
            label=_tr("Statements that wait for a metadata lock"),
        )
        self.table.fit(2, beside=3)
        self.table.hide_below({1: 560})
        super().__init__(
            self.table,
            EmptyState(
                "unlock",
                _tr("Nobody waits for a metadata lock"),
                _tr("A statement waits for one while somebody else alters or locks its table."),
            ),
        )
        self.model.setParent(self)

    def show_waits(self, waits: Sequence[LockWait], unseen: str) -> None:
        """Who waits now; ``unseen`` says who would not be seen."""
        self.table.show_rows(waits, "server_id")
        self.show_any(there=bool(waits), note=unseen)


class IndexPage(_Page):
    """The FULLTEXT indexes of the connection's database."""

    def __init__(self) -> None:
        columns = [
            Column[IndexStatistics](_tr("Table"), lambda it: it.table),
            Column[IndexStatistics](_tr("Index"), lambda it: it.name),
            Column[IndexStatistics](_tr("Columns"), lambda it: ", ".join(it.columns)),
            Column[IndexStatistics](
                _tr("Cardinality"), lambda it: _number(it.cardinality), is_number=True
            ),
            Column[IndexStatistics](
                _tr("Size"),
                lambda it: "–" if it.size_bytes is None else size(it.size_bytes),
                is_number=True,
            ),
            Column[IndexStatistics](_tr("Pages"), lambda it: _number(it.pages), is_number=True),
        ]
        self.model = RecordModel(columns)
        self.table: _LiveTable[IndexStatistics] = _LiveTable(
            self.model,
            {3: 92, 4: 84, 5: 64},
            2,
            name="monitoring.indexes",
            label=_tr("FULLTEXT indexes"),
        )
        for column in (0, 1):
            self.table.horizontalHeader().setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch
            )
        self.table.hide_below({5: 560})
        self.empty = EmptyState("index", _tr("Not read yet"))
        super().__init__(self.table, self.empty)
        self.model.setParent(self)

    def show_indexes(self, indexes: Sequence[IndexStatistics] | None, unseen: str) -> None:
        """These; None: they were not read yet."""
        self.table.show_rows(indexes or (), "name")
        if indexes is not None:
            self.empty.set("index", _tr("No FULLTEXT index in this database"))
        else:
            self.empty.set("index", _tr("Not read yet"))
        self.show_any(there=bool(indexes), note=unseen)


def _number(value: int | None) -> str:
    return "–" if value is None else count(value)


def _tr(text: str) -> str:
    return QCoreApplication.translate("monitoring", text)
