"""``connections`` from the command line, against real servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from altus4_desktop.cli.frame import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_USAGE,
)
from altus4_desktop.domain.connections import Flavour, ssh_fingerprint
from tests.answers import Answer, Run
from tests.servers import Account, DatabaseServer
from tests.ssh_servers import PASSWORD, USERNAME, loopback_ssh


@pytest.fixture
def account(tenant_server: DatabaseServer) -> tuple[str, Account]:
    database = tenant_server.create_database("altus4_shelf")
    tenant_server.execute(
        "CREATE TABLE books (id INT PRIMARY KEY, title VARCHAR(100) NOT NULL, body TEXT,"
        " FULLTEXT ft_both (title, body))",
        "CREATE TABLE plain (n INT)",
        "INSERT INTO books VALUES (1, 'one', 'two')",
        "ANALYZE TABLE books",
        database=database,
    )
    return database, tenant_server.create_search_account(database)


def add(run: Run, server: DatabaseServer, account: tuple[str, Account], *more: str) -> Answer:
    database, login = account
    return run(
        *("connections", "add", "Shelf", "--host", server.host, "--port", str(server.port)),
        *("--database", database, "--username", login.username, "--password-stdin", *more),
        stdin=login.password + "\n",
    )


def test_from_adding_to_removing(
    run: Run, tenant_server: DatabaseServer, account: tuple[str, Account]
) -> None:
    database, login = account
    added = add(run, tenant_server, account, "--environment", "prod", "--pool-size", "3", "--json")
    assert added.code == EXIT_DONE, added.err
    assert added.document["name"] == "Shelf"
    assert added.document["environment"] == "prod"
    assert added.document["pool"]["size"] == 3
    assert login.password not in added.out + added.err

    tested = run("connections", "test", "Shelf", "--json")
    assert tested.code == EXIT_DONE, tested.err
    assert tested.document["flavour"] == tenant_server.flavour.value
    assert tested.document["read_only"] is True
    encrypted = tenant_server.flavour is Flavour.MYSQL
    assert tested.document["tls"]["encrypted"] is encrypted
    spoken = run("connections", "test", "Shelf").out
    assert ("not verified" if encrypted else "not encrypted") in spoken

    schema = run("connections", "schema", "Shelf", "--json").document
    assert schema == {
        "database": database,
        "tables": [
            {
                "name": "books",
                "columns": [
                    {
                        "name": "id",
                        "type": schema["tables"][0]["columns"][0]["type"],
                        "nullable": False,
                    },
                    {"name": "title", "type": "varchar(100)", "nullable": False},
                    {"name": "body", "type": "text", "nullable": True},
                ],
                "fulltext_indexes": [
                    {
                        "name": "ft_both",
                        "columns": ["title", "body"],
                        "type": "FULLTEXT",
                        "cardinality": 1 if encrypted else None,
                        "parser": None,
                    }
                ],
                "estimated_rows": 1,
                "last_analyzed": None,
            },
            {
                "name": "plain",
                "columns": [
                    {
                        "name": "n",
                        "type": schema["tables"][1]["columns"][0]["type"],
                        "nullable": True,
                    }
                ],
                "fulltext_indexes": [],
                "estimated_rows": 0,
                "last_analyzed": None,
            },
        ],
    }
    table = run("connections", "schema", "Shelf").out
    assert "ft_both (title, body)" in table
    assert "cannot be searched" in table

    edited = run("connections", "edit", "Shelf", "--name", "Library", "--tls", "disabled", "--json")
    assert edited.code == EXIT_DONE, edited.err
    assert edited.document["tls"]["mode"] == "disabled"
    assert edited.document["id"] == added.document["id"]
    assert run("connections", "test", "Library").code == EXIT_DONE

    listed = run("connections", "list", "--json").document["connections"]
    assert [saved["name"] for saved in listed] == ["Library"]
    assert listed[0]["last_connected"].endswith("Z")

    refused = run("connections", "remove", "Library")
    assert refused.code == EXIT_USAGE
    removed = run("connections", "remove", "Library", "--yes")
    assert removed.code == EXIT_DONE
    assert run("connections", "list", "--json").document == {"connections": []}


def test_the_pinned_certificate(
    run: Run, tenant_server: DatabaseServer, account: tuple[str, Account]
) -> None:
    add(run, tenant_server, account)
    if tenant_server.flavour is Flavour.MARIADB:
        refused = run("connections", "certificate", "Shelf")
        assert refused.code == EXIT_FAILED
        assert "offers no encryption" in refused.err
        return
    shown = run("connections", "certificate", "Shelf", "--json").document
    spoken = run("connections", "certificate", "Shelf").out
    fingerprint = spoken.split()[1]
    assert fingerprint.replace(":", "").lower() == shown["sha256"]
    assert run("connections", "edit", "Shelf", "--pin", fingerprint).code == EXIT_DONE
    assert "it is the pinned certificate" in run("connections", "test", "Shelf").out
    saved = run("connections", "list", "--json").document["connections"][0]
    assert saved["tls"]["mode"] == "pinned"
    assert saved["tls"]["pin"] == shown["sha256"]
    assert run("connections", "edit", "Shelf", "--pin", "a" * 64).code == EXIT_DONE
    refused = run("connections", "test", "Shelf")
    assert refused.code == EXIT_FAILED
    assert "another certificate than the pinned one" in refused.err
    assert run("connections", "edit", "Shelf", "--pin", "short").code == EXIT_USAGE


def test_through_an_ssh_server(
    run: Run, tenant_server: DatabaseServer, account: tuple[str, Account]
) -> None:
    with loopback_ssh() as ssh:
        database, login = account
        added = run(
            *("connections", "add", "Shelf", "--host", "127.0.0.1"),
            *("--port", str(tenant_server.port), "--database", database),
            *("--username", login.username, "--password-stdin", "--json"),
            *("--ssh", f"{USERNAME}@127.0.0.1:{ssh.port}", "--ssh-method", "password"),
            *("--ssh-secret-stdin", "--ssh-known-hosts", os.devnull),
            stdin=f"{login.password}\n{PASSWORD}\n",
        )
        assert added.code == EXIT_DONE, added.err
        assert added.document["ssh"]["username"] == USERNAME
        assert PASSWORD not in added.out + added.err
        unknown = run("connections", "test", "Shelf")
        assert unknown.code == EXIT_FAILED
        assert "is not known here" in unknown.err
        assert "tenant.host_key" in unknown.err
        assert f"--ssh-host-key '{ssh.host_key}'" in unknown.err
        assert ssh.passwords == []
        trusted = run("connections", "edit", "Shelf", "--ssh-host-key", ssh.host_key)
        assert trusted.code == EXIT_DONE, trusted.err
        tested = run("connections", "test", "Shelf")
        assert tested.code == EXIT_DONE, tested.err
        assert f"SSH server with the key {ssh_fingerprint(ssh.host_key)}" in tested.out
        assert "via 127.0.0.1" in run("connections", "list").out
        direct = run(
            *("connections", "edit", "Shelf", "--ssh", "none", "--password-stdin", "--json"),
            stdin=login.password + "\n",
        )
        assert direct.document["ssh"] is None
        assert run("connections", "test", "Shelf").code == EXIT_DONE
        assert run("connections", "edit", "Shelf", "--ssh-key", "x").code == EXIT_USAGE
        assert run("connections", "edit", "Shelf", "--ssh", "nobody").code == EXIT_USAGE


def test_failures_are_one_sentence_a_hint_and_a_code(
    run: Run, tenant_server: DatabaseServer, account: tuple[str, Account], tmp_path: Path
) -> None:
    database, login = account
    assert add(run, tenant_server, account).code == EXIT_DONE
    moved = run("connections", "edit", "Shelf", "--host", "localhost")
    assert moved.code == EXIT_USAGE
    assert "password" in moved.err.lower()
    wrong = run("connections", "edit", "Shelf", "--password-stdin", stdin="wrong\n")
    assert wrong.code == EXIT_DONE
    failed = run("connections", "test", "Shelf", "--json")
    assert failed.code == EXIT_FAILED
    assert failed.out == ""
    assert "[tenant.credentials]" in failed.err
    assert "Traceback" not in failed.err
    missing = run("connections", "schema", "Nothing")
    assert missing.code == EXIT_FAILED
    assert "[connection.not_found]" in missing.err
    bad = run(
        *("connections", "add", "Bad", "--host", "h", "--port", "0", "--database", database),
        *("--username", "u", "--password-stdin"),
        stdin="x\n",
    )
    assert bad.code == EXIT_USAGE
    assert "1 to 65535" in bad.err
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert login.password.encode() not in kept
