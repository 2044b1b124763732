"""Which synonyms were searched besides what was typed, and the way to do without them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.searching import Expansion
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Icon


class ExpansionBar(QWidget):
    """One quiet line, hidden while nothing was added; ``typed_only_wanted``: search without."""

    typed_only_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.synonyms.bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(Icon("layers", 14, "muted"))
        self.text = ElidedLabel(role="caption")
        row.addWidget(self.text, 1)
        only = Button(self.tr("Only what I typed"), "link", name="search.synonyms.off")
        only.clicked.connect(self.typed_only_wanted)
        row.addWidget(only)
        self.hide()

    def show_expansions(self, expansions: Sequence[Expansion]) -> None:
        """Say what was added for which term."""
        self.setVisible(bool(expansions))
        parts = [
            self.tr("{added} for “{term}”").format(
                term=expansion.term, added=", ".join(f"“{added}”" for added in expansion.added)
            )
            for expansion in expansions
        ]
        text = self.tr("Also searched by your synonyms: {parts}").format(parts="; ".join(parts))
        self.text.setText(text)
        self.setAccessibleName(text)
