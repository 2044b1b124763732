"""The part of the form that says through which SSH server a database is reached."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import SshMethod, SshSettings, ssh_fingerprint
from altus4_desktop.ui.panes.connections.fields import FileField, beside, line
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import FormRow, IconButton, PasswordField, Segments


class HostKeyField(QWidget):
    """The fingerprint of a host key that is trusted, and a button to forget it."""

    changed = Signal()

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._host_key = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self.edit = QLineEdit()
        self.edit.setReadOnly(True)
        self.edit.setObjectName("connections.ssh_host_key")
        self.edit.setAccessibleName(label)
        self.setFocusProxy(self.edit)
        forget = IconButton(
            "close", self.tr("Trust this key no longer"), name="connections.ssh_host_key.forget"
        )
        forget.clicked.connect(self._forget)
        row.addWidget(self.edit, 1)
        row.addWidget(forget)

    def host_key(self) -> str:
        """Type and base64, or ``""``."""
        return self._host_key

    def set_host_key(self, host_key: str) -> None:
        """Show a key by its fingerprint."""
        self._host_key = host_key
        self.edit.setText(ssh_fingerprint(host_key))
        self.changed.emit()

    @Slot()
    def _forget(self) -> None:
        self.set_host_key("")


class TunnelSection(QWidget):
    """A box to tick and, once ticked, what an SSH server needs; ``fields`` are its rows by the
    names that errors use."""

    changed = Signal()

    def __init__(self, *, keeps_secret: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._origin: SshSettings | None = None
        self._keeps_secret = keeps_secret
        self.fields: dict[str, FormRow] = {}
        self._build()
        self.box.toggled.connect(self._show_details)
        self.method.chosen.connect(self._explain)
        for edit in (self.host, self.port, self.username, self.key_file.edit):
            edit.textChanged.connect(self._explain)
        self.host_key.changed.connect(self._explain)
        self._show_details(False)
        self._explain()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.box = QCheckBox(self.tr("Reach it through an SSH server"))
        self.box.setObjectName("connections.ssh")
        self.box.setAccessibleName(self.box.text())
        column.addWidget(self.box)
        self.details = QWidget()
        rows = QVBoxLayout(self.details)
        rows.setContentsMargins(Space.L, 0, 0, 0)
        rows.setSpacing(Space.M)
        column.addWidget(self.details)
        self.host = line("connections.ssh_host")
        self.port = line("connections.ssh_port")
        self.port.setValidator(QIntValidator(0, 99999, self.port))
        self.port.setText("22")
        self.username = line("connections.ssh_username")
        self.method = Segments(
            (
                (SshMethod.AGENT.value, self.tr("Agent")),
                (SshMethod.KEY.value, self.tr("Key file")),
                (SshMethod.PASSWORD.value, self.tr("Password")),
            ),
            name="connections.ssh_method",
            label=self.tr("Sign in at the SSH server by"),
        )
        self.key_file = FileField(self.tr("Private key"), name="connections.ssh_key_file")
        self.secret = PasswordField(
            name="connections.ssh_secret", label=self.tr("Password or passphrase of SSH")
        )
        self.known_hosts = FileField(
            self.tr("Known hosts file"), name="connections.ssh_known_hosts"
        )
        self.known_hosts.edit.setPlaceholderText("~/.ssh/known_hosts")
        self.host_key = HostKeyField(self.tr("Trusted host key"))
        rows.addLayout(
            beside(
                (self._row("ssh_host", self.tr("SSH host"), self.host), 4),
                (self._row("ssh_port", self.tr("SSH port"), self.port), 1),
            )
        )
        rows.addWidget(self._row("ssh_username", self.tr("SSH user"), self.username))
        rows.addWidget(self._row("ssh_method", self.tr("Sign in by"), self.method))
        rows.addWidget(self._row("ssh_key_file", self.tr("Private key"), self.key_file))
        rows.addWidget(self._row("ssh_secret", self.tr("SSH password"), self.secret))
        rows.addWidget(self._row("known_hosts_file", self.tr("Known hosts file"), self.known_hosts))
        rows.addWidget(self._row("host_key", self.tr("Trusted host key"), self.host_key))
        self.fields["known_hosts_file"].set_hint(
            self.tr("Only a server whose key is known is told anything. Empty: the usual files.")
        )

    def _row(self, field: str, label: str, widget: QWidget) -> FormRow:
        row = FormRow(label, widget)
        self.fields[field] = row
        return row

    def settings(self) -> SshSettings | None:
        """What the form says; None without a tunnel."""
        if not self.box.isChecked():
            return None
        text = self.port.text().strip()
        return SshSettings(
            host=self.host.text().strip(),
            username=self.username.text().strip(),
            port=int(text) if text.isascii() and text.isdigit() else 0,
            method=SshMethod(self.method.key),
            key_file=self.key_file.text(),
            known_hosts_file=self.known_hosts.text(),
            host_key=self.host_key.host_key(),
        )

    def secret_text(self) -> str | None:
        """What was typed; None means the saved one, or that there is none."""
        return self.secret.text() or None

    def show_settings(self, settings: SshSettings | None) -> None:
        """Fill the form from what is saved."""
        self._origin = settings
        self.box.setChecked(settings is not None)
        if settings is not None:
            self.host.setText(settings.host)
            self.port.setText(str(settings.port))
            self.username.setText(settings.username)
            self.method.set_key(settings.method.value)
            self.key_file.setText(settings.key_file)
            self.known_hosts.setText(settings.known_hosts_file)
            self.host_key.set_host_key(settings.host_key)
        self._explain()

    def trust(self, host_key: str) -> None:
        """Take a key that a person has compared."""
        self.host_key.set_host_key(host_key)

    @Slot(bool)
    def _show_details(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.changed.emit()

    @Slot()
    def _explain(self) -> None:
        method = SshMethod(self.method.key)
        self.fields["ssh_key_file"].setVisible(method is SshMethod.KEY)
        self.fields["host_key"].setVisible(bool(self.host_key.host_key()))
        row = self.fields["ssh_secret"]
        row.setVisible(method is not SshMethod.AGENT)
        is_key = method is SshMethod.KEY
        row.label.setText(self.tr("Passphrase of the key") if is_key else self.tr("SSH password"))
        now, origin = self.settings(), self._origin
        same = (
            self._keeps_secret
            and now is not None
            and origin is not None
            and (now.place, now.method, now.key_file)
            == (origin.place, origin.method, origin.key_file)
        )
        self.secret.setPlaceholderText(self.tr("Unchanged") if same else "")
        if same:
            row.set_hint(self.tr("Leave it empty to keep the saved one."))
        elif is_key:
            row.set_hint(self.tr("Only if it has one. Kept encrypted on this workstation."))
        else:
            row.set_hint(self.tr("Kept encrypted on this workstation."))
        self.changed.emit()
