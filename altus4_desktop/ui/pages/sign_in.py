"""Pages that ask for a secret: signing in, unlocking the vault, coming back from the lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AccessError, AltusError
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.rail import Avatar
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, FormRow, Label, PasswordField


class SecretPage(Page):
    """A card with fields, one button and a countdown while the answer must wait."""

    def __init__(
        self,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        name: str,
    ) -> None:
        super().__init__(runner, report_crash, name=name, label="", width=400)
        self.card = Card(spacing=Space.L)
        self.button = Button("", "primary", name=f"{name}.accept")
        self.button.setDefault(True)
        self.button.clicked.connect(self.accept)
        self._button_text = ""
        self._wait_s = 0
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._count_down)

    def entitle(self, label: str, button: str) -> None:
        """Name the page, and say what its button does."""
        self.setAccessibleName(label)
        self._button_text = button
        self.button.setText(button)
        self.button.setAccessibleName(button)

    def add_rows(self, *rows: FormRow) -> None:
        """Fill the card; Enter in any field accepts."""
        for row in rows:
            self.card.body.addWidget(row)
            if isinstance(row.field, QLineEdit):
                row.field.returnPressed.connect(self.accept)

    def finish_card(self) -> None:
        """Put message, card and button into the page."""
        self.card.body.addWidget(self.button)
        self.column.addWidget(self.message)
        self.column.addWidget(self.card)

    @Slot()
    def accept(self) -> None:
        """Ask for what was entered to be checked, unless that is under way or must wait."""
        if self.button.isEnabled():
            self.send()

    def send(self) -> None:
        """Emit what was entered."""

    def set_busy(self, *, busy: bool, text: str = "") -> None:
        """Show that the answer is awaited."""
        if busy:
            self.message.clear()
        self.button.setEnabled(not busy and not self._wait_s)
        self.button.setText(text if busy and text else self._button_text)

    def show_access_error(self, error: AltusError, row: FormRow) -> None:
        """Show a refusal beside its field; start the countdown when there is one."""
        wait_s = error.details.get("wait_s") if isinstance(error, AccessError) else None
        if wait_s is None:
            row.show_error(error_message(error))
            row.field.setFocus()
            if isinstance(row.field, QLineEdit):
                row.field.selectAll()
            return
        self._wait_s = max(1, round(float(wait_s)))
        self._second.start()
        self._show_wait()

    @Slot()
    def _count_down(self) -> None:
        self._wait_s -= 1
        if self._wait_s > 0:
            self._show_wait()
            return
        self._second.stop()
        self.message.clear()
        self.set_busy(busy=False)

    def _show_wait(self) -> None:
        self.button.setEnabled(False)
        self.button.setText(self.tr("Wait {seconds} s").format(seconds=self._wait_s))
        self.message.show_message(
            "warning",
            self.tr("Too many wrong passwords."),
            self.tr("You can try again in {seconds} seconds.").format(seconds=self._wait_s),
        )


@dataclass(frozen=True, slots=True)
class SignInEntry:
    """Who wants to sign in, and whether to stay signed in."""

    email: str
    password_secret: str = field(repr=False)
    remembers: bool


class SignInPage(SecretPage):
    """``sign_in_requested``: a SignInEntry."""

    sign_in_requested = Signal(object)
    demo_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="sign_in")
        self.entitle(self.tr("Sign in"), self.tr("Sign in"))
        self.add_heading(self.tr("Sign in"), "")
        self._email = QLineEdit()
        self._email.setObjectName("sign_in.email")
        self._email.setInputMethodHints(Qt.InputMethodHint.ImhEmailCharactersOnly)
        self._password = PasswordField(name="sign_in.password", label=self.tr("Password"))
        self._remember = QCheckBox(self.tr("Keep me signed in on this computer"))
        self._remember.setObjectName("sign_in.remember")
        self._remember.setAccessibleName(self._remember.text())
        self._email_row = FormRow(self.tr("E-mail"), self._email)
        self._password_row = FormRow(self.tr("Password"), self._password)
        self.fields = {"email": self._email_row, "password": self._password_row}
        self.add_rows(self._email_row, self._password_row)
        self.card.body.addWidget(self._remember)
        self.finish_card()
        demo = Button(self.tr("Open the demo instead"), "link", name="sign_in.demo")
        demo.clicked.connect(self.demo_requested)
        self.column.addWidget(demo, 0, Qt.AlignmentFlag.AlignHCenter)

    def focus_first(self) -> None:
        """Begin with the e-mail, or with the password when the e-mail is known."""
        (self._password if self._email.text() else self._email).setFocus()

    def fill(self, entry: SignInEntry) -> None:
        """Show what was entered before."""
        self._email.setText(entry.email)
        self._password.setText(entry.password_secret)
        self._remember.setChecked(entry.remembers)

    def send(self) -> None:
        """Emit e-mail and password once both are there."""
        if not self._email.text().strip():
            self._email_row.show_error(self.tr("Enter your e-mail address."))
            self._email.setFocus()
        elif not self._password.text():
            self._password_row.show_error(self.tr("Enter your password."))
            self._password.setFocus()
        else:
            self.set_busy(busy=True, text=self.tr("Signing in…"))
            self.sign_in_requested.emit(
                SignInEntry(self._email.text(), self._password.text(), self._remember.isChecked())
            )

    @Slot(object)
    def show_refusal(self, error: BaseException) -> None:
        """Say why it did not work."""
        self.set_busy(busy=False)
        if isinstance(error, AccessError):
            self.show_access_error(error, self._password_row)
        else:
            self.present(error)

    def forget(self) -> None:
        """Empty the password."""
        self._password.forget()
        self._password_row.clear_error()
        self.message.clear()
        self.set_busy(busy=False)


class UnlockPage(SecretPage):
    """``unlock_requested``: the vault's passphrase; ``skip_requested`` goes on without."""

    unlock_requested = Signal(str)
    skip_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="unlock")
        self.entitle(self.tr("Unlock"), self.tr("Unlock"))
        self.add_heading(
            self.tr("Unlock your passwords"),
            self.tr("The passwords of your connections are protected by your passphrase."),
            "lock",
        )
        self._passphrase = PasswordField(name="unlock.passphrase", label=self.tr("Passphrase"))
        self._row = FormRow(self.tr("Passphrase"), self._passphrase)
        self.fields = {"passphrase": self._row}
        self.add_rows(self._row)
        self.finish_card()
        skip = Button(self.tr("Go on without"), "link", name="unlock.skip")
        skip.setToolTip(self.tr("Saved passwords cannot be used until the vault is unlocked."))
        skip.clicked.connect(self.skip_requested)
        self.column.addWidget(skip, 0, Qt.AlignmentFlag.AlignHCenter)

    def focus_first(self) -> None:
        """Begin to type."""
        self._passphrase.setFocus()

    def send(self) -> None:
        """Emit the passphrase once it is there."""
        if not self._passphrase.text():
            self._row.show_error(self.tr("Enter the passphrase."))
            return
        self.set_busy(busy=True, text=self.tr("Unlocking…"))
        self.unlock_requested.emit(self._passphrase.text())

    @Slot(object)
    def show_refusal(self, error: BaseException) -> None:
        """Say why it did not work."""
        self.set_busy(busy=False)
        if isinstance(error, AltusError):
            self.show_access_error(error, self._row)

    def forget(self) -> None:
        """Empty the passphrase."""
        self._passphrase.forget()
        self._row.clear_error()
        self.set_busy(busy=False)


class StorePasswordPage(SecretPage):
    """``password_entered``: the password of the shared store, and whether to keep it."""

    password_entered = Signal(str, bool)
    choose_requested = Signal()
    quit_requested = Signal()

    def __init__(
        self,
        store: str,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        can_keep: bool,
    ) -> None:
        super().__init__(runner, report_crash, name="store_password")
        self.entitle(self.tr("Password of the shared store"), self.tr("Open the store"))
        self.add_heading(self.tr("Open the shared store"), store, "database")
        self._password = PasswordField(name="store_password.password", label=self.tr("Password"))
        self._row = FormRow(
            self.tr("Password"),
            self._password,
            hint=self.tr("Of the database account, not of yours."),
        )
        self.fields = {"password": self._row}
        self.add_rows(self._row)
        self._keep = QCheckBox(self.tr("Keep it on this computer"))
        self._keep.setObjectName("store_password.keep")
        self._keep.setAccessibleName(self._keep.text())
        self._keep.setVisible(can_keep)
        self._keep.setChecked(can_keep)
        self.card.body.addWidget(self._keep)
        self.finish_card()
        links = QHBoxLayout()
        links.addStretch(1)
        for text, name, asked in (
            (self.tr("Choose another store…"), "choose", self.choose_requested),
            (self.tr("Quit"), "quit", self.quit_requested),
        ):
            link = Button(text, "link", name=f"store_password.{name}")
            link.clicked.connect(asked)
            links.addWidget(link)
        links.addStretch(1)
        self.column.addLayout(links)

    def focus_first(self) -> None:
        """Begin to type."""
        self._password.setFocus()

    def send(self) -> None:
        """Emit the password; an account may have an empty one."""
        self.set_busy(busy=True, text=self.tr("Opening…"))
        self.password_entered.emit(self._password.text(), self._keep.isChecked())

    @Slot(object)
    def show_refusal(self, error: BaseException) -> None:
        """Say why the store did not open."""
        self.set_busy(busy=False)
        if isinstance(error, AltusError):
            self.show_access_error(error, self._row)


class LockPage(SecretPage):
    """Covers the workspace; ``unlock_requested``: the password of the one who locked it."""

    unlock_requested = Signal(str)
    sign_out_requested = Signal()

    def __init__(
        self, actor: Actor, runner: TaskRunner, report_crash: Callable[[BaseException], None]
    ) -> None:
        super().__init__(runner, report_crash, name="lock")
        self.entitle(self.tr("Locked"), self.tr("Unlock"))
        self.column.addWidget(Avatar(actor.name, 56), 0, Qt.AlignmentFlag.AlignHCenter)
        for text, role in ((actor.name, "heading"), (self.tr("Locked"), "muted")):
            label = Label(text, "heading" if role == "heading" else "muted", wrap=True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self.column.addWidget(label)
        self._password = PasswordField(name="lock.password", label=self.tr("Password"))
        self._row = FormRow(
            self.tr("Password"),
            self._password,
            hint=self.tr("Your work stays behind. Searches were stopped."),
        )
        self.add_rows(self._row)
        self.finish_card()
        leave = Button(self.tr("Sign out"), "link", name="lock.sign_out")
        leave.clicked.connect(self.sign_out_requested)
        self.column.addWidget(leave, 0, Qt.AlignmentFlag.AlignHCenter)

    @property
    def password_secret(self) -> str:
        """What was entered."""
        return self._password.text()

    def focus_first(self) -> None:
        """Begin to type."""
        self._password.setFocus()

    def send(self) -> None:
        """Emit the password once it is there."""
        if not self._password.text():
            self._row.show_error(self.tr("Enter your password."))
            return
        self.set_busy(busy=True, text=self.tr("Checking…"))
        self.unlock_requested.emit(self._password.text())

    @Slot(object)
    def show_refusal(self, error: BaseException) -> None:
        """Say why it did not work."""
        self.set_busy(busy=False)
        if isinstance(error, AltusError):
            self.show_access_error(error, self._row)

    def show_wrong_password(self) -> None:
        """Say that it was the wrong one."""
        self.set_busy(busy=False)
        self._row.show_error(self.tr("That is not your password."))
        self._password.setFocus()
        self._password.selectAll()
