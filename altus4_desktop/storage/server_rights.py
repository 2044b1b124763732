"""What the store's account may do on its server, where a backup or a restore depends on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import sqlalchemy as sa

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.client_programs import ServerAccess
from altus4_desktop.storage.schema_objects import owners_of

# Of MariaDB, of MySQL 8.0 and of MySQL since 8.2.
_SPEAKS_FOR_OTHERS = (
    {"ALL PRIVILEGES"},
    {"SET USER"},
    {"SYSTEM_USER", "SET_USER_ID"},
    {"SYSTEM_USER", "SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"},
)
_EVERYTHING = re.compile(r"^GRANT (.*) ON \*\.\* TO ", re.IGNORECASE)


def check_owners(access: ServerAccess, connection: sa.Connection, kinds: Collection[str]) -> None:
    """Raise StoreError (``backup.no_right``) for what MySQL will not let the account drop, as
    its definer may be an administrator."""
    owners = owners_of(connection, kinds)
    connection.rollback()
    if access.flavour is Flavour.MYSQL and owners:
        rights = _rights(connection)
        own = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
        others = sorted(owners - {own})
        if others and "SYSTEM_USER" not in rights:
            raise StoreError(
                "The account “{username}” may not replace what {others} defined in the "
                "database “{database}”.",
                hint="Restore with an administrator's account, or let one grant it: "
                "GRANT SYSTEM_USER ON *.* TO …",
                code="backup.no_right",
                details={
                    "username": access.location.username,
                    "others": ", ".join(others),
                    "database": access.location.database,
                },
            )


def spoken_for(connection: sa.Connection) -> Callable[[str], bool]:
    """Tells of an account whether this one may make objects that are run by its rights."""
    own = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
    rights = _rights(connection)
    is_free = any(rights >= enough for enough in _SPEAKS_FOR_OTHERS)
    return lambda definer: is_free or definer == own


def may_read_position(connection: sa.Connection) -> bool:
    """Whether MySQL's program may stop writers for the moment in which it reads the position."""
    rights = _rights(connection)
    return "ALL PRIVILEGES" in rights or rights >= {"RELOAD", "REPLICATION CLIENT"}


def _rights(connection: sa.Connection) -> set[str]:
    """What the account may do everywhere."""
    rights: set[str] = set()
    for grant in connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()").scalars():
        found = _EVERYTHING.match(str(grant))
        if found:
            rights |= {right.strip().upper() for right in found[1].split(",")}
    return rights
