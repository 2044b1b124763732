"""Files that a person has chosen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.services.files import open_chosen, write_chosen


def test_a_file_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "chosen.sql"
    path.write_text("before")
    write_chosen(path, "GRANT “ü”\n")
    assert path.read_bytes() == "GRANT “ü”\n".encode()
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["chosen.sql"]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "chosen.sql"
    path.write_text("before")
    with pytest.raises(TypeError), open_chosen(path) as file:
        file.writelines([b"half", "no bytes"])  # type: ignore[list-item]  # breaks off half way
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["chosen.sql"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AltusError) as caught:
        write_chosen(tmp_path / "nowhere" / "chosen.sql", "x")
    assert caught.value.code == "export.failed"
    assert "nowhere" in caught.value.message
