"""What is known of the rights of a connection's account, and its line on the card."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.rights import RightsReport, Weight
from altus4_desktop.services.rights_words import verdict
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    Icon,
)
from altus4_desktop.ui.widgets.states import MessageKind


def report_kind(report: RightsReport) -> MessageKind:
    """How loud a report is said."""
    if report.missing or report.weight >= Weight.CHANGES:
        return "warning"
    return "success" if report.is_minimal else "info"


class RightsReader(QObject):
    """Reads what the account of a connection may do, once until something about it changes.

    ``changed`` says that `find` answers something else now.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._known: dict[str, tuple[Connection, RightsReport]] = {}
        self._wanted: Connection | None = None
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._take)

    def find(self, connection: Connection) -> RightsReport | None:
        """What is known of the connection as it is now."""
        known = self._known.get(connection.id)
        return known[1] if known is not None and _same_account(known[0], connection) else None

    def learn(self, connection: Connection, report: RightsReport) -> None:
        """Somebody else has read it."""
        if self.find(connection) != report:
            self._known[connection.id] = (connection, report)
            self.changed.emit()

    def want(self, connection: Connection) -> None:
        """Read it unless it is known; a server that does not tell is asked again the next time."""
        if self.find(connection) is not None:
            return
        rights, actor = self._session.services.rights, self._session.actor
        self._wanted = connection
        connection_id = connection.id

        def read(context: TaskContext) -> RightsReport:
            return rights.read_(actor, connection_id, context.token)

        self._task.start(read)

    def shut(self) -> None:
        """Hear nothing more of it."""
        self._task.drop()

    @Slot(object)
    def _take(self, report: RightsReport) -> None:
        if self._wanted is not None:
            self.learn(self._wanted, report)


def _same_account(one: Connection, other: Connection) -> bool:
    return (one.host, one.port, one.database, one.username, one.ssh, one.password_sealed) == (
        other.host,
        other.port,
        other.database,
        other.username,
        other.ssh,
        other.password_sealed,
    )


class RightsLine(QWidget):
    """The account's rights in one line, and the button that shows them all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        self._icon = Icon("shield", 16)
        self.words = ElidedLabel(role="caption")
        self.words.setObjectName("connections.rights.summary")
        self.button = Button(self.tr("Rights…"), "link", name="connections.rights")
        self.button.setToolTip(self.tr("What the account may do (Ctrl+R)"))
        row.addWidget(self._icon)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)

    def show_report(self, report: RightsReport | None) -> None:
        """Say what is known; None is nothing yet."""
        if report is None:
            self._icon.set_icon("shield", "muted")
            self.words.setText(self.tr("What the account may do is not known yet."))
            return
        icon_name, role = {
            "success": ("check-circle", "success"),
            "info": ("info", "accent"),
            "warning": ("warning", "warning"),
        }[report_kind(report)]
        self._icon.set_icon(icon_name, role)
        self.words.setText(remark_text(verdict(report)))
