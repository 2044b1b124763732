"""What is asked before a key, its passphrase or a recovery kit is made, changed or taken in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import VaultError
from altus4_desktop.services.vault import VaultKind, VaultStatus
from altus4_desktop.services.vault_keys import ImportReport
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import FormRow, Label, PasswordField, Segments, StrengthMeter


class NewPassphrase(QWidget):
    """A new passphrase, twice, and how strong it is."""

    def __init__(self, *, name: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._first = PasswordField(name=f"{name}.first", label=label)
        self._second = PasswordField(name=f"{name}.second", label=self.tr("Once more"))
        self.row = FormRow(label, self._first)
        self._second_row = FormRow(self.tr("Once more"), self._second)
        meter = StrengthMeter(of_passphrase=True)
        self._first.textChanged.connect(meter.rate)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        for part in (self.row, meter, self._second_row):
            column.addWidget(part)

    def take(self) -> str | None:
        """The passphrase once both entries agree; otherwise says what is missing."""
        secret = self._first.text()
        if not secret:
            self.row.show_error(self.tr("Enter a passphrase."))
            self._first.setFocus()
        elif secret != self._second.text():
            self._second_row.show_error(self.tr("The two passphrases differ."))
            self._second.setFocus()
        else:
            return secret
        return None

    def forget(self) -> None:
        """Empty both."""
        self._first.forget()
        self._second.forget()

    def focus_first(self) -> None:
        """Begin to type."""
        self._first.setFocus()


class RotateDialog(FormDialog):
    """``wanted``: where the new key is kept, and its passphrase or None for the one there is."""

    wanted = Signal(object, object)

    def __init__(
        self, session: Session, status: VaultStatus, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="settings.rotate", width=500, parent=parent)
        self.entitle(self.tr("Make a new key?"), self.tr("Make a new key"))
        self._before = status.kind
        self.column.addWidget(
            Label(
                self.tr(
                    "Every saved password of this computer is sealed with a new key, one after the "
                    "other; the old key goes when none needs it any more. You can go on working, "
                    "and it can be broken off and taken up again at any time.\n\n"
                    "Recovery kits made before do not hold the new key: export another one."
                ),
                "muted",
                wrap=True,
            )
        )
        self._kind = Segments(
            [
                (VaultKind.KEYRING.value, self.tr("System keyring")),
                (VaultKind.PASSPHRASE.value, self.tr("Passphrase")),
            ],
            name="settings.rotate.kind",
            label=self.tr("Where the new key is kept"),
        )
        self._kind.set_key(status.kind.value)
        self._kind.chosen.connect(self._show_entry)
        self.add_row("kind", FormRow(self.tr("Where the new key is kept"), self._kind))
        self._another = QCheckBox(self.tr("Choose a new passphrase, too"))
        self._another.setObjectName("settings.rotate.another")
        self._another.setAccessibleName(self._another.text())
        self._another.toggled.connect(self._show_entry)
        self.column.addWidget(self._another)
        self._entry = NewPassphrase(name="settings.rotate", label=self.tr("New passphrase"))
        self.work.fields["passphrase"] = self._entry.row
        self.column.addWidget(self._entry)
        self.column.addStretch(1)
        self._show_entry()

    @Slot()
    def _show_entry(self) -> None:
        by_passphrase = self._kind.key == VaultKind.PASSPHRASE.value
        had_one = self._before is VaultKind.PASSPHRASE
        self._another.setVisible(by_passphrase and had_one)
        self._entry.setVisible(by_passphrase and (not had_one or self._another.isChecked()))

    def send(self) -> None:
        """Tell what is wanted; the progress is shown behind this dialog."""
        secret = None
        if not self._entry.isHidden():
            secret = self._entry.take()
            if secret is None:
                return
        self.wanted.emit(VaultKind(self._kind.key), secret)
        self.accept()

    def forget(self) -> None:
        """Empty the passphrase."""
        self._entry.forget()


class ExportKitDialog(FormDialog):
    """Writes a recovery kit to ``path``; ``written`` (how many keys) when it is
    known to be good."""

    written = Signal(int)

    def __init__(self, session: Session, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(session, name="settings.export_kit", width=480, parent=parent)
        self.entitle(self.tr("Export a recovery kit"), self.tr("Export"))
        self._path = path
        self.column.addWidget(
            Label(
                self.tr(
                    "Whoever has the file and this passphrase can open the passwords saved with "
                    "this computer's key. Keep both, and not in the same place."
                ),
                "muted",
                wrap=True,
            )
        )
        self._entry = NewPassphrase(
            name="settings.export_kit", label=self.tr("Passphrase of the kit")
        )
        self.work.fields["passphrase"] = self._entry.row
        self.column.addWidget(self._entry)
        self.column.addStretch(1)
        self._entry.focus_first()

    def send(self) -> None:
        """Write it."""
        secret = self._entry.take()
        if secret is None:
            return
        keys, actor, path = self.session.services.vault_keys, self.session.actor, self._path

        def export(_: TaskContext) -> int:
            return len(keys.export_kit_(actor, path, secret))

        self.run(export, self._tell, Lane.VAULT)

    @Slot(object)
    def _tell(self, count: int) -> None:
        self.written.emit(count)
        self.accept()

    def forget(self) -> None:
        """Empty the passphrase."""
        self._entry.forget()


class ImportKitDialog(FormDialog):
    """Takes in the recovery kit at ``path``; ``taken`` carries an ImportReport.

    Where this computer has no key it can use, its own may be put under a new passphrase.
    """

    taken = Signal(object)

    def __init__(
        self, session: Session, path: Path, status: VaultStatus, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="settings.import_kit", width=480, parent=parent)
        self.entitle(self.tr("Import a recovery kit"), self.tr("Import"))
        self._path = path
        explanation = self.tr("Its keys are kept beside this computer's own key, which stays.")
        if not status.unlocked:
            explanation = self.tr(
                "If the kit holds this computer's own key, it is put back; otherwise its keys are "
                "kept beside it."
            )
        self.column.addWidget(Label(explanation, "muted", wrap=True))
        self._secret = PasswordField(
            name="settings.import_kit.passphrase", label=self.tr("Passphrase of the kit")
        )
        self.add_row("kit", FormRow(self.tr("Passphrase of the kit"), self._secret))
        self._protect = QCheckBox(self.tr("Protect this computer's key with a passphrase"))
        self._protect.setObjectName("settings.import_kit.protect")
        self._protect.setAccessibleName(self._protect.text())
        self._protect.setHidden(status.unlocked and status.kind is not VaultKind.SESSION)
        self._protect.setChecked(not status.unlocked and status.kind is VaultKind.PASSPHRASE)
        self._protect.toggled.connect(self._show_entry)
        self.column.addWidget(self._protect)
        self._entry = NewPassphrase(
            name="settings.import_kit", label=self.tr("New passphrase of this computer")
        )
        self.work.fields["passphrase"] = self._entry.row
        self.column.addWidget(self._entry)
        self.column.addStretch(1)
        self._show_entry()
        self._secret.setFocus()

    @Slot()
    def _show_entry(self) -> None:
        self._entry.setVisible(not self._protect.isHidden() and self._protect.isChecked())

    def send(self) -> None:
        """Take it in."""
        secret = self._secret.text()
        if not secret:
            self.work.fields["kit"].show_error(self.tr("Enter the passphrase of the kit."))
            self._secret.setFocus()
            return
        new_secret = None
        if not self._entry.isHidden():
            new_secret = self._entry.take()
            if new_secret is None:
                return
        keys, actor, path = self.session.services.vault_keys, self.session.actor, self._path

        def take(context: TaskContext) -> ImportReport:
            return keys.import_kit_(actor, path, secret, new_secret, context.token)

        self.run(take, self._tell, Lane.VAULT)

    def show_failure(self, error: BaseException) -> None:
        """A wrong passphrase belongs to its field; a keyring that fails opens the other way."""
        if isinstance(error, VaultError) and error.code == "vault.kit_passphrase":
            self.work.fields["kit"].show_error(error_message(error))
            self._secret.setFocus()
            return
        if isinstance(error, VaultError) and error.code.startswith("vault.keyring"):
            self._protect.setVisible(True)
        super().show_failure(error)

    @Slot(object)
    def _tell(self, report: ImportReport) -> None:
        self.taken.emit(report)
        self.accept()

    def forget(self) -> None:
        """Empty every field."""
        self._secret.forget()
        self._entry.forget()


class ChangePassphraseDialog(FormDialog):
    """Another passphrase for the same key."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="settings.passphrase", width=460, parent=parent)
        self.entitle(self.tr("Change the passphrase"), self.tr("Change the passphrase"))
        self._before = PasswordField(
            name="settings.passphrase.before", label=self.tr("Passphrase so far")
        )
        self._before_row = FormRow(self.tr("Passphrase so far"), self._before)
        self.column.addWidget(self._before_row)
        self._entry = NewPassphrase(name="settings.passphrase", label=self.tr("New passphrase"))
        self.work.fields["passphrase"] = self._entry.row
        self.column.addWidget(self._entry)
        self.column.addStretch(1)
        self._before.setFocus()

    def send(self) -> None:
        """Change it."""
        before = self._before.text()
        if not before:
            self._before_row.show_error(self.tr("Enter the passphrase so far."))
            self._before.setFocus()
            return
        after = self._entry.take()
        if after is None:
            return
        keys, actor = self.session.services.vault_keys, self.session.actor

        def change(_: TaskContext) -> None:
            keys.change_passphrase_(actor, before, after)

        self.run(change, self._tell, Lane.VAULT)

    def show_failure(self, error: BaseException) -> None:
        """A wrong passphrase belongs to its field."""
        if isinstance(error, VaultError) and error.code == "vault.passphrase":
            self._before_row.show_error(error_message(error))
            self._before.setFocus()
        else:
            super().show_failure(error)

    @Slot()
    def _tell(self) -> None:
        self.session.announced.emit(self.tr("The passphrase is changed"))
        self.accept()

    def forget(self) -> None:
        """Empty every field."""
        self._before.forget()
        self._entry.forget()


class UnlockDialog(FormDialog):
    """Asks for the passphrase of a locked vault; ``unlocked`` when it was the right one."""

    unlocked = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, name="settings.unlock", width=420, parent=parent)
        self.entitle(self.tr("Unlock saved passwords"), self.tr("Unlock"))
        self._secret = PasswordField(name="settings.unlock.passphrase", label=self.tr("Passphrase"))
        self._row = FormRow(self.tr("Passphrase"), self._secret)
        self.add_row("passphrase", self._row)
        self.column.addStretch(1)
        self._secret.setFocus()

    def send(self) -> None:
        """Try it."""
        secret = self._secret.text()
        if not secret:
            self._row.show_error(self.tr("Enter the passphrase."))
            return
        vault = self.session.services.vault

        def unlock(_: TaskContext) -> None:
            vault.unlock(secret)

        self.run(unlock, self._tell, Lane.VAULT)

    def show_failure(self, error: BaseException) -> None:
        """A wrong passphrase belongs to its field."""
        if isinstance(error, VaultError) and error.code == "vault.passphrase":
            self._row.show_error(error_message(error))
            self._secret.setFocus()
        else:
            super().show_failure(error)

    @Slot()
    def _tell(self) -> None:
        self.unlocked.emit()
        self.accept()

    def forget(self) -> None:
        """Empty the field."""
        self._secret.forget()
