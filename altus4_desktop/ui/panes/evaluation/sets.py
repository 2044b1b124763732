"""Looking after query sets: name, queries, files, and doing away with them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QItemSelection, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.query_sets import Imported, QuerySet
from altus4_desktop.services.evaluation_files import FileForm, write_judgements, write_queries
from altus4_desktop.services.files import check_new
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, confirm
from altus4_desktop.ui.models.records import Column, RecordModel
from altus4_desktop.ui.panes.evaluation.set_forms import ImportDialog, SetDialog
from altus4_desktop.ui.panes.evaluation.set_queries import QueriesDialog
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, full
from altus4_desktop.ui.widgets import Button, EmptyState, InlineMessage, Label

_SIZE = QSize(860, 540)


class SetsDialog(Dialog):
    """``changed``: a set is not what it was; ``chosen`` carries the id of one to measure by."""

    changed = Signal()
    chosen = Signal(str)

    def __init__(self, session: Session, set_id: str, parent: QWidget | None = None) -> None:
        super().__init__("", name="evaluation.sets", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Query sets"))
        self.setAccessibleName(self.windowTitle())
        self._session = session
        self._wanted = set_id
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._take)
        self._reading.failed.connect(self._show_error)
        self._deleting = LatestTask(session.runner, Lane.METADATA, self)
        self._deleting.succeeded.connect(self._take_change)
        self._deleting.failed.connect(self._show_error)
        self._writing = LatestTask(session.runner, Lane.TENANTS, self)
        self._writing.succeeded.connect(self._show_export)
        self._writing.failed.connect(self._show_error)
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.message = InlineMessage(name="evaluation.sets.message")
        self.body.addWidget(self.message)
        self.model = self._build_model()
        self.table = PlainTable(
            self.model,
            {1: 84, 2: 84, 3: 104, 4: 124},
            0,
            name="evaluation.sets.table",
            label=self.tr("Query sets"),
        )
        self._none = EmptyState(
            "chart",
            self.tr("No query set yet"),
            self.tr("Judge hits in Search (Ctrl+J), import files, or begin an empty one."),
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._none)
        self.body.addWidget(self._pages, 1)
        self._build_buttons()
        self.table.selectionModel().selectionChanged.connect(self._allow)
        self.table.doubleClicked.connect(self.open_queries)
        self.resize(self.fitting(_SIZE))
        self._allow()
        self.table.setFocus()
        self.read()

    def _build_model(self) -> RecordModel[QuerySet]:
        return RecordModel(
            [
                Column(
                    self.tr("Name"),
                    lambda one: one.draft.name,
                    tool_tip=lambda one: plain_tool_tip(
                        f"{one.draft.name}\n{one.draft.description}".strip()
                    ),
                ),
                Column(self.tr("Queries"), lambda one: f"{one.queries:,}", is_number=True),
                Column(self.tr("Judged"), lambda one: f"{one.judged:,}", is_number=True),
                Column(self.tr("Judgements"), lambda one: f"{one.judgements:,}", is_number=True),
                Column(
                    self.tr("Changed"),
                    lambda one: ago(one.updated_at),
                    tool_tip=lambda one: full(one.updated_at),
                ),
            ],
            self,
        )

    def _build_buttons(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(Space.S)
        self.new_button = Button(self.tr("New…"), name="evaluation.sets.new")
        self.import_button = Button(self.tr("Import…"), name="evaluation.sets.import")
        self.queries_button = Button(self.tr("Queries…"), name="evaluation.sets.queries")
        self.rename_button = Button(self.tr("Rename…"), name="evaluation.sets.rename")
        self.export_button = Button(self.tr("Export…"), name="evaluation.sets.export")
        self.delete_button = Button(self.tr("Delete"), name="evaluation.sets.delete")
        for button, act in (
            (self.new_button, self.begin),
            (self.import_button, self.bring_in),
            (self.queries_button, self.open_queries),
            (self.rename_button, self.rename),
            (self.export_button, self.export),
            (self.delete_button, self.delete),
        ):
            button.clicked.connect(act)
            tools.addWidget(button)
        tools.addStretch(1)
        self.body.addLayout(tools)
        self.buttons.addStretch(1)
        close = Button(self.tr("Close"), name="evaluation.sets.close")
        close.clicked.connect(self.reject)
        self.choose_button = Button(
            self.tr("Measure by it"), "primary", name="evaluation.sets.choose"
        )
        self.choose_button.setDefault(True)
        self.choose_button.clicked.connect(self._choose)
        self.buttons.addWidget(close)
        self.buttons.addWidget(self.choose_button)
        for keys, act in (("Delete", self.delete), ("F2", self.rename)):
            shortcut = QShortcut(QKeySequence(keys), self.table)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    def current(self) -> QuerySet | None:
        """The set that is chosen."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.records[rows[0].row()] if rows else None

    @Slot()
    def read(self) -> None:
        """Read the sets anew."""
        sets, actor = self._session.services.query_sets, self._session.actor

        def read(_: TaskContext) -> list[QuerySet]:
            return sets.list_(actor)

        self._reading.start(read)

    @Slot(object)
    def _take(self, sets: list[QuerySet]) -> None:
        current = self.current()
        wanted = current.id if current is not None else self._wanted
        self.model.set_records(sets)
        self._pages.setCurrentWidget(self.table if sets else self._none)
        places = [one.id for one in sets]
        if sets:
            self.table.selectRow(places.index(wanted) if wanted in places else 0)
        self._allow()

    @Slot(QItemSelection)
    def _allow(self, _: object = None) -> None:
        current = self.current()
        for button in (
            self.queries_button,
            self.rename_button,
            self.export_button,
            self.delete_button,
            self.choose_button,
        ):
            button.setEnabled(current is not None)

    @Slot(object)
    def _show_error(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.message.show_error(error)

    @Slot()
    def _take_change(self) -> None:
        self.changed.emit()
        self.read()

    # What can be done

    @Slot()
    def _choose(self) -> None:
        current = self.current()
        if current is not None:
            self.chosen.emit(current.id)
            self.accept()

    @Slot()
    def begin(self) -> None:
        """Begin a set."""
        self._ask(None)

    @Slot()
    def rename(self) -> None:
        """Give the set another name."""
        if self.current() is not None:
            self._ask(self.current())

    def _ask(self, seen: QuerySet | None) -> None:
        self.message.clear()
        dialog = SetDialog(self._session, seen, self)
        dialog.saved.connect(self._take_saved)
        dialog.open()

    @Slot(object)
    def _take_saved(self, saved: QuerySet) -> None:
        self.table.clearSelection()
        self._wanted = saved.id
        self._take_change()

    @Slot()
    def open_queries(self) -> None:
        """Show the queries of the set."""
        current = self.current()
        if current is not None:
            dialog = QueriesDialog(self._session, current, self)
            dialog.changed.connect(self._take_change)
            dialog.open()

    @Slot()
    def bring_in(self) -> None:
        """Ask for files."""
        self.message.clear()
        current = self.current()
        dialog = ImportDialog(self._session, current.draft.name if current else "", self)
        dialog.imported.connect(self._show_import)
        dialog.open()

    @Slot(object, object)
    def _show_import(self, own: QuerySet, done: Imported) -> None:
        text = self.tr("“{name}”: {queries} queries and {judgements} judgements added.").format(
            name=own.draft.name, queries=f"{done.queries:,}", judgements=f"{done.judgements:,}"
        )
        hints = []
        if done.known:
            hints.append(self.tr("{count} queries were there.").format(count=f"{done.known:,}"))
        if done.left_out:
            hints.append(
                self.tr("{count} judgements are of other queries and were left out.").format(
                    count=f"{done.left_out:,}"
                )
            )
        self.message.show_message("success", text, " ".join(hints))
        self._take_saved(own)

    @Slot()
    def export(self) -> None:
        """Ask for files, and write queries and judgements."""
        current = self.current()
        if current is None:
            return
        forms = {
            self.tr("TREC topics, with qrels beside them (*.topics)"): FileForm.TREC,
            self.tr("JSON lines, with judgements beside them (*.jsonl)"): FileForm.JSONL,
        }
        chosen, ending = QFileDialog.getSaveFileName(
            self, self.tr("Export the query set"), "queries.topics", ";;".join(forms)
        )
        if chosen:
            form = forms.get(ending, FileForm.TREC)
            self.export_to(current, Path(chosen), form)

    def export_to(self, own: QuerySet, path: Path, form: FileForm) -> None:
        """Write the queries of a set to ``path`` and its judgements beside them."""
        sets, actor = self._session.services.query_sets, self._session.actor
        queries = path.with_suffix(".topics" if form is FileForm.TREC else ".jsonl")
        qrels = path.with_suffix(".qrels" if form is FileForm.TREC else ".qrels.jsonl")

        def write(_: TaskContext) -> tuple[Path, Path]:
            contents = sets.contents_(actor, own.id)
            # Whether the other may be replaced, the file dialog has asked.
            check_new(qrels)
            write_queries(queries, contents.queries, contents.notes, form)
            write_judgements(qrels, contents.judgements, form)
            return queries, qrels

        self.message.clear()
        self._writing.start(write, title=self.tr("Exporting a query set"))

    @Slot(object)
    def _show_export(self, paths: tuple[Path, Path]) -> None:
        self.message.show_message(
            "success", self.tr("Queries and judgements written."), "\n".join(map(str, paths))
        )

    @Slot()
    def delete(self) -> None:
        """Delete the set that is chosen, once that was confirmed."""
        current = self.current()
        if current is None or not confirm(
            self,
            self.tr("Delete “{name}”?").format(name=current.draft.name[:80]),
            self.tr(
                "Its {queries} queries, {judgements} judgements and all runs that were kept of it "
                "go too. Export it first if you may want them again."
            ).format(queries=f"{current.queries:,}", judgements=f"{current.judgements:,}"),
            self.tr("Delete"),
            name="evaluation.sets.confirm",
        ):
            return
        sets, actor = self._session.services.query_sets, self._session.actor

        def delete(_: TaskContext) -> list[QuerySet]:
            return sets.delete_(actor, [current.id])

        self.message.clear()
        self.table.clearSelection()
        self._deleting.start(delete)

    def done(self, result: int) -> None:
        """Hear nothing more of what is under way."""
        for task in (self._reading, self._deleting, self._writing):
            task.drop()
        super().done(result)
