"""What the evaluation pane says in words: figures, differences, verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.evaluation import Comparison, Configuration, Evaluation
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.query_pairs import QueryPair
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.ui.panes.search.scope import Scope

# The usual line between what may be chance and what hardly is.
_SELDOM = 0.05
_NAMES_AT_MOST = 2


def mode_name(mode: SearchMode) -> str:
    """What a mode is called."""
    names = {
        SearchMode.NATURAL: _tr("Natural"),
        SearchMode.BOOLEAN: _tr("Boolean"),
        SearchMode.SEMANTIC: _tr("Semantic"),
    }
    return names[mode]


def place_name(scope: Scope, connections: Sequence[Connection]) -> str:
    """Which connections, and whether only some of their tables."""
    searched = [c.name for c in connections if c.id not in scope.left_out]
    tables = scope.table_choices()
    if not tables and len(searched) == len(connections):
        return _tr("everything")
    if len(searched) > _NAMES_AT_MOST:
        text = _tr("{count} of {total} connections").format(
            count=len(searched), total=len(connections)
        )
    else:
        text = ", ".join(searched)
    if len(tables) == 1:
        return f"{text} / {tables[0].table}"
    return _tr("{where}, {count} tables").format(where=text, count=len(tables)) if tables else text


def way_name(configuration: Configuration, connections: Sequence[Connection]) -> str:
    """A way to search in a line: mode, places, and what else is not as by default."""
    names = {connection.id: connection.name for connection in connections}
    ids, tables = configuration.connection_ids, configuration.tables
    if not ids and not tables:
        where = _tr("everything")
    elif len(ids) > _NAMES_AT_MOST:
        where = _tr("{count} connections").format(count=len(ids))
    else:
        where = ", ".join(names.get(one, _tr("a deleted connection")) for one in ids)
    if len(tables) == 1:
        choice = tables[0]
        place = f"{choice.table}, {choice.index}" if choice.index else choice.table
        where = f"{where} / {place}" if where else place
    elif tables:
        where = _tr("{where}, {count} tables").format(where=where, count=len(tables))
    extras = [
        LANGUAGE_NAMES.get(configuration.language, configuration.language),
        _tr("synonyms") if configuration.synonyms else "",
        _tr("weights") if configuration.weights else "",
    ]
    return " · ".join(filter(None, (mode_name(configuration.mode), where, *extras)))


def run_name(evaluation: Evaluation, connections: Sequence[Connection]) -> str:
    """What was measured: a way to search, or a file of an earlier run."""
    if evaluation.configuration is None:
        return _tr("An earlier run in a file")
    return way_name(evaluation.configuration, connections)


def measure_text(value: float) -> str:
    """A measure from 0 to 1."""
    return f"{value:.3f}"


def share_text(value: float) -> str:
    """A share in per cent."""
    return f"{value * 100:.1f} %"


def gain_text(gain: float) -> str:
    """A difference with its arrow and sign; the sign is the minus of typography."""
    if gain == 0:
        return "= 0.000"
    size = f"{abs(gain):.3f}" if abs(gain) >= 0.0005 else "<0.001"
    return f"▲ +{size}" if gain > 0 else f"▼ \N{MINUS SIGN}{size}"


def p_text(p_value: float) -> str:
    """A probability with the digits that say something."""
    if p_value < 0.001:
        return _tr("p < 0.001")
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def verdict_text(
    first: Evaluation,
    second: Evaluation | None,
    comparison: Comparison | None,
    pairs: Sequence[QueryPair],
) -> str:
    """What the figures say, in a sentence or two."""
    if second is None or comparison is None:
        return _alone(first)
    count = comparison.wins + comparison.losses + comparison.ties
    if not count:
        differing = sum(not pair.same for pair in pairs if pair.second is not None)
        return _tr(
            "No query is judged, so none is better. A and B find something else in {differing} of "
            "{count} queries."
        ).format(differing=differing, count=len(pairs))
    if not comparison.wins and not comparison.losses:
        return _tr("A and B are as good in each of {count} judged queries.").format(count=count)
    details = {
        "count": count,
        "ties": comparison.ties,
        "p": p_text(comparison.p_value),
        "more": max(comparison.wins, comparison.losses),
        "less": min(comparison.wins, comparison.losses),
    }
    if comparison.wins == comparison.losses:
        text = _tr("A and B are each better in {more} of {count} queries, {p}.")
    elif comparison.wins > comparison.losses:
        text = _tr("B is better in {more} of {count} queries and worse in {less}, {p}.")
    else:
        text = _tr("B is worse in {more} of {count} queries and better in {less}, {p}.")
    likely = (
        _tr("Chance alone seldom does that.")
        if comparison.p_value < _SELDOM
        else _tr("That may be chance.")
    )
    return f"{text.format_map(details)} {likely}"


def _alone(first: Evaluation) -> str:
    if not first.judged:
        return _tr("No query is judged: only what finds nothing can be told.")
    if first.judged == len(first.results):
        return _tr("Measured over {count} judged queries.").format(count=first.judged)
    return _tr("Measured over {judged} judged queries of {count}.").format(
        judged=first.judged, count=len(first.results)
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("evaluation", text)
