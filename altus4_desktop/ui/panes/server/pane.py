"""The server pane: the private MySQL of this computer, its state, start, stop, reset."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.domain.local_server import LocalServerStatus
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, Work
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, full, size
from altus4_desktop.ui.widgets import Button, Card, Chip, Divider, Icon, IconButton, Label

_REFRESH_MS = 3000


class ServerPane(Pane):
    """The managed local server."""

    id = "server"
    title = "Local server"
    icon_name = "server"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._status: LocalServerStatus | None = None
        self._work: TaskHandle | None = None
        self._look: TaskHandle | None = None
        self.body.addWidget(self._scrolled(self._build_card()))
        self._clock = QTimer(self)
        self._clock.setInterval(_REFRESH_MS)
        self._clock.timeout.connect(self.refresh)
        self._draw()

    def activated(self) -> None:
        """See how the server is."""
        self.refresh()

    def focus_first(self) -> None:
        """The button that makes sense now."""
        (self._stop if self._status and self._status.running else self._start).setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """Keep looking while somebody does."""
        super().showEvent(event)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody is looking."""
        super().hideEvent(event)
        self._clock.stop()

    def commands(self) -> list[Command]:
        """What the palette offers."""
        found = [
            Command(
                "server.start",
                self.tr("Start the local server"),
                self.start,
                "play",
                is_enabled=self._start.isEnabled,
            ),
            Command(
                "server.stop",
                self.tr("Stop the local server"),
                self.stop,
                "stop",
                is_enabled=self._stop.isEnabled,
            ),
        ]
        if self.session.actor.is_demo:
            found.append(Command("demo.reset", self.tr("Reset the demo"), self.reset, "refresh"))
        return found

    @Slot()
    def refresh(self) -> None:
        """Look how the server is, without a question to the server."""
        if self._look is not None and not self._look.is_finished:
            return
        server = self.session.services.local_server

        def look(_: TaskContext) -> LocalServerStatus:
            return server.state()

        self._look = self.submit(Lane.TENANTS, look, self._show)

    @Slot()
    def start(self) -> None:
        """Start the server; it stops with the program."""
        server = self.session.services.local_server

        def start(context: TaskContext) -> LocalServerStatus:
            return server.start(context.progress, context.token)

        self._begin(self.tr("Starting the local server"), start)

    @Slot()
    def stop(self) -> None:
        """Stop the server."""
        server = self.session.services.local_server

        def stop(_: TaskContext) -> LocalServerStatus:
            server.stop()
            return server.state()

        self._begin(self.tr("Stopping the local server"), stop)

    @Slot()
    def reset(self) -> None:
        """The demo makes its sample data anew at once; otherwise ask, then remove everything."""
        services, is_demo = self.session.services, self.session.actor.is_demo
        if not is_demo and not confirm(
            self,
            self.tr("Remove everything on the local server?"),
            self.tr(
                "The server is stopped and its data folder is emptied. Saved connections to it "
                "stay, but find nothing until the demo is opened again."
            ),
            self.tr("Remove"),
            name="server.reset.confirm",
        ):
            return

        def reset(context: TaskContext) -> LocalServerStatus:
            if is_demo:
                services.demo.reset_(context.progress, context.token)
            else:
                services.local_server.reset()
            return services.local_server.state()

        title = self.tr("Resetting the demo") if is_demo else self.tr("Emptying the local server")
        self._begin(title, reset).succeeded.connect(self._tell_connections)

    def _begin(self, title: str, work: Work) -> TaskHandle:
        self.message.clear()
        handle = self.submit(Lane.TENANTS, work, self._show, title=title)
        handle.finished.connect(self._end)
        self._work = handle
        self._draw()
        return handle

    @Slot()
    def _end(self) -> None:
        self._work = None
        self._draw()
        self.refresh()

    @Slot()
    def _tell_connections(self) -> None:
        self.session.connections_changed.emit()
        self.session.announced.emit(self.tr("Everything is as it was at the beginning"))

    @Slot(object)
    def _show(self, status: LocalServerStatus) -> None:
        self._status = status
        self._draw()

    def _scrolled(self, card: QWidget) -> QScrollArea:
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        card.setMaximumWidth(760)
        column.addWidget(card)
        column.addStretch(1)
        scroll.setWidget(holder)
        return scroll

    def _build_card(self) -> Card:
        card = Card(spacing=Space.L)
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        head.addWidget(Icon("server", 28, "accent"))
        self._name = Label("", "title")
        head.addWidget(self._name)
        self._chip = Chip("neutral", "")
        self._chip.setObjectName("server.state")
        head.addWidget(self._chip)
        head.addStretch(1)
        self._start = Button(self.tr("Start"), "primary", icon_name="play", name="server.start")
        self._stop = Button(self.tr("Stop"), icon_name="stop", name="server.stop")
        self._start.clicked.connect(self.start)
        self._stop.clicked.connect(self.stop)
        head.addWidget(self._start)
        head.addWidget(self._stop)
        card.body.addLayout(head)
        card.body.addWidget(
            Label(
                self.tr(
                    "A private MySQL or MariaDB for the demo. It listens on this computer only, "
                    "with passwords it makes itself, and never touches a server of your system."
                ),
                "muted",
                wrap=True,
            )
        )
        card.body.addWidget(Divider())
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(Space.XL)
        self._facts.setVerticalSpacing(10)
        self._facts.setColumnStretch(1, 1)
        self._values: dict[str, Label] = {}
        for row, (key, title) in enumerate(
            (
                ("version", self.tr("Version")),
                ("port", self.tr("Port")),
                ("pid", self.tr("Process")),
                ("since", self.tr("Running since")),
                ("program", self.tr("Program")),
                ("folder", self.tr("Data folder")),
                ("size", self.tr("Size on disk")),
            )
        ):
            caption = Label(title, "muted")
            value = Label("—", wrap=True, selectable=True)
            value.setObjectName(f"server.{key}")
            value.setAccessibleName(title)
            self._values[key] = value
            self._facts.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
            if key == "folder":
                copy = IconButton(
                    "copy", self.tr("Copy the path"), name="server.folder.copy", size=15
                )
                copy.setProperty("kind", "small")
                copy.setFixedSize(22, 22)
                copy.clicked.connect(self._copy_folder)
                self._facts.addWidget(copy, row, 2, Qt.AlignmentFlag.AlignTop)
        card.body.addLayout(self._facts)
        card.body.addWidget(Divider())
        foot = QHBoxLayout()
        foot.setSpacing(Space.M)
        demo = self.session.actor.is_demo
        foot.addWidget(
            Label(
                self.tr("Throw the sample data away and make it anew.")
                if demo
                else self.tr("Stop the server and empty its data folder."),
                "muted",
                wrap=True,
            ),
            1,
        )
        self._reset = Button(
            self.tr("Reset the demo") if demo else self.tr("Reset…"),
            icon_name="refresh" if demo else "trash",
            name="server.reset",
        )
        self._reset.clicked.connect(self.reset)
        foot.addWidget(self._reset)
        card.body.addLayout(foot)
        return card

    def _draw(self) -> None:
        status, working = self._status, self._work is not None
        running = status is not None and status.running
        self._start.setEnabled(not working and not running)
        self._stop.setEnabled(not working and running)
        self._start.setHidden(running)
        self._stop.setHidden(not running)
        self._reset.setEnabled(not working)
        if self._work is not None:
            self._chip.set("running", self._work.title)
        elif status is None:
            self._chip.set("running", self.tr("Looking"))
        elif running:
            self._chip.set("ok", self.tr("Running"))
        else:
            self._chip.set("neutral", self.tr("Stopped"))
        flavour = status.flavour if status is not None else None
        self._name.setText(flavour.label if flavour else self.tr("Local server"))
        if status is None:
            return
        for key, text in {
            "version": status.version,
            "port": str(status.port) if status.port else "",
            "pid": str(status.pid) if status.pid else "",
            "since": f"{full(status.started_at)} ({ago(status.started_at)})"
            if status.started_at
            else "",
            "program": status.program,
            "folder": status.data_folder,
            "size": size(status.size_bytes) if status.size_bytes else "",
        }.items():
            self._values[key].setText(text or "—")

    @Slot()
    def _copy_folder(self) -> None:
        if self._status is not None:
            QGuiApplication.clipboard().setText(self._status.data_folder)
            self.session.announced.emit(self.tr("Path copied"))
