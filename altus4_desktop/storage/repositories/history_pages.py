"""Pages of the history, newest first, found by what they have in common.

Each filter has an index that ends with the instant, or a list of its own, so that a page costs what
it holds, however long the history is. Words are looked for among the newest searches first: a word
that is not there is rare, and the FULLTEXT index has few of it to put in order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import fold_query
from altus4_desktop.domain.history import SLOW_MS, HistoryOutcome, HistoryQuery, WeekHour
from altus4_desktop.domain.local_days import epoch_s, find_week_hours, instant_of
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.storage.repositories.own_clocks import is_in, with_zones
from altus4_desktop.storage.repositories.search_marks import FAILED, SLOW
from altus4_desktop.storage.repositories.search_params import (
    FIRST_AT,
    is_at,
    is_by_people,
    is_complete,
    is_finished,
    is_named,
    last_at,
)
from altus4_desktop.storage.tables import search_marks, searches

_LOOK_ROWS, _FAR_ROWS = 1000, 5000
_LOOK_LEAST, _LOOK_AT_MOST = 3000, 50_000
# A word in fewer than one of so many queries is left to the FULLTEXT index.
_RARE = 300
# So few searches of a duration are put in order: the first number, where the index knows all that
# is asked of them; the second, where each has to be looked up.
_FEW, _FEW_TO_READ = 100_000, 30_000
# So few searches in a list are looked at one by one.
_SHORT = 10_000
_IDS_AT_ONCE = 1000
# In one statement: more take longer to write than to read.
_HOURS_AT_ONCE = 8
_SECOND = timedelta(seconds=1)

MIN_WORD = 3
"""InnoDB leaves shorter words out of its index unless it is configured otherwise."""
LISTS = {HistoryOutcome.FAILED: FAILED, HistoryOutcome.SLOW: SLOW}
"""The outcomes whose searches stand in a list."""

c, m = searches.c, search_marks.c
Matching = Callable[[Sequence[str]], sa.ColumnElement[bool]]
_Times = tuple[sa.ColumnElement[datetime], sa.ColumnElement[datetime]]
_Row = sa.Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after the search with this instant and id."""

    created_at: Any
    id: str


def read_page(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    after: SearchRecord | None,
    limit: int,
    matching: Matching,
) -> list[sa.RowMapping]:
    """The rows of a page, ``columns`` of each, among them id, query and instant; ``matching`` is
    how the database finds words."""
    place = None if after is None else Place(after.created_at, after.id)
    query = with_zones(connection, query)
    lists = _shortest_first(connection, query)

    def read(begin: Place | None, count: int, *more: sa.ColumnElement[bool]) -> list[sa.RowMapping]:
        if more:
            statement = _among(columns, query, begin, more).limit(count)
            return list(connection.execute(statement).mappings())
        if by_key:
            rows = _newest(connection, (c.created_at, c.id), query, lists, begin, count)
            return _by_id(connection, columns, [row[1] for row in rows])
        statement, *_ = _statements(columns, query, lists, begin)
        return list(connection.execute(statement.limit(count)).mappings())

    # Most of what is looked at is in an index and not wanted: what is wanted is read at the end.
    by_key = bool(query.connection_id or query.week_hour)
    if not query.text.strip():
        few = _few_of_duration(connection, query, place, limit)
        return read(place, limit) if few is None else _by_id(connection, columns, few)
    words = re.findall(r"\w+", query.text)
    fits = text_test(query)
    near = _look(connection, query, lists, place, limit, fits)
    found = _by_id(connection, columns, near.ids[:limit])
    if len(found) == limit or near.is_all:
        return found
    text = query.text.strip()
    # The index reads all that it knows of a word: a frequent one is looked for in what it finds
    # of the rare ones.
    rare = [word for word in words if _is_rare(word, near.texts)]
    wanted = rare or words
    rest = matching(wanted) if words else c.query.icontains(text, autoescape=True)
    if wanted == words and not query.whole:
        return found + read(near.place, limit - len(found), rest)
    ids: list[str] = []
    begin = near.place
    while len(found) + len(ids) < limit:
        keys = _among((c.created_at, c.id, c.query), query, begin, [rest]).limit(_FAR_ROWS)
        rows = connection.execute(keys).all()
        # Words only narrow it down: no index knows what else there is in a query.
        ids += [key for _, key, found_text in rows if fits(found_text)]
        if len(rows) < _FAR_ROWS:
            break
        begin = Place(rows[-1][0], rows[-1][1])
    return found + _by_id(connection, columns, ids[: limit - len(found)])


@dataclass(frozen=True, slots=True)
class _Lists:
    """In which lists a search has to stand; ``is_short``: in the first one stand so few that
    whatever else is asked for is looked up."""

    marks: Sequence[str]
    is_short: bool


@dataclass(frozen=True, slots=True)
class _Near:
    """Which of the newest searches fit, up to where they were looked at, whether those are all;
    ``texts`` are the newest of those looked at."""

    ids: Sequence[str]
    texts: Sequence[str]
    place: Place | None
    is_all: bool


def _look(
    connection: sa.Connection,
    query: HistoryQuery,
    lists: _Lists,
    place: Place | None,
    limit: int,
    fits: Callable[[str], bool],
) -> _Near:
    ids: list[str] = []
    texts: list[str] = []
    looked = 0
    # As the database writes it: only that of the last row is wanted as an instant.
    columns = (sa.type_coerce(c.created_at, sa.types.NullType()), c.id, c.query)
    while looked < _LOOK_AT_MOST:
        rows = _newest(connection, columns, query, lists, place, _LOOK_ROWS)
        ids += [key for _, key, text in rows if fits(text)]
        if looked < _LOOK_LEAST:
            texts += [text for _, _, text in rows]
        looked += len(rows)
        if len(rows) < _LOOK_ROWS:
            return _Near(ids, texts, place, is_all=True)
        last = rows[-1][1]
        at = connection.execute(sa.select(c.created_at).where(c.id == last)).scalar_one()
        place = Place(at, last)
        is_rare = looked >= _LOOK_LEAST and len(ids) * _RARE < looked
        if len(ids) >= limit or is_rare:
            break
    return _Near(ids, texts, place, is_all=False)


def _is_rare(word: str, texts: Sequence[str]) -> bool:
    """Whether few of ``texts`` have the word; of a short one the index of a server knows less."""
    if len(word) < MIN_WORD:
        return False
    test = _word_test([word], word)
    return sum(map(test, texts)) * _RARE < len(texts)


def _newest(
    connection: sa.Connection,
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    lists: _Lists,
    place: Place | None,
    count: int,
) -> list[_Row]:
    """The newest rows behind ``place``; ``columns`` begin with the instant and the id."""

    def read(statements: Sequence[sa.Select[*tuple[Any, ...]]], **times: datetime) -> list[_Row]:
        limited = [statement.limit(count) for statement in statements]
        if len(limited) == 1:
            return list(connection.execute(limited[0], times))
        together = sa.union_all(*(sa.select(statement.subquery()) for statement in limited))
        rows = list(connection.execute(together, times))
        rows.sort(key=lambda row: (row[0], row[1]), reverse=True)
        return rows[:count]

    if query.week_hour is None:
        return read(_statements(columns, query, lists, place))
    found: list[_Row] = []
    # No index knows hours of the week: each is looked for where it was.
    later, hours, earlier = _hours(connection, query, query.week_hour, place)
    bounds: list[_Times] = [
        (sa.bindparam(f"begins_{number}"), sa.bindparam(f"ends_{number}"))
        for number in range(_HOURS_AT_ONCE)
    ]
    by_hour = [
        statement
        for begins, ends in bounds
        for statement in _statements(columns, query, lists, place, begins, ends)
    ]
    if later is not None:
        found += read(_statements(columns, replace(query, from_at=later), lists, place))
    for at in range(0, len(hours), _HOURS_AT_ONCE):
        if len(found) >= count:
            break
        some = hours[at : at + _HOURS_AT_ONCE]
        some += [(some[0][0], some[0][0])] * (_HOURS_AT_ONCE - len(some))
        times: dict[str, datetime] = {}
        for number, (begins_at, ends_at) in enumerate(some):
            times |= {f"begins_{number}": begins_at, f"ends_{number}": ends_at}
        found += read(by_hour, **times)
    if earlier is not None and len(found) < count:
        found += read(_statements(columns, replace(query, to_at=earlier), lists, place))
    return found[:count]


def _hours(
    connection: sa.Connection, query: HistoryQuery, hour: WeekHour, place: Place | None
) -> tuple[datetime | None, list[tuple[datetime, datetime]], datetime | None]:
    """When it was that hour of the week on the clocks that are asked for, the newest first; from
    when on, and until when there are searches of times when it is not known. Other programs may
    have written any year: the hours of a thousand years are not looked for."""
    of_whom = [c.user_id == query.user_id] if query.user_id else []
    oldest_at, newest_at = (
        connection.execute(sa.select(end(c.created_at)).where(*of_whom)).scalar_one()
        for end in (sa.func.min, sa.func.max)
    )
    if oldest_at is None or newest_at is None:
        return None, [], None
    ends_at = newest_at + _SECOND if query.to_at is None else min(query.to_at, newest_at + _SECOND)
    if place is not None:
        ends_at = min(ends_at, place.created_at + _SECOND)
    begins_at = oldest_at if query.from_at is None else max(query.from_at, oldest_at)
    first_at, after_at = max(begins_at, FIRST_AT), min(ends_at, last_at())
    hours: list[tuple[datetime, datetime]] = []
    for begins, ends in sorted(
        span
        for zone in ((hour.zone,) if hour.zone else query.zones)
        for span in find_week_hours(
            zone, hour.weekday, hour.hour, epoch_s(first_at), epoch_s(after_at) + 1
        )
    ):
        from_at, to_at = max(instant_of(begins), first_at), min(instant_of(ends), after_at)
        if hours and from_at <= hours[-1][1]:
            hours[-1] = hours[-1][0], max(hours[-1][1], to_at)
        else:
            hours.append((from_at, to_at))
    return (
        max(begins_at, after_at) if after_at < ends_at else None,
        hours[::-1],
        min(FIRST_AT, ends_at) if begins_at < FIRST_AT else None,
    )


def _by_id(
    connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], ids: Sequence[str]
) -> list[sa.RowMapping]:
    rows: dict[str, sa.RowMapping] = {}
    for at in range(0, len(ids), _IDS_AT_ONCE):
        statement = sa.select(*columns).where(c.id.in_(ids[at : at + _IDS_AT_ONCE]))
        rows |= {row[c.id]: row for row in connection.execute(statement).mappings()}
    return [rows[each] for each in ids if each in rows]


def _statements(
    columns: Sequence[sa.ColumnElement[Any]],
    query: HistoryQuery,
    lists: _Lists,
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


def _shortest_first(connection: sa.Connection, query: HistoryQuery) -> _Lists:
    """The lists of ``query``, that with the fewest searches first where there is a choice."""
    marks = lists_of(query)
    if len(marks) + bool(query.connection_id) < 2:
        return _Lists(marks, is_short=False)
    for rows in (_SHORT, _SHORT * 10):
        for mark in marks:
            one_more = sa.select(m.search_id).where(m.mark == mark).offset(rows).limit(1)
            if connection.execute(one_more).first() is None:
                return _Lists(sorted(marks, key=lambda each: each != mark), rows == _SHORT)
    return _Lists(marks, is_short=False)


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
    # The server would take another one, and put millions of rows in order.
    statement = statement.with_hint(searches, f"FORCE INDEX ({index_of(query)})", "mysql")
    if query.user_id:
        statement = statement.where(c.user_id == query.user_id)
    if query.connection_id:
        statement = statement.where(c.database_id == query.connection_id)
    return _page(statement, c.created_at, c.id, query, place, *times)


def _among(
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


def _few_of_duration(
    connection: sa.Connection, query: HistoryQuery, place: Place | None, limit: int
) -> list[str] | None:
    """The ids of a page of a duration that few searches have; None where it is found sooner among
    the newest, or any will do."""
    took = _durations(query, c.execution_time_ms)
    if not took:
        return None
    alone = replace(query, from_at=None, to_at=None, least_ms=0, most_ms=None) == HistoryQuery()
    few = _FEW if alone else _FEW_TO_READ
    if query.least_ms >= SLOW_MS:
        # Of the slow ones there is a list, in which more than so few are found soon.
        few = _SHORT
    hint = (searches, "FORCE INDEX (idx_history_took)", "mysql")
    one_more = sa.select(c.id).where(*took).offset(few).limit(1)
    if connection.execute(one_more.with_hint(*hint)).first() is not None:
        return None
    wanted = _among([c.id], query, place, took).with_hint(*hint).limit(limit)
    return list(connection.execute(wanted).scalars())


def _durations(query: HistoryQuery, took: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
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
    found += _durations(query, _hidden(c.execution_time_ms))
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
    from_at, to_at = times or (query.from_at, query.to_at)
    if from_at is not None:
        statement = statement.where(at >= from_at)
    if to_at is not None:
        statement = statement.where(at < to_at)
    if place is not None:
        before = sa.or_(at < place.created_at, key < place.id)
        statement = statement.where(at <= place.created_at, before)
    return statement.order_by(at.desc(), key.desc())


def index_of(query: HistoryQuery) -> str:
    """The index by which the fewest rows are looked at."""
    if query.connection_id:
        return "idx_history_user_connection" if query.user_id else "idx_history_connection"
    if query.outcome is HistoryOutcome.NONE:
        return "idx_history_user_count" if query.user_id else "idx_history_count"
    if query.mode is not None:
        return "idx_history_user_mode" if query.user_id else "idx_history_mode"
    return "idx_searches_user_created" if query.user_id else "idx_created_at"


def text_test(query: HistoryQuery) -> Callable[[str], bool]:
    """Whether a text fits that of ``query``, which is not empty."""
    words = re.findall(r"\w+", query.text)
    return _whole_test(query.text) if query.whole else _word_test(words, query.text)


def _word_test(words: Sequence[str], text: str) -> Callable[[str], bool]:
    if not words:
        part = _folded(text.strip())
        return lambda found: part in _folded(found)
    tests = [re.compile(rf"(?<!\w){re.escape(_folded(word))}") for word in words]
    return lambda found: all(test.search(_folded(found)) for test in tests)


def _whole_test(text: str) -> Callable[[str], bool]:
    whole = fold_query(text)
    return lambda found: fold_query(found) == whole


def _folded(text: str) -> str:
    """``text`` without case and accents, as the databases compare it."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if not unicodedata.combining(sign)).casefold()
