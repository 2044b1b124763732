"""``doctor``: what it finds, what it keeps to itself, and that it changes nothing."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata as distributions
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli import doctor
from altus4_desktop.cli.context import CliContext
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, global_options
from altus4_desktop.cli.output import Output
from altus4_desktop.domain.revisions import MigrationStatus, Revision, RevisionState
from altus4_desktop.services import checkup
from tests.keyring_memory import MemoryKeyring
from tests.unit.vault.backends import LockedKeyring

checkup_known_libraries = checkup._known_libraries
Findings = dict[str, dict[str, Any]]
Run = Callable[..., tuple[int, Findings]]


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """``text(*words)`` is the exit code and what was printed."""
    parser = argparse.ArgumentParser(parents=[global_options(top=True)])
    doctor.register(parser.add_subparsers(dest="command"))

    def call(*words: str, data_dir: Path = tmp_path / "data") -> tuple[int, str]:
        args = parser.parse_args(["doctor", *words, "--data-dir", str(data_dir)])
        out, err = io.StringIO(), io.StringIO()
        output = Output(json_wanted=args.json, quiet=args.quiet, out=out, err=err)
        context = CliContext(data_dir, args.metadata_url, output)
        try:
            return args.run(args, context), out.getvalue() + err.getvalue()
        finally:
            context.close()

    return call


@pytest.fixture
def run(text: Callable[..., tuple[int, str]]) -> Run:
    """``run(*words)`` is the exit code and the findings by name."""

    def call(*words: str, **options: Any) -> tuple[int, Findings]:
        code, printed = text("--json", "--quiet", *words, **options)
        document = json.loads(printed)
        assert document["complete"] is (code == EXIT_DONE)
        return code, {finding["name"]: finding for finding in document["findings"]}

    return call


@pytest.fixture(autouse=True)
def complete_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with all the window needs: what this one has is not what is tested."""
    libraries = dict.fromkeys(checkup._WINDOW_LIBRARIES, "here")
    monkeypatch.setattr(checkup, "_known_libraries", lambda: libraries)


def test_a_fresh_machine_is_complete_and_stays_untouched(run: Run, tmp_path: Path) -> None:
    code, found = run()
    assert code == EXIT_DONE
    assert {finding["state"] for finding in found.values()} <= {"ok", "note"}
    assert found["Python"]["said"].startswith(sys.version.split()[0])
    assert found["SQLAlchemy"]["said"].startswith("2.1.")
    assert "none yet" in found["metadata store"]["said"]
    assert "not set up" in found["vault"]["said"]
    assert found["desktop keyring"]["state"] == "note"
    assert "ALTUS4_PASSPHRASE" in found["desktop keyring"]["remedy"]
    assert list(tmp_path.iterdir()) == []


def test_a_set_up_folder_is_described(run: Run, tmp_path: Path) -> None:
    services = compose(tmp_path / "data", None)
    services.metadata.open_()
    services.vault.set_up_passphrase("correct horse battery")
    services.close()
    code, found = run()
    assert code == EXIT_DONE
    assert found["metadata store"]["said"].startswith("embedded, sqlite, revision ")
    assert "passphrase" in found["vault"]["said"]
    assert "private" in found["folder"]["said"]


def test_people_are_told_in_rows_with_the_remedies_below(
    text: Callable[..., tuple[int, str]],
) -> None:
    code, printed = text()
    assert code == EXIT_DONE
    lines = printed.splitlines()
    assert lines[0].split() == ["AREA", "WHAT", "STATE", "FOUND"]
    assert any(line.startswith("desktop keyring: ") for line in lines)
    assert lines[-1] == "Everything that is needed is there."


def test_a_missing_server_program_comes_with_its_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.mysql.server_program.candidate_programs", list)
    monkeypatch.setattr(
        shutil, "which", lambda name, **_: f"/usr/bin/{name}" if name == "apt-get" else None
    )
    code, found = run()
    assert code == EXIT_NO
    assert found["server program"]["state"] == "missing"
    command = "apt-get install --no-install-recommends mariadb-server-core mariadb-client-core"
    assert found["server program"]["remedy"].endswith(command)


def test_missing_system_libraries_come_with_their_command(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "_known_libraries", lambda: {"libc.so.6": "here"})
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")
    code, found = run()
    assert code == EXIT_NO
    assert "libEGL.so.1" in found["system libraries"]["said"]
    assert "libegl1" in found["system libraries"]["remedy"]


@pytest.mark.skipif(sys.platform != "linux", reason="displays are named so on Linux")
def test_the_display_is_named_or_missed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    code, found = run()
    assert (code, found["display"]["state"]) == (EXIT_DONE, "note")
    monkeypatch.setenv("DISPLAY", ":7")
    assert run()[1]["display"]["said"] == "X11"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert run()[1]["display"]["said"] == "Wayland"


def test_a_library_that_is_not_installed_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = distributions.version

    def without_bcrypt(name: str) -> str:
        if name == "bcrypt":
            raise distributions.PackageNotFoundError(name)
        return "6.12.0" if name == "PySide6-Essentials" else version(name)

    monkeypatch.setattr(distributions, "version", without_bcrypt)
    code, found = run()
    assert code == EXIT_NO
    assert found["bcrypt"]["remedy"] == "pip install bcrypt"
    assert found["PySide6-Essentials"]["state"] == "missing"


def test_a_library_that_cannot_be_loaded_does_not_stop_the_doctor(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'pymysql'", name="pymysql")

    monkeypatch.setattr("altus4_desktop.app.compose.compose", fail)
    code, found = run()
    assert (code, found["pymysql"]["state"]) == (EXIT_NO, "missing")


def test_damage_is_found_and_left_as_it_is(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "vault.json").write_text("{}")
    (data / "metadata.sqlite3").write_bytes(b"not a database at all" * 100)
    before = (data / "metadata.sqlite3").read_bytes()
    code, found = run()
    assert code == EXIT_NO
    assert "[vault.file]" in found["vault"]["said"]
    assert found["metadata store"]["state"] == "missing"
    assert (data / "metadata.sqlite3").read_bytes() == before
    (data / "settings.json").write_text("[")
    code, found = run()
    assert code == EXIT_NO
    assert "[settings.unreadable]" in found["settings"]["said"]
    assert "Python" in found


def test_a_keyring_that_holds_the_key_is_needed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    kept = {"format": 1, "kind": "keyring", "key_id": "k0123456789abcdef"}
    (data / "vault.json").write_text(json.dumps(kept))
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", LockedKeyring)
    code, found = run()
    assert code == EXIT_NO
    assert found["desktop keyring"]["state"] == "missing"
    assert "[vault.keyring_locked]" in found["desktop keyring"]["said"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_folder_others_may_look_into_is_noted(run: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    _, found = run()
    assert found["folder"]["state"] == "note"
    assert found["folder"]["remedy"].startswith("chmod 700 ")
    assert stat.S_IMODE(data.stat().st_mode) == 0o755, "only noted"
    code, found = run(data_dir=tmp_path / "data" / "file.txt")
    assert code == EXIT_DONE
    (data / "file.txt").write_text("")
    code, found = run(data_dir=data / "file.txt")
    assert (code, found["folder"]["state"]) == (EXIT_NO, "missing")


def test_hosts_names_and_the_home_folder_stay_out(
    text: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "canary-home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", "canary-password")
    # Nothing listens on port 1: the failure names host, user and database in its details.
    url = "mysql://canary-user@127.0.0.1:1/canary_database?tls=disabled"
    for words in ((), ("--json",)):
        code, printed = text(*words, "--metadata-url", url, data_dir=home / "data")
        assert code == EXIT_NO
        assert "canary" not in printed
        assert "127.0.0.1" not in printed
        assert "~/data" in printed


def test_a_shared_store_is_looked_at_with_the_password_that_is_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "mysql://u@127.0.0.1:1/d?tls=disabled"
    code, found = run("--metadata-url", url)
    assert code == EXIT_DONE
    assert "ALTUS4_METADATA_PASSWORD" in found["metadata store"]["remedy"]

    data = tmp_path / "data"
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "correct horse battery")
    services = compose(data, None)
    services.vault.set_up_passphrase("correct horse battery")
    services.metadata.choose_(url, "tenant password")
    services.close()
    code, found = run()
    assert code == EXIT_NO
    assert "[store.port]" in found["metadata store"]["said"], "unlocked, tried, refused"
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "another passphrase")
    assert "[vault.passphrase]" in run()[1]["metadata store"]["said"]


def test_a_store_behind_or_ahead_of_the_program_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = compose(tmp_path / "data", None)
    services.metadata.open_()
    services.close()
    behind = MigrationStatus("sqlite", "0001", "0008", (Revision("2", "", RevisionState.PENDING),))
    monkeypatch.setattr(
        "altus4_desktop.services.metadata.MetadataService.status_", lambda _: behind
    )
    code, found = run()
    assert (code, found["metadata store"]["state"]) == (EXIT_DONE, "note")
    assert found["metadata store"]["remedy"] == "altus4-desktop migrate up"
    ahead = MigrationStatus("sqlite", "0009", "0008", (Revision("9", "", RevisionState.UNKNOWN),))
    monkeypatch.setattr("altus4_desktop.services.metadata.MetadataService.status_", lambda _: ahead)
    code, found = run()
    assert (code, found["metadata store"]["state"]) == (EXIT_NO, "missing")


def test_a_keyring_that_works_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("altus4_desktop.vault.keyrings.find_trusted_backend", MemoryKeyring)
    said = run()[1]["desktop keyring"]
    assert (said["state"], said["said"]) == ("ok", "MemoryKeyring keeps what it is given")


@pytest.mark.skipif(sys.platform != "linux", reason="the loader is asked on Linux")
def test_the_loader_is_asked_for_real() -> None:
    known = checkup_known_libraries()
    assert "libc.so.6" in known


def test_it_imports_no_qt(tmp_path: Path) -> None:
    program = (
        "import sys, argparse, io; from pathlib import Path\n"
        "from altus4_desktop.cli import doctor; from altus4_desktop.cli.context import CliContext\n"
        "from altus4_desktop.cli.output import Output\n"
        f"context = CliContext(Path({str(tmp_path)!r}), None,"
        " Output(json_wanted=True, quiet=True, out=io.StringIO()))\n"
        "doctor._run(argparse.Namespace(json=True), context); context.close()\n"
        "print([name for name in sys.modules if name.startswith(('PySide6', 'shiboken6'))])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.strip() == "[]"
