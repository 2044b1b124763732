"""What a search found: a chip for every source, the list of hits, one hit in full, the foot."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.explaining import Explanation
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo
from altus4_desktop.domain.searching import SearchHit, SourceRef
from altus4_desktop.ui.focus_order import put_after
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.search.controller import (
    FullRow,
    Phase,
    SearchController,
    SearchState,
)
from altus4_desktop.ui.panes.search.copying import CopyFormat
from altus4_desktop.ui.panes.search.detail import DetailPanel
from altus4_desktop.ui.panes.search.export_dialog import ExportDialog
from altus4_desktop.ui.panes.search.foot import ANSWERED, ResultsFoot
from altus4_desktop.ui.panes.search.grouping import (
    Grouping,
    GroupKey,
    group_by_source,
    group_key,
    state_texts,
)
from altus4_desktop.ui.panes.search.hits import HitList, ProgressLine
from altus4_desktop.ui.panes.search.model import SORTED_AT_MOST, HitModel, HitOrder, arranged
from altus4_desktop.ui.panes.search.pages import SearchPages
from altus4_desktop.ui.panes.search.sources import SourceBar
from altus4_desktop.ui.panes.search.sql_dialog import SqlDialog
from altus4_desktop.ui.panes.search.states import Remarks
from altus4_desktop.ui.panes.search.widths import PartWidths
from altus4_desktop.ui.panes.search.wording import value_text
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import wants_password, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.turns import Turns
from altus4_desktop.ui.widgets import IconButton
from altus4_desktop.ui.widgets.states import Action

_LEAST_SHARE = 0.04


class ResultsView(QWidget):
    """Draws one search below its query.

    ``left_upwards``: the keyboard wants to go back to the query; ``panel_wanted`` (bool): details
    are asked for, or no longer. What narrows the hits goes into ``split`` before the list, or into
    ``above_list``. The hit in full is built when it is first wanted: a search that nobody runs
    needs none.
    """

    left_upwards = Signal()
    panel_wanted = Signal(bool)

    def __init__(
        self, session: Session, controller: SearchController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.controller = controller
        self.hits = HitModel(self)
        self._order = HitOrder.RELEVANCE
        self._only: SourceRef | None = None
        # The groups that show their head alone, and the hit that was current in each.
        self._folded: dict[GroupKey, SearchHit | None] = {}
        self._has_picked = False
        self._shows_panel = True
        self._detail: DetailPanel | None = None
        self._below_detail: QWidget | None = None
        self._memory: PaneMemory | None = None
        self._exporting: ExportDialog | None = None
        self.remarks = Remarks()
        self.sources = SourceBar()
        self.line = ProgressLine()
        self._attic = QWidget(self)
        self._attic.hide()
        self._turns = Turns(self)
        self.pages = SearchPages(self._build_rows())
        self.foot = ResultsFoot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(self._build_progress())
        column.addWidget(self.remarks)
        column.addWidget(self.pages, 1)
        column.addWidget(self.foot)
        self._connect()

    def _build_progress(self) -> QVBoxLayout:
        progress = QVBoxLayout()
        progress.setSpacing(2)
        chips = QHBoxLayout()
        chips.setSpacing(Space.XS)
        chips.addWidget(self.sources, 1)
        self.more_sources = IconButton(
            "chevron-right", self.tr("Show further sources"), name="search.sources.more", size=16
        )
        self.more_sources.hide()
        self.more_sources.clicked.connect(self.sources.turn_page)
        self.sources.overflows.connect(self.more_sources.setVisible)
        chips.addWidget(self.more_sources)
        progress.addLayout(chips)
        progress.addWidget(self.line)
        return progress

    def _build_rows(self) -> QWidget:
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setObjectName("search.results")
        self.split.setHandleWidth(Space.M)
        self.split.setChildrenCollapsible(False)
        self.list = HitList()
        self.list.setModel(self.hits)
        area = QWidget()
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self.above_list = QVBoxLayout()
        column.addLayout(self.above_list)
        column.addWidget(self.list, 1)
        self.split.addWidget(area)
        self.split.setStretchFactor(0, 5)
        self.widths = PartWidths(self.split)
        return self.split

    @property
    def detail(self) -> DetailPanel:
        """The current hit in full."""
        return self._detail or self._build_detail()

    @property
    def shows_panel(self) -> bool:
        """Whether the current hit is to be seen in full."""
        return self._shows_panel

    def _build_detail(self) -> DetailPanel:
        controller = self.controller
        detail = self._detail = DetailPanel()
        if not self._shows_panel:
            detail.hide()
        detail.closed.connect(self._hide_panel)
        detail.full_row_wanted.connect(self._read_full_row)
        detail.copy_cell_wanted.connect(self._copy_cell)
        detail.why_wanted.connect(self._explain)
        controller.full_row_ended.connect(detail.reader.end_loading)
        controller.why_failed.connect(detail.why.show_error)
        self.session.theme.changed.connect(detail.reader.text.draw_marks)
        self.split.addWidget(detail)
        put_after(self.list, detail)
        if self._below_detail is not None:
            detail.below.addWidget(self._below_detail)
        self.split.setStretchFactor(self.split.count() - 1, 4)
        self.widths.share_out()
        if self._memory is not None:
            detail.restore_layout(self._memory)
        return detail

    def put_below_detail(self, part: QWidget) -> None:
        """Have ``part`` stay in sight below the current hit in full."""
        self._below_detail = part
        if self._detail is not None:
            self._detail.below.addWidget(part)
        else:
            part.setParent(self._attic)

    def _connect(self) -> None:
        controller = self.controller
        controller.schema_ready.connect(self._take_schema)
        controller.full_row_ready.connect(self._take_full_row)
        controller.full_row_failed.connect(self._take_full_row_failure)
        controller.copy_ready.connect(self._take_copy)
        controller.value_copy_ready.connect(self._take_value)
        self.pages.again_wanted.connect(controller.again)
        self.sources.source_chosen.connect(self._choose_source)
        self.sources.retry_wanted.connect(self._retry)
        self.foot.all_button.clicked.connect(self._show_all)
        self.foot.more_button.clicked.connect(controller.load_more)
        self.foot.copy_wanted.connect(self.copy)
        controller.why_ready.connect(self._take_why)
        self.foot.sql_button.clicked.connect(self.show_statements)
        self.foot.export_button.clicked.connect(self.export)
        self.list.copy_wanted.connect(self.copy)
        self.list.fold_wanted.connect(self._fold)
        self.list.left_upwards.connect(self.left_upwards)
        self.list.opened.connect(self._enter_detail)
        self.list.stop_wanted.connect(controller.stop)
        self.list.customContextMenuRequested.connect(self._open_hit_menu)
        self.hit_menu = self._build_hit_menu()
        self.list.selectionModel().currentChanged.connect(self._show_current)
        self.list.selectionModel().selectionChanged.connect(self._count_selected)
        self.list.picked.connect(self._note_pick)

    def _build_hit_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName("search.hit.menu")
        related = QAction(icon("search"), self.tr("More like this"), menu)
        related.setObjectName("search.related")
        related.setShortcut(QKeySequence("Ctrl+M"))
        # Shown in the menu only: the view binds the key.
        related.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        related.triggered.connect(self.find_related)
        menu.addAction(related)
        menu.addSeparator()
        menu.addActions(self.foot.copy_menu.actions())
        return menu

    def save_layout(self, memory: PaneMemory) -> None:
        """Write down what somebody has arranged."""
        self.widths.keep(memory)
        if self._detail is not None:
            self._detail.save_layout(memory)

    def restore_layout(self, memory: PaneMemory) -> None:
        """Arrange it as it was."""
        self._memory = memory
        self.widths.restore(memory)
        if self._detail is not None:
            self._detail.restore_layout(memory)

    # Drawing

    def begin(self) -> None:
        """Another search is about to run: nothing is picked or folded, no source stands alone."""
        self._only = None
        self._folded.clear()
        self._has_picked = False
        self.sources.sources.choose(None)
        if self._shows_panel and self._detail is None:
            # While the servers look for hits.
            self._turns.take([self._build_detail_early])

    def _build_detail_early(self) -> None:
        if self._detail is None:
            self._build_detail()

    def show_state(self, state: SearchState, *, has_connections: bool, is_scoped: bool) -> None:
        """Draw all of it."""
        self.list.is_stoppable = state.running
        self.sources.show_reports(state.sources)
        self.sources.setVisible(bool(state.sources))
        answered = sum(1 for report in state.sources if report.state in ANSWERED)
        share = answered / len(state.sources) if state.sources else 0.0
        self.line.show_share(max(_LEAST_SHARE, share) if state.running else None)
        self._draw_hits(state)
        self.pages.show_state(state, has_connections=has_connections, is_scoped=is_scoped)
        self._draw_foot(state)

    def show_remarks(self, state: SearchState) -> None:
        """Say what a search that found something still has to say."""
        rows = state.phase is Phase.ROWS and not state.running
        self.remarks.show_notices(state.notices if rows else ())

    def arrange(self, order: HitOrder) -> None:
        """Show the hits in another order; nothing is folded in it."""
        hit = self._last_hit()
        self._folded.clear()
        self._order = order
        self._draw_again()
        row = self.hits.find(hit) if hit is not None and self._has_picked else -1
        if row >= 0:
            self.list.go_to(row)
            self.list.scrollTo(self.list.currentIndex())

    def _draw_again(self) -> None:
        self._draw_hits(self.controller.state)
        self._draw_foot(self.controller.state)

    def _draw_hits(self, state: SearchState) -> None:
        if state.phase is Phase.BUSY and not state.hits:
            return
        only = frozenset((self._only,)) if self._only else frozenset[SourceRef]()
        places = arranged(state.hits, self._order, only)
        shown = Grouping(places)
        if self._order is HitOrder.SOURCE and len(places) <= SORTED_AT_MOST:
            states = state_texts(state.sources)
            shown = group_by_source(state.hits, places, self._folded.keys(), states)
        key = self._current_group()
        self.hits.show(state.hits, shown.rows, shown.heads)
        self.list.fit_heads(self.hits.head_rows())
        if self.hits.rowCount() and not (self._has_picked and self.list.currentIndex().isValid()):
            if self._has_picked and key in self._folded:
                self.list.go_to(self.hits.find_head(key))
            else:
                # Until somebody picks a hit the best one so far is shown.
                self.list.go_to(self.hits.next_hit(-1))
                self.list.scrollToTop()
        self._show_current()

    def _draw_foot(self, state: SearchState) -> None:
        self.foot.show_state(
            state,
            shown=self.hits.hit_count(),
            order=self._order,
            one_source=self._only is not None,
        )
        self._count_selected()

    # Hits

    @Slot()
    def _note_pick(self) -> None:
        self._has_picked = True

    @Slot(int, bool)
    def _fold(self, row: int, folds: bool) -> None:
        head = self.hits.head_at(row)
        key = head.key if head is not None else group_key(self.hits.hit_at(row).source)
        if folds == (key in self._folded):
            return
        self._note_pick()
        is_current = self._current_group() == key
        if folds:
            self._folded[key] = self.current_hit() if is_current else None
            self._draw_again()
        else:
            hit = self._folded.pop(key)
            self._draw_again()
            if is_current:
                back = self.hits.find(hit) if hit is not None else -1
                self.pick(back if back >= 0 else self.hits.find_head(key) + 1)
        place = self.hits.index(self.hits.find_head(key))
        self.session.announced.emit(str(place.data(Qt.ItemDataRole.AccessibleTextRole)))

    def _current_group(self) -> GroupKey | None:
        index = self.list.currentIndex()
        if not index.isValid():
            return None
        head = self.hits.head_at(index.row())
        return head.key if head is not None else group_key(self.hits.hit_at(index.row()).source)

    def current_hit(self) -> SearchHit | None:
        """The current hit; None on the head of a folded group."""
        index = self.list.currentIndex()
        return next(iter(self.hits.hits_in((index.row(),))), None) if index.isValid() else None

    def _last_hit(self) -> SearchHit | None:
        """The current hit, or the one that was when its group was folded."""
        key = self._current_group()
        return self.current_hit() or (self._folded.get(key) if key is not None else None)

    @Slot(object)
    def _choose_source(self, source: SourceRef | None) -> None:
        self._only = source
        self._draw_again()

    @Slot()
    def _show_all(self) -> None:
        self.sources.sources.choose(None)
        self._choose_source(None)

    @Slot(object)
    def _retry(self, _: SourceRef) -> None:
        self.controller.again()

    @Slot()
    def _show_current(self) -> None:
        if not self._shows_panel:
            return
        if self.current_hit() is None:
            self._forget_readings()
            if self._detail is not None:
                self._detail.show_row(None, None)
            return
        row = self.hits.row_at(self.list.currentIndex().row())
        source = row.hit.source
        # The same hit found once more is still being read.
        if self.detail.hit != row.hit:
            self._forget_readings()
        schema = self.controller.schema(source.connection_id)
        if schema is None and source.connection_id:
            self.controller.read_schema(source.connection_id)
        self.detail.show_row(row, schema.table(source.table) if schema else None)

    def _forget_readings(self) -> None:
        self.controller.forget_full_row()
        self.controller.forget_why()

    def pick(self, row: int) -> None:
        """Go to a hit, as somebody would by the arrow keys."""
        self._note_pick()
        self.list.go_to(row)

    def pick_next(self) -> None:
        """Go to the next hit, if there is one."""
        row = self.hits.next_hit(self.list.currentIndex().row())
        if row >= 0:
            self.pick(row)

    @Slot()
    def enter_list(self) -> None:
        """Put the keyboard into the hits, if there are any."""
        if self.pages.currentWidget() is self.split:
            self.list.setFocus(Qt.FocusReason.TabFocusReason)

    @Slot(QModelIndex)
    def _enter_detail(self, _: QModelIndex) -> None:
        self.panel_wanted.emit(True)
        self.detail.table.setFocus(Qt.FocusReason.TabFocusReason)

    def show_panel(self, *, shown: bool) -> None:
        """Show the hit in full beside the list, or not."""
        self._shows_panel = shown
        if self._detail is not None:
            self._detail.setVisible(shown)
            self.widths.share_out()
        if shown:
            self._show_current()

    @Slot()
    def _hide_panel(self) -> None:
        self.panel_wanted.emit(False)
        self.list.setFocus()

    @Slot()
    def _read_full_row(self) -> None:
        hit = self.detail.hit
        if hit is not None:
            self.controller.read_full_row(hit)

    @Slot()
    def explain(self) -> None:
        """Say why the current hit is where it is."""
        self.panel_wanted.emit(True)
        self.detail.show_why()

    @Slot()
    def turn_why(self) -> None:
        """Say why the current hit is where it is, or turn back to its columns."""
        if self.current_hit() is None or self.pages.currentWidget() is not self.split:
            return
        if self._shows_panel and self.detail.shows_why:
            self.detail.show_columns()
        else:
            self.explain()

    @Slot()
    def _explain(self) -> None:
        hit = self.detail.hit
        if hit is not None:
            self.controller.explain(hit)

    @Slot(object, object)
    def _take_why(self, hit: SearchHit, why: Explanation) -> None:
        if self.detail.hit == hit:
            self.detail.why.show_why(why)

    @Slot()
    def find_related(self) -> None:
        """Look for rows like the current hit."""
        hit = self.current_hit()
        if hit is not None and self.pages.currentWidget() is self.split:
            self.controller.find_related(hit)

    @Slot()
    def show_statements(self) -> None:
        """Show the statements that ran."""
        outcome = self.controller.outcome
        if outcome is not None and not self.controller.state.running:
            dialog = SqlDialog(self.session, outcome, self)
            dialog.exec()
            dialog.deleteLater()

    @Slot()
    def export(self) -> None:
        """Ask what is to be written to a file; one export of this view at a time."""
        if self._exporting is not None and self._exporting.is_busy:
            self._exporting.raise_()
            self._exporting.activateWindow()
            return
        state = self.controller.state
        if state.phase is not Phase.ROWS or state.running or state.request is None:
            return
        self.end_export()
        shown = self.hits.hits_in(range(self.hits.rowCount()))
        request = replace(state.request, offset=0)
        self._exporting = ExportDialog(self.session, request, shown, self.selected_hits(), self)
        self._exporting.show()

    def end_export(self) -> None:
        """Stop what is being exported, and take its dialog away."""
        dialog, self._exporting = self._exporting, None
        if dialog is not None:
            dialog.shut()
            dialog.deleteLater()

    def column_names(self) -> list[str]:
        """The columns of the hits, in their order."""
        return list(
            dict.fromkeys(name for hit in self.controller.state.hits for name in hit.columns)
        )

    def has_statements(self) -> bool:
        """Whether a source has answered."""
        state = self.controller.state
        return not state.running and bool(state.sources)

    @Slot(object)
    def _take_full_row(self, row: FullRow) -> None:
        self.detail.show_full(row.hit, row.columns)

    @Slot(object)
    def _take_full_row_failure(self, error: BaseException) -> None:
        if isinstance(error, AltusError):
            way_out: Action = (self.tr("Try again"), self.detail.reader.load_full)
            if wants_password(error) or wants_unlocking(error):
                way_out = (self.tr("Go to the connection"), self._go_to_connection)
            self.detail.show_full_error(error, [way_out])

    @Slot()
    def _go_to_connection(self) -> None:
        hit = self.detail.hit
        if hit is not None:
            self.session.pane_requested.emit("connections", hit.source.connection_id)

    @Slot(str, object)
    def _take_schema(self, connection_id: str, schema: DatabaseSchema) -> None:
        hit = self._detail.hit if self._detail is not None else None
        if hit is not None and hit.source.connection_id == connection_id:
            table: TableInfo | None = schema.table(hit.source.table)
            if table is not None:
                self.detail.show_table(table)

    # Copying

    def selected_hits(self) -> list[SearchHit]:
        """The hits that are selected, as they are shown."""
        return self.hits.hits_in(
            sorted(index.row() for index in self.list.selectionModel().selectedRows())
        )

    def has_selection(self) -> bool:
        """Whether a hit is selected."""
        return self.list.selectionModel().hasSelection()

    @Slot(str)
    def copy(self, copy_format: str) -> None:
        """Copy the selected hits."""
        hits = self.selected_hits()
        if hits:
            self.controller.copy(hits, CopyFormat(copy_format))

    @Slot(QPoint)
    def _open_hit_menu(self, place: QPoint) -> None:
        if self.selected_hits():
            self.hit_menu.popup(self.list.viewport().mapToGlobal(place))

    @Slot()
    def _count_selected(self) -> None:
        self.foot.show_selected(len(self.list.selectionModel().selectedRows()))

    @Slot(str, int)
    def _take_copy(self, text: str, count: int) -> None:
        QGuiApplication.clipboard().setText(text)
        self.session.announced.emit(self.tr("Copied {count} hits").format(count=count))

    @Slot(str, bool)
    def _copy_cell(self, name: str, cut_short: bool) -> None:
        hit = self.detail.hit
        if hit is None:
            return
        if cut_short:
            self.controller.copy_value(hit, name)
            return
        cell = self.detail.current_cell
        if cell is not None:
            self._take_value(name, value_text(cell.value))

    @Slot(str, str)
    def _take_value(self, name: str, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.session.announced.emit(self.tr("Copied the value of {name}").format(name=name))
