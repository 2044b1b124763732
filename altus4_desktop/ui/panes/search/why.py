"""Why a hit is where it is: its words one by one, and how its rank became its score."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.explaining import Explanation, Part, TermUse
from altus4_desktop.ui.models.records import Column, RecordModel
from altus4_desktop.ui.panes.tables import PlainTable
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Busy, InlineMessage, Label

_ROW_HEIGHT = 28


class WhyView(QWidget):
    """Shows an `Explanation`, that one is being made, or why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.why")
        self.setAccessibleName(self.tr("Why this hit is here"))
        self.place = Label(wrap=True, selectable=True)
        self.place.setObjectName("search.why.place")
        self.weights = Label(wrap=True, selectable=True)
        self.weights.setObjectName("search.why.weights")
        self.model: RecordModel[TermUse] = RecordModel(
            (
                Column(self.tr("Word"), lambda term: term.text, tool_tip=lambda term: term.text),
                Column(self.tr("In this row"), self._where, tool_tip=self._where),
                Column(self.tr("Rows"), self._rows, is_number=True, tool_tip=self._rows),
            ),
            self,
        )
        self.table = PlainTable(
            self.model,
            {0: 92, 2: 84},
            1,
            name="search.why.words",
            label=self.tr("Words of the query in this hit"),
        )
        self.table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.table.setMinimumHeight(3 * _ROW_HEIGHT)
        self.note = Label(role="caption", wrap=True)
        self.message = InlineMessage(name="search.why.message")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self.place)
        column.addWidget(self.weights)
        column.addWidget(self.table, 1)
        column.addWidget(self.note)
        failed = QWidget()
        lines = QVBoxLayout(failed)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.addWidget(self.message)
        lines.addStretch(1)
        self.pages = QStackedWidget()
        self._busy = Busy(self.tr("Counting words…"))
        for page in (self._busy, content, failed):
            self.pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.pages)

    @Slot()
    def show_busy(self) -> None:
        """Say that the server is counting."""
        self.pages.setCurrentIndex(0)

    @Slot(object)
    def show_why(self, why: Explanation) -> None:
        """Show an explanation."""
        self.place.setText(self._place_text(why))
        self.model.set_records(why.terms)
        self.weights.setText(self._weight_text(why))
        self.weights.setVisible(bool(why.weights))
        notes = [self.tr("Rows: how many have the word, counted by the server.")]
        if why.table_rows is not None:
            about = self.tr("The table has about {count} by the server's estimate.")
            notes.append(about.format(count=f"{why.table_rows:,}"))
        if why.uncounted:
            notes.append(why.uncounted)
        self.note.setText(" ".join(notes))
        self.pages.setCurrentIndex(1)

    def show_error(self, error: AltusError) -> None:
        """Say why there is no explanation."""
        self.message.show_error(error)
        self.pages.setCurrentIndex(2)

    def _place_text(self, why: Explanation) -> str:
        if why.sorted_by:
            sorted_by = self.tr("Sorted by “{column}”, not by relevance. Its score is {score}.")
            return sorted_by.format(column=why.sorted_by, score=f"{why.source_score:.4g}")
        rank = self.tr("The server put it at place {rank} of its source, with a score of {score}.")
        text = rank.format(rank=why.source_rank, score=f"{why.source_score:.4g}")
        if [part.part for part in why.contributions] == [Part.RANK]:
            merged = self.tr("Among all sources it is worth {weight} / (60 + {rank}) = {worth}.")
            return f"{text} " + merged.format(
                weight=f"{why.weight:.3g}", rank=why.source_rank, worth=f"{why.score:.5f}"
            )
        names = {
            Part.RANK: self.tr("its rank"),
            Part.WORDS: self.tr("its words"),
            Part.MEANING: self.tr("its meaning"),
            Part.FEEDBACK: self.tr("likeness to the best rows"),
            Part.WEIGHT: self.tr("your weights"),
        }
        parts = ", ".join(f"{names[p.part]} {p.value:.3f}" for p in why.contributions)
        return f"{text} " + self.tr("Its score {score} is made of: {parts}.").format(
            score=f"{why.score:.3f}", parts=parts
        )

    def _weight_text(self, why: Explanation) -> str:
        names = {
            False: self.tr("its connection"),
            True: self.tr("its table"),
        }
        named = ", ".join(
            f"{one.column or names[bool(one.table)]} ×{one.weight:g}" for one in why.weights
        )
        text = self.tr("Your weights: {weights}.").format(weights=named)
        ranked = [part.part for part in why.contributions] == [Part.RANK]
        if not ranked:
            return text
        if why.factor == 1 != why.place_weight:
            return f"{text} " + self.tr(
                "They are not used: there is no other source, or this one holds too little of the "
                "question."
            )
        if why.factor == 1:
            return f"{text} " + self.tr("Its words count so much when sources are compared.")
        return f"{text} " + self.tr("They multiply what it is worth by {factor}.").format(
            factor=f"{why.factor:.3g}"
        )

    def _where(self, term: TermUse) -> str:
        if term.ignored:
            return self.tr("not in the index: {why}").format(why=term.ignored.replace("_", " "))
        if not term.columns:
            return self.tr("not seen")
        text = ", ".join(f"{name} {number}×" for name, number in term.columns.items())
        return self.tr("at least {places}").format(places=text) if term.at_least else text

    def _rows(self, term: TermUse) -> str:
        if term.rows is None:
            return "" if term.ignored else self.tr("not counted")
        text = self.tr("about {count}") if term.estimated else "{count}"
        return text.format(count=f"{term.rows:,}")
