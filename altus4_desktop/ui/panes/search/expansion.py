"""Which synonyms were searched besides what was typed, and the way to do without them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.searching import Expansion
from altus4_desktop.ui.panes.search.quiet_line import QuietLine


class ExpansionBar(QuietLine):
    """One quiet line, hidden while nothing was added; ``typed_only_wanted``: search without."""

    typed_only_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("layers", name="search.synonyms.bar", parent=parent)
        self.add_way(
            self.tr("Only what I typed"), self.typed_only_wanted, name="search.synonyms.off"
        )

    def show_expansions(self, expansions: Sequence[Expansion]) -> None:
        """Say what was added for which term."""
        parts = [
            self.tr("{added} for “{term}”").format(
                term=expansion.term, added=", ".join(f"“{added}”" for added in expansion.added)
            )
            for expansion in expansions
        ]
        text = self.tr("Also searched by your synonyms: {parts}").format(parts="; ".join(parts))
        self.say(text if expansions else "")
