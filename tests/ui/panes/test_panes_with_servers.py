"""Both panes over the real services and real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.searching import SourceState
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from altus4_desktop.ui.panes.search.controller import Phase
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.search.view import SearchView
from altus4_desktop.ui.session import Session
from tests.search_world import SearchWorld, search_world
from tests.servers import DatabaseServer, free_port
from tests.ui.real_session import signed_in

TABLES = (
    """
    CREATE TABLE articles (
        id BIGINT PRIMARY KEY, title VARCHAR(200), body MEDIUMTEXT, price DECIMAL(65,30),
        changed_at TIMESTAMP NULL, FULLTEXT ft_all (title, body)
    ) DEFAULT CHARSET utf8mb4
    """,
    "CREATE TABLE settings (id INT PRIMARY KEY, name TEXT)",
    """
    INSERT INTO articles VALUES
        (9007199254740993, 'Reading files', 'How to read a file <b>line</b> by line',
         0.100000000000000000000000000001, '2026-03-04 05:06:07'),
        (2, 'Writing files', '', NULL, NULL),
        (3, 'Big file', CONCAT('file ', REPEAT('x', 100000)), 1, NULL)
    """,
)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[SearchWorld]:
    """The services over a data folder of their own."""
    with search_world(tmp_path / "data") as made:
        yield made


@pytest.fixture
def session(real: SearchWorld, runner: TaskRunner, tmp_path: Path) -> Session:
    """Signed in to the real services."""
    return signed_in(real, runner, tmp_path / "data")


@pytest.fixture
def pane(
    qtbot: QtBot, session: Session, tenant_server: DatabaseServer, real: SearchWorld
) -> Iterator[SearchView]:
    """The search pane over one real database."""
    real.add_database(tenant_server, "Library", TABLES)
    made = SearchPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    with qtbot.waitSignal(made.view.controller.connections_ready):
        made.activated()
    yield made.view
    made.shut()


def search(qtbot: QtBot, pane: SearchView, text: str) -> None:
    pane.query.setText(text)
    with qtbot.waitSignal(
        pane.controller.state_changed,
        timeout=20_000,
        check_params_cb=lambda state: not state.running,
    ):
        pane.search()


def test_a_search_is_read_copied_and_loaded_in_full(
    qtbot: QtBot, pane: SearchView, real: SearchWorld
) -> None:
    search(qtbot, pane, "file line")
    assert pane.controller.state.phase is Phase.ROWS
    titles = [pane.results.hits.row_at(row).title for row in range(pane.results.hits.rowCount())]
    assert titles[0] == "Reading files"
    assert "<b>line</b>" in pane.results.detail.reader.text.toPlainText()

    qtbot.waitUntil(lambda: "varchar" in str(pane.results.detail.cells.cell_at(1).info))
    place = titles.index("Big file")
    pane.results.list.setCurrentIndex(pane.results.hits.index(place))
    pane.results.detail.table.setCurrentIndex(pane.results.detail.cells.index(2, 1))
    qtbot.mouseClick(pane.results.detail.reader.load, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not pane.results.detail.reader.load.isVisible(), timeout=10_000)
    whole = "file " + "x" * 100_000

    def is_whole() -> bool:
        return pane.results.detail.reader.text.toPlainText().replace("\n", "") == whole

    # A large value is put in piece by piece.
    qtbot.waitUntil(is_whole, timeout=10_000)

    pane.results.list.setCurrentIndex(pane.results.hits.index(0))
    with qtbot.waitSignal(pane.controller.copy_ready) as copied:
        pane.copy_tsv()
    line = copied.args[0].splitlines()[1].split("\t")
    assert line[2] == "9007199254740993"
    assert line[5] == "0.100000000000000000000000000001"
    assert line[6] == "2026-03-04 05:06:07"


def test_stop_ends_a_blocked_statement_and_the_connection_lives_on(
    qtbot: QtBot, pane: SearchView, real: SearchWorld, tenant_server: DatabaseServer
) -> None:
    search(qtbot, pane, "file")
    [(_, database)] = real.databases
    holder = tenant_server.admin(database)
    try:
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLES articles WRITE")
        pane.query.setText("file again")
        pane.search()
        qtbot.waitUntil(
            lambda: any(
                r.state is SourceState.RUNNING for r in pane.results.sources.sources.reports
            ),
            timeout=10_000,
        )
        began = time.monotonic()
        qtbot.mouseClick(pane.query_box.stop_button, Qt.MouseButton.LeftButton)
        assert pane.results.foot.summary.text() == "Stopping…"
        qtbot.waitUntil(lambda: not pane.controller.state.running, timeout=10_000)
        assert time.monotonic() - began < 2.0
        assert pane.results.foot.summary.text() == "Stopped, 0 hits so far"
    finally:
        holder.close()
    search(qtbot, pane, "file")
    assert pane.results.hits.rowCount() == 2


def test_a_dead_source_fails_beside_the_hits_of_the_others(
    qtbot: QtBot, pane: SearchView, real: SearchWorld, tenant_server: DatabaseServer
) -> None:
    [(server, database)] = real.databases
    account = server.create_search_account(database)
    real.add_connection("127.0.0.1", free_port(), "Gone", database, account)
    search(qtbot, pane, "file")
    assert pane.results.hits.rowCount() == 2
    states = {r.source.connection: r.state for r in pane.results.sources.sources.reports}
    assert states == {"Library": SourceState.OK, "Gone": SourceState.FAILED}
    assert pane.results.sources.sources.reports[0].source.connection == "Gone"


def test_refused_boolean_text_never_reaches_the_server(qtbot: QtBot, pane: SearchView) -> None:
    pane.options.mode.set_key("boolean")
    search(qtbot, pane, "read +")
    assert pane.note.isVisible()
    assert pane.query.selectedText() == "+"
    button = pane.findChild(QPushButton, "search.note.action1")
    with qtbot.waitSignal(
        pane.controller.state_changed,
        timeout=20_000,
        check_params_cb=lambda state: not state.running,
    ):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert pane.results.hits.rowCount() == 1


def test_zero_hits_are_explained(qtbot: QtBot, pane: SearchView) -> None:
    pane.options.mode.set_key("boolean")
    search(qtbot, pane, "+the +file")
    assert pane.controller.state.phase is Phase.EMPTY
    assert "the" in pane.results.pages.nothing.accessibleName()
    assert "stop word" in pane.results.pages.nothing.accessibleName()


def test_a_connection_is_added_tested_and_looked_into(
    qtbot: QtBot, session: Session, tenant_server: DatabaseServer, real: SearchWorld
) -> None:
    database = tenant_server.create_database()
    real.databases.append((tenant_server, database))
    tenant_server.execute(*TABLES, database=database)
    account = tenant_server.create_search_account(database, password="pässwörd")
    pane = ConnectionsPane(session)
    qtbot.addWidget(pane)
    pane.resize(1100, 700)
    pane.show()
    pane.activated()
    qtbot.waitUntil(lambda: pane.pages.currentWidget() is pane.empty)

    pane.add()
    dialog = pane.dialog
    assert dialog is not None
    dialog.form.name_field.setText("Library")
    dialog.form.host.setText("127.0.0.1")
    dialog.form.port.setText(str(tenant_server.port))
    dialog.form.database.setText(database)
    dialog.form.username.setText(account.username)
    dialog.form.password.setText("wrong")
    qtbot.mouseClick(dialog.test_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.check_panel.result.isVisible, timeout=15_000)
    assert dialog.form.fields["password"].is_wrong
    assert "1045" in dialog.check_panel.result.hint()

    dialog.form.password.setText("pässwörd")
    qtbot.mouseClick(dialog.test_button, Qt.MouseButton.LeftButton)
    panel = dialog.check_panel
    qtbot.waitUntil(lambda: panel.result.text().startswith("Connected to"), timeout=15_000)
    assert "read-only" in dialog.check_panel.result.hint()

    with qtbot.waitSignal(pane.controller.saved, timeout=15_000):
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.card.tree_model.rowCount() == 2, timeout=15_000)
    names = [pane.card.tree_model.index(row, 0).data() for row in range(2)]
    assert names == ["articles", "settings"]
    assert pane.card.tree_model.index(1, 1).data() == "No FULLTEXT index"
    table = pane.card.tree_model.index(0, 0)
    assert pane.card.tree_model.index(0, 1, table).data() == "title, body"

    pane.edit()
    dialog = pane.dialog
    assert dialog is not None
    dialog.form.host.setText("localhost")
    with qtbot.waitSignal(pane.controller.save_failed, timeout=15_000):
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert dialog.form.fields["password"].is_wrong, "another host needs the password again"
    dialog.reject()
    pane.shut()
