"""Custom metrics in the window: cards, the form, notices, and the ways to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.custom_metrics import (
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DayLack,
    MetricNotice,
    MetricSource,
    Side,
    Threshold,
    evidence_of,
)
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchDraft
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import Services, analytics_upkeep
from altus4_desktop.services.analytics_upkeep import AnalyticsUpkeep
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui import metric_notices
from altus4_desktop.ui.metric_notices import MetricNotices
from altus4_desktop.ui.panes.analytics import metric_board
from altus4_desktop.ui.panes.analytics.metric_card import MetricCard
from altus4_desktop.ui.panes.analytics.metric_form import MetricDialog, MetricForms
from altus4_desktop.ui.panes.analytics.pane import AnalyticsPane
from altus4_desktop.ui.panes.analytics.wording import hover_words
from altus4_desktop.ui.panes.history.pane import HistoryPane
from altus4_desktop.ui.panes.search.saved import SavedSearches
from altus4_desktop.ui.panes.search.shelf import SavedShelf
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_search, a_user

_NAME = "<b>Größe</b> & what nobody finds, and so on and on"


@dataclass
class House:
    """A store with somebody who has searched, signed in; what was asked of other panes."""

    services: Services
    session: Session
    user: User
    asked: list[tuple[str, object]]

    def search(self, days_ago: int, hits: int = 0, query: str = "invoise") -> None:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        self.services.metadata.store.searches.add_(
            a_search(self.user, query, created_at=at, result_count=hits)
        )

    def count(self) -> None:
        self.services.analytics.refresh_(self.session.actor)

    def create(self, **changes: object) -> CustomMetric:
        draft = CustomMetricDraft(_NAME, **changes)  # type: ignore[arg-type]  # its own fields
        return self.services.custom_metrics.create_(self.session.actor, draft)

    def save(self, mode: SearchMode = SearchMode.BOOLEAN) -> SavedSearch:
        return self.services.saved_searches.create_(
            self.session.actor, SavedSearchDraft("Open bills", "+bill", folder="A", mode=mode)
        )


def _raise(error: BaseException) -> None:
    raise error


@pytest.fixture
def house(runner: TaskRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(analytics_upkeep, "QUIET_S", 0.05)
    monkeypatch.setattr(metric_board, "_AGAIN_MS", 50)
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        user = services.metadata.store.users.create_(a_user(role=Role.ADMIN), "hash")
        session = Session(services, runner, Theme(), report_crash=_raise)
        session.set_actor(user.as_actor())
        asked: list[tuple[str, object]] = []
        session.pane_requested.connect(lambda pane, intent: asked.append((pane, intent)))
        yield House(services, session, user, asked)


@pytest.fixture
def pane(qtbot: QtBot, house: House) -> Iterator[AnalyticsPane]:
    made = AnalyticsPane(house.session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    yield made
    made.shut()


def _settle(qtbot: QtBot, pane: AnalyticsPane) -> None:
    def is_still() -> bool:
        waits = pane._filling.isActive() or pane.metrics._filling.isActive()
        return not (pane.session.runner.running or waits)

    qtbot.waitUntil(is_still, timeout=10_000)


def _open(qtbot: QtBot, pane: AnalyticsPane) -> None:
    pane.activated()
    _settle(qtbot, pane)


def _card(pane: AnalyticsPane) -> MetricCard:
    [card] = pane.metrics.cards.values()
    return card


def _chart(card: MetricCard) -> Chart:
    assert card.chart is not None
    return card.chart


def _form(qtbot: QtBot, forms: MetricForms) -> MetricDialog:
    qtbot.waitUntil(lambda: forms.dialog is not None and forms.dialog.isVisible())
    dialog, forms.dialog = forms.dialog, None
    assert dialog is not None
    return dialog


def _accept(qtbot: QtBot, dialog: MetricDialog) -> None:
    gone: list[int] = []
    dialog.finished.connect(gone.append)
    QTest.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(gone))


def _is_shown(widget: QWidget) -> bool:
    return not widget.isHidden()


def test_a_card_plots_lists_and_writes_the_same(
    qtbot: QtBot, house: House, pane: AnalyticsPane, tmp_path: Path
) -> None:
    for days in (0, 0, 2):
        house.search(days)
    house.search(1, hits=4)
    metric = house.create(
        history=HistoryQuery(outcome=HistoryOutcome.NONE), threshold=Threshold(Side.ABOVE, 1)
    )
    house.count()
    _open(qtbot, pane)
    card = _card(pane)
    chart = _chart(card)
    assert chart.values("count")[-4:] == (None, 1, 0, 2)
    assert set(chart.values("threshold")) == {1}
    plotted = card.plot.plotted()
    assert plotted["count"] == chart.numbers("count")
    assert plotted["threshold"] == chart.numbers("threshold")
    pane.export_to(card, tmp_path / "metric.csv", "csv")
    pane.export_to(card, tmp_path / "metric.svg", "svg")
    _settle(qtbot, pane)
    rows = list(csv.reader(io.StringIO((tmp_path / "metric.csv").read_text("utf-8"))))
    assert rows[0] == ["day", "count", "threshold", "lack", "time_zone"]
    assert [row[1] for row in rows[-4:]] == ["", "1", "0", "2"]
    assert [row[3] for row in rows[-4:]] == [DayLack.OUTSIDE, "", "", ""]
    assert b"&lt;b&gt;" in (tmp_path / "metric.svg").read_bytes()
    assert "No data" not in hover_words(chart, len(chart.rows) - 1)
    assert "Not recorded" in hover_words(chart, 0)
    # From the bar to its searches.
    card.row_chosen.emit(chart, len(chart.rows) - 1)
    day = chart.rows[-1][0]
    assert isinstance(day, date)
    assert house.asked == [("history", evidence_of(metric.draft, "UTC", day))]
    history = HistoryPane(house.session)
    qtbot.addWidget(history)
    history.receive(house.asked[0][1])
    qtbot.waitUntil(lambda: not house.session.runner.running)
    assert len(history.model.records) == 2
    history.shut()
    said: list[str] = []
    house.session.announced.connect(said.append)
    card.row_chosen.emit(chart, 0)
    assert said == ["Not recorded"]


def test_without_metrics_and_searches_it_is_said_what_they_are_for(
    qtbot: QtBot, house: House, pane: AnalyticsPane
) -> None:
    _open(qtbot, pane)
    assert pane.pages.currentWidget() is pane._empty
    house.search(0)
    house.count()
    _open(qtbot, pane)
    assert _is_shown(pane.metrics.nothing)
    assert pane.metrics.cards == {}


def test_a_metric_is_made_changed_deleted_and_comes_back(
    qtbot: QtBot, house: House, pane: AnalyticsPane
) -> None:
    house.search(0)
    house.count()
    _open(qtbot, pane)
    QTest.mouseClick(pane.metrics.new_button, Qt.MouseButton.LeftButton)
    dialog = _form(qtbot, pane.metrics.forms)
    QTest.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.work.fields["name"].is_wrong)
    assert not dialog.limit.isEnabled()
    dialog.name.setText(_NAME)
    dialog.outcome.setCurrentIndex(dialog.outcome.findData("none"))
    dialog.side.setCurrentIndex(dialog.side.findData("above"))
    dialog.limit.setValue(0)
    _accept(qtbot, dialog)
    # The board looks again by itself until everything is counted.
    qtbot.waitUntil(
        lambda: (
            len(pane.metrics.cards) == 1
            and (chart := _card(pane).chart) is not None
            and chart.values("count")[-1] == 1
        ),
        timeout=10_000,
    )
    _settle(qtbot, pane)
    card = _card(pane)
    assert card.objectName() == "analytics.metric1"
    assert len(card.title) < len(_NAME)
    edit, delete = card.build_menu().actions()
    edit.trigger()
    dialog = _form(qtbot, pane.metrics.forms)
    assert dialog.name.text() == _NAME
    assert (dialog.outcome.currentData(), dialog.limit.value()) == ("none", 0)
    dialog.name.setText("Renamed")
    _accept(qtbot, dialog)
    qtbot.waitUntil(lambda: [c.title for c in pane.metrics.cards.values()] == ["Renamed"])
    _settle(qtbot, pane)
    delete = _card(pane).build_menu().actions()[1]
    delete.trigger()
    qtbot.waitUntil(lambda: not pane.metrics.cards)
    _settle(qtbot, pane)
    assert "Renamed" in pane.metrics.note.text()
    pane.metrics.undo()
    qtbot.waitUntil(lambda: len(pane.metrics.cards) == 1)
    qtbot.waitUntil(
        lambda: _card(pane).chart is not None and _chart(_card(pane)).values("count")[-1] == 1,
        timeout=10_000,
    )
    _settle(qtbot, pane)


def test_rows_of_a_saved_search_have_gaps_and_open_it(
    qtbot: QtBot, house: House, pane: AnalyticsPane
) -> None:
    saved = house.save()
    metric = house.create(source=MetricSource.SAVED_SEARCH, saved_search_id=saved.id)
    today = datetime.now(UTC)
    house.services.metadata.store.custom_metrics.look_(
        metric.id, CountedDay(today.date(), None, DayLack.PARTIAL, today)
    )
    _open(qtbot, pane)
    card = _card(pane)
    chart = _chart(card)
    assert set(chart.values("count")) == {None}
    assert "Not every connection answered" in hover_words(chart, len(chart.rows) - 1)
    assert "Open bills" in card.note
    card.row_chosen.emit(chart, len(chart.rows) - 1)
    qtbot.waitUntil(lambda: bool(house.asked))
    assert house.asked == [("search", saved)]
    house.services.saved_searches.delete_(house.session.actor, [saved.id])
    card.row_chosen.emit(chart, 0)
    qtbot.waitUntil(lambda: _is_shown(pane.metrics.note))
    _open(qtbot, pane)
    assert "gone" in _card(pane).note


def test_the_history_counts_what_its_filters_show(qtbot: QtBot, house: House) -> None:
    house.search(0)
    pane = HistoryPane(house.session)
    qtbot.addWidget(pane)
    pane.show()
    query = HistoryQuery(text="invoise", outcome=HistoryOutcome.NONE, least_ms=5, whole=True)
    pane.receive(query)
    qtbot.waitUntil(lambda: not house.session.runner.running)
    pane.count_per_day()
    dialog = _form(qtbot, pane._forms)
    assert dialog.name.text() == "invoise"
    assert dialog.draft().history == query
    _accept(qtbot, dialog)
    assert "“invoise” is counted" in pane.note.text()
    pane._go_to_analytics()
    assert house.asked == [("analytics", None)]
    qtbot.waitUntil(lambda: not house.session.runner.running)
    pane.shut()


def test_a_saved_search_is_watched_from_the_shelf(qtbot: QtBot, house: House) -> None:
    saved = house.save()
    book = SavedSearches(house.session)
    book.read()
    qtbot.waitUntil(lambda: bool(book.searches))
    shelf = SavedShelf(house.session, book)
    shelf.open()
    assert shelf.watch_button.isEnabled()
    QTest.mouseClick(shelf.watch_button, Qt.MouseButton.LeftButton)
    dialog = _form(qtbot, shelf._forms)
    assert not dialog.text.isVisible()
    assert dialog.draft().saved_search_id == saved.id
    assert dialog.draft().name == "Open bills"
    _accept(qtbot, dialog)
    assert "counted from now on" in shelf.message.text()
    book.close()
    shelf.close()


# Notices


@pytest.fixture
def bar(qtbot: QtBot, house: House) -> Iterator[MetricNotices]:
    above = QWidget()
    qtbot.addWidget(above)
    above.resize(800, 400)
    made = MetricNotices(house.session, above)
    above.show()
    yield made
    made.shut()


def _look(qtbot: QtBot, bar: MetricNotices) -> None:
    bar.look()
    qtbot.waitUntil(lambda: not bar._looking.running)


def test_a_crossing_is_told_shown_and_dismissed_for_good(
    qtbot: QtBot, house: House, bar: MetricNotices
) -> None:
    assert not _is_shown(bar)
    house.search(0)
    metric = house.create(threshold=Threshold(Side.ABOVE, 0))
    house.count()
    _look(qtbot, bar)
    today = datetime.now(UTC).date()
    assert _is_shown(bar)
    assert f": 1 on {today}, above 0." in bar.bar.text()
    assert bar.bar.hint() == ""
    bar.show_evidence()
    qtbot.waitUntil(lambda: bool(house.asked))
    assert house.asked == [("history", evidence_of(metric.draft, "UTC", today))]
    bar.bar.clear()
    assert not _is_shown(bar)
    qtbot.waitUntil(lambda: not house.session.runner.running)
    house.count()
    _look(qtbot, bar)
    assert not _is_shown(bar)


def test_several_days_are_one_notice_and_metrics_come_one_by_one(
    qtbot: QtBot, house: House, bar: MetricNotices
) -> None:
    saved = house.save()
    first = house.create(threshold=Threshold(Side.BELOW, 5))
    second = house.create(source=MetricSource.SAVED_SEARCH, saved_search_id=saved.id)
    limit = Threshold(Side.BELOW, 5)
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    house.services.metadata.store.custom_metrics.tell_(
        [
            *(MetricNotice(first.id, "", day, 3, limit) for day in days),
            MetricNotice(second.id, "", days[0], 1, limit),
        ]
    )
    _look(qtbot, bar)
    assert "below 5 on 2 days, last on 2026-03-02: 3." in bar.bar.text()
    assert bar.bar.hint() == "Other metrics that have news: 1."
    bar.bar.clear()
    assert "1 on 2026-03-01, below 5." in bar.bar.text()
    assert _is_shown(bar)
    assert _is_shown(bar.bar)
    bar.show_evidence()
    qtbot.waitUntil(lambda: bool(house.asked))
    assert house.asked == [("search", saved)]
    house.services.saved_searches.delete_(house.session.actor, [saved.id])
    bar.show_evidence()
    qtbot.waitUntil(lambda: "no such saved search" in bar.bar.text())
    qtbot.waitUntil(lambda: not house.session.runner.running)


def test_it_looks_by_itself_unless_it_is_covered(
    qtbot: QtBot, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_notices, "FIRST_MS", 1)
    house.search(0)
    house.create(threshold=Threshold(Side.ABOVE, 0))
    house.count()
    above = QWidget()
    qtbot.addWidget(above)
    hidden = MetricNotices(house.session, above)
    qtbot.waitUntil(lambda: hidden._clock.interval() > 1)
    assert not hidden._looking.running
    above.show()
    hidden._tick()
    qtbot.waitUntil(lambda: _is_shown(hidden))
    hidden.shut()


def test_what_is_not_counted_is_looked_for_less_and_less_often_and_only_while_seen(
    qtbot: QtBot, house: House, pane: AnalyticsPane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that lets nobody count is not read again and again for it."""
    monkeypatch.setattr(AnalyticsUpkeep, "want", lambda *_: None)
    monkeypatch.setattr(metric_board, "_AGAIN_AT_MOST_MS", 150)
    house.search(2)
    house.count()
    house.create()
    waits: list[int] = []
    again = pane.metrics._again
    pane.metrics.changed.connect(lambda: waits.append(again.interval()))
    _open(qtbot, pane)
    qtbot.waitUntil(lambda: len(waits) == 3)
    assert waits == [100, 150, 150]
    _settle(qtbot, pane)
    pane.hide()
    with qtbot.assertNotEmitted(pane.metrics.changed), qtbot.waitSignal(again.timeout):
        again.start(0)
    assert not again.isActive()
    pane.show()
    house.count()
    _open(qtbot, pane)
    assert again.interval() == metric_board._AGAIN_MS
    assert not again.isActive()
