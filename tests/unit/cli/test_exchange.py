"""``connections import`` and ``connections export``."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_NO, EXIT_PARTIAL, EXIT_USAGE, main
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from altus4_desktop.services.exchange.csv_table import COLUMNS
from tests import exchange_samples as samples
from tests.answers import Answer, Run
from tests.records import a_user

PASSPHRASE = "five words nobody has guessed"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("import", ..., stdin=...)`` of ``connections``, each time a new program; ``home`` is
    the data folder."""
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a passphrase of the vault")
    keys = {home: _make_user(tmp_path / home) for home in ("here", "there")}

    def call(
        *words: str, stdin: str = "", home: str = "here", typed: str = "", key: str = ""
    ) -> Answer:
        monkeypatch.setenv("ALTUS4_API_KEY", key or keys[home])
        monkeypatch.setattr(sys, "stdin", Terminal(typed) if typed else io.StringIO(stdin))
        code = main(["connections", *words, "--data-dir", str(tmp_path / home)])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _make_user(folder: Path, email: str = "ada@example.org") -> str:
    with closing(compose(folder)) as services:
        services.metadata.open_()
        user = a_user(email=email, role=Role.ADMIN)
        actor: Actor = services.metadata.store.users.create_(user, "x").as_actor()
        draft = KeyDraft("All powers", permissions=frozenset({KeyPermission.ADMIN}))
        return services.keys.create_(actor, draft).key_secret


@pytest.fixture
def urls(tmp_path: Path) -> str:
    path = tmp_path / "urls.txt"
    path.write_text(samples.URLS, encoding="utf-8")
    return str(path)


def test_a_dry_run_shows_and_changes_nothing(run: Run, urls: str) -> None:
    shown = run("import", urls, "--dry-run")
    assert shown.code == EXIT_DONE, shown.err
    assert "reader@db.example.org:3307/shop" in shown.out
    assert "lacks username" in shown.out
    assert "p@ss" not in shown.out + shown.err
    assert "canary" not in shown.out + shown.err
    document = run("import", urls, "--dry-run", "--json").document
    assert (document["format"], document["dry_run"]) == ("urls", True)
    assert [(one["state"], one["lacks"]) for one in document["items"]] == [
        ("new", []),
        ("new", ["username"]),
        ("unusable", []),
    ]
    assert run("list", "--json").document == {"connections": []}


def test_what_is_new_is_brought_in_and_the_rest_told(run: Run, urls: str) -> None:
    asked = run("import", urls)
    assert asked.code == EXIT_USAGE
    assert "--yes" in asked.err
    refused = run("import", urls, typed="n\n")
    assert refused.code == EXIT_NO
    done = run("import", urls, "--yes")
    # One of them lacks its user.
    assert done.code == EXIT_PARTIAL, done.err
    assert "lacks username" in done.err
    assert "Brought in: 1 connection." in done.err
    (saved,) = run("list", "--json").document["connections"]
    assert (saved["name"], saved["tls"]["mode"]) == ("shop", "verify-identity")
    again = run("import", urls, "--yes", "--json")
    assert again.code == EXIT_NO
    assert again.document["items"][0]["state"] == "duplicate"


def test_the_format_may_be_said(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("[client]\nhost,database\n", encoding="utf-8")
    assert run("import", str(path), "--format", "csv", "--yes").code == EXIT_FAILED
    both = run("import", str(path), "--altus-server", "mysql://me@localhost/x")
    assert both.code == EXIT_USAGE
    assert run("import").code == EXIT_USAGE


def test_an_export_goes_to_another_computer(run: Run, urls: str, tmp_path: Path) -> None:
    assert run("import", urls, "--yes").code == EXIT_PARTIAL
    path = str(tmp_path / "out.json")
    written = run("export", path, "--json")
    assert written.code == EXIT_DONE, written.err
    assert written.document["connections"] == ["shop"]
    assert "p@ss" not in Path(path).read_text(encoding="utf-8")
    assert run("export", path).code == EXIT_USAGE
    assert run("export", path, "--yes").code == EXIT_DONE
    assert run("export", path, "-c", "nothing", "--yes").code == EXIT_FAILED
    arrived = run("import", path, "--yes", "--json", home="there")
    assert arrived.code == EXIT_DONE, arrived.err
    assert arrived.document["imported"]["connections"] == ["shop"]
    assert len(arrived.document["without_password"]) == 1
    assert "connections edit" in arrived.err


def test_a_bundle_of_what_has_no_password_yet(run: Run, urls: str, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    run("import", urls, "--yes")
    assert run("export", str(path)).code == EXIT_DONE
    assert run("import", str(path), "--yes", home="there").code == EXIT_DONE
    words = ("export", str(tmp_path / "team.altus4"), "--bundle", "--passphrase-stdin")
    done = run(*words, stdin=PASSPHRASE + "\n", home="there")
    assert done.code == EXIT_DONE, done.err
    assert "has no password yet" in done.err
    assert "could not be opened" not in done.err


def test_an_admin_sees_whose_connections_they_are(run: Run, urls: str, tmp_path: Path) -> None:
    run("import", urls, "--yes")
    (mine,) = run("list", "--json").document["connections"]
    assert mine["owner_email"] == "ada@example.org"
    key = _make_user(tmp_path / "here", "bob@example.org")
    with closing(sqlite3.connect(tmp_path / "here" / "metadata.sqlite3")) as store, store:
        store.execute("UPDATE users SET role = 'user' WHERE email = 'bob@example.org'")
    place = ("--host", "h", "--database", "d", "--username", "u", "--password-stdin")
    added = run("add", mine["name"], *place, "--json", stdin="x\n", key=key)
    theirs = added.document["id"]
    listed = run("list")
    assert listed.out.startswith("OWNER  ")
    owners = {line.split()[-1]: line.split()[0] for line in listed.out.splitlines()[2:]}
    assert owners == {mine["id"]: "ada@example.org", theirs: "bob@example.org"}
    own = run("list", key=key)
    assert own.out.startswith("NAME  ")
    assert theirs in own.out
    assert mine["id"] not in own.out


def test_a_bundle_and_its_passphrase(
    run: Run, urls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import", urls, "--yes").code == EXIT_PARTIAL
    path = str(tmp_path / "team.altus4")
    nobody = run("export", path, "--bundle")
    assert nobody.code == EXIT_USAGE
    assert "ALTUS4_BUNDLE_PASSPHRASE" in nobody.err
    answers = iter([PASSPHRASE, "something else"])
    with monkeypatch.context() as patched:
        patched.setattr("getpass.getpass", lambda prompt: next(answers))
        differ = run("export", path, "--bundle", typed="\n")
    assert differ.code == EXIT_USAGE
    assert not Path(path).exists()
    done = run("export", path, "--bundle", "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    assert done.code == EXIT_DONE, done.err
    assert run("import", path, "--yes", home="there").code == EXIT_USAGE
    monkeypatch.setenv("ALTUS4_BUNDLE_PASSPHRASE", "a wrong passphrase")
    assert run("import", path, "--yes", home="there").code == EXIT_USAGE
    monkeypatch.delenv("ALTUS4_BUNDLE_PASSPHRASE")
    with monkeypatch.context() as patched:
        patched.setattr("getpass.getpass", lambda prompt: PASSPHRASE)
        arrived = run("import", path, "--json", home="there", typed="y\n")
    assert arrived.code == EXIT_DONE, arrived.err
    assert arrived.document["without_password"] == []
    assert json.dumps(arrived.document).count("p@ss") == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://me:secret-canary@db.example.org/altus4", "belong"),
        ("postgres://me@db.example.org/altus4", "not a database URL"),
    ],
)
def test_a_server_is_named_without_its_password(run: Run, url: str, why: str) -> None:
    refused = run("import", "--altus-server", url)
    assert refused.code == EXIT_USAGE
    assert why in refused.err
    assert "canary" not in refused.err


def test_the_help_names_the_columns_of_a_table(run: Run) -> None:
    shown = " ".join(run("import", "--help").out.split())
    assert f"its columns: {', '.join(COLUMNS)}." in shown


def test_a_server_elsewhere_has_to_prove_who_it_is() -> None:
    from altus4_desktop.services.exchange.altus_server import parse_server_url

    modes = {
        url: parse_server_url(url).tls.mode.value
        for url in (
            "mysql://me@db.example.org/altus4",
            "mysql://me@127.0.0.1/altus4",
            "mysql://me@db.example.org/altus4?ssl-mode=required",
        )
    }
    assert list(modes.values()) == ["verify-identity", "preferred", "required"]
