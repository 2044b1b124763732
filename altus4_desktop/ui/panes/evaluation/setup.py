"""What is measured and how: queries, A and B."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.query_sets import QuerySet
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.evaluation.file_field import FileField
from altus4_desktop.ui.panes.evaluation.measuring import Files, Material, Past, Plan, Stored
from altus4_desktop.ui.panes.evaluation.way_card import OtherCard, WayCard
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, FormRow, Label, Segments

_SIDE_BY_SIDE = 900
_FILES_SIDE_BY_SIDE = 640


class MaterialCard(Card):
    """Which queries are asked; ``changed``: the choice is not what it was, ``managed``: query sets
    are to be looked after."""

    changed = Signal()
    managed = Signal()

    SETS, FILES, PAST = "sets", "files", "past"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, spacing=Space.M, parent=parent)
        self.body.addWidget(Label(self.tr("Queries to measure by"), "strong"))
        self.kind = Segments(
            (
                (self.SETS, self.tr("Query set")),
                (self.FILES, self.tr("Files")),
                (self.PAST, self.tr("History")),
            ),
            name="evaluation.material",
            label=self.tr("Queries to measure by"),
        )
        self.kind.chosen.connect(self._show_kind)
        self.body.addWidget(self.kind)
        self._sets: tuple[QuerySet, ...] = ()
        self.set = QComboBox()
        self.set.setObjectName("evaluation.set")
        self.set.setAccessibleName(self.tr("Query set"))
        self.set.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.set.setMinimumContentsLength(16)
        self.set.currentIndexChanged.connect(self._show_set)
        self.manage_button = Button(self.tr("Manage…"), icon_name="edit", name="evaluation.manage")
        self.manage_button.clicked.connect(self.managed)
        both = QWidget()
        both.setFocusProxy(self.set)
        line = QHBoxLayout(both)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(Space.S)
        line.addWidget(self.set, 1)
        line.addWidget(self.manage_button)
        self._files = QWidget()
        self._files_box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._files)
        self._files_box.setContentsMargins(0, 0, 0, 0)
        self._files_box.setSpacing(Space.L)
        filters = self.tr("TREC, text and JSON lines (*.txt *.tsv *.qrels *.jsonl);;All files (*)")
        self.queries = FileField(self.tr("Queries"), filters, name="evaluation.queries")
        self.qrels = FileField(self.tr("Judgements"), filters, name="evaluation.qrels")
        self.rows = {
            "set": FormRow(self.tr("Query set"), both),
            "queries": FormRow(
                self.tr("Queries"),
                self.queries,
                hint=self.tr("id, tab, text; or JSON lines with “id” and “text”."),
            ),
            "qrels": FormRow(
                self.tr("Judgements"),
                self.qrels,
                hint=self.tr("TREC's four columns, or JSON lines. May be left out."),
            ),
        }
        for key in ("queries", "qrels"):
            self._files_box.addWidget(self.rows[key], 1)
        for field in (self.queries, self.qrels):
            field.textChanged.connect(self.changed)
        self.past = QComboBox()
        self.past.setObjectName("evaluation.past")
        self.past.addItem(self.tr("My latest queries"), False)
        self.past.addItem(self.tr("My most frequent queries"), True)
        self.past.currentIndexChanged.connect(self.changed)
        self.rows["past"] = FormRow(
            self.tr("Queries of the history"),
            self.past,
            hint=self.tr(
                "Up to 100 are asked again. Nothing is judged: what finds nothing is counted, and "
                "where A and B find something else is told."
            ),
        )
        self.body.addWidget(self.rows["set"])
        self.body.addWidget(self._files)
        self.body.addWidget(self.rows["past"])
        self._show_kind()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Beside each other where there is room."""
        super().resizeEvent(event)
        wide = event.size().width() >= _FILES_SIDE_BY_SIDE
        self._files_box.setDirection(
            QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        )

    @property
    def set_id(self) -> str:
        """The query set that is chosen, whether or not it is what is measured by."""
        return str(self.set.currentData() or "")

    def show_sets(self, sets: Sequence[QuerySet]) -> None:
        """Offer these query sets."""
        chosen = self.set.currentData()
        self._sets = tuple(sets)
        self.set.blockSignals(True)
        self.set.clear()
        for one in sets:
            self.set.addItem(one.draft.name, one.id)
        self.set.setCurrentIndex(max(self.set.findData(chosen), 0))
        self.set.blockSignals(False)
        self.set.setEnabled(bool(sets))
        self._show_set()

    def choose_set(self, set_id: str) -> None:
        """Measure by a query set."""
        self.set.setCurrentIndex(max(self.set.findData(set_id), 0))
        self.choose_kind(self.SETS)

    @Slot()
    def _show_set(self) -> None:
        one = next((one for one in self._sets if one.id == self.set_id), None)
        if one is None:
            hint = self.tr(
                "You have none yet: judge hits in Search (Ctrl+J), or import files under Manage."
            )
        else:
            hint = self.tr(
                "{queries} queries, {judged} of them judged; {judgements} judgements."
            ).format(
                queries=f"{one.queries:,}",
                judged=f"{one.judged:,}",
                judgements=f"{one.judgements:,}",
            )
        self.rows["set"].set_hint(hint)
        self.changed.emit()

    def choice(self) -> Material | None:
        """What is chosen; None while something is missing."""
        if self.kind.key == self.SETS:
            return Stored(self.set_id, self.set.currentText()) if self.set_id else None
        if self.kind.key == self.PAST:
            return Past(by_count=bool(self.past.currentData()))
        path = self.queries.path
        return Files(path, self.qrels.path) if path is not None else None

    def choose_files(self, queries: Path | None, qrels: Path | None) -> None:
        """Choose files; the one that is None stays as it is."""
        self.kind.set_key(self.FILES)
        for field, path in ((self.queries, queries), (self.qrels, qrels)):
            if path is not None:
                field.set_path(path)
        self._show_kind()

    def focus_first(self) -> None:
        """Put the keyboard where the choice is made."""
        fields = {self.SETS: self.set, self.FILES: self.queries, self.PAST: self.past}
        field = fields[self.kind.key]
        (field if field.isEnabled() else self.manage_button).setFocus()

    def choose_kind(self, kind: str) -> None:
        """Show another kind of queries."""
        self.kind.set_key(kind)
        self._show_kind()

    @Slot()
    def _show_kind(self) -> None:
        self.rows["set"].setVisible(self.kind.key == self.SETS)
        self._files.setVisible(self.kind.key == self.FILES)
        self.rows["past"].setVisible(self.kind.key == self.PAST)
        self.changed.emit()


class SetupPage(QScrollArea):
    """The cards; ``changed``: a choice is not what it was."""

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("evaluation.setup")
        self.setAccessibleName(self.tr("What is measured and how"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, Space.XS, 0)
        column.setSpacing(Space.M)
        self.material = MaterialCard()
        self.first = WayCard(session, "A", self.tr("How it searches"))
        self.second = OtherCard(session, self.tr("Compared with"))
        column.addWidget(self.material)
        self._ways = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._ways.setSpacing(Space.M)
        self._ways.addWidget(self.first, 1)
        self._ways.addWidget(self.second, 1)
        column.addLayout(self._ways)
        column.addStretch(1)
        self.setWidget(inside)
        for ground in (self.viewport(), inside):
            ground.setAutoFillBackground(False)
        for card in (self.material, self.first, self.second):
            card.changed.connect(self.changed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A and B beside each other where there is room."""
        super().resizeEvent(event)
        wide = event.size().width() >= _SIDE_BY_SIDE
        self._ways.setDirection(
            QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        )

    def plan(self) -> Plan | None:
        """What is chosen; None while something is missing."""
        material, second = self.material.choice(), self.second.choice()
        if material is None:
            return None
        if second is None and self.second.kind.currentData() != OtherCard.NOTHING:
            return None
        return Plan(material, self.first.form.way(), second)

    def missing(self) -> str:
        """What has to be chosen before anything can be measured; empty when nothing has."""
        if self.material.choice() is None:
            if self.material.kind.key == MaterialCard.SETS:
                return self.tr("Choose a query set.")
            return self.tr("Choose a file of queries.")
        kind = self.second.kind.currentData()
        if kind == OtherCard.KEPT:
            if self.material.kind.key != MaterialCard.SETS:
                return self.tr("Runs are kept of query sets: choose one to measure by.")
            if self.second.choice() is None:
                return self.tr("No run of the query set is kept yet.")
        if kind == OtherCard.FILE and self.second.file.path is None:
            return self.tr("Choose the file of the earlier run.")
        forms = [self.first.form, *([self.second.form] if kind == OtherCard.ANOTHER else [])]
        if any(form.finds_nothing for form in forms):
            return self.tr("Choose one connection at least for A and for B.")
        if len(forms) == 2 and forms[0].way() == forms[1].way():
            return self.tr("A and B search alike: choose another mode or other places for one.")
        return ""

    def show_connections(self, connections: Sequence[Connection]) -> None:
        """Offer these to be searched."""
        for card in (self.first, self.second):
            card.form.show_connections(connections)
        self.changed.emit()

    def keep(self, memory: PaneMemory) -> None:
        """Write the choices down; files are not: they may not be there the next time."""
        memory.keep("a", self.first.form.as_document())
        memory.keep("b", self.second.form.as_document())
        memory.keep("kind", self.second.kind.currentData())
        memory.keep("material", self.material.kind.key)

    def restore(self, memory: PaneMemory) -> None:
        """Choose what was chosen last."""
        self.first.form.show_document(memory.value("a"), SearchMode.NATURAL)
        self.second.form.show_document(memory.value("b"), SearchMode.SEMANTIC)
        kind = self.second.kind.findData(memory.value("kind"))
        self.second.kind.setCurrentIndex(max(kind, 0))
        material = memory.value("material")
        if material in (MaterialCard.FILES, MaterialCard.PAST):
            self.material.choose_kind(str(material))
