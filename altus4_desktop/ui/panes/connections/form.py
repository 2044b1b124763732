"""The fields of a connection: what they say as a draft, and what is explained beside them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    Environment,
    PoolSettings,
    ServerCertificate,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.connections.fields import (
    FileField,
    FingerprintField,
    beside,
    line,
    seconds,
)
from altus4_desktop.ui.panes.connections.tunnel_section import TunnelSection
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, PasswordField, Segments, indent_number

_VERIFYING = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)


class ConnectionForm(QWidget):
    """Every field of a connection.

    ``connection`` is the one that is edited; ``copies`` says that its password may come from
    another.
    """

    advanced_shown = Signal()
    certificate_wanted = Signal()

    def __init__(
        self, connection: Connection | None, *, copies: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._copies = copies
        self.fields: dict[str, FormRow] = {}
        self._build()
        self._lay_out()
        for edit in (self.host, self.username, self.port):
            edit.textChanged.connect(self.explain_password)
        self.tunnel.changed.connect(self.explain_password)
        self.tls.currentIndexChanged.connect(self.explain_tls)
        self.explain_password()
        self.explain_tls()

    # Building

    def _build(self) -> None:
        self.name_field = line("connections.name")
        self.host = line("connections.host")
        self.host.setPlaceholderText(self.tr("db.example.org, or paste a mysql:// URL"))
        self.port = line("connections.port")
        self.port.setValidator(QIntValidator(0, 99999, self.port))
        self.port.setText("3306")
        self.database = line("connections.database")
        self.username = line("connections.username")
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
            (TlsMode.PINNED, self.tr("Pin one certificate")),
        ):
            self.tls.addItem(text, mode.value)
        self.tls.setCurrentIndex(self.tls.findData(TlsMode.PREFERRED.value))
        self.pin = FingerprintField(self.tr("Pinned certificate"), name="connections.pin")
        self.pin.read_wanted.connect(self.certificate_wanted)
        self.tunnel = TunnelSection(keeps_secret=self._connection is not None or self._copies)
        self.fields.update(self.tunnel.fields)
        self.ca_file = FileField(self.tr("Certificate authority"), name="connections.ca")
        self.cert_file = FileField(self.tr("Client certificate"), name="connections.cert")
        self.key_file = FileField(self.tr("Client key"), name="connections.key")
        self.pool_size = QSpinBox()
        self.pool_size.setRange(1, 100)
        indent_number(self.pool_size)
        self.pool_acquire = seconds("connections.acquire")
        self.pool_query = seconds("connections.query")
        self.pool_idle = seconds("connections.idle")
        self.pool_connect = seconds("connections.connect_timeout", 300)
        self.pool_size.setObjectName("connections.size")
        self._show_pool(PoolSettings())
        self.advanced_button = Button(
            self.tr("Advanced"), "link", icon_name="chevron-right", name="connections.advanced"
        )
        self.advanced_button.setCheckable(True)
        self.advanced_button.toggled.connect(self._show_advanced)

    def _lay_out(self) -> None:
        self.setProperty("surface", "canvas")
        form = QVBoxLayout(self)
        form.setContentsMargins(0, 0, Space.M, 0)
        form.setSpacing(Space.M)
        form.addWidget(self._row("name", self.tr("Name"), self.name_field))
        form.addLayout(
            beside(
                (self._row("host", self.tr("Host"), self.host), 4),
                (self._row("port", self.tr("Port"), self.port), 1),
            )
        )
        form.addWidget(self._row("database", self.tr("Database"), self.database))
        form.addLayout(
            beside(
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
        self._pin_row = self._row(
            "pin_sha256",
            self.tr("Pinned certificate"),
            self.pin,
            self.tr("Its SHA-256 fingerprint. Any other certificate is refused."),
        )
        form.addWidget(self._pin_row)
        form.addWidget(self.tunnel)
        form.addWidget(self.advanced_button, 0, Qt.AlignmentFlag.AlignLeft)
        form.addWidget(self._build_advanced())
        form.addStretch(1)

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
            beside(
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
            beside(
                (self._row("query_timeout_s", self.tr("Stop a query after"), self.pool_query), 1),
                (self._row("idle_timeout_s", self.tr("Close when idle for"), self.pool_idle), 1),
            )
        )
        column.addLayout(
            beside(
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

    # What the form says

    def draft(self) -> ConnectionDraft:
        """The form as a draft; an empty password means unchanged where there is one to keep."""
        keeps = self._connection is not None or self._copies
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
                self.pin.text(),
            ),
            ssh=self.tunnel.settings(),
            ssh_secret=self.tunnel.secret_text(),
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
        self.pin.setText(ServerCertificate(draft.tls.pin_sha256).fingerprint)
        self.tunnel.show_settings(draft.ssh)
        self._show_pool(draft.pool)

    def _show_pool(self, pool: PoolSettings) -> None:
        self.pool_size.setValue(pool.size)
        self.pool_acquire.setValue(pool.acquire_timeout_s)
        self.pool_query.setValue(pool.query_timeout_s)
        self.pool_idle.setValue(pool.idle_timeout_s)
        self.pool_connect.setValue(pool.connect_timeout_s)

    def lock_managed(self) -> None:
        """The local server's place and password are looked after by the program."""
        for field in (self.host, self.port, self.database, self.username, self.password, self.tls):
            field.setEnabled(False)
        self.ca_file.setEnabled(False)
        self.pin.setEnabled(False)
        self.tunnel.hide()
        self._client_files.setEnabled(False)
        self.fields["host"].set_hint(
            self.tr(
                "The local server is looked after by this program; only name, environment and "
                "the advanced settings can be changed."
            )
        )

    @Slot()
    def explain_password(self) -> None:
        """Say when the saved password is kept."""
        row = self.fields["password"]
        origin = self._connection
        if origin is None and not self._copies:
            row.set_hint(self.tr("Kept encrypted on this workstation."))
            return
        if origin is not None and self._moved(origin):
            self.password.setPlaceholderText(self.tr("Type it again"))
            row.set_hint(self.tr("Needed again, because host, port, user or tunnel were changed."))
            return
        self.password.setPlaceholderText(self.tr("Unchanged"))
        row.set_hint(self.tr("Leave it empty to keep the saved one."))

    def _moved(self, origin: Connection) -> bool:
        tunnel = self.tunnel.settings()
        place = (self.host.text().strip(), self._port_number(), self.username.text().strip())
        return (*place, tunnel and tunnel.place) != (
            origin.host,
            origin.port,
            origin.username,
            origin.ssh and origin.ssh.place,
        )

    @Slot()
    def explain_tls(self) -> None:
        """Say what the chosen mode protects from, and ask for the files it needs."""
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
            TlsMode.PINNED: self.tr(
                "Encrypted, and the server must show this very certificate, whoever issued it."
            ),
        }
        self.fields["tls"].set_hint(hints[mode])
        self._ca_row.setVisible(mode in _VERIFYING)
        self._pin_row.setVisible(mode is TlsMode.PINNED)
        self._ca_row.set_hint(self.tr("Empty: the authorities this system trusts."))
        self._client_files.setVisible(mode is not TlsMode.DISABLED)

    @Slot(bool)
    def _show_advanced(self, shown: bool) -> None:
        self.advanced.setVisible(shown)
        self.advanced_button.setIcon(icon("chevron-down" if shown else "chevron-right", "accent"))
        if shown:
            self.advanced_shown.emit()
