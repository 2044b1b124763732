"""The monitoring pane: pools and servers, live while somebody looks on."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Slot
from PySide6.QtGui import QHideEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QStackedWidget, QWidget

from altus4_desktop.domain.connections import Environment
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.monitoring import (
    ListedStatement,
    ServerFacts,
    ServerPulse,
    WatchedPool,
)
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import RECORD_ROLE
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.monitoring.detail import ServerDetail
from altus4_desktop.ui.panes.monitoring.servers import ServerList, ServerModel
from altus4_desktop.ui.panes.monitoring.watcher import LONGEST_S, SHORTEST_S, USUAL_S, Watcher
from altus4_desktop.ui.panes.monitoring.wording import Health, ServerRow, uptime_words
from altus4_desktop.ui.panes.unlocking import Unlocking
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Busy, Button, EmptyState, IconButton, Label, indent_number

_ROOMY = 900
_LIST_WIDTH, _NARROW_LIST_WIDTH = 300, 212


class MonitoringPane(Pane):
    """Servers on the left, one of them on the right."""

    id = "monitoring"
    title = "Monitoring"
    icon_name = "activity"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._memory = PaneMemory(session.services.data_dir, "monitoring")
        self._chosen = ""
        self._facts: dict[str, ServerFacts] = {}
        self._stale: set[str] = set()
        self.watcher = Watcher(session, self)
        self.watcher.sampled.connect(self._take_pools)
        self.watcher.answered.connect(self._take_pulse)
        self.watcher.refused.connect(self._take_refusal)
        self.watcher.failed.connect(self._take_failure)
        self._reading = LatestTask(session.runner, Lane.TENANTS, self)
        self._reading.succeeded.connect(self._take_facts)
        self._reading.failed.connect(self._take_facts_failure)
        self._unlocking = Unlocking(session, self)
        self._unlocking.unlocked.connect(self.watcher.ask_now)
        self._unlocking.failed.connect(self.present)
        self._build_header()
        self.model = ServerModel(self)
        self.list = ServerList(self.model)
        self.list.setMinimumWidth(_NARROW_LIST_WIDTH)
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.detail = ServerDetail()
        self.detail.stop_wanted.connect(self._confirm_stop)
        self.detail.unlock_wanted.connect(self._unlocking.start)
        self.detail.overview.copied.connect(self._tell_copied)
        self._content = QWidget()
        row = QHBoxLayout(self._content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.L)
        row.addWidget(self.list)
        row.addWidget(self.detail, 1)
        self._build_pages()
        for keys, act in (("F5", self.refresh), ("Ctrl+P", self.toggle_paused)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _build_header(self) -> None:
        self.every = QSpinBox()
        self.every.setObjectName("monitoring.every")
        self.every.setAccessibleName(self.tr("Seconds between two looks"))
        self.every.setRange(SHORTEST_S, LONGEST_S)
        self.every.setSuffix(self.tr(" s"))
        indent_number(self.every)
        kept = self._memory.value("every_s")
        self.every.setValue(kept if isinstance(kept, int) else USUAL_S)
        self.watcher.set_every(self.every.value())
        self.every.valueChanged.connect(self._set_every)
        self.pause_button = Button(self.tr("Pause"), icon_name="pause", name="monitoring.pause")
        self.pause_button.setCheckable(True)
        self.pause_button.clicked.connect(self._set_paused)
        self.refresh_button = IconButton(
            "refresh", self.tr("Look now (F5)"), name="monitoring.refresh"
        )
        self.refresh_button.clicked.connect(self.refresh)
        label = Label(self.tr("Every"), "muted")
        label.setBuddy(self.every)
        for part in (label, self.every, self.pause_button, self.refresh_button):
            self.header.addWidget(part)

    def _build_pages(self) -> None:
        self.pages = QStackedWidget()
        self._busy = Busy(self.tr("Reading the connections…"))
        connect = Button(
            self.tr("Go to the connections"), icon_name="database", name="monitoring.connect"
        )
        connect.clicked.connect(self._go_to_connections)
        self._empty = EmptyState(
            "activity",
            self.tr("No server to look at"),
            self.tr("Servers of your connections are shown here, and how busy their pools are."),
            action=connect,
        )
        again = Button(self.tr("Try again"), icon_name="refresh", name="monitoring.again")
        again.clicked.connect(self.refresh)
        self._failed = EmptyState("error", "", action=again)
        for page in (self._busy, self._content, self._empty, self._failed):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)

    # The pane among panes

    def showEvent(self, event: QShowEvent) -> None:
        """Look on."""
        super().showEvent(event)
        self.watcher.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look away: nothing is asked any more."""
        super().hideEvent(event)
        self.watcher.stop()
        self._reading.drop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for the server itself."""
        super().resizeEvent(event)
        roomy = event.size().width() >= _ROOMY
        self.list.setMaximumWidth(_LIST_WIDTH if roomy else _NARROW_LIST_WIDTH)

    def focus_first(self) -> None:
        """The servers."""
        self.list.setFocus()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        pause = self.tr("Go on looking") if self.watcher.is_paused else self.tr("Pause")
        return [
            Command("monitoring.refresh", self.tr("Look now"), self.refresh, "refresh", "F5"),
            Command("monitoring.pause", pause, self.toggle_paused, "pause", "Ctrl+P"),
        ]

    def shut(self) -> None:
        """The pane will be deleted."""
        self.watcher.stop()
        self._reading.drop()
        self._unlocking.shut()
        super().shut()

    # Looking

    @Slot()
    def refresh(self) -> None:
        """Look now, also at what changes rarely."""
        self._stale.add(self._chosen)
        self._reading.drop()
        self.watcher.ask_now()

    @Slot()
    def toggle_paused(self) -> None:
        """Pause, or go on."""
        self.pause_button.setChecked(not self.pause_button.isChecked())
        self._set_paused()

    @Slot()
    def _set_paused(self) -> None:
        paused = self.pause_button.isChecked()
        self.pause_button.setText(self.tr("Go on") if paused else self.tr("Pause"))
        self.pause_button.setIcon(icon("play" if paused else "pause"))
        self.pause_button.setAccessibleName(self.pause_button.text())
        self.watcher.set_paused(paused=paused)

    @Slot(int)
    def _set_every(self, seconds: int) -> None:
        self.watcher.set_every(seconds)
        self._memory.keep("every_s", seconds)

    @Slot(object)
    def _take_pools(self, pools: tuple[WatchedPool, ...]) -> None:
        self.model.show_pools(pools)
        self.pages.setCurrentWidget(self._content if pools else self._empty)
        place = self.model.find_row(self._chosen)
        if pools and self.list.currentIndex().row() != max(place, 0):
            self.list.setCurrentIndex(self.model.index(max(place, 0), 0))
        self._draw()

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if not isinstance(error, AltusError):
            return
        if self.model.rowCount():
            self.message.show_error(error)
        else:
            self._failed.set("error", error_message(error), error_hint(error))
            self.pages.setCurrentWidget(self._failed)

    @Slot(str, object)
    def _take_pulse(self, connection_id: str, pulse: ServerPulse) -> None:
        if self.model.take_pulse(connection_id, pulse):
            self._announce(connection_id, self.tr("“{name}” answers again"))
        if connection_id == self._chosen:
            self._draw()
            self._read_facts()

    @Slot(str, object)
    def _take_refusal(self, connection_id: str, error: object) -> None:
        if not isinstance(error, AltusError):
            return
        if self.model.take_error(connection_id, error):
            row = self._find(connection_id)
            if row is not None and row.health is Health.FAILED:
                self._announce(connection_id, self.tr("“{name}” does not answer"))
        if connection_id == self._chosen:
            self._draw()

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex) -> None:
        row = index.data(RECORD_ROLE)
        if not isinstance(row, ServerRow):
            return
        self._chosen = row.pool.connection.id
        self._reading.drop()
        production = row.pool.connection.environment is Environment.PROD
        self.setProperty("production", production)
        self.banner_changed.emit(production)
        self._draw()
        if row.pulse is not None:
            self._read_facts()

    def _draw(self) -> None:
        row = self._find(self._chosen)
        if row is not None:
            self.detail.show_server(row, self._facts.get(self._chosen))

    def _find(self, connection_id: str) -> ServerRow | None:
        place = self.model.find_row(connection_id)
        return self.model.records[place] if place >= 0 else None

    def _announce(self, connection_id: str, text: str) -> None:
        row = self._find(connection_id)
        if row is not None:
            self.session.announced.emit(text.format(name=row.pool.connection.name))

    # What changes rarely

    def _read_facts(self) -> None:
        """Once for each server that is looked at, and when it is asked for."""
        chosen = self._chosen
        known = chosen in self._facts and chosen not in self._stale
        if known or self._reading.running or not self.isVisible():
            return
        monitoring, actor = self.session.services.monitoring, self.session.actor

        def read(context: TaskContext) -> tuple[str, ServerFacts]:
            return chosen, monitoring.read_facts_(actor, chosen, context.token)

        self._reading.start(read)

    @Slot(object)
    def _take_facts(self, found: tuple[str, ServerFacts]) -> None:
        self._facts[found[0]] = found[1]
        self._stale.discard(found[0])
        self._draw()

    @Slot(object)
    def _take_facts_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._take_refusal(self._chosen, error)

    # Stopping

    @Slot(object)
    def _confirm_stop(self, statement: ListedStatement) -> None:
        row = self._find(self._chosen)
        if row is None:
            return
        connection_id = row.pool.connection.id
        dialog = ConfirmDialog(
            self.tr("Stop this statement?"),
            self.tr(
                "“{search}” has been running on “{name}” for {time}. Whoever waits for it is told "
                "that it was stopped on the server."
            ).format(
                search=statement.search_id,
                name=row.pool.connection.name,
                time=uptime_words(statement.running_s),
            ),
            self.tr("Stop the statement"),
            name="monitoring.stop",
            parent=self,
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        monitoring, actor = self.session.services.monitoring, self.session.actor

        def stop(context: TaskContext) -> bool:
            return monitoring.stop_statement_(actor, connection_id, statement, context.token)

        def submit() -> None:
            self.submit(Lane.TENANTS, stop, self._tell_stopped)

        dialog.accepted.connect(submit)
        dialog.open()

    @Slot(object)
    def _tell_stopped(self, stopped: bool) -> None:
        self.session.announced.emit(
            self.tr("Statement stopped") if stopped else self.tr("It had ended already")
        )
        self.watcher.ask_now()

    @Slot()
    def _tell_copied(self) -> None:
        self.session.announced.emit(self.tr("Statements copied"))

    @Slot()
    def _go_to_connections(self) -> None:
        self.session.pane_requested.emit("connections", None)
