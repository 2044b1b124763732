"""Import with a preview, and export."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, ConnectionDraft
from altus4_desktop.domain.errors import (
    AltusError,
    ConflictError,
    InputError,
    NotFoundError,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.exchange import (
    ExchangeFormat,
    ExportReport,
    FileSource,
    ImportChoice,
    ImportFailure,
    ImportItem,
    ImportPreview,
    ImportReport,
    ImportSource,
    ItemKind,
    ItemState,
    ServerSource,
)
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.connection_drafts import check_draft
from altus4_desktop.services.connection_events import build_connection_event, connection_facts
from altus4_desktop.services.connection_secrets import build_target
from altus4_desktop.services.exchange.accounts import (
    AccountImporter,
    mark_known_accounts,
    refusal,
)
from altus4_desktop.services.exchange.altus_server import build_items
from altus4_desktop.services.exchange.bundle import open_bundle, seal_bundle
from altus4_desktop.services.exchange.detecting import READERS, detect_format
from altus4_desktop.services.exchange.document import build_document, read_document
from altus4_desktop.services.exchange.reading import LARGEST_BYTES, decode_text
from altus4_desktop.services.exchange.settling import Place, free_name, place_of, settle
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.vault import Binding
from altus4_desktop.vault.altus_server import read_encryption_key
from altus4_desktop.vault.passphrase import Argon2Settings

if TYPE_CHECKING:
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.store import Store


class ExchangeService:
    """Connections from other programs and other computers, and to them.

    A user brings in and takes out their own; users and API keys of an Altus 4 server are for
    admins. Every method raises AccessError and StoreError.
    """

    def __init__(
        self,
        metadata: MetadataService,
        vault: VaultService,
        connections: ConnectionsService,
        permissions: Permissions,
        argon2: Argon2Settings | None = None,
    ) -> None:
        self._metadata = metadata
        self._vault = vault
        self._connections = connections
        self._permissions = permissions
        self._argon2 = argon2 or Argon2Settings()

    def preview_(
        self, actor: Actor, source: ImportSource, token: CancelToken | None = None
    ) -> ImportPreview:
        """What is found at ``source``, and whether it can be brought in; changes nothing.

        Raises InputError (``format``, ``passphrase``, ``encryption_key``, or a field of a
        connection), AltusError (``import.unreadable``, ``import.too_large``, ``import.too_many``,
        ``import.newer``, ``import.no_server``), TenantError, Cancelled.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        if isinstance(source, FileSource):
            preview = read_file(source)
        else:
            preview = self._read_server(actor, source, token or CancelToken())
        return replace(preview, items=self._marked(actor, preview.items))

    def import_(
        self,
        actor: Actor,
        preview: ImportPreview,
        choices: Sequence[ImportChoice],
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> ImportReport:
        """Bring in what was chosen of ``preview``, one after the other.

        Each is saved, with its password sealed and its line in the audit log, before the next is
        begun: after a kill, or a cancel, a second run brings in the rest. What the store refuses is
        named in the report. Raises NotFoundError for an item that is not in the preview,
        VaultLockedError before anything is saved.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        token = token or CancelToken()
        known = {item.id: item for item in preview.items}
        chosen = [_chosen(known, choice) for choice in choices]
        chosen.sort(key=lambda pair: _ORDER[pair[0].kind])
        if any(item.kind is not ItemKind.CONNECTION for item, _ in chosen):
            self._permissions.check(actor, Right.USERS)
        if any(item.user is not None and item.user.role is Role.ADMIN for item, _ in chosen):
            self._permissions.check_may_give(actor, Role.ADMIN)
        if any(_password(*pair) is not None for pair in chosen):
            # A vault that is locked is told before the first row, not after some of them.
            self._vault.seal("", Binding("exchange", "check", "", actor.user_id))
        run = _Run(self._store, actor, self._permissions.owns(actor, ""))
        for done, (item, choice) in enumerate(chosen):
            if token.cancelled:
                return replace(run.report, stopped=True)
            progress(Progress(f"Importing: {item.name}", done / len(chosen)))
            try:
                if item.kind is ItemKind.CONNECTION:
                    self._import_connection(run, item, choice)
                else:
                    run.accounts.import_(item)
            except (InputError, ConflictError, NotFoundError) as error:
                run.failures.append(ImportFailure(choice.name or item.name, error))
        progress(Progress("Importing: done", 1.0))
        return run.report

    def export_(self, actor: Actor, connection_ids: Sequence[str], path: Path) -> ExportReport:
        """Write connections to ``path`` without their secrets, whole or not at all.

        Raises InputError (``connections``) for none, NotFoundError, AltusError (``export.failed``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        chosen, left_out = self._exported(actor, connection_ids)
        content = build_document([saved.as_draft() for saved in chosen], with_secrets=False)
        report = ExportReport(path, tuple(saved.name for saved in chosen), left_out=tuple(left_out))
        self._write(actor, content.encode("utf-8"), report, ExchangeFormat.DOCUMENT)
        return report

    def export_bundle_(
        self, actor: Actor, connection_ids: Sequence[str], path: Path, passphrase_secret: str
    ) -> ExportReport:
        """Write connections with their passwords to ``path``, encrypted, whole or not at all.

        A password that cannot be opened is left out and named, as is one that there never was.
        Raises InputError (``passphrase``,
        ``connections``), NotFoundError, VaultLockedError, AltusError (``export.failed``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        chosen, left_out = self._exported(actor, connection_ids)
        drafts: list[ConnectionDraft] = []
        unopened: list[str] = []
        without_password: list[str] = []
        for saved in chosen:
            draft = saved.as_draft()
            if not saved.password_sealed and not saved.ssh_secret_sealed:
                without_password.append(saved.name)
                drafts.append(draft)
                continue
            try:
                target = self._connections.target_(actor, saved.id)
            except VaultLockedError:
                raise
            except VaultError:
                unopened.append(saved.name)
            else:
                draft = replace(
                    draft,
                    password_secret=target.password_secret,
                    ssh_secret=target.ssh_secret or None,
                )
            drafts.append(draft)
        document = build_document(drafts, with_secrets=True)
        content = seal_bundle(document, passphrase_secret, self._argon2)
        report = ExportReport(
            path,
            tuple(saved.name for saved in chosen),
            tuple(unopened),
            tuple(without_password),
            tuple(left_out),
        )
        self._write(actor, content, report, ExchangeFormat.BUNDLE)
        return report

    # -- how -------------------------------------------------------------------------------------

    @property
    def _store(self) -> Store:
        return self._metadata.store

    def _read_server(self, actor: Actor, source: ServerSource, token: CancelToken) -> ImportPreview:
        from altus4_desktop.mysql.altus_server import read_altus_server

        place = check_draft(replace(source.place, name=source.place.name.strip() or "Altus 4"))
        key_secret = source.encryption_key_secret
        key = read_encryption_key(key_secret) if key_secret else None
        target = build_target("", place, place.password_secret or "", place.ssh_secret or "")
        # The accounts of a server are for admins; others see their connections alone.
        content = read_altus_server(target, token, with_accounts=self._permissions.owns(actor, ""))
        items, remarks = build_items(content, key)
        origin = f"{place.host}:{place.port}/{place.database}"
        return ImportPreview(ExchangeFormat.ALTUS_SERVER, origin, tuple(items), remarks)

    def _marked(self, actor: Actor, items: Sequence[ImportItem]) -> tuple[ImportItem, ...]:
        """The items with those marked that are here already, or earlier among them."""
        everything = self._permissions.owns(actor, "")
        users = {user.email: user.id for user in self._store.users.list_()}
        arriving = {item.user.email: item.user.email for item in items if item.user is not None}
        places: dict[tuple[str, Place], str] = {
            (saved.user_id, place_of(saved)): saved.name
            for saved in self._store.connections.list_(
                None if everything else actor.user_id, active_only=False
            )
        }
        marked: list[ImportItem] = []
        for item in items:
            if item.draft is None or "database" in item.lacks or item.state is not ItemState.NEW:
                marked.append(item)
                continue
            email = item.owner_email if everything else ""
            owner_id = users.get(email) or arriving.get(email) or actor.user_id
            place = (owner_id, place_of(item.draft))
            other = places.get(place)
            if other is not None:
                reason = Remark("“{name}” leads there already.", {"name": other})
                marked.append(replace(item, state=ItemState.DUPLICATE, reason=reason))
                continue
            places[place] = item.name
            marked.append(item)
        return mark_known_accounts(self._store, marked)

    def _import_connection(self, run: _Run, item: ImportItem, choice: ImportChoice) -> None:
        draft = _completed(item, choice)
        owner_id = run.accounts.owner_of(item.owner_email) or run.actor.user_id
        draft = replace(draft, name=free_name(draft.name, run.names(owner_id)))
        with self._vault.sealing():
            record = self._connections.prepare_(owner_id, draft)
            after = connection_facts(record)
            event = build_connection_event(run.actor, "imported", record, after=after)
            try:
                saved = self._store.connections.create_(record, [event])
            except ConflictError as error:
                raise ConflictError("There is a connection to that database already.") from error
        run.names(owner_id).add(saved.name)
        run.connections.append(saved.name)
        if not saved.password_sealed:
            run.without_password[saved.id] = saved.name

    def _exported(
        self, actor: Actor, connection_ids: Sequence[str]
    ) -> tuple[list[Connection], list[str]]:
        found = [
            self._connections.get_(actor, connection_id)
            for connection_id in dict.fromkeys(connection_ids)
        ]
        chosen = [saved for saved in found if not saved.managed]
        if not chosen:
            raise InputError(
                "connections",
                "Choose at least one connection.",
                hint="Those to this computer's own local server stay here.",
            )
        return chosen, [saved.name for saved in found if saved.managed]

    def _write(
        self, actor: Actor, content: bytes, report: ExportReport, written: ExchangeFormat
    ) -> None:
        with open_chosen(report.path) as file:
            file.write(content)
            # An export that nobody knows of is worse than one that did not come about.
            event = build_event(
                actor,
                "connection.exported",
                SubjectKind.CONNECTION,
                subject_name=report.path.name,
                after={
                    "format": written.value,
                    "connections": list(report.connections),
                    "with_passwords": written is ExchangeFormat.BUNDLE,
                },
            )
            self._store.audit.add_([event])


@dataclass
class _Run:
    """One import under way: what it has done so far."""

    store: Store
    actor: Actor
    everything: bool
    accounts: AccountImporter = field(init=False)
    connections: list[str] = field(default_factory=list)
    without_password: dict[str, str] = field(default_factory=dict)
    failures: list[ImportFailure] = field(default_factory=list)
    _names: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = AccountImporter(self.store, self.actor, self.everything)

    def names(self, owner_id: str) -> set[str]:
        """The names that connections of this user have."""
        if owner_id not in self._names:
            saved = self.store.connections.list_(owner_id, active_only=False)
            self._names[owner_id] = {one.name for one in saved}
        return self._names[owner_id]

    @property
    def report(self) -> ImportReport:
        return ImportReport(
            tuple(self.connections),
            tuple(self.accounts.users),
            tuple(self.accounts.keys),
            dict(self.without_password),
            tuple(self.failures),
        )


_ORDER = {ItemKind.USER: 0, ItemKind.CONNECTION: 1, ItemKind.API_KEY: 2}


def read_file(source: FileSource) -> ImportPreview:
    """What is in a file, not compared with the store yet; raises as `ExchangeService.preview_`."""
    text, remarks = decode_text(_content(source.path))
    wanted = source.format or detect_format(text)
    if wanted is ExchangeFormat.BUNDLE:
        inside = open_bundle(text, source.passphrase_secret)
        reading = read_document(inside, with_secrets=True)
    elif wanted in READERS:
        reading = READERS[wanted](text)
    else:
        raise InputError("format", "That is no format of a file.")
    items = settle(reading.found)
    if not items:
        raise AltusError(
            "There are no connections in “{file}”.",
            hint="Choose the file that the other program has written.",
            code="import.empty",
            details={"file": source.path.name},
        )
    return ImportPreview(wanted, source.path.name, tuple(items), remarks + reading.remarks)


def _content(path: Path) -> bytes:
    """One byte more than may be there, so that too many are noticed; a pipe is not waited for."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        place = path.expanduser()
        if not stat.S_ISREG(place.stat().st_mode):
            raise InputError("file", "“{file}” is no file.", file=str(path))
        with os.fdopen(os.open(place, flags), "rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise AltusError(
            "“{path}” cannot be read: {reason}.",
            hint="Choose another file.",
            code="import.unreadable",
            details={"path": str(path), "reason": reason or type(error).__name__},
        ) from error


def _chosen(
    known: Mapping[str, ImportItem], choice: ImportChoice
) -> tuple[ImportItem, ImportChoice]:
    item = known.get(choice.item_id)
    if item is None:
        raise NotFoundError(
            "There is no line “{id}” in the preview.", details={"id": choice.item_id}
        )
    return item, choice


def _password(item: ImportItem, choice: ImportChoice) -> str | None:
    if item.draft is None:
        return None
    if choice.password_secret is not None:
        return choice.password_secret
    return item.draft.password_secret


def _completed(item: ImportItem, choice: ImportChoice) -> ConnectionDraft:
    """The draft with what was entered besides; raises ConflictError for an unusable one."""
    if item.draft is None:
        raise refusal(item)
    return replace(
        item.draft,
        name=choice.name.strip() or item.draft.name,
        database=choice.database.strip() or item.draft.database,
        username=choice.username.strip() or item.draft.username,
        password_secret=_password(item, choice),
    )
