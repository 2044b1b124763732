"""The open metadata store: its repositories, its migrator, one engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from altus4_desktop.domain.audit import ChainEnd
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import TlsReport
from altus4_desktop.domain.errors import SchemaError
from altus4_desktop.domain.revisions import StoreReport
from altus4_desktop.storage import files
from altus4_desktop.storage.engine import build_engine, build_reader
from altus4_desktop.storage.failures import translate
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.migrator import Migrator
from altus4_desktop.storage.recognition import read_state
from altus4_desktop.storage.repositories.analytics import AnalyticsRepository
from altus4_desktop.storage.repositories.api_keys import ApiKeyRepository
from altus4_desktop.storage.repositories.audit import AuditRepository
from altus4_desktop.storage.repositories.connections import ConnectionRepository
from altus4_desktop.storage.repositories.custom_metrics import CustomMetricRepository
from altus4_desktop.storage.repositories.early_users import EarlyUserRepository
from altus4_desktop.storage.repositories.evaluation_runs import EvaluationRunRepository
from altus4_desktop.storage.repositories.figures import FiguresRepository
from altus4_desktop.storage.repositories.judgements import JudgementRepository
from altus4_desktop.storage.repositories.key_uses import KeyUseRepository
from altus4_desktop.storage.repositories.query_sets import QuerySetRepository
from altus4_desktop.storage.repositories.saved_searches import SavedSearchRepository
from altus4_desktop.storage.repositories.search_points import SearchPointRepository
from altus4_desktop.storage.repositories.searches import SearchRepository
from altus4_desktop.storage.repositories.sign_ins import SignInRepository
from altus4_desktop.storage.repositories.users import UserRepository
from altus4_desktop.storage.repositories.written import WrittenRepository
from altus4_desktop.storage.transactions import Transactions

if TYPE_CHECKING:
    from altus4_desktop.storage.backups import BackupTool, StoreBackups

# Told of the store and the end of its audit log, before and after this program has added to it.
Appended = Callable[["Store", ChainEnd, ChainEnd], None]

FIRST_LOOK_TIMEOUT_S = 10.0


class Store:
    """One metadata store; safe to use from several threads.

    ``dialect`` is ``sqlite``, ``mysql`` or ``mariadb``; ``version`` the server's, or the SQLite
    library's; ``tls`` is None for a file.
    """

    def __init__(
        self,
        location: StoreLocation,
        engine: sa.Engine,
        migrator: Migrator,
        dialect: str,
        version: str,
        tls: TlsReport | None,
        appended: Appended | None = None,
        *,
        backup_tool: Callable[[], BackupTool],
    ) -> None:
        self._backup_tool = backup_tool
        self._engine = engine
        self.location = location
        self.dialect = dialect
        self.version = version
        self.tls = tls
        self.migrator = migrator
        transactions = self._transactions = Transactions(
            engine, location, None if appended is None else partial(appended, self)
        )
        self.users = UserRepository(transactions)
        self.early_users = EarlyUserRepository(transactions)
        self.connections = ConnectionRepository(transactions)
        self.searches = SearchRepository(transactions, dialect)
        self.search_points = SearchPointRepository(transactions, dialect)
        self.analytics = AnalyticsRepository(transactions, dialect)
        self.figures = FiguresRepository(transactions, dialect)
        self.custom_metrics = CustomMetricRepository(transactions)
        self.saved_searches = SavedSearchRepository(transactions)
        self.query_sets = QuerySetRepository(transactions)
        self.judgements = JudgementRepository(transactions)
        self.evaluation_runs = EvaluationRunRepository(transactions)
        self.audit = AuditRepository(transactions)
        self.sign_ins = SignInRepository(transactions)
        self.api_keys = ApiKeyRepository(transactions, dialect)
        self.key_uses = KeyUseRepository(transactions, dialect)
        self.written = WrittenRepository(transactions)

    @property
    def backups(self) -> StoreBackups:
        """Making and proving backups of it."""
        from altus4_desktop.storage.backups import StoreBackups

        return StoreBackups(self.location, self._backup_tool(), self.dialect, self.version)

    def table_names(self) -> frozenset[str]:
        """Every table there is; raises StoreError."""
        return self._transactions.read(
            lambda connection: frozenset(sa.inspect(connection).get_table_names())
        )

    def close(self) -> None:
        """Close every connection that is not at work."""
        self._engine.dispose()


def open_store(
    location: StoreLocation,
    password_secret: str | None = None,
    *,
    backups: Path | None = None,
    dump_folders: tuple[Path, ...] = (),
    token: CancelToken | None = None,
    appended: Appended | None = None,
) -> Store:
    """Open the store at ``location`` without migrating it; a file need not be there yet.

    ``backups`` is where copies go before a revision is applied or undone (default: the folder
    ``backups`` beside a file; a server's database is then not copied). ``dump_folders`` are looked
    through for a server's dump program before the usual places. ``appended`` is called on whatever
    thread has added to the audit log. Raises SchemaError for another
    program's file, StoreError, Cancelled.
    """
    if location.file is not None:
        return _open_file(location, location.file, backups, appended)
    return _open_server(location, password_secret or "", token, backups, dump_folders, appended)


def _open_file(
    location: StoreLocation, file: Path, backups: Path | None, appended: Appended | None
) -> Store:
    try:
        if files.check_regular(file):
            _recognise(file)
            files.make_private(file)
            files.settle_journal_mode(file, files.journal_mode_for(sqlite3.sqlite_version_info))
    except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise translate(error, location) from error
    engine = build_engine(location)
    migrator = Migrator(location, engine, "sqlite", backups=backups or file.parent / "backups")

    def backup_tool() -> BackupTool:
        from altus4_desktop.storage.file_backup import FileBackups

        return FileBackups(file, rest=engine.dispose)

    return Store(
        location,
        engine,
        migrator,
        "sqlite",
        sqlite3.sqlite_version,
        None,
        appended,
        backup_tool=backup_tool,
    )


def _recognise(file: Path) -> None:
    """Raise SchemaError when ``file`` is not ours, without writing a byte of it."""
    try:
        with build_reader(file).connect() as connection:
            read_state(connection)
    except sa.exc.OperationalError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise
        # A program died while writing: SQLite has to undo that before anybody can read.
        with build_reader(file, read_only=False).connect() as connection:
            read_state(connection)


def _open_server(
    location: StoreLocation,
    password_secret: str,
    token: CancelToken | None,
    backups: Path | None,
    dump_folders: tuple[Path, ...],
    appended: Appended | None,
) -> Store:
    from altus4_desktop.driver.connect import open_connection, server_flavour, tls_report
    from altus4_desktop.storage.client_programs import ServerAccess
    from altus4_desktop.storage.dump import ServerCopies

    try:
        target = location.target(password_secret, FIRST_LOOK_TIMEOUT_S)
        session = open_connection(target, token=token)
        flavour, version = server_flavour(session)
        tls = tls_report(session)
        session.close()
    except Exception as error:
        raise translate(error, location) from error
    engine = build_engine(location, password_secret)
    access = ServerAccess(location, password_secret, flavour, tls.encrypted, dump_folders)
    copies = None
    if backups is not None:
        copies = ServerCopies(access, backups)
    migrator = Migrator(
        location, engine, flavour.value, password_secret=password_secret, copies=copies
    )

    def backup_tool() -> BackupTool:
        from altus4_desktop.storage.server_backup import ServerBackups

        return ServerBackups(access)

    return Store(
        location,
        engine,
        migrator,
        flavour.value,
        version,
        tls,
        appended,
        backup_tool=backup_tool,
    )


def look_at(
    location: StoreLocation,
    password_secret: str | None = None,
    *,
    token: CancelToken | None = None,
) -> StoreReport:
    """What is at ``location``, without changing anything there; raises StoreError, Cancelled."""
    token = token or CancelToken()
    try:
        store = open_store(location, password_secret, token=token)
    except SchemaError as refusal:
        return StoreReport(
            "sqlite", sqlite3.sqlite_version, None, None, refusal.message, refusal.code
        )
    try:
        token.raise_if_cancelled()
        status = store.migrator.status()
    except SchemaError as refusal:
        return StoreReport(
            store.dialect, store.version, store.tls, None, refusal.message, refusal.code
        )
    finally:
        store.close()
    return StoreReport(store.dialect, store.version, store.tls, status)
