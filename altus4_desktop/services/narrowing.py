"""What filters, an order and a threshold make of the sources' rows, and what is said of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import Narrowing, SortColumn
from altus4_desktop.domain.searching import Notice
from altus4_desktop.search.filtering import find_column, unknown_column
from altus4_desktop.search.fusion import FusedRow, RankedList, row_identity
from altus4_desktop.search.ordering import SortKey, merge_sorted, no_key, sort_key
from altus4_desktop.search.plan import left_out_error

if TYPE_CHECKING:
    from altus4_desktop.domain.schema import TableInfo
    from altus4_desktop.mysql.fulltext import IndexRow
    from altus4_desktop.search.ranking.records import Ranked
    from altus4_desktop.services.fan_out import Branch, Source

_NAMED = 4
_SHOWN_CHARS = 60


def cut_list(ranked: RankedList[IndexRow], source: Source, share: float) -> RankedList[IndexRow]:
    """``ranked`` down to ``share`` of its best score; only relevance has it fall from row to row,
    another order was cut by its server."""
    planned = source.planned
    if not share or not ranked.rows or planned is None or planned.order is not None:
        return ranked
    least = ranked.rows[0].row.score * share
    kept = next(
        (at for at, row in enumerate(ranked.rows) if row.row.score < least), len(ranked.rows)
    )
    return replace(ranked, rows=ranked.rows[:kept], weights=ranked.weights[:kept])


def merge_by_column(
    lists: Sequence[tuple[RankedList[IndexRow], Source]], *, descending: bool
) -> list[FusedRow[IndexRow]]:
    """All rows of ``lists``, each once, as their columns order them; those of a table without the
    column last."""
    ordered = sorted(lists, key=lambda pair: (pair[0].table_id, pair[0].index))
    keyed = []
    for ranked, source in ordered:
        order = source.planned.order if source.planned is not None else None
        keyed.append(
            [
                (_key_of(row.row, order, descending=descending), FusedRow(ranked, row, 0.0))
                for row in ranked.rows
            ]
        )
    once: dict[Hashable, FusedRow[IndexRow]] = {}
    for fused in merge_sorted(keyed, descending=descending):
        once.setdefault(row_identity(fused.source, fused.ranked), fused)
    return list(once.values())


def narrow_ranked(
    rows: Sequence[Ranked[IndexRow]], sources: Mapping[tuple[str, ...], Source], wanted: Narrowing
) -> Sequence[Ranked[IndexRow]]:
    """Candidates of semantic mode, best first, as ``wanted`` cuts and orders them; ``sources`` are
    named by table and index.

    Their scores have no zero: a share is where a score stands between the worst and the best.
    """
    if wanted.threshold and rows:
        best, worst = rows[0].score, rows[-1].score
        least = worst + (best - worst) * wanted.threshold
        rows = [row for row in rows if row.score >= least]
    if wanted.order is None:
        return rows
    descending = wanted.order.descending

    def key(ranked: Ranked[IndexRow]) -> SortKey:
        source = sources[*ranked.source.table_id, ranked.source.index]
        order = source.planned.order if source.planned is not None else None
        return _key_of(ranked.candidate.row, order, descending=descending)

    return sorted(rows, key=key, reverse=descending)


def _key_of(row: IndexRow, order: SortColumn | None, *, descending: bool) -> SortKey:
    if order is None:
        return no_key(descending=descending)
    return sort_key(row.columns.get(order.name), order.kind, descending=descending)


def narrowing_notices(
    branches: Iterable[Branch],
    wanted: Narrowing,
    *,
    fetched: int,
    cut: int,
    row_count: int,
    semantic: bool = False,
) -> Iterator[Notice]:
    """What to say of tables that could not be filtered or ordered, and of rows that were cut:
    by a share of the best score, or by what `narrow_ranked` takes for one."""
    plans = [(branch.connection.name, branch.plan) for branch in branches if branch.plan]
    by_reason: dict[tuple[str, str], list[str]] = {}
    for connection, plan in plans:
        for left in plan.left_out:
            is_unknown = find_column(left.table, left.column) is None
            reason = "" if is_unknown else left.error.message
            by_reason.setdefault((left.column, reason), []).append(
                f"“{left.table.name}” on “{connection}”"
            )
    for (column, reason), places in by_reason.items():
        said = reason or f"no column “{_shortened(column)}”."
        yield Notice("search.left_out", f"Left out by the filters: {_listed(places)}; {said}")
    if wanted.order is not None:
        bare = [f"“{t.name}” on “{name}”" for name, plan in plans for t in plan.unordered]
        if bare and row_count:
            column = _shortened(wanted.order.column)
            yield Notice(
                "search.unordered", f"Last, because there is no column “{column}”: {_listed(bare)}."
            )
    whole = "the way from the worst ranked row to the best" if semantic else "the best"
    share = f"{wanted.threshold * 100:.0f} % of {whole}"
    if wanted.threshold and cut:
        yield Notice(
            "search.threshold",
            f"{cut:,} of the {fetched:,} fetched rows scored below {share} and were left out.",
        )
    elif wanted.threshold and wanted.order is not None and row_count:
        yield Notice("search.threshold", f"Rows that scored below {share} were left out.")
    if wanted.leaves_out and not row_count and any(plan.sources for _, plan in plans):
        yield Notice(
            "search.filtered",
            "Filters are on: there may be rows that they leave out.",
            "Take filters away, or widen them.",
        )


def check_columns(branches: Sequence[Branch], wanted: Narrowing) -> None:
    """Raise InputError for a filter that nothing searched can be asked, and for an order by a
    column that nothing searched has; nothing is said while a schema is unknown."""
    plans = [branch.plan for branch in branches]
    if any(plan is None for plan in plans):
        return
    known = [plan for plan in plans if plan is not None]
    left_out = [left for plan in known for left in plan.left_out]
    tables = [source.table for plan in known for source in plan.sources]
    if left_out and not tables:
        raise left_out_error(left_out)
    unordered = [table for plan in known for table in plan.unordered]
    if wanted.order is not None and unordered and len(unordered) == len(_once(tables)):
        error = unknown_column(wanted.order.column, unordered)
        raise InputError("order", error.template, hint=error.hint_template, **error.details)


def _once(tables: Iterable[TableInfo]) -> list[TableInfo]:
    return list({id(table): table for table in tables}.values())


def _listed(places: Sequence[str]) -> str:
    shown = list(places[:_NAMED])
    if len(places) > _NAMED:
        shown.append(f"{len(places) - _NAMED} more")
    return ", ".join(shown)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
