"""What is copied into cron and systemd: run as they run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from altus4_desktop.services.backup_lines import (
    SERVICE_NAME,
    TIMER_NAME,
    BackupLines,
    build_lines,
    find_program,
)
from tests.records import a_user

_TIMEOUT_S = 120
_MODULE = (sys.executable, "-m", "altus4_desktop")


def test_the_line_for_cron_makes_a_backup_with_nothing_around_it(tmp_path: Path) -> None:
    folder = tmp_path / "100 % o'clock $HOME 字"
    with closing(compose(folder)) as services:
        services.metadata.open_()
        user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
        actor: Actor = user.as_actor()
        draft = KeyDraft("Nightly", permissions=frozenset({KeyPermission.ADMIN}))
        key = services.keys.create_(actor, draft).key_secret
        lines = build_lines(_MODULE, folder, None, os.defpath)
        assert services.backups.lines_(actor).timer == lines.timer
    lines.secrets_file.write_text(f"ALTUS4_API_KEY={key}\n", "utf-8")
    assert lines.cron.startswith("30 3 * * * ")
    assert lines.cron.count("\n") == 1
    # As cron hands it to the shell.
    command = lines.cron.removeprefix("30 3 * * * ").replace("\\%", "%")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={},
        cwd="/",
        capture_output=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    said = lines.log_file.read_text("utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), said
    assert key not in said
    with closing(compose(folder)) as services:
        services.metadata.open_()
        (backup,) = services.backups.list_(actor)
    assert (backup.state.value, said) == ("good", f"{backup.id}\n")
    assert lines.log_file.stat().st_mode & 0o077 == 0


def _units(folder: Path, lines: BackupLines) -> list[str]:
    files = {SERVICE_NAME: lines.service, TIMER_NAME: lines.timer}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return [str(folder / name) for name in files]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    url = "mysql://ada@db.example.org/a%20store?tls=preferred"
    folder = tmp_path / '100 % o\'clock "$HOME" \\ 字'
    units = _units(tmp_path, build_lines(_MODULE, folder, url, os.environ["PATH"]))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=_TIMEOUT_S,
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert "Persistent=true" in (tmp_path / TIMER_NAME).read_text("utf-8")


def test_words_of_a_unit_are_what_they_were() -> None:
    lines = build_lines(["/opt/a b/altus"], Path("/x/%h$y\"z\\'"), None, "/bin:/a%b")
    assert 'ExecStart="/opt/a b/altus" "--data-dir" "/x/%%h$$y\\"z\\\\\'" "backup"' in lines.service
    assert 'Environment="PATH=/bin:/a%%b"' in lines.service
    assert "EnvironmentFile=-/x/%%h$y" in lines.service
    assert "--metadata-url" not in lines.service
    needs_nothing = build_lines(_MODULE, Path("/x"), None, "")
    assert "PATH=" not in needs_nothing.cron + needs_nothing.service


def test_a_line_break_fits_nowhere() -> None:
    with pytest.raises(InputError):
        build_lines(_MODULE, Path("/a\nb"), None, "/bin")


def test_the_program_is_found_as_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "altus4-desktop"
    program.write_text("")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert find_program() == (str(program),)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["./altus4-desktop"])
    assert find_program() == (str(program),)
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert find_program() == _MODULE
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setenv("APPIMAGE", "/opt/Altus.AppImage")
    assert find_program() == ("/opt/Altus.AppImage",)
