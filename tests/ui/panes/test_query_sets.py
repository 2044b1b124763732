"""The dialogs that look after query sets, over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.query_sets import QuerySetDraft, SetQueryDraft
from altus4_desktop.services import Services
from altus4_desktop.services.evaluation_files import FileForm, read_judgements, read_topics
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.evaluation.set_forms import ImportDialog, QueryDialog, SetDialog
from altus4_desktop.ui.panes.evaluation.set_queries import QueriesDialog
from altus4_desktop.ui.panes.evaluation.sets import SetsDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_user


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def session(services: Services, runner: TaskRunner) -> Session:
    user = a_user(role=Role.USER, email="ada@example.org")
    services.metadata.store.users.create_(user, "hash")
    made = Session(services, runner, Theme(), report_crash=_raise)
    made.set_actor(user.as_actor())
    return made


@pytest.fixture
def behind(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.show()
    return made


@pytest.fixture
def dialog(qtbot: QtBot, session: Session, behind: QWidget) -> Iterator[SetsDialog]:
    made = SetsDialog(session, "", behind)
    # What it shows is looked at after it was closed, too.
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    made.open()
    _settle(qtbot, session)
    yield made
    made.done(0)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    queries, qrels = tmp_path / "q.jsonl", tmp_path / "r.txt"
    queries.write_text('{"id": "1", "text": "one"}\n{"id": "2", "text": "two", "note": "n"}\n')
    qrels.write_text("1 0 doc 3\n1 0 other 0\n2 0 doc 1\n9 0 doc 1\n")
    return queries, qrels


def _raise(error: BaseException) -> None:
    raise error


def _settle(qtbot: QtBot, session: Session) -> None:
    qtbot.waitUntil(lambda: not session.runner.running)


def _names(dialog: SetsDialog) -> list[str]:
    return [one.draft.name for one in dialog.model.records]


def _press(qtbot: QtBot, session: Session, button: QPushButton) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    _settle(qtbot, session)


def test_nothing_there_yet(dialog: SetsDialog) -> None:
    assert dialog._pages.currentWidget() is dialog._none
    assert dialog.new_button.isEnabled()
    assert not dialog.delete_button.isEnabled()
    assert not dialog.choose_button.isEnabled()


def test_a_set_is_made_renamed_and_chosen(
    qtbot: QtBot, session: Session, dialog: SetsDialog
) -> None:
    dialog.begin()
    form = dialog.findChild(SetDialog)
    assert form is not None
    _press(qtbot, session, form.accept_button)
    assert form.work.fields["name"].is_wrong
    form.name.setText("Papers")
    _press(qtbot, session, form.accept_button)
    _settle(qtbot, session)
    assert _names(dialog) == ["Papers"]
    dialog.rename()
    other = next(one for one in dialog.findChildren(SetDialog) if one.isVisible())
    other.name.setText("Articles")
    _press(qtbot, session, other.accept_button)
    _settle(qtbot, session)
    assert _names(dialog) == ["Articles"]
    with qtbot.waitSignal(dialog.chosen) as chosen:
        qtbot.mouseClick(dialog.choose_button, Qt.MouseButton.LeftButton)
    assert chosen.args == [dialog.model.records[0].id]


def test_files_are_brought_in_and_written_again(
    qtbot: QtBot, session: Session, dialog: SetsDialog, files: tuple[Path, Path], tmp_path: Path
) -> None:
    dialog.bring_in()
    form = dialog.findChild(ImportDialog)
    assert form is not None
    form.name.setText("Papers")
    _press(qtbot, session, form.accept_button)
    assert form.work.fields["queries"].is_wrong
    form.queries.set_path(files[0])
    form.qrels.set_path(files[1])
    _press(qtbot, session, form.accept_button)
    _settle(qtbot, session)
    assert dialog.message.text() == "“Papers”: 2 queries and 3 judgements added."
    assert "1 judgements are of other queries" in dialog.message.hint()
    current = dialog.current()
    assert current is not None
    assert (current.queries, current.judged, current.judgements) == (2, 2, 3)
    for form_, names in (
        (FileForm.TREC, ("out.topics", "out.qrels")),
        (FileForm.JSONL, ("out.jsonl", "out.qrels.jsonl")),
    ):
        dialog.export_to(current, tmp_path / "out", form_)
        _settle(qtbot, session)
        assert dialog.message.text() == "Queries and judgements written."
        queries, notes = read_topics(tmp_path / names[0])
        assert [query.text for query in queries] == ["one", "two"]
        assert notes == {"2": "n"}
        assert read_judgements(tmp_path / names[1]) == {
            "1": {"doc": 3, "other": 0},
            "2": {"doc": 1},
        }
    dialog.export_to(current, tmp_path / "out", FileForm.TREC)
    _settle(qtbot, session)
    assert "is there already" in dialog.message.text()


def test_a_set_goes_once_that_was_confirmed(
    qtbot: QtBot,
    session: Session,
    dialog: SetsDialog,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services.query_sets.create_(session.actor, QuerySetDraft("Papers"))
    dialog.read()
    _settle(qtbot, session)
    answers = [False, True]
    monkeypatch.setattr(
        "altus4_desktop.ui.panes.evaluation.sets.confirm", lambda *_, **__: answers.pop(0)
    )
    dialog.table.setFocus()
    for left in (["Papers"], []):
        qtbot.keyClick(dialog.table, Qt.Key.Key_Delete)
        _settle(qtbot, session)
        _settle(qtbot, session)
        assert _names(dialog) == left
    assert not answers


def test_queries_are_added_edited_found_and_deleted(
    qtbot: QtBot,
    session: Session,
    services: Services,
    behind: QWidget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = services.query_sets.create_(session.actor, QuerySetDraft("Papers"))
    drafts = [SetQueryDraft(f"query {number}") for number in range(150)]
    services.query_sets.add_queries_(session.actor, own.id, drafts)
    dialog = QueriesDialog(session, own, behind)
    dialog.open()
    _settle(qtbot, session)
    assert dialog.model.rowCount() == 100
    dialog.table.scrollToBottom()
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 150)
    dialog.add()
    form = dialog.findChild(QueryDialog)
    assert form is not None
    form.text.setPlainText("another one")
    form.note.setText("what it has to tell")
    _press(qtbot, session, form.accept_button)
    dialog.filter.setText("another")
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 1)
    (found,) = dialog.model.records
    assert (found.draft.name, found.draft.note) == ("151", "what it has to tell")
    dialog.edit()
    other = next(one for one in dialog.findChildren(QueryDialog) if one.isVisible())
    other.text.setPlainText("another text")
    _press(qtbot, session, other.accept_button)
    _settle(qtbot, session)
    assert [one.draft.text for one in dialog.model.records] == ["another text"]
    monkeypatch.setattr(
        "altus4_desktop.ui.panes.evaluation.set_queries.confirm", lambda *_, **__: True
    )
    dialog.delete()
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 0)
    assert services.query_sets.get_(session.actor, own.id).queries == 150
    dialog.done(0)
