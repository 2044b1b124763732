"""The only time that the text of a key is shown."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.keys import MadeKey
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.secret_clipboard import KEPT_S, secret_clipboard
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label


class MadeKeyDialog(Dialog):
    """Shows a new key once; it closes only when somebody says that they have stored it."""

    def __init__(self, made: MadeKey, parent: QWidget | None) -> None:
        super().__init__("", name="keys.made", parent=parent)
        title = self.tr("Your new key")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.key = made.key
        self._text_secret = made.key_secret
        self._clipboard = secret_clipboard()
        head = QHBoxLayout()
        head.setSpacing(Space.L)
        head.addWidget(Icon("key", 28, "accent"), 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        texts.setSpacing(Space.S)
        texts.addWidget(Label(title, "title"))
        explanation = self.tr(
            "Store it now, where secrets belong. Nobody can show it again: only its beginning, "
            "{prefix}, is kept."
        ).format(prefix=made.key.prefix)
        texts.addWidget(Label(explanation, "muted", wrap=True))
        head.addLayout(texts, 1)
        self.body.addLayout(head)
        well = Card(surface="well", margin=Space.L)
        # Not selectable: on X11 a selection is a clipboard, too, and one that we do not clear.
        self.text = Label(made.key_secret, "mono")
        self.text.setObjectName("keys.made.text")
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        well.body.addWidget(self.text)
        self.body.addWidget(well)
        self.copy_button = Button(
            self.tr("Copy"), "primary", icon_name="copy", name="keys.made.copy"
        )
        self.copy_button.clicked.connect(self.copy)
        self.copied = Label("", "muted", wrap=True)
        self.copied.setObjectName("keys.made.copied")
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(self.copy_button)
        row.addWidget(self.copied, 1)
        self.body.addLayout(row)
        self.stored = QCheckBox(self.tr("I have stored it"))
        self.stored.setObjectName("keys.made.stored")
        self.stored.setAccessibleName(self.stored.text())
        self.stored.toggled.connect(self._allow)
        self.body.addWidget(self.stored)
        self.body.addStretch(1)
        self.close_button = Button(self.tr("Close"), name="keys.made.close")
        self.close_button.clicked.connect(self.reject)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.close_button)
        self._clipboard.ticked.connect(self._show_time)
        self._explain()
        self._allow()
        self.copy_button.setDefault(True)
        self.copy_button.setFocus()

    @Slot()
    def copy(self) -> None:
        """Put the key on the clipboard for a while."""
        self._clipboard.copy(self._text_secret)

    def reject(self) -> None:
        """Close, but not before it has been stored."""
        if self.stored.isChecked():
            super().reject()
        else:
            self.stored.setFocus()

    def done(self, result: int) -> None:
        """Forget the key; on the clipboard it has its time still."""
        self._text_secret = ""
        self.text.clear()
        self._clipboard.ticked.disconnect(self._show_time)
        super().done(result)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The keys for copying copy it, as if it were selected."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _allow(self) -> None:
        self.close_button.setEnabled(self.stored.isChecked())

    @Slot(int)
    def _show_time(self, seconds: int) -> None:
        if seconds:
            text = self.tr("On the clipboard for {count} s more").format(count=seconds)
            self.copied.setText(text)
        else:
            self.copied.setText(self.tr("Not on the clipboard any more"))

    def _explain(self) -> None:
        self.copied.setText(
            self.tr("It stays on the clipboard for {count} s.").format(count=KEPT_S)
        )
