"""Backups of the metadata store: made, proven, looked after, and by themselves once a day."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop import __version__
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, AuditQuery, SubjectKind
from altus4_desktop.domain.backup_reach import BackupReach, find_spans
from altus4_desktop.domain.backups import (
    Backup,
    BackupAdvice,
    BackupReason,
    BackupRun,
    BackupState,
    RestorePlan,
    RestoreRehearsal,
    RestoreRun,
    find_newest,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    Cancelled,
    InputError,
    SchemaError,
    StoreError,
)
from altus4_desktop.domain.progress import ProgressSink, ignore_progress
from altus4_desktop.services.backup_lines import BackupLines, build_lines, find_program
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.upkeep import Upkeep

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.backup_folder import BackupFolder
    from altus4_desktop.storage.location import StoreLocation
    from altus4_desktop.storage.store import Store

_log = logging.getLogger(__name__)

_FOLDER = "backups"
_NAME_MOST = 60
_RESTORES_MOST = 200
# The first look leaves the window alone while it opens.
FIRST_S = 60.0
_LOOK_EVERY_S = 600.0
_RETRY_S = 3600.0
_HOURLY_RETRIES = 3
_LATER_RETRY_S = 86400.0


class BackupsService:
    """Backups of the one metadata store, in a folder of its own; admins alone.

    Every method that takes an actor raises AccessError, and every one StoreError. What keeps the
    schedule from making one is told to ``on_problem``, on the schedule's thread.
    """

    def __init__(
        self,
        data_dir: Path,
        metadata: MetadataService,
        settings: Settings,
        permissions: Permissions,
    ) -> None:
        self._data_dir = data_dir
        self._metadata = metadata
        self._settings = settings
        self._permissions = permissions
        self._upkeep = Upkeep("backups", self._make_due_or_tell, _pause_s)
        self._scheduler: Actor | None = None
        self.on_problem: Callable[[AltusError], None] | None = None

    def list_(self, actor: Actor) -> tuple[Backup, ...]:
        """The backups of the store in use, the newest first."""
        self._permissions.check(actor, Right.ADMINISTER)
        return tuple(reversed(self._list()))

    def folder_(self, actor: Actor) -> Path:
        """Where they are; it need not be there yet."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._folder().path

    def reach_(self, actor: Actor, token: CancelToken | None = None) -> BackupReach:
        """Which instants can be restored besides those of the backups, as far as that can be told
        without reading the log: `plan_restore_` does. Raises Cancelled."""
        self._permissions.check(actor, Right.ADMINISTER)
        store = self._store
        sound = [backup for backup in self._list() if backup.state is not BackupState.BAD]
        advice = store.backups.list_advice(token or CancelToken())
        leading, problem = store.backups.find_leading(sound, token or CancelToken())
        now = datetime.now(UTC)
        spans = find_spans(leading, self._find_cuts(), now) if leading else ()
        if problem is None or not sound:
            return BackupReach(now, spans, advice=advice)
        return BackupReach(now, spans, problem.message, problem.hint, advice)

    def list_advice_(
        self, actor: Actor, token: CancelToken | None = None
    ) -> tuple[BackupAdvice, ...]:
        """What keeps backups from holding, or reaching, all that they could, and the statements
        that change it. Raises Cancelled."""
        self._permissions.check(actor, Right.ADMINISTER)
        return self._store.backups.list_advice(token or CancelToken())

    def create_(
        self,
        actor: Actor,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> BackupRun:
        """Make a backup and prove it by restoring it on trial.

        Where the account may make no scratch database, it stays unverified and the answer says why.
        Raises ConflictError (``backup.busy``) while another one is under way, Cancelled.
        """
        actor = self._permissions.check(actor, Right.ADMINISTER)
        return self._create(actor, BackupReason.WANTED, progress, token or CancelToken())

    def verify_(
        self,
        actor: Actor,
        backup_id: str,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> Backup:
        """Restore a backup on trial and compare it with what its manifest says; the answer is good
        or bad.

        Raises NotFoundError, ConflictError (``backup.busy``), StoreError where it could not be
        found out, Cancelled.
        """
        actor = self._permissions.check(actor, Right.ADMINISTER)
        with self._failures_told(actor, "backup.verified", backup_id):
            return self._verify(actor, backup_id, progress, token or CancelToken())

    def plan_restore_(
        self,
        actor: Actor,
        backup_id: str,
        into: str = "",
        until: datetime | None = None,
        token: CancelToken | None = None,
    ) -> RestorePlan:
        """What `restore_` would do, and what would be lost by it; changes nothing.

        Raises NotFoundError, InputError for an instant that the backup does not lead to,
        SchemaError for a backup of a newer program, StoreError (``backup.bad``,
        ``backup.other_store``, ``backup.no_point``), Cancelled.
        """
        self._permissions.check(actor, Right.ADMINISTER)
        return self._plan(backup_id, into, until, token or CancelToken())

    def rehearse_(
        self,
        actor: Actor,
        backup_id: str,
        until: datetime | None = None,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> RestoreRehearsal:
        """Do what `restore_` would, in a scratch place that is removed again: the store is not
        touched.

        Raises as `restore_` does, and StoreError (``backup.no_scratch``) where the account may not
        make such a place.
        """
        self._permissions.check(actor, Right.ADMINISTER)
        token = token or CancelToken()
        self._check_until(backup_id, until)
        backups = self._store.backups
        return backups.rehearse(self._folder(), backup_id, until, progress, token)

    def restore_(
        self,
        actor: Actor,
        backup_id: str,
        into: str = "",
        until: datetime | None = None,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> RestoreRun:
        """Restore a backup: into the new file or database ``into``, or (empty) in the place of the
        store, which is kept beside it; ``until``: and what the server's binary log says up to the
        end of that second.

        For the latter the caller has somebody's agreement. What comes out is compared before
        anything is replaced; an older one is then brought up to date as the store is on opening.
        The audit log is the backup's: `AuditService.verify_` says so until an admin accepts it.
        Once the store was replaced nothing is raised any more: the answer has the ``problem``.
        Raises as `plan_restore_` does, InputError for a place that is there, Cancelled.
        """
        actor = self._permissions.check(actor, Right.ADMINISTER)
        token = token or CancelToken()
        with self._failures_told(actor, "backup.restored", backup_id):
            # The file is read, and the log searched, by the restore itself, which keeps others from
            # the folder: since somebody looked at a plan both may have changed.
            self._check_until(backup_id, until)
            with self._store.backups.told("The backup cannot be read"):
                backup = self._folder().get_(backup_id)
            self._check_revision(backup)
            run = self._restore(backup_id, into, until, progress, token)
        if self._metadata.is_open:
            self._tell_done(
                actor,
                "backup.restored",
                backup_id,
                after={
                    "into": into or run.place,
                    "kept": Path(run.kept).name,
                    "until": until.isoformat() if until else "",
                },
            )
        return run

    def prune_(self, actor: Actor, token: CancelToken | None = None) -> tuple[Backup, ...]:
        """Remove the backups that are older than 30 days, but never the last three good ones; the
        removed ones, the oldest first. Raises ConflictError (``backup.busy``), Cancelled."""
        actor = self._permissions.check(actor, Right.ADMINISTER)
        return self._prune(actor, token or CancelToken())

    def choose_schedule_(self, actor: Actor, every_hours: int) -> None:
        """Have backups made every so many hours while the program runs (0: never). Raises
        StoreError when it cannot be saved."""
        self._permissions.check(actor, Right.ADMINISTER)
        self._settings.backup_every_hours = every_hours
        self._settings.save()
        self._upkeep.wake()

    def choose_folder_(self, actor: Actor, folder: str | None) -> None:
        """Have backups kept in ``folder`` (None: the data folder's own), where this store's own
        folder is made now, and only now. Raises StoreError when it cannot be, or not be saved."""
        self._permissions.check(actor, Right.ADMINISTER)
        if folder is not None:
            with self._store.backups.told("No backups can be kept there"):
                self._folder_in(folder).make_()
        self._settings.backup_folder = folder
        self._settings.save()
        self._upkeep.wake()

    def lines_(self, actor: Actor) -> BackupLines:
        """Texts for cron and systemd that make a backup of this store and remove old ones, while
        this program does not run.

        Raises InputError for a path that has a line break in it.
        """
        self._permissions.check(actor, Right.ADMINISTER)
        override = self._settings.metadata_url_override and self._store.location.url
        folders: list[str] = []
        if not self._store.location.embedded:
            # Each once: cron takes no line of more than a thousand characters.
            folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        search_path = os.pathsep.join(dict.fromkeys(folders))
        return build_lines(find_program(), self._data_dir, override or None, search_path)

    def start_schedule_(self, actor: Actor) -> None:
        """Make a backup whenever one is due, on a thread of its own, until `close_` or until
        ``actor`` is no admin; never waits."""
        self._scheduler = actor
        self._upkeep.start(FIRST_S)

    def close_(self) -> None:
        """Stop the schedule, and a backup it is making."""
        self._upkeep.close_()

    def is_due(self, backups: tuple[Backup, ...], revision: str, now: datetime) -> bool:
        """Whether the schedule wants a backup: none is there that is younger than a day, or of the
        store's ``revision``. One from the future counts for nothing."""
        hours = self._settings.backup_every_hours
        if hours == 0:
            return False
        newest = find_newest(backups)
        if newest is None or newest.revision != revision:
            return True
        return not timedelta() <= now - newest.created_at < timedelta(hours=hours)

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _folder(self) -> BackupFolder:
        return self._folder_in(self._settings.backup_folder)

    def _folder_in(self, chosen: str | None) -> BackupFolder:
        from altus4_desktop.storage.backup_folder import BackupFolder

        parent = Path(chosen) if chosen else self._data_dir / _FOLDER
        folder = parent / folder_name(self._store.location)
        return BackupFolder(folder, is_chosen=bool(chosen))

    def _find_cuts(self) -> list[datetime]:
        """When the tables were changed, by a revision or by a restore: no log is followed past
        that."""
        store = self._store
        cuts = [
            revision.applied_at - timedelta(milliseconds=revision.duration_ms or 0)
            for revision in store.migrator.status().revisions
            if revision.applied_at is not None
        ]
        restored = AuditQuery(action="backup.restored", outcome=AuditOutcome.DONE)
        records = store.audit.list_(restored, limit=_RESTORES_MOST)
        # One that was put beside the store has kept nothing.
        cuts += [it.event.at for it in records if it.event.details.get("after", {}).get("kept")]
        return cuts

    def _list(self) -> list[Backup]:
        with self._store.backups.told("The backups cannot be listed"):
            return self._folder().list_()

    def _create(
        self, actor: Actor | None, reason: BackupReason, progress: ProgressSink, token: CancelToken
    ) -> BackupRun:
        with self._failures_told(actor, "backup.created", ""):
            backup = self._store.backups.make(self._folder(), reason, __version__, progress, token)
        self._tell_done(actor, "backup.created", backup.id, after=_document(backup))
        try:
            return BackupRun(self._verify(actor, backup.id, progress, token))
        except Cancelled:
            # What was made is whole: it only has not been tried.
            return BackupRun(backup, "Nobody waited for it to be restored on trial.")
        except AltusError as error:
            return BackupRun(backup, f"{error.message} {error.hint}".strip())

    def _verify(
        self, actor: Actor | None, backup_id: str, progress: ProgressSink, token: CancelToken
    ) -> Backup:
        backup = self._store.backups.verify(self._folder(), backup_id, progress, token)
        self._tell_done(
            actor,
            "backup.verified",
            backup.id,
            after={"state": backup.state.value, "problem": backup.problem},
        )
        return backup

    def _restore(
        self,
        backup_id: str,
        into: str,
        until: datetime | None,
        progress: ProgressSink,
        token: CancelToken,
    ) -> RestoreRun:
        run: RestoreRun | None = None
        try:
            with self._metadata.working_on(same_when_cancelled=True) as store:
                folder = self._folder()
                run = store.backups.restore(folder, backup_id, into, until, progress, token)
                store.close()
            if not into:
                self._metadata.reopen_()
        except AltusError as error:
            if run is None:
                raise
            # What was there before has to be found.
            run = replace(run, problem=f"{error.message} {error.hint}".strip())
        return run

    def _plan(
        self, backup_id: str, into: str, until: datetime | None, token: CancelToken
    ) -> RestorePlan:
        store = self._store
        self._check_until(backup_id, until)
        plan = store.backups.plan(self._folder(), backup_id, into, until, token)
        self._check_revision(plan.backup)
        if into:
            return plan
        return replace(
            plan,
            others=len(store.migrator.visitors().others),
            writes=store.written.count_since(plan.since),
            last_write_at=store.written.last_at(),
        )

    def _check_revision(self, backup: Backup) -> None:
        known = {revision.id for revision in self._store.migrator.status().revisions}
        # One that cannot be used may not even say what it is of.
        if not backup.problem and backup.revision not in known:
            raise SchemaError(
                "The backup is of a newer program: it is at {revision}.",
                hint="Update this program.",
                code="backup.newer",
                details={"revision": backup.revision},
            )

    def _check_until(self, backup_id: str, until: datetime | None) -> None:
        if until is None:
            return
        with self._store.backups.told("The backup cannot be read"):
            backup = self._folder().get_(backup_id)
        # Some of what was written while it was copied may be in it.
        if not (backup.copied_at or backup.created_at) <= until <= datetime.now(UTC):
            raise InputError(
                "until",
                "A backup leads to instants between when it was made and now.",
                hint="Choose the last backup that was made before that instant.",
            )

    def _prune(self, actor: Actor | None, token: CancelToken) -> tuple[Backup, ...]:
        removed = self._store.backups.prune(self._folder(), datetime.now(UTC), token)
        if removed:
            self._tell_done(actor, "backup.pruned", "", removed=[backup.id for backup in removed])
        return removed

    def _make_due_or_tell(self, token: CancelToken) -> None:
        try:
            self._make_due(token)
        except Cancelled:
            raise
        except AltusError as error:
            tell = self.on_problem
            if tell is not None:
                tell(error)
            raise

    def _make_due(self, token: CancelToken) -> None:
        """Make the backup that is due, if one is, and remove old ones; raises StoreError
        (``backup.bad``) for one that is not what it should be."""
        if self._scheduler is None or not self._metadata.is_open:
            return
        try:
            self._permissions.check(self._scheduler, Right.ADMINISTER)
        except AccessError:
            raise Cancelled() from None
        backups = tuple(self._list())
        revision = self._store.migrator.status().current or ""
        if not self.is_due(backups, revision, datetime.now(UTC)):
            return
        known = {backup.revision for backup in backups}
        reason = BackupReason.DAILY if not known or revision in known else BackupReason.MIGRATION
        backup = self._create(None, reason, ignore_progress, token).backup
        self._prune(None, token)
        if backup.state is BackupState.BAD:
            raise StoreError(
                "The backup “{id}” is bad: {problem}.",
                hint="Look at the server and the disk.",
                code="backup.bad",
                details={"id": backup.id, "problem": backup.problem},
            )

    @contextmanager
    def _failures_told(self, actor: Actor | None, action: str, backup_id: str) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            # What went wrong is told, not that it cannot even be written down.
            with suppress(AltusError):
                self._tell(actor, action, backup_id, outcome=AuditOutcome.FAILED, error=error.code)
            raise

    def _tell_done(self, actor: Actor | None, action: str, backup_id: str, **more: Any) -> None:
        """What was done is there, whether or not it can be written down."""
        try:
            self._tell(actor, action, backup_id, **more)
        except AltusError as error:
            _log.warning("That %s was done was not written down: %s", action, error.code)

    def _tell(self, actor: Actor | None, action: str, backup_id: str, **more: Any) -> None:
        from altus4_desktop.services.audit import build_event

        event: AuditEvent = build_event(actor, action, SubjectKind.STORE, backup_id, **more)
        self._store.audit.add_([event])


def folder_name(location: StoreLocation) -> str:
    """The name of a store's own folder: readable, and another for every other store."""
    mark = hashlib.sha256(location.url.encode()).hexdigest()[:8]
    label = location.file.stem if location.file else f"{location.database}-{location.host}"
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', label)[:_NAME_MOST]}-{mark}"


def _document(backup: Backup) -> dict[str, Any]:
    return {
        "revision": backup.revision,
        "rows": backup.rows,
        "bytes": backup.size_bytes,
        "reason": backup.reason.value,
    }


def _pause_s(failures: int) -> float:
    """One that failed is due all the same, but each failure is told in the audit log and may leave
    a bad backup."""
    if not failures:
        return _LOOK_EVERY_S
    return _RETRY_S if failures <= _HOURLY_RETRIES else _LATER_RETRY_S
