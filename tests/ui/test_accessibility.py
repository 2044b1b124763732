"""Every control has a name for screen readers and for tests; every text can be translated."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QWidget,
)

import altus4_desktop.ui
from altus4_desktop.domain.errors import SchemaError
from altus4_desktop.ui.crash import CrashDialog
from altus4_desktop.ui.dialogs import ConfirmDialog
from altus4_desktop.ui.panes.settings.pane import LicenceDialog
from altus4_desktop.ui.setup import SetUp
from altus4_desktop.ui.situation import Found, Situation
from tests.ui.house import ADA, House, migrations
from tests.ui.world import make_connection

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
)
OWNERS = (QComboBox, QAbstractSpinBox, QLineEdit, QAbstractItemView)
SAID_TO_PEOPLE = {
    "setText",
    "setToolTip",
    "setPlaceholderText",
    "setWindowTitle",
    "setAccessibleName",
    "setAccessibleDescription",
    "show_message",
    "Label",
    "Button",
    "FormRow",
    "EmptyState",
    "addAction",
    "addMenu",
    "announce",
}
NOT_TRANSLATED = {"Altus 4", "db.example.org", "name@example.org", "altus4_metadata", "Apache-2.0"}


def controls(root: QWidget) -> list[QWidget]:
    """The controls of ours below ``root``; parts that Qt puts inside its widgets are not."""
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.parent(), OWNERS)
        and not _inside_a_view(widget)
    ]


def _inside_a_view(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, (QAbstractItemView, QComboBox)):
            return True
        parent = parent.parentWidget()
    return False


def check_names(root: QWidget) -> None:
    unnamed = [
        f"{type(it).__name__} {it.objectName()!r}"
        for it in controls(root)
        if not it.accessibleName()
    ]
    assert not unnamed, f"without an accessible name: {unnamed}"
    nameless = [
        f"{type(it).__name__} {it.accessibleName()!r}"
        for it in controls(root)
        if not it.objectName() and it.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]
    assert not nameless, f"without an objectName: {nameless}"
    counted = Counter(it.objectName() for it in controls(root) if it.objectName())
    assert not [name for name, count in counted.items() if count > 1]
    rich = [
        label.text()
        for label in root.findChildren(QLabel)
        if label.text() and label.textFormat() is not Qt.TextFormat.PlainText
    ]
    assert not rich, f"may be read as HTML: {rich}"


def test_every_page(house: House) -> None:
    house.open_("welcome")
    start_up = house.window.start_up
    situation = Situation(Found.ASKING, store="ada@db.example.org/altus", can_keep=True)
    visits = [
        start_up.show_welcome,
        start_up.show_store_choice,
        lambda: start_up.vault.set_up_then(start_up.look, back=start_up.look, step=2),
        lambda: SetUp(start_up.services, start_up.shown, start_up.vault)._show_account(True),
        start_up.show_sign_in,
        start_up.vault._ask_passphrase,
        lambda: start_up._show_problem(SchemaError("Newer.")),
        lambda: start_up._ask_store_password(situation),
        lambda: start_up.ask_own_password(ADA, "", start_up._enter),
        lambda: start_up._show_upgrade(migrations(pending=1)),
        start_up.show_first,
    ]
    seen = set()
    for visit in visits:
        visit()
        page = house.window.page
        assert page is not None
        assert page.accessibleName(), page.objectName()
        seen.add(page.objectName())
        check_names(page)
    assert len(seen) == len(visits)


@pytest.mark.parametrize(
    "pane",
    [
        "search",
        "connections",
        "history",
        "analytics",
        "evaluation",
        "monitoring",
        "keys",
        "users",
        "server",
        "settings",
    ],
)
def test_every_pane(house: House, pane: str) -> None:
    house.connections.saved = [make_connection(1), make_connection(2)]
    house.history.queries = ["one", "two"]
    house.set_up(remembered=True)
    house.vault.unlocked = True
    house.open_("workspace")
    workspace = house.window.workspace
    assert workspace is not None
    workspace.show_pane(pane)
    workspace.palette_.open_()
    workspace.sheet.open_()
    assert workspace.current_pane.accessibleName()
    check_names(workspace)
    house.window.lock()
    check_names(house.wait_for("lock"))


def test_the_dialogs(house: House) -> None:
    house.open_("welcome")
    for dialog in (
        ConfirmDialog("Remove it?", "It is gone then.", "Remove", parent=house.window),
        CrashDialog("report", house.window),
        LicenceDialog(house.window),
    ):
        assert dialog.accessibleName()
        check_names(dialog)


def test_texts_for_people_go_through_tr() -> None:
    folder = Path(altus4_desktop.ui.__file__).parent
    bare = [
        f"{path.relative_to(folder)}:{node.lineno} {argument.value!r}"
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _called(node) in SAID_TO_PEOPLE
        for argument in node.args
        if isinstance(argument, ast.Constant)
        and isinstance(argument.value, str)
        and any(letter.isupper() for letter in argument.value)
        and argument.value not in NOT_TRANSLATED
    ]
    assert not bare


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))
