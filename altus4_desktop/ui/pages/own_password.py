"""The page between a temporary password and everything else."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal, Slot

from altus4_desktop.domain.errors import AccessError, InputError
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.pages.sign_in import SecretPage
from altus4_desktop.ui.widgets import Button, PasswordForm


class OwnPasswordPage(SecretPage):
    """``change_requested``: the temporary password and the new one."""

    change_requested = Signal(str, str)
    sign_out_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="own_password")
        self.entitle(self.tr("Choose your own password"), self.tr("Change and go on"))
        self.add_heading(
            self.tr("Choose your own password"),
            self.tr("The one you have is temporary: an admin knows it."),
            "key",
        )
        self._form = PasswordForm(name="own_password")
        self._form.rows["password"].label.setText(self.tr("Temporary password"))
        self._form.returned.connect(self.accept)
        self.fields = self._form.rows
        self.card.body.addWidget(self._form)
        self.finish_card()
        leave = Button(self.tr("Sign out"), "link", name="own_password.sign_out")
        leave.clicked.connect(self.sign_out_requested)
        self.column.addWidget(leave, 0, Qt.AlignmentFlag.AlignHCenter)

    def fill_current(self, password_secret: str) -> None:
        """Do not ask for what has been entered just before; empty: ask."""
        self._form.fill_current(password_secret)

    def focus_first(self) -> None:
        """Begin to type."""
        self._form.focus_first()

    def send(self) -> None:
        """Emit both passwords once they are there."""
        if self._form.check():
            self.set_busy(busy=True, text=self.tr("Changing…"))
            self.change_requested.emit(self._form.password_secret, self._form.new_secret)

    @Slot(object)
    def show_refusal(self, error: BaseException) -> None:
        """Say why it did not work."""
        self.set_busy(busy=False)
        if isinstance(error, AccessError):
            self._form.ask_again()
            self.show_access_error(error, self._form.rows["password"])
            return
        if isinstance(error, InputError) and error.field == "password":
            self._form.ask_again()
        self.present(error)
