"""The evaluation pane: two ways to search, measured by what people judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.domain.query_sets import EvaluationRun, QuerySet
from altus4_desktop.services.evaluation_material import tell_apart
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.evaluation.exporting import MeasuredFormat, write_measured
from altus4_desktop.ui.panes.evaluation.measuring import Measured, measure, open_run
from altus4_desktop.ui.panes.evaluation.runs import RunsPage
from altus4_desktop.ui.panes.evaluation.setup import MaterialCard, SetupPage
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.measured import MeasuredSearch
from altus4_desktop.ui.panes.unlocking import Unlocking
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago
from altus4_desktop.ui.widgets import Busy, Button, Card, EmptyState, Label, Segments

if TYPE_CHECKING:
    from altus4_desktop.ui.panes.evaluation.results import ResultPage

SETUP, RESULT, RUNS = "setup", "result", "runs"
_RUNS_AT_MOST = 200


@dataclass(frozen=True)
class _Known:
    """What there is to choose from."""

    connections: list[Connection]
    sets: list[QuerySet]


_FILES_AT_MOST = 2


class EvaluationPane(Pane):
    """What is measured and how, and what came of it."""

    id = "evaluation"
    title = "Evaluation"
    icon_name = "chart"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setAcceptDrops(True)
        self._memory = PaneMemory(session.services.data_dir, "evaluation")
        self._error: AltusError | None = None
        self._connections: tuple[Connection, ...] = ()
        self._listed = ""
        self._measuring = LatestTask(session.runner, Lane.TENANTS, self)
        self._telling = LatestTask(session.runner, Lane.TENANTS, self)
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._listing = LatestTask(session.runner, Lane.METADATA, self)
        self._unlocking = Unlocking(session, self)
        self._unlocking.unlocked.connect(self.run)
        self._unlocking.failed.connect(self.present)
        self._build_header()
        self.strip = self._build_strip()
        self.body.addWidget(self.strip)
        self.pages = QStackedWidget()
        self.setup = SetupPage(session)
        self._result: ResultPage | None = None
        self.runs = RunsPage()
        self._busy = Busy(self.tr("Measuring…"))
        self._empty = self._build_empty()
        again = Button(self.tr("Try again"), icon_name="refresh", name="evaluation.again")
        again.clicked.connect(self.run)
        self._failed = EmptyState("error", "", action=again)
        for page in (self.setup, self.runs, self._busy, self._empty, self._failed):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)
        self.fields = {
            **self.setup.material.rows,
            "run": self.setup.second.file_row,
        }
        self._connect()
        self.setup.restore(self._memory)
        self.view.set_key(RESULT)
        self._draw()

    # The pane among panes

    def activated(self) -> None:
        """Read what can be searched, and what it can be measured by."""
        self._read()

    def focus_first(self) -> None:
        """Where the choice of queries begins, or the queries that were measured."""
        if self._result is not None and self.pages.currentWidget() is self._result:
            self._result.focus_first()
        elif self.pages.currentWidget() is self.setup:
            self.setup.material.focus_first()
        elif self.pages.currentWidget() is self.runs:
            self.runs.table.setFocus()
        else:
            self.view.setFocus()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        return [
            Command(
                "evaluation.run",
                self.tr("Measure"),
                self.run,
                "play",
                "Ctrl+Return",
                self.run_button.isEnabled,
            ),
            Command("evaluation.manage", self.tr("Manage query sets"), self.manage, "edit"),
            Command(
                "evaluation.stop",
                self.tr("Stop measuring"),
                self._measuring.cancel,
                "stop",
                is_enabled=lambda: self._measuring.running,
            ),
            Command(
                "evaluation.export",
                self.tr("Export what was measured"),
                self.export,
                "download",
                "Ctrl+E",
                self._has_result,
            ),
        ]

    def shut(self) -> None:
        """Stop, and write down what was chosen."""
        super().shut()
        for task in (self._measuring, self._telling, self._reading, self._listing):
            task.drop()
        self._unlocking.shut()
        self.setup.keep(self._memory)

    # Measuring

    @Slot()
    def run(self) -> None:
        """Measure, unless something is missing or under way."""
        plan = self.setup.plan()
        if plan is None or self.setup.missing() or self._measuring.running:
            return
        for row in self.fields.values():
            row.clear_error()
        self.message.clear()
        services, actor = self.session.services, self.session.actor

        def work(context: TaskContext) -> Measured:
            return measure(services, actor, plan, context)

        self._error = None
        self._bar.setValue(0)
        self._step.setText(self.tr("Reading the queries…"))
        self._measuring.start(work, title=self.tr("Measuring searches"))
        self.view.set_key(RESULT)
        self._draw()
        self.stop_button.setFocus()

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self._step.setText(progress.message)
        self._bar.setValue(round((progress.fraction or 0.0) * self._bar.maximum()))

    @Slot(object)
    def _take_measured(self, measured: Measured) -> None:
        focused = self._holds_focus()
        self.result.show_measured(measured)
        self._draw()
        if focused:
            self.focus_first()
        self.session.announced.emit(self.result.figures.verdict.text())
        if measured.unkept is not None:
            self.message.show_error(measured.unkept)
        self._listed = ""
        self._list_runs()

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if isinstance(error, InputError) and error.field in self.fields:
            self.view.set_key(SETUP)
            self._draw()
            self.present(error)
        elif isinstance(error, AltusError) and wants_unlocking(error):
            self.view.set_key(SETUP)
            self._draw()
            self.message.show_error(error, [(self.tr("Unlock…"), self._unlocking.start)])
        elif isinstance(error, AltusError):
            self._error = error
            self._draw()

    @Slot()
    def _take_stop(self) -> None:
        focused = self._holds_focus()
        self.message.show_message("info", self.tr("Stopped; nothing was measured."))
        if not self._has_result():
            self.view.set_key(SETUP)
        self._draw()
        if focused:
            self.run_button.setFocus()

    def _holds_focus(self) -> bool:
        """Whether the keyboard is on what is about to go away."""
        focused = QApplication.focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def _has_result(self) -> bool:
        return self._measured is not None

    @property
    def result(self) -> ResultPage:
        """What was measured; built when there is something."""
        if self._result is None:
            from altus4_desktop.ui.panes.evaluation.results import ResultPage

            self._result = ResultPage(self._memory)
            self._result.open_wanted.connect(self._open_query)
            self._result.export_wanted.connect(self.export)
            self.pages.addWidget(self._result)
        return self._result

    @property
    def _measured(self) -> Measured | None:
        return self._result.measured if self._result is not None else None

    @Slot()
    def _draw(self) -> None:
        busy = self._measuring.running
        self.strip.setVisible(busy)
        self.stop_button.setVisible(busy)
        self.run_button.setHidden(busy)
        page: QWidget = self.runs if self.view.key == RUNS else self.setup
        if self.view.key == RESULT:
            if self._error is not None:
                self._failed.set("error", error_message(self._error), error_hint(self._error))
                page = self._failed
            elif busy and not self._has_result():
                page = self._busy
            else:
                page = self.result if self._has_result() else self._empty
        self.pages.setCurrentWidget(page)
        self._allow()

    @Slot()
    def _allow(self) -> None:
        missing = self.setup.missing()
        self.run_button.setEnabled(not missing)
        self.run_button.setToolTip(missing or self.tr("Search for every query with A and with B"))
        self.run_button.setAccessibleDescription(missing)

    # What there is to choose from

    @Slot()
    def _read(self) -> None:
        services, actor = self.session.services, self.session.actor

        def read(_: TaskContext) -> _Known:
            return _Known(services.connections.list_(actor), services.query_sets.list_(actor))

        self._reading.start(read)

    @Slot(object)
    def _take_known(self, known: _Known) -> None:
        self._connections = tuple(known.connections)
        self.setup.show_connections(known.connections)
        self.setup.material.show_sets(known.sets)
        if known.sets and self.pages.currentWidget() is self._empty:
            # Who has judged already needs no explanation.
            focused = self._holds_focus()
            self.view.set_key(SETUP)
            self._draw()
            if focused:
                self.setup.material.focus_first()
        self._listed = ""
        self._list_runs()

    @Slot()
    def _list_runs(self) -> None:
        """Read the runs of the set that is chosen, unless they are known."""
        set_id = self.setup.material.set_id
        if set_id == self._listed:
            return
        self._listed = set_id
        if not set_id:
            self._listing.drop()
            self._take_runs([])
            return
        sets, actor = self.session.services.query_sets, self.session.actor

        def read(_: TaskContext) -> list[EvaluationRun]:
            return sets.list_runs_(actor, set_id, limit=_RUNS_AT_MOST)

        self._listing.start(read)

    @Slot(object)
    def _take_runs(self, runs: list[EvaluationRun]) -> None:
        self.setup.second.show_runs(runs, self._connections)
        name = self.setup.material.set.currentText()
        self.runs.show_runs(
            self.tr("Runs of “{name}”, as they were measured").format(name=name) if name else "",
            runs,
            self._connections,
        )

    # Runs of before

    @Slot(object)
    def _open_run(self, run: EvaluationRun) -> None:
        services, actor = self.session.services, self.session.actor
        connections, run_id = self._connections, run.id

        def read(_: TaskContext) -> Measured:
            return open_run(services, actor, run_id, connections)

        self._error = None
        self.message.clear()
        self.submit(Lane.METADATA, read, self._show_run)

    @Slot(object)
    def _show_run(self, measured: Measured) -> None:
        self.result.show_measured(measured)
        self.view.set_key(RESULT)
        self._draw()
        self.focus_first()

    @Slot(object)
    def _compare_run(self, run: EvaluationRun) -> None:
        self.setup.material.choose_set(run.set_id)
        self.setup.second.choose_run(run.id)
        self.view.set_key(SETUP)
        self._draw()
        self.setup.second.kept.setFocus()

    @Slot(object)
    def _delete_run(self, run: EvaluationRun) -> None:
        if not confirm(
            self,
            self.tr("Delete this run?"),
            self.tr("What was measured {when} is gone then.").format(when=ago(run.created_at)),
            self.tr("Delete"),
            name="evaluation.runs.confirm",
        ):
            return
        sets, actor, run_id = self.session.services.query_sets, self.session.actor, run.id

        def delete(_: TaskContext) -> int:
            return sets.delete_runs_(actor, [run_id])

        self.submit(Lane.METADATA, delete, self._list_runs_anew)

    @Slot()
    def _list_runs_anew(self) -> None:
        self._listed = ""
        self._list_runs()
        self.runs.table.setFocus()

    @Slot()
    def manage(self) -> None:
        """Let people look after their query sets."""
        from altus4_desktop.ui.panes.evaluation.sets import SetsDialog

        dialog = SetsDialog(self.session, self.setup.material.set_id, self)
        dialog.changed.connect(self._read)
        dialog.chosen.connect(self.setup.material.choose_set)
        dialog.open()

    # Files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files that may hold queries or judgements are welcome."""
        if 1 <= len(_local_files(event)) <= _FILES_AT_MOST and not self._measuring.running:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Look which file is what."""
        event.acceptProposedAction()
        self.open_files(_local_files(event))

    def open_files(self, paths: list[Path]) -> None:
        """Choose these files, each as what it is."""

        def tell(_: TaskContext) -> tuple[Path | None, Path | None]:
            return tell_apart(paths)

        self.message.clear()
        self._telling.start(tell)

    @Slot(object)
    def _take_files(self, found: tuple[Path | None, Path | None]) -> None:
        self.setup.material.choose_files(*found)
        self.view.set_key(SETUP)
        self._draw()

    # What was measured

    @Slot(object, str)
    def _open_query(self, pair: QueryPair, side: str) -> None:
        measured = self._measured
        if measured is None:
            return
        runs = {"a": measured.first, "b": measured.second}
        run = runs[side] if side else measured.second or measured.first
        configuration = (run.configuration if run else None) or measured.first.configuration
        if configuration is None:
            self.session.pane_requested.emit("search", pair.query.text)
            return
        request = configuration.build_request(pair.query.text)
        # A page of them, as the lists show, and as long as any search may take.
        asked = replace(request, limit=20, timeout_s=None)
        self.session.pane_requested.emit("search", MeasuredSearch(asked))

    @Slot()
    def export(self) -> None:
        """Ask for a file, and write what was measured to it."""
        measured = self._measured
        if measured is None:
            return
        formats = {
            self.tr("Table of queries (*.csv)"): MeasuredFormat.CSV,
            self.tr("Queries with what was found, JSON lines (*.jsonl)"): MeasuredFormat.JSONL,
            self.tr("What A found, TREC run (*.run)"): MeasuredFormat.RUN_A,
        }
        if measured.second is not None:
            formats[self.tr("What B found, TREC run (*.run)")] = MeasuredFormat.RUN_B
        chosen, ending = QFileDialog.getSaveFileName(
            self, self.tr("Export what was measured"), "evaluation.csv", ";;".join(formats)
        )
        if chosen:
            wanted = formats.get(ending, MeasuredFormat.CSV)
            self.export_to(Path(chosen).with_suffix(wanted.suffix), wanted)

    def export_to(self, path: Path, wanted: MeasuredFormat) -> None:
        """Write what was measured to ``path``."""
        measured = self._measured
        if measured is None:
            return

        def write(_: TaskContext) -> tuple[int, Path]:
            return write_measured(path, measured, wanted), path

        self.message.clear()
        self.submit(
            Lane.TENANTS, write, self._show_export, title=self.tr("Exporting what was measured")
        )

    @Slot(object)
    def _show_export(self, written: tuple[int, Path]) -> None:
        count, path = written
        self.message.show_message(
            "success", self.tr("{count} lines written.").format(count=f"{count:,}"), str(path)
        )

    # Building

    def _build_header(self) -> None:
        self.view = Segments(
            (
                (SETUP, self.tr("Set up")),
                (RESULT, self.tr("Result")),
                (RUNS, self.tr("Runs")),
            ),
            name="evaluation.view",
            label=self.tr("What is shown"),
        )
        self.view.chosen.connect(self._draw)
        self.run_button = Button(
            self.tr("Measure"), "primary", icon_name="play", name="evaluation.run"
        )
        self.run_button.clicked.connect(self.run)
        self.stop_button = Button(self.tr("Stop"), icon_name="stop", name="evaluation.stop")
        self.stop_button.clicked.connect(self._measuring.cancel)
        for part in (self.view, self.stop_button, self.run_button):
            self.header.addWidget(part)

    def _connect(self) -> None:
        for task, take in (
            (self._measuring, self._take_measured),
            (self._telling, self._take_files),
            (self._reading, self._take_known),
            (self._listing, self._take_runs),
        ):
            task.succeeded.connect(take)
        for task in (self._telling, self._reading, self._listing):
            task.failed.connect(self.present)
        self._measuring.progressed.connect(self._show_progress)
        self._measuring.failed.connect(self._take_failure)
        self._measuring.cancelled.connect(self._take_stop)
        self.setup.changed.connect(self._allow)
        self.setup.material.managed.connect(self.manage)
        self.setup.material.changed.connect(self._list_runs)
        self.runs.open_wanted.connect(self._open_run)
        self.runs.compare_wanted.connect(self._compare_run)
        self.runs.delete_wanted.connect(self._delete_run)
        self.session.connections_changed.connect(self._read)
        for keys, act in (("Ctrl+Return", self.run), ("Ctrl+E", self.export)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(act)

    def _build_strip(self) -> Card:
        strip = Card(margin=Space.M, spacing=Space.XS)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        self._step = Label("", "caption")
        self._step.setObjectName("evaluation.step")
        self._bar = QProgressBar()
        self._bar.setObjectName("evaluation.progress")
        self._bar.setAccessibleName(self.tr("How far measuring has come"))
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        row.addWidget(self._step)
        row.addWidget(self._bar, 1)
        strip.body.addLayout(row)
        return strip

    def _build_empty(self) -> EmptyState:
        ways = QWidget()
        row = QHBoxLayout(ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        start = Button(
            self.tr("Judge in Search"), "primary", icon_name="search", name="evaluation.judge"
        )
        start.clicked.connect(self._go_to_search)
        files = Button(self.tr("Open files…"), icon_name="folder", name="evaluation.open")
        files.clicked.connect(self.open_setup)
        row.addWidget(start)
        row.addWidget(files)
        return EmptyState(
            "chart",
            self.tr("Nothing measured yet"),
            self.tr(
                "To judge is to say of a row that a search found how well it answers: 0 not at "
                "all, 3 perfectly. From that each way to search can be measured, and two compared. "
                "Judge while you read, or open queries and judgements that you have."
            ),
            action=ways,
        )

    @Slot()
    def open_setup(self) -> None:
        """Let people choose files."""
        self.view.set_key(SETUP)
        self.setup.material.choose_kind(MaterialCard.FILES)
        self._draw()
        self.setup.material.queries.setFocus()

    @Slot()
    def _go_to_search(self) -> None:
        self.session.pane_requested.emit("search", None)


def _local_files(event: QDropEvent) -> list[Path]:
    """The files of this computer that are dragged; none when something else is too."""
    urls = event.mimeData().urls()
    paths = [url.toLocalFile() for url in urls if url.isLocalFile()]
    # A name that begins with two slashes is on another computer.
    local = [Path(path) for path in paths if not path.startswith("//")]
    return local if len(local) == len(urls) else []
