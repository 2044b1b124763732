"""What the connections pane does: intents in, work on the lanes, one frozen state out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    PoolStats,
    ServerCertificate,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.connections.model import ConnectionRow, Reach, with_pool
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session


class Phase(StrEnum):
    """Which of the list's faces is shown."""

    BUSY = "busy"
    ROWS = "rows"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ConnectionsState:
    """Everything the list draws."""

    phase: Phase = Phase.BUSY
    rows: tuple[ConnectionRow, ...] = ()
    error: AltusError | None = None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Everything the tree draws, for one connection."""

    connection_id: str = ""
    schema: DatabaseSchema | None = None
    reading: bool = False
    error: AltusError | None = None


class ConnectionsController(QObject):
    """Reads and changes saved connections, tests them, and reads what their databases contain."""

    state_changed = Signal(object)
    schema_changed = Signal(object)
    parsers_ready = Signal(str, object)
    saved = Signal(object)
    save_failed = Signal(object)
    removed = Signal(str)
    copy_ready = Signal(object, str)
    change_failed = Signal(object)
    check_succeeded = Signal(object)
    check_failed = Signal(object)
    check_cancelled = Signal()
    certificate_ready = Signal(object)
    certificate_failed = Signal(object)
    disconnected = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.state = ConnectionsState()
        self.schema_state = SchemaState()
        self._learnt: dict[str, ConnectionRow] = {}
        self._checked_id: str | None = None
        runner = session.runner
        self._listing = LatestTask(runner, Lane.METADATA, self)
        self._listing.succeeded.connect(self._take_list)
        self._listing.failed.connect(self._take_list_failure)
        self._saving = LatestTask(runner, Lane.METADATA, self)
        self._saving.succeeded.connect(self._take_saved)
        self._saving.failed.connect(self.save_failed)
        self._removing = LatestTask(runner, Lane.METADATA, self)
        self._removing.succeeded.connect(self._take_removed)
        self._removing.failed.connect(self.change_failed)
        self._copying = LatestTask(runner, Lane.METADATA, self)
        self._copying.succeeded.connect(self._take_copy)
        self._copying.failed.connect(self.change_failed)
        self._checking = LatestTask(runner, Lane.TENANTS, self)
        self._checking.succeeded.connect(self._take_check)
        self._checking.failed.connect(self._take_check_failure)
        self._checking.cancelled.connect(self._take_check_cancelled)
        self._reading = LatestTask(runner, Lane.TENANTS, self)
        self._reading.succeeded.connect(self.certificate_ready)
        self._reading.failed.connect(self._take_certificate_failure)
        self._reading.cancelled.connect(self.check_cancelled)
        self._closing = LatestTask(runner, Lane.METADATA, self)
        self._closing.succeeded.connect(self._take_closed)
        self._closing.failed.connect(self.change_failed)
        self._schema = LatestTask(runner, Lane.TENANTS, self)
        self._schema.succeeded.connect(self._take_schema)
        self._schema.failed.connect(self._take_schema_failure)
        self._parsers = LatestTask(runner, Lane.TENANTS, self)
        self._parsers.succeeded.connect(self._take_parsers)

    def close(self) -> None:
        """Cancel what only this pane waits for; a change on its way to the store is finished."""
        for task in (self._listing, self._checking, self._reading, self._schema, self._parsers):
            task.drop()

    # The list

    def reload(self) -> None:
        """Read the saved connections again."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> list[Connection]:
            return service.list_(actor)

        self._listing.start(work)

    @Slot(object)
    def _take_list(self, connections: list[Connection]) -> None:
        rows = []
        for connection in connections:
            known = self._learnt.get(connection.id)
            unchanged = known is not None and _reaches_same(known.connection, connection)
            row = replace(known, connection=connection) if known and unchanged else None
            rows.append(row or ConnectionRow(connection))
        self._learnt = {row.connection.id: row for row in rows}
        self._show_rows()
        self.notice_pools()

    @Slot(object)
    def _take_list_failure(self, error: Exception) -> None:
        self.state = replace(self.state, phase=Phase.FAILED, error=_told(error))
        self.state_changed.emit(self.state)

    def notice_pools(self) -> None:
        """Learn how each connection is from its pool, whoever used it."""
        noticed = {
            connection_id: with_pool(row, self.pool_stats(connection_id))
            for connection_id, row in self._learnt.items()
        }
        if noticed != self._learnt:
            self._learnt = noticed
            self._show_rows()

    def _show_rows(self) -> None:
        rows = tuple(self._learnt.values())
        self.state = ConnectionsState(Phase.ROWS if rows else Phase.EMPTY, rows)
        self.state_changed.emit(self.state)

    def _learn(
        self,
        connection_id: str,
        reach: Reach,
        *,
        error: AltusError | None = None,
        report: ConnectionReport | None = None,
        connected_at: datetime | None = None,
    ) -> None:
        known = self._learnt.get(connection_id)
        if known is None:
            return
        if connected_at is not None:
            before = known.connection.last_connected_at or connected_at
            connection = replace(known.connection, last_connected_at=max(before, connected_at))
            known = replace(known, connection=connection)
        is_known = reach in (Reach.READY, Reach.FAILED)
        self._learnt[connection_id] = replace(
            known,
            reach=reach,
            error=error,
            report=report or (known.report if reach is not Reach.FAILED else None),
            tls=report.tls if report is not None else known.tls,
            known_at=datetime.now(UTC) if is_known else None,
        )
        self._show_rows()

    # Changes

    def create(self, draft: ConnectionDraft, copy_of: str | None = None) -> None:
        """Save a new connection; without a password it takes that of ``copy_of``."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> Connection:
            return service.create_(actor, draft, copy_of)

        self._saving.start(work)

    def update(self, connection: Connection, draft: ConnectionDraft) -> None:
        """Save changes of a connection, unless somebody else has changed it meanwhile."""
        service, actor = self._session.services.connections, self._session.actor
        connection_id, seen_at = connection.id, connection.updated_at

        def work(_: TaskContext) -> Connection:
            return service.update_(actor, connection_id, draft, seen_at)

        self._saving.start(work)

    def duplicate(self, connection_id: str) -> None:
        """Make a draft of a copy; ``copy_ready`` carries it with the id of the original."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> tuple[ConnectionDraft, str]:
            return service.duplicate_(actor, connection_id), connection_id

        self._copying.start(work)

    def remove(self, connection_id: str) -> None:
        """Delete a connection and its saved password."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> str:
            service.delete_(actor, connection_id)
            return connection_id

        self._removing.start(work)

    @Slot(object)
    def _take_saved(self, connection: Connection) -> None:
        self.saved.emit(connection)
        self._session.connections_changed.emit()

    @Slot(object)
    def _take_copy(self, result: tuple[ConnectionDraft, str]) -> None:
        self.copy_ready.emit(*result)

    @Slot(object)
    def _take_removed(self, connection_id: str) -> None:
        self.removed.emit(connection_id)
        self._session.connections_changed.emit()

    # Testing

    def check(self, draft: ConnectionDraft, connection_id: str | None) -> None:
        """Open one session as the draft says and report what the server answered."""
        service, actor = self._session.services.connections, self._session.actor
        self._checked_id = connection_id
        if connection_id is not None:
            self._learn(connection_id, Reach.TRYING)

        def work(context: TaskContext) -> ConnectionReport:
            return service.check_(actor, draft, connection_id, context.token)

        self._checking.start(work)

    @property
    def is_checking(self) -> bool:
        """Whether a test is under way, or a certificate is being read."""
        return self._checking.running or self._reading.running

    def cancel_check(self) -> None:
        """Stop the test; ``check_cancelled`` follows."""
        self._checking.cancel()
        self._reading.cancel()

    def drop_check(self) -> None:
        """Stop the test and hear nothing more of it."""
        self._checking.drop()
        self._reading.drop()
        self._take_check_end()

    @Slot(object)
    def _take_check(self, report: ConnectionReport) -> None:
        checked, self._checked_id = self._checked_id, None
        if checked is not None:
            self._learn(checked, Reach.READY, report=report, connected_at=datetime.now(UTC))
        self.check_succeeded.emit(report)

    @Slot(object)
    def _take_check_failure(self, error: Exception) -> None:
        checked, self._checked_id = self._checked_id, None
        told = _told(error)
        if checked is not None:
            self._learn(checked, Reach.FAILED, error=told)
        self.check_failed.emit(told)

    @Slot()
    def _take_check_cancelled(self) -> None:
        self._take_check_end()
        self.check_cancelled.emit()

    def _take_check_end(self) -> None:
        checked, self._checked_id = self._checked_id, None
        if checked is not None:
            self._learn(checked, Reach.UNKNOWN)

    def read_certificate(self, draft: ConnectionDraft, connection_id: str | None) -> None:
        """Read the certificate of the draft's server; ``certificate_ready`` carries it."""
        service, actor = self._session.services.connections, self._session.actor

        def work(context: TaskContext) -> ServerCertificate:
            return service.read_certificate_(actor, draft, connection_id, context.token)

        self._reading.start(work)

    @Slot(object)
    def _take_certificate_failure(self, error: Exception) -> None:
        self.certificate_failed.emit(_told(error))

    # Pools

    def reset_pool(self, connection_id: str) -> None:
        """Close every session of a connection."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> str:
            service.reset_pool_(actor, connection_id)
            return connection_id

        self._closing.start(work)

    def disconnect_all(self) -> None:
        """Close every session of every connection."""
        service, actor = self._session.services.connections, self._session.actor

        def work(_: TaskContext) -> str:
            service.disconnect_all_(actor)
            return ""

        self._closing.start(work)

    @Slot(object)
    def _take_closed(self, connection_id: str) -> None:
        for known in list(self._learnt):
            if connection_id in ("", known):
                self._learn(known, Reach.UNKNOWN)
        self.disconnected.emit()

    # What the database contains

    def read_schema(self, connection_id: str, *, refresh: bool = False) -> None:
        """Read tables, columns and FULLTEXT indexes; ``refresh`` asks the server again."""
        service, actor = self._session.services.connections, self._session.actor
        same = connection_id == self.schema_state.connection_id
        self.schema_state = SchemaState(
            connection_id, self.schema_state.schema if same and refresh else None, reading=True
        )
        self.schema_changed.emit(self.schema_state)
        known = self._learnt.get(connection_id)
        if known is not None and known.reach is not Reach.READY:
            self._learn(connection_id, Reach.TRYING)

        def work(context: TaskContext) -> DatabaseSchema:
            return service.schema_(actor, connection_id, context.token, refresh)

        self._schema.start(work)

    def forget_schema(self) -> None:
        """Show no schema and stop reading one."""
        self._schema.drop()
        self._parsers.drop()
        was_reading = self.schema_state.connection_id if self.schema_state.reading else ""
        self.schema_state = SchemaState()
        known = self._learnt.get(was_reading)
        if known is not None and known.reach is Reach.TRYING:
            self._learn(was_reading, Reach.UNKNOWN)
        self.schema_changed.emit(self.schema_state)

    def read_parsers(self, connection_id: str, table: str) -> None:
        """Look up which parser each FULLTEXT index of a table uses."""
        service, actor = self._session.services.connections, self._session.actor

        def work(context: TaskContext) -> tuple[str, dict[str, str]]:
            return table, dict(service.parsers_(actor, connection_id, table, context.token))

        self._parsers.start(work)

    def pool_stats(self, connection_id: str) -> PoolStats | None:
        """Live figures of the connection's pool, None while it has none."""
        return self._session.services.connections.stats_(connection_id)

    @Slot(object)
    def _take_schema(self, schema: DatabaseSchema) -> None:
        connection_id = self.schema_state.connection_id
        self.schema_state = SchemaState(connection_id, schema)
        self._learn(connection_id, Reach.READY, connected_at=schema.read_at)
        self.schema_changed.emit(self.schema_state)

    @Slot(object)
    def _take_schema_failure(self, error: Exception) -> None:
        told = _told(error)
        self.schema_state = replace(self.schema_state, reading=False, error=told)
        self._learn(self.schema_state.connection_id, Reach.FAILED, error=told)
        self.schema_changed.emit(self.schema_state)

    @Slot(object)
    def _take_parsers(self, result: tuple[str, dict[str, str]]) -> None:
        self.parsers_ready.emit(*result)


def needs_parsers(indexes: tuple[FulltextIndex, ...]) -> bool:
    """Whether any index's parser is not known yet."""
    return any(index.parser is None for index in indexes)


def _reaches_same(old: Connection, new: Connection) -> bool:
    return _reached_by(old) == _reached_by(new)


def _reached_by(connection: Connection) -> tuple[object, ...]:
    return (
        connection.host,
        connection.port,
        connection.database,
        connection.username,
        connection.tls,
        connection.password_sealed,
        connection.ssh,
        connection.ssh_secret_sealed,
    )


def _told(error: Exception) -> AltusError:
    """The failure as it is said here; a defect of ours reaches the crash dialog by itself."""
    return error if isinstance(error, AltusError) else AltusError("Something unexpected happened.")
