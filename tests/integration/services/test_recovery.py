"""The next search works: after a restart of the server, sleep, a cut line, a lost tunnel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.connections import Flavour, PoolSettings
from altus4_desktop.domain.searching import SourceState
from tests.faults import Fault, FaultProxy
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer
from tests.ssh_servers import PASSWORD, loopback_ssh

TABLES = (
    "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft_body (body))",
    "INSERT INTO notes VALUES (1, 'laminar flow'), (2, 'turbulent wake')",
)
# A server whose process is killed keeps what it has told the system to write.
DURABLE = ("--innodb-flush-log-at-trx-commit=1",)
BRIEF = PoolSettings(size=3, connect_timeout_s=4, query_timeout_s=4, acquire_timeout_s=8)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path / "data") as made:
        yield made


def finds(world: SearchWorld) -> bool:
    """Whether a search of everything finds what there is, with no failure on the way."""
    outcome = world.run("turbulent")
    assert [source.error for source in outcome.sources] == [None]
    return [hit.key["id"] for hit in outcome.hits] == [2]


def fails(world: SearchWorld) -> bool:
    """Whether a search fails, and soon."""
    began = time.monotonic()
    outcome = world.run("turbulent")
    assert time.monotonic() - began < 20
    return outcome.sources[0].state in (SourceState.FAILED, SourceState.TIMED_OUT)


@pytest.mark.parametrize("flavour", list(Flavour), ids=str)
def test_after_the_server_was_away(
    world: SearchWorld, private_server: Callable[..., DatabaseServer], flavour: Flavour
) -> None:
    server = private_server(flavour, DURABLE)
    saved = world.add_database(server, "Library", TABLES, pool=BRIEF)
    assert finds(world)
    server.restart()
    # Nobody searched meanwhile: it costs no search at all.
    assert finds(world)

    server.kill()
    assert fails(world)
    stats = world.connections.stats_(saved.id)
    assert stats is not None
    assert stats.last_error is not None
    assert stats.last_error_at is not None
    server.start()
    assert finds(world)

    server.pause()
    assert fails(world)
    server.resume()
    assert finds(world)
    world.databases.clear()


def test_after_sleep(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    """While this computer slept the server has given up on every session."""
    saved = world.add_database(tenant_server, "Library", TABLES, pool=BRIEF)
    assert finds(world)
    sessions = tenant_server.execute(
        f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{saved.username}'"
    )
    assert sessions
    tenant_server.execute(*(f"KILL {number}" for (number,) in sessions))
    assert finds(world)


@pytest.mark.parametrize("fault", [Fault.BLACKHOLE, Fault.RESET, Fault.CUT], ids=str)
def test_after_the_network_was_lost(
    world: SearchWorld, tenant_server: DatabaseServer, fault: Fault
) -> None:
    proxy = FaultProxy(tenant_server.port)
    try:
        world.add_database(tenant_server, "Library", TABLES, pool=BRIEF, port=proxy.port)
        assert finds(world)
        proxy.fault = fault
        assert fails(world)
        proxy.fault = Fault.NONE
        assert finds(world)
    finally:
        proxy.close()


def test_after_the_tunnel_was_lost(world: SearchWorld, tenant_server: DatabaseServer) -> None:
    saved = world.add_database(tenant_server, "Library", TABLES, pool=BRIEF)
    password = world.connections.target_(world.actor, saved.id).password_secret
    with loopback_ssh() as ssh:
        draft = replace(
            saved.as_draft(), ssh=ssh.settings(), ssh_secret=PASSWORD, password_secret=password
        )
        world.connections.update_(world.actor, saved.id, draft)
        assert finds(world)
        ssh.drop_all()
        assert finds(world)
        world.connections.disconnect_all_(world.actor)
        assert world.connections.stats_(saved.id) is None
        assert finds(world)
        world.connections.reset_pool_(world.actor, saved.id)
        assert finds(world)


def test_a_password_that_was_changed_is_used_at_once(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    saved = world.add_database(tenant_server, "Library", TABLES, pool=BRIEF)
    assert finds(world)
    draft = replace(saved.as_draft(), password_secret="wrong")
    world.connections.update_(world.actor, saved.id, draft)
    assert fails(world)
