"""Every failure a person may be told about, with a code, a sentence, a hint and safe details.

Sentences and hints are templates over ``details`` (``str.format``), so that the window can
translate the template and fill it in afterwards. Details never hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

Detail = str | int | float


class AltusError(Exception):
    """A failure with a stable code, a sentence for a person and the way out."""

    code = "altus.error"
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        retryable: bool | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(message)
        self.template = message
        self.hint_template = hint
        self.details: Mapping[str, Detail] = dict(details or {})
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    @property
    def message(self) -> str:
        """The sentence, filled in."""
        return self.template.format_map(self.details) if self.details else self.template

    @property
    def hint(self) -> str:
        """What to do about it, filled in; empty when there is nothing to add."""
        return self.hint_template.format_map(self.details) if self.details else self.hint_template

    def __str__(self) -> str:
        return self.message


class InputError(AltusError):
    """What was typed cannot be taken; ``field`` names the control or option it belongs to."""

    code = "input.invalid"

    def __init__(self, field: str, message: str, *, hint: str = "", **details: Detail) -> None:
        super().__init__(message, hint=hint, details=details)
        self.field = field


class QuerySyntaxError(InputError):
    """A boolean query that a server would refuse; ``position`` counts characters from 0."""

    code = "search.syntax"

    def __init__(
        self, message: str, *, position: int, length: int = 1, hint: str = "", **details: Detail
    ) -> None:
        super().__init__("query", message, hint=hint, **details)
        self.position = position
        self.length = length


class AccessError(AltusError):
    """The actor may not do this, or is not who they say they are."""

    code = "access.denied"


class NotFoundError(AltusError):
    """Nothing by that name or id, or nothing the actor may see."""

    code = "not_found"


class ConflictError(AltusError):
    """It exists already, or somebody else changed it meanwhile."""

    code = "conflict"


class ModelError(AltusError):
    """The built-in language model, or a library it needs, is missing or damaged."""

    code = "search.model"


class StoreError(AltusError):
    """The metadata store cannot be used."""

    code = "store.failed"


class HalfDoneError(StoreError):
    """Something broke off in the middle; whoever has cancelled it has to hear of that, too."""

    code = "store.half_done"


class SchemaError(StoreError):
    """The metadata store's schema is not one this program may touch."""

    code = "store.schema"


class VaultError(AltusError):
    """A secret cannot be kept or brought back."""

    code = "vault.failed"


class VaultLockedError(VaultError):
    """The vault needs its passphrase, or a choice where to keep its key, first."""

    code = "vault.locked"


class KeyMissingError(VaultError):
    """A record was sealed with a data key that this workstation does not have."""

    code = "vault.key_missing"


class TenantFailure(StrEnum):
    """What went wrong between us and a tenant server."""

    HOST = "host"
    PORT = "port"
    TLS = "tls"
    TUNNEL = "tunnel"
    CREDENTIALS = "credentials"
    DATABASE = "database"
    TIMEOUT = "timeout"
    LOST = "lost"
    BUSY = "busy"
    DENIED = "denied"
    QUERY = "query"
    PROTOCOL = "protocol"


class TenantError(AltusError):
    """A tenant server refused, failed or fell silent; ``server_code`` is its error number."""

    def __init__(
        self,
        failure: TenantFailure,
        message: str,
        *,
        hint: str = "",
        server_code: int | None = None,
        retryable: bool = False,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(
            message,
            hint=hint,
            code=f"tenant.{failure.value}",
            retryable=retryable,
            details=details,
        )
        self.failure = failure
        self.server_code = server_code


class UnknownHostKeyError(TenantError):
    """An SSH server that no known_hosts file knows; ``host_key`` is what one would trust."""

    def __init__(
        self,
        message: str,
        *,
        host_key: str,
        hint: str = "",
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        super().__init__(TenantFailure.TUNNEL, message, hint=hint, details=details)
        self.code = "tenant.host_key"
        self.host_key = host_key


class LocalServerError(AltusError):
    """The managed local MySQL cannot be found, started or stopped."""

    code = "local_server.failed"


class Cancelled(AltusError):
    """The user asked to stop; never shown as an error."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("Cancelled.")
