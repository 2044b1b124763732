"""The panes, as the demo's account sees them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from altus4_desktop.ui.widgets import Label
from altus4_desktop.ui.workspace import Workspace


def test_no_pane_that_is_offered_is_refused(
    qtbot: QtBot, runner: TaskRunner, tmp_path: Path
) -> None:
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        services.vault.set_up_passphrase("correct horse battery")
        session = Session(services, runner, Theme(), report_crash=_raise)
        session.set_actor(services.accounts.open_demo_account())
        workspace = Workspace(session)
        qtbot.addWidget(workspace)
        workspace.open_()
        workspace.show()
        for name in workspace._entrances:
            pane = workspace.show_pane(name)
            qtbot.waitUntil(lambda: not runner.running, timeout=20_000)
            said = [label.text() for label in pane.findChildren(Label) if label.isVisible()]
            assert said, name
            assert not [text for text in said if "demo account cannot" in text], name
        workspace.shut()


def _raise(error: BaseException) -> None:
    raise error
