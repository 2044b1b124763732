"""A form in a dialog that stays open until what was entered has been taken."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.tasks.runner import Lane, TaskHandle, Work
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, Label, Spinner
from altus4_desktop.ui.widgets.basic import ButtonKind
from altus4_desktop.ui.working import WorkingWidget


class FormDialog(Dialog):
    """Put rows into ``column``; Enter or its button accepts, and what is refused is shown beside
    its field or above all of them."""

    def __init__(
        self,
        session: Session,
        *,
        name: str,
        kind: ButtonKind = "primary",
        width: int = 460,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", name=name, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.session = session
        self._width = width
        self._is_busy = False
        self._focus_before: QWidget | None = None
        self._heading = Label("", "title", wrap=True)
        self.body.addWidget(self._heading)
        self.work = WorkingWidget(session.runner, session.report_crash, name=name, parent=self)
        self.work.setProperty("surface", "")
        self.body.addWidget(self.work.message)
        self.column = QVBoxLayout(self.work)
        self.column.setContentsMargins(0, 0, Space.XS, 0)
        self.column.setSpacing(Space.M)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self.work)
        self.body.addWidget(self._area, 1)
        self.work.installEventFilter(self)
        self.resize(width, 0)
        self._spinner = Spinner(18)
        self._spinner.hide()
        self.cancel_button = Button(self.tr("Cancel"), name=f"{name}.cancel")
        self.cancel_button.clicked.connect(self.reject)
        self.accept_button = Button("", kind, name=f"{name}.accept")
        self.accept_button.clicked.connect(self.enter)
        self.accept_button.setDefault(kind != "danger")
        self.buttons.addStretch(1)
        for part in (self._spinner, self.cancel_button, self.accept_button):
            self.buttons.addWidget(part)

    def entitle(self, title: str, accept: str) -> None:
        """Say what the dialog is about and what its button does."""
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._heading.setText(title)
        self.accept_button.setText(accept)
        self.accept_button.setAccessibleName(accept)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        return self._is_busy

    def add_row(self, key: str, row: FormRow) -> None:
        """Put a row below the others; ``key`` is what the service calls its field."""
        self.work.fields[key] = row
        self.column.addWidget(row)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin as high as the form."""
        super().showEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Grow with the form: what is wrong is said below a field."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.work:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        if not self.isVisible():
            return
        self.column.activate()
        viewport = self._area.viewport()
        wanted = max(
            self.column.heightForWidth(viewport.width()), self.column.totalMinimumSize().height()
        )
        most = self.screen().availableGeometry().height() - Space.HUGE
        if wanted > viewport.height() and self.height() < most:
            height = self.height() + wanted - viewport.height()
            self.resize(self._width, min(height, most))

    @Slot()
    def enter(self) -> None:
        """Take what was entered, unless that is under way."""
        if not self._is_busy:
            self.send()

    def send(self) -> None:
        """Check what was entered and `run` what comes of it."""

    def run(
        self, work: Work, then: Callable[..., object], lane: Lane = Lane.METADATA
    ) -> TaskHandle:
        """Do ``work`` while the form waits; ``then``, a bound method of a QObject, takes its
        result."""
        self.work.message.clear()
        self._set_busy(busy=True)
        handle = self.work.submit(lane, work, failed=self._take_failure)
        # First, so that ``then`` finds the form as it was.
        handle.succeeded.connect(self._end)
        handle.succeeded.connect(then)
        handle.cancelled.connect(self._end)
        return handle

    @Slot()
    def _end(self) -> None:
        self._set_busy(busy=False)

    @Slot(object)
    def _take_failure(self, error: BaseException) -> None:
        self._set_busy(busy=False)
        self.show_failure(error)

    def show_failure(self, error: BaseException) -> None:
        """Show it where it belongs."""
        self.work.present(error)

    def _set_busy(self, *, busy: bool) -> None:
        if busy:
            self._focus_before = self.focusWidget()
        self._is_busy = busy
        self._spinner.setVisible(busy)
        self.accept_button.setEnabled(not busy)
        self.cancel_button.setEnabled(not busy)
        self._area.setEnabled(not busy)
        if not busy and self._focus_before is not None:
            # A disabled form has lost the keyboard.
            self._focus_before.setFocus()

    def reject(self) -> None:
        """Give up, unless it is being done already."""
        if not self._is_busy:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """As `reject`."""
        if self._is_busy:
            event.ignore()
        else:
            super().closeEvent(event)

    def done(self, result: int) -> None:
        """Forget every secret."""
        self.forget()
        super().done(result)

    def forget(self) -> None:
        """Empty the fields that hold a secret."""
