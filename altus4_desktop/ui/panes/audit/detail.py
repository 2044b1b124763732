"""One audit record in full: who, what, when, from where, and before and after side by side."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QHeaderView,
    QTableView,
    QWidget,
)

from altus4_desktop.domain.audit import AuditRecord
from altus4_desktop.ui.panes.audit.model import ChangeModel
from altus4_desktop.ui.panes.audit.wording import (
    action_words,
    changes,
    number,
    outcome_words,
    person_words,
    subject_kind_words,
)
from altus4_desktop.ui.panes.detail_card import DetailCard
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.wrapped import WrappedText
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, exact, zone
from altus4_desktop.ui.widgets import Chip, IconButton, Label
from altus4_desktop.ui.widgets.basic import ChipState

_CHIPS: dict[str, ChipState] = {"done": "ok", "refused": "warning", "failed": "failed"}
_FIELD_WIDTH = 190


class ChangeTable(QTableView):
    """As high as its rows: what it stands in scrolls."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the values anew."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def fit(self) -> None:
        """Give every row, and the table, the height that its texts need."""
        self.resizeRowsToContents()
        rows = range(self.model().rowCount())
        height = self.horizontalHeader().sizeHint().height() + 2 * self.frameWidth()
        self.setFixedHeight(height + sum(self.rowHeight(row) for row in rows))


class AuditDetail(DetailCard):
    """The record that is selected in the table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        label = QCoreApplication.translate("audit", "The record in full")
        super().__init__("audit.detail", label, parent)
        self.record: AuditRecord | None = None
        self._title = ElidedLabel("", "title")
        self._outcome = Chip()
        copy = IconButton("copy", self.tr("Copy as JSON"), name="audit.copy", size=16)
        copy.clicked.connect(self.copy)
        self.fill_head(self._title, self._outcome, copy, close_name="audit.detail.close")
        column = self.column
        self._values: dict[str, ElidedLabel] = {}
        self._captions: dict[str, Label] = {}
        column.addLayout(
            self._build_facts(
                ("at", self.tr("When")),
                ("who", self.tr("Who")),
                ("key", self.tr("By API key")),
                ("origin", self.tr("From")),
                ("subject", self.tr("Subject")),
            )
        )
        self._model = ChangeModel(self)
        self.table = self._build_table()
        column.addWidget(self.table)
        self._nothing = Label(self.tr("Nothing else was noted."), "muted")
        column.addWidget(self._nothing)
        column.addLayout(
            self._build_facts(
                ("id", self.tr("Subject's id")),
                ("number", self.tr("Number")),
                ("hash", self.tr("Hash")),
            )
        )
        column.addStretch(1)

    def show_record(self, record: AuditRecord) -> None:
        """Show this one."""
        self.record = record
        event = record.event
        self._title.setText(action_words(event.action))
        self._outcome.set(_CHIPS.get(event.outcome.value, "neutral"), outcome_words(event.outcome))
        kind = subject_kind_words(event.subject_kind)
        for key, text in {
            "at": f"{exact(event.at)} {zone(event.at)} ({ago(event.at)})",
            "who": person_words(event),
            "key": event.api_key_id,
            "origin": event.origin,
            "subject": f"{kind}: {event.subject_name}" if event.subject_name else kind,
            "id": event.subject_id,
            "number": number(record.sequence),
            "hash": record.row_hash,
        }.items():
            self._values[key].setText(text)
            self._values[key].setVisible(bool(text))
            self._captions[key].setVisible(bool(text))
        found = changes(event)
        self._model.show(found)
        has_before = any(change.before for change in found)
        self.table.setColumnHidden(1, not has_before)
        self.table.setVisible(bool(found))
        self._nothing.setVisible(not found)
        self.table.fit()

    @Slot()
    def copy(self) -> None:
        """Put the record on the clipboard as a JSON document."""
        import json

        from altus4_desktop.services.audit_text import audit_document

        if self.record is not None:
            text = json.dumps(audit_document(self.record), ensure_ascii=False, indent=2)
            QGuiApplication.clipboard().setText(text)

    def _build_facts(self, *facts: tuple[str, str]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, (key, title) in enumerate(facts):
            caption = Label(title, "muted")
            value = ElidedLabel("", "mono" if key == "hash" else "body")
            value.setObjectName(f"audit.detail.{key}")
            value.setAccessibleDescription(title)
            self._captions[key] = caption
            self._values[key] = value
            grid.addWidget(caption, row, 0)
            grid.addWidget(value, row, 1)
        return grid

    def _build_table(self) -> ChangeTable:
        table = ChangeTable()
        table.setObjectName("audit.changes")
        table.setAccessibleName(self.tr("Before and after"))
        table.setModel(self._model)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setItemDelegateForColumn(1, WrappedText(table))
        table.setItemDelegateForColumn(2, WrappedText(table))
        table.setTabKeyNavigation(False)
        table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, _FIELD_WIDTH)
        return table
