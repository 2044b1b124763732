"""Which FULLTEXT indexes a search asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex, TableInfo
from altus4_desktop.domain.searching import TableChoice


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One index to ask."""

    table: TableInfo
    index: FulltextIndex


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What one database contributes: indexes to ask, chosen tables without an index, the choices
    that name no table of it or no index of the table."""

    sources: tuple[PlannedSource, ...]
    without_index: tuple[str, ...]
    unknown: tuple[TableChoice, ...]


def plan_search(schema: DatabaseSchema, tables: Collection[TableChoice]) -> SearchPlan:
    """The plan for ``schema``; no ``tables`` means every table with a FULLTEXT index.

    A table that is chosen as a whole is asked as a whole, whatever else names an index of it.
    """
    indexes: dict[str, set[str]] = {}
    for choice in tables:
        indexes.setdefault(choice.table, set()).add(choice.index)
    chosen = [table for table in schema.tables if not tables or table.name in indexes]
    found = {table.name: {index.name for index in table.fulltext_indexes} for table in chosen}
    return SearchPlan(
        sources=tuple(
            PlannedSource(table, index)
            for table in chosen
            for index in sorted(table.fulltext_indexes, key=lambda index: index.name)
            if indexes.get(table.name, {""}) & {"", index.name}
        ),
        without_index=tuple(table.name for table in chosen if not table.fulltext_indexes),
        unknown=tuple(
            choice
            for choice in dict.fromkeys(tables)
            if choice.index not in {"", *found.get(choice.table, ())} or choice.table not in found
        ),
    )
