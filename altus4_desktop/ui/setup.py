"""The steps of the set-up: where data is kept, where secrets are kept, who the admin is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.revisions import StoreReport
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.pages.setup import AccountDraft, AccountPage, StoreChoice, StorePage
from altus4_desktop.ui.pages.shown import ShownPage
from altus4_desktop.ui.vault_door import VaultDoor

if TYPE_CHECKING:
    from altus4_desktop.services import Services


class SetUp(QObject):
    """Goes through the steps once, from `begin`.

    It ends with ``done`` (Actor): the first admin has an account; ``needless``: the store has
    accounts already, sign in; ``left``: somebody would rather not; or ``failed`` (error).
    """

    done = Signal(object)
    needless = Signal()
    left = Signal()
    failed = Signal(object)

    def __init__(self, services: Services, shown: ShownPage, vault: VaultDoor) -> None:
        super().__init__()
        self._services = services
        self._shown = shown
        self._vault = vault

    @Slot()
    def begin(self) -> None:
        """First step: where the metadata is kept."""
        page = StorePage(self._shown.runner, self._shown.report_crash)
        page.chosen.connect(self._take_store)
        page.test_requested.connect(self._test_store)
        page.back_requested.connect(self.left)
        self._shown.show(page)

    @Slot(object)
    def _test_store(self, choice: StoreChoice) -> None:
        metadata = self._services.metadata

        def test(context: TaskContext) -> StoreReport:
            return metadata.check_(choice.url, choice.password_secret, context.token)

        page = self._shown.page
        if isinstance(page, StorePage):
            self._shown.submit(
                Lane.TENANTS,
                test,
                page.show_report,
                failed=page.show_failure,
                title=self.tr("Testing the metadata store"),
            )

    @Slot(object, bool)
    def _take_store(self, choice: StoreChoice, may_upgrade: bool) -> None:
        use = partial(self._use_store, choice, may_upgrade)
        if self._services.vault.status().kind.value in ("none", "session"):
            self._vault.set_up_then(use, back=self.begin, step=2)
        else:
            self._vault.unlock_then(use)

    def _use_store(self, choice: StoreChoice, may_upgrade: bool) -> None:
        services = self._services
        self._shown.boot(self.tr("Opening the store…"))

        def use(context: TaskContext) -> bool:
            services.metadata.choose_(choice.url, choice.password_secret)
            if services.metadata.open_().pending and may_upgrade:
                services.migrations.upgrade_(None, progress=context.progress)
            return services.accounts.needs_setup()

        self._shown.submit(Lane.METADATA, use, self._show_account, failed=self.failed.emit)

    @Slot(object)
    def _show_account(self, needed: bool) -> None:
        if not needed:
            # Somebody has set up this shared store before.
            self.needless.emit()
            return
        page = AccountPage(self._shown.runner, self._shown.report_crash)
        page.created.connect(self._create_account)
        page.back_requested.connect(self.begin)
        self._shown.show(page)

    @Slot(object)
    def _create_account(self, draft: AccountDraft) -> None:
        accounts = self._services.accounts

        def create(_: TaskContext) -> Actor:
            return accounts.create_first_admin(
                draft.name, draft.email, draft.password_secret, draft.timezone
            )

        page = self._shown.page
        if isinstance(page, AccountPage):
            self._shown.submit(Lane.METADATA, create, self.done.emit, failed=page.show_failure)
