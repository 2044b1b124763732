"""Unlocking the vault from where a saved password is needed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.services.vault import VaultKind
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session


class Unlocking(QObject):
    """Asks the keyring, or the person for the passphrase, in front of ``widget``.

    ``unlocked``; ``failed`` (AltusError).
    """

    unlocked = Signal()
    failed = Signal(object)

    def __init__(self, session: Session, widget: QWidget) -> None:
        super().__init__(widget)
        self._session = session
        self._widget = widget
        self._task = LatestTask(session.runner, Lane.VAULT, self)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._fail)

    @Slot()
    def start(self) -> None:
        """Begin; a second time while it is under way does nothing."""
        if self._task.running:
            return
        vault = self._session.services.vault

        def unlock(context: TaskContext) -> bool:
            status = vault.status()
            if status.kind is VaultKind.PASSPHRASE and not status.unlocked:
                return False
            vault.unlock(token=context.token)
            return True

        self._task.start(unlock, title=self.tr("Waiting for the keyring"))

    def shut(self) -> None:
        """Hear nothing more of it."""
        self._task.drop()

    @Slot(object)
    def _take(self, done: bool) -> None:
        from altus4_desktop.ui.panes.settings.vault_dialogs import UnlockDialog

        if done:
            self.unlocked.emit()
            return
        dialog = UnlockDialog(self._session, self._widget)
        dialog.unlocked.connect(self.unlocked)
        dialog.open()

    @Slot(object)
    def _fail(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.failed.emit(error)
