"""Names that look like statements, queries that look like nothing, and rows that look like pages:
searched as every other, and not one statement more is sent than the services built."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.constants import COMMAND
from pymysql.constants.ER import TOO_LONG_IDENT

from altus4_desktop.domain.connections import PoolSettings
from altus4_desktop.domain.errors import InputError, QuerySyntaxError
from altus4_desktop.domain.filtering import ColumnFilter, ColumnOrder, Narrowing, Operator
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceState,
    TableChoice,
)
from altus4_desktop.driver.wire import WireConnection
from tests import torture
from tests.integration.search.test_language import generated
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer

pytestmark = pytest.mark.torture

# A database of its own for so many names.
BATCH = 20
_PARTS = [
    *("`", "``", "%", "%%", "%s", "%(a)s", ";", "'", '"', "\\", "--", "-- ", "#", "/*", "*/"),
    *("/*!", "`; DROP TABLE t; --", "' OR '1'='1", "a", "B", "_", ".", "..", "/", " x", "(", ")"),
    *(",", "@", "é", "製品", "\u202e", "\u200b", "\t", "\n", "{0}", ":a", "?", "$", "<b>", "NULL"),
]
# A table's file, in whose name every odd character takes five.
_TOO_LONG = {TOO_LONG_IDENT, 1005, 1030, 3680}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path / "data") as made:
        yield made


# -- identifiers ---------------------------------------------------------------------------------


def nasty_names(dice: random.Random) -> Iterator[str]:
    """Identifiers of 1 to 64 characters that a server takes and nobody would write."""
    while True:
        name = "".join(dice.choice(_PARTS) for _ in range(dice.randint(1, 12)))
        name = name[: dice.choice((64, 64, 30, 8))].rstrip()
        if name:
            yield name + "x" * (64 - len(name)) if dice.random() < 0.1 else name


@dataclass
class Watch:
    """What was sent by us, and what the server says it was sent."""

    server: DatabaseServer
    username: str
    sent: Counter[str]

    def check(self) -> int:
        """Compare; returns how many statements there were."""
        rows = self.server.execute(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log"
            f" WHERE command_type = 'Query' AND user_host LIKE '{self.username}%'"
        )
        logged = Counter(str(row[0]) for row in rows)
        assert logged == self.sent
        for text in logged:
            assert text.startswith(("/* altus4:", "SET ")), text
        return logged.total()


@contextmanager
def watched(
    server: DatabaseServer, username: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watch]:
    """Writes down every statement of ``username``, on both ends of the line."""
    watch = Watch(server, username, Counter())
    execute = WireConnection._execute_command

    def note(self: WireConnection, command: int, sql: Any) -> None:
        if command == COMMAND.COM_QUERY and self.user == username.encode():
            data = sql.encode("utf-8", "surrogateescape") if isinstance(sql, str) else bytes(sql)
            watch.sent[data.decode()] += 1
        execute(self, command, sql)

    monkeypatch.setattr(WireConnection, "_execute_command", note)
    server.execute(
        "SET GLOBAL log_output = 'TABLE'",
        "TRUNCATE mysql.general_log",
        "SET GLOBAL general_log = ON",
    )
    try:
        yield watch
    finally:
        server.execute("SET GLOBAL general_log = OFF")


def create_tables(server: DatabaseServer, database: str, names: Iterator[str]) -> list[str]:
    """Tables, each with a column and an index of its own name."""
    made: list[str] = []
    with closing(server.admin(database)) as connection, connection.cursor() as cursor:
        while len(made) < BATCH:
            name = next(names)
            if name in made:
                continue
            quoted = "`" + name.replace("`", "``") + "`"
            try:
                cursor.execute(
                    f"CREATE TABLE {quoted} (id INT PRIMARY KEY, {quoted} TEXT,"
                    f" FULLTEXT {quoted} ({quoted}))"
                )
            except pymysql.err.MySQLError as error:
                if error.args[0] not in _TOO_LONG:
                    raise
                continue
            cursor.execute(f"INSERT INTO {quoted} VALUES (1, 'needle in a haystack'), (2, 'hay')")
            made.append(name)
    return made


def test_no_name_becomes_a_statement(
    world: SearchWorld, tenant_server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = nasty_names(torture.dice(f"names on {tenant_server.flavour}"))
    batches = torture.times(1, 1_000 // BATCH)
    statements = 0
    for batch in range(batches):
        saved = world.add_database(
            tenant_server, f"{tenant_server.flavour} {batch}", (), pool=PoolSettings(size=2)
        )
        made = create_tables(tenant_server, saved.database, names)
        with watched(tenant_server, saved.username, monkeypatch) as watch:
            for mode in (SearchMode.NATURAL, SearchMode.BOOLEAN, SearchMode.SEMANTIC):
                outcome = world.run("needle", mode, connection_ids=(saved.id,), limit=100)
                assert _states(outcome) == {SourceState.OK}
                found = {hit.source.table: hit for hit in outcome.hits}
                assert {*found} == {*made}, mode
            for name, hit in found.items():
                assert hit.columns[name] == "needle in a haystack"
                assert world.search.read_row(world.actor, hit)[name] == "needle in a haystack"
            for name in made[:: max(1, BATCH // 5)]:
                _narrow(world, saved.id, name)
            world.connections.disconnect_all_(world.actor)
        statements += watch.check()
        world.connections.delete_(world.actor, saved.id)
    torture.tell(
        f"{tenant_server.flavour}: {batches * BATCH} nasty identifiers, {statements} statements in "
        "the general log, each one that was sent: 0 others"
    )


def _narrow(world: SearchWorld, connection_id: str, name: str) -> None:
    narrowing = Narrowing(
        (ColumnFilter(name, Operator.CONTAINS, ("needle",)),), ColumnOrder(name), 0.0
    )
    request = SearchRequest(
        "needle",
        connection_ids=(connection_id,),
        tables=(TableChoice(name, connection_id),),
        narrowing=narrowing,
    )
    outcome = world.search.run(world.actor, request)
    assert _states(outcome) == {SourceState.OK}
    assert [hit.columns[name] for hit in outcome.hits] == ["needle in a haystack"]
    assert world.search.explain(world.actor, request, outcome.hits[0]).terms
    world.search.count_facets(world.actor, request)
    (source,) = outcome.sources
    world.search.plan(world.actor, outcome, source.source)


def _states(outcome: SearchOutcome) -> set[SourceState]:
    assert [report.error for report in outcome.sources] == [None] * len(outcome.sources)
    return {report.state for report in outcome.sources}


# -- queries -------------------------------------------------------------------------------------


def test_every_query_is_answered_or_refused(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    saved = world.add_database(
        tenant_server,
        f"{tenant_server.flavour} queries",
        (
            "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft_body (body))",
            "INSERT INTO notes VALUES (1, 'foo bar baz the a 123 é 中文 node.js'), (2, 'other')",
        ),
    )
    count = torture.times(40, 20_000)
    ended: Counter[str] = Counter()
    for query in generated(torture.dice("queries").randrange(2**32), count):
        for mode in (SearchMode.NATURAL, SearchMode.BOOLEAN, SearchMode.SEMANTIC):
            try:
                outcome = world.run(query, mode, connection_ids=(saved.id,))
            except (InputError, QuerySyntaxError):
                ended["refused"] += 1
                continue
            assert outcome.finished
            assert _states(outcome) <= {SourceState.OK}, query
            ended["answered"] += 1
        torture.tidy()
    world.connections.delete_(world.actor, saved.id)
    assert ended["answered"] > count
    torture.tell(
        f"{tenant_server.flavour}: {count} queries in 3 modes: {ended['answered']} answered, "
        f"{ended['refused']} refused with a sentence, 0 others"
    )


# -- rows ----------------------------------------------------------------------------------------

_HOSTILE = {
    1: "'needle <img src=\"http://127.0.0.1:9/x.png\"><script>alert(1)</script> &amp; <b>bold</b>'",
    2: "CONCAT('needle ', REPEAT('x', 16777216))",
    3: "CONCAT('needle ', CHAR(0 USING utf8mb4), ' after')",
    4: "'needle \u202egnp.exe \u2066\u200f'",
    5: "CONCAT('needle {\"a\":', REPEAT('[', 100000), REPEAT(']', 100000), '}')",
    6: "'needle file:///etc/hostname \\\\\\\\server\\\\share'",
    7: "CONCAT('needle ', REPEAT('\u0301', 5000))",
}


def test_hostile_rows_are_found_and_reach_for_nothing(
    world: SearchWorld, tenant_server: DatabaseServer
) -> None:
    tenant_server.execute("SET GLOBAL max_allowed_packet = 67108864")
    rows = ", ".join(
        f"({number}, {text}, x'c328a0ff00', x'e9ff80', '[1, 2]')"
        for number, text in _HOSTILE.items()
    )
    saved = world.add_database(
        tenant_server,
        f"{tenant_server.flavour} rows",
        (
            """
            CREATE TABLE rows_ (id INT PRIMARY KEY, body LONGTEXT, raw BLOB, old VARBINARY(20),
            doc JSON, FULLTEXT ft_body (body)) DEFAULT CHARSET utf8mb4
            """,
            f"INSERT INTO rows_ VALUES {rows}",
        ),
    )
    reached: list[str] = []
    with _auditing(reached):
        for mode in (SearchMode.NATURAL, SearchMode.BOOLEAN, SearchMode.SEMANTIC):
            outcome = world.run("needle", mode, connection_ids=(saved.id,))
            assert _states(outcome) == {SourceState.OK}
            assert {hit.key["id"] for hit in outcome.hits} == {*_HOSTILE}
            # A list is no place for sixteen megabytes.
            assert all(len(hit.snippet) < 2_000 for hit in outcome.hits)
            assert sum(len(str(hit.columns["body"])) for hit in outcome.hits) < 5_000_000
        hits = {hit.key["id"]: hit for hit in outcome.hits}
        whole = world.search.read_row(world.actor, hits[2])["body"]
        assert isinstance(whole, str)
        assert len(whole) == 16_777_216 + len("needle ")
        assert world.search.read_row(world.actor, hits[3])["body"] == "needle \0 after"
        world.search.explain(world.actor, SearchRequest("needle"), hits[1])
    assert reached == []
    world.connections.delete_(world.actor, saved.id)


@contextmanager
def _auditing(reached: list[str]) -> Iterator[None]:
    """Every file and address that a row could have led to."""
    on = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not on:
            return
        if event == "socket.connect" and str(arguments[1]).find("', 9)") >= 0:
            reached.append(str(arguments[1]))
        elif event == "open" and str(arguments[0]).startswith(("/etc/hostname", "\\\\")):
            reached.append(str(arguments[0]))

    # A hook stays for ever; this one looks away afterwards.
    sys.addaudithook(hook)
    try:
        yield
    finally:
        on = False
