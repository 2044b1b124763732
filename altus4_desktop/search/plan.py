"""Which FULLTEXT indexes a search asks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from altus4_desktop.domain.schema import DatabaseSchema, FulltextIndex, TableInfo


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One index to ask."""

    table: TableInfo
    index: FulltextIndex


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What one database contributes: indexes to ask, chosen tables without an index, chosen names
    that are no table of it."""

    sources: tuple[PlannedSource, ...]
    without_index: tuple[str, ...]
    unknown: tuple[str, ...]


def plan_search(schema: DatabaseSchema, tables: Collection[str]) -> SearchPlan:
    """The plan for ``schema``; no ``tables`` means every table with a FULLTEXT index."""
    if not tables:
        chosen = schema.tables
        unknown: tuple[str, ...] = ()
    else:
        chosen = tuple(table for table in schema.tables if table.name in tables)
        known = {table.name for table in chosen}
        unknown = tuple(name for name in dict.fromkeys(tables) if name not in known)
    return SearchPlan(
        sources=tuple(
            PlannedSource(table, index)
            for table in chosen
            for index in sorted(table.fulltext_indexes, key=lambda index: index.name)
        ),
        without_index=tuple(table.name for table in chosen if not table.fulltext_indexes),
        unknown=unknown,
    )
