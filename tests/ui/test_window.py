"""The window around the panes: navigation, palette, status, theme, geometry, closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QRect, QSettings, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QTableView,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from altus4_desktop.domain.connections import PoolStats
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.vault import VaultStatus
from altus4_desktop.tasks.runner import Lane, TaskContext, Work
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.geometry import LEAST_SIZE
from altus4_desktop.ui.palette import CommandPalette
from altus4_desktop.ui.panes.keys.pane import KeysPane
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.theme import (
    DARK,
    LIGHT,
    Theme,
    ThemeChoice,
    build_style_sheet,
    worn_palette,
)
from altus4_desktop.ui.workspace import Workspace
from tests.ui.house import WAIT_MS, House

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def workspace(house: House) -> Workspace:
    """Signed in as ADA."""
    house.set_up(remembered=True)
    house.vault.unlocked = True
    house.open_("workspace")
    assert house.window.workspace is not None
    return house.window.workspace


@pytest.fixture
def going(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[QWidget]]:
    """What is being taken down, which takes until the test has ended."""
    parts: list[QWidget] = []
    monkeypatch.setattr("altus4_desktop.ui.workspace.delete_in_turns", parts.extend)
    yield parts
    parts[-1].deleteLater()


def press(house: House, key: Qt.Key, modifiers: Qt.KeyboardModifier = CTRL) -> None:
    focused = house.window.focusWidget()
    assert focused is not None
    house.key(focused, key, modifiers)


@pytest.mark.parametrize(
    ("key", "pane"),
    [
        (Qt.Key.Key_1, "search"),
        (Qt.Key.Key_2, "connections"),
        (Qt.Key.Key_3, "history"),
        (Qt.Key.Key_0, "evaluation"),
        (Qt.Key.Key_4, "keys"),
        (Qt.Key.Key_5, "users"),
        (Qt.Key.Key_8, "server"),
        (Qt.Key.Key_9, "settings"),
        (Qt.Key.Key_Comma, "settings"),
    ],
)
def test_every_pane_is_one_shortcut_away(
    house: House, workspace: Workspace, key: Qt.Key, pane: str
) -> None:
    press(house, key)
    assert workspace.current_pane.id == pane
    button = house.find(f"rail.{pane}")
    assert isinstance(button, QAbstractButton)
    assert button.isChecked()


@pytest.mark.parametrize(
    ("key", "pane"),
    [
        (Qt.Key.Key_A, "analytics"),
        (Qt.Key.Key_B, "backups"),
        (Qt.Key.Key_M, "monitoring"),
    ],
)
def test_some_panes_are_one_longer_shortcut_away(
    house: House, workspace: Workspace, key: Qt.Key, pane: str
) -> None:
    press(house, key, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert workspace.current_pane.id == pane


def test_every_place_is_in_reach_in_the_smallest_window(house: House, workspace: Workspace) -> None:
    rail = workspace.rail
    house.window.setStyleSheet(build_style_sheet(LIGHT))
    house.window.resize(LEAST_SIZE)
    house.qtbot.waitUntil(lambda: rail.is_narrow)
    places = [*rail._buttons.values(), rail._account]
    assert len(places) == 14
    house.qtbot.waitUntil(lambda: rail.height() >= rail.minimumSizeHint().height())
    for above, below in pairwise(places):
        assert above.geometry().bottom() < below.geometry().top()
    assert rail.rect().contains(rail._account.geometry())
    house.window.resize(1180, 760)
    house.qtbot.waitUntil(lambda: not rail.is_narrow)
    house.qtbot.waitUntil(lambda: rail._buttons["search"].height() > 34)


def test_panes_are_built_when_first_wanted(house: House, workspace: Workspace) -> None:
    assert list(workspace._panes) == ["search"]
    house.click(house.find("rail.server"))
    assert list(workspace._panes) == ["search", "server"]
    first = workspace.current_pane
    press(house, Qt.Key.Key_1)
    press(house, Qt.Key.Key_8)
    assert workspace.current_pane is first


def test_the_palette_finds_and_runs(house: House, workspace: Workspace) -> None:
    press(house, Qt.Key.Key_K)
    palette = house.find("palette")
    assert isinstance(palette, CommandPalette)
    field = house.find("palette.query")
    assert house.window.focusWidget() is field
    house.type_(field, "hist")
    house.key(field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert workspace.current_pane.id == "history"


def test_the_palette_offers_what_panes_never_opened_can_do(
    house: House, workspace: Workspace
) -> None:
    errands = {entry.command.id: entry for entry in workspace._list_errands()}
    assert set(errands) == {
        "connections.add",
        "keys.create",
        "keys.verify",
        "users.create",
        "settings.folder",
        "settings.licences",
    }
    press(house, Qt.Key.Key_K)
    field = house.find("palette.query")
    house.type_(field, "add conn")
    house.key(field, Qt.Key.Key_Return)
    assert workspace.current_pane.id == "connections"
    house.qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None, timeout=WAIT_MS)
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    dialog.close()
    workspace.show_pane("keys")
    workspace.show_pane("settings")
    workspace.show_pane("users")
    assert workspace._list_errands() == []
    offered = {entry.command.id: entry for entry in workspace._list_entries()}
    for command_id, errand in errands.items():
        own = offered[command_id]
        assert (own.section, own.command.title, own.command.icon_name) == (
            errand.section,
            errand.command.title,
            errand.command.icon_name,
        )


def test_the_palette_moves_wraps_and_closes(house: House, workspace: Workspace) -> None:
    before = house.window.focusWidget()
    press(house, Qt.Key.Key_K)
    field = house.find("palette.query")
    entries = workspace.palette_._model.rowCount()
    assert entries > 8
    house.key(field, Qt.Key.Key_Up)
    assert workspace.palette_._list.currentIndex().row() == entries - 1
    house.key(field, Qt.Key.Key_Down)
    assert workspace.palette_._list.currentIndex().row() == 0
    house.type_(field, "qqqqzzz")
    assert workspace.palette_._model.rowCount() == 0
    house.key(field, Qt.Key.Key_Escape)
    assert not workspace.palette_.isVisible()
    assert house.window.focusWidget() is before


def test_the_list_of_shortcuts(house: House, workspace: Workspace) -> None:
    press(house, Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier)
    sheet = house.find("shortcuts")
    shown = " ".join(label.text() for label in sheet.findChildren(QLabel))
    for title in ("Command palette", "Search", "Connections", "History", "Quit"):
        assert title in shown
    press(house, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    assert not sheet.isVisible()


def test_f6_moves_between_the_rail_and_the_pane(house: House, workspace: Workspace) -> None:
    press(house, Qt.Key.Key_F6, Qt.KeyboardModifier.NoModifier)
    focused = house.window.focusWidget()
    assert focused is not None
    assert focused.objectName() == "rail.search"
    press(house, Qt.Key.Key_F6, Qt.KeyboardModifier.NoModifier)
    focused = house.window.focusWidget()
    assert focused is not None
    assert workspace.current_pane.isAncestorOf(focused)


def test_tab_reaches_every_control_of_a_pane_and_comes_round(
    house: House, workspace: Workspace
) -> None:
    press(house, Qt.Key.Key_9)
    wanted = {
        "settings.theme.auto",
        "settings.theme.light",
        "settings.theme.dark",
        "settings.server_program",
        "settings.browse",
        "settings.folder",
        "settings.revisions",
        "settings.licences",
        "settings.copy",
        "rail.search",
        "rail.account",
        "rail.palette",
    }
    reached: set[str] = set()
    for _ in range(60):
        press(house, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier)
        focused = house.window.focusWidget()
        assert focused is not None
        if focused.objectName() in reached and wanted <= reached:
            break
        reached.add(focused.objectName())
    # Radio-like segments share one stop; the arrows move inside.
    missing = wanted - reached - {"settings.theme.light", "settings.theme.dark"}
    assert not missing
    assert "" not in reached


def test_a_task_is_shown_with_progress_and_can_be_cancelled(
    house: House, workspace: Workspace
) -> None:
    def work(context: TaskContext) -> None:
        context.progress(Progress("half way", 0.5))
        context.token.wait(10)
        context.token.raise_if_cancelled()

    handle = house.runner.submit(Lane.TENANTS, work, title="Reading tables")

    def shown() -> QWidget:
        return house.find("status.task1.cancel")

    def visible() -> bool:
        return any(
            it.isVisible() for it in house.window.findChildren(QWidget, "status.task1.cancel")
        )

    house.qtbot.waitUntil(visible, timeout=WAIT_MS)
    texts = [label.text() for label in workspace.status.findChildren(QLabel)]
    assert "Reading tables: half way" in texts
    house.click(shown())
    house.qtbot.waitUntil(lambda: handle.is_finished, timeout=WAIT_MS)
    house.qtbot.waitUntil(lambda: not visible(), timeout=WAIT_MS)


@pytest.mark.parametrize("width", [760, 1100, 1500])
def test_the_status_bar_fits_however_much_it_has_to_say(
    house: House, workspace: Workspace, width: int
) -> None:
    house.window.resize(width, 600)
    status = workspace.status
    status.set_user("Ada Augusta King, Countess of Lovelace " * 3, "ada@example.org")
    status.set_vault("Passwords until you quit", "They are lost then.")
    status.announce("Something was said at length. " * 10)

    def work(context: TaskContext) -> None:
        context.progress(Progress("Loading row 6,000 of 17,000", 0.5))
        context.token.wait(10)

    handles = [
        house.runner.submit(Lane.TENANTS, work, title=f"Reading a schema with a long name {number}")
        for number in range(3)
    ]
    many = 2 if width == 1500 else 1
    shown = [f"status.task{number + 1}.cancel" for number in range(many)]
    house.qtbot.waitUntil(
        lambda: all(
            any(it.isVisible() for it in status.findChildren(QWidget, name)) for name in shown
        ),
        timeout=WAIT_MS,
    )
    assert status.minimumSizeHint().width() <= width
    assert not status.findChildren(QWidget, f"status.task{many + 1}.cancel")
    user = house.find("status.user")
    assert user.mapTo(status, user.rect().topRight()).x() < status.width()
    for handle in handles:
        handle.cancel()


def test_short_and_untitled_tasks_do_not_flicker(house: House, workspace: Workspace) -> None:
    for title in ("", "Quick"):
        handle = house.runner.submit(Lane.TENANTS, lambda _: None, title=title)
        house.qtbot.waitUntil(lambda done=handle: done.is_finished, timeout=WAIT_MS)  # type: ignore[misc]  # bound early
    assert not workspace.status.findChildren(QWidget, "status.task1.cancel")


def test_the_status_bar_says_store_person_and_pools(house: House, workspace: Workspace) -> None:
    from tests.ui.world import make_connection

    house.connections.saved = [make_connection(1), make_connection(2)]
    workspace.session.connections_changed.emit()
    pools = house.find("status.pools")
    house.qtbot.waitUntil(lambda: pools.accessibleName() == "2 of 6 sessions busy", timeout=WAIT_MS)
    # Noted all the while, so that the monitoring pane has something to draw when it is opened.
    noted = workspace.session.services.monitoring.noted  # type: ignore[attr-defined]  # a fake
    assert {*noted[-1]} == {"c1", "c2"}
    assert noted[-1]["c1"] == house.connections.stats
    house.connections.stats = PoolStats(0, 0, 0, 0, connecting=2)
    house.qtbot.waitUntil(
        lambda: pools.accessibleName() == "No open sessions, 4 connecting", timeout=WAIT_MS
    )
    assert house.find("status.user").accessibleName() == "Ada Lovelace"
    assert house.find("status.store").accessibleName() == "Embedded store"
    workspace.session.announced.emit("Copied")
    announcement = house.find("status.announcement")
    assert isinstance(announcement, QLabel)
    assert announcement.text() == "Copied"


def test_a_scheduled_backup_that_fails_is_announced(house: House, workspace: Workspace) -> None:
    tell = workspace.session.services.backups.on_problem
    assert tell is not None
    problem = StoreError("The backup could not be made: {why}.", details={"why": "full"})
    maker = threading.Thread(target=tell, args=(problem,))
    maker.start()
    maker.join()
    announcement = house.find("status.announcement")
    assert isinstance(announcement, QLabel)
    house.qtbot.waitUntil(
        lambda: announcement.text() == "The backup could not be made: full.", timeout=WAIT_MS
    )


def test_what_the_history_could_not_write_is_announced(house: House, workspace: Workspace) -> None:
    tell = house.history.on_problem
    assert tell is not None
    problem = StoreError("{count} searches were not written.", details={"count": 2})
    writer = threading.Thread(target=tell, args=(problem,))
    writer.start()
    writer.join()
    announcement = house.find("status.announcement")
    assert isinstance(announcement, QLabel)
    assert announcement.text() == "", "said on the window's own thread, in its turn"
    house.qtbot.waitUntil(
        lambda: announcement.text() == "2 searches were not written.", timeout=WAIT_MS
    )
    house.window.close()
    assert house.history.on_problem is None


def test_passwords_that_are_not_kept_are_said_to_be(house: House, workspace: Workspace) -> None:
    fact = workspace.findChild(QWidget, "status.vault")
    assert fact is not None
    assert not fact.isVisible()
    house.vault.kind, house.vault.unlocked = "session", True
    house.runner.submit(Lane.TENANTS, lambda _: None, title="Starting the local server")
    house.qtbot.waitUntil(fact.isVisible, timeout=WAIT_MS)
    assert fact.accessibleName() == "Passwords until you quit"
    assert "lost when the program ends" in fact.toolTip()
    house.vault.kind, house.vault.unlocked = "keyring", False
    house.runner.submit(Lane.VAULT, lambda _: None)
    house.qtbot.waitUntil(lambda: fact.accessibleName() == "Passwords locked", timeout=WAIT_MS)


def test_a_long_announcement_does_not_widen_the_window(house: House, workspace: Workspace) -> None:
    least = house.window.minimumSizeHint().width()
    workspace.session.announced.emit("A very long sentence. " * 30)
    house.qtbot.wait(50)
    assert house.window.minimumSizeHint().width() == least


def test_the_production_banner_follows_its_pane(house: House, workspace: Workspace) -> None:
    banner = workspace.findChild(QWidget, "banner.production")
    assert banner is not None
    assert not banner.isVisible()
    workspace.current_pane.banner_changed.emit(True)
    assert banner.isVisible()
    workspace.show_pane("server")
    assert not banner.isVisible()


def test_small_windows_show_icons_only(house: House, workspace: Workspace) -> None:
    assert not workspace.rail.is_narrow
    house.window.resize(800, 600)
    house.qtbot.waitUntil(lambda: workspace.rail.is_narrow, timeout=WAIT_MS)
    house.window.resize(1200, 700)
    house.qtbot.waitUntil(lambda: not workspace.rail.is_narrow, timeout=WAIT_MS)


def test_the_theme_changes_live(dressed: QApplication, house: House, workspace: Workspace) -> None:
    app = dressed
    try:
        house.theme.install(app)
        canvas = app.palette().window().color().name().upper()
        assert canvas == worn_palette().canvas
        workspace.show_pane("settings")
        house.click(house.find("settings.theme.dark"))
        assert worn_palette() is DARK
        assert app.palette().window().color().name().upper() == DARK.canvas
        assert DARK.accent in workspace.rail.styleSheet()
        house.click(house.find("settings.theme.light"))
        assert worn_palette() is LIGHT
        assert workspace.session.services.settings.theme == "light"
        saved = house.data_dir / "settings.json"
        house.qtbot.waitUntil(
            lambda: saved.exists() and '"light"' in saved.read_text(), timeout=WAIT_MS
        )
    finally:
        house.theme.set_choice(ThemeChoice.AUTO)


def test_the_theme_follows_the_system(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, dressed: QApplication
) -> None:
    scheme = Qt.ColorScheme.Light
    monkeypatch.setattr("altus4_desktop.ui.theme.system_color_scheme", lambda: scheme)
    theme = Theme()
    theme.install(dressed)
    assert worn_palette() is LIGHT
    for wanted, palette in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
        scheme = wanted
        with qtbot.waitSignal(theme.changed, timeout=WAIT_MS):
            QGuiApplication.styleHints().colorSchemeChanged.emit(wanted)
        assert worn_palette() is palette


def test_the_window_reopens_where_it_was_with_its_pane(house: House, workspace: Workspace) -> None:
    press(house, Qt.Key.Key_3)
    house.window.setGeometry(20, 30, 770, 540)
    house.window.close()
    kept = QSettings(str(house.data_dir / "window.ini"), QSettings.Format.IniFormat)
    assert kept.value("window/geometry") == QRect(20, 30, 770, 540)
    assert kept.value("window/pane") == "history"


def test_a_window_that_was_off_screen_comes_back(house: House) -> None:
    settings = QSettings(str(house.data_dir / "window.ini"), QSettings.Format.IniFormat)
    settings.setValue("window/geometry", QRect(-9000, -9000, 770, 540))
    settings.sync()
    screen = QGuiApplication.primaryScreen().availableGeometry()
    assert screen.contains(house.window.geometry())


def test_closing_cancels_what_runs_within_three_seconds(house: House, workspace: Workspace) -> None:
    cancelled, entered = threading.Event(), threading.Event()

    def work(context: TaskContext) -> None:
        entered.set()
        if context.token.wait(30):
            cancelled.set()
        context.token.raise_if_cancelled()

    house.runner.submit(Lane.TENANTS, work, title="Waiting")
    assert entered.wait(5)
    begun = time.monotonic()
    assert house.window.close()
    assert time.monotonic() - begun < 3.0
    assert not house.window.isVisible()
    assert cancelled.is_set()


def test_closing_does_not_wait_for_work_that_hears_nothing(
    house: House, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("altus4_desktop.ui.window.QUIT_WAIT_S", 0.3)
    gate, entered = threading.Event(), threading.Event()

    def deaf(_: TaskContext) -> None:
        entered.set()
        gate.wait(20)

    house.runner.submit(Lane.TENANTS, deaf)
    assert entered.wait(5)
    begun = time.monotonic()
    house.window.close()
    assert time.monotonic() - begun < 2.0
    gate.set()


def test_a_sign_out_takes_all_from_the_screen_at_once_and_deletes_it_bit_by_bit(
    house: House, workspace: Workspace
) -> None:
    for pane in ("history", "keys"):
        workspace.show_pane(pane)
    session, panes = workspace.session, list(workspace._panes.values())
    dialog = Dialog("A dialog", name="dialog", parent=workspace.current_pane)
    dialog.open()
    house.window.sign_out()
    assert not dialog.isVisible()
    assert not workspace.isVisible()
    seen: list[list[bool]] = []

    def all_gone() -> bool:
        seen.append([isValid(one) for one in (*panes, workspace, session)])
        return not any(seen[-1])

    house.qtbot.waitUntil(all_gone, timeout=WAIT_MS)
    assert all(session_lives >= max(others) for *others, session_lives in seen)


def test_who_signs_out_while_the_workspace_comes_finds_the_sign_in(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    coming: list[Workspace] = []

    def leave(*_: object) -> None:
        assert house.window.workspace is None
        coming.append(house.window.findChildren(Workspace)[0])
        house.window.sign_out()

    house.window.start_up.signed_in.connect(leave)
    house.open_("sign_in")
    assert house.window.workspace is None
    house.qtbot.waitUntil(lambda: not isValid(coming[0]), timeout=WAIT_MS)


def _ask_in_a_dialog(workspace: Workspace, work: Work, heard: Callable[..., object]) -> None:
    dialog = FormDialog(workspace.session, name="form", parent=workspace.current_pane)
    dialog.open()
    dialog.run(work, heard)


def _ask_in_a_part(workspace: Workspace, work: Work, heard: Callable[..., object]) -> None:
    task = LatestTask(workspace.session.runner, Lane.TENANTS, workspace.current_pane)
    task.succeeded.connect(heard)
    task.start(work)


def _ask_for_a_saved_search(workspace: Workspace, work: Work, heard: Callable[..., object]) -> None:
    pane = workspace.show_pane("search")
    assert isinstance(pane, SearchPane)
    pane.desk.book._change(work, heard)


def _ask_for_a_key(workspace: Workspace, work: Work, heard: Callable[..., object]) -> None:
    pane = workspace.show_pane("keys")
    assert isinstance(pane, KeysPane)
    pane.controller.in_use_known.disconnect()
    pane.controller.in_use_known.connect(heard)
    pane.controller._act(work, pane.controller.in_use_known)


@pytest.mark.parametrize("is_locked", [False, True])
@pytest.mark.parametrize(
    "ask", [_ask_in_a_dialog, _ask_in_a_part, _ask_for_a_saved_search, _ask_for_a_key]
)
def test_who_signs_out_hears_nothing_of_what_was_under_way(
    house: House,
    workspace: Workspace,
    going: list[QWidget],
    ask: Callable[..., None],
    is_locked: bool,
) -> None:
    gate, heard = threading.Event(), list[object]()
    try:
        ask(workspace, lambda _: gate.wait(20), heard.append)
        if is_locked:
            house.window.lock()
            house.wait_for("lock")
        house.window.sign_out()
        assert going
    finally:
        gate.set()
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=WAIT_MS)
    assert heard == []
    assert not workspace.session.is_signed_in


@pytest.mark.parametrize("pane", ["search", "settings"])
def test_who_signs_out_is_told_nothing_of_passwords_until_they_quit(
    house: House,
    workspace: Workspace,
    going: list[QWidget],
    pane: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house.vault.kind = "session"
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=WAIT_MS)
    gate, status = threading.Event(), house.vault.status

    def slow() -> VaultStatus:
        gate.wait(20)
        return status()

    monkeypatch.setattr(house.vault, "status", slow)
    try:
        workspace.show_pane(pane)
        workspace.facts.read_vault()
        house.window.sign_out()
        assert going
    finally:
        gate.set()
    # Dropping the key has the status bar look, as long as there is somebody to look for.
    house.qtbot.waitUntil(lambda: not house.runner.running, timeout=WAIT_MS)
    fact = workspace.findChild(QWidget, "status.vault")
    assert fact is not None
    assert not fact.accessibleName()


def test_who_quits_while_the_workspace_comes_never_gets_it(house: House) -> None:
    house.set_up(remembered=True)
    house.vault.unlocked = True
    coming: list[Workspace] = []

    def quit_(*_: object) -> None:
        coming.append(house.window.findChildren(Workspace)[0])
        house.window.close()

    house.window.start_up.signed_in.connect(quit_)
    house.window.open_()
    house.qtbot.waitUntil(lambda: bool(coming), timeout=WAIT_MS)
    # Longer than its turns would take.
    turns: list[int] = []
    beat = QTimer(house.window)
    beat.timeout.connect(lambda: turns.append(1))
    beat.start(0)
    house.qtbot.waitUntil(lambda: len(turns) > 20, timeout=WAIT_MS)
    assert house.window.workspace is None
    assert not any(timer.isActive() for timer in coming[0].findChildren(QTimer))


def test_the_main_window_stays_small() -> None:
    import altus4_desktop.ui.window as module

    source = Path(module.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 320


def test_a_query_of_the_history_is_searched_again(house: House) -> None:
    house.history.queries = ["first query", "second query"]
    house.set_up(remembered=True)
    house.vault.unlocked = True
    from tests.ui.world import make_connection

    house.connections.saved = [make_connection(1)]
    house.open_("workspace")
    assert house.window.workspace is not None
    house.window.workspace.show_pane("history")
    table = house.window.workspace.current_pane.findChild(QWidget, "history.table")
    assert table is not None
    house.qtbot.waitUntil(table.isVisible, timeout=WAIT_MS)
    house.type_(house.find("history.filter"), "second")
    assert isinstance(table, QTableView)
    house.qtbot.waitUntil(lambda: table.model().rowCount() == 1, timeout=WAIT_MS)
    house.key(table, Qt.Key.Key_Return)
    assert house.window.workspace.current_pane.id == "search"
    house.qtbot.waitUntil(lambda: len(house.search.requests) == 1, timeout=WAIT_MS)
    assert house.search.requests[0].query == "second query"
    query = house.find("search.query")
    assert isinstance(query, QLineEdit)
    assert query.text() == "second query"


def test_the_server_pane_starts_stops_and_says_why_not(house: House, workspace: Workspace) -> None:
    from altus4_desktop.domain.errors import LocalServerError

    workspace.show_pane("server")
    start = workspace.findChild(QAbstractButton, "server.start")
    stop = workspace.findChild(QAbstractButton, "server.stop")
    assert start is not None
    assert stop is not None
    house.qtbot.waitUntil(start.isVisible, timeout=WAIT_MS)
    house.server.error = LocalServerError("No server program was found.", hint="Install one.")
    house.qtbot.waitUntil(start.isEnabled, timeout=WAIT_MS)
    house.click(start)
    message = workspace.current_pane.message
    house.qtbot.waitUntil(message.isVisible, timeout=WAIT_MS)
    assert message.text() == "No server program was found."
    house.server.error = None
    house.qtbot.waitUntil(start.isEnabled, timeout=WAIT_MS)
    house.click(start)
    house.qtbot.waitUntil(lambda: stop.isVisible() and stop.isEnabled(), timeout=WAIT_MS)
    port = house.find("server.port")
    assert isinstance(port, QLabel)
    house.qtbot.waitUntil(lambda: port.text() == "33061", timeout=WAIT_MS)
    house.click(stop)
    house.qtbot.waitUntil(start.isVisible, timeout=WAIT_MS)


def test_the_licences_shown_are_those_that_come_along(house: House, workspace: Workspace) -> None:
    workspace.show_pane("settings")
    house.click(house.find("settings.licences"))
    text = next(
        it for it in house.window.findChildren(QTextEdit, "licences.text") if it.isVisible()
    )
    shown = text.toPlainText()
    for word in ("pymysql", "LGPL-3.0-only", "GPL-2.0", "Apache-2.0"):
        assert word in shown
    assert "|---|" not in shown, "a table, not its source"
    house.key(text, Qt.Key.Key_Escape)
    house.qtbot.waitUntil(lambda: not text.isVisible(), timeout=WAIT_MS)
