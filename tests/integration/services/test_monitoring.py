"""Looking on at real servers: what runs, what waits, what is stopped, and with how few rights."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.audit import AuditOutcome, AuditQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.domain.monitoring import ListedStatement, ServerPulse
from altus4_desktop.mysql import monitoring as mysql_monitoring
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services.monitoring import MonitoringService
from altus4_desktop.services.permissions import Permissions
from tests.search_world import SearchWorld, search_world
from tests.servers import Account, DatabaseServer
from tests.waiting import wait_until

TABLES = (
    "CREATE TABLE numbers (n INT PRIMARY KEY)",
    "INSERT INTO numbers VALUES " + ",".join(f"({number})" for number in range(100)),
    "CREATE TABLE notes (id INT KEY, title VARCHAR(99), body TEXT, FULLTEXT b (title, body))",
    "INSERT INTO notes VALUES (1, 'Wings', 'Lift and drag')",
)
SLOW = (
    "SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d, numbers e"
    " WHERE a.n + b.n + c.n + d.n + e.n = -1"
)


def until(condition: Callable[[], object]) -> None:
    """Wait for what the server is about to do."""
    wait_until(condition, timeout_s=15.0, what="the server")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path / "data") as made:
        yield made


@pytest.fixture
def monitoring(world: SearchWorld) -> Iterator[MonitoringService]:
    made = MonitoringService(
        world.metadata, world.connections, Permissions(world.metadata), TenantPools()
    )
    yield made
    made.close_()


@contextlib.contextmanager
def running(world: SearchWorld, connection: Connection, sql: str) -> Iterator[list[AltusError]]:
    """``sql`` under way on the connection, as a search has it; how it ended is in the list."""
    target = world.connections.target_(world.actor, connection.id)
    token = CancelToken()
    ends: list[AltusError] = []

    def run() -> None:
        try:
            with world.pools.borrow(target, token) as session:
                session.query(sql, tag="search-17")
        except AltusError as error:
            ends.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ends
    finally:
        token.cancel()
        thread.join(10)


def await_pulse(
    monitoring: MonitoringService,
    world: SearchWorld,
    connection: Connection,
    told: Callable[[ServerPulse], object],
) -> ServerPulse:
    """The first pulse that tells it."""
    found: list[ServerPulse] = []

    def look() -> bool:
        pulse = monitoring.read_pulse_(world.actor, connection.id)
        found.append(pulse)
        return bool(told(pulse))

    until(look)
    return found[-1]


def grant(server: DatabaseServer, connection: Connection, *rights: str) -> None:
    for right in rights:
        server.execute(f"GRANT {right} TO {connection.username}@'%'")


def test_a_server_from_before_the_newer_list_of_threads_is_watched_by_the_older(
    world: SearchWorld,
    monitoring: MonitoringService,
    mysql_server: DatabaseServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No such server can be had: the newer table is asked for by a name that none has."""
    newer = "SELECT ID FROM performance_schema.processlist_that_is_not_there WHERE 1 = 0"
    monkeypatch.setattr(mysql_monitoring, "_MAY_SEE_PROCESSES", newer)
    shop = world.add_database(mysql_server, "Shop", TABLES)
    with world.pools.borrow(
        world.connections.target_(world.actor, shop.id), CancelToken()
    ) as session:
        assert mysql_monitoring.read_access(session).processes == "information_schema.PROCESSLIST"
    with running(world, shop, SLOW):
        pulse = await_pulse(monitoring, world, shop, lambda pulse: pulse.statements)
    assert pulse.statements[0].search_id == "search-17"
    assert pulse.uptime_s > 0


def test_a_running_statement_is_seen_stopped_and_written_down(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    with running(world, shop, SLOW) as ends:
        pulse = await_pulse(monitoring, world, shop, lambda pulse: pulse.statements)
        (statement,) = pulse.statements
        assert statement.search_id == "search-17"
        assert statement.database == shop.database
        assert statement.text.startswith("SELECT COUNT(*) FROM numbers a")
        assert pulse.flavour is tenant_server.flavour
        assert pulse.threads_connected >= 2
        assert pulse.threads_running >= 1
        assert not pulse.waits
        assert monitoring.stop_statement_(world.actor, shop.id, statement)
        until(lambda: bool(ends))
        assert "stopped the statement on the server" in str(ends[0])
    await_pulse(monitoring, world, shop, lambda pulse: not pulse.statements)
    assert not monitoring.stop_statement_(world.actor, shop.id, statement)
    (record,) = world.metadata.store.audit.list_(AuditQuery(action="connection.statement_stopped"))
    assert record.event.outcome is AuditOutcome.DONE
    assert record.event.subject_id == shop.id
    assert record.event.details == {"search": "search-17", "server_thread": statement.server_id}


def test_only_statements_of_this_program_and_account_are_stopped(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    other = replace(
        ListedStatement(1, "", shop.database, 1, "", "SELECT 1"), tag="/* else */ SELECT"
    )
    with pytest.raises(TenantError) as refused:
        monitoring.stop_statement_(world.actor, shop.id, other)
    assert refused.value.failure is TenantFailure.DENIED
    # Another account's, however it is written, also for an account that may stop everything.
    grant(tenant_server, shop, "PROCESS ON *.*", "SUPER ON *.*")
    admin = tenant_server.admin(shop.database)
    thread = threading.Thread(target=lambda: _quietly(admin.query, f"/* altus4:x:1 */ {SLOW}"))
    thread.start()
    try:
        (thread_id,) = wait_for_rows(tenant_server, "/* altus4:x:1 */")
        pulse = monitoring.read_pulse_(world.actor, shop.id)
        assert pulse.statements == ()
        forged = ListedStatement(thread_id, "/* altus4:x:1 */", shop.database, 1, "", SLOW)
        assert not monitoring.stop_statement_(world.actor, shop.id, forged)
        assert wait_for_rows(tenant_server, "/* altus4:x:1 */") == [thread_id]
    finally:
        tenant_server.execute(f"KILL QUERY {thread_id}")
        thread.join(10)
        admin.close()


def _quietly(call: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(Exception):
        call(text)


def wait_for_rows(server: DatabaseServer, text: str) -> list[int]:
    found: list[int] = []

    def look() -> bool:
        rows = server.execute("SHOW FULL PROCESSLIST")
        found[:] = [int(str(row[0])) for row in rows if str(row[7]).startswith(text)]
        return bool(found)

    until(look)
    return found


@contextlib.contextmanager
def waiting_for_a_lock(
    world: SearchWorld, server: DatabaseServer, connection: Connection
) -> Iterator[None]:
    """A search that waits because somebody has the table locked."""
    admin = server.admin(connection.database)
    try:
        admin.query("LOCK TABLES notes WRITE")
        with running(world, connection, "SELECT COUNT(*) FROM notes"):
            yield
    finally:
        admin.close()


def test_who_waits_for_a_metadata_lock_is_seen(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    with waiting_for_a_lock(world, tenant_server, shop):
        pulse = await_pulse(monitoring, world, shop, lambda pulse: pulse.waits)
        (wait,) = pulse.waits
        assert wait.username == shop.username
        assert "notes" in wait.text
        assert wait.holders is None
        assert [statement.server_id for statement in pulse.statements] == [wait.server_id]
    unseen = " ".join(remark.text for remark in monitoring.read_facts_(world.actor, shop.id).unseen)
    mysql = tenant_server.flavour is Flavour.MYSQL
    assert ("SELECT on performance_schema.metadata_locks" in unseen) is mysql
    assert ("performance_schema is off" in unseen) is not mysql


def test_for_whom_somebody_waits_is_seen_with_the_right_to(
    world: SearchWorld, monitoring: MonitoringService, mysql_server: DatabaseServer
) -> None:
    shop = world.add_database(mysql_server, "Shop", TABLES)
    grant(mysql_server, shop, "SELECT ON performance_schema.*", "PROCESS ON *.*")
    with waiting_for_a_lock(world, mysql_server, shop):
        pulse = await_pulse(
            monitoring, world, shop, lambda pulse: pulse.waits and pulse.waits[0].holders
        )
        (holder,) = pulse.waits[0].holders or ()
        assert holder.table == f"{shop.database}.notes"
        assert holder.username == "root"
        assert holder.lock == "SHARED_NO_READ_WRITE"
    assert monitoring.read_facts_(world.actor, shop.id).unseen == ()


def test_facts_with_few_rights_and_with_more(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    facts = monitoring.read_facts_(world.actor, shop.id)
    (index,) = facts.indexes
    assert (index.table, index.name, index.columns) == ("notes", "b", ("title", "body"))
    assert index.size_bytes is None
    assert index.pages is None
    assert "PROCESS" in facts.unseen[0].text
    assert not facts.slow_log.enabled
    assert facts.slow_log.file
    assert facts.slow_log.statement.splitlines() == [
        "SET GLOBAL slow_query_log = 'ON';",
        "SET GLOBAL long_query_time = 1;",
    ]
    grant(tenant_server, shop, "PROCESS ON *.*")
    # What is granted on everything holds for new sessions.
    world.connections.reset_()
    (index,) = monitoring.read_facts_(world.actor, shop.id).indexes
    assert (index.size_bytes or 0) > 0
    assert index.pages == -(-(index.size_bytes or 0) // 16384)


def test_the_statement_that_is_shown_turns_the_slow_query_log_on(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    before = monitoring.read_facts_(world.actor, shop.id).slow_log
    try:
        tenant_server.execute(*before.statement.removesuffix(";").split(";\n"))
        after = monitoring.read_facts_(world.actor, shop.id).slow_log
        assert after.enabled
        assert after.threshold_s == 1.0
        assert after.statement == ""
    finally:
        tenant_server.execute(
            "SET GLOBAL slow_query_log = 'OFF'", f"SET GLOBAL long_query_time={before.threshold_s}"
        )


def test_a_tick_is_one_statement_on_a_session_of_its_own(
    world: SearchWorld, monitoring: MonitoringService, tenant_server: DatabaseServer
) -> None:
    shop = world.add_database(tenant_server, "Shop", TABLES)
    monitoring.read_pulse_(world.actor, shop.id)
    account = Account(shop.username, "")

    def asked() -> int:
        rows = tenant_server.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        return int(str(rows[0][1]))

    before = asked()
    for _ in range(5):
        monitoring.read_pulse_(world.actor, shop.id)
    assert asked() - before == 5
    assert world.connections.stats_(shop.id) is None
    threads = tenant_server.execute("SHOW FULL PROCESSLIST")
    assert sum(row[1] == account.username for row in threads) == 1


def test_the_lock_and_a_changed_connection_close_the_sessions(
    world: SearchWorld, monitoring: MonitoringService, mariadb_server: DatabaseServer
) -> None:
    shop = world.add_database(mariadb_server, "Shop", TABLES)
    world.connections.schema_(world.actor, shop.id)
    (pool,) = monitoring.sample_pools_(world.actor, 1.0)
    assert pool.stats is not None
    assert [point.idle for run in pool.runs for point in run] == [1]
    monitoring.read_pulse_(world.actor, shop.id)
    world.connections.reset_()
    until(
        lambda: all(
            row[1] != shop.username for row in mariadb_server.execute("SHOW FULL PROCESSLIST")
        )
    )
    (pool,) = monitoring.sample_pools_(world.actor, 1.0)
    assert pool.runs == ()
