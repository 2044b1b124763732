"""Triggers by which the database itself refuses to change and to delete rows of the audit log.

They stop accidents and other programs, not whoever may drop them: that is what the chain is for.
"""

from __future__ import annotations

_TABLE = "audit_log"
_REFUSAL = "the audit log is only added to"

GUARDS = (f"{_TABLE}_no_update", f"{_TABLE}_no_delete")


def guard_triggers(dialect: str) -> dict[str, str]:
    """Name to CREATE TRIGGER."""
    if dialect == "sqlite":
        refuse, quote = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END", '"'
    else:
        refuse, quote = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{_REFUSAL}'", "`"
    return {
        name: f"CREATE TRIGGER {quote}{name}{quote} BEFORE {verb} ON {quote}{_TABLE}{quote}"
        f" FOR EACH ROW {refuse}"
        for name, verb in zip(GUARDS, ("UPDATE", "DELETE"), strict=True)
    }
