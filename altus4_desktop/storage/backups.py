"""Backups of one store: made, proven, looked after; a file and a server in the same way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from altus4_desktop.domain.backups import (
    Backup,
    BackupAdvice,
    BackupContent,
    BackupReason,
    BackupState,
    ObjectSum,
    RestorePlan,
    RestoreRehearsal,
    RestoreRun,
    TableChange,
    choose_expired,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError, TenantError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage.backup_folder import (
    BackupFolder,
    Check,
    Placed,
    UnsoundError,
    failed,
    file_digest,
)
from altus4_desktop.storage.dump_objects import EVENTS, KINDS, ROUTINES, TRIGGERS, VIEWS
from altus4_desktop.storage.failures import translate
from altus4_desktop.storage.location import StoreLocation

_NOT_MADE = "The backup could not be made"
_NOT_CHECKED = "The backup could not be checked"
_NOT_RESTORED = "The backup could not be restored"
_GROUPS = {
    "view": VIEWS,
    "event": EVENTS,
    **dict.fromkeys(("function", "procedure", "package", "package body"), ROUTINES),
}
_FULL_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class LogPoint(Protocol):
    """A point in time that can be restored."""

    @property
    def commits(self) -> int:
        """How many transactions lie before it."""

    @property
    def last_at(self) -> datetime | None:
        """When the last of them was committed."""

    def play(self, place: str, progress: ProgressSink, token: CancelToken) -> None:
        """Bring what was restored at ``place`` there."""


class BackupTool(Protocol):
    """What copies one kind of store."""

    @property
    def ending(self) -> str:
        """How its files end."""

    def make(self, draft: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        """Write a copy, as the store is at one moment."""

    def try_restore(
        self,
        file: Path,
        progress: ProgressSink,
        token: CancelToken,
        check: Check | None = None,
    ) -> BackupContent:
        """What comes out when the copy is restored, which leaves nothing; ``check`` is given it
        before it goes."""

    def find_point(self, backup: Backup, until: datetime, token: CancelToken) -> LogPoint:
        """The point in time ``until``, as far as the store's log leads there from ``backup``."""

    def find_leading(
        self, backups: Sequence[Backup], token: CancelToken
    ) -> tuple[tuple[Backup, ...], StoreError | None]:
        """Those after which the store's log is whole, and why no older one is among them."""

    def list_advice(self, token: CancelToken) -> tuple[BackupAdvice, ...]:
        """What keeps backups from holding, or reaching, all that they could."""

    def count_rows(self, token: CancelToken, place: str = "") -> dict[str, int]:
        """How many rows each table of the store has, or of what was restored at ``place``."""

    def restore_beside(
        self,
        file: Path,
        name: str,
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Fill the new place ``name``; what ``check`` refuses is not kept.

        ``held`` are the kinds of objects in the copy.
        """

    def replace(
        self,
        file: Path,
        kinds: Collection[str],
        held: Collection[str],
        check: Check,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Placed:
        """Fill the place of the store, and keep what was there. Of what a database has besides
        tables, ``kinds`` are replaced and others stay; ``held`` are those in the copy."""


@dataclass(frozen=True, slots=True)
class StoreBackups:
    """Backups of the store at ``location``; ``tool`` copies it."""

    location: StoreLocation
    tool: BackupTool
    dialect: str
    server_version: str

    def make(
        self,
        folder: BackupFolder,
        reason: BackupReason,
        app_version: str,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Backup:
        """Make a backup in ``folder``: a file that was read back, and its manifest.

        Whatever goes wrong leaves nothing of it and everything else as it was. Raises StoreError,
        ConflictError (``backup.busy``), Cancelled.
        """
        with self.told(_NOT_MADE), folder.locked():
            backup_id = folder.new_id()
            file_name = backup_id + self.tool.ending
            draft = folder.draft(file_name)
            try:
                created_at = _second()
                content = self.tool.make(draft, progress, token)
                copied_at = _second()
                digest = file_digest(draft, token)
                backup = Backup(
                    id=backup_id,
                    sequence=folder.next_sequence(),
                    created_at=created_at,
                    reason=reason,
                    store=self.location.url,
                    dialect=self.dialect,
                    server_version=self.server_version,
                    app_version=app_version,
                    revision=content.revision,
                    file_name=file_name,
                    sha256=digest,
                    size_bytes=draft.stat().st_size,
                    content_bytes=content.size_bytes,
                    tables=content.tables,
                    binlog=content.binlog,
                    left_out=content.left_out,
                    copied_at=copied_at,
                    log_origin=content.log_origin,
                    objects=content.objects,
                )
                token.raise_if_cancelled()
                folder.keep(draft, backup)
            finally:
                draft.unlink(missing_ok=True)
            return backup

    def verify(
        self, folder: BackupFolder, backup_id: str, progress: ProgressSink, token: CancelToken
    ) -> Backup:
        """Restore a backup on trial and compare; the answer is its manifest as it is now.

        One that is not what was written down is bad from now on. Raises NotFoundError, StoreError
        where it could not be found out (``backup.no_scratch``, ``backup.other_store``), Cancelled.
        """
        with self.told(_NOT_CHECKED):
            folder.get_(backup_id)
        with self.told(_NOT_CHECKED), folder.locked():
            backup = folder.get_(backup_id)
            if not backup.file_name:
                return backup
            self.check_kind(backup)
            progress(Progress("Reading the backup"))
            problem = folder.problem_of_file(backup, token)
            if not problem:
                content = self._try(folder.file(backup), progress, token)
                problem = content if isinstance(content, str) else self._problem(backup, content)
            verified_at = None if problem else _second()
            checked = replace(backup, problem=problem, verified_at=verified_at)
            folder.write(checked)
            return checked

    def find_leading(
        self, backups: Sequence[Backup], token: CancelToken
    ) -> tuple[tuple[Backup, ...], StoreError | None]:
        """Those of ``backups`` (the oldest first) from which the store's log goes on to now, and
        what keeps it from leading further back. Raises StoreError, Cancelled."""
        known = [backup for backup in backups if backup.dialect == self.dialect]
        with self.told("The log of changes cannot be read"):
            try:
                return self.tool.find_leading(known, token)
            except StoreError as error:
                if error.code != "backup.no_point":
                    raise
                return (), error

    def list_advice(self, token: CancelToken) -> tuple[BackupAdvice, ...]:
        """What keeps backups from holding, or reaching, all that they could. Raises StoreError,
        Cancelled."""
        with self.told("The server cannot be asked what backups may hold"):
            return self.tool.list_advice(token)

    def plan(
        self,
        folder: BackupFolder,
        backup_id: str,
        into: str,
        until: datetime | None,
        token: CancelToken,
    ) -> RestorePlan:
        """What `restore` would do; changes nothing.

        Raises NotFoundError, StoreError (``backup.bad``, ``backup.other_store``,
        ``backup.no_point``), Cancelled.
        """
        with self.told(_NOT_RESTORED):
            backup = folder.get_(backup_id)
            self._check_usable(folder, backup, token)
            point = until and self.tool.find_point(backup, until, token)
            now = {} if into else self.tool.count_rows(token)
        then = {table.name: table.rows for table in backup.tables}
        plan = RestorePlan(backup, into, () if into else _changes(now, then), until=until)
        return replace(plan, commits=point.commits, reaches_at=point.last_at) if point else plan

    def rehearse(
        self,
        folder: BackupFolder,
        backup_id: str,
        until: datetime | None,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RestoreRehearsal:
        """Restore into a scratch place, as `restore` would, and say what came out; the place is
        gone afterwards and the store was not touched.

        Raises as `restore` does.
        """
        begun_s = time.monotonic()
        then: dict[str, int] = {}
        with self._restoring(folder, backup_id, until, progress, token) as (backup, point, finish):

            def check(content: BackupContent, place: str) -> None:
                finish(content, place)
                then.update(self.tool.count_rows(token, place))

            self.tool.try_restore(folder.file(backup), progress, token, check)
            now = self.tool.count_rows(token)
        return RestoreRehearsal(
            backup=backup,
            until=until,
            changes=_changes(now, then),
            rows=sum(then.values()),
            tables=len(then),
            commits=point.commits if point else 0,
            elapsed_s=time.monotonic() - begun_s,
        )

    def restore(
        self,
        folder: BackupFolder,
        backup_id: str,
        into: str,
        until: datetime | None,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RestoreRun:
        """Restore a backup into the new place ``into``, or (empty) in the place of the store, and
        with ``until`` play the store's log up to the end of that second.

        What comes out is compared with the manifest before anything is replaced. Raises
        NotFoundError, InputError for a place that is there, StoreError (``backup.bad``,
        ``backup.other_store``, ``backup.no_point``, ``backup.no_right``), ConflictError
        (``backup.busy``), Cancelled; the store is then as it was.
        """
        with self._restoring(folder, backup_id, until, progress, token) as (backup, _, check):
            file = folder.file(backup)
            held = {_GROUPS.get(one.kind, "") for one in backup.objects or ()}
            if into:
                placed = self.tool.restore_beside(file, into, held, check, progress, token)
            else:
                # Of an old manifest nobody knows whether all of them are in it.
                known = (TRIGGERS,) if backup.objects is None else KINDS
                kinds = [kind for kind in known if kind not in backup.left_out]
                placed = self.tool.replace(file, kinds, held, check, progress, token)
            place = into or self.location.label
            return RestoreRun(backup, place, placed.kept, placed.replaced_definers)

    @contextmanager
    def _restoring(
        self,
        folder: BackupFolder,
        backup_id: str,
        until: datetime | None,
        progress: ProgressSink,
        token: CancelToken,
    ) -> Iterator[tuple[Backup, LogPoint | None, Check]]:
        """A backup that can be used, alone with its folder; how far the log is played; and what
        finishes each place that it was loaded into, or refuses what is in it."""
        with self.told(_NOT_RESTORED):
            folder.get_(backup_id)
        with self.told(_NOT_RESTORED), folder.locked():
            backup = folder.get_(backup_id)
            progress(Progress("Reading the backup"))
            self._check_usable(folder, backup, token)
            point = self.tool.find_point(backup, until, token) if until else None

            def finish(content: BackupContent, place: str) -> None:
                problem = self._problem(backup, content)
                if problem:
                    raise UnsoundError(problem)
                if point:
                    point.play(place, progress, token)

            yield backup, point, finish

    def _check_usable(self, folder: BackupFolder, backup: Backup, token: CancelToken) -> None:
        problem = backup.problem or folder.problem_of_file(backup, token)
        if problem:
            raise StoreError(
                "The backup “{id}” is bad: {problem}.",
                hint="Choose another one: “backup list” shows them.",
                code="backup.bad",
                details={"id": backup.id, "problem": problem},
            )
        self.check_kind(backup)

    def prune(self, folder: BackupFolder, now: datetime, token: CancelToken) -> tuple[Backup, ...]:
        """Remove what is old enough to go, and return it; raises StoreError, ConflictError
        (``backup.busy``), Cancelled.

        The good ones that stay are read first: one whose file has changed is written down as bad
        and counts no more.
        """
        with self.told("The old backups could not be removed"), folder.locked():
            backups = {backup.id: backup for backup in folder.list_()}
            found: set[str] = set()
            while True:
                # What is found out now, or cannot be read, is seen by somebody first.
                expired = tuple(
                    backup
                    for backup in choose_expired(tuple(backups.values()), now)
                    if backup.id not in found and not folder.is_closed(backup)
                )
                if not expired:
                    return ()
                gone = {backup.id for backup in expired}
                staying = [backup for backup in backups.values() if backup.id not in gone]
                good = [backup for backup in staying if backup.state is BackupState.GOOD]
                changed = False
                for backup in good:
                    problem = folder.problem_of_file(backup, token)
                    if problem:
                        backups[backup.id] = replace(backup, problem=problem, verified_at=None)
                        folder.write(backups[backup.id])
                        found.add(backup.id)
                        changed = True
                if not changed:
                    for backup in expired:
                        token.raise_if_cancelled()
                        folder.remove_(backup)
                    return expired

    def check_kind(self, backup: Backup) -> None:
        """Raise StoreError (``backup.other_store``) for a backup of another kind of database."""
        if backup.dialect != self.dialect:
            raise StoreError(
                "The backup is of {theirs}, and the store is on {ours}.",
                hint="Use it with a store of its own kind.",
                code="backup.other_store",
                details={"theirs": backup.dialect, "ours": self.dialect},
            )

    def _problem(self, backup: Backup, content: BackupContent) -> str:
        """In what ``content`` is not what ``backup`` says. Another version of the server may put
        the same object in other words: only names of objects are compared then."""
        upgraded = self.dialect != "sqlite" and backup.server_version != self.server_version
        return difference(backup, content, by_name=upgraded)

    def _try(self, file: Path, progress: ProgressSink, token: CancelToken) -> BackupContent | str:
        """What comes out of ``file``, or why nothing does."""
        try:
            return self.tool.try_restore(file, progress, token)
        except UnsoundError as error:
            return str(error)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            return str(error)

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Have whatever goes wrong told as a domain error."""
        from altus4_desktop.storage.client_programs import ProgramFailed
        from altus4_desktop.storage.refused_statements import explain_refusal

        try:
            yield
        except (ProgramFailed, UnsoundError) as error:
            raise explain_refusal(what, error) or failed(what, str(error)) from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            where = f": “{error.filename}”" if isinstance(error.filename, str) else ""
            raise failed(what, f"{reason}{where}") from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL_CODES:
                raise failed(what, str(error)) from error
            raise translate(error, self.location) from error
        except (sa.exc.SQLAlchemyError, TenantError) as error:
            explained = explain_refusal(what, error)
            raise explained or translate(error, self.location) from error


def _changes(now: Mapping[str, int], then: Mapping[str, int]) -> tuple[TableChange, ...]:
    return tuple(
        TableChange(name, now.get(name, 0), then.get(name, 0))
        for name in sorted(now.keys() | then.keys())
        if now.get(name, 0) != then.get(name, 0)
    )


def _second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def difference(backup: Backup, content: BackupContent, *, by_name: bool = False) -> str:
    """In what ``content`` is not what ``backup`` says; empty when it is. ``by_name``: whatever
    makes an object, as long as there is one of that name."""
    if content.revision != backup.revision:
        return f"it holds revision {content.revision}, not {backup.revision}"
    wanted = {table.name: table for table in backup.tables}
    found = {table.name: table for table in content.tables}
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found or name not in wanted:
            return f"the table {name} is {'missing' if name in wanted else 'one too many'}"
        if found[name].rows != wanted[name].rows:
            return f"{name} has {found[name].rows} rows, not {wanted[name].rows}"
        if found[name].sha256 != wanted[name].sha256:
            return f"other rows in {name}"
    if backup.objects is None:
        return ""
    return _object_difference(backup.objects, content.objects, by_name)


def _object_difference(
    then: Collection[ObjectSum], now: Collection[ObjectSum], by_name: bool
) -> str:
    wanted = {(one.kind, one.name): one.sha256 for one in then}
    found = {(one.kind, one.name): one.sha256 for one in now}
    for kind, name in sorted(wanted.keys() | found.keys()):
        if (kind, name) not in found:
            return f"the {kind} {name} is missing"
        if (kind, name) not in wanted:
            return f"the {kind} {name} is one too many"
        if not by_name and wanted[kind, name] != found[kind, name]:
            parts = ("columns", "indexes", "foreign keys")
            return f"other {kind} in {name}" if kind in parts else f"another {kind} {name}"
    return ""
