"""Pages for a metadata store that cannot be used as it is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.revisions import NO_COPY_CODES, MigrationStatus
from altus4_desktop.tasks.runner import TaskHandle, TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label


class ProblemPage(Page):
    """Says why the program cannot go on, what to do, and offers the ways out."""

    retry_requested = Signal()
    choose_requested = Signal()
    quit_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="problem", label="", width=560)
        self.setAccessibleName(self.tr("Problem"))
        self.column.addWidget(Icon("warning", 44, "warning"), 0, Qt.AlignmentFlag.AlignHCenter)
        self._sentence = Label("", "heading", wrap=True, selectable=True)
        self._hint = Label("", "lead", wrap=True, selectable=True)
        self._code = Label("", "caption", selectable=True)
        for label in (self._sentence, self._hint, self._code):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self.column.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addStretch(1)
        self._retry = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="problem.retry"
        )
        choose = Button(self.tr("Choose another store…"), name="problem.choose")
        leave = Button(self.tr("Quit"), "quiet", name="problem.quit")
        self._choose = choose
        for button in (self._retry, choose, leave):
            row.addWidget(button)
        row.addStretch(1)
        self.column.addSpacing(Space.S)
        self.column.addLayout(row)
        self._retry.clicked.connect(self.retry_requested)
        choose.clicked.connect(self.choose_requested)
        leave.clicked.connect(self.quit_requested)
        self._retry.setDefault(True)

    def show_problem(self, error: AltusError, *, can_choose: bool) -> None:
        """Show ``error``."""
        self._sentence.setText(error_message(error))
        self._hint.setText(error_hint(error))
        self._hint.setHidden(not error.hint)
        self._code.setText(error.code)
        self._choose.setHidden(not can_choose)

    def focus_first(self) -> None:
        """Trying again is one key away."""
        self._retry.setFocus()


class UpgradePage(Page):
    """Asks before a shared store is changed, and shows how the change gets on.

    ``upgrade_requested`` carries whether somebody agreed to go without a copy.
    """

    upgrade_requested = Signal(bool)
    quit_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="upgrade", label="", width=560)
        self.setAccessibleName(self.tr("Upgrade the shared store"))
        self.add_heading(
            self.tr("The shared store needs an upgrade"),
            self.tr(
                "This version of Altus needs the steps below. Everybody who uses this store is "
                "concerned: older versions may not be able to use it afterwards. A copy of the "
                "store is made and checked first."
            ),
            "layers",
        )
        card = Card()
        self._steps = Label("", "mono", wrap=True, selectable=True)
        self._bar = QProgressBar()
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.hide()
        self._step = Label("", "caption", wrap=True)
        card.body.addWidget(self._steps)
        card.body.addWidget(self._bar)
        card.body.addWidget(self._step)
        self._step.hide()
        self.column.addWidget(card)
        self.column.addWidget(self.message)
        row = QHBoxLayout()
        row.addStretch(1)
        leave = Button(self.tr("Quit"), "quiet", name="upgrade.quit")
        self._go = Button(self.tr("Upgrade now"), "primary", name="upgrade.accept")
        row.addWidget(leave)
        row.addWidget(self._go)
        row.addStretch(1)
        self.column.addLayout(row)
        leave.clicked.connect(self.quit_requested)
        self._go.clicked.connect(self._agree)

    def show_status(self, status: MigrationStatus) -> None:
        """List what is to be done."""
        self._steps.setText(
            "\n".join(f"{revision.id}  {revision.title}" for revision in status.pending)
        )

    def follow(self, handle: TaskHandle) -> None:
        """Show how the upgrade gets on."""
        self.message.clear()
        self._go.setEnabled(False)
        self._bar.setRange(0, 0)
        self._bar.show()
        self._step.show()
        handle.progressed.connect(self._show_progress)

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self._step.setText(progress.message)
        if progress.fraction is not None:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(progress.fraction * 1000))

    @Slot(object)
    def show_failure(self, error: object) -> None:
        """Say why the upgrade could not be done; it is offered again."""
        self._bar.hide()
        self._step.hide()
        self._go.setEnabled(True)
        if isinstance(error, AltusError):
            without = (self.tr("Go ahead without a copy"), self._agree_without_copy)
            self.message.show_error(error, [without] if error.code in NO_COPY_CODES else [])

    @Slot()
    def _agree(self) -> None:
        self.upgrade_requested.emit(False)

    @Slot()
    def _agree_without_copy(self) -> None:
        self.upgrade_requested.emit(True)
