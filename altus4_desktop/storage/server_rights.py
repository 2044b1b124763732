"""What the store's account may do on its server, where a backup or a restore depends on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import sqlalchemy as sa

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.client_programs import ServerAccess
from altus4_desktop.storage.day_rights import trial_rights
from altus4_desktop.storage.dump_objects import EVENTS, POSITION, ROUTINES, TRIGGERS, VIEWS
from altus4_desktop.storage.schema_objects import owners_of
from altus4_desktop.storage.server_names import quoted

# Of MariaDB, of MySQL 8.0 and of MySQL since 8.2.
_SPEAKS_FOR_OTHERS = (
    {"ALL PRIVILEGES"},
    {"SET USER"},
    {"SYSTEM_USER", "SET_USER_ID"},
    {"SYSTEM_USER", "SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"},
)
_GRANT = re.compile(r"^GRANT (.*) ON (\*\.\*|`(?:[^`]|``)*`\.\*) TO ", re.IGNORECASE)
_DENIED = frozenset({1044, 1142, 1143, 1227, 1370})
# A view that refers to what is gone, too: no program dumps it.
_UNREADABLE = _DENIED | {1356}
_TABLES = (
    "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'VIEW') ORDER BY TABLE_NAME"
)
_HIDDEN_ROUTINES = (
    "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
    " AND ROUTINE_DEFINITION IS NULL"
)
# What it takes to have each of them in a dump: in the database, and everywhere.
_TAKES = {
    VIEWS: ("SELECT, SHOW VIEW, EXECUTE", "", ""),
    TRIGGERS: ("TRIGGER", "", ""),
    EVENTS: ("EVENT", "", ""),
    ROUTINES: ("EXECUTE", "SHOW_ROUTINE ON *.*", "SELECT ON `mysql`.`proc`"),
    POSITION: ("", "RELOAD, REPLICATION CLIENT ON *.*", ""),
}
# What it takes to exchange the store's tables, to fill another database with a dump and play the
# log there, and for each kind of object besides.
_EXCHANGED = (
    *("SELECT", "INSERT", "UPDATE", "DELETE"),
    *("CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "TRIGGER"),
)
_FILLED = (*_EXCHANGED, "LOCK TABLES", "EVENT")
_MADE = {
    VIEWS: ("CREATE VIEW", "SHOW VIEW"),
    ROUTINES: ("CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"),
    EVENTS: ("EVENT",),
}
_FILLED_ALL = tuple(dict.fromkeys((*trial_rights()[1], *_FILLED)))
# What ends the name of a database that a restore makes.
_STAMP = re.compile(r"(?<=_before_)\d{14}\Z|(?<=_restored_)\d{14}\Z")
_FIXED = re.compile(r"\A(?:\\.|[^\\%_])*", re.S)


@dataclass(frozen=True, slots=True)
class DumpRights:
    """What the account may have in a dump: ``options`` for the program, and the kinds that it has
    to leave out."""

    options: tuple[str, ...]
    left_out: tuple[str, ...]


def read_dump_rights(access: ServerAccess, connection: sa.Connection) -> DumpRights:
    """What the account may dump of the session's database.

    Raises StoreError (``backup.no_right``) for a table that it may not read, which shows the
    statement that grants it; SQLAlchemy's errors.
    """
    rights = _rights(connection, access.location.database)
    tables = [tuple(map(str, row)) for row in connection.exec_driver_sql(_TABLES).all()]
    views = [name for name, kind in tables if kind == "VIEW"]
    for name, kind in tables:
        if kind != "VIEW" and not _allows(connection, f"SELECT 1 FROM {quoted(name)} LIMIT 0"):
            place = f"{_quoted(access.location.database)}.{_quoted(name)}"
            raise StoreError(
                "The account “{username}” may not read the table “{table}”: no backup is made.",
                hint="Let an admin of the server grant it: {statement};",
                code="backup.no_right",
                details={
                    "username": access.location.username,
                    "table": name,
                    "statement": f"GRANT SELECT ON {place} TO {_account(connection)}",
                },
            )
    options, left_out = [], []
    sees_views = _has(rights, "SELECT", "SHOW VIEW") and all(
        _allows(connection, f"SHOW CREATE VIEW {quoted(name)}")
        and _allows(connection, f"SHOW COLUMNS FROM {quoted(name)}")
        for name in views
    )
    if not sees_views:
        left_out.append(VIEWS)
        options += [f"--ignore-table={access.location.database}.{name}" for name in views]
    if not _has(rights, "TRIGGER"):
        left_out.append(TRIGGERS)
        options.append("--skip-triggers")
    if not _sees_routines(access, connection, rights):
        left_out.append(ROUTINES)
        options.append("--skip-routines")
    if _allows(connection, "SHOW EVENTS"):
        options.append("--events")
    else:
        left_out.append(EVENTS)
    if connection.exec_driver_sql("SELECT @@log_bin").scalar():
        if access.flavour is Flavour.MARIADB:
            # The position belongs to the snapshot: no lock and no right is needed for it.
            options.append("--master-data=2")
        elif _has(_rights(connection), "RELOAD", "REPLICATION CLIENT"):
            # It stops writers for the moment in which it reads the position.
            options.append("--source-data=2")
        else:
            left_out.append(POSITION)
    return DumpRights(tuple(options), tuple(left_out))


def grants_for(
    access: ServerAccess, connection: sa.Connection, left_out: Collection[str]
) -> tuple[str, ...]:
    """The statements that let the account have what its dumps leave out."""
    account = _account(connection)
    is_mysql = access.flavour is Flavour.MYSQL
    inside = [right for kind in left_out for right in _TAKES[kind][0].split(", ") if right]
    outside = [_TAKES[kind][1 if is_mysql else 2] for kind in left_out]
    statements = [f"GRANT {place} TO {account};" for place in outside if place]
    if inside:
        everything = ", ".join(dict.fromkeys(inside))
        database = _pattern(connection, access.location.database)
        statements.insert(0, f"GRANT {everything} ON {_quoted(database)}.* TO {account};")
    return tuple(statements)


def check_restore(
    access: ServerAccess,
    connection: sa.Connection,
    filled: Collection[str],
    held: Collection[str] = (),
    replaced: Collection[str] | None = None,
) -> None:
    """Raise StoreError (``backup.no_right``), which shows all statements that grant it, where the
    account may not restore.

    ``filled``: the databases that are made for it; ``held``: the kinds of objects that the backup
    has; ``replaced``: those that are replaced in the store, None when that stays as it is. Rights
    that come by a role are not listed by servers: then only what they do not hide is looked at.
    """
    account = _account(connection)
    database = access.location.database
    has_role = connection.exec_driver_sql("SELECT CURRENT_ROLE()").scalar() not in (None, "NONE")
    statements = []
    needed = {name: _with(_FILLED, held) for name in filled}
    if replaced is not None:
        there = [kind for kind in replaced if owners_of(connection, [kind])]
        needed[database] = _with(_EXCHANGED, {*there, *set(held).intersection(replaced)})
    for name, rights in needed.items():
        if not has_role and not _has(_rights(connection, name), *rights):
            granted = rights if name == database else _FILLED_ALL
            place = _quoted(_pattern(connection, name))
            statements.append(f"GRANT {', '.join(granted)} ON {place}.* TO {account};")
    owners = owners_of(connection, replaced or ())
    connection.rollback()
    own = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
    others = sorted(owners - {own}) if access.flavour is Flavour.MYSQL else []
    # MySQL lets nobody else drop what an administrator may have defined.
    if others and "SYSTEM_USER" not in _rights(connection):
        statements.append(f"GRANT SYSTEM_USER ON *.* TO {account};")
    if statements:
        raise StoreError(
            "The account “{username}” may not do all that restoring takes: nothing was restored.",
            hint="Restore with an administrator's account, or let one grant it: {statements}",
            code="backup.no_right",
            details={
                "username": access.location.username,
                "statements": " ".join(statements),
            },
        )


def escaped(name: str) -> str:
    """The pattern that stands for a database in a grant: of one that a restore makes for each time
    anew, for all of them."""
    fixed = _STAMP.sub("", name)
    return re.sub(r"([\\%_])", r"\\\1", fixed) + ("%" if fixed != name else "")


def spoken_for(connection: sa.Connection) -> Callable[[str], bool]:
    """Tells of an account whether this one may make objects that are run by its rights."""
    own = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
    rights = _rights(connection)
    is_free = any(rights >= enough for enough in _SPEAKS_FOR_OTHERS)
    return lambda definer: is_free or definer == own


def _rights(connection: sa.Connection, database: str = "") -> set[str]:
    """What the account may do everywhere, and in all of ``database``."""
    found = _grants(connection) + (_grants(connection, database)[-1:] if database else [])
    return {right for _, granted in found for right in granted}


def _grants(connection: sa.Connection, database: str = "") -> list[tuple[str, set[str]]]:
    """Each pattern that covers ``database`` and what is granted there; of several only the last
    counts for the server. Without a database what is granted everywhere."""
    found = []
    for grant in connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()").scalars():
        read = _GRANT.match(str(grant))
        if read is None or (read[2] == "*.*") != (not database):
            continue
        pattern = read[2][1:-3].replace("``", "`")
        if not database or _covers(pattern, database):
            found.append((pattern, {right.strip().upper() for right in read[1].split(",")}))
    return sorted(found, key=lambda one: _exactness(one[0]))


def _exactness(pattern: str) -> int:
    """By what servers choose among patterns: where the first wildcard is."""
    rest = _FIXED.sub("", pattern, count=1)
    return len(pattern) - len(rest) if rest else len(pattern) + 1


def _pattern(connection: sa.Connection, database: str) -> str:
    """How a grant names ``database``: as one does already, whose place another would take."""
    for pattern, _ in _grants(connection, database)[-1:]:
        if re.sub(r"\\(.)", r"\1", pattern) == database:
            return pattern
    return escaped(database)


def _with(rights: Collection[str], kinds: Collection[str]) -> tuple[str, ...]:
    more = [right for kind in sorted(kinds) for right in _MADE.get(kind, ())]
    return tuple(dict.fromkeys((*rights, *more)))


def _has(rights: set[str], *wanted: str) -> bool:
    return "ALL PRIVILEGES" in rights or rights.issuperset(wanted)


def _covers(pattern: str, database: str) -> bool:
    """Whether a grant on databases like ``pattern`` is one on ``database``."""
    pieces = re.findall(r"\\.|.", pattern, re.S)
    letters = {"%": ".*", "_": "."}
    text = "".join(letters.get(piece, re.escape(piece[-1])) for piece in pieces)
    return re.fullmatch(text, database, re.S) is not None


def _sees_routines(access: ServerAccess, connection: sa.Connection, rights: set[str]) -> bool:
    """Whether the account sees every routine, and what is in it."""
    if connection.exec_driver_sql(_HIDDEN_ROUTINES).scalar():
        return False
    if any(_has(rights, one) for one in ("EXECUTE", "ALTER ROUTINE", "SHOW_ROUTINE")):
        return True
    is_mysql = access.flavour is Flavour.MYSQL
    return not is_mysql and _allows(connection, "SELECT 1 FROM mysql.proc LIMIT 0")


def _allows(connection: sa.Connection, statement: str) -> bool:
    try:
        connection.exec_driver_sql(statement).all()
    except sa.exc.DBAPIError as error:
        if error.orig is None or error.orig.args[:1] not in [(code,) for code in _UNREADABLE]:
            raise
        return False
    return True


def _account(connection: sa.Connection) -> str:
    """Whom the server takes this session for, as a statement names it."""
    name, _, host = str(
        connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()
    ).rpartition("@")
    return "@".join("'" + part.replace("'", "''") + "'" for part in (name, host))


def _quoted(name: str) -> str:
    """``name`` as an identifier in a statement for a person."""
    return "`" + name.replace("`", "``") + "`"
