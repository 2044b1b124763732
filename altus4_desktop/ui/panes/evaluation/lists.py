"""What A and B found for one query, side by side, with ranks and grades."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.evaluation import QueryResult
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.ui.models.records import Column
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.evaluation.measuring import Measured
from altus4_desktop.ui.panes.evaluation.wording import measure_text
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.tables import Mark, MarkedModel, PlainTable
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Badge, Button, Card, IconButton, Label

_SHOWN = 20
_RANK, _GRADE, _NAME, _OTHER = range(4)


@dataclass(frozen=True)
class Found:
    """A document in one list: ``grade`` None was not judged, ``other_rank`` 0 is not in the other
    list."""

    rank: int
    name: str
    title: str
    grade: int | None
    other_rank: int


class FoundList(QWidget):
    """One list under its letter."""

    def __init__(self, letter: str, other: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._other = other
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(Badge(letter, "accent"))
        self.summary = ElidedLabel("", "caption")
        head.addWidget(self.summary, 1)
        column.addLayout(head)
        self.failure = Label("", "error", wrap=True, selectable=True)
        self.failure.setMinimumHeight(1)
        column.addWidget(self.failure)
        self.model = MarkedModel[Found](
            [
                Column("#", lambda it: str(it.rank), is_number=True),
                Column(self.tr("Grade"), _grade_text, tool_tip=self._grade_tip),
                Column(
                    self.tr("Row"),
                    lambda it: it.title or it.name,
                    tool_tip=lambda it: plain_tool_tip(f"{it.title}\n{it.name}".strip()),
                ),
                Column(
                    self.tr("In {other}").format(other=other),
                    _other_text,
                    tool_tip=self._other_tip,
                ),
            ],
            _GRADE,
            _grade_mark,
            self,
        )
        self.table = PlainTable(
            self.model,
            {_RANK: 40, _GRADE: 62, _OTHER: 64},
            _NAME,
            name=f"evaluation.{letter.lower()}.found",
            label=self.tr("What {letter} found").format(letter=letter),
        )
        self.table.horizontalHeader().setMinimumSectionSize(40)
        self.table.verticalHeader().setDefaultSectionSize(28)
        self.table.setMinimumSize(160, 72)
        column.addWidget(self.table, 1)

    def show_result(
        self, result: QueryResult, other: QueryResult | None, grades: dict[str, int]
    ) -> None:
        """Show the first rows of a list."""
        ranks: dict[str, int] = {}
        for rank, name in enumerate(other.documents if other is not None else (), 1):
            ranks.setdefault(name, rank)
        titles = result.titles
        self.model.set_records(
            [
                Found(
                    rank,
                    name,
                    titles[rank - 1] if rank <= len(titles) else "",
                    grades.get(name),
                    ranks.get(name, 0),
                )
                for rank, name in enumerate(result.documents[:_SHOWN], 1)
            ]
        )
        self.table.setColumnHidden(_OTHER, other is None)
        count = len(result.documents)
        found = self.tr("nothing found") if not count else self.tr("{n} found").format(n=count)
        if result.judged:
            found = self.tr("nDCG {ndcg} · P {precision} · {found}").format(
                ndcg=measure_text(result.ndcg),
                precision=measure_text(result.precision),
                found=found,
            )
        self.summary.setText(found)
        self.failure.setText(result.failure)
        self.failure.setVisible(bool(result.failure))

    def _grade_tip(self, found: Found) -> str:
        if found.grade is None:
            return self.tr("Not judged; counts as not relevant")
        return self.tr("Judged {grade}").format(grade=found.grade)

    def _other_tip(self, found: Found) -> str:
        if not found.other_rank:
            return self.tr("{other} does not find it").format(other=self._other)
        return self.tr("Place {rank} in {other}").format(rank=found.other_rank, other=self._other)


class ListsPanel(Card):
    """Both lists of a query; ``opened`` carries the side ("a", "b") that is to be searched with,
    ``closed``: back to the table."""

    opened = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.M, spacing=Space.S, parent=parent)
        self.setObjectName("evaluation.lists")
        self.setAccessibleName(self.tr("What A and B found"))
        self.pair: QueryPair | None = None
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        self.query = ElidedLabel("", "strong")
        head.addWidget(self.query, 1)
        self.open_first = Button(
            self.tr("Search with A"), "quiet", icon_name="search", name="evaluation.a.open"
        )
        self.open_second = Button(
            self.tr("Search with B"), "quiet", icon_name="search", name="evaluation.b.open"
        )
        self.open_first.clicked.connect(self._open_first)
        self.open_second.clicked.connect(self._open_second)
        close = IconButton("close", self.tr("Close the lists"), name="evaluation.lists.close")
        close.clicked.connect(self.closed)
        for button in (self.open_first, self.open_second, close):
            head.addWidget(button)
        self.body.addLayout(head)
        both = QHBoxLayout()
        both.setSpacing(Space.M)
        self.first, self.second = FoundList("A", "B"), FoundList("B", "A")
        both.addWidget(self.first, 1)
        both.addWidget(self.second, 1)
        self.body.addLayout(both, 1)

    def show_pair(self, pair: QueryPair, measured: Measured) -> None:
        """Show another query."""
        self.pair = pair
        grades = dict(measured.judgements.get(pair.query.id, {}))
        self.query.setText(" ".join(pair.query.text.split()))
        self.first.show_result(pair.first, pair.second, grades)
        self.second.setVisible(pair.second is not None)
        if pair.second is not None:
            self.second.show_result(pair.second, pair.first, grades)
        runs = (measured.first, measured.second)
        for button, run in zip((self.open_first, self.open_second), runs, strict=True):
            button.setVisible(run is not None and run.configuration is not None)

    @Slot()
    def _open_first(self) -> None:
        self.opened.emit("a")

    @Slot()
    def _open_second(self) -> None:
        self.opened.emit("b")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape goes back to the table."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


def _grade_text(found: Found) -> str:
    return "–" if found.grade is None else str(found.grade)


def _other_text(found: Found) -> str:
    if not found.other_rank:
        return "–"
    # Whether the other list has it above or below this one's place.
    arrow = "=" if found.other_rank == found.rank else "▲" if found.other_rank < found.rank else "▼"
    return f"{arrow} {found.other_rank}"


def _grade_mark(found: Found) -> Mark:
    if found.grade is None:
        return ("help", "faint")
    return ("check", "success") if found.grade > 0 else ("minus", "muted")
