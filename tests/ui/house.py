"""A whole program from memory: services for the window's pages, around the panes' small world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import (
    Actor,
    Role,
    User,
    UserPage,
    UserQuery,
    UserSummary,
)
from altus4_desktop.domain.backup_reach import BackupReach
from altus4_desktop.domain.backups import Backup
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsReport
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    InputError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.keys import KeyPage
from altus4_desktop.domain.local_server import LocalServerStatus
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.domain.revisions import (
    MigrationStatus,
    Revision,
    RevisionState,
    StoreReport,
)
from altus4_desktop.services import Services
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultKind, VaultStatus
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.window import MainWindow
from tests.ui.analytics import FakeAnalytics, FakeMetrics
from tests.ui.insights import FakeInsights
from tests.ui.monitoring import FakeMonitoring
from tests.ui.world import (
    NOW,
    FakeConnections,
    FakeDrafts,
    FakeHistory,
    FakeQuerySets,
    FakeRights,
    FakeSaved,
    FakeSearch,
    FakeSuggestions,
    Gate,
    make_connection,
)

ADA = Actor("u1", "ada@example.org", "Ada Lovelace", Role.ADMIN)
DEMO = Actor("d1", "demo@altus4.invalid", "Demo", Role.ADMIN, is_demo=True)
PASSWORD = "correct horse battery"
WAIT_MS = 5000


def migrations(*, pending: int = 0) -> MigrationStatus:
    """Four steps, the last ``pending`` of them to come."""
    revisions = tuple(
        Revision(
            f"000{number}",
            title,
            RevisionState.PENDING if number > 4 - pending else RevisionState.APPLIED,
            None if number > 4 - pending else NOW,
        )
        for number, title in enumerate(("Users", "API keys", "Databases", "Searches"), start=1)
    )
    return MigrationStatus("mysql", f"000{4 - pending}", "0004", revisions)


class FakeBackups:
    """There are none, and nothing is due."""

    on_problem: Callable[[AltusError], None] | None = None

    def start_schedule_(self, actor: Actor) -> None:
        """Nothing is due."""

    def list_(self, actor: Actor) -> tuple[Backup, ...]:
        """None."""
        return ()

    def folder_(self, actor: Actor) -> Path:
        """Somewhere."""
        return Path("/backups")

    def reach_(self, actor: Actor, token: CancelToken | None = None) -> BackupReach:
        """No instant."""
        return BackupReach(datetime.now(UTC))

    def lines_(self, actor: Actor) -> None:
        """None, as of a folder that fits into no schedule."""
        raise InputError("folder", "Nothing can be scheduled.")


@dataclass
class FakeVault:
    """Keeps no secret; ``passphrase`` is what opens it."""

    kind: str = "none"
    unlocked: bool = False
    passphrase: str = ""
    keyring_problem: AltusError | None = None
    gate: Gate | None = None

    def status(self) -> VaultStatus:
        return VaultStatus(VaultKind(self.kind), self.unlocked, "")

    def probe_keyring(self) -> SimpleNamespace:
        return SimpleNamespace(backend="Secret Service", problem=self.keyring_problem)

    def set_up_keyring(self, token: CancelToken) -> None:
        self.kind, self.unlocked = "keyring", True

    def set_up_passphrase(self, secret: str) -> None:
        self.kind, self.unlocked, self.passphrase = "passphrase", True, secret

    def set_up_session(self) -> None:
        self.kind, self.unlocked = "session", True

    def ensure_ready(self, passphrase: Callable[[], str | None]) -> None:
        secret = passphrase()
        if not secret:
            raise InputError("passphrase", "The passphrase is too short.")
        self.set_up_passphrase(secret)

    def unlock(self, secret: str | None = None, token: CancelToken | None = None) -> None:
        if self.gate is not None and token is not None:
            self.gate.wait(token)
        if self.kind == "passphrase" and secret != self.passphrase:
            raise VaultError("That is not the passphrase.")
        self.unlocked = True

    def lock(self) -> None:
        if self.kind != "session":
            self.unlocked = False


@dataclass
class FakeMetadata:
    """A store that is there or not, with steps to do or not."""

    configured: bool = False
    pending: int = 0
    error: AltusError | None = None
    chosen: list[str | None] = field(default_factory=list)
    report: StoreReport | AltusError | None = None
    password: str | None = None
    sealed: bool = False
    can_keep: bool = False
    is_open: bool = False
    rests: int = 0
    kept: list[str] = field(default_factory=list)

    def rest_(self) -> None:
        self.rests += 1

    def is_configured(self) -> bool:
        return self.configured

    def needs_password(self) -> bool:
        return self.password is not None and not self.is_open

    def password_is_sealed(self) -> bool:
        return self.sealed

    def can_keep_password(self) -> bool:
        return self.can_keep

    def keep_password_(self, secret: str) -> None:
        self.kept.append(secret)

    def open_(self, secret: str | None = None) -> MigrationStatus:
        if self.password is not None and not self.is_open and secret != self.password:
            raise StoreError("The server refuses the password.", code="store.credentials")
        self.is_open = True
        if self.error is not None:
            raise self.error
        return migrations(pending=self.pending)

    def status_(self) -> MigrationStatus:
        return self.open_()

    def choose_(self, url: str | None, password_secret: str | None = None) -> None:
        self.chosen.append(url)
        self.configured = True

    def check_(self, url: str, password_secret: str | None, token: CancelToken) -> StoreReport:
        if isinstance(self.report, AltusError):
            raise self.report
        return self.report or StoreReport(
            "mariadb",
            "10.11.9",
            TlsReport("TLSv1.3", "TLS_AES_256_GCM_SHA384", True, True),
            migrations(pending=self.pending),
        )


class FakeMigrations:
    """Upgrades the store of ``metadata``; copies it first where that can be done."""

    def __init__(self, metadata: FakeMetadata) -> None:
        self.metadata = metadata
        self.can_copy = True
        self.went_without_copy = False

    def can_copy_(self) -> bool:
        return self.can_copy

    def upgrade_(
        self, actor: Actor | None, *, progress: ProgressSink, without_copy: bool = False
    ) -> None:
        assert actor is None, "nobody has signed in yet"
        if not self.can_copy and not without_copy:
            raise StoreError("The metadata store cannot be copied first.", code="store.no_copy")
        self.went_without_copy = without_copy
        progress(Progress("Step 0004", 0.5))
        self.metadata.pending = 0


@dataclass
class FakeAccounts:
    """One account, or none yet."""

    vault: FakeVault
    there: bool = False
    remembered: bool = False
    created: list[tuple[str, str, str, str]] = field(default_factory=list)
    refusal: AltusError | None = None
    password: str = PASSWORD
    temporary: bool = False

    @property
    def ada(self) -> Actor:
        return replace(ADA, must_change_password=self.temporary)

    def needs_setup(self) -> bool:
        return not self.there

    def create_first_admin(self, name: str, email: str, secret: str, timezone: str) -> Actor:
        if self.refusal is not None:
            raise self.refusal
        self.created.append((name, email, secret, timezone))
        self.there = True
        return Actor("u1", email, name, Role.ADMIN)

    def sign_in(self, email: str, secret: str) -> Actor:
        if self.refusal is not None:
            raise self.refusal
        if (email, secret) != (ADA.email, self.password):
            raise AccessError("They do not belong together.", code="access.credentials")
        return self.ada

    def unlock(self, actor: Actor, secret: str) -> Actor | None:
        if self.refusal is not None:
            raise self.refusal
        return self.ada if secret == self.password else None

    def change_password(self, actor: Actor, secret: str, new: str) -> Actor:
        if self.refusal is not None:
            raise self.refusal
        if secret != self.password:
            raise InputError("password", "That is not your password.")
        self.password, self.temporary = new, False
        return self.ada

    def remember(self, actor: Actor) -> None:
        assert not actor.must_change_password
        self.remembered = True

    def resume(self) -> Actor | None:
        if self.remembered and not self.vault.unlocked:
            raise VaultLockedError("The vault is locked.")
        return self.ada if self.remembered else None

    def forget(self) -> None:
        self.remembered = False

    def sign_out(self, actor: Actor) -> None:
        self.forget()

    def list_users(
        self, actor: Actor, query: UserQuery, *, limit: int, offset: int = 0
    ) -> UserPage:
        return UserPage((UserSummary(User(ADA.user_id, ADA.name, ADA.email, ADA.role)),), 1)

    def list_addresses(self, actor: Actor, text: str = "", **_: object) -> dict[str, str]:
        return {ADA.user_id: ADA.email}


@dataclass
class FakeServer:
    """A local server that is a flag."""

    running: bool = False
    error: AltusError | None = None
    resets: int = 0

    def state(self) -> LocalServerStatus:
        folder = "/home/ada/.local/share/altus4-desktop/server"
        if not self.running:
            return LocalServerStatus(running=False, data_folder=folder)
        return LocalServerStatus(
            True, folder, Flavour.MARIADB, "10.11.9", "/usr/sbin/mariadbd", 33061, 4711, False, NOW
        )

    def start(self, progress: ProgressSink, token: CancelToken) -> LocalServerStatus:
        if self.error is not None:
            raise self.error
        self.running = True
        return self.state()

    def stop(self) -> bool:
        self.running = False
        return True

    def reset(self) -> None:
        self.running = False
        self.resets += 1


@dataclass
class FakeDemo:
    """Opens when its gate does."""

    server: FakeServer
    gate: Gate | None = None
    error: AltusError | None = None
    passphrases: list[str | None] = field(default_factory=list)

    def open_(
        self,
        progress: ProgressSink,
        token: CancelToken,
        *,
        passphrase: Callable[[], str | None] = lambda: None,
    ) -> Actor:
        self.passphrases.append(passphrase())
        progress(Progress("Starting MariaDB", 0.4))
        if self.gate is not None:
            self.gate.wait(token)
        if self.error is not None:
            raise self.error
        self.server.running = True
        return DEMO

    def reset_(self, progress: ProgressSink, token: CancelToken) -> Actor:
        self.server.resets += 1
        return self.open_(progress, token)


class FakeKeys:
    """No API keys."""

    def list_(self, actor: Actor, *asked: object, **options: object) -> KeyPage:
        return KeyPage((), {}, NOW, more=False)

    def count_(self, actor: Actor, *asked: object) -> int:
        return 0


class House:
    """Every fake, the window over them, and what went wrong."""

    def __init__(self, qtbot: QtBot, data_dir: Path) -> None:
        self.qtbot = qtbot
        self.data_dir = data_dir
        self.vault = FakeVault()
        self.metadata = FakeMetadata()
        self.migrations = FakeMigrations(self.metadata)
        self.accounts = FakeAccounts(self.vault)
        self.server = FakeServer()
        self.demo = FakeDemo(self.server)
        self.connections = FakeConnections()
        self.history = FakeHistory()
        self.search = FakeSearch()
        self.drafts = FakeDrafts()
        self.passphrase_secret: str | None = None
        self.crashes: list[BaseException] = []
        self.runner = TaskRunner()
        self.runner.crashed.connect(self.crashes.append)
        self.theme = Theme()
        self.factory: Callable[[], Services] = self.build_services
        self._window: MainWindow | None = None

    def build_services(self) -> Services:
        """All fakes as the record the window takes."""
        return cast(
            "Services",
            SimpleNamespace(
                data_dir=self.data_dir,
                settings=Settings(self.data_dir),
                vault=self.vault,
                metadata=self.metadata,
                migrations=self.migrations,
                accounts=self.accounts,
                connections=self.connections,
                rights=FakeRights(),
                history=self.history,
                analytics=FakeAnalytics(),
                insights=FakeInsights(),
                backups=FakeBackups(),
                custom_metrics=FakeMetrics(),
                search=self.search,
                search_drafts=self.drafts,
                saved_searches=FakeSaved(),
                suggestions=FakeSuggestions(),
                query_sets=FakeQuerySets(),
                keys=FakeKeys(),
                monitoring=FakeMonitoring([make_connection(1), make_connection(2)]),
                local_server=self.server,
                demo=self.demo,
            ),
        )

    def set_up(self, *, remembered: bool = False, vault: str = "keyring") -> None:
        """As after the set-up by ADA."""
        self.metadata.configured = True
        self.accounts.there = True
        self.accounts.remembered = remembered
        self.vault.kind = vault
        self.vault.passphrase = PASSWORD

    @property
    def window(self) -> MainWindow:
        """The window, built when it is first wanted."""
        if self._window is None:
            self._window = MainWindow(
                self.factory,
                self.runner,
                self.theme,
                self.data_dir,
                report_crash=self.crashes.append,
                passphrase_secret=self.passphrase_secret,
            )
            self.qtbot.addWidget(self._window)
        return self._window

    def reopen(self) -> None:
        """The next start of the program over the same data folder."""
        assert self.runner.shutdown(3.0)
        self.runner = TaskRunner()
        self.runner.crashed.connect(self.crashes.append)
        self._window = None

    def open_(self, page: str) -> MainWindow:
        """Open the window and wait for the page called ``page``."""
        self.window.open_()
        # The offscreen screen is small; a person's is not.
        self.window.resize(1180, 760)
        self.qtbot.waitUntil(self._is_active, timeout=WAIT_MS)
        self.wait_for(page)
        return self.window

    def _is_active(self) -> bool:
        # Asked again each time: the offscreen platform forgets while the window before goes away.
        self.window.activateWindow()
        return self.window.isActiveWindow()

    def wait_for(self, page: str) -> QWidget:
        """Wait until the window shows the page with this objectName."""

        def shown() -> None:
            front = self.window.page
            assert front is not None
            assert front.objectName() == page, front.objectName()

        self.qtbot.waitUntil(shown, timeout=WAIT_MS)
        front = self.window.page
        assert front is not None
        return front

    def find(self, name: str) -> QWidget:
        """The visible widget with this objectName."""
        found = [it for it in self.window.findChildren(QWidget, name) if it.isVisible()]
        assert len(found) == 1, f"{name}: {len(found)} visible"
        return found[0]

    def click(self, widget: QWidget) -> None:
        """Click in the middle of ``widget`` once it has its place."""
        self.qtbot.waitUntil(lambda: widget.height() > 8, timeout=WAIT_MS)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type_(self, widget: QWidget, text: str) -> None:
        """Type ``text``."""
        QTest.keyClicks(widget, text)

    def key(
        self,
        widget: QWidget,
        key: Qt.Key,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press and release ``key``; shortcuts need an active window."""
        self.qtbot.waitUntil(self._is_active, timeout=WAIT_MS)
        QTest.keyClick(widget, key, modifiers)

    def close(self) -> None:
        """Close whatever is open; no defect may have come up."""
        if self._window is not None:
            self._window.close()
        assert self.runner.shutdown(3.0)
        assert self.crashes == []
