"""The history pane over a real history in a file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QPushButton,
    QStyleOptionComboBox,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role, User
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.history import HistoryLook, HistoryQuery, OwnTime, WeekHour
from altus4_desktop.domain.searching import SearchMode, SearchRecord, TableChoice
from altus4_desktop.services import Services
from altus4_desktop.services.history import HistoryService
from altus4_desktop.services.past_searches import Rerun
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui import times
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.account_box import OFFERED
from altus4_desktop.ui.panes.history import reading
from altus4_desktop.ui.panes.history.keeping import KeepingDialog
from altus4_desktop.ui.panes.history.model import HITS, MODE, QUERY, WHEN, WHERE, WHO
from altus4_desktop.ui.panes.history.pane import HistoryPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_connection, a_search, a_user

_NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def ada(services: Services) -> User:
    user = a_user(role=Role.ADMIN, email="ada@example.org")
    services.metadata.store.users.create_(user, "hash")
    return user


@pytest.fixture
def pane(qtbot: QtBot, services: Services, runner: TaskRunner, ada: User) -> Iterator[HistoryPane]:
    """The pane before it came to the front, for an admin."""
    session = Session(services, runner, Theme(), report_crash=_raise)
    session.set_actor(ada.as_actor())
    made = HistoryPane(session)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    yield made
    made.shut()


def _raise(error: BaseException) -> None:
    raise error


def _keep(services: Services, user: User, *queries: str, **more: object) -> None:
    """The first is the newest."""
    for number, query in enumerate(queries):
        at = _NOW - timedelta(minutes=number)
        record = a_search(user, query, **{"created_at": at, **more})
        services.metadata.store.searches.add_(record)


def _settle(qtbot: QtBot, pane: HistoryPane) -> None:
    qtbot.waitUntil(lambda: not pane.filters._typing.isActive() and not pane.runner.running)


def _open(qtbot: QtBot, pane: HistoryPane) -> None:
    pane.activated()
    _settle(qtbot, pane)


def _shown(pane: HistoryPane) -> list[str]:
    return [record.query for record in pane.model.records]


def _answer(*, yes: bool, texts: list[str] | None = None) -> None:
    """Answers the question that comes next."""

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            QTimer.singleShot(5, answer)
            return
        assert isinstance(dialog, ConfirmDialog)
        if texts is not None:
            texts.extend(label.text() for label in dialog.findChildren(QLabel))
        dialog.done(QDialog.DialogCode.Accepted if yes else QDialog.DialogCode.Rejected)

    QTimer.singleShot(0, answer)


def test_nothing_searched_yet(qtbot: QtBot, pane: HistoryPane) -> None:
    assert pane._pages.currentWidget() is pane._busy
    _open(qtbot, pane)
    assert pane._pages.currentWidget() is pane._empty


def test_pages_are_read_as_it_is_scrolled(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HistoryPane, "page_size", 40)
    monkeypatch.setattr(reading, "_PAGE", 30)
    _keep(services, ada, *(f"q{number}" for number in range(90)))
    _open(qtbot, pane)
    assert _shown(pane) == [f"q{number}" for number in range(40)]
    pane.model.fetchMore(pane.table.rootIndex())
    _settle(qtbot, pane)
    assert pane.model.rowCount() == 70
    pane.model.fetchMore(pane.table.rootIndex())
    _settle(qtbot, pane)
    assert _shown(pane) == [f"q{number}" for number in range(90)]
    assert not pane.model.canFetchMore(pane.table.rootIndex())


def test_filters_narrow_it_down(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    shop = a_connection(ada, name="Shop")
    services.metadata.store.connections.create_(shop)
    bob = a_user(email="bob@example.org")
    services.metadata.store.users.create_(bob, "hash")
    _keep(services, ada, "invoice one", connection_id=shop.id)
    _keep(services, ada, "nothing here", result_count=0, params={"outcome": "ok"})
    _keep(services, ada, "lost", params={"outcome": "failed"}, result_count=0)
    _keep(services, ada, "late", execution_time_ms=5000, mode=SearchMode.SEMANTIC)
    _keep(services, bob, "bob's", created_at=_NOW - timedelta(days=3))
    _open(qtbot, pane)
    assert len(_shown(pane)) == 5
    filters = pane.filters
    assert not pane.table.isColumnHidden(WHO)
    # What a window of 760 leaves to the pane, whichever style is worn.
    pane.setMinimumWidth(692)
    pane.resize(692, 452)
    qtbot.waitUntil(lambda: pane.minimumSizeHint().width() <= 692)
    for box, key, wanted in (
        (filters.outcome, "none", ["nothing here"]),
        (filters.outcome, "failed", ["lost"]),
        (filters.outcome, "slow", ["late"]),
        (filters.mode, "semantic", ["late"]),
        (filters.connection, shop.id, ["invoice one"]),
        (filters.person, bob.id, ["bob's"]),
    ):
        box.setCurrentIndex(box.findData(key))
        _settle(qtbot, pane)
        assert _shown(pane) == wanted, key
        box.setCurrentIndex(0)
    filters.period.setCurrentIndex(1)
    _settle(qtbot, pane)
    assert "bob's" not in _shown(pane)
    qtbot.keyClicks(filters.text, "invoice")
    _settle(qtbot, pane)
    assert _shown(pane) == ["invoice one"]
    qtbot.keyClicks(filters.text, "s")
    _settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._nothing
    filters.clear()
    _settle(qtbot, pane)
    assert len(_shown(pane)) == 5


def test_a_search_is_run_again_where_it_was_run(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    shop = a_connection(ada, name="Shop")
    services.metadata.store.connections.create_(shop)
    params = {"connection_ids": [shop.id, "gone"], "language": "de", "scope": [["t", shop.id, ""]]}
    _keep(services, ada, "a query", params=params, mode=SearchMode.SEMANTIC)
    _open(qtbot, pane)
    asked: list[object] = []
    pane.session.pane_requested.connect(lambda _, intent: asked.append(intent))
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    (again,) = asked
    assert isinstance(again, Rerun)
    assert again.lost
    request = again.request
    assert (request.query, request.mode, request.language) == ("a query", "semantic", "de")
    assert request.connection_ids == (shop.id,)
    assert request.tables == (TableChoice("t", shop.id),)
    services.metadata.store.connections.delete_(shop.id)
    _open(qtbot, pane)
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    assert len(asked) == 1
    assert "are gone" in pane.note.accessibleName()


def test_some_and_all_of_ones_own_are_deleted(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    bob = a_user(email="bob@example.org")
    services.metadata.store.users.create_(bob, "hash")
    _keep(services, ada, "one", "two", "three", "four")
    _keep(services, bob, "bob's", created_at=_NOW - timedelta(days=3))
    _open(qtbot, pane)
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    _answer(yes=False)
    qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    assert len(_shown(pane)) == 5
    _answer(yes=True)
    qtbot.keyClick(pane.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: _shown(pane) == ["three", "four", "bob's"])
    pane.table.selectRow(2)
    pane.delete_selected()
    assert "theirs to delete" in pane.note.accessibleName()
    _answer(yes=True)
    pane.deletions.delete_all()
    qtbot.waitUntil(lambda: _shown(pane) == ["bob's"])


def test_what_is_shown_is_written(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User, tmp_path: Path
) -> None:
    _keep(services, ada, "one", "two")
    _open(qtbot, pane)
    qtbot.keyClicks(pane.filters.text, "two")
    _settle(qtbot, pane)
    pane.export_to(tmp_path / "h.json", ListFormat.JSON)
    qtbot.waitUntil(lambda: pane.note.accessibleName() == "1 searches written.")
    found = json.loads((tmp_path / "h.json").read_bytes())["searches"]
    assert [search["query"] for search in found] == ["two"]
    pane.export_to(tmp_path / "missing" / "h", ListFormat.CSV)
    qtbot.waitUntil(lambda: "cannot be written" in pane.note.accessibleName())


def test_searches_are_kept_as_long_as_wanted_or_not_at_all(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    _keep(services, ada, "new")
    _keep(services, ada, "old", created_at=_NOW - timedelta(days=40))
    _open(qtbot, pane)
    pane.choose_keeping()
    dialog = pane.findChild(KeepingDialog)
    assert dialog is not None
    assert dialog.keeps.isChecked()
    dialog.keeps.setChecked(False)
    dialog.days.setCurrentIndex(dialog.days.findData(30))
    dialog.enter()
    qtbot.waitUntil(lambda: _shown(pane) == ["new"])
    choices = pane.session.actor.choices
    assert (choices.keeps_history, choices.history_days) == (False, 30)
    _answer(yes=True)
    pane.deletions.delete_all()
    qtbot.waitUntil(lambda: pane._pages.currentWidget() is pane._empty)
    labels = [label.text() for label in pane._empty.findChildren(QLabel)]
    assert "Your searches are not kept" in labels


def test_a_store_that_fails_is_said(
    qtbot: QtBot,
    pane: HistoryPane,
    services: Services,
    ada: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("The store is gone.")

    _keep(services, ada, "one")
    _open(qtbot, pane)
    assert pane._run.isEnabled()
    monkeypatch.setattr(HistoryService, "page_", fail)
    _open(qtbot, pane)
    assert pane._pages.currentWidget() is pane._failed
    assert not pane._run.isEnabled()


def test_days_of_ones_own(qtbot: QtBot, pane: HistoryPane, services: Services, ada: User) -> None:
    for day, query in ((4, "fourth"), (5, "fifth"), (6, "sixth")):
        at = datetime(2026, 3, day, 12, tzinfo=UTC)
        _keep(services, ada, query, created_at=at)
    _open(qtbot, pane)
    filters = pane.filters
    assert not filters.first_day.isVisible()
    filters.period.setCurrentIndex(filters.period.findText("Days…"))
    assert filters.first_day.hasFocus() or filters.first_day.isVisible()
    filters.first_day.setText("2026-03-05")
    _settle(qtbot, pane)
    assert _shown(pane) == ["sixth", "fifth"]
    filters.last_day.setText("2026-03-05")
    _settle(qtbot, pane)
    assert _shown(pane) == ["fifth"]
    for wrong in ("2026-03", "0001-01-01", "9999-12-31"):
        filters.last_day.setText(wrong)
        assert filters.last_day.property("invalid") == "true"
        assert filters.query().to_at is None
    filters.clear()
    _settle(qtbot, pane)
    assert not filters.last_day.isVisible()
    assert len(_shown(pane)) == 3


def test_all_that_the_filters_show_is_deleted_after_asking_how_many(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    bob = services.metadata.store.users.create_(a_user(email="bob@example.org"), "hash")
    _keep(services, ada, *(f"old {number}" for number in range(120)), "new")
    _keep(services, bob, "old one")
    _open(qtbot, pane)
    pane.receive(HistoryQuery("old"))
    _settle(qtbot, pane)
    titles: list[str] = []
    _answer(yes=True, texts=titles)
    pane.delete_found()
    qtbot.waitUntil(lambda: bool(titles))
    _settle(qtbot, pane)
    assert "Delete 120 searches?" in titles
    assert _shown(pane) == ["old one"]
    pane.delete_found()
    _settle(qtbot, pane)
    assert _shown(pane) == ["old one"]
    pane.filters.clear()
    _settle(qtbot, pane)
    assert sorted(_shown(pane)) == ["new", "old one"]


def test_exactly_the_searches_of_a_link_are_shown(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    _keep(services, ada, "red invoice", "red invoice 2024", execution_time_ms=40)
    _keep(services, ada, "Red  Invoice", execution_time_ms=700)
    _open(qtbot, pane)
    pane.receive(HistoryQuery("red invoice", whole=True))
    _settle(qtbot, pane)
    assert sorted(_shown(pane)) == ["Red  Invoice", "red invoice"]
    assert pane.filters.whole.isChecked()
    pane.receive(HistoryQuery("red invoice", whole=True, least_ms=700))
    _settle(qtbot, pane)
    assert _shown(pane) == ["Red  Invoice"]
    assert pane.filters.took.currentText() == "700 ms and longer"
    asked = HistoryQuery(
        is_finished=True,
        connection_name="Gone",
        key_id="k1",
        week_hour=WeekHour("Europe/Berlin", 7, 23),
    )
    pane.receive(asked)
    _settle(qtbot, pane)
    assert pane.filters.query() == asked
    assert pane.filters.connection.currentText() == "Gone"
    assert pane.filters.key.isVisible()
    assert pane.filters.period.currentText() == "Sundays 23:00 to 24:00"
    may = OwnTime(datetime(2026, 5, 1), datetime(2026, 6, 1))  # noqa: DTZ001 - of no zone
    for hour, words in (
        (None, "2026-05-01 – 2026-05-31, each person's own time zone"),
        (
            WeekHour("", 1, 9),
            "Mondays 09:00 to 10:00, 2026-05-01 – 2026-05-31, each person's own time zone",
        ),
    ):
        asked = HistoryQuery(own_time=may, week_hour=hour)
        pane.receive(asked)
        assert pane.filters.query() == asked
        assert pane.filters.period.currentText() == words
    nine = OwnTime(may.begins.replace(hour=9), may.begins.replace(hour=10))
    pane.receive(HistoryQuery(own_time=nine))
    assert pane.filters.period.currentText().startswith("2026-05-01 09:00 – 10:00, each")
    pane.filters.clear()
    assert not pane.filters.is_set
    pane.receive(HistoryQuery(key_id=""))
    assert pane.filters.query() == HistoryQuery(key_id="")
    assert pane.filters.key.currentText() == "Without an API key"
    pane.receive(HistoryQuery(least_ms=30, most_ms=49))
    assert not pane.filters.key.isVisible()
    _settle(qtbot, pane)
    assert sorted(_shown(pane)) == ["red invoice", "red invoice 2024"]
    assert pane.filters.took.currentText() == "30 ms to 50 ms"
    reset = pane.findChild(QToolButton, "history.reset")
    assert reset is not None
    assert reset.isVisible()
    pane.filters.took.setCurrentText("Under 100 ms")
    _settle(qtbot, pane)
    assert len(_shown(pane)) == 2
    pane.filters.took.setCurrentIndex(0)
    _settle(qtbot, pane)
    assert len(_shown(pane)) == 3
    assert reset.isHidden()
    pane.filters.mode.setCurrentIndex(1)
    assert reset.isVisible()
    reset.click()
    _settle(qtbot, pane)
    assert not pane.filters.is_set
    assert reset.isHidden()


def test_a_search_is_shown_in_full(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    shop = a_connection(ada, name="Shop")
    services.metadata.store.connections.create_(shop)
    weights = [{"connection": shop.id, "table": "t", "weight": 2.0}]
    noted: dict[str, object] = {
        "connection_ids": [shop.id, "gone"],
        "connections": ["Shop", "Old"],
        "language": "de",
        "scope": [["t", shop.id, "ft"], 7],
        "filters": {"columns": [{"column": "y", "operator": "range", "values": ["1"]}]},
        "settings": {"synonyms": [["car", "auto"]], "weights": weights},
        "sources": [
            {"connection": "Shop", "table": "t", "hits": 3, "elapsed_ms": 12.0},
            {"connection": "Old", "error": "tenant.lost"},
            "odd",
        ],
        "outcome": "partial",
    }
    _keep(services, ada, "<b>car</b>\n" + "x" * 900, params=noted, mode=SearchMode.SEMANTIC)
    _keep(services, ada, "old", params={"sources": 7, "scope": "t", "filters": []})
    _open(qtbot, pane)
    assert pane.detail.isHidden()

    def told(key: str) -> str:
        label = pane.detail.findChild(QLabel, f"history.detail.{key}")
        assert label is not None
        assert label.textFormat() is Qt.TextFormat.PlainText
        return label.text() if label.isVisibleTo(pane.detail) else ""

    pane.table.selectRow(next(r for r, q in enumerate(_shown(pane)) if q != "old"))
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_Space)
    assert pane.detail.isVisible()
    assert told("query").startswith("<b>car</b>\nxxx")
    assert told("mode") == "Semantic, German"
    assert told("where") == "Shop, Old"
    assert told("tables") == "Shop · t · ft"
    assert told("filters") == "y ≥ 1"
    assert told("synonyms") == "car, auto"
    assert told("weights") == "Shop · t ×2"
    assert told("sources") == "Shop · t: 3 hits, 12 ms\nOld: tenant.lost"
    assert told("ended").endswith("failed in part")
    pane.table.selectRow(next(r for r, q in enumerate(_shown(pane)) if q == "old"))
    assert (told("synonyms"), told("weights")) == ("not noted", "not noted")
    assert (told("tables"), told("sources")) == ("", "")
    pane.resize(700, 500)
    assert pane.table.isHidden()
    services.history.delete_(ada.as_actor())
    _open(qtbot, pane)
    assert pane.detail.isHidden()
    assert pane.filters.isVisible()
    _keep(services, ada, "another")
    _open(qtbot, pane)
    pane.turn_detail()
    assert pane.table.isHidden()
    pane.detail.setFocus()
    qtbot.keyClick(pane.detail, Qt.Key.Key_Escape)
    assert pane.detail.isHidden()
    assert pane.table.isVisible()
    assert pane.table.hasFocus()


def test_a_query_keeps_its_room_beside_its_detail(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    services.metadata.store.users.create_(a_user(email="bob@example.org"), "hash")
    _keep(services, ada, "a query of many words", "another")
    _open(qtbot, pane)
    for width in (644, 1000, 1300, 1700):
        pane.resize(width, 900)
        for _ in ("with", "without"):
            pane.turn_detail()
            qtbot.waitUntil(lambda: pane.table.columnWidth(QUERY) >= 220)
            assert not pane.table.isColumnHidden(WHEN), width
    assert not any(pane.table.isColumnHidden(column) for column in (HITS, WHERE, WHO))


def test_names_come_also_where_a_filter_was_chosen_before_they_did(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    services.metadata.store.users.create_(a_user(email="bob@example.org"), "hash")
    shop = services.metadata.store.connections.create_(a_connection(ada, name="Shop"))
    _keep(services, ada, "ships", connection_id=shop.id)
    pane.show()
    pane.activated()
    pane.read_first()
    _settle(qtbot, pane)
    assert pane.model.index(0, WHERE).data() == "Shop"
    assert pane.model.index(0, WHO).data() == ada.email


def test_who_searched_is_told_before_how(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    services.metadata.store.users.create_(a_user(email="bob@example.org"), "hash")
    _keep(services, ada, "ships")
    _open(qtbot, pane)
    pane.resize(880, 600)
    qtbot.waitUntil(lambda: pane.table.isColumnHidden(MODE))
    assert not any(pane.table.isColumnHidden(column) for column in (WHEN, HITS, WHERE, WHO))


def test_what_is_chosen_is_readable_in_a_small_window(qtbot: QtBot, pane: HistoryPane) -> None:
    filters = pane.filters
    pane.resize(644, 440)
    # Where there is nobody to choose, the others take the room.
    qtbot.waitUntil(lambda: filters.connection.geometry().right() == filters.rect().right())
    filters.set_people({"u1": "ann@example.org", "u2": "x" * 60})
    for width in (644, 1300, 644):
        pane.resize(width, 440)
        for box in (filters.period, filters.mode, filters.outcome, filters.person):
            text = box.currentText()
            qtbot.waitUntil(lambda box=box, text=text: _painted(box) == text)  # type: ignore[misc]  # bound now
    filters.person.setCurrentIndex(filters.person.count() - 1)
    assert _painted(filters.person).endswith("x…")


def _painted(box: QComboBox) -> str:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    return str(option.currentText)


def test_that_nothing_is_recorded_is_in_sight(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    _keep(services, ada, "one")
    _open(qtbot, pane)
    button = pane.findChild(QPushButton, "history.unkept")
    assert button is not None
    assert button.isHidden()
    choices = replace(pane.session.actor.choices, keeps_history=False)
    pane.session.set_actor(replace(pane.session.actor, choices=choices))
    _open(qtbot, pane)
    assert button.isVisible()
    button.click()
    assert pane.findChild(KeepingDialog) is not None


def _add_accounts(services: Services, count: int) -> None:
    """As many more as a person with all rights."""
    file = services.metadata.store.location.file
    assert file is not None
    with closing(sqlite3.connect(file)) as store, store:
        rows = [
            (f"{number:036}", f"Person {number:04}", f"p{number:04}@example.org")
            for number in range(count)
        ]
        store.executemany(
            "INSERT INTO users (id, name, email, password, role, timezone)"
            " VALUES (?, ?, ?, 'x', 'user', 'UTC')",
            rows,
        )


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_any_account_is_found_by_typing(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    _add_accounts(services, 1200)
    late = services.metadata.store.users.find_by_email("p1199@example.org")
    assert late is not None
    _keep(services, ada, "mine")
    _keep(services, late, "theirs")
    _open(qtbot, pane)
    box = pane.filters.person
    assert box.isVisible()
    assert box.count() == 1 + OFFERED
    assert box.findData(late.id) < 0
    # Whoever is not offered has a name in the list all the same.
    assert pane.model.index(_shown(pane).index("theirs"), WHO).data() == late.email
    box.setFocus()
    line = box.lineEdit()
    assert line is not None
    line.selectAll()
    QTest.keyClicks(box, "son 119")
    completer = line.completer()
    assert completer is not None
    popup = completer.popup()
    assert popup is not None
    assert popup.objectName() == "history.person.found"
    assert popup.accessibleName()
    qtbot.waitUntil(popup.isVisible)
    offered = [popup.model().index(row, 0).data() for row in range(popup.model().rowCount())]
    assert offered == [f"p119{number}@example.org" for number in range(10)]
    assert len(_shown(pane)) == 2
    for _ in range(10):
        QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _shown(pane) == ["theirs"])
    _settle(qtbot, pane)
    assert pane.filters.query().user_id == late.id
    assert box.currentText() == late.email
    # Reading again leaves it chosen, and what is being typed alone.
    line.selectAll()
    QTest.keyClicks(box, "nobody")
    pane.refresh()
    qtbot.waitUntil(lambda: popup.isVisible() and popup.model().rowCount() == 1)
    assert popup.model().index(0, 0).data() == "No account fits"
    _settle(qtbot, pane)
    assert line.text() == "nobody"
    popup.hide()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert line.text() == late.email
    assert pane.filters.query().user_id == late.id
    # The only one that fits is taken by Enter, even before it is known.
    line.selectAll()
    QTest.keyClicks(box, "ada@")
    QTest.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: _shown(pane) == ["mine"])
    line.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Backspace)
    QTest.keyClick(box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(_shown(pane)) == 2)
    assert line.text() == "Everybody"
    # What is typed and not chosen goes with the keyboard.
    QTest.keyClicks(box, "xyz")
    pane.table.setFocus()
    assert line.text() == "Everybody"


def test_an_account_of_a_link_has_its_address(
    qtbot: QtBot, pane: HistoryPane, services: Services, ada: User
) -> None:
    _add_accounts(services, 60)
    last = f"{59:036}"
    _open(qtbot, pane)
    pane.receive(HistoryQuery(user_id=last))
    _settle(qtbot, pane)
    assert pane.filters.person.currentText() == "p0059@example.org"
    assert pane.filters.query() == HistoryQuery(user_id=last)
    assert ada.email != "p0059@example.org"


class _Slow:
    """Finds the ``first`` searches at once, and all the others when it is let ``go``."""

    def __init__(self, services: Services, first: int) -> None:
        self.go = Event()
        self._read = services.history.page_
        self._first = first

    def page_(
        self,
        actor: Actor,
        query: HistoryQuery | None = None,
        *,
        after: SearchRecord | None = None,
        limit: int = 200,
        looked: Callable[[HistoryLook], None] | None = None,
    ) -> list[SearchRecord]:
        found = self._read(actor, query, after=after, limit=limit)
        assert looked is not None
        back_to = found[self._first - 1].created_at if self._first else _NOW + timedelta(hours=1)
        assert back_to is not None
        looked(HistoryLook(tuple(found[: self._first]), back_to))
        while not self.go.wait(0.01):
            looked(HistoryLook(tuple(found[: self._first]), back_to))
        return found


@pytest.fixture
def slow(services: Services, ada: User, monkeypatch: pytest.MonkeyPatch) -> _Slow:
    """Over five searches, of which two are found at once."""
    _keep(services, ada, *(f"q{number}" for number in range(5)))
    made = _Slow(services, 2)
    monkeypatch.setattr(services.history, "page_", made.page_)
    return made


def test_what_was_found_is_shown_while_more_is_looked_for(
    qtbot: QtBot, pane: HistoryPane, slow: _Slow
) -> None:
    pane.activated()
    qtbot.waitUntil(pane.looking.isVisible)
    assert _shown(pane) == ["q0", "q1"]
    label = pane.findChild(QLabel, "history.looked")
    assert label is not None
    assert label.text() == f"Looking further back… to {times.day(_NOW - timedelta(minutes=1))}"
    assert not pane.model.canFetchMore(pane.table.rootIndex())
    pane.table.selectRow(1)
    slow.go.set()
    _settle(qtbot, pane)
    assert _shown(pane) == [f"q{number}" for number in range(5)]
    assert [record.query for record in pane.selected_records()] == ["q1"]
    assert pane.looking.isHidden()


@pytest.mark.parametrize("first", [0, 2])
def test_looking_back_is_stopped_and_goes_on(
    qtbot: QtBot, pane: HistoryPane, slow: _Slow, first: int
) -> None:
    slow._first = first
    pane.activated()
    qtbot.waitUntil(pane.looking.isVisible)
    assert pane._pages.currentWidget() is (pane._list if first else pane._busy)
    pane.filters.text.setFocus()
    QTest.keyClick(pane.filters.text, Qt.Key.Key_Escape)
    _settle(qtbot, pane)
    assert not pane._escape.isEnabled()
    label = pane.findChild(QLabel, "history.looked")
    assert label is not None
    assert label.text().startswith("Stopped: looked back to ")
    assert len(_shown(pane)) == first
    assert pane._pages.currentWidget() is not pane._busy
    further = pane.findChild(QPushButton, "history.further")
    assert further is not None
    further.setFocus()
    slow._first = 0
    further.click()
    stop = pane.findChild(QPushButton, "history.stop")
    assert stop is not None
    assert stop.hasFocus()
    assert pane._pages.currentWidget() is (pane._list if first else pane._busy)
    slow.go.set()
    _settle(qtbot, pane)
    assert _shown(pane) == [f"q{number}" for number in range(5)]
    assert pane.looking.isHidden()
    assert pane.table.hasFocus()


def test_another_question_ends_the_look_back(qtbot: QtBot, pane: HistoryPane, slow: _Slow) -> None:
    pane.activated()
    qtbot.waitUntil(pane.looking.isVisible)
    slow._first = 0
    slow.go.set()
    pane.filters.text.setText("q3")
    qtbot.waitUntil(lambda: _shown(pane) == ["q3"])
    _settle(qtbot, pane)
    assert pane.looking.isHidden()
    assert not pane.looking.is_looking


def test_a_look_back_that_fails_can_go_on(
    qtbot: QtBot, pane: HistoryPane, slow: _Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane.activated()
    qtbot.waitUntil(pane.looking.isVisible)
    pane.stop()
    _settle(qtbot, pane)

    def fail(*_: object, **__: object) -> None:
        raise StoreError("The metadata store is away.")

    monkeypatch.setattr(pane.session.services.history, "page_", fail)
    pane.look_further()
    _settle(qtbot, pane)
    assert _shown(pane) == ["q0", "q1"]
    assert not pane.looking.is_looking
    assert pane.looking.back_to is not None
