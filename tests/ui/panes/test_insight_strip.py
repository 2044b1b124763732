"""What is unusual, at the top of the analytics pane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.insights import InsightKind, InsightReport
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.analytics.insights import InsightRow, InsightStrip, kind_words
from altus4_desktop.ui.panes.analytics.pane import AnalyticsPane
from altus4_desktop.ui.panes.history.pane import HistoryPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_search, a_user
from tests.ui.analytics import FakeAnalytics, FakeMetrics, FakePoints
from tests.ui.insights import FakeInsights, make_insights
from tests.ui.world import ACTOR, FakeConnections, make_connection


@pytest.fixture
def insights() -> FakeInsights:
    return FakeInsights()


@pytest.fixture
def pane(
    qtbot: QtBot, insights: FakeInsights, runner: TaskRunner, tmp_path: Path
) -> Iterator[AnalyticsPane]:
    services = SimpleNamespace(
        data_dir=tmp_path,
        custom_metrics=FakeMetrics(),
        analytics=FakeAnalytics(),
        search_points=FakePoints(),
        connections=FakeConnections([make_connection(1)]),
        insights=insights,
    )
    session = Session(cast("Services", services), runner, Theme(), report_crash=_raise)
    session.set_actor(ACTOR)
    made = AnalyticsPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


def _open(qtbot: QtBot, pane: AnalyticsPane) -> InsightStrip:
    pane.activated()
    _settle(qtbot, pane)
    return pane.insights


def _settle(qtbot: QtBot, pane: AnalyticsPane) -> None:
    qtbot.waitUntil(lambda: not pane.runner.running and not pane._filling.isActive())


def _asked(pane: AnalyticsPane) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    pane.session.pane_requested.connect(lambda name, intent: found.append((name, intent)))
    return found


def _row(strip: InsightStrip, kind: InsightKind) -> InsightRow:
    return next(row for row in strip.rows if row.insight.kind is kind)


def test_each_is_a_plain_sentence_with_its_kind_in_words(qtbot: QtBot, pane: AnalyticsPane) -> None:
    strip = _open(qtbot, pane)
    told = make_insights().insights
    assert [row.insight for row in strip.rows] == list(told)
    for row in strip.rows:
        assert row.sentence.text() == row.insight.text
        assert row.sentence.textFormat() is Qt.TextFormat.PlainText
        assert row.accessibleName() == f"{kind_words(row.insight.kind)}: {row.insight.text}"
    assert len({kind_words(kind) for kind in InsightKind}) == len(InsightKind)
    assert strip.state.text() == ""


def test_it_says_from_the_first_chart_on_that_it_will_look(
    qtbot: QtBot, pane: AnalyticsPane
) -> None:
    strip = _open(qtbot, pane)
    assert pane.board is not None
    period = pane.board.figures.period
    strip.expect(period)
    assert strip.state.text() == "Looking for what is unusual…"
    assert strip.rows
    strip.expect(period.before())
    assert not strip.rows
    strip.stop()
    strip.look()
    assert strip.state.text() == "Stopped"
    strip.again.click()
    qtbot.waitUntil(lambda: bool(strip.rows))


def test_the_first_few_are_shown_and_then_all(qtbot: QtBot, pane: AnalyticsPane) -> None:
    strip = _open(qtbot, pane)
    assert [row.isVisible() for row in strip.rows] == [True] * 3 + [False] * 4
    assert strip.more.text() == "4 more"
    strip.more.setFocus()
    QTest.keyClick(strip.more, Qt.Key.Key_Return)
    assert all(row.isVisible() for row in strip.rows)
    assert strip.more.text() == "Fewer"
    strip.more.click()
    assert not strip.rows[-1].isVisible()


def test_evidence_opens_in_the_history_and_the_word_that_was_meant_is_searched(
    qtbot: QtBot, pane: AnalyticsPane
) -> None:
    strip = _open(qtbot, pane)
    asked = _asked(pane)
    row = _row(strip, InsightKind.MISSPELT)
    assert row.evidence_button.text() == "Show 17 searches"
    assert row.retry_button.accessibleName() == "Search “invoice”"
    QTest.keyClick(row.evidence_button, Qt.Key.Key_Return)
    QTest.keyClick(row.retry_button, Qt.Key.Key_Return)
    QTest.mouseClick(row.sentence, Qt.MouseButton.LeftButton)
    assert asked == [
        ("history", row.insight.link),
        ("search", SearchRequest("invoice", connection_ids=("c1",))),
        ("history", row.insight.link),
    ]
    assert strip.rows[0].evidence_button.text() == "Show the searches"
    assert not hasattr(strip.rows[0], "retry_button")


def test_a_chart_is_evidence_too(qtbot: QtBot, pane: AnalyticsPane) -> None:
    strip = _open(qtbot, pane)
    asked = _asked(pane)
    row = _row(strip, InsightKind.FRUITLESS)
    assert row.evidence_button.text() == "Show the chart"
    row.evidence_button.click()
    card = pane.cards["searches"]
    assert card.data_button.isChecked()
    assert card.pages.currentWidget() is card.table
    assert asked == []


def test_nothing_unusual_is_said(qtbot: QtBot, pane: AnalyticsPane, insights: FakeInsights) -> None:
    insights.report = InsightReport((), ("Shop", "Archive"))
    strip = _open(qtbot, pane)
    assert strip.state.text() == (
        "Nothing unusual in this period. Not asked for similar words: Shop, Archive"
    )
    assert (strip.rows, strip.more.isVisible(), strip.again.isVisible()) == ([], False, False)


def test_a_failure_is_said_and_can_be_tried_again(
    qtbot: QtBot, pane: AnalyticsPane, insights: FakeInsights
) -> None:
    insights.error = StoreError("The store does not answer.", hint="Try again soon.")
    strip = _open(qtbot, pane)
    assert strip.state.text() == "The store does not answer. Try again soon."
    assert strip._sign.isVisible()
    assert pane.pages.currentWidget() is pane._content
    insights.error = None
    strip.again.click()
    _settle(qtbot, pane)
    assert len(strip.rows) == 7
    assert not strip.again.isVisible()
    assert not strip._sign.isVisible()


def test_the_charts_do_not_wait_for_it_and_escape_stops_it(
    qtbot: QtBot, pane: AnalyticsPane, insights: FakeInsights
) -> None:
    insights.hangs = True
    pane.activated()
    strip = pane.insights
    qtbot.waitUntil(lambda: bool(insights.asked) and not pane._filling.isActive())
    assert strip._spinner.isVisible()
    assert strip.state.text() == "Looking for what is unusual…"
    QTest.keyClick(pane, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not strip.looking)
    assert strip.state.text() == "Stopped"
    assert strip.again.isVisible()
    qtbot.waitUntil(insights.stopped.is_set)
    assert pane.pages.currentWidget() is pane._content


def test_what_is_told_stays_while_the_same_days_are_looked_at_again(
    qtbot: QtBot, pane: AnalyticsPane, insights: FakeInsights
) -> None:
    strip = _open(qtbot, pane)
    strip.more.click()
    rows = list(strip.rows)
    _open(qtbot, pane)
    assert strip.rows == rows
    insights.hangs = True
    pane.periods.choice.set_key("week")
    pane._ask()
    qtbot.waitUntil(lambda: len(insights.asked) == 3)
    # Those of other days are gone at once.
    assert strip.rows == []


def test_the_history_shows_as_many_as_are_told(
    qtbot: QtBot, tmp_path: Path, runner: TaskRunner
) -> None:
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        user = a_user(timezone="UTC")
        services.metadata.store.users.create_(user, "hash")
        now = datetime.now(UTC)
        params = {"outcome": "ok", "cause": "stop_words", "connections": ["Shop"]}
        made = a_search(user, "the of", params=params, result_count=0)
        texts = ("the of", "The  Of", "the of", "the of", "the of", "the of all")
        services.metadata.store.searches.add_(
            *(
                replace(made, id=f"{n:036}", query=text, created_at=now - timedelta(minutes=n))
                for n, text in enumerate(texts)
            )
        )
        services.analytics.refresh_(user.as_actor())
        session = Session(services, runner, Theme(), report_crash=_raise)
        session.set_actor(user.as_actor())
        pane, history = AnalyticsPane(session), HistoryPane(session)
        for widget in (pane, history):
            qtbot.addWidget(widget)
        session.pane_requested.connect(lambda name, intent: history.receive(intent))
        pane.show()
        (row,) = _open(qtbot, pane).rows
        assert row.insight.text.startswith("5 searches for “the of” found nothing: it has only")
        row.evidence_button.click()
        qtbot.waitUntil(lambda: not runner.running)
        assert history.model.rowCount() == 5
        pane.shut()
        history.shut()
