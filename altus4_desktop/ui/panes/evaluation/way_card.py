"""One of the two ways to search that are compared, as a form in a card."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.evaluation import Configuration
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.evaluation.file_field import FileField
from altus4_desktop.ui.panes.evaluation.measuring import EarlierFile, Way
from altus4_desktop.ui.panes.evaluation.places import PlacesDialog
from altus4_desktop.ui.panes.evaluation.wording import mode_name, place_name
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Badge, Button, Card, FormRow, Label, Segments


class WayForm(QWidget):
    """Mode and places of one way to search; ``changed``: it is not what it was."""

    changed = Signal()

    def __init__(
        self, session: Session, side: str, letter: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._letter = letter
        self._connections: tuple[Connection, ...] = ()
        self._scope = Scope()
        self._asking: PlacesDialog | None = None
        self.mode = Segments(
            [(mode.value, mode_name(mode)) for mode in SearchMode],
            name=f"evaluation.{side}.mode",
            label=self.tr("Search mode of {letter}").format(letter=letter),
        )
        self.mode.chosen.connect(self.changed)
        self.place = Button("", icon_name="layers", name=f"evaluation.{side}.place")
        self.place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.place.clicked.connect(self.choose_places)
        column = QHBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self.mode)
        column.addWidget(self.place, 1)
        self._name_place()

    @property
    def scope(self) -> Scope:
        """Where it searches."""
        return self._scope

    @property
    def finds_nothing(self) -> bool:
        """Whether there are connections, and none is chosen."""
        left_out = self._scope.left_out
        return bool(self._connections) and all(c.id in left_out for c in self._connections)

    def way(self) -> Way:
        """What is chosen."""
        mode = SearchMode(self.mode.key)
        configuration = Configuration(
            mode=mode,
            connection_ids=self._scope.connection_ids(self._connections),
            tables=self._scope.table_choices(),
        )
        return Way(
            f"{mode_name(mode)} · {place_name(self._scope, self._connections)}", configuration
        )

    def show_connections(self, connections: Sequence[Connection]) -> None:
        """Offer these; what is left out of the choice stays so."""
        self._connections = tuple(connections)
        self._name_place()

    def as_document(self) -> dict[str, object]:
        """The choice as JSON can hold it."""
        return {"mode": self.mode.key, "scope": self._scope.as_document()}

    def show_document(self, document: object, mode: SearchMode) -> None:
        """The choice of `as_document`; anything else means ``mode`` and everything."""
        kept = document if isinstance(document, dict) else {}
        chosen = str(kept.get("mode"))
        self.mode.set_key(chosen if chosen in {*SearchMode} else mode.value)
        self._scope = Scope.from_document(kept.get("scope"))
        self._name_place()

    @Slot()
    def choose_places(self) -> None:
        """Let people choose where to search."""
        title = self.tr("Where {letter} searches").format(letter=self._letter)
        dialog = PlacesDialog(self._session, title, self._connections, self._scope, self)
        dialog.accepted.connect(self._take_places)
        self._asking = dialog
        dialog.open()

    @Slot()
    def _take_places(self) -> None:
        if self._asking is not None:
            self._scope = self._asking.scope
            self._asking = None
            self._name_place()
            self.changed.emit()

    def _name_place(self) -> None:
        name = place_name(self._scope, self._connections)
        shown = name[:1].upper() + name[1:]
        fitting = shown if len(shown) <= 36 else f"{shown[:35]}…"
        self.place.setText(fitting.replace("&", "&&"))
        self.place.setToolTip(plain_tool_tip(shown))
        self.place.setAccessibleName(
            self.tr("Where {letter} searches: {where}").format(letter=self._letter, where=shown)
        )


class WayCard(Card):
    """A's form under its letter; ``changed``: the choice is not what it was."""

    changed = Signal()

    def __init__(
        self, session: Session, letter: str, title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(margin=Space.L, spacing=Space.M, parent=parent)
        self.side = letter.lower()
        self.head = QHBoxLayout()
        self.head.setSpacing(Space.S)
        self.head.addWidget(Badge(letter, "accent"))
        self.head.addWidget(Label(title, "strong"))
        self.head.addStretch(1)
        self.body.addLayout(self.head)
        self.form = WayForm(session, self.side, letter)
        self.form.changed.connect(self.changed)
        self.body.addWidget(self.form)


class OtherCard(WayCard):
    """B: another way to search, an earlier run in a file, or nothing."""

    ANOTHER, FILE, NOTHING = "another", "file", "nothing"

    def __init__(self, session: Session, title: str, parent: QWidget | None = None) -> None:
        super().__init__(session, "B", title, parent)
        self.kind = QComboBox()
        self.kind.setObjectName("evaluation.b.kind")
        self.kind.setAccessibleName(self.tr("What A is compared with"))
        self.kind.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        for key, text in (
            (self.ANOTHER, self.tr("Another way to search")),
            (self.FILE, self.tr("An earlier run in a file")),
            (self.NOTHING, self.tr("Nothing: measure A alone")),
        ):
            self.kind.addItem(text, key)
        self.head.addWidget(self.kind)
        self.file = FileField(
            self.tr("Run in TREC's form"),
            self.tr("TREC runs (*.run *.trec *.txt);;All files (*)"),
            name="evaluation.b.file",
        )
        self.file.textChanged.connect(self.changed)
        self.file_row = FormRow(
            self.tr("Run in TREC's form"),
            self.file,
            hint=self.tr("Six columns: query, Q0, document, rank, score, tag."),
        )
        self.body.addWidget(self.file_row)
        self.kind.currentIndexChanged.connect(self._show_kind)
        self._show_kind()

    def choice(self) -> Way | EarlierFile | None:
        """What is chosen; None for nothing, or for a file that is not chosen yet."""
        match self.kind.currentData():
            case self.ANOTHER:
                return self.form.way()
            case self.FILE:
                path = self.file.path
                return EarlierFile(path) if path is not None else None
            case _:
                return None

    @Slot()
    def _show_kind(self) -> None:
        kind = self.kind.currentData()
        self.form.setVisible(kind == self.ANOTHER)
        self.file_row.setVisible(kind == self.FILE)
        self.changed.emit()
