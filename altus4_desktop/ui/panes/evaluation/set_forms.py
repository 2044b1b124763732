"""Forms for query sets: what they are called, what is brought in, and one of their queries."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from altus4_desktop.domain.errors import NotFoundError
from altus4_desktop.domain.query_sets import (
    Imported,
    QuerySet,
    QuerySetDraft,
    SetQuery,
    SetQueryDraft,
)
from altus4_desktop.services.evaluation_files import read_judgements, read_topics
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.evaluation.file_field import FileField
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow

_TEXT_HEIGHT = 84


class SetDialog(FormDialog):
    """Name and description of a new set, or of ``seen``; ``saved`` carries the set."""

    saved = Signal(object)

    def __init__(
        self, session: Session, seen: QuerySet | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="evaluation.set.form", parent=parent)
        self._seen = seen
        draft = seen.draft if seen is not None else QuerySetDraft("")
        self.name = QLineEdit(draft.name)
        self.name.setObjectName("evaluation.set.name")
        self.description = QLineEdit(draft.description)
        self.description.setObjectName("evaluation.set.description")
        self.add_row("name", FormRow(self.tr("Name"), self.name))
        self.add_row("description", FormRow(self.tr("Description"), self.description))
        if seen is None:
            self.entitle(self.tr("New query set"), self.tr("Create"))
        else:
            self.entitle(self.tr("Rename the query set"), self.tr("Save"))
        self.name.selectAll()
        self.name.setFocus()

    def send(self) -> None:
        """Create or change it."""
        sets, actor, seen = self.session.services.query_sets, self.session.actor, self._seen
        draft = QuerySetDraft(self.name.text(), self.description.text())

        def save(_: TaskContext) -> QuerySet:
            if seen is None:
                return sets.create_(actor, draft)
            return sets.update_(actor, seen, draft)

        self.run(save, self._take)

    @Slot(object)
    def _take(self, saved: QuerySet) -> None:
        self.saved.emit(saved)
        self.accept()


class ImportDialog(FormDialog):
    """Queries and judgements of files into the set of a name, which may be new; ``imported``
    carries the set and what was added."""

    imported = Signal(object, object)

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        super().__init__(session, name="evaluation.import", width=520, parent=parent)
        filters = self.tr(
            "TREC, text and JSON lines (*.txt *.tsv *.topics *.qrels *.jsonl);;All files (*)"
        )
        self.name = QLineEdit(name)
        self.name.setObjectName("evaluation.import.name")
        self.queries = FileField(self.tr("Queries"), filters, name="evaluation.import.queries")
        self.qrels = FileField(self.tr("Judgements"), filters, name="evaluation.import.qrels")
        self.add_row(
            "name",
            FormRow(
                self.tr("Query set"),
                self.name,
                hint=self.tr("One of that name is added to; otherwise it is made."),
            ),
        )
        self.add_row(
            "queries",
            FormRow(
                self.tr("Queries"),
                self.queries,
                hint=self.tr("TREC topics; id, tab, text; or JSON lines with “id” and “text”."),
            ),
        )
        self.add_row(
            "qrels",
            FormRow(
                self.tr("Judgements"),
                self.qrels,
                hint=self.tr("TREC's four columns or JSON lines; may be left out."),
            ),
        )
        self.entitle(self.tr("Import queries and judgements"), self.tr("Import"))
        self.queries.setFocus()

    def send(self) -> None:
        """Read the files and add what is in them."""
        queries_path, qrels_path = self.queries.path, self.qrels.path
        if queries_path is None:
            self.work.fields["queries"].show_error(self.tr("Choose a file."))
            self.queries.setFocus()
            return
        sets, actor = self.session.services.query_sets, self.session.actor
        name = self.name.text().strip()

        def bring_in(_: TaskContext) -> tuple[QuerySet, Imported]:
            queries, notes = read_topics(queries_path)
            judgements = read_judgements(qrels_path) if qrels_path is not None else {}
            try:
                own = sets.get_(actor, name)
            except NotFoundError:
                own = sets.create_(actor, QuerySetDraft(name))
            return own, sets.import_(actor, own.id, queries, judgements, notes)

        self.run(bring_in, self._take, Lane.TENANTS)

    @Slot(object)
    def _take(self, done: tuple[QuerySet, Imported]) -> None:
        self.imported.emit(*done)
        self.accept()


class QueryDialog(FormDialog):
    """Text, id and note of a query that is new to a set, or of ``seen``; ``saved``: it is done."""

    saved = Signal()

    def __init__(
        self, session: Session, set_id: str, seen: SetQuery | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="evaluation.query.form", width=520, parent=parent)
        self._set_id, self._seen = set_id, seen
        draft = seen.draft if seen is not None else SetQueryDraft("")
        self.text = QPlainTextEdit(draft.text)
        self.text.setObjectName("evaluation.query.text")
        self.text.setFixedHeight(_TEXT_HEIGHT)
        self.text.setTabChangesFocus(True)
        self.name = QLineEdit(draft.name)
        self.name.setObjectName("evaluation.query.name")
        self.note = QLineEdit(draft.note)
        self.note.setObjectName("evaluation.query.note")
        self.add_row("text", FormRow(self.tr("Query"), self.text))
        self.add_row(
            "name",
            FormRow(
                self.tr("Id"),
                self.name,
                hint=self.tr("What files call it; empty takes the next number."),
            ),
        )
        self.add_row(
            "note",
            FormRow(self.tr("Note"), self.note, hint=self.tr("What a good answer has to tell.")),
        )
        if seen is None:
            self.entitle(self.tr("New query"), self.tr("Add"))
        else:
            self.entitle(self.tr("Edit the query"), self.tr("Save"))
        self.text.setFocus()

    def send(self) -> None:
        """Add or change it."""
        sets, actor, seen = self.session.services.query_sets, self.session.actor, self._seen
        draft = SetQueryDraft(self.text.toPlainText(), self.name.text(), self.note.text())
        set_id = self._set_id
        if seen is not None and not draft.name.strip():
            draft = replace(draft, name=seen.draft.name)

        def save(_: TaskContext) -> None:
            if seen is None:
                sets.add_queries_(actor, set_id, [draft])
            else:
                sets.update_query_(actor, seen, draft)

        self.run(save, self._take)

    @Slot()
    def _take(self) -> None:
        self.saved.emit()
        self.accept()
