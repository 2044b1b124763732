"""What a server says of itself: in one statement a tick, and what changes rarely apart from it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import TenantError, TenantFailure
from altus4_desktop.domain.monitoring import (
    IndexStatistics,
    ListedStatement,
    LockHolder,
    LockWait,
    ServerFacts,
    ServerPulse,
    SlowLog,
    find_tag,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.mysql.index_health import read_index_sizes
from altus4_desktop.mysql.session import TenantSession

# The tag of what is asked for here, so that nobody is shown their own looking on.
TAG = "monitor"
_LISTED = 200
_TEXT = 2000
# The specification's: a statement that takes a second is one to look at.
_SLOW_S = 1
_STATUS = (
    "SELECT 'status' AS kind, 0 AS id, VARIABLE_NAME AS who, VARIABLE_VALUE AS place, 0 AS seconds,"
    " '' AS state, '' AS text, 0 AS other FROM {table} WHERE VARIABLE_NAME IN"
    " ('Uptime', 'Threads_connected', 'Threads_running', 'Slow_queries')"
)
_PROCESSES = (
    "(SELECT 'process', ID, USER, COALESCE(DB, ''), TIME, COALESCE(STATE, ''),"
    f" LEFT(COALESCE(INFO, ''), {_TEXT}), 0 FROM {{table}} WHERE ID <> CONNECTION_ID() AND"
    f" ((USER = %s AND INFO LIKE '/* altus4:%%' AND INFO NOT LIKE '/* altus4:{TAG}:%%')"
    f" OR STATE LIKE 'Waiting for %%metadata lock') ORDER BY TIME DESC LIMIT {_LISTED + 1})"
)
_HOLDERS = (
    "(SELECT 'holder', waiter.PROCESSLIST_ID, COALESCE(holder.PROCESSLIST_USER, ''),"
    " CONCAT(w.OBJECT_SCHEMA, '.', w.OBJECT_NAME), 0, h.LOCK_TYPE,"
    f" LEFT(COALESCE(holder.PROCESSLIST_INFO, ''), {_TEXT}), holder.PROCESSLIST_ID"
    " FROM performance_schema.metadata_locks w"
    " JOIN performance_schema.metadata_locks h ON h.OBJECT_TYPE = w.OBJECT_TYPE"
    " AND h.OBJECT_SCHEMA = w.OBJECT_SCHEMA AND h.OBJECT_NAME = w.OBJECT_NAME"
    " AND h.LOCK_STATUS = 'GRANTED' AND h.OWNER_THREAD_ID <> w.OWNER_THREAD_ID"
    " JOIN performance_schema.threads waiter ON waiter.THREAD_ID = w.OWNER_THREAD_ID"
    " JOIN performance_schema.threads holder ON holder.THREAD_ID = h.OWNER_THREAD_ID"
    " WHERE w.OBJECT_TYPE = 'TABLE' AND w.LOCK_STATUS = 'PENDING'"
    f" LIMIT {_LISTED})"
)
_MAY_SEE_HOLDERS = (
    "SELECT l.OBJECT_NAME FROM performance_schema.metadata_locks l"
    " JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID WHERE 1 = 0"
)
_LOCKS_WATCHED = (
    "SELECT COUNT(*) FROM performance_schema.setup_instruments"
    " WHERE NAME = 'wait/lock/metadata/sql/mdl' AND ENABLED = 'YES'"
)
# MySQL has it since 8.0.22; the other one holds up everybody's statements while it is read.
_MAY_SEE_PROCESSES = "SELECT ID FROM performance_schema.processlist WHERE 1 = 0"
_MAY_SEE_OTHERS = "SELECT COUNT(*) FROM information_schema.INNODB_TRX LIMIT 1"
_VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('slow_query_log', 'slow_query_log_file',"
    " 'long_query_time', 'log_output', 'innodb_page_size')"
)
# The specification's query for one database, but for ``pages``: no server has that column. They
# are counted from the sizes of the files instead.
_INDEXES = (
    "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, CARDINALITY FROM information_schema.STATISTICS"
    " WHERE TABLE_SCHEMA = %s AND INDEX_TYPE = 'FULLTEXT'"
    " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX LIMIT 5000"
)
_REFUSED = (TenantFailure.DENIED, TenantFailure.DATABASE, TenantFailure.QUERY)


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """What the account may see of a server, asked once: from which tables, and in ``unseen`` what
    not."""

    processes: str
    status: str
    sees_holders: bool
    unseen: tuple[Remark, ...]


def read_access(session: TenantSession) -> ServerAccess:
    """How the server can be looked at by this account. Raises `TenantError`, `Cancelled`."""
    (name_value,) = session.query("SHOW GLOBAL VARIABLES LIKE 'performance_schema'", tag=TAG) or [
        ("", "OFF")
    ]
    watched = str(name_value[1]).upper() in ("ON", "1")
    unseen = []
    if not _may(session, _MAY_SEE_OTHERS):
        unseen.append(
            Remark(
                "The account sees its own threads only: who else waits for a metadata lock, and "
                "the size of indexes, need the PROCESS privilege."
            )
        )
    sees_holders = False
    if not watched:
        unseen.append(
            Remark(
                "Who holds a metadata lock is not told: performance_schema is off on this server. "
                "It can be turned on in the server's option file only."
            )
        )
    elif not _may(session, _MAY_SEE_HOLDERS):
        unseen.append(
            Remark(
                "The account may not see who holds a metadata lock: that needs SELECT on "
                "performance_schema.metadata_locks and performance_schema.threads."
            )
        )
    elif _may(session, _LOCKS_WATCHED) and not session.query(_LOCKS_WATCHED, tag=TAG)[0][0]:
        unseen.append(
            Remark(
                "Who holds a metadata lock is not told: the server's instrument "
                "wait/lock/metadata/sql/mdl is off."
            )
        )
    else:
        sees_holders = True
    is_mysql = session.flavour is Flavour.MYSQL
    return ServerAccess(
        processes="performance_schema.processlist"
        if is_mysql and watched and _may(session, _MAY_SEE_PROCESSES)
        else "information_schema.PROCESSLIST",
        status="performance_schema.global_status"
        if is_mysql
        else "information_schema.GLOBAL_STATUS",
        sees_holders=sees_holders,
        unseen=tuple(unseen),
    )


def read_pulse(
    session: TenantSession, access: ServerAccess, *, with_holders: bool = False
) -> ServerPulse:
    """One statement: figures, statements of this program under this account, and who waits for a
    metadata lock; ``with_holders``: for whom they wait too. Raises `TenantError`, `Cancelled`."""
    parts = [_STATUS.format(table=access.status), _PROCESSES.format(table=access.processes)]
    if with_holders and access.sees_holders:
        parts.append(_HOLDERS)
    began = time.monotonic()
    rows = session.query(" UNION ALL ".join(parts), (session.target.username,), tag=TAG)
    took_ms = (time.monotonic() - began) * 1000
    figures = {_text(row[2]).lower(): _number(row[3]) for row in rows if row[0] == "status"}
    processes = [row for row in rows if row[0] == "process"]
    holders = None
    if len(parts) > 2:
        holders = _holders([row for row in rows if row[0] == "holder"])
    statements: list[ListedStatement] = []
    waits: list[LockWait] = []
    for _, server_id, user, database, seconds, state, text, _ in processes[:_LISTED]:
        own, said, tag = _text(user), _text(text), find_tag(_text(text))
        if tag and own == session.target.username:
            statements.append(
                ListedStatement(
                    _number(server_id),
                    tag,
                    _text(database),
                    _number(seconds),
                    _text(state),
                    said.removeprefix(tag).strip(),
                )
            )
        if "metadata lock" in _text(state):
            found = None if holders is None else tuple(holders.get(_number(server_id), ()))
            waits.append(
                LockWait(_number(server_id), own, _text(database), _number(seconds), said, found)
            )
    return ServerPulse(
        read_at=datetime.now(UTC),
        flavour=session.flavour,
        version=session.version,
        uptime_s=figures.get("uptime", 0),
        threads_connected=figures.get("threads_connected", 0),
        threads_running=figures.get("threads_running", 0),
        slow_queries=figures.get("slow_queries", 0),
        statements=tuple(statements),
        waits=tuple(waits),
        has_more=len(processes) > _LISTED,
        took_ms=took_ms,
    )


def read_facts(session: TenantSession, access: ServerAccess) -> ServerFacts:
    """The slow query log, and the FULLTEXT indexes of the connection's database. Raises
    `TenantError`, `Cancelled`."""
    variables = {
        _text(name).lower(): _text(value) for name, value in session.query(_VARIABLES, tag=TAG)
    }
    return ServerFacts(
        slow_log=_slow_log(variables),
        indexes=_indexes(session, _number(variables.get("innodb_page_size") or 16384)),
        unseen=access.unseen,
        read_at=datetime.now(UTC),
    )


def _may(session: TenantSession, sql: str) -> bool:
    try:
        session.query(sql, tag=TAG)
    except TenantError as error:
        if error.failure in _REFUSED and not session.broken:
            return False
        raise
    return True


def _holders(rows: Sequence[Sequence[object]]) -> Mapping[int, list[LockHolder]]:
    found: defaultdict[int, list[LockHolder]] = defaultdict(list)
    for _, waiter, user, table, _, lock, text, server_id in rows:
        found[_number(waiter)].append(
            LockHolder(_number(server_id), _text(user), _text(table), _text(lock), _text(text))
        )
    return found


def _slow_log(variables: Mapping[str, str]) -> SlowLog:
    enabled = variables.get("slow_query_log", "").upper() in ("ON", "1")
    output = variables.get("log_output", "").upper()
    threshold_s = float(variables.get("long_query_time") or 0)
    lines = []
    if "NONE" in output:
        lines.append("SET GLOBAL log_output = 'FILE';")
    if not enabled:
        lines.append("SET GLOBAL slow_query_log = 'ON';")
    if threshold_s > _SLOW_S:
        lines.append(f"SET GLOBAL long_query_time = {_SLOW_S};")
    return SlowLog(
        enabled=enabled,
        file=variables.get("slow_query_log_file", ""),
        output=output,
        threshold_s=threshold_s,
        statement="\n".join(lines),
    )


def _indexes(session: TenantSession, page_size: int) -> tuple[IndexStatistics, ...]:
    rows = session.query(_INDEXES, (session.target.database,), tag=TAG)
    size_of = read_index_sizes(session) if rows else None
    columns: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    cardinalities: dict[tuple[str, str], int | None] = {}
    for table, name, column, cardinality in rows:
        place = _text(table), _text(name)
        columns[place].append(_text(column))
        cardinalities[place] = None if cardinality is None else _number(cardinality)
    found = []
    for (table, name), names in columns.items():
        size = None if size_of is None else size_of(table, name)
        found.append(
            IndexStatistics(
                table,
                name,
                tuple(names),
                cardinalities[table, name],
                size,
                None if size is None else -(-size // max(page_size, 1)),
            )
        )
    return tuple(found)


def _number(value: object) -> int:
    """0 for what is no number: a server may say anything."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
