"""Rights on real servers: what an account may do, and statements that make one which may do less.

The statements are run as an administrator runs them, with a password in the placeholder's stead.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pymysql
import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import GuardState
from altus4_desktop.domain.backups import BackupState
from altus4_desktop.domain.connections import (
    ConnectionDraft,
    Flavour,
    PoolSettings,
    TlsMode,
    TlsSettings,
)
from altus4_desktop.domain.errors import (
    AccessError,
    InputError,
    NotFoundError,
    StoreError,
    TenantError,
    TenantFailure,
)
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.keys import KeyAnswer, KeyDraft
from altus4_desktop.domain.rights import Weight
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.mysql.grant_scripts import PASSWORD_PLACEHOLDER
from altus4_desktop.services import Services
from altus4_desktop.storage.location import StoreLocation
from tests.faults import Fault, WatchingProxy
from tests.records import a_user
from tests.servers import Account, DatabaseServer, find_programs
from tests.stores import StorePlace, server_place

TABLE = "odd`t_%'"
ODD = "od`d_%'\"\\"
PASSWORD = "pass-of-the-test"


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@dataclass
class Library:
    """A database with a name that needs quoting, and one that the name would mean as a pattern."""

    server: DatabaseServer
    database: str
    neighbour: str


@pytest.fixture
def library(tenant_server: DatabaseServer) -> Iterator[Library]:
    tag = secrets.token_hex(3)
    database, neighbour = f"{ODD}{tag}", f"od`dxyz'\"\\{tag}"
    for name in (database, neighbour):
        tenant_server.execute(f"CREATE DATABASE {quoted(name)}")
        for table in ("notes", TABLE):
            place = f"{quoted(name)}.{quoted(table)}"
            tenant_server.execute(
                f"CREATE TABLE {place} (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body))",
                f"INSERT INTO {place} VALUES (1, 'laminar flow'), (2, 'turbulent wake')",
            )
    yield Library(tenant_server, database, neighbour)
    for name in (database, neighbour):
        tenant_server.execute(f"DROP DATABASE {quoted(name)}")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        made.vault.set_up_session()
        yield made


@pytest.fixture
def actor(services: Services) -> Actor:
    user = a_user(role=Role.ADMIN)
    services.metadata.store.users.create_(user, "hash")
    return user.as_actor()


def connect(
    services: Services, actor: Actor, library: Library, account: Account, **changes: object
) -> str:
    """A saved connection to the library; returns its id."""
    draft = ConnectionDraft(
        f"Library {secrets.token_hex(3)}",
        "127.0.0.1",
        library.database,
        account.username,
        library.server.port,
        account.password,
    )
    return services.connections.create_(actor, replace(draft, **changes)).id  # type: ignore[arg-type]  # of any type


def run_as_root(server: DatabaseServer, statements: str) -> None:
    """What an administrator does with the statements."""
    server.execute(
        *(line.replace(PASSWORD_PLACEHOLDER, f"'{PASSWORD}'") for line in runnable(statements))
    )


def runnable(statements: str) -> list[str]:
    return [line for line in statements.splitlines() if not line.startswith("--")]


def makes_no_account(server: DatabaseServer, statements: str, username: str) -> None:
    """With the placeholder left in, no statement is taken, even by who goes on after an error."""
    for statement in runnable(statements):
        with pytest.raises(pymysql.err.MySQLError) as caught:
            server.execute(statement)
        if PASSWORD_PLACEHOLDER in statement:
            assert caught.value.args[0] == 1064
    name = username.replace("'", "''")
    assert not server.execute(f"SELECT 1 FROM mysql.user WHERE User = '{name}'")


def refused(server: DatabaseServer, username: str, *statements: str) -> None:
    """Every statement is refused to the account by the server itself, in a session of its own."""
    login = pymysql.connect(
        host="127.0.0.1", port=server.port, user=username, password=PASSWORD.encode()
    )
    with closing(login), login.cursor() as cursor:
        for statement in statements:
            with pytest.raises(pymysql.err.MySQLError) as caught:
                cursor.execute(statement)
            # Refused for want of a right, not because it makes no sense.
            assert caught.value.args[0] in (1044, 1142, 1143, 1227, 1370), statement


def finds(services: Services, actor: Actor, connection_id: str) -> set[tuple[str, object]]:
    """The hits of one word by table and key."""
    request = SearchRequest("turbulent", connection_ids=(connection_id,))
    outcome = services.search.run(actor, request)
    assert [source.error for source in outcome.sources if source.error] == []
    return {(hit.source.table, hit.key["id"]) for hit in outcome.hits}


@pytest.mark.parametrize("tables", [(), (TABLE,)], ids=["whole database", "one table"])
def test_the_account_for_searching(
    services: Services, actor: Actor, library: Library, tables: tuple[str, ...]
) -> None:
    server = library.server
    root = Account("root", server.root_password)
    by_root = connect(services, actor, library, root)
    username = f"it's_{secrets.token_hex(3)}"
    statements = services.rights.search_statements_(
        actor, by_root, tables=tables, username=username, client_host="127.0.0.1"
    )
    makes_no_account(server, statements, username)
    run_as_root(server, statements)

    services.connections.delete_(actor, by_root)
    found = connect(services, actor, library, Account(username, PASSWORD))
    expected = {(table, 2) for table in tables or ("notes", TABLE)}
    assert finds(services, actor, found) == expected
    report = services.rights.read_(actor, found)
    assert report.is_minimal, report
    assert report.grants.account == f"{username}@127.0.0.1"
    place = f"{quoted(library.database)}.{quoted(TABLE)}"
    beyond = f"SELECT * FROM {quoted(library.neighbour)}.notes"
    refused(
        server,
        username,
        f"INSERT INTO {place} VALUES (3, 'x')",
        f"UPDATE {place} SET body = 'x'",
        f"DELETE FROM {place}",
        f"DROP TABLE {place}",
        f"ALTER TABLE {place} ADD x INT",
        f"CREATE TABLE {quoted(library.database)}.fresh (id INT)",
        f"CREATE TEMPORARY TABLE {quoted(library.database)}.fresh (id INT)",
        f"LOCK TABLES {place} READ",
        "CREATE USER intruder",
        f"GRANT SELECT ON {place} TO CURRENT_USER()",
        beyond,
        *([f"SELECT * FROM {quoted(library.database)}.notes"] if tables else []),
    )


def test_an_account_that_may_not_use_the_database(
    services: Services, actor: Actor, library: Library
) -> None:
    account = library.server.create_account("USAGE")
    found = connect(services, actor, library, account)
    with pytest.raises(TenantError) as caught:
        services.connections.check_saved_(actor, found)
    assert caught.value.server_code == 1044
    report = services.rights.read_(actor, found)
    assert report.grants.account == f"{account.username}@%"
    assert (report.lines, report.missing) == ((), ("SELECT",))
    statements = services.rights.search_statements_(actor, found)
    assert f"({library.server.flavour.label})" in statements
    # With a wrong password there is nothing to tell.
    wrong = connect(services, actor, library, Account(account.username, "wrong"), host="localhost")
    with pytest.raises(TenantError) as caught:
        services.rights.read_(actor, wrong)
    assert caught.value.failure is TenantFailure.CREDENTIALS


def test_an_account_that_may_do_more_is_told(
    services: Services, actor: Actor, library: Library
) -> None:
    account = library.server.create_account("USAGE")
    library.server.execute(
        f"GRANT SELECT, INSERT ON {quoted(library.database)}.notes TO '{account.username}'@'%'"
    )
    found = connect(services, actor, library, account)
    report = services.rights.read_(actor, found)
    assert report.weight is Weight.CHANGES
    assert [(line.privilege, line.weight) for line in report.lines] == [
        ("INSERT", Weight.CHANGES),
        ("SELECT", Weight.NEEDED),
    ]
    # A test of the connection tells the same.
    assert services.connections.check_saved_(actor, found).rights == report
    draft = services.connections.get_(actor, found).as_draft()
    assert services.connections.check_(actor, draft, found).rights == report


def test_a_test_succeeds_where_grants_are_kept_back(
    services: Services, actor: Actor, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TenantError(TenantFailure.DENIED, "no")

    monkeypatch.setattr("altus4_desktop.mysql.probe.read_grants", refuse)
    account = Account("root", library.server.root_password)
    found = connect(services, actor, library, account)
    report = services.connections.check_saved_(actor, found)
    assert report.read_only
    assert report.rights is None


class _Mute(WatchingProxy):
    """Lets nothing through any more once somebody has asked for grants."""

    @property
    def fault(self) -> Fault:
        asked = b"SHOW GRANTS" in self.sent_by_clients
        return Fault.BLACKHOLE if asked else Fault.NONE

    @fault.setter
    def fault(self, _: Fault) -> None:
        pass


def test_a_server_that_never_tells_its_grants_costs_no_more_than_a_test_may(
    services: Services, actor: Actor, mariadb_server: DatabaseServer
) -> None:
    database = mariadb_server.create_database("altus4_mute")
    account = mariadb_server.create_search_account(database)
    proxy = _Mute(mariadb_server.port)
    draft = ConnectionDraft(
        "Mute",
        "127.0.0.1",
        database,
        account.username,
        proxy.port,
        account.password,
        # In clear, so that the proxy sees what is asked for.
        tls=TlsSettings(TlsMode.DISABLED),
        pool=PoolSettings(connect_timeout_s=2),
    )
    try:
        began = time.monotonic()
        report = services.connections.check_(actor, draft)
        assert time.monotonic() - began < 9
    finally:
        proxy.close()
    assert proxy.fault is Fault.BLACKHOLE
    assert report.read_only
    assert report.rights is None


def test_statements_follow_the_connection(
    services: Services, actor: Actor, library: Library
) -> None:
    root = Account("root", library.server.root_password)
    encrypted = (
        connect(services, actor, library, root, tls=TlsSettings(TlsMode.REQUIRED))
        if library.server.flavour is Flavour.MYSQL
        else None
    )
    if encrypted is not None:
        assert "REQUIRE SSL" in services.rights.search_statements_(actor, encrypted)
        services.connections.delete_(actor, encrypted)
    found = connect(services, actor, library, root)
    statements = services.rights.search_statements_(actor, found)
    assert "REQUIRE SSL" not in statements
    by_plugin = "caching_sha2_password" in statements
    assert by_plugin == (library.server.flavour is Flavour.MYSQL)
    report = services.rights.read_(actor, found)
    assert services.rights.search_statements_(actor, found, report=report) == statements
    for username, host in (("", "%"), ("x" * 81, "%"), ("a\nb", "%"), ("a\\", "%"), ("a", "")):
        with pytest.raises(InputError):
            services.rights.search_statements_(
                actor, found, report=report, username=username, client_host=host
            )


def test_rights_are_the_owners_to_read(services: Services, actor: Actor, library: Library) -> None:
    found = connect(services, actor, library, Account("root", "x"))
    other = a_user()
    services.metadata.store.users.create_(other, "hash")
    for ask in (services.rights.read_, services.rights.search_statements_):
        with pytest.raises(NotFoundError):
            ask(other.as_actor(), found)
        with pytest.raises(AccessError):
            ask(a_user().as_actor(), found)


# -- the shared metadata store -----------------------------------------------------------------


@pytest.fixture
def shared(tenant_server: DatabaseServer) -> Iterator[StorePlace]:
    """A store at its newest revision on each server, made by an administrator's account."""
    database = tenant_server.create_database("altus4_meta")
    place = server_place(tenant_server, database)
    with closing(place.open()) as store:
        store.migrator.upgrade()
    yield place
    tenant_server.drop_database(database)


def test_the_account_for_a_shared_store(
    shared: StorePlace,
    tenant_server: DatabaseServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    username = f"altus4_app_{secrets.token_hex(3)}"
    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", shared.password or "")
    with closing(compose(tmp_path / "admin", shared.location.url)) as administrators:
        statements = administrators.rights.store_statements_(username=username)
    assert f"({tenant_server.flavour.label})" in statements
    makes_no_account(tenant_server, statements, username)
    run_as_root(tenant_server, statements)
    run_as_root(tenant_server, statements)

    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", PASSWORD)
    location = replace(shared.location, username=username)
    with closing(compose(tmp_path / "data", location.url)) as services:
        if tenant_server.flavour is Flavour.MYSQL:
            services.settings.server_program = str(find_programs(Flavour.MYSQL).server)
        admin = _a_day(services, tmp_path)
        _a_backup(services, admin, tenant_server, location)
    database = quoted(location.database)
    refused(
        tenant_server,
        username,
        f"UPDATE {database}.audit_log SET action = 'x'",
        f"DELETE FROM {database}.audit_log",
        f"UPDATE {database}.migrations SET checksum = 'x'",
        f"DELETE FROM {database}.alembic_version",
        f"DROP TABLE {database}.users",
        f"ALTER TABLE {database}.users ADD x INT",
        f"CREATE TABLE {database}.fresh (id INT)",
        f"DROP TRIGGER {database}.audit_log_no_delete",
        "CREATE USER intruder",
        "SELECT * FROM mysql.user",
    )


def _a_backup(
    services: Services, admin: Actor, server: DatabaseServer, location: StoreLocation
) -> None:
    """A good one of the store's own tables; what the account lacks for more is shown and enough."""
    backup = services.backups.create_(admin).backup
    assert backup.state is BackupState.GOOD, backup.problem
    assert backup.left_out == ("views", "triggers", "routines", "events")
    assert "audit_log" in {table.name for table in backup.tables}
    account = f"'{location.username}'@'%'"
    database = quoted(location.database)
    server.execute(f"REVOKE SELECT ON {database}.judgements FROM {account}")
    with pytest.raises(StoreError) as caught:
        services.backups.create_(admin)
    assert caught.value.code == "backup.no_right"
    statement = f"GRANT SELECT ON {database}.`judgements` TO {account}"
    assert f"{statement};" in caught.value.hint
    server.execute(statement)
    (advice,) = services.backups.list_advice_(admin)
    assert "views, triggers, routines, events" in advice.sentence
    server.execute(*advice.statements)
    backup = services.backups.create_(admin).backup
    assert (backup.state, backup.left_out) == (BackupState.GOOD, ()), backup.problem
    assert services.backups.list_advice_(admin) == ()
    # What came with it is not for every day.
    escaped = location.database.replace("_", "\\_")
    server.execute(f"REVOKE ALL PRIVILEGES ON `{escaped}`.* FROM {account}")
    if server.flavour is Flavour.MARIADB:
        server.execute(f"GRANT SHOW VIEW ON `{escaped}`.* TO {account}")


def _a_day(services: Services, folder: Path) -> Actor:
    """Everything that is done with a store from day to day."""
    assert services.metadata.open_().pending == ()
    services.vault.set_up_session()
    first = services.accounts.create_first_admin("Ada", "ada@example.org", "the-words-of-a-test")
    admin = services.accounts.sign_in("ada@example.org", "the-words-of-a-test")
    assert admin.user_id == first.user_id
    with pytest.raises(AccessError):
        services.accounts.sign_in("ada@example.org", "wrong")
    made = services.keys.create_(admin, KeyDraft("Robot"))
    assert services.keys.verify_(made.key_secret).answer is KeyAnswer.VALID
    services.keys.authenticate_(made.key_secret)
    services.keys.rotate_(admin, made.key.id, 3600)
    services.keys.revoke_(admin, [made.key.id], ["Robot"])
    draft = ConnectionDraft("Shop", "127.0.0.1", "shop", "u", 1, "secret")
    saved = services.connections.create_(admin, draft)
    changed = replace(saved.as_draft(), name="Shop 2")
    services.connections.update_(admin, saved.id, changed)
    assert services.search.run(admin, SearchRequest("x", connection_ids=(saved.id,))).sources
    services.connections.delete_(admin, saved.id)
    assert services.history.close_()
    assert services.history.delete_(admin) == 1
    verdict = services.audit.verify_(admin)
    assert (verdict.faults, verdict.guards) == ((), GuardState.UNSEEN)
    assert services.audit.export_(admin, folder / "audit.json", ListFormat.JSON) > 5
    assert services.migrations.drift_(admin) == ()
    assert services.migrations.visitors_(admin) is not None
    assert services.metadata.status_().pending == ()
    return admin


def test_a_store_that_is_not_there_yet(services: Services, tmp_path: Path) -> None:
    statements = services.rights.store_statements_(Flavour.MARIADB, database="shared")
    assert "'altus4_app'@'%'" in statements
    assert "GRANT SELECT, INSERT ON `shared`.`audit_log`" in statements
    assert "ALL" not in statements
    path = tmp_path / "app.sql"
    services.rights.save_(statements, path)
    assert path.read_text("utf-8") == statements
