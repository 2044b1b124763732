"""Who drives the window while it soaks: does one thing after the other, whatever is to be seen."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
)
from shiboken6 import isValid

from altus4_desktop.ui.theme import Theme, ThemeChoice
from altus4_desktop.ui.window import MainWindow
from tests.benchmarks.soak_trouble import EMAIL, PASSPHRASE, PASSWORD
from tests.benchmarks.soak_watch import GapWatch, Soak

TICK_MS = 60
# Each of four lines to the store may be silent, and is given up after 30 s, one after the other.
STUCK_S = 180.0
PANES = (
    *("search", "connections", "history", "analytics", "evaluation", "monitoring", "keys"),
    *("users", "store", "audit", "backups", "server", "settings"),
)
_WORDS = ("boundary layer", "+shock -wave*", '"laminar stream"', "heat", "c++", "(heat", "", "漢字")
_BACKUPS = (
    *("backups.create", "backups.create", "backups.create", "backups.verify", "backups.verify"),
    *("backups.restore", "backups.restore", "backups.restore", "backups.restore"),
    *("backups.stop", "backups.prune", "backups.refresh"),
)
# What would leave nothing to go on with, asks for a file, or starts programs.
_LEFT_ALONE = re.compile(
    r"demo|sign_out|delete|remove|revoke|reset|browse|export|import|folder|csv|licences|^server|"
    r"^store\.(go|down|upgrade|change|account)|quit|rotate|passphrase|own_password|profile\.|"
    r"users\.(role|create|edit|new)|keyring|kit|disconnect|setup|forget|withdraw|settings\.secrets|"
    r"settings\.(save|unlock|vault)|statement\.stop|protect|temporary|connections\.(save|password)|"
    r"^palette|acquire|closed?$|keeping|problem\.(choose|quit)"
)
_TYPED = re.compile(r"\.(text|filter|name|note|description)$")

W = TypeVar("W", bound=QWidget)
Act = Callable[[], object]
Move = tuple[str, Act]


class Monkey(QObject):
    """Acts every 60 ms; what it spends on looking around is left out of the gaps."""

    def __init__(
        self,
        window: MainWindow,
        theme: Theme,
        dice: random.Random,
        soak: Soak,
        watch: GapWatch,
    ) -> None:
        super().__init__()
        self._window = window
        self._theme = theme
        self._dice = dice
        self._soak = soak
        self._watch = watch
        self._held_by: object = None
        self._held_since = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin, or go on."""
        self._held_by = None
        self._timer.start()

    def stop(self) -> None:
        """Do nothing more."""
        self._timer.stop()

    def let_in(self) -> bool:
        """Go one step towards the workspace; true when it is there and nothing is in front."""
        modal = QApplication.activeModalWidget()
        if modal is not None:
            modal.close()
            return False
        if self._is_in():
            return True
        _, act = self._enter_page()
        act()
        return False

    def _is_in(self) -> bool:
        workspace = self._window.workspace
        return workspace is not None and self._window.page is workspace

    def _tick(self) -> None:
        self._watch.look()
        name, act = self._choose()
        self._soak.done[name.split(" ")[0]] += 1
        # A press may open a dialog whose event loop runs in it; the next tick is to be in that.
        QTimer.singleShot(0, self, partial(self._do, name, act))
        self._watch.leave_out()

    def _do(self, name: str, act: Act) -> None:
        self._soak.action = name
        act()

    def _choose(self) -> Move:
        popup = QApplication.activePopupWidget()
        if popup is not None:
            return "popup", lambda: self._leave_popup(popup)
        modal = QApplication.activeModalWidget()
        if modal is not None:
            self._note_stuck(modal, modal.objectName())
            return self._answer(modal)
        if not self._is_in():
            page = self._window.page
            self._note_stuck(page, page.objectName() if page is not None else "nothing")
            return self._enter_page()
        self._held_by = None
        choose = self._dice.choices(
            [
                self._search,
                self._stop_search,
                self._go,
                self._press_any,
                self._choose_any,
                self._select_any,
                self._type_any,
                self._press_key,
                self._resize,
                self._change_theme,
                self._lock,
                self._sign_out,
                self._back_up,
            ],
            [140, 60, 110, 300, 80, 140, 40, 100, 20, 15, 8, 3, 30],
        )[0]
        return choose()

    def _note_stuck(self, held_by: object, name: str) -> None:
        now = time.monotonic()
        if held_by is not self._held_by:
            self._held_by, self._held_since = held_by, now
        elif now - self._held_since > STUCK_S:
            self._soak.wrong.append(f"no way on from {name} for {STUCK_S:.0f} s")
            self._held_since = now

    # -- what it does ----------------------------------------------------------------------------

    def _search(self) -> Move:
        workspace = self._window.workspace
        assert workspace is not None
        text = self._dice.choice(_WORDS)

        def act() -> None:
            workspace.show_pane("search")
            entry = self._find("search.query", QLineEdit) or self._find(
                "search.query", QPlainTextEdit
            )
            if isinstance(entry, QLineEdit):
                entry.setText(text)
            elif isinstance(entry, QPlainTextEdit):
                entry.setPlainText(text)
            if entry is not None:
                QTest.keyClick(entry, Qt.Key.Key_Return)

        return "search", act

    def _stop_search(self) -> Move:
        return self._press("search.stop") or _NOTHING

    def _go(self) -> Move:
        workspace, pane = self._window.workspace, self._dice.choice(PANES)
        assert workspace is not None
        return f"pane {pane}", lambda: workspace.show_pane(pane)

    def _press(self, name: str) -> Move | None:
        button = self._find(name, QAbstractButton)
        if button is None:
            return None
        return f"button {name}", partial(self._click, button)

    def _press_any(self) -> Move:
        return self._press_one_of(self._window) or _NOTHING

    def _press_one_of(self, inside: QWidget) -> Move | None:
        buttons = [
            button
            for button in self._every(inside, QAbstractButton)
            if button.objectName() and not _LEFT_ALONE.search(button.objectName())
        ]
        if not buttons:
            return None
        button = self._dice.choice(buttons)
        return f"button {button.objectName()}", partial(self._click, button)

    @staticmethod
    def _click(button: QAbstractButton) -> None:
        # Its dialog may have been closed meanwhile.
        if isValid(button):
            button.click()

    def _choose_any(self) -> Move:
        boxes = [
            box
            for box in self._every(self._window, QComboBox)
            if box.count() and not _LEFT_ALONE.search(box.objectName())
        ]
        if not boxes:
            return _NOTHING
        box = self._dice.choice(boxes)
        number = self._dice.randrange(box.count())

        def act() -> None:
            box.setCurrentIndex(number)
            box.activated.emit(number)

        return f"choice {box.objectName()}", act

    def _select_any(self) -> Move:
        views = [
            view
            for view in self._every(self._window, QAbstractItemView)
            if view.model() is not None and view.model().rowCount()
        ]
        if not views:
            return _NOTHING
        view = self._dice.choice(views)
        number = self._dice.randrange(view.model().rowCount())
        enters = self._dice.random() < 0.3

        def act() -> None:
            view.setCurrentIndex(view.model().index(number, 0))
            if enters:
                QTest.keyClick(view, Qt.Key.Key_Return)

        return f"row {view.objectName()}", act

    def _type_any(self, inside: QWidget | None = None) -> Move:
        entries = [
            entry
            for entry in self._every(inside or self._window, QLineEdit)
            if _TYPED.search(entry.objectName()) and not _LEFT_ALONE.search(entry.objectName())
        ]
        if not entries:
            return _NOTHING
        entry = self._dice.choice(entries)
        text = self._dice.choice((*_WORDS, f"soak {self._dice.randrange(1000)}"))
        return f"text {entry.objectName()}", lambda: entry.setText(text)

    def _press_key(self) -> Move:
        focus = QApplication.focusWidget()
        if focus is None:
            return _NOTHING
        keys = (
            *(Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Down, Qt.Key.Key_Up),
            *(Qt.Key.Key_Escape, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_A),
        )
        key = self._dice.choice(keys)
        return "key", lambda: QTest.keyClick(focus, key)

    def _resize(self) -> Move:
        size = self._dice.choice((760, 1000, 1920)), self._dice.choice((520, 1080))
        return "size", lambda: self._window.resize(*size)

    def _change_theme(self) -> Move:
        choice = self._dice.choice([*ThemeChoice])
        return "theme", lambda: self._theme.set_choice(choice)

    def _lock(self) -> Move:
        return "lock", self._window.lock

    def _sign_out(self) -> Move:
        return "sign-out", self._window.sign_out

    def _back_up(self) -> Move:
        workspace, name = self._window.workspace, self._dice.choice(_BACKUPS)
        assert workspace is not None

        def act() -> None:
            workspace.show_pane("backups")
            button = self._find(name, QAbstractButton)
            if button is not None:
                self._soak.done[f"pressed {name}"] += 1
                button.click()

        return "back-up", act

    # -- pages, popups, dialogs ------------------------------------------------------------------

    def _enter_page(self) -> Move:
        for name, text in (
            ("lock.password", PASSWORD),
            ("unlock.passphrase", PASSPHRASE),
            ("sign_in.password", PASSWORD),
        ):
            entry = self._find(name, QLineEdit)
            if entry is not None:
                return name, partial(self._enter, entry, text)
        return self._press("problem.retry") or ("wait", lambda: None)

    def _enter(self, entry: QLineEdit, text: str) -> None:
        if not isValid(entry):
            return
        address = self._find("sign_in.email", QLineEdit)
        if address is not None:
            address.setText(EMAIL)
        entry.setText(text)
        QTest.keyClick(entry, Qt.Key.Key_Return)

    def _leave_popup(self, popup: QWidget) -> None:
        # What it was for may have been done meanwhile.
        if not isValid(popup):
            return
        if isinstance(popup, QMenu) and self._dice.random() < 0.2:
            QTest.keyClick(popup, Qt.Key.Key_Down)
            return
        QTest.keyClick(popup, Qt.Key.Key_Escape)
        if popup.isVisible():
            popup.close()

    def _answer(self, dialog: QWidget) -> Move:
        name = dialog.objectName()
        if name == "backups.plan" and self._dice.random() < 0.5:
            return self._agree_to_restore(dialog)
        drawn = self._dice.random()
        move: Move | None = None
        if drawn < 0.4:
            move = self._press_one_of(dialog)
        elif drawn < 0.6:
            move = self._type_any(dialog)
        if move is None or move is _NOTHING:
            move = f"escape {name}", partial(self._escape, dialog)
        return move

    def _agree_to_restore(self, dialog: QWidget) -> Move:
        consent = dialog.findChild(QCheckBox, "backups.plan.agree")
        accept = dialog.findChild(QAbstractButton, "backups.plan.accept")
        assert isinstance(consent, QCheckBox), "the plan of a restore asks for no consent"
        assert isinstance(accept, QAbstractButton)

        def act() -> None:
            consent.setChecked(True)
            if accept.isEnabled():
                self._soak.done["store restored"] += 1
                accept.click()

        return "restore", act

    @staticmethod
    def _escape(dialog: QWidget) -> None:
        if isValid(dialog):
            QTest.keyClick(dialog, Qt.Key.Key_Escape)

    # -- what it sees ----------------------------------------------------------------------------

    def _find(self, name: str, kind: type[W]) -> W | None:
        # This too may come in the middle of what is measured.
        self._watch.look()
        found = self._window.findChildren(kind, name)
        self._watch.leave_out()
        return next((one for one in found if one.isVisible() and one.isEnabled()), None)

    def _every(self, inside: QWidget, kind: type[W]) -> list[W]:
        return [one for one in inside.findChildren(kind) if one.isVisible() and one.isEnabled()]


_NOTHING: Move = ("nothing", lambda: None)
