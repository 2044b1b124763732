"""Backups of a store on a server: dumped by its own program, loaded on trial by its own client."""

from __future__ import annotations

import gzip
import re
import secrets
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from altus4_desktop.domain.backups import Backup, BackupAdvice, BackupContent, LogOrigin
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, InputError, StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage.backup_folder import Check, Placed, UnsoundError, failed
from altus4_desktop.storage.binlog import (
    LogStretch,
    find_leading,
    find_stretch,
    play,
    read_origin,
    read_retention,
)
from altus4_desktop.storage.client_programs import (
    NAMES,
    PACKAGES,
    Kind,
    Program,
    ProgramFailed,
    ServerAccess,
)
from altus4_desktop.storage.day_rights import SCRATCH_PREFIX
from altus4_desktop.storage.dump import dump_into, read_database, read_objects
from altus4_desktop.storage.dump_objects import EVENTS, ROUTINES, TRIGGERS, VIEWS, Rewriter
from altus4_desktop.storage.dump_reading import DumpContent
from altus4_desktop.storage.refused_statements import TooLargeError
from altus4_desktop.storage.schema_objects import ObjectsMove, client_arguments, read_lines
from altus4_desktop.storage.schema_swap import MARK, swap_schemas
from altus4_desktop.storage.server_lock import hold_lock
from altus4_desktop.storage.server_names import quoted
from altus4_desktop.storage.server_rights import (
    check_restore,
    escaped,
    grants_for,
    read_dump_rights,
    spoken_for,
)
from altus4_desktop.storage.server_session import drop_after, open_session, unheeding
from altus4_desktop.storage.tables import version_table
from altus4_desktop.storage.unfinished import (
    Mark,
    add_mark,
    finish_left,
    guards_of,
    place_names,
    remove_mark,
    take_place,
)

_SCRATCH = re.compile(SCRATCH_PREFIX + "[0-9a-f]{12}")
_DENIED = frozenset({1044, 1142, 1227})
# The client's "ERROR 1064 (42000) at line 7", and the codes that are about the server.
_REFUSED = re.compile(r"ERROR (1\d{3}) \(\w+\) at line \d+")
_GONE = re.compile(r"ERROR (?:2006|2013|2055) ")
_SURROUNDINGS = frozenset(
    {1021, 1030, 1037, 1038, 1040, 1041, 1044, 1045, 1053, 1114, 1129, 1135, 1142, 1143}
    | {1153, 1180, 1205, 1213, 1226, 1227, 1290, 1317, 1370, 1419, 1836, 1927}
)
_SHAPE = sa.text(
    "SELECT TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT,"
    " EXTRA, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
    " ORDER BY TABLE_NAME, ORDINAL_POSITION"
)
_TABLES = sa.text(
    "SELECT TABLE_NAME FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = :name AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME"
)
_OBJECTS = {
    TRIGGERS: "SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_STATEMENT IS NOT NULL",
    VIEWS: "SELECT 'view', TABLE_NAME FROM information_schema.VIEWS"
    " WHERE TABLE_SCHEMA = DATABASE()",
    ROUTINES: "SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA = DATABASE()",
    EVENTS: "SELECT 'event', EVENT_NAME FROM information_schema.EVENTS"
    " WHERE EVENT_SCHEMA = DATABASE()",
}
_SCHEMA = sa.text("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = :name")
_SCRATCHES = sa.text(
    "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"
    " WHERE LEFT(SCHEMA_NAME, CHAR_LENGTH(:prefix)) = :prefix"
)


@dataclass(frozen=True, slots=True)
class ServerBackups:
    """Backups of the database that ``access`` leads to."""

    access: ServerAccess

    @property
    def ending(self) -> str:
        """How its files end."""
        return ".sql.gz"

    def make(self, draft: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        """Dump the database, as it is at one moment, into the new compressed file ``draft``.

        Nobody migrates it meanwhile; what is changed in its tables all the same makes the dump bad,
        and so does a number of rows that the server does not confirm.
        Raises StoreError, ProgramFailed, OSError, Cancelled, and SQLAlchemy's; whoever calls
        removes ``draft``.
        """
        _program(self.access, Kind.DUMP)
        database = self.access.location.database
        with (
            open_session(self.access, token) as connection,
            hold_lock(connection, database, progress, token),
        ):
            finish_left(connection, database)
            _drop_scratches(connection)
            revision = connection.execute(sa.select(version_table.c.version_num)).scalar()
            if revision is None:
                raise failed("There is nothing to copy", "the store has no revision")
            shape = connection.execute(_SHAPE).all()
            rights = read_dump_rights(self.access, connection)
            left_out = rights.left_out
            tables = connection.execute(_TABLES, {"name": database}).scalars().all()
            connection.rollback()
            progress(Progress("Copying the metadata store"))
            there = _objects(connection, left_out)
            connection.rollback()
            before = self.count_rows(token)
            content = dump_into(self.access, draft, rights.options, tables, progress, token)
            _check_counts(content, before, self.count_rows(token))
            _check_objects(content, there)
            if (connection.execute(_SHAPE).all(), _objects(connection, left_out)) != (shape, there):
                raise ProgramFailed("somebody changed the tables meanwhile")
            origin = None
            if content.position is not None:
                origin = read_origin(self.access, connection, content.position, token)
            connection.rollback()
        return _content(content, revision, left_out, origin)

    def try_restore(
        self,
        file: Path,
        progress: ProgressSink,
        token: CancelToken,
        check: Check | None = None,
    ) -> BackupContent:
        """What comes out when ``file`` is loaded into a scratch database, which is dropped again
        after ``check`` has seen it.

        Raises as `make` does, and StoreError (``backup.no_scratch``) where the account may not make
        one.
        """
        with open_session(self.access, token) as connection:
            _drop_scratches(connection)
            scratch = SCRATCH_PREFIX + secrets.token_hex(6)
            # Whoever finds the database later sees by the lock whether it is still in use.
            take_place(connection, scratch)
            self.create_database(connection, scratch)
            try:
                # It belongs to whoever tries it, and does nothing by itself.
                rewriter = Rewriter(lambda _: False, events=False)
                content = self.load(connection, file, scratch, rewriter, progress, token)
                if check is not None:
                    check(content, scratch)
            except BaseException as error:
                drop_after(self.access, connection, scratch, error)
                raise
            connection.exec_driver_sql(f"DROP DATABASE {quoted(scratch)}")
            return content

    def list_advice(self, token: CancelToken) -> tuple[BackupAdvice, ...]:
        """What the account may not have in a backup, and how far back the binary log reaches.
        Raises StoreError (``backup.no_right``), SQLAlchemy's errors, Cancelled."""
        with open_session(self.access, token) as connection:
            left_out = read_dump_rights(self.access, connection).left_out
            found = []
            if left_out:
                sentence = (
                    f"The account “{self.access.location.username}” may not see all of the "
                    f"database: not in its backups are {', '.join(left_out)}."
                )
                statements = grants_for(self.access, connection, left_out)
                found.append(BackupAdvice(sentence, statements))
            short = read_retention(self.access, connection)
            return (*found, short) if short else tuple(found)

    def count_rows(self, token: CancelToken, place: str = "") -> dict[str, int]:
        """How many rows each table of the store has, or of the database ``place``; raises
        SQLAlchemy's errors, Cancelled."""
        database = place or self.access.location.database
        with open_session(self.access, token) as connection:
            return {
                str(name): int(
                    connection.exec_driver_sql(
                        f"SELECT COUNT(*) FROM {quoted(database)}.{quoted(name)}"
                    ).scalar_one()
                )
                for name in connection.execute(_TABLES, {"name": database}).scalars().all()
            }

    def find_point(self, backup: Backup, until: datetime, token: CancelToken) -> ServerPoint:
        """What the binary log holds from the position of ``backup`` to the end of the second
        ``until``.

        Raises StoreError (``backup.no_point``) where it does not lead there, ProgramFailed,
        Cancelled.
        """
        with open_session(self.access, token) as connection:
            return ServerPoint(self, find_stretch(self.access, connection, backup, until, token))

    def find_leading(
        self, backups: Sequence[Backup], token: CancelToken
    ) -> tuple[tuple[Backup, ...], StoreError | None]:
        """Those of ``backups`` (the oldest first) after which the binary log is whole, and why no
        older one is among them. Raises as `find_point` does."""
        with open_session(self.access, token) as connection:
            return find_leading(self.access, connection, backups, token)

    def restore_beside(
        self,
        file: Path,
        name: str,
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Make the new database ``name`` and load ``file`` into it, events switched off: the store
        has its own. What ``check`` refuses is not kept.

        Raises InputError for a database that is there, and as `replace` does.
        """
        with open_session(self.access, token) as connection:
            check_restore(self.access, connection, (name,), held)
            definers = spoken_for(connection)
            replaced = self._restore(connection, file, name, definers, check, progress, token)
            with unheeding(connection, token):
                remove_mark(connection, name, self.access.location.database)
            return Placed(replaced_definers=replaced)

    def replace(
        self,
        file: Path,
        kinds: Collection[str],
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Put what is in ``file``, which holds objects of the kinds ``held``, in the place of the
        store's tables, which are kept in a database of their own, and its objects of ``kinds`` in
        the place of the store's. Raises as `make` does, and StoreError (``backup.no_right``) before
        anything is loaded."""
        live = self.access.location.database
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        restored, kept = place_names(live, stamp)
        with (
            open_session(self.access, token) as connection,
            hold_lock(connection, live, progress, token),
        ):
            finish_left(connection, live)
            objects_of = [kind for kind in kinds if kind != TRIGGERS]
            check_restore(self.access, connection, (restored, kept), held, objects_of)
            definers = spoken_for(connection)
            replaced = self._restore(connection, file, restored, definers, check, progress, token)
            try:
                objects = ObjectsMove(
                    self.access,
                    _program(self.access, Kind.CLIENT),
                    connection,
                    live,
                    kept,
                    file,
                    objects_of,
                    Rewriter(definers, events=True),
                    read_objects(self.access, objects_of, token) if objects_of else b"",
                )
                with unheeding(connection, token):
                    guards = (guards_of(connection, live), guards_of(connection, restored))
                    self._begin(connection, Mark(live, kept, *guards, swaps=True))
                    progress(Progress("Replacing the metadata store"))
                    try:
                        swap_schemas(
                            connection,
                            live,
                            restored,
                            kept,
                            objects,
                            with_triggers=TRIGGERS in kinds,
                        )
                    except (sa.exc.SQLAlchemyError, AltusError, ProgramFailed, OSError):
                        with suppress(sa.exc.SQLAlchemyError, AltusError):
                            finish_left(connection, live)
                        raise
                    with suppress(sa.exc.SQLAlchemyError, AltusError):
                        remove_mark(connection, kept, live)
            finally:
                # Whether the store was replaced is what counts, not whether this was tidied away.
                drop_after(self.access, connection, restored, None)
        return Placed(kept, replaced)

    def _restore(
        self,
        connection: sa.Connection,
        file: Path,
        name: str,
        definers: Callable[[str], bool],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> tuple[str, ...]:
        """The definers that were replaced."""
        rewriter = Rewriter(definers, events=False)
        found = connection.execute(_SCHEMA, {"name": name}).first()
        connection.rollback()
        if found:
            raise InputError("into", "The database “{name}” is there already.", name=name)
        self._begin(connection, Mark(self.access.location.database, name))
        try:
            check(self.load(connection, file, name, rewriter, progress, token), name)
            token.raise_if_cancelled()
            return tuple(sorted(rewriter.replaced))
        except BaseException as error:
            drop_after(self.access, connection, name, error)
            raise

    def load(
        self,
        connection: sa.Connection,
        file: Path,
        database: str,
        rewriter: Rewriter,
        progress: ProgressSink,
        token: CancelToken,
    ) -> BackupContent:
        """Load the dump ``file`` as ``rewriter`` has it into the empty ``database``, and what is in
        that afterwards.

        Raises as `make` does.
        """
        program = _program(self.access, Kind.CLIENT)
        progress(Progress("Loading the backup"))
        longest = 0

        def feed(pipe: IO[bytes]) -> None:
            nonlocal longest
            with gzip.open(file, "rb") as packed:
                for line in read_lines(packed):
                    longest = max(longest, len(line))
                    pipe.write(rewriter.change(line))

        try:
            self.access.run(program, client_arguments(database), token, feed=feed)
        except ProgramFailed as failure:
            found = _REFUSED.search(str(failure))
            if found is None:
                if _GONE.search(str(failure)) and longest > _largest_statement(connection):
                    raise TooLargeError(str(failure)) from None
                raise
            if int(found[1]) in _SURROUNDINGS:
                # The line broke, the disk is full: that says nothing of the backup.
                raise
            raise UnsoundError(str(failure)) from None
        progress(Progress("Reading what was restored"))
        options = ["--events", f"--ignore-table={database}.{MARK}"]
        content = read_database(self.access, database, options, token)
        table = f"{quoted(database)}.{quoted(version_table.name)}"
        revision = connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalar()
        connection.rollback()
        return _content(content, str(revision))

    def _begin(self, connection: sa.Connection, mark: Mark) -> None:
        """Make the empty database of ``mark``, so that whoever finds it later knows what to do."""
        take_place(connection, mark.place)
        self.create_database(connection, mark.place)
        try:
            add_mark(connection, mark)
        except BaseException as error:
            drop_after(self.access, connection, mark.place, error)
            raise

    def create_database(self, connection: sa.Connection, name: str) -> None:
        """Make an empty database with the defaults of the store's; raises StoreError
        (``backup.no_scratch``) where the account may not."""
        defaults = connection.exec_driver_sql(
            "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
            " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()"
        ).one()
        try:
            connection.exec_driver_sql(
                f"CREATE DATABASE {quoted(name)} CHARACTER SET {defaults[0]} COLLATE {defaults[1]}"
            )
        except sa.exc.DBAPIError as error:
            if error.orig is None or error.orig.args[:1] not in [(code,) for code in _DENIED]:
                raise
            raise _no_database(self.access.location.username, name) from error


@dataclass(frozen=True, slots=True)
class ServerPoint:
    """A point in time that the binary log leads to."""

    tool: ServerBackups
    stretch: LogStretch

    @property
    def commits(self) -> int:
        """How many transactions lie before it."""
        return self.stretch.commits

    @property
    def last_at(self) -> datetime | None:
        """When the last of them was committed."""
        return self.stretch.last_at

    def play(self, place: str, progress: ProgressSink, token: CancelToken) -> None:
        """Bring the restored database ``place`` there; raises ProgramFailed, StoreError,
        Cancelled."""
        access = self.tool.access
        program = _program(access, Kind.CLIENT)
        progress(Progress("Playing the binary log"))
        access.run(
            program,
            ("--binary-mode", "--batch", "--", place),
            token,
            feed=lambda pipe: play(access, self.stretch, place, token, pipe),
        )


def _content(
    found: DumpContent,
    revision: str,
    left_out: tuple[str, ...] = (),
    log_origin: LogOrigin | None = None,
) -> BackupContent:
    return BackupContent(
        found.tables,
        revision,
        found.size_bytes,
        found.position,
        left_out,
        log_origin,
        found.objects,
    )


def _largest_statement(connection: sa.Connection) -> int:
    """In bytes; of a server that cannot be asked any more, nothing is larger."""
    try:
        asked = connection.exec_driver_sql("SELECT @@GLOBAL.max_allowed_packet")
        found = int(asked.scalar_one())
        connection.rollback()
    except sa.exc.SQLAlchemyError:
        return sys.maxsize
    return found


def _check_counts(
    content: DumpContent, before: Mapping[str, int], after: Mapping[str, int]
) -> None:
    """Raises ProgramFailed when a table has fewer or more rows than the server counted around the
    dump."""
    for table in content.tables:
        counted = (before.get(table.name, 0), after.get(table.name, 0))
        if not min(counted) <= table.rows <= max(counted):
            raise ProgramFailed(
                f"{table.name} has {table.rows} rows in it, and the server counted "
                f"{counted[0]} before and {counted[1]} after"
            )


def _objects(connection: sa.Connection, left_out: Collection[str]) -> frozenset[tuple[str, str]]:
    """Kind and name of everything besides tables that the account sees, and that is not left out
    of its dumps."""
    return frozenset(
        (str(kind), str(name))
        for group, statement in _OBJECTS.items()
        if group not in left_out
        for kind, name in connection.exec_driver_sql(statement)
    )


def _check_objects(content: DumpContent, there: Collection[tuple[str, str]]) -> None:
    """Raises ProgramFailed for what the server has and the dump has not."""
    missing = set(there) - {(one.kind, one.name) for one in content.objects}
    if missing:
        kind, name = min(missing)
        raise ProgramFailed(f"the {kind} {name} is not in it")


def _drop_scratches(connection: sa.Connection) -> None:
    """Drop what a program that was killed has left."""
    found = connection.execute(_SCRATCHES, {"prefix": SCRATCH_PREFIX}).scalars().all()
    for name in filter(_SCRATCH.fullmatch, found):
        lock = {"name": name}
        if connection.execute(sa.text("SELECT GET_LOCK(:name, 0)"), lock).scalar() == 1:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")
            connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), lock)
    connection.rollback()


def _program(access: ServerAccess, kind: Kind) -> Program:
    program = access.find(kind)
    if program is None and access.is_pinned:
        raise StoreError(
            "The server is known by one certificate, and its own programs, which make and restore "
            "backups, cannot check that.",
            hint="Have the server checked by an authority (verify-identity) to have backups.",
            code="backup.no_program",
        )
    if program is None:
        raise StoreError(
            "No “{program}” was found that can be used with this server.",
            hint="Install {package}.",
            code="backup.no_program",
            details={
                "program": NAMES[kind, access.flavour][0],
                "package": PACKAGES[access.flavour],
            },
        )
    return program


def _no_database(username: str, name: str) -> StoreError:
    is_scratch = name.startswith(SCRATCH_PREFIX)
    wanted = escaped(SCRATCH_PREFIX) + "%" if is_scratch else escaped(name)
    return StoreError(
        "The account “{username}” may not make the database “{name}” that this needs.",
        hint="Let an admin of the server grant it: GRANT ALL PRIVILEGES ON `{wanted}`.* TO …",
        code="backup.no_scratch",
        details={"username": username, "name": name, "wanted": wanted},
    )
