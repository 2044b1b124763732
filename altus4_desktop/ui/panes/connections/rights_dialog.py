"""What a connection's account may do, and the statements for one that may do less."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, QSize, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError, TenantError
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.rights import RightLine, RightsReport, Weight
from altus4_desktop.services.rights import SEARCH_USER
from altus4_desktop.services.rights_words import WEIGHT_WORDS, cautions, verdict
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.models.records import Column
from altus4_desktop.ui.panes.connections.rights import RightsReader, report_kind
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.statements import AccountStatements, Work
from altus4_desktop.ui.panes.tables import Mark, MarkedModel, PlainTable
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message, remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    InlineMessage,
    Label,
    SearchField,
    Segments,
)

_MAY, _LESS = "may", "less"
_WHOLE, _CHOSEN = "whole", "chosen"
_UNREAD_SHOWN = 3
_HOW_MUCH, _IT_MAY, _WHERE, _PRIVILEGE, _THROUGH = range(5)
_ROOMY = 760
_MARKS: dict[Weight, Mark] = {
    Weight.RULES: ("error", "danger"),
    Weight.CHANGES: ("warning", "warning"),
    Weight.READS_MORE: ("info", "accent"),
    Weight.NEEDED: ("check", "success"),
}


class RightsDialog(Dialog):
    """Shows the rights of a connection's account; reads them when it opens."""

    def __init__(
        self, session: Session, reader: RightsReader, connection: Connection, parent: QWidget
    ) -> None:
        super().__init__("", name="connections.rights.dialog", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = self.tr("Rights of “{name}”").format(name=connection.name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._session = session
        self._reader = reader
        self._connection = connection
        self._report: RightsReport | None = None
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._take_failure)
        self._build_head(title)
        self.pages = QStackedWidget()
        self.busy = Busy(self.tr("Asking the server…"))
        again = Button(
            self.tr("Try again"),
            "primary",
            icon_name="refresh",
            name="connections.rights.again",
        )
        again.clicked.connect(self.read)
        self.failed = EmptyState("error", "", action=again)
        self.failed.setObjectName("connections.rights.failed")
        for page in (self.busy, self.failed, self._build_may(), self._build_less()):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)
        close = Button(self.tr("Close"), name="connections.rights.close")
        close.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)
        self.resize(self.sizeHint())
        self.read()

    def sizeHint(self) -> QSize:
        """As large as the window behind allows."""
        return self.fitting(QSize(960, 640))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The names that servers have for rights are for where there is room."""
        super().resizeEvent(event)
        roomy = event.size().width() >= _ROOMY
        self.table.setColumnHidden(_PRIVILEGE, not roomy)
        self.table.horizontalHeader().resizeSection(_WHERE, 240 if roomy else 170)

    # ---- building --------------------------------------------------------------------------------

    def _build_head(self, title: str) -> None:
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        head.addWidget(ElidedLabel(title, "title"), 1)
        self.views = Segments(
            [(_MAY, self.tr("What it may do")), (_LESS, self.tr("A smaller account"))],
            name="connections.rights.view",
            label=self.tr("Show"),
        )
        self.views.chosen.connect(self._draw)
        head.addWidget(self.views)
        self.refresh = IconButton(
            "refresh", self.tr("Ask the server again (F5)"), name="connections.rights.refresh"
        )
        self.refresh.setShortcut("F5")
        self.refresh.clicked.connect(self.read)
        head.addWidget(self.refresh)
        self.body.addLayout(head)

    def _build_may(self) -> QWidget:
        self._may = QWidget()
        column = QVBoxLayout(self._may)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.account = ElidedLabel(role="muted")
        self.account.setObjectName("connections.rights.account")
        column.addWidget(self.account)
        self.message = InlineMessage(name="connections.rights.verdict", closable=False)
        column.addWidget(self.message)
        self.model = _build_model(self)
        self.table = PlainTable(
            self.model,
            {_HOW_MUCH: 136, _WHERE: 240, _PRIVILEGE: 160, _THROUGH: 90},
            _IT_MAY,
            name="connections.rights.table",
            label=self.tr("What the account may do"),
        )
        self.nothing = EmptyState("lock", self.tr("The account may do nothing but sign in"))
        self.rows = QStackedWidget()
        self.rows.addWidget(self.table)
        self.rows.addWidget(self.nothing)
        column.addWidget(self.rows, 1)
        column.addWidget(
            Label(
                self.tr(
                    "Whatever the account may do: this program sets every session read-only on "
                    "the server and sends only statements that read."
                ),
                "caption",
                wrap=True,
            )
        )
        return self._may

    def _build_less(self) -> QWidget:
        self._less = QWidget()
        column = QVBoxLayout(self._less)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        self.scope = Segments(
            [(_WHOLE, self.tr("Whole database")), (_CHOSEN, self.tr("Chosen tables"))],
            name="connections.rights.scope",
            label=self.tr("May search"),
        )
        self.scope.chosen.connect(self._change_scope)
        self.filter = SearchField(self.tr("Filter tables"), name="connections.rights.tables.filter")
        self.filter.textChanged.connect(self._filter_tables)
        head.addWidget(self.scope)
        head.addWidget(self.filter, 1)
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        self.tables = QListWidget()
        self.tables.setObjectName("connections.rights.tables")
        self.tables.setAccessibleName(self.tr("Tables that may be searched"))
        self.tables.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tables.itemChanged.connect(self._choose_tables)
        row.addWidget(self.tables, 2)
        self.statements = AccountStatements(
            self._session,
            self._build_work,
            name="connections.rights.statements",
            username=SEARCH_USER,
            file_name=f"{SEARCH_USER}.sql",
        )
        row.addWidget(self.statements, 5)
        column.addLayout(row, 1)
        self._show_scope()
        return self._less

    # ---- reading ---------------------------------------------------------------------------------

    @Slot()
    def read(self) -> None:
        """Ask the server."""
        services, actor = self._session.services, self._session.actor
        connection_id = self._connection.id

        def read(context: TaskContext) -> tuple[RightsReport, tuple[str, ...]]:
            report = services.rights.read_(actor, connection_id, context.token)
            try:
                schema = services.connections.schema_(actor, connection_id, context.token)
            except TenantError:
                if not report.missing:
                    raise
                # The account may not even use the database; what it lacks is shown all the same.
                return report, ()
            return report, tuple(table.name for table in schema.tables)

        self.refresh.setEnabled(False)
        self.pages.setCurrentWidget(self.busy)
        self._task.start(read)

    @Slot(object)
    def _take(self, found: tuple[RightsReport, tuple[str, ...]]) -> None:
        report, tables = found
        self._report = report
        self._reader.learn(self._connection, report)
        self.refresh.setEnabled(True)
        self._show_report(report)
        self._show_tables(tables)
        self._draw()

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self._report = None
        self.refresh.setEnabled(True)
        if isinstance(error, AltusError):
            self.failed.set("error", error_message(error), error_hint(error))
        else:
            self.failed.set("error", self.tr("Something unexpected happened."))
        self._draw()

    @Slot()
    def _draw(self) -> None:
        if self._task.running:
            return
        if self._report is None:
            self.pages.setCurrentWidget(self.failed)
        elif self.views.key == _MAY:
            self.pages.setCurrentWidget(self._may)
        else:
            self.pages.setCurrentWidget(self._less)
            self.statements.refresh()

    def _show_report(self, report: RightsReport) -> None:
        grants = report.grants
        facts = [
            self.tr("The server took us for {account}").format(account=grants.account),
            f"{grants.flavour.label} {grants.version}",
        ]
        if grants.roles:
            facts.append(self.tr("roles: {roles}").format(roles=", ".join(grants.roles)))
        self.account.setText("  ·  ".join(facts))
        hints = [remark_text(remark) for remark in cautions(report)]
        hints += grants.unread[:_UNREAD_SHOWN]
        if report.excess:
            hints.append(self.tr("“A smaller account” has the statements for one that may less."))
        self.message.show_message(
            report_kind(report), remark_text(verdict(report)), "\n".join(hints)
        )
        self.model.set_records(report.lines)
        self.table.setColumnHidden(_THROUGH, not any(line.role for line in report.lines))
        self.rows.setCurrentWidget(self.table if report.lines else self.nothing)

    # ---- a smaller account -----------------------------------------------------------------------

    def _show_tables(self, tables: tuple[str, ...]) -> None:
        chosen = set(self._chosen_tables())
        self.tables.blockSignals(True)  # they are not being chosen
        self.tables.clear()
        for table in tables:
            item = QListWidgetItem(table)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsSelectable)
            item.setToolTip("")
            state = Qt.CheckState.Checked if table in chosen else Qt.CheckState.Unchecked
            item.setCheckState(state)
            self.tables.addItem(item)
        self.tables.blockSignals(False)

    def _chosen_tables(self) -> tuple[str, ...]:
        items = (self.tables.item(row) for row in range(self.tables.count()))
        return tuple(item.text() for item in items if item.checkState() is Qt.CheckState.Checked)

    def _build_work(self, username: str, client_host: str) -> Work | None:
        report = self._report
        tables = self._chosen_tables() if self.scope.key == _CHOSEN else ()
        if report is None or (self.scope.key == _CHOSEN and not tables):
            return None
        rights, actor = self._session.services.rights, self._session.actor
        connection_id = self._connection.id

        def write(context: TaskContext) -> str:
            return rights.search_statements_(
                actor,
                connection_id,
                context.token,
                report=report,
                tables=tables,
                username=username,
                client_host=client_host,
            )

        return write

    @Slot()
    def _change_scope(self) -> None:
        self._show_scope()
        self.statements.refresh()

    def _show_scope(self) -> None:
        chosen = self.scope.key == _CHOSEN
        self.tables.setVisible(chosen)
        self.filter.setVisible(chosen)

    @Slot()
    def _choose_tables(self) -> None:
        self.statements.refresh()

    @Slot(str)
    def _filter_tables(self, text: str) -> None:
        wanted = text.strip().casefold()
        for row in range(self.tables.count()):
            item = self.tables.item(row)
            item.setHidden(wanted not in item.text().casefold())

    def done(self, result: int) -> None:
        """Stop asking."""
        self._task.drop()
        self.statements.shut()
        super().done(result)


def _build_model(parent: QObject) -> MarkedModel[RightLine]:
    return MarkedModel(
        [
            Column(_tr("How much"), lambda it: remark_text(Remark(WEIGHT_WORDS[it.weight]))),
            Column(
                _tr("It may"),
                _words,
                tool_tip=lambda it: f"{_words(it)} ({it.privilege})",
            ),
            Column(_tr("Where"), _place, tool_tip=_place),
            Column(_tr("Privilege"), lambda it: it.privilege, tool_tip=lambda it: it.privilege),
            Column(_tr("Through"), lambda it: it.role, tool_tip=lambda it: it.role),
        ],
        _HOW_MUCH,
        lambda it: _MARKS[it.weight],
        parent,
    )


def _words(line: RightLine) -> str:
    return remark_text(line.words)


def _place(line: RightLine) -> str:
    return remark_text(line.place)


def _tr(text: str) -> str:
    return QCoreApplication.translate("RightsDialog", text)
