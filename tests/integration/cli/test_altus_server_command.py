"""``connections import --altus-server`` against real servers."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_USAGE, main
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from tests.altus_server import make_altus_server
from tests.answers import Answer, Run
from tests.records import a_user
from tests.servers import DatabaseServer


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a passphrase of the vault")
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        user = a_user(role=Role.ADMIN)
        actor = services.metadata.store.users.create_(user, "x").as_actor()
        draft = KeyDraft("All powers", permissions=frozenset({KeyPermission.ADMIN}))
        monkeypatch.setenv("ALTUS4_API_KEY", services.keys.create_(actor, draft).key_secret)

    def call(*words: str, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main([*words, "--data-dir", str(tmp_path)])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


def test_a_server_is_brought_in(
    run: Run, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    altus = make_altus_server(tenant_server)
    account = tenant_server.create_search_account(altus.database)
    eve = altus.add_user("eve@example.org", "$2b$12$" + "a" * 53)
    altus.add_connection(eve, "Shop", "canary-of-the-shop")
    altus.add_key(eve, "Reports", "altus4_sk_test_" + "0" * 48)
    url = f"mysql://{account.username}@{altus.server.host}:{altus.server.port}/{altus.database}"
    words = ("connections", "import", "--altus-server", url)
    assert run(*words).code == EXIT_USAGE
    secrets = f"{account.password}\n{altus.encryption_key}\n"
    options = ("--password-stdin", "--encryption-key-stdin")
    seen = run(*words, *options, "--dry-run", "--json", stdin=secrets)
    assert seen.code == EXIT_DONE, seen.err
    kinds = [(one["kind"], one["password_missing"]) for one in seen.document["items"]]
    assert kinds == [("user", False), ("connection", False), ("api_key", False)]
    for hidden in ("canary", account.password, altus.encryption_key, "$2b$"):
        assert hidden not in seen.out + seen.err
    only = run(*words, *options, "--only", "connections", "--only", "users", "--yes", stdin=secrets)
    assert only.code == EXIT_DONE, only.err
    assert "1 connection, 1 user." in only.err
    monkeypatch.setenv("ALTUS4_SERVER_PASSWORD", account.password)
    rest = run(*words, "--yes", "--json")
    assert rest.code == EXIT_DONE, rest.err
    assert rest.document["imported"] == {"connections": [], "users": [], "keys": ["Reports"]}
    altus.add_connection(eve, "Later", "x", database_name="later")
    later = run(*words, "--yes", "--json")
    # Without the ENCRYPTION_KEY it comes without its password.
    assert later.code == EXIT_DONE
    assert len(later.document["without_password"]) == 1
    tenant_server.drop_database(altus.database)
