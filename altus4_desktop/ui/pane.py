"""What every pane has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.tasks.runner import Lane, TaskHandle, Work
from altus4_desktop.ui.dialogs import show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import FormRow, InlineMessage, Label


@dataclass(frozen=True)
class Command:
    """Something the command palette can do; ``shortcut`` is only shown, the pane binds it."""

    id: str
    title: str
    run: Callable[[], object]
    icon_name: str = "command"
    shortcut: str = ""
    is_enabled: Callable[[], bool] = lambda: True


class Pane(QWidget):
    """One place of the window.

    Subclasses set ``id``, ``title`` and ``icon_name``, fill ``body`` and may put buttons into
    ``header``. Panes are built when they are first shown and live until the sign-out.
    ``banner_changed`` (True: production) shows or hides the red banner above the pane.
    """

    id = ""
    title = ""
    icon_name = ""

    banner_changed = Signal(bool)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setObjectName(f"{self.id}.pane")
        self.setProperty("surface", "canvas")
        self.fields: dict[str, FormRow] = {}
        self._handles: set[TaskHandle] = set()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        self.header = QHBoxLayout()
        self.header.setSpacing(Space.S)
        self.heading = Label(self.title, "heading")
        self.header.addWidget(self.heading)
        self.header.addStretch(1)
        column.addLayout(self.header)
        self.message = InlineMessage(name=f"{self.id}.message")
        column.addWidget(self.message)
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.M)
        column.addLayout(self.body, 1)

    def activated(self) -> None:
        """The pane came to the front."""

    def receive(self, intent: object) -> None:
        """Take what ``Session.pane_requested`` carried."""

    def focus_first(self) -> None:
        """Put the keyboard where work in this pane begins."""
        self.setFocus()

    def commands(self) -> list[Command]:
        """What the command palette offers while the pane exists."""
        return []

    def submit(
        self,
        lane: Lane,
        work: Work,
        then: Callable[..., object] | None = None,
        *,
        title: str = "",
        failed: Callable[..., object] | None = None,
    ) -> TaskHandle:
        """Run ``work``; its result goes to ``then``, a failure to ``failed`` or the presenter.

        Pass bound methods of QObjects. Closing the pane cancels what still runs.
        """
        handle = self.session.runner.submit(lane, work, title=title)
        self._handles.add(handle)
        if then is not None:
            handle.succeeded.connect(then)
        handle.failed.connect(failed or self.present)
        handle.finished.connect(self._forget_finished)
        return handle

    def cancel_work(self) -> None:
        """Cancel whatever this pane has running."""
        for handle in list(self._handles):
            handle.cancel()

    def shut(self) -> None:
        """The pane will be deleted: cancel its work and take no more news of it."""
        self.cancel_work()

    @Slot(object)
    def present(self, error: BaseException) -> None:
        """Show a failure where it belongs."""
        if isinstance(error, AltusError):
            present(error, self, self.session.report_crash)

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.fields.get(error.field)
        if row is None:
            return False
        row.show_error(" ".join(filter(None, (error.message, error.hint))))
        row.field.setFocus()
        return True

    def show_error(self, error: AltusError) -> None:
        """Show it above the content."""
        self.message.show_error(error)

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in a dialog."""
        show_blocking_error(self, error)

    @Slot()
    def _forget_finished(self) -> None:
        self._handles = {handle for handle in self._handles if not handle.is_finished}
