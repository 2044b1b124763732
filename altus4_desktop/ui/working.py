"""What panes and pages share: they run work and show what came of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.tasks.runner import Lane, TaskHandle, TaskRunner, Work
from altus4_desktop.ui.dialogs import show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.widgets import FormRow, InlineMessage


class WorkingWidget(QWidget):
    """Submits work, and shows failures beside the field, in ``message`` or in a dialog.

    ``fields`` maps the field names of InputErrors to the rows of a form.
    """

    def __init__(
        self,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.runner = runner
        self.report_crash = report_crash
        self.setProperty("surface", "canvas")
        self.message = InlineMessage(name=f"{name}.message", parent=self)
        self.fields: dict[str, FormRow] = {}
        self._handles: set[TaskHandle] = set()

    def submit(
        self,
        lane: Lane,
        work: Work,
        then: Callable[..., object] | None = None,
        *,
        title: str = "",
        failed: Callable[..., object] | None = None,
    ) -> TaskHandle:
        """Run ``work``; its result goes to ``then``, a failure to ``failed`` or `present`.

        Pass bound methods of QObjects. Defects of ours reach the crash dialog by themselves.
        """
        handle = self.runner.submit(lane, work, title=title)
        self._handles.add(handle)
        if then is not None:
            handle.succeeded.connect(then)
        handle.failed.connect(failed or self.present)
        handle.finished.connect(self._forget_finished)
        return handle

    def cancel_work(self) -> None:
        """Cancel whatever this widget has running."""
        for handle in list(self._handles):
            handle.cancel()

    def hear_no_more(self) -> None:
        """Hear nothing of what is running: when it ends, nobody may be signed in any more."""
        for handle in self._handles:
            handle.blockSignals(True)

    def drop_work(self) -> None:
        """Cancel whatever is running and hear nothing more of it, as nobody waits for it here."""
        self.hear_no_more()
        self.cancel_work()
        self._handles.clear()

    @Slot(object)
    def present(self, error: BaseException) -> None:
        """Show a failure where it belongs."""
        if isinstance(error, AltusError):
            present(error, self, self.report_crash)

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.fields.get(error.field)
        if row is None:
            return False
        row.show_error(" ".join(filter(None, (error_message(error), error_hint(error)))))
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
