"""What the managed server is told: its accounts, in SQL, and its options, flavour by flavour."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from altus4_desktop.domain.connections import Flavour

LOOPBACK = "127.0.0.1"
ADMIN_NAME = "root"


@dataclass(frozen=True, slots=True)
class ServerAccounts:
    """The two accounts of the server: the local administrator, and the one that searches.

    ``tenant_databases`` are the only ones the searching account may read.
    """

    admin_secret: str = field(repr=False)
    tenant_name: str
    tenant_secret: str = field(repr=False)
    tenant_databases: tuple[str, ...]


def account_statements(flavour: Flavour, accounts: ServerAccounts) -> str:
    """The SQL that leaves the server with these two accounts, whatever it had before."""
    tenant = f"'{accounts.tenant_name}'@'{LOOPBACK}'"
    lines = []
    if flavour is Flavour.MARIADB:
        lines += [
            # A new MariaDB folder has further administrators, without a password.
            (
                f"DELETE FROM mysql.global_priv WHERE User IN ('', '{ADMIN_NAME}') "
                "AND NOT (User = 'root' AND Host = 'localhost')"
            ),
            "DELETE FROM mysql.proxies_priv",
            "FLUSH PRIVILEGES",
        ]
    lines += [
        f"ALTER USER '{ADMIN_NAME}'@'localhost' IDENTIFIED BY '{_plain(accounts.admin_secret)}'",
        f"CREATE USER IF NOT EXISTS {tenant} IDENTIFIED BY '{_plain(accounts.tenant_secret)}'",
        f"ALTER USER {tenant} IDENTIFIED BY '{_plain(accounts.tenant_secret)}'",
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {tenant}",
        *(
            # In a grant the underscore is a wildcard.
            "GRANT SELECT, SHOW VIEW ON `{}`.* TO {}".format(name.replace("_", r"\_"), tenant)
            for name in accounts.tenant_databases
        ),
    ]
    return "".join(f"{line};\n" for line in lines)


def _plain(secret: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", secret):
        raise ValueError("a generated password is made of letters, digits, - and _ only")
    return secret


def folder_options(flavour: Flavour) -> list[str]:
    """Options that must be the same when the data folder is made and when it is used."""
    options = ["--character-set-server=utf8mb4", "--skip-log-bin"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Both servers refuse to run as root unless told so.
        options.append("--user=root")
    if flavour is Flavour.MARIADB:
        # Its default collation takes every emoji for the same character.
        return [*options, "--collation-server=utf8mb4_unicode_520_ci", "--innodb-log-file-size=16M"]
    # Its threads for native I/O need half a second to notice that the server stops.
    return [*options, "--loose-innodb-redo-log-capacity=32M", "--innodb-use-native-aio=OFF"]


# Reached from this machine alone, and small: it serves one person.
RUN_OPTIONS = (
    f"--bind-address={LOOPBACK}",
    "--skip-name-resolve",
    "--loose-mysqlx=OFF",
    "--local-infile=OFF",
    "--default-time-zone=+00:00",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--max-connections=120",
    "--max-allowed-packet=32M",
    "--table-open-cache=400",
    "--table-definition-cache=400",
    "--key-buffer-size=4M",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-buffer-size=4M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
)
