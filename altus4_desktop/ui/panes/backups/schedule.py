"""When backups are made by themselves, where they are, and what belongs beside them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.services.backup_lines import BackupLines
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.backups.lines import LinesCard
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label

DAILY_HOURS = 24


class SchedulePage(QWidget):
    """``chosen`` (hours between two backups) and ``folder_chosen`` ("" for the data folder's) tell
    what somebody wants; ``kit_requested`` leads to the recovery kit."""

    chosen = Signal(int)
    folder_chosen = Signal(str)
    kit_requested = Signal()
    copied = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        inner = QWidget()
        cards = QVBoxLayout(inner)
        cards.setContentsMargins(0, 0, Space.XS, 0)
        cards.setSpacing(Space.M)
        self._lines = LinesCard()
        self._lines.copied.connect(self.copied)
        parts = (self._build_schedule(), self._build_folder(), self._build_kit(), self._lines)
        for card in parts:
            cards.addWidget(card)
        cards.addStretch(1)
        column.addWidget(scrolling(inner))

    def show_settings(
        self,
        every_hours: int,
        chosen_folder: str,
        place: str,
        lines: BackupLines | None,
        standing: str,
    ) -> None:
        """Show what is set; ``place`` is where the backups of this store are, ``standing`` how the
        last one is and when the next one comes."""
        self._standing.setText(standing)
        self._lines.setVisible(lines is not None)
        if lines is not None:
            self._lines.show_lines(lines)
        before = self._daily.blockSignals(True)
        self._daily.setChecked(every_hours > 0)
        self._daily.blockSignals(before)
        self._place.setText(place)
        self._reset.setEnabled(bool(chosen_folder))

    def _build_schedule(self) -> QWidget:
        card = Card(margin=Space.L)
        card.body.addWidget(Label(self.tr("By themselves"), "section"))
        text = self.tr("Make a backup every day and after a new revision, while this program runs")
        self._daily = QCheckBox(text)
        self._daily.setObjectName("backups.daily")
        self._daily.setAccessibleName(text)
        self._daily.toggled.connect(self._choose_daily)
        card.body.addWidget(self._daily)
        self._standing = Label("", wrap=True)
        self._standing.setObjectName("backups.standing")
        card.body.addWidget(self._standing)
        card.body.addWidget(
            Label(
                self.tr(
                    "They are kept for 30 days. The last three good ones always stay, whatever the "
                    "clock says."
                ),
                "muted",
                wrap=True,
            )
        )
        return card

    def _build_folder(self) -> QWidget:
        card = Card(margin=Space.L)
        card.body.addWidget(Label(self.tr("Folder"), "section"))
        self._place = ElidedLabel("", "mono", Qt.TextElideMode.ElideMiddle)
        self._place.setObjectName("backups.place")
        card.body.addWidget(self._place)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        choose = Button(self.tr("Choose…"), icon_name="folder", name="backups.folder")
        choose.clicked.connect(self._choose_folder)
        self._reset = Button(self.tr("Back to the data folder"), name="backups.folder.reset")
        self._reset.clicked.connect(self._reset_folder)
        row.addWidget(choose)
        row.addWidget(self._reset)
        row.addStretch(1)
        card.body.addLayout(row)
        card.body.addWidget(
            Label(
                self.tr(
                    "Best is a folder on another disk. What was made before stays where it is, and "
                    "is not listed from then on."
                ),
                "muted",
                wrap=True,
            )
        )
        return card

    def _build_kit(self) -> QWidget:
        card = Card(margin=Space.L)
        card.body.addWidget(Label(self.tr("The key is not in a backup"), "section"))
        card.body.addWidget(
            Label(
                self.tr(
                    "Saved passwords are in it, sealed. On another computer only a recovery kit "
                    "opens them: keep one beside the backups."
                ),
                "muted",
                wrap=True,
            )
        )
        row = QHBoxLayout()
        kit = Button(self.tr("Recovery kit…"), icon_name="key", name="backups.kit")
        kit.clicked.connect(self.kit_requested)
        row.addWidget(kit)
        row.addStretch(1)
        card.body.addLayout(row)
        return card

    @Slot(bool)
    def _choose_daily(self, checked: bool) -> None:
        self.chosen.emit(DAILY_HOURS if checked else 0)

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Where backups are kept"))
        if chosen:
            self.choose_folder(chosen)

    def choose_folder(self, folder: str) -> None:
        """Have backups kept in ``folder`` from now on."""
        self.folder_chosen.emit(folder)

    @Slot()
    def _reset_folder(self) -> None:
        self.choose_folder("")
