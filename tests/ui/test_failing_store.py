"""The program's own store fails under the window: its server is killed, stopped, restarted, full or
locked, its file held by another program or its disk full. The window stays alive, says it once,
keeps what was typed, and goes on when the store does."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.dialogs import ErrorDialog
from altus4_desktop.ui.panes.history.pane import HistoryPane
from altus4_desktop.ui.panes.search.pane import SearchPane
from altus4_desktop.ui.panes.users.dialogs import CreateUserDialog, TemporaryPasswordDialog
from altus4_desktop.ui.panes.users.pane import UsersPane
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.window import MainWindow
from altus4_desktop.ui.workspace import Workspace
from tests import torture
from tests.breaking import MENDED_S, OPTIONS, WAYS, Breaking, locked, stopped
from tests.event_loop import BAR_MS, Watch
from tests.servers import DatabaseServer, ServerFactory, running_server
from tests.stores import StorePlace, file_place, server_place

pytestmark = pytest.mark.torture

PASSPHRASE = "a passphrase of a test"
TYPED = {"users.new.name": "Grace", "users.new.email": "grace@example.org"}
QUERY = "what somebody is about to look for"
# All of them read or write the store when they come to the front.
PANES = ("search", "evaluation", "history", "settings", "users")
FLAVOURS = [*Flavour] if torture.tortured() else [Flavour.MARIADB]
# A sign of life is waited for 2 s, a sign-in or a lock 10 s; a machine may be busy.
TOLD_MS = 30_000
SILENT_TURNS = 250
# As quickly as a person reads a notice and tries again.
PRESSED_EVERY_S = 0.5


@dataclass(frozen=True)
class Home:
    """A data folder and its store, where an admin stays signed in."""

    folder: Path
    place: StorePlace
    server: DatabaseServer | None = None

    def services(self) -> Services:
        """As at a start of the program."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ALTUS4_METADATA_PASSWORD", self.place.password or "")
            return compose(self.folder, self.place.location.url)


def move_in(folder: Path, place: StorePlace, server: DatabaseServer | None = None) -> Home:
    """Make everything that is there after the first start."""
    home = Home(folder, place, server)
    with contextlib.closing(home.services()) as services:
        services.metadata.open_()
        if not place.on_file:
            services.migrations.upgrade_(None, without_copy=True)
        services.vault.set_up_passphrase(PASSPHRASE)
        actor = services.accounts.create_first_admin("Ada", "ada@example.org", "words of a test")
        services.accounts.remember(actor)
    return home


@pytest.fixture(scope="module", params=FLAVOURS, ids=str)
def home(
    request: pytest.FixtureRequest,
    server_factory: ServerFactory,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Home]:
    """Over a server that may be hurt, running again after each test."""
    with running_server(server_factory, request.param, OPTIONS) as server:
        place = server_place(server, server.create_database("altus4_metadata"))
        yield move_in(tmp_path_factory.mktemp("home"), place, server)


class Front:
    """The window over real services, the admin of ``home`` signed in."""

    def __init__(self, qtbot: QtBot, home: Home) -> None:
        self.qtbot, self.place = qtbot, home.place
        home.place.query("DELETE FROM users WHERE email = 'grace@example.org'")
        self.crashes: list[BaseException] = []
        self.services = home.services()
        self.runner = TaskRunner()
        self.runner.crashed.connect(self.crashes.append)
        self.window = MainWindow(
            lambda: self.services,
            self.runner,
            Theme(),
            home.folder,
            report_crash=self.crashes.append,
            passphrase_secret=PASSPHRASE,
        )
        qtbot.addWidget(self.window)
        self.window.resize(1280, 800)
        self.window.open_()
        qtbot.waitUntil(self._is_in, timeout=TOLD_MS)
        # What is shown for the first time takes its time with a store that works, too.
        for pane_id in PANES:
            self.workspace.show_pane(pane_id)
            self.rest()
        self.users.create_user()
        self.form.close()
        search = self.workspace.show_pane("search")
        assert isinstance(search, SearchPane)
        self.query = search.view.query
        self.query.setText(QUERY)
        self.rest()

    def _is_in(self) -> bool:
        return self.window.workspace is not None and self.window.page is self.window.workspace

    @property
    def workspace(self) -> Workspace:
        assert self.window.workspace is not None
        return self.window.workspace

    @property
    def users(self) -> UsersPane:
        return next(iter(self.window.findChildren(UsersPane)))

    @property
    def forms(self) -> list[CreateUserDialog]:
        return [one for one in self.users.findChildren(CreateUserDialog) if one.isVisible()]

    @property
    def form(self) -> CreateUserDialog:
        (form,) = self.forms
        return form

    @property
    def notices(self) -> list[ErrorDialog]:
        return [
            one
            for one in QApplication.topLevelWidgets()
            if isinstance(one, ErrorDialog) and one.isVisible()
        ]

    def rest(self) -> None:
        """Wait until nothing is under way."""
        self.qtbot.waitUntil(lambda: not self.runner.running, timeout=6 * TOLD_MS)

    def take_the_notice(self) -> str:
        """There is one, and who has read it closes it."""
        self.qtbot.waitUntil(lambda: bool(self.notices), timeout=TOLD_MS)
        (notice,) = self.notices
        notice.close()
        return notice.said

    def close(self) -> None:
        self.window.close()
        self.services.close()
        assert self.crashes == []


@pytest.fixture
def open_front(qtbot: QtBot) -> Iterator[Callable[[Home], Front]]:
    """Opens the window; it is closed afterwards."""
    with contextlib.ExitStack() as stack:

        def open_(home: Home) -> Front:
            front = Front(qtbot, home)
            stack.callback(front.close)
            return front

        yield open_


@pytest.mark.parametrize("breaking", WAYS, ids=lambda one: one.__name__)
def test_a_server_that_fails(
    open_front: Callable[[Home], Front], home: Home, breaking: Breaking
) -> None:
    front, server = open_front(home), home.server
    assert server is not None
    go_through(
        front,
        partial(breaking, server, home.place.location.database, "users"),
        f"{server.flavour} {breaking.__name__}",
        is_silent=breaking in (stopped, locked),
    )


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "full"])
def test_a_file_that_cannot_be_written(
    open_front: Callable[[Home], Front], tmp_path: Path, is_held: bool
) -> None:
    place = file_place(tmp_path)
    file = place.location.file
    assert file is not None

    @contextlib.contextmanager
    def held() -> Iterator[None]:
        connect = partial(sqlite3.connect, file, isolation_level=None)
        with contextlib.closing(connect()) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield

    @contextlib.contextmanager
    def no_room() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    go_through(
        open_front(move_in(tmp_path / "data", place)),
        held if is_held else no_room,
        "sqlite held" if is_held else "sqlite without room",
        is_silent=is_held,
    )


def go_through(
    front: Front,
    break_it: Callable[[], contextlib.AbstractContextManager[None]],
    what: str,
    *,
    is_silent: bool,
) -> None:
    """Somebody goes on working while the store fails, and makes an account when it is back.

    ``is_silent``: nothing is refused; who asks waits, in a quick run until the store is back.
    """
    waits = is_silent and not torture.tortured()
    front.workspace.show_pane("users")
    front.users.create_user()
    form = front.form
    for name, text in TYPED.items():
        QTest.keyClicks(field(form, name), text)
    front.rest()
    watch = Watch()
    with break_it():
        watch.reset()
        QTest.mouseClick(form.accept_button, Qt.MouseButton.LeftButton)
        if waits:
            front.qtbot.waitUntil(lambda: watch.ticks > SILENT_TURNS, timeout=TOLD_MS)
            assert form.is_busy
            assert front.notices == []
        else:
            said = front.take_the_notice()
            assert said
            # Whatever else asks it: the same is not said again over what says it.
            for pane_id in PANES if not is_silent else ():
                front.workspace.show_pane(pane_id)
            front.rest()
            assert [one.said for one in front.notices] in ([], [said])
            for one in front.notices:
                one.close()
        watch.look()
        gap = watch.worst
    mended = time.monotonic()
    watch.reset()
    front.workspace.show_pane("users")
    told, pressed = 0, 0.0

    def is_done() -> bool:
        nonlocal told, pressed
        for notice in front.notices:
            notice.close()
            told += 1
        if front.forms:
            assert {name: field(form, name).text() for name in TYPED} == TYPED
            if not form.is_busy and time.monotonic() > pressed + PRESSED_EVERY_S:
                pressed = time.monotonic()
                QTest.mouseClick(form.accept_button, Qt.MouseButton.LeftButton)
        return front.users.model.rowCount() == 2

    front.qtbot.waitUntil(is_done, timeout=int(MENDED_S * 1000))
    took_s = time.monotonic() - mended
    watch.look()
    gap = max(gap, watch.worst, key=lambda one: one.own_ms)
    # What had failed at the last moment; nothing more after that.
    assert told <= 1
    assert front.notices == []
    is_well_again(front)
    watch.deleteLater()
    assert gap.own_ms < BAR_MS, gap
    torture.tell(
        f"{what}: one notice, the event loop away for {gap.own_ms:.0f} ms of its own at most, "
        f"gone on {took_s:.1f} s after it was back"
    )


def field(form: CreateUserDialog, name: str) -> QLineEdit:
    """What is typed into."""
    found = form.findChild(QLineEdit, name)
    assert isinstance(found, QLineEdit)
    return found


def is_well_again(front: Front) -> None:
    """What was typed is where it was typed, what was sent is there once, and lists are read."""
    for dialog in front.users.findChildren(TemporaryPasswordDialog):
        dialog.close()
    assert front.query.text() == QUERY
    (count,) = front.place.query("SELECT COUNT(*) FROM users WHERE email = 'grace@example.org'")[0]
    assert count == 1
    history = front.workspace.show_pane("history")
    assert isinstance(history, HistoryPane)
    front.rest()
    assert history._error is None
