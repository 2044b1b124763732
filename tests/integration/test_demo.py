"""The demo, really opened: real text, planted traps, and repaired whatever was killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.converters import conversions

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Environment, Flavour
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchMode, SearchOutcome, SearchRequest, SourceState
from altus4_desktop.mysql.sample_traps import LARGE_CELL_CHARACTERS, LARGEST_DECIMAL, ODD_TABLE
from altus4_desktop.services import Services
from altus4_desktop.services.sample_python import python_sources
from tests.servers import PROJECT, find_programs

# Values are compared as the server prints them.
_AS_PRINTED: Any = {kind: code for kind, code in conversions.items() if not isinstance(kind, int)}
_PASSPHRASE = "a passphrase of the tests"


@dataclass
class OpenDemo:
    """The demo on one flavour, and what was said while it was opened."""

    services: Services
    actor: Actor
    flavour: Flavour
    told: list[Progress]

    def connect(self, database: str) -> pymysql.connections.Connection:
        endpoint = self.services.local_server.open_endpoint()
        return pymysql.connect(
            host=endpoint.host,
            port=endpoint.port,
            user=endpoint.username,
            password=endpoint.password_secret,
            database=database,
            charset="utf8mb4",
            conv=_AS_PRINTED,
        )

    def rows(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def admin(self, *statements: str) -> None:
        target = self.services.local_server.admin_target()
        with (
            pymysql.connect(
                unix_socket=target.host, user=target.username, password=target.password_secret
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def search(self, query: str, mode: SearchMode = SearchMode.NATURAL) -> SearchOutcome:
        return self.services.search.run(self.actor, SearchRequest(query, mode), None, CancelToken())


def _services(data_dir: Path, flavour: Flavour) -> Services:
    services = compose(data_dir, None)
    services.settings.server_program = str(find_programs(flavour).server)
    return services


@pytest.fixture(scope="module", params=[Flavour.MARIADB, Flavour.MYSQL], ids=str)
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenDemo]:
    flavour: Flavour = request.param
    services = _services(tmp_path_factory.mktemp(f"demo-{flavour}"), flavour)
    told: list[Progress] = []
    with contextlib.closing(services):
        actor = services.demo.open_(told.append)
        opened = OpenDemo(services, actor, flavour, told)
        # Pools and history start their threads with the first search, and keep them.
        opened.search("lighthouse")
        yield opened


def test_it_is_opened_from_nothing_and_says_what_it_does(demo: OpenDemo) -> None:
    assert demo.actor.is_demo
    assert demo.actor.role is Role.ADMIN
    shares = [step.fraction for step in demo.told]
    assert None not in shares
    assert shares == sorted(shares, key=lambda share: share or 0.0)
    assert shares[-1] == 1.0
    messages = [step.message for step in demo.told]
    assert any("No keyring works here" in message for message in messages)
    assert sum("python_library" in message for message in messages) > 10


def test_it_holds_enough_real_text(demo: OpenDemo) -> None:
    tables = {
        (table.database, table.table): table.rows for table in demo.services.demo.list_tables()
    }
    real = {place: rows for place, rows in tables.items() if place[0] != "planted_traps"}
    assert sum(real.values()) >= 15_000
    assert all(real.values())
    assert len({database for database, _ in real}) == 3
    indexes = [
        (database, index.name, table.name)
        for connection in demo.services.connections.list_(demo.actor)
        for database in [connection.database]
        for table in demo.services.connections.schema_(
            demo.actor, connection.id, CancelToken()
        ).tables
        for index in table.fulltext_indexes
    ]
    assert len([index for index in indexes if index[0] != "planted_traps"]) >= 10
    assert len([index for index in indexes if index[2] == "functions"]) == 2


def test_four_connections_are_saved_and_none_claims_to_be_production(demo: OpenDemo) -> None:
    connections = demo.services.connections.list_(demo.actor)
    assert {connection.name for connection in connections} == {
        "Python library",
        "Language reference",
        "Installed packages",
        "Planted traps",
    }
    assert {connection.environment for connection in connections} == {
        Environment.DEV,
        Environment.TEST,
    }
    assert all(connection.managed for connection in connections)
    assert {connection.username for connection in connections} == {"altus4_search"}


def test_a_search_finds_text_of_this_machine(demo: OpenDemo) -> None:
    outcome = demo.search("serialize an object to a JSON formatted string")
    assert {report.state for report in outcome.sources} == {SourceState.OK}
    assert len(outcome.sources) >= 19
    assert "json.dumps" in {hit.columns.get("title") for hit in outcome.hits}
    assert demo.search("+lighthouse +keeper", SearchMode.BOOLEAN).hits


def test_opening_it_again_loads_nothing(demo: OpenDemo) -> None:
    before = {connection.id for connection in demo.services.connections.list_(demo.actor)}
    told: list[Progress] = []
    actor = demo.services.demo.open_(told.append)
    assert actor == demo.actor
    assert not [step for step in told if "Loading" in step.message or "Reading" in step.message]
    assert {connection.id for connection in demo.services.connections.list_(actor)} == before


def test_only_what_is_missing_is_made_anew(demo: OpenDemo) -> None:
    demo.admin(
        "DROP DATABASE language_reference",
        "DELETE FROM altus4_demo.loads WHERE name = 'planted_traps'",
    )
    told: list[Progress] = []
    demo.services.demo.open_(told.append)
    loaded = {step.message.split()[1].rstrip(":") for step in told if "Loading" in step.message}
    assert loaded == {"language_reference", "planted_traps"}
    assert demo.rows("language_reference", "SELECT COUNT(*) FROM topics")[0][0] > "50"


def test_trap_numbers_are_exact(demo: OpenDemo) -> None:
    values = {
        row[0]: row[1:]
        for row in demo.rows(
            "planted_traps",
            "SELECT id, big, big_unsigned, exact, day, moment, stamp, span, year_only, "
            "BIN(bits), BIN(one_bit), document, HEX(raw), choice, choices FROM exact_values",
        )
    }
    assert values["1"][:2] == ("9007199254740993", "18446744073709551615")
    assert Decimal(values["1"][2]) == LARGEST_DECIMAL
    assert values["1"][3:8] == (
        "2024-02-29",
        "2024-02-29 23:59:59.999999",
        "2038-01-19 03:14:07",
        "838:59:59.000000",
        "2155",
    )
    assert values["1"][8:10] == ("1" * 64, "1")
    assert json.loads(values["1"][10]) == {"n": 9007199254740993, "text": "größe"}
    assert values["1"][11:] == ("00FFFE80726177", "yes", "red,blue")
    assert values["2"][0] == "-9223372036854775808"
    assert Decimal(values["2"][2]) == LARGEST_DECIMAL.copy_negate()
    assert values["3"][3:6] == (
        "0000-00-00",
        "0000-00-00 00:00:00.000000",
        "0000-00-00 00:00:00",
    )
    assert set(values["4"]) == {None}
    assert {"9007199254740993", "9007199254740994"} <= set(values)


def test_trap_texts_are_exact(demo: OpenDemo) -> None:
    texts = dict(demo.rows("planted_traps", "SELECT title, body FROM trap_texts"))
    assert texts["Trap: NULL"] is None
    assert texts["Trap: empty"] == ""
    assert texts["Trap: the word NULL"] == "NULL"
    assert "👨‍👩‍👧‍👦" in texts["Trap: emoji"]
    assert "\x00" in texts["Trap: control characters"]
    assert "<script>" in texts["Trap: HTML in a cell"]
    assert len(texts["Trap: a cell of five megabytes"]) == LARGE_CELL_CHARACTERS
    asian = {row[0] for row in demo.rows("planted_traps", "SELECT body FROM asian_texts")}
    assert any("全文検索" in body for body in asian)
    [created] = demo.rows("planted_traps", "SHOW CREATE TABLE asian_texts")
    assert ("ngram" in created[1]) is (demo.flavour is Flavour.MYSQL)
    odd = "`" + ODD_TABLE.replace("`", "``") + "`"
    assert demo.rows("planted_traps", f"SELECT `na``me`, `100 %(x)s`, `größe` FROM {odd}")
    assert demo.rows("planted_traps", "SELECT COUNT(*) FROM trap_titles") == [("19",)]


def test_asian_text_is_found_where_the_server_can(demo: OpenDemo) -> None:
    hits = demo.search("数据库").hits
    assert bool(hits) is (demo.flavour is Flavour.MYSQL)


def test_threads_that_need_it_at_once_start_one_server(demo: OpenDemo) -> None:
    demo.services.local_server.stop()
    ports: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: ports.append(demo.services.local_server.open_endpoint().port)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ports) == 4
    assert len(set(ports)) == 1


def test_it_leaves_no_password_behind(demo: OpenDemo) -> None:
    secrets = [
        demo.services.local_server.open_endpoint().password_secret.encode(),
        demo.services.local_server.admin_target().password_secret.encode(),
    ]
    demo.services.local_server.stop()
    seen = [path for path in demo.services.data_dir.rglob("*") if path.is_file()]
    assert len(seen) > 50
    assert [path for path in seen if any(secret in path.read_bytes() for secret in secrets)] == []


@pytest.fixture
def one_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Services]]:
    """Opens programs on one folder; their library is short, so that loading takes no time."""
    paths = python_sources()
    short = [path for path in paths if path.parent == paths[0].parent][:30]
    monkeypatch.setattr("altus4_desktop.services.sample_python.python_sources", lambda: short)
    opened: list[Services] = []

    def open_services() -> Services:
        services = _services(tmp_path / "home", Flavour.MARIADB)
        opened.append(services)
        return services

    yield open_services
    for services in opened:
        services.close()


def test_a_load_that_was_killed_is_repaired(
    one_home: Callable[[], Services], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            str(PROJECT / "tests" / "integration" / "local_server_child.py"),
            str(tmp_path / "home"),
            str(find_programs(Flavour.MARIADB).server),
            "tell-load",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(PROJECT), ALTUS4_PASSPHRASE=_PASSPHRASE),
        text=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            words = json.loads(line)["progress"].split()
            if words[0] == "Loading" and int(words[2].replace(",", "")) > 2_000:
                break
        child.kill()
    services = one_home()
    told: list[Progress] = []
    services.demo.open_(told.append, passphrase=lambda: _PASSPHRASE)
    assert not [step for step in told if "Preparing" in step.message], "the server was not kept"
    rows = {table.table: table.rows for table in services.demo.list_tables()}
    assert rows["modules"] > 30
    assert rows["functions"] > 1_000
    assert rows["topics"] > 50


def test_a_load_that_is_given_up_stops_at_once_and_is_finished_later(
    one_home: Callable[[], Services],
) -> None:
    services = one_home()
    token = CancelToken()
    after: list[str] = []

    def give_up(step: Progress) -> None:
        if token.cancelled:
            after.append(step.message)
        elif step.message.startswith("Loading python_library"):
            token.cancel()

    with pytest.raises(Cancelled):
        services.demo.open_(give_up, token)
    assert after == []
    assert services.connections.list_(services.accounts.open_demo_account()) == []
    actor = services.demo.open_()
    assert len(services.connections.list_(actor)) == 4


def test_a_reset_brings_everything_back(one_home: Callable[[], Services]) -> None:
    services = one_home()
    actor = services.demo.open_()
    demo = OpenDemo(services, actor, Flavour.MARIADB, [])
    demo.admin("DELETE FROM python_library.modules")
    before = {connection.id for connection in services.connections.list_(actor)}
    assert services.demo.reset_() == actor
    assert demo.rows("python_library", "SELECT COUNT(*) FROM modules")[0][0] > "1"
    assert {connection.id for connection in services.connections.list_(actor)} == before
    assert demo.search("lighthouse").hits


def test_the_next_program_starts_the_server_on_demand_and_stops_it(
    one_home: Callable[[], Services],
) -> None:
    first = one_home()
    first.demo.open_(passphrase=lambda: _PASSPHRASE)
    first.close()
    assert not first.local_server.state().running
    second = one_home()
    second.metadata.open_()
    second.vault.unlock(_PASSPHRASE)
    actor = second.accounts.open_demo_account()
    outcome = second.search.run(actor, SearchRequest("lighthouse"), None, CancelToken())
    assert outcome.hits
    assert second.local_server.state().running
    second.close()
    assert not second.local_server.state().running
