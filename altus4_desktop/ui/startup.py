"""From an empty window to somebody's workspace: which page comes when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AltusError, VaultLockedError
from altus4_desktop.domain.revisions import MigrationStatus
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskRunner
from altus4_desktop.ui.pages.shown import ShownPage
from altus4_desktop.ui.situation import Found, Situation, StorePassword, find_situation
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.vault_door import VaultDoor

if TYPE_CHECKING:
    from altus4_desktop.services import Services
    from altus4_desktop.ui.pages.sign_in import SignInEntry
    from altus4_desktop.ui.setup import SetUp


class StartUp(QObject):
    """Shows pages until somebody is signed in.

    ``shown`` is the page that stands for the window, ``vault`` opens the vault, for who comes back
    as well. ``signed_in`` (Services, Actor); ``settled``: the store has been looked at;
    ``announced`` (text); ``sign_out_wanted``; ``quit_wanted``. ``passphrase_secret`` is tried
    before anybody is asked for it. Where the last run ended at the sign-in page, this one begins
    with it, and the store is opened while the person types. Nobody gets in with a temporary
    password, and who has left a page is not moved on by what it was waiting for.
    """

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
        self.ends_at_sign_in = expects_sign_in and not open_demo
        self._is_settled = False
        self._waiting_sign_in: SignInEntry | None = None
        self._services: Services | None = None
        self.shown = ShownPage(runner, report_crash, self)
        self.vault = VaultDoor(lambda: self.services, self.shown, passphrase_secret, self)
        self.vault.announced.connect(self.announced)
        self._set_up: SetUp | None = None
        self._asks_who = asks_who

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
            self.shown.boot(self.tr("Starting…"))

    def show_signing_out(self) -> None:
        """Fill the window until it is known what comes next."""
        self.shown.boot(self.tr("Signing out…"))

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
                self.shown.boot(self.tr("Starting…"))
            self.begin()
            return
        if self._is_settled or not self._is_at_sign_in():
            self.shown.boot(self.tr("Opening the store…"))
        self._look(None)

    def _look(self, password: StorePassword | None) -> None:
        services, without_vault = self.services, self.vault.is_passed_by
        asks_who = self._asks_who

        def look(_: TaskContext) -> Situation:
            return find_situation(
                services, password, without_vault=without_vault, asks_who=asks_who
            )

        self.shown.submit(Lane.METADATA, look, self._go_on, failed=self._show_problem)

    @Slot(object)
    def _go_on(self, situation: Situation) -> None:
        self._is_settled = True
        self.settled.emit()
        self.ends_at_sign_in = situation.found is Found.NOBODY
        entry, self._waiting_sign_in = self._waiting_sign_in, None
        if situation.found is Found.NOTHING:
            self.show_welcome()
        elif situation.found is Found.UPGRADE and situation.migrations is not None:
            self._show_upgrade(situation.migrations)
        elif situation.found is Found.LOCKED:
            self.vault.unlock_then(self.look)
        elif situation.found is Found.ASKING:
            self._ask_store_password(situation)
        elif situation.found is Found.SOMEBODY and situation.actor is not None:
            self._admit(situation.actor)
        elif not self._is_at_sign_in():
            self.show_sign_in(entry)
        elif entry is not None:
            self._sign_in(entry)

    # ---- pages -------------------------------------------------------------------------------

    @Slot()
    def show_welcome(self) -> None:
        """Offer the demo and the set-up."""
        from altus4_desktop.ui.pages.welcome import WelcomePage

        page = WelcomePage(self._runner, self._report_crash)
        page.demo_requested.connect(self.open_demo)
        page.setup_requested.connect(self.show_store_choice)
        self.shown.show(page)

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
        self.shown.show(page)

    def _ask_store_password(self, situation: Situation) -> None:
        from altus4_desktop.ui.pages.sign_in import StorePasswordPage

        page = self.shown.page
        if not isinstance(page, StorePasswordPage):
            page = StorePasswordPage(
                situation.store, self._runner, self._report_crash, can_keep=situation.can_keep
            )
            page.password_entered.connect(self._take_store_password)
            page.choose_requested.connect(self.show_store_choice)
            page.quit_requested.connect(self.quit_wanted)
            self.shown.show(page)
        if situation.error is not None:
            page.show_refusal(situation.error)

    @Slot(str, bool)
    def _take_store_password(self, password_secret: str, keeps: bool) -> None:
        self._look(StorePassword(password_secret, keeps))

    def _show_upgrade(self, status: MigrationStatus) -> None:
        from altus4_desktop.ui.pages.problem import UpgradePage

        page = UpgradePage(self._runner, self._report_crash)
        page.show_status(status)
        page.upgrade_requested.connect(self._upgrade)
        page.quit_requested.connect(self.quit_wanted)
        self.shown.show(page)

    @Slot(bool)
    def _upgrade(self, without_copy: bool) -> None:
        from altus4_desktop.ui.pages.problem import UpgradePage

        services = self.services

        def upgrade(context: TaskContext) -> None:
            services.migrations.upgrade_(None, progress=context.progress, without_copy=without_copy)

        page = self.shown.page
        if isinstance(page, UpgradePage):
            handle = self.shown.submit(
                Lane.METADATA,
                upgrade,
                self.look,
                failed=page.show_failure,
                title=self.tr("Upgrading the shared store"),
            )
            page.follow(handle)

    # ---- the demo and the set-up -------------------------------------------------------------

    @Slot()
    def open_demo(self) -> None:
        """Open the demo, with its progress on a page of its own."""
        from altus4_desktop.ui.pages.waiting import DemoPage

        self._waiting_sign_in = None
        if self._services is None:
            self._wants_demo = True
            return
        services = self.services
        page = self.shown.page
        if not isinstance(page, DemoPage):
            page = DemoPage(self._runner, self._report_crash)
            page.retry_requested.connect(self.open_demo)
            page.back_requested.connect(self.look)
            self.shown.show(page)

        passphrase_secret = self.vault.passphrase_secret

        def open_(context: TaskContext) -> Actor:
            return services.demo.open_(
                context.progress, context.token, passphrase=lambda: passphrase_secret
            )

        page.follow(
            self.shown.submit(Lane.TENANTS, open_, self._enter_demo, failed=self._unlock_for_demo)
        )

    @Slot(object)
    def _enter_demo(self, actor: Actor) -> None:
        from altus4_desktop.ui.pages.waiting import DemoPage

        page = self.shown.page
        if isinstance(page, DemoPage) and page.is_leaving:
            # It was there before it could be stopped.
            self.look()
        else:
            self._enter(actor)

    @Slot(object)
    def _unlock_for_demo(self, error: object) -> None:
        if isinstance(error, VaultLockedError):
            self.vault.unlock_then(self.open_demo)

    @Slot()
    def show_store_choice(self) -> None:
        """Begin the set-up."""
        from altus4_desktop.ui.setup import SetUp

        self._set_up = SetUp(self.services, self.shown, self.vault)
        self._set_up.left.connect(self.look)
        self._set_up.needless.connect(self.show_sign_in)
        self._set_up.failed.connect(self._show_problem)
        self._set_up.done.connect(self._enter)
        self._set_up.begin()

    # ---- signing in --------------------------------------------------------------------------

    @Slot()
    def show_sign_in(self, entry: SignInEntry | None = None) -> None:
        """Ask who it is; ``entry`` is what was entered before."""
        from altus4_desktop.ui.pages.sign_in import SignInPage

        page = SignInPage(self._runner, self._report_crash)
        if entry is not None:
            page.fill(entry)
        page.sign_in_requested.connect(self._sign_in)
        page.demo_requested.connect(self.open_demo)
        self.shown.show(page)

    def _is_at_sign_in(self) -> bool:
        from altus4_desktop.ui.pages.sign_in import SignInPage

        return isinstance(self.shown.page, SignInPage)

    @Slot(object)
    def _sign_in(self, entry: SignInEntry) -> None:
        from altus4_desktop.ui.pages.sign_in import SignInPage

        if not self._is_settled:
            self._waiting_sign_in, self._wants_demo = entry, False
            return
        accounts = self.services.accounts

        def sign_in(_: TaskContext) -> Actor:
            return accounts.sign_in(entry.email, entry.password_secret)

        page = self.shown.page
        if isinstance(page, SignInPage):
            self.shown.submit(
                Lane.METADATA, sign_in, partial(self._take_actor, entry), failed=page.show_refusal
            )

    def _take_actor(self, entry: SignInEntry, actor: Actor) -> None:
        if actor.must_change_password:
            # What was entered is no password of theirs by then.
            then = partial(self._take_actor, replace(entry, password_secret=""))
            self.ask_own_password(actor, entry.password_secret, then)
            return
        enter = partial(self._enter, actor, remembers=entry.remembers)
        status = self.services.vault.status()
        if status.kind.value == "none" and status.problem is None:
            self.vault.set_up_then(enter, back=partial(self.show_sign_in, entry))
        else:
            self.vault.unlock_then(enter)

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

        page = OwnPasswordPage(self._runner, self._report_crash)
        page.fill_current(password_secret)
        page.change_requested.connect(partial(self._change_password, actor, then))
        page.sign_out_requested.connect(self.sign_out_wanted)
        self.shown.show(page)

    def _change_password(
        self,
        actor: Actor,
        then: Callable[[Actor], object],
        password_secret: str,
        new_secret: str,
    ) -> None:
        from altus4_desktop.ui.pages.own_password import OwnPasswordPage

        accounts = self.services.accounts

        def change(_: TaskContext) -> Actor:
            return accounts.change_password(actor, password_secret, new_secret)

        page = self.shown.page
        if isinstance(page, OwnPasswordPage):
            self.shown.submit(Lane.METADATA, change, then, failed=page.show_refusal)

    @Slot(object)
    def _enter(self, actor: Actor, *, remembers: bool = False) -> None:
        self.shown.hold()
        self.vault.is_passed_by = False
        remembers = remembers and not actor.is_demo
        self.ends_at_sign_in = self.ends_at_sign_in and not remembers and not actor.is_demo
        self.signed_in.emit(self.services, actor)
        if remembers:
            self._remember(actor)
        elif self._asks_who and not actor.is_demo:
            self._forget_remembered()
        self._asks_who = self._asks_who and actor.is_demo

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
