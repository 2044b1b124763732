"""Cards beside and below each other, as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Card

_TWO_COLUMNS = 900


class CardGrid(QWidget):
    """Cards in the order in which they come; a wide one takes a row for itself, as does one that
    would have no neighbour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = 0
        self._cards: list[tuple[Card, bool]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(Space.M)

    def add_card(self, card: Card, *, is_wide: bool = False) -> None:
        """Put ``card`` after those that are there."""
        self.add_cards([(card, is_wide)])

    def add_cards(self, cards: Sequence[tuple[Card, bool]]) -> None:
        """Put these after those that are there, each with whether it is wide; what is there takes
        its place anew only once."""
        self._cards += cards
        # Each that is shown would have everything laid out anew, in the room there was before, and
        # painted like that. So what is around makes room first: what holds this, and what scrolls.
        self._grid.setEnabled(False)
        self._arrange()
        for card, _ in cards:
            card.move(0, self.height())
            card.show()
        self.updateGeometry()
        for _ in range(2):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        self._grid.setEnabled(True)
        self._grid.activate()

    def remove_card(self, card: Card) -> None:
        """Take ``card`` away; it stays the caller's to delete."""
        self._cards = [(each, is_wide) for each, is_wide in self._cards if each is not card]
        self._grid.removeWidget(card)
        card.hide()
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two side by side where there is room."""
        super().resizeEvent(event)
        if self._columns_of_now() != self.columns:
            self._arrange()

    def _columns_of_now(self) -> int:
        return 2 if self.width() >= _TWO_COLUMNS else 1

    def _arrange(self) -> None:
        columns = self.columns = self._columns_of_now()
        place = 0
        for number, (card, is_wide) in enumerate(self._cards):
            if is_wide:
                place += -place % columns
            # One that would stand beside a hole takes the row as well.
            is_last = all(wide for _, wide in self._cards[number + 1 : number + 2])
            is_alone = is_last and place % columns == 0
            span = columns if is_wide or is_alone else 1
            self._grid.addWidget(card, place // columns, place % columns, 1, span)
            place += span
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1 if columns == 2 else 0)
