"""The list of API keys: who sees which, in which order, in which state."""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.keys import (
    ApiKey,
    KeyFilter,
    KeyPermission,
    KeySort,
)
from altus4_desktop.services import Services
from altus4_desktop.ui.panes.keys.model import (
    EXPIRES,
    LAST_USED,
    NAME,
    OWNER,
    PREFIX,
    STATE,
    USES,
)
from tests.ui.panes.keys.window import (
    DAY,
    Change,
    Open,
    cell,
    click,
    find,
    form_of,
    from_now,
    label,
    make,
    names,
    settle,
    wait_for_rows,
)
from tests.ui.test_accessibility import check_names


def test_no_key_yet(qtbot: QtBot, open_: Open, user: Actor) -> None:
    pane = open_(user)
    assert pane._pages.currentWidget() is pane._empty
    click(qtbot, pane, "keys.create_first")
    assert form_of(pane).isVisible()
    qtbot.keyClick(form_of(pane), Qt.Key.Key_Escape)
    assert pane.errands.dialog is None


def test_users_see_their_own_keys_and_admins_all(
    qtbot: QtBot, open_: Open, services: Services, admin: Actor, user: Actor
) -> None:
    make(services, admin, "Hers")
    make(services, user, "His")
    own = open_(user)
    assert names(own) == ["His"]
    assert own.table.isColumnHidden(OWNER)
    assert not own.filters.owner.isVisible()
    everybody = open_(admin)
    assert sorted(names(everybody)) == ["Hers", "His"]
    assert not everybody.table.isColumnHidden(OWNER)
    # As wide as the pane is in a window of 1180 pixels.
    everybody.resize(968, 700)
    assert not everybody.table.isColumnHidden(OWNER)
    assert everybody.table.columnWidth(OWNER) >= 200
    everybody.table.selectRow(0)
    settle(qtbot, everybody)
    assert everybody.detail.isVisible()
    assert not everybody.table.isColumnHidden(OWNER)
    assert {cell(everybody, row, OWNER) for row in (0, 1)} == {admin.email, user.email}
    check_names(everybody)


def test_an_admin_looks_for_the_keys_of_one_person(
    qtbot: QtBot, open_: Open, services: Services, admin: Actor, user: Actor
) -> None:
    make(services, admin, "Hers")
    make(services, user, "His")
    pane = open_(admin)
    qtbot.keyClicks(pane.filters.owner, "BOB@")
    settle(qtbot, pane)
    assert names(pane) == ["His"]
    assert label(pane, "keys.count") == "1 key"


def test_states_are_words_and_pictures(
    qtbot: QtBot, open_: Open, services: Services, change: Change, user: Actor
) -> None:
    make(services, user, "Active")
    make(services, user, "Expiring", expires_at=from_now(3 * DAY))
    make(services, user, "Expired", expires_at=from_now(3 * DAY))
    change("UPDATE api_keys SET expires_at = datetime('now', '-2 days') WHERE name = 'Expired'")
    old = make(services, user, "Rotating", permissions=frozenset({KeyPermission.ANALYTICS}))
    services.keys.rotate_(user, old.key.id, 3600)
    services.keys.revoke_(user, [make(services, user, "Revoked").key.id])
    pane = open_(user)
    pane.filters.clear()
    assert pane.filters.is_set
    wait_for_rows(qtbot, pane, 6)
    seen = {
        (cell(pane, row, NAME), cell(pane, row, STATE)): pane.model.index(row, STATE).data(
            Qt.ItemDataRole.DecorationRole
        )
        for row in range(6)
    }
    assert {name for name, state in seen if name == state} == {
        "Active",
        "Expiring",
        "Expired",
        "Rotating",
        "Revoked",
    }
    pictures = {icon.pixmap(16, 16).toImage().bits().tobytes() for icon in seen.values()}
    assert len(pictures) == 5


def test_every_filter(
    qtbot: QtBot, open_: Open, services: Services, change: Change, user: Actor
) -> None:
    make(services, user, "never")
    make(services, user, "soon", expires_at=from_now(3 * DAY))
    make(services, user, "expired", expires_at=from_now(3 * DAY))
    change("UPDATE api_keys SET expires_at = datetime('now', '-2 days') WHERE name = 'expired'")
    make(services, user, "idle", expires_at=from_now(300 * DAY))
    change("UPDATE api_keys SET created_at = datetime('now', '-91 days') WHERE name = 'idle'")
    services.keys.revoke_(user, [make(services, user, "revoked").key.id])
    old = make(services, user, "turning", expires_at=from_now(30 * DAY))
    services.keys.rotate_(user, old.key.id, 86_400)
    pane = open_(user)
    assert sorted(names(pane)) == ["idle", "never", "soon", "turning", "turning"]
    expected = {
        KeyFilter.ALL: ["expired", "idle", "never", "revoked", "soon", "turning", "turning"],
        KeyFilter.EXPIRING: ["soon", "turning"],
        KeyFilter.NEVER_EXPIRING: ["never"],
        KeyFilter.UNUSED: ["idle"],
        KeyFilter.ROTATING: ["turning"],
        KeyFilter.EXPIRED: ["expired"],
        KeyFilter.REVOKED: ["revoked"],
    }
    for wanted, some in expected.items():
        pane.filters.wanted.setCurrentIndex(pane.filters.wanted.findData(wanted.value))
        settle(qtbot, pane)
        assert sorted(names(pane)) == some, wanted
    qtbot.keyClicks(pane.filters.text, "zzz")
    settle(qtbot, pane)
    assert pane._pages.currentWidget() is pane._nothing
    click(qtbot, pane, "keys.show_all")
    settle(qtbot, pane)
    assert len(names(pane)) == 7


def test_of_a_pasted_key_the_prefix_is_searched_for(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    made = make(services, user, "One")
    make(services, user, "Other")
    pane = open_(user)
    pane.filters.text.setText(f" {made.key_secret}")
    assert pane.filters.text.text() == made.key_secret[:30]
    assert not pane.filters.text.isUndoAvailable()
    settle(qtbot, pane)
    assert names(pane) == ["One"]


def test_headers_sort_and_turn_the_order_round(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    for name, days in (("Beta", 20), ("Alpha", 30), ("Gamma", 10)):
        make(services, user, name, expires_at=from_now(days * DAY))
    pane = open_(user)
    assert names(pane) == ["Gamma", "Beta", "Alpha"]

    def click(column: int) -> list[str]:
        header = pane.table.horizontalHeader()
        at = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
        settle(qtbot, pane)
        return names(pane)

    assert click(EXPIRES) == ["Alpha", "Beta", "Gamma"]
    assert click(NAME) == ["Alpha", "Beta", "Gamma"]
    assert click(NAME) == ["Gamma", "Beta", "Alpha"]
    # A column that the store cannot sort by changes nothing.
    assert click(STATE) == ["Gamma", "Beta", "Alpha"]
    assert pane.table.horizontalHeader().sortIndicatorSection() == NAME
    commands = {command.id: command for command in pane.commands()}
    commands[f"keys.sort.{KeySort.EXPIRES}"].run()
    settle(qtbot, pane)
    assert names(pane) == ["Gamma", "Beta", "Alpha"]
    assert pane.table.horizontalHeader().sortIndicatorSection() == EXPIRES
    assert {pane.table.sort} == {KeySort.EXPIRES}
    click(LAST_USED)
    click(USES)
    assert pane.table.sort is KeySort.USES


def test_pages_are_read_as_they_are_scrolled_to(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    for number in range(250):
        _copy(services, _make_once(services, user), number)
    pane = open_(user)
    assert pane.model.rowCount() == 100
    assert label(pane, "keys.count") == "251 keys"
    pane.table.scrollToBottom()
    wait_for_rows(qtbot, pane, 200)
    pane.table.scrollToBottom()
    wait_for_rows(qtbot, pane, 251)
    assert len({key.id for key in pane.model.records}) == 251
    # Reading again keeps all of them, the selection, and where the list was scrolled to.
    pane.table.selectRow(220)
    chosen = pane.model.records[220].id
    settle(qtbot, pane)
    place = pane.table.verticalScrollBar().value()
    assert place > 0
    _copy(services, _make_once(services, user), -1)
    pane.refresh()
    settle(qtbot, pane)
    assert names(pane)[0] == "Key -01"
    assert [key.id for key in pane.selected_records()] == [chosen]
    assert pane.table.verticalScrollBar().value() == place
    assert pane.detail.key is not None
    assert pane.detail.key.id == chosen


def _make_once(services: Services, user: Actor) -> ApiKey:
    found = services.keys.list_(user, KeyFilter.ALL, text="Pattern").keys
    return found[0] if found else make(services, user, "Pattern").key


def _copy(services: Services, key: ApiKey, number: int) -> None:
    copy = replace(
        key,
        id=str(uuid.uuid4()),
        name=f"Key {number:03}",
        prefix=f"altus4_sk_test_{number:015}",
        expires_at=from_now((10 + number) * DAY),
    )
    services.metadata.store.api_keys.create_(copy, f"{number:064}")


def test_an_early_form_is_marked(open_: Open, services: Services, user: Actor) -> None:
    key = make(services, user, "Pattern").key
    early = replace(
        key, id=str(uuid.uuid4()), name="Early", prefix="altus4_sk_test_aZ-_bY3kLmQxT0p"
    )
    services.metadata.store.api_keys.create_(early, "0" * 64)
    pane = open_(user)
    row = names(pane).index("Early")
    assert "early form" in cell(pane, row, PREFIX)
    assert "early form" in cell(pane, row, NAME, Qt.ItemDataRole.AccessibleTextRole)
    assert pane.model.index(row, NAME).data(Qt.ItemDataRole.DecorationRole) is not None
    pane.table.selectRow(row)
    assert find(pane, QWidget, "keys.detail.legacy").isVisible()
    pane.table.selectRow(1 - row)
    assert not find(pane, QWidget, "keys.detail.legacy").isVisible()


def test_reading_that_the_lock_has_stopped_begins_anew(
    qtbot: QtBot, open_: Open, services: Services, user: Actor
) -> None:
    pane = open_(user)
    make(services, user, "A key")
    pane.refresh()
    pane._first.cancel()
    pane.hide()
    settle(qtbot, pane)
    # It may have been too late to stop it.
    assert pane._is_stale is not bool(names(pane))
    pane.show()
    settle(qtbot, pane)
    assert names(pane) == ["A key"]


def test_a_store_that_fails_is_told_and_tried_again(
    qtbot: QtBot, open_: Open, services: Services, user: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(services, user, "A key")
    pane = open_(user)

    def fail(*_: object, **__: object) -> None:
        raise StoreError("The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(type(services.keys), "list_", fail)
        pane.refresh()
        settle(qtbot, pane)
        assert pane._pages.currentWidget() is pane._failed
    click(qtbot, pane, "keys.again")
    settle(qtbot, pane)
    assert names(pane) == ["A key"]


def test_the_hash_of_a_key_is_what_the_store_holds(
    services: Services, user: Actor, tmp_path: Path
) -> None:
    made = make(services, user, "A key")
    with closing(sqlite3.connect(tmp_path / "data" / "metadata.sqlite3")) as file:
        rows = file.execute("SELECT key_prefix, key_hash FROM api_keys").fetchall()
    digest = hashlib.sha256(made.key_secret.encode()).hexdigest()
    assert rows == [(made.key_secret[:30], digest)]
