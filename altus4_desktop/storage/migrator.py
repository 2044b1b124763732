"""Bringing the schema to where this program needs it, and back; Alembic is loaded only for that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, SchemaError
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.revisions import (
    DriftItem,
    LossReport,
    MigrationRun,
    MigrationStatus,
    Revision,
    RevisionState,
    RunRecord,
    VisitorReport,
)
from altus4_desktop.storage import files
from altus4_desktop.storage.audit_chain import append_events
from altus4_desktop.storage.engine import WRITES, build_engine
from altus4_desktop.storage.failures import translate
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.recognition import StoreState, read_state
from altus4_desktop.storage.repositories.audit import AuditRepository
from altus4_desktop.storage.revision_files import (
    SCRIPTS,
    RevisionFile,
    find_revision,
    journal_values,
    known_revisions,
)
from altus4_desktop.storage.server_lock import hold_lock
from altus4_desktop.storage.tables import audit_head, audit_log, journal, version_table
from altus4_desktop.storage.transactions import Transactions
from altus4_desktop.storage.visitors import find_processes, find_sessions

if TYPE_CHECKING:
    from altus4_desktop.storage.dump import ServerCopies

_READY = Progress("The metadata store is ready", 1.0)

# What is to be written into the audit log.
Telling = Callable[[RunRecord], Sequence[AuditEvent]]

_SERVER_TABLES = sa.text(
    "SELECT TABLE_NAME FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
)

_Plan = Callable[[StoreState], "_Steps"]


class _Steps:
    """What is to be done, in order: (revision, upgrade or not); ``before`` is where the store is
    now."""

    def __init__(
        self, moves: Sequence[tuple[RevisionFile, bool]], before: str | None = None
    ) -> None:
        self.moves = list(moves)
        self.before = before

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


@dataclass(slots=True)
class _Errand:
    """How a run is to be made, and the copy that was made for it."""

    plan: _Plan
    progress: ProgressSink
    token: CancelToken
    without_copy: bool
    tell: Telling | None
    copy_file: str = ""


class Migrator:
    """Applies and undoes revisions of one store; ``scripts`` is the Alembic folder.

    Before anything changes, a file is copied into ``backups`` and a server's database with
    ``copies``; where these are None, nothing is.
    """

    def __init__(
        self,
        location: StoreLocation,
        engine: sa.Engine,
        dialect: str,
        *,
        password_secret: str | None = None,
        backups: Path | None = None,
        copies: ServerCopies | None = None,
        scripts: Path = SCRIPTS,
    ) -> None:
        self._location = location
        self._engine = engine
        self._dialect = dialect
        self._password_secret = password_secret
        self._backups = backups
        self._copies = copies
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
        *,
        token: CancelToken | None = None,
        without_copy: bool = False,
        tell: Telling | None = None,
    ) -> MigrationRun:
        """Apply what is pending up to ``to`` (default: all); returns what was, or would be, done.

        The store is copied first; ``without_copy``: somebody agreed to change a server's database
        without. Safe to run again after a crash, and in several programs at once. ``token`` is
        heeded between steps: a file is then as it was, on a server the steps done stay.
        ``tell`` says what is written into the audit log. Raises SchemaError for a foreign or newer
        store, InputError for an unknown ``to``, StoreError, Cancelled.
        """
        target = find_revision(to, self._scripts) if to else self._known[-1]
        errand = _Errand(
            lambda state: self._plan_up(state, target),
            progress,
            token or CancelToken(),
            without_copy,
            tell,
        )
        return self._run(errand, dry_run)

    def downgrade(
        self,
        to: str | None = None,
        progress: ProgressSink = ignore_progress,
        dry_run: bool = False,
        *,
        token: CancelToken | None = None,
        without_copy: bool = False,
        tell: Telling | None = None,
    ) -> MigrationRun:
        """Undo every revision after ``to`` (default: all of them); returns what was, or would be,
        undone. The other arguments and what is raised are those of `upgrade`."""
        target = find_revision(to, self._scripts) if to else None
        errand = _Errand(
            lambda state: self._plan_down(state, target),
            progress,
            token or CancelToken(),
            without_copy,
            tell,
        )
        return self._run(errand, dry_run)

    def loss(self, to: str | None = None) -> LossReport:
        """What `downgrade` to ``to`` would undo, and what the store holds of it; changes nothing.

        Raises as `downgrade` does.
        """
        from altus4_desktop.storage.loss import count_loss

        target = find_revision(to, self._scripts) if to else None
        undone = self._look_for(lambda state: self._plan_down(state, target)).revisions
        if not undone:
            return LossReport((), ())
        current = self.status().current
        try:
            with self._engine.connect() as connection:
                items = count_loss(
                    connection, current, target.id if target else None, self._scripts
                )
        except Exception as error:
            raise translate(error, self._location) from error
        return LossReport(undone, items)

    def drift(self) -> tuple[DriftItem, ...]:
        """Where the live schema departs from what its revision makes; changes nothing.

        Nothing departs from a store that is not begun. Raises SchemaError for a foreign or newer
        store, StoreError.
        """
        from altus4_desktop.storage.drift import find_drift

        status = self.status()
        if status.newer:
            raise newer_store(status)
        if status.current is None:
            return ()
        try:
            with self._engine.connect() as connection:
                return find_drift(connection, status.current, self._scripts)
        except Exception as error:
            raise translate(error, self._location) from error

    def visitors(self) -> VisitorReport:
        """Who has the store open; raises StoreError."""
        file = self._location.file
        try:
            return find_sessions(self._engine) if file is None else find_processes(file)
        except Exception as error:
            raise translate(error, self._location) from error

    @property
    def copies_first(self) -> bool:
        """Whether a copy can be made before something is changed; starts programs to find out."""
        if self._location.file is not None:
            return self._backups is not None
        return self._copies is not None and self._copies.can_copy()

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
            row.duration_ms if row else None,
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
            [(known, True) for known in self._known[: until + 1] if known.id not in applied],
            state.version,
        )

    def _plan_down(self, state: StoreState, target: RevisionFile | None) -> _Steps:
        self._refuse_newer(state)
        begun = {*self._applied(state), state.interrupted}
        # An interrupted revision is completed before it is undone: half of one has no way back.
        completed = [(known, True) for known in self._known if known.id == state.interrupted]
        keep = 0 if target is None else self._known.index(target) + 1
        undone = [(known, False) for known in reversed(self._known[keep:]) if known.id in begun]
        return _Steps([*completed, *undone] if undone else [], state.version)

    def _refuse_newer(self, state: StoreState) -> None:
        status = self._status(state)
        if status.newer:
            raise newer_store(status)

    def _run(self, errand: _Errand, dry_run: bool) -> MigrationRun:
        planned = self._look_for(errand.plan)
        if dry_run or not planned.moves:
            return MigrationRun(planned.revisions)
        file = self._location.file
        try:
            if file is not None:
                return self._run_on_file(file, errand)
            return self._run_on_server(errand)
        except Exception as error:
            failure = translate(error, self._location)
            self._tell_failure(errand, planned, failure)
            raise failure from error

    def _tell_failure(self, errand: _Errand, planned: _Steps, failure: AltusError) -> None:
        """Write down a run that has come to nothing, or to a part of what was planned."""
        if errand.tell is None or planned.before is None:
            return
        # What went wrong is told, not that it cannot even be written down.
        with suppress(AltusError, sa.exc.SQLAlchemyError):
            after = self.status().current or ""
            record = RunRecord(planned.before, after, planned.revisions, errand.copy_file, failure)
            events = errand.tell(record)
            AuditRepository(Transactions(self._engine, self._location)).add_(events)

    def _look_for(self, plan: _Plan) -> _Steps:
        file = self._location.file
        try:
            if file is not None and not files.check_regular(file):
                return plan(StoreState())
            with self._engine.connect() as connection:
                return plan(read_state(connection))
        except Exception as error:
            raise translate(error, self._location) from error

    def _run_on_file(self, file: Path, errand: _Errand) -> MigrationRun:
        """Everything in one transaction: a kill leaves the old schema whole."""
        from altus4_desktop.storage.alembic_steps import apply_step

        files.create_private(file)
        files.settle_journal_mode(file, files.journal_mode_for(sqlite3.sqlite_version_info))
        engine = build_engine(self._location, migrating=True)
        with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
            state = read_state(connection)
            steps = errand.plan(state)
            if not steps.moves:
                return MigrationRun()
            if state.rows and self._backups is not None:
                errand.progress(Progress("Copying the metadata store"))
                label = f"before-{steps.moves[-1][0].id}"
                errand.copy_file = str(
                    files.copy_verified(file, self._backups, label, errand.progress, errand.token)
                )
            _keep_books(connection)
            for known, up in _told(steps, errand):
                apply_step(connection, self._scripts, known, up=up)
            events = self._events(connection, errand, state, steps)
            if events:
                append_events(connection, events)
            errand.token.raise_if_cancelled()
        errand.progress(_READY)
        return MigrationRun(steps.revisions, errand.copy_file)

    def _run_on_server(self, errand: _Errand) -> MigrationRun:
        """Each step by itself: the server commits every statement on the way."""
        from altus4_desktop.storage.alembic_steps import apply_step

        engine = build_engine(self._location, self._password_secret, migrating=True)
        with (
            engine.connect() as connection,
            hold_lock(connection, self._location.database, errand.progress, errand.token),
        ):
            state = read_state(connection)
            connection.rollback()
            steps = errand.plan(state)
            if not steps.moves:
                return MigrationRun()
            if state.rows and self._copies is not None and not errand.without_copy:
                errand.progress(Progress("Copying the metadata store"))
                tables = [str(name) for name in connection.execute(_SERVER_TABLES).scalars()]
                connection.rollback()
                label = f"before-{steps.moves[-1][0].id}"
                made = self._copies.make(label, tables, errand.progress, errand.token)
                errand.copy_file = str(made)
            _keep_books(connection)
            connection.commit()
            first, first_up = steps.moves[0]
            if first_up and first.id == state.version:
                _step_back(connection, self._before(first))
            for known, up in _told(steps, errand):
                _note_begun(connection, known)
                apply_step(connection, self._scripts, known, up=up)
                connection.commit()
            events = self._events(connection, errand, state, steps)
            connection.rollback()
            if events:
                AuditRepository(Transactions(self._engine, self._location)).add_(events)
        errand.progress(_READY)
        return MigrationRun(steps.revisions, errand.copy_file)

    def _events(
        self, connection: sa.Connection, errand: _Errand, state: StoreState, steps: _Steps
    ) -> Sequence[AuditEvent]:
        """What the audit log is told, if there is one now; what was made anew has no history."""
        if errand.tell is None or state.version is None:
            return ()
        there = sa.inspect(connection)
        if not all(there.has_table(table.name) for table in (audit_log, audit_head)):
            return ()
        known, up = steps.moves[-1]
        after = known.id if up else self._before(known)
        return errand.tell(RunRecord(state.version, after or "", steps.revisions, errand.copy_file))

    def _before(self, known: RevisionFile) -> str | None:
        at = self._known.index(known)
        return self._known[at - 1].id if at else None


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


def _told(steps: _Steps, errand: _Errand) -> Iterator[tuple[RevisionFile, bool]]:
    for number, (known, up) in enumerate(steps.moves):
        errand.token.raise_if_cancelled()
        doing = "Applying" if up else "Undoing"
        errand.progress(Progress(f"{doing} {known.id}", number / len(steps.moves)))
        yield known, up


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
