"""Grants in words: what each privilege lets an account do, and how much more than searching."""

from __future__ import annotations

import re
from collections.abc import Iterable

from altus4_desktop.domain.errors import Detail
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.rights import (
    AccountGrants,
    Grant,
    GrantLevel,
    Privilege,
    RightLine,
    RightsReport,
    Weight,
)

_NEEDED = frozenset({"SELECT", "SHOW VIEW"})
_READS = {
    "SELECT": "Read rows",
    "SHOW VIEW": "See how views are defined",
    "SHOW CREATE ROUTINE": "See how stored programs are written",
    "SHOW_ROUTINE": "See how stored programs are written",
    "SHOW DATABASES": "See the names of all databases",
    "PROCESS": "See what everybody runs on the server",
    "REPLICATION CLIENT": "See where replication stands",
    "BINLOG MONITOR": "See the server's binary logs",
    "SLAVE MONITOR": "See where replication stands",
    "REPLICA MONITOR": "See where replication stands",
}
_CHANGES = {
    "INSERT": "Add rows",
    "UPDATE": "Change rows",
    "DELETE": "Delete rows",
    "DELETE HISTORY": "Delete the past of versioned tables",
    "DELETE VERSIONING ROWS": "Delete the past of versioned tables",
    "CREATE": "Make databases and tables",
    "DROP": "Remove databases and tables with everything in them",
    "ALTER": "Change the columns of tables",
    "INDEX": "Make and remove indexes",
    "REFERENCES": "Tie tables together by foreign keys",
    "TRIGGER": "Make programs that run at every change of a row",
    "EVENT": "Make programs that the server runs by the clock",
    "EXECUTE": "Run stored programs, which may change data",
    "LOCK TABLES": "Lock tables, so that others have to wait",
    "CREATE VIEW": "Make views",
    "CREATE ROUTINE": "Make stored programs",
    "ALTER ROUTINE": "Change and remove stored programs",
    "CREATE TEMPORARY TABLES": "Make temporary tables",
    "CREATE TABLESPACE": "Make tablespaces",
}
_RULES = {
    "ALL": "Do everything",
    "GRANT OPTION": "Pass its own rights on to others",
    "ADMIN OPTION": "Pass the role on to others",
    "FILE": "Read and write files on the server's computer",
    "SUPER": "Do nearly everything an administrator does",
    "SHUTDOWN": "Stop the server",
    "RELOAD": "Flush and reload the server's state",
    "CREATE USER": "Make, change and remove accounts",
    "CREATE ROLE": "Make roles",
    "DROP ROLE": "Remove roles",
    "ROLE_ADMIN": "Give roles to others and take them away",
    "REPLICATION SLAVE": "Copy everything that is written, as a replica does",
    "PROXY": "Act as another account",
    "SYSTEM_VARIABLES_ADMIN": "Change the server's settings",
    "CONNECTION_ADMIN": "End other people's connections",
    "CONNECTION ADMIN": "End other people's connections",
}
_WORDS = {**_READS, **_CHANGES, **_RULES}
# Longer than the name of any database, each letter of it behind a backslash.
_PATTERN_AT_MOST = 256
_OTHER = "{privilege}, an administrative right"

WEIGHT_WORDS = {
    Weight.RULES: "Administers",
    Weight.CHANGES: "Changes data",
    Weight.READS_MORE: "Reads more",
    Weight.NEEDED: "Needed",
}


def explain(grants: AccountGrants, database: str) -> RightsReport:
    """What ``grants`` mean for an account that is meant to search ``database`` alone."""
    lines: list[RightLine] = []
    for grant in grants.grants:
        lines += [_line(grants, grant, privilege, database) for privilege in grant.privileges]
        if grant.with_grant_option and not _names(grant.privileges, ("GRANT OPTION",)):
            lines.append(_line(grants, grant, Privilege("GRANT OPTION"), database))
    missing = () if _may_read(grants, database) else ("SELECT",)
    lines.sort(key=lambda line: -line.weight)
    return RightsReport(grants, database, tuple(lines), missing)


def verdict(report: RightsReport) -> Remark:
    """The report in one sentence."""
    details: dict[str, Detail] = {"database": report.database, "count": len(report.excess)}
    if report.missing:
        return Remark("The account may not read “{database}”.", details)
    match report.weight:
        case Weight.RULES:
            return Remark(
                "The account may administer, not only read. Rights beyond searching: {count}.",
                details,
            )
        case Weight.CHANGES:
            return Remark(
                "The account may change data, not only read. Rights beyond searching: {count}.",
                details,
            )
        case Weight.READS_MORE:
            return Remark("The account may read more than “{database}” alone.", details)
        case Weight.NEEDED:
            pass
    if not report.is_known:
        return Remark("Not everything that the account may do can be seen.")
    return Remark("The account may do what searching needs, and nothing more.")


def cautions(report: RightsReport) -> tuple[Remark, ...]:
    """What stays in the dark, a sentence each."""
    found = []
    hidden = report.grants.hidden_roles
    if hidden:
        names = {"roles": ", ".join(hidden)}
        found.append(Remark("It may take roles without seeing what they allow: {roles}.", names))
    if report.grants.unread_count:
        count = {"count": report.grants.unread_count}
        found.append(Remark("Grants that this program does not understand: {count}.", count))
    return tuple(found)


def _line(grants: AccountGrants, grant: Grant, privilege: Privilege, database: str) -> RightLine:
    place = _place(grants, grant, privilege)
    if grant.revoked:
        words = Remark("Not allowed there: {privilege}", {"privilege": privilege.name})
        return RightLine(privilege.name, words, place, Weight.NEEDED, grant.role)
    text = _WORDS.get(privilege.name, _OTHER)
    words = Remark(text, {"privilege": privilege.name} if text is _OTHER else {})
    weight = _weight(grants, grant, privilege, database)
    return RightLine(privilege.name, words, place, weight, grant.role)


def _weight(grants: AccountGrants, grant: Grant, privilege: Privilege, database: str) -> Weight:
    if privilege.name in _NEEDED and grant.level in (GrantLevel.DATABASE, GrantLevel.TABLE):
        many = grant.level is GrantLevel.DATABASE and _is_wide(grants, grant.database)
        if not many and _covers(grants, grant, database):
            return Weight.NEEDED
    if privilege.name in _READS:
        return Weight.READS_MORE
    return Weight.CHANGES if privilege.name in _CHANGES else Weight.RULES


def _place(grants: AccountGrants, grant: Grant, privilege: Privilege) -> Remark:
    if grant.level is GrantLevel.DATABASE:
        return _database_place(grants, grant.database)
    name = f"{grant.database}.{grant.name}" if grant.database else grant.name
    if privilege.columns:
        columns = ", ".join(privilege.columns)
        return Remark("columns {columns} of {name}", {"columns": columns, "name": name})
    text = {
        GrantLevel.GLOBAL: "every database",
        GrantLevel.TABLE: "the table {name}",
        GrantLevel.ROUTINE: "the stored program {name}",
        GrantLevel.PROXY: "the account {name}" if name else "every account",
        GrantLevel.ROLE: "the role {name}",
    }[grant.level]
    return Remark(text, {"name": name} if name else {})


def _database_place(grants: AccountGrants, name: str) -> Remark:
    if _is_wide(grants, name):
        return Remark("every database named like {name}", {"name": name})
    plain = name if grants.literal_names else re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL)
    return Remark("the database {name}", {"name": plain})


def _may_read(grants: AccountGrants, database: str) -> bool:
    reading = [
        grant
        for grant in grants.grants
        if _names(grant.privileges, ("SELECT", "ALL")) and _covers(grants, grant, database)
    ]
    if any(grant.revoked for grant in reading):
        reading = [grant for grant in reading if grant.level is not GrantLevel.GLOBAL]
    return any(not grant.revoked for grant in reading)


def _covers(grants: AccountGrants, grant: Grant, database: str) -> bool:
    if grant.level is GrantLevel.GLOBAL:
        return True
    if grant.level not in (GrantLevel.DATABASE, GrantLevel.TABLE):
        return False
    name = grant.database
    if grants.ignores_case:
        name, database = name.lower(), database.lower()
    if grant.level is GrantLevel.TABLE or grants.literal_names:
        return name == database
    return _matches(name, database)


def _matches(pattern: str, name: str) -> bool:
    r"""Whether the name of a database is one that a grant means: ``%`` is any letters, ``_`` one
    of them, and a backslash lets the next letter stand for itself.

    Not by a regular expression: with many ``%`` that takes a server's word for how long.
    """
    if len(pattern) > _PATTERN_AT_MOST:
        return False
    reached = {0}
    for part in _parts(pattern):
        if part == "%":
            reached = set(range(min(reached), len(name) + 1))
        else:
            letter = None if part == "_" else part[-1]
            reached = {at + 1 for at in reached if at < len(name) and letter in (None, name[at])}
        if not reached:
            return False
    return len(name) in reached


def _is_wide(grants: AccountGrants, name: str) -> bool:
    """Whether it names many databases; a single ``_`` in a name is rarely meant as a pattern."""
    return not grants.literal_names and "%" in _parts(name)


def _parts(pattern: str) -> list[str]:
    return re.findall(r"\\.|.", pattern, re.DOTALL)


def _names(privileges: Iterable[Privilege], names: tuple[str, ...]) -> bool:
    return any(privilege.name in names for privilege in privileges)
