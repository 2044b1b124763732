"""How and where a query searches: mode, scope, order, hits a page, and whether details show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from PySide6.QtCore import QSignalBlocker, QSize, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from altus4_desktop.domain.accounts import PAGE_SIZES, Preferences
from altus4_desktop.domain.connections import Connection, Environment
from altus4_desktop.domain.saved_searches import FoundScope
from altus4_desktop.domain.search_drafts import SearchDraft
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.memory import PaneMemory
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.languages import fill_languages
from altus4_desktop.ui.panes.search.model import HitOrder
from altus4_desktop.ui.panes.search.scope import Scope, ScopeModel, ScopePopup
from altus4_desktop.ui.panes.search.weighing import WeightStrip
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, IconButton, Segments

_NAME_LENGTH = 14
_MOST_COLUMNS = 60
_COLUMN = "column:"


class OptionsRow(QWidget):
    """The choices of one search.

    ``mode_chosen``: somebody chose another mode; ``mode_shown``: another may be shown, by
    whomever; ``scope_opened``: the list of connections is about to be looked at;
    ``scope_changed`` carries the new scope; ``order_changed``: the hits are to be arranged anew;
    ``changed``: something that is remembered is not as it was; ``tables_wanted`` (id of a
    connection) and ``scope_closed``: of the list of connections, which is built when it is first
    wanted. Further buttons go into ``tools``, at the end of the row.
    """

    mode_chosen = Signal(str)
    mode_shown = Signal()
    scope_opened = Signal()
    scope_changed = Signal(object)
    order_changed = Signal()
    changed = Signal()
    tables_wanted = Signal(str)
    scope_closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._connections: tuple[Connection, ...] = ()
        self._wanted_ids: tuple[str, ...] = ()
        self._columns: list[str] = []
        self.awaits_list = True
        self.scope_model = ScopeModel(self)
        self.mode = self._build_mode()
        self.language = self._build_language()
        self.language_part = self._build_language_part()
        self.scope_button = Button(self.tr("Everything"), icon_name="layers", name="search.scope")
        self.scope_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.order = self._build_box("search.order", self.tr("Sort hits by"))
        for order, text in (
            (HitOrder.RELEVANCE, self.tr("Best first")),
            (HitOrder.SOURCE, self.tr("By source")),
            (HitOrder.TITLE, self.tr("By title")),
        ):
            self.order.addItem(text, order.value)
        self.limit = self._build_box("search.limit", self.tr("Hits a page"))
        for number in PAGE_SIZES:
            self.limit.addItem(str(number), number)
        self.limit.setToolTip(self.tr("Hits a page"))
        # What their texts need, so that the row fits into the least window.
        self.order.setMinimumWidth(96)
        self.limit.setMinimumWidth(78)
        self.panel_button = IconButton(
            "panel", self.tr("Show or hide details"), name="search.panel"
        )
        self.panel_button.setCheckable(True)
        self.filter_button = IconButton(
            "filter", self.tr("Filter the hits"), name="search.facets.show"
        )
        self.filter_button.setToolTip(self.tr("Filter the hits (Ctrl+Shift+F)"))
        self.filter_button.setCheckable(True)
        self._build_rows()
        self._connect()

    @cached_property
    def popup(self) -> ScopePopup:
        """The list of connections."""
        popup = ScopePopup(self.scope_model, self)
        popup.tables_wanted.connect(self.tables_wanted)
        popup.closed.connect(self.scope_closed)
        return popup

    @cached_property
    def weights(self) -> WeightStrip:
        """What the current one in that list counts."""
        weights = WeightStrip(self.scope_model, self.popup.tree)
        self.popup.add_below_tree(weights, weights.in_order)
        return weights

    def _build_rows(self) -> None:
        self._arrangement = QWidget()
        arrangement = QHBoxLayout(self._arrangement)
        arrangement.setContentsMargins(0, 0, 0, 0)
        arrangement.setSpacing(Space.S)
        arrangement.addWidget(self.order)
        arrangement.addWidget(self.limit)
        self.mode.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        row = self._row = QHBoxLayout()
        row.setSpacing(Space.S)
        column.addLayout(row)
        self._second_row = QHBoxLayout()
        column.addLayout(self._second_row)
        self._second_row.addStretch(1)
        row.addWidget(self.mode)
        row.addWidget(self.language_part)
        row.addWidget(self.scope_button)
        row.addStretch(1)
        row.addWidget(self._arrangement)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(Space.XS)
        self.tools.addWidget(self.filter_button)
        self.tools.addWidget(self.panel_button)
        row.addLayout(self.tools)

    def minimumSizeHint(self) -> QSize:
        """The width of two rows: what has no room beside the mode goes below."""
        below = self._arrangement.minimumSizeHint().width()
        if self._shows_language:
            below += self.language_part.minimumSizeHint().width() + Space.S
        return QSize(max(self._always_width(), below), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make room in small windows."""
        super().resizeEvent(event)
        self._place()

    @property
    def _shows_language(self) -> bool:
        return self.mode.key == SearchMode.SEMANTIC.value

    def _always_width(self) -> int:
        """What stands in the first row of every window needs."""
        parts = (self.mode.sizeHint(), self.scope_button.sizeHint(), self.tools.sizeHint())
        return sum(part.width() for part in parts) + 2 * Space.S

    def _place(self) -> None:
        beside = self._row.indexOf(self._arrangement) >= 0
        needed = self._always_width() + self._arrangement.sizeHint().width() + 2 * Space.S
        if self._shows_language:
            needed += self.language_part.sizeHint().width() + Space.S
        fits = self.width() >= needed
        if fits == beside:
            return
        left = self._row if beside else self._second_row
        left.removeWidget(self.language_part)
        left.removeWidget(self._arrangement)
        if fits:
            self._row.insertWidget(1, self.language_part)
            self._row.insertWidget(self._row.count() - 1, self._arrangement)
        else:
            self._second_row.insertWidget(0, self.language_part)
            self._second_row.addWidget(self._arrangement)

    def _build_mode(self) -> Segments:
        mode = Segments(
            (
                (SearchMode.NATURAL.value, self.tr("Natural")),
                (SearchMode.BOOLEAN.value, self.tr("Boolean")),
                (SearchMode.SEMANTIC.value, self.tr("Semantic")),
            ),
            name="search.mode",
            label=self.tr("Search mode"),
        )
        mode.setToolTip(
            self.tr(
                "Natural: plain words, ranked by the server. "
                'Boolean: +required -excluded "phrase" prefix* (groups). '
                "Semantic: plain words and their forms, ranked anew by this program; offline."
            )
        )
        return mode

    def _build_language(self) -> QComboBox:
        box = self._build_box("search.language", self.tr("Language of the texts"))
        fill_languages(box, self.tr("Any language"))
        box.setToolTip(
            self.tr(
                "Forms of a word in this language count as the same word. “Any language” detects "
                "it for each table by its rows, unless its connection has one."
            )
        )
        return box

    def _build_language_part(self) -> QWidget:
        """The language and, beside it, the way to those of connections."""
        part = QWidget()
        self.languages_button = IconButton(
            "edit", self.tr("Languages of connections…"), name="search.languages.edit"
        )
        self.languages_button.setEnabled(False)
        row = QHBoxLayout(part)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self.language)
        row.addWidget(self.languages_button)
        part.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        part.setVisible(False)
        return part

    @Slot()
    def _show_language(self) -> None:
        self.language_part.setVisible(self._shows_language)
        self._place()

    def _build_box(self, name: str, label: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(label)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        return box

    def _connect(self) -> None:
        self.mode.chosen.connect(self._show_language)
        self.mode.chosen.connect(self.mode_shown)
        self.mode.chosen.connect(self.mode_chosen)
        self.mode.chosen.connect(self.changed)
        self.scope_button.clicked.connect(self.open_scope)
        self.scope_model.scope_changed.connect(self._take_scope)
        self.order.currentIndexChanged.connect(self.order_changed)
        for box in (self.order, self.limit, self.language):
            box.currentIndexChanged.connect(self.changed)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """What can be searched, as far as it is known."""
        return self._connections

    @property
    def text_language(self) -> str:
        """The language chosen for semantic mode; "" detects it, and in other modes."""
        semantic = self.mode.key == SearchMode.SEMANTIC.value
        return str(self.language.currentData()) if semantic else ""

    @property
    def hit_order(self) -> HitOrder:
        """In which order the hits that were found are shown."""
        chosen = self.order.currentData()
        return HitOrder.RELEVANCE if str(chosen).startswith(_COLUMN) else HitOrder(chosen)

    @property
    def sort_column(self) -> str:
        """The column whose values order what is found, "" for relevance."""
        chosen = str(self.order.currentData())
        return chosen.removeprefix(_COLUMN) if chosen.startswith(_COLUMN) else ""

    def offer_columns(self, names: Sequence[str]) -> None:
        """Offer the order by these columns, and by the one that is chosen."""
        chosen = self.sort_column
        wanted = list(dict.fromkeys([*names[:_MOST_COLUMNS], *([chosen] if chosen else [])]))
        if wanted == self._columns:
            return
        self._columns = wanted
        with QSignalBlocker(self.order):
            while self.order.count() > len(HitOrder):
                self.order.removeItem(len(HitOrder))
            for name in wanted:
                text = name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
                self.order.addItem(self.tr("By {column}").format(column=text), f"{_COLUMN}{name}")
            if chosen:
                self.order.setCurrentIndex(self.order.findData(f"{_COLUMN}{chosen}"))

    def show_sort_column(self, name: str) -> None:
        """Choose the order by a column; "" leaves another order as it is."""
        if name == self.sort_column:
            return
        if name and self.order.findData(f"{_COLUMN}{name}") < 0:
            self.offer_columns([*self._columns, name])
        data = f"{_COLUMN}{name}" if name else HitOrder.RELEVANCE.value
        self.order.setCurrentIndex(self.order.findData(data))

    @property
    def page_size(self) -> int:
        """How many hits are fetched at a time."""
        return int(self.limit.currentData())

    @property
    def leaves_everything_out(self) -> bool:
        """Whether there are connections, and none of them is chosen."""
        left_out = self.scope_model.scope.left_out
        return bool(self._connections) and all(c.id in left_out for c in self._connections)

    @property
    def looks_into_production(self) -> bool:
        """Whether a connection to production is searched."""
        left_out = self.scope_model.scope.left_out
        return any(
            c.environment is Environment.PROD and c.id not in left_out for c in self._connections
        )

    def set_language(self, language: str) -> None:
        """Choose a language; "" detects it, and one that is not known."""
        self.language.setCurrentIndex(max(self.language.findData(language), 0))

    def set_mode(self, mode: SearchMode) -> None:
        """Choose a mode."""
        self.mode.set_key(mode.value)
        self._show_language()
        self.mode_shown.emit()

    def keep(self, memory: PaneMemory) -> None:
        """Write the choices down for the next search."""
        memory.keep("mode", self.mode.key)
        memory.keep("language", self.language.currentData())
        memory.keep("limit", self.limit.currentData())
        memory.keep("order", self.hit_order.value)
        memory.keep("facets", self.filter_button.isChecked())
        memory.keep("panel", self.panel_button.isChecked())

    def restore(self, memory: PaneMemory, preferred: Preferences) -> None:
        """Choose what was chosen last; what somebody prefers comes first."""
        # Each choice writes all of them down again: read before any is made.
        kept = {
            name: memory.value(name)
            for name in ("mode", "language", "limit", "order", "panel", "facets", "scope")
        }
        mode = preferred.search_mode.value if preferred.search_mode else kept["mode"]
        self.set_mode(SearchMode(str(mode)) if mode in {*SearchMode} else SearchMode.NATURAL)
        self.set_language(str(kept["language"] or ""))
        limit = self.limit.findData(preferred.page_size or kept["limit"])
        self.limit.setCurrentIndex(max(limit, 0))
        self.order.setCurrentIndex(max(self.order.findData(kept["order"]), 0))
        self.panel_button.setChecked(kept["panel"] is not False)
        self.filter_button.setChecked(kept["facets"] is True)
        self.scope_model.show((), Scope.from_document(kept["scope"]))
        self.scope_model.show_weights(preferred.weights)
        self._name_scope()

    def show_draft(self, draft: SearchDraft) -> None:
        """Choose what a draft says; what it does not say stays as it is."""
        self.set_mode(draft.mode)
        for box, value in (
            (self.order, draft.order),
            (self.limit, draft.limit),
            (self.language, draft.language),
        ):
            place = box.findData(value)
            if place >= 0:
                box.setCurrentIndex(place)
        self.scope_model.choose(Scope.from_document(draft.scope))
        self._name_scope()

    # What is searched

    @Slot()
    def open_scope(self) -> None:
        """Let people choose what is searched."""
        self.scope_opened.emit()
        self.weights.begin()
        self.popup.open_below(self.scope_button)

    def show_connections(self, connections: Sequence[Connection]) -> None:
        """Offer these to be searched."""
        self.awaits_list = False
        own = tuple(connections)
        self.languages_button.setEnabled(bool(own))
        if own != self._connections:
            self._connections = own
            self.scope_model.show(own, self.scope_model.scope)
            if self._wanted_ids:
                self.adopt(self._wanted_ids)
        self._wanted_ids = ()
        self._name_scope()

    def adopt(self, connection_ids: tuple[str, ...]) -> None:
        """Search where an earlier search looked, as soon as it is known what there is."""
        self._wanted_ids = connection_ids
        if self._connections and connection_ids:
            others = frozenset(c.id for c in self._connections if c.id not in connection_ids)
            self.scope_model.choose(Scope(others))
        elif self._connections:
            self.scope_model.choose_all()

    def choose(self, found: FoundScope) -> None:
        """Search where a saved search looks, as far as that is there."""
        if found.everything:
            self.scope_model.choose_all()
            return
        others = frozenset(c.id for c in self._connections if c.id not in found.connection_ids)
        tables = {key: frozenset(names) for key, names in found.tables.items()}
        self.scope_model.choose(Scope(others, tables))

    @Slot(object)
    def _take_scope(self, scope: Scope) -> None:
        self._name_scope()
        self.scope_changed.emit(scope)

    def _name_scope(self) -> None:
        scope = self.scope_model.scope
        searched = [c for c in self._connections if c.id not in scope.left_out]
        tables = sum(len(scope.tables[c.id]) for c in searched if c.id in scope.tables)
        if not self._connections or (len(searched) == len(self._connections) and not tables):
            text = self.tr("Everything")
        elif len(searched) == 1:
            name = searched[0].name
            text = name if len(name) < _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"
        elif tables:
            text = self.tr("Some tables")
        else:
            text = self.tr("{count} of {total} connections").format(
                count=len(searched), total=len(self._connections)
            )
        self.scope_button.setText(text.replace("&", "&&"))
        self.scope_button.setToolTip(plain_tool_tip(", ".join(c.name for c in searched[:20])))
        self.scope_button.setAccessibleName(self.tr("What to search: {text}").format(text=text))
