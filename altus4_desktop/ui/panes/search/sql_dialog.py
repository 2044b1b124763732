"""The statements that ran, one for each source, and how a server would run one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QTableWidget, QTableWidgetItem, QWidget

from altus4_desktop.domain.explaining import StatementPlan
from altus4_desktop.domain.searching import SearchOutcome, SourceRef, SourceState
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.panes.search.wording import one_line, value_text
from altus4_desktop.ui.panes.tables import show_whole_rows
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import TypeSize, mono_family
from altus4_desktop.ui.widgets import Button, Label
from altus4_desktop.ui.working import WorkingWidget

_SIZE = QSize(820, 620)
_CELL_CHARS = 300


class SqlDialog(Dialog):
    """Shows the statements of a finished search; EXPLAIN is asked for on demand."""

    def __init__(
        self, session: Session, outcome: SearchOutcome, parent: QWidget | None = None
    ) -> None:
        super().__init__("", name="search.statements", parent=parent)
        self.setWindowTitle(self.tr("Statements of this search"))
        self.setAccessibleName(self.windowTitle())
        self._session = session
        self._outcome = outcome
        self._statements: list[tuple[SourceRef, str]] = []
        self._plan: StatementPlan | None = None
        self._asked: SourceRef | None = None
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.work = WorkingWidget(
            session.runner, session.report_crash, name="search.statements", parent=self
        )
        self.work.hide()
        self.body.addWidget(self.work.message)
        self.source = QComboBox()
        self.source.setObjectName("search.statements.source")
        self.source.setAccessibleName(self.tr("Source"))
        self.source.setMinimumContentsLength(12)
        self.source.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.source.currentIndexChanged.connect(self._show_source)
        self.body.addWidget(self.source)
        self.text = self._text_field("search.statements.text", self.tr("Statement"))
        self.body.addWidget(self.text, 3)
        self.table = QTableWidget()
        self.table.setObjectName("search.statements.plan")
        self.table.setAccessibleName(self.tr("How the server would run it"))
        show_whole_rows(self.table, row_height=28)
        self.table.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.tree = self._text_field("search.statements.tree", self.tr("Tree of the plan"))
        self.body.addWidget(self.table, 2)
        self.body.addWidget(self.tree, 3)
        self.table.hide()
        self.tree.hide()
        self.explain_button = Button(self.tr("Explain"), name="search.statements.explain")
        self.explain_button.setToolTip(self.tr("Ask the server how it would run the statement"))
        self.explain_button.clicked.connect(self.explain)
        self.copy_button = Button(
            self.tr("Copy statement"), icon_name="copy", name="search.statements.copy"
        )
        self.copy_button.clicked.connect(self._copy_statement)
        self.copy_plan_button = Button(
            self.tr("Copy plan"), icon_name="copy", name="search.statements.copy_plan"
        )
        self.copy_plan_button.clicked.connect(self._copy_plan)
        for button in (self.explain_button, self.copy_button, self.copy_plan_button):
            button.setEnabled(False)
            self.buttons.addWidget(button)
        self.add_close(name="search.statements.close")
        self.resize(self.fitting(_SIZE))
        self._read()

    def _text_field(self, name: str, label: str) -> QPlainTextEdit:
        field = QPlainTextEdit()
        field.setObjectName(name)
        field.setAccessibleName(label)
        field.setReadOnly(True)
        field.setTabChangesFocus(True)
        face = QFont(QGuiApplication.font())
        face.setFamily(mono_family())
        face.setPixelSize(TypeSize.BODY)
        field.setFont(face)
        return field

    def _read(self) -> None:
        service, actor = self._session.services.search, self._session.actor
        outcome = self._outcome

        def work(_: TaskContext) -> Mapping[SourceRef, str]:
            return service.statements(actor, outcome)

        self.text.setPlaceholderText(self.tr("Reading the statements…"))
        self.work.submit(Lane.TENANTS, work, self._take_statements, failed=self._take_failure)

    @Slot(object)
    def _take_statements(self, statements: Mapping[SourceRef, str]) -> None:
        self._statements = list(statements.items())
        has_answers = any(
            report.state is SourceState.OK and report.source.index
            for report in self._outcome.sources
        )
        # The candidates of a semantic search are kept for the last searches only.
        self.text.setPlaceholderText(
            self.tr(
                "The statements of this search are not kept any more. Search again to see them."
            )
            if has_answers
            else self.tr("No source has answered a statement.")
        )
        for source, _ in self._statements:
            name = f"{source.connection} · {source.table} · {source.index}"
            self.source.addItem(one_line(name))
        self._show_source()

    @Slot()
    def _show_source(self) -> None:
        place = self.source.currentIndex()
        known = 0 <= place < len(self._statements)
        self.text.setPlainText(self._statements[place][1] if known else "")
        self._plan = None
        self.table.hide()
        self.tree.hide()
        self.work.message.clear()
        self.explain_button.setEnabled(known)
        self.copy_button.setEnabled(known)
        self.copy_plan_button.setEnabled(False)

    @Slot()
    def explain(self) -> None:
        """Ask the server how it would run the statement that is shown."""
        place = self.source.currentIndex()
        if not 0 <= place < len(self._statements):
            return
        service, actor = self._session.services.search, self._session.actor
        outcome, source = self._outcome, self._statements[place][0]

        def work(context: TaskContext) -> tuple[SourceRef, StatementPlan]:
            return source, service.plan(actor, outcome, source, context.token)

        self._asked = source
        self.work.message.clear()
        self.explain_button.setEnabled(False)
        self.work.submit(Lane.TENANTS, work, self._take_plan, failed=self._take_failure)

    @Slot(object)
    def _take_plan(self, answer: tuple[SourceRef, StatementPlan]) -> None:
        source, plan = answer
        place = self.source.currentIndex()
        if self._statements[place][0] != source:
            return
        self._plan = plan
        self.explain_button.setEnabled(True)
        self.copy_plan_button.setEnabled(True)
        self._fill(plan.columns, plan.rows)
        self.table.show()
        self.tree.setPlainText(plan.tree)
        self.tree.setVisible(bool(plan.tree))

    def _fill(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.table.clear()
        self.table.setColumnCount(len(columns))
        self.table.setRowCount(len(rows))
        self.table.setHorizontalHeaderLabels(list(columns))
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                self.table.setItem(at, column, QTableWidgetItem(_cell_text(value)))
        self.table.resizeColumnsToContents()

    @Slot(object)
    def _take_failure(self, error: BaseException) -> None:
        self.explain_button.setEnabled(bool(self._statements))
        self.text.setPlaceholderText("")
        self.work.present(error)

    @Slot()
    def _copy_statement(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self._session.announced.emit(self.tr("Copied the statement"))

    @Slot()
    def _copy_plan(self) -> None:
        if self._plan is None:
            return
        lines = ["\t".join(self._plan.columns)]
        lines += ["\t".join(map(_cell_text, row)) for row in self._plan.rows]
        if self._plan.tree:
            lines += ["", self._plan.tree]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self._session.announced.emit(self.tr("Copied the plan"))

    def done(self, result: int) -> None:
        """Nobody waits for an answer any more."""
        self.work.cancel_work()
        super().done(result)


def _cell_text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str | bytes | int | float):
        return one_line(value_text(value))[:_CELL_CHARS]
    return ""
