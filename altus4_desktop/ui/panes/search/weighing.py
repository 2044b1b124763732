"""How much connections, tables and columns count: chosen below the tree, told above the hits."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.searching import LEAST_WEIGHT, MOST_WEIGHT, SourceReport, SourceWeight
from altus4_desktop.ui.panes.search.quiet_line import QuietLine
from altus4_desktop.ui.panes.search.scope import ScopeModel
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, IconButton, Label

Weights = tuple[SourceWeight, ...]

_WEIGHT_WIDTH = 92


class WeightStrip(QWidget):
    """The weight of the row that is current in the tree, or of one of its columns."""

    def __init__(self, model: ScopeModel, tree: QTreeView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("search.weight.strip")
        self._model = model
        self._tree = tree
        self._undo: list[tuple[tuple[str, str, str], Weights]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        self.caption = Label("", "caption", wrap=True)
        column.addWidget(self.caption)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        self.place = QComboBox()
        self.place.setObjectName("search.weight.place")
        self.place.setAccessibleName(self.tr("What is weighed"))
        self.place.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.place.setMinimumContentsLength(6)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.weight = QDoubleSpinBox()
        self.weight.setObjectName("search.weight.value")
        self.weight.setAccessibleName(self.tr("Weight; 1 is neutral"))
        self.weight.lineEdit().setAccessibleName(self.weight.accessibleName())
        self.weight.setRange(LEAST_WEIGHT, MOST_WEIGHT)
        self.weight.setDecimals(2)
        self.weight.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.weight.setPrefix("×")
        self.weight.setKeyboardTracking(False)
        self.weight.setFixedWidth(_WEIGHT_WIDTH)
        self.neutral = Button(self.tr("Neutral"), "quiet", name="search.weight.neutral")
        self.neutral.setToolTip(self.tr("Let it count as much as the others"))
        self.undo = IconButton(
            "arrow-left",
            self.tr("Take the last change of a weight back"),
            name="search.weight.undo",
        )
        row.addWidget(self.place, 1)
        row.addWidget(self.weight)
        row.addWidget(self.neutral)
        row.addWidget(self.undo)
        column.addLayout(row)
        self.in_order = (self.place, self.weight, self.neutral, self.undo)
        tree.selectionModel().currentChanged.connect(self._show_row)
        model.modelReset.connect(self._show_row)
        model.weights_changed.connect(self._show_weight)
        self.place.currentIndexChanged.connect(self._show_weight)
        self.weight.valueChanged.connect(self._weigh)
        self.neutral.clicked.connect(self._make_neutral)
        self.undo.clicked.connect(self._take_back)
        self._show_row()

    def begin(self) -> None:
        """What was changed before is not taken back any more."""
        self._undo.clear()
        self._show_weight()

    @Slot(QModelIndex, QModelIndex)
    @Slot()
    def _show_row(self, *_: object) -> None:
        found = self._model.place_at(self._tree.currentIndex())
        with QSignalBlocker(self.place):
            self.place.clear()
            if found is not None:
                connection, table = found
                whole = self.tr("Table") if table else self.tr("Connection")
                self.place.addItem(whole, (connection.id, table, ""))
                for name in self._model.columns(connection.id, table):
                    # A name is no mnemonic and no mark-up to a box.
                    self.place.addItem(
                        self.tr("Column {name}").format(name=name), (connection.id, table, name)
                    )
        named = (found[1] or found[0].name) if found is not None else ""
        text = (
            self.tr("How much “{name}” counts among its like; 1 is neutral.")
            if named
            else self.tr("Choose a row to say how much it counts.")
        )
        short = named if len(named) <= 24 else f"{named[:12]}…{named[-11:]}"
        self.caption.setText(text.format(name=short))
        self._show_weight()

    @Slot()
    def _show_weight(self, *_: object) -> None:
        place = self._chosen()
        for widget in (self.place, self.weight):
            widget.setEnabled(place is not None)
        weight = 1.0 if place is None else self._model.weight(place)
        with QSignalBlocker(self.weight):
            self.weight.setValue(weight)
        self.neutral.setEnabled(weight != 1)
        self.undo.setEnabled(bool(self._undo))

    def _chosen(self) -> tuple[str, str, str] | None:
        data = self.place.currentData()
        return None if data is None else tuple(data)

    @Slot(float)
    def _weigh(self, weight: float) -> None:
        place = self._chosen()
        if place is None or weight == self._model.weight(place):
            return
        # Steps at one place are taken back at once.
        if not self._undo or self._undo[-1][0] != place:
            self._undo.append((place, self._model.weights))
        self._model.weigh(place, weight)

    @Slot()
    def _make_neutral(self) -> None:
        self.weight.setFocus()
        self._weigh(1.0)

    @Slot()
    def _take_back(self) -> None:
        _, weights = self._undo.pop()
        self.weight.setFocus()
        self._model.show_weights(weights)


class WeightsBar(QuietLine):
    """One quiet line, hidden while no weight takes part; ``without_wanted``: search without."""

    change_wanted = Signal()
    without_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("sort", name="search.weights.bar", parent=parent)
        self.add_way(self.tr("Change"), self.change_wanted, name="search.weights.change")
        self.add_way(self.tr("Search without"), self.without_wanted, name="search.weights.off")

    def show_weights(
        self, weights: Sequence[SourceWeight], sources: Sequence[SourceReport]
    ) -> None:
        """Name those of ``weights`` that concern ``sources``."""
        names = {report.source.connection_id: report.source.connection for report in sources}
        tables = {(report.source.connection_id, report.source.table) for report in sources}
        found = [
            one
            for one in weights
            if one.weight != 1
            and one.connection_id in names
            and (not one.table or (one.connection_id, one.table) in tables)
        ]
        parts = [
            " · ".join(filter(None, (names[one.connection_id], one.table, one.column)))
            + f" ×{one.weight:g}"
            for one in found
        ]
        text = self.tr("By your weights: {parts}").format(parts=", ".join(parts))
        self.say(text if found else "")
