"""What the program does to each table of a shared store from day to day."""

from __future__ import annotations

from collections.abc import Mapping

from altus4_desktop.storage.tables import audit_log, journal, metadata, version_table

_EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
_ADDED_TO = ("SELECT", "INSERT")
_READ = ("SELECT",)
SCRATCH_PREFIX = "altus4_verify_"
# All that a dump makes; what it makes is dropped again.
_TRIALS = (
    *("CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "SELECT", "INSERT", "LOCK TABLES"),
    *("CREATE VIEW", "SHOW VIEW", "TRIGGER", "EVENT"),
    *("CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"),
)


def trial_rights() -> tuple[str, tuple[str, ...]]:
    """How the databases begin in which backups are restored on trial, and the privileges there."""
    return SCRATCH_PREFIX, _TRIALS


def day_rights() -> Mapping[str, tuple[str, ...]]:
    """The privileges by table: the audit log is only added to, the books of revisions only read."""
    rights: dict[str, tuple[str, ...]] = dict.fromkeys(metadata.tables, _EVERYTHING)
    rights[audit_log.name] = _ADDED_TO
    return {**rights, journal.name: _READ, version_table.name: _READ}
