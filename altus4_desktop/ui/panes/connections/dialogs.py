"""The form of a connection, with its test; and the question before one is removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication, QIntValidator, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    Environment,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import (
    AltusError,
    ConflictError,
    InputError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.ui.dialogs import ConfirmDialog, Dialog, show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.connections.checking import CheckPanel
from altus4_desktop.ui.panes.connections.controller import ConnectionsController
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    FormRow,
    IconButton,
    InlineMessage,
    Label,
    PasswordField,
    Segments,
)

_FIELD_OF = {
    TenantFailure.HOST: "host",
    TenantFailure.PORT: "port",
    TenantFailure.TLS: "tls",
    TenantFailure.CREDENTIALS: "password",
    TenantFailure.DATABASE: "database",
    TenantFailure.TIMEOUT: "host",
    TenantFailure.DENIED: "username",
}
_VERIFYING = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)


def field_of(error: AltusError) -> str:
    """The field of the form a failure belongs to, or ""."""
    if isinstance(error, InputError):
        return error.field
    if isinstance(error, TenantError):
        return _FIELD_OF.get(error.failure, "")
    return ""


class FileField(QWidget):
    """A path with a button to look for it."""

    def __init__(self, label: str, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.edit = QLineEdit()
        self.edit.setObjectName(name)
        self.edit.setAccessibleName(label)
        self.setFocusProxy(self.edit)
        self.textChanged = self.edit.textChanged
        self._label = label
        look = IconButton("folder", self.tr("Choose a file"), name=f"{name}.choose")
        look.clicked.connect(self._look)
        row.addWidget(self.edit, 1)
        row.addWidget(look)

    def text(self) -> str:
        """The path."""
        return self.edit.text().strip()

    def setText(self, text: str) -> None:
        """Show a path."""
        self.edit.setText(text)

    @Slot()
    def _look(self) -> None:
        dialog = QFileDialog(self, self._label)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.open()


class ConnectionDialog(Dialog):
    """Adds or edits one connection; stays open until it is saved or given up.

    ``connection`` is the one to edit; ``template`` with ``copy_of`` starts a new one from another.
    """

    def __init__(
        self,
        session: Session,
        controller: ConnectionsController,
        *,
        connection: Connection | None = None,
        template: ConnectionDraft | None = None,
        copy_of: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        self._connection = connection
        self._copy_of = copy_of
        editing = connection is not None
        title = "Edit connection" if editing else "Add a connection"
        super().__init__(title, name="connections.dialog", parent=parent)
        self.setWindowTitle(self.tr(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._controller = controller
        self._is_saving = False
        self.fields: dict[str, FormRow] = {}
        self._build(editing=editing)
        self._lay_out()
        if connection is not None:
            self.show_draft(connection.as_draft())
        elif template is not None:
            self.show_draft(template)
        self._managed = connection is not None and connection.managed
        if self._managed:
            self._lock_managed()
        controller.saved.connect(self._close_saved)
        controller.save_failed.connect(self._take_save_failure)
        controller.check_succeeded.connect(self._take_report)
        controller.check_failed.connect(self._take_check_failure)
        controller.check_cancelled.connect(self._take_check_cancelled)
        for edit in (self.host, self.username):
            edit.textChanged.connect(self._explain_password)
        self.port.textChanged.connect(self._explain_password)
        self.host.textChanged.connect(self._take_pasted_url)
        self.tls.currentIndexChanged.connect(self._explain_tls)
        self._explain_password()
        self._explain_tls()
        self.resize(640, 700)
        self.name_field.setFocus()

    # Building

    def _build(self, *, editing: bool) -> None:
        self.name_field = self._line("connections.name")
        self.host = self._line("connections.host")
        self.host.setPlaceholderText(self.tr("db.example.org, or paste a mysql:// URL"))
        self.port = self._line("connections.port")
        self.port.setValidator(QIntValidator(0, 99999, self.port))
        self.port.setText("3306")
        self.database = self._line("connections.database")
        self.username = self._line("connections.username")
        self.password = PasswordField(name="connections.password", label=self.tr("Password"))
        self.environment = Segments(
            (
                (Environment.DEV.value, self.tr("Development")),
                (Environment.TEST.value, self.tr("Test")),
                (Environment.PROD.value, self.tr("Production")),
            ),
            name="connections.environment",
            label=self.tr("Environment"),
        )
        self.tls = QComboBox()
        self.tls.setObjectName("connections.tls")
        for mode, text in (
            (TlsMode.DISABLED, self.tr("Disabled")),
            (TlsMode.PREFERRED, self.tr("Preferred")),
            (TlsMode.REQUIRED, self.tr("Required")),
            (TlsMode.VERIFY_CA, self.tr("Verify the certificate")),
            (TlsMode.VERIFY_IDENTITY, self.tr("Verify certificate and host name")),
        ):
            self.tls.addItem(text, mode.value)
        self.tls.setCurrentIndex(self.tls.findData(TlsMode.PREFERRED.value))
        self.ca_file = FileField(self.tr("Certificate authority"), name="connections.ca")
        self.cert_file = FileField(self.tr("Client certificate"), name="connections.cert")
        self.key_file = FileField(self.tr("Client key"), name="connections.key")
        self.pool_size = QSpinBox()
        self.pool_size.setRange(1, 100)
        _indent(self.pool_size)
        self.pool_acquire = self._seconds()
        self.pool_query = self._seconds()
        self.pool_idle = self._seconds()
        self.pool_connect = self._seconds(300)
        for field, name in (
            (self.pool_size, "size"),
            (self.pool_acquire, "acquire"),
            (self.pool_query, "query"),
            (self.pool_idle, "idle"),
            (self.pool_connect, "connect_timeout"),
        ):
            field.setObjectName(f"connections.{name}")
        self._show_pool(PoolSettings())
        self.advanced_button = Button(
            self.tr("Advanced"), "link", icon_name="chevron-right", name="connections.advanced"
        )
        self.advanced_button.setCheckable(True)
        self.advanced_button.toggled.connect(self._show_advanced)
        self.paste = Button(self.tr("Paste URL"), icon_name="link", name="connections.paste_url")
        self.paste.clicked.connect(self._paste_url)
        self.check_panel = CheckPanel("connections.check")
        self.check_panel.cancel_wanted.connect(self._controller_cancel)
        self.message = InlineMessage(name="connections.dialog.message")
        self.test_button = Button(self.tr("Test"), icon_name="plug", name="connections.test")
        self.test_button.clicked.connect(self._test)
        self.cancel_button = Button(self.tr("Cancel"), name="connections.cancel")
        self.cancel_button.clicked.connect(self.reject)
        save = self.tr("Save") if editing else self.tr("Add connection")
        self.save_button = Button(save, "primary", name="connections.save")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self._save)

    def _line(self, name: str) -> QLineEdit:
        edit = QLineEdit()
        edit.setObjectName(name)
        return edit

    def _seconds(self, longest: int = 86400) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setDecimals(0)
        box.setRange(1, longest)
        box.setSuffix(self.tr(" s"))
        _indent(box)
        return box

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(Label(self.windowTitle(), "title"))
        head.addStretch(1)
        head.addWidget(self.paste)
        self.body.addLayout(head)
        form = QVBoxLayout()
        form.setContentsMargins(0, 0, Space.M, 0)
        form.setSpacing(Space.M)
        form.addWidget(self._row("name", self.tr("Name"), self.name_field))
        form.addLayout(
            self._beside(
                (self._row("host", self.tr("Host"), self.host), 4),
                (self._row("port", self.tr("Port"), self.port), 1),
            )
        )
        form.addWidget(self._row("database", self.tr("Database"), self.database))
        form.addLayout(
            self._beside(
                (self._row("username", self.tr("User"), self.username), 1),
                (self._row("password", self.tr("Password"), self.password), 1),
            )
        )
        form.addWidget(
            self._row(
                "environment",
                self.tr("Environment"),
                self.environment,
                self.tr("Production is shown in red wherever it is searched."),
            )
        )
        form.addWidget(self._row("tls", self.tr("TLS"), self.tls))
        self._ca_row = self._row("ca_file", self.tr("Certificate authority"), self.ca_file)
        form.addWidget(self._ca_row)
        form.addWidget(self.advanced_button, 0, Qt.AlignmentFlag.AlignLeft)
        form.addWidget(self._build_advanced())
        form.addStretch(1)
        holder = QWidget()
        holder.setProperty("surface", "canvas")
        holder.setLayout(form)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holder)
        self._area = area
        self.body.addWidget(area, 1)
        self.body.addWidget(self.message)
        self.body.addWidget(self.check_panel)
        self.buttons.addWidget(self.test_button)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.save_button)

    def _build_advanced(self) -> QWidget:
        self.advanced = QWidget()
        column = QVBoxLayout(self.advanced)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        self._client_files = QWidget()
        files = QVBoxLayout(self._client_files)
        files.setContentsMargins(0, 0, 0, 0)
        files.setSpacing(Space.L)
        files.addWidget(
            self._row(
                "cert_file",
                self.tr("Client certificate"),
                self.cert_file,
                self.tr("Only where the server asks its clients for one."),
            )
        )
        files.addWidget(self._row("key_file", self.tr("Client key"), self.key_file))
        column.addWidget(self._client_files)
        column.addLayout(
            self._beside(
                (self._row("size", self.tr("Connections at most"), self.pool_size), 1),
                (
                    self._row(
                        "acquire_timeout_s", self.tr("Wait for a free one"), self.pool_acquire
                    ),
                    1,
                ),
            )
        )
        column.addLayout(
            self._beside(
                (self._row("query_timeout_s", self.tr("Stop a query after"), self.pool_query), 1),
                (self._row("idle_timeout_s", self.tr("Close when idle for"), self.pool_idle), 1),
            )
        )
        column.addLayout(
            self._beside(
                (
                    self._row(
                        "connect_timeout_s",
                        self.tr("Give up connecting after"),
                        self.pool_connect,
                    ),
                    1,
                ),
                (QWidget(), 1),
            )
        )
        self.advanced.hide()
        return self.advanced

    def _row(self, field: str, label: str, widget: QWidget, hint: str = "") -> FormRow:
        row = FormRow(label, widget, hint=hint)
        self.fields[field] = row
        return row

    def _beside(self, *columns: tuple[QWidget, int]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        for widget, stretch in columns:
            row.addWidget(widget, stretch, Qt.AlignmentFlag.AlignTop)
        return row

    def sizeHint(self) -> QSize:
        return QSize(640, 700)

    # What the form says

    def draft(self) -> ConnectionDraft:
        """The form as a draft; an empty password means unchanged where there is one to keep."""
        keeps = self._connection is not None or self._copy_of is not None
        secret: str | None = self.password.text()
        if not secret and keeps:
            secret = None
        return ConnectionDraft(
            name=self.name_field.text().strip(),
            host=self.host.text().strip(),
            database=self.database.text().strip(),
            username=self.username.text().strip(),
            port=self._port_number(),
            password_secret=secret,
            tls=TlsSettings(
                TlsMode(self.tls.currentData()),
                self.ca_file.text(),
                self.cert_file.text(),
                self.key_file.text(),
            ),
            environment=Environment(self.environment.key),
            pool=PoolSettings(
                size=self.pool_size.value(),
                acquire_timeout_s=self.pool_acquire.value(),
                query_timeout_s=self.pool_query.value(),
                idle_timeout_s=self.pool_idle.value(),
                connect_timeout_s=self.pool_connect.value(),
            ),
        )

    def _port_number(self) -> int:
        text = self.port.text().strip()
        return int(text) if text.isascii() and text.isdigit() else 0

    def show_draft(self, draft: ConnectionDraft) -> None:
        """Fill the form."""
        self.name_field.setText(draft.name)
        self.host.setText(draft.host)
        self.port.setText(str(draft.port))
        self.database.setText(draft.database)
        self.username.setText(draft.username)
        if draft.password_secret is not None:
            self.password.setText(draft.password_secret)
        self.environment.set_key(draft.environment.value)
        self.tls.setCurrentIndex(self.tls.findData(draft.tls.mode.value))
        self.ca_file.setText(draft.tls.ca_file)
        self.cert_file.setText(draft.tls.cert_file)
        self.key_file.setText(draft.tls.key_file)
        self._show_pool(draft.pool)

    def _show_pool(self, pool: PoolSettings) -> None:
        self.pool_size.setValue(pool.size)
        self.pool_acquire.setValue(pool.acquire_timeout_s)
        self.pool_query.setValue(pool.query_timeout_s)
        self.pool_idle.setValue(pool.idle_timeout_s)
        self.pool_connect.setValue(pool.connect_timeout_s)

    def _lock_managed(self) -> None:
        """The local server's place and password are looked after by the program."""
        for field in (self.host, self.port, self.database, self.username, self.password, self.tls):
            field.setEnabled(False)
        self.paste.hide()
        self.ca_file.setEnabled(False)
        self._client_files.setEnabled(False)
        self.fields["host"].set_hint(
            self.tr(
                "The local server is looked after by this program; only name, environment and "
                "the advanced settings can be changed."
            )
        )

    @Slot()
    def _explain_password(self) -> None:
        row = self.fields["password"]
        origin = self._connection
        if origin is None and self._copy_of is None:
            row.set_hint(self.tr("Kept encrypted on this workstation."))
            return
        if origin is not None and self._moved(origin):
            self.password.setPlaceholderText(self.tr("Type it again"))
            row.set_hint(self.tr("Needed again, because host, port or user were changed."))
            return
        self.password.setPlaceholderText(self.tr("Unchanged"))
        row.set_hint(self.tr("Leave it empty to keep the saved one."))

    def _moved(self, origin: Connection) -> bool:
        return (self.host.text().strip(), self._port_number(), self.username.text().strip()) != (
            origin.host,
            origin.port,
            origin.username,
        )

    @Slot()
    def _explain_tls(self) -> None:
        mode = TlsMode(self.tls.currentData())
        hints = {
            TlsMode.DISABLED: self.tr(
                "Everything travels readable. Only for a server on this machine."
            ),
            TlsMode.PREFERRED: self.tr(
                "Encrypted if the server offers it; nobody checks who the server is."
            ),
            TlsMode.REQUIRED: self.tr(
                "Always encrypted or refused; nobody checks who the server is."
            ),
            TlsMode.VERIFY_CA: self.tr(
                "Encrypted, and the certificate must come from the authority below."
            ),
            TlsMode.VERIFY_IDENTITY: self.tr(
                "Encrypted, and the certificate must be this host's. The safest choice."
            ),
        }
        self.fields["tls"].set_hint(hints[mode])
        self._ca_row.setVisible(mode in _VERIFYING)
        self._ca_row.set_hint(self.tr("Empty: the authorities this system trusts."))
        self._client_files.setVisible(mode is not TlsMode.DISABLED)

    @Slot(bool)
    def _show_advanced(self, shown: bool) -> None:
        self.advanced.setVisible(shown)
        self.advanced_button.setIcon(icon("chevron-down" if shown else "chevron-right", "accent"))
        if shown:
            self._area.ensureWidgetVisible(self.fields["connect_timeout_s"])

    # URLs

    @Slot()
    def _paste_url(self) -> None:
        self._take_url(QGuiApplication.clipboard().text())

    @Slot(str)
    def _take_pasted_url(self, text: str) -> None:
        if "://" in text:
            self.host.blockSignals(True)  # the password in it leaves the visible field at once
            self.host.clear()
            self.host.blockSignals(False)
            self._take_url(text)

    def _take_url(self, text: str) -> None:
        self.message.clear()
        try:
            draft = self._session.services.connections.parse_url(text)
        except InputError as error:
            self.fields["host"].show_error(_sentence(error))
            self.host.setFocus()
            return
        now = self.draft()
        kept = replace(
            draft,
            name=now.name or draft.name,
            environment=now.environment,
            pool=now.pool,
        )
        for row in self.fields.values():
            row.clear_error()
        self.show_draft(kept)
        self._explain_password()
        self._explain_tls()
        wanting = (self.database, self.username, self.password)
        next((edit for edit in wanting if not edit.text()), self.name_field).setFocus()

    # Testing

    @Slot()
    def _test(self) -> None:
        self._clear_errors()
        origin = self._connection.id if self._connection else self._copy_of
        draft = self.draft()
        self.test_button.setEnabled(False)
        self.check_panel.start(draft.pool.connect_timeout_s)
        self._controller.check(draft, origin)

    @Slot()
    def _controller_cancel(self) -> None:
        self._controller.cancel_check()

    @Slot(object)
    def _take_report(self, report: ConnectionReport) -> None:
        self.test_button.setEnabled(True)
        self.check_panel.show_report(report)

    @Slot(object)
    def _take_check_failure(self, error: AltusError) -> None:
        self.test_button.setEnabled(True)
        if isinstance(error, InputError) and error.field in self.fields:
            self.check_panel.clear()
            self.show_field_error(error)
            return
        self.check_panel.show_error(error)
        field = field_of(error)
        if field in self.fields:
            self._reveal(field)
            self.fields[field].show_error(error_message(error))

    @Slot()
    def _take_check_cancelled(self) -> None:
        self.test_button.setEnabled(True)
        self.check_panel.show_cancelled()

    # Saving

    @Slot()
    def _save(self) -> None:
        if self._is_saving:
            return
        self._clear_errors()
        self._set_saving(saving=True)
        if self._connection is not None:
            self._controller.update(self._connection, self.draft())
        else:
            self._controller.create(self.draft(), self._copy_of)

    @Slot(object)
    def _close_saved(self, _: Connection) -> None:
        if self._is_saving:
            self.accept()

    @Slot(object)
    def _take_save_failure(self, error: Exception) -> None:
        if self._is_saving:
            self._set_saving(saving=False)
            present(error, self, self._session.report_crash)

    def _set_saving(self, *, saving: bool) -> None:
        self._is_saving = saving
        self.save_button.setEnabled(not saving)
        self.test_button.setEnabled(not saving)

    def _clear_errors(self) -> None:
        self.message.clear()
        self.check_panel.clear()
        for row in self.fields.values():
            row.clear_error()

    # Where failures are shown

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.fields.get(error.field)
        if row is None:
            return False
        self._reveal(error.field)
        row.show_error(_sentence(error))
        row.field.setFocus()
        return True

    def show_error(self, error: AltusError) -> None:
        """Show it below the form."""
        self.message.show_error(error)
        if isinstance(error, ConflictError):
            self.fields["name"].field.setFocus()

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in the way."""
        show_blocking_error(self, error)

    def _reveal(self, field: str) -> None:
        row = self.fields[field]
        if self.advanced.isAncestorOf(row):
            self.advanced_button.setChecked(True)
        self._area.ensureWidgetVisible(row, 0, Space.XL)

    # Ending

    def done(self, result: int) -> None:
        """Stop a test that runs, and forget the password."""
        self._controller.drop_check()
        self.password.forget()
        super().done(result)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape stops a running test before it closes the dialog."""
        if event.key() == Qt.Key.Key_Escape and self._controller.is_checking:
            self._controller.cancel_check()
            return
        super().keyPressEvent(event)


def ask_removal(connection: Connection, parent: QWidget) -> ConfirmDialog:
    """The question before a connection is removed; it names what goes along and what stays."""
    dialog = ConfirmDialog(
        parent.tr("Remove “{name}”?").format(name=connection.name),
        parent.tr(
            "Its settings and its saved password are deleted from this workstation; this cannot be "
            "undone. Past searches stay in the history. Nothing changes on {host}."
        ).format(host=connection.host),
        parent.tr("Remove connection"),
        name="connections.remove.confirm",
        parent=parent,
    )
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return dialog


def _indent(box: QSpinBox | QDoubleSpinBox) -> None:
    """The style sheet's padding does not reach the editor inside a spin box."""
    box.lineEdit().setTextMargins(Space.S, 0, 0, 0)


def _sentence(error: AltusError) -> str:
    parts: Sequence[str] = (error_message(error), error_hint(error))
    return " ".join(part for part in parts if part)
