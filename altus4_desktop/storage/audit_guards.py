"""Triggers by which the database itself refuses to change and to delete rows of the audit log.

They stop accidents and other programs, not whoever may drop them, nor an ``INSERT OR REPLACE`` of
SQLite, which fires no trigger for the row it takes away: that is what the chain is for.
"""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.domain.audit import GuardState

_TABLE = "audit_log"
_REFUSAL = "the audit log is only added to"
_VERBS = {f"{_TABLE}_no_update": "UPDATE", f"{_TABLE}_no_delete": "DELETE"}
_SERVER_BODY = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{_REFUSAL}'"

GUARDS = tuple(_VERBS)

_IN_FILE = sa.text(
    f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{_TABLE}'"
)
_ON_SERVER = sa.text(
    "SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT"
    " FROM information_schema.TRIGGERS"
    f" WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = '{_TABLE}'"
    # MariaDB shows of it only that it is there to who has no right to triggers.
    " AND ACTION_STATEMENT IS NOT NULL"
)


def guard_triggers(dialect: str) -> dict[str, str]:
    """Name to CREATE TRIGGER."""
    if dialect == "sqlite":
        refuse, quote = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END", '"'
    else:
        refuse, quote = _SERVER_BODY, "`"
    return {
        name: f"CREATE TRIGGER {quote}{name}{quote} BEFORE {verb} ON {quote}{_TABLE}{quote}"
        f" FOR EACH ROW {refuse}"
        for name, verb in _VERBS.items()
    }


def guard_texts() -> dict[str, str]:
    """Name to when it fires and what it does, as a server tells it, in lower case."""
    return {name: f"before {verb} {_SERVER_BODY}".lower() for name, verb in _VERBS.items()}


def find_guards(connection: sa.Connection) -> GuardState:
    """Whether the triggers are there, and are what they were made as."""
    if connection.dialect.name == "sqlite":
        wanted = guard_triggers("sqlite")
        found = {name: _plain(text) for name, text in connection.execute(_IN_FILE)}
    else:
        wanted = guard_texts()
        found = {
            name: _plain(f"{timing} {event} {statement}").lower()
            for name, timing, event, statement in connection.execute(_ON_SERVER)
        }
    present = [name for name in wanted if name in found]
    if not present:
        # Who may not see triggers sees none.
        return GuardState.MISSING if connection.dialect.name == "sqlite" else GuardState.UNSEEN
    if any(found[name] != wanted[name] for name in present):
        return GuardState.CHANGED
    return GuardState.WHOLE if len(present) == len(wanted) else GuardState.MISSING


def _plain(text: str) -> str:
    return " ".join(text.split())
