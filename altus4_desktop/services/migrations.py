"""Bringing the metadata store to another revision: what that means, who may, and doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditEvent, AuditOutcome, ChainEnd, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.progress import ProgressSink, ignore_progress
from altus4_desktop.domain.revisions import (
    DriftItem,
    LossReport,
    MigrationRun,
    RunRecord,
    VisitorReport,
)
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.migrator import Telling
    from altus4_desktop.storage.store import Store

# The revision that makes the audit log.
_AUDIT_LOG = "0009_audit_log"


class MigrationsService:
    """Revisions of the one metadata store.

    Everywhere ``actor`` may be None while `needs_admin` is false: before somebody has an account.
    Who brings a store forward that is behind this program need not say who they are, because
    without that nobody can use it; who does (`AccountsService.sign_in_early`) has to be an admin.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def needs_admin(self) -> bool:
        """Whether somebody has an account that may decide, at whatever revision the store is.

        Raises SchemaError for a foreign or newer store, StoreError.
        """
        with self._metadata.working_on() as store:
            return self._is_used(store)

    def can_copy_(self) -> bool:
        """Whether the store can be copied before it is changed; raises StoreError."""
        with self._metadata.working_on() as store:
            return store.migrator.copies_first

    def preview_(self, revision: str, dialect: str | None = None, *, down: bool = False) -> str:
        """The statements of one step for ``mysql`` or ``sqlite`` (default: the store's own).

        Needs no server. Raises InputError.
        """
        from altus4_desktop.storage.migrator import statements

        own = "sqlite" if self._metadata.location.embedded else "mysql"
        return statements(revision, dialect or own, down=down)

    def upgrade_(
        self,
        actor: Actor | None,
        to: str | None = None,
        progress: ProgressSink = ignore_progress,
        *,
        token: CancelToken | None = None,
        dry_run: bool = False,
        without_copy: bool = False,
        password_secret: str | None = None,
    ) -> MigrationRun:
        """Apply the pending steps up to ``to`` (default: all) after a verified copy.

        For a shared store the caller has somebody's agreement. Returns what was, or would be,
        applied. Raises AccessError, InputError for an unknown ``to``, SchemaError for a foreign or
        newer store, StoreError (``store.no_copy`` unless ``without_copy`` was agreed to),
        VaultLockedError, Cancelled.
        """
        with self._metadata.working_on(password_secret) as store:
            self._check(store, actor, forwards=True)
            return store.migrator.upgrade(
                to,
                progress,
                dry_run,
                token=token,
                without_copy=without_copy,
                tell=tell_upgrade(actor, store.location.label, self._metadata.audit_seen()),
            )

    def downgrade_(
        self,
        actor: Actor | None,
        to: str | None = None,
        progress: ProgressSink = ignore_progress,
        *,
        token: CancelToken | None = None,
        dry_run: bool = False,
        without_copy: bool = False,
    ) -> MigrationRun:
        """Undo every step after ``to`` (default: all) after a verified copy, and lose what `loss_`
        has counted.

        Returns what was, or would be, undone. Raises as `upgrade_` does.
        """
        with self._metadata.working_on() as store:
            self._check(store, actor)
            return store.migrator.downgrade(
                to,
                progress,
                dry_run,
                token=token,
                without_copy=without_copy,
                tell=lambda run: [_event(actor, "store.downgraded", store.location.label, run)],
            )

    def loss_(self, actor: Actor | None, to: str | None = None) -> LossReport:
        """What `downgrade_` to ``to`` would undo and what would be lost by it; changes nothing.

        Raises AccessError, InputError, SchemaError, StoreError.
        """
        with self._metadata.working_on() as store:
            self._check(store, actor)
            return store.migrator.loss(to)

    def drift_(self, actor: Actor | None) -> tuple[DriftItem, ...]:
        """Where the live schema departs from the program's; changes nothing.

        Raises AccessError, SchemaError, StoreError.
        """
        with self._metadata.working_on() as store:
            self._check(store, actor)
            return store.migrator.drift()

    def visitors_(self, actor: Actor | None) -> VisitorReport:
        """Who has the store open; raises AccessError, StoreError."""
        with self._metadata.working_on() as store:
            self._check(store, actor, forwards=True)
            return store.migrator.visitors()

    @staticmethod
    def _is_used(store: Store) -> bool:
        status = store.migrator.status()
        return status.current is not None and not status.newer and store.early_users.exists_real()

    def _check(self, store: Store, actor: Actor | None, *, forwards: bool = False) -> None:
        """Refuse all but admins; ``forwards``: somebody who is nobody is let through as well, while
        the store is behind."""
        is_behind = bool(store.migrator.status().pending)
        if not self._is_used(store) or (forwards and is_behind and actor is None):
            return
        if actor is None:
            raise _denied()
        if not is_behind:
            self._permissions.check(actor, Right.ADMINISTER)
            return
        user = store.early_users.find_(actor.user_id)
        allowed = actor.key_permissions
        by_right = allowed is None or KeyPermission.ADMIN in allowed
        if user is None or user.actor.role is not Role.ADMIN or not by_right:
            raise _denied()


def tell_upgrade(actor: Actor | None, label: str, seen: ChainEnd | None) -> Telling:
    """What the audit log says about an upgrade of the store ``label``.

    ``actor`` None: it upgraded by itself, or whoever did it did not say who they are. ``seen`` is
    where this workstation last saw the end of a log that may be gone.
    """

    def tell(run: RunRecord) -> list[AuditEvent]:
        log: dict[str, Any] = {}
        if run.failure is None and any(step.id == _AUDIT_LOG for step in run.revisions):
            log["audit_log"] = "begun anew" if seen else "begun"
            if seen:
                log["records_dropped"] = seen.sequence
        return [_event(actor, "store.upgraded", label, run, **log)]

    return tell


def _event(actor: Actor | None, action: str, label: str, run: RunRecord, **more: Any) -> AuditEvent:
    from altus4_desktop.services.audit import build_event

    failure = run.failure
    return build_event(
        actor,
        action,
        SubjectKind.STORE,
        "",
        label,
        before={"revision": run.before},
        after={"revision": run.after},
        outcome=AuditOutcome.DONE if failure is None else AuditOutcome.FAILED,
        revisions=[revision.id for revision in run.revisions],
        copy=Path(run.copy_file).name if run.copy_file else "without copy",
        **({} if failure is None else {"error": failure.code}),
        **more,
    )


def _denied() -> AccessError:
    return AccessError(
        "Only an admin may change or look into the schema of the metadata store.",
        hint="Sign in as an admin.",
    )
