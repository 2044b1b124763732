"""Which connections and tables a search looks into: the choice, its tree, the pop-up around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QTreeView, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import SourceWeight, TableChoice
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Label, SearchField

AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Scope:
    """What is searched; ``left_out`` names connections, ``tables`` those searched in part.

    Connections made later are searched until they are left out.
    """

    left_out: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def as_document(self) -> dict[str, object]:
        """The scope as JSON can hold it."""
        tables = {key: sorted(names) for key, names in sorted(self.tables.items())}
        return {"left_out": sorted(self.left_out), "tables": tables}

    @classmethod
    def from_document(cls, document: object) -> Scope:
        """The scope of `as_document`; anything else means everything."""
        if not isinstance(document, dict):
            return cls()
        left_out, tables = document.get("left_out"), document.get("tables")
        return cls(
            frozenset(map(str, left_out)) if isinstance(left_out, list) else frozenset(),
            {
                str(key): frozenset(map(str, names))
                for key, names in tables.items()
                if isinstance(names, list)
            }
            if isinstance(tables, dict)
            else {},
        )

    def connection_ids(self, connections: Iterable[Connection]) -> tuple[str, ...]:
        """The connections to search; empty when all of them are, and all of their tables."""
        known = tuple(connections)
        wanted = tuple(c.id for c in known if c.id not in self.left_out)
        if len(wanted) == len(known) and not self.table_choices():
            return ()
        return wanted

    def table_choices(self) -> tuple[TableChoice, ...]:
        """The tables to search of connections that are searched in part."""
        return tuple(
            TableChoice(name, connection_id)
            for connection_id, names in sorted(self.tables.items())
            if connection_id not in self.left_out
            for name in sorted(names)
        )


class ScopeModel(QAbstractItemModel):
    """Connections with their searchable tables below, all with a box to check."""

    scope_changed = Signal(object)
    weights_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scope = Scope()
        self._connections: tuple[Connection, ...] = ()
        self._tables: dict[str, tuple[str, ...]] = {}
        self._columns: dict[tuple[str, str], tuple[str, ...]] = {}
        self._weights: dict[tuple[str, str, str], SourceWeight] = {}
        self._problems: dict[str, AltusError] = {}
        self._filter = ""
        self._shown: list[tuple[Connection, tuple[str, ...]]] = []

    @property
    def scope(self) -> Scope:
        """The choice in force."""
        return self._scope

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Everything there is to choose from."""
        return self._connections

    def show(self, connections: Sequence[Connection], scope: Scope) -> None:
        """Offer these connections, with this choice."""
        self.beginResetModel()
        self._connections = tuple(sorted(connections, key=lambda c: c.name.casefold()))
        self._scope = scope
        self._arrange()
        self.endResetModel()

    def show_tables(self, connection_id: str, schema: DatabaseSchema) -> None:
        """Fill in what was read about a connection."""
        searched = [table for table in schema.tables if table.fulltext_indexes]
        names = tuple(table.name for table in searched)
        columns = {
            (connection_id, table.name): tuple(
                dict.fromkeys(name for index in table.fulltext_indexes for name in index.columns)
            )
            for table in searched
        }
        known = {key: found for key, found in self._columns.items() if key[0] == connection_id}
        if self._tables.get(connection_id) == names and known == columns:
            return
        self.beginResetModel()
        self._tables[connection_id] = names
        for key in known:
            del self._columns[key]
        self._columns.update(columns)
        self._problems.pop(connection_id, None)
        self._arrange()
        self.endResetModel()

    def show_problem(self, connection_id: str, error: AltusError) -> None:
        """Say why a connection's tables are not known."""
        self.beginResetModel()
        self._problems[connection_id] = error
        self._arrange()
        self.endResetModel()

    def set_filter(self, text: str) -> None:
        """Show only connections and tables whose name contains the text."""
        self.beginResetModel()
        self._filter = text.strip().casefold()
        self._arrange()
        self.endResetModel()

    def knows_tables(self, connection_id: str) -> bool:
        """Whether a connection's tables have been read."""
        return connection_id in self._tables

    def connection_at(self, index: AnyIndex) -> Connection | None:
        """The connection of a top row."""
        if not index.isValid() or index.internalId() != 0:
            return None
        return self._shown[index.row()][0]

    def row_of(self, connection_id: str, table: str = "") -> QModelIndex:
        """The row of a connection, or of one of its tables."""
        for row, (connection, tables) in enumerate(self._shown):
            if connection.id != connection_id:
                continue
            top = self.index(row, 0)
            if not table:
                return top
            known = connection.id in self._tables and table in tables
            return self.index(tables.index(table), 0, top) if known else QModelIndex()
        return QModelIndex()

    def place_at(self, index: AnyIndex) -> tuple[Connection, str] | None:
        """The connection of a row and its table, "" for the connection's own."""
        connection = self.connection_at(index)
        if connection is not None:
            return connection, ""
        if not index.isValid():
            return None
        table = self._table(index)
        return None if table is None else (self._shown[index.internalId() - 1][0], table)

    # What counts how much

    @property
    def weights(self) -> tuple[SourceWeight, ...]:
        """The weights that are not 1."""
        return tuple(self._weights.values())

    def columns(self, connection_id: str, table: str) -> tuple[str, ...]:
        """The columns of a table that are searched, as far as they are known."""
        return self._columns.get((connection_id, table), ())

    def weight(self, place: tuple[str, str, str]) -> float:
        """What a place counts."""
        found = self._weights.get(place)
        return 1.0 if found is None else found.weight

    def weigh(self, place: tuple[str, str, str], weight: float) -> None:
        """Let a place count so much."""
        weights = {key: one for key, one in self._weights.items() if key != place}
        if weight != 1:
            weights[place] = SourceWeight(*place, weight=weight)
        self.show_weights(tuple(weights.values()))

    def show_weights(self, weights: Sequence[SourceWeight]) -> None:
        """Let places count as much as ``weights`` say, all others 1."""
        found = {one.place: one for one in weights}
        if found == self._weights:
            return
        self._weights = found
        self._tell_all([Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole])
        self.weights_changed.emit()

    def _weighed(self, name: str, connection_id: str, table: str) -> str:
        weight = self.weight((connection_id, table, ""))
        marks = [f"×{weight:g}"] if weight != 1 else []
        columns = [
            one
            for one in self._weights.values()
            if one.column and one.place[:2] == (connection_id, table)
        ]
        if len(columns) == 1:
            marks.append(f"{columns[0].column} ×{columns[0].weight:g}")
        elif columns:
            marks.append(self.tr("{count} columns weighed").format(count=len(columns)))
        return f"{name}   {' · '.join(marks)}" if marks else name

    # What is searched

    def choose_all(self) -> None:
        """Search everything."""
        self.choose(Scope())

    def choose_none(self) -> None:
        """Leave everything out, to pick a few."""
        self.choose(Scope(frozenset(c.id for c in self._connections)))

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's default
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: AnyIndex = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008 - QObject.parent() shares the name
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        if not parent.isValid():
            return len(self._shown)
        if parent.internalId() != 0:
            return 0
        connection, tables = self._shown[parent.row()]
        return len(tables) if connection.id in self._tables and tables else 1

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 1

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if index.internalId() != 0 and self._table(index) is None:
            return Qt.ItemFlag.ItemNeverHasChildren
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return plain | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        top = index.internalId() == 0
        table = None if top else self._table(index)
        connection = self._shown[index.row() if top else index.internalId() - 1][0]
        answer: object = None
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                name = connection.name if top else table
                answer = self._weighed(name, connection.id, table or "") if name else None
                answer = answer or self._note(connection.id)
            case Qt.ItemDataRole.ToolTipRole:
                answer = plain_tool_tip(self._explanation(connection, table, top=top))
            case Qt.ItemDataRole.CheckStateRole if top:
                answer = self._state(connection.id)
            case Qt.ItemDataRole.CheckStateRole if table is not None:
                checked = table in self._chosen(connection.id)
                answer = Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.DecorationRole if top:
                answer = icon("database")
            case Qt.ItemDataRole.DecorationRole if table is not None:
                answer = icon("table")
        return answer

    def setData(self, index: AnyIndex, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        checked = Qt.CheckState(value) is not Qt.CheckState.Unchecked
        if index.internalId() == 0:
            self._choose_connection(self._shown[index.row()][0].id, checked=checked)
            return True
        table = self._table(index)
        if table is None:
            return False
        self._choose_table(self._shown[index.internalId() - 1][0].id, table, checked=checked)
        return True

    def _choose_connection(self, connection_id: str, *, checked: bool) -> None:
        left_out = self._scope.left_out - {connection_id}
        if not checked:
            left_out |= {connection_id}
        tables = {key: names for key, names in self._scope.tables.items() if key != connection_id}
        self.choose(Scope(left_out, tables))

    def _choose_table(self, connection_id: str, table: str, *, checked: bool) -> None:
        everything = frozenset(self._tables.get(connection_id, ()))
        names = self._chosen(connection_id) - {table}
        if checked:
            names |= {table}
        if not names:
            self._choose_connection(connection_id, checked=False)
            return
        tables = dict(self._scope.tables)
        tables.pop(connection_id, None)
        if names != everything:
            tables[connection_id] = names
        self.choose(
            replace(self._scope, left_out=self._scope.left_out - {connection_id}, tables=tables)
        )

    def choose(self, scope: Scope) -> None:
        """Search this from now on."""
        if scope == self._scope:
            return
        self._scope = scope
        self._tell_all([Qt.ItemDataRole.CheckStateRole])
        self.scope_changed.emit(scope)

    def _tell_all(self, roles: list[Qt.ItemDataRole]) -> None:
        for row in range(len(self._shown)):
            top = self.index(row, 0)
            self.dataChanged.emit(top, top, roles)
            last = self.index(self.rowCount(top) - 1, 0, top)
            self.dataChanged.emit(self.index(0, 0, top), last, roles)

    def _chosen(self, connection_id: str) -> frozenset[str]:
        if connection_id in self._scope.left_out:
            return frozenset()
        everything = frozenset(self._tables.get(connection_id, ()))
        return self._scope.tables.get(connection_id, everything)

    def _state(self, connection_id: str) -> Qt.CheckState:
        if connection_id in self._scope.left_out:
            return Qt.CheckState.Unchecked
        if connection_id in self._scope.tables:
            return Qt.CheckState.PartiallyChecked
        return Qt.CheckState.Checked

    def _table(self, index: AnyIndex) -> str | None:
        connection, tables = self._shown[index.internalId() - 1]
        if connection.id not in self._tables or index.row() >= len(tables):
            return None
        return tables[index.row()]

    def _note(self, connection_id: str) -> str:
        problem = self._problems.get(connection_id)
        if problem is not None:
            return error_message(problem)
        if connection_id in self._tables:
            return self.tr("No table with a FULLTEXT index")
        return self.tr("Reading tables…")

    def _explanation(self, connection: Connection, table: str | None, *, top: bool) -> str:
        if top:
            return f"{connection.name}\n{connection.host}:{connection.port} / {connection.database}"
        problem = self._problems.get(connection.id)
        if table is None and problem is not None:
            return f"{error_message(problem)}\n{error_hint(problem)}".strip()
        return table or ""

    def _arrange(self) -> None:
        shown = []
        for connection in self._connections:
            tables = self._tables.get(connection.id, ())
            if self._filter and self._filter not in connection.name.casefold():
                tables = tuple(name for name in tables if self._filter in name.casefold())
                if not tables:
                    continue
            shown.append((connection, tables))
        self._shown = shown


class ScopePopup(QFrame):
    """A filter and the tree, opened below a button; Escape closes it."""

    tables_wanted = Signal(str)
    closed = Signal()

    def __init__(self, model: ScopeModel, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("search.scope.popup")
        self.setAccessibleName(self.tr("What to search"))
        self.setProperty("surface", "raised")
        self._model = model
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.M, Space.M, Space.M, Space.M)
        column.setSpacing(Space.S)
        self.filter = SearchField(
            self.tr("Filter connections and tables"), name="search.scope.filter"
        )
        self.filter.textChanged.connect(self._filter_rows)
        column.addWidget(self.filter)
        self.tree = QTreeView()
        self.tree.setObjectName("search.scope.tree")
        self.tree.setAccessibleName(self.tr("Connections and tables to search"))
        self.tree.setProperty("kind", "plain")
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setModel(model)
        self.tree.expanded.connect(self._want_tables)
        self.filter.left_downwards.connect(self.tree.setFocus)
        column.addWidget(self.tree, 1)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        everything = Button(self.tr("Everything"), "quiet", name="search.scope.all")
        everything.clicked.connect(model.choose_all)
        nothing = Button(self.tr("Nothing"), "quiet", name="search.scope.none")
        nothing.clicked.connect(model.choose_none)
        done = Button(self.tr("Done"), name="search.scope.done")
        done.clicked.connect(self.close)
        row.addWidget(everything)
        row.addWidget(nothing)
        row.addStretch(1)
        row.addWidget(done)
        column.addLayout(row)
        note = Label(
            self.tr("Only tables with a FULLTEXT index can be searched."), "caption", wrap=True
        )
        column.insertWidget(1, note)
        self._open_ids: set[str] = set()
        self.tree.collapsed.connect(self._note_collapsed)
        model.modelReset.connect(self._restore_open)
        self._column = column
        self._current = ("", "")
        self.tree.selectionModel().currentChanged.connect(self._note_current)

    def add_below_tree(self, widget: QWidget, fields: Sequence[QWidget]) -> None:
        """Put what acts on the current row between the tree and the buttons; ``fields`` take the
        keyboard one after the other."""
        self._column.insertWidget(self._column.indexOf(self.tree) + 1, widget)
        last: QWidget = self.tree
        for field_ in fields:
            self.setTabOrder(last, field_)
            last = field_

    def open_below(self, button: QWidget) -> None:
        """Open under the button, as tall as the screen allows."""
        corner = button.mapToGlobal(QPoint(0, button.height() + Space.XS))
        screen = button.screen().availableGeometry()
        width = 380
        height = min(460, max(240, screen.bottom() - corner.y() - Space.L))
        left = max(screen.left(), min(corner.x(), screen.right() - width))
        self.setGeometry(left, corner.y(), width, height)
        self.show()
        self.filter.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
            return
        super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that the choice is made."""
        super().hideEvent(event)
        self.filter.clear()
        self.closed.emit()

    @Slot(str)
    def _filter_rows(self, text: str) -> None:
        self._model.set_filter(text)
        if text.strip():
            for connection in self._model.connections:
                if not self._model.knows_tables(connection.id):
                    self.tables_wanted.emit(connection.id)
            self.tree.expandAll()

    @Slot(QModelIndex)
    def _want_tables(self, index: QModelIndex) -> None:
        connection = self._model.connection_at(index)
        if connection is None:
            return
        self._open_ids.add(connection.id)
        if not self._model.knows_tables(connection.id):
            self.tables_wanted.emit(connection.id)

    @Slot(QModelIndex)
    def _note_collapsed(self, index: QModelIndex) -> None:
        connection = self._model.connection_at(index)
        if connection is not None:
            self._open_ids.discard(connection.id)

    @Slot()
    def _restore_open(self) -> None:
        for connection_id in tuple(self._open_ids):
            self.tree.setExpanded(self._model.row_of(connection_id), True)
        self.tree.setCurrentIndex(self._model.row_of(*self._current))

    @Slot(QModelIndex)
    def _note_current(self, index: QModelIndex) -> None:
        found = self._model.place_at(index)
        if found is not None:
            self._current = (found[0].id, found[1])
