"""A pane over services that answer from memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.view import SearchView
from tests.ui.world import World, build_world, make_connection, make_hit


@pytest.fixture
def runner(qapp: object) -> Iterator[TaskRunner]:
    """A task runner that has to end in time."""
    made = TaskRunner()
    yield made
    assert made.shutdown(5.0), "work was still running"
    made.deleteLater()


@pytest.fixture
def world(tmp_path: Path, runner: TaskRunner) -> World:
    """A signed-in session with two connections and thirty hits."""
    made = build_world(tmp_path, runner)
    made.connections.saved = [make_connection(1), make_connection(2)]
    made.search.hits = [make_hit(place) for place in range(1, 31)]
    return made


@pytest.fixture
def search_pane(qtbot: QtBot, world: World) -> Iterator[SearchPane]:
    """The search pane, in front, its connections known."""
    pane = SearchPane(world.session)
    qtbot.addWidget(pane)
    pane.resize(1100, 700)
    controller = pane.view.controller
    with qtbot.waitSignals([controller.connections_ready, controller.recent_ready]):
        pane.show()
        pane.activated()
    pane.focus_first()
    yield pane
    pane.shut()


@pytest.fixture
def view(search_pane: SearchPane) -> SearchView:
    """The one search in the search pane."""
    return search_pane.view


@pytest.fixture
def connections_pane(qtbot: QtBot, world: World) -> Iterator[ConnectionsPane]:
    """The connections pane, in front, the first connection's schema read."""
    pane = ConnectionsPane(world.session)
    qtbot.addWidget(pane)
    pane.resize(1100, 700)
    pane.show()
    pane.activated()
    qtbot.waitUntil(lambda: pane.card.tree_model.schema is not None)
    yield pane
    pane.shut()
