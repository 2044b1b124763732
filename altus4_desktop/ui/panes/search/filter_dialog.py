"""The dialog that adds a filter on any column."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from altus4_desktop.domain.filtering import ColumnFilter, Operator
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow

_IS_NULL, _IS_NOT_NULL = "null", "not_null"
_LONGEST_VALUE = 10_000


class FilterDialog(FormDialog):
    """``added`` carries the `ColumnFilter`; ``columns`` are those that are known."""

    added = Signal(object)

    def __init__(
        self, session: Session, columns: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(session, name="search.filter.new", parent=parent)
        self.entitle(self.tr("Add a filter"), self.tr("Add"))
        self._utc_columns: set[str] = set()
        self.column_box = QComboBox()
        self.column_box.setObjectName("search.filter.new.column")
        self.column_box.setEditable(True)
        self.column_box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.column_box.addItems(list(columns))
        self.operator = QComboBox()
        self.operator.setObjectName("search.filter.new.operator")
        for key, text in (
            (Operator.IS.value, self.tr("is")),
            (Operator.NOT.value, self.tr("is not")),
            (Operator.RANGE.value, self.tr("lies between")),
            (Operator.CONTAINS.value, self.tr("contains")),
            (_IS_NULL, self.tr("has no value (NULL)")),
            (_IS_NOT_NULL, self.tr("has a value")),
        ):
            self.operator.addItem(text, key)
        self.value = self._build_field("search.filter.new.value")
        self.end = self._build_field("search.filter.new.end")
        self.add_row("column", FormRow(self.tr("Column"), self.column_box))
        self.add_row("operator", FormRow(self.tr("Condition"), self.operator))
        self._value_row = FormRow(self.tr("Value"), self.value)
        self.add_row("filters", self._value_row)
        self._end_row = FormRow(
            self.tr("Up to"), self.end, hint=self.tr("Leave one of both empty for no bound.")
        )
        self.add_row("end", self._end_row)
        self.column.addStretch(1)
        self.operator.currentIndexChanged.connect(self._show_fields)
        self.column_box.currentTextChanged.connect(self._show_hint)
        self._show_fields()
        self._show_hint()
        self.column_box.setFocus()

    def _build_field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setObjectName(name)
        field.setMaxLength(_LONGEST_VALUE)
        return field

    @Slot()
    def _show_fields(self) -> None:
        key = self.operator.currentData()
        self._value_row.setVisible(key not in (_IS_NULL, _IS_NOT_NULL))
        self._end_row.setVisible(key == Operator.RANGE.value)

    def show_utc_columns(self, names: Collection[str]) -> None:
        """Say of the columns ``names`` that their times are compared in UTC."""
        self._utc_columns = {name.casefold() for name in names}
        self._show_hint()

    @Slot()
    def _show_hint(self) -> None:
        hint = self.tr("A date may be a day (2024-03-31), a month (2024-03) or a year.")
        if self.column_box.currentText().strip().casefold() in self._utc_columns:
            hint += " " + self.tr("This column is a TIMESTAMP: write its times in UTC.")
        self._value_row.set_hint(hint)

    def send(self) -> None:
        """Add it, unless something is missing."""
        column, key = self.column_box.currentText().strip(), self.operator.currentData()
        value, end = self.value.text(), self.end.text()
        if not column:
            self._refuse("column", self.tr("Type or choose a column."))
            return
        if key in (_IS_NULL, _IS_NOT_NULL):
            operator = Operator.IS if key == _IS_NULL else Operator.NOT
            self._finish(ColumnFilter(column, operator, (None,)))
            return
        operator = Operator(key)
        is_missing = operator is Operator.CONTAINS and not value
        if is_missing or (operator is Operator.RANGE and not (value.strip() or end.strip())):
            self._refuse("filters", self.tr("Type a value."))
            return
        values = (value.strip(), end.strip()) if operator is Operator.RANGE else (value,)
        self._finish(ColumnFilter(column, operator, values))

    def _refuse(self, key: str, why: str) -> None:
        row = self.work.fields[key]
        row.show_error(why)
        row.field.setFocus()

    def _finish(self, column_filter: ColumnFilter) -> None:
        self.accept()
        self.added.emit(column_filter)
