"""``backup``: what is printed, and the exit codes."""

from __future__ import annotations

import signal
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_NO, EXIT_USAGE
from altus4_desktop.cli.output import Output
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.backups import RestorePlan, RestoreRehearsal, TableChange
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.services.backups import BackupsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.storage import file_backup, files
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


def test_a_restore_tells_what_would_be_lost_and_asks(run: Run, tmp_path: Path) -> None:
    backup_id = run("backup", "create").out.strip()
    assert run("keys", "create", "--name", "Later").code == EXIT_DONE
    refused = run("backup", "restore", backup_id)
    assert refused.code == EXIT_USAGE
    assert "api_keys: 2 rows now, 1 in the backup" in refused.err
    assert len(run("keys", "list", "--json").document["keys"]) == 2
    elsewhere = tmp_path / "elsewhere.sqlite3"
    assert run("backup", "restore", backup_id, "--into", str(elsewhere)).out == f"{elsewhere}\n"
    assert elsewhere.exists()
    assert len(run("keys", "list", "--json").document["keys"]) == 2
    done = run("backup", "restore", backup_id, "--yes")
    assert done.code == EXIT_DONE, done.err
    assert "is kept as" in done.err
    assert len(run("keys", "list", "--json").document["keys"]) == 1


def test_a_dry_run_restores_on_trial_and_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_id = run("backup", "create").out.strip()
    assert run("keys", "create", "--name", "Later").code == EXIT_DONE
    before = {path for path in tmp_path.rglob("*") if path.suffix != ".log"}
    dry = run("backup", "restore", backup_id, "--dry-run")
    assert dry.code == EXIT_DONE, dry.err
    assert f"{backup_id} was restored on trial" in dry.out
    assert "api_keys: 2 rows now, 1 after it" in dry.err
    assert "Reading what was restored" in dry.err
    assert {path for path in tmp_path.rglob("*") if path.suffix != ".log"} == before
    document = run("backup", "restore", backup_id, "--dry-run", "--json").document
    assert {"table": "api_keys", "now": 2, "then": 1} in document["changes"]
    assert document["rows"] == document["backup"]["rows"]
    assert len(run("keys", "list", "--json").document["keys"]) == 2
    # What cannot be restored is found out now.
    restore_file = file_backup.restore_file

    def lose(file: Path, target: Path, progress: ProgressSink, token: CancelToken) -> Any:
        content = restore_file(file, target, progress, token)
        return replace(content, tables=content.tables[1:])

    monkeypatch.setattr(file_backup, "restore_file", lose)
    failed = run("backup", "restore", backup_id, "--dry-run")
    assert (failed.code, failed.out) == (EXIT_FAILED, "")
    assert "is missing" in failed.err
    monkeypatch.setattr(Output, "progress", lambda *_: signal.raise_signal(signal.SIGINT))
    assert run("backup", "restore", backup_id, "--dry-run").code == 130


def test_a_dry_run_up_to_an_instant_tells_what_comes_out_with_the_log(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_id = run("backup", "create").out.strip()
    until = datetime.now(UTC).replace(microsecond=0)
    rehearsed: list[datetime | None] = []

    def plan(service: BackupsService, actor: Actor, *_: object) -> RestorePlan:
        (backup,) = service.list_(actor)
        return RestorePlan(backup, "", (TableChange("users", 3, 1),), until=until, commits=2)

    def rehearse(
        service: BackupsService, actor: Actor, _: str, until: datetime | None, *__: object
    ) -> RestoreRehearsal:
        rehearsed.append(until)
        (backup,) = service.list_(actor)
        return RestoreRehearsal(backup, until, (TableChange("users", 3, 2),), 7, 4, 2, 0.5)

    monkeypatch.setattr(BackupsService, "plan_restore_", plan)
    monkeypatch.setattr(BackupsService, "rehearse_", rehearse)
    dry = run("backup", "restore", backup_id, "--until", until.isoformat(), "--dry-run")
    assert (dry.code, rehearsed) == (EXIT_DONE, [until])
    assert "users: 3 rows now, 2 after it" in dry.err
    assert "in the backup" not in dry.err
    assert "2 transactions of the binary log were played: 7 rows in 4 tables" in dry.out
    refused = run("backup", "restore", backup_id, "--until", until.isoformat())
    assert "users: 3 rows now, 1 in the backup, before the log is played" in refused.err


def test_where_the_old_store_went_is_said_when_the_new_one_does_not_open(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_id = run("backup", "create").out.strip()

    def silent(_: object) -> None:
        raise StoreError("The server is silent.", code="x")

    monkeypatch.setattr(MetadataService, "reopen_", silent)
    done = run("backup", "restore", backup_id, "--yes")
    assert done.code == EXIT_NO
    assert "is kept as" in done.err
    assert "The server is silent." in done.err


def test_who_interrupts_while_the_store_is_replaced_breaks_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup_id = run("backup", "create").out.strip()
    connect, asked = files.connect, []

    def interrupt(file: Path, **options: Any) -> sqlite3.Connection:
        # What is copied over the store is opened once more just before.
        if file.name.startswith(f"{backup_id}.") and file.suffix == ".part":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            asked.append(file)
        return connect(file, **options)

    def from_now_on(progress: Progress) -> None:
        if progress.message == "Replacing the metadata store":
            monkeypatch.setattr(files, "connect", interrupt)

    monkeypatch.setattr(Output, "progress", lambda _, progress: from_now_on(progress))
    done = run("backup", "restore", backup_id, "--yes")
    assert asked
    assert (done.code, "is kept as" in done.err) == (EXIT_DONE, True)
    monkeypatch.undo()
    # Before that, one is enough.
    monkeypatch.setattr(Output, "progress", lambda *_: signal.raise_signal(signal.SIGINT))
    assert run("backup", "restore", backup_id, "--yes").code == 130


def test_what_cron_and_systemd_are_given_is_printed(run: Run, tmp_path: Path) -> None:
    cron = run("backup", "schedule")
    assert cron.code == EXIT_DONE
    assert cron.out.startswith("30 3 * * * ")
    assert f"--data-dir {tmp_path} backup create --quiet" in cron.out
    assert str(tmp_path / "schedule.env") in cron.err
    assert run("backup", "schedule", "--cron").out == cron.out
    units = run("backup", "schedule", "--systemd")
    assert units.out.startswith("# altus4-backup.service\n[Unit]\n")
    assert "\n# altus4-backup.timer\n" in units.out
    assert "systemctl --user enable" in units.err
    assert "while you are not signed in: loginctl enable-linger $USER" in units.err
    document = run("backup", "schedule", "--json").document
    assert document["cron"] == cron.out
    assert document["systemd"]["altus4-backup.timer"] in units.out
    assert run("backup", "schedule", "--cron", "--systemd").code == EXIT_USAGE
