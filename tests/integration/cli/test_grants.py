"""``connections grants`` and ``migrate grants`` from the command line."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_FAILED, EXIT_NO, EXIT_USAGE, main
from altus4_desktop.domain.connections import Flavour
from tests.answers import Answer, Run
from tests.integration.cli.test_connections import add
from tests.servers import Account, DatabaseServer


@pytest.fixture
def shelf(tenant_server: DatabaseServer) -> str:
    database = tenant_server.create_database("altus4_shelf")
    tenant_server.execute("CREATE TABLE books (id INT)", database=database)
    return database


def test_an_account_made_for_searching(run: Run, tenant_server: DatabaseServer, shelf: str) -> None:
    account = tenant_server.create_search_account(shelf)
    # The test's database has underscores, which a grant would take for any letter.
    assert add(run, tenant_server, (shelf, account)).code == EXIT_DONE
    answer = run("connections", "grants", "Shelf")
    assert answer.code == EXIT_DONE
    assert "may do what searching needs, and nothing more." in answer.out
    document = run("connections", "grants", "Shelf", "--json").document
    assert document["account"] == f"{account.username}@%"
    assert (document["minimal"], document["weight"], document["missing"]) == (True, "needed", [])
    assert [right["privilege"] for right in document["rights"]] == ["SELECT", "SHOW VIEW"]
    tested = run("connections", "test", "Shelf", "--json").document
    assert tested["rights"]["minimal"] is True


def test_an_account_that_may_do_more(run: Run, tenant_server: DatabaseServer, shelf: str) -> None:
    account = tenant_server.create_account("SELECT, DROP", shelf)
    assert add(run, tenant_server, (shelf, account)).code == EXIT_DONE
    answer = run("connections", "grants", "Shelf")
    assert answer.code == EXIT_NO
    assert "The account may change data, not only read. Rights beyond searching: 1." in answer.out
    assert "Remove databases and tables with everything in them" in answer.out
    assert "--script" in answer.err
    tested = run("connections", "test", "Shelf")
    assert tested.code == EXIT_DONE
    assert "The account may change data" in tested.out
    assert "connections grants Shelf" in tested.err


def test_statements_are_printed_or_written(
    run: Run, tenant_server: DatabaseServer, shelf: str, tmp_path: Path
) -> None:
    assert add(run, tenant_server, (shelf, Account("root", tenant_server.root_password))).code == 0
    printed = run("connections", "grants", "Shelf", "--script", "--username", "u")
    assert printed.code == EXIT_DONE
    assert "CREATE USER 'u'@'%'" in printed.out
    assert f"({tenant_server.flavour.label})" in printed.out
    path = tmp_path / "out" / "search.sql"
    path.parent.mkdir()
    words = ("--table", "books", "--client-host", "10.0.0.1", "--output", str(path))
    written = run("connections", "grants", "Shelf", *words)
    assert (written.code, written.out) == (EXIT_DONE, "")
    assert "nothing was run" in written.err
    text = path.read_text("utf-8")
    assert f"GRANT SELECT, SHOW VIEW ON `{shelf}`.`books` TO 'altus4_search'@'10.0.0.1';" in text
    failed = run("connections", "grants", "Shelf", "--output", str(tmp_path / "none" / "x.sql"))
    assert failed.code == EXIT_FAILED
    assert run("connections", "grants", "Shelf", "--script", "--username", "").code == EXIT_USAGE
    unknown = run("connections", "grants", "Shelf", "--table", "bocks")
    assert unknown.code == EXIT_USAGE
    assert "There is no table “bocks”." in unknown.err
    assert "'me'@'%'" in run("connections", "grants", "Shelf", "--username", "me").out
    assert run("connections", "grants", "Nothing").code == EXIT_FAILED


def test_an_account_without_the_database(
    run: Run, tenant_server: DatabaseServer, shelf: str
) -> None:
    account = tenant_server.create_account("USAGE")
    assert add(run, tenant_server, (shelf, account)).code == EXIT_DONE
    answer = run("connections", "grants", "Shelf")
    assert answer.code == EXIT_NO, answer.err
    assert f"The account may not read “{shelf}”." in answer.out
    assert f"missing on “{shelf}”: SELECT" in answer.out
    assert run("connections", "grants", "Shelf", "--json").document["missing"] == ["SELECT"]
    printed = run("connections", "grants", "Shelf", "--script")
    assert f"({tenant_server.flavour.label})" in printed.out


@pytest.mark.parametrize("flavour", list(Flavour), ids=str)
def test_statements_without_a_server(run: Run, flavour: Flavour) -> None:
    words = ("--host", "127.0.0.1", "--port", "1", "--database", "a_b", "--username", "nobody")
    assert run("connections", "add", "Gone", *words, "--password-stdin", stdin="x\n").code == 0
    grants = ("connections", "grants", "Gone")
    assert run(*grants, "--script").code == EXIT_FAILED
    answer = run(*grants, "--dialect", flavour.value)
    assert answer.code == EXIT_DONE, answer.err
    assert f"({flavour.label})" in answer.out
    assert "GRANT SELECT, SHOW VIEW ON `a\\_b`.* TO 'altus4_search'@'%';" in answer.out
    one = run(*grants, "--dialect", flavour.value, "--table", "books")
    assert "GRANT SELECT, SHOW VIEW ON `a_b`.`books` TO" in one.out


@pytest.mark.parametrize("flavour", list(Flavour), ids=str)
def test_the_account_of_a_store(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flavour: Flavour,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    def call(*words: str) -> Answer:
        code = main(["migrate", "grants", *words, "--data-dir", str(tmp_path)])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    answer = call("--dialect", flavour.value, "--database", "team")
    assert answer.code == EXIT_DONE
    assert f"({flavour.label})" in answer.out
    assert "GRANT SELECT, INSERT ON `team`.`audit_log` TO 'altus4_app'@'%';" in answer.out
    # It asks no server and opens no store.
    assert list(tmp_path.iterdir()) == []
    assert call("--dialect", "mysql", "--json").document["sql"].count("altus4_metadata") > 9
    assert call("--dialect", "mysql", "--client-host", "a\\b").code == EXIT_USAGE
