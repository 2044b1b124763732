"""The panel beside the hits: what they have in common, counted, to choose from."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QSlider,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.facets import Facet, FacetKind, FacetReport, FacetValue
from altus4_desktop.domain.searching import SearchMode, SearchRequest
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.narrowing import NarrowingModel
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Label

_FACET = Qt.ItemDataRole.UserRole + 1
_SHOWN_CHARS = 120
_TIP_CHARS = 2_000
_STEP = 5
_PAUSE_MS = 350
_WIDTH = 220


class FacetPanel(QWidget):
    """Counts while it is shown; a tick filters at once.

    ``add_wanted``: somebody wants to filter by a column that is no facet.
    """

    add_wanted = Signal()

    def __init__(
        self, session: Session, narrowing: NarrowingModel, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("search.facets")
        self.setAccessibleName(self.tr("Filter the hits"))
        self.setMinimumWidth(_WIDTH)
        self._session = session
        self._narrowing = narrowing
        self._request: SearchRequest | None = None
        self._counted: SearchRequest | None = None
        self._is_drawing = False
        self._closed: set[tuple[FacetKind, str]] = set()
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._take_failure)
        self.items = QStandardItemModel(0, 2, self)
        self.tree = self._build_tree()
        self.note = Label(role="caption", wrap=True)
        self.note.setObjectName("search.facets.note")
        self._filler = QWidget()
        self.add_button = Button(
            self.tr("Add a filter…"), "quiet", icon_name="plus", name="search.filter.add"
        )
        self.add_button.clicked.connect(self.add_wanted)
        self._build_threshold()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        head = QHBoxLayout()
        head.addWidget(self.add_button)
        head.addStretch(1)
        column.addLayout(head)
        foot = QHBoxLayout()
        foot.setSpacing(Space.S)
        foot.addWidget(self.share)
        foot.addWidget(self.slider, 1)
        column.addWidget(self.tree, 1)
        column.addWidget(self.note)
        column.addWidget(self._filler, 1)
        column.addLayout(foot)
        narrowing.shown.connect(self._show_narrowing)
        self.items.itemChanged.connect(self._take_tick)
        self._show_narrowing()
        self._say("")
        self._show_report(FacetReport())

    def _build_threshold(self) -> None:
        self.share = Label(role="caption")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("search.threshold")
        self.slider.setAccessibleName(self.tr("Least score"))
        self.slider.setRange(0, 100 // _STEP)
        self.slider.setPageStep(4)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._take_threshold)
        self.slider.valueChanged.connect(self._note_threshold)

    def _build_tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setObjectName("search.facets.tree")
        tree.setAccessibleName(self.tr("What the hits have in common"))
        tree.setModel(self.items)
        tree.setHeaderHidden(True)
        tree.setIndentation(Space.M)
        tree.setUniformRowHeights(True)
        tree.setAllColumnsShowFocus(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.collapsed.connect(self._note_folding)
        tree.expanded.connect(self._note_folding)
        return tree

    def show_search(
        self, request: SearchRequest | None, *, running: bool, paging: bool = False
    ) -> None:
        """Count what ``request`` finds, as soon as it has found it and somebody looks; ``paging``:
        it only fetches more of the same."""
        self._request = request
        self._say_threshold()
        if paging:
            return
        if running or request is None:
            self._task.drop()
            self._counted = None
            self._say("")
            if request is None:
                self._show_report(FacetReport())
        elif not self.isHidden():
            self.count()

    def count(self) -> None:
        """Count, unless that has been done."""
        request = self._request
        if request is None or request == self._counted:
            return
        self._counted = request
        service, actor = self._session.services.search, self._session.actor

        def work(context: TaskContext) -> FacetReport:
            return service.count_facets(actor, request, context.token)

        self._task.start(work)
        # The tree stays enabled, or the keyboard would be taken out of it at every tick.
        self._say(self.tr("Counting…"))

    def enter(self) -> None:
        """Put the keyboard into the values, or where a filter is added."""
        place: QWidget = self.tree if self.items.rowCount() else self.add_button
        place.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def close_work(self) -> None:
        """Nobody looks any more."""
        self._pause.stop()
        self._task.drop()

    # What was counted

    @Slot(object)
    def _take(self, report: FacetReport) -> None:
        self._show_report(report)
        notes = [notice.message for notice in report.notices]
        if report.of_candidates:
            notes.append(self.tr("Counted among the rows that were ranked."))
        if report.at_least:
            notes.append(self.tr("Not all rows were counted: there are at least as many."))
        if not report.facets:
            notes.append(self.tr("The hits have no column with few values to choose from."))
        self._say(" ".join(notes))

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        self._counted = None
        self._show_report(FacetReport())
        said = error_message(error) if isinstance(error, AltusError) else ""
        self._say(self.tr("Not counted. {why}").format(why=said))

    def _show_report(self, report: FacetReport) -> None:
        held = self._place_of_current()
        self._is_drawing = True
        self.items.removeRows(0, self.items.rowCount())
        for facet in report.facets:
            self.items.appendRow(self._facet_row(facet))
        for row in range(self.items.rowCount()):
            index = self.items.index(row, 0)
            facet = index.data(_FACET)
            self.tree.setFirstColumnSpanned(row, self.tree.rootIndex(), True)
            if facet.has_more:
                self.tree.setFirstColumnSpanned(len(facet.values), index, True)
            self.tree.setExpanded(index, (facet.kind, facet.column) not in self._closed)
        self._is_drawing = False
        if not report.facets and self.tree.hasFocus():
            self.add_button.setFocus()
        self.tree.setVisible(bool(report.facets))
        self._filler.setVisible(not report.facets)
        self._choose_current(held)

    def _facet_row(self, facet: Facet) -> list[QStandardItem]:
        titles = {
            FacetKind.CONNECTION: self.tr("Connections"),
            FacetKind.TABLE: self.tr("Tables"),
        }
        head = QStandardItem(titles.get(facet.kind) or one_line(facet.column[:_SHOWN_CHARS]))
        head.setData(facet, _FACET)
        head.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        font = head.font()
        font.setBold(True)
        head.setFont(font)
        chosen = self._narrowing.chosen_values(facet.kind, facet.column)
        for value in facet.values:
            head.appendRow(self._value_row(facet, value, is_chosen=value.value in chosen))
        if facet.has_more:
            more = QStandardItem(self.tr("… and others"))
            more.setFlags(Qt.ItemFlag.ItemIsEnabled)
            head.appendRow([more, QStandardItem("")])
        count = QStandardItem("")
        count.setFlags(Qt.ItemFlag.ItemIsEnabled)
        return [head, count]

    def _value_row(
        self, facet: Facet, value: FacetValue, *, is_chosen: bool
    ) -> list[QStandardItem]:
        text = self._value_text(facet, value)
        name = QStandardItem(one_line(text[:_SHOWN_CHARS]))
        name.setData(value, _FACET)
        name.setToolTip(plain_tool_tip(text[:_TIP_CHARS]))
        name.setFlags(
            Qt.ItemFlag.ItemIsEnabled
            | Qt.ItemFlag.ItemIsSelectable
            | Qt.ItemFlag.ItemIsUserCheckable
        )
        name.setCheckState(_state(is_chosen=is_chosen))
        number = f"{value.count:,}"
        count = QStandardItem(f"≥ {number}" if facet.at_least else number)
        count.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        spoken = self.tr("{value}: {count} hits").format(value=name.text(), count=count.text())
        name.setData(spoken, Qt.ItemDataRole.AccessibleTextRole)
        return [name, count]

    def _value_text(self, facet: Facet, value: FacetValue) -> str:
        if value.value is None:
            return self.tr("no value")
        if facet.kind is FacetKind.TRUTH and value.value in ("0", "1"):
            return self.tr("yes") if value.value == "1" else self.tr("no")
        return value.label or self.tr("empty text")

    @Slot(QStandardItem)
    def _take_tick(self, item: QStandardItem) -> None:
        if self._is_drawing:
            return
        value, head = item.data(_FACET), item.parent()
        if not isinstance(value, FacetValue) or head is None:
            return
        facet: Facet = head.data(_FACET)
        chosen = value.value in self._narrowing.chosen_values(facet.kind, facet.column)
        if chosen != (item.checkState() is Qt.CheckState.Checked):
            self._narrowing.turn_value(facet.kind, facet.column, value.value)

    def _place_of_current(self) -> tuple[FacetKind, str, str | None] | None:
        index = self.tree.currentIndex().siblingAtColumn(0)
        value, facet = index.data(_FACET), index.parent().data(_FACET)
        if not isinstance(value, FacetValue) or not isinstance(facet, Facet):
            return None
        return facet.kind, facet.column, value.value

    def _choose_current(self, place: tuple[FacetKind, str, str | None] | None) -> None:
        for row in range(self.items.rowCount()):
            head = self.items.item(row)
            facet: Facet = head.data(_FACET)
            for at, value in enumerate(facet.values):
                if place == (facet.kind, facet.column, value.value):
                    self.tree.setCurrentIndex(head.child(at).index())
                    return

    @Slot()
    def _note_folding(self) -> None:
        if self._is_drawing:
            return
        for row in range(self.items.rowCount()):
            index = self.items.index(row, 0)
            facet: Facet = index.data(_FACET)
            place = (facet.kind, facet.column)
            if self.tree.isExpanded(index):
                self._closed.discard(place)
            else:
                self._closed.add(place)

    # What is chosen

    @Slot()
    def _show_narrowing(self) -> None:
        now = self._narrowing.current
        if not self._pause.isActive():
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(now.threshold * 100 / _STEP))
        self._say_threshold()
        self._is_drawing = True
        for row in range(self.items.rowCount()):
            head = self.items.item(row)
            facet: Facet = head.data(_FACET)
            chosen = self._narrowing.chosen_values(facet.kind, facet.column)
            for at, value in enumerate(facet.values):
                head.child(at).setCheckState(_state(is_chosen=value.value in chosen))
        self._is_drawing = False

    @Slot()
    def _note_threshold(self) -> None:
        self._say_threshold()
        self._pause.start()

    def _say_threshold(self) -> None:
        share = self.slider.value() * _STEP
        text = self.tr("Score ≥ {share} %").format(share=share)
        self.share.setText(text if share else self.tr("Any score"))
        request = self._request
        tip = (
            self.tr("Hits at least {share} % of the way from the worst ranked score to the best")
            if request is not None and request.mode is SearchMode.SEMANTIC
            else self.tr("Hits that score at least {share} % of the best")
        ).format(share=share)
        self.slider.setToolTip(tip)
        self.slider.setAccessibleDescription(tip)

    @Slot()
    def _take_threshold(self) -> None:
        now = self._narrowing.current
        share = self.slider.value() * _STEP / 100
        if round(now.threshold * 100) != round(share * 100):
            self._narrowing.choose(replace(now, threshold=share))


def _state(*, is_chosen: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if is_chosen else Qt.CheckState.Unchecked
