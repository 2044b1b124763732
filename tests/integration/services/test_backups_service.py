"""Backups of a shared store, from the first one to the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.backups import BackupState
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.services import Services
from tests.integration.storage.test_backups import grant_scratch
from tests.integration.storage.test_restoring import beside, grant_beside
from tests.records import a_search, a_user
from tests.servers import DatabaseServer, find_programs
from tests.stores import StorePlace, server_place


@pytest.fixture
def place(tenant_server: DatabaseServer) -> Iterator[StorePlace]:
    database = tenant_server.create_database("altus4_metadata")
    made = server_place(tenant_server, database)
    yield made
    for name in (database, *beside(tenant_server, made)):
        tenant_server.drop_database(name)


@pytest.fixture
def services(
    place: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    monkeypatch.setenv("ALTUS4_METADATA_PASSWORD", place.password or "")
    with closing(compose(tmp_path, place.location.url)) as made:
        if place.name == Flavour.MYSQL:
            made.settings.server_program = str(find_programs(Flavour.MYSQL).server)
        made.metadata.open_()
        made.migrations.upgrade_(None, without_copy=True)
        yield made


def test_a_shared_store_is_backed_up_and_put_back(
    services: Services, place: StorePlace, tenant_server: DatabaseServer
) -> None:
    store = services.metadata.store
    user = store.users.create_(a_user(role=Role.ADMIN), "x")
    admin = user.as_actor()
    store.searches.add_(a_search(user, "before"))
    run = services.backups.create_(admin)
    assert run.backup.state is BackupState.UNVERIFIED
    assert "GRANT ALL PRIVILEGES" in run.unverified_because
    grant_scratch(tenant_server, place)
    grant_beside(tenant_server, place)
    assert services.backups.verify_(admin, run.backup.id).state is BackupState.GOOD
    store.searches.add_(a_search(user, "after"))
    plan = services.backups.plan_restore_(admin, run.backup.id)
    assert ("searches", 2, 1) in {(one.name, one.now, one.then) for one in plan.changes}
    done = services.backups.restore_(admin, run.backup.id)
    assert [row[0] for row in place.query("SELECT query FROM searches")] == ["before"]
    assert beside(tenant_server, place) == [done.kept]
    newest = services.audit.list_(admin)[0].event
    assert (newest.action, newest.subject_id) == ("backup.restored", run.backup.id)
    assert services.backups.list_(admin)[0].id == run.backup.id


def test_a_store_without_a_log_has_no_instants_between_its_backups(services: Services) -> None:
    user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "x")
    admin = user.as_actor()
    services.backups.create_(admin)
    reach = services.backups.reach_(admin)
    assert reach.spans == ()
    assert "binary log" in reach.problem
