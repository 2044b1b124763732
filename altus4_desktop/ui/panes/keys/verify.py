"""A box for a key from elsewhere: whether it holds, and what it may do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.keys import KeyAnswer, KeyReport
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.keys.wording import (
    answer_words,
    expiry_words,
    limit_words,
    named,
    permissions_words,
)
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Button,
    Card,
    IconButton,
    InlineMessage,
    Label,
    MessageKind,
    PasswordField,
)

_KINDS: dict[KeyAnswer, MessageKind] = {
    KeyAnswer.VALID: "success",
    KeyAnswer.EXPIRED: "warning",
    KeyAnswer.REVOKED: "error",
    KeyAnswer.MALFORMED: "error",
    KeyAnswer.UNKNOWN: "error",
}


class VerifyBox(Card):
    """Reads a key at once when it is pasted, or at Enter, and empties the field before anything
    else is done with it."""

    closed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.M, spacing=Space.S, parent=parent)
        self.setObjectName("keys.verify.box")
        self._keys = session.services.keys
        self._length = 0
        self._asking = LatestTask(session.runner, Lane.TENANTS, self)
        self._asking.succeeded.connect(self._show_report)
        self._asking.failed.connect(self._show_failure)
        self.field = PasswordField(name="keys.verify.text", label=self.tr("Key to verify"))
        self.field.setPlaceholderText(self.tr("Paste a key: it is looked up and not kept"))
        self.field.textEdited.connect(self._take_edit)
        self.field.returnPressed.connect(self.verify)
        ask = Button(self.tr("Verify"), name="keys.verify.ask")
        ask.clicked.connect(self.verify)
        close = IconButton("close", self.tr("Close"), name="keys.verify.close", size=16)
        close.clicked.connect(self.close_)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(Label(self.tr("Verify a key"), "strong"))
        row.addWidget(self.field, 1)
        row.addWidget(ask)
        row.addWidget(close)
        self.body.addLayout(row)
        self.answer = InlineMessage(name="keys.verify.answer", closable=False)
        self.body.addWidget(self.answer)
        self.hide()

    @Slot()
    def open_(self) -> None:
        """Come up, empty."""
        self._empty()
        self.answer.clear()
        self.show()
        self.field.setFocus()

    @Slot()
    def close_(self) -> None:
        """Go away, and forget what was asked."""
        self._empty()
        self.drop()
        self.answer.clear()
        self.hide()
        self.closed.emit()

    def drop(self) -> None:
        """Nobody waits for an answer any more."""
        self._asking.drop()

    @Slot()
    def verify(self) -> None:
        """Read the field, empty it, and ask what that text is."""
        key_secret = self.field.text()
        self._empty()
        if not key_secret.strip():
            return
        self.answer.clear()
        keys = self._keys

        def ask(_: TaskContext) -> KeyReport:
            return keys.verify_(key_secret)

        self._asking.start(ask)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_()
        else:
            super().keyPressEvent(event)

    @Slot(str)
    def _take_edit(self, text: str) -> None:
        # Nobody types several characters at once: this was pasted.
        pasted = len(text) > self._length + 1
        self._length = len(text)
        if pasted:
            self.verify()

    def _empty(self) -> None:
        self.field.forget()
        self._length = 0

    @Slot(object)
    def _show_report(self, report: KeyReport) -> None:
        parts = [report.reason]
        key, now = report.key, report.at
        if key is not None and now is not None:
            parts = [
                self.tr("“{name}” of {owner}.").format(name=named(key), owner=report.owner_email)
            ]
            parts.append(report.reason)
            if report.answer is KeyAnswer.VALID:
                may = self.tr("May: {permissions}. At most {limit}. Expires: {expiry}.")
                parts.append(
                    may.format(
                        permissions=permissions_words(report.allowed),
                        limit=limit_words(key.limit),
                        expiry=expiry_words(key, now),
                    )
                )
        self.answer.show_message(
            _KINDS[report.answer], answer_words(report.answer), " ".join(parts)
        )

    @Slot(object)
    def _show_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.answer.show_error(error)
