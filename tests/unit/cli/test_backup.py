"""``backup``: what is printed, and the exit codes."""

from __future__ import annotations

from pathlib import Path

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_NO
from tests.answers import Run
from tests.unit.cli.test_keys import run

__all__ = ["run"]


def test_a_backup_is_made_listed_verified(run: Run, tmp_path: Path) -> None:
    assert run("backup", "list").code == EXIT_NO
    made = run("backup", "create")
    assert made.code == EXIT_DONE, made.err
    backup_id = made.out.strip()
    assert "Restored on trial and compared" in made.err
    assert "vault export-kit" in made.err
    listed = run("backup", "list")
    assert listed.code == EXIT_DONE
    assert backup_id in listed.out
    assert " good " in listed.out
    (document,) = run("backup", "list", "--json").document
    assert (document["id"], document["state"], document["dialect"]) == (backup_id, "good", "sqlite")
    assert run("backup", "verify", backup_id).out == "good\n"
    file = next((tmp_path / "backups").rglob(document["file"]))
    file.write_bytes(file.read_bytes()[:-1])
    broken = run("backup", "verify", backup_id)
    assert (broken.code, broken.out) == (EXIT_NO, "bad\n")
    assert f"its file has {document['bytes'] - 1} bytes" in broken.err
    assert run("backup", "prune", "--json").document == {"removed": []}
    missing = run("backup", "verify", "20260101T000000Z-000000")
    assert missing.code == EXIT_FAILED
    assert "[backup.not_found]" in missing.err
