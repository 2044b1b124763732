"""Words of real tables: offered while typing, and for what was mistyped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled, TenantError, TenantFailure
from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.domain.searching import Correction, SearchMode
from altus4_desktop.mysql import samples
from altus4_desktop.mysql.session import TenantSession
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.suggestions import SuggestionsService
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer
from tests.waiting import wait_until

TABLE = "`bills ``of`` %s`"
COLUMNS = "(`the key` INT PRIMARY KEY, `text %` TEXT, secret TEXT, FULLTEXT (`text %`))"
LONG = "CONCAT('payment ', REPEAT('x', 2000), ' hidden')"
ROWS = f"(1, 'invoice number seven', 'unsearched'), (2, {LONG}, NULL), (3, NULL, NULL)"
BILLS = (f"CREATE TABLE {TABLE} {COLUMNS}", f"INSERT INTO {TABLE} VALUES {ROWS}")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        yield made


def build(world: SearchWorld) -> SuggestionsService:
    permissions = Permissions(world.metadata)
    return SuggestionsService(world.connections, world.pools, world.history, permissions)


def test_a_mistyped_word_becomes_one_of_the_tables(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "Shop", BILLS)
    suggestions = build(world)
    outcome = world.run("+invoise -paymnet", SearchMode.BOOLEAN)
    correction = suggestions.correct(world.actor, outcome)
    assert correction is not None
    assert correction.query == "+invoice -paymnet"
    assert suggestions.complete(world.actor, "numb") == ["number"]
    # Neither what no index searches, nor what lies behind the beginning of a large cell.
    assert suggestions.complete(world.actor, "unsea") == []
    assert suggestions.complete(world.actor, "hidd") == []


def test_what_was_found_is_right(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    rows = ", ".join(f"({number}, 'word{number} filler')" for number in range(1000))
    world.add_database(
        tenant_server,
        "Many",
        (
            "CREATE TABLE t (id INT PRIMARY KEY, body TEXT, FULLTEXT (body))",
            f"INSERT INTO t VALUES {rows}",
            "UPDATE t SET body = 'fillet of word500' WHERE id = 500",
        ),
    )
    suggestions = build(world)
    # Row 500 is in neither sample, and “fillet” is near to “filler”.
    assert suggestions.correct(world.actor, world.run("fillet")) is None
    assert suggestions.complete(world.actor, "fille") == ["filler", "fillet"]


def test_words_of_another_connection_are_not_offered(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", BILLS)
    other = world.add_database(
        tenant_server,
        "Other",
        ("CREATE TABLE t (id INT PRIMARY KEY, body TEXT, FULLTEXT (body))",),
    )
    suggestions = build(world)
    both = world.run("nothing")
    suggestions.correct(world.actor, both)
    alone = world.run("invoise", connection_ids=(other.id,))
    assert suggestions.correct(world.actor, alone) is None
    assert suggestions.complete(world.actor, "invo", [other.id]) == []
    assert suggestions.complete(world.actor, "invo", [shop.id]) == ["invoice"]


def test_earlier_searches_that_found_something_count(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "Shop", BILLS)
    world.run("invoice")
    world.run("involuntary")
    wait_until(
        lambda: len(world.history.recent(world.actor)) == 2,
        timeout_s=10,
        what="both searches in the history",
    )
    assert build(world).complete(world.actor, "invo") == ["invoice"]


def test_a_server_that_is_gone_only_adds_no_words(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "Gone", BILLS)
    outcome = world.run("invoise")
    tenant_server.execute(f"DROP DATABASE `{world.databases[-1][1]}`")
    tenant_server.execute(f"CREATE DATABASE `{world.databases[-1][1]}`")
    assert build(world).correct(world.actor, outcome) is None


def test_a_table_that_is_late_takes_no_words_of_the_others_away(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_database(
        tenant_server,
        "Shop",
        (*BILLS, "CREATE TABLE zz (id INT PRIMARY KEY, t TEXT, FULLTEXT (t))"),
    )
    suggestions = build(world)
    read = samples.read_sample_texts

    def late(session: TenantSession, database: str, table: TableInfo, **options: Any) -> list[str]:
        if table.name == "zz":
            raise TenantError(TenantFailure.TIMEOUT, "It was late.")
        return read(session, database, table, **options)

    monkeypatch.setattr(samples, "read_sample_texts", late)
    correction = suggestions.correct(world.actor, world.run("invoise"))
    assert correction is not None
    assert correction.query == "invoice"


def test_words_go_with_the_lock_and_with_a_connection_that_changes(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", BILLS)
    suggestions = build(world)
    outcome = world.run("invoise")
    suggestions.correct(world.actor, outcome)
    assert suggestions.complete(world.actor, "invo") == ["invoice"]
    world.connections.reset_()
    assert suggestions.complete(world.actor, "invo") == []
    suggestions.correct(world.actor, outcome)
    assert suggestions.complete(world.actor, "invo") == ["invoice"]
    world.connections.delete_(world.actor, shop.id)
    with suggestions._lock:
        assert not suggestions._known


def test_stopping_is_heard_and_the_next_time_reads_again(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    world.add_database(tenant_server, "Shop", BILLS)
    suggestions = build(world)
    outcome = world.run("invoise")
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        suggestions.correct(world.actor, outcome, stopped)
    assert isinstance(suggestions.correct(world.actor, outcome), Correction)
