"""The main window: pages until somebody is signed in, then their workspace."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QKeySequence, QPaintEvent, QShortcut
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QWidget

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskRunner
from altus4_desktop.ui.geometry import LEAST_SIZE, WindowMemory
from altus4_desktop.ui.icons import app_icon
from altus4_desktop.ui.locking import Lock
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.pages.waiting import BootingPage
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.startup import StartUp
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Theme, dress
from altus4_desktop.ui.turns import Turns

if TYPE_CHECKING:
    from altus4_desktop.services import Services
    from altus4_desktop.ui.workspace import Workspace

QUIT_WAIT_S = 3.0


class MainWindow(QMainWindow):
    """Navigation only; the rules are in the services, the work in the panes.

    ``painted`` comes once after the first paint, ``interactive`` once when the first page that
    waits for a person has been painted, ``settled`` when the store has been opened and looked at
    (a sign-in that is sent before waits for it). ``services_factory`` is called in the background
    after the first paint; ``passphrase_secret`` opens or sets up the vault without asking.
    Closing cancels all work and waits for it at most three seconds, but for a store that is being
    replaced until that is done.
    """

    painted = Signal()
    interactive = Signal()
    settled = Signal()
    _problem_came = Signal(object)

    def __init__(
        self,
        services_factory: Callable[[], Services],
        runner: TaskRunner,
        theme: Theme,
        data_dir: Path,
        *,
        report_crash: Callable[[BaseException], None],
        open_demo: bool = False,
        passphrase_secret: str | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setMinimumSize(LEAST_SIZE)
        self._runner = runner
        self._theme = theme
        self._report_crash = report_crash
        self._memory = WindowMemory(data_dir)
        self._stack = QStackedWidget()
        self.setCentralWidget(self._stack)
        self._session: Session | None = None
        self._workspace: Workspace | None = None
        self._coming: Workspace | None = None
        self._probe = _PaintProbe(self)
        self._probe.was_painted.connect(self._tell_painted, Qt.ConnectionType.QueuedConnection)
        self._is_painted = False
        self._is_interactive = False
        self.start_up = StartUp(
            services_factory,
            runner,
            report_crash,
            open_demo=open_demo,
            expects_sign_in=self._memory.expects_sign_in or self._memory.is_locked,
            asks_who=self._memory.is_locked,
            passphrase_secret=passphrase_secret,
            parent=self,
        )
        self.start_up.shown.wanted.connect(self._show_page)
        self.start_up.signed_in.connect(self._open_workspace)
        self.start_up.sign_out_wanted.connect(self.sign_out)
        self.start_up.quit_wanted.connect(self.close)
        self.start_up.settled.connect(self.settled)
        self.locking = Lock(runner, self.start_up, report_crash, self)
        self.locking.page_wanted.connect(self._show_page)
        self.locking.uncovered.connect(self._uncover)
        self.locking.changed.connect(self._note_locked)
        self.locking.sign_out_wanted.connect(self.sign_out)
        # The history's own thread tells, so this window hears of it in its turn.
        self._problem_came.connect(self._announce_problem, Qt.ConnectionType.QueuedConnection)
        self.start_up.show_first()
        quit_ = QShortcut(QKeySequence("Ctrl+Q"), self)
        quit_.activated.connect(self.close)
        self.painted.connect(self.start_up.look)
        self._name_window(None)
        self.setGeometry(self._memory.geometry)

    @property
    def workspace(self) -> Workspace | None:
        """What the signed-in person sees, if anybody is signed in."""
        return self._workspace

    @property
    def page(self) -> QWidget | None:
        """What the window shows: a page, or the workspace."""
        return self._stack.currentWidget()

    def open_(self) -> None:
        """Show the window as it was left."""
        self.setWindowIcon(app_icon())
        if self._memory.is_maximized:
            self.showMaximized()
        else:
            self.show()

    @Slot()
    def _tell_painted(self) -> None:
        if not self._is_painted:
            self._is_painted = True
            self.painted.emit()
        if not self._is_interactive and not isinstance(self.page, BootingPage):
            self._is_interactive = True
            self._probe.hide()
            self.interactive.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the layout, stop all work, wait for it a bounded time."""
        pane = self._workspace.current_pane.id if self._workspace else ""
        self._memory.keep(
            self.normalGeometry(),
            maximized=self.isMaximized(),
            pane=pane,
            expects_sign_in=self.start_up.ends_at_sign_in,
        )
        self.hide()
        if self._coming is not None:
            self._coming.shut()
            self._coming = None
        if self._workspace is not None:
            self._workspace.shut()
            if self.locking.is_locked:
                # Nothing else owns it now.
                self._workspace.deleteLater()
        self._runner.shutdown(QUIT_WAIT_S)
        if self._session is not None:
            self._session.services.history.on_problem = None
            self._session.services.backups.on_problem = None
        super().closeEvent(event)

    @Slot(object)
    def _show_page(self, page: Page) -> None:
        self._put(page)
        page.focus_first()

    def _put(self, widget: QWidget) -> None:
        before = self._stack.currentWidget()
        if self._stack.indexOf(widget) < 0:
            self._stack.addWidget(widget)
            if isinstance(widget, Page):
                dress(widget)
        self._stack.setCurrentWidget(widget)
        if not self._is_interactive:
            self._probe.raise_()
            self._probe.update()
        if before is not None and before is not widget and before is not self._workspace:
            if isinstance(before, Page):
                # What it waits for may come late: by then somebody else may be on their way in.
                before.drop_work()
            self._stack.removeWidget(before)
            before.deleteLater()

    # ---- the workspace -----------------------------------------------------------------------

    @Slot(object, object)
    def _open_workspace(self, services: Services, actor: Actor) -> None:
        from altus4_desktop.ui.workspace import Workspace

        self._close_workspace()
        session = Session(
            services, self._runner, self._theme, report_crash=self._report_crash, parent=self
        )
        session.set_actor(actor)
        self._session = session
        services.history.on_problem = self._problem_came.emit
        services.backups.on_problem = self._problem_came.emit
        services.analytics.refresh_later(actor)
        services.history.start_upkeep()
        services.backups.start_schedule_(actor)
        workspace = Workspace(session, self)
        workspace.lock_requested.connect(self.lock)
        workspace.sign_out_requested.connect(self.sign_out)
        self.start_up.announced.connect(workspace.status.announce)
        self._coming = workspace
        # The page that was stays until all of it is there.
        steps = (
            partial(workspace.prepare, self._memory.pane),
            workspace.open_,
            partial(self._show_workspace, session, workspace),
        )
        Turns(workspace).take([partial(self._bring, workspace, step) for step in steps])

    def _bring(self, workspace: Workspace, step: Callable[[], object]) -> None:
        # Who was to have it may have been signed out in the step before.
        if workspace is self._coming:
            step()

    def _show_workspace(self, session: Session, workspace: Workspace) -> None:
        self._workspace, self._coming = workspace, None
        self._put(workspace)
        self.start_up.shown.leave()
        workspace.current_pane.focus_first()
        self.locking.guard(session, workspace)
        self._name_window(session.actor)

    @Slot(object)
    def _announce_problem(self, problem: AltusError) -> None:
        if self._session is not None:
            self._session.announced.emit(error_message(problem))

    def _close_workspace(self) -> None:
        workspace = self._workspace or self._coming
        self._workspace = self._coming = None
        session, self._session = self._session, None
        self.locking.leave()
        if workspace is None or session is None:
            return
        self._stack.removeWidget(workspace)
        workspace.take_down()
        session.set_actor(None)
        # Its parts may still look at it.
        workspace.destroyed.connect(session.deleteLater)

    def _name_window(self, actor: Actor | None) -> None:
        name = self.tr("Altus 4")
        if actor is not None and actor.is_demo:
            name = self.tr("Altus 4 — DEMO, sample data")
        self.setWindowTitle(name)

    @Slot()
    def sign_out(self) -> None:
        """Forget who it was and everything they had open."""
        services = self.start_up.services
        actor = self._session.actor if self._session is not None else None

        def forget(_: TaskContext) -> None:
            if actor is None:
                services.accounts.forget()
            else:
                services.accounts.sign_out(actor)

        handle = self._runner.submit(Lane.METADATA, forget)
        handle.finished.connect(self.start_up.look)
        self.start_up.show_signing_out()
        self._close_workspace()
        self.locking.drop_secrets()
        self._name_window(None)

    # ---- the lock ----------------------------------------------------------------------------

    @Slot()
    def lock(self) -> None:
        """Cover the workspace until its person is back."""
        self.locking.lock()

    @Slot(bool)
    def _note_locked(self, locked: bool) -> None:
        # The demo is open to everybody: it lifts no lock.
        if locked or self._session is None or not self._session.actor.is_demo:
            self._memory.note_locked(locked=locked)

    @Slot(object)
    def _uncover(self, workspace: Workspace) -> None:
        self._put(workspace)
        self.start_up.shown.leave()
        workspace.current_pane.focus_first()


class _PaintProbe(QWidget):
    """One pixel above everything: it is painted last, so the page has been when it is. Pages hide
    themselves behind opaque children and need not be painted at all."""

    was_painted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setGeometry(0, 0, 1, 1)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, _: QPaintEvent) -> None:
        """Tell."""
        self.was_painted.emit()
