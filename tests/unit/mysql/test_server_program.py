"""Finding a server program: which one is taken, and what is said of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import LocalServerError
from altus4_desktop.mysql import server_program
from altus4_desktop.mysql.server_program import find_program, server_environment


def _program(path: Path, answer: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!/bin/sh\n[ \"$*\" = '--no-defaults --version' ] || exit 9\n{answer}\nexit {code}\n"
    )
    path.chmod(0o755)
    return path


_MYSQL = "echo 'mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))'"
_MARIADB = "echo 'mariadbd  Ver 11.4.2-MariaDB-deb12 for debian-linux-gnu on x86_64 (Debian 12)'"


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(server_program, "_usual_folders", lambda: [tmp_path / "usual"])


def test_mysql_is_taken_from_the_path(tmp_path: Path) -> None:
    path = _program(tmp_path / "path" / "mysqld", _MYSQL)
    program = find_program()
    assert (program.path, program.flavour, program.version) == (path, Flavour.MYSQL, "9.7.4")
    assert program.title == "MySQL 9.7.4"
    assert program.initialiser is None


def test_mariadb_needs_its_initialiser(tmp_path: Path) -> None:
    _program(tmp_path / "usual" / "mariadbd", _MARIADB)
    with pytest.raises(LocalServerError, match="mariadb-install-db"):
        find_program()
    script = _program(tmp_path / "scripts" / "mariadb-install-db", "true")
    program = find_program()
    assert (program.flavour, program.version) == (Flavour.MARIADB, "11.4.2")
    assert program.initialiser == script


def test_a_program_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    _program(tmp_path / "path" / "mysqld", "echo 'mysqld  Ver 5.7.44 for Linux on x86_64'")
    with pytest.raises(
        LocalServerError, match=r"version 5\.7\.44; at least 8.0 is needed"
    ) as failure:
        find_program()
    assert failure.value.code == "local_server.too_old"
    newer = _program(tmp_path / "usual" / "mysqld", _MYSQL)
    assert find_program().path == newer


def test_the_chosen_program_is_the_only_one_looked_at(tmp_path: Path) -> None:
    _program(tmp_path / "path" / "mysqld", _MYSQL)
    with pytest.raises(LocalServerError, match="could not be run"):
        find_program(str(tmp_path / "absent"))
    wrong = _program(tmp_path / "true", "echo hello")
    with pytest.raises(LocalServerError, match="does not answer like"):
        find_program(str(wrong))
    failing = _program(tmp_path / "failing", _MYSQL, code=1)
    with pytest.raises(LocalServerError, match="does not answer like"):
        find_program(str(failing))


def test_without_any_program_the_way_out_is_named() -> None:
    with pytest.raises(LocalServerError) as failure:
        find_program()
    assert failure.value.code == "local_server.no_program"
    assert "mariadb-server-core" in failure.value.hint


def test_a_server_sees_nothing_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALTUS4_PASSPHRASE", "MYSQL_PWD", "AWS_SECRET_ACCESS_KEY", "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = server_environment()
    assert "canary" not in environment.values()
    assert environment["LANG"] == "C.UTF-8"
    assert environment["UMASK"] == "0600"
