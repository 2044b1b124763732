"""What narrows a list down that is read page by page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QWidget

from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.widgets import SearchField

_TYPING_MS = 250


class PagedFilters(QWidget):
    """A row or two of fields and choices; ``changed`` comes once typing has paused.

    Subclasses fill themselves and say what is asked for. ``text`` is the field that comes first.
    """

    changed = Signal()
    left_downwards = Signal()

    text: SearchField

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.changed)

    @property
    def is_set(self) -> bool:
        """Whether anything narrows the list down."""
        raise NotImplementedError

    @Slot()
    def clear(self) -> None:
        """Show everything again."""
        raise NotImplementedError

    def _listen(self, *fields: SearchField | QComboBox) -> None:
        """Hear what is typed and chosen in these."""
        for field in fields:
            if isinstance(field, QComboBox):
                field.currentIndexChanged.connect(self._take_choice)
            else:
                field.textChanged.connect(self._typing.start)
                field.left_downwards.connect(self.left_downwards)

    @Slot()
    def _take_choice(self) -> None:
        self._typing.stop()
        self.changed.emit()


class ChoiceBox(QComboBox):
    """A choice that may become as narrow as so many letters; the tool tip has all of them."""

    def __init__(self, name: str, label: str, letters: int = 5) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setMinimumContentsLength(letters)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """As many letters as there is room for."""
        super().initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room.width()
        )

    def event(self, event: QEvent) -> bool:
        """What is cut off can be read."""
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(plain_tool_tip(self.currentText()))
        return super().event(event)
