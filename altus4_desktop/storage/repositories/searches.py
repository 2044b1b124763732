"""The table ``searches``: the history."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.history import HistoryLook, HistoryQuery
from altus4_desktop.domain.query_sets import PastQuery
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.storage.repositories.account_states import record_activity
from altus4_desktop.storage.repositories.analytics_marks import mark_hours
from altus4_desktop.storage.repositories.history_groups import Groups, count_groups
from altus4_desktop.storage.repositories.history_pages import MIN_WORD, read_page
from altus4_desktop.storage.repositories.search_marks import (
    add_marks,
    delete_marks,
    mark_old,
    marks_of,
    old_rows,
)
from altus4_desktop.storage.tables import databases, searches
from altus4_desktop.storage.transactions import Transactions

Columns = TypeVarTuple("Columns")

c = searches.c
_RECORD = (
    c.id,
    c.user_id,
    c.database_id,
    c.query,
    c.search_mode,
    c.search_params,
    c.result_count,
    c.execution_time_ms,
    c.created_at,
)
# The FTS5 table that stands for the FULLTEXT index on SQLite.
_FT_QUERY = sa.table("ft_query", sa.column("rowid"))
_QUERY_LIMIT = 1000
# Completion looks no further back than this many matching searches.
_RECENT_LIMIT = 1000
_DELETE_BATCH = 500


class SearchRepository:
    """Past searches. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._on_file = dialect == "sqlite"

    def add_(self, *records: SearchRecord) -> None:
        """Keep ``records``, all of them or none, and that their users are active; repeating it with
        the same ids does nothing.

        A query is cut at the column's 1,000 characters, and a connection deleted meanwhile is left
        out. Raises NotFoundError when there is no such user.
        """

        def work(connection: sa.Connection) -> None:
            ids = {record.connection_id for record in records}
            statement = sa.select(databases.c.id).where(databases.c.id.in_(ids))
            # Whoever deletes one of them waits until this is done.
            there = set(connection.execute(statement.with_for_update(read=True)).scalars())
            for record in records:
                kept = record.connection_id if record.connection_id in there else None
                values = {**_values(record), "database_id": kept}
                connection.execute(sa.insert(searches).values(**values))
                add_marks(connection, record.id, marks_of(record))
            mark_hours(connection, c.id.in_([record.id for record in records]))
            for user_id in sorted({record.user_id for record in records}):
                record_activity(connection, user_id)

        def settled(connection: sa.Connection) -> bool:
            statement = sa.select(c.id, c.user_id).where(c.id.in_([r.id for r in records]))
            found = {row[0]: row[1] for row in connection.execute(statement)}
            return all(found.get(record.id) == record.user_id for record in records)

        self._transactions.write(work, settled=settled, repeatable=True)

    def recent_(self, user_id: str, prefix: str = "", limit: int = 20) -> list[SearchRecord]:
        """The user's newest searches whose query starts with ``prefix`` (in any case), each query
        once."""
        statement = sa.select(*_RECORD).where(c.user_id == user_id)
        if prefix:
            statement = statement.where(c.query.istartswith(prefix, autoescape=True))
        distinct: dict[str, SearchRecord] = {}
        for record in self._records(_newest_first(statement).limit(_RECENT_LIMIT)):
            distinct.setdefault(record.query.casefold(), record)
            if len(distinct) >= limit:
                break
        return list(distinct.values())

    def list_(
        self,
        user_id: str | None,
        *,
        text: str = "",
        from_at: datetime | None = None,
        to_at: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[SearchRecord]:
        """The searches of one user, or of all, newest first; ``to_at`` is exclusive.

        ``text`` keeps queries with words that begin with its words, or failing that with ``text``
        anywhere in them.
        """
        statement = sa.select(*_RECORD)
        if user_id is not None:
            statement = statement.where(c.user_id == user_id)
        if from_at is not None:
            statement = statement.where(c.created_at >= from_at)
        if to_at is not None:
            statement = statement.where(c.created_at < to_at)
        page = _newest_first(statement).limit(limit).offset(offset)
        if not text.strip():
            return self._records(page)
        words = re.findall(r"\w+", text)
        if words and all(len(word) >= MIN_WORD for word in words):
            matching = self._matching(words)
            # An empty page may also be the one after the last.
            if self._records(_newest_first(statement).where(matching).limit(1)):
                return self._records(page.where(matching))
        return self._records(page.where(c.query.icontains(text.strip(), autoescape=True)))

    def page_(
        self,
        query: HistoryQuery,
        after: SearchRecord | None = None,
        limit: int = 200,
        looked: Callable[[HistoryLook], None] | None = None,
    ) -> list[SearchRecord]:
        """The searches that ``query`` finds, newest first, of those after ``after``; what takes
        long tells ``looked`` what was found so far. Raises what ``looked`` raises."""

        def tell(rows: Sequence[sa.RowMapping], back_to: datetime) -> None:
            if looked is not None:
                looked(HistoryLook(tuple(map(_search, rows)), back_to))

        return self._transactions.read(
            lambda connection: [
                _search(row)
                for row in read_page(
                    connection, _RECORD, query, after, limit, self._matching, told=tell
                )
            ]
        )

    def count_(self, query: HistoryQuery, most: int) -> int:
        """How many searches ``query`` finds, up to ``most``."""
        columns = (c.created_at, c.id, c.query)
        return self._transactions.read(
            lambda connection: len(
                read_page(connection, columns, query, None, most, self._matching)
            )
        )

    def count_groups_(self, query: HistoryQuery, connection_ids: Collection[str]) -> Groups:
        """`count_groups` of all that ``query`` finds."""
        return self._transactions.read(
            lambda connection: count_groups(connection, query, connection_ids)
        )

    def list_frequent_(self, user_id: str, *, fruitless: bool, limit: int) -> list[PastQuery]:
        """The user's queries, the most frequent first; ``fruitless``: those that never found
        anything."""
        searched = sa.func.count()
        empty = sa.func.count(sa.case((c.result_count == 0, 1)))
        statement = (
            sa.select(c.query, searched, empty)
            .where(c.user_id == user_id)
            .group_by(c.query)
            .order_by(searched.desc(), c.query)
            .limit(limit)
        )
        if fruitless:
            statement = statement.having(searched == empty)
        return self._transactions.read(
            lambda connection: [PastQuery(*row) for row in connection.execute(statement)]
        )

    def oldest_ids(self, user_id: str, count: int, before_at: datetime | None = None) -> list[str]:
        """The ids of the user's oldest searches, at most ``count``, all of them from before
        ``before_at``."""
        statement = sa.select(c.id).where(c.user_id == user_id)
        if before_at is not None:
            statement = statement.where(c.created_at < before_at)
        statement = statement.with_hint(
            searches, "FORCE INDEX (idx_searches_user_created)", "mysql"
        )
        oldest = statement.order_by(c.created_at).limit(count)
        return self._transactions.read(
            lambda connection: list(connection.execute(oldest).scalars())
        )

    def delete_(
        self, user_id: str, search_ids: Sequence[str], events: Sequence[AuditEvent] = ()
    ) -> int:
        """Delete these searches of one user; returns how many there were."""
        counted = 0
        batches = [
            search_ids[at : at + _DELETE_BATCH] for at in range(0, len(search_ids), _DELETE_BATCH)
        ]

        def work(connection: sa.Connection) -> bool:
            nonlocal counted
            counted = 0
            for ids in batches:
                mine = c.user_id == user_id, c.id.in_(ids)
                mark_hours(connection, *mine)
                delete_marks(connection, user_id, ids)
                counted += connection.execute(sa.delete(searches).where(*mine)).rowcount
            return counted > 0

        def gone(connection: sa.Connection) -> bool:
            left = [
                sa.select(c.id).where(c.user_id == user_id, c.id.in_(ids)).limit(1)
                for ids in batches
            ]
            return all(connection.execute(statement).first() is None for statement in left)

        if batches:
            self._transactions.write(work, settled=gone, events=events)
        return counted

    def delete_more_(self, user_id: str, search_ids: Sequence[str]) -> int:
        """`delete_` where what is done is written down with those before."""
        return self.delete_(user_id, search_ids)

    def mark_old_(self, user_id: str, count: int) -> int:
        """Put the next ``count`` of the user's searches that are there already into their lists;
        returns at how many it has looked: fewer at the end."""
        looked = 0
        # Mostly there are none: nobody is to wait for that.
        if not self._transactions.read(lambda connection: old_rows(connection, user_id, 1)):
            return 0

        def work(connection: sa.Connection) -> bool:
            nonlocal looked
            looked = mark_old(connection, user_id, count)
            return looked > 0

        # Done once more, it does what is left.
        self._transactions.write(work, settled=lambda _: True)
        return looked

    def _matching(self, words: Sequence[str]) -> sa.ColumnElement[bool]:
        if not self._on_file:
            text = " ".join(f"+{word}*" for word in words)
            return mysql.match(c.query, against=text).in_boolean_mode()
        text = " ".join(f'"{word}"*' for word in words)
        found = sa.select(_FT_QUERY.c.rowid).where(sa.literal_column("ft_query").op("MATCH")(text))
        return sa.literal_column("searches.rowid").in_(found)

    def _records(self, statement: sa.Select[*Columns]) -> list[SearchRecord]:
        return self._transactions.read(
            lambda connection: [_search(row) for row in connection.execute(statement).mappings()]
        )


def _newest_first(statement: sa.Select[*Columns]) -> sa.Select[*Columns]:
    return statement.order_by(c.created_at.desc(), c.id.desc())


def _search(row: Mapping[Any, Any]) -> SearchRecord:
    params = row[c.search_params]
    return SearchRecord(
        id=row[c.id],
        user_id=row[c.user_id],
        connection_id=row[c.database_id],
        query=row[c.query],
        mode=SearchMode(row[c.search_mode] or SearchMode.NATURAL),
        params=params if isinstance(params, dict) else {},
        result_count=row[c.result_count],
        execution_time_ms=row[c.execution_time_ms],
        created_at=row[c.created_at],
    )


def _values(record: SearchRecord) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": record.id,
        "user_id": record.user_id,
        "query": record.query[:_QUERY_LIMIT],
        "search_mode": record.mode.value,
        "search_params": dict(record.params),
        "categories": [
            {"name": category.name, "count": category.count} for category in record.categories
        ],
        "result_count": record.result_count,
        "execution_time_ms": record.execution_time_ms,
    }
    if record.created_at is not None:
        values["created_at"] = record.created_at
    return values
