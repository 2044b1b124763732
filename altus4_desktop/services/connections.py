"""Saved connections: who may use them, what may be saved, what they lead to."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    PoolStats,
    ServerCertificate,
    Target,
    TlsMode,
)
from altus4_desktop.domain.errors import (
    ConflictError,
    InputError,
    LocalServerError,
    NotFoundError,
    StoreError,
    TenantError,
)
from altus4_desktop.domain.local_server import ManagedEndpoint
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.services.connection_drafts import check_draft, parse_url
from altus4_desktop.services.connection_events import build_connection_event, connection_facts
from altus4_desktop.services.connection_secrets import (
    ConnectionSecrets,
    build_target,
    leads_alike,
    same_place,
)
from altus4_desktop.services.known_schemas import KnownSchemas
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.rights_words import explain

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.vault import VaultService
    from altus4_desktop.storage.repositories.connections import ConnectionRepository

_log = logging.getLogger(__name__)

_NOTED_EVERY_S = 60.0
# A table that was made on the server since then is not searched.
SCHEMA_AGE_S = 300.0

# Where the local server answers, started if need be.
OpenEndpoint = Callable[[CancelToken | None], ManagedEndpoint]


class ConnectionsService:
    """The connections of the metadata store; a user has their own, an admin sees all.

    Safe to use from any thread. Methods raise `NotFoundError` for what the actor may not see,
    `StoreError` and `VaultError` besides what they name.
    """

    def __init__(
        self,
        metadata: MetadataService,
        vault: VaultService,
        pools: TenantPools,
        permissions: Permissions,
        open_endpoint: OpenEndpoint | None = None,
    ) -> None:
        self._metadata = metadata
        self._vault = vault
        self._pools = pools
        self._permissions = permissions
        self._open_endpoint = open_endpoint
        self._secrets = ConnectionSecrets(vault)
        self._schemas = KnownSchemas(pools, self.note_connected_)
        self._lock = threading.Lock()
        self._noted: dict[str, float] = {}
        self._forgetting: list[Callable[[str | None], None]] = []

    # -- saved connections -----------------------------------------------------------------------

    def list_(self, actor: Actor) -> list[Connection]:
        """The actor's connections by name; every user's for an admin."""
        return self._list(self._permissions.check(actor, Right.SEARCH))

    def get_(self, actor: Actor, id_or_name: str) -> Connection:
        """One connection by id or name; the actor's own goes before another user's."""
        return self._get(self._permissions.check(actor, Right.SEARCH), id_or_name)

    def owners_(self, actor: Actor) -> dict[str, str]:
        """The e-mails of those whose connections the actor may see, by user id."""
        actor = self._permissions.check(actor, Right.SEARCH)
        users = self._metadata.store.users.list_()
        return {user.id: user.email for user in users if self._permissions.owns(actor, user.id)}

    def create_(
        self, actor: Actor, draft: ConnectionDraft, copy_of: str | None = None
    ) -> Connection:
        """Save a new connection of the actor's.

        A draft without a password takes that of ``copy_of``, while host, port and user are the
        same. Raises InputError, ConflictError for a second one to the same database.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        draft = check_draft(draft)
        self._check_name(actor.user_id, draft.name, own_id="")
        template = self._get(actor, copy_of) if copy_of is not None else None
        return self._insert(actor, self._secrets.complete(draft, template), managed=False)

    def update_(
        self,
        actor: Actor,
        connection_id: str,
        draft: ConnectionDraft,
        seen_at: datetime | None = None,
    ) -> Connection:
        """Replace what a connection says; ``seen_at`` is the ``updated_at`` that was edited.

        Another host, port or user needs the password again. Raises InputError, ConflictError when
        it was changed meanwhile or leads where another one does.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        draft = check_draft(draft)
        saved = self._get(actor, connection_id)
        self._check_name(saved.user_id, draft.name, own_id=saved.id)
        if saved.managed:
            _check_managed(saved, draft)
        return self._replace(actor, saved, self._secrets.complete(draft, saved), draft, seen_at)

    def duplicate_(self, actor: Actor, connection_id: str) -> ConnectionDraft:
        """A draft with everything of a connection but its password, under a free name.

        One user's connections lead to different databases, so a copy is saved (`create_` with
        ``copy_of``) once host, port or database were changed.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        saved = self._get(actor, connection_id)
        taken = {other.name for other in self._saved.list_(actor.user_id, active_only=False)}
        name, number = f"{saved.name} (copy)", 1
        while name in taken:
            number += 1
            name = f"{saved.name} (copy {number})"
        return replace(saved.as_draft(), name=name)

    def delete_(self, actor: Actor, connection_id: str) -> None:
        """Remove a connection with its saved password; its searches stay in the history."""
        actor = self._permissions.check(actor, Right.MANAGE)
        saved = self._get(actor, connection_id)
        event = build_connection_event(actor, "deleted", saved, before=connection_facts(saved))
        self._saved.delete_(saved.id, [event])
        self._forget(saved.id)

    def save_managed_(self, actor: Actor, draft: ConnectionDraft) -> Connection:
        """Save a connection to the local server, or bring the actor's one to that database up to
        date; what a person may have changed of it (name, environment, pool) stays."""
        actor = self._permissions.check(actor, Right.MANAGE)
        draft = check_draft(draft)
        for saved in self._saved.list_(actor.user_id, active_only=False):
            if saved.managed and saved.database == draft.database:
                kept = replace(
                    draft, name=saved.name, environment=saved.environment, pool=saved.pool
                )
                return self._replace(actor, saved, kept, kept)
        return self._insert(actor, draft, managed=True)

    def prepare_(self, owner_id: str, draft: ConnectionDraft) -> Connection:
        """A new connection of ``owner_id`` that is not saved yet, its password sealed; without one
        it is asked for when the connection is used. Raises InputError."""
        draft = check_draft(draft)
        return self._secrets.seal(_new_record(owner_id, draft, managed=False), draft)

    def parse_url(self, text: str) -> ConnectionDraft:
        """A draft from ``mysql://USER:PASSWORD@HOST:PORT/DB?ssl-mode=...``; raises InputError."""
        return parse_url(text)

    # -- what they lead to -----------------------------------------------------------------------

    def target_(self, actor: Actor, connection_id: str, token: CancelToken | None = None) -> Target:
        """Everything needed to connect; starts the local server for a managed connection.

        Raises LocalServerError and Cancelled besides.
        """
        return self._target_of(self.get_(actor, connection_id), token)

    def target_of_(self, saved: Connection, token: CancelToken | None = None) -> Target:
        """`target_` of a connection that `list_` or `get_` has just returned, without asking the
        store for it again."""
        return self._target_of(saved, token)

    def source_(
        self, saved: Connection, token: CancelToken | None = None, age_s: float = SCHEMA_AGE_S
    ) -> tuple[Target, DatabaseSchema]:
        """`target_` and `schema_` of a connection that `list_` or `get_` has just returned, without
        asking the store for it again; the schema is at most ``age_s`` old. Raises as they do."""
        token = token or CancelToken()
        newest_at = datetime.now(UTC) - timedelta(seconds=age_s)
        target = self._target_of(saved, token)
        return target, self._schemas.get(target, token, newest_at)

    def check_(
        self,
        actor: Actor,
        draft: ConnectionDraft,
        connection_id: str | None = None,
        token: CancelToken | None = None,
    ) -> ConnectionReport:
        """Try a draft out within its connect timeout.

        Without a password it takes that of the saved ``connection_id``, while host, port and user
        are the same. Raises InputError, TenantError, Cancelled.
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        saved = self._get(actor, connection_id) if connection_id is not None else None
        return self._check(check_draft(draft), saved, token)

    def check_saved_(
        self, actor: Actor, id_or_name: str, token: CancelToken | None = None
    ) -> ConnectionReport:
        """Try a saved connection out as it is; raises TenantError, LocalServerError, Cancelled."""
        saved = self.get_(actor, id_or_name)
        return self._check(check_draft(saved.as_draft()), saved, token)

    def read_certificate_(
        self,
        actor: Actor,
        draft: ConnectionDraft,
        connection_id: str | None = None,
        token: CancelToken | None = None,
    ) -> ServerCertificate:
        """The certificate that the draft's server shows, for a person to compare and pin.

        No password is sent and none is needed, but the SSH account's where a tunnel leads there;
        without it that of the saved ``connection_id``, for the same tunnel.
        Raises InputError, TenantError, Cancelled.
        """
        from altus4_desktop.mysql.probe import read_certificate

        actor = self._permissions.check(actor, Right.MANAGE)
        saved = self._get(actor, connection_id) if connection_id is not None else None
        plain = replace(
            draft,
            name=draft.name.strip() or "?",
            database=draft.database.strip() or "?",
            username=draft.username.strip() or "?",
            password_secret="",
            tls=replace(draft.tls, mode=TlsMode.REQUIRED, pin_sha256=""),
        )
        checked = check_draft(plain)
        secret = self._secrets.ssh_secret(checked, saved)
        return read_certificate(build_target("", checked, "", secret or ""), token or CancelToken())

    def schema_(
        self,
        actor: Actor,
        connection_id: str,
        token: CancelToken | None = None,
        refresh: bool = False,
    ) -> DatabaseSchema:
        """What the database contains, read once and then remembered; ``refresh`` reads it again.

        A search reads it again by itself when it is `SCHEMA_AGE_S` old.

        Raises TenantError, Cancelled.
        """
        token = token or CancelToken()
        newest_at = datetime.now(UTC) if refresh else None
        return self._schemas.get(self.target_(actor, connection_id, token), token, newest_at)

    def find_known_schema(self, connection_id: str) -> DatabaseSchema | None:
        """What was last read of a connection's database; asks neither store nor server."""
        return self._schemas.find(connection_id)

    def parsers_(
        self, actor: Actor, connection_id: str, table: str, token: CancelToken | None = None
    ) -> Mapping[str, str]:
        """The parser of each FULLTEXT index of a table by index name; ``""`` is the built-in one.

        Remembered with the schema. Raises TenantError, Cancelled.
        """
        token = token or CancelToken()
        target = self.target_(actor, connection_id, token)
        found = self._schemas.get(target, token).table(table)
        if found is None:
            raise NotFoundError("There is no table “{table}”.", details={"table": table})
        return self._schemas.read_parsers(target, (found,), token)[table]

    def full_schema_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> DatabaseSchema:
        """The schema, read now, with the parser of every index; raises TenantError, Cancelled."""
        token = token or CancelToken()
        target = self.target_(actor, connection_id, token)
        schema = self._schemas.get(target, token, datetime.now(UTC))
        self._schemas.read_parsers(target, schema.tables, token)
        return self._schemas.get(target, token)

    def stats_(self, connection_id: str) -> PoolStats | None:
        """Live figures of the connection's pool, None while it has none."""
        return self._pools.stats(connection_id)

    def reset_pool_(self, actor: Actor, connection_id: str) -> None:
        """Stop what runs on a connection, close its sessions and its tunnel, forget its figures;
        the next search opens them anew."""
        self._pools.disconnect(self.get_(actor, connection_id).id)

    def disconnect_all_(self, actor: Actor) -> None:
        """`reset_pool_` for every connection the actor may see."""
        for saved in self.list_(actor):
            self._pools.disconnect(saved.id)

    def note_connected_(self, connection_id: str) -> None:
        """Remember that the connection worked just now; written at most once a minute.

        It is a remark, so a store that fails at it is only logged.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get(connection_id, float("-inf")) < _NOTED_EVERY_S:
                return
            self._noted[connection_id] = now
        try:
            self._saved.touch_(connection_id, datetime.now(UTC))
        except (StoreError, NotFoundError, ConflictError) as error:
            _log.warning("The time of the last connection was not saved: %s", error.code)

    def when_forgotten_(self, forget: Callable[[str | None], None]) -> None:
        """Call ``forget`` with the id of a connection that was edited or deleted, and with None
        when all are to be forgotten: for what other services remember of their rows."""
        self._forgetting.append(forget)

    def reset_(self) -> None:
        """Stop every statement, close every session, forget the passwords, the schemas and what
        else is remembered of tenants in memory.

        For the lock and the sign-out; what is asked for afterwards opens them anew.
        """
        self._schemas.forget_all()
        self._pools.reset_all()
        for forget in self._forgetting:
            forget(None)

    def close_(self) -> None:
        """Stop every statement and close every tenant connection, within about two seconds."""
        self._pools.close()

    # -- how -------------------------------------------------------------------------------------

    @property
    def _saved(self) -> ConnectionRepository:
        return self._metadata.store.connections

    def _list(self, actor: Actor) -> list[Connection]:
        return self._saved.list_(None if self._sees_all(actor) else actor.user_id)

    def _sees_all(self, actor: Actor) -> bool:
        return self._permissions.owns(actor, "")

    def _get(self, actor: Actor, id_or_name: str) -> Connection:
        found = self._saved.find_(id_or_name)
        if found is None:
            found = self._saved.find_by_name(actor.user_id, id_or_name)
        if found is None and self._sees_all(actor):
            named = [saved for saved in self._list(actor) if saved.name == id_or_name]
            if len(named) > 1:
                raise ConflictError(
                    "Several users have a connection called “{name}”.",
                    hint="Name it by its id, which “connections list” shows.",
                    details={"name": id_or_name},
                )
            found = named[0] if named else None
        if found is None or not self._permissions.owns(actor, found.user_id):
            raise NotFoundError(
                "There is no connection “{name}”.",
                hint="“connections list” shows what there is.",
                code="connection.not_found",
                details={"name": id_or_name},
            )
        return found

    def _check(
        self, draft: ConnectionDraft, saved: Connection | None, token: CancelToken | None
    ) -> ConnectionReport:
        from altus4_desktop.mysql.probe import check_connection

        token = token or CancelToken()
        if saved is not None and saved.managed:
            _check_managed(saved, draft)
            target = self._managed_target(saved, token)
        else:
            complete = self._secrets.complete(draft, saved)
            target = build_target(
                "" if saved is None else saved.id,
                complete,
                complete.password_secret or "",
                complete.ssh_secret or "",
            )
        # A draft that differs says nothing about what is saved.
        as_saved = saved is not None and draft == check_draft(saved.as_draft())
        try:
            report, grants = check_connection(target, token)
        except TenantError as error:
            if as_saved:
                self._pools.note_check(target, error)
            raise
        if as_saved:
            self._pools.note_check(target, report.tls)
        if grants is not None:
            report = replace(report, rights=explain(grants, target.database))
        if saved is not None and same_place(saved, draft):
            self.note_connected_(saved.id)
        return report

    def _check_name(self, user_id: str, name: str, own_id: str) -> None:
        other = self._saved.find_by_name(user_id, name)
        if other is not None and other.id != own_id:
            raise InputError("name", "There is a connection “{name}” already.", name=name)

    def _insert(self, actor: Actor, draft: ConnectionDraft, *, managed: bool) -> Connection:
        with self._vault.sealing():
            record = self._secrets.seal(_new_record(actor.user_id, draft, managed=managed), draft)
            event = build_connection_event(actor, "created", record, after=connection_facts(record))
            with self._naming_other(record):
                return self._saved.create_(record, [event])

    def _replace(
        self,
        actor: Actor,
        saved: Connection,
        draft: ConnectionDraft,
        given: ConnectionDraft,
        seen_at: datetime | None = None,
    ) -> Connection:
        """Save ``draft``, which is what was ``given`` with every secret that it needs."""
        record = replace(
            saved,
            name=draft.name,
            host=draft.host,
            port=draft.port,
            database=draft.database,
            username=draft.username,
            tls=draft.tls,
            environment=draft.environment,
            pool=draft.pool,
            ssh=draft.ssh,
        )
        event = build_connection_event(
            actor,
            "updated",
            saved,
            before=connection_facts(saved),
            after=connection_facts(record),
            password_replaced=given.password_secret is not None,
            ssh_secret_replaced=draft.ssh_secret is not None and given.ssh_secret is not None,
        )
        with self._vault.sealing(), self._naming_other(record):
            updated = self._saved.update_(self._secrets.seal(record, draft), seen_at, [event])
        if build_target("", saved.as_draft(), "") != build_target("", updated.as_draft(), ""):
            self._forget(saved.id)
        return updated

    @contextmanager
    def _naming_other(self, record: Connection) -> Iterator[None]:
        """A refusal of ``record`` says which connection leads to that database already."""
        try:
            yield
        except ConflictError as error:
            others = self._saved.list_(record.user_id, active_only=False)
            other = next((one for one in others if leads_alike(one, record)), None)
            if error.code == "connection.changed" or other is None:
                raise
            raise ConflictError(
                "“{name}” leads to that database already.",
                hint="Edit that one, or name another host, port or database.",
                code="connection.duplicate",
                details={"name": other.name},
            ) from error

    def _target_of(self, saved: Connection, token: CancelToken | None) -> Target:
        if saved.managed:
            return self._managed_target(saved, token)
        return self._secrets.open_target(saved)

    def _managed_target(self, saved: Connection, token: CancelToken | None) -> Target:
        if self._open_endpoint is None:
            raise LocalServerError("There is no local server here to start.")
        endpoint = self._open_endpoint(token)
        draft = replace(
            saved.as_draft(), host=endpoint.host, port=endpoint.port, username=endpoint.username
        )
        return build_target(saved.id, draft, endpoint.password_secret)

    def _forget(self, connection_id: str) -> None:
        self._schemas.forget(connection_id)
        with self._lock:
            self._noted.pop(connection_id, None)
        self._pools.reset(connection_id)
        for forget in self._forgetting:
            forget(connection_id)


def _new_record(owner_id: str, draft: ConnectionDraft, *, managed: bool) -> Connection:
    return Connection(
        id=str(uuid.uuid4()),
        user_id=owner_id,
        name=draft.name,
        host=draft.host,
        port=draft.port,
        database=draft.database,
        username=draft.username,
        password_sealed="",
        tls=draft.tls,
        environment=draft.environment,
        pool=draft.pool,
        managed=managed,
        ssh=draft.ssh,
    )


def _check_managed(saved: Connection, draft: ConnectionDraft) -> None:
    """Refuse to change what the program itself looks after."""
    kept = saved.as_draft()
    for field in ("host", "port", "database", "username", "tls", "ssh"):
        if getattr(kept, field) != getattr(draft, field):
            raise InputError(
                field,
                "This connection leads to the local server, which this program looks after.",
                hint="Name, environment and pool may be changed.",
            )
    if draft.password_secret:
        raise InputError("password", "The local server's password is made by this program.")
