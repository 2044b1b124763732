"""How much the places of a search count: weights that people gave to connections, tables, columns.

Weights multiply (`place_weight`, `column_weights`). Were the most exact one to win instead, a table
of weight 1 would undo the weight of its connection, and 1 would not be neutral.

Connection and table:

* Natural and boolean mode multiply what a row is worth (`search.fusion`).
* Semantic mode adds ln(weight) to a row's score (`search.ranking.ranker`).

Columns:

* Semantic mode counts a word in a column of weight w as w words (`weighted_counts`).
* Natural mode's rank is the server's: one number for an index, and no column of it can be told
  apart. What can be weighed is how much of the question a row holds when several sources are
  compared (`search.coverage`); where that is not measured, as for a single word and in boolean
  mode, an index counts as much as its columns do on average (`index_weight`). So one index for
  each column lets its columns be weighed against each other, and one index over all of them only
  against other sources.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import LEAST_WEIGHT, MOST_WEIGHT, SourceWeight


def check_weights(weights: Sequence[SourceWeight], most: int) -> None:
    """Raise InputError (``weights``) for more than ``most``, a weight that may not be, a place that
    cannot be or is weighed twice."""
    if len(weights) > most:
        raise InputError("weights", "There may be {most} weights.", most=most)
    seen = set()
    for one in weights:
        if not math.isfinite(one.weight) or not LEAST_WEIGHT <= one.weight <= MOST_WEIGHT:
            raise InputError(
                "weights",
                "A weight is a number from {least} to {most}, not {weight}.",
                hint="1 is neutral. To leave a place out, do not search it.",
                least=f"{LEAST_WEIGHT:g}",
                most=f"{MOST_WEIGHT:g}",
                weight=f"{one.weight:g}",
            )
        if not one.is_place:
            raise InputError("weights", "A weight is of a connection, its table or its column.")
        if one.place in seen:
            raise InputError(
                "weights",
                "There are two weights of the same place.",
                hint="Give one for each.",
            )
        seen.add(one.place)


def place_weight(weights: Sequence[SourceWeight], connection_id: str, table: str) -> float:
    """What a table counts: its weight times that of its connection."""
    places = {(connection_id, "", ""), (connection_id, table, "")}
    return math.prod(one.weight for one in weights if one.place in places)


def column_weights(
    weights: Sequence[SourceWeight], connection_id: str, table: str
) -> Mapping[str, float]:
    """The weights of a table's columns that are not 1."""
    return {
        one.column: one.weight
        for one in weights
        if one.column and one.weight != 1 and one.place[:2] == (connection_id, table)
    }


def index_weight(columns: Sequence[str], weights: Mapping[str, float]) -> float:
    """What an index over ``columns`` counts: the mean of theirs."""
    return fmean(weights.get(name, 1.0) for name in columns) if weights and columns else 1.0


def weighted_counts(
    cells: Mapping[str, str],
    weights: Mapping[str, float],
    counts: Callable[[str], Counter[str]],
) -> Mapping[str, float]:
    """How often each stem stands in ``cells``, in a column of weight w as w times.

    BM25F adds up the frequencies of the columns, each times its weight, before they are damped
    (Robertson, Zaragoza and Taylor, "Simple BM25 Extension to Multiple Weighted Fields", 2004).
    """
    total: dict[str, float] = {}
    for name, cell in cells.items():
        weight = weights.get(name, 1.0)
        for stem, count in counts(cell).items():
            total[stem] = total.get(stem, 0.0) + weight * count
    return total
