"""The schema that is really there, each part of it in one line of text that can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.revisions import SchemaPart

# (part, table, name): what it is like. A table's own name is empty.
Snapshot = dict[tuple[SchemaPart, str, str], str]

VIRTUAL = "virtual table"

_FILE_OBJECTS = sa.text(
    "SELECT type, name, tbl_name, COALESCE(sql, '') FROM sqlite_master"
    " WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY type, name"
)
_PIECE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]"""
    r"""|--[^\n]*|/\*.*?\*/|\w+|[^\s\w]""",
    re.DOTALL,
)
_SERVER_TABLES = sa.text(
    "SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
)
_SERVER_COLUMNS = sa.text(
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,"
    " COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
)
_INDEXES = (
    "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, INDEX_TYPE, COLUMN_NAME, SUB_PART, COLLATION,"
    " {expression} FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
    " ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
)
# MariaDB indexes no expressions and has no column for them.
_MARIADB_INDEXES = sa.text(_INDEXES.format(expression="NULL"))
_MYSQL_INDEXES = sa.text(_INDEXES.format(expression="EXPRESSION"))
_SERVER_KEYS = sa.text(
    "SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME,"
    " k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE"
    " FROM information_schema.KEY_COLUMN_USAGE AS k"
    " JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r"
    " ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME"
    " AND r.TABLE_NAME = k.TABLE_NAME WHERE k.TABLE_SCHEMA = DATABASE()"
    " ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION"
)
_MARIADB_CHECKS = sa.text(
    "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS"
    " WHERE CONSTRAINT_SCHEMA = DATABASE()"
)
_MYSQL_CHECKS = sa.text(
    "SELECT t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE"
    " FROM information_schema.CHECK_CONSTRAINTS AS c"
    " JOIN information_schema.TABLE_CONSTRAINTS AS t"
    " ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME"
    " AND t.CONSTRAINT_TYPE = 'CHECK' WHERE c.CONSTRAINT_SCHEMA = DATABASE()"
)
_SERVER_TRIGGERS = sa.text(
    "SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT"
    " FROM information_schema.TRIGGERS"
    # MariaDB shows of it only that it is there to who has no right to triggers.
    " WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_STATEMENT IS NOT NULL"
)


def read_schema(connection: sa.Connection) -> Snapshot:
    """Every table of the store and what belongs to it; views are nobody's concern."""
    if connection.dialect.name == "sqlite":
        return _read_file(connection)
    return _read_server(connection)


def column_text(
    kind: str, *, nullable: bool, default: str | None, updated: bool, counted: bool, collation: str
) -> str:
    """A column in words; ``default`` as `plain_default` gives it."""
    words = [kind if nullable else f"{kind}, not null"]
    if default is not None:
        words.append(f"default {default}")
    if updated:
        words.append("on update current_timestamp")
    if counted:
        words.append("auto_increment")
    if collation:
        words.append(collation)
    return ", ".join(words)


def index_text(columns: Iterable[str], *, unique: bool, kind: str = "", condition: str = "") -> str:
    """An index in words; ``condition`` is what a partial index is limited to."""
    head = " ".join(word for word in ("unique" if unique else "", kind) if word)
    text = f"{head} ({', '.join(columns)})".strip()
    return f"{text} where {condition}" if condition else text


def reference_text(
    table: str, columns: Iterable[str], delete_rule: str | None, update_rule: str | None
) -> str:
    """What a foreign key points to in words; doing nothing has several names."""
    text = f"{table} ({', '.join(columns)})"
    for what, rule in (("delete", delete_rule), ("update", update_rule)):
        if rule and rule.upper() not in ("NO ACTION", "RESTRICT"):
            text += f", on {what} {rule.lower()}"
    return text


def plain_default(text: str | None) -> str | None:
    """A default as every server writes it: without quotes, brackets and character sets."""
    if text is None or text == "NULL":
        return None
    plain = re.sub(r"\b_utf8mb4(?=\\?')", "", text).replace("\\'", "'").strip()
    while len(plain) > 1 and (plain[0], plain[-1]) in (("(", ")"), ("'", "'")):
        plain = plain[1:-1]
    known = {"true": "1", "false": "0", "current_timestamp()": "current_timestamp"}
    lower = plain.lower()
    return known.get(lower, lower if lower == "current_timestamp" else plain) or "''"


def plain_type(text: str) -> str:
    """A server's column type without the widths that no longer mean anything."""
    return re.sub(r"\b((?:small|medium|big)?int|tinyint(?!\(1\)))\(\d+\)", r"\1", text.lower())


def plain_check(clause: str) -> str:
    """A CHECK without quotes and brackets, which each server writes in its own way."""
    return " ".join(re.sub(r"[`\"()]", " ", clause).split())


def _read_file(connection: sa.Connection) -> Snapshot:
    found: Snapshot = {}
    objects = [tuple(map(str, row)) for row in connection.execute(_FILE_OBJECTS)]
    virtual = [name for kind, name, _, text in objects if kind == "table" and "VIRTUAL" in text]
    indexes = {name: text for kind, name, _, text in objects if kind == "index"}
    for kind, name, table, text in objects:
        if kind == "trigger":
            found[SchemaPart.TRIGGER, table, name] = " ".join(text.split())
        elif kind == "table" and name in virtual:
            found[SchemaPart.TABLE, name, ""] = VIRTUAL
        elif kind == "table" and not name.startswith(tuple(f"{one}_" for one in virtual)):
            found[SchemaPart.TABLE, name, ""] = ""
            _read_file_table(connection, name, text, indexes, found)
    return found


def _read_file_table(
    connection: sa.Connection, table: str, text: str, indexes: Mapping[str, str], found: Snapshot
) -> None:
    def pragma(name: str, argument: str) -> list[tuple[Any, ...]]:
        statement = sa.text(f"SELECT * FROM pragma_{name}(:argument)")
        return [tuple(row) for row in connection.execute(statement, {"argument": argument})]

    keys: dict[int, str] = {}
    for _, name, declared, not_null, default, key, _ in pragma("table_xinfo", table):
        found[SchemaPart.COLUMN, table, name] = column_text(
            str(declared).lower(),
            nullable=not not_null,
            default=plain_default(default),
            updated=False,
            counted=False,
            collation="",
        )
        if key:
            keys[key] = name
    if keys:
        primary = [keys[number] for number in sorted(keys)]
        found[SchemaPart.INDEX, table, "PRIMARY"] = index_text(primary, unique=True)
    for _, name, unique, origin, *_ in pragma("index_list", table):
        if origin == "pk":
            continue
        # What else an index holds is the row's own number.
        parts = [row for row in pragma("index_xinfo", name) if row[5]]
        columns, condition = _file_index(parts, indexes.get(name, ""))
        label = name if origin == "c" else ", ".join(str(row[2]) for row in parts)
        found[SchemaPart.INDEX, table, label] = index_text(
            columns, unique=bool(unique), condition=condition
        )
    references: dict[int, list[tuple[Any, ...]]] = {}
    for row in pragma("foreign_key_list", table):
        references.setdefault(row[0], []).append(row)
    for rows in references.values():
        rows.sort(key=lambda row: int(row[1]))
        target, update_rule, delete_rule = rows[0][2], rows[0][5], rows[0][6]
        name = ", ".join(str(row[3]) for row in rows)
        found[SchemaPart.FOREIGN_KEY, table, name] = reference_text(
            target, [str(row[4]) for row in rows], delete_rule, update_rule
        )
    for name, clause in _file_checks(text):
        found[SchemaPart.CHECK, table, name or clause] = clause


def _file_index(parts: list[tuple[Any, ...]], text: str) -> tuple[list[str], str]:
    """The columns of an index with collation and direction, and the condition of a partial one.

    ``parts`` are rows of ``index_xinfo``; ``text`` made the index, ``""`` for one of a constraint.
    """
    columns = [
        f"{name}{'' if collation == 'BINARY' else f' collate {collation.lower()}'}"
        f"{' desc' if backwards else ''}"
        for _, _, name, backwards, collation, *_ in parts
    ]
    start = next((place for place, piece in _pieces(text) if piece == "("), None)
    if start is None:
        return columns, ""
    inside = _bracketed(text, start)
    if any(row[2] is None for row in parts):
        # Only the statement itself says which expression it is.
        columns = [" ".join(inside.split())]
    rest = text[start + len(inside) + 2 :].strip()
    return columns, " ".join(rest[len("WHERE") :].split())


def _file_checks(text: str) -> Iterator[tuple[str, str]]:
    """Name, ``""`` without one, and clause of every CHECK in the statement that made a table."""
    pieces = list(_pieces(text))
    for number, (_, piece) in enumerate(pieces[:-1]):
        place, following = pieces[number + 1]
        if piece.upper() == "CHECK" and following == "(":
            named = number > 1 and pieces[number - 2][1].upper() == "CONSTRAINT"
            name = pieces[number - 1][1].strip('"`[]') if named else ""
            yield name, plain_check(_bracketed(text, place))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Where words, quoted words and signs begin in a statement, and what they are."""
    for match in _PIECE.finditer(text):
        if not match.group().startswith(("--", "/*")):
            yield match.start(), match.group()


def _bracketed(text: str, start: int) -> str:
    """What is between the bracket at ``start`` and the one that closes it."""
    depth = 0
    for place, piece in _pieces(text[start:]):
        depth += (piece == "(") - (piece == ")")
        if not depth:
            return text[start + 1 : start + place]
    return text[start + 1 :]


def _read_server(connection: sa.Connection) -> Snapshot:
    found: Snapshot = {}
    for table, engine, collation in connection.execute(_SERVER_TABLES):
        found[SchemaPart.TABLE, table, ""] = f"{engine}, {collation}"
    tables = {table for _, table, _ in found}
    for table, name, kind, nullable, default, extra, collation in connection.execute(
        _SERVER_COLUMNS
    ):
        # A view has columns too.
        if table in tables:
            found[SchemaPart.COLUMN, table, name] = column_text(
                plain_type(_text(kind)),
                nullable=nullable == "YES",
                default=plain_default(None if default is None else _text(default)),
                updated="on update" in extra.lower(),
                counted="auto_increment" in extra.lower(),
                collation=collation or "",
            )
    indexes: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    for row in connection.execute(_MARIADB_INDEXES if is_mariadb else _MYSQL_INDEXES):
        indexes.setdefault((row[0], row[1]), []).append(tuple(row))
    for (table, name), rows in indexes.items():
        columns = [_server_index_part(*row[4:8]) for row in rows]
        kind = "" if rows[0][3] == "BTREE" else str(rows[0][3]).lower()
        text = index_text(columns, unique=not rows[0][2], kind=kind)
        found[SchemaPart.INDEX, table, name] = text
    keys: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in connection.execute(_SERVER_KEYS):
        keys.setdefault((row[0], row[1]), []).append(tuple(row))
    for (table, _), rows in keys.items():
        name = ", ".join(str(row[2]) for row in rows)
        text = reference_text(rows[0][3], [str(row[4]) for row in rows], rows[0][5], rows[0][6])
        found[SchemaPart.FOREIGN_KEY, table, name] = text
    for table, name, clause in connection.execute(_MARIADB_CHECKS if is_mariadb else _MYSQL_CHECKS):
        found[SchemaPart.CHECK, table, name] = plain_check(_text(clause))
    for table, name, timing, event, statement in connection.execute(_SERVER_TRIGGERS):
        text = f"{timing} {event} {' '.join(_text(statement).split())}".lower()
        found[SchemaPart.TRIGGER, table, name] = text
    return found


def _server_index_part(
    column: str | None, length: int | None, direction: str | None, expression: object
) -> str:
    """One part of an index in words: a column, the start of one, or an expression."""
    text = column if column is not None else f"({_text(expression)})"
    if length:
        text += f"({length})"
    return f"{text} desc" if direction == "D" else text


def _text(value: object) -> str:
    """Some servers answer texts of the catalogue as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
