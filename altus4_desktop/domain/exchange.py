"""What is brought in from other programs and taken out to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.keys import KeyEnvironment, KeyPermission, KeyTier, RateLimit
from altus4_desktop.domain.remarks import Remark


class ExchangeFormat(StrEnum):
    """Where connections come from."""

    WORKBENCH = "workbench"
    DBEAVER = "dbeaver"
    HEIDISQL = "heidisql"
    OPTION_FILE = "my-cnf"
    CSV = "csv"
    URLS = "urls"
    DOCUMENT = "altus4"
    BUNDLE = "altus4-bundle"
    ALTUS_SERVER = "altus-server"

    @property
    def label(self) -> str:
        """What people call it."""
        return {
            ExchangeFormat.WORKBENCH: "MySQL Workbench connections.xml",
            ExchangeFormat.DBEAVER: "DBeaver data-sources.json",
            ExchangeFormat.HEIDISQL: "HeidiSQL settings export",
            ExchangeFormat.OPTION_FILE: "MySQL option file (.my.cnf)",
            ExchangeFormat.CSV: "CSV table",
            ExchangeFormat.URLS: "list of database URLs",
            ExchangeFormat.DOCUMENT: "Altus 4 connections",
            ExchangeFormat.BUNDLE: "Altus 4 encrypted bundle",
            ExchangeFormat.ALTUS_SERVER: "Altus 4 server",
        }[self]


class ItemKind(StrEnum):
    """What may be brought in."""

    CONNECTION = "connection"
    USER = "user"
    API_KEY = "api_key"


class ItemState(StrEnum):
    """Whether it can be."""

    NEW = "new"
    DUPLICATE = "duplicate"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file to bring in; without a ``format`` its content tells. A bundle needs its passphrase."""

    path: Path
    format: ExchangeFormat | None = None
    passphrase_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ServerSource:
    """The metadata database of an Altus 4 server, with the account to read it by.

    Without the server's ENCRYPTION_KEY every connection comes without its password.
    """

    place: ConnectionDraft
    encryption_key_secret: str | None = field(default=None, repr=False)


ImportSource = FileSource | ServerSource


@dataclass(frozen=True, slots=True)
class FoundUser:
    """An account of an Altus 4 server; with an empty hash an admin has to set a password first."""

    name: str
    email: str
    role: Role
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """An API key of an Altus 4 server: never the key itself, only what is kept of it."""

    name: str
    prefix: str
    key_hash: str = field(repr=False)
    environment: KeyEnvironment
    permissions: frozenset[KeyPermission]
    tier: KeyTier
    custom_limit: RateLimit | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_from: str = ""
    usage_count: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportItem:
    """One line of a preview.

    ``reason`` says of what it is a duplicate or why it cannot be used; ``lacks`` names fields of
    the draft (``database``, ``username``) that have to be entered first. ``owner_email`` is whose
    it is on the Altus 4 server it comes from, and becomes here where there is such an account.
    """

    id: str
    kind: ItemKind
    name: str
    state: ItemState = ItemState.NEW
    reason: Remark | None = None
    notes: tuple[Remark, ...] = ()
    lacks: tuple[str, ...] = ()
    owner_email: str = ""
    draft: ConnectionDraft | None = None
    user: FoundUser | None = None
    key: FoundKey | None = None

    @property
    def password_missing(self) -> bool:
        """Whether a connection would be saved without its password."""
        return self.draft is not None and self.draft.password_secret is None


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """Everything found at ``origin`` (a file's name, a server), before anything is changed."""

    format: ExchangeFormat
    origin: str
    items: tuple[ImportItem, ...]
    remarks: tuple[Remark, ...] = ()

    def of_kind(self, kind: ItemKind) -> tuple[ImportItem, ...]:
        """The items of one kind."""
        return tuple(item for item in self.items if item.kind is kind)


@dataclass(frozen=True, slots=True)
class ImportChoice:
    """An item to bring in, with what a person has entered besides; empty: as it was found."""

    item_id: str
    name: str = ""
    database: str = ""
    username: str = ""
    password_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A chosen item that was not brought in, and why."""

    name: str
    error: AltusError


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was brought in: names of connections and keys, addresses of users.

    ``without_password``: connections that will ask for theirs, names by id. ``stopped``: it was
    cancelled before the rest; another run brings that in.
    """

    connections: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    without_password: Mapping[str, str] = field(default_factory=dict)
    failures: tuple[ImportFailure, ...] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: names of connections.

    ``unopened`` are those whose password could not be opened for a bundle, ``without_password``
    those in it that have none, ``left_out`` those that lead to this computer's own local server.
    """

    path: Path
    connections: tuple[str, ...]
    unopened: tuple[str, ...] = ()
    without_password: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
