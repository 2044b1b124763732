"""What stands in the way is said once."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from altus4_desktop.domain.errors import StoreError
from altus4_desktop.ui.dialogs import ErrorDialog, show_blocking_error


def said() -> list[str]:
    windows = QApplication.topLevelWidgets()
    return [it.said for it in windows if isinstance(it, ErrorDialog) and it.isVisible()]


def test_what_is_said_already_is_not_said_over_it(qtbot: QtBot) -> None:
    behind, other = QWidget(), QWidget()
    for widget in (behind, other):
        qtbot.addWidget(widget)
        widget.show()
    gone = StoreError("“{host}” is gone.", details={"host": "db.example"})
    for parent in (behind, other, behind):
        show_blocking_error(parent, gone)
    assert said() == ["“db.example” is gone."]
    show_blocking_error(other, StoreError("“{host}” is gone.", details={"host": "db2.example"}))
    assert sorted(said()) == ["“db.example” is gone.", "“db2.example” is gone."]
    for dialog in (*behind.findChildren(ErrorDialog), *other.findChildren(ErrorDialog)):
        dialog.close()
    # Whoever has read it hears of it again.
    show_blocking_error(other, gone)
    assert said() == ["“db.example” is gone."]
    other.findChildren(ErrorDialog)[-1].close()
