"""``migrate`` as other programs call it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.cli.frame import main
from altus4_desktop.storage.revision_files import known_revisions
from altus4_desktop.vault.passwords import hash_password

_IDS = [revision.id for revision in known_revisions()]
_HEAD, _BEFORE, _COUNT = _IDS[-1], _IDS[-2], len(_IDS)


class Cli:
    """Runs the program on one data folder."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "metadata.sqlite3"
        self._folder = folder
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["migrate", *arguments, "--data-dir", str(self._folder)])
        out, err = self._capfd.readouterr()
        return code, out, err

    def status(self) -> dict[str, Any]:
        """The document of ``status --json``."""
        code, out, _ = self("status", "--json")
        assert code == 0
        document: dict[str, Any] = json.loads(out)
        return document


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path / "data", capfd)


def test_status_is_the_document_of_the_contract(cli: Cli) -> None:
    document = cli.status()
    assert list(document) == ["dialect", "current", "head", "revisions"]
    assert (document["dialect"], document["current"], document["head"]) == ("sqlite", None, _HEAD)
    assert [list(revision) for revision in document["revisions"]] == [
        ["id", "title", "state", "applied_at"]
    ] * _COUNT
    assert {revision["state"] for revision in document["revisions"]} == {"pending"}
    assert {revision["applied_at"] for revision in document["revisions"]} == {None}
    assert not cli.file.exists()
    assert cli("up", "--to", "0002_api_keys", "--quiet")[0] == 0
    document = cli.status()
    assert document["current"] == "0002_api_keys"
    assert [revision["state"] for revision in document["revisions"]] == [
        *["applied"] * 2,
        *["pending"] * (_COUNT - 2),
    ]
    assert document["revisions"][0]["applied_at"].endswith("Z")


def test_a_newer_revision_is_unknown(cli: Cli) -> None:
    cli("up")
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0100_later'")
        connection.execute("UPDATE migrations SET checksum = 'x' WHERE revision = '0001_users'")
        connection.commit()
    code, out, err = cli("status", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["current"] == "0100_later"
    assert document["revisions"][-1] == {
        "id": "0100_later",
        "title": "made by a newer program",
        "state": "unknown",
        "applied_at": None,
    }
    assert "newer" in err
    code, out, err = cli("up")
    assert (code, out) == (4, "")
    assert "store.newer" in err
    assert "Traceback" not in err


def test_an_edited_revision_names_itself_and_both_checksums(cli: Cli) -> None:
    cli("up")
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("UPDATE migrations SET checksum = 'old' WHERE revision = '0001_users'")
        connection.commit()
    _, out, err = cli("status")
    assert "0001_users was edited" in err
    assert "it was old" in err
    assert "0002_api_keys was" not in err
    assert "applied" in out


def test_up_and_down(cli: Cli) -> None:
    code, out, err = cli("up", "--dry-run")
    assert (code, len(out.splitlines())) == (0, _COUNT)
    assert f"{_COUNT} revisions would be applied" in err
    assert not cli.file.exists()
    code, out, _ = cli("up", "--json")
    assert json.loads(out)["revisions"][-1] == _HEAD
    assert cli("up", "--json")[1].split() == ["{", '"revisions":', "[]", "}"]
    code, out, err = cli("down")
    assert (code, out) == (2, "")
    assert "--yes" in err
    assert cli.status()["current"] == _HEAD
    code, out, err = cli("down", "--yes")
    assert (code, out.split()[0]) == (0, _HEAD)
    assert "1 revision undone" in err
    assert cli.status()["current"] == _BEFORE
    assert cli("down", "--to", "0003", "--yes")[0] == 0
    assert cli.status()["current"] == "0003_databases"
    assert cli("down", "--all", "--dry-run")[1].split()[0] == "0003_databases"
    assert cli("down", "--all", "--yes")[0] == 0
    assert cli.status()["current"] is None
    assert cli("down", "--yes")[0] == 0
    assert cli("up", "--quiet")[2] == ""
    assert cli.status()["current"] == _HEAD


def test_wrong_usage_is_exit_two(cli: Cli) -> None:
    for arguments in (
        (),
        ("sideways",),
        ("up", "--to", "0999"),
        ("down", "--to", "0001", "--all"),
        ("sql", "nothing"),
        ("sql", "0001", "--dialect", "oracle"),
        ("status", "--metadata-url", "mysql://ada:secret@host/db"),
    ):
        code, out, err = cli(*arguments)
        assert (code, out) == (2, ""), arguments
        assert err
        assert "secret" not in err


def test_sql_prints_both_dialects_and_both_ways(cli: Cli) -> None:
    for revision in _IDS:
        for dialect in ("mysql", "sqlite"):
            for way in ((), ("--down",)):
                code, out, _ = cli("sql", revision, "--dialect", dialect, *way)
                assert code == 0
                undoes = any(f"DROP {kind} " in out for kind in ("TABLE", "COLUMN", "INDEX"))
                assert undoes == bool(way), (revision, dialect, way)
                assert "%s" not in out
    assert not cli.file.exists()
    assert "ENGINE=InnoDB" in cli("sql", "0001", "--dialect", "mysql")[1]
    assert "AUTOINCREMENT" not in cli("sql", "0001")[1]


def test_undoing_in_a_store_with_users_needs_an_admin(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("up")
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute(
            "INSERT INTO users (id, name, email, password) VALUES ('u', 'Ada', 'ada@x', 'p')"
        )
        connection.commit()
    monkeypatch.setenv("ALTUS4_USER", "ada@x")
    monkeypatch.setenv("ALTUS4_PASSWORD", "wrong")
    code, _, err = cli("down", "--all", "--yes")
    assert code == 4
    assert "access." in err
    assert cli.status()["current"] == _HEAD


def _with_rows(cli: Cli) -> None:
    cli("up", "--quiet")
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("INSERT INTO sign_in_failures (email_hash) VALUES ('a'), ('b')")
        connection.execute("DELETE FROM audit_head")
        connection.commit()


def test_down_says_what_is_lost_before_it_asks(cli: Cli) -> None:
    _with_rows(cli)
    code, out, err = cli("down", "--to", "0007")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    at = lines.index("This would be lost:")
    assert lines[at + 1] == "  sign_in_failures: 2 rows"
    assert "--yes" in err
    assert cli.status()["current"] == _HEAD
    code, out, _ = cli("down", "--to", "0007", "--dry-run", "--json")
    assert json.loads(out) == {
        "revisions": list(reversed(_IDS[7:])),
        "lost": [{"table": "sign_in_failures", "column": None, "count": 2}],
    }
    code, out, _ = cli("down", "--to", "0007", "--yes", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["lost"] == [{"table": "sign_in_failures", "column": None, "count": 2}]
    with closing(sqlite3.connect(document["copy"])) as copy:
        assert copy.execute("SELECT COUNT(*) FROM sign_in_failures").fetchone() == (2,)


def test_down_says_when_nothing_is_lost(cli: Cli) -> None:
    cli("up", "--to", "0007", "--quiet")
    code, _, err = cli("down", "--yes")
    assert code == 0
    assert "Nothing that is kept would be lost." in err
    assert "The copy made before: " in err


def test_drift_is_a_table_a_document_and_an_exit_code(cli: Cli) -> None:
    cli("up", "--quiet")
    code, out, err = cli("drift")
    assert (code, out) == (0, "")
    assert "exactly what this program expects" in err
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("DROP INDEX users_idx_role")
        connection.execute("ALTER TABLE searches ADD COLUMN mood TEXT")
        connection.commit()
    code, out, _ = cli("drift")
    assert code == 1
    assert out.splitlines()[0].split() == ["WHAT", "PART", "TABLE", "NAME", "EXPECTED", "FOUND"]
    assert out.splitlines()[2].split() == ["extra", "column", "searches", "mood", "text"]
    code, out, _ = cli("drift", "--json")
    document = json.loads(out)
    assert code == 1
    assert list(document) == ["dialect", "current", "drift"]
    assert document["drift"][1] == {
        "kind": "missing",
        "part": "index",
        "table": "users",
        "name": "users_idx_role",
        "expected": "(role)",
        "found": "",
    }


def test_up_with_nothing_to_do_asks_nobody_who_they_are(cli: Cli) -> None:
    cli("up", "--quiet")
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute(
            "INSERT INTO users (id, name, email, password) VALUES ('u', 'Ada', 'ada@x', 'p')"
        )
        connection.commit()
    assert cli("up", "--json")[:2] == (0, '{\n  "revisions": []\n}\n')
    assert cli("drift")[0] == 4


def _early(cli: Cli, monkeypatch: pytest.MonkeyPatch, role: str, password: str) -> None:
    """A store at its sixth revision with one account, who says who they are."""
    assert cli("up", "--to", "0006", "--quiet")[0] == 0
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute(
            "INSERT INTO users (id, name, email, password, role)"
            " VALUES ('u', 'Ada', 'ada@x', ?, ?)",
            (hash_password("correct horse battery", 4), role),
        )
        connection.commit()
    monkeypatch.setenv("ALTUS4_USER", "ada@x")
    monkeypatch.setenv("ALTUS4_PASSWORD", password)


@pytest.mark.parametrize(
    ("role", "password", "code"),
    [
        ("admin", "wrong", "access.credentials"),
        ("user", "correct horse battery", "access.denied"),
    ],
)
def test_a_store_that_is_behind_is_taken_back_by_nobody_but_an_admin(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, role: str, password: str, code: str
) -> None:
    _early(cli, monkeypatch, role, password)
    answer, _, err = cli("down", "--all", "--yes")
    assert answer == 4
    assert code in err
    assert cli.status()["current"] == _IDS[5]
    monkeypatch.delenv("ALTUS4_USER")
    assert cli("down", "--all", "--yes")[0] == 4
    assert cli.status()["current"] == _IDS[5]


def test_who_takes_a_store_that_is_behind_further_is_written_down(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    _early(cli, monkeypatch, "admin", "correct horse battery")
    assert cli("down", "--yes")[0] == 0
    assert cli.status()["current"] == _IDS[4]
    assert cli("up", "--quiet")[0] == 0
    with closing(sqlite3.connect(cli.file)) as connection:
        rows = connection.execute("SELECT action, actor_email FROM audit_log").fetchall()
    assert rows == [("store.upgraded", "ada@x")]


def test_up_with_nothing_to_do_says_since_when(cli: Cli) -> None:
    cli("up", "--quiet")
    _, _, err = cli("up")
    at = cli.status()["revisions"][-1]["applied_at"]
    assert f"The store is at {_HEAD} since {at}." in err
    assert "upgrades itself" in err
