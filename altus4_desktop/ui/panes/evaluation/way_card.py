"""One of the two ways to search that are compared, as a form in a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.evaluation import Configuration
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.query_sets import EvaluationRun
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import SearchMode, TableChoice
from altus4_desktop.ui.panes.evaluation.file_field import FileField
from altus4_desktop.ui.panes.evaluation.measuring import EarlierFile, EarlierRun, Way
from altus4_desktop.ui.panes.evaluation.places import PlacesDialog
from altus4_desktop.ui.panes.evaluation.wording import (
    measure_text,
    mode_name,
    place_name,
    run_name,
    way_name,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.panes.search.scope import Scope
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, full
from altus4_desktop.ui.widgets import Badge, Button, Card, FormRow, Label, Segments

_PLACE_LENGTH = 36
_HEAD_HEIGHT = 34


class WayForm(QWidget):
    """Mode, places and the rest of one way to search; ``changed``: it is not what it was."""

    changed = Signal()

    def __init__(
        self, session: Session, side: str, letter: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._letter = letter
        self._connections: tuple[Connection, ...] = ()
        self._scope = Scope()
        self._schemas: dict[str, DatabaseSchema] = {}
        self._asking: PlacesDialog | None = None
        self.mode = Segments(
            [(mode.value, mode_name(mode)) for mode in SearchMode],
            name=f"evaluation.{side}.mode",
            label=self.tr("Search mode of {letter}").format(letter=letter),
        )
        self.place = Button("", icon_name="layers", name=f"evaluation.{side}.place")
        self.place.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.place.clicked.connect(self.choose_places)
        self.language = QComboBox()
        self.language.setObjectName(f"evaluation.{side}.language")
        self.language.setAccessibleName(
            self.tr("Language of the texts of {letter}").format(letter=letter)
        )
        self.language.addItem(self.tr("Any language"), "")
        for code, name in sorted(LANGUAGE_NAMES.items(), key=lambda item: item[1]):
            self.language.addItem(name, code)
        self.index = QComboBox()
        self.index.setObjectName(f"evaluation.{side}.index")
        self.index.setAccessibleName(self.tr("Index that {letter} asks").format(letter=letter))
        self.synonyms = QCheckBox(self.tr("With my synonyms"))
        self.synonyms.setObjectName(f"evaluation.{side}.synonyms")
        self.weights = QCheckBox(self.tr("With my weights"))
        self.weights.setObjectName(f"evaluation.{side}.weights")
        for box in (self.synonyms, self.weights):
            box.setAccessibleName(f"{letter}: {box.text()}")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(Space.S)
        top = QHBoxLayout()
        top.setSpacing(Space.S)
        top.addWidget(self.mode)
        top.addWidget(self.place, 1)
        grid.addLayout(top, 0, 0)
        middle = QHBoxLayout()
        middle.setSpacing(Space.S)
        middle.addWidget(self.language, 1)
        middle.addWidget(self.index, 1)
        grid.addLayout(middle, 1, 0)
        bottom = QHBoxLayout()
        bottom.setSpacing(Space.L)
        bottom.addWidget(self.synonyms)
        bottom.addWidget(self.weights)
        bottom.addStretch(1)
        grid.addLayout(bottom, 2, 0)
        self.mode.chosen.connect(self._take_choice)
        self.language.currentIndexChanged.connect(self.changed)
        self.index.currentIndexChanged.connect(self.changed)
        for box in (self.synonyms, self.weights):
            box.toggled.connect(self.changed)
        self._show_choice()

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
        tables = self._scope.table_choices()
        index, only = self.index.currentData(), self._only_table()
        if index and only is not None:
            tables = (replace(only, index=index),)
        choices = self._session.actor.choices
        configuration = Configuration(
            mode=mode,
            connection_ids=self._scope.connection_ids(self._connections),
            tables=tables,
            language=self.language.currentData() if mode is SearchMode.SEMANTIC else "",
            synonyms=choices.synonyms if self.synonyms.isChecked() else (),
            weights=choices.weights if self.weights.isChecked() else (),
        )
        return Way(way_name(configuration, self._connections), configuration)

    def show_connections(self, connections: Sequence[Connection]) -> None:
        """Offer these; what is left out of the choice stays so. The person's synonyms and weights
        are read anew too."""
        self._connections = tuple(connections)
        choices = self._session.actor.choices
        for box, there, why_not in (
            (self.synonyms, choices.synonyms, self.tr("You have no synonyms; see Settings.")),
            (self.weights, choices.weights, self.tr("You have set no weights in Search.")),
        ):
            box.setEnabled(bool(there))
            box.setToolTip("" if there else why_not)
            if not there:
                box.setChecked(False)
        self._show_choice()

    def as_document(self) -> dict[str, object]:
        """The choice as JSON can hold it."""
        return {
            "mode": self.mode.key,
            "scope": self._scope.as_document(),
            "language": self.language.currentData(),
            "synonyms": self.synonyms.isChecked(),
            "weights": self.weights.isChecked(),
        }

    def show_document(self, document: object, mode: SearchMode) -> None:
        """The choice of `as_document`; anything else means ``mode`` and everything."""
        kept = document if isinstance(document, dict) else {}
        chosen = str(kept.get("mode"))
        self.mode.set_key(chosen if chosen in {*SearchMode} else mode.value)
        self._scope = Scope.from_document(kept.get("scope"))
        self.language.setCurrentIndex(max(self.language.findData(kept.get("language")), 0))
        self.synonyms.setChecked(kept.get("synonyms") is True)
        self.weights.setChecked(kept.get("weights") is True)
        self._show_choice()

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
            self._schemas.update(self._asking.schemas)
            self._asking = None
            self._take_choice()

    @Slot()
    def _take_choice(self) -> None:
        self._show_choice()
        self.changed.emit()

    def _only_table(self) -> TableChoice | None:
        """The table that is searched, where it is one and its indexes are known."""
        searched = [c.id for c in self._connections if c.id not in self._scope.left_out]
        if len(searched) != 1 or searched[0] not in self._schemas:
            return None
        tables = [one for one in self._schemas[searched[0]].tables if one.fulltext_indexes]
        chosen = self._scope.tables.get(searched[0])
        names = [one.name for one in tables if chosen is None or one.name in chosen]
        return TableChoice(names[0], searched[0]) if len(names) == 1 else None

    def _show_choice(self) -> None:
        name = place_name(self._scope, self._connections)
        shown = name[:1].upper() + name[1:]
        fitting = shown if len(shown) <= _PLACE_LENGTH else f"{shown[: _PLACE_LENGTH - 1]}…"
        self.place.setText(fitting.replace("&", "&&"))
        self.place.setToolTip(plain_tool_tip(shown))
        self.place.setAccessibleName(
            self.tr("Where {letter} searches: {where}").format(letter=self._letter, where=shown)
        )
        self.language.setVisible(self.mode.key == SearchMode.SEMANTIC)
        only = self._only_table()
        indexes = [
            index.name
            for table in (self._schemas[only.connection_id or ""].tables if only else ())
            if only is not None and table.name == only.table
            for index in table.fulltext_indexes
        ]
        chosen = self.index.currentData()
        self.index.blockSignals(True)
        self.index.clear()
        self.index.addItem(self.tr("All indexes of the table"), "")
        for index_name in indexes:
            self.index.addItem(index_name, index_name)
        self.index.setCurrentIndex(max(self.index.findData(chosen), 0))
        self.index.blockSignals(False)
        self.index.setVisible(len(indexes) > 1)


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
        # As high with a box beside the title as without.
        self.head.addStrut(_HEAD_HEIGHT)
        self.head.addWidget(Badge(letter, "accent"))
        self.head.addWidget(Label(title, "strong"))
        self.head.addStretch(1)
        self.body.addLayout(self.head)
        self.form = WayForm(session, self.side, letter)
        self.form.changed.connect(self.changed)
        self.body.addWidget(self.form)
        # Of two beside each other the lower one is not stretched.
        self.body.addStretch(1)


class OtherCard(WayCard):
    """B: another way to search, an earlier run that is kept or in a file, or nothing."""

    ANOTHER, KEPT, FILE, NOTHING = "another", "kept", "file", "nothing"

    def __init__(self, session: Session, title: str, parent: QWidget | None = None) -> None:
        super().__init__(session, "B", title, parent)
        self.kind = QComboBox()
        self.kind.setObjectName("evaluation.b.kind")
        self.kind.setAccessibleName(self.tr("What A is compared with"))
        self.kind.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        for key, text in (
            (self.ANOTHER, self.tr("Another way to search")),
            (self.KEPT, self.tr("An earlier run of the query set")),
            (self.FILE, self.tr("An earlier run in a file")),
            (self.NOTHING, self.tr("Nothing: measure A alone")),
        ):
            self.kind.addItem(text, key)
        self.head.addWidget(self.kind)
        self.kept = QComboBox()
        self.kept.setObjectName("evaluation.b.run")
        self.kept.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.kept.setMinimumContentsLength(20)
        self.kept.currentIndexChanged.connect(self.changed)
        self.kept_row = FormRow(self.tr("Run"), self.kept)
        self.body.insertWidget(self.body.count() - 1, self.kept_row)
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
        self.body.insertWidget(self.body.count() - 1, self.file_row)
        self.kind.currentIndexChanged.connect(self._show_kind)
        self._show_kind()

    def show_runs(self, runs: Sequence[EvaluationRun], connections: Sequence[Connection]) -> None:
        """Offer these runs, newest first."""
        chosen = self.kept.currentData()
        self.kept.blockSignals(True)
        self.kept.clear()
        for run in runs:
            for place, evaluation in enumerate(run.evaluations):
                name = run_name(evaluation, connections)
                text = f"{full(run.created_at)} · {name} · nDCG {measure_text(evaluation.ndcg)}"
                self.kept.addItem(text, EarlierRun(run.id, place, f"{name}, {ago(run.created_at)}"))
        places = [self.kept.itemData(place) for place in range(self.kept.count())]
        self.kept.setCurrentIndex(max(places.index(chosen) if chosen in places else 0, 0))
        self.kept.blockSignals(False)
        self.kept_row.set_hint(
            "" if runs else self.tr("No run is kept: each run of a query set is, once measured.")
        )
        self.changed.emit()

    def choose_run(self, run_id: str) -> None:
        """Compare with a run that is kept."""
        self.kind.setCurrentIndex(self.kind.findData(self.KEPT))
        for place in range(self.kept.count()):
            run = self.kept.itemData(place)
            if isinstance(run, EarlierRun) and run.run_id == run_id:
                self.kept.setCurrentIndex(place)
                return

    def choice(self) -> Way | EarlierFile | EarlierRun | None:
        """What is chosen; None for nothing, or for a run that is not chosen yet."""
        match self.kind.currentData():
            case self.ANOTHER:
                return self.form.way()
            case self.KEPT:
                run = self.kept.currentData()
                return run if isinstance(run, EarlierRun) else None
            case self.FILE:
                path = self.file.path
                return EarlierFile(path) if path is not None else None
            case _:
                return None

    @Slot()
    def _show_kind(self) -> None:
        kind = self.kind.currentData()
        self.form.setVisible(kind == self.ANOTHER)
        self.kept_row.setVisible(kind == self.KEPT)
        self.file_row.setVisible(kind == self.FILE)
        self.changed.emit()
