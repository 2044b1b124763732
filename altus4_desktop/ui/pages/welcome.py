"""The first page anybody sees: look around, or set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.pages.base import Page
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label


class WelcomePage(Page):
    """Two choices, and what each of them does."""

    demo_requested = Signal()
    setup_requested = Signal()

    def __init__(self, runner: TaskRunner, report_crash: Callable[[BaseException], None]) -> None:
        super().__init__(runner, report_crash, name="welcome", label="", width=820)
        self.setAccessibleName(self.tr("Welcome"))
        self.column.addWidget(Icon("altus", 60), 0, Qt.AlignmentFlag.AlignHCenter)
        title = Label(self.tr("Welcome to Altus 4"), "display", wrap=True)
        lead = Label(
            self.tr("Full-text search over the MySQL and MariaDB databases you already have."),
            "lead",
            wrap=True,
        )
        texts = QVBoxLayout()
        texts.setSpacing(Space.XS)
        for label in (title, lead):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            texts.addWidget(label)
        self.column.addLayout(texts)
        self.column.addSpacing(Space.S)
        self.demo_button = Button(
            self.tr("Open the demo"), "primary", icon_name="play", name="welcome.demo"
        )
        self.setup_button = Button(
            self.tr("Set up"), "secondary", icon_name="arrow-right", name="welcome.setup"
        )
        row = QHBoxLayout()
        row.setSpacing(Space.L)
        row.addWidget(
            _choice(
                "demo",
                self.tr("Look around first"),
                self.tr("Real text, a real server, nothing of yours is touched."),
                [
                    self.tr("Starts a private MySQL server on this computer"),
                    self.tr("Fills four databases with Python's own documentation"),
                    self.tr("Gone again with one click"),
                ],
                self.demo_button,
            ),
            1,
        )
        row.addWidget(
            _choice(
                "database",
                self.tr("Search your databases"),
                self.tr("Make your account and connect to your servers, read-only."),
                [
                    self.tr("Makes the admin account of this computer"),
                    self.tr("Keeps passwords in the system's keyring or behind a passphrase"),
                    self.tr("Stores its own data here or on a shared server"),
                ],
                self.setup_button,
            ),
            1,
        )
        self.column.addLayout(row)
        self.column.addWidget(self.message)
        promise = Label(
            self.tr(
                "No telemetry, no update calls: nothing leaves this computer but your queries."
            ),
            "caption",
            wrap=True,
        )
        promise.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.column.addWidget(promise)
        self.demo_button.clicked.connect(self.demo_requested)
        self.setup_button.clicked.connect(self.setup_requested)
        self.demo_button.setDefault(True)

    def focus_first(self) -> None:
        """The demo is one key away."""
        self.demo_button.setFocus()


def _choice(icon_name: str, title: str, text: str, points: Sequence[str], button: Button) -> Card:
    card = Card(spacing=Space.S)
    card.body.addWidget(Icon(icon_name, 28, "accent"))
    card.body.addSpacing(Space.XS)
    card.body.addWidget(Label(title, "title", wrap=True))
    card.body.addWidget(Label(text, "muted", wrap=True))
    card.body.addSpacing(Space.S)
    for point in points:
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(Icon("check", 16, "success"), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(Label(point, wrap=True), 1)
        card.body.addLayout(row)
    card.body.addStretch(1)
    card.body.addSpacing(Space.M)
    card.body.addWidget(button)
    return card
