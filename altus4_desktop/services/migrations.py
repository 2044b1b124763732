"""Bringing the metadata store to another revision: what that means, who may, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AccessError
from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.progress import ProgressSink, ignore_progress
from altus4_desktop.domain.revisions import (
    DriftItem,
    LossReport,
    MigrationRun,
    Revision,
    VisitorReport,
)
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.storage.migrator import Telling


class MigrationsService:
    """Revisions of the one metadata store.

    Everywhere ``actor`` may be None only while `needs_admin` is false: before somebody has an
    account, and while the store is behind this program, when nobody can be asked who they are.
    """

    def __init__(self, metadata: MetadataService, permissions: Permissions) -> None:
        self._metadata = metadata
        self._permissions = permissions

    def needs_admin(self) -> bool:
        """Whether somebody has an account that may decide: the store is whole and in use.

        Raises SchemaError for a foreign or newer store, StoreError.
        """
        with self._metadata.working_on() as store:
            status = store.migrator.status()
            return not status.pending and not status.newer and store.users.exists_real()

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
            self._check(actor)
            return store.migrator.upgrade(
                to,
                progress,
                dry_run,
                token=token,
                without_copy=without_copy,
                tell=tell_upgrade(actor, store.location.label),
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
            self._check(actor)
            return store.migrator.downgrade(
                to,
                progress,
                dry_run,
                token=token,
                without_copy=without_copy,
                tell=_telling(actor, "store.downgraded", store.location.label),
            )

    def loss_(self, actor: Actor | None, to: str | None = None) -> LossReport:
        """What `downgrade_` to ``to`` would undo and what would be lost by it; changes nothing.

        Raises AccessError, InputError, SchemaError, StoreError.
        """
        with self._metadata.working_on() as store:
            self._check(actor)
            return store.migrator.loss(to)

    def drift_(self, actor: Actor | None) -> tuple[DriftItem, ...]:
        """Where the live schema departs from the program's; changes nothing.

        Raises AccessError, SchemaError, StoreError.
        """
        with self._metadata.working_on() as store:
            self._check(actor)
            return store.migrator.drift()

    def visitors_(self, actor: Actor | None) -> VisitorReport:
        """Who has the store open; raises AccessError, StoreError."""
        with self._metadata.working_on() as store:
            self._check(actor)
            return store.migrator.visitors()

    def _check(self, actor: Actor | None) -> None:
        if self.needs_admin():
            if actor is None:
                raise _denied()
            self._permissions.check(actor, Right.ADMINISTER)
        elif actor is not None:
            # The store cannot be asked who they are now; what they signed in as is known.
            allowed = actor.key_permissions
            if actor.role is not Role.ADMIN or not (
                allowed is None or KeyPermission.ADMIN in allowed
            ):
                raise _denied()


def tell_upgrade(actor: Actor | None, label: str) -> Telling:
    """What the audit log says about an upgrade of the store ``label``; ``actor`` None: it upgraded
    by itself, or nobody could be asked who they are."""
    return _telling(actor, "store.upgraded", label)


def _telling(actor: Actor | None, action: str, label: str) -> Telling:
    from altus4_desktop.services.audit import build_event

    def tell(
        before: str | None, after: str | None, revisions: tuple[Revision, ...]
    ) -> list[AuditEvent]:
        event = build_event(
            actor,
            action,
            SubjectKind.STORE,
            "",
            label,
            before={"revision": before or ""},
            after={"revision": after or ""},
            revisions=[revision.id for revision in revisions],
        )
        return [event]

    return tell


def _denied() -> AccessError:
    return AccessError(
        "Only an admin may change or look into the schema of the metadata store.",
        hint="Sign in as an admin.",
    )
