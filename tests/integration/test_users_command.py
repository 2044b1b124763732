"""The real program on a shared store whose password only the vault knows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from tests.servers import PROJECT, DatabaseServer
from tests.stores import server_place

PASSPHRASE = "canary passphrase of the vault"
PASSWORD = "canary-correct-horse"


def run(
    data_dir: Path, *words: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "altus4_desktop", *words, "--data-dir", str(data_dir)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_vault_opens_the_shared_store_and_the_admin_looks_after_users(
    tenant_server: DatabaseServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = tenant_server.create_database("altus4_metadata")
    request.addfinalizer(lambda: tenant_server.drop_database(database))
    place = server_place(tenant_server, database)
    services = compose(tmp_path)
    services.vault.set_up_passphrase(PASSPHRASE)
    services.metadata.choose_(place.location.url, place.password)
    services.migrations.upgrade_(None)
    services.close()

    create = ("users", "create", "--email", "Ada@example.org", "--name", "Ada", "--password-stdin")
    locked = run(tmp_path, *create, stdin=PASSWORD + "\n")
    assert locked.returncode == 4
    assert "[vault.locked]" in locked.stderr
    wrong = run(tmp_path, *create, stdin=PASSWORD + "\n", ALTUS4_PASSPHRASE="not the passphrase")
    assert wrong.returncode == 4
    assert "[vault.passphrase]" in wrong.stderr
    made = run(tmp_path, *create, "--json", stdin=PASSWORD + "\n", ALTUS4_PASSPHRASE=PASSPHRASE)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["role"] == "admin"

    signed_in = {
        "ALTUS4_PASSPHRASE": PASSPHRASE,
        "ALTUS4_USER": "ada@example.org",
        "ALTUS4_PASSWORD": PASSWORD,
    }
    listed = run(tmp_path, "users", "list", "--json", **signed_in)
    assert [user["email"] for user in json.loads(listed.stdout)["users"]] == ["ada@example.org"]
    last = run(tmp_path, "users", "delete", "ada@example.org", "--yes", **signed_in)
    assert (last.returncode, "[user.last_admin]" in last.stderr) == (4, True)

    told = "".join(one.stdout + one.stderr for one in (locked, wrong, made, listed, last))
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert "canary" not in told
    assert b"canary" not in kept
    assert place.password is not None
    assert place.password not in told
    assert place.password.encode() not in kept
