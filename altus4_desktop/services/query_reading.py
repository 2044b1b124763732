"""A query before it is sent: what its sources will make of it, from what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from altus4_desktop.domain.connections import Connection, Flavour
from altus4_desktop.domain.query_reading import QueryReading
from altus4_desktop.domain.schema import DatabaseSchema
from altus4_desktop.domain.searching import SearchMode, SearchRequest, SourceRef, TableChoice
from altus4_desktop.search.boolean import clean_query, read_boolean
from altus4_desktop.search.lint import lint_reading, plain_text_fix
from altus4_desktop.search.lint_sources import QuerySource, UnsearchedTable
from altus4_desktop.search.plan import plan_search
from altus4_desktop.search.terms import index_rules
from altus4_desktop.search.tokens import tokens_of_reading


def build_reading(
    request: SearchRequest,
    chosen: Sequence[tuple[Connection, Collection[TableChoice]]],
    schema_of: Callable[[str], DatabaseSchema | None],
) -> QueryReading:
    """The reading of the request's query on ``chosen`` connections, each with its chosen tables;
    ``schema_of`` answers with None for one that has not been read."""
    sources: list[QuerySource] = []
    unsearched: list[UnsearchedTable] = []
    unread: list[str] = []
    for connection, tables in chosen:
        schema = schema_of(connection.id)
        if schema is None:
            unread.append(connection.name)
            continue
        plan = plan_search(schema, tables)
        for planned in plan.sources:
            ref = SourceRef(connection.name, planned.table.name, planned.index.name, connection.id)
            rules = index_rules(
                planned.table, schema.fulltext, schema.flavour, planned.index.parser or ""
            )
            mariadb = schema.flavour is Flavour.MARIADB
            sources.append(QuerySource(ref, rules, planned.table.engine, mariadb))
        if not tables:
            continue
        for name in plan.without_index:
            table = schema.table(name)
            unsearched.append(
                UnsearchedTable(
                    SourceRef(connection.name, name, connection_id=connection.id),
                    partitioned=table is not None and table.partitioned,
                )
            )
    text = clean_query(request.query)
    reading = read_boolean(text) if request.mode is SearchMode.BOOLEAN else None
    return QueryReading(
        text=request.query,
        spans=() if reading is None else reading.spans,
        findings=lint_reading(text, reading, sources, unsearched),
        words=tokens_of_reading(text, reading, sources),
        plain_text=None if reading is None else plain_text_fix(request.query),
        source_count=len(sources),
        unread=tuple(unread),
    )
