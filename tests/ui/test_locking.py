"""What nobody sees or reads while the window is locked, and when it locks itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleInterface, QShowEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QWidget

from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, confirm, show_blocking_error
from altus4_desktop.ui.panes.users.dialogs import TemporaryPasswordDialog
from altus4_desktop.ui.workspace import Workspace
from tests.ui.house import PASSWORD, House

_WAIT_MS = 10_000
_TYPED = "what only Ada may read"


@pytest.fixture
def workspace(house: House) -> Workspace:
    """Ada's, with something typed into it."""
    house.set_up(remembered=True)
    house.vault.unlocked = True
    house.open_("workspace")
    made = house.window.workspace
    assert made is not None
    query = house.find("search.query")
    assert isinstance(query, QLineEdit)
    query.setText(_TYPED)
    return made


@pytest.fixture
def clock(house: House, workspace: Workspace) -> Iterator[list[float]]:
    """The time in seconds, which stands still until a test changes it; locking after 5 minutes."""
    settle(house)
    now = [1000.0]
    idle = house.window.locking.idle
    idle.clock = lambda: now[0]
    idle._touched_s = now[0]
    workspace.session.services.settings.lock_after_minutes = 5
    yield now
    workspace.session.services.settings.lock_after_minutes = 0


def read_aloud() -> str:
    """Everything that a screen reader could find, starting at the program."""
    texts: list[str] = []

    def walk(found: QAccessibleInterface | None) -> None:
        if found is None:
            return
        texts.extend(
            found.text(kind)
            for kind in (
                QAccessible.Text.Name,
                QAccessible.Text.Description,
                QAccessible.Text.Value,
            )
        )
        for place in range(found.childCount()):
            walk(found.child(place))

    for window in QApplication.topLevelWindows():
        walk(window.accessibleRoot())
    return "\n".join(texts)


def unlock(house: House) -> None:
    field = house.find("lock.password")
    assert isinstance(field, QLineEdit)
    field.setText(PASSWORD)
    house.key(field, Qt.Key.Key_Return)
    house.wait_for("workspace")
    settle(house)


def never_seen(house: House, dialog: QWidget) -> None:
    """Not for a moment on the screen, gone soon, and in nobody's way."""
    assert not dialog.windowHandle().isVisible()
    house.qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=_WAIT_MS)
    assert QApplication.activeModalWidget() is None


def settle(house: House) -> None:
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=_WAIT_MS)


def test_nothing_is_left_to_read(house: House, workspace: Workspace) -> None:
    assert _TYPED in read_aloud()
    house.window.lock()
    house.wait_for("lock")
    assert _TYPED not in read_aloud()
    assert "Ada" in read_aloud()
    settle(house)
    assert not house.vault.unlocked
    assert house.connections.resets == 1
    assert house.metadata.rests == 1
    unlock(house)
    assert house.window.workspace is workspace
    assert _TYPED in read_aloud()
    query = house.find("search.query")
    assert isinstance(query, QLineEdit)
    assert query.text() == _TYPED


def test_an_open_dialog_goes_along_and_comes_back(house: House, workspace: Workspace) -> None:
    dialog = Dialog("A dialog", name="dialog", parent=workspace.current_pane)
    field = QLineEdit("half typed into a dialog")
    dialog.body.addWidget(field)
    dialog.open()
    assert "half typed into a dialog" in read_aloud()
    house.window.lock()
    house.wait_for("lock")
    assert not dialog.isVisible()
    assert "half typed" not in read_aloud()
    assert "A dialog" not in read_aloud()
    unlock(house)
    assert dialog.isVisible()
    assert dialog.isWindow()
    assert dialog.isModal()
    assert dialog.parentWidget() is workspace.current_pane
    assert "half typed into a dialog" in read_aloud()
    dialog.close()


def test_a_dialog_goes_with_the_one_that_it_belonged_to(house: House, workspace: Workspace) -> None:
    shown: list[QWidget] = []

    class Inner(Dialog):
        def showEvent(self, event: QShowEvent) -> None:
            super().showEvent(event)
            shown.append(self)

    outer = Dialog("Outer", name="outer", parent=workspace.current_pane)
    outer.open()
    inner = Inner("Inner", name="inner", parent=outer)
    inner.open()
    assert shown.pop() is inner
    house.window.lock()
    house.wait_for("lock")
    with house.qtbot.waitSignal(outer.destroyed, timeout=_WAIT_MS):
        outer.deleteLater()
    with house.qtbot.waitSignal(inner.destroyed, timeout=_WAIT_MS):
        unlock(house)
    assert not shown
    assert QApplication.activeModalWidget() is None


def test_a_password_that_comes_late_waits_for_its_person(
    house: House, workspace: Workspace
) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    bob = User("u2", "bob@example.org", "Bob", Role.USER)
    dialog = TemporaryPasswordDialog(bob, "only for Ada to see", workspace.current_pane)
    dialog.open()
    never_seen(house, dialog)
    assert "only for Ada" not in read_aloud()
    assert "Bob" not in read_aloud()
    unlock(house)
    assert dialog.isVisible()
    assert dialog.windowHandle().isVisible(), "on the screen, not only in memory"
    assert dialog.isModal()
    assert dialog.parentWidget() is workspace.current_pane
    assert "only for Ada to see" in read_aloud()
    house.window.lock()
    house.wait_for("lock")
    assert "only for Ada" not in read_aloud()
    unlock(house)
    dialog.close()


def test_an_error_that_comes_late_waits_for_its_person(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    show_blocking_error(workspace.current_pane, StoreError("db.example does not answer."))
    dialog = workspace.current_pane.findChild(Dialog, "error")
    assert dialog is not None
    never_seen(house, dialog)
    assert "db.example" not in read_aloud()
    unlock(house)
    assert dialog.isVisible()
    assert "db.example" in read_aloud()
    dialog.close()


def test_a_late_question_is_answered_with_no(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    assert not confirm(workspace.current_pane, "Remove everything?", "It is gone then.", "Remove")
    unlock(house)
    assert "Remove everything" not in read_aloud()


def test_what_comes_while_their_person_comes_back_is_seen(
    house: House, workspace: Workspace
) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    dialog = Dialog("A dialog", name="dialog", parent=workspace.current_pane)
    dialog.open()
    house.window.locking._uncover()
    house.qtbot.waitUntil(lambda: dialog.isVisible() and dialog.windowHandle().isVisible())
    assert not dialog.testAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    assert dialog.parentWidget() is workspace.current_pane
    dialog.close()


def test_a_dialog_of_the_lock_page_is_seen(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    dialog = Dialog("A fault report", name="dialog", parent=house.window)
    dialog.open()
    house.qtbot.waitUntil(lambda: dialog.windowHandle().isVisible())
    QApplication.processEvents()
    assert dialog.isVisible()
    dialog.close()


def test_a_question_that_is_open_is_answered_with_no(house: House, workspace: Workspace) -> None:
    QTimer.singleShot(0, house.window, house.window.lock)
    assert not confirm(workspace.current_pane, "Remove everything?", "It is gone then.", "Remove")
    house.wait_for("lock")
    assert "Remove everything" not in read_aloud()
    unlock(house)
    assert "Remove everything" not in read_aloud()


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_an_open_menu_is_closed(house: House, workspace: Workspace) -> None:
    menu = QMenu(workspace.current_pane)
    menu.addAction("a row of Ada's")
    menu.popup(QPoint(20, 20))
    house.qtbot.waitUntil(menu.isVisible)
    house.window.lock()
    house.wait_for("lock")
    assert not menu.isVisible()
    unlock(house)


def test_signing_out_while_locked_leaves_nothing(house: House, workspace: Workspace) -> None:
    dialog = Dialog("A dialog", name="dialog", parent=workspace.current_pane)
    dialog.open()
    gone = [False]
    workspace.destroyed.connect(lambda: gone.__setitem__(0, True))
    house.window.lock()
    house.wait_for("lock")
    house.click(house.find("lock.sign_out"))
    house.wait_for("sign_in")
    house.qtbot.waitUntil(lambda: gone[0], timeout=_WAIT_MS)
    assert house.window.workspace is None
    assert not house.window.locking.is_locked
    assert _TYPED not in read_aloud()


def test_a_window_that_is_closed_while_locked_ends(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    assert house.window.close()


# -- the next start ------------------------------------------------------------------------------


def sign_in(house: House) -> None:
    for name, text in (("sign_in.email", "ada@example.org"), ("sign_in.password", PASSWORD)):
        field = house.find(name)
        assert isinstance(field, QLineEdit)
        field.setText(text)
    house.click(house.find("sign_in.accept"))
    house.wait_for("workspace")
    settle(house)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
def test_a_restart_is_no_way_around_the_lock(
    house: House, workspace: Workspace, closed: bool
) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    kept = house.data_dir / "window.ini"
    when_locked = kept.read_bytes()
    house.window.close()
    if not closed:
        kept.write_bytes(when_locked)
    house.reopen()
    assert house.accounts.remembered
    house.open_("sign_in")
    settle(house)
    house.wait_for("sign_in")
    sign_in(house)
    assert not house.accounts.remembered, "nobody ticked it this time"


def test_the_demo_lifts_no_lock(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    house.window.close()
    house.reopen()
    house.open_("sign_in")
    settle(house)
    house.click(house.find("sign_in.demo"))
    house.wait_for("workspace")
    settle(house)
    house.window.close()
    house.reopen()
    assert house.accounts.remembered
    house.open_("sign_in")
    settle(house)
    house.wait_for("sign_in")


def test_who_came_back_is_remembered_as_before(house: House, workspace: Workspace) -> None:
    house.window.lock()
    house.wait_for("lock")
    settle(house)
    unlock(house)
    house.window.close()
    house.reopen()
    house.open_("workspace")


# -- by itself -----------------------------------------------------------------------------------


def test_it_locks_when_nobody_has_used_it(house: House, clock: list[float]) -> None:
    idle = house.window.locking.idle
    clock[0] += 299
    idle.look()
    assert not house.window.locking.is_locked
    clock[0] += 1
    idle.look()
    house.wait_for("lock")
    unlock(house)
    idle.look()
    assert not house.window.locking.is_locked, "coming back is a use"
    clock[0] += 300
    idle.look()
    house.wait_for("lock")
    clock[0] += 300
    idle.look()
    house.wait_for("lock")
    unlock(house)


@pytest.mark.parametrize("how", ["key", "click", "move", "wheel"])
def test_every_use_begins_the_time_anew(house: House, clock: list[float], how: str) -> None:
    clock[0] += 299
    window = house.window.windowHandle()
    at = QPoint(300, 200)
    if how == "key":
        QTest.keyClick(window, Qt.Key.Key_Shift)
    elif how == "click":
        QTest.mouseClick(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    elif how == "move":
        QTest.mouseMove(window, QPoint(10, 10))
        QTest.mouseMove(window, at)
    else:
        QTest.wheelEvent(window, at, QPoint(0, 120))
    QApplication.processEvents()
    clock[0] += 299
    house.window.locking.idle.look()
    assert not house.window.locking.is_locked


def test_a_use_of_a_dialog_counts(house: House, workspace: Workspace, clock: list[float]) -> None:
    dialog = Dialog("A dialog", name="dialog", parent=workspace.current_pane)
    dialog.open()
    house.qtbot.waitUntil(lambda: QApplication.focusWindow() is dialog.windowHandle())
    clock[0] += 299
    QTest.keyClick(dialog.windowHandle(), Qt.Key.Key_Shift)
    clock[0] += 299
    house.window.locking.idle.look()
    assert not house.window.locking.is_locked
    dialog.close()


def test_what_moves_by_itself_is_no_use(house: House, clock: list[float]) -> None:
    idle = house.window.locking.idle
    clock[0] += 300
    for kind in (QEvent.Type.Expose, QEvent.Type.UpdateRequest, QEvent.Type.FocusIn):
        idle.eventFilter(house.window.windowHandle(), QEvent(kind))
    idle.look()
    house.wait_for("lock")
    unlock(house)


@pytest.mark.parametrize(
    ("lane", "title"), [(Lane.TENANTS, ""), (Lane.METADATA, "Upgrading"), (Lane.VAULT, "Import")]
)
def test_what_is_under_way_is_waited_for(
    house: House, clock: list[float], lane: Lane, title: str
) -> None:
    done, cancelled = threading.Event(), threading.Event()

    def work(context: TaskContext) -> None:
        assert done.wait(20)
        if context.token.cancelled:
            cancelled.set()

    handle = house.runner.submit(lane, work, title=title)
    clock[0] += 3000
    house.window.locking.idle.look()
    assert not house.window.locking.is_locked
    done.set()
    house.qtbot.waitUntil(lambda: handle.is_finished, timeout=_WAIT_MS)
    settle(house)
    house.window.locking.idle.look()
    house.wait_for("lock")
    assert not cancelled.is_set()
    unlock(house)


def test_never_where_it_is_not_wanted(house: House, clock: list[float]) -> None:
    workspace = house.window.workspace
    assert workspace is not None
    workspace.session.services.settings.lock_after_minutes = 0
    clock[0] += 10**6
    house.window.locking.idle.look()
    assert not house.window.locking.is_locked


def test_it_looks_by_itself(house: House, clock: list[float]) -> None:
    timer = house.window.locking.idle._timer
    assert timer.isActive()
    assert timer.interval() <= 5000
    timer.setInterval(10)
    clock[0] += 300
    house.wait_for("lock")
    assert not timer.isActive()
    unlock(house)
    assert timer.isActive()
    assert isinstance(house.window.page, QWidget)
