"""What one connection is and leads to: its facts, its test, its tables, its pool."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.ui.panes.connections.checking import CheckPanel, way_out
from altus4_desktop.ui.panes.connections.controller import (
    ConnectionsController,
    SchemaState,
    needs_parsers,
)
from altus4_desktop.ui.panes.connections.delegates import SchemaDelegate
from altus4_desktop.ui.panes.connections.guarantees import ProtectionLine, ReadOnlyBadge
from altus4_desktop.ui.panes.connections.health_dialog import HealthDialog
from altus4_desktop.ui.panes.connections.model import (
    ConnectionRow,
    Reach,
    SchemaTreeModel,
    environment_text,
    last_connected_text,
    place_text,
    reach_text,
    tls_text,
)
from altus4_desktop.ui.panes.connections.pool_panel import PoolPanel
from altus4_desktop.ui.panes.connections.rights import RightsLine, RightsReader
from altus4_desktop.ui.panes.connections.rights_dialog import RightsDialog
from altus4_desktop.ui.panes.connections.views import SchemaTree
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.painting import BADGE_TONES
from altus4_desktop.ui.panes.unlocking import Unlocking
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_message, wants_password, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Badge,
    Busy,
    Button,
    Divider,
    EmptyState,
    IconButton,
    SearchField,
)

_CALM_MS = 250
_FILTER_MS = 120
_TREE_HEIGHT = 60


class ConnectionCard(QFrame):
    """The right half of the pane; its buttons are the pane's to connect.

    ``password_wanted``: the saved one cannot be opened, and the person wants to enter it again.
    """

    password_wanted = Signal()

    def __init__(
        self,
        session: Session,
        controller: ConnectionsController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._controller = controller
        self._row: ConnectionRow | None = None
        self.rights = RightsReader(session, self)
        self.rights_dialog: RightsDialog | None = None
        self.health_dialog: HealthDialog | None = None
        self.unlocking = Unlocking(session, self)
        self.unlocking.unlocked.connect(self._go_on)
        self.unlocking.failed.connect(self._show_tree_failure)
        self.tree_model = SchemaTreeModel(self)
        self._build()
        controller.schema_changed.connect(self._draw_schema)
        controller.parsers_ready.connect(self.tree_model.show_parsers)
        self.check_panel.cancel_wanted.connect(controller.cancel_check)
        self.rights.changed.connect(self._draw_rights)
        self.rights_line.button.clicked.connect(self.show_rights)
        self.health_button.clicked.connect(self.show_health)
        self.refresh_button.clicked.connect(self.refresh)
        self.tree_filter.textChanged.connect(self._filtering.start)
        self.tree_filter.left_downwards.connect(self.tree.setFocus)
        self.tree.expanded.connect(self._want_parsers)

    # Building

    def _build(self) -> None:
        self.setProperty("surface", "card")
        self.setMinimumWidth(320)
        self._filtering = QTimer(self)
        self._filtering.setSingleShot(True)
        self._filtering.setInterval(_FILTER_MS)
        self._filtering.timeout.connect(self._filter_tree)
        column = QVBoxLayout(self)
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
        self.protection = ProtectionLine()
        inside.addWidget(self.protection)
        self.facts = ElidedLabel(role="caption")
        self.facts.setObjectName("connections.facts")
        facts = QHBoxLayout()
        facts.setSpacing(Space.S)
        facts.addWidget(self.badge)
        facts.addWidget(self.read_only)
        facts.addWidget(self.facts, 1)
        inside.addLayout(facts)
        self.rights_line = RightsLine()
        inside.addWidget(self.rights_line)
        self.check_panel = CheckPanel("connections.saved_check")
        inside.addWidget(self.check_panel)
        inside.addSpacing(Space.XS)
        inside.addWidget(Divider())
        inside.addLayout(self._build_tree_head())
        inside.addWidget(self._build_tree_pages(), 1)
        self.pool = PoolPanel()
        self.pool.reset_wanted.connect(self._reset_pool)
        inside.addWidget(self.pool)
        self.card_pages.addWidget(content)
        column.addWidget(self.card_pages)

    def _build_title(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.name_label = ElidedLabel(role="title")
        self.name_label.setObjectName("connections.title")
        self.badge = Badge("")
        row.addWidget(self.name_label, 1)
        self.read_only = ReadOnlyBadge()
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
        self.health_button = Button(self.tr("Search health…"), "link", name="connections.health")
        self.health_button.setToolTip(
            self.tr("FULLTEXT indexes, and statements that better them (Ctrl+H)")
        )
        row.addWidget(self.tree_filter, 1)
        row.addWidget(self.health_button)
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
        retry.clicked.connect(self.refresh)
        self.tree_failed = EmptyState("error", "", action=retry)
        self.tree_failed.setObjectName("connections.schema.failed")
        enter = Button(self.tr("Enter the password…"), icon_name="key", name="connections.unseal")
        enter.clicked.connect(self.password_wanted)
        self.tree_sealed = EmptyState("lock", "", action=enter)
        self.tree_sealed.setObjectName("connections.schema.sealed")
        unlock = Button(self.tr("Unlock…"), icon_name="unlock", name="connections.unlock")
        unlock.clicked.connect(self.unlocking.start)
        self.tree_locked = EmptyState(
            "lock",
            self.tr("Saved passwords are locked"),
            self.tr("Unlock them to read the tables, to search and to test."),
            action=unlock,
        )
        self.tree_locked.setObjectName("connections.schema.locked")
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
        # In a small window what a test says has the room.
        self.tree_pages.setMinimumHeight(_TREE_HEIGHT)
        for page in (
            self._tree_nowhere,
            self.tree,
            self.tree_busy,
            self.tree_failed,
            self.tree_sealed,
            self.tree_locked,
            self.tree_empty,
            self.tree_nothing,
        ):
            self.tree_pages.addWidget(page)
        self._tree_calm = QTimer(self)
        self._tree_calm.setSingleShot(True)
        self._tree_calm.setInterval(_CALM_MS)
        self._tree_calm.timeout.connect(self._show_tree_busy)
        return self.tree_pages

    # Showing

    def show_row(self, row: ConnectionRow | None) -> None:
        """Show a connection, or that none is selected."""
        self._row = row
        self.card_pages.setCurrentIndex(0 if row is None else 1)
        if row is None:
            return
        connection = row.connection
        self.name_label.setText(connection.name)
        self.badge.set(environment_text(connection), BADGE_TONES[connection.environment])
        place = self.tr("{user} at {place}").format(
            user=connection.username, place=place_text(connection)
        )
        self.place.setText(place)
        self.protection.show_row(row)
        state = reach_text(row) if row.reach is not Reach.FAILED else self.tr("Failed")
        seen = last_connected_text(connection.last_connected_at)
        facts = (
            (state, seen)
            if row.tls is not None and not connection.managed
            else (state, tls_text(row), seen)
        )
        self.facts.setText("  ·  ".join(facts))
        if row.report is not None and row.report.rights is not None:
            self.rights.learn(connection, row.report.rights)
        self._draw_rights()
        self.draw_pool()

    @Slot()
    def draw_pool(self) -> None:
        """Bring the figures of the pool up to date."""
        row = self._row
        if row is None:
            return
        self._controller.notice_pools()
        most = row.connection.pool.size
        stats = self._controller.pool_stats(row.connection.id)
        self.pool.show_stats(stats, most)

    @Slot()
    def _draw_rights(self) -> None:
        if self._row is not None:
            report = self.rights.find(self._row.connection)
            self.rights_line.show_report(report)
            self.read_only.show_row(self._row, report)

    @Slot()
    def show_rights(self) -> None:
        """Show what the connection's account may do."""
        if self._row is None or self.rights_dialog is not None:
            return
        self.rights_dialog = RightsDialog(self._session, self.rights, self._row.connection, self)
        self.rights_dialog.finished.connect(self._forget_rights_dialog)
        self.rights_dialog.open()

    @Slot()
    def _forget_rights_dialog(self) -> None:
        self.rights_dialog = None

    @Slot()
    def show_health(self) -> None:
        """Show how the connection's FULLTEXT indexes are."""
        if self._row is None or self.health_dialog is not None:
            return
        self.health_dialog = HealthDialog(self._session, self._row.connection, self)
        self.health_dialog.finished.connect(self._forget_health_dialog)
        self.health_dialog.open()

    @Slot()
    def _forget_health_dialog(self) -> None:
        self.health_dialog = None

    def shut(self) -> None:
        """Hear nothing more of what only the card asks for."""
        self.rights.shut()
        self.unlocking.shut()
        if self.rights_dialog is not None:
            self.rights_dialog.reject()
        if self.health_dialog is not None:
            self.health_dialog.reject()

    @Slot()
    def _reset_pool(self) -> None:
        if self._row is not None:
            self._controller.reset_pool(self._row.connection.id)

    @Slot(object)
    def _draw_schema(self, state: SchemaState) -> None:
        self._tree_calm.stop()
        self.refresh_button.setEnabled(not state.reading and bool(state.connection_id))
        if state.schema is not self.tree_model.schema:
            self.tree_model.show(state.schema)
        if state.error is not None:
            self._show_tree_failure(state.error)
        elif state.schema is not None:
            self._show_tree()
            if self._row is not None and self._row.connection.id == state.connection_id:
                # The server answers: a good moment to ask it that too.
                self.rights.want(self._row.connection)
        elif state.reading:
            # An answer that comes at once takes the place of the tree before it without a flash.
            self._tree_calm.start()
        else:
            self.tree_pages.setCurrentWidget(self._tree_nowhere)

    @Slot(object)
    def _show_tree_failure(self, error: AltusError) -> None:
        if wants_unlocking(error):
            self.tree_pages.setCurrentWidget(self.tree_locked)
            return
        sealed = wants_password(error)
        page = self.tree_sealed if sealed else self.tree_failed
        page.set("lock" if sealed else "error", error_message(error), way_out(error))
        self.tree_pages.setCurrentWidget(page)

    @Slot()
    def _go_on(self) -> None:
        self.check_panel.clear()
        self.refresh()

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
        connection_id = self._controller.schema_state.connection_id
        if table is None or self.tree_model.knows_parsers(table.name):
            return
        if needs_parsers(table.fulltext_indexes):
            self._controller.read_parsers(connection_id, table.name)

    @Slot()
    def refresh(self) -> None:
        """Read the schema again."""
        if self._row is not None:
            self._controller.read_schema(self._row.connection.id, refresh=True)
