"""What the store and the vault say about how a start goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import (
    AltusError,
    StoreError,
    TenantFailure,
    VaultError,
    VaultLockedError,
)
from altus4_desktop.domain.revisions import MigrationStatus
from altus4_desktop.ui.texts import store_words

if TYPE_CHECKING:
    from altus4_desktop.services import Services

_LASTING = ("keyring", "passphrase")
_REFUSED = f"store.{TenantFailure.CREDENTIALS.value}"


class Found(Enum):
    """What comes next: a set-up, steps of the store, a secret, somebody's sign-in, or nothing."""

    NOTHING = "nothing"
    UPGRADE = "upgrade"
    LOCKED = "locked"
    ASKING = "asking"
    NOBODY = "nobody"
    SOMEBODY = "somebody"


@dataclass(frozen=True)
class Situation:
    """``store`` in words, ``can_keep`` its password and the ``error`` about it come with ASKING."""

    found: Found
    actor: Actor | None = None
    migrations: MigrationStatus | None = None
    store: str = ""
    can_keep: bool = False
    error: AltusError | None = None


@dataclass(frozen=True)
class StorePassword:
    """The password of the shared store as entered."""

    secret: str
    keeps: bool


def find_situation(
    services: Services, password: StorePassword | None, *, without_vault: bool, asks_who: bool
) -> Situation:
    """Open the store and see who is remembered, unless that is not asked for; on a worker.

    Raises SchemaError, StoreError, VaultError.
    """
    metadata, accounts, vault = services.metadata, services.accounts, services.vault
    if not metadata.is_configured():
        return Situation(Found.NOTHING)
    if password is None and metadata.needs_password():
        return _ask_password(services)
    try:
        status = metadata.open_(password.secret if password else None)
        if password is not None and password.keeps:
            metadata.keep_password_(password.secret)
        if status.pending:
            return Situation(Found.UPGRADE, migrations=status)
        if accounts.needs_setup():
            return Situation(Found.NOTHING)
        actor = None if without_vault or asks_who else accounts.resume()
    except VaultError as error:
        is_lasting = vault.status().kind.value in _LASTING
        if isinstance(error, VaultLockedError) and not without_vault and is_lasting:
            return Situation(Found.LOCKED)
        if not metadata.password_is_sealed() or metadata.is_open:
            raise
        # The vault cannot give the store's password; the person still can.
        return _ask_password(services)
    except StoreError as error:
        if error.code != _REFUSED:
            raise
        return _ask_password(services, error)
    return Situation(Found.SOMEBODY if actor else Found.NOBODY, actor=actor)


def _ask_password(services: Services, error: AltusError | None = None) -> Situation:
    return Situation(
        Found.ASKING,
        store=store_words(services)[1],
        can_keep=services.metadata.can_keep_password(),
        error=error,
    )
