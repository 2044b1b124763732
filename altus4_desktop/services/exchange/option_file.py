"""Option files of MySQL's and MariaDB's programs, as ``~/.my.cnf``."""

from __future__ import annotations

import re

from altus4_desktop.domain.connections import ConnectionDraft, TlsMode, TlsSettings
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exchange.reading import (
    Found,
    Reading,
    is_true,
    port_of,
    tls_from_mode,
    unreadable,
)

_GROUP = re.compile(r"\[([^\]]*)\]")
_BASE = "client"
# The groups of the one program that knows a default database.
_PROGRAMS = ("mysql", "mariadb-client", "client-mariadb")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "s": " ", "\\": "\\", '"': '"', "'": "'"}
_ABOUT_A_PLACE = frozenset({"host", "user", "password", "port", "socket", "database"})

Options = dict[str, str | None]


def read_option_file(text: str) -> Reading:
    """One connection for the group ``client`` and one for each ``client…`` that goes beyond it.

    Raises AltusError (``import.unreadable``) for what is no such file.
    """
    groups: dict[str, Options] = {}
    included = 0
    current: Options | None = None
    for line in text.splitlines():
        line = line.strip()  # noqa: PLW2901 - the line itself is of no use
        if line.startswith("!include"):
            included += 1
        elif not line or line.startswith(("#", ";")):
            continue
        elif (group := _GROUP.match(line)) is not None:
            current = groups.setdefault(group[1].strip().lower(), {})
        elif current is not None:
            name, value = _option(line)
            current[name] = value
    if not groups:
        raise unreadable("The file is no option file: it has no groups as [client].")
    remarks: tuple[Remark, ...] = ()
    if included:
        remarks = (
            Remark("Other files that it includes were not read ({count}).", {"count": included}),
        )
    return Reading(tuple(_connections(groups)), remarks)


def _connections(groups: dict[str, Options]) -> list[Found]:
    base: Options = dict(groups.get(_BASE, {}))
    for program in _PROGRAMS:
        for name, value in groups.get(program, {}).items():
            base.setdefault(name, value)
    suffixes = [
        name
        for name in groups
        if name.startswith(_BASE) and name != _BASE and name not in _PROGRAMS
    ]
    chosen: list[tuple[str, Options]] = []
    if _ABOUT_A_PLACE & base.keys():
        chosen.append((_BASE, base))
    for name in suffixes:
        own = {**base, **groups.get(f"mysql{name.removeprefix(_BASE)}", {}), **groups[name]}
        if _ABOUT_A_PLACE & groups[name].keys():
            chosen.append((name, own))
    return [_found(name, options) for name, options in chosen]


def _found(group: str, options: Options) -> Found:
    def text(name: str) -> str:
        return options.get(name) or ""

    host, socket = text("host"), text("socket")
    if socket and host in ("", "localhost") and text("protocol").lower() in ("", "socket"):
        host = socket
    database = text("database")
    name = group.removeprefix(_BASE).lstrip("-_") or database or host or "localhost"
    tls, notes = _tls(options)
    password = options.get("password")
    draft = ConnectionDraft(
        name=name,
        host=host or "localhost",
        port=port_of(text("port")),
        database=database,
        username=text("user"),
        # A bare “password” asks at each start; “password=” means that there is none.
        password_secret=password,
        tls=tls,
    )
    return Found(name, draft, notes=notes)


def _tls(options: Options) -> tuple[TlsSettings, tuple[Remark, ...]]:
    files = {
        "ca_file": options.get("ssl-ca") or "",
        "cert_file": options.get("ssl-cert") or "",
        "key_file": options.get("ssl-key") or "",
    }
    named = options.get("ssl-mode")
    if named:
        tls = tls_from_mode(named, files)
        if tls is not None:
            return tls, ()
        return TlsSettings(TlsMode.VERIFY_IDENTITY, **files), (
            Remark(
                "Its TLS setting “{word}” is not known, so the strictest is taken.", {"word": named}
            ),
        )
    verify = "ssl-verify-server-cert"
    if verify in options and (options[verify] is None or is_true(options[verify])):
        return TlsSettings(TlsMode.VERIFY_IDENTITY, **files), ()
    if files["ca_file"]:
        return TlsSettings(TlsMode.VERIFY_CA, **files), ()
    off = "ssl" in options and options["ssl"] is not None and not is_true(options["ssl"])
    if "skip-ssl" in options or off:
        return TlsSettings(TlsMode.DISABLED), (Remark("It says that TLS is not to be used."),)
    if "ssl" in options:
        return TlsSettings(TlsMode.REQUIRED, **files), ()
    return TlsSettings(TlsMode.PREFERRED, **files), ()


def _option(line: str) -> tuple[str, str | None]:
    """Name and value as the programs read them; None for an option without ``=``."""
    name, sign, value = _without_comment(line).partition("=")
    name = name.strip().lower().replace("_", "-").removeprefix("loose-")
    return name, _unquoted(value.strip()) if sign else None


def _without_comment(line: str) -> str:
    quote = ""
    escaped = False
    for at, char in enumerate(line):
        if char in "'\"" and not escaped:
            quote = char if not quote else "" if quote == char else quote
        if char == "#" and not quote:
            return line[:at]
        escaped = bool(quote) and char == "\\" and not escaped
    return line


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] in "'\"" and value[-1] == value[0]:
        value = value[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), value, flags=re.DOTALL)
