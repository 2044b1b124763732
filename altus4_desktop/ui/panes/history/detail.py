"""A past search in full: what was asked where, by which settings, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.searching import SearchRecord, SourceWeight
from altus4_desktop.services.past_searches import settings_of
from altus4_desktop.ui.panes.detail_card import DetailCard
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.history.model import ended_words, mode_words, place_words
from altus4_desktop.ui.panes.search.narrowing import filter_words
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.times import ago, duration, full
from altus4_desktop.ui.widgets import Label

_TITLE_CHARS = 30
_MOST_LINES = 20
_MOST_CHARS = 2000


class HistoryDetail(DetailCard):
    """The search that is selected in the table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("history.detail", _tr("The search in full"), parent)
        self._title = ElidedLabel("", "title")
        self.fill_head(self._title, close_name="history.detail.close")
        self._facts: dict[str, tuple[Label, Label]] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(Space.S)
        grid.setColumnStretch(1, 1)
        for row, (key, title) in enumerate(
            (
                ("query", _tr("Query")),
                ("at", _tr("When")),
                ("who", _tr("Who")),
                ("mode", _tr("Mode")),
                ("where", _tr("Where")),
                ("tables", _tr("Tables")),
                ("filters", _tr("Filters")),
                ("synonyms", _tr("Synonyms")),
                ("weights", _tr("Weights")),
                ("ended", _tr("Result")),
                ("sources", _tr("Sources")),
            )
        ):
            caption, value = Label(title, "muted"), Label("", wrap=True, selectable=True)
            value.setObjectName(f"history.detail.{key}")
            value.setAccessibleDescription(title)
            # One long word is cut, and not every line beside it.
            value.setMinimumWidth(1)
            self._facts[key] = caption, value
            grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(grid)
        self.column.addStretch(1)

    def show_record(
        self, record: SearchRecord, names: Mapping[str, str], people: Mapping[str, str]
    ) -> None:
        """Show this one; what connections and people are called, by id."""
        title = " ".join(record.query.split())
        self._title.setText(title)
        params = record.params
        kept = settings_of(record)
        unknown = _tr("not noted")
        language = LANGUAGE_NAMES.get(str(params.get("language")), "")
        mode = mode_words(record.mode)
        facts = {
            # Where the title cannot say it all.
            "query": record.query if record.query != title or len(title) > _TITLE_CHARS else "",
            "at": f"{full(record.created_at)} ({ago(record.created_at)})",
            "who": people.get(record.user_id, ""),
            "mode": f"{mode}, {language}" if language else mode,
            "where": place_words(record, names),
            "tables": "\n".join(_tables(params, names)),
            "filters": "\n".join(_filters(Narrowing.from_document(params.get("filters")), names)),
            "synonyms": unknown if kept is None else "\n".join(map(", ".join, kept.synonyms)),
            "weights": unknown if kept is None else "\n".join(_weights(kept.weights, names)),
            "ended": ", ".join(
                filter(
                    None,
                    (
                        _tr("{count} hits").format(count=f"{record.result_count:,}"),
                        duration(record.execution_time_ms),
                        ended_words(record),
                    ),
                )
            ),
            "sources": "\n".join(_sources(params.get("sources"))),
        }
        for key, (caption, value) in self._facts.items():
            text = _bounded(facts[key])
            value.setText(text)
            value.setAccessibleName(text)
            for label in (caption, value):
                label.setVisible(bool(text))


def _tables(params: Mapping[str, object], names: Mapping[str, str]) -> Iterator[str]:
    scope = params.get("scope")
    for each in scope if isinstance(scope, list) else ():
        match each:
            case [str() as table, (str() | None) as key, str() as index]:
                place = names.get(key, "…") if key else ""
                yield " · ".join(filter(None, (place, table, index)))


def _filters(narrowing: Narrowing, names: Mapping[str, str]) -> Iterator[str]:
    yield from map(filter_words, narrowing.filters)
    if narrowing.only_connections:
        yield ", ".join(names.get(key, "…") for key in narrowing.only_connections)
    if narrowing.only_tables:
        yield ", ".join(narrowing.only_tables)
    if narrowing.threshold:
        yield _tr("Score at least {share} %").format(share=round(narrowing.threshold * 100))
    if narrowing.order is not None:
        yield _tr("Sorted by {column}").format(column=narrowing.order.column)


def _weights(weights: Sequence[SourceWeight], names: Mapping[str, str]) -> Iterator[str]:
    for one in weights:
        place = names.get(one.connection_id, _tr("a connection that is gone"))
        yield f"{' · '.join(filter(None, (place, one.table, one.column)))} ×{one.weight:g}"


def _sources(found: object) -> Iterator[str]:
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            parts = (each.get(name) for name in ("connection", "table", "index"))
            place = " · ".join(part for part in parts if isinstance(part, str) and part)
            hits, took, error = each.get("hits"), each.get("elapsed_ms"), each.get("error")
            told = [_tr("{count} hits").format(count=f"{hits:,}")] if isinstance(hits, int) else []
            told += [duration(took)] if isinstance(took, int | float) else []
            yield f"{place}: {error if isinstance(error, str) else ', '.join(told)}"


def _bounded(text: str) -> str:
    """What other programs have noted may be of any length."""
    lines = text[: _MOST_CHARS + 1].split("\n")
    shown = "\n".join(lines[:_MOST_LINES])[:_MOST_CHARS]
    return shown if shown == text else shown + "…"


def _tr(text: str) -> str:
    return QCoreApplication.translate("history", text)
