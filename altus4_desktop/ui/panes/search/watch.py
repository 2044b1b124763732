"""Tells what has changed in the results of a saved search since its owner looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Signal

from altus4_desktop.domain.saved_searches import Change, SavedSearch, compare, sighting_of
from altus4_desktop.domain.searching import SourceState
from altus4_desktop.ui.panes.search.controller import Phase, SearchState
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.times import full
from altus4_desktop.ui.widgets import InlineMessage

_NAMES_SHOWN = 5
_NAME_LENGTH = 40


class SavedWatch(InlineMessage):
    """Speaks once for each time a saved search is opened: of connections that are not there, and
    of rows that came and went.

    ``seen`` (SavedSearch, Sighting): this is what is to be remembered.
    """

    seen = Signal(object, object)

    def __init__(self) -> None:
        super().__init__(name="search.watch")
        self._saved: SavedSearch | None = None
        self._compares = False

    def begin(self, saved: SavedSearch, missing: Sequence[str], *, is_own: bool) -> None:
        """A saved search was opened; its owner's are compared if they want that."""
        self.clear()
        self._saved = saved
        self._compares = is_own and saved.draft.alerts
        if missing:
            names = ", ".join(f"“{_short(name)}”" for name in missing[:_NAMES_SHOWN])
            if len(missing) > _NAMES_SHOWN:
                names = self.tr("{names} and {count} more").format(
                    names=names, count=len(missing) - _NAMES_SHOWN
                )
            gone = self.tr("“{name}” also looks into connections that are gone.")
            others = self.tr("“{name}” also looks into connections that you do not have.")
            text = (gone if is_own else others).format(name=_short(saved.draft.name))
            self.show_message("warning", text, self.tr("Left out: {names}.").format(names=names))

    def end(self) -> None:
        """Something else is searched: there is nothing to compare."""
        self._saved = None
        self._compares = False
        self.clear()

    def take_state(self, state: SearchState) -> None:
        """Look at a search that has ended."""
        saved = self._saved
        if saved is None or not self._compares or state.running:
            return
        self._compares = False
        answered = all(report.state is SourceState.OK for report in state.sources)
        refused = state.error or state.query_error
        whole = state.phase in (Phase.ROWS, Phase.EMPTY) and refused is None
        if not (whole and answered and state.sources):
            # Rows of a source that is silent are not gone: next time, then.
            return
        now = sighting_of(state.hits, has_more=state.has_more, at=datetime.now(UTC))
        if saved.seen is not None:
            at = "" if saved.seen.at is None else full(saved.seen.at)
            self._tell(compare(saved.seen, now), at)
        self.seen.emit(saved, now)

    def _tell(self, change: Change, at: str) -> None:
        since = self.tr("You looked last: {at}.").format(at=at) if at else ""
        if change.among is not None:
            first = self.tr("Only the first {count} hits are compared.").format(count=change.among)
            since = f"{since} {first}".strip()
        parts = []
        if change.new:
            parts.append(self.tr("{count} new").format(count=change.new))
        if change.gone:
            parts.append(self.tr("{count} gone").format(count=change.gone))
        text = self.tr("Changed since you last looked: {what}.").format(what=", ".join(parts))
        if not parts:
            text = self.tr("Nothing has changed since you last looked.")
        if self.isHidden():
            self.show_message("info", text, since)
        else:
            # What is left out explains what is gone: both are said.
            self.show_message("warning", self.text(), f"{self.hint()} {text} {since}".strip())


def _short(name: str) -> str:
    line = one_line(name)
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"
