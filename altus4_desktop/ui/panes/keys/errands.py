"""The dialogs of the pane of API keys: one at a time, open until what was asked for is done."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.errors import AltusError, NotFoundError
from altus4_desktop.domain.keys import ApiKey, KeyDraft, MadeKey
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.panes.keys.controller import KeysController
from altus4_desktop.ui.panes.keys.dialogs import (
    KeyActionDialog,
    KeyDialog,
    RevokeDialog,
    RotateDialog,
)
from altus4_desktop.ui.panes.keys.made import MadeKeyDialog
from altus4_desktop.ui.panes.keys.model import StoreClock
from altus4_desktop.ui.panes.keys.wording import named, number
from altus4_desktop.ui.session import Session


class KeyErrands(QObject):
    """Asks, has it done, and tells what came of it.

    ``begun``: something is asked or done, so older messages are over; ``ended``: nothing is any
    more; ``made``, ``edited`` and ``revoked`` carry the keys; ``failed`` (error) what no dialog is
    there to show; ``missing``: a key was not there any more.
    """

    begun = Signal()
    ended = Signal()
    made = Signal(object)
    edited = Signal(object)
    revoked = Signal(object)
    failed = Signal(object)
    missing = Signal()

    def __init__(
        self,
        session: Session,
        controller: KeysController,
        clock: StoreClock,
        parent: QWidget,
        *,
        is_admin: bool,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._controller = controller
        self._clock = clock
        self._pane = parent
        self._is_admin = is_admin
        self.dialog: KeyActionDialog | None = None
        self.shown: MadeKeyDialog | None = None
        controller.created.connect(self.show_made)
        controller.rotated.connect(self.show_made)
        controller.edited.connect(self._take_edited)
        controller.in_use_known.connect(self._ask_revocation)
        controller.revoked.connect(self._take_revoked)
        controller.action_failed.connect(self._take_failure)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked and nothing is done."""
        return self.dialog is None and self.shown is None and not self._controller.is_acting

    def create(self) -> None:
        """Ask what the new key is to be."""
        self._open_form(None)

    def edit(self, key: ApiKey) -> None:
        """Ask what is to be changed of the key."""
        self._open_form(key)

    def rotate(self, key: ApiKey) -> None:
        """Ask how the key is to be replaced."""
        if self.is_idle:
            dialog = RotateDialog(key, self._clock, self._pane)
            dialog.wanted.connect(self._rotate)
            self._open(dialog)

    def revoke(self, keys: Sequence[ApiKey]) -> None:
        """Ask before the keys are revoked, once it is known which are in use."""
        if keys and self.is_idle:
            self._controller.find_in_use(keys)
            self.begun.emit()

    def cover(self) -> None:
        """Hide what is open: nobody may see it, or act, without signing in."""
        for dialog in self._dialogs():
            dialog.hide()

    def uncover(self) -> None:
        """Show what was covered."""
        for dialog in self._dialogs():
            dialog.open()

    @Slot(object)
    def show_made(self, made: MadeKey) -> None:
        """Show a new key, once."""
        self._close_dialog()
        self.shown = MadeKeyDialog(made, self._pane)
        self.shown.finished.connect(self._forget_made)
        if self._pane.isVisible():
            self.shown.open()
        self.made.emit(made.key)

    def _dialogs(self) -> list[Dialog]:
        return [dialog for dialog in (self.dialog, self.shown) if dialog is not None]

    def _open_form(self, key: ApiKey | None) -> None:
        if self.is_idle:
            dialog = KeyDialog(key, is_admin=self._is_admin, parent=self._pane)
            dialog.wanted.connect(self._create_or_edit)
            self._open(dialog)

    def _open(self, dialog: KeyActionDialog) -> None:
        self.dialog = dialog
        dialog.finished.connect(self._forget_dialog)
        dialog.open()
        self.begun.emit()

    def _close_dialog(self) -> None:
        if self.dialog is not None:
            self.dialog.accept()

    @Slot()
    def _forget_dialog(self) -> None:
        self.dialog = None
        self.ended.emit()

    @Slot()
    def _forget_made(self) -> None:
        self.shown = None
        self.ended.emit()

    @Slot(object)
    def _create_or_edit(self, draft: KeyDraft) -> None:
        key = self.dialog.key if isinstance(self.dialog, KeyDialog) else None
        if key is None:
            self._controller.create(draft)
        else:
            self._controller.edit(key.id, draft)

    @Slot(int)
    def _rotate(self, grace_s: int) -> None:
        if isinstance(self.dialog, RotateDialog):
            self._controller.rotate(self.dialog.key.id, grace_s)

    @Slot(object)
    def _ask_revocation(self, found: tuple[tuple[ApiKey, ...], tuple[ApiKey, ...]]) -> None:
        keys, in_use = found
        if self.dialog is None and self._pane.isVisible():
            dialog = RevokeDialog(keys, in_use, self._clock, self._pane)
            dialog.wanted.connect(self._controller.revoke)
            self._open(dialog)

    @Slot(object)
    def _take_edited(self, key: ApiKey) -> None:
        self._close_dialog()
        self._session.announced.emit(self.tr("“{name}” is changed.").format(name=named(key)))
        self.edited.emit(key)

    @Slot(object)
    def _take_revoked(self, keys: tuple[ApiKey, ...]) -> None:
        self._close_dialog()
        one = len(keys) == 1
        text = self.tr("1 key is revoked.") if one else self.tr("{count} keys are revoked.")
        self._session.announced.emit(text.format(count=number(len(keys))))
        self.revoked.emit(keys)

    @Slot(object)
    def _take_failure(self, error: BaseException) -> None:
        if self.dialog is None:
            self.failed.emit(error)
        else:
            self.dialog.set_busy(busy=False)
            if isinstance(error, AltusError):
                present(error, self.dialog, self._session.report_crash)
        if isinstance(error, NotFoundError):
            self.missing.emit()
