"""Where connections are brought in from: a file, or the database of an Altus 4 server."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import ConnectionDraft, TlsMode, TlsSettings
from altus4_desktop.domain.exchange import (
    ExchangeFormat,
    FileSource,
    ImportSource,
    ServerSource,
)
from altus4_desktop.services.exchange.csv_table import COLUMNS
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.connections.fields import FileField, beside, line
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import FormRow, Label, PasswordField, Segments, indent_number

_MODES = (
    TlsMode.VERIFY_IDENTITY,
    TlsMode.VERIFY_CA,
    TlsMode.REQUIRED,
    TlsMode.PREFERRED,
    TlsMode.DISABLED,
)


class SourcePage(QWidget):
    """The form; ``fields`` maps the names of InputErrors to its rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.kind = Segments(
            (("file", self.tr("A file")), ("server", self.tr("An Altus 4 server"))),
            name="connections.import.kind",
            label=self.tr("From where"),
            icons=("file", "server"),
        )
        self.kind.chosen.connect(self._show_kind)
        column.addWidget(self.kind)
        self._pages = QStackedWidget()
        self._file_area = scrolling(self._build_file())
        self._server_area = scrolling(self._build_server())
        self._pages.addWidget(self._file_area)
        self._pages.addWidget(self._server_area)
        column.addWidget(self._pages, 1)
        self._show_kind()

    def source(self) -> ImportSource:
        """What the form says."""
        if self.kind.key == "file":
            data = self.format.currentData()
            return FileSource(
                Path(self.file.text()),
                ExchangeFormat(data) if data else None,
                self.passphrase.text() or None,
            )
        place = ConnectionDraft(
            name="",
            host=self.host.text(),
            port=self.port.value(),
            database=self.database.text(),
            username=self.username.text(),
            password_secret=self.password.text(),
            tls=TlsSettings(TlsMode(self.tls.currentData()), self.ca.text()),
        )
        return ServerSource(place, self.key.text().strip() or None)

    def take_file(self, path: Path) -> None:
        """Take a file that was chosen elsewhere."""
        self.kind.set_key("file")
        self._show_kind()
        self.file.setText(str(path))

    def ask_passphrase(self) -> None:
        """The file is a bundle: show the field for its passphrase."""
        self.fields["passphrase"].show()
        self.passphrase.setFocus()
        # It has its place only afterwards.
        QTimer.singleShot(0, self, self._show_passphrase)

    @Slot()
    def _show_passphrase(self) -> None:
        self.show_row(self.fields["passphrase"])

    def focus_first(self) -> None:
        """Begin with the file, or with the host."""
        (self.file if self.kind.key == "file" else self.host).setFocus()

    def show_row(self, row: QWidget) -> None:
        """Scroll to it."""
        area = self._file_area if self.kind.key == "file" else self._server_area
        area.ensureWidgetVisible(row)

    def forget(self) -> None:
        """Empty what is secret."""
        for secret in (self.passphrase, self.password, self.key):
            secret.forget()

    def _build_file(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.file = FileField(self.tr("File"), name="connections.import.file")
        self.format = QComboBox()
        self.format.setObjectName("connections.import.format")
        self.format.addItem(self.tr("What its content tells"), "")
        for one in ExchangeFormat:
            if one is not ExchangeFormat.ALTUS_SERVER:
                self.format.addItem(self.tr(one.label), one.value)
        self.passphrase = PasswordField(
            name="connections.import.passphrase", label=self.tr("Passphrase")
        )
        self.fields = {
            "file": FormRow(
                self.tr("File"),
                self.file,
                hint=self.tr(
                    "MySQL Workbench, DBeaver, HeidiSQL, .my.cnf, CSV, a list of URLs, or what "
                    "Altus has exported. It can be dropped onto the pane as well."
                ),
            ),
            "format": FormRow(
                self.tr("Format"),
                self.format,
                hint=self.tr(
                    "The first line of a CSV table names its columns: host, and, as far as there "
                    "are such, {columns}."
                ).format(columns=", ".join(name for name in COLUMNS if name != "host")),
            ),
            "passphrase": FormRow(
                self.tr("Passphrase"),
                self.passphrase,
                hint=self.tr("The bundle is encrypted; whoever made it knows its passphrase."),
            ),
        }
        for row in self.fields.values():
            column.addWidget(row)
        self.fields["passphrase"].hide()
        column.addStretch(1)
        return page

    def _build_server(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, Space.M, 0)
        column.setSpacing(Space.M)
        column.addWidget(
            Label(
                self.tr(
                    "The server's own database is read, and nothing in it is changed. Users and "
                    "API keys are brought in by admins."
                ),
                "muted",
                wrap=True,
            )
        )
        self.host = line("connections.import.host")
        self.port = QSpinBox()
        self.port.setObjectName("connections.import.port")
        self.port.setRange(1, 65535)
        self.port.setValue(3306)
        indent_number(self.port)
        self.database = line("connections.import.server_database")
        self.username = line("connections.import.server_username")
        self.password = PasswordField(
            name="connections.import.server_password", label=self.tr("Password")
        )
        self.tls = QComboBox()
        self.tls.setObjectName("connections.import.tls")
        words = {
            TlsMode.VERIFY_IDENTITY: self.tr("Verify certificate and host name"),
            TlsMode.VERIFY_CA: self.tr("Verify the certificate"),
            TlsMode.REQUIRED: self.tr("Required"),
            TlsMode.PREFERRED: self.tr("Preferred"),
            TlsMode.DISABLED: self.tr("Disabled"),
        }
        for mode in _MODES:
            self.tls.addItem(words[mode], mode.value)
        self.ca = FileField(self.tr("Certificate authority"), name="connections.import.ca")
        self.key = PasswordField(name="connections.import.key", label=self.tr("ENCRYPTION_KEY"))
        server = {
            "host": FormRow(self.tr("Host"), self.host),
            "port": FormRow(self.tr("Port"), self.port),
            "database": FormRow(self.tr("Database"), self.database),
            "username": FormRow(self.tr("User"), self.username),
            "password": FormRow(self.tr("Password"), self.password),
            "tls": FormRow(self.tr("TLS"), self.tls),
            "ca_file": FormRow(self.tr("Certificate authority"), self.ca),
            "encryption_key": FormRow(
                self.tr("ENCRYPTION_KEY"),
                self.key,
                hint=self.tr(
                    "64 hex digits from the server's settings. Without it the passwords of the "
                    "connections are missing, and asked for when they are used."
                ),
            ),
        }
        self.fields.update(server)
        column.addLayout(beside((server["host"], 3), (server["port"], 1)))
        column.addLayout(beside((server["database"], 1), (server["username"], 1)))
        column.addLayout(beside((server["password"], 1), (server["tls"], 1)))
        column.addWidget(server["ca_file"])
        column.addWidget(server["encryption_key"])
        self.tls.currentIndexChanged.connect(self._show_ca)
        column.addStretch(1)
        return page

    @Slot()
    def _show_kind(self) -> None:
        self._pages.setCurrentIndex(0 if self.kind.key == "file" else 1)
        self._show_ca()

    @Slot()
    def _show_ca(self) -> None:
        self.fields["ca_file"].setVisible(
            TlsMode(self.tls.currentData()) in (TlsMode.VERIFY_IDENTITY, TlsMode.VERIFY_CA)
        )
