"""What the account of a connection may do, and the statements that make one which may do less."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, Target, TlsMode, TlsSettings
from altus4_desktop.domain.errors import InputError, TenantError
from altus4_desktop.domain.rights import AccountGrants, RightsReport
from altus4_desktop.services.files import write_chosen
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.rights_words import explain

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService

SEARCH_USER = "altus4_search"
STORE_USER = "altus4_app"
STORE_DATABASE = "altus4_metadata"
_NAME_LIMITS = {Flavour.MYSQL: 32, Flavour.MARIADB: 80}
_HOST_LIMIT = 255
_ACCESS_DENIED_TO_DATABASE = 1044
_IN_CLEAR = (TlsMode.DISABLED, TlsMode.PREFERRED)


class RightsService:
    """Reads grants and writes statements; nothing here changes a right."""

    def __init__(
        self,
        metadata: MetadataService,
        connections: ConnectionsService,
        pools: TenantPools,
        permissions: Permissions,
    ) -> None:
        self._metadata = metadata
        self._connections = connections
        self._pools = pools
        self._permissions = permissions

    def read_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> RightsReport:
        """What the connection's account may do, in words, be it none in the database.

        Raises AccessError, NotFoundError, TenantError, LocalServerError, VaultError, Cancelled.
        """
        self._permissions.check(actor, Right.SEARCH)
        target = self._connections.target_(actor, connection_id, token)
        return explain(self._read(target, token), target.database)

    def search_statements_(
        self,
        actor: Actor,
        connection_id: str,
        token: CancelToken | None = None,
        *,
        report: RightsReport | None = None,
        flavour: Flavour | None = None,
        tables: Sequence[str] = (),
        username: str = SEARCH_USER,
        client_host: str = "%",
    ) -> str:
        """The statements for an account that may only read the connection's database, or only
        ``tables`` of it, in the words of its server.

        ``report`` (of `read_`) saves asking the server; so does ``flavour``, for a server whose
        database names in grants are patterns, as they are unless MySQL's ``partial_revokes`` is on.
        Raises InputError and what `read_` does.
        """
        from altus4_desktop.mysql.grant_scripts import search_account

        self._permissions.check(actor, Right.SEARCH)
        saved = self._connections.get_(actor, connection_id)
        literal_names = False
        if flavour is None:
            grants = (
                self._read(self._connections.target_(actor, connection_id, token), token)
                if report is None
                else report.grants
            )
            flavour, literal_names = grants.flavour, grants.literal_names
        _check_account(flavour, username, client_host)
        return search_account(
            flavour,
            saved.database,
            tables,
            username=username,
            client_host=client_host,
            require_tls=_insists_on_tls(saved.tls),
            literal_names=literal_names,
        )

    def store_statements_(
        self,
        flavour: Flavour | None = None,
        *,
        database: str = "",
        username: str = STORE_USER,
        client_host: str = "%",
    ) -> str:
        """The statements for the account of a shared metadata store; what is not given is that of
        the store in use, else MySQL and `STORE_DATABASE`. Raises InputError, StoreError."""
        from altus4_desktop.mysql.grant_scripts import store_account
        from altus4_desktop.storage.day_rights import day_rights, trial_rights

        location = self._metadata.location
        flavour = flavour or self._store_flavour() or Flavour.MYSQL
        _check_account(flavour, username, client_host)
        return store_account(
            flavour,
            database or location.database or STORE_DATABASE,
            day_rights(),
            trial_rights(),
            username=username,
            client_host=client_host,
            require_tls=not location.embedded and _insists_on_tls(location.tls),
        )

    def save_(self, statements: str, path: Path) -> None:
        """Write statements to a file, whole or not at all; raises AltusError for the file."""
        write_chosen(path, statements)

    def _store_flavour(self) -> Flavour | None:
        """Which server the store in use is on; None for a file."""
        if self._metadata.location.embedded:
            return None
        return Flavour(self._metadata.status_().dialect)

    def _read(self, target: Target, token: CancelToken | None) -> AccountGrants:
        from altus4_desktop.mysql.grants import read_grants
        from altus4_desktop.mysql.probe import read_grants_outside

        token = token or CancelToken()
        try:
            with self._pools.borrow(target, token) as session:
                return read_grants(session)
        except TenantError as error:
            if error.server_code != _ACCESS_DENIED_TO_DATABASE:
                raise
        # It may sign in, though not use the database: what it lacks is what is asked for.
        return read_grants_outside(target, token)


def _insists_on_tls(tls: TlsSettings) -> bool:
    return tls.mode not in _IN_CLEAR


def _check_account(flavour: Flavour, username: str, client_host: str) -> None:
    limit = _NAME_LIMITS[flavour]
    if not username or len(username) > limit or not _is_plain(username):
        raise InputError(
            "username",
            "An account's name has 1 to {limit} printable characters and no backslash.",
            limit=limit,
        )
    if not client_host or len(client_host) > _HOST_LIMIT or not _is_plain(client_host):
        raise InputError(
            "client_host",
            "Say from where the account may connect: an address, a name, or % for everywhere.",
        )


def _is_plain(text: str) -> bool:
    return text.isprintable() and "\\" not in text
