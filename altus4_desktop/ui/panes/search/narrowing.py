"""What narrows the hits of one view, and the chips that say so and take it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QObject, QPoint, QRect, QSize, Signal, Slot
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

from altus4_desktop.domain.facets import FacetKind
from altus4_desktop.domain.filtering import ColumnFilter, Narrowing, Operator
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button

_SHOWN_CHARS = 28
_SHOWN_VALUES = 3
_TIP_CHARS = 2_000
_MOST_UNDONE = 50


class NarrowingModel(QObject):
    """What is chosen; every change can be taken back.

    ``shown``: it is other than it was; ``changed``: and somebody wants to see its hits.
    """

    shown = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.current = Narrowing()
        self._before: list[Narrowing] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._before)

    def show(self, narrowing: Narrowing) -> None:
        """Begin with this one."""
        self._before.clear()
        self.current = narrowing
        self.shown.emit()

    def choose(self, narrowing: Narrowing) -> None:
        """Change it to this one."""
        if narrowing == self.current:
            return
        self._before = [*self._before[-_MOST_UNDONE:], self.current]
        self.current = narrowing
        self.shown.emit()
        self.changed.emit()

    @Slot()
    def undo(self) -> None:
        """Take the last change back."""
        if self._before:
            self.current = self._before.pop()
            self.shown.emit()
            self.changed.emit()

    @Slot()
    def clear(self) -> None:
        """Leave nothing out."""
        self.choose(Narrowing(order=self.current.order))

    def add(self, column_filter: ColumnFilter) -> None:
        """Add a filter to the others."""
        now = self.current
        self.choose(replace(now, filters=(*now.filters, column_filter)))

    def chosen_values(self, kind: FacetKind, column: str) -> tuple[str | None, ...]:
        """The values of a facet that are chosen."""
        if kind is FacetKind.CONNECTION:
            return self.current.only_connections
        if kind is FacetKind.TABLE:
            return self.current.only_tables
        known = self._facet_filter(column)
        return known.values if known is not None else ()

    def turn_value(self, kind: FacetKind, column: str, value: str | None) -> None:
        """Choose a value of a facet, or no longer."""
        now, chosen = self.current, self.chosen_values(kind, column)
        values = tuple(v for v in chosen if v != value)
        if len(values) == len(chosen):
            values = (*chosen, value)
        texts = tuple(text for text in values if text is not None)
        if kind is FacetKind.CONNECTION:
            self.choose(replace(now, only_connections=texts))
            return
        if kind is FacetKind.TABLE:
            self.choose(replace(now, only_tables=texts))
            return
        known = self._facet_filter(column)
        kept = tuple(one for one in now.filters if one is not known)
        if values:
            kept = (*kept, ColumnFilter(known.column if known else column, Operator.IS, values))
        self.choose(replace(now, filters=kept))

    def _facet_filter(self, column: str) -> ColumnFilter | None:
        for one in self.current.filters:
            is_whole = not one.table and not one.connection_id
            is_same = one.column.casefold() == column.casefold()
            if is_whole and is_same and one.operator is Operator.IS:
                return one
        return None


class FilterBar(QWidget):
    """A chip for everything that narrows the hits, which takes it away; hidden without any."""

    def __init__(self, model: NarrowingModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.filters")
        self.setAccessibleName(self.tr("Filters"))
        self._model = model
        self._names: Mapping[str, str] = {}
        self._chips: list[Button] = []
        self._without: list[Narrowing] = []
        self._flow = _Flow(self)
        self.clear_button = Button(self.tr("Clear all"), "link", name="search.filters.clear")
        self.clear_button.clicked.connect(model.clear)
        self.undo_button = Button(self.tr("Undo"), "link", name="search.filters.undo")
        self.undo_button.setToolTip(self.tr("Take the last change of the filters back"))
        self.undo_button.clicked.connect(model.undo)
        self._flow.addWidget(self.clear_button)
        self._flow.addWidget(self.undo_button)
        model.shown.connect(self._draw)
        self._draw()

    def show_names(self, names: Mapping[str, str]) -> None:
        """Say what the connections, by id, are called."""
        self._names = names
        self._draw()

    @property
    def chips(self) -> Sequence[Button]:
        """The chips from left to right."""
        return tuple(self._chips)

    @Slot()
    def _draw(self) -> None:
        held = next((at for at, chip in enumerate(self._chips) if chip.hasFocus()), -1)
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        now = self._model.current
        parts = self._parts(now)
        self._chips = []
        self._without = [narrowing for _, _, narrowing in parts]
        for place, (text, tip, _) in enumerate(parts):
            chip = Button(
                _shortened(text, 2 * _SHOWN_CHARS).replace("&", "&&"),
                "secondary",
                icon_name="close",
                name="search.filter",
            )
            chip.setAccessibleName(tip.format(text=_shortened(text, 200)))
            chip.setToolTip(plain_tool_tip(tip.format(text=_shortened(text, _TIP_CHARS))))
            chip.clicked.connect(self._take_away)
            self._flow.insert(place, chip)
            chip.show()
            self._chips.append(chip)
        if now.order is not None and self._chips:
            # The last one turns the order around.
            self._chips[-1].setIcon(icon("arrow-down" if now.order.descending else "arrow-up"))
        self.clear_button.setVisible(now.leaves_out)
        self.undo_button.setVisible(self._model.can_undo)
        self.setVisible(bool(parts) or self._model.can_undo)
        if held >= 0 and self._chips:
            self._chips[min(held, len(self._chips) - 1)].setFocus()

    def _parts(self, now: Narrowing) -> list[tuple[str, str, Narrowing]]:
        """Text, tool tip and what pressing it chooses, of each chip."""
        remove = self.tr("Remove the filter: {text}")
        parts = []
        if now.only_connections:
            names = [self._names.get(id_, "…") for id_ in now.only_connections]
            text = self.tr("Connection: {names}").format(names=_listed(names))
            parts.append((text, remove, replace(now, only_connections=())))
        if now.only_tables:
            text = self.tr("Table: {names}").format(names=_listed(now.only_tables))
            parts.append((text, remove, replace(now, only_tables=())))
        for place, one in enumerate(now.filters):
            kept = (*now.filters[:place], *now.filters[place + 1 :])
            parts.append((filter_words(one), remove, replace(now, filters=kept)))
        if now.threshold:
            text = self.tr("Score at least {share} %").format(share=round(now.threshold * 100))
            parts.append((text, remove, replace(now, threshold=0.0)))
        if now.order is not None:
            text = self.tr("Sorted by {column}").format(column=_shortened(now.order.column))
            turned = replace(now.order, descending=not now.order.descending)
            turn = (
                self.tr("{text}, greatest first: press for the least")
                if now.order.descending
                else self.tr("{text}, least first: press for the greatest")
            )
            parts.append((text, turn, replace(now, order=turned)))
        return parts

    @Slot()
    def _take_away(self) -> None:
        pressed = self.sender()
        for chip, narrowing in zip(self._chips, self._without, strict=True):
            if chip is pressed:
                self._model.choose(narrowing)
                return


def filter_words(one: ColumnFilter) -> str:
    """A filter as people say it."""
    column = _shortened(one.column)
    if one.operator is Operator.RANGE:
        low, high = (_shortened(value or "") for value in (*one.values, "", "")[:2])
        if low and high:
            return f"{column}: {low} – {high}"
        return f"{column} ≥ {low}" if low else f"{column} ≤ {high}"
    empty, null = _tr("empty text"), _tr("no value")
    values = _listed([null if v is None else v or empty for v in one.values])
    texts = {
        Operator.NOT: _tr("{column} is not {values}"),
        Operator.CONTAINS: _tr("{column} contains {values}"),
    }
    return texts.get(one.operator, "{column}: {values}").format(column=column, values=values)


def _tr(text: str) -> str:
    return QCoreApplication.translate("filters", text)


def _shortened(text: str, length: int = _SHOWN_CHARS) -> str:
    line = one_line(text[: length + 1])
    return line if len(line) <= length else line[: length - 1] + "…"


def _listed(values: Sequence[str]) -> str:
    shown = [_shortened(value) for value in values[:_SHOWN_VALUES]]
    if len(values) > _SHOWN_VALUES:
        shown.append(f"+{len(values) - _SHOWN_VALUES}")
    return ", ".join(shown)


class _Flow(QLayout):
    """Puts widgets beside each other, in as many lines as they need."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def insert(self, place: int, widget: QWidget) -> None:
        """Put a widget at a place."""
        self.addWidget(widget)
        self._items.insert(place, self._items.pop())
        self.invalidate()

    def addItem(self, item: QLayoutItem) -> None:
        """Qt adds here."""
        self._items.append(item)

    def count(self) -> int:
        """How many there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """The one at a place."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Take the one at a place out."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        """Narrower is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """How high it is then."""
        return self._place(QRect(0, 0, width, 0), moves=False)

    def setGeometry(self, rect: QRect) -> None:
        """Place them all."""
        super().setGeometry(rect)
        self._place(rect, moves=True)

    def sizeHint(self) -> QSize:
        """As for the widest."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        """Room for each alone."""
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rect: QRect, *, moves: bool) -> int:
        y = rect.y()
        for line in self._lines(rect.width()):
            height = max(size.height() for _, size in line)
            x = rect.x()
            for item, size in line:
                if moves:
                    middle = y + (height - size.height()) // 2
                    item.setGeometry(QRect(QPoint(x, middle), size))
                x += size.width() + Space.XS
            y += height + Space.XS
        return max(0, y - Space.XS - rect.y())

    def _lines(self, width: int) -> list[list[tuple[QLayoutItem, QSize]]]:
        lines: list[list[tuple[QLayoutItem, QSize]]] = []
        used = 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint().boundedTo(QSize(max(width, 1), 1 << 20))
            if not lines or used + size.width() > width:
                lines.append([])
                used = 0
            lines[-1].append((item, size))
            used += size.width() + Space.XS
        return lines
