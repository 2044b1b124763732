"""Pages that show that something is under way: starting, and opening the demo."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import TaskHandle, TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label, Spinner


class BootingPage(Page):
    """Stands for the window while the program puts itself together."""

    cancel_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="booting", label="", width=420)
        self.setAccessibleName(self.tr("Starting"))
        self.column.addWidget(Icon("altus", 56), 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addStretch(1)
        row.addWidget(Spinner(15, "faint"))
        self._text = Label(self.tr("Starting…"), "muted")
        row.addWidget(self._text)
        row.addStretch(1)
        self.column.addLayout(row)
        self._cancel = Button(self.tr("Go on without"), "quiet", name="booting.cancel")
        self._cancel.clicked.connect(self.cancel_requested)
        self.column.addWidget(self._cancel, 0, Qt.AlignmentFlag.AlignHCenter)
        self.say(self.tr("Starting…"), can_cancel=False)

    def say(self, text: str, *, can_cancel: bool = False) -> None:
        """Say what takes the time, and whether one may go on without it."""
        self._text.setText(text)
        self._cancel.setHidden(not can_cancel)


class DemoPage(Page):
    """The progress of opening the demo, with a way back."""

    retry_requested = Signal()
    back_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="demo", label="", width=520)
        self.setAccessibleName(self.tr("Opening the demo"))
        self.add_heading(
            self.tr("Opening the demo"),
            self.tr(
                "A private MySQL server is started on this computer and filled with real text. "
                "The first time takes about half a minute."
            ),
            "demo",
        )
        card = Card()
        self._step = Label(self.tr("Beginning…"), "strong", wrap=True)
        self._step.setObjectName("demo.step")
        self._bar = QProgressBar()
        self._bar.setObjectName("demo.progress")
        self._bar.setAccessibleName(self.tr("Progress"))
        self._bar.setRange(0, 0)
        self._note = Label("", "caption", wrap=True)
        card.body.addWidget(self._step)
        card.body.addWidget(self._bar)
        card.body.addWidget(self._note)
        self._note.hide()
        self.column.addWidget(card)
        self.column.addWidget(self.message)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        self._back = Button(self.tr("Cancel"), name="demo.cancel")
        self._retry = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="demo.retry"
        )
        self._back.clicked.connect(self._leave)
        self._retry.clicked.connect(self.retry_requested)
        buttons.addWidget(self._back)
        buttons.addWidget(self._retry)
        buttons.addStretch(1)
        self.column.addLayout(buttons)
        self._handle: TaskHandle | None = None
        self._retry.hide()

    @property
    def is_leaving(self) -> bool:
        """Whether somebody has asked to go back while the demo was being opened."""
        return self._handle is not None and self._handle.is_cancelling

    def follow(self, handle: TaskHandle) -> None:
        """Show how ``handle`` gets on."""
        self._handle = handle
        self.message.clear()
        self._retry.hide()
        self._back.setEnabled(True)
        self._bar.show()
        self._bar.setRange(0, 0)
        self._step.setText(self.tr("Beginning…"))
        handle.progressed.connect(self._show_progress)
        handle.failed.connect(self._show_failure)
        handle.cancelled.connect(self.back_requested)

    def focus_first(self) -> None:
        """The keyboard is for the way back."""
        self._back.setFocus()

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        if self._handle is not None and self._handle.is_cancelling:
            return
        if progress.fraction is None:
            # A remark, not a step: it stays readable while the steps go on.
            self._note.setText(progress.message)
            self._note.show()
            return
        self._step.setText(progress.message)
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(progress.fraction * 1000))

    @Slot(object)
    def _show_failure(self, error: object) -> None:
        self._bar.hide()
        self._step.setText(self.tr("The demo could not be opened"))
        self._retry.show()
        self._back.setText(self.tr("Back"))
        if isinstance(error, AltusError):
            self.message.show_error(error)

    @Slot()
    def _leave(self) -> None:
        if self._handle is None or self._handle.is_finished:
            self.back_requested.emit()
            return
        self._back.setEnabled(False)
        self._step.setText(self.tr("Stopping…"))
        self._bar.setRange(0, 0)
        self._handle.cancel()
