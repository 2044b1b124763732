"""A search that is run as it was measured, or as it was once run, whatever its reader prefers."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.searching import SearchRequest
from altus4_desktop.services.past_searches import Rerun
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
        self._own = self.add_way(
            self.tr("Use my settings"), self.own_wanted, name="search.measured.own"
        )

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
        self._own.show()
        self.say(text if differing else "")

    def show_past(self, rerun: Rerun) -> None:
        """Say in what a search differs from what it was, or from what its reader prefers."""
        told = []
        if rerun.others:
            words = {
                "synonyms": self.tr("synonyms"),
                "weights": self.tr("weights"),
                "languages": self.tr("languages of connections"),
            }
            text = self.tr("Searched as it was then, with other {parts} than yours now.")
            told.append(text.format(parts=", ".join(words[name] for name in rerun.others)))
        if rerun.unknown:
            told.append(self.tr("Searched by your settings of now: those of then were not noted."))
        if rerun.lost:
            told.append(self.tr("Connections that are gone are left out, with their weights."))
        self._own.setVisible(bool(rerun.others))
        self.say(" ".join(told))
