"""Saved connections as a list, a database's contents as a tree; nothing here asks a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QCoreApplication,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionReport,
    PoolStats,
    TlsMode,
    TlsReport,
    TunnelState,
)
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.domain.schema import ColumnInfo, DatabaseSchema, FulltextIndex, TableInfo
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.times import ago, day, full

AnyIndex = QModelIndex | QPersistentModelIndex


class Reach(StrEnum):
    """What is known about reaching a connection's server."""

    UNKNOWN = "unknown"
    TRYING = "trying"
    READY = "ready"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A saved connection and what this window has learnt about it, at ``known_at``.

    ``tls`` protected the session that was opened last; `negotiated` is it while that still counts.
    """

    connection: Connection
    reach: Reach = Reach.UNKNOWN
    error: AltusError | None = None
    report: ConnectionReport | None = None
    tls: TlsReport | None = None
    known_at: datetime | None = None

    @property
    def negotiated(self) -> TlsReport | None:
        """What protects the line; None where the last try did not get as far as to know it."""
        return None if self.reach in (Reach.UNKNOWN, Reach.FAILED) else self.tls


class ConnectionRole(IntEnum):
    """What `ConnectionModel.data` answers besides the usual roles."""

    ROW = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2


class ConnectionModel(QAbstractListModel):
    """Saved connections by name; a filter matches name, host, database and user."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[ConnectionRow, ...] = ()
        self._shown: list[ConnectionRow] = []
        self._filter = ""

    def show(self, rows: Sequence[ConnectionRow]) -> None:
        """Replace the rows; the same connections in the same places are only redrawn."""
        self._all = tuple(sorted(rows, key=lambda row: row.connection.name.casefold()))
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only what contains the text."""
        self._filter = text.strip().casefold()
        self._arrange()

    def row_at(self, row: int) -> ConnectionRow:
        """The connection shown in a row."""
        return self._shown[row]

    def find_row(self, connection_id: str) -> int:
        """Where a connection is shown, or -1."""
        ids = (row.connection.id for row in self._shown)
        return next((place for place, found in enumerate(ids) if found == connection_id), -1)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's name and default
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        row = self._shown[index.row()]
        connection = row.connection
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return connection.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(
                    (
                        connection.name,
                        place_text(connection),
                        environment_text(connection),
                        read_only_text(row),
                        reach_text(row),
                        tls_text(row),
                    )
                )
            case Qt.ItemDataRole.ToolTipRole:
                lines = (
                    connection.name,
                    place_text(connection),
                    read_only_text(row),
                    reach_text(row),
                    tls_text(row),
                    last_connected_text(connection.last_connected_at),
                )
                return plain_tool_tip("\n".join(lines))
            case ConnectionRole.ROW:
                return row
            case ConnectionRole.SORT:
                return connection.name.casefold()
        return None

    def _arrange(self) -> None:
        wanted = [row for row in self._all if self._matches(row.connection)]
        before = [row.connection.id for row in self._shown]
        after = [row.connection.id for row in wanted]
        if before == after:
            changed = [i for i, row in enumerate(wanted) if row != self._shown[i]]
            self._shown = wanted
            for place in changed:
                self.dataChanged.emit(self.index(place), self.index(place))
            return
        self.beginResetModel()
        self._shown = wanted
        self.endResetModel()

    def _matches(self, connection: Connection) -> bool:
        texts = (connection.name, connection.host, connection.database, connection.username)
        return any(self._filter in text.casefold() for text in texts)


def place_text(connection: Connection) -> str:
    """``host:port / database``, and through which SSH server; a socket path has no port."""
    if connection.host.startswith("/"):
        return f"{connection.host} / {connection.database}"
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    place = f"{host}:{connection.port} / {connection.database}"
    if connection.ssh is None:
        return place
    return _tr("{place} through {ssh}").format(place=place, ssh=connection.ssh.host)


def environment_text(connection: Connection) -> str:
    """The badge of a connection's environment."""
    return connection.environment.value.upper()


def reach_text(row: ConnectionRow) -> str:
    """The state in words."""
    match row.reach:
        case Reach.TRYING:
            return _tr("Connecting…")
        case Reach.READY:
            return _tr("Reachable")
        case Reach.FAILED:
            return row.error.message if row.error else _tr("Failed")
        case Reach.LOST:
            return _tr("SSH tunnel lost")
    return _tr("Not tried yet")


def is_refused(row: ConnectionRow) -> bool:
    """Whether the server would not make a session read-only when it was tested."""
    return row.report is not None and not row.report.read_only


def read_only_text(row: ConnectionRow) -> str:
    """What keeps the connection from changing anything, as far as it is known."""
    if is_refused(row):
        return _tr("Not read-only")
    return _tr("Read-only") if row.report is None else _tr("Read-only, tested")


def tls_text(row: ConnectionRow) -> str:
    """What protects the line: what was negotiated if that is known, else what is asked for."""
    if row.connection.managed:
        return _tr("On this machine")
    tls = row.negotiated
    if tls is not None:
        if not tls.encrypted:
            return _tr("Not encrypted")
        if tls.pinned:
            return _tr("TLS, pinned")
        return _tr("TLS verified") if tls.certificate_verified else _tr("TLS, not verified")
    return {
        TlsMode.DISABLED: _tr("Not encrypted"),
        TlsMode.PREFERRED: _tr("TLS if offered"),
        TlsMode.REQUIRED: _tr("TLS required"),
        TlsMode.PINNED: _tr("TLS, pinned"),
    }.get(row.connection.tls.mode, _tr("TLS, to be verified"))


def with_pool(row: ConnectionRow, stats: PoolStats | None) -> ConnectionRow:
    """The row with what its pool has seen since; the newest of test and pool counts."""
    if stats is None or row.reach is Reach.TRYING:
        return row
    if stats.tls is not None:
        row = replace(row, tls=stats.tls)
    if _is_newer(stats.answered_at, row.known_at):
        row = replace(
            row,
            connection=replace(row.connection, last_connected_at=stats.answered_at),
            reach=Reach.READY,
            error=None,
            known_at=stats.answered_at,
        )
    error = stats.last_error
    is_busy = isinstance(error, TenantError) and error.failure is TenantFailure.BUSY
    if error is not None and not is_busy and _is_newer(stats.last_error_at, row.known_at):
        row = replace(row, reach=Reach.FAILED, error=error, known_at=stats.last_error_at)
    if row.reach is Reach.READY and stats.tunnel is TunnelState.LOST:
        return replace(row, reach=Reach.LOST)
    if row.reach is Reach.LOST and stats.tunnel is not TunnelState.LOST:
        return replace(row, reach=Reach.READY)
    return row


def _is_newer(at: datetime | None, known_at: datetime | None) -> bool:
    return at is not None and (known_at is None or at > known_at)


def last_connected_text(instant: datetime | None) -> str:
    """When it was last connected, as part of a sentence."""
    if instant is None:
        return _tr("Never connected")
    return _tr("Connected {when}").format(when=ago(instant))


def _tr(text: str) -> str:
    return QCoreApplication.translate("ConnectionModel", text)


class SchemaRole(IntEnum):
    """What `SchemaTreeModel.data` answers besides the usual roles."""

    RECORD = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2


Child = FulltextIndex | ColumnInfo
Record = TableInfo | FulltextIndex | ColumnInfo


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """A declared column of the tree: its heading, what it shows of a record, how it is aligned."""

    title: str
    display: Callable[[Record], str]
    alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft


def _name(record: Record) -> str:
    return record.name


def _definition(record: Record) -> str:
    match record:
        case TableInfo():
            count = len(record.fulltext_indexes)
            if not count:
                return _tr("No FULLTEXT index")
            return _tr("{count} FULLTEXT").format(count=count)
        case FulltextIndex():
            columns = ", ".join(record.columns)
            if not record.parser:
                return columns
            return _tr("{columns} · parser {parser}").format(columns=columns, parser=record.parser)
        case ColumnInfo():
            if record.nullable:
                return record.type
            return _tr("{type}, not null").format(type=record.type)


def _rows(record: Record) -> str:
    match record:
        case TableInfo() if record.estimated_rows is not None:
            return _tr("≈ {rows}").format(rows=QLocale().toString(record.estimated_rows))
        case FulltextIndex() if record.cardinality is not None:
            return QLocale().toString(record.cardinality)
    return ""


def _analysed(record: Record) -> str:
    if not isinstance(record, TableInfo):
        return ""
    if record.last_analyzed_at is None:
        return _tr("never")
    return day(record.last_analyzed_at)


def _explanation(record: Record) -> str:
    match record:
        case TableInfo(last_analyzed_at=None):
            note = _tr("Never analysed, as far as the server knows")
        case TableInfo():
            note = _tr("Last analysed {when}").format(when=full(record.last_analyzed_at))
        case FulltextIndex():
            return _tr("FULLTEXT index {name} on {columns}").format(
                name=record.name, columns=", ".join(record.columns)
            )
        case ColumnInfo():
            return f"{record.name}\n{_definition(record)}"
    lines = [record.name, record.engine, note]
    if not record.fulltext_indexes:
        lines.append(_tr("Without a FULLTEXT index this table cannot be searched."))
    return "\n".join(line for line in lines if line)


SCHEMA_COLUMNS = (
    SchemaColumn("Name", _name),
    SchemaColumn("Definition", _definition),
    SchemaColumn("Rows", _rows, Qt.AlignmentFlag.AlignRight),
    SchemaColumn("Analysed", _analysed),
)


class SchemaTreeModel(QAbstractItemModel):
    """Tables with their FULLTEXT indexes and columns below; the filter reaches all three."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._schema: DatabaseSchema | None = None
        self._filter = ""
        self._shown: list[tuple[TableInfo, tuple[Child, ...]]] = []
        self._parsers: dict[str, Mapping[str, str]] = {}

    @property
    def schema(self) -> DatabaseSchema | None:
        """What the tree shows, before filtering."""
        return self._schema

    def show(self, schema: DatabaseSchema | None) -> None:
        """Replace the tree."""
        self.beginResetModel()
        self._schema = schema
        self._parsers = {}
        self._shown = self._filtered()
        self.endResetModel()

    def set_filter(self, text: str) -> None:
        """Show only tables, indexes and columns whose name contains the text."""
        wanted = text.strip().casefold()
        if wanted == self._filter:
            return
        self.beginResetModel()
        self._filter = wanted
        self._shown = self._filtered()
        self.endResetModel()

    def knows_parsers(self, table: str) -> bool:
        """Whether the parsers of a table's indexes have been looked up."""
        return table in self._parsers

    def show_parsers(self, table: str, parsers: Mapping[str, str]) -> None:
        """Add what was looked up about a table's indexes."""
        self._parsers[table] = parsers
        for row, (info, children) in enumerate(self._shown):
            if info.name == table and children:
                parent = self.index(row, 0)
                last = len(children) - 1
                self.dataChanged.emit(self.index(0, 1, parent), self.index(last, 1, parent))

    def table_at(self, index: AnyIndex) -> TableInfo | None:
        """The table an index belongs to."""
        if not index.isValid():
            return None
        row = index.row() if index.internalId() == 0 else index.internalId() - 1
        return self._shown[row][0] if row < len(self._shown) else None

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's default
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: AnyIndex = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008 - QObject.parent() shares the name
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's name and default
        if not parent.isValid():
            return len(self._shown)
        if parent.internalId() != 0 or parent.column() != 0:
            return 0
        return len(self._shown[parent.row()][1])

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's name and default
        return len(SCHEMA_COLUMNS)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(SCHEMA_COLUMNS):
            if role == Qt.ItemDataRole.DisplayRole:
                return _tr(SCHEMA_COLUMNS[section].title)
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return SCHEMA_COLUMNS[section].alignment | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        record = self._record(index)
        if record is None:
            return None
        column = SCHEMA_COLUMNS[index.column()]
        answer: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                answer = column.display(record)
            case Qt.ItemDataRole.AccessibleTextRole:
                answer = f"{_tr(column.title)}: {column.display(record)}"
            case Qt.ItemDataRole.ToolTipRole:
                answer = plain_tool_tip(_explanation(record))
            case Qt.ItemDataRole.TextAlignmentRole:
                answer = column.alignment | Qt.AlignmentFlag.AlignVCenter
            case SchemaRole.RECORD:
                answer = record
            case SchemaRole.SORT:
                answer = record.name.casefold()
        return answer

    def _record(self, index: AnyIndex) -> Record | None:
        if not index.isValid():
            return None
        inside = index.internalId()
        if inside == 0:
            return self._shown[index.row()][0] if index.row() < len(self._shown) else None
        table, children = self._shown[inside - 1]
        if index.row() >= len(children):
            return None
        record = children[index.row()]
        if isinstance(record, FulltextIndex) and record.parser is None:
            parser = self._parsers.get(table.name, {}).get(record.name)
            if parser is not None:
                return FulltextIndex(record.name, record.columns, record.cardinality, parser)
        return record

    def _filtered(self) -> list[tuple[TableInfo, tuple[Child, ...]]]:
        if self._schema is None:
            return []
        shown: list[tuple[TableInfo, tuple[Child, ...]]] = []
        for table in self._schema.tables:
            children: tuple[Child, ...] = (*table.fulltext_indexes, *table.columns)
            if self._filter and self._filter not in table.name.casefold():
                children = tuple(c for c in children if self._filter in c.name.casefold())
                if not children:
                    continue
            shown.append((table, children))
        return shown
