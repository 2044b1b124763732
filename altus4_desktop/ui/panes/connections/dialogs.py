"""The form of a connection, with its test; and the question before one is removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QWidget,
)

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    ServerCertificate,
)
from altus4_desktop.domain.errors import (
    AltusError,
    ConflictError,
    InputError,
    TenantError,
    TenantFailure,
    UnknownHostKeyError,
)
from altus4_desktop.ui.dialogs import ConfirmDialog, Dialog, show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.panes.connections.checking import CheckPanel
from altus4_desktop.ui.panes.connections.controller import ConnectionsController
from altus4_desktop.ui.panes.connections.form import ConnectionForm
from altus4_desktop.ui.panes.connections.pinning import PinDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    InlineMessage,
    Label,
)

_FIELD_OF = {
    TenantFailure.HOST: "host",
    TenantFailure.PORT: "port",
    TenantFailure.TLS: "tls",
    TenantFailure.CREDENTIALS: "password",
    TenantFailure.DATABASE: "database",
    TenantFailure.TIMEOUT: "host",
    TenantFailure.DENIED: "username",
    TenantFailure.TUNNEL: "ssh_host",
}


def field_of(error: AltusError) -> str:
    """The field of the form a failure belongs to, or ""."""
    if isinstance(error, InputError):
        return error.field
    if isinstance(error, TenantError):
        return _FIELD_OF.get(error.failure, "")
    return ""


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
        self._shown_key = ""
        self.pin_dialog: PinDialog | None = None
        self._build(editing=editing)
        self._lay_out()
        if connection is not None:
            self.form.show_draft(connection.as_draft())
        elif template is not None:
            self.form.show_draft(template)
        self._managed = connection is not None and connection.managed
        if self._managed:
            self.form.lock_managed()
            self.paste.hide()
        controller.saved.connect(self._close_saved)
        controller.save_failed.connect(self._take_save_failure)
        controller.check_succeeded.connect(self._take_report)
        controller.check_failed.connect(self._take_check_failure)
        controller.check_cancelled.connect(self._take_check_cancelled)
        controller.certificate_ready.connect(self._show_certificate)
        controller.certificate_failed.connect(self._take_check_failure)
        self.form.host.textChanged.connect(self._take_pasted_url)
        self.resize(self.fitting(QSize(640, 700)))
        self.form.name_field.setFocus()

    # Building

    def _build(self, *, editing: bool) -> None:
        self.form = ConnectionForm(self._connection, copies=self._copy_of is not None)
        self.form.advanced_shown.connect(self._show_last_row)
        self.form.certificate_wanted.connect(self._read_certificate)
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

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(Label(self.windowTitle(), "title"))
        head.addStretch(1)
        head.addWidget(self.paste)
        self.body.addLayout(head)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.form)
        self._area = area
        self.body.addWidget(area, 1)
        self.body.addWidget(self.message)
        self.body.addWidget(self.check_panel)
        self.buttons.addWidget(self.test_button)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.save_button)

    def sizeHint(self) -> QSize:
        return QSize(640, 700)

    # URLs

    @Slot()
    def _paste_url(self) -> None:
        self._take_url(QGuiApplication.clipboard().text())

    @Slot(str)
    def _take_pasted_url(self, text: str) -> None:
        if "://" in text:
            self.form.host.blockSignals(True)  # the password in it leaves the visible field at once
            self.form.host.clear()
            self.form.host.blockSignals(False)
            self._take_url(text)

    def _take_url(self, text: str) -> None:
        self.message.clear()
        try:
            draft = self._session.services.connections.parse_url(text)
        except InputError as error:
            self.form.fields["host"].show_error(_sentence(error))
            self.form.host.setFocus()
            return
        now = self.form.draft()
        kept = replace(
            draft,
            name=now.name or draft.name,
            environment=now.environment,
            pool=now.pool,
        )
        for row in self.form.fields.values():
            row.clear_error()
        self.form.show_draft(kept)
        self.form.explain_password()
        self.form.explain_tls()
        wanting = (self.form.database, self.form.username, self.form.password)
        next((edit for edit in wanting if not edit.text()), self.form.name_field).setFocus()

    # Testing

    @Slot()
    def _test(self) -> None:
        self._clear_errors()
        origin = self._connection.id if self._connection else self._copy_of
        draft = self.form.draft()
        self.test_button.setEnabled(False)
        self.check_panel.start(draft.pool.connect_timeout_s)
        self._controller.check(draft, origin)

    @Slot()
    def _read_certificate(self) -> None:
        self._clear_errors()
        origin = self._connection.id if self._connection else self._copy_of
        draft = self.form.draft()
        self.form.pin.read_button.setEnabled(False)
        self.check_panel.start(draft.pool.connect_timeout_s)
        self._controller.read_certificate(draft, origin)

    @Slot(object)
    def _show_certificate(self, certificate: ServerCertificate) -> None:
        self._end_check()
        self.check_panel.clear()
        self.pin_dialog = PinDialog(certificate, self.form.host.text().strip(), self)
        self.pin_dialog.accepted.connect(self._pin)
        self.pin_dialog.open()

    @Slot()
    def _pin(self) -> None:
        if self.pin_dialog is not None:
            self.form.pin.setText(self.pin_dialog.certificate.fingerprint)
            self.pin_dialog = None

    @Slot()
    def _trust(self) -> None:
        """The host key that was shown has been compared: take it, and try again."""
        self.form.tunnel.trust(self._shown_key)
        self._test()

    def _end_check(self) -> None:
        self.test_button.setEnabled(True)
        self.form.pin.read_button.setEnabled(True)

    @Slot()
    def _controller_cancel(self) -> None:
        self._controller.cancel_check()

    @Slot(object)
    def _take_report(self, report: ConnectionReport) -> None:
        self._end_check()
        self.check_panel.show_report(report)

    @Slot(object)
    def _take_check_failure(self, error: AltusError) -> None:
        self._end_check()
        if isinstance(error, InputError) and error.field in self.form.fields:
            self.check_panel.clear()
            self.show_field_error(error)
            return
        if isinstance(error, UnknownHostKeyError):
            self._shown_key = error.host_key
            self.check_panel.show_error(error, [(self.tr("Trust this key"), self._trust)])
            return
        self.check_panel.show_error(error)
        field = field_of(error)
        if field in self.form.fields:
            self._reveal(field)
            self.form.fields[field].show_error(error_message(error))

    @Slot()
    def _take_check_cancelled(self) -> None:
        self._end_check()
        self.check_panel.show_cancelled()

    # Saving

    @Slot()
    def _save(self) -> None:
        if self._is_saving:
            return
        self._clear_errors()
        self._set_saving(saving=True)
        if self._connection is not None:
            self._controller.update(self._connection, self.form.draft())
        else:
            self._controller.create(self.form.draft(), self._copy_of)

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
        for row in self.form.fields.values():
            row.clear_error()

    # Where failures are shown

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.form.fields.get(error.field)
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
            self.form.fields["name"].field.setFocus()

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in the way."""
        show_blocking_error(self, error)

    def _reveal(self, field: str) -> None:
        row = self.form.fields[field]
        if self.form.advanced.isAncestorOf(row):
            self.form.advanced_button.setChecked(True)
        self._area.ensureWidgetVisible(row, 0, Space.XL)

    @Slot()
    def _show_last_row(self) -> None:
        self._area.ensureWidgetVisible(self.form.fields["connect_timeout_s"])

    # Ending

    def done(self, result: int) -> None:
        """Stop a test that runs, and forget the password."""
        self._controller.drop_check()
        self.form.password.forget()
        self.form.tunnel.secret.forget()
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


def _sentence(error: AltusError) -> str:
    parts: Sequence[str] = (error_message(error), error_hint(error))
    return " ".join(part for part in parts if part)
