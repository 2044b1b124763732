"""Saved connections, what it takes to open one, and what a server says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class TlsMode(StrEnum):
    """How much of TLS a connection insists on, weakest first."""

    DISABLED = "disabled"
    PREFERRED = "preferred"
    REQUIRED = "required"
    VERIFY_CA = "verify-ca"
    VERIFY_IDENTITY = "verify-identity"


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
    """TLS mode and the files it needs."""

    mode: TlsMode = TlsMode.PREFERRED
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Pool limits of one connection (the specification's defaults); durations in seconds."""

    size: int = 10
    acquire_timeout_s: float = 60.0
    query_timeout_s: float = 60.0
    idle_timeout_s: float = 300.0
    connect_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ConnectionDraft:
    """What a form or a command says about a connection; without a password it stays as it is."""

    name: str
    host: str
    database: str
    username: str
    port: int = 3306
    password_secret: str | None = field(default=None, repr=False)
    tls: TlsSettings = TlsSettings()
    environment: Environment = Environment.DEV
    pool: PoolSettings = PoolSettings()


@dataclass(frozen=True, slots=True)
class Connection:
    """A saved profile (a row of ``databases``); the password is only here sealed."""

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

    def as_draft(self) -> ConnectionDraft:
        """A draft that says what this connection says, its password unchanged."""
        return ConnectionDraft(
            name=self.name,
            host=self.host,
            database=self.database,
            username=self.username,
            port=self.port,
            tls=self.tls,
            environment=self.environment,
            pool=self.pool,
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


@dataclass(frozen=True, slots=True)
class TlsReport:
    """What was negotiated; empty ``protocol`` means the session is not encrypted."""

    protocol: str = ""
    cipher: str = ""
    certificate_verified: bool = False
    identity_verified: bool = False

    @property
    def encrypted(self) -> bool:
        """Whether the session is encrypted at all."""
        return bool(self.protocol)


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """The outcome of a successful connection test."""

    flavour: Flavour
    version: str
    tls: TlsReport
    read_only: bool
    time_zone: str
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Live figures of one pool."""

    total: int
    active: int
    idle: int
    queued: int
