"""A backup of a server that is another version now: the same objects may come in other words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from altus4_desktop.domain.backups import (
    BackupContent,
    BackupReason,
    BackupState,
    ObjectSum,
    TableSum,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.progress import ProgressSink, ignore_progress
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.backups import StoreBackups
from altus4_desktop.storage.location import StoreLocation

_THEN = BackupContent(
    (TableSum("users", 2, "a" * 64),),
    "0001",
    10,
    objects=(ObjectSum("columns", "users", "b" * 64), ObjectSum("view", "many", "c" * 64)),
)
_REWORDED = replace(_THEN, objects=tuple(replace(one, sha256="d" * 64) for one in _THEN.objects))


@dataclass
class _Tool:
    """Finds ``content`` in every file."""

    content: BackupContent
    ending: str = ".sql.gz"

    def make(self, draft: Path, progress: ProgressSink, token: CancelToken) -> BackupContent:
        draft.write_bytes(b"a dump")
        return self.content

    def try_restore(self, *_: object) -> BackupContent:
        return self.content


@pytest.mark.parametrize(
    ("dialect", "version", "content", "problem"),
    [
        ("mysql", "8.4.1", _REWORDED, ""),
        ("mariadb", "11.4.2", _REWORDED, ""),
        ("mysql", "8.0.36", _REWORDED, "other columns in users"),
        # A file is copied whole, whatever version has written it.
        ("sqlite", "8.4.1", _REWORDED, "other columns in users"),
        ("mysql", "8.4.1", replace(_THEN, objects=_THEN.objects[:1]), "the view many is missing"),
        (
            "mysql",
            "8.4.1",
            replace(_THEN, objects=(*_THEN.objects, ObjectSum("view", "more", ""))),
            "the view more is one too many",
        ),
        (
            "mysql",
            "8.4.1",
            replace(_THEN, tables=(TableSum("users", 2, "e" * 64),)),
            "other rows in users",
        ),
    ],
)
def test_after_an_upgrade_of_the_server_objects_are_compared_by_name(
    tmp_path: Path, dialect: str, version: str, content: BackupContent, problem: str
) -> None:
    location = StoreLocation(host="127.0.0.1", username="a", database="store")
    folder, token = BackupFolder(tmp_path / "backups"), CancelToken()
    before = StoreBackups(location, _Tool(_THEN), dialect, "8.0.36")  # type: ignore[arg-type]  # what verifying needs
    backup = before.make(folder, BackupReason.WANTED, "1", ignore_progress, token)
    after = StoreBackups(location, _Tool(content), dialect, version)  # type: ignore[arg-type]  # as above
    found = after.verify(folder, backup.id, ignore_progress, token)
    assert found.problem == problem
    assert found.state is (BackupState.BAD if problem else BackupState.GOOD)
