"""What a signed-in person sees: the rail, the panes, the status bar, the palette."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.entrances import list_entrances
from altus4_desktop.ui.locking import is_of
from altus4_desktop.ui.metric_notices import MetricNotices
from altus4_desktop.ui.palette import CommandPalette, Entry
from altus4_desktop.ui.pane import Command, Pane
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.rail import Place, Rail
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.shortcuts import Group, ShortcutSheet
from altus4_desktop.ui.status import StatusBar
from altus4_desktop.ui.status_facts import StatusFacts
from altus4_desktop.ui.texts import read_only_promise
from altus4_desktop.ui.theme import Space, ThemeChoice, dress
from altus4_desktop.ui.times import use_zone
from altus4_desktop.ui.turns import delete_in_turns
from altus4_desktop.ui.widgets import Icon, Label
from altus4_desktop.ui.working import WorkingWidget

_NARROW_BELOW = 960


class Workspace(QWidget):
    """Built at the sign-in, deleted at the sign-out, so that nothing of one person's work is left
    for the next. `prepare` and `open_` bring the first pane."""

    lock_requested = Signal()
    sign_out_requested = Signal()
    pane_changed = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("workspace")
        self.session = session
        self._entrances = {
            entrance.place.id: entrance for entrance in list_entrances(session.actor)
        }
        self._panes: dict[str, Pane] = {}
        self._pane_id = ""
        places = [entrance.place for entrance in self._entrances.values()]
        self.rail = Rail(places, session.actor, session.theme, self)
        self._banner = _ProductionBanner(self)
        self.notices = MetricNotices(session, self)
        self._stack = QStackedWidget()
        self.status = StatusBar(session.runner, self)
        self.facts = StatusFacts(session, self.status, self)
        self.palette_ = CommandPalette(self._list_entries, self)
        self.sheet = ShortcutSheet(self._list_shortcuts, self)
        self._lay_out()
        self._bind_shortcuts(places)
        self.rail.chosen.connect(self.show_pane)
        self.rail.palette_requested.connect(self.palette_.open_)
        self.rail.profile_requested.connect(self.open_profile)
        self.rail.password_requested.connect(self.open_password)
        self.rail.lock_requested.connect(self.lock_requested)
        self.rail.sign_out_requested.connect(self.sign_out_requested)
        self.rail.theme_chosen.connect(self._choose_theme)
        session.pane_requested.connect(self._hand_over)
        session.announced.connect(self.status.announce)
        session.lock_wanted.connect(self.lock_requested)
        session.actor_changed.connect(self._show_actor)
        session.sign_out_wanted.connect(self.sign_out_requested)
        use_zone(session.actor.timezone)

    def prepare(self, first_pane: str = "") -> None:
        """Build the pane that is shown first: the search, unless one is called ``first_pane``."""
        self._pane_id = first_pane if first_pane in self._entrances else "search"
        self._build_pane(self._pane_id)

    def open_(self) -> None:
        """Show the first pane, and what is told of the rest."""
        if not self._pane_id:
            self.prepare()
        self.show_pane(self._pane_id)
        self.facts.read()

    @property
    def current_pane(self) -> Pane:
        """The pane in front."""
        return self._panes[self._pane_id]

    @Slot(str)
    def show_pane(self, pane_id: str) -> Pane:
        """Bring a pane to the front, building it when it is first wanted."""
        self.palette_.close_()
        self.sheet.close_()
        pane = self._panes.get(pane_id) or self._build_pane(pane_id)
        pane.dress()
        self._pane_id = pane_id
        self._stack.setCurrentWidget(pane)
        self._banner.setVisible(bool(pane.property("production")))
        self.rail.set_current(pane_id)
        pane.activated()
        pane.focus_first()
        self.pane_changed.emit(pane_id)
        return pane

    def _build_pane(self, pane_id: str) -> Pane:
        pane = self._panes[pane_id] = self._entrances[pane_id].build(self.session)
        pane.banner_changed.connect(self._show_banner)
        self._stack.addWidget(pane)
        return pane

    def shut(self) -> None:
        """The workspace will be deleted."""
        self.facts.shut()
        self.notices.shut()
        use_zone("")
        for pane in self._panes.values():
            pane.shut()
        # One that is due may still fire before the widgets are deleted, and ask who is signed in.
        for timer in self.findChildren(QTimer):
            timer.stop()
        # So may work end that goes on: of dialogs, of parts of panes.
        for widget in self.findChildren(WorkingWidget):
            widget.hear_no_more()
        for task in self.findChildren(LatestTask):
            task.blockSignals(True)

    def take_down(self) -> None:
        """Take it from the screen with its dialogs and delete it: a part with each turn of the
        event loop, for all of them take long."""
        self.shut()
        for window in QApplication.topLevelWidgets():
            if window.isVisible() and is_of(self, window):
                window.hide()
        self.hide()
        parts: list[QWidget] = []
        for pane in self._panes.values():
            # Where the one in front goes, another comes.
            if pane is not self._stack.currentWidget():
                parts += [*pane.large_parts(), pane]
        if self._pane_id:
            parts += self.current_pane.large_parts()
        delete_in_turns([*parts, self])

    @Slot()
    def open_profile(self) -> None:
        """Let people change what is said of them."""
        from altus4_desktop.ui.profile import ProfileDialog

        dialog = ProfileDialog(self.session, self)
        dialog.password_requested.connect(self.open_password)
        dialog.open()

    @Slot()
    def open_password(self) -> None:
        """Let people change their password."""
        from altus4_desktop.ui.profile import PasswordDialog

        PasswordDialog(self.session, self).open()

    @Slot(object)
    def _show_actor(self, actor: Actor | None) -> None:
        if actor is not None:
            use_zone(actor.timezone)
            self.rail.show_actor(actor)
            self.facts.show_account()
            self.current_pane.activated()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make room in small windows."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW_BELOW
        if narrow != self.rail.is_narrow:
            self.rail.set_narrow(narrow=narrow)

    def _lay_out(self) -> None:
        content = QVBoxLayout()
        content.setSpacing(0)
        content.addWidget(self._banner)
        content.addWidget(self.notices)
        content.addWidget(self._stack, 1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(content, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(self.status)
        for part in (
            self.rail,
            self._banner,
            self.notices,
            self.status,
            self.palette_,
            self.sheet,
        ):
            dress(part)

    def _bind_shortcuts(self, places: list[Place]) -> None:
        bindings: list[tuple[str, Callable[[], object]]] = [
            (place.shortcut, partial(self.show_pane, place.id)) for place in places
        ]
        bindings += [
            ("Ctrl+K", self.palette_.open_),
            ("F1", self.sheet.open_),
            ("Ctrl+/", self.sheet.open_),
            ("Ctrl+,", partial(self.show_pane, "settings")),
            ("F6", self._move_focus),
        ]
        if not self.session.actor.is_demo:
            bindings.append(("Ctrl+Shift+L", self.lock_requested.emit))
        for keys, act in bindings:
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(act)

    def _move_focus(self) -> None:
        if self.rail.isAncestorOf(self.focusWidget()):
            self.current_pane.focus_first()
        else:
            self.rail.focus_current()

    def _list_entries(self) -> list[Entry]:
        places = [entrance.place for entrance in self._entrances.values()]
        go = self.tr("Go to")
        entries = []
        current = self.current_pane
        for pane in (current, *(pane for pane in self._panes.values() if pane is not current)):
            entries += [Entry(pane.tr(pane.title), command) for command in pane.commands()]
        entries += self._list_errands()
        entries += [
            Entry(
                go,
                Command(
                    f"go.{place.id}",
                    place.title,
                    partial(self.show_pane, place.id),
                    place.icon_name,
                    place.shortcut,
                ),
            )
            for place in places
        ]
        look = self.tr("Appearance")
        for choice, text, picture in (
            (ThemeChoice.LIGHT, self.tr("Light colours"), "sun"),
            (ThemeChoice.DARK, self.tr("Dark colours"), "moon"),
            (ThemeChoice.AUTO, self.tr("Colours like the system"), "auto"),
        ):
            act = partial(self._choose_theme, choice.value)
            entries.append(Entry(look, Command(f"theme.{choice}", text, act, picture)))
        if not self.session.actor.is_demo:
            account = self.tr("Account")
            for command in (
                Command("account.profile", self.tr("Profile"), self.open_profile, "user"),
                Command("account.password", self.tr("Change password"), self.open_password, "key"),
            ):
                entries.append(Entry(account, command))
        window = self.tr("Window")
        keys = Command(
            "shortcuts", self.tr("Keyboard shortcuts"), self.sheet.open_, "keyboard", "F1"
        )
        entries.append(Entry(window, keys))
        if not self.session.actor.is_demo:
            lock = Command(
                "lock", self.tr("Lock"), self.lock_requested.emit, "lock", "Ctrl+Shift+L"
            )
            entries.append(Entry(window, lock))
        leave = self.tr("Leave the demo") if self.session.actor.is_demo else self.tr("Sign out")
        entries.append(
            Entry(window, Command("sign-out", leave, self.sign_out_requested.emit, "sign-out"))
        )
        return entries

    def _list_errands(self) -> list[Entry]:
        """What panes that nobody has opened yet will offer: building them only to ask is slow."""
        errands = [
            ("connections", "connections.add", self.tr("Add a connection"), "plus"),
            ("keys", "keys.create", self.tr("Create an API key"), "plus"),
            ("keys", "keys.verify", self.tr("Verify an API key"), "shield"),
            ("users", "users.create", self.tr("New user"), "plus"),
            ("settings", "settings.folder", self.tr("Open the data folder"), "folder"),
            ("settings", "settings.licences", self.tr("Licences"), "file"),
        ]
        if self.session.actor.is_demo:
            errands.append(("server", "demo.reset", self.tr("Reset the demo"), "refresh"))
        return [
            Entry(
                self._entrances[pane_id].place.title,
                Command(command_id, title, partial(self._run_in, pane_id, command_id), picture),
            )
            for pane_id, command_id, title, picture in errands
            if pane_id in self._entrances and pane_id not in self._panes
        ]

    def _run_in(self, pane_id: str, command_id: str) -> None:
        pane = self.show_pane(pane_id)
        next(command for command in pane.commands() if command.id == command_id).run()

    def _list_shortcuts(self) -> list[Group]:
        general = [
            (self.tr("Command palette"), "Ctrl+K"),
            (self.tr("Keyboard shortcuts"), "F1"),
            (self.tr("Between navigation and content"), "F6"),
            (self.tr("Settings"), "Ctrl+,"),
        ]
        if not self.session.actor.is_demo:
            general.append((self.tr("Lock"), "Ctrl+Shift+L"))
        general.append((self.tr("Quit"), "Ctrl+Q"))
        groups: list[Group] = [
            (self.tr("Anywhere"), general),
            (
                self.tr("Go to"),
                [
                    (entrance.place.title, entrance.place.shortcut)
                    for entrance in self._entrances.values()
                ],
            ),
        ]
        for pane in self._panes.values():
            own = [
                (command.title, command.shortcut) for command in pane.commands() if command.shortcut
            ]
            if own:
                groups.append((pane.tr(pane.title), own))
        return groups

    @Slot(str, object)
    def _hand_over(self, pane_id: str, intent: object) -> None:
        pane = self.show_pane(pane_id)
        if intent is not None:
            pane.receive(intent)

    @Slot(bool)
    def _show_banner(self, shown: bool) -> None:
        pane = self.sender()
        if isinstance(pane, Pane):
            pane.setProperty("production", shown)
            if pane is self.current_pane:
                self._banner.setVisible(shown)

    @Slot(str)
    def _choose_theme(self, choice: str) -> None:
        self.session.theme.set_choice(ThemeChoice(choice))
        settings = self.session.services.settings
        settings.theme = choice

        def save(_: TaskContext) -> None:
            settings.save()

        self.session.runner.submit(Lane.METADATA, save)


class _ProductionBanner(QFrame):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("banner.production")
        self.setProperty("banner", "prod")
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.XL, 6, Space.XL, 6)
        row.setSpacing(Space.S)
        row.addWidget(Icon("warning", 16, "on_accent"))
        text = self.tr("PRODUCTION: you are looking at live data, read-only")
        row.addWidget(Label(text))
        row.addStretch(1)
        self.setAccessibleName(text)
        self.setToolTip(plain_tool_tip(read_only_promise()))
        self.setAccessibleDescription(read_only_promise())
        self.hide()
