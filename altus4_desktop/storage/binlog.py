"""What a server's binary log holds after a backup: where an instant is in it, and playing it again.

Only changes of rows are played (the log's format has to be ROW), and only of one database, under
another name; a statement that changes tables could reach anywhere, so none is played.

An instant is a place in the log: before the first transaction whose COMMIT - or, where a statement
commits by itself, that statement - was begun after the end of that second, as the server's clock
told then. Servers write transactions in the order in which they commit, and with each the second in
which that was begun, so that these seconds need not rise: one that is written behind the first
later one is left out as well, since without that one it was never there. What is restored is thus a
state that the store has been in, and nothing of it was begun later. From then on positions alone
count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import sqlalchemy as sa

from altus4_desktop.domain.backups import (
    KEPT_FOR,
    Backup,
    BackupAdvice,
    BinlogPosition,
    LogOrigin,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.client_programs import (
    NAMES,
    Kind,
    Program,
    ProgramFailed,
    ServerAccess,
)

_LINE = 1 << 20
_DAY_S = 86400
_EVENT = re.compile(
    rb"#(\d{6}) +(\d+:\d\d:\d\d) server id \d+ +end_log_pos (\d+)(?: CRC32 0x[0-9a-f]+)?\s*(.*)"
)
# All that a log of rows holds besides rows: nothing of it changes anything by itself.
_HARMLESS = re.compile(
    rb"(?:#.*|DELIMITER .*|/\*!\*/;|/\*M?!(?:\d+ SET [^;]*|\\C \w+ |\d+\\- .*)\*/"
    rb"|BEGIN|COMMIT|START TRANSACTION|ROLLBACK"
    rb"|SET (?:TIMESTAMP|INSERT_ID|LAST_INSERT_ID)=\d+(?:\.\d+)?"
    rb"|SET @@(?:session|SESSION)\.[^;]*|use `[^`]*`)?"
    rb"(?: /\* added by mysqlbinlog \*/)?(?:/\*!\*/)?;?\s*"
)
# Statements that reach no further than to what they name. Others could do so by a view, a trigger
# or a function.
_JUDGED = re.compile(
    rb"\s*(?:/\*M?!\d*\s*)?(?:CREATE|ALTER|DROP|RENAME|TRUNCATE|GRANT|REVOKE|FLUSH|ANALYZE|OPTIMIZE"
    rb"|REPAIR|SET\s+PASSWORD|SET\s+DEFAULT\s+ROLE)\b",
    re.I,
)
# They mean the same whatever database is in use, and the log tells none for them.
_DATABASE = re.compile(rb"\s*(?:CREATE|DROP)\s+(?:DATABASE|SCHEMA)\b", re.I)
# What is made in the database in use, and does nothing by that, whatever its text names. IF is part
# of IF NOT EXISTS, not the name.
_MADE_HERE = re.compile(
    rb"CREATE (?:ALGORITHM=\w+ )?DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` (?:SQL SECURITY \w+ )?"
    rb"(?:AGGREGATE )?(?:VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT)\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rb"(?:`(?:[^`]|``)+`|(?!IF\b)[\w$]+)(?:\s*\(|\s+[a-z])",
    re.I,
)
_USE = re.compile(rb"use `([^`]*)`/\*!\*/;\s*")
_STATEMENT_END = b"/*!*/;\n"
_PLAIN_NAME = re.compile(r"[0-9A-Za-z_$-]+")
_ROWS_BEGIN = b"BINLOG '\n"
_ROWS_END = b"'/*!*/;\n"
_NO_POINT = "backup.no_point"
_NEW_BACKUP = "Restore it without an instant, and make a backup: later instants follow from that."
_RIGHTS = {
    Flavour.MYSQL: "RELOAD, REPLICATION CLIENT, REPLICATION SLAVE, BINLOG_ADMIN, "
    "SYSTEM_VARIABLES_ADMIN",
    Flavour.MARIADB: "BINLOG MONITOR, REPLICATION SLAVE, BINLOG REPLAY",
}


@dataclass(frozen=True, slots=True)
class LogStretch:
    """A part of the binary log: ``files`` from ``begin`` in the first to ``end`` in the last.

    ``commits`` counts the transactions in it, of all databases; ``last_at`` is when the last one
    was committed.
    """

    files: tuple[str, ...]
    begin: int
    end: int
    commits: int
    last_at: datetime | None


class _ChangedTablesError(Exception):
    """A statement in the log changes tables, or could."""

    def __init__(self, at: datetime | None) -> None:
        super().__init__()
        self.at = at


def read_origin(
    access: ServerAccess, connection: sa.Connection, position: BinlogPosition, token: CancelToken
) -> LogOrigin:
    """Which log ``position`` is in, as far as the account may read it; raises Cancelled and
    SQLAlchemy's errors."""
    server, gtids = _identity(access, connection, position)
    taken_at = connection.exec_driver_sql("SELECT UNIX_TIMESTAMP()").scalar_one()
    begun_at = _begun_at(access, position.file, token)
    return LogOrigin(server, gtids, datetime.fromtimestamp(int(taken_at), UTC), begun_at)


def find_stretch(
    access: ServerAccess,
    connection: sa.Connection,
    backup: Backup,
    until: datetime,
    token: CancelToken,
) -> LogStretch:
    """The part of the log from the position of ``backup`` to the end of the second ``until``.

    Raises StoreError (``backup.no_point``) that says how to enable it where the log is off or not
    of rows, the position is not known or in another log, pieces are missing, the account may not
    read it, or tables were changed meanwhile; ProgramFailed, Cancelled.
    """
    position, files = _open_log(access, connection, backup, token)
    program = _program(access)
    commits, last_at, end = 0, None, BinlogPosition(files[0], position.position)
    for name in files:
        begin = position.position if name == files[0] else 4
        finder = _Finder(until, BinlogPosition(name, begin), access.location.database)
        try:
            access.run(
                program,
                _arguments(access, program, name, begin),
                token,
                take=finder.read,
            )
        except _ChangedTablesError as found:
            at = found.at.isoformat(timespec="seconds") if found.at else "some time"
            raise _refusal(
                f"the tables were changed at {at}",
                "Restore from a backup that was made after that, or to an instant before it.",
            ) from None
        commits += finder.commits
        if finder.commits:
            last_at, end = finder.last_at, finder.end
        if finder.passed:
            break
    until_file = files.index(end.file) + 1
    return LogStretch(files[:until_file], position.position, end.position, commits, last_at)


def find_leading(
    access: ServerAccess,
    connection: sa.Connection,
    backups: Sequence[Backup],
    token: CancelToken,
) -> tuple[tuple[Backup, ...], StoreError | None]:
    """Those of ``backups`` (the oldest first) from which the whole log goes on to now, and why no
    older one does; changes of tables in it are not looked for.

    Raises StoreError (``backup.no_point``) where there is no log to follow, ProgramFailed,
    Cancelled.
    """
    _check_log(connection)
    _program(access)
    reason: StoreError | None = None
    placed = [one for one in backups if one.binlog is not None and one.log_origin is not None]
    backups = placed or backups[-1:]
    # A log is lost from its beginning: where it goes on from one, it does from all later ones.
    first, last = 0, len(backups)
    while first < last:
        middle = (first + last) // 2
        try:
            _open_log(access, connection, backups[middle], token)
            last = middle
        except StoreError as error:
            if error.code != _NO_POINT:
                raise
            reason, first = error, middle + 1
    return tuple(backups[first:]), reason


def read_retention(access: ServerAccess, connection: sa.Connection) -> BackupAdvice | None:
    """That the server drops its binary logs before backups are old enough to go; None where it
    does not, or keeps none."""
    if not connection.exec_driver_sql("SELECT @@log_bin").scalar():
        return None
    kept_s, wanted_s = _kept_s(connection), int(KEPT_FOR.total_seconds())
    if not kept_s or kept_s >= wanted_s:
        return None
    setting = f"binlog_expire_logs_seconds = {wanted_s}"
    sentence = (
        f"The server drops its binary logs after {kept_s / _DAY_S:.3g} days, and backups are kept "
        f"for {KEPT_FOR.days}: instants can be restored {kept_s / _DAY_S:.3g} days back only."
    )
    if access.flavour is Flavour.MYSQL:
        return BackupAdvice(sentence, (f"SET PERSIST {setting};",))
    sentence += " Put the setting into the server's option file as well."
    return BackupAdvice(sentence, (f"SET GLOBAL {setting};",))


def play(
    access: ServerAccess, stretch: LogStretch, target: str, token: CancelToken, pipe: IO[bytes]
) -> None:
    """Write into ``pipe``, which a client reads, what ``stretch`` did to the rows of the store, for
    the database ``target``. Raises ProgramFailed, StoreError, Cancelled."""
    program = _program(access)
    for name in stretch.files if stretch.commits else ():
        begin = stretch.begin if name == stretch.files[0] else 4
        copier = _Copier(pipe, stretch.end if name == stretch.files[-1] else None)
        arguments = _arguments(access, program, name, begin, target)
        try:
            access.run(program, arguments, token, take=copier.read)
        except _ChangedTablesError:
            raise _refusal("the tables were changed meanwhile", "Try again.") from None
        if not copier.is_done:
            raise ProgramFailed(f"{name} ended before {stretch.end}")


class _Copier:
    """Copies one file of the log into ``pipe``, up to the COMMIT that ends at ``end`` (None: all
    of it)."""

    def __init__(self, pipe: IO[bytes], end: int | None) -> None:
        self._pipe = pipe
        self._end = end
        self._over = False

    @property
    def is_done(self) -> bool:
        """Whether all was there that was to be copied."""
        return self._over or self._end is None

    def read(self, out: IO[bytes]) -> None:
        ends = False
        # Only what has the store as its default database is here, and nothing of that is judged.
        for line in _checked(out, _is_harmless, lambda: None, lambda: self._over):
            if self._over:
                # The rest is read and forgotten: the program is to end well.
                continue
            self._pipe.write(line)
            event = _EVENT.match(line)
            if event is not None:
                ends = event[4].startswith(b"Xid =") and int(event[3]) == self._end
            elif ends and line.startswith(b"COMMIT"):
                self._over = True


class _Finder:
    """Reads one file of the log up to the first COMMIT that was begun later than ``until``."""

    def __init__(self, until: datetime, begin: BinlogPosition, database: str) -> None:
        self._elsewhere = _Elsewhere(database)
        self._until = until.replace(microsecond=0)
        self._at: datetime | None = None
        self.end = begin
        self.commits = 0
        self.last_at: datetime | None = None
        self.passed = False

    def read(self, out: IO[bytes]) -> None:
        for line in _checked(
            out,
            self._elsewhere.takes,
            lambda: self._at,
            self._is_over,
        ):
            event = _EVENT.match(line)
            if event is None or self.passed:
                continue
            self._at = _instant(event)
            if event[4].startswith(b"Xid ="):
                if self._at > self._until:
                    # The rest is read and forgotten: the program is to end well.
                    self.passed = True
                    continue
                self.commits += 1
                self.last_at = self._at
                self.end = BinlogPosition(self.end.file, int(event[3]))

    def _is_over(self) -> bool:
        # A later change of tables ends it as a later COMMIT does: what follows is built on it.
        self.passed = self.passed or (self._at is not None and self._at > self._until)
        return self.passed


class _Elsewhere:
    """Tells which statements do not touch ``database``, line by line.

    The log is read without a filter for this: the programs' one goes by the default database of
    whoever wrote the statement, not by what it changes.
    """

    def __init__(self, database: str) -> None:
        self._database = database.encode().lower()
        # A name followed by a host is that of an account; one in a longer name is another.
        self._name = (
            re.compile(rb"(?<![\w$-])%b(?![\w$]|-[\w$]|[\"'`]?@)" % re.escape(self._database), re.I)
            if _PLAIN_NAME.fullmatch(database)
            else None
        )
        self._default = b""
        self._inside = False
        self._made_here = False

    def takes(self, line: bytes) -> bool:
        """Whether ``line`` belongs to a statement that does not touch the database; False as well
        where that cannot be told."""
        if not self._inside:
            use = _USE.fullmatch(line)
            if use is not None:
                self._default = use[1].lower()
            if _is_harmless(line):
                return True
            is_default = self._default == self._database and not _DATABASE.match(line)
            if is_default or not _JUDGED.match(line):
                return False
            self._inside = True
            # Without a database in use its name alone would not tell where it is.
            self._made_here = self._default != b"" and _MADE_HERE.match(line) is not None
        elif line == _STATEMENT_END:
            self._inside = False
            return True
        if self._made_here:
            return True
        # A line that is cut could have the name where it is cut; names of other letters have more
        # than one spelling.
        return line.endswith(b"\n") and self._name is not None and not self._name.search(line)


def _is_harmless(line: bytes) -> bool:
    return _HARMLESS.fullmatch(line) is not None


def _checked(
    out: IO[bytes],
    takes: Callable[[bytes], bool],
    at: Callable[[], datetime | None],
    is_over: Callable[[], bool],
) -> Iterator[bytes]:
    """The lines of a log, none of which changes the store but those of rows; of others, ``takes``
    tells. Raises _ChangedTablesError unless ``is_over``."""
    in_rows = False
    while line := out.readline(_LINE):
        if in_rows:
            in_rows = line != _ROWS_END
        elif line == _ROWS_BEGIN:
            in_rows = True
        elif not takes(line) and not is_over():
            raise _ChangedTablesError(at())
        yield line


def _check_log(connection: sa.Connection) -> None:
    if not connection.exec_driver_sql("SELECT @@log_bin").scalar():
        raise _refusal(
            "the server keeps no binary log",
            "Start the server with log_bin and binlog_format=ROW, then make a backup.",
        )
    form = str(connection.exec_driver_sql("SELECT @@binlog_format").scalar())
    if form.upper() != "ROW":
        raise _refusal(
            f"the server's binary log has the format {form}",
            "Set binlog_format=ROW on the server, then make a backup.",
        )


def _open_log(
    access: ServerAccess, connection: sa.Connection, backup: Backup, token: CancelToken
) -> tuple[BinlogPosition, tuple[str, ...]]:
    """Where ``backup`` is in the log, and the files of the log from there on; raises StoreError
    (``backup.no_point``) where it is not in this log or the log has lost a piece."""
    position, origin = backup.binlog, backup.log_origin
    _check_log(connection)
    if position is None:
        raise _refusal(
            "the backup does not know where the binary log was",
            f"Grant {_RIGHTS[access.flavour]} on *.* to the account, then make a backup.",
        )
    if origin is None:
        raise _refusal("the backup does not know which binary log it belongs to", _NEW_BACKUP)
    server, gtids = _identity(access, connection, position)
    if server != origin.server:
        raise _refusal(
            f"the backup belongs to the binary log of another server ({origin.server})", _NEW_BACKUP
        )
    files = _files(access, connection, position)
    begun_at = _begun_at(access, position.file, token)
    is_later = begun_at is not None and begun_at > origin.taken_at
    is_other = None not in (begun_at, origin.begun_at) and begun_at != origin.begun_at
    if is_later or is_other or not _goes_on(access, connection, origin.gtids, gtids):
        raise _refusal("the binary log was begun anew after the backup was made", _NEW_BACKUP)
    return position, files


def _identity(
    access: ServerAccess, connection: sa.Connection, position: BinlogPosition
) -> tuple[str, str]:
    """The server's own mark, and the transactions that it knows: MySQL's all, MariaDB's those
    before ``position``."""
    if access.flavour is Flavour.MYSQL:
        row = connection.exec_driver_sql("SELECT @@server_uuid, @@GLOBAL.gtid_executed").one()
        return str(row[0]), str(row[1]).replace("\n", "")
    row = connection.execute(
        sa.text("SELECT @@server_id, @@gtid_domain_id, BINLOG_GTID_POS(:file, :position)"),
        {"file": position.file, "position": position.position},
    ).one()
    return f"{row[0]} in domain {row[1]}", "unknown" if row[2] is None else str(row[2])


def _goes_on(access: ServerAccess, connection: sa.Connection, then: str, now: str) -> bool:
    """Whether a log that has the transactions ``now`` can be the one that had ``then``."""
    if access.flavour is Flavour.MARIADB:
        return now == then
    return bool(
        connection.execute(
            sa.text("SELECT GTID_SUBSET(:then, :now)"), {"then": then, "now": now}
        ).scalar()
    )


def _begun_at(access: ServerAccess, file: str, token: CancelToken) -> datetime | None:
    """When ``file`` of the log was begun; None where the account may not read it."""
    program = access.find(Kind.BINLOG)
    found: list[datetime] = []

    def take(out: IO[bytes]) -> None:
        while line := out.readline(_LINE):
            event = _EVENT.match(line)
            if event is not None:
                found.append(_instant(event))

    if program is not None:
        arguments = ["--stop-position=5", *_arguments(access, program, file, 4)]
        with suppress(ProgramFailed):
            access.run(program, arguments, token, take=take)
    return found[0] if found else None


def _instant(event: re.Match[bytes]) -> datetime:
    text = f"{event[1].decode()} {event[2].decode()}"
    return datetime.strptime(text, "%y%m%d %H:%M:%S").replace(tzinfo=UTC)


def _files(
    access: ServerAccess, connection: sa.Connection, position: BinlogPosition
) -> tuple[str, ...]:
    try:
        rows = connection.exec_driver_sql("SHOW BINARY LOGS").all()
    except sa.exc.DBAPIError as error:
        raise _refusal(
            "the account may not read the binary log",
            f"Let an admin of the server grant it {_RIGHTS[access.flavour]} on *.*.",
        ) from error
    names = [str(row[0]) for row in rows]
    if position.file not in names:
        raise _refusal(
            f"{position.file}, in which the backup's position is, is gone from the server",
            "Choose a later backup. The server keeps its binary logs for "
            f"{_kept_days(connection)}: 30 days suit the backups.",
        )
    found = names[names.index(position.file) :]
    numbers = [int(name.rpartition(".")[2]) for name in found]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise _refusal("a piece of the binary log is missing", "Choose a later backup.")
    return tuple(found)


def _kept_days(connection: sa.Connection) -> str:
    seconds = _kept_s(connection)
    return f"{seconds / _DAY_S:.3g} days" if seconds else "as long as there is room"


def _kept_s(connection: sa.Connection) -> int:
    """How long the server keeps its binary logs; 0: for ever."""
    asked = "SHOW GLOBAL VARIABLES LIKE 'binlog_expire_logs_auto_purge'"
    if any(str(value).upper() == "OFF" for _, value in connection.execute(sa.text(asked))):
        return 0
    return int(str(connection.exec_driver_sql("SELECT @@binlog_expire_logs_seconds").scalar()))


def _program(access: ServerAccess) -> Program:
    program = access.find(Kind.BINLOG)
    if program is None:
        name = NAMES[Kind.BINLOG, access.flavour][0]
        raise _refusal(
            f"no “{name}” was found that can be used with this server",
            "Install the programs that come with the server.",
        )
    return program


def _arguments(
    access: ServerAccess,
    program: Program,
    name: str,
    begin: int,
    target: str = "",
) -> list[str]:
    """For all of the log, or only for what is to be played for ``target``."""
    arguments = ["--read-from-remote-server", f"--start-position={begin}"]
    if target:
        database = access.location.database
        # MySQL's program filters by the new name, MariaDB's by the old one.
        filtered = target if access.flavour is Flavour.MYSQL else database
        arguments += [f"--database={filtered}", f"--rewrite-db={database}->{target}"]
    if access.flavour is Flavour.MYSQL:
        arguments.append("--skip-gtids")
    else:
        arguments.append("--skip-annotate-row-events")
        if program.known(["gtid-strict-mode"]):
            # It compares what it reads with states of files that it was not asked for.
            arguments.append("--skip-gtid-strict-mode")
    return [*arguments, "--", name]


def _refusal(reason: str, hint: str) -> StoreError:
    return StoreError(
        "No point in time can be restored: {reason}.",
        hint=hint.replace("{", "").replace("}", ""),
        code=_NO_POINT,
        details={"reason": reason},
    )
