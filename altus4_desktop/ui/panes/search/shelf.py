"""The dialog in which saved searches are looked through, changed, moved and deleted."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QLocale, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.custom_metrics import CustomMetric, CustomMetricDraft, MetricSource
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.saved_searches import MOST_SHARED, SavedSearch, SavedSearchEntry
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.analytics.metric_form import MetricForms
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.saved import SavedSearches, shortcut_text
from altus4_desktop.ui.panes.search.saving import MoveFolderDialog, SaveSearchDialog
from altus4_desktop.ui.panes.search.wording import one_line
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button, InlineMessage, Label, SearchField

_ID = Qt.ItemDataRole.UserRole
_FOLDER = Qt.ItemDataRole.UserRole + 1
_SIZE = QSize(760, 520)


class SavedShelf(Dialog):
    """One's own searches by folder, then what others share; ``opened`` carries an id."""

    opened = Signal(str)

    def __init__(
        self, session: Session, book: SavedSearches, parent: QWidget | None = None
    ) -> None:
        super().__init__("", name="search.shelf", parent=parent)
        self.setWindowTitle(self.tr("Saved searches"))
        self.setAccessibleName(self.tr("Saved searches"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.session = session
        self._book = book
        self._deleted: list[SavedSearch] = []
        self._forms = MetricForms(session, self)
        self._forms.saved.connect(self._show_watched)
        self._forms.failed.connect(self._show_error)
        self.body.addWidget(Label(self.tr("Saved searches"), "title"))
        self.message = InlineMessage(name="search.shelf.message")
        self.body.addWidget(self.message)
        self.filter = SearchField(self.tr("Filter by name or query"), name="search.shelf.filter")
        self.body.addWidget(self.filter)
        self.tree = self._build_tree()
        self.body.addWidget(self.tree, 1)
        self.empty = Label(
            self.tr("Nothing is saved yet. Type a query and press Ctrl+S."), "muted", wrap=True
        )
        self.body.addWidget(self.empty)
        self.most = Label(
            self.tr("Of what others share, the newest {count} are listed.").format(
                count=QLocale().toString(MOST_SHARED)
            ),
            "muted",
            wrap=True,
        )
        self.body.addWidget(self.most)
        self._build_buttons()
        self._connect()
        self.resize(self.fitting(_SIZE))
        self._fill()
        self.filter.setFocus()

    def _build_tree(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setObjectName("search.shelf.list")
        tree.setAccessibleName(self.tr("Saved searches by folder"))
        tree.setHeaderLabels(
            [self.tr("Name"), self.tr("Query"), self.tr("Keys"), self.tr("Shared")]
        )
        tree.setUniformRowHeights(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for column, width in ((0, 240), (2, 64), (3, 120)):
            header.resizeSection(column, width)
        return tree

    def _build_buttons(self) -> None:
        self.edit_button = Button(self.tr("Edit…"), icon_name="edit", name="search.shelf.edit")
        self.folder_button = Button(
            self.tr("Rename folder…"), icon_name="folder", name="search.shelf.folder"
        )
        self.delete_button = Button(
            self.tr("Delete"), icon_name="trash", name="search.shelf.delete"
        )
        self.watch_button = Button(self.tr("Watch…"), icon_name="trend", name="search.shelf.watch")
        self.watch_button.setToolTip(
            self.tr("Watch the number of hits, looked up once a day, as a metric")
        )
        self.watch_button.setAccessibleName(self.tr("Watch the number of hits"))
        self.close_button = Button(self.tr("Close"), name="search.shelf.close")
        self.open_button = Button(
            self.tr("Open"), "primary", icon_name="search", name="search.shelf.open"
        )
        self.open_button.setDefault(True)
        for button in (
            self.edit_button,
            self.folder_button,
            self.delete_button,
            self.watch_button,
        ):
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.close_button)
        self.buttons.addWidget(self.open_button)

    def _connect(self) -> None:
        self._book.changed.connect(self._fill)
        self._book.deleted.connect(self._offer_undo)
        self._book.failed.connect(self._show_error)
        self.filter.textChanged.connect(self._fill)
        self.filter.left_downwards.connect(self._enter_list)
        self.tree.currentItemChanged.connect(self._show_possible)
        self.tree.itemActivated.connect(self._open)
        self.open_button.clicked.connect(self._open)
        self.edit_button.clicked.connect(self._edit)
        self.watch_button.clicked.connect(self._watch)
        self.folder_button.clicked.connect(self._move_folder)
        self.delete_button.clicked.connect(self._delete)
        self.close_button.clicked.connect(self.reject)
        for keys, act in (("Delete", self._delete), ("F2", self._rename)):
            shortcut = QShortcut(QKeySequence(keys), self.tree)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    # The list

    @Slot()
    def _fill(self) -> None:
        kept = self._chosen_key()
        wanted = self.filter.text().strip().casefold()
        self.tree.clear()
        folders: dict[str, QTreeWidgetItem] = {}
        shared: QTreeWidgetItem | None = None
        for saved in sorted(self._book.searches, key=self._book.is_own, reverse=True):
            if wanted and wanted not in f"{saved.name}\n{saved.query}".casefold():
                continue
            if self._book.is_own(saved):
                above = self._folder(saved.folder, folders)
            else:
                if shared is None:
                    shared = self._add(self.tree.invisibleRootItem(), self.tr("Shared by others"))
                above = shared
            self._add_search(above, saved)
        self.tree.expandAll()
        rows = list(self._items())
        self.empty.setVisible(not self._book.searches)
        others = sum(not self._book.is_own(saved) for saved in self._book.searches)
        self.most.setVisible(others >= MOST_SHARED)
        chosen = next((item for item in rows if _key(item) == kept), None)
        first = next((item for item in rows if item.data(0, _ID)), None)
        if rows:
            self.tree.setCurrentItem(chosen or first or rows[0])
        self._show_possible()

    def _add_search(self, above: QTreeWidgetItem, saved: SavedSearchEntry) -> None:
        item = QTreeWidgetItem(above, [one_line(saved.name), one_line(saved.query)[:200]])
        item.setData(0, _ID, saved.id)
        item.setIcon(0, icon("search"))
        item.setToolTip(0, plain_tool_tip(saved.name))
        item.setToolTip(1, plain_tool_tip(saved.query))
        if self._book.is_own(saved):
            item.setText(2, shortcut_text(saved.shortcut) if saved.shortcut else "")
            item.setText(3, self.tr("by me") if saved.is_shared else "")
        else:
            item.setText(3, self.tr("by {name}").format(name=one_line(saved.owner)))

    def _folder(self, path: str, folders: dict[str, QTreeWidgetItem]) -> QTreeWidgetItem:
        if not path:
            return self.tree.invisibleRootItem()
        if path not in folders:
            above, _, name = path.rpartition("/")
            folders[path] = self._add(self._folder(above, folders), name)
            folders[path].setData(0, _FOLDER, path)
        return folders[path]

    @staticmethod
    def _add(above: QTreeWidgetItem, name: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(above, [one_line(name)])
        item.setIcon(0, icon("folder"))
        return item

    def _items(self, above: QTreeWidgetItem | None = None) -> Iterator[QTreeWidgetItem]:
        root = above or self.tree.invisibleRootItem()
        for row in range(root.childCount()):
            item = root.child(row)
            if item is not None:
                yield item
                yield from self._items(item)

    def _chosen_key(self) -> tuple[object, object] | None:
        item = self.tree.currentItem()
        return None if item is None else _key(item)

    @property
    def _chosen(self) -> SavedSearchEntry | None:
        item = self.tree.currentItem()
        return None if item is None else self._book.find(str(item.data(0, _ID)))

    @property
    def _chosen_folder(self) -> str:
        item = self.tree.currentItem()
        folder = None if item is None else item.data(0, _FOLDER)
        return folder if isinstance(folder, str) else ""

    @Slot()
    def _show_possible(self) -> None:
        saved = self._chosen
        own = saved is not None and self._book.is_own(saved)
        is_admin = self.session.actor.role is Role.ADMIN
        self.open_button.setEnabled(saved is not None)
        self.edit_button.setEnabled(own)
        self.watch_button.setEnabled(saved is not None and saved.mode is not SearchMode.SEMANTIC)
        self.folder_button.setEnabled(bool(self._chosen_folder))
        self.delete_button.setEnabled(
            own or bool(self._chosen_folder) or (saved is not None and is_admin)
        )

    @Slot()
    def _enter_list(self) -> None:
        self.tree.setFocus(Qt.FocusReason.TabFocusReason)

    # What can be done

    @Slot()
    def _open(self) -> None:
        saved = self._chosen
        if saved is not None:
            self.accept()
            self.opened.emit(saved.id)

    @Slot()
    def _edit(self) -> None:
        saved = self._chosen
        if saved is not None and self._book.is_own(saved):
            self._book.fetch(saved.id, self._edit_whole)

    @Slot(object)
    def _edit_whole(self, saved: SavedSearch) -> None:
        dialog = SaveSearchDialog(self.session, self._book, saved.draft, saved, self)
        dialog.entitle(self.tr("Edit the saved search"), self.tr("Save"))
        dialog.saved.connect(self._book.read)
        dialog.open()

    @Slot()
    def _watch(self) -> None:
        saved = self._chosen
        if saved is None or saved.mode is SearchMode.SEMANTIC:
            return
        self._forms.open(
            CustomMetricDraft(saved.name, MetricSource.SAVED_SEARCH, saved_search_id=saved.id)
        )

    @Slot(object)
    def _show_watched(self, made: CustomMetric) -> None:
        text = self.tr("“{name}” is counted from now on.")
        self.message.show_message(
            "success",
            text.format(name=one_line(made.draft.name)[:80]),
            self.tr("Its chart is the last one of the analytics."),
        )

    @Slot()
    def _rename(self) -> None:
        if self._chosen_folder:
            self._move_folder()
        else:
            self._edit()

    @Slot()
    def _move_folder(self) -> None:
        if self._chosen_folder:
            dialog = MoveFolderDialog(self.session, self._chosen_folder, self)
            dialog.moved.connect(self._book.read)
            dialog.open()

    @Slot()
    def _delete(self) -> None:
        if not self.delete_button.isEnabled():
            return
        saved, folder = self._chosen, self._chosen_folder
        if saved is not None:
            self._book.delete([saved])
        elif folder:
            self._book.delete(
                one
                for one in self._book.searches
                if self._book.is_own(one) and f"{one.folder}/".startswith(f"{folder}/")
            )

    @Slot(object)
    def _offer_undo(self, deleted: list[SavedSearch]) -> None:
        self._deleted = [saved for saved in deleted if self._book.is_own(saved)]
        text = self.tr("Deleted {count} saved searches.").format(count=len(deleted))
        if len(deleted) == 1:
            text = self.tr("Deleted “{name}”.").format(name=one_line(deleted[0].draft.name)[:80])
        actions = [(self.tr("Undo"), self._undo)] if self._deleted else []
        self.message.show_message("success", text, "", actions)

    @Slot()
    def _undo(self) -> None:
        self.message.clear()
        self._book.restore(self._deleted)
        self._deleted = []

    @Slot(object)
    def _show_error(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.message.show_error(error)


def _key(item: QTreeWidgetItem) -> tuple[object, object]:
    return item.data(0, _ID), item.data(0, _FOLDER)
