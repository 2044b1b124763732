"""A search that is run as it was measured, whatever its reader prefers."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Icon


@dataclass(frozen=True)
class MeasuredSearch:
    """What the search pane is handed to run a request as it is: with its own synonyms, weights
    and languages, or without any."""

    request: SearchRequest


class MeasuredBar(QWidget):
    """One quiet line, hidden while a search is by its reader's own settings; ``own_wanted``:
    search with those."""

    own_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.measured.bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(Icon("chart", 14, "muted"))
        self.text = ElidedLabel(role="caption")
        row.addWidget(self.text, 1)
        own = Button(self.tr("Use my settings"), "link", name="search.measured.own")
        own.clicked.connect(self.own_wanted)
        row.addWidget(own)
        self.hide()

    def show_measured(self, request: SearchRequest, preferred: Preferences) -> None:
        """Say in what ``request`` differs from what somebody prefers, if it does."""
        differing = [
            name
            for name, measured, own in (
                (self.tr("synonyms"), request.synonyms, preferred.synonyms),
                (self.tr("weights"), request.weights, preferred.weights),
                (self.tr("languages of connections"), request.languages, preferred.languages),
            )
            if measured != own
        ]
        self.setVisible(bool(differing))
        text = self.tr("Searched as it was measured, with other {parts} than yours.").format(
            parts=", ".join(differing)
        )
        self.text.setText(text)
        self.setAccessibleName(text)
