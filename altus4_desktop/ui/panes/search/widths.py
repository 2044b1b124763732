"""How wide the parts of the results are: what narrows them, their list, one hit in full."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QDataStream, QObject, Qt, Slot
from PySide6.QtWidgets import QSplitter, QWidget

from altus4_desktop.ui.panes.memory import PaneMemory

_USUAL = (560, 420)
_MOST = 100_000


class PartWidths(QObject):
    """Keeps the width in pixels of each part of ``split``, the last of which comes late.

    A splitter forgets the width of a part that is hidden while another one is dragged, and knows
    none of a part that has yet to come.
    """

    def __init__(self, split: QSplitter) -> None:
        super().__init__(split)
        self._split = split
        # Nothing for the first: as much as it needs.
        self._widths = [0, *_USUAL]
        split.splitterMoved.connect(self._note)

    def keep(self, memory: PaneMemory) -> None:
        """Write them down."""
        # Until it has been on the screen a splitter has shared out nothing.
        waits = self._split.testAttribute(Qt.WidgetAttribute.WA_PendingResizeEvent)
        memory.keep("widths", self._widths if waits else self._seen())

    def restore(self, memory: PaneMemory) -> None:
        """Take over what was written down, also as the state of a splitter with all its parts."""
        kept = memory.value("widths")
        widths = kept if isinstance(kept, list) else _read_state(memory.layout("split"))
        if len(widths) == len(self._widths) and all(_is_width(width) for width in widths):
            first, *others = widths
            self._widths = [first, *(others if all(others) else _USUAL)]
        self.share_out()

    def share_out(self) -> None:
        """Give every part its width, for one has come; where there is not enough room the first
        one keeps its own."""
        first, middle, last = self._widths
        split = self._split
        parts = [part for at in range(split.count()) if (part := split.widget(at)) is not None]
        hidden = [_is_hidden(part) for part in parts]
        if len(hidden) < len(self._widths) or hidden[-1]:
            # What the first one leaves.
            middle = 0
        elif split.isVisible():
            room = split.width() - split.handleWidth() * (hidden.count(False) - 1)
            if not hidden[0]:
                room -= max(first, parts[0].minimumWidth())
            if room < middle + last:
                middle, last = (max(0, room) * part // (middle + last) for part in (middle, last))
        split.setSizes([first, middle, last][: len(hidden)])

    @Slot()
    def _note(self) -> None:
        self._widths = self._seen()

    def _seen(self) -> list[int]:
        """The widths of what is shown now, and those that the others had."""
        (first, *others), (kept, *kept_others) = self._split.sizes(), self._widths
        whole = len(others) == len(kept_others) and all(others)
        return [first or kept, *(others if whole else kept_others)]


def _is_hidden(part: QWidget) -> bool:
    # What was never shown counts as hidden until what it is in is shown.
    return part.isHidden() and part.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide)


def _is_width(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= _MOST


def _read_state(state: QByteArray) -> list[int]:
    """The widths in what `QSplitter.saveState` gave: a mark, a version, how many, each."""
    stream = QDataStream(state)
    for _ in range(2):
        stream.readInt32()
    count = stream.readInt32()
    return [stream.readInt32() for _ in range(count)] if count == 1 + len(_USUAL) else []
