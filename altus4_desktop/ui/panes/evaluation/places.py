"""Which connections and tables one way to search looks into."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt, Slot
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.panes.search.scope import Scope, ScopeModel
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button, Label, SearchField

_SIZE = QSize(460, 480)
_ROW_HEIGHT = 28
AnyIndex = QModelIndex | QPersistentModelIndex


class RoomyRows(QStyledItemDelegate):
    """Rows with room around their boxes."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """As wide as the text, and never low."""
        return super().sizeHint(option, index).expandedTo(QSize(0, _ROW_HEIGHT))


class PlacesDialog(Dialog):
    """A filter and a tree of boxes; ``scope`` is the choice once it is accepted, ``schemas`` what
    was read meanwhile, by the connections' ids."""

    def __init__(
        self,
        session: Session,
        title: str,
        connections: Sequence[Connection],
        scope: Scope,
        parent: QWidget,
    ) -> None:
        super().__init__(title, name="evaluation.places", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._reading: dict[str, LatestTask] = {}
        self._open_ids: set[str] = set()
        self.schemas: dict[str, DatabaseSchema] = {}
        self.model = ScopeModel(self)
        self.model.show(connections, scope)
        self.body.addWidget(Label(title, "title", wrap=True))
        self.filter = SearchField(
            self.tr("Filter connections and tables"), name="evaluation.places.filter"
        )
        self.filter.textChanged.connect(self._narrow)
        self.body.addWidget(self.filter)
        self.tree = QTreeView()
        self.tree.setObjectName("evaluation.places.tree")
        self.tree.setAccessibleName(self.tr("Connections and tables to search"))
        self.tree.setHeaderHidden(True)
        self.tree.setItemDelegate(RoomyRows(self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setModel(self.model)
        self.tree.expanded.connect(self._open)
        self.tree.collapsed.connect(self._close)
        self.model.modelReset.connect(self._restore_open)
        self.filter.left_downwards.connect(self.tree.setFocus)
        self.body.addWidget(self.tree, 1)
        for text, name, act in (
            (self.tr("Everything"), "evaluation.places.all", self.model.choose_all),
            (self.tr("Nothing"), "evaluation.places.none", self.model.choose_none),
        ):
            button = Button(text, "quiet", name=name)
            button.clicked.connect(act)
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)
        cancel = Button(self.tr("Cancel"), name="evaluation.places.cancel")
        cancel.clicked.connect(self.reject)
        self.accept_button = Button(
            self.tr("Search there"), "primary", name="evaluation.places.accept"
        )
        self.accept_button.setDefault(True)
        self.accept_button.clicked.connect(self.accept)
        self.buttons.addWidget(cancel)
        self.buttons.addWidget(self.accept_button)
        self.model.scope_changed.connect(self._allow)
        self._allow()
        self.resize(self.fitting(_SIZE))
        self.filter.setFocus()

    @property
    def scope(self) -> Scope:
        """What is chosen."""
        return self.model.scope

    @Slot()
    def _allow(self) -> None:
        left_out = self.model.scope.left_out
        anything = any(c.id not in left_out for c in self.model.connections)
        self.accept_button.setEnabled(anything)
        self.accept_button.setToolTip("" if anything else self.tr("Choose one place at least."))

    @Slot(str)
    def _narrow(self, text: str) -> None:
        self.model.set_filter(text)
        if text.strip():
            for connection in self.model.connections:
                self._read(connection.id)
            self.tree.expandAll()

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        connection = self.model.connection_at(index)
        if connection is not None:
            self._open_ids.add(connection.id)
            self._read(connection.id)

    @Slot(QModelIndex)
    def _close(self, index: QModelIndex) -> None:
        connection = self.model.connection_at(index)
        if connection is not None:
            self._open_ids.discard(connection.id)

    @Slot()
    def _restore_open(self) -> None:
        for connection_id in tuple(self._open_ids):
            self.tree.setExpanded(self.model.row_of(connection_id), True)

    def _read(self, connection_id: str) -> None:
        if self.model.knows_tables(connection_id) or connection_id in self._reading:
            return
        connections, actor = self._session.services.connections, self._session.actor

        def read(context: TaskContext) -> tuple[str, DatabaseSchema | AltusError]:
            try:
                return connection_id, connections.schema_(actor, connection_id, context.token)
            except AltusError as error:
                return connection_id, error

        task = LatestTask(self._session.runner, Lane.TENANTS, self)
        task.succeeded.connect(self._take)
        self._reading[connection_id] = task
        task.start(read)

    @Slot(object)
    def _take(self, answer: tuple[str, DatabaseSchema | AltusError]) -> None:
        connection_id, found = answer
        self._reading.pop(connection_id, None)
        if isinstance(found, AltusError):
            self.model.show_problem(connection_id, found)
        else:
            self.schemas[connection_id] = found
            self.model.show_tables(connection_id, found)

    def done(self, result: int) -> None:
        """Hear nothing more of what is being read."""
        for task in self._reading.values():
            task.drop()
        super().done(result)
