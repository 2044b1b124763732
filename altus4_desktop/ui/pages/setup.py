"""The three steps of setting up: where data is kept, where secrets are kept, who the admin is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import TlsMode, TlsReport
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.revisions import StoreReport
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Badge,
    Button,
    Card,
    FormRow,
    InlineMessage,
    Label,
    PasswordField,
    Spinner,
    StrengthMeter,
    ZoneBox,
    indent_number,
)

STEPS = 3


@dataclass(frozen=True)
class StoreChoice:
    """Where to keep metadata: ``url`` None is the embedded store."""

    url: str | None
    password_secret: str | None = None


@dataclass(frozen=True)
class AccountDraft:
    """The first admin as entered."""

    name: str
    email: str
    password_secret: str
    timezone: str


class StepPage(Page):
    """One step: a heading, a card, and buttons to go back and on."""

    back_requested = Signal()

    def __init__(
        self,
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        name: str,
        step: int,
    ) -> None:
        super().__init__(runner, report_crash, name=name, label="", width=560)
        head = QVBoxLayout()
        head.setSpacing(Space.XS)
        if step:
            head.addWidget(
                Label(self.tr("Step {step} of {steps}").format(step=step, steps=STEPS), "section")
            )
        self._title = Label("", "heading", wrap=True)
        self._text = Label("", "muted", wrap=True)
        head.addWidget(self._title)
        head.addWidget(self._text)
        self.column.addLayout(head)
        self.column.addWidget(self.message)
        self.card = Card(spacing=Space.L)
        self.column.addWidget(self.card)
        self._focus_before: QWidget | None = None
        buttons = QHBoxLayout()
        self.back = Button(self.tr("Back"), "quiet", icon_name="arrow-left", name=f"{name}.back")
        self.accept_button = Button(self.tr("Continue"), "primary", name=f"{name}.accept")
        self.accept_button.setDefault(True)
        self._spinner = Spinner(18)
        self._spinner.hide()
        self.back.clicked.connect(self.back_requested)
        self.accept_button.clicked.connect(self.accept)
        buttons.addWidget(self.back)
        buttons.addStretch(1)
        buttons.addWidget(self._spinner)
        buttons.addSpacing(Space.S)
        buttons.addWidget(self.accept_button)
        self.column.addLayout(buttons)

    def entitle(self, title: str, text: str, accept: str = "") -> None:
        """Say what the step is about and, if it is not “Continue”, what its button does."""
        self.setAccessibleName(title)
        self._title.setText(title)
        self._text.setText(text)
        if accept:
            self.accept_button.setText(accept)
            self.accept_button.setAccessibleName(accept)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes on, Escape back."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept_button.click()
        elif event.key() == Qt.Key.Key_Escape:
            self.back.click()
        else:
            super().keyPressEvent(event)

    @Slot()
    def accept(self) -> None:
        """Check what was entered and go on."""

    def set_busy(self, *, busy: bool) -> None:
        """Show that the step is being done."""
        if busy:
            self.message.clear()
            self._focus_before = self.focusWidget()
        self._spinner.setVisible(busy)
        self.accept_button.setEnabled(not busy)
        self.card.setEnabled(not busy)
        if not busy and self._focus_before is not None:
            # A disabled card has lost the keyboard.
            self._focus_before.setFocus()

    @Slot(object)
    def show_failure(self, error: BaseException) -> None:
        """Say why the step could not be done."""
        self.set_busy(busy=False)
        self.present(error)

    def show_blocking_error(self, error: AltusError) -> None:
        """There is nothing behind this page: its message cannot be overlooked."""
        self.message.show_error(error)


class _Choice(QWidget):
    """A radio button with an explanation below, and room for more."""

    def __init__(self, title: str, text: str, *, name: str, badge: str = "") -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.button = QRadioButton(title)
        self.button.setObjectName(name)
        self.button.setAccessibleName(title)
        self.button.setAccessibleDescription(text)
        row.addWidget(self.button)
        self.badge = Badge(badge or " ", "success")
        self.badge.setHidden(not badge)
        row.addWidget(self.badge)
        row.addStretch(1)
        column.addLayout(row)
        indented = QHBoxLayout()
        indented.setContentsMargins(28, 0, 0, 0)
        self.text = Label(text, "caption", wrap=True)
        indented.addWidget(self.text, 1)
        column.addLayout(indented)


class StoreForm(QWidget):
    """Where the metadata is kept: this computer, or a server that several people share.

    ``test_requested`` asks for the entered server to be tried.
    """

    test_requested = Signal()
    changed = Signal()

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        self._embedded = _Choice(
            self.tr("On this computer"),
            self.tr("One file in your data folder. Nothing to install; for one person."),
            name=f"{name}.embedded",
            badge=self.tr("Recommended"),
        )
        self._shared = _Choice(
            self.tr("On a shared server"),
            self.tr(
                "A database on MySQL 8 or newer, or MariaDB 10.6 or newer, that several people "
                "use together: accounts, connections and history are common."
            ),
            name=f"{name}.shared",
        )
        group = QButtonGroup(self)
        for choice in (self._embedded, self._shared):
            group.addButton(choice.button)
            column.addWidget(choice)
        self._embedded.button.setChecked(True)
        self._details = QWidget()
        column.addWidget(self._details)
        self._build_details(name)
        self._report: StoreReport | None = None
        group.buttonClicked.connect(self._show_details)
        self._show_details()

    @property
    def is_shared(self) -> bool:
        """Whether a server was chosen."""
        return self._shared.button.isChecked()

    @property
    def choice(self) -> StoreChoice:
        """What was entered, as a URL without the password."""
        if not self.is_shared:
            return StoreChoice(None)
        options = {"tls": str(self._tls.currentData())}
        if self._ca.text().strip():
            options["ca"] = self._ca.text().strip()
        url = (
            f"mysql://{quote(self._user.text().strip(), safe='')}@{self._host.text().strip()}"
            f":{self._port.value()}/{quote(self._database.text().strip(), safe='')}"
            f"?{urlencode(options)}"
        )
        return StoreChoice(url, self._password.text())

    @property
    def may_upgrade(self) -> bool:
        """Whether the admin agreed to what the shared database needs."""
        return not self.is_shared or self._consent.isChecked()

    @property
    def needs_test(self) -> bool:
        """Whether it is not known yet that the entered server can be used."""
        return self.is_shared and (self._report is None or bool(self._report.refusal))

    @property
    def outcome(self) -> QWidget:
        """What the last test has brought, and what is asked because of it."""
        return self._outcome if self._consent.isHidden() else self._consent

    @property
    def needs_consent(self) -> bool:
        """Whether the tested database needs steps that nobody has agreed to yet."""
        report = self._report
        pending = report.migrations.pending if report and report.migrations else ()
        return self.is_shared and bool(pending) and not self._consent.isChecked()

    def check(self) -> bool:
        """Show what is missing beside its field; true when nothing is."""
        if not self.is_shared:
            return True
        for row, field, text in (
            (self._host_row, self._host, self.tr("Enter the server's name or address.")),
            (self._database_row, self._database, self.tr("Enter the database's name.")),
            (self._user_row, self._user, self.tr("Enter the user name.")),
        ):
            if not field.text().strip():
                row.show_error(text)
                field.setFocus()
                return False
        return True

    def show_testing(self) -> None:
        """The server is being tried."""
        self._test.setEnabled(False)
        self._outcome.show_message("info", self.tr("Connecting…"))

    @Slot(object)
    def show_report(self, report: StoreReport) -> None:
        """Show what was found."""
        self._report = report
        self._test.setEnabled(True)
        server = {"mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite"}[report.dialect]
        if report.refusal:
            self._outcome.show_message("error", report.refusal)
            self._steps.hide()
            self._consent.hide()
            return
        self._outcome.show_message(
            "success",
            self.tr("Connected to {server} {version}").format(
                server=server, version=report.version
            ),
            tls_words(report.tls),
        )
        pending = report.migrations.pending if report.migrations else ()
        self._steps.setText(
            self.tr("This database needs {count} steps:").format(count=len(pending))
            + "\n"
            + "\n".join(f"    {revision.id}  {revision.title}" for revision in pending)
        )
        self._steps.setHidden(not pending)
        self._consent.setHidden(not pending)

    @Slot(object)
    def show_failure(self, error: BaseException) -> None:
        """Show why the server could not be used."""
        self._test.setEnabled(True)
        self._report = None
        if isinstance(error, AltusError):
            self._outcome.show_error(error)

    def _build_details(self, name: str) -> None:
        column = QVBoxLayout(self._details)
        column.setContentsMargins(28, 0, 0, 0)
        column.setSpacing(Space.M)
        self._host, self._database, self._user, self._ca = (QLineEdit() for _ in range(4))
        for field, key in (
            (self._host, "host"),
            (self._database, "database"),
            (self._user, "user"),
            (self._ca, "ca"),
        ):
            field.setObjectName(f"{name}.{key}")
            field.textEdited.connect(self._forget_report)
        self._host.setPlaceholderText("db.example.org")
        self._database.setText("altus4_metadata")
        self._port = QSpinBox()
        self._port.setObjectName(f"{name}.port")
        self._port.setRange(1, 65535)
        self._port.setValue(3306)
        indent_number(self._port)
        self._port.valueChanged.connect(self._forget_report)
        self._password = PasswordField(name=f"{name}.password", label=self.tr("Password"))
        self._password.textEdited.connect(self._forget_report)
        self._tls = QComboBox()
        self._tls.setObjectName(f"{name}.tls")
        for mode, text in (
            (TlsMode.VERIFY_IDENTITY, self.tr("Required, certificate and name verified")),
            (TlsMode.VERIFY_CA, self.tr("Required, certificate verified")),
            (TlsMode.REQUIRED, self.tr("Required, not verified")),
            (TlsMode.PREFERRED, self.tr("If the server offers it")),
            (TlsMode.DISABLED, self.tr("Off")),
        ):
            self._tls.addItem(text, mode.value)
        self._tls.currentIndexChanged.connect(self._forget_report)
        self._host_row = FormRow(self.tr("Server"), self._host)
        self._database_row = FormRow(self.tr("Database"), self._database)
        self._user_row = FormRow(self.tr("User"), self._user)
        port_row = FormRow(self.tr("Port"), self._port)
        port_row.setFixedWidth(110)
        column.addLayout(_beside(self._host_row, port_row))
        column.addWidget(self._database_row)
        column.addLayout(
            _beside(self._user_row, FormRow(self.tr("Password"), self._password), equal=True)
        )
        column.addWidget(FormRow(self.tr("Encryption (TLS)"), self._tls))
        column.addWidget(
            FormRow(
                self.tr("Certificate authority"),
                self._ca,
                hint=self.tr("Path of a PEM file; empty: the system's authorities."),
            )
        )
        self._test = Button(self.tr("Test the connection"), icon_name="plug", name=f"{name}.test")
        self._test.clicked.connect(self._ask_for_test)
        column.addWidget(self._test, 0, Qt.AlignmentFlag.AlignLeft)
        self._outcome = InlineMessage(name=f"{name}.outcome", closable=False)
        column.addWidget(self._outcome)
        self._steps = Label(wrap=True, parent=self._details)
        self._steps.hide()
        column.addWidget(self._steps)
        self._consent = QCheckBox(self.tr("Make these changes in the shared database"))
        self._consent.setObjectName(f"{name}.consent")
        self._consent.setAccessibleName(self._consent.text())
        self._consent.toggled.connect(self.changed)
        self._consent.hide()
        column.addWidget(self._consent)

    @Slot()
    def _show_details(self) -> None:
        self._details.setVisible(self.is_shared)
        self.changed.emit()

    @Slot()
    def _forget_report(self) -> None:
        self._report = None
        self._outcome.clear()
        self._steps.hide()
        self._consent.hide()
        self._consent.setChecked(False)

    @Slot()
    def _ask_for_test(self) -> None:
        if self.check():
            self.show_testing()
            self.test_requested.emit()


class StorePage(StepPage):
    """``chosen`` carries a StoreChoice; ``test_requested`` asks to try it first."""

    chosen = Signal(object, bool)
    test_requested = Signal(object)

    def __init__(
        self, runner: TaskRunner, report_crash: Callable[[BaseException], None], *, step: int = 1
    ) -> None:
        super().__init__(runner, report_crash, name="store", step=step)
        self.entitle(
            self.tr("Where should Altus keep its own data?"),
            self.tr(
                "Accounts, saved connections and the search history. Your databases are only ever "
                "read."
            ),
        )
        self._goes_on = False
        self.form = StoreForm(name="store")
        self.card.body.addWidget(self.form)
        self.form.test_requested.connect(self._ask_for_test)

    def accept(self) -> None:
        """Take the choice; a shared database is tried first, and changed only with consent."""
        if not self.form.check():
            return
        if self.form.needs_test:
            self._goes_on = True
            self.form.show_testing()
            self._ask_for_test()
            return
        if self.form.needs_consent:
            self.message.show_message(
                "warning", self.tr("Agree to the changes in the shared database first.")
            )
            self.form.outcome.setFocus()
            self.reveal(self.form.outcome)
            return
        self.set_busy(busy=True)
        self.chosen.emit(self.form.choice, self.form.may_upgrade)

    @Slot(object)
    def show_report(self, report: StoreReport) -> None:
        """Show what was found, and go on if that was what was asked for."""
        self.set_busy(busy=False)
        self.form.show_report(report)
        self.reveal(self.form.outcome)
        goes_on, self._goes_on = self._goes_on, False
        if goes_on and not self.form.needs_test:
            self.accept()

    @Slot(object)
    def show_failure(self, error: BaseException) -> None:
        """Show why the server could not be used."""
        self._goes_on = False
        self.set_busy(busy=False)
        self.form.show_failure(error)
        self.reveal(self.form.outcome)

    @Slot()
    def _ask_for_test(self) -> None:
        self.set_busy(busy=True)
        self.test_requested.emit(self.form.choice)


class SecretsPage(StepPage):
    """``chosen``: "keyring", "passphrase" or "session", and the passphrase."""

    chosen = Signal(str, str)

    def __init__(
        self, runner: TaskRunner, report_crash: Callable[[BaseException], None], *, step: int = 2
    ) -> None:
        super().__init__(runner, report_crash, name="secrets", step=step)
        self.entitle(
            self.tr("Where should passwords be kept?"),
            self.tr(
                "The passwords of your connections are encrypted with a key. This is about where "
                "that key lives; it is never written in plain text."
            ),
        )
        self._keyring = _Choice(
            self.tr("In the system's keyring"),
            self.tr("Looking for a keyring…"),
            name="secrets.keyring",
        )
        self._passphrase = _Choice(
            self.tr("Behind a passphrase"),
            self.tr("You enter it each time Altus starts. Nobody can recover it."),
            name="secrets.passphrase",
        )
        self._session = _Choice(
            self.tr("Only until the program ends"),
            self.tr("Nothing is kept: connections ask for their password after each start."),
            name="secrets.session",
        )
        self._group = QButtonGroup(self)
        for choice in (self._keyring, self._passphrase, self._session):
            self._group.addButton(choice.button)
        self._first = PasswordField(name="secrets.first", label=self.tr("Passphrase"))
        self._second = PasswordField(name="secrets.second", label=self.tr("Passphrase again"))
        self._first_row = FormRow(self.tr("Passphrase"), self._first)
        self._second_row = FormRow(self.tr("Once more"), self._second)
        self.fields = {"passphrase": self._first_row}
        self._meter = StrengthMeter(of_passphrase=True)
        self._first.textChanged.connect(self._meter.rate)
        self._entry = QWidget()
        entry = QVBoxLayout(self._entry)
        entry.setContentsMargins(28, 0, 0, 0)
        entry.setSpacing(Space.S)
        entry.addWidget(self._first_row)
        entry.addWidget(self._meter)
        entry.addWidget(self._second_row)
        self.card.body.addWidget(self._keyring)
        self.card.body.addWidget(self._passphrase)
        self.card.body.addWidget(self._entry)
        self.card.body.addWidget(self._session)
        self._group.buttonClicked.connect(self._show_entry)
        self._keyring.button.setEnabled(False)
        self._passphrase.button.setChecked(True)
        self._show_entry()

    def focus_first(self) -> None:
        """Begin with the choice in force."""
        button = self._group.checkedButton()
        if button is not None:
            button.setFocus()

    def show_keyring(self, name: str, problem: AltusError | None) -> None:
        """Say what the probe of the keyring has found."""
        usable = problem is None
        self._keyring.button.setEnabled(usable)
        if usable:
            self._keyring.text.setText(
                self.tr("{name} works: Altus starts without a question.").format(name=name)
            )
            self._keyring.badge.set(self.tr("Recommended"), "success")
            self._keyring.badge.show()
            self._keyring.button.setChecked(True)
        elif problem is not None:
            self._keyring.text.setText(
                self.tr("Not possible here: {reason}").format(reason=error_message(problem))
            )
        self._show_entry()

    def accept(self) -> None:
        """Take the choice."""
        key = "keyring" if self._keyring.button.isChecked() else "session"
        secret = ""
        if self._passphrase.button.isChecked():
            key, secret = "passphrase", self._first.text()
            if not secret:
                self._first_row.show_error(self.tr("Enter a passphrase."))
                self._first.setFocus()
                return
            if secret != self._second.text():
                self._second_row.show_error(self.tr("The two passphrases differ."))
                self._second.setFocus()
                return
        self.set_busy(busy=True)
        self.chosen.emit(key, secret)

    def forget(self) -> None:
        """Empty the passphrase fields."""
        self._first.forget()
        self._second.forget()

    @Slot()
    def _show_entry(self) -> None:
        self._entry.setVisible(self._passphrase.button.isChecked())


class AccountPage(StepPage):
    """``created`` carries an AccountDraft."""

    created = Signal(object)

    def __init__(
        self, runner: TaskRunner, report_crash: Callable[[BaseException], None], *, step: int = 3
    ) -> None:
        super().__init__(runner, report_crash, name="account", step=step)
        self.entitle(
            self.tr("Create the admin account"),
            self.tr("You sign in with it, and you can add other people later."),
            self.tr("Create the account"),
        )
        self._name = QLineEdit()
        self._name.setObjectName("account.name")
        self._email = QLineEdit()
        self._email.setObjectName("account.email")
        self._email.setPlaceholderText("name@example.org")
        self._password = PasswordField(name="account.password", label=self.tr("Password"))
        self._zone = ZoneBox(name="account.timezone")
        rows = {
            "name": FormRow(self.tr("Name"), self._name),
            "email": FormRow(
                self.tr("E-mail"),
                self._email,
                hint=self.tr("Only to sign in with; no mail is sent."),
            ),
            "password": FormRow(self.tr("Password"), self._password),
            "timezone": FormRow(
                self.tr("Time zone"), self._zone, hint=self.tr("How times are shown to you.")
            ),
        }
        self.fields = rows
        self._meter = StrengthMeter()
        self._password.textChanged.connect(self._meter.rate)
        for key, row in rows.items():
            self.card.body.addWidget(row)
            if key == "password":
                self.card.body.addWidget(self._meter)

    def focus_first(self) -> None:
        """Begin with the name."""
        self._name.setFocus()

    def accept(self) -> None:
        """Take the account."""
        for key, text in (
            ("name", self.tr("Enter your name.")),
            ("email", self.tr("Enter an e-mail address.")),
            ("password", self.tr("Enter a password.")),
        ):
            field = self.fields[key].field
            if isinstance(field, QLineEdit) and not field.text().strip():
                self.fields[key].show_error(text)
                field.setFocus()
                return
        self.set_busy(busy=True)
        self.created.emit(
            AccountDraft(
                self._name.text().strip(),
                self._email.text().strip(),
                self._password.text(),
                self._zone.zone,
            )
        )

    def forget(self) -> None:
        """Empty the password."""
        self._password.forget()

    def show_field_error(self, error: InputError) -> bool:
        """Beside its field, and nothing above."""
        self.message.clear()
        return super().show_field_error(error)


def tls_words(report: TlsReport | None) -> str:
    """How a session is encrypted, in words."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("tls", text)

    if report is None:
        return ""
    if not report.encrypted:
        return tr("Not encrypted")
    if report.identity_verified:
        state = tr("Encrypted, certificate and name verified")
    elif report.certificate_verified:
        state = tr("Encrypted, certificate verified")
    else:
        state = tr("Encrypted, not verified")
    return f"{state} ({report.protocol}, {report.cipher})"


def _beside(*rows: QWidget, equal: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(Space.M)
    for position, widget in enumerate(rows):
        row.addWidget(widget, 1 if equal or position == 0 else 0, Qt.AlignmentFlag.AlignTop)
    return row
