"""The measures of A and B beside each other, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.evaluation import Evaluation
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.evaluation.measuring import Measured
from altus4_desktop.ui.panes.evaluation.wording import measure_text, share_text, verdict_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Badge, Card, Divider, Label
from altus4_desktop.ui.widgets.basic import LabelRole

_NONE = "–"


@dataclass(frozen=True)
class _Figure:
    title: str
    tool_tip: str
    value: Callable[[Evaluation], float | None]
    text: Callable[[float], str]
    more_is_better: bool = True
    title_of_ten: str = ""


class _Tile(QWidget):
    """One measure: its name, A and B, and the difference in words."""

    def __init__(self, figure: _Figure, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figure = figure
        self.setToolTip(figure.tool_tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        self.title = ElidedLabel(figure.title, "caption")
        column.addWidget(self.title)
        self.value = Label("", "strong")
        self.change = Label("", "caption")
        column.addWidget(self.value)
        column.addWidget(self.change)

    def show(self, first: Evaluation, second: Evaluation | None, *, of_ten: bool) -> None:  # type: ignore[override]  # a tile is never shown by itself
        """Show A's value, and B's if there is one; ``of_ten``: of ten documents a query."""
        figure = self._figure
        title = (of_ten and figure.title_of_ten) or figure.title
        self.title.setText(title)
        a = figure.value(first)
        b = figure.value(second) if second is not None else None
        texts = [_NONE if value is None else figure.text(value) for value in (a, b)]
        self.value.setText(f"{texts[0]} → {texts[1]}" if second is not None else texts[0])
        words, role = self._difference(a, b)
        self.change.setText(words)
        self.change.set_role(role)
        said = (
            self.tr("{title}: A {a}, B {b} {words}").format(
                title=title, a=texts[0], b=texts[1], words=words
            )
            if second is not None
            else f"{title}: {texts[0]}"
        )
        self.setAccessibleName(said)

    def _difference(self, a: float | None, b: float | None) -> tuple[str, LabelRole]:
        if a is None or b is None:
            return "", "caption"
        gain = b - a
        text = self._figure.text(abs(gain))
        if text == self._figure.text(0.0):
            return self.tr("= alike"), "caption"
        better = (gain > 0) == self._figure.more_is_better
        arrow = "▲" if gain > 0 else "▼"
        words = self.tr("better") if better else self.tr("worse")
        return f"{arrow} {text} {words}", "success" if better else "error"


class FigureCard(Card):
    """Tiles, the verdict, and what A and B are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.M, spacing=Space.S, parent=parent)
        self.setObjectName("evaluation.figures")
        self.setAccessibleName(self.tr("Measures"))
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        self.tiles: list[_Tile] = []
        for place, figure in enumerate(self._figures()):
            if place:
                row.addWidget(Divider(vertical=True))
            tile = _Tile(figure)
            self.tiles.append(tile)
            row.addWidget(tile, 1)
        self.body.addLayout(row)
        self.body.addWidget(Divider())
        self.verdict = Label("", "strong", wrap=True, selectable=True)
        self.verdict.setObjectName("evaluation.verdict")
        self.verdict.setMinimumHeight(1)
        self.body.addWidget(self.verdict)
        names = QGridLayout()
        names.setContentsMargins(0, 0, 0, 0)
        names.setHorizontalSpacing(Space.XS)
        self._badges = (Badge("A", "accent"), Badge("B", "accent"))
        self.names = (ElidedLabel("", "caption"), ElidedLabel("", "caption"))
        for place, (badge, name) in enumerate(zip(self._badges, self.names, strict=True)):
            names.addWidget(badge, 0, 2 * place)
            names.addWidget(name, 0, 2 * place + 1)
            names.setColumnStretch(2 * place + 1, 1)
        self.body.addLayout(names)

    def show_measured(self, measured: Measured) -> None:
        """Show the figures of a run."""
        first, second = measured.first, measured.second
        for tile in self.tiles:
            tile.show(first, second, of_ten=measured.of_ten)
        self.verdict.setText(verdict_text(first, second, measured.comparison, measured.pairs))
        for name, text in zip(self.names, measured.names, strict=True):
            name.setText(text)
        self._badges[1].setVisible(second is not None)
        self.names[1].setVisible(second is not None)

    def _figures(self) -> list[_Figure]:
        def judged(value: Callable[[Evaluation], float]) -> Callable[[Evaluation], float | None]:
            return lambda run: value(run) if run.judged else None

        return [
            _Figure(
                "nDCG@10",
                self.tr(
                    "How close the first ten are to the best order of what was judged; 1 is best."
                ),
                judged(lambda run: run.ndcg),
                measure_text,
            ),
            _Figure(
                "P@10",
                self.tr("The share of relevant rows among the first ten."),
                judged(lambda run: run.precision),
                measure_text,
            ),
            _Figure(
                "MRR",
                self.tr(
                    "The mean of 1 / the place of the first relevant row. MRR@10 looks at the "
                    "first ten only, as many as are kept of a run."
                ),
                judged(lambda run: run.reciprocal_rank),
                measure_text,
                title_of_ten="MRR@10",
            ),
            _Figure(
                self.tr("Without result"),
                self.tr("The share of queries that find nothing, and did not fail."),
                lambda run: run.zero_results,
                share_text,
                more_is_better=False,
            ),
            _Figure(
                self.tr("Failed"),
                self.tr("Queries that some source, or the search, did not answer."),
                lambda run: float(run.failed),
                lambda value: f"{value:.0f}",
                more_is_better=False,
            ),
        ]
