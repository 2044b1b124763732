"""The statements that find pages of the history, newest first.

Each filter has an index that ends with the instant, or a list of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVarTuple

import sqlalchemy as sa

from altus4_desktop.domain.history import SLOW_MS, HistoryOutcome, HistoryQuery
from altus4_desktop.storage.repositories.own_clocks import is_in
from altus4_desktop.storage.repositories.search_marks import FAILED, SLOW
from altus4_desktop.storage.repositories.search_params import (
    is_at,
    is_by_people,
    is_complete,
    is_finished,
    is_named,
)
from altus4_desktop.storage.tables import search_marks, searches

Columns = TypeVarTuple("Columns")

# So few searches in a list are looked at one by one.
_SHORT = 10_000

LISTS = {HistoryOutcome.FAILED: FAILED, HistoryOutcome.SLOW: SLOW}
"""The outcomes whose searches stand in a list."""

c, m = searches.c, search_marks.c


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after the search with this instant and id."""

    created_at: Any
    id: str


@dataclass(frozen=True, slots=True)
class Lists:
    """In which lists a search has to stand; ``is_short``: in the first one stand so few that
    whatever else is asked for is looked up."""

    marks: Sequence[str]
    is_short: bool


def statements_of(
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    lists: Lists,
    place: Place | None,
    *times: sa.ColumnElement[datetime],
) -> list[sa.Select[*tuple[Any, ...]]]:
    """What finds the rows of a page: two statements where a connection may have been searched
    alone or with others. ``times`` are from when and until when instead of those of ``query``."""
    if not query.connection_id and not lists.marks:
        return [_alone(columns, query, place, *times)]
    if not query.connection_id or lists.is_short:
        return [_listed(columns, query, place, lists.marks, *times)]
    alone = _alone(columns, query, place, *times)
    return [
        alone.where(*(_stands_in(mark, c.created_at, c.id) for mark in lists.marks)),
        _listed(columns, query, place, [query.connection_id, *lists.marks], *times),
    ]


def instants_of(
    query: HistoryQuery, lists: Lists, place: Place | None
) -> list[sa.Select[datetime | None]]:
    """The instants of all that each of `statements_of` looks at, newest first: an index has them in
    this order, and nothing else is read."""
    is_listed = bool(lists.marks)
    found = []
    if query.connection_id:
        is_listed = lists.is_short
        listed = sa.select(m.created_at).where(m.mark == query.connection_id)
        if not is_listed:
            found.append(_instants(listed, m.created_at, query, place))
    if is_listed:
        listed = sa.select(m.created_at).where(m.mark == lists.marks[0])
        found.append(_instants(listed, m.created_at, query, place))
    else:
        alone = sa.select(c.created_at).where(*_of_index(query))
        alone = alone.with_hint(searches, _hint(query), "mysql")
        found.append(_instants(alone, c.created_at, query, place))
    return found


def _instants(
    statement: sa.Select[datetime | None],
    at: sa.ColumnElement[Any],
    query: HistoryQuery,
    place: Place | None,
) -> sa.Select[datetime | None]:
    if place is not None:
        statement = statement.where(at <= place.created_at)
    return _within(statement, at, query.from_at, query.to_at).order_by(at.desc())


def shortest_first(connection: sa.Connection, query: HistoryQuery) -> Lists:
    """The lists of ``query``, that with the fewest searches first where there is a choice."""
    marks = lists_of(query)
    if len(marks) + bool(query.connection_id) < 2:
        return Lists(marks, is_short=False)
    for rows in (_SHORT, _SHORT * 10):
        for mark in marks:
            one_more = sa.select(m.search_id).where(m.mark == mark).offset(rows).limit(1)
            if connection.execute(one_more).first() is None:
                return Lists(sorted(marks, key=lambda each: each != mark), rows == _SHORT)
    return Lists(marks, is_short=False)


def lists_of(query: HistoryQuery) -> list[str]:
    """The lists in which all that is asked for stands, but for those of connections."""
    found = [query.key_id] if query.key_id else []
    if query.outcome in LISTS:
        found.append(LISTS[query.outcome])
    elif query.least_ms >= SLOW_MS:
        found.append(SLOW)
    return found


def _alone(
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    place: Place | None,
    *times: sa.ColumnElement[datetime],
) -> sa.Select[*tuple[Any, ...]]:
    statement = sa.select(*columns).where(*conditions_of(query, by_words=False))
    statement = statement.with_hint(searches, _hint(query), "mysql")
    if query.user_id:
        statement = statement.where(c.user_id == query.user_id)
    if query.connection_id:
        statement = statement.where(c.database_id == query.connection_id)
    return _page(statement, c.created_at, c.id, query, place, *times)


def _hint(query: HistoryQuery) -> str:
    # The server would take another one, and put millions of rows in order.
    return f"FORCE INDEX ({index_of(query)})"


def _of_index(query: HistoryQuery) -> list[sa.ColumnElement[bool]]:
    """What `index_of` knows of ``query`` beside the instant."""
    found = [c.user_id == query.user_id] if query.user_id else []
    if query.connection_id:
        found.append(c.database_id == query.connection_id)
    elif query.outcome is HistoryOutcome.NONE:
        found.append(c.result_count == 0)
    elif query.mode is not None:
        found.append(c.search_mode == query.mode.value)
    return found


def among(
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    place: Place | None,
    few: Sequence[sa.ColumnElement[bool]],
) -> sa.Select[*tuple[Any, ...]]:
    """What finds the rows of a page among those that ``few`` finds by its index: of each is looked
    up what else it has to be like, in whatever list it would stand."""

    def stands_in(mark: str) -> sa.ColumnElement[bool]:
        return _stands_in(mark, c.created_at, c.id)

    statement = sa.select(*columns).where(*few, *conditions_of(query, by_words=True))
    if query.user_id:
        statement = statement.where(_hidden(c.user_id) == query.user_id)
    if query.connection_id:
        here = _hidden(c.database_id) == query.connection_id
        statement = statement.where(sa.or_(here, stands_in(query.connection_id)))
    # How long it took is known without a list.
    is_slow = query.outcome is HistoryOutcome.SLOW
    if is_slow:
        statement = statement.where(_hidden(c.execution_time_ms) >= SLOW_MS)
    lists = lists_of(replace(query, least_ms=0, outcome=None if is_slow else query.outcome))
    statement = statement.where(*map(stands_in, lists))
    return _page(statement, _hidden(c.created_at), c.id, query, place)


def durations_of(query: HistoryQuery, took: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if query.least_ms:
        found.append(took >= query.least_ms)
    if query.most_ms is not None:
        found.append(took <= query.most_ms)
    return found


def _stands_in(
    mark: str, at: sa.ColumnElement[Any], key: sa.ColumnElement[str]
) -> sa.ColumnElement[bool]:
    """Whether a search is in a list, looked up one by one: MySQL would rather read all of the list
    first if it was asked whether there EXISTS such a row."""
    there = m.mark == mark, m.created_at == at, m.search_id == key
    return sa.select(sa.func.count()).where(*there).scalar_subquery() > 0


def _plain(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column


def _hidden(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """``column`` without its indexes: SQLite would rather walk through all that one person has
    searched than look up the few rows that have a word."""
    return sa.func.coalesce(column, column)


def _listed(
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    place: Place | None,
    lists: Sequence[str],
    *times: sa.ColumnElement[datetime],
) -> sa.Select[*tuple[Any, ...]]:
    """What finds the rows of a page by walking through the first list: whether a search stands in
    the others is asked before it is read."""
    marks = search_marks.alias("listed")
    others = (_stands_in(mark, marks.c.created_at, marks.c.search_id) for mark in lists[1:])
    statement = (
        sa.select(*columns)
        .select_from(marks.join(searches, marks.c.search_id == c.id))
        .prefix_with("STRAIGHT_JOIN", dialect="mysql")
        .where(marks.c.mark == lists[0], *others, *conditions_of(query, by_words=False))
    )
    if query.connection_id not in ("", lists[0]):
        here = c.database_id == query.connection_id
        listed_too = _stands_in(query.connection_id, marks.c.created_at, marks.c.search_id)
        statement = statement.where(sa.or_(here, listed_too))
    if query.user_id:
        statement = statement.where(marks.c.user_id == query.user_id)
    return _page(statement, marks.c.created_at, marks.c.search_id, query, place, *times)


def conditions_of(query: HistoryQuery, *, by_words: bool) -> list[sa.ColumnElement[bool]]:
    """What a row of ``searches`` has to be like, but for whose it is, where, when and its list."""
    found: list[sa.ColumnElement[bool]] = []
    read = _hidden if by_words else _plain
    if query.mode is not None:
        found.append(read(c.search_mode) == query.mode.value)
    if query.outcome is HistoryOutcome.HITS:
        # Most searches have hits: an index of the counts would only put them out of order.
        found.append(c.result_count + 0 > 0)
    if query.outcome is HistoryOutcome.NONE:
        found.append(read(c.result_count) == 0)
    # By an index of durations the newest would not come first.
    found += durations_of(query, _hidden(c.execution_time_ms))
    if query.week_hour is not None:
        found.append(is_at(query.week_hour, query))
    if query.own_time is not None:
        found.append(is_in(query.own_time, query.zones))
    # What reads a document is asked of those that are left.
    if query.outcome is HistoryOutcome.NONE:
        found += is_complete()
    if query.is_finished:
        found.append(is_finished())
    if query.connection_name:
        found.append(is_named(query.connection_name))
    if query.key_id == "":
        found.append(is_by_people())
    return found


def _page(
    statement: sa.Select[*tuple[Any, ...]],
    at: sa.ColumnElement[Any],
    key: sa.ColumnElement[str],
    query: HistoryQuery,
    place: Place | None,
    *times: sa.ColumnElement[datetime],
) -> sa.Select[*tuple[Any, ...]]:
    statement = _within(statement, at, *(times or (query.from_at, query.to_at)))
    if place is not None:
        before = sa.or_(at < place.created_at, key < place.id)
        statement = statement.where(at <= place.created_at, before)
    return statement.order_by(at.desc(), key.desc())


def _within(
    statement: sa.Select[*Columns],
    at: sa.ColumnElement[Any],
    from_at: datetime | sa.ColumnElement[datetime] | None,
    to_at: datetime | sa.ColumnElement[datetime] | None,
) -> sa.Select[*Columns]:
    if from_at is not None:
        statement = statement.where(at >= from_at)
    if to_at is not None:
        statement = statement.where(at < to_at)
    return statement


def index_of(query: HistoryQuery) -> str:
    """The index by which the fewest rows are looked at."""
    if query.connection_id:
        return "idx_history_user_connection" if query.user_id else "idx_history_connection"
    if query.outcome is HistoryOutcome.NONE:
        return "idx_history_user_count" if query.user_id else "idx_history_count"
    if query.mode is not None:
        return "idx_history_user_mode" if query.user_id else "idx_history_mode"
    return "idx_searches_user_created" if query.user_id else "idx_created_at"
