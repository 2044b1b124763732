"""The connections pane: saved profiles on the left, what one of them leads to on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Slot
from PySide6.QtGui import (
    QAction,
    QHideEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QDialog,
    QMenu,
    QSplitter,
    QStackedWidget,
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
from altus4_desktop.ui.panes.connections.card import ConnectionCard
from altus4_desktop.ui.panes.connections.controller import (
    ConnectionsController,
    ConnectionsState,
    Phase,
)
from altus4_desktop.ui.panes.connections.dialogs import ConnectionDialog, ask_removal
from altus4_desktop.ui.panes.connections.exchange import Exchange
from altus4_desktop.ui.panes.connections.model import (
    ConnectionModel,
    ConnectionRow,
)
from altus4_desktop.ui.panes.connections.views import ConnectionList
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message, wants_password, wants_unlocking
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    Label,
    SearchField,
)

_SETTLE_MS = 180
_CALM_MS = 250
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
        self.dialog: ConnectionDialog | None = None
        self._chosen_id = str(self.memory.value("chosen") or "")
        self._edit_next = ""
        self._build()
        self._connect()
        self.split.restoreState(self.memory.layout("split"))
        columns = self.memory.layout("columns")
        tree = self.card.tree
        tree.keeps_columns = not columns.isEmpty() and tree.header().restoreState(columns)
        self._draw(self.controller.state)

    # Building

    def _build(self) -> None:
        self.add_button = Button(
            self.tr("Add connection"), "primary", icon_name="plus", name="connections.add"
        )
        self.add_button.setToolTip(self.tr("Add a connection (Ctrl+N)"))
        self.exchange = Exchange(self.session, self, self._saved)
        self.header.addWidget(self.exchange.import_button)
        self.header.addWidget(self.exchange.export_button)
        self.header.addWidget(self.add_button)
        self.more_button = IconButton("more", self.tr("More"), name="connections.more")
        self.header.addWidget(self.more_button)
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
        self.card = ConnectionCard(self.session, self.controller)
        self.split.addWidget(self.card)
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
        self._pool_clock = QTimer(self)
        self._pool_clock.setInterval(_POOL_MS)
        self._pool_clock.timeout.connect(self.card.draw_pool)

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

    def _connect(self) -> None:
        controller = self.controller
        controller.state_changed.connect(self._draw)
        controller.saved.connect(self._take_saved)
        controller.removed.connect(self._take_removed)
        controller.change_failed.connect(self.present)
        controller.copy_ready.connect(self._take_copy)
        controller.check_succeeded.connect(self._take_report)
        controller.check_failed.connect(self._take_check_failure)
        controller.check_cancelled.connect(self._take_check_cancelled)
        self.add_button.clicked.connect(self.add)
        self.more_button.clicked.connect(self._open_more)
        self.exchange.edit_wanted.connect(self._edit_imported)
        controller.disconnected.connect(self._take_disconnected)
        self.card.edit_button.clicked.connect(self.edit)
        self.card.password_wanted.connect(self.enter_password)
        self.card.duplicate_button.clicked.connect(self.duplicate)
        self.card.remove_button.clicked.connect(self.remove)
        self.card.test_button.clicked.connect(self.test)
        self.filter.textChanged.connect(self._filter_list)
        self.filter.left_downwards.connect(self.list.setFocus)
        self.list.opened.connect(self.edit)
        self.list.removal_wanted.connect(self.remove)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.list.customContextMenuRequested.connect(self._open_menu)
        self.session.connections_changed.connect(controller.reload)
        for keys, act in (
            ("Ctrl+N", self.add),
            ("Ctrl+T", self.test),
            ("Ctrl+D", self.duplicate),
            ("Ctrl+R", self.card.show_rights),
            ("Ctrl+H", self.card.show_health),
            ("F5", self.card.refresh),
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
                "connections.rights",
                self.tr("Show the rights of the account"),
                self.card.show_rights,
                "shield",
                "Ctrl+R",
                chosen,
            ),
            Command(
                "connections.health",
                self.tr("Show the search health of the connection"),
                self.card.show_health,
                "activity",
                "Ctrl+H",
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
                "connections.pool.reset",
                self.tr("Close the connection's sessions"),
                self.reset_pool,
                "power",
                "",
                chosen,
            ),
            Command(
                "connections.disconnect_all",
                self.tr("Disconnect all"),
                self.disconnect_all,
                "power",
            ),
            *self.exchange.commands(),
            Command(
                "connections.refresh",
                self.tr("Read the schema again"),
                self.card.refresh,
                "refresh",
                "F5",
                chosen,
            ),
        ]

    def shut(self) -> None:
        """Cancel what only this pane waits for, and write down the layout."""
        super().shut()
        self.controller.close()
        self.card.shut()
        self._pool_clock.stop()
        self.exchange.close()
        if self.dialog is not None:
            self.dialog.reject()
        self.memory.keep_layout("split", self.split.saveState())
        if self.card.tree.keeps_columns:
            self.memory.keep_layout("columns", self.card.tree.header().saveState())
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
        self.exchange.export_button.setVisible(state.phase is Phase.ROWS)
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
                self._open_next()
        self.card.show_row(self.chosen)

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
            self.card.check_panel.clear()
        self.card.show_row(self.chosen)
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
        self._menu(
            (
                ("plug", self.tr("Test"), self.test),
                ("shield", self.tr("Rights…"), self.card.show_rights),
                ("activity", self.tr("Search health…"), self.card.show_health),
                ("edit", self.tr("Edit…"), self.edit),
                ("copy", self.tr("Duplicate…"), self.duplicate),
                ("power", self.tr("Close its sessions"), self.reset_pool),
                ("trash", self.tr("Remove…"), self.remove),
            )
        ).popup(self.list.viewport().mapToGlobal(place))

    @Slot()
    def _open_more(self) -> None:
        menu = self._menu((("power", self.tr("Disconnect all"), self.disconnect_all),))
        corner = self.more_button.rect().bottomRight()
        menu.popup(self.more_button.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    def _menu(self, entries: Iterable[tuple[str, str, Callable[[], None]]]) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for icon_name, text, act in entries:
            action = QAction(icon(icon_name), text, menu)
            action.triggered.connect(act)
            menu.addAction(action)
        return menu

    # Pools

    @Slot()
    def reset_pool(self) -> None:
        """Close the sessions of the selected connection."""
        row = self.chosen
        if row is not None:
            self.controller.reset_pool(row.connection.id)

    @Slot()
    def disconnect_all(self) -> None:
        """Close the sessions of every connection."""
        self.controller.disconnect_all()

    @Slot()
    def _take_disconnected(self) -> None:
        self.card.draw_pool()
        self.session.announced.emit(self.tr("Disconnected; the next search connects again"))

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
    def enter_password(self) -> None:
        """Open the form of the selected connection at its password."""
        self.edit()
        if self.dialog is not None:
            self.dialog.form.password.setFocus()

    def _saved(self) -> list[Connection]:
        return [row.connection for row in self.controller.state.rows]

    @Slot(str)
    def _edit_imported(self, connection_id: str) -> None:
        self._chosen_id = self._edit_next = connection_id
        self._open_next()

    def _open_next(self) -> None:
        """Edit what was just imported, as soon as it has been read."""
        found = [one for one in self._saved() if one.id == self._edit_next]
        if found:
            self._edit_next = ""
            self._select_chosen()
            self._open_dialog(connection=found[0])

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
        self.card.check_panel.clear()
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
        self.card.check_panel.start(draft.pool.connect_timeout_s)
        self.controller.check(draft, row.connection.id)

    @Slot(object)
    def _take_report(self, report: ConnectionReport) -> None:
        if self.dialog is None:
            self.card.check_panel.show_report(report)
            self.controller.reload()

    @Slot(object)
    def _take_check_failure(self, error: AltusError) -> None:
        if self.dialog is None:
            actions: list[tuple[str, Callable[[], None]]] = []
            if wants_password(error):
                actions.append((self.tr("Enter the password…"), self.enter_password))
            elif wants_unlocking(error):
                actions.append((self.tr("Unlock…"), self.card.unlocking.start))
            self.card.check_panel.show_error(error, actions)

    @Slot()
    def _take_check_cancelled(self) -> None:
        if self.dialog is None:
            self.card.check_panel.show_cancelled()

    # The card


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
