"""Bringing the schema to where this program needs it, and back; Alembic is loaded only for that."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from altus4_desktop.domain.errors import SchemaError, StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.revisions import MigrationStatus, Revision, RevisionState
from altus4_desktop.storage import files
from altus4_desktop.storage.engine import WRITES, build_engine
from altus4_desktop.storage.failures import translate
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.recognition import StoreState, read_state
from altus4_desktop.storage.revision_files import (
    SCRIPTS,
    RevisionFile,
    find_revision,
    journal_values,
    known_revisions,
)
from altus4_desktop.storage.tables import journal, version_table

# A killed program's ALTER runs on in the server and keeps the lock until it is done.
_LOCK_WAIT_S = 600.0
_LOCK_SLICE_S = 2
_MAX_LOCK_NAME = 64
_LOCK_PREFIX = "altus4.migrate."

_Plan = Callable[[StoreState], "_Steps"]


class _Steps:
    """What is to be done, in order: (revision, upgrade or not)."""

    def __init__(self, moves: Sequence[tuple[RevisionFile, bool]]) -> None:
        self.moves = list(moves)

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The revisions as they are before the steps."""
        return tuple(
            Revision(
                known.id,
                known.title,
                RevisionState.PENDING if up else RevisionState.APPLIED,
                checksum=known.checksum,
            )
            for known, up in self.moves
        )


class Migrator:
    """Applies and undoes revisions of one store; ``scripts`` is the Alembic folder."""

    def __init__(
        self,
        location: StoreLocation,
        engine: sa.Engine,
        dialect: str,
        *,
        password_secret: str | None = None,
        backups: Path | None = None,
        scripts: Path = SCRIPTS,
    ) -> None:
        self._location = location
        self._engine = engine
        self._dialect = dialect
        self._password_secret = password_secret
        self._backups = backups
        self._scripts = scripts
        self._known = known_revisions(scripts)

    def status(self) -> MigrationStatus:
        """Where the store stands; raises SchemaError for a foreign database, StoreError."""
        if self._location.file is not None and not files.check_regular(self._location.file):
            return self._status(StoreState())
        try:
            with self._engine.connect() as connection:
                return self._status(read_state(connection))
        except Exception as error:
            raise translate(error, self._location) from error

    def upgrade(
        self,
        to: str | None = None,
        progress: ProgressSink = ignore_progress,
        dry_run: bool = False,
    ) -> tuple[Revision, ...]:
        """Apply what is pending up to ``to`` (default: all); returns what was, or would be, done.

        A file is copied first. Safe to run again after a crash, and in several programs at once.
        Raises SchemaError for a foreign or newer store, InputError for an unknown ``to``,
        StoreError.
        """
        target = find_revision(to, self._scripts) if to else self._known[-1]
        return self._run(lambda state: self._plan_up(state, target), progress, dry_run)

    def downgrade(
        self,
        to: str | None = None,
        progress: ProgressSink = ignore_progress,
        dry_run: bool = False,
    ) -> tuple[Revision, ...]:
        """Undo every revision after ``to`` (default: all of them); returns what was, or would be,
        undone. Raises as `upgrade` does."""
        target = find_revision(to, self._scripts) if to else None
        return self._run(lambda state: self._plan_down(state, target), progress, dry_run)

    def sql(self, revision: str, dialect: str | None = None, *, down: bool = False) -> str:
        """The statements of one revision for ``mysql`` or ``sqlite`` (default: this store's).

        Needs no server. Raises InputError for an unknown revision.
        """
        wanted = dialect or self._dialect
        return statements(
            revision, "sqlite" if wanted == "sqlite" else "mysql", down=down, scripts=self._scripts
        )

    def _status(self, state: StoreState) -> MigrationStatus:
        applied = self._applied(state)
        revisions = [self._revision(known, state, known.id in applied) for known in self._known]
        known_ids = {known.id for known in self._known}
        strangers = {row.revision: row.applied_at for row in state.rows.values()}
        if state.version is not None:
            strangers.setdefault(state.version, None)
        revisions += [
            Revision(stranger, "made by a newer program", RevisionState.UNKNOWN, applied_at)
            for stranger, applied_at in sorted(strangers.items())
            if stranger not in known_ids
        ]
        newer = any(revision.state is RevisionState.UNKNOWN for revision in revisions)
        current = state.version if newer else (applied[-1] if applied else None)
        return MigrationStatus(self._dialect, current, self._known[-1].id, tuple(revisions))

    def _revision(self, known: RevisionFile, state: StoreState, applied: bool) -> Revision:
        row = state.rows.get(known.id) if applied else None
        return Revision(
            known.id,
            known.title,
            RevisionState.APPLIED if applied else RevisionState.PENDING,
            row.applied_at if row else None,
            known.checksum,
            row.checksum if row else "",
        )

    def _applied(self, state: StoreState) -> list[str]:
        """What can be relied on: neither an interrupted revision nor any after it."""
        ids = [known.id for known in self._known]
        if state.version not in ids:
            return ids if state.version is not None else []
        applied = ids[: ids.index(state.version) + 1]
        if state.interrupted in applied:
            return applied[: applied.index(state.interrupted)]
        return applied

    def _plan_up(self, state: StoreState, target: RevisionFile) -> _Steps:
        self._refuse_newer(state)
        applied = set(self._applied(state))
        until = self._known.index(target)
        return _Steps(
            [(known, True) for known in self._known[: until + 1] if known.id not in applied]
        )

    def _plan_down(self, state: StoreState, target: RevisionFile | None) -> _Steps:
        self._refuse_newer(state)
        begun = {*self._applied(state), state.interrupted}
        # An interrupted revision is completed before it is undone: half of one has no way back.
        completed = [(known, True) for known in self._known if known.id == state.interrupted]
        keep = 0 if target is None else self._known.index(target) + 1
        undone = [(known, False) for known in reversed(self._known[keep:]) if known.id in begun]
        return _Steps([*completed, *undone] if undone else [])

    def _refuse_newer(self, state: StoreState) -> None:
        status = self._status(state)
        if status.newer:
            raise newer_store(status)

    def _run(self, plan: _Plan, progress: ProgressSink, dry_run: bool) -> tuple[Revision, ...]:
        try:
            if dry_run:
                return self._look(plan).revisions
            file = self._location.file
            if not self._look(plan).moves:
                return ()
            if file is not None:
                return self._run_on_file(file, plan, progress).revisions
            return self._run_on_server(plan, progress).revisions
        except Exception as error:
            raise translate(error, self._location) from error

    def _look(self, plan: _Plan) -> _Steps:
        file = self._location.file
        if file is not None and not files.check_regular(file):
            return plan(StoreState())
        with self._engine.connect() as connection:
            return plan(read_state(connection))

    def _run_on_file(self, file: Path, plan: _Plan, progress: ProgressSink) -> _Steps:
        """Everything in one transaction: a kill leaves the old schema whole."""
        from altus4_desktop.storage.alembic_steps import apply_step

        files.create_private(file)
        files.settle_journal_mode(file, files.journal_mode_for(sqlite3.sqlite_version_info))
        engine = build_engine(self._location, migrating=True)
        with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            state = read_state(connection)
            steps = plan(state)
            if not steps.moves:
                return steps
            if state.rows and self._backups is not None:
                progress(Progress("Copying the metadata store"))
                files.copy_verified(file, self._backups, f"before-{steps.moves[-1][0].id}")
            _keep_books(connection)
            for known, up in _told(steps, progress):
                apply_step(connection, self._scripts, known, up=up)
        return steps

    def _run_on_server(self, plan: _Plan, progress: ProgressSink) -> _Steps:
        """Each step by itself: the server commits every statement on the way."""
        from altus4_desktop.storage.alembic_steps import apply_step

        engine = build_engine(self._location, self._password_secret, migrating=True)
        with engine.connect() as connection, self._lock(connection, progress):
            state = read_state(connection)
            connection.rollback()
            steps = plan(state)
            if not steps.moves:
                return steps
            _keep_books(connection)
            connection.commit()
            first, first_up = steps.moves[0]
            if first_up and first.id == state.version:
                _step_back(connection, self._before(first))
            for known, up in _told(steps, progress):
                _note_begun(connection, known)
                apply_step(connection, self._scripts, known, up=up)
                connection.commit()
        return steps

    def _before(self, known: RevisionFile) -> str | None:
        at = self._known.index(known)
        return self._known[at - 1].id if at else None

    @contextmanager
    def _lock(self, connection: sa.Connection, progress: ProgressSink) -> Iterator[None]:
        """Hold the server's lock for this database; it goes with the session, however that ends."""
        name = lock_name(self._location.database)
        until = time.monotonic() + _LOCK_WAIT_S
        take = sa.text("SELECT GET_LOCK(:name, :wait_s)")
        while connection.execute(take, {"name": name, "wait_s": _LOCK_SLICE_S}).scalar() != 1:
            if time.monotonic() > until:
                raise StoreError(
                    "Another program has been upgrading the metadata store for too long.",
                    hint="Wait until it has finished, or ask whoever runs the server.",
                    code="store.busy",
                    retryable=True,
                )
            progress(Progress("Waiting for another program that upgrades the metadata store"))
        connection.rollback()
        # When this fails the session is closed, which gives the lock back as well.
        yield
        connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": name})
        connection.rollback()


def statements(revision: str, dialect: str, *, down: bool = False, scripts: Path = SCRIPTS) -> str:
    """The statements of one revision for ``mysql`` or ``sqlite``; needs neither store nor server.

    Raises InputError for an unknown revision.
    """
    from altus4_desktop.storage.alembic_steps import render_step

    known = find_revision(revision, scripts)
    return render_step(scripts, known, dialect, up=not down)


def newer_store(status: MigrationStatus) -> SchemaError:
    """The refusal to touch a store that a newer program has changed."""
    return SchemaError(
        "The metadata store is newer than this program: it is at {current}, this program knows "
        "{head}. Nothing was changed.",
        hint="Update this program.",
        code="store.newer",
        details={"current": status.current or "", "head": status.head},
    )


def lock_name(database: str) -> str:
    """The name of the migration lock: server-wide, so the database is part of it."""
    name = _LOCK_PREFIX + database
    if len(name) <= _MAX_LOCK_NAME:
        return name
    return (
        _LOCK_PREFIX + sha256(database.encode()).hexdigest()[: _MAX_LOCK_NAME - len(_LOCK_PREFIX)]
    )


def _told(steps: _Steps, progress: ProgressSink) -> Iterator[tuple[RevisionFile, bool]]:
    for number, (known, up) in enumerate(steps.moves):
        doing = "Applying" if up else "Undoing"
        progress(Progress(f"{doing} {known.id}", number / len(steps.moves)))
        yield known, up
    progress(Progress("The metadata store is ready", 1.0))


def _note_begun(connection: sa.Connection, known: RevisionFile) -> None:
    """Write down, and commit, that ``known`` is under way: whoever comes next completes it."""
    connection.execute(sa.delete(journal).where(journal.c.revision == known.id))
    connection.execute(sa.insert(journal).values(**journal_values(known)))
    connection.commit()


def _step_back(connection: sa.Connection, before: str | None) -> None:
    """Say that the store is at ``before``: what came after it was undone in part."""
    if before is None:
        connection.execute(sa.delete(version_table))
    else:
        connection.execute(sa.update(version_table).values(version_num=before))


def _keep_books(connection: sa.Connection) -> None:
    """Make the tables that say what was applied; the journal first, by which a store is known."""
    for table in (journal, version_table):
        table.create(connection, checkfirst=True)
