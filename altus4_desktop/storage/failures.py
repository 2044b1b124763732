"""What went wrong with the metadata store, as a sentence for a person."""

from __future__ import annotations

import re
import sqlite3

import sqlalchemy as sa

from altus4_desktop.domain.errors import (
    AltusError,
    ConflictError,
    InputError,
    NotFoundError,
    SchemaError,
    StoreError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.storage.location import StoreLocation

_TRY_AGAIN = "Try again in a moment."

_DUPLICATE_CODES = frozenset({1062, 1586})
_REFERENCE_CODES = frozenset({1216, 1217, 1451, 1452})
_UNFIT_CODES = frozenset({1264, 1265, 1366, 1406, 3140, 3819, 4025})
# A deadlock, and what MariaDB says of a row that others have changed since the transaction began.
_RACE_CODES = frozenset({1020, 1213})
_BUSY_CODES = frozenset({1205}) | _RACE_CODES
_FULL_CODES = frozenset({1021, 1041, 1114})
_READ_ONLY_CODES = frozenset({1290, 1792, 1836})
_DENIED_CODES = frozenset({1142, 1143, 1227, 1370})
_NO_TABLE = re.compile(r"no such table: (?:main\.)?(\w+)|Table '[^']*\.(\w+)' doesn't exist")
# What a table answers that is not as this program has made it.
_UNEXPECTED = frozenset(
    {"store.failed", "store.query", "store.table_missing", "input.invalid", "not_found"}
)


def translate(error: BaseException, location: StoreLocation) -> AltusError:
    """``error`` as a domain error; an `AltusError` other than a server's stays as it is.

    Raises ``error`` itself when it is neither the store's nor the system's: our own bug must not be
    taken for a failure of the store.
    """
    if isinstance(error, sa.exc.TimeoutError):
        return StoreError(
            "All connections to the metadata store are busy.",
            hint=_TRY_AGAIN,
            code="store.busy",
            retryable=True,
        )
    origin = error.orig if isinstance(error, sa.exc.StatementError) and error.orig else error
    if isinstance(origin, UnicodeEncodeError):
        return InputError("text", "The text holds characters that cannot be stored.")
    if not isinstance(error, AltusError | sa.exc.DBAPIError | sqlite3.Error | OSError):
        raise error
    if location.file is not None:
        return _from_file(origin, str(location.file))
    return _from_server(origin, location)


def is_lost_race(error: BaseException) -> bool:
    """Whether a server has undone the transaction because another one was quicker."""
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    return origin is not None and origin.args[:1] in [(code,) for code in _RACE_CODES]


def audit_failure(error: AltusError) -> AltusError:
    """``error``, or that the audit log is broken where its tables are not as they were made."""
    if error.code not in _UNEXPECTED:
        return error
    return SchemaError(
        "The audit log is broken: {reason}",
        hint="“audit verify” and “migrate drift” say how; an admin can sign in for that. Then "
        "restore the metadata store from a copy.",
        code="audit.broken",
        details={"reason": error.message},
    )


def _missing_table(error: BaseException) -> SchemaError | None:
    found = _NO_TABLE.search(str(error))
    if found is None:
        return None
    return SchemaError(
        "The table “{table}” of the metadata store is missing.",
        hint="“migrate drift” names everything that is. Restore the store from a copy.",
        code="store.table_missing",
        details={"table": found[1] or found[2]},
    )


def _from_file(error: BaseException, file: str) -> AltusError:
    if isinstance(error, AltusError):
        return error
    if isinstance(error, OSError):
        return StoreError(
            "The metadata store “{file}” cannot be reached: {reason}.",
            hint="Check the folder, its rights and the free space.",
            code="store.unreachable",
            details={"file": file, "reason": error.strerror or type(error).__name__},
        )
    extended = int(getattr(error, "sqlite_errorcode", 0))
    primary = extended & 0xFF
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return _constraint(extended)
    if primary == sqlite3.SQLITE_NOTADB:
        return SchemaError(
            "“{file}” is not a metadata store; nothing was changed.",
            hint="Choose another file name.",
            code="store.foreign",
            details={"file": file},
        )
    missing = _missing_table(error)
    if missing is not None:
        return missing
    message, hint, code, retryable = _SQLITE.get(
        primary,
        ("The metadata store “{file}” failed ({name}).", "", "store.failed", False),
    )
    name = str(getattr(error, "sqlite_errorname", type(error).__name__))
    return StoreError(
        message,
        hint=hint,
        code=code,
        retryable=retryable,
        details={"file": file, "name": name},
    )


_BUSY = ("Another program keeps the metadata store busy.", _TRY_AGAIN, "store.busy", True)
_READ_ONLY = (
    "The metadata store “{file}” can only be read.",
    "Give the file and its folder back to your user.",
    "store.read_only",
    False,
)
_CORRUPT = (
    "The metadata store “{file}” is damaged ({name}).",
    "Put back a copy from the “backups” folder beside it.",
    "store.corrupt",
    False,
)
_SQLITE: dict[int, tuple[str, str, str, bool]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_FULL: (
        "The disk is full; the metadata store could not be written.",
        "Make room, then try again. What was saved before is safe.",
        "store.full",
        True,
    ),
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: (
        "The metadata store “{file}” cannot be opened.",
        "Check that the file is there and that your user may read and write it.",
        "store.unreachable",
        False,
    ),
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_IOERR: (
        "Reading or writing the metadata store “{file}” failed ({name}).",
        "Check the disk and its free space.",
        "store.io",
        True,
    ),
}


def _constraint(extended: int) -> AltusError:
    if extended == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return _missing_reference()
    if extended in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return _duplicate()
    return _unfit()


def _duplicate() -> AltusError:
    return ConflictError("It exists already.")


def _missing_reference() -> AltusError:
    return NotFoundError(
        "What it belongs to is gone.", hint="Somebody deleted it meanwhile; look again."
    )


def _unfit() -> AltusError:
    return InputError("value", "The metadata store does not take this value.")


def _from_server(error: BaseException, location: StoreLocation) -> AltusError:
    # Only a shared store needs the driver.
    from altus4_desktop.driver.failures import translate as translate_driver

    if isinstance(error, AltusError) and not isinstance(error, TenantError):
        return error
    known = _missing_table(error) or _from_server_code(error, location)
    if known is not None:
        return known
    failure = translate_driver(error, location.target("", 0))
    if not isinstance(failure, TenantError):
        return failure
    # A connection to search has a pool whose size people choose; the store has none.
    is_full = failure.failure is TenantFailure.BUSY
    return StoreError(
        f"The metadata store cannot be used. {failure.template}",
        hint=_TRY_AGAIN if is_full else failure.hint_template,
        code=f"store.{failure.failure.value}",
        retryable=failure.retryable,
        details=failure.details,
    )


def _from_server_code(error: BaseException, location: StoreLocation) -> AltusError | None:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if isinstance(error, TenantError):
        code = error.server_code or 0
    where = {"host": location.host, "database": location.database, "username": location.username}
    if code in _DUPLICATE_CODES:
        return _duplicate()
    if code in _REFERENCE_CODES:
        return _missing_reference()
    if code in _UNFIT_CODES:
        return _unfit()
    if code in _BUSY_CODES:
        return StoreError(_BUSY[0], hint=_TRY_AGAIN, code="store.busy", retryable=True)
    if code in _FULL_CODES:
        return StoreError(
            "The disk of “{host}” is full; the metadata store could not be written.",
            hint="Tell whoever runs the server. What was saved before is safe.",
            code="store.full",
            retryable=True,
            details=where,
        )
    if code in _READ_ONLY_CODES:
        return StoreError(
            "The metadata store on “{host}” can only be read.",
            hint="The server is read-only at the moment; ask whoever runs it.",
            code="store.read_only",
            details=where,
        )
    if code in _DENIED_CODES:
        return StoreError(
            "“{username}” may not do that in “{database}” on “{host}”.",
            hint="To use the store the account needs SELECT, INSERT, UPDATE and DELETE; to set it "
            "up or to upgrade it also CREATE, ALTER, INDEX, REFERENCES and DROP.",
            code="store.denied",
            details=where,
        )
    return None
