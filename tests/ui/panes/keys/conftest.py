"""The pane of API keys over real services and a store in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.keys.pane import KeysPane
from altus4_desktop.ui.secret_clipboard import secret_clipboard
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Theme
from tests.records import a_user
from tests.ui.panes.keys.window import (
    Change,
    Open,
    raise_,
    settle,
)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path / "data")) as made:
        made.metadata.open_()
        yield made


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Changes the store behind everybody's back."""

    def execute(statement: str) -> None:
        file = tmp_path / "data" / "metadata.sqlite3"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)
            connection.commit()

    return execute


@pytest.fixture
def admin(services: Services) -> Actor:
    user = a_user(role=Role.ADMIN, email="ada@example.org")
    return services.metadata.store.users.create_(user, "hash").as_actor()


@pytest.fixture
def user(services: Services) -> Actor:
    user = a_user(email="bob@example.org")
    return services.metadata.store.users.create_(user, "hash").as_actor()


@pytest.fixture
def open_(qtbot: QtBot, services: Services, runner: TaskRunner) -> Iterator[Open]:
    """Opens the pane for somebody and waits until it has read the keys."""
    opened: list[KeysPane] = []

    def make(actor: Actor) -> KeysPane:
        session = Session(services, runner, Theme(), report_crash=raise_)
        session.set_actor(actor)
        pane = KeysPane(session)
        qtbot.addWidget(pane)
        pane.resize(1500, 800)
        pane.show()
        opened.append(pane)
        pane.activated()
        settle(qtbot, pane)
        return pane

    yield make
    for pane in opened:
        pane.shut()
    secret_clipboard().clear()
