"""A search that is run as it was measured, whatever its reader prefers."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.ui.panes.search.quiet_line import QuietLine


@dataclass(frozen=True)
class MeasuredSearch:
    """What the search pane is handed to run a request as it is: with its own synonyms, weights
    and languages, or without any."""

    request: SearchRequest


class MeasuredBar(QuietLine):
    """One quiet line, hidden while a search is by its reader's own settings; ``own_wanted``:
    search with those."""

    own_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("chart", name="search.measured.bar", parent=parent)
        self.add_way(self.tr("Use my settings"), self.own_wanted, name="search.measured.own")

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
        text = self.tr("Searched as it was measured, with other {parts} than yours.").format(
            parts=", ".join(differing)
        )
        self.say(text if differing else "")
