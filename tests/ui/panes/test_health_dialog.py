"""Search health of a connection: findings, statements, settings; busy, failed, stopped, saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import AltusError, TenantError, TenantFailure
from altus4_desktop.domain.index_health import (
    AdviceReport,
    AdviceStep,
    DatabaseFacts,
    HealthReport,
    IndexFacts,
    TableFacts,
    TextColumn,
)
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.schema import FulltextSettings
from altus4_desktop.services.index_advice import SearchUse, build_server_advice, build_steps
from altus4_desktop.services.index_findings import find_all
from altus4_desktop.ui.panes.connections.health_dialog import HealthDialog
from altus4_desktop.ui.panes.connections.pane import ConnectionsPane
from tests.ui.test_models import ChecksModels
from tests.ui.world import Gate, World


def make_advice(*tables: TableFacts) -> AdviceReport:
    facts = DatabaseFacts(
        "library",
        Flavour.MYSQL,
        "9.7.0",
        tables,
        FulltextSettings(innodb_stopwords=frozenset({"the"})),
        {},
        has_ngram=True,
        unseen=(("health.unseen.sizes", Remark("The account may not see the sizes.")),),
        read_at=datetime.now(UTC),
    )
    use = SearchUse(read=12)
    return AdviceReport(
        HealthReport(facts, find_all(facts)),
        build_steps(facts, use),
        build_server_advice(facts, use),
        12,
        30,
    )


def make_table(name: str, *indexes: IndexFacts) -> TableFacts:
    return TableFacts(
        name,
        "InnoDB",
        1_200,
        5_000_000,
        16_384,
        0,
        partitioned=False,
        columns=(
            TextColumn("title", "varchar", "utf8mb4_0900_ai_ci", 200),
            TextColumn("body", "text", "utf8mb4_0900_ai_ci", 65_535),
        ),
        indexes=indexes,
        sampled_rows=50,
    )


SPARE = make_advice(
    make_table("<b>bare</b>"),
    make_table(
        "notes",
        IndexFacts("a", ("title", "body"), "", "FULLTEXT KEY `a` (`title`,`body`)"),
        IndexFacts("b", ("body", "title"), "", "FULLTEXT KEY `b` (`body`,`title`)"),
    ),
)


@dataclass
class FakeHealth:
    """Answers with ``advice``, or with ``error``."""

    advice: AdviceReport = SPARE
    error: Exception | None = None
    gate: Gate | None = None
    saved: list[tuple[int, Path]] = field(default_factory=list)

    def advise_(self, actor: Actor, connection_id: str, token: CancelToken) -> AdviceReport:
        if self.gate is not None:
            self.gate.wait(token)
        if self.error is not None:
            raise self.error
        return self.advice

    def save_(self, steps: Sequence[AdviceStep], folder: Path) -> tuple[Path, Path]:
        if self.error is not None:
            raise self.error
        self.saved.append((len(steps), folder))
        return folder / "001_x.up.sql", folder / "001_x.down.sql"


@pytest.fixture
def health(world: World) -> FakeHealth:
    fake = FakeHealth()
    world.session.services.__dict__["index_health"] = fake
    return fake


def opened(pane: ConnectionsPane) -> HealthDialog:
    pane.card.show_health()
    dialog = pane.card.health_dialog
    assert dialog is not None
    return dialog


@pytest.fixture
def dialog(qtbot: QtBot, connections_pane: ConnectionsPane, health: FakeHealth) -> HealthDialog:
    """The health of the first connection, read."""
    made = opened(connections_pane)
    qtbot.waitUntil(lambda: made.pages.currentWidget() is made.tables)
    return made


def press(qtbot: QtBot, dialog: HealthDialog, name: str) -> None:
    button = dialog.findChild(QPushButton, f"connections.health.{name}")
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_tables_with_their_gravest_finding(
    dialog: HealthDialog, qtmodeltester: ChecksModels
) -> None:
    model = dialog.tables.table.model()
    qtmodeltester.check(model)
    shown = [(model.index(row, 0).data(), model.index(row, 1).data()) for row in range(3)]
    assert shown == [("The server", "To know"), ("<b>bare</b>", "To know"), ("notes", "Warning")]
    assert "may not see the sizes" in dialog.tables.text.toPlainText()
    dialog.tables.table.selectRow(2)
    text = dialog.tables.text.toPlainText()
    assert "“b” has the columns of “a”" in text
    assert "size unseen" in text
    assert "12 searches" in dialog.place.text()
    assert not dialog.save_button.isVisible()


def test_statements_are_copied_and_saved(
    qtbot: QtBot,
    dialog: HealthDialog,
    health: FakeHealth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    press(qtbot, dialog, "view.steps")
    assert dialog.pages.currentWidget() is dialog.steps
    assert "DROP INDEX `b`" in dialog.steps.text.toPlainText()
    press(qtbot, dialog, "copy")
    copied = QGuiApplication.clipboard().text()
    assert "DROP INDEX `b`" in copied
    assert "ADD FULLTEXT INDEX `ft_title_body` (`title`, `body`)" in copied
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    press(qtbot, dialog, "save")
    qtbot.waitUntil(lambda: "001_x.up.sql" in dialog.message.text())
    assert health.saved == [(2, tmp_path)]
    health.error = AltusError("“{path}” cannot be written.", details={"path": "x"})
    press(qtbot, dialog, "save")
    qtbot.waitUntil(lambda: "cannot be written" in dialog.message.text())


def test_server_settings(qtbot: QtBot, dialog: HealthDialog) -> None:
    press(qtbot, dialog, "view.server")
    text = dialog.server.text.toPlainText()
    assert "SET PERSIST_ONLY innodb_ft_min_token_size = 2;" in text
    assert "-- innodb_ft_min_token_size = 2" in text


def test_nothing_to_advise(
    qtbot: QtBot, connections_pane: ConnectionsPane, health: FakeHealth
) -> None:
    health.advice = make_advice()
    dialog = opened(connections_pane)
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.tables)
    press(qtbot, dialog, "view.steps")
    assert not dialog.steps.table.isVisible()
    assert not dialog.save_button.isEnabled()
    assert not dialog.copy_button.isEnabled()


def test_what_goes_wrong_can_be_tried_again(
    qtbot: QtBot, dialog: HealthDialog, health: FakeHealth
) -> None:
    health.error = TenantError(TenantFailure.LOST, "The line was cut.", hint="Again.")
    qtbot.keyClick(dialog, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.failed)
    health.error = None
    press(qtbot, dialog, "again")
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.tables)


def test_reading_can_be_stopped(
    qtbot: QtBot, connections_pane: ConnectionsPane, health: FakeHealth
) -> None:
    health.gate = Gate()
    dialog = opened(connections_pane)
    assert dialog.pages.currentWidget() is dialog.busy
    assert not dialog.refresh.isEnabled()
    press(qtbot, dialog, "stop")
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.failed)
    assert dialog.refresh.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert connections_pane.card.health_dialog is None
