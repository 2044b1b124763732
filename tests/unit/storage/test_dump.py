"""A dump whose file cannot be read back is refused in words."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage import dump
from altus4_desktop.storage.client_programs import Program, ProgramFailed, ServerAccess
from altus4_desktop.storage.location import StoreLocation

_HEADER = 10


class _Access(ServerAccess):
    def find(self, kind: object) -> Program | None:
        return Program(Path("/bin/echo"), "")


@pytest.mark.parametrize("damage", ["breaks off", "garbled", "wrong sum"])
def test_a_file_that_the_disk_has_changed_is_refused(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = gzip.compress(b"-- Dump completed\n" * 100)
    bad = {
        "breaks off": good[:-12],
        "garbled": good[:_HEADER] + b"\xff" * 20 + good[_HEADER + 20 :],
        "wrong sum": good[:-8] + b"\0" * 8,
    }[damage]

    def write(pipe: IO[bytes], file: IO[bytes], _: object) -> None:
        pipe.read()
        file.write(bad)

    monkeypatch.setattr(dump, "_compress", write)
    access = _Access(StoreLocation(), "", Flavour.MYSQL, encrypted=False)
    with pytest.raises(ProgramFailed, match="cannot be read back"):
        dump.dump_into(access, tmp_path / "x", (), (), ignore_progress, CancelToken())
