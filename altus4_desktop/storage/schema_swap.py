"""Exchanging all tables of one schema of a server for those of another."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from altus4_desktop.domain.errors import AltusError, HalfDoneError
from altus4_desktop.storage.client_programs import ProgramFailed
from altus4_desktop.storage.dump_objects import Rewriter
from altus4_desktop.storage.schema_objects import ObjectsMove
from altus4_desktop.storage.server_names import quoted

# What a restore marks a database with until it has finished.
MARK = "altus4_unfinished"
# A line that is lost is told as a domain error.
_FAILURES = (sa.exc.SQLAlchemyError, AltusError, ProgramFailed, OSError)
_TABLES = sa.text(
    "SELECT TABLE_NAME FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = :name AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME <> :mark"
    " ORDER BY TABLE_NAME"
)
_TRIGGERS = sa.text(
    "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = :name ORDER BY TRIGGER_NAME"
)


def swap_schemas(
    connection: sa.Connection,
    live: str,
    restored: str,
    kept: str,
    objects: ObjectsMove,
    *,
    with_triggers: bool = True,
) -> None:
    """Move the tables of ``live`` to the empty schema ``kept``, and those of ``restored`` to
    ``live``, with their triggers (otherwise those of ``live`` are made for them as well), and then
    ``objects``.

    The tables are moved by one statement: a kill leaves all of them moved or none. Triggers cannot
    move along: they are made again, and a kill at that moment leaves them missing until the next
    backup. Raises SQLAlchemy's errors, AltusError, ProgramFailed and OSError when all is as it was,
    and HalfDoneError (``backup.unguarded``) when it could not be made so again.
    """
    old, new = _tables(connection, live), _tables(connection, restored)
    triggers = {name: _triggers(connection, name) for name in (restored, live)}
    new_ones = triggers[restored]
    if not with_triggers:
        new_ones = {name: one for name, one in triggers[live].items() if one.table in new}
    moves = [(live, kept, table) for table in old] + [(restored, live, table) for table in new]
    try:
        _drop(connection, restored, triggers[restored])
        _drop(connection, live, triggers[live])
        _rename(connection, moves)
    except _FAILURES as error:
        try:
            there = _triggers(connection, live)
            missing = {name: text for name, text in triggers[live].items() if name not in there}
            _create(connection, live, missing, objects.rewriter)
        except _FAILURES:
            raise _unguarded("may have been replaced", live, kept) from error
        raise
    try:
        _create(connection, live, new_ones, objects.rewriter)
        _create(connection, kept, triggers[live], objects.rewriter)
        connection.exec_driver_sql(f"USE {quoted(live)}")
        objects.move()
    except _FAILURES as error:
        said = "was replaced"
        try:
            for name in (live, kept):
                _drop(connection, name, _triggers(connection, name))
            _rename(connection, [(target, source, table) for source, target, table in moves[::-1]])
            said = "is as it was"
            _create(connection, live, triggers[live], objects.rewriter)
            objects.put_back()
        except _FAILURES:
            raise _unguarded(said, live, kept, objects.keep_text()) from error
        raise


def _rename(connection: sa.Connection, moves: list[tuple[str, str, str]]) -> None:
    statement = ", ".join(
        f"{quoted(source)}.{quoted(table)} TO {quoted(target)}.{quoted(table)}"
        for source, target, table in moves
    )
    connection.exec_driver_sql(f"RENAME TABLE {statement}")


def _unguarded(said: str, live: str, kept: str, text: str = "") -> HalfDoneError:
    hint = (
        "Look with “migrate drift”; the next backup makes the guards again. What the store held "
        "before is in the database “{kept}” where that has tables."
    )
    if text:
        hint += " What made its views, routines and events is in “{text}”."
    return HalfDoneError(
        "The store “{live}” {said}, and its guards (triggers), views, routines and events may be "
        "missing: restoring broke off.",
        hint=hint,
        code="backup.unguarded",
        details={"live": live, "said": said, "kept": kept, "text": text},
    )


def _tables(connection: sa.Connection, schema: str) -> list[str]:
    found = connection.execute(_TABLES, {"name": schema, "mark": MARK}).scalars()
    return [str(name) for name in found]


@dataclass(frozen=True, slots=True)
class _Trigger:
    """CREATE TRIGGER, as the server tells it, and the session that it means."""

    table: str
    statement: str
    sql_mode: str
    collation: str


def _triggers(connection: sa.Connection, schema: str) -> dict[str, _Trigger]:
    rows = connection.execute(_TRIGGERS, {"name": schema}).all()
    found: dict[str, _Trigger] = {}
    for name, table in [tuple(map(str, row)) for row in rows]:
        show = f"SHOW CREATE TRIGGER {quoted(schema)}.{quoted(name)}"
        _, sql_mode, statement, _, collation, *_ = connection.exec_driver_sql(show).one()
        found[name] = _Trigger(table, str(statement), str(sql_mode), str(collation))
    return found


def _drop(connection: sa.Connection, schema: str, triggers: dict[str, _Trigger]) -> None:
    for name in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {quoted(schema)}.{quoted(name)}")


def _create(
    connection: sa.Connection, schema: str, triggers: dict[str, _Trigger], rewriter: Rewriter
) -> None:
    connection.exec_driver_sql(f"USE {quoted(schema)}")
    own = tuple(connection.exec_driver_sql("SELECT @@sql_mode, @@collation_connection").one())
    for trigger in triggers.values():
        # The session writes utf8mb4, and reads it so.
        is_own = trigger.collation.startswith("utf8mb4")
        _set_session(connection, trigger.sql_mode, trigger.collation if is_own else own[1])
        statement = rewriter.define(trigger.statement.encode()).decode()
        connection.exec_driver_sql(statement.replace("%", "%%"))
    _set_session(connection, *own)


def _set_session(connection: sa.Connection, sql_mode: str, collation: str) -> None:
    connection.execute(
        sa.text("SET SESSION sql_mode = :sql_mode, SESSION collation_connection = :collation"),
        {"sql_mode": sql_mode, "collation": collation},
    )
