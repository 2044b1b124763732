"""The card of the settings about secrets: where the key is, another key, kits, the lock."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.settings import LONGEST_IDLE_MINUTES
from altus4_desktop.services.vault import VaultKind, VaultStatus
from altus4_desktop.services.vault_keys import ImportReport, RotationReport
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.panes.settings.vault_dialogs import (
    ChangePassphraseDialog,
    ExportKitDialog,
    ImportKitDialog,
    RotateDialog,
    UnlockDialog,
)
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message, session_vault_words
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Chip, Icon, Label, indent_number
from altus4_desktop.ui.working import WorkingWidget

_USUAL_MINUTES = 15
_KIT_FILE = "altus4-recovery-kit.json"
_LASTING = (VaultKind.KEYRING, VaultKind.PASSPHRASE)
_SAVE_MS = 600


class VaultCard(WorkingWidget):
    """What can be done about the key. ``lock_wanted``: cover the window now."""

    lock_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            session.runner, session.report_crash, name="settings.secrets", parent=parent
        )
        self.session = session
        self._status: VaultStatus | None = None
        self._rotation: TaskHandle | None = None
        self._card = Card(margin=20, spacing=Space.L)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._card)
        self._card.body.addLayout(self._build_head())
        self._card.body.addWidget(self.message)
        self._card.body.addWidget(self._build_key())
        self._card.body.addWidget(self._build_progress())
        self._card.body.addWidget(self._build_passphrase())
        self._card.body.addWidget(self._build_kit())
        self._card.body.addWidget(self._build_lock())
        self._save_later = QTimer(self)
        self._save_later.setSingleShot(True)
        self._save_later.setInterval(_SAVE_MS)
        self._save_later.timeout.connect(self._save_minutes)

    # ---- what it looks like ------------------------------------------------------------------

    def _build_head(self) -> QBoxLayout:
        head = QVBoxLayout()
        head.setSpacing(Space.S)
        title = QHBoxLayout()
        title.setSpacing(Space.S)
        title.addWidget(Icon("key", 18, "accent"))
        title.addWidget(Label(self.tr("Secrets"), "strong"))
        title.addStretch(1)
        head.addLayout(title)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self._name = Label("", "strong")
        self._name.setObjectName("settings.vault")
        self._chip = Chip("running", self.tr("Looking"))
        self._chip.setObjectName("settings.secrets.state")
        self._unlock = _button(self.tr("Unlock"), "unlock", "settings.secrets.unlock")
        self._unlock.clicked.connect(self._ask_to_unlock)
        self._unlock.hide()
        row.addWidget(self._name)
        row.addWidget(self._chip)
        row.addStretch(1)
        row.addWidget(self._unlock)
        head.addLayout(row)
        self._text = Label("", "muted", wrap=True)
        head.addWidget(self._text)
        self._ids = Label("", "caption", wrap=True, selectable=True)
        self._ids.setObjectName("settings.secrets.keys")
        head.addWidget(self._ids)
        return head

    def _build_key(self) -> QWidget:
        self._rotate = _button(self.tr("Make a new key…"), "refresh", "settings.secrets.rotate")
        self._rotate.clicked.connect(self._ask_to_rotate)
        return _line(
            self.tr("Key"),
            self.tr("Seal every saved password with a new one, here or in another place."),
            self._rotate,
        )

    def _build_progress(self) -> QWidget:
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Sealing saved passwords again"))
        self._step = Label("", "caption", wrap=True)
        self._stop = _button(self.tr("Stop"), "stop", "settings.secrets.stop")
        self._stop.clicked.connect(self._stop_rotation)
        self._progress = QWidget()
        row = QHBoxLayout(self._progress)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        texts = QVBoxLayout()
        texts.setSpacing(Space.XS)
        texts.addWidget(self._bar)
        texts.addWidget(self._step)
        row.addLayout(texts, 1)
        row.addWidget(self._stop, 0, Qt.AlignmentFlag.AlignTop)
        self._progress.hide()
        return self._progress

    def _build_passphrase(self) -> QWidget:
        change = _button(self.tr("Change…"), "edit", "settings.secrets.passphrase")
        change.setAccessibleName(self.tr("Change the passphrase"))
        change.clicked.connect(self._ask_for_passphrase)
        self._passphrase = _line(
            self.tr("Passphrase"), self.tr("Protect the same key with another one."), change
        )
        self._passphrase.hide()
        return self._passphrase

    def _build_kit(self) -> QWidget:
        self._export = _button(self.tr("Export…"), "download", "settings.secrets.export")
        self._export.setAccessibleName(self.tr("Export a recovery kit"))
        self._export.clicked.connect(self._ask_to_export)
        self._import = _button(self.tr("Import…"), "upload", "settings.secrets.import")
        self._import.setAccessibleName(self.tr("Import a recovery kit"))
        self._import.clicked.connect(self._ask_to_import)
        return _line(
            self.tr("Recovery kit"),
            self.tr(
                "A file that opens the saved passwords on another computer of the team, or here "
                "when the key is lost."
            ),
            self._export,
            self._import,
        )

    def _build_lock(self) -> QWidget:
        minutes = self.session.services.settings.lock_after_minutes
        self._idle = QCheckBox(self.tr("Lock when nobody uses it for"))
        self._idle.setObjectName("settings.secrets.idle")
        self._idle.setAccessibleName(self._idle.text())
        self._minutes = QSpinBox()
        self._minutes.setObjectName("settings.secrets.minutes")
        self._minutes.setAccessibleName(self.tr("Minutes before the lock"))
        self._minutes.setRange(1, LONGEST_IDLE_MINUTES)
        self._minutes.setSuffix(self.tr(" min"))
        indent_number(self._minutes)
        self._minutes.setValue(minutes or _USUAL_MINUTES)
        self._idle.setChecked(minutes > 0)
        self._minutes.setEnabled(minutes > 0)
        self._idle.toggled.connect(self._minutes.setEnabled)
        self._idle.toggled.connect(self._change_minutes)
        self._minutes.valueChanged.connect(self._change_minutes)
        lock = _button(self.tr("Lock now"), "lock", "settings.secrets.lock")
        lock.clicked.connect(self.lock_wanted)
        line = _line(
            self.tr("Lock"),
            self.tr(
                "Covers everything and drops the key. By itself it waits for what is under way."
            ),
            lock,
        )
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(self._idle)
        row.addWidget(self._minutes)
        row.addStretch(1)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(line)
        column.addLayout(row)
        holder.setVisible(not self.session.actor.is_demo)
        return holder

    # ---- what it shows -----------------------------------------------------------------------

    @Slot()
    def look(self) -> None:
        """Read how the vault is."""
        vault = self.session.services.vault

        def read(_: TaskContext) -> VaultStatus:
            return vault.status()

        self.submit(Lane.VAULT, read, self._show)

    @Slot(object)
    def _show(self, status: VaultStatus) -> None:
        self._status = status
        name, text = self._words(status)
        self._name.setText(name)
        self._text.setText(text)
        damaged = status.problem is not None and status.kind is VaultKind.NONE
        if damaged:
            self._chip.set("failed", self.tr("Damaged"))
        elif status.kind is VaultKind.NONE:
            self._chip.set("neutral", self.tr("Empty"))
        elif status.kind is VaultKind.SESSION:
            self._chip.set("warning", self.tr("Not saved"))
        elif not status.unlocked:
            self._chip.set("warning", self.tr("Locked"))
        elif status.older_key_ids:
            self._chip.set("warning", self.tr("Two keys in use"))
        else:
            self._chip.set("ok", self.tr("Unlocked"))
        lasting = status.kind in _LASTING
        self._unlock.setVisible(lasting and not status.unlocked)
        self._passphrase.setVisible(status.kind is VaultKind.PASSPHRASE)
        self._ids.setText(self._key_words(status))
        self._ids.setVisible(bool(status.key_id) and lasting)
        broken_off = bool(status.older_key_ids)
        self._rotate.setText(
            self.tr("Go on with the new key") if broken_off else self.tr("Make a new key…")
        )
        self._rotate.setAccessibleName(self._rotate.text())
        usable = lasting and status.unlocked and self._rotation is None
        for button in (self._rotate, self._export):
            button.setEnabled(usable)
        # Nothing is written over a file that cannot be read: it is put aside by hand first.
        self._import.setEnabled(self._rotation is None and not damaged)
        if broken_off and self._rotation is None and not self.message.isVisible():
            self.message.show_message(
                "warning",
                self.tr("Not every saved password has been moved to the new key yet."),
                self.tr("Everything can be opened meanwhile; the old key stays until then."),
            )

    def _words(self, status: VaultStatus) -> tuple[str, str]:
        if status.problem is not None:
            return (
                self.tr("Cannot be used")
                if status.kind is VaultKind.NONE
                else self._place(status.kind),
                " ".join(filter(None, (error_message(status.problem), error_hint(status.problem)))),
            )
        texts = {
            VaultKind.KEYRING: self.tr(
                "The key that protects saved passwords is in the system's keyring."
            ),
            VaultKind.PASSPHRASE: self.tr(
                "The key that protects saved passwords opens with your passphrase."
            ),
            VaultKind.NONE: self.tr("No password has been saved yet."),
        }
        text = texts.get(status.kind) or session_vault_words(self.session.actor)
        return self._place(status.kind), text

    def _place(self, kind: VaultKind) -> str:
        return {
            VaultKind.KEYRING: self.tr("System keyring"),
            VaultKind.PASSPHRASE: self.tr("Passphrase"),
            VaultKind.SESSION: self.tr("Until the program ends"),
            VaultKind.NONE: self.tr("Not set up"),
        }[kind]

    def _key_words(self, status: VaultStatus) -> str:
        words = [self.tr("Key {id}").format(id=status.key_id)]
        if status.older_key_ids:
            words.append(self.tr("older: {ids}").format(ids=", ".join(status.older_key_ids)))
        if status.added_key_ids:
            words.append(
                self.tr("from recovery kits: {ids}").format(ids=", ".join(status.added_key_ids))
            )
        return "  ·  ".join(words)

    # ---- unlocking and locking ---------------------------------------------------------------

    @Slot()
    def _ask_to_unlock(self) -> None:
        if self._status is None:
            return
        self.message.clear()
        if self._status.kind is VaultKind.PASSPHRASE:
            dialog = UnlockDialog(self.session, self)
            dialog.unlocked.connect(self.look)
            dialog.open()
            return
        vault = self.session.services.vault
        self._unlock.setEnabled(False)

        def unlock(context: TaskContext) -> None:
            vault.unlock(token=context.token)

        handle = self.submit(
            Lane.VAULT, unlock, self.look, title=self.tr("Waiting for the keyring")
        )
        handle.finished.connect(self._allow_unlock)

    @Slot()
    def _allow_unlock(self) -> None:
        self._unlock.setEnabled(True)

    @Slot()
    def _change_minutes(self) -> None:
        minutes = self._minutes.value() if self._idle.isChecked() else 0
        self.session.services.settings.lock_after_minutes = minutes
        self._save_later.start()

    @Slot()
    def _save_minutes(self) -> None:
        settings = self.session.services.settings

        def save(_: TaskContext) -> None:
            settings.save()

        self.submit(Lane.METADATA, save)

    def shut(self) -> None:
        """The pane goes: what was set a moment ago is not lost."""
        if self._save_later.isActive():
            self._save_later.stop()
            settings = self.session.services.settings

            def save(_: TaskContext) -> None:
                settings.save()

            self.runner.submit(Lane.METADATA, save)
        self.cancel_work()

    # ---- another key -------------------------------------------------------------------------

    @Slot()
    def _ask_to_rotate(self) -> None:
        status = self._status
        if status is None or self._rotation is not None:
            return
        self.message.clear()
        if status.older_key_ids:
            self._run_rotation(None, None)
            return
        dialog = RotateDialog(self.session, status, self)
        dialog.wanted.connect(self._run_rotation)
        dialog.open()

    @Slot(object, object)
    def _run_rotation(self, kind: VaultKind | None, passphrase_secret: str | None) -> None:
        keys, actor = self.session.services.vault_keys, self.session.actor

        def rotate(context: TaskContext) -> RotationReport:
            return keys.rotate_(
                actor,
                kind=kind,
                passphrase_secret=passphrase_secret,
                progress=context.progress,
                token=context.token,
            )

        self.message.clear()
        self._bar.setValue(0)
        self._step.setText(self.tr("Making the new key…"))
        self._stop.setEnabled(True)
        self._progress.show()
        # Not the vault's lane: the lock, which stops this one, drops the key there.
        handle = self.submit(
            Lane.TENANTS, rotate, self._tell_rotation, title=self.tr("Changing the key")
        )
        self._rotation = handle
        handle.progressed.connect(self._show_step)
        handle.finished.connect(self._end_rotation)
        for button in (self._rotate, self._export, self._import):
            button.setEnabled(False)

    @Slot(object)
    def _show_step(self, progress: Progress) -> None:
        self._step.setText(progress.message)
        self._bar.setValue(round(1000 * (progress.fraction or 0)))

    @Slot()
    def _stop_rotation(self) -> None:
        if self._rotation is not None:
            self._stop.setEnabled(False)
            self._rotation.cancel()

    @Slot()
    def _end_rotation(self) -> None:
        self._rotation = None
        self._progress.hide()
        self.look()

    @Slot(object)
    def _tell_rotation(self, report: RotationReport) -> None:
        if report.finished:
            self.message.show_message(
                "success",
                self.tr("1 secret is sealed with the new key.")
                if report.resealed == 1
                else self.tr("{count} secrets are sealed with the new key.").format(
                    count=report.resealed
                ),
                self.tr("The old key is gone. Recovery kits made before do not hold the new one."),
            )
            return
        reasons = [
            self.tr("“{name}” cannot be opened: enter its password again, or remove it.").format(
                name=name
            )
            for name in report.unreadable[:3]
        ]
        reasons += [f"{label}: {error_message(error)}" for label, error in report.unreachable]
        self.message.show_message(
            "warning",
            self.tr("The old key stays: some passwords still need it."),
            "\n".join(reasons),
        )

    @Slot()
    def _ask_for_passphrase(self) -> None:
        self.message.clear()
        ChangePassphraseDialog(self.session, self).open()

    # ---- recovery kits -----------------------------------------------------------------------

    @Slot()
    def _ask_to_export(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Export a recovery kit"),
            str(Path.home() / _KIT_FILE),
            self.tr("Recovery kits (*.json)"),
        )
        if path:
            self.message.clear()
            dialog = ExportKitDialog(self.session, Path(path), self)
            dialog.written.connect(self._tell_export)
            dialog.open()

    @Slot(int)
    def _tell_export(self, count: int) -> None:
        self.message.show_message(
            "success",
            self.tr("The recovery kit is written, and was opened again to make sure."),
            self.tr("It holds 1 key. Keep it away from this computer.")
            if count == 1
            else self.tr("It holds {count} keys. Keep it away from this computer.").format(
                count=count
            ),
        )

    @Slot()
    def _ask_to_import(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            self.tr("Import a recovery kit"),
            str(Path.home()),
            self.tr("Recovery kits (*.json);;All files (*)"),
        )
        if path and self._status is not None:
            self.message.clear()
            dialog = ImportKitDialog(self.session, Path(path), self._status, self)
            dialog.taken.connect(self._tell_import)
            dialog.open()

    @Slot(object)
    def _tell_import(self, report: ImportReport) -> None:
        self.message.show_message(
            "success",
            self.tr("This computer's own key is back.")
            if report.restored
            else self.tr("The recovery kit is imported."),
            self._count_words(report),
        )
        self.session.connections_changed.emit()
        self.look()

    def _count_words(self, report: ImportReport) -> str:
        if report.key_count == 1:
            # Of a lost key that is back, everything has been said.
            if report.restored:
                return ""
            return (
                self.tr("Its key is new here.")
                if report.added
                else self.tr("Its key was here already.")
            )
        return self.tr("{new} of its {all} keys are new here.").format(
            new=len(report.added), all=report.key_count
        )

    def show_blocking_error(self, error: AltusError) -> None:
        """The card has room for it."""
        self.message.show_error(error)


def _button(text: str, icon_name: str, name: str) -> Button:
    return Button(text, icon_name=icon_name, name=name)


def _line(title: str, text: str, *buttons: Button) -> QWidget:
    """What can be done, in a few words, and the buttons that do it."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(Space.S)
    texts = QVBoxLayout()
    texts.setSpacing(Space.XS)
    texts.addWidget(Label(title, "strong"))
    texts.addWidget(Label(text, "caption", wrap=True))
    row.addLayout(texts, 1)
    row.addSpacing(Space.M)
    for button in buttons:
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
    return line
