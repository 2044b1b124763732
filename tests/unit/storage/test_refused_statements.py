"""What a server refuses because of how it is set: told with the statement that sets it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.storage.backup_folder import UnsoundError
from altus4_desktop.storage.backups import StoreBackups
from altus4_desktop.storage.client_programs import ProgramFailed
from altus4_desktop.storage.file_backup import FileBackups
from altus4_desktop.storage.location import StoreLocation


class _ServerError(Exception):
    pass


def _told(error: Exception) -> StoreError:
    location = StoreLocation(host="db", username="ada", database="store")
    backups = StoreBackups(location, FileBackups(None), "mysql", "9")  # type: ignore[arg-type]  # never used
    with pytest.raises(StoreError) as caught, backups.told("The backup could not be checked"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("code", "setting"),
    [(1153, "max_allowed_packet = 1"), (1419, "log_bin_trust_function_creators = 1")],
)
def test_a_setting_that_stands_in_the_way_is_named(code: int, setting: str) -> None:
    text = f"mariadb: ERROR {code} (08S01) at line 376"
    statement = sa.exc.DatabaseError("CREATE TRIGGER", {}, _ServerError(code, "no SUPER"))
    for error in (ProgramFailed(text), UnsoundError(text), statement):
        told = _told(error)
        assert told.code == "backup.server_setting"
        assert told.message.startswith("The backup could not be checked: ")
        assert f"SET GLOBAL {setting}" in told.hint
        assert "ERROR" not in told.message


def test_any_other_failure_is_told_as_before() -> None:
    told = _told(ProgramFailed("mariadb: ERROR 1180 (HY000) at line 1153"))
    assert told.code == "backup.failed"
    other = sa.exc.DatabaseError("SELECT", {}, _ServerError(1142, "denied"))
    assert _told(other).code.startswith("store.")
