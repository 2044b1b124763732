"""One account of any number: the first ones are offered, any other is found by typing."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QListView, QWidget

from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.paged_filters import ChoiceBox
from altus4_desktop.ui.session import Session

OFFERED = 50
"""How many accounts are offered before anything is typed."""
_FOUND = 20
_TYPING_MS = 250
_LINE_MARGIN = 2
_KEY = Qt.ItemDataRole.UserRole


class AccountBox(ChoiceBox):
    """Everybody (""), or the account that was chosen, by its id.

    Typing asks for accounts with that text in their name or address; they are chosen from a list,
    or by Enter when there is but one. Escape, and leaving, bring back what was chosen.
    """

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, self.tr("Account"))
        self.setParent(parent)
        self._session = session
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.addItem(self.tr("Everybody"), "")
        self._line = QLineEdit()
        self.setLineEdit(self._line)
        # It keeps so much free beside its text, unlike boxes in which nothing is typed.
        self._line.setTextMargins(-_LINE_MARGIN, 0, 0, 0)
        self._line.setText(self.itemText(0))
        self._line.setPlaceholderText(self.itemText(0))
        self._line.setAccessibleName(self.accessibleName())
        hint = self.tr("Type a part of a name or an address to find an account")
        self._line.setAccessibleDescription(hint)
        self._line.setToolTip(hint)
        self._found = QStandardItemModel(self)
        completer = QCompleter(self._found, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setMaxVisibleItems(10)
        popup = self._popup = QListView()
        completer.setPopup(popup)
        popup.setObjectName(f"{name}.found")
        popup.setAccessibleName(self.tr("Accounts that were found"))
        completer.activated.connect(self._choose_address)
        self._completer = completer
        self._line.setCompleter(completer)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self._ask)
        self._reading = LatestTask(session.runner, Lane.METADATA, self)
        self._reading.succeeded.connect(self._take)
        self._is_decided = False
        self._line.textEdited.connect(self._take_typing)
        self._line.editingFinished.connect(self._settle)

    def offer(self, addresses: Mapping[str, str], chosen: str | None = None) -> None:
        """Offer these by id; ``chosen`` is chosen, None: what is chosen and what is being typed
        stay."""
        words, typed = self.itemText(self.currentIndex()), self._line.text()
        is_typing = self._is_typing
        if chosen is None:
            chosen = str(self.currentData())
        elif chosen != self.currentData():
            words = "…"
        self.blockSignals(True)
        while self.count() > 1:
            self.removeItem(1)
        for key, address in addresses.items():
            self.addItem(address, key)
        if self.findData(chosen) < 0:
            # What is asked for stays asked for, even of what is gone.
            self.addItem(words, chosen)
        self.setCurrentIndex(max(0, self.findData(chosen)))
        self.blockSignals(False)
        self._line.setText(typed if is_typing else self.itemText(self.currentIndex()))

    def drop(self) -> None:
        """Ask for nothing more."""
        self._typing.stop()
        self._reading.drop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter takes what was typed, which is not yet to be the end of a form, Escape takes it
        back."""
        if self._is_typing and event.key() == Qt.Key.Key_Escape:
            self._restore()
            return
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if self._is_typing and is_enter and not self._popup.currentIndex().isValid():
            self._decide()
            return
        # Of the list one is chosen by who shows it.
        super().keyPressEvent(event)

    @property
    def _is_typing(self) -> bool:
        return self._line.text() != self.itemText(self.currentIndex())

    @Slot()
    def _take_typing(self) -> None:
        self._is_decided = False
        self._found.clear()
        self._reading.drop()
        if self._line.text().strip():
            self._typing.start()
        else:
            self._typing.stop()

    @Slot()
    def _ask(self) -> None:
        accounts, actor = self._session.services.accounts, self._session.actor
        text = self._line.text().strip()

        def read(_: TaskContext) -> tuple[str, Mapping[str, str]]:
            return text, accounts.list_addresses(actor, text, limit=_FOUND + 1)

        self._reading.start(read)

    @Slot(object)
    def _take(self, answer: tuple[str, Mapping[str, str]]) -> None:
        text, addresses = answer
        if text != self._line.text().strip() or not self._is_typing:
            return
        self._found.clear()
        for key, address in [*addresses.items()][:_FOUND]:
            item = QStandardItem(address)
            item.setData(key, _KEY)
            self._found.appendRow(item)
        only = len(addresses) == 1
        if only and self._is_decided:
            self._choose(*next(iter(addresses.items())))
            return
        said = ""
        if not addresses:
            said = self.tr("No account fits")
        elif len(addresses) > _FOUND:
            said = self.tr("There are more: type on")
        if said:
            item = QStandardItem(said)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self._found.appendRow(item)
        if self.hasFocus() or self._line.hasFocus():
            self._completer.complete()

    def _decide(self) -> None:
        """Take the only one that fits, as soon as it is known which."""
        if not self._is_typing:
            return
        if not self._line.text().strip():
            self._choose("", self.itemText(0))
        elif self._typing.isActive() or self._reading.running:
            self._is_decided = True
            if self._typing.isActive():
                self._typing.stop()
                self._ask()
        elif self._found.rowCount() == 1 and self._found.item(0).isEnabled():
            self._choose_address(self._found.item(0).text())
        else:
            self._completer.complete()

    @Slot()
    def _settle(self) -> None:
        """The keyboard is elsewhere: what was typed and not chosen goes."""
        if self.hasFocus() or self._line.hasFocus() or not self._is_typing:
            return
        if self._line.text().strip():
            self._restore()
        else:
            self._choose("", self.itemText(0))

    @Slot(str)
    def _choose_address(self, address: str) -> None:
        for item in self._found.findItems(address):
            if isinstance(key := item.data(_KEY), str):
                self._choose(key, address)
                return

    def _choose(self, key: str, address: str) -> None:
        self.drop()
        if self.findData(key) < 0:
            self.addItem(address, key)
        self.setCurrentIndex(self.findData(key))
        self._restore()

    def _restore(self) -> None:
        self.drop()
        self._is_decided = False
        self._found.clear()
        self._line.setText(self.itemText(self.currentIndex()))
