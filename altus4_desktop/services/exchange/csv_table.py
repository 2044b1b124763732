"""A CSV table: a line of column names, then a connection a line.

The columns, in any order and any case: ``name``, ``host``, ``port``, ``database``, ``username``,
``password``, ``tls`` (a TLS mode), ``ca``, ``cert``, ``key``, ``environment`` (dev, test, prod),
``ssh`` (``user@host:port``), ``ssh_key`` (a file). Only ``host`` has to be there. They are divided
by commas, semicolons, tabs or bars.
"""

from __future__ import annotations

import csv
import io

from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Environment,
    SshMethod,
    SshSettings,
    TlsSettings,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exchange.reading import (
    Found,
    Reading,
    place_and_port,
    port_of,
    tls_from_mode,
    unreadable,
)

COLUMNS = (
    "name",
    "host",
    "port",
    "database",
    "username",
    "password",
    "tls",
    "ca",
    "cert",
    "key",
    "environment",
    "ssh",
    "ssh_key",
)
_OTHER_NAMES = {
    "hostname": "host",
    "server": "host",
    "address": "host",
    "user": "username",
    "user_name": "username",
    "login": "username",
    "schema": "database",
    "db": "database",
    "database_name": "database",
    "connection": "name",
    "connection_name": "name",
    "pass": "password",
    "pwd": "password",
    "ssl": "tls",
    "ssl_mode": "tls",
    "env": "environment",
}
_DELIMITERS = ",;\t|"


def is_csv_header(line: str) -> bool:
    """Whether a line names the columns of such a table."""
    return "host" in _columns(line, _delimiter(line))


def read_csv(text: str) -> Reading:
    """The connections; raises AltusError (``import.unreadable``) for what is no such table."""
    head = text.lstrip().partition("\n")[0]
    delimiter = _delimiter(head)
    columns = _columns(head, delimiter)
    if "host" not in columns:
        raise unreadable("The first line names no column “host”.")
    found: list[Found] = []
    try:
        rows = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter, strict=True)
        next(rows)
        for number, row in enumerate(rows, start=2):
            if any(cell.strip() for cell in row):
                found.append(_found(number, dict(zip(columns, row, strict=False))))
    except csv.Error as error:
        raise unreadable(
            "The table is damaged: a quotation mark or a line is not closed."
        ) from error
    unknown = [name for name in columns if name and name not in COLUMNS]
    remarks: tuple[Remark, ...] = ()
    if unknown:
        remarks = (
            Remark(
                "Columns that are not known were not read: {names}.",
                {"names": ", ".join(unknown)[:200]},
            ),
        )
    return Reading(tuple(found), remarks)


def _found(number: int, row: dict[str, str]) -> Found:
    def cell(name: str) -> str:
        return row.get(name, "").strip()

    name = cell("name") or cell("database") or cell("host") or f"line {number}"
    files = {f"{one}_file": cell(one) for one in ("ca", "cert", "key")}
    tls = TlsSettings()
    if cell("tls"):
        named = tls_from_mode(cell("tls"), files)
        if named is None:
            return Found(
                name, refusal=Remark("Its TLS mode “{word}” is not known.", {"word": cell("tls")})
            )
        tls = named
    environment = Environment.DEV
    if cell("environment"):
        try:
            environment = Environment(cell("environment").lower())
        except ValueError:
            return Found(
                name,
                refusal=Remark(
                    "Its environment “{word}” is none of dev, test and prod.",
                    {"word": cell("environment")},
                ),
            )
    draft = ConnectionDraft(
        name=name,
        host=cell("host"),
        port=port_of(cell("port")),
        database=cell("database"),
        username=cell("username"),
        # Spaces around a password may be part of it; an empty cell is no password at all.
        password_secret=row.get("password") or None,
        tls=tls,
        environment=environment,
        ssh=_ssh(cell("ssh"), cell("ssh_key")),
    )
    return Found(name, draft)


def _ssh(place: str, key_file: str) -> SshSettings | None:
    if not place:
        return None
    username, _, rest = place.rpartition("@")
    host, port = place_and_port(rest, 22)
    method = SshMethod.KEY if key_file else SshMethod.AGENT
    return SshSettings(host, username, port, method, key_file)


def _delimiter(line: str) -> str:
    return max(
        _DELIMITERS,
        key=lambda one: (len(set(_columns(line, one)) & set(COLUMNS)), -_DELIMITERS.index(one)),
    )


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []
    names = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]
    return [_OTHER_NAMES.get(name, name) for name in names]
