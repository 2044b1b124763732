"""The vault on the way in: set up, unlocked, or gone without."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.errors import AltusError, VaultError
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.pages.shown import ShownPage
from altus4_desktop.ui.texts import error_message

if TYPE_CHECKING:
    from altus4_desktop.services import Services
    from altus4_desktop.ui.pages.sign_in import UnlockPage


class VaultDoor(QObject):
    """Opens the vault, asking on its own pages for what that takes.

    What it was opened for is gone on with once, and not at all when another page is shown
    meanwhile. ``passphrase_secret`` is tried before anybody is asked for one, and forgotten if it
    does not fit. ``is_passed_by`` while somebody goes on without the vault. ``announced`` (text):
    why it stays locked.
    """

    announced = Signal(str)

    def __init__(
        self,
        services: Callable[[], Services],
        shown: ShownPage,
        passphrase_secret: str | None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._shown = shown
        self.passphrase_secret = passphrase_secret
        self.is_passed_by = False
        self._step = 0
        self._then: Callable[[], object] = _stay
        self._back: Callable[[], object] = _stay
        shown.cancel_requested.connect(self._pass_by)

    # ---- unlocking ---------------------------------------------------------------------------

    def unlock_then(self, then: Callable[[], object]) -> None:
        """Unlock the vault if it is locked, asking where necessary, then call ``then``."""
        status = self._services().vault.status()
        if status.unlocked or status.kind.value == "none":
            then()
            return
        self._then = then
        if status.kind.value != "passphrase":
            self._wait_for_keyring()
        elif self.passphrase_secret is not None:
            self._shown.boot(self.tr("Unlocking…"))
            self._unlock_with(self.passphrase_secret)
        else:
            self._ask_passphrase()

    def _wait_for_keyring(self) -> None:
        self._shown.boot(self.tr("Waiting for the keyring…"), can_cancel=True)
        vault = self._services().vault

        def unlock(context: TaskContext) -> None:
            vault.unlock(token=context.token)

        self._shown.submit(Lane.VAULT, unlock, self._go_on, failed=self._go_on_locked)

    def _ask_passphrase(self) -> UnlockPage:
        from altus4_desktop.ui.pages.sign_in import UnlockPage

        page = UnlockPage(self._shown.runner, self._shown.report_crash)
        page.unlock_requested.connect(self._unlock_with)
        page.skip_requested.connect(self._pass_by)
        self._shown.show(page)
        return page

    @Slot(object)
    def _ask_passphrase_after(self, error: object) -> None:
        self.passphrase_secret = None
        page = self._ask_passphrase()
        if isinstance(error, AltusError):
            page.show_refusal(error)

    @Slot(str)
    def _unlock_with(self, passphrase_secret: str) -> None:
        from altus4_desktop.ui.pages.sign_in import UnlockPage

        vault = self._services().vault

        def unlock(_: TaskContext) -> None:
            vault.unlock(passphrase_secret)

        page = self._shown.page
        failed = page.show_refusal if isinstance(page, UnlockPage) else self._ask_passphrase_after
        self._shown.submit(Lane.VAULT, unlock, self._go_on, failed=failed)

    @Slot()
    def _go_on(self) -> None:
        # Both may hold secrets, and what comes late must find nothing to go on with.
        then, self._then, self._back = self._then, _stay, _stay
        then()

    @Slot(object)
    def _go_on_locked(self, error: object) -> None:
        if isinstance(error, VaultError):
            self.announced.emit(error_message(error))
        self._pass_by()

    @Slot()
    def _pass_by(self) -> None:
        if self._shown.page is not None:
            self._shown.page.drop_work()
        self.is_passed_by = True
        self._go_on()

    # ---- setting it up -----------------------------------------------------------------------

    def set_up_then(
        self, then: Callable[[], object], *, back: Callable[[], object], step: int = 0
    ) -> None:
        """Have somebody choose where secrets are kept, then call ``then``, or ``back`` if they
        would rather not; ``step`` of the set-up, if it is one."""
        self._then, self._back, self._step = then, back, step
        vault, passphrase_secret = self._services().vault, self.passphrase_secret
        if passphrase_secret is None or vault.status().kind.value != "none":
            self._show_choice()
            return
        self._shown.boot(self.tr("Setting up the vault…"))

        def set_up(_: TaskContext) -> None:
            vault.ensure_ready(lambda: passphrase_secret)

        self._shown.submit(Lane.VAULT, set_up, self._go_on, failed=self._choose_by_hand)

    @Slot(object)
    def _choose_by_hand(self, error: object) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        self.passphrase_secret = None
        self._show_choice()
        if isinstance(self._shown.page, SecretsPage) and isinstance(error, AltusError):
            self._shown.page.show_failure(error)

    def _show_choice(self) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        page = SecretsPage(self._shown.runner, self._shown.report_crash, step=self._step)
        page.chosen.connect(self._set_up)
        page.back_requested.connect(self._back)
        self._shown.show(page)
        vault = self._services().vault

        def probe(_: TaskContext) -> tuple[str, AltusError | None]:
            report = vault.probe_keyring()
            return report.backend, report.problem

        self._shown.submit(Lane.VAULT, probe, self._show_keyring)

    @Slot(object)
    def _show_keyring(self, found: tuple[str, AltusError | None]) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        if isinstance(self._shown.page, SecretsPage):
            self._shown.page.show_keyring(*found)

    @Slot(str, str)
    def _set_up(self, kind: str, secret: str) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        vault = self._services().vault

        def set_up(context: TaskContext) -> None:
            if kind == "keyring":
                vault.set_up_keyring(context.token)
            elif kind == "passphrase":
                vault.set_up_passphrase(secret)
            elif vault.status().kind.value != "session":
                vault.set_up_session()

        page = self._shown.page
        if isinstance(page, SecretsPage):
            page.forget()
            self._shown.submit(
                Lane.VAULT,
                set_up,
                self._go_on,
                failed=page.show_failure,
                title=self.tr("Setting up the vault"),
            )


def _stay() -> None:
    """Nobody waits for the vault."""
