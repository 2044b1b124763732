"""What a server refuses because of how it is set, and what an administrator sets instead."""

from __future__ import annotations

import re

import sqlalchemy as sa

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.client_programs import ProgramFailed

_CODE = re.compile(r"ERROR (\d+) \(\w+\)")
_TOO_LARGE, _NO_TRIGGERS = 1153, 1419
_REFUSALS = {
    _TOO_LARGE: "{what}: a statement is larger than the server takes, its max_allowed_packet "
    "is too small.",
    _NO_TRIGGERS: "{what}: the server writes a binary log, and lets this account make no triggers "
    "and functions.",
}
_SETTINGS = {
    _TOO_LARGE: "max_allowed_packet = 1073741824",
    _NO_TRIGGERS: "log_bin_trust_function_creators = 1",
}
_HINT = (
    "An administrator of the server can change that: SET GLOBAL {setting}; and in the server's "
    "option file, which counts after its next start."
)


class TooLargeError(ProgramFailed):
    """A statement was larger than the server takes, which may close the line without a word."""


def explain_refusal(what: str, error: BaseException) -> StoreError | None:
    """``error`` as a StoreError (``backup.server_setting``) that begins with ``what``; None where
    it is no such refusal.

    A client's text is known by its ``ERROR code (state)``, an error of SQLAlchemy by its origin's.
    """
    origin = error.orig if isinstance(error, sa.exc.StatementError) else None
    found = _CODE.search(str(error)) if origin is None else None
    code = int(found[1]) if found else origin and origin.args and origin.args[0]
    if isinstance(error, TooLargeError):
        code = _TOO_LARGE
    if code not in _REFUSALS:
        return None
    return StoreError(
        _REFUSALS[code],
        hint=_HINT,
        code="backup.server_setting",
        details={"what": what, "setting": _SETTINGS[code]},
    )
