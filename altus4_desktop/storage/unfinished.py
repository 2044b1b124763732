"""Databases that a restore has begun: marked until it has finished, and finished or removed by the
next backup or restore of the same store where its program was killed.

The mark is a table that says in its comment whose database it is in and for which store, both by a
digest: a statement in the server's binary log that names the store counts as a change of it. For
the same reason it is made and dropped while its own database is in use. The server has a lock of
the database's name while somebody is at it. Only what is marked so, not locked and named in its own
mark is touched, and of what has no mark only what is empty and has the name that a restore gives.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa

from altus4_desktop.storage.audit_guards import guard_triggers
from altus4_desktop.storage.schema_swap import MARK
from altus4_desktop.storage.server_names import quoted

_LOG = logging.getLogger(__name__)
_MARKS = sa.text(
    "SELECT TABLE_SCHEMA, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_NAME = :mark"
)
_OTHER_TABLES = sa.text(
    "SELECT COUNT(*) FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = :name AND TABLE_NAME <> :mark"
)
_ROUTINES = sa.text("SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = :name")
_TRIGGERS = sa.text(
    "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = :name"
)
_NAMED = sa.text(
    "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"
    " WHERE LEFT(SCHEMA_NAME, CHAR_LENGTH(:prefix)) = :prefix"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a restore has begun: filling ``place`` for the store ``store``, or with ``swaps``
    keeping there what the store holds.

    ``guards_before`` and ``guards_after`` are the guards of the audit log that the store has before
    and after it.
    """

    store: str
    place: str
    guards_before: tuple[str, ...] = ()
    guards_after: tuple[str, ...] = ()
    swaps: bool = False


def place_names(live: str, stamp: str) -> tuple[str, str]:
    """Where a restore in the place of ``live`` fills, and where it keeps what was there."""
    restored, kept = (f"{_prefix(live, what)}{stamp}" for what in ("restored", "before"))
    return restored, kept


def add_mark(connection: sa.Connection, mark: Mark) -> None:
    """Mark the empty database ``mark.place``, and have the store in use; raises SQLAlchemy's
    errors."""
    told = replace(mark, store=_digest(mark.store), place=_digest(mark.place))
    comment = json.dumps(asdict(told)).replace("\\", "\\\\").replace("'", "''").replace("%", "%%")
    connection.exec_driver_sql(f"USE {quoted(mark.place)}")
    connection.exec_driver_sql(
        f"CREATE TABLE {quoted(MARK)} (id INT PRIMARY KEY) ENGINE = InnoDB COMMENT = '{comment}'"
    )
    connection.exec_driver_sql(f"USE {quoted(mark.store)}")


def remove_mark(connection: sa.Connection, place: str, store: str) -> None:
    """What was begun in ``place`` is done: have ``store`` in use; raises SQLAlchemy's errors."""
    connection.exec_driver_sql(f"USE {quoted(place)}")
    connection.exec_driver_sql(f"DROP TABLE {quoted(MARK)}")
    connection.exec_driver_sql(f"USE {quoted(store)}")


def guards_of(connection: sa.Connection, schema: str) -> tuple[str, ...]:
    """The guards of the audit log that ``schema`` has; raises SQLAlchemy's errors."""
    found = {str(name) for name in connection.execute(_TRIGGERS, {"name": schema}).scalars()}
    return tuple(name for name in guard_triggers("mysql") if name in found)


def take_place(connection: sa.Connection, name: str) -> bool:
    """Have the server's lock for the database ``name`` until the session ends; whether nobody else
    has it."""
    return connection.execute(sa.text("SELECT GET_LOCK(:name, 0)"), {"name": name}).scalar() == 1


def finish_left(connection: sa.Connection, live: str) -> None:
    """Finish or remove what killed restores of the store ``live`` have left.

    The caller has the lock of ``live``. What the account may not do stays; raises SQLAlchemy's
    errors and AltusError when the session is lost.
    """
    for mark in _marks(connection, live):
        with _taken(connection, mark.place) as is_free:
            # It may have been finished meanwhile, and a transaction sees what was.
            connection.rollback()
            if is_free and mark in _marks(connection, live):
                _finish(connection, mark)
    for what in ("restored", "before"):
        prefix = _prefix(live, what)
        for name in connection.execute(_NAMED, {"prefix": prefix}).scalars().all():
            if re.fullmatch(r"\d{14}", name[len(prefix) :]):
                with _taken(connection, name) as is_free:
                    if is_free and _is_empty(connection, name):
                        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quoted(name)}")
    connection.exec_driver_sql(f"USE {quoted(live)}")
    connection.rollback()


def _finish(connection: sa.Connection, mark: Mark) -> None:
    place = quoted(mark.place)
    if not mark.swaps:
        connection.exec_driver_sql(f"DROP DATABASE {place}")
        _LOG.warning("a restore that had broken off was removed")
        return
    others = {"name": mark.place, "mark": MARK}
    is_swapped = bool(connection.execute(_OTHER_TABLES, others).scalar())
    # The tables were moved by one statement: either all of them are here or none.
    _guard(connection, mark.store, mark.guards_after if is_swapped else mark.guards_before)
    if is_swapped:
        _guard(connection, mark.place, mark.guards_before)
        remove_mark(connection, mark.place, mark.store)
    else:
        connection.exec_driver_sql(f"DROP DATABASE {place}")
    _LOG.warning("a restore that had broken off was finished")


def _guard(connection: sa.Connection, schema: str, wanted: tuple[str, ...]) -> None:
    missing = set(wanted) - set(guards_of(connection, schema))
    connection.exec_driver_sql(f"USE {quoted(schema)}")
    for name, statement in guard_triggers("mysql").items():
        if name in missing:
            connection.exec_driver_sql(statement)


def _marks(connection: sa.Connection, live: str) -> list[Mark]:
    found = []
    for place, comment in connection.execute(_MARKS, {"mark": MARK}).all():
        try:
            said = json.loads(comment)
            names = (said["store"], said["place"])
            mark = Mark(
                live,
                str(place),
                tuple(said["guards_before"]),
                tuple(said["guards_after"]),
                swaps=said["swaps"],
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        # One that was copied elsewhere says so itself.
        if names == (_digest(live), _digest(mark.place)):
            found.append(mark)
    return found


def _is_empty(connection: sa.Connection, name: str) -> bool:
    tables = connection.execute(_OTHER_TABLES, {"name": name, "mark": ""}).scalar()
    return not tables and not connection.execute(_ROUTINES, {"name": name}).scalar()


@contextmanager
def _taken(connection: sa.Connection, name: str) -> Iterator[bool]:
    """Whether nobody else is at the database ``name``, which is kept so within the block; what the
    account may not do there ends it."""
    is_free = take_place(connection, name)
    try:
        yield is_free
    except sa.exc.DBAPIError as error:
        if connection.invalidated:
            raise
        code = error.orig.args[0] if error.orig and error.orig.args else "?"
        _LOG.warning("a restore that had broken off was left as it is: error %s", code)
    if is_free:
        connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _prefix(live: str, what: str) -> str:
    return f"{live[:40]}_{what}_"
