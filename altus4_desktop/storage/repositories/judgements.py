"""The table ``judgements``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import ConflictError
from altus4_desktop.domain.query_sets import JudgedRow, Judgement, SetQueryDraft
from altus4_desktop.storage.repositories.fitting import check_lengths
from altus4_desktop.storage.repositories.query_sets import (
    insert_queries,
    is_touched,
    lock_set,
    touch_set,
)
from altus4_desktop.storage.tables import judgements, set_queries
from altus4_desktop.storage.transactions import Transactions

c = judgements.c
q = set_queries.c
_BATCH = 1000


class JudgementRepository:
    """How well rows answer the queries of a set. Every method raises StoreError when the store
    fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list_(self, query_id: str) -> list[Judgement]:
        """Those of one query, best first."""
        return self._read(
            sa.select(*judgements.columns)
            .where(c.query_id == query_id)
            .order_by(c.grade.desc(), c.connection_id, c.document)
        )

    def list_of_set_(self, set_id: str) -> list[Judgement]:
        """Those of every query of a set."""
        return self._read(
            sa.select(*judgements.columns)
            .join_from(judgements, set_queries, c.query_id == q.id)
            .where(q.set_id == set_id)
            .order_by(q.position, q.id, c.connection_id, c.document)
        )

    def judge_(
        self,
        set_id: str,
        query: tuple[str, SetQueryDraft],
        row: JudgedRow,
        grade: int | None,
        instead_of: Sequence[JudgedRow],
        limits: tuple[int, int],
        events: Sequence[AuditEvent] = (),
    ) -> None:
        """Grade ``row`` for the query of that text; None withdraws what was said of it.

        The query is added with the id given when the set has none of its text. ``instead_of`` are
        other names of the row, which are dropped. ``limits``: queries and judgements that a set
        holds. Raises ConflictError, NotFoundError.
        """
        new_id, draft = query
        values = {**_row_values(row), "grade": grade}
        check_lengths(judgements, values, {"document": "row"})
        same = [_is(one) for one in (row, *instead_of)]

        def find(connection: sa.Connection) -> str | None:
            statement = (
                sa.select(q.id)
                .where(q.set_id == set_id, q.query == draft.text)
                .order_by(q.position, q.id)
            )
            return connection.execute(statement.limit(1)).scalar()

        def work(connection: sa.Connection) -> bool:
            lock_set(connection, set_id)
            query_id = find(connection)
            if query_id is None:
                if grade is None:
                    return False
                insert_queries(connection, set_id, [query], limits[0])
                touch_set(connection, set_id)
                query_id = new_id
            dropped = sum(
                connection.execute(
                    sa.delete(judgements).where(c.query_id == query_id, one)
                ).rowcount
                for one in same
            )
            if grade is None:
                return dropped > 0
            _check_count(connection, set_id, 1, limits[1])
            connection.execute(sa.insert(judgements).values(query_id=query_id, **values))
            return True

        def settled(connection: sa.Connection) -> bool:
            query_id = find(connection)
            statement = sa.select(c.grade).where(c.query_id == query_id, same[0])
            return connection.execute(statement).scalar() == grade

        self._transactions.write(work, settled=settled, events=events)

    def import_(
        self,
        set_id: str,
        queries: Sequence[tuple[str, SetQueryDraft]],
        graded: Mapping[str, Mapping[JudgedRow, int]],
        limits: tuple[int, int],
        events: Sequence[AuditEvent] = (),
    ) -> None:
        """Add queries, each with its new id and a name, and by the names of queries the grades of
        rows, all or nothing; a row that is judged already gets the new grade.

        A query of the same name and text is the same; raises ConflictError
        (``query_set.other_query``) for one of another text, and as `judge_`.
        """
        changed_at: datetime | None = None

        def work(connection: sa.Connection) -> None:
            nonlocal changed_at
            lock_set(connection, set_id)
            statement = sa.select(q.name, q.id, q.query).where(q.set_id == set_id)
            known = {name: (found, text) for name, found, text in connection.execute(statement)}
            new = []
            ids = {}
            for query_id, draft in queries:
                ids[draft.name], text = known.get(draft.name, (query_id, draft.text))
                if text != draft.text:
                    raise ConflictError(
                        "The query “{name}” of the file is another one than that of the set.",
                        hint="Import the file into a set of its own.",
                        code="query_set.other_query",
                        details={"name": draft.name},
                    )
                if draft.name not in known:
                    new.append((query_id, draft))
            insert_queries(connection, set_id, new, limits[0])
            values = [
                {"query_id": ids[name], "grade": grade, **_row_values(row)}
                for name, rows in graded.items()
                if name in ids
                for row, grade in rows.items()
            ]
            for one in values:
                check_lengths(judgements, one, {"document": "qrels"})
            of_known = {ids[name] for name in known if name in ids}
            _drop(connection, [one for one in values if one["query_id"] in of_known])
            _check_count(connection, set_id, len(values), limits[1])
            for at in range(0, len(values), _BATCH):
                connection.execute(sa.insert(judgements), values[at : at + _BATCH])
            changed_at = touch_set(connection, set_id)

        self._transactions.write(
            work,
            settled=lambda connection: is_touched(connection, set_id, changed_at),
            events=events,
        )

    def _read(self, statement: sa.Select[Any]) -> list[Judgement]:
        return self._transactions.read(
            lambda connection: [_judgement(row) for row in connection.execute(statement).mappings()]
        )


def _drop(connection: sa.Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Drop the judgements that ``values`` replace."""
    statement = sa.delete(judgements).where(
        c.query_id == sa.bindparam("of_query"),
        c.connection_id == sa.bindparam("of_connection"),
        c.document == sa.bindparam("of_document"),
    )
    for at in range(0, len(values), _BATCH):
        connection.execute(
            statement,
            [
                {
                    "of_query": one["query_id"],
                    "of_connection": one["connection_id"],
                    "of_document": one["document"],
                }
                for one in values[at : at + _BATCH]
            ],
        )


def _check_count(connection: sa.Connection, set_id: str, more: int, most: int) -> None:
    statement = (
        sa.select(sa.func.count())
        .select_from(judgements.join(set_queries, c.query_id == q.id))
        .where(q.set_id == set_id)
    )
    if connection.execute(statement).scalar_one() + more > most:
        raise ConflictError(
            "A query set holds {most} judgements at most.",
            hint="Begin another set.",
            code="query_set.too_many_judgements",
            details={"most": most},
        )


def _is(row: JudgedRow) -> sa.ColumnElement[bool]:
    return sa.and_(c.connection_id == row.connection_id, c.document == row.document)


def _row_values(row: JudgedRow) -> dict[str, Any]:
    return {
        "connection_id": row.connection_id,
        "connection_name": row.connection_name,
        "document": row.document,
    }


def _judgement(row: Mapping[Any, Any]) -> Judgement:
    return Judgement(
        query_id=row[c.query_id],
        row=JudgedRow(row[c.connection_id], row[c.connection_name], row[c.document]),
        grade=row[c.grade],
        judged_at=row[c.judged_at],
    )
