"""What the window says about FULLTEXT indexes: columns of the tables, and texts of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from PySide6.QtCore import QCoreApplication, QModelIndex, QObject, Qt, Slot
from PySide6.QtWidgets import QPlainTextEdit, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.index_health import (
    AdviceStep,
    DatabaseFacts,
    Finding,
    HealthReport,
    ServerAdvice,
    Severity,
    TableFacts,
)
from altus4_desktop.ui.models.records import Column, R, RecordModel
from altus4_desktop.ui.panes.tables import Mark, MarkedModel, PlainTable
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import EmptyState

_KIB = 1024
_MARKS: dict[Severity | None, Mark] = {
    Severity.WARNING: ("warning", "warning"),
    Severity.INFO: ("info", "accent"),
    Severity.UNSEEN: ("eye-off", "muted"),
    None: ("check", "success"),
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table and what was found; without facts it stands for the server."""

    facts: TableFacts | None
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Severity | None:
        """The gravest of its findings."""
        severities = {finding.severity for finding in self.findings}
        return next((severity for severity in Severity if severity in severities), None)


def table_rows(report: HealthReport) -> tuple[TableRow, ...]:
    """The server, then the tables in the order of their names."""
    tables = (TableRow(table, report.about(table.name)) for table in report.facts.tables)
    return (TableRow(None, report.about("")), *tables)


class RowsAndText(QWidget, Generic[R]):
    """A table of records above the text of the chosen one."""

    def __init__(
        self,
        model: RecordModel[R],
        widths: dict[int, int],
        stretched: int,
        describe: Callable[[R], str],
        empty: EmptyState,
        *,
        name: str,
        label: str,
        text_label: str,
    ) -> None:
        super().__init__()
        self._model = model
        self._describe = describe
        self.table = PlainTable(model, widths, stretched, name=name, label=label)
        self.text = QPlainTextEdit()
        self.text.setObjectName(f"{name}.text")
        self.text.setAccessibleName(text_label)
        self.text.setProperty("kind", "code")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(self.text)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([300, 200])
        self._pages = QStackedWidget()
        self._pages.addWidget(split)
        self._pages.addWidget(empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._pages)
        self.table.selectionModel().currentChanged.connect(self._show_chosen)

    def show_records(self, records: Sequence[R]) -> None:
        """Show these, the first one chosen."""
        self._model.set_records(records)
        self._pages.setCurrentIndex(0 if records else 1)
        if records:
            self.table.selectRow(0)
        self._show_chosen(self.table.currentIndex())

    @Slot(QModelIndex)
    def _show_chosen(self, index: QModelIndex) -> None:
        records = self._model.records
        known = index.isValid() and index.row() < len(records)
        self.text.setPlainText(self._describe(records[index.row()]) if known else "")


def build_tables(parent: QObject) -> MarkedModel[TableRow]:
    """Tables and the gravest of what was found."""
    return MarkedModel(
        [
            Column(_tr("Table"), _name, tool_tip=_name),
            Column(_tr("State"), _state),
            Column(_tr("Engine"), lambda it: it.facts.engine if it.facts else ""),
            Column(
                _tr("Rows (estimated)"),
                lambda it: f"{it.facts.rows:,}" if it.facts else "",
                is_number=True,
            ),
            Column(
                _tr("Indexes"),
                lambda it: str(len(it.facts.indexes)) if it.facts else "",
                is_number=True,
            ),
        ],
        1,
        lambda it: _MARKS[it.worst],
        parent,
    )


def build_steps(parent: QObject) -> RecordModel[AdviceStep]:
    """Statements in the order in which they are to be run."""
    return RecordModel(
        [
            Column(_tr("Does"), _action),
            Column(_tr("Table"), lambda it: it.table, tool_tip=lambda it: it.table),
            Column(_tr("Index"), lambda it: it.index, tool_tip=lambda it: it.index),
            Column(_tr("Rows (estimated)"), lambda it: f"{it.rows:,}", is_number=True),
            Column(_tr("Rebuild"), _rebuilds),
        ],
        parent,
    )


def build_settings(parent: QObject) -> RecordModel[ServerAdvice]:
    """Settings of the server."""
    return RecordModel(
        [
            Column(_tr("Setting"), lambda it: it.variable),
            Column(_tr("Now"), lambda it: it.current),
            Column(_tr("Advised"), lambda it: it.advised),
            Column(_tr("Searches helped"), lambda it: f"{it.searches:,}", is_number=True),
            Column(_tr("Restart"), lambda it: _tr("no") if it.dynamic else _tr("needed")),
        ],
        parent,
    )


def describe_table(row: TableRow) -> str:
    """Indexes and findings in sentences."""
    parts = []
    if row.facts is not None:
        for index in row.facts.indexes:
            size = _tr("size unseen") if index.size_bytes is None else _size(index.size_bytes)
            parts.append(
                _tr("{index} ({columns}), parser {parser}, {size}").format(
                    index=index.name,
                    columns=", ".join(index.columns),
                    parser=index.parser or _tr("built-in"),
                    size=size,
                )
            )
        parts.append(
            _tr("Rows take {data}, ordinary indexes {index}.").format(
                data=_size(row.facts.data_bytes), index=_size(row.facts.index_bytes)
            )
        )
        parts.append("")
    if not row.findings:
        parts.append(_tr("Nothing to say about it."))
    for finding in row.findings:
        parts.append(f"{_word(finding.severity)}: {remark_text(finding.message)}")
        if finding.hint:
            parts.append(f"    {QCoreApplication.translate('remarks', finding.hint)}")
    return "\n".join(parts)


def describe_step(step: AdviceStep) -> str:
    """Why, what it costs, the statement and the way back."""
    lines = [f"-- {remark_text(remark)}" for remark in (*step.why, step.cost, step.lock)]
    return "\n".join([*lines, step.statement, "", _tr("-- To undo it:"), step.undo])


def describe_setting(item: ServerAdvice) -> str:
    """Why, what follows, the statement and the lines of the configuration file."""
    lines = [f"-- {remark_text(remark)}" for remark in (item.why, *item.consequences)]
    if item.statement:
        lines.append(item.statement)
    lines += ["", _tr("-- In the server's configuration file:")]
    lines += [f"-- {line}" for line in item.config_lines]
    if item.rebuild:
        lines += ["", _tr("-- Afterwards, so that it holds for what is there:"), *item.rebuild]
    return "\n".join(lines)


def describe_server(facts: DatabaseFacts) -> str:
    """Which server answered."""
    return f"{facts.database}  ·  {facts.flavour.label} {facts.version}"


def _name(row: TableRow) -> str:
    return row.facts.name if row.facts else _tr("The server")


def _state(row: TableRow) -> str:
    return _tr("Good") if row.worst is None else _word(row.worst)


def _word(severity: Severity) -> str:
    return {
        Severity.WARNING: _tr("Warning"),
        Severity.INFO: _tr("To know"),
        Severity.UNSEEN: _tr("Not visible"),
    }[severity]


def _action(step: AdviceStep) -> str:
    return _tr("Adds an index") if step.action == "create" else _tr("Removes an index")


def _rebuilds(step: AdviceStep) -> str:
    if step.rebuilds is None:
        return _tr("perhaps")
    return _tr("yes") if step.rebuilds else _tr("no")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def _tr(text: str) -> str:
    return QCoreApplication.translate("HealthDialog", text)
