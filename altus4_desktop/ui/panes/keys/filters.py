"""What narrows the list of keys down."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from altus4_desktop.domain.key_text import PREFIX_LENGTH
from altus4_desktop.domain.keys import KeyFilter, KeySort
from altus4_desktop.ui.panes.keys.wording import filter_words
from altus4_desktop.ui.panes.paged_filters import PagedFilters
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import SearchField


@dataclass(frozen=True)
class KeyQuestion:
    """Which keys, in which order."""

    wanted: KeyFilter = KeyFilter.CURRENT
    text: str = ""
    owner_text: str = ""
    sort: KeySort = KeySort.EXPIRES
    descending: bool = False


class KeyFilters(PagedFilters):
    """Text, owner (for those who see everybody's keys) and state."""

    def __init__(self, *, with_owner: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = SearchField(self.tr("Name, or how the key begins"), name="keys.text")
        self.owner = SearchField(self.tr("Owner: part of an e-mail"), name="keys.owner")
        self.owner.setVisible(with_owner)
        self.wanted = QComboBox()
        self.wanted.setObjectName("keys.filter")
        self.wanted.setAccessibleName(self.tr("Which keys"))
        for wanted in KeyFilter:
            self.wanted.addItem(filter_words(wanted), wanted.value)
        self._choose(KeyFilter.CURRENT)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.text, 3)
        row.addWidget(self.owner, 2)
        row.addWidget(self.wanted)
        self.text.textChanged.connect(self._cut_key)
        self._listen(self.text, self.owner, self.wanted)

    @property
    def is_set(self) -> bool:
        """Whether anything but the usual is asked for."""
        return self.question(KeySort.EXPIRES, descending=False) != KeyQuestion()

    def question(self, sort: KeySort, *, descending: bool) -> KeyQuestion:
        """What is asked for, in this order."""
        return KeyQuestion(
            KeyFilter(str(self.wanted.currentData())),
            self.text.text().strip(),
            self.owner.text().strip(),
            sort,
            descending,
        )

    @Slot()
    def clear(self) -> None:
        """Let every key by."""
        for field in (self.text, self.owner):
            field.clear()
        self._choose(KeyFilter.ALL)
        self._take_choice()

    @Slot(str)
    def _cut_key(self, text: str) -> None:
        """Of a key that is pasted here no more than its beginning stays, which is no secret."""
        key = text.strip()
        if key.startswith("altus4_sk_") and len(key) > PREFIX_LENGTH:
            self.text.setText(key[:PREFIX_LENGTH])

    def _choose(self, wanted: KeyFilter) -> None:
        self.wanted.setCurrentIndex(self.wanted.findData(wanted.value))
