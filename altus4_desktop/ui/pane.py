"""What every pane has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space, dress
from altus4_desktop.ui.widgets import Label
from altus4_desktop.ui.working import WorkingWidget

_HEADER_HEIGHT = 34


@dataclass(frozen=True)
class Command:
    """Something the command palette can do; ``shortcut`` is only shown, the pane binds it."""

    id: str
    title: str
    run: Callable[[], object]
    icon_name: str = "command"
    shortcut: str = ""
    is_enabled: Callable[[], bool] = lambda: True


class Pane(WorkingWidget):
    """One place of the window.

    Subclasses set ``id``, ``title`` and ``icon_name``, fill ``body`` and may put buttons into
    ``header``. Panes are built when they are first shown and live until the sign-out.
    ``banner_changed`` (True: production) shows or hides the red banner above the pane.
    """

    id = ""
    title = ""
    icon_name = ""

    banner_changed = Signal(bool)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session.runner, session.report_crash, name=self.id, parent=parent)
        self.session = session
        self.setObjectName(f"{self.id}.pane")
        self.setAccessibleName(self.tr(self.title))
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        self.header = QHBoxLayout()
        self.header.setSpacing(Space.S)
        self.heading = Label(self.tr(self.title), "heading")
        # The same place with and without buttons beside it.
        self.heading.setMinimumHeight(_HEADER_HEIGHT)
        self.header.addWidget(self.heading)
        self.header.addStretch(1)
        column.addLayout(self.header)
        column.addWidget(self.message)
        self.body = QVBoxLayout()
        self.body.setSpacing(Space.M)
        column.addLayout(self.body, 1)

    def dress(self) -> None:
        """Wear the theme; the pane is about to come to the front."""
        dress(self)

    def activated(self) -> None:
        """The pane came to the front."""

    def receive(self, intent: object) -> None:
        """Take what ``Session.pane_requested`` carried."""

    def focus_first(self) -> None:
        """Put the keyboard where work in this pane begins."""
        self.setFocus()

    def commands(self) -> list[Command]:
        """What the command palette offers while the pane exists."""
        return []

    def large_parts(self) -> list[QWidget]:
        """What is deleted before the pane, each by itself, once it has been shut."""
        return []

    def shut(self) -> None:
        """The pane will be deleted: cancel its work, of which it hears no more, and write down
        what is to be remembered."""
        self.drop_work()
