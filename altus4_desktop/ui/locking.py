"""The lock: what covers the window, when it does so by itself, and the way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from shiboken6 import isValid

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskRunner

if TYPE_CHECKING:
    from altus4_desktop.ui.pages.sign_in import LockPage
    from altus4_desktop.ui.session import Session
    from altus4_desktop.ui.startup import StartUp
    from altus4_desktop.ui.workspace import Workspace

_LOOK_MS = 5000
_COVERED = "covered_flags"
# Not a property: that of a widget that was deleted meanwhile points to nothing.
_PARENTS: WeakKeyDictionary[QDialog, QWidget | None] = WeakKeyDictionary()
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TouchUpdate,
        QEvent.Type.TabletPress,
        QEvent.Type.TabletMove,
    }
)


class Lock(QObject):
    """Covers one person's workspace and drops key and sessions until they are back.

    ``page_wanted`` (Page): show it; ``uncovered`` (Workspace): show that again;
    ``changed``: whether it is locked now, told when it is and when its person is back;
    ``sign_out_wanted``. What was typed and found stays behind: nothing of it can be seen or read,
    by no screen reader either.
    """

    page_wanted = Signal(object)
    uncovered = Signal(object)
    changed = Signal(bool)
    sign_out_wanted = Signal()
    _came_late = Signal()

    def __init__(
        self,
        runner: TaskRunner,
        start_up: StartUp,
        report_crash: Callable[[BaseException], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._start_up = start_up
        self._report_crash = report_crash
        self._session: Session | None = None
        self._workspace: Workspace | None = None
        self._page: LockPage | None = None
        self._is_locked = False
        self.idle = IdleWatch(runner, self)
        self.idle.expired.connect(self.lock)
        # Queued: a dialog that is hidden while Qt is still showing it comes half to the screen.
        self._came_late.connect(self._cover_late, Qt.ConnectionType.QueuedConnection)

    @property
    def is_locked(self) -> bool:
        """Whether somebody's workspace is covered."""
        return self._is_locked

    def guard(self, session: Session, workspace: Workspace) -> None:
        """From now on this is what is covered."""
        self._session, self._workspace = session, workspace
        self._set_locked(locked=False)
        self.idle.watch(
            lambda: 0 if session.actor.is_demo else session.services.settings.lock_after_minutes
        )

    def leave(self) -> None:
        """Nobody is signed in any more."""
        self._session = self._workspace = self._page = None
        self._is_locked = False
        self._watch_for_dialogs(wanted=False)
        self.idle.rest()

    @Slot()
    def lock(self) -> None:
        """Cover the workspace, stop searches, and drop key and sessions until the password is
        entered again."""
        from altus4_desktop.ui.pages.sign_in import LockPage

        session, workspace = self._session, self._workspace
        if session is None or workspace is None or session.actor.is_demo or self._is_locked:
            return
        self._set_locked(locked=True)
        self.idle.rest()
        self.drop_secrets()
        page = LockPage(session.actor, self._runner, self._report_crash)
        page.unlock_requested.connect(self._check_password)
        page.sign_out_requested.connect(self.sign_out_wanted)
        self._page = page
        take_out_of_sight(workspace)
        self.page_wanted.emit(page)

    def _set_locked(self, *, locked: bool) -> None:
        self._is_locked = locked
        self._watch_for_dialogs(wanted=locked)
        self.changed.emit(locked)

    def _watch_for_dialogs(self, *, wanted: bool) -> None:
        application = QApplication.instance()
        if application is None:
            return
        application.removeEventFilter(self)
        if wanted:
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep off the screen what the covered workspace shows: work that was under way comes back
        with an error, or with a password that is shown once."""
        if event.type() is QEvent.Type.Show and isinstance(watched, QDialog):
            workspace = self._workspace
            if workspace is not None and is_of(workspace, watched):
                watched.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
                self._came_late.emit()
        return super().eventFilter(watched, event)

    @Slot()
    def _cover_late(self) -> None:
        workspace = self._workspace
        if workspace is None:
            return
        unseen = Qt.WidgetAttribute.WA_DontShowOnScreen
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog) and dialog.isVisible() and dialog.testAttribute(unseen):
                _cover(dialog, workspace)
                dialog.setAttribute(unseen, on=False)
        if not self._is_locked:
            # Their person came back in between.
            bring_back_dialogs(workspace)

    def drop_secrets(self) -> None:
        """Stop what runs on tenants' servers, forget the key, close every session."""
        services = self._start_up.services

        def drop_key(_: TaskContext) -> None:
            services.vault.lock()

        def close_sessions(_: TaskContext) -> None:
            services.connections.reset_()

        def close_store(_: TaskContext) -> None:
            services.metadata.rest_()

        self._runner.cancel_lane(Lane.TENANTS)
        self._runner.submit(Lane.VAULT, drop_key)
        self._runner.submit(Lane.TENANTS, close_sessions)
        self._runner.submit(Lane.METADATA, close_store)

    @Slot(str)
    def _check_password(self, password_secret: str) -> None:
        page = self._page
        if self._session is None or page is None:
            return
        accounts, actor = self._start_up.services.accounts, self._session.actor

        def check(_: TaskContext) -> Actor | None:
            return accounts.unlock(actor, password_secret)

        page.submit(Lane.METADATA, check, self._answer_password, failed=page.show_refusal)

    @Slot(object)
    def _answer_password(self, actor: Actor | None) -> None:
        page = self._page
        if page is None:
            return
        if actor is None:
            page.show_wrong_password()
            return
        # What comes next takes its place.
        self._page = None
        if actor.must_change_password:
            # An admin has reset it meanwhile.
            self._start_up.ask_own_password(actor, page.password_secret, self._go_on_unlocking)
        else:
            self._go_on_unlocking(actor)

    def _go_on_unlocking(self, actor: Actor) -> None:
        if self._session is not None:
            self._session.set_actor(actor)
        self._start_up.vault.unlock_then(self._uncover)

    @Slot()
    def _uncover(self) -> None:
        session, workspace = self._session, self._workspace
        if session is None or workspace is None:
            return
        self.guard(session, workspace)
        self.uncovered.emit(workspace)
        bring_back_dialogs(workspace)


class IdleWatch(QObject):
    """``expired``: nobody has touched a key or the mouse for as long as was asked for, and nothing
    that they have started is still running."""

    expired = Signal()

    def __init__(self, runner: TaskRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._minutes: Callable[[], int] = lambda: 0
        self.clock = seconds_awake_or_asleep
        self._touched_s = self.clock()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.focusWindowChanged.connect(self._follow_window)

    def watch(self, minutes: Callable[[], int]) -> None:
        """Begin to count; ``minutes`` is asked each time, 0 means never."""
        self._minutes = minutes
        self._touched_s = self.clock()
        self._follow_window(QGuiApplication.focusWindow())
        self._timer.start()

    def rest(self) -> None:
        """Stop counting."""
        self._timer.stop()

    @Slot()
    def look(self) -> None:
        """Tell if it is time; as long as work is under way it is not."""
        minutes = self._minutes()
        if minutes and self.clock() - self._touched_s >= minutes * 60 and not self._is_busy():
            self.expired.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note when a key or the mouse was used; the event goes on."""
        if event.type() in _INPUT:
            self._touched_s = self.clock()
        return super().eventFilter(watched, event)

    def _is_busy(self) -> bool:
        return any(
            handle.lane is Lane.TENANTS or bool(handle.title) for handle in self._runner.running
        )

    @Slot(QWindow)
    def _follow_window(self, window: QWindow | None) -> None:
        # Input comes to the window first: asking the application for every event would be slow.
        if window is not None:
            window.installEventFilter(self)


def seconds_awake_or_asleep() -> float:
    """A clock that nobody sets and, where the system has one, that runs while it sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def take_out_of_sight(workspace: QWidget) -> None:
    """Take the workspace and its dialogs from the screen and from what screen readers find; what
    only asks a question is answered with no."""
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    for dialog in QApplication.topLevelWidgets():
        if not isinstance(dialog, QDialog) or not dialog.isVisible():
            continue
        _cover(dialog, workspace)
    workspace.hide()
    workspace.setParent(None)


def _cover(dialog: QDialog, workspace: QWidget) -> None:
    # A hidden window stays in the tree of a screen reader; a hidden part of nothing does not.
    dialog.setProperty(_COVERED, dialog.windowFlags().value)
    _PARENTS[dialog] = dialog.parentWidget()
    dialog.hide()
    dialog.setParent(workspace, Qt.WindowType.Widget)


def is_of(workspace: QWidget, dialog: QWidget) -> bool:
    """Whether a window was opened from somewhere in the workspace."""
    part: QWidget | None = dialog
    while part is not None and part is not workspace:
        part = part.parentWidget()
    return part is not None


def bring_back_dialogs(workspace: QWidget) -> None:
    """Show again what `take_out_of_sight` has hidden and is still there; what belonged to something
    that is not goes as well."""
    for dialog in workspace.findChildren(QDialog):
        flags = dialog.property(_COVERED)
        if flags is None:
            continue
        dialog.setProperty(_COVERED, None)
        parent = _PARENTS.pop(dialog, None)
        if parent is not None and not isValid(parent):
            dialog.deleteLater()
            continue
        dialog.setParent(parent, Qt.WindowType(flags))
        dialog.show()
