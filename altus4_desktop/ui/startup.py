"""From an empty window to somebody's workspace: which page comes when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import (
    AltusError,
    StoreError,
    TenantFailure,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.revisions import MigrationStatus, StoreReport
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.pages.waiting import BootingPage
from altus4_desktop.ui.texts import error_message, store_words

if TYPE_CHECKING:
    from altus4_desktop.services import Services
    from altus4_desktop.ui.pages.setup import AccountDraft, StoreChoice
    from altus4_desktop.ui.pages.sign_in import UnlockPage


_LASTING = ("keyring", "passphrase")
_REFUSED = f"store.{TenantFailure.CREDENTIALS.value}"


class _Found(Enum):
    NOTHING = "nothing"
    UPGRADE = "upgrade"
    LOCKED = "locked"
    ASKING = "asking"
    NOBODY = "nobody"
    SOMEBODY = "somebody"


@dataclass(frozen=True)
class _Situation:
    """What the store and the vault say about how to go on."""

    found: _Found
    actor: Actor | None = None
    migrations: MigrationStatus | None = None
    vault_kind: str = ""
    store: str = ""
    can_keep: bool = False
    error: AltusError | None = None


@dataclass(frozen=True)
class _StorePassword:
    """The password of the shared store as entered."""

    secret: str
    keeps: bool


class StartUp(QObject):
    """Shows pages until somebody is signed in.

    ``page_wanted`` (Page): show it; ``signed_in`` (Services, Actor); ``settled``: the store has
    been looked at; ``sign_out_wanted``; ``quit_wanted``. ``passphrase_secret`` is tried before
    anybody is asked for it. Where the last run ended at the sign-in page, this one begins with it,
    and the store is opened while the person types. Nobody gets in with a temporary password.
    """

    page_wanted = Signal(object)
    signed_in = Signal(object, object)
    settled = Signal()
    announced = Signal(str)
    sign_out_wanted = Signal()
    quit_wanted = Signal()

    def __init__(
        self,
        services_factory: Callable[[], Services],
        runner: TaskRunner,
        report_crash: Callable[[BaseException], None],
        *,
        open_demo: bool,
        expects_sign_in: bool = False,
        asks_who: bool = False,
        passphrase_secret: str | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services_factory = services_factory
        self._runner = runner
        self._report_crash = report_crash
        self._wants_demo = open_demo
        self._passphrase_secret = passphrase_secret
        self.ends_at_sign_in = expects_sign_in and not open_demo
        self._is_settled = False
        self._waiting_sign_in: tuple[str, str, bool] | None = None
        self._services: Services | None = None
        self._page: Page | None = None
        self._store_choice: StoreChoice | None = None
        self._may_upgrade = False
        self._goes_without_vault = False
        self._asks_who = asks_who
        self._remembers = False
        self._vault_step = 0
        self._actor: Actor | None = None
        self._unlocking: TaskHandle | None = None
        self._after_unlock: Callable[[], object] = self.look
        self._after_change: Callable[[Actor], object] = self._enter

    @property
    def services(self) -> Services:
        """The services, once they are composed."""
        if self._services is None:
            raise RuntimeError("the services are not composed yet")
        return self._services

    # ---- putting the program together --------------------------------------------------------

    def show_first(self) -> None:
        """Show what the window begins with."""
        if self.ends_at_sign_in:
            self.show_sign_in()
        else:
            self._boot(self.tr("Starting…"))

    def show_signing_out(self) -> None:
        """Fill the window until it is known what comes next."""
        self._boot(self.tr("Signing out…"))

    def begin(self) -> None:
        """Compose the services in the background and look where we stand."""
        factory = self._services_factory

        def compose(_: TaskContext) -> Services:
            return factory()

        handle = self._runner.submit(Lane.METADATA, compose)
        handle.succeeded.connect(self._keep_services)
        handle.failed.connect(self._show_problem)

    @Slot(object)
    def _keep_services(self, services: Services) -> None:
        self._services = services
        if self._wants_demo:
            self._wants_demo = False
            self.open_demo()
        else:
            self.look()

    @Slot()
    def look(self) -> None:
        """See what the store and the vault allow, and show the page that follows."""
        if self._services is None:
            if not self._is_at_sign_in():
                self._boot(self.tr("Starting…"))
            self.begin()
            return
        if self._is_settled or not self._is_at_sign_in():
            self._boot(self.tr("Opening the store…"))
        self._look(None)

    def _look(self, password: _StorePassword | None) -> None:
        services, without_vault = self.services, self._goes_without_vault
        asks_who = self._asks_who

        def look(_: TaskContext) -> _Situation:
            return _look(services, password, without_vault=without_vault, asks_who=asks_who)

        handle = self._runner.submit(Lane.METADATA, look)
        handle.succeeded.connect(self._go_on)
        handle.failed.connect(self._show_problem)

    @Slot(object)
    def _go_on(self, situation: _Situation) -> None:
        self._is_settled = True
        self.settled.emit()
        self.ends_at_sign_in = situation.found is _Found.NOBODY
        if situation.found is _Found.NOTHING:
            self.show_welcome()
        elif situation.found is _Found.UPGRADE and situation.migrations is not None:
            self._show_upgrade(situation.migrations)
        elif situation.found is _Found.LOCKED:
            self._unlock_vault(situation.vault_kind, self.look)
        elif situation.found is _Found.ASKING:
            self._ask_store_password(situation)
        elif situation.found is _Found.SOMEBODY and situation.actor is not None:
            self._admit(situation.actor)
        elif not self._is_at_sign_in():
            self.show_sign_in()
        elif self._waiting_sign_in is not None:
            self._sign_in(*self._waiting_sign_in)

    # ---- pages -------------------------------------------------------------------------------

    def _show(self, page: Page) -> None:
        self._page = page
        self.page_wanted.emit(page)

    def leave_pages(self) -> None:
        """Something else fills the window now; the page that did is gone."""
        self._page = None

    def _boot(self, text: str, *, can_cancel: bool = False) -> BootingPage:
        page = self._page
        if not isinstance(page, BootingPage):
            page = BootingPage(self._runner, self._report_crash)
            page.cancel_requested.connect(self._go_without_vault)
            self._show(page)
        page.say(text, can_cancel=can_cancel)
        return page

    @Slot()
    def show_welcome(self) -> None:
        """Offer the demo and the set-up."""
        from altus4_desktop.ui.pages.welcome import WelcomePage

        page = WelcomePage(self._runner, self._report_crash)
        page.demo_requested.connect(self.open_demo)
        page.setup_requested.connect(self.show_store_choice)
        self._show(page)

    @Slot(object)
    def _show_problem(self, error: object) -> None:
        from altus4_desktop.ui.pages.problem import ProblemPage

        if not isinstance(error, AltusError):
            # The crash dialog says what it is; the window must not wait for ever behind it.
            error = AltusError(self.tr("The program could not be started."))
        page = ProblemPage(self._runner, self._report_crash)
        page.show_problem(error, can_choose=self._services is not None)
        page.retry_requested.connect(self.look)
        page.choose_requested.connect(self.show_store_choice)
        page.quit_requested.connect(self.quit_wanted)
        self._show(page)

    def _ask_store_password(self, situation: _Situation) -> None:
        from altus4_desktop.ui.pages.sign_in import StorePasswordPage

        page = self._page
        if not isinstance(page, StorePasswordPage):
            page = StorePasswordPage(
                situation.store, self._runner, self._report_crash, can_keep=situation.can_keep
            )
            page.password_entered.connect(self._take_store_password)
            page.choose_requested.connect(self.show_store_choice)
            page.quit_requested.connect(self.quit_wanted)
            self._show(page)
        if situation.error is not None:
            page.show_refusal(situation.error)

    @Slot(str, bool)
    def _take_store_password(self, password_secret: str, keeps: bool) -> None:
        self._look(_StorePassword(password_secret, keeps))

    def _show_upgrade(self, status: MigrationStatus) -> None:
        from altus4_desktop.ui.pages.problem import UpgradePage

        page = UpgradePage(self._runner, self._report_crash)
        page.show_status(status)
        page.upgrade_requested.connect(self._upgrade)
        page.quit_requested.connect(self.quit_wanted)
        self._show(page)

    @Slot(bool)
    def _upgrade(self, without_copy: bool) -> None:
        from altus4_desktop.ui.pages.problem import UpgradePage

        services = self.services

        def upgrade(context: TaskContext) -> None:
            services.migrations.upgrade_(None, progress=context.progress, without_copy=without_copy)

        handle = self._runner.submit(
            Lane.METADATA, upgrade, title=self.tr("Upgrading the shared store")
        )
        handle.succeeded.connect(self.look)
        if isinstance(self._page, UpgradePage):
            self._page.follow(handle)

    # ---- the demo ----------------------------------------------------------------------------

    @Slot()
    def open_demo(self) -> None:
        """Open the demo, with its progress on a page of its own."""
        from altus4_desktop.ui.pages.waiting import DemoPage

        if self._services is None:
            self._wants_demo = True
            return
        services = self.services
        page = self._page
        if not isinstance(page, DemoPage):
            page = DemoPage(self._runner, self._report_crash)
            page.retry_requested.connect(self.open_demo)
            page.back_requested.connect(self.look)
            self._show(page)

        passphrase_secret = self._passphrase_secret

        def open_(context: TaskContext) -> Actor:
            return services.demo.open_(
                context.progress, context.token, passphrase=lambda: passphrase_secret
            )

        handle = self._runner.submit(Lane.TENANTS, open_)
        page.follow(handle)
        handle.succeeded.connect(self._enter)
        handle.failed.connect(self._unlock_for_demo)

    @Slot(object)
    def _unlock_for_demo(self, error: object) -> None:
        if isinstance(error, VaultLockedError):
            self._unlock_vault(self.services.vault.status().kind.value, self.open_demo)

    # ---- setting up --------------------------------------------------------------------------

    @Slot()
    def show_store_choice(self) -> None:
        """First step: where the metadata is kept."""
        from altus4_desktop.ui.pages.setup import StorePage

        page = StorePage(self._runner, self._report_crash)
        page.chosen.connect(self._take_store)
        page.test_requested.connect(self._test_store)
        page.back_requested.connect(self.look)
        self._show(page)

    @Slot(object)
    def _test_store(self, choice: StoreChoice) -> None:
        from altus4_desktop.ui.pages.setup import StorePage

        services = self.services

        def test(context: TaskContext) -> StoreReport:
            return services.metadata.check_(choice.url, choice.password_secret, context.token)

        handle = self._runner.submit(
            Lane.TENANTS, test, title=self.tr("Testing the metadata store")
        )
        if isinstance(self._page, StorePage):
            handle.succeeded.connect(self._page.show_report)
            handle.failed.connect(self._page.show_failure)

    @Slot(object, bool)
    def _take_store(self, choice: StoreChoice, may_upgrade: bool) -> None:
        self._store_choice, self._may_upgrade = choice, may_upgrade
        status = self.services.vault.status()
        if status.kind.value in ("none", "session"):
            self._choose_vault(step=2)
        elif not status.unlocked:
            self._unlock_vault(status.kind.value, self._use_store)
        else:
            self._use_store()

    def _choose_vault(self, *, step: int) -> None:
        if self._passphrase_secret is None or self.services.vault.status().kind.value != "none":
            self._show_secrets(step=step)
            return
        vault, passphrase_secret = self.services.vault, self._passphrase_secret
        self._vault_step = step
        self._boot(self.tr("Setting up the vault…"))

        def set_up(_: TaskContext) -> None:
            vault.ensure_ready(lambda: passphrase_secret)

        handle = self._runner.submit(Lane.VAULT, set_up)
        handle.succeeded.connect(self._leave_secrets)
        handle.failed.connect(self._choose_vault_by_hand)

    @Slot(object)
    def _choose_vault_by_hand(self, error: object) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        self._passphrase_secret = None
        self._show_secrets(step=self._vault_step)
        if isinstance(self._page, SecretsPage) and isinstance(error, AltusError):
            self._page.show_failure(error)

    def _show_secrets(self, *, step: int) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        page = SecretsPage(self._runner, self._report_crash, step=step)
        page.chosen.connect(self._set_up_vault)
        page.back_requested.connect(self.show_store_choice if step else self.show_sign_in)
        self._show(page)
        services = self.services

        def probe(_: TaskContext) -> tuple[str, AltusError | None]:
            report = services.vault.probe_keyring()
            return report.backend, report.problem

        handle = self._runner.submit(Lane.VAULT, probe)
        handle.succeeded.connect(self._show_keyring)

    @Slot(object)
    def _show_keyring(self, found: tuple[str, AltusError | None]) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        if isinstance(self._page, SecretsPage):
            self._page.show_keyring(*found)

    @Slot(str, str)
    def _set_up_vault(self, kind: str, secret: str) -> None:
        from altus4_desktop.ui.pages.setup import SecretsPage

        vault = self.services.vault

        def set_up(context: TaskContext) -> None:
            if kind == "keyring":
                vault.set_up_keyring(context.token)
            elif kind == "passphrase":
                vault.set_up_passphrase(secret)
            elif vault.status().kind.value != "session":
                vault.set_up_session()

        handle = self._runner.submit(Lane.VAULT, set_up, title=self.tr("Setting up the vault"))
        handle.succeeded.connect(self._leave_secrets)
        if isinstance(self._page, SecretsPage):
            self._page.forget()
            handle.failed.connect(self._page.show_failure)

    @Slot()
    def _leave_secrets(self) -> None:
        if self._actor is not None:
            self._enter(self._actor)
        else:
            self._use_store()

    @Slot()
    def _use_store(self) -> None:
        services, choice, may_upgrade = self.services, self._store_choice, self._may_upgrade
        if choice is None:
            self.look()
            return
        self._boot(self.tr("Opening the store…"))

        def use(context: TaskContext) -> bool:
            services.metadata.choose_(choice.url, choice.password_secret)
            if services.metadata.open_().pending and may_upgrade:
                services.migrations.upgrade_(None, progress=context.progress)
            return services.accounts.needs_setup()

        handle = self._runner.submit(Lane.METADATA, use)
        handle.succeeded.connect(self._show_account)
        handle.failed.connect(self._show_problem)

    @Slot(object)
    def _show_account(self, needed: bool) -> None:
        self._store_choice = None
        if not needed:
            # Somebody has set up this shared store before: sign in to it.
            self.show_sign_in()
            return
        from altus4_desktop.ui.pages.setup import AccountPage

        page = AccountPage(self._runner, self._report_crash)
        page.created.connect(self._create_account)
        page.back_requested.connect(self.show_store_choice)
        self._show(page)

    @Slot(object)
    def _create_account(self, draft: AccountDraft) -> None:
        services = self.services

        def create(_: TaskContext) -> Actor:
            return services.accounts.create_first_admin(
                draft.name, draft.email, draft.password_secret, draft.timezone
            )

        handle = self._runner.submit(Lane.METADATA, create)
        handle.succeeded.connect(self._enter)
        from altus4_desktop.ui.pages.setup import AccountPage

        if isinstance(self._page, AccountPage):
            handle.failed.connect(self._page.show_failure)

    # ---- signing in --------------------------------------------------------------------------

    @Slot()
    def show_sign_in(self) -> None:
        """Ask who it is."""
        from altus4_desktop.ui.pages.sign_in import SignInPage

        self._actor = None
        page = SignInPage(self._runner, self._report_crash)
        page.sign_in_requested.connect(self._sign_in)
        page.demo_requested.connect(self.open_demo)
        self._show(page)

    def _is_at_sign_in(self) -> bool:
        from altus4_desktop.ui.pages.sign_in import SignInPage

        return isinstance(self._page, SignInPage)

    @Slot(str, str, bool)
    def _sign_in(self, email: str, password_secret: str, remembers: bool) -> None:
        from altus4_desktop.ui.pages.sign_in import SignInPage

        if not self._is_settled:
            self._waiting_sign_in = (email, password_secret, remembers)
            return
        self._waiting_sign_in = None
        accounts = self.services.accounts
        self._remembers = remembers

        def sign_in(_: TaskContext) -> Actor:
            return accounts.sign_in(email, password_secret)

        handle = self._runner.submit(Lane.METADATA, sign_in)
        handle.succeeded.connect(self._take_actor)
        if isinstance(self._page, SignInPage):
            handle.failed.connect(self._page.show_refusal)

    @Slot(object)
    def _take_actor(self, actor: Actor) -> None:
        from altus4_desktop.ui.pages.sign_in import SignInPage

        if actor.must_change_password:
            page = self._page
            entered_secret = page.password_secret if isinstance(page, SignInPage) else ""
            self.ask_own_password(actor, entered_secret, self._take_actor)
            return
        self._actor = actor
        status = self.services.vault.status()
        if status.unlocked:
            self._enter(actor)
        elif status.kind.value == "none" and status.problem is None:
            self._choose_vault(step=0)
        elif status.kind.value == "none":
            self._enter(actor)
        else:
            self._unlock_vault(status.kind.value, self._enter_known)

    def _admit(self, actor: Actor) -> None:
        if actor.must_change_password:
            self.ask_own_password(actor, "", self._enter)
        else:
            self._enter(actor)

    def ask_own_password(
        self, actor: Actor, password_secret: str, then: Callable[[Actor], object]
    ) -> None:
        """Go on with ``then`` once the actor has chosen another password than the temporary one,
        which is asked for too unless ``password_secret`` is it."""
        from altus4_desktop.ui.pages.own_password import OwnPasswordPage

        self._actor, self._after_change = actor, then
        page = OwnPasswordPage(self._runner, self._report_crash)
        page.fill_current(password_secret)
        page.change_requested.connect(self._change_password)
        page.sign_out_requested.connect(self.sign_out_wanted)
        self._show(page)

    @Slot(str, str)
    def _change_password(self, password_secret: str, new_secret: str) -> None:
        from altus4_desktop.ui.pages.own_password import OwnPasswordPage

        accounts, actor = self.services.accounts, self._actor
        if actor is None:
            return

        def change(_: TaskContext) -> Actor:
            return accounts.change_password(actor, password_secret, new_secret)

        handle = self._runner.submit(Lane.METADATA, change)
        handle.succeeded.connect(self._leave_own_password)
        if isinstance(self._page, OwnPasswordPage):
            handle.failed.connect(self._page.show_refusal)

    @Slot(object)
    def _leave_own_password(self, actor: Actor) -> None:
        self._actor = None
        self._after_change(actor)

    @Slot()
    def _enter_known(self) -> None:
        if self._actor is not None:
            self._enter(self._actor)

    @Slot(object)
    def _enter(self, actor: Actor) -> None:
        self._actor = None
        self._goes_without_vault = False
        self.ends_at_sign_in = self.ends_at_sign_in and not self._remembers and not actor.is_demo
        self.signed_in.emit(self.services, actor)
        if self._remembers and not actor.is_demo:
            self._remember(actor)
        elif self._asks_who and not actor.is_demo:
            self._forget_remembered()
        self._asks_who = self._asks_who and actor.is_demo
        self._remembers = False

    def _forget_remembered(self) -> None:
        """Who was locked out is not signed in by the next start, now that somebody else may be."""
        accounts = self.services.accounts

        def forget(_: TaskContext) -> None:
            accounts.forget()

        handle = self._runner.submit(Lane.METADATA, forget)
        handle.failed.connect(self._say_not_remembered)

    def _remember(self, actor: Actor) -> None:
        accounts = self.services.accounts

        def remember(_: TaskContext) -> None:
            accounts.remember(actor)

        handle = self._runner.submit(Lane.METADATA, remember)
        handle.failed.connect(self._say_not_remembered)

    @Slot(object)
    def _say_not_remembered(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.announced.emit(error_message(error))

    # ---- the vault ---------------------------------------------------------------------------

    def unlock_then(self, after: Callable[[], object]) -> None:
        """Unlock the vault if it is locked, asking where necessary, then call ``after``."""
        status = self.services.vault.status()
        if status.unlocked or status.kind.value == "none":
            after()
        else:
            self._unlock_vault(status.kind.value, after)

    def _unlock_vault(self, kind: str, after: Callable[[], object]) -> None:
        self._after_unlock = after
        if kind == "passphrase":
            if self._passphrase_secret is not None:
                self._boot(self.tr("Unlocking…"))
                self._unlock_with(self._passphrase_secret)
            else:
                self._ask_passphrase()
            return
        self._boot(self.tr("Waiting for the keyring…"), can_cancel=True)
        vault = self.services.vault

        def unlock(context: TaskContext) -> None:
            vault.unlock(token=context.token)

        self._unlocking = self._runner.submit(Lane.VAULT, unlock)
        self._unlocking.succeeded.connect(self._unlocked)
        self._unlocking.failed.connect(self._go_on_locked)

    def _ask_passphrase(self) -> UnlockPage:
        from altus4_desktop.ui.pages.sign_in import UnlockPage

        page = UnlockPage(self._runner, self._report_crash)
        page.unlock_requested.connect(self._unlock_with)
        page.skip_requested.connect(self._go_without_vault)
        self._show(page)
        return page

    @Slot(object)
    def _ask_passphrase_after(self, error: object) -> None:
        self._passphrase_secret = None
        page = self._ask_passphrase()
        if isinstance(error, AltusError):
            page.show_refusal(error)

    @Slot(str)
    def _unlock_with(self, passphrase_secret: str) -> None:
        from altus4_desktop.ui.pages.sign_in import UnlockPage

        vault = self.services.vault

        def unlock(_: TaskContext) -> None:
            vault.unlock(passphrase_secret)

        handle = self._runner.submit(Lane.VAULT, unlock)
        handle.succeeded.connect(self._unlocked)
        if isinstance(self._page, UnlockPage):
            handle.failed.connect(self._page.show_refusal)
        else:
            handle.failed.connect(self._ask_passphrase_after)

    @Slot()
    def _unlocked(self) -> None:
        self._unlocking = None
        self._after_unlock()

    @Slot(object)
    def _go_on_locked(self, error: object) -> None:
        if isinstance(error, VaultError):
            self.announced.emit(error_message(error))
        self._go_without_vault()

    @Slot()
    def _go_without_vault(self) -> None:
        handle, self._unlocking = self._unlocking, None
        if handle is not None and not handle.is_finished:
            handle.succeeded.disconnect(self._unlocked)
            handle.failed.disconnect(self._go_on_locked)
            handle.cancel()
        self._goes_without_vault = True
        self._after_unlock()


def _look(
    services: Services, password: _StorePassword | None, *, without_vault: bool, asks_who: bool
) -> _Situation:
    metadata, accounts, vault = services.metadata, services.accounts, services.vault
    if not metadata.is_configured():
        return _Situation(_Found.NOTHING)
    if password is None and metadata.needs_password():
        return _ask_password(services)
    try:
        status = metadata.open_(password.secret if password else None)
        if password is not None and password.keeps:
            metadata.keep_password_(password.secret)
        if status.pending:
            return _Situation(_Found.UPGRADE, migrations=status)
        if accounts.needs_setup():
            return _Situation(_Found.NOTHING)
        actor = None if without_vault or asks_who else accounts.resume()
    except VaultError as error:
        kind = vault.status().kind.value
        if isinstance(error, VaultLockedError) and not without_vault and kind in _LASTING:
            return _Situation(_Found.LOCKED, vault_kind=kind)
        if not metadata.password_is_sealed() or metadata.is_open:
            raise
        # The vault cannot give the store's password; the person still can.
        return _ask_password(services)
    except StoreError as error:
        if error.code != _REFUSED:
            raise
        return _ask_password(services, error)
    return _Situation(_Found.SOMEBODY if actor else _Found.NOBODY, actor=actor)


def _ask_password(services: Services, error: AltusError | None = None) -> _Situation:
    return _Situation(
        _Found.ASKING,
        store=store_words(services)[1],
        can_keep=services.metadata.can_keep_password(),
        error=error,
    )
