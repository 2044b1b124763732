"""Saved connections, what it takes to open one, and what a server says about itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import AltusError

if TYPE_CHECKING:
    from altus4_desktop.domain.rights import RightsReport


class TlsMode(StrEnum):
    """How much of TLS a connection insists on, weakest first.

    ``pinned`` takes exactly one certificate, whoever has issued it.
    """

    DISABLED = "disabled"
    PREFERRED = "preferred"
    REQUIRED = "required"
    VERIFY_CA = "verify-ca"
    VERIFY_IDENTITY = "verify-identity"
    PINNED = "pinned"

    @property
    def verifies(self) -> bool:
        """Whether the server has to prove who it is."""
        return self in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY, TlsMode.PINNED)


class Environment(StrEnum):
    """What a database is used for; production is shown in red everywhere."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"


class Flavour(StrEnum):
    """Which server speaks the protocol."""

    MYSQL = "mysql"
    MARIADB = "mariadb"

    @property
    def label(self) -> str:
        """Its name as its makers write it."""
        return {Flavour.MYSQL: "MySQL", Flavour.MARIADB: "MariaDB"}[self]


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS mode and what it needs: files, and the SHA-256 of the pinned certificate (lower-case
    hex)."""

    mode: TlsMode = TlsMode.PREFERRED
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    pin_sha256: str = ""


class SshMethod(StrEnum):
    """How one signs in at an SSH server."""

    AGENT = "agent"
    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the name of a method


@dataclass(frozen=True, slots=True)
class SshSettings:
    """The SSH server through which a database is reached.

    ``host_key`` (type and base64, as in a known_hosts file) is trusted besides what the
    known_hosts files say; ``known_hosts_file`` takes the place of the user's and the system's.
    """

    host: str
    username: str
    port: int = 22
    method: SshMethod = SshMethod.AGENT
    key_file: str = ""
    known_hosts_file: str = ""
    host_key: str = ""

    @property
    def place(self) -> str:
        """``user@host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.username}@{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Pool limits of one connection (the specification's defaults); durations in seconds."""

    size: int = 10
    acquire_timeout_s: float = 60.0
    query_timeout_s: float = 60.0
    idle_timeout_s: float = 300.0
    connect_timeout_s: float = 10.0


def ssh_fingerprint(host_key: str) -> str:
    """``SHA256:…`` of a host key (type and base64), as ssh shows it; ``""`` for no key."""
    try:
        raw = base64.b64decode(host_key.partition(" ")[2])
    except ValueError:
        return ""
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode("ascii").rstrip("=")
    return f"SHA256:{digest}" if raw else ""


@dataclass(frozen=True, slots=True)
class ConnectionDraft:
    """What a form or a command says about a connection.

    Without a password it stays as it is; so does ``ssh_secret``, the password of the SSH account or
    the passphrase of its key.
    """

    name: str
    host: str
    database: str
    username: str
    port: int = 3306
    password_secret: str | None = field(default=None, repr=False)
    tls: TlsSettings = TlsSettings()
    environment: Environment = Environment.DEV
    pool: PoolSettings = PoolSettings()
    ssh: SshSettings | None = None
    ssh_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """A saved profile (a row of ``databases``); its secrets are only here sealed."""

    id: str
    user_id: str
    name: str
    host: str
    port: int
    database: str
    username: str
    password_sealed: str = field(repr=False)
    tls: TlsSettings = TlsSettings()
    environment: Environment = Environment.DEV
    pool: PoolSettings = PoolSettings()
    managed: bool = False
    is_active: bool = True
    last_connected_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    ssh: SshSettings | None = None
    ssh_secret_sealed: str = field(default="", repr=False)

    def as_draft(self) -> ConnectionDraft:
        """A draft that says what this connection says, its secrets unchanged."""
        return ConnectionDraft(
            name=self.name,
            host=self.host,
            database=self.database,
            username=self.username,
            port=self.port,
            tls=self.tls,
            environment=self.environment,
            pool=self.pool,
            ssh=self.ssh,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Everything needed to open one tenant session; lives only in memory."""

    connection_id: str
    name: str
    host: str
    port: int
    database: str
    username: str
    password_secret: str = field(repr=False)
    tls: TlsSettings = TlsSettings()
    pool: PoolSettings = PoolSettings()
    ssh: SshSettings | None = None
    ssh_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TlsReport:
    """What was negotiated; empty ``protocol`` means the session is not encrypted.

    ``pinned``: it is the very certificate that was pinned. ``client_certificate``: we offered one.
    """

    protocol: str = ""
    cipher: str = ""
    certificate_verified: bool = False
    identity_verified: bool = False
    pinned: bool = False
    client_certificate: bool = False

    @property
    def encrypted(self) -> bool:
        """Whether the session is encrypted at all."""
        return bool(self.protocol)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """The certificate a server shows, as it was read before anything was said to it.

    ``names`` are those it was issued for. What cannot be taken apart is empty.
    """

    sha256: str
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before_at: datetime | None = None
    not_after_at: datetime | None = None
    self_signed: bool = False

    @property
    def fingerprint(self) -> str:
        """The SHA-256 as people compare it: upper-case pairs with colons."""
        text = self.sha256.upper()
        return ":".join(text[place : place + 2] for place in range(0, len(text), 2))


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The outcome of a successful connection test; ``tunnel`` is the SSH server's host key, ``""``
    without a tunnel.

    ``rights`` is what the account may do, None where the server did not tell.
    """

    flavour: Flavour
    version: str
    tls: TlsReport
    read_only: bool
    time_zone: str
    elapsed_ms: float
    tunnel: str = ""
    rights: RightsReport | None = None


class TunnelState(StrEnum):
    """How the SSH tunnel of a pool is."""

    NONE = "none"
    CLOSED = "closed"
    OPEN = "open"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Live figures of one pool.

    ``total`` counts established sessions; ``connecting`` those that are being opened. ``waits``
    counts who had to queue for a connection, since the pool was made; ``waited_ms`` is their time
    together. ``errors`` counts what went wrong since then, ``last_error`` is what went wrong last,
    at ``last_error_at``, and ``tls`` what protected the session that answered last, at
    ``answered_at``.
    """

    total: int
    active: int
    idle: int
    queued: int
    connecting: int = 0
    waits: int = 0
    waited_ms: float = 0.0
    longest_wait_ms: float = 0.0
    errors: int = 0
    last_error: AltusError | None = None
    last_error_at: datetime | None = None
    tunnel: TunnelState = TunnelState.NONE
    tls: TlsReport | None = None
    answered_at: datetime | None = None
