"""The statements that make an account which may do its work and nothing more; never run here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from altus4_desktop.domain.connections import Flavour

PASSWORD_PLACEHOLDER = "<password>"  # noqa: S105 - this is what stands in a password's place
_REPLACE = (
    f"-- Replace {PASSWORD_PLACEHOLDER} by a password in quotes before an administrator runs this."
)


def search_account(
    flavour: Flavour,
    database: str,
    tables: Sequence[str] = (),
    *,
    username: str,
    client_host: str,
    require_tls: bool = False,
    literal_names: bool = False,
) -> str:
    """CREATE USER and GRANT for an account that searches ``database``, or only ``tables`` of it.

    ``literal_names``: the server takes ``%`` and ``_`` in the name of a database for themselves.
    """
    account = f"{_text(username)}@{_text(client_host)}"
    places = [f"{_name(database)}.{_name(table)}" for table in tables]
    if not places:
        places = [f"{_name(database if literal_names else _escaped(database))}.*"]
    return _script(
        f"-- An account that may read what is searched, and nothing more ({flavour.label}).",
        _REPLACE,
        f"CREATE USER {account} {_password(flavour, require_tls=require_tls)};",
        *(f"GRANT SELECT, SHOW VIEW ON {place} TO {account};" for place in places),
    )


def store_account(
    flavour: Flavour,
    database: str,
    tables: Mapping[str, Sequence[str]],
    trials: tuple[str, Sequence[str]],
    *,
    username: str,
    client_host: str,
    require_tls: bool = False,
) -> str:
    """CREATE USER and GRANT for a shared metadata store in ``database``; ``tables`` are privileges
    by table, ``trials`` how databases begin in which backups are tried, and the privileges there.
    It may be run again when there are new tables."""
    account = f"{_text(username)}@{_text(client_host)}"
    lines = [
        f"-- The account of a shared metadata store ({flavour.label}).",
        "-- An administrator's account first makes the tables with “migrate up”, and runs this",
        "-- again after each upgrade; this account cannot change tables.",
        _REPLACE,
        f"CREATE USER IF NOT EXISTS {account} {_password(flavour, require_tls=require_tls)};",
    ]
    if flavour is Flavour.MARIADB:
        lines += [
            "-- Without a right to the whole database, references and checks are not shown.",
            f"GRANT SHOW VIEW ON {_name(_escaped(database))}.* TO {account};",
        ]
    lines += [
        f"GRANT {', '.join(privileges)} ON {_name(database)}.{_name(table)} TO {account};"
        for table, privileges in tables.items()
    ]
    prefix, privileges = trials
    lines += [
        "-- Backups are restored on trial in databases of this name, which are dropped again.",
        f"GRANT {', '.join(privileges)} ON {_name(_escaped(prefix) + '%')}.* TO {account};",
    ]
    return _script(*lines)


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _escaped(database: str) -> str:
    """``database`` where ``_`` and ``%`` would stand for other letters."""
    return re.sub(r"([\\%_])", r"\\\1", database)


def _text(text: str) -> str:
    """``text`` without a backslash as a string."""
    return "'" + text.replace("'", "''") + "'"


def _password(flavour: Flavour, *, require_tls: bool) -> str:
    # Without quotes no server takes it: a script with the placeholder left in makes no account.
    way = (
        f"IDENTIFIED WITH caching_sha2_password BY {PASSWORD_PLACEHOLDER}"
        if flavour is Flavour.MYSQL
        else f"IDENTIFIED BY {PASSWORD_PLACEHOLDER}"
    )
    return f"{way} REQUIRE SSL" if require_tls else way


def _script(*lines: str) -> str:
    return "\n".join(lines) + "\n"
