"""The statements for the account of this shared store."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QWidget

from altus4_desktop.services.rights import STORE_USER
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.panes.statements import AccountStatements, Work
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button, Label


class StoreAccountDialog(Dialog):
    """CREATE USER and GRANT for the account that all desktops use with this store."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        title = "An account for this store"
        super().__init__(title, name="store.account.dialog", parent=parent)
        self.setWindowTitle(self.tr(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.body.addWidget(
            Label(
                self.tr(
                    "All that everybody's desktop needs from day to day: the audit log can only "
                    "be added to, and tables cannot be changed. After an upgrade the statements "
                    "are run again, for tables that are new."
                ),
                "muted",
                wrap=True,
            )
        )
        self.statements = AccountStatements(
            session,
            self._build_work,
            name="store.account",
            username=STORE_USER,
            file_name=f"{STORE_USER}.sql",
        )
        self.body.addWidget(self.statements, 1)
        close = Button(self.tr("Close"), name="store.account.close")
        close.clicked.connect(self.accept)
        self.buttons.addStretch(1)
        self.buttons.addWidget(close)
        self.resize(self.sizeHint())
        self.statements.refresh()

    def sizeHint(self) -> QSize:
        """As large as the window behind allows."""
        return self.fitting(QSize(780, 560))

    def done(self, result: int) -> None:
        """Hear nothing more of the statements."""
        self.statements.shut()
        super().done(result)

    def _build_work(self, username: str, client_host: str) -> Work | None:
        rights = self._session.services.rights

        def write(_: TaskContext) -> str:
            return rights.store_statements_(username=username, client_host=client_host)

        return write
