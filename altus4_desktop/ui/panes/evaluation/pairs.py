"""The table of queries: what A and B got for each, and how far they are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.evaluation import QueryResult
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import RECORD_ROLE, Column
from altus4_desktop.ui.panes.evaluation.wording import gain_text, measure_text
from altus4_desktop.ui.panes.paged import PagedModel
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.theme import Space, worn_palette

QUERY, FIRST, SECOND, CHANGE, NOTE = range(5)
_PAGE = 200
_BAR, _BAR_HEIGHT = 72, 8
_NOTE_FROM, _FIGURES_FROM = 700, 430
AnyIndex = QModelIndex | QPersistentModelIndex


class Kept(StrEnum):
    """Which queries are shown."""

    ALL = "all"
    CHANGED = "changed"
    WORSE = "worse"
    FAILED = "failed"


_FITS: dict[Kept, Callable[[QueryPair], bool]] = {
    Kept.ALL: lambda _: True,
    Kept.CHANGED: lambda pair: pair.has_changed,
    Kept.WORSE: lambda pair: pair.is_worse,
    Kept.FAILED: lambda pair: bool(pair.failure),
}


def count_kept(pairs: Sequence[QueryPair]) -> dict[Kept, int]:
    """How many queries each choice shows."""
    return {kept: sum(map(fits, pairs)) for kept, fits in _FITS.items()}


class PairModel(PagedModel[QueryPair]):
    """Queries in the chosen order, laid out a page at a time as they are scrolled to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            [
                Column(_tr("Query"), lambda pair: " ".join(pair.query.text.split())),
                Column(_tr("A"), lambda pair: _got(pair.first), is_number=True),
                Column(_tr("B"), lambda pair: _got(pair.second), is_number=True),
                Column(_tr("Change"), _change),
                Column(_tr("Note"), _note),
            ],
            parent,
        )
        self._pairs: tuple[QueryPair, ...] = ()
        self._fitting: list[QueryPair] = []
        self._kept, self._words = Kept.ALL, list[str]()
        self._order = (CHANGE, Qt.SortOrder.AscendingOrder)
        self.largest_gain = 1.0
        self.more_wanted.connect(self._lay_out_more)

    @property
    def count(self) -> int:
        """How many queries fit, laid out or not."""
        return len(self._fitting)

    def show_pairs(self, pairs: Sequence[QueryPair]) -> None:
        """Show the queries of another run."""
        self._pairs = tuple(pairs)
        # What the bars are measured by: of small changes something is to be seen too.
        self.largest_gain = max((abs(pair.gain or 0.0) for pair in pairs), default=0.0) or 1.0
        self._arrange()

    def keep(self, kept: Kept, words: str) -> None:
        """Show only these, and of them those with all words in their text, name or note."""
        self._kept, self._words = kept, words.casefold().split()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Show them by a column; what has no value there stands last."""
        if (column, order) != self._order and 0 <= column < self.columnCount():
            self._order = (column, order)
            self._arrange()

    def row_of(self, query_id: str) -> int:
        """Where a query stands among those that are laid out; -1 where it does not."""
        return self._find_row(lambda pair: pair.query.id == query_id)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The picture of what failed too."""
        if role == Qt.ItemDataRole.DecorationRole and index.isValid():
            pair = self.record_at(index.row())
            if index.column() == NOTE and pair is not None and pair.failure:
                return icon("error", "danger")
            return None
        return super().data(index, role)

    def _lay_out_more(self) -> None:
        begin, end = self.rowCount(), self.rowCount() + _PAGE
        self._append(self._fitting[begin:end], has_more=end < len(self._fitting))

    def _arrange(self) -> None:
        fits, words = _FITS[self._kept], self._words
        found = [pair for pair in self._pairs if fits(pair) and _has(pair, words)]
        column, order = self._order
        valued = [pair for pair in found if _sort_value(pair, column) is not None]
        rest = [pair for pair in found if _sort_value(pair, column) is None]
        valued.sort(
            key=lambda pair: _sort_value(pair, column),  # type: ignore[arg-type, return-value]  # one type a column
            reverse=order == Qt.SortOrder.DescendingOrder,
        )
        self._fitting = valued + rest
        self._begin(self._fitting[:_PAGE], has_more=len(self._fitting) > _PAGE)


class ChangeBar(QStyledItemDelegate):
    """A bar from the middle, to the right for what got better, with the figure beside it."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """The text is drawn beside the bar, not by the style."""
        super().initStyleOption(option, index)
        option.text = ""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Ground, bar and text."""
        super().paint(painter, option, index)
        pair, model = index.data(RECORD_ROLE), index.model()
        if not isinstance(pair, QueryPair) or not isinstance(model, PairModel):
            return
        colors = worn_palette()
        room = option.rect.adjusted(Space.S, 0, -Space.S, 0)
        gain = pair.gain
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        role = "muted"
        if gain is not None:
            middle = room.left() + _BAR / 2
            top = room.center().y() - _BAR_HEIGHT / 2 + 1
            length = abs(gain) / model.largest_gain * _BAR / 2
            role = "success" if gain > 0 else "danger" if gain < 0 else "muted"
            painter.setBrush(colors.color("border"))
            painter.drawRoundedRect(QRectF(room.left(), top, _BAR, _BAR_HEIGHT), 2, 2)
            painter.setBrush(colors.color(role))
            if gain:
                left = middle if gain > 0 else middle - max(length, 2)
                painter.drawRect(QRectF(left, top, max(length, 2), _BAR_HEIGHT))
            painter.setBrush(colors.color("border_input"))
            painter.drawRect(QRectF(middle - 0.5, top - 3, 1, _BAR_HEIGHT + 6))
            room.setLeft(room.left() + _BAR + Space.M)
        painter.setPen(colors.color(role))
        painter.setFont(option.font)
        text = option.fontMetrics.elidedText(
            str(index.data() or ""), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(
            room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text
        )
        painter.restore()


class PairTable(QTableView):
    """Enter and a double click open the query; Escape selects nothing."""

    opened = Signal()

    def __init__(self, model: PairModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_second = True
        self.setObjectName("evaluation.table")
        self.setAccessibleName(_tr("Queries and how A and B did"))
        self.setModel(model)
        show_whole_rows(self)
        self.setItemDelegateForColumn(CHANGE, ChangeBar(self))
        self.setMinimumSize(240, 96)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(56)
        header.setSectionResizeMode(QUERY, QHeaderView.ResizeMode.Stretch)
        found = self.fontMetrics().horizontalAdvance(_found(1000)) + 3 * Space.M
        for column, width in ((FIRST, found), (SECOND, found), (CHANGE, 178), (NOTE, 190)):
            header.resizeSection(column, width)
        header.setSortIndicator(CHANGE, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.doubleClicked.connect(self.opened)

    def show_second(self, *, shown: bool) -> None:
        """Whether there is a B to show."""
        self._has_second = shown
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the queries themselves."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        width = self.width()
        self.setColumnHidden(NOTE, width < _NOTE_FROM)
        self.setColumnHidden(FIRST, width < _FIGURES_FROM and self._has_second)
        self.setColumnHidden(SECOND, width < _FIGURES_FROM or not self._has_second)
        self.setColumnHidden(CHANGE, not self._has_second)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Escape leaves."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        else:
            super().keyPressEvent(event)


def _got(result: QueryResult | None) -> str:
    if result is None:
        return "–"
    if result.judged:
        return measure_text(result.ndcg)
    return _found(len(result.documents))


def _found(count: int) -> str:
    return _tr("{count} found").format(count=count)


def _change(pair: QueryPair) -> str:
    if pair.second is None:
        return ""
    if pair.gain is not None:
        return gain_text(pair.gain)
    if pair.same:
        return _tr("the same")
    return _tr("{count} of 10 alike").format(count=pair.shared)


def _note(pair: QueryPair) -> str:
    if pair.failure:
        return pair.failure
    if not pair.first.judged:
        return _tr("Nothing relevant judged") if pair.first.graded else _tr("Not judged")
    runs = [result for result in (pair.first, pair.second) if result is not None]
    empty = [letter for letter, run in zip("AB", runs, strict=False) if not run.documents]
    if len(empty) == len(runs):
        return _tr("Finds nothing")
    return _tr("{letter} finds nothing").format(letter=empty[0]) if empty else ""


def _sort_value(pair: QueryPair, column: int) -> str | float | None:
    if column == QUERY:
        return pair.query.text.casefold()
    if column == NOTE:
        return _note(pair).casefold() or None
    if column == CHANGE:
        # Of those that are not judged the most different come first, after all that are.
        return pair.gain if pair.gain is not None else 2.0 + pair.shared + pair.same
    result = pair.first if column == FIRST else pair.second
    if result is None:
        return None
    return result.ndcg if result.judged else 2.0 + len(result.documents)


def _has(pair: QueryPair, words: Sequence[str]) -> bool:
    if not words:
        return True
    text = f"{pair.query.id} {pair.query.text} {_note(pair)}".casefold()
    return all(word in text for word in words)


def _tr(text: str) -> str:
    return QCoreApplication.translate("evaluation", text)
