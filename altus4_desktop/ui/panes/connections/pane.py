"""The connections pane: saved profiles on the left, what one of them leads to on the right."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QModelIndex, QObject, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QListView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    Environment,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.connections.checking import CheckPanel, protection_text, way_out
from altus4_desktop.ui.panes.connections.controller import (
    ConnectionsController,
    ConnectionsState,
    Phase,
    SchemaState,
    needs_parsers,
)
from altus4_desktop.ui.panes.connections.delegates import ConnectionDelegate, SchemaDelegate
from altus4_desktop.ui.panes.connections.dialogs import ConnectionDialog, ask_removal
from altus4_desktop.ui.panes.connections.model import (
    ConnectionModel,
    ConnectionRow,
    Reach,
    SchemaTreeModel,
    environment_text,
    last_connected_text,
    place_text,
    reach_text,
    tls_text,
)
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.painting import BADGE_TONES
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Badge,
    Busy,
    Button,
    Divider,
    EmptyState,
    IconButton,
    Label,
    SearchField,
)

_SETTLE_MS = 180
_CALM_MS = 250
_FILTER_MS = 120
_POOL_MS = 1000


class ConnectionsPane(Pane):
    """Saved connections, their tests, their schemas."""

    id = "connections"
    title = "Connections"
    icon_name = "database"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.controller = ConnectionsController(session, self)
        self.memory = PaneMemory(session.services.data_dir, self.id)
        self.connections = ConnectionModel(self)
        self.tree_model = SchemaTreeModel(self)
        self.dialog: ConnectionDialog | None = None
        self._chosen_id = str(self.memory.value("chosen") or "")
        self._build()
        self._connect()
        self.split.restoreState(self.memory.layout("split"))
        columns = self.memory.layout("columns")
        self.tree.keeps_columns = not columns.isEmpty() and self.tree.header().restoreState(columns)
        self._draw(self.controller.state)

    # Building

    def _build(self) -> None:
        self.add_button = Button(
            self.tr("Add connection"), "primary", icon_name="plus", name="connections.add"
        )
        self.add_button.setToolTip(self.tr("Add a connection (Ctrl+N)"))
        self.header.addWidget(self.add_button)
        first = Button(
            self.tr("Add a connection"), "primary", icon_name="plus", name="connections.add_first"
        )
        first.clicked.connect(self.add)
        again = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="connections.again"
        )
        again.clicked.connect(self.controller.reload)
        self.busy = Busy(self.tr("Reading connections…"))
        self.empty = EmptyState(
            "database",
            self.tr("No connections yet"),
            self.tr(
                "A connection is a MySQL or MariaDB database you may read. "
                "Its password is kept encrypted on this workstation."
            ),
            action=first,
        )
        self.empty.setObjectName("connections.empty")
        self.failed = EmptyState("error", "", action=again)
        self.failed.setObjectName("connections.failed")
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(Space.M)
        self.split.addWidget(self._build_list())
        self.split.addWidget(self._build_card())
        self.split.setStretchFactor(0, 2)
        self.split.setStretchFactor(1, 3)
        self.split.setSizes([380, 620])
        self.pages = QStackedWidget()
        self._nowhere = QWidget()
        for page in (self._nowhere, self.busy, self.split, self.empty, self.failed):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._show_busy)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._read_chosen)
        self._filtering = QTimer(self)
        self._filtering.setSingleShot(True)
        self._filtering.setInterval(_FILTER_MS)
        self._filtering.timeout.connect(self._filter_tree)
        self._pool_clock = QTimer(self)
        self._pool_clock.setInterval(_POOL_MS)
        self._pool_clock.timeout.connect(self._draw_pool)

    def _build_list(self) -> QWidget:
        area = QWidget()
        area.setMinimumWidth(270)
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        self.filter = SearchField(self.tr("Filter connections"), name="connections.filter")
        self.list = ConnectionList()
        self.list.setModel(self.connections)
        self.no_match = Label(self.tr("No connection matches the filter."), "muted")
        self.no_match.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.no_match.hide()
        column.addWidget(self.filter)
        column.addWidget(self.no_match)
        column.addWidget(self.list, 1)
        return area

    def _build_card(self) -> QWidget:
        card = QFrame()
        card.setProperty("surface", "card")
        card.setMinimumWidth(320)
        column = QVBoxLayout(card)
        column.setContentsMargins(1, 1, 1, 1)
        self.card_pages = QStackedWidget()
        self.card_pages.addWidget(
            EmptyState(
                "database",
                self.tr("No connection selected"),
                self.tr("Select one to see its tables and FULLTEXT indexes."),
            )
        )
        content = QWidget()
        inside = QVBoxLayout(content)
        inside.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        inside.setSpacing(Space.S)
        inside.addLayout(self._build_title())
        self.place = ElidedLabel(role="muted")
        self.place.setObjectName("connections.place")
        inside.addWidget(self.place)
        self.facts = ElidedLabel(role="caption")
        self.facts.setObjectName("connections.facts")
        inside.addWidget(self.facts)
        self.check_panel = CheckPanel("connections.saved_check")
        inside.addWidget(self.check_panel)
        inside.addSpacing(Space.XS)
        inside.addWidget(Divider())
        inside.addLayout(self._build_tree_head())
        inside.addWidget(self._build_tree_pages(), 1)
        self.pool = ElidedLabel(role="caption")
        self.pool.setObjectName("connections.pool")
        inside.addWidget(self.pool)
        self.card_pages.addWidget(content)
        column.addWidget(self.card_pages)
        return card

    def _build_title(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.name_label = ElidedLabel(role="title")
        self.name_label.setObjectName("connections.title")
        self.badge = Badge("")
        row.addWidget(self.name_label, 1)
        row.addWidget(self.badge)
        row.addSpacing(Space.XS)
        self.test_button = IconButton(
            "plug", self.tr("Test (Ctrl+T)"), name="connections.check_saved"
        )
        self.edit_button = IconButton("edit", self.tr("Edit (Enter)"), name="connections.edit")
        self.duplicate_button = IconButton(
            "copy", self.tr("Duplicate (Ctrl+D)"), name="connections.duplicate"
        )
        self.remove_button = IconButton("trash", self.tr("Remove (Del)"), name="connections.remove")
        for button in (
            self.test_button,
            self.edit_button,
            self.duplicate_button,
            self.remove_button,
        ):
            row.addWidget(button)
        return row

    def _build_tree_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.tree_filter = SearchField(
            self.tr("Filter tables, indexes and columns"), name="connections.schema.filter"
        )
        self.refresh_button = IconButton(
            "refresh", self.tr("Read the schema again (F5)"), name="connections.schema.refresh"
        )
        row.addWidget(self.tree_filter, 1)
        row.addWidget(self.refresh_button)
        return row

    def _build_tree_pages(self) -> QWidget:
        self.tree = SchemaTree()
        self.tree.setObjectName("connections.schema")
        self.tree.setAccessibleName(self.tr("Tables, FULLTEXT indexes and columns"))
        self.tree.setProperty("kind", "plain")
        self.tree.setModel(self.tree_model)
        self.tree.setItemDelegate(SchemaDelegate(self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setAllColumnsShowFocus(True)
        self.tree_busy = Busy(self.tr("Reading tables…"))
        retry = Button(self.tr("Try again"), icon_name="refresh", name="connections.schema.again")
        retry.clicked.connect(self._refresh)
        self.tree_failed = EmptyState("error", "", action=retry)
        self.tree_failed.setObjectName("connections.schema.failed")
        self.tree_empty = EmptyState(
            "table",
            self.tr("No tables"),
            self.tr("The account may read no table of this database."),
        )
        self.tree_nothing = EmptyState(
            "filter",
            self.tr("Nothing matches"),
            self.tr("No table, index or column has this name."),
        )
        self._tree_nowhere = QWidget()
        self.tree_pages = QStackedWidget()
        for page in (
            self._tree_nowhere,
            self.tree,
            self.tree_busy,
            self.tree_failed,
            self.tree_empty,
            self.tree_nothing,
        ):
            self.tree_pages.addWidget(page)
        self._tree_calm = QTimer(self)
        self._tree_calm.setSingleShot(True)
        self._tree_calm.setInterval(_CALM_MS)
        self._tree_calm.timeout.connect(self._show_tree_busy)
        return self.tree_pages

    def _connect(self) -> None:
        controller = self.controller
        controller.state_changed.connect(self._draw)
        controller.schema_changed.connect(self._draw_schema)
        controller.parsers_ready.connect(self.tree_model.show_parsers)
        controller.saved.connect(self._take_saved)
        controller.removed.connect(self._take_removed)
        controller.change_failed.connect(self.present)
        controller.copy_ready.connect(self._take_copy)
        controller.check_succeeded.connect(self._take_report)
        controller.check_failed.connect(self._take_check_failure)
        controller.check_cancelled.connect(self._take_check_cancelled)
        self.check_panel.cancel_wanted.connect(controller.cancel_check)
        self.add_button.clicked.connect(self.add)
        self.edit_button.clicked.connect(self.edit)
        self.duplicate_button.clicked.connect(self.duplicate)
        self.remove_button.clicked.connect(self.remove)
        self.test_button.clicked.connect(self.test)
        self.refresh_button.clicked.connect(self._refresh)
        self.filter.textChanged.connect(self._filter_list)
        self.filter.left_downwards.connect(self.list.setFocus)
        self.tree_filter.textChanged.connect(self._filtering.start)
        self.tree_filter.left_downwards.connect(self.tree.setFocus)
        self.tree.expanded.connect(self._want_parsers)
        self.list.opened.connect(self.edit)
        self.list.removal_wanted.connect(self.remove)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.list.customContextMenuRequested.connect(self._open_menu)
        self.session.connections_changed.connect(controller.reload)
        for keys, act in (
            ("Ctrl+N", self.add),
            ("Ctrl+T", self.test),
            ("Ctrl+D", self.duplicate),
            ("F5", self._refresh),
            ("Ctrl+F", self.focus_first),
        ):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    # The pane among panes

    def activated(self) -> None:
        """The pane came to the front."""
        self.controller.reload()
        self._tell_banner()

    def receive(self, intent: object) -> None:
        """``"add"`` opens the form; the id of a connection selects it."""
        if intent == "add":
            self.add()
        elif isinstance(intent, str) and intent:
            self.show_schema(intent)

    def show_schema(self, connection_id: str) -> None:
        """Select a connection and read what it leads to."""
        self._chosen_id = connection_id
        self._select_chosen()
        self._settle.stop()
        self._read_chosen()

    @Slot()
    def focus_first(self) -> None:
        """Put the keyboard into the list, or into its filter when it is long."""
        if self.controller.state.phase is Phase.EMPTY:
            self.add_button.setFocus(Qt.FocusReason.TabFocusReason)
        elif self.list.hasFocus() or self.connections.rowCount() > 12:
            self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.list.setFocus(Qt.FocusReason.TabFocusReason)

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        chosen = self._has_chosen
        return [
            Command("connections.add", self.tr("Add a connection"), self.add, "plus", "Ctrl+N"),
            Command(
                "connections.test",
                self.tr("Test the connection"),
                self.test,
                "plug",
                "Ctrl+T",
                chosen,
            ),
            Command(
                "connections.edit", self.tr("Edit the connection"), self.edit, "edit", "", chosen
            ),
            Command(
                "connections.duplicate",
                self.tr("Duplicate the connection"),
                self.duplicate,
                "copy",
                "Ctrl+D",
                chosen,
            ),
            Command(
                "connections.remove",
                self.tr("Remove the connection"),
                self.remove,
                "trash",
                "",
                chosen,
            ),
            Command(
                "connections.refresh",
                self.tr("Read the schema again"),
                self._refresh,
                "refresh",
                "F5",
                chosen,
            ),
        ]

    def shut(self) -> None:
        """Cancel what only this pane waits for, and write down the layout."""
        super().shut()
        self.controller.close()
        self._pool_clock.stop()
        if self.dialog is not None:
            self.dialog.reject()
        self.memory.keep_layout("split", self.split.saveState())
        if self.tree.keeps_columns:
            self.memory.keep_layout("columns", self.tree.header().saveState())
        self.memory.keep("chosen", self._chosen_id)

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the pool while somebody looks."""
        super().showEvent(event)
        self._pool_clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks."""
        super().hideEvent(event)
        self._pool_clock.stop()

    # The list

    @property
    def chosen(self) -> ConnectionRow | None:
        """The selected connection."""
        index = self.list.currentIndex()
        return self.connections.row_at(index.row()) if index.isValid() else None

    def _has_chosen(self) -> bool:
        return self.chosen is not None

    @Slot(object)
    def _draw(self, state: ConnectionsState) -> None:
        self._calm.stop()
        self.add_button.setVisible(state.phase is not Phase.EMPTY)
        match state.phase:
            case Phase.BUSY:
                self._calm.start()
            case Phase.EMPTY:
                self.connections.show(())
                self.pages.setCurrentWidget(self.empty)
            case Phase.FAILED:
                if state.error is not None and not self.connections.rowCount():
                    error = state.error
                    self.failed.set("error", error_message(error), error_hint(error))
                    self.pages.setCurrentWidget(self.failed)
                elif state.error is not None:
                    self.message.show_error(state.error)
            case Phase.ROWS:
                self.message.clear()
                self.connections.show(state.rows)
                self.pages.setCurrentWidget(self.split)
                self._select_chosen()
        self._draw_card()

    @Slot()
    def _show_busy(self) -> None:
        self.pages.setCurrentWidget(self.busy)

    def _select_chosen(self) -> None:
        if not self.connections.rowCount():
            return
        row = max(self.connections.find_row(self._chosen_id), 0)
        if self.list.currentIndex().row() != row:
            self.list.setCurrentIndex(self.connections.index(row))

    @Slot(str)
    def _filter_list(self, text: str) -> None:
        self.connections.set_filter(text)
        self.no_match.setVisible(not self.connections.rowCount())
        self._select_chosen()

    @Slot()
    def _choose(self) -> None:
        row = self.chosen
        if row is not None and row.connection.id != self._chosen_id:
            self._chosen_id = row.connection.id
            self.check_panel.clear()
        self._draw_card()
        self._settle.start()
        self._tell_banner()

    @Slot()
    def _read_chosen(self) -> None:
        row = self.chosen
        if row is None:
            self.controller.forget_schema()
        elif self.controller.schema_state.connection_id != row.connection.id:
            self.controller.read_schema(row.connection.id)

    def _tell_banner(self) -> None:
        row = self.chosen
        production = row is not None and row.connection.environment is Environment.PROD
        self.banner_changed.emit(production)

    @Slot(QPoint)
    def _open_menu(self, place: QPoint) -> None:
        if not self.list.indexAt(place).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for icon_name, text, act in (
            ("plug", self.tr("Test"), self.test),
            ("edit", self.tr("Edit…"), self.edit),
            ("copy", self.tr("Duplicate…"), self.duplicate),
            ("trash", self.tr("Remove…"), self.remove),
        ):
            action = QAction(icon(icon_name), text, menu)
            action.triggered.connect(act)
            menu.addAction(action)
        menu.popup(self.list.viewport().mapToGlobal(place))

    # Changes

    @Slot()
    def add(self) -> None:
        """Open the form for a new connection."""
        self._open_dialog()

    @Slot()
    def edit(self) -> None:
        """Open the form of the selected connection."""
        row = self.chosen
        if row is not None:
            self._open_dialog(connection=row.connection)

    @Slot()
    def duplicate(self) -> None:
        """Start a new connection from the selected one."""
        row = self.chosen
        if row is not None:
            self.controller.duplicate(row.connection.id)

    @Slot(object, str)
    def _take_copy(self, draft: ConnectionDraft, copy_of: str) -> None:
        self._open_dialog(template=draft, copy_of=copy_of)

    @Slot()
    def remove(self) -> None:
        """Ask, then remove the selected connection."""
        row = self.chosen
        if row is None:
            return
        connection_id = row.connection.id
        question = ask_removal(row.connection, self)
        question.accepted.connect(_Removal(question, self.controller, connection_id).go)
        question.open()

    def _open_dialog(
        self,
        connection: Connection | None = None,
        template: ConnectionDraft | None = None,
        copy_of: str | None = None,
    ) -> None:
        if self.dialog is not None:
            self.dialog.raise_()
            return
        self.controller.drop_check()
        self.check_panel.clear()
        self.dialog = ConnectionDialog(
            self.session,
            self.controller,
            connection=connection,
            template=template,
            copy_of=copy_of,
            parent=self,
        )
        self.dialog.finished.connect(self._forget_dialog)
        self.dialog.open()

    @Slot()
    def _forget_dialog(self) -> None:
        self.dialog = None
        self.list.setFocus()

    @Slot(object)
    def _take_saved(self, connection: Connection) -> None:
        self._chosen_id = connection.id
        self.filter.clear()
        if self.controller.schema_state.connection_id == connection.id:
            self.controller.forget_schema()
            self._settle.start()
        self.session.announced.emit(self.tr("Saved “{name}”").format(name=connection.name))

    @Slot(str)
    def _take_removed(self, connection_id: str) -> None:
        if self.controller.schema_state.connection_id == connection_id:
            self.controller.forget_schema()
        self.session.announced.emit(self.tr("The connection was removed"))

    # Testing

    @Slot()
    def test(self) -> None:
        """Open one session of the selected connection and say what the server answers."""
        row = self.chosen
        if row is None or self.dialog is not None:
            return
        draft = row.connection.as_draft()
        self.check_panel.start(draft.pool.connect_timeout_s)
        self.controller.check(draft, row.connection.id)

    @Slot(object)
    def _take_report(self, report: ConnectionReport) -> None:
        if self.dialog is None:
            self.check_panel.show_report(report)
            self.controller.reload()

    @Slot(object)
    def _take_check_failure(self, error: AltusError) -> None:
        if self.dialog is None:
            self.check_panel.show_error(error)

    @Slot()
    def _take_check_cancelled(self) -> None:
        if self.dialog is None:
            self.check_panel.show_cancelled()

    # The card

    def _draw_card(self) -> None:
        row = self.chosen
        self.card_pages.setCurrentIndex(0 if row is None else 1)
        if row is None:
            return
        connection = row.connection
        self.name_label.setText(connection.name)
        self.badge.set(environment_text(connection), BADGE_TONES[connection.environment])
        self.place.setText(
            self.tr("{user} at {place}").format(
                user=connection.username, place=place_text(connection)
            )
        )
        protection = protection_text(row.report.tls) if row.report else tls_text(row)
        state = reach_text(row) if row.reach is not Reach.FAILED else self.tr("Failed")
        seen = last_connected_text(connection.last_connected_at)
        self.facts.setText("  ·  ".join((state, protection, seen)))
        self._draw_pool()

    @Slot()
    def _draw_pool(self) -> None:
        row = self.chosen
        if row is None:
            return
        self.controller.notice_pools()
        most = row.connection.pool.size
        stats = self.controller.pool_stats(row.connection.id)
        if stats is None:
            text = self.tr("Pool: nothing open, at most {most}").format(most=most)
        else:
            text = self.tr(
                "Pool: {total} of {most} open, {active} busy, {idle} idle, {queued} waiting"
            ).format(
                total=stats.total,
                most=most,
                active=stats.active,
                idle=stats.idle,
                queued=stats.queued,
            )
        if text != self.pool.text():
            self.pool.setText(text)

    @Slot(object)
    def _draw_schema(self, state: SchemaState) -> None:
        self._tree_calm.stop()
        self.refresh_button.setEnabled(not state.reading and bool(state.connection_id))
        if state.schema is not self.tree_model.schema:
            self.tree_model.show(state.schema)
        if state.error is not None:
            self.tree_failed.set("error", error_message(state.error), way_out(state.error))
            self.tree_pages.setCurrentWidget(self.tree_failed)
        elif state.schema is not None:
            self._show_tree()
        elif state.reading:
            # An answer that comes at once takes the place of the tree before it without a flash.
            self._tree_calm.start()
        else:
            self.tree_pages.setCurrentWidget(self._tree_nowhere)

    @Slot()
    def _show_tree_busy(self) -> None:
        self.tree_pages.setCurrentWidget(self.tree_busy)

    def _show_tree(self) -> None:
        schema = self.tree_model.schema
        if schema is None:
            return
        if not schema.tables:
            page: QWidget = self.tree_empty
        elif not self.tree_model.rowCount():
            page = self.tree_nothing
        else:
            page = self.tree
        self.tree_pages.setCurrentWidget(page)

    @Slot()
    def _filter_tree(self) -> None:
        text = self.tree_filter.text()
        self.tree_model.set_filter(text)
        self._show_tree()
        if text.strip() and self.tree_model.rowCount() <= 30:
            self.tree.expandAll()

    @Slot(QModelIndex)
    def _want_parsers(self, index: QModelIndex) -> None:
        table = self.tree_model.table_at(index)
        connection_id = self.controller.schema_state.connection_id
        if table is None or self.tree_model.knows_parsers(table.name):
            return
        if needs_parsers(table.fulltext_indexes):
            self.controller.read_parsers(connection_id, table.name)

    @Slot()
    def _refresh(self) -> None:
        row = self.chosen
        if row is not None:
            self.controller.read_schema(row.connection.id, refresh=True)


class SchemaTree(QTreeView):
    """Shares its width among the columns until somebody arranges them."""

    _SHARES: ClassVar = (36, 28, 13)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keeps_columns = False
        self._is_sharing = False
        header = self.header()
        header.setStretchLastSection(True)
        header.setMinimumSectionSize(56)
        header.sectionResized.connect(self._note_arranged)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width."""
        super().resizeEvent(event)
        self.share_width()

    def share_width(self) -> None:
        """Give every column its part, unless somebody has arranged them."""
        if self.keeps_columns or self.model() is None:
            return
        self._is_sharing = True
        for column, share in enumerate(self._SHARES):
            self.setColumnWidth(column, self.viewport().width() * share // 100)
        self._is_sharing = False

    @Slot(int)
    def _note_arranged(self, column: int) -> None:
        if not self._is_sharing and column < len(self._SHARES) and self.isVisible():
            self.keeps_columns = True


class ConnectionList(QListView):
    """Connections by keyboard and mouse: Enter edits, Del removes."""

    opened = Signal()
    removal_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("connections.list")
        self.setAccessibleName(self.tr("Connections"))
        self.setItemDelegate(ConnectionDelegate(self))
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)
        self.doubleClicked.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the list; the rest is the view's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.removal_wanted.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _open(self) -> None:
        self.opened.emit()


class _Removal(QObject):
    """Remembers which connection a question was about; dies with the question."""

    def __init__(
        self, question: QDialog, controller: ConnectionsController, connection_id: str
    ) -> None:
        super().__init__(question)
        self._controller = controller
        self._connection_id = connection_id

    @Slot()
    def go(self) -> None:
        """The answer was yes."""
        self._controller.remove(self._connection_id)
