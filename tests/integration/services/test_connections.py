"""The connections service on real servers: schemas read once, tests, parsers, noted uses."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, ConnectionDraft, Flavour
from altus4_desktop.domain.errors import Cancelled, NotFoundError, TenantError, TenantFailure
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.mysql import introspect
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.settings import Settings
from altus4_desktop.services.vault import VaultService
from tests.faults import Fault, FaultProxy
from tests.keyring_memory import MemoryKeyring
from tests.records import a_user
from tests.servers import DatabaseServer


@dataclass
class Desk:
    connections: ConnectionsService
    metadata: MetadataService
    actor: Actor
    saved: Connection
    draft: ConnectionDraft
    server: DatabaseServer
    reads: list[str]


@dataclass
class House:
    """One store and vault for all tests: each has a user of its own."""

    vault: VaultService
    metadata: MetadataService


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    vault = VaultService(folder, MemoryKeyring())
    metadata = MetadataService(folder, Settings.load(folder), vault)
    metadata.open_()
    vault.set_up_session()
    yield House(vault, metadata)
    metadata.close_()


@pytest.fixture
def desk(
    tenant_server: DatabaseServer, house: House, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    database = tenant_server.create_database("altus4_desk")
    tenant_server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body))",
        "CREATE TABLE plain (id INT PRIMARY KEY)",
        database=database,
    )
    account = tenant_server.create_search_account(database)
    user = a_user()
    house.metadata.store.users.create_(user, "hash")
    service = ConnectionsService(
        house.metadata, house.vault, TenantPools(), Permissions(house.metadata)
    )
    draft = ConnectionDraft(
        "Desk",
        tenant_server.host,
        database,
        account.username,
        tenant_server.port,
        account.password,
    )
    saved = service.create_(user.as_actor(), draft)
    reads: list[str] = []
    read = introspect.read_schema

    def count(session: TenantSession) -> DatabaseSchema:
        reads.append(session.target.database)
        return read(session)

    monkeypatch.setattr(introspect, "read_schema", count)
    yield Desk(service, house.metadata, user.as_actor(), saved, draft, tenant_server, reads)
    service.close_()
    tenant_server.drop_database(database)


def test_a_schema_is_read_once(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as executor:
        found = list(
            executor.map(lambda _: desk.connections.schema_(desk.actor, desk.saved.id), range(8))
        )
    assert len(desk.reads) == 1
    assert all(schema is found[0] for schema in found)
    assert [table.name for table in found[0].tables] == ["notes", "plain"]
    desk.server.execute("CREATE TABLE later (id INT PRIMARY KEY)", database=desk.draft.database)
    assert desk.connections.schema_(desk.actor, desk.saved.id).table("later") is None
    fresh = desk.connections.schema_(desk.actor, desk.saved.id, refresh=True)
    assert fresh.table("later") is not None
    assert desk.connections.schema_(desk.actor, desk.saved.id) is fresh
    noted = desk.connections.get_(desk.actor, desk.saved.id)
    assert noted.last_connected_at is not None


def test_a_reset_forgets_schemas_and_closes_the_pools(desk: Desk) -> None:
    before = desk.connections.schema_(desk.actor, desk.saved.id)
    assert desk.connections.stats_(desk.saved.id) is not None
    desk.connections.reset_()
    assert desk.connections.stats_(desk.saved.id) is None
    assert desk.connections.schema_(desk.actor, desk.saved.id) is not before


def test_an_edit_forgets_the_schema(desk: Desk) -> None:
    desk.connections.schema_(desk.actor, desk.saved.id)
    kept = replace(desk.draft, password_secret=None)
    elsewhere = replace(kept, database="information_schema")
    desk.connections.update_(desk.actor, desk.saved.id, elsewhere)
    schema = desk.connections.schema_(desk.actor, desk.saved.id)
    assert schema.database == "information_schema"


def test_parsers_are_looked_up_and_remembered(desk: Desk) -> None:
    assert desk.connections.parsers_(desk.actor, desk.saved.id, "notes") == {"ft": ""}
    notes = desk.connections.schema_(desk.actor, desk.saved.id).table("notes")
    assert notes is not None
    assert notes.fulltext_indexes[0].parser == ""
    with pytest.raises(NotFoundError, match="no table"):
        desk.connections.parsers_(desk.actor, desk.saved.id, "nothing")
    full = desk.connections.full_schema_(desk.actor, desk.saved.id)
    assert all(index.parser == "" for table in full.tables for index in table.fulltext_indexes)


def test_a_test_uses_the_saved_password_and_notes_success(desk: Desk) -> None:
    report = desk.connections.check_(
        desk.actor, replace(desk.draft, password_secret=None), desk.saved.id
    )
    assert report.flavour is desk.server.flavour
    assert report.read_only
    assert desk.connections.get_(desk.actor, desk.saved.id).last_connected_at is not None
    with pytest.raises(TenantError) as caught:
        desk.connections.check_(desk.actor, replace(desk.draft, password_secret="wrong"))
    assert caught.value.failure is TenantFailure.CREDENTIALS


def test_a_test_can_be_cancelled_and_meets_its_deadline(desk: Desk) -> None:
    proxy = FaultProxy(desk.server.port)
    proxy.fault = Fault.BLACKHOLE
    try:
        silent = replace(desk.draft, port=proxy.port)
        hasty = replace(silent, pool=replace(silent.pool, connect_timeout_s=0.3))
        with pytest.raises(TenantError) as caught:
            desk.connections.check_(desk.actor, hasty)
        assert caught.value.failure is TenantFailure.TIMEOUT
        token = CancelToken()
        with ThreadPoolExecutor(1) as executor:
            work = executor.submit(desk.connections.check_, desk.actor, silent, None, token)
            token.cancel()
            with pytest.raises(Cancelled):
                work.result(timeout=2)
    finally:
        proxy.close()


def test_the_pools_figures(desk: Desk) -> None:
    assert desk.connections.stats_(desk.saved.id) is None
    desk.connections.schema_(desk.actor, desk.saved.id)
    stats = desk.connections.stats_(desk.saved.id)
    assert stats is not None
    assert (stats.total, stats.active, stats.idle, stats.queued) == (1, 0, 1, 0)
    desk.connections.delete_(desk.actor, desk.saved.id)
    assert desk.connections.stats_(desk.saved.id) is None


def test_a_failed_test_is_told_until_the_next_answer(desk: Desk) -> None:
    proxy = FaultProxy(desk.server.port)
    try:
        saved = desk.connections.update_(
            desk.actor,
            desk.saved.id,
            replace(
                desk.saved.as_draft(), port=proxy.port, password_secret=desk.draft.password_secret
            ),
        )
        proxy.fault = Fault.RESET
        with pytest.raises(TenantError) as caught:
            desk.connections.check_saved_(desk.actor, saved.id)
        failed = desk.connections.stats_(saved.id)
        assert failed is not None
        assert failed.last_error is caught.value
        assert failed.answered_at is None
        other = replace(saved.as_draft(), database="elsewhere")
        with pytest.raises(TenantError):
            desk.connections.check_(desk.actor, other, saved.id)
        assert desk.connections.stats_(saved.id) == failed, "that was not what is saved"
        proxy.fault = Fault.NONE
        report = desk.connections.check_saved_(desk.actor, saved.id)
        reached = desk.connections.stats_(saved.id)
        assert reached is not None
        assert reached.tls == report.tls
        assert reached.answered_at is not None
        assert failed.last_error_at is not None
        assert reached.answered_at > failed.last_error_at
    finally:
        proxy.close()


def test_both_flavours_are_here(desk: Desk) -> None:
    schema = desk.connections.schema_(desk.actor, desk.saved.id)
    assert schema.flavour is desk.server.flavour
    assert ("MariaDB" in schema.version) is (schema.flavour is Flavour.MARIADB)
