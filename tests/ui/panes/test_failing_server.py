"""A server is killed, stopped, restarted, full, or somebody has locked its table: the window stays
alive, says it once, and works again when the server does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.connections import Flavour, PoolSettings
from altus4_desktop.domain.searching import SourceState
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.controller import SearchState
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.session import Session
from tests import torture
from tests.breaking import MENDED_S, OPTIONS, WAYS, Breaking
from tests.event_loop import BAR_MS, Watch
from tests.search_world import search_world
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.ui.real_session import signed_in

pytestmark = pytest.mark.torture

TABLES = (
    "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft_body (body))",
    "INSERT INTO notes VALUES (1, 'laminar flow'), (2, 'turbulent wake')",
)
POOL = PoolSettings(size=2, connect_timeout_s=1, query_timeout_s=1, acquire_timeout_s=2)
FLAVOURS = [*Flavour] if torture.tortured() else [Flavour.MARIADB]


@pytest.fixture(scope="module", params=FLAVOURS, ids=str)
def server(
    request: pytest.FixtureRequest, server_factory: ServerFactory
) -> Iterator[DatabaseServer]:
    """One that may be hurt, running again after each test."""
    with running_server(server_factory, request.param, OPTIONS) as made:
        yield made


@contextlib.contextmanager
def world_of(
    server: DatabaseServer, healthy: DatabaseServer, runner: TaskRunner, folder: Path
) -> Iterator[tuple[Session, str]]:
    """A connection to the server that will be hurt, and one to another."""
    with search_world(folder) as real:
        database = real.add_database(server, "hurt", TABLES, pool=POOL).database
        real.add_database(healthy, "healthy", TABLES, pool=POOL)
        yield signed_in(real, runner, folder), database


@pytest.mark.parametrize("breaking", WAYS, ids=lambda one: one.__name__)
def test_the_window_lives_on_and_says_it_once(
    qtbot: QtBot,
    server: DatabaseServer,
    mariadb_server: DatabaseServer,
    runner: TaskRunner,
    tmp_path: Path,
    breaking: Breaking,
) -> None:
    with world_of(server, mariadb_server, runner, tmp_path / "data") as (session, database):
        pane = SearchPane(session)
        qtbot.addWidget(pane)
        pane.resize(1100, 700)
        pane.show()
        controller = pane.view.controller
        with qtbot.waitSignal(controller.connections_ready):
            pane.activated()

        def search() -> dict[str, SourceState]:
            pane.view.query.setText("turbulent")
            with qtbot.waitSignal(
                controller.state_changed,
                timeout=20_000,
                check_params_cb=lambda state: not state.running,
            ):
                pane.view.search()
            return _states(controller.state)

        assert search() == {"hurt": SourceState.OK, "healthy": SourceState.OK}
        watch = Watch()
        with breaking(server, database, "notes"):
            watch.reset()
            for _ in range(torture.times(1, 5)):
                states = search()
                assert states["healthy"] is SourceState.OK
                assert states["hurt"] in (SourceState.FAILED, SourceState.TIMED_OUT)
                # One sentence for each connection, whatever was tried on the way.
                assert len(controller.state.sources) == len(states)
                errors = [one.error for one in controller.state.sources if one.error is not None]
                assert len(errors) == 1
                assert errors[0].message
                assert errors[0].hint
            watch.look()
            gaps = [watch.worst]
        mended = time.monotonic()
        watch.reset()
        while search()["hurt"] is not SourceState.OK:
            assert time.monotonic() - mended < MENDED_S, "it does not come back"
        took_s = time.monotonic() - mended
        assert took_s < MENDED_S
        watch.look()
        gaps.append(watch.worst)
        gap = max(gaps, key=lambda one: one.own_ms)
        assert gap.own_ms < BAR_MS, gap
        watch.deleteLater()
        pane.shut()
    torture.tell(
        f"{server.flavour} {breaking.__name__}: one sentence for its connection, the event loop "
        f"away for {gap.own_ms:.0f} ms of its own at most, found again {took_s:.1f} s after it was "
        "back"
    )


def _states(state: SearchState) -> dict[str, SourceState]:
    return {report.source.connection: report.state for report in state.sources}
