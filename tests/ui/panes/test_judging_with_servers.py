"""What is judged in the window is what “evaluate --set” measures by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import log2
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from altus4_desktop.cli.frame import main
from altus4_desktop.domain.query_sets import QuerySetDraft
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.query_sets import QuerySetsService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.pane import SearchPane
from tests.search_world import EMAIL, PASSWORD, SearchWorld, search_world
from tests.servers import DatabaseServer
from tests.ui.real_session import signed_in

PASSPHRASE = "a passphrase for these tests"
NOTES = (
    "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT, FULLTEXT ft (body))",
    (
        "INSERT INTO notes VALUES (1, 'apple apple apple apple'), (2, 'apple apple apple'),"
        " (3, 'apple apple'), (4, 'pear'), (5, 'plum'), (6, 'quince'), (7, 'cherry')"
    ),
)


@pytest.fixture
def world(tmp_path: Path, tenant_server: DatabaseServer) -> Iterator[SearchWorld]:
    with search_world(tmp_path / "data", passphrase=PASSPHRASE) as made:
        made.add_database(tenant_server, "My orchard", NOTES)
        yield made


def test_what_is_judged_is_measured_by(
    qtbot: QtBot,
    world: SearchWorld,
    runner: TaskRunner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sets = QuerySetsService(world.metadata, Permissions(world.metadata))
    session = signed_in(world, runner, tmp_path / "data", query_sets=sets)
    sets.create_(world.actor, QuerySetDraft("Fruit"))
    pane = SearchPane(session)
    qtbot.addWidget(pane)
    pane.resize(1100, 700)
    pane.show()
    with qtbot.waitSignal(pane.view.controller.connections_ready):
        pane.activated()
    pane.view.query.setText("apple")
    with qtbot.waitSignal(
        pane.view.controller.state_changed,
        timeout=20_000,
        check_params_cb=lambda state: not state.running,
    ):
        pane.view.search()
    with qtbot.waitSignal(pane.judging.changed):
        pane.toggle_judging()
    qtbot.waitUntil(lambda: pane.judging.chosen is not None)
    # The server has found 1, 2, 3 in this order.
    for key in (Qt.Key.Key_1, Qt.Key.Key_0, Qt.Key.Key_3):
        qtbot.keyClick(pane.view.results.list, key)
    qtbot.waitUntil(lambda: not runner.running)
    pane.shut()
    qtbot.waitUntil(lambda: not runner.running)
    world.close_services()
    monkeypatch.setenv("ALTUS4_USER", EMAIL)
    monkeypatch.setenv("ALTUS4_PASSWORD", PASSWORD)
    monkeypatch.setenv("ALTUS4_PASSPHRASE", PASSPHRASE)
    code = main(["evaluate", "--set", "Fruit", "--json", "--data-dir", str(tmp_path / "data")])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    (run,) = json.loads(captured.out)["runs"]
    # Gains 1, 0, 7 (2 ** grade - 1), where 7, 1, 0 would be best.
    assert run["ndcg_at_10"] == pytest.approx((1 + 7 / log2(4)) / (7 + 1 / log2(3)))
    assert (run["judged"], run["queries"], run["mrr"]) == (1, 1, 1)
