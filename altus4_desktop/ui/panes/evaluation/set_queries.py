"""The queries of a set, read as they are scrolled to: add, edit, delete."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QItemSelection, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.query_sets import QuerySet, SetQuery, SetQueryPage
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, confirm
from altus4_desktop.ui.models.records import Column
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.evaluation.set_forms import QueryDialog
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.paged import PagedModel
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button, InlineMessage, SearchField

_SIZE = QSize(820, 560)
_PAGE = 100
_TYPING_MS = 200


class QueryModel(PagedModel[SetQuery]):
    """Queries in the order of the set."""

    def show_first(self, page: SetQueryPage) -> None:
        """Show these and nothing of before."""
        self._begin(page.queries, has_more=len(page.queries) < page.total)

    def add_page(self, page: SetQueryPage) -> None:
        """Put these below."""
        self._append(page.queries, has_more=len(self._records) + len(page.queries) < page.total)


class QueryTable(PlainTable):
    """Enter edits a query, Delete deletes it."""

    opened = Signal()
    deleted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Delete act on the current query."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.deleted.emit()
        else:
            super().keyPressEvent(event)


@dataclass(frozen=True)
class _Answer:
    page: SetQueryPage
    is_first: bool


class QueriesDialog(Dialog):
    """``changed``: a query was added, changed or deleted."""

    changed = Signal()

    def __init__(self, session: Session, own: QuerySet, parent: QWidget | None = None) -> None:
        title = QCoreApplication.translate("evaluation", "Queries of “{name}”").format(
            name=own.draft.name
        )
        super().__init__(title, name="evaluation.queries.dialog", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session, self._own = session, own
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._take)
        self._reading.failed.connect(self._show_error)
        self._deleting = LatestTask(session.runner, Lane.METADATA, self)
        self._deleting.succeeded.connect(self._take_change)
        self._deleting.failed.connect(self._show_error)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.read)
        self.body.addWidget(ElidedLabel(title, "title"))
        self.message = InlineMessage(name="evaluation.queries.message")
        self.body.addWidget(self.message)
        self.filter = SearchField(self.tr("Filter queries"), name="evaluation.queries.filter")
        self.body.addWidget(self.filter)
        self.model = QueryModel(
            [
                Column(self.tr("Id"), lambda one: one.draft.name),
                Column(self.tr("Query"), lambda one: " ".join(one.draft.text.split())),
                Column(self.tr("Note"), lambda one: one.draft.note),
                Column(self.tr("Judged"), lambda one: f"{one.judgements:,}", is_number=True),
                Column(self.tr("Relevant"), lambda one: f"{one.relevant:,}", is_number=True),
            ],
            self,
        )
        self.table = QueryTable(
            self.model,
            {0: 80, 2: 160, 3: 84, 4: 92},
            1,
            name="evaluation.queries.table",
            label=self.tr("Queries of the set"),
        )
        self.body.addWidget(self.table, 1)
        self.add_button = Button(self.tr("Add…"), icon_name="plus", name="evaluation.queries.add")
        self.edit_button = Button(
            self.tr("Edit…"), icon_name="edit", name="evaluation.queries.edit"
        )
        self.delete_button = Button(
            self.tr("Delete"), icon_name="trash", name="evaluation.queries.delete"
        )
        close = Button(self.tr("Close"), "primary", name="evaluation.queries.close")
        for button, act in (
            (self.add_button, self.add),
            (self.edit_button, self.edit),
            (self.delete_button, self.delete),
        ):
            button.clicked.connect(act)
            self.buttons.addWidget(button)
        close.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)
        self.filter.textChanged.connect(self._typing.start)
        self.filter.left_downwards.connect(self.table.setFocus)
        self.model.more_wanted.connect(self._read_more)
        self.table.opened.connect(self.edit)
        self.table.doubleClicked.connect(self.edit)
        self.table.deleted.connect(self.delete)
        self.table.selectionModel().selectionChanged.connect(self._allow)
        self.resize(self.fitting(_SIZE))
        self._allow()
        self.table.setFocus()
        self.read()

    def current(self) -> SetQuery | None:
        """The query that is chosen."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.record_at(rows[0].row()) if rows else None

    @Slot()
    def read(self) -> None:
        """Read the first queries that fit."""
        self._start(0)

    @Slot()
    def _read_more(self) -> None:
        self._start(self.model.rowCount())

    def _start(self, offset: int) -> None:
        sets, actor, set_id = self._session.services.query_sets, self._session.actor, self._own.id
        text = self.filter.text()

        def read(_: TaskContext) -> _Answer:
            page = sets.list_queries_(actor, set_id, text=text, limit=_PAGE, offset=offset)
            return _Answer(page, offset == 0)

        self._reading.start(read)

    @Slot(object)
    def _take(self, answer: _Answer) -> None:
        if answer.is_first:
            self.model.show_first(answer.page)
            if answer.page.queries:
                self.table.selectRow(0)
        else:
            self.model.add_page(answer.page)
        self._allow()

    @Slot(object)
    def _show_error(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.message.show_error(error)

    @Slot(QItemSelection)
    def _allow(self, _: object = None) -> None:
        for button in (self.edit_button, self.delete_button):
            button.setEnabled(self.current() is not None)

    @Slot()
    def add(self) -> None:
        """Ask for another query."""
        self._open(None)

    @Slot()
    def edit(self) -> None:
        """Let people change the query that is chosen."""
        if self.current() is not None:
            self._open(self.current())

    def _open(self, seen: SetQuery | None) -> None:
        self.message.clear()
        dialog = QueryDialog(self._session, self._own.id, seen, self)
        dialog.saved.connect(self._take_change)
        dialog.open()

    @Slot()
    def delete(self) -> None:
        """Delete the query that is chosen, once that was confirmed."""
        query = self.current()
        if query is None or not confirm(
            self,
            self.tr("Delete this query?"),
            self.tr("“{text}” goes with its {count} judgements.").format(
                text=" ".join(query.draft.text.split())[:200], count=query.judgements
            ),
            self.tr("Delete"),
            name="evaluation.queries.confirm",
        ):
            return
        sets, actor, set_id = self._session.services.query_sets, self._session.actor, self._own.id

        def delete(_: TaskContext) -> int:
            return sets.delete_queries_(actor, set_id, [query.id])

        self.message.clear()
        self._deleting.start(delete)

    @Slot()
    def _take_change(self) -> None:
        self.changed.emit()
        self.read()

    def done(self, result: int) -> None:
        """Hear nothing more of what is being read."""
        self._typing.stop()
        self._reading.drop()
        self._deleting.drop()
        super().done(result)
