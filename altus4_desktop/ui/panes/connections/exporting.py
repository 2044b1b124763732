"""The dialog that takes connections out: which, and whether with their passwords."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QListWidget,
    QListWidgetItem,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.exchange import ExportReport
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, scrolling, show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    FormRow,
    InlineMessage,
    Label,
    PasswordField,
    StrengthMeter,
)

_SIZE = QSize(560, 620)
_ROW_HEIGHT = 34


class ExportDialog(Dialog):
    """Asks which connections and how, then for the file."""

    def __init__(
        self, session: Session, connections: Sequence[Connection], parent: QWidget | None = None
    ) -> None:
        title = "Export connections"
        super().__init__(title, name="connections.export", parent=parent)
        self.setWindowTitle(self.tr(title))
        self.setAccessibleName(self.tr(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._writing = LatestTask(session.runner, Lane.TENANTS, self)
        self._writing.succeeded.connect(self._show_report)
        self._writing.failed.connect(self._take_failure)
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.message = InlineMessage(name="connections.export.message")
        self.body.addWidget(self.message)
        self.form = QWidget()
        column = QVBoxLayout(self.form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._build_list(connections), 1)
        self._add_ways(column)
        self._area = scrolling(self.form)
        self.body.addWidget(self._area, 1)
        self._rest = QWidget()
        self._rest.hide()
        self.body.addWidget(self._rest, 1)
        self.cancel_button = Button(self.tr("Cancel"), name="connections.export.cancel")
        self.cancel_button.clicked.connect(self.reject)
        self.export_button = Button(self.tr("Export…"), "primary", name="connections.export.accept")
        self.export_button.clicked.connect(self._choose_file)
        self.export_button.setDefault(True)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.export_button)
        self.resize(self.fitting(_SIZE))
        self._show_way()
        self._count()
        self.list.setFocus()

    @property
    def connection_ids(self) -> list[str]:
        """The connections that are chosen."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item.checkState() is Qt.CheckState.Checked
        ]

    def export_to(self, path: Path) -> None:
        """Write what is chosen to ``path``."""
        exchange, actor = self._session.services.exchange, self._session.actor
        ids, passphrase = self.connection_ids, self.first.text()
        bundle = self.bundle.isChecked()

        def work(_: TaskContext) -> ExportReport:
            if bundle:
                return exchange.export_bundle_(actor, ids, path, passphrase)
            return exchange.export_(actor, ids, path)

        self.message.clear()
        self.export_button.setEnabled(False)
        self._writing.start(work, title=self.tr("Exporting connections"))

    def _build_list(self, connections: Sequence[Connection]) -> QListWidget:
        self.list = QListWidget()
        self.list.setObjectName("connections.export.list")
        self.list.setAccessibleName(self.tr("Connections to export"))
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        own = self._session.actor.user_id
        for saved in connections:
            # The local server of this computer is nowhere else.
            if saved.managed:
                continue
            port = "" if saved.host.startswith("/") else f":{saved.port}"
            place = f"{saved.host}{port} / {saved.database}"
            item = QListWidgetItem(f"{saved.name} · {place}")
            item.setData(Qt.ItemDataRole.UserRole, saved.id)
            # Its width is the list's: what is longer is cut.
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            item.setToolTip(plain_tool_tip(item.text()))
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            chosen = saved.user_id == own
            item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.setMinimumHeight(3 * _ROW_HEIGHT)
        self.list.setCurrentRow(0)
        self.list.itemChanged.connect(self._count)
        return self.list

    def _add_ways(self, column: QVBoxLayout) -> None:
        self.plain = QRadioButton(self.tr("Without passwords"))
        self.plain.setObjectName("connections.export.plain")
        self.plain.setChecked(True)
        self.bundle = QRadioButton(self.tr("Encrypted, with passwords"))
        self.bundle.setObjectName("connections.export.bundle")
        for way in (self.plain, self.bundle):
            way.setAccessibleName(way.text())
        self.first = PasswordField(
            name="connections.export.passphrase", label=self.tr("Passphrase")
        )
        self.second = PasswordField(
            name="connections.export.passphrase_again", label=self.tr("Passphrase again")
        )
        self.first_row = FormRow(self.tr("Passphrase"), self.first)
        self.second_row = FormRow(self.tr("Once more"), self.second)
        meter = StrengthMeter(of_passphrase=True)
        self.first.textChanged.connect(meter.rate)
        self.entry = QWidget()
        entry = QVBoxLayout(self.entry)
        entry.setContentsMargins(28, 0, 0, 0)
        entry.setSpacing(Space.S)
        for part in (self.first_row, meter, self.second_row):
            entry.addWidget(part)
        self.explanation = Label("", "caption", wrap=True)
        self.plain.toggled.connect(self._show_way)
        for widget in (self.plain, self.bundle, self.explanation, self.entry):
            column.addWidget(widget)

    @Slot()
    def _show_way(self) -> None:
        bundle = self.bundle.isChecked()
        self.entry.setVisible(bundle)
        if bundle:
            self._show_entry_soon()
        self.explanation.setText(
            self.tr(
                "Whoever has the file and the passphrase has the passwords. Tell the passphrase "
                "by another way than the file."
            )
            if bundle
            else self.tr("Where the connections lead, and nothing secret; a readable JSON file.")
        )

    @Slot()
    def _count(self) -> None:
        self.export_button.setEnabled(bool(self.connection_ids) and not self._writing.running)

    @Slot()
    def _choose_file(self) -> None:
        if self.bundle.isChecked() and not self._check_passphrase():
            return
        ending = "altus4" if self.bundle.isChecked() else "json"
        kinds = {
            "altus4": self.tr("Encrypted bundle (*.altus4)"),
            "json": self.tr("JSON document (*.json)"),
        }
        dialog = QFileDialog(self, self.windowTitle(), f"connections.{ending}", kinds[ending])
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._take_file)
        dialog.open()

    @Slot(str)
    def _take_file(self, name: str) -> None:
        self.export_to(Path(name))

    def _check_passphrase(self) -> bool:
        if not self.first.text():
            self.first_row.show_error(self.tr("Enter a passphrase."))
            self.first.setFocus()
        elif self.first.text() != self.second.text():
            self.second_row.show_error(self.tr("The two passphrases differ."))
            self.second.setFocus()
        else:
            return True
        self._show_entry_soon()
        return False

    def _show_entry_soon(self) -> None:
        # What was shown just now has its place only afterwards.
        QTimer.singleShot(0, self, self._show_entry)

    @Slot()
    def _show_entry(self) -> None:
        self._area.ensureWidgetVisible(self.entry, 0, 0)

    @Slot(object)
    def _show_report(self, report: ExportReport) -> None:
        self.first.forget()
        self.second.forget()
        self._area.hide()
        self._rest.show()
        self.export_button.hide()
        self.cancel_button.setText(self.tr("Close"))
        self.cancel_button.setAccessibleName(self.tr("Close"))
        self.cancel_button.setDefault(True)
        self.cancel_button.setFocus()
        count = len(report.connections)
        words = self.tr("{count} connections are in the file.")
        if count == 1:
            words = self.tr("One connection is in the file.")
        unopened = without = ""
        if report.unopened:
            unopened = self.tr(
                "The password of these could not be opened and is not in the file: {names}."
            ).format(names=", ".join(report.unopened))
        if report.without_password:
            without = self.tr("These have no password yet: {names}.").format(
                names=", ".join(report.without_password)
            )
        hint = "\n".join(filter(None, (str(report.path), unopened, without)))
        self.message.show_message(
            "warning" if unopened else "success", words.format(count=count), hint
        )
        self.resize(self.width(), self.minimumSizeHint().height())

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self._count()
        present(error, self, self._session.report_crash)

    def show_field_error(self, error: InputError) -> bool:
        """Show what is wrong with the passphrase beside it."""
        if error.field != "passphrase":
            return False
        self.first_row.show_error(" ".join(filter(None, (error_message(error), error_hint(error)))))
        self.first.setFocus()
        self._show_entry_soon()
        return True

    def show_error(self, error: AltusError) -> None:
        """Show it above the form."""
        self.message.show_error(error)

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in the way."""
        show_blocking_error(self, error)

    def done(self, result: int) -> None:
        """Forget the passphrase."""
        self._writing.drop()
        self.first.forget()
        self.second.forget()
        super().done(result)
