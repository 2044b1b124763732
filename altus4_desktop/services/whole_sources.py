"""Which statements find every row of a search, each row once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import SearchMode, SearchRequest, TableChoice
from altus4_desktop.search.plan import LeftOut, left_out_error, plan_search
from altus4_desktop.services.fan_out import Question, aria_hangs

if TYPE_CHECKING:
    from altus4_desktop.domain.accounts import Actor
    from altus4_desktop.domain.cancel import CancelToken
    from altus4_desktop.domain.connections import Connection, Target
    from altus4_desktop.domain.schema import FulltextIndex
    from altus4_desktop.mysql.whole import WholeSearch
    from altus4_desktop.services.connections import ConnectionsService


@dataclass(frozen=True, slots=True)
class WholeSource:
    """One statement and the server it is for."""

    connection: str
    target: Target
    search: WholeSearch


def build_whole_sources(
    connections: ConnectionsService,
    actor: Actor,
    request: SearchRequest,
    question: Question,
    chosen: Sequence[tuple[Connection, Collection[TableChoice]]],
    token: CancelToken,
) -> Sequence[WholeSource]:
    """The statements for ``chosen``, by connection, table and index.

    A row that two indexes of a table find is of the first. Raises InputError, AltusError
    (``search.aria``), `TenantError`, `Cancelled`.
    """
    from altus4_desktop.mysql.whole import WholeSearch

    if request.mode is SearchMode.SEMANTIC:
        raise InputError(
            "mode",
            "Everything found can be exported of natural and boolean searches only.",
            hint="Semantic mode orders its best candidates; export these hits, or change the mode.",
        )
    sources = []
    left_out: list[LeftOut] = []
    for connection, tables in chosen:
        target = connections.target_(actor, connection.id)
        schema = connections.schema_(actor, connection.id, token)
        plan = plan_search(schema, tables, request.narrowing, connection.id)
        left_out += plan.left_out
        before: dict[str, tuple[FulltextIndex, ...]] = {}
        for planned in plan.sources:
            table = planned.table
            if question.hangs_aria and table.engine.lower() == "aria":
                raise aria_hangs(table.name)
            others = before.get(table.name, ())
            before[table.name] = (*others, planned.index)
            search = WholeSearch(
                search_id=question.search_id,
                database=schema.database,
                table=table,
                index=planned.index,
                others=others,
                query=question.query,
                boolean=question.boolean,
                conditions=planned.conditions,
                threshold=request.narrowing.threshold,
            )
            sources.append(WholeSource(connection.name, target, search))
    if not sources and left_out:
        raise left_out_error(left_out)
    if not sources:
        raise InputError(
            "tables",
            "None of the chosen tables has a FULLTEXT index.",
            hint="Choose other tables or connections.",
        )
    return sources
