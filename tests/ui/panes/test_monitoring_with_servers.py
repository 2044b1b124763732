"""The monitoring pane over the real service and a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services.monitoring import MonitoringService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.monitoring.detail import STATEMENTS
from altus4_desktop.ui.panes.monitoring.pane import MonitoringPane
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer
from tests.ui.real_session import signed_in

TABLES = (
    "CREATE TABLE numbers (n INT PRIMARY KEY)",
    "INSERT INTO numbers VALUES " + ",".join(f"({number})" for number in range(100)),
)
SLOW = (
    "SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d, numbers e"
    " WHERE a.n + b.n + c.n + d.n + e.n = -1"
)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path / "data") as made:
        yield made


@pytest.fixture
def pane(
    qtbot: QtBot, real: SearchWorld, runner: TaskRunner, tmp_path: Path
) -> Iterator[MonitoringPane]:
    """The pane, not shown yet."""
    monitoring = MonitoringService(
        real.metadata, real.connections, Permissions(real.metadata), TenantPools()
    )
    session = signed_in(real, runner, tmp_path / "data", monitoring=monitoring)
    made = MonitoringPane(session)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    yield made
    made.shut()
    qtbot.waitUntil(lambda: not runner.running)
    monitoring.close_()


def asked(server: DatabaseServer) -> int:
    """How many SELECTs the server has run."""
    return int(str(server.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1]))


def test_a_hidden_pane_sends_no_query(
    qtbot: QtBot,
    pane: MonitoringPane,
    real: SearchWorld,
    runner: TaskRunner,
    mariadb_server: DatabaseServer,
) -> None:
    real.add_database(mariadb_server, "Library", TABLES)
    before = asked(mariadb_server)
    assert pane.watcher.every_s == 5
    pane.show()
    qtbot.waitUntil(lambda: bool(pane.detail.overview.statement.toPlainText()), timeout=15_000)
    assert "MariaDB" in pane.detail.overview.version.text()
    assert asked(mariadb_server) > before
    pane.hide()
    qtbot.waitUntil(lambda: not runner.running)
    before = asked(mariadb_server)
    for _ in range(5):
        pane.watcher._clock.timeout.emit()
        pane.refresh()
    qtbot.waitUntil(lambda: not runner.running)
    assert asked(mariadb_server) == before


def test_a_search_is_seen_and_stopped(
    qtbot: QtBot, pane: MonitoringPane, real: SearchWorld, mysql_server: DatabaseServer
) -> None:
    shop = real.add_database(mysql_server, "Shop", TABLES)
    target, token = real.connections.target_(real.actor, shop.id), CancelToken()
    ends: list[str] = []

    def run() -> None:
        try:
            with real.pools.borrow(target, token) as session:
                session.query(SLOW, tag="a-search")
        except AltusError as error:
            ends.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        pane.every.setValue(1)
        pane.show()
        page = pane.detail.statements
        qtbot.waitUntil(lambda: bool(page.model.records), timeout=15_000)
        assert page.model.records[0].search_id == "a-search"
        assert pane.model.records[0].pool.stats is not None
        pane.detail.show_page(STATEMENTS)
        page.table.selectRow(0)
        qtbot.mouseClick(page.stop_button, Qt.MouseButton.LeftButton)
        dialog = pane.findChild(ConfirmDialog)
        assert dialog is not None
        qtbot.mouseClick(dialog.action_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: bool(ends), timeout=15_000)
        assert ends == ["Somebody stopped the statement on the server."]
        qtbot.waitUntil(lambda: not page.model.records, timeout=15_000)
    finally:
        token.cancel()
        thread.join(10)
