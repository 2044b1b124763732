"""Plots along which one can move: by dragging, by the wheel, by keys."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from altus4_desktop.ui.panes.painting import sized
from altus4_desktop.ui.theme import Radius, TypeSize, worn_palette

_STEP = 0.15
_FACTOR = 1.4
_NOTCH = 120
GRID = 63
"""How much of a line of the grid is seen, of 255."""


class Reach:
    """How far one can see: a part of the whole, no narrower than ``least``."""

    def __init__(self, first: float, last: float, least: float) -> None:
        self.whole = (first, last)
        self.least = min(least, last - first)
        self.first, self.last = first, last

    @property
    def is_whole(self) -> bool:
        """Whether everything is seen."""
        return (self.first, self.last) == self.whole

    def pan(self, by: float) -> None:
        """Move, as far as there is something."""
        by = min(max(by, self.whole[0] - self.first), self.whole[1] - self.last)
        self.first, self.last = self.first + by, self.last + by

    def zoom(self, factor: float, at: float) -> None:
        """See less (below 1) or more; what is at ``at`` stays where it is."""
        span = self.last - self.first
        wanted = min(max(span * factor, self.least), self.whole[1] - self.whole[0])
        at = min(max(at, self.first), self.last)
        self.first = at - (at - self.first) * wanted / span
        self.last = self.first + wanted
        self.pan(0.0)
        if self.last - self.first >= self.whole[1] - self.whole[0]:
            self.reset()

    def reset(self) -> None:
        """See everything."""
        self.first, self.last = self.whole


class MovingPlot(pg.GraphicsView):  # type: ignore[misc]  # pyqtgraph ships no types
    """A plot in ``box`` with an axis below and one at its left. ``moved`` comes when another part
    is seen; ``pressed`` carries the place of a click that was none of a double click.

    pyqtgraph's own plot has a menu of thirty controls, which take longer to make than all the rest.
    """

    moved = Signal()
    pressed = Signal(QPointF)

    def __init__(self, name: str, below: Any, left: Any, parent: QWidget | None = None) -> None:
        self.reach: Reach | None = None
        self._grabbed: QPointF | None = None
        self._dragged_from: float | None = None
        self._put: list[Any] = []
        super().__init__(parent)
        self.box = pg.ViewBox(enableMenu=False)
        self.box.setMouseEnabled(x=False, y=False)
        self.box.disableAutoRange()
        layout = self.centralLayout
        layout.setContentsMargins(1, 1, 1, 1)
        layout.setSpacing(0)
        layout.addItem(self.box, 0, 1)
        layout.setRowStretchFactor(0, 100)
        layout.setColumnStretchFactor(1, 100)
        self.left: Any = None
        self.set_left(left)
        self._place_axis(below, 1, 1)
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.enableMouse(False)
        self.setMouseTracking(True)
        self.setAntialiasing(True)
        # Where a double click means something, a click may be the first half of one.
        self._clicking = QTimer(self)
        self._clicking.setSingleShot(True)
        self._clicking.timeout.connect(self._press)
        self._clicked_at = QPointF()

    def set_left(self, axis: Any) -> None:
        """Have this axis at the left."""
        if self.left is axis:
            return
        if self.left is not None:
            self.centralLayout.removeItem(self.left)
            self.left.unlinkFromView()
            self.left.hide()
        self.left = axis
        self._place_axis(axis, 0, 0)
        axis.show()

    def _place_axis(self, axis: Any, row: int, column: int) -> None:
        axis.linkToView(self.box)
        self.centralLayout.addItem(axis, row, column)
        # Lines of the grid lie under what is drawn.
        axis.setZValue(self.box.zValue() - 1)

    def put(self, item: Any) -> None:
        """Draw this as well."""
        self._put.append(item)
        self.box.addItem(item, ignoreBounds=True)

    def empty(self) -> None:
        """Draw nothing any more."""
        for item in self._put:
            self.box.removeItem(item)
        self._put = []

    @property
    def is_whole(self) -> bool:
        """Whether everything is seen."""
        return self.reach is None or self.reach.is_whole

    def set_reach(self, reach: Reach | None) -> None:
        """One can move within this; where that was so before, the same part is seen."""
        before = self.reach
        if reach is not None and before is not None and before.whole == reach.whole:
            reach = before
        self.reach = reach
        policy = Qt.FocusPolicy.StrongFocus if reach is not None else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(policy)
        self._show_reach()

    def pan(self, share: float) -> None:
        """Move by a share of what is seen."""
        if self.reach is not None:
            self.reach.pan(share * (self.reach.last - self.reach.first))
            self._show_reach()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """See less (below 1) or more around ``at``, else around the middle."""
        if self.reach is not None:
            middle = (self.reach.first + self.reach.last) / 2
            self.reach.zoom(factor, middle if at is None else at)
            self._show_reach()

    @Slot()
    def reset_view(self) -> None:
        """See everything."""
        if self.reach is not None:
            self.reach.reset()
            self._show_reach()

    def dress_axis(self, axis: Any) -> None:
        """The colours and the type of now."""
        axis.setTextPen(worn_palette().color("muted"))
        axis.setPen(worn_palette().color("border_strong"))
        axis.setStyle(
            tickFont=sized(self.font(), TypeSize.CAPTION - 1),
            tickLength=0,
            tickTextOffset=6,
            hideOverlappingLabels=False,
        )

    def place_at(self, at: QPointF) -> QPointF:
        """What stands at a place of the widget."""
        found: QPointF = self.box.mapSceneToView(self.mapToScene(at.toPoint()))
        return found

    def is_inside(self, at: QPointF) -> bool:
        """Whether a place of the widget is between the axes."""
        return bool(self.box.sceneBoundingRect().contains(self.mapToScene(at.toPoint())))

    def _show_reach(self) -> None:
        if self.reach is not None:
            self.box.setRange(
                xRange=(self.reach.first, self.reach.last), padding=0, disableAutoRange=True
            )
        self.moved.emit()

    # The mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click or a drag may begin."""
        if event.button() is Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self._dragged_from = None
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """What is dragged moves along."""
        if self._grabbed is None or self.reach is None:
            return
        far = (event.position() - self._grabbed).manhattanLength()
        if self._dragged_from is None:
            if far < QGuiApplication.styleHints().startDragDistance() or self.reach.is_whole:
                return
            self._dragged_from = self._grabbed.x()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        width = max(self.box.width(), 1.0)
        self.pan((self._dragged_from - event.position().x()) / width)
        self._dragged_from = event.position().x()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """What was no drag is a click."""
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        begun, self._grabbed = self._grabbed, None
        if self._dragged_from is not None:
            self._dragged_from = None
            self.unsetCursor()
        elif begun is not None:
            near = QGuiApplication.styleHints().startDragDistance()
            if (event.position() - begun).manhattanLength() <= near:
                self._clicked_at = event.position()
                wait = QGuiApplication.styleHints().mouseDoubleClickInterval()
                self._clicking.start(0 if self.is_whole else wait)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Everything is seen again."""
        self._clicking.stop()
        self._grabbed = None
        self.reset_view()
        event.accept()

    @property
    def is_dragging(self) -> bool:
        """Whether the pointer moves the plot."""
        return self._dragged_from is not None

    @Slot()
    def _press(self) -> None:
        self.pressed.emit(self._clicked_at)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Nearer or farther with Ctrl or once the plot has been clicked; else what is around
        scrolls."""
        is_meant = event.modifiers() & Qt.KeyboardModifier.ControlModifier or self.hasFocus()
        turned = event.angleDelta()
        if self.reach is None or not is_meant or turned.isNull():
            event.ignore()
            return
        if turned.x() and not turned.y():
            self.pan(-_STEP * turned.x() / _NOTCH)
        else:
            self.zoom(_FACTOR ** (-turned.y() / _NOTCH), self.place_at(event.position()).x())
        event.accept()

    # The keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move, + and - go nearer and farther, Home and 0 show everything."""
        steps = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}
        key = Qt.Key(event.key())
        if self.reach is None:
            event.ignore()
        elif key in steps:
            self.pan(steps[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1 / _FACTOR)
        elif key == Qt.Key.Key_Minus:
            self.zoom(_FACTOR)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_0):
            self.reset_view()
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Nothing ends with it."""
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """It is seen."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """It is no longer seen."""
        super().focusOutEvent(event)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame tells where the keyboard is."""
        super().paintEvent(event)
        if not self.hasFocus():
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(worn_palette().color("accent"), 2))
        edge = QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(edge, Radius.S, Radius.S)
        painter.end()
