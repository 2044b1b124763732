"""Which FULLTEXT indexes a search asks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.filtering import Condition, Narrowing, SortColumn
from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex, TableInfo
from altus4_desktop.domain.searching import TableChoice
from altus4_desktop.search.filtering import (
    bind_filters,
    column_kind,
    find_column,
    unknown_column,
)

_EVERYTHING = Narrowing()


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One index to ask for rows that pass ``conditions``; ``order`` None is by relevance."""

    table: TableInfo
    index: FulltextIndex
    conditions: tuple[Condition, ...] = ()
    order: SortColumn | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that a filter cannot be asked of, and why."""

    table: TableInfo
    column: str
    error: InputError


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What one database contributes: indexes to ask, chosen tables without an index, the choices
    that name no table of it or no index of the table, tables that cannot be filtered, and those
    without the column that orders the rows."""

    sources: tuple[PlannedSource, ...]
    without_index: tuple[str, ...]
    unknown: tuple[TableChoice, ...]
    left_out: tuple[LeftOut, ...] = ()
    unordered: tuple[TableInfo, ...] = ()


def plan_search(
    schema: DatabaseSchema,
    tables: Collection[TableChoice],
    narrowing: Narrowing = _EVERYTHING,
    connection_id: str = "",
) -> SearchPlan:
    """The plan for ``schema``; no ``tables`` means every table with a FULLTEXT index.

    A table that is chosen as a whole is asked as a whole, whatever else names an index of it.
    """
    indexes: dict[str, set[str]] = {}
    for choice in tables:
        indexes.setdefault(choice.table, set()).add(choice.index)
    chosen = [table for table in schema.tables if not tables or table.name in indexes]
    found = {table.name: {index.name for index in table.fulltext_indexes} for table in chosen}
    unknown = tuple(
        choice
        for choice in dict.fromkeys(tables)
        if choice.index not in {"", *found.get(choice.table, ())} or choice.table not in found
    )
    without_index = tuple(table.name for table in chosen if not table.fulltext_indexes)
    only = narrowing.only_tables
    sources: list[PlannedSource] = []
    left_out: list[LeftOut] = []
    unordered: list[TableInfo] = []
    for table in chosen:
        if not table.fulltext_indexes or (only and table.name not in only):
            continue
        conditions = _bind(narrowing, table, connection_id)
        if isinstance(conditions, LeftOut):
            left_out.append(conditions)
            continue
        order = _sort_column(narrowing, table)
        if narrowing.order is not None and order is None:
            unordered.append(table)
        sources += (
            PlannedSource(table, index, conditions, order)
            for index in sorted(table.fulltext_indexes, key=lambda index: index.name)
            if indexes.get(table.name, {""}) & {"", index.name}
        )
    return SearchPlan(tuple(sources), without_index, unknown, tuple(left_out), tuple(unordered))


def left_out_error(left_out: Sequence[LeftOut]) -> InputError:
    """Why none of the tables in ``left_out``, which are all there are, can be filtered."""
    for column in dict.fromkeys(left.column for left in left_out):
        tables = [left.table for left in left_out if left.column == column]
        if len(tables) == len(left_out) and not any(find_column(t, column) for t in tables):
            return unknown_column(column, tables)
    return left_out[0].error


def _bind(
    narrowing: Narrowing, table: TableInfo, connection_id: str
) -> tuple[Condition, ...] | LeftOut:
    conditions: list[Condition] = []
    for wanted in narrowing.filters:
        try:
            conditions += bind_filters((wanted,), table, connection_id)
        except InputError as error:
            return LeftOut(table, wanted.column, error)
    return tuple(conditions)


def _sort_column(narrowing: Narrowing, table: TableInfo) -> SortColumn | None:
    order = narrowing.order
    column = find_column(table, order.column) if order is not None else None
    if order is None or column is None:
        return None
    return SortColumn(column.name, column_kind(column), order.descending)
