"""Judging hits while they are read, over the real service and store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.query_sets import QuerySet, QuerySetDraft
from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.services.query_sets import QuerySetsService
from altus4_desktop.services.row_names import row_name
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.search.judge import JudgeStrip
from altus4_desktop.ui.panes.search.judging import Verdict
from altus4_desktop.ui.panes.search.model import HitRole
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.ui.world import FakeConnections, FakeSearch, make_connection, make_hit, make_source

QUERY = "read a file"


@dataclass
class Desk:
    """The pane after a search, and the service below it."""

    qtbot: QtBot
    pane: SearchPane
    service: QuerySetsService
    search: FakeSearch
    ann: Actor

    @property
    def strip(self) -> JudgeStrip:
        return self.pane.view.judge.strip

    def settle(self) -> None:
        runner, view = self.pane.session.runner, self.pane.view
        self.qtbot.waitUntil(lambda: not runner.running and not view.controller.state.running)

    def ask(self, query: str) -> None:
        self.pane.view.query.setText(query)
        self.pane.view.search()
        self.settle()

    def begin(self, name: str = "Files") -> QuerySet:
        """A set is there, and hits are judged."""
        made = self.service.create_(self.ann, QuerySetDraft(name))
        self.qtbot.keyClick(self.pane.view.query, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
        self.settle()
        return made

    def press(self, *keys: Qt.Key, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        for key in keys:
            self.qtbot.keyClick(self.pane.view.results.list, key, modifier)

    def shown(self) -> list[int | None]:
        """The grades drawn, by row."""
        model = self.pane.view.results.hits
        rows = range(model.rowCount())
        return [model.data(model.index(row), HitRole.ROW).grade for row in rows]  # type: ignore[attr-defined]  # a HitRow

    def kept(self, made: QuerySet, query: str = QUERY) -> dict[str, int]:
        return dict(self.service.grades_(self.ann, made.id, query))

    def row(self) -> int:
        return self.pane.view.results.list.currentIndex().row()

    def find(self, name: str, kind: type[Any] = QWidget) -> Any:
        found = [w for w in self.pane.window().findChildren(kind, name) if w.isVisible()]
        assert len(found) == 1, f"{name}: {len(found)}"
        return found[0]

    def click(self, name: str) -> None:
        self.qtbot.mouseClick(self.find(name), Qt.MouseButton.LeftButton)


def names(*places: int) -> list[str]:
    return [row_name(make_hit(place)) for place in places]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, runner: TaskRunner) -> Iterator[Desk]:
    """Ann has searched and found five hits."""
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        ann = services.accounts.create_first_admin("Ann", "ann@example.org", "a long passphrase")
        search, connections = FakeSearch(), FakeConnections()
        search.hits = [make_hit(place) for place in range(1, 6)]
        connections.saved = [make_connection(1, user_id=ann.user_id)]
        partly = replace(services, search=cast("Any", search), connections=cast("Any", connections))
        session = Session(
            partly, runner, Theme(), report_crash=lambda error: pytest.fail(str(error))
        )
        session.set_actor(ann)
        pane = SearchPane(session)
        qtbot.addWidget(pane)
        pane.resize(1100, 700)
        with qtbot.waitSignals([pane.view.controller.connections_ready, pane.desk.book.changed]):
            pane.show()
            pane.activated()
        made = Desk(qtbot, pane, services.query_sets, search, ann)
        made.ask(QUERY)
        yield made
        pane.shut()
        made.settle()


def test_keys_grade_the_hit_and_go_on(desk: Desk) -> None:
    made = desk.begin()
    assert desk.strip.isVisible()
    assert desk.row() == 0
    desk.press(Qt.Key.Key_3, Qt.Key.Key_0, Qt.Key.Key_2)
    assert desk.shown() == [3, 0, 2, None, None], "at once, before anything is written"
    assert desk.row() == 3
    desk.settle()
    assert desk.kept(made) == dict(zip(names(1, 2, 3), (3, 0, 2), strict=True))
    (query,) = desk.service.list_queries_(desk.ann, made.id).queries
    assert query.draft.text == QUERY, "judging has added the query"
    desk.press(Qt.Key.Key_Up, Qt.Key.Key_Delete)
    assert (desk.row(), desk.shown()[2]) == (2, None)
    desk.settle()
    assert list(desk.kept(made)) == sorted(names(1, 2), key=lambda name: -desk.kept(made)[name])


def test_the_last_hit_stays_and_is_graded_again(desk: Desk) -> None:
    made = desk.begin()
    desk.press(*[Qt.Key.Key_Down] * 4, Qt.Key.Key_1, Qt.Key.Key_2)
    assert desk.row() == 4
    desk.settle()
    assert desk.kept(made) == {names(5)[0]: 2}


def test_what_was_given_is_taken_back(desk: Desk) -> None:
    made = desk.begin()
    desk.press(Qt.Key.Key_3, Qt.Key.Key_1)
    desk.press(Qt.Key.Key_Up, Qt.Key.Key_2)
    desk.settle()
    control = Qt.KeyboardModifier.ControlModifier
    desk.press(Qt.Key.Key_Z, modifier=control)
    assert (desk.row(), desk.shown()[:2]) == (1, [3, 1])
    desk.press(Qt.Key.Key_Z, modifier=control)
    desk.press(Qt.Key.Key_Z, modifier=control)
    assert (desk.row(), desk.shown()[:2]) == (0, [None, None])
    desk.press(Qt.Key.Key_Z, modifier=control)
    desk.settle()
    assert desk.kept(made) == {}


def test_the_strip_grades_the_hit_that_is_read(desk: Desk) -> None:
    made = desk.begin()
    desk.click("search.judging.grade.2")
    assert desk.row() == 0
    assert [button.isChecked() for button in desk.strip.grades] == [False, False, True, False]
    assert "Relevant" in desk.strip.state.text()
    desk.settle()
    assert desk.kept(made) == {names(1)[0]: 2}
    desk.click("search.judging.withdraw")
    desk.settle()
    assert desk.kept(made) == {}
    assert not desk.strip.withdraw.isEnabled()
    assert "Not judged" in desk.strip.state.text()


def test_what_was_judged_before_is_there_again(desk: Desk) -> None:
    made = desk.begin()
    desk.press(Qt.Key.Key_3)
    desk.settle()
    desk.ask("something else")
    assert desk.shown() == [None] * 5
    desk.press(Qt.Key.Key_1)
    desk.settle()
    desk.ask(QUERY)
    assert desk.shown() == [3, None, None, None, None]
    other = desk.service.create_(desk.ann, QuerySetDraft("Other"))
    desk.pane.judging.read()
    desk.settle()
    place = desk.strip.sets.findData(other.id)
    desk.strip.sets.setCurrentIndex(place)
    desk.strip.sets.activated.emit(place)
    desk.settle()
    assert desk.shown() == [None] * 5
    assert desk.kept(made, "something else") == {names(1)[0]: 1}
    text = desk.pane.view.results.hits
    assert "Judged" not in str(text.data(text.index(0), Qt.ItemDataRole.AccessibleTextRole))
    desk.press(Qt.Key.Key_0)
    spoken = str(text.data(text.index(0), Qt.ItemDataRole.AccessibleTextRole))
    assert spoken.startswith("Judged: Not relevant. Hit 1")
    desk.pane.judging.choose(made.id)
    assert desk.shown()[0] is None, "what is still written is of the other set"
    desk.settle()
    assert desk.shown()[0] == 3


def test_a_set_is_begun_for_the_first_grade(desk: Desk) -> None:
    desk.click("search.judge")
    desk.settle()
    assert "No set yet" in desk.strip.sets.currentText()
    desk.press(Qt.Key.Key_2)
    desk.find("search.judging.new.name", QLineEdit).setText(" My words ")
    desk.click("search.judging.new.accept")
    desk.settle()
    (made,) = desk.service.list_(desk.ann)
    assert made.draft.name == "My words"
    assert desk.kept(made) == {names(1)[0]: 2}
    assert desk.strip.sets.currentText() == "My words"


def test_a_grade_that_cannot_be_kept_goes_back_and_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.begin()
    desk.press(Qt.Key.Key_1)
    desk.settle()
    real = QuerySetsService.judge_

    def judge(self: Any, actor: Any, set_id: str, text: str, hit: SearchHit, grade: Any) -> Any:
        if hit.key["id"] == 2:
            raise StoreError("The disk is full.", hint="Make room.", code="store.full")
        return real(self, actor, set_id, text, hit, grade)

    monkeypatch.setattr(QuerySetsService, "judge_", judge)
    desk.press(Qt.Key.Key_3, Qt.Key.Key_2)
    assert desk.shown()[:3] == [1, 3, 2]
    with desk.qtbot.waitSignal(desk.pane.session.announced, timeout=5000) as told:
        desk.settle()
    assert "could not be kept" in told.args[0]
    assert desk.shown()[:3] == [1, None, 2]
    assert desk.strip.message.text() == "The disk is full."
    assert desk.kept(made) == dict(zip(names(3, 1), (2, 1), strict=True))
    desk.press(Qt.Key.Key_Z, modifier=Qt.KeyboardModifier.ControlModifier)
    desk.press(Qt.Key.Key_Z, modifier=Qt.KeyboardModifier.ControlModifier)
    assert desk.shown()[:3] == [None, None, None], "the one that failed is not undone"
    desk.settle()
    assert desk.kept(made) == {}


def test_without_judging_the_keys_are_the_lists_own(desk: Desk) -> None:
    with desk.qtbot.assertNotEmitted(desk.pane.view.results.list.grade_wanted):
        desk.press(Qt.Key.Key_3, Qt.Key.Key_Delete)
    desk.settle()
    assert desk.service.list_(desk.ann) == []
    assert not desk.strip.isVisible()
    made = desk.begin()
    desk.press(Qt.Key.Key_3)
    desk.settle()
    desk.pane.toggle_judging()
    desk.settle()
    assert desk.shown() == [None] * 5
    desk.press(Qt.Key.Key_1)
    desk.settle()
    assert desk.kept(made) == {names(1)[0]: 3}


def test_it_is_remembered_with_its_set(desk: Desk) -> None:
    desk.service.create_(desk.ann, QuerySetDraft("A first"))
    made = desk.begin("Second")
    desk.pane.judging.choose(made.id)
    again = SearchPane(desk.pane.session)
    desk.qtbot.addWidget(again)
    again.show()
    again.activated()
    desk.settle()
    assert again.judging.is_on
    assert again.judging.chosen == made
    assert again.view.judge_button.isChecked()
    again.shut()
    desk.settle()


def test_a_row_without_a_key_is_not_judged(desk: Desk) -> None:
    desk.search.hits = [replace(make_hit(1), key={})]
    desk.begin()
    desk.ask("keyless")
    desk.press(Qt.Key.Key_3)
    desk.settle()
    assert "no key" in desk.strip.state.text()
    assert not desk.strip.grades[0].isEnabled()
    assert desk.shown() == [None]


def test_verdicts_that_wait_are_written_when_the_pane_goes(desk: Desk) -> None:
    made = desk.begin()
    desk.press(Qt.Key.Key_3, Qt.Key.Key_2, Qt.Key.Key_1)
    desk.pane.shut()
    desk.qtbot.waitUntil(lambda: not desk.pane.session.runner.running)
    assert desk.kept(made) == dict(zip(names(1, 2, 3), (3, 2, 1), strict=True))


def test_keys_judge_hits_and_go_over_heads(desk: Desk) -> None:
    desk.search.hits = [make_hit(place, make_source(1 + place % 2)) for place in range(1, 5)]
    desk.ask(QUERY)
    options = desk.pane.view.options
    options.order.setCurrentIndex(options.order.findData("source"))
    desk.begin()
    judged = []
    for _ in range(4):
        judged.append(desk.pane.view.results.current_hit())
        desk.press(Qt.Key.Key_2)
    assert judged == [desk.search.hits[place] for place in (0, 2, 1, 3)]
    results = desk.pane.view.results
    shown = [results.hits.row_at(row).grade for row in range(6) if not results.hits.head_at(row)]
    assert shown == [2, 2, 2, 2]
    desk.press(Qt.Key.Key_Left, Qt.Key.Key_3)
    desk.press(Qt.Key.Key_Right)
    assert results.current_hit() == desk.search.hits[3]
    assert results.hits.row_at(results.list.currentIndex().row()).grade == 2, "a head is no hit"
    desk.settle()


def test_of_what_waits_at_the_end_each_is_tried_and_a_refusal_is_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    made = desk.begin()
    book = desk.pane.view.book
    hits = [make_hit(1), replace(make_hit(2), key={}), make_hit(3), make_hit(4)]
    for hit in hits:
        book.write(Verdict(made.id, QUERY, hit, "", grade=2, before=None))
    book.close()
    desk.settle()
    assert desk.kept(made) == dict.fromkeys(names(1, 3, 4), 2)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("a grade was not kept: ")
    assert "have no key" in told
