"""The dialog that saves a search, and the one that gives a folder another path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from altus4_desktop.domain.saved_searches import (
    SHORTCUTS,
    SavedSearch,
    SavedSearchDraft,
    SavedSearchEntry,
)
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.form_dialog import FormDialog
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.search.saved import SavedSearches, shortcut_text
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import FormRow

_NAME_LENGTH = 30


class SaveSearchDialog(FormDialog):
    """Saves ``draft``, in the place of ``existing`` or as a new one; ``saved`` (SavedSearch)."""

    saved = Signal(object)

    def __init__(
        self,
        session: Session,
        book: SavedSearches,
        draft: SavedSearchDraft,
        existing: SavedSearch | SavedSearchEntry | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, name="search.save", parent=parent)
        self.entitle(self.tr("Save the search"), self.tr("Save"))
        self._draft = draft
        self._existing = existing
        summary = ElidedLabel(role="muted")
        summary.setText(self.tr("Query: {query}").format(query=one_line(draft.query)))
        self.column.addWidget(summary)
        self._name = QLineEdit(draft.name)
        self._name.setObjectName("search.save.name")
        self._name.setMaxLength(255)
        self.add_row("name", FormRow(self.tr("Name"), self._name))
        self._folder = QComboBox()
        self._folder.setObjectName("search.save.folder")
        self._folder.setEditable(True)
        self._folder.addItems(["", *book.folders])
        self._folder.setCurrentText(draft.folder)
        self.add_row(
            "folder",
            FormRow(
                self.tr("Folder"),
                self._folder,
                hint=self.tr("Choose one or type a new one; “/” puts folders in each other."),
            ),
        )
        self._shortcut = self._build_shortcuts(book.searches, session.actor.user_id)
        self.add_row("shortcut", FormRow(self.tr("Keys"), self._shortcut))
        self._alerts = self._build_box(
            self.tr("Tell me what has changed when I open it"), "search.save.alerts"
        )
        self._alerts.setChecked(draft.alerts)
        self._shared = self._build_box(
            self.tr("Share it: everybody sees it and only I change it"), "search.save.shared"
        )
        self._shared.setChecked(draft.is_shared)
        self._as_new = self._build_box(
            self.tr("Save as another search, and leave “{name}” as it is").format(
                name=_short(_name(existing)) if existing else ""
            ),
            "search.save.new",
        )
        self._as_new.setVisible(existing is not None)
        self.column.addStretch(1)
        self._name.setFocus()
        self._name.selectAll()

    def _build_box(self, text: str, name: str) -> QCheckBox:
        box = QCheckBox(text.replace("&", "&&"))
        box.setObjectName(name)
        box.setAccessibleName(text)
        self.column.addWidget(box)
        return box

    def _build_shortcuts(self, searches: Sequence[SavedSearchEntry], user_id: str) -> QComboBox:
        taken = {
            saved.shortcut: _short(saved.name)
            for saved in searches
            if saved.user_id == user_id and (not self._existing or saved.id != self._existing.id)
        }
        box = QComboBox()
        box.setObjectName("search.save.shortcut")
        box.addItem(self.tr("None"), None)
        for digit in SHORTCUTS:
            keys = shortcut_text(digit)
            text = (
                self.tr("{keys} (taken from “{name}”)").format(keys=keys, name=taken[digit])
                if digit in taken
                else keys
            )
            box.addItem(text, digit)
        box.setCurrentIndex(max(box.findData(self._draft.shortcut), 0))
        return box

    def send(self) -> None:
        """Save it."""
        service, actor = self.session.services.saved_searches, self.session.actor
        draft = replace(
            self._draft,
            name=self._name.text(),
            folder=self._folder.currentText(),
            shortcut=self._shortcut.currentData(),
            alerts=self._alerts.isChecked(),
            is_shared=self._shared.isChecked(),
        )
        existing = None if self._as_new.isChecked() else self._existing

        def work(_: TaskContext) -> SavedSearch:
            if existing is None:
                return service.create_(actor, draft)
            return service.update_(actor, existing, draft)

        self.run(work, self._take)

    @Slot(object)
    def _take(self, saved: SavedSearch) -> None:
        self.accept()
        self.saved.emit(saved)


class MoveFolderDialog(FormDialog):
    """Gives a folder another path; ``moved``: it has one."""

    moved = Signal()

    def __init__(self, session: Session, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(session, name="search.folder", parent=parent)
        self.entitle(self.tr("Rename or move the folder"), self.tr("Save"))
        self._before = folder
        self._path = QLineEdit(folder)
        self._path.setObjectName("search.folder.path")
        self.add_row(
            "folder",
            FormRow(
                self.tr("Folder"),
                self._path,
                hint=self.tr(
                    "“/” puts folders in each other. A folder that exists takes in what is in "
                    "this one; empty: all of it goes to the top."
                ),
            ),
        )
        self.column.addStretch(1)
        self._path.setFocus()
        self._path.selectAll()

    def send(self) -> None:
        """Move it."""
        service, actor = self.session.services.saved_searches, self.session.actor
        before, after = self._before, self._path.text()

        def work(_: TaskContext) -> int:
            return service.move_folder_(actor, before, after)

        self.run(work, self._take)

    @Slot(object)
    def _take(self, _: int) -> None:
        self.accept()
        self.moved.emit()


def _name(saved: SavedSearch | SavedSearchEntry) -> str:
    return saved.name if isinstance(saved, SavedSearchEntry) else saved.draft.name


def _short(name: str) -> str:
    line = one_line(name)
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"
