"""What the status bar says of the store, the pools, the vault and who is signed in."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.status import StatusBar
from altus4_desktop.ui.texts import session_vault_words, store_words

_POOLS_MS = 1500


class StatusFacts(QObject):
    """Keeps the facts of the status bar as they are; the monitoring gets the pools' figures too."""

    def __init__(self, session: Session, bar: StatusBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._bar = bar
        self._is_shut = False
        self._connection_ids: tuple[str, ...] = ()
        self._listing = LatestTask(session.runner, Lane.METADATA, self)
        self._listing.succeeded.connect(self._keep_connections)
        self._looking = LatestTask(session.runner, Lane.METADATA, self)
        self._looking.succeeded.connect(self._show_vault)
        session.connections_changed.connect(self._read_connections)
        session.runner.finished.connect(self._follow_vault)
        self._clock = QTimer(self)
        self._clock.setInterval(_POOLS_MS)
        self._clock.timeout.connect(self._show_pools)
        self._clock.start()
        self.show_account()

    def read(self) -> None:
        """Look at the connections and at the vault."""
        self._read_connections()
        self.read_vault()

    def shut(self) -> None:
        """Look at nothing any more."""
        self._is_shut = True
        self._clock.stop()

    def show_account(self) -> None:
        """Say who is signed in, and where the metadata is kept."""
        actor = self._session.actor
        self._bar.set_user(
            self.tr("Demo") if actor.is_demo else actor.name,
            self.tr("Signed in as {email}").format(email=actor.email),
        )
        text, tip = store_words(self._session.services)
        self._bar.set_store(text, tip)

    @Slot()
    def _read_connections(self) -> None:
        services, actor = self._session.services, self._session.actor

        def read(_: TaskContext) -> tuple[str, ...]:
            return tuple(connection.id for connection in services.connections.list_(actor))

        self._listing.start(read)

    @Slot(object)
    def _keep_connections(self, ids: tuple[str, ...]) -> None:
        self._connection_ids = ids
        self._show_pools()

    @Slot()
    def _show_pools(self) -> None:
        services = self._session.services
        figures = {key: services.connections.stats_(key) for key in self._connection_ids}
        services.monitoring.note_pools_(figures, _POOLS_MS / 1000)
        found = [stats for stats in figures.values() if stats is not None]
        total = PoolStats(
            sum(stats.total for stats in found),
            sum(stats.active for stats in found),
            sum(stats.idle for stats in found),
            sum(stats.queued for stats in found),
            sum(stats.connecting for stats in found),
        )
        self._bar.set_pools(len(found), total)

    @Slot(object)
    def _follow_vault(self, handle: TaskHandle) -> None:
        # Locking, unlocking and the local server, which sets a vault up where there is none.
        if self._is_shut:
            return
        if handle.lane is Lane.VAULT or (handle.lane is Lane.TENANTS and handle.title):
            self.read_vault()

    def read_vault(self) -> None:
        """Look at the vault."""
        vault = self._session.services.vault

        def read(_: TaskContext) -> tuple[str, bool]:
            status = vault.status()
            return status.kind.value, status.unlocked

        self._looking.start(read)

    @Slot(object)
    def _show_vault(self, status: tuple[str, bool]) -> None:
        kind, is_unlocked = status
        if kind == "session":
            self._bar.set_vault(
                self.tr("Passwords until you quit"), session_vault_words(self._session.actor)
            )
        elif kind == "none" or is_unlocked:
            self._bar.set_vault("", "")
        else:
            self._bar.set_vault(
                self.tr("Passwords locked"),
                self.tr("Saved passwords cannot be used until the vault is unlocked."),
            )
