"""What is known about the managed local MySQL and about the demo on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from altus4_desktop.domain.connections import Flavour


@dataclass(frozen=True, slots=True)
class LocalServerStatus:
    """The managed server now; port, pid and what follows are None or empty while it is not running.

    ``kept`` says that it goes on after the program ends, until it is told to stop; ``size_bytes``
    is what its data folder takes on disk.
    """

    running: bool
    data_folder: str
    flavour: Flavour | None = None
    version: str = ""
    program: str = ""
    port: int | None = None
    pid: int | None = None
    kept: bool = False
    started_at: datetime | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ManagedEndpoint:
    """Where and as whom the demo's databases are reached; lives only in memory."""

    host: str
    port: int
    username: str
    password_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SampleTable:
    """A loaded table and its number of rows."""

    database: str
    table: str
    rows: int
