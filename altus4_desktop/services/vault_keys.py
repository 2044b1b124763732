"""What is done to the keys that seal secrets: rotation, passphrase, recovery kits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditOutcome, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import (
    AccessError,
    AltusError,
    KeyMissingError,
    StoreError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.files import read_private
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.services.audit import build_event, current_origin
from altus4_desktop.services.connection_secrets import password_binding, ssh_binding
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.resealing import Resealer, SealedFile
from altus4_desktop.vault import VaultKind
from altus4_desktop.vault.keyrings import PROBE_TIMEOUT_S
from altus4_desktop.vault.kit import KitContent, open_kit

if TYPE_CHECKING:
    from altus4_desktop.domain.connections import Connection
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.store import Store

_log = logging.getLogger(__name__)

# How often a row is tried that somebody else changes at the same time.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class RotationReport:
    """What a rotation has done: ``resealed`` records; ``unreadable`` ones stay under their old key,
    as do those in ``unreachable`` stores (label and reason).

    ``finished``: no record needs an older key any more, and none is left.
    """

    resealed: int
    unreadable: tuple[str, ...]
    unreachable: tuple[tuple[str, AltusError], ...]
    finished: bool


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a kit has brought: ``added`` keys are new here; ``restored``: the vault's own key had
    been lost and is back."""

    added: tuple[str, ...]
    key_count: int
    restored: bool
    made_at: str
    origin: str


@dataclass(slots=True)
class _Count:
    """How far a rotation has come."""

    resealed: int = 0
    unreadable: list[str] = field(default_factory=list)
    unreachable: list[tuple[str, AltusError]] = field(default_factory=list)


class VaultKeysService:
    """Changes the keys of this workstation. Every method raises AccessError for an API
    key, VaultLockedError, VaultError and StoreError besides what it names."""

    def __init__(
        self,
        vault: VaultService,
        metadata: MetadataService,
        files: Sequence[SealedFile],
        permissions: Permissions,
    ) -> None:
        self._vault = vault
        self._metadata = metadata
        self._files = files
        self._permissions = permissions

    def rotate_(
        self,
        actor: Actor,
        *,
        kind: VaultKind | None = None,
        passphrase_secret: str | None = None,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> RotationReport:
        """Make a new key and seal every secret of this workstation with it; the old key goes last.

        A rotation that was broken off is finished first; only where another ``kind`` or a new
        passphrase is wanted, a further one follows. It may be cancelled, or the program killed, at
        any moment: everything can be opened meanwhile, and the next call goes on from there.
        Records that other workstations have sealed stay as they are. Raises InputError, Cancelled,
        VaultError (``vault.rotating``) while another program is at it.
        """
        actor = self._permissions.check(actor, Right.IN_PERSON)
        token = token or CancelToken()
        with self._vault.changes.rotating():
            self._check_lasting()
            broken_off = self._vault.status().older_key_ids
            if broken_off:
                report = self._finish(actor, progress, token)
                wants_more = passphrase_secret is not None or kind not in {
                    None,
                    self._vault.status().kind,
                }
                if not wants_more:
                    return report
            self._begin(actor, kind, passphrase_secret, token)
            return self._finish(actor, progress, token)

    def change_passphrase_(self, actor: Actor, passphrase_secret: str, new_secret: str) -> None:
        """Protect the same key with another passphrase; raises InputError for the new one,
        VaultError (``vault.passphrase``) for the one before."""
        actor = self._permissions.check(actor, Right.IN_PERSON)
        self._vault.changes.change_passphrase(passphrase_secret, new_secret)
        self._tell(actor, "vault.passphrase_changed")

    def export_kit_(self, actor: Actor, path: Path, passphrase_secret: str) -> tuple[str, ...]:
        """Write every key that opens to ``path`` under a passphrase; what stood there is replaced
        only when the new kit was opened again. Returns the names of the keys. Raises InputError,
        AltusError for the file."""
        actor = self._permissions.check(actor, Right.IN_PERSON)
        self._check_lasting()
        made_at = datetime.now(UTC).replace(microsecond=0).isoformat()
        kit = self._vault.changes.build_kit(passphrase_secret, made_at, current_origin())
        with open_chosen(path) as file:
            file.write(kit)
            file.seek(0)
            key_ids = sorted(open_kit(file.read(), passphrase_secret).keys)
            event = build_event(
                actor,
                "vault.kit_exported",
                SubjectKind.VAULT,
                "",
                path.name,
                after={"keys": key_ids},
            )
            # A kit that nobody knows of is worse than one that did not come about.
            self._metadata.store.audit.add_([event])
        return tuple(key_ids)

    def import_kit_(
        self,
        actor: Actor | None,
        path: Path,
        passphrase_secret: str,
        new_passphrase_secret: str | None = None,
        token: CancelToken | None = None,
    ) -> ImportReport:
        """Keep the keys of a kit beside the own ones, which stay in use.

        Where this vault's own key was lost and the kit has it, it is put back: into the keyring, or
        under ``new_passphrase_secret``. ``actor`` None: the store cannot be opened without the kit.
        Raises InputError, KeyMissingError when the kit does not hold the lost key, VaultError
        (``vault.kit``, ``vault.kit_passphrase``; ``vault.rotating`` while another program changes
        the key), AltusError for the file, Cancelled.
        """
        if actor is not None:
            actor = self._permissions.check(actor, Right.IN_PERSON)
        elif self._metadata.is_open and self._metadata.store.users.exists_real():
            raise AccessError("Sign in first.", hint="The store can be asked who you are.")
        content = _read_kit(path, passphrase_secret)
        with self._vault.changes.rotating():
            restored = self._open_own(content, new_passphrase_secret, token)
            added = self._vault.changes.add_keys(content)
        self._tell(
            actor,
            "vault.kit_imported",
            kit={"made_at": content.made_at, "made_on": content.origin, "keys": [*content.keys]},
            added=[*added],
            restored=restored,
        )
        return ImportReport(added, len(content.keys), restored, content.made_at, content.origin)

    # -- rotation --------------------------------------------------------------------------------

    def _check_lasting(self) -> None:
        status = self._vault.status()
        if status.problem is not None and status.kind is VaultKind.NONE:
            raise status.problem
        if status.kind in (VaultKind.NONE, VaultKind.SESSION):
            raise VaultError(
                "There is no key that outlives the program.",
                hint="Set up the keyring or a passphrase first.",
                code="vault.session_only",
            )

    def _begin(
        self,
        actor: Actor,
        kind: VaultKind | None,
        passphrase_secret: str | None,
        token: CancelToken,
    ) -> None:
        before = self._vault.status()
        kept = (kind or before.kind).value
        # Told first: a store that cannot be written to keeps the key as it is.
        self._add_event(actor, "vault.rotation_begun", before={"key": before.key_id}, kept_by=kept)
        self._vault.changes.begin_rotation(
            kind, passphrase_secret, timeout_s=PROBE_TIMEOUT_S, token=token
        )

    def _finish(self, actor: Actor, progress: ProgressSink, token: CancelToken) -> RotationReport:
        count = _Count()
        older = self._vault.status().older_key_ids
        try:
            finished = self._move(Resealer(self._vault, older), count, progress, token)
            if finished:
                self._vault.changes.drop_keys(older)
        except BaseException:
            self._tell(
                actor,
                "vault.rotation_stopped",
                outcome=AuditOutcome.FAILED,
                resealed=count.resealed,
                older_keys=[*older],
            )
            raise
        self._add_event(
            actor,
            "vault.rotated",
            before={"keys": [*older]},
            after={"key": self._vault.status().key_id},
            resealed=count.resealed,
            unreadable=len(count.unreadable),
            unreachable=[label for label, _ in count.unreachable],
            finished=finished,
        )
        return RotationReport(
            count.resealed, tuple(count.unreadable), tuple(count.unreachable), finished
        )

    def _move(
        self, resealer: Resealer, count: _Count, progress: ProgressSink, token: CancelToken
    ) -> bool:
        """Move everything; true when nothing needs an older key any more."""
        for file in self._files:
            token.raise_if_cancelled()
            with self._vault.exclusively():
                count.resealed += self._try_file(file, resealer, count)
        needed = False
        for label, store in self._stores(count):
            self._move_store(store, resealer, count, progress, token)
            needed = needed or any(_waiting(store, resealer))
            progress(Progress(f"Sealing saved passwords again: {label}", 1.0))
        for file in self._files:
            needed = needed or any(map(resealer.needs, file.sealed_in_file()))
        return not needed and not count.unreachable

    def _try_file(self, file: SealedFile, resealer: Resealer, count: _Count) -> int:
        try:
            return file.reseal_file_(resealer)
        except VaultLockedError:
            raise
        except VaultError as error:
            if error.code not in ("vault.record", "vault.key_missing"):
                raise
            count.unreadable.append(file.sealed_what)
            return 0

    def _stores(self, count: _Count) -> Iterator[tuple[str, Store]]:
        for location in self._metadata.known_locations():
            try:
                with self._metadata.looking_into(location) as store:
                    yield location.label, store
            except StoreError as error:
                if location == self._metadata.location:
                    raise
                count.unreachable.append((location.label, error))
            except KeyMissingError as error:
                count.unreachable.append((location.label, error))

    def _move_store(
        self,
        store: Store,
        resealer: Resealer,
        count: _Count,
        progress: ProgressSink,
        token: CancelToken,
    ) -> None:
        waiting = list(_waiting(store, resealer))
        for done, connection_id in enumerate(waiting):
            token.raise_if_cancelled()
            progress(
                Progress(
                    f"Sealing saved passwords again: {done + 1} of {len(waiting)}",
                    done / len(waiting),
                )
            )
            self._move_row(store, connection_id, resealer, count)

    def _move_row(
        self, store: Store, connection_id: str, resealer: Resealer, count: _Count
    ) -> None:
        for _ in range(_TRIES):
            record = store.connections.find_(connection_id)
            if record is None:
                return
            try:
                sealed = _resealed(record, resealer)
            except VaultLockedError:
                raise
            except VaultError as error:
                if error.code not in ("vault.record", "vault.key_missing"):
                    raise
                count.unreadable.append(record.name)
                return
            if store.connections.reseal_(record, *sealed):
                self._check_opens(store, connection_id)
                count.resealed += 1
                return
        # Somebody is just editing it; the old key stays until the next run.

    def _check_opens(self, store: Store, connection_id: str) -> None:
        """Open what the store has kept, as a later start will; raises VaultError."""
        record = store.connections.find_(connection_id)
        if record is not None and record.password_sealed:
            self._vault.open_(record.password_sealed, password_binding(record))
        if record is not None and record.ssh is not None and record.ssh_secret_sealed:
            self._vault.open_(record.ssh_secret_sealed, ssh_binding(record))

    # -- the recovery kit ------------------------------------------------------------------------

    def _open_own(
        self, content: KitContent, new_passphrase_secret: str | None, token: CancelToken | None
    ) -> bool:
        """Make the vault one that keys can be added to; true when its lost key was put back."""
        status = self._vault.status()
        if status.problem is not None and status.kind is VaultKind.NONE:
            raise status.problem
        if status.kind in (VaultKind.NONE, VaultKind.SESSION):
            return self._set_up(content, new_passphrase_secret, token)
        if status.unlocked:
            return False
        lost = status.key_id in content.keys
        if status.kind is VaultKind.PASSPHRASE:
            if not lost or new_passphrase_secret is None:
                raise VaultLockedError(
                    "The vault is locked.",
                    hint="Enter its passphrase first; with a kit that holds its key, choose a new "
                    "one.",
                )
            self._restore(content, status.key_id, new_passphrase_secret, token)
            return True
        try:
            self._vault.unlock_own(token)
        except KeyMissingError:
            if not lost:
                raise
            self._restore(content, status.key_id, new_passphrase_secret, token)
            return True
        return False

    def _set_up(
        self, content: KitContent, new_passphrase_secret: str | None, token: CancelToken | None
    ) -> bool:
        needed = [key_id for key_id in self._vault.needed_key_ids() if key_id in content.keys]
        if needed:
            key_id = content.current_id if content.current_id in needed else needed[0]
            self._restore(content, key_id, new_passphrase_secret, token)
            return True
        # A key of its own: what this workstation seals is not another one's to rotate.
        if new_passphrase_secret is None:
            self._vault.set_up_keyring(token)
        else:
            self._vault.set_up_passphrase(new_passphrase_secret)
        return False

    def _restore(
        self,
        content: KitContent,
        key_id: str,
        new_passphrase_secret: str | None,
        token: CancelToken | None,
    ) -> None:
        self._vault.changes.restore(
            content, key_id, new_passphrase_secret, timeout_s=PROBE_TIMEOUT_S, token=token
        )

    # -- what is written down --------------------------------------------------------------------

    def _add_event(self, actor: Actor | None, action: str, **details: Any) -> None:
        event = build_event(actor, action, SubjectKind.VAULT, **details)
        self._metadata.store.audit.add_([event])

    def _tell(self, actor: Actor | None, action: str, **details: Any) -> None:
        """Write down what has happened already, where there is a store to write to."""
        try:
            if not self._metadata.is_open:
                self._metadata.open_()
            self._add_event(actor, action, **details)
        except AltusError as error:
            _log.warning("%s was not written down: %s", action, error.code)


def _waiting(store: Store, resealer: Resealer) -> Iterator[str]:
    """The connections with a record that an older key has sealed."""
    needing = (
        connection_id
        for connection_id, record in store.connections.sealed_records()
        if resealer.needs(record)
    )
    yield from dict.fromkeys(needing)


def _resealed(record: Connection, resealer: Resealer) -> tuple[str, str]:
    """The sealed password and SSH secret of a connection under the current key."""
    ssh_secret = record.ssh_secret_sealed
    if record.ssh is not None:
        ssh_secret = resealer.again(ssh_secret, ssh_binding(record))
    return resealer.again(record.password_sealed, password_binding(record)), ssh_secret


def _read_kit(path: Path, passphrase_secret: str) -> KitContent:
    try:
        file = read_private(path)
    except OSError as error:
        raise AltusError(
            "The recovery kit “{path}” cannot be read: {reason}.",
            hint="Choose the file that was written when the kit was made.",
            code="vault.kit_file",
            details={"path": str(path), "reason": error.strerror or type(error).__name__},
        ) from error
    return open_kit(file, passphrase_secret)
