"""The tables ``query_sets`` and ``set_queries``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.domain.query_sets import (
    QuerySet,
    QuerySetDraft,
    SetQuery,
    SetQueryDraft,
    SetQueryPage,
)
from altus4_desktop.storage.repositories.fitting import check_lengths, moved_on, server_now
from altus4_desktop.storage.tables import judgements, query_sets, set_queries, users
from altus4_desktop.storage.transactions import Transactions

c = query_sets.c
q = set_queries.c
j = judgements.c
_BATCH = 500


class QuerySetRepository:
    """Query sets and the queries in them. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def list_(self, user_id: str) -> list[QuerySet]:
        """The user's sets by name."""
        found = self._read(c.user_id == user_id)
        return sorted(found, key=lambda one: (one.draft.name.casefold(), one.draft.name))

    def find_(self, user_id: str, id_or_name: str) -> QuerySet | None:
        """The user's set with this id, or failing that with this name."""
        found = self._read(c.user_id == user_id, sa.or_(c.id == id_or_name, c.name == id_or_name))
        return min(found, key=lambda one: one.id != id_or_name, default=None)

    def create_(self, record: QuerySet, most: int, events: Sequence[AuditEvent] = ()) -> QuerySet:
        """Insert ``record`` and return it as stored; repeating it with the same id does nothing.

        Raises ConflictError (``query_set.name_taken``, ``query_set.too_many`` when the user has
        ``most`` already), and NotFoundError when there is no such user.
        """
        values = {**_values(record.draft), "id": record.id, "user_id": record.user_id}
        check_lengths(query_sets, values, {})

        def work(connection: sa.Connection) -> None:
            # Whoever begins another at the same time waits here, or both would find the last place.
            owner = sa.select(users.c.id).where(users.c.id == record.user_id).with_for_update()
            if connection.execute(owner).first() is None:
                raise NotFoundError("There is no such user.")
            count = sa.select(sa.func.count()).where(c.user_id == record.user_id)
            if connection.execute(count).scalar_one() >= most:
                raise ConflictError(
                    "You have {count} query sets already, as many as there may be.",
                    hint="Delete some that you do not need any more.",
                    code="query_set.too_many",
                    details={"count": most},
                )
            _check_name(connection, record, record.draft)
            connection.execute(sa.insert(query_sets).values(**values))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.user_id).where(c.id == record.id)).scalar()
            return found == record.user_id

        self._transactions.write(work, settled=settled, repeatable=True, events=events)
        return self._get(record)

    def update_(
        self, seen: QuerySet, draft: QuerySetDraft, events: Sequence[AuditEvent] = ()
    ) -> QuerySet:
        """Give the set, as it was ``seen``, another name and description; returns it as stored.

        Raises ConflictError (``query_set.changed``, ``query_set.name_taken``), NotFoundError.
        """
        values = _values(draft)
        check_lengths(query_sets, values, {})

        def work(connection: sa.Connection) -> None:
            lock_set(connection, seen.id)
            row = connection.execute(sa.select(c.name, c.description).where(c.id == seen.id)).one()
            if QuerySetDraft(*row) != seen.draft:
                raise _changed(seen.draft.name)
            _check_name(connection, seen, draft)
            connection.execute(sa.update(query_sets).where(c.id == seen.id).values(**values))
            touch_set(connection, seen.id)

        def settled(connection: sa.Connection) -> bool:
            statement = sa.select(c.name, c.description).where(c.id == seen.id)
            row = connection.execute(statement).first()
            return row is not None and QuerySetDraft(*row) == draft

        self._transactions.write(work, settled=settled, events=events)
        return self._get(seen)

    def delete_(self, set_ids: Sequence[str], events: Sequence[AuditEvent] = ()) -> None:
        """Delete sets with all that is in them; those that are gone already are left out."""
        chosen = c.id.in_(set_ids)

        def work(connection: sa.Connection) -> bool:
            return connection.execute(sa.delete(query_sets).where(chosen)).rowcount > 0

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(chosen)).first() is None

        self._transactions.write(work, settled=gone, events=events)

    def list_queries_(
        self, set_id: str, *, text: str = "", limit: int | None = None, offset: int = 0
    ) -> SetQueryPage:
        """The queries of a set in their order; ``text`` is somewhere in them or in their names."""
        which = [q.set_id == set_id]
        if text:
            which.append(
                sa.or_(
                    q.query.icontains(text, autoescape=True),
                    q.name.icontains(text, autoescape=True),
                )
            )
        page = _queries(*which).order_by(q.position, q.id).limit(limit).offset(offset)
        total = sa.select(sa.func.count()).select_from(set_queries).where(*which)

        def read(connection: sa.Connection) -> SetQueryPage:
            found = [_query(row) for row in connection.execute(page).mappings()]
            return SetQueryPage(tuple(found), connection.execute(total).scalar_one())

        return self._transactions.read(read)

    def find_query_(self, query_id: str) -> SetQuery | None:
        """The query with this id."""
        return self._one_query(q.id == query_id)

    def find_query_of_text_(self, set_id: str, text: str) -> SetQuery | None:
        """The first query of the set that is exactly ``text``."""
        return self._one_query(q.set_id == set_id, q.query == text)

    def add_queries_(
        self,
        set_id: str,
        queries: Sequence[tuple[str, SetQueryDraft]],
        most: int,
        events: Sequence[AuditEvent] = (),
    ) -> int:
        """Add queries, each with its new id, at the end; those whose text is there are left out.

        Returns how many were added. Raises ConflictError (``query_set.query_name``,
        ``query_set.too_many_queries`` beyond ``most``), NotFoundError.
        """
        added = 0
        changed_at: datetime | None = None

        def work(connection: sa.Connection) -> bool:
            nonlocal added, changed_at
            lock_set(connection, set_id)
            statement = sa.select(q.query).where(q.set_id == set_id)
            texts = set(connection.execute(statement).scalars())
            new = []
            for query_id, draft in queries:
                if draft.text not in texts:
                    texts.add(draft.text)
                    new.append((query_id, draft))
            if new:
                insert_queries(connection, set_id, new, most)
                changed_at = touch_set(connection, set_id)
            added = len(new)
            return bool(new)

        self._transactions.write(
            work,
            settled=lambda connection: is_touched(connection, set_id, changed_at),
            events=events,
        )
        return added

    def update_query_(
        self, seen: SetQuery, draft: SetQueryDraft, events: Sequence[AuditEvent] = ()
    ) -> SetQuery:
        """Give the query, as it was ``seen``, another draft; returns it as stored.

        Raises ConflictError (``query_set.changed``, ``query_set.query_name``), NotFoundError.
        """
        values = _query_values(draft)
        check_lengths(set_queries, values, {"query": "text"})

        def stored(connection: sa.Connection) -> SetQueryDraft | None:
            statement = sa.select(q.query, q.name, q.note).where(q.id == seen.id)
            row = connection.execute(statement).first()
            return None if row is None else SetQueryDraft(*row)

        def work(connection: sa.Connection) -> None:
            lock_set(connection, seen.set_id)
            now = stored(connection)
            if now is None:
                raise query_missing()
            if now != seen.draft:
                raise _changed(seen.draft.text)
            taken = sa.select(q.id).where(
                q.set_id == seen.set_id, q.name == draft.name, q.id != seen.id
            )
            if connection.execute(taken).first() is not None:
                raise _name_taken(draft.name)
            connection.execute(sa.update(set_queries).where(q.id == seen.id).values(**values))
            touch_set(connection, seen.set_id)

        self._transactions.write(
            work, settled=lambda connection: stored(connection) == draft, events=events
        )
        found = self.find_query_(seen.id)
        if found is None:
            raise query_missing()
        return found

    def delete_queries_(
        self, set_id: str, query_ids: Sequence[str], events: Sequence[AuditEvent] = ()
    ) -> int:
        """Delete queries of the set with their judgements; returns how many there were."""
        batches = [
            sa.and_(q.set_id == set_id, q.id.in_(query_ids[at : at + _BATCH]))
            for at in range(0, len(query_ids), _BATCH)
        ]
        deleted = 0

        def work(connection: sa.Connection) -> bool:
            nonlocal deleted
            lock_set(connection, set_id)
            deleted = sum(
                connection.execute(sa.delete(set_queries).where(batch)).rowcount
                for batch in batches
            )
            if deleted:
                touch_set(connection, set_id)
            return deleted > 0

        def gone(connection: sa.Connection) -> bool:
            left = (sa.select(q.id).where(batch).limit(1) for batch in batches)
            return all(connection.execute(statement).first() is None for statement in left)

        if batches:
            self._transactions.write(work, settled=gone, events=events)
        return deleted

    def _get(self, record: QuerySet) -> QuerySet:
        found = self.find_(record.user_id, record.id)
        if found is None:
            raise set_missing()
        return found

    def _one_query(self, *conditions: sa.ColumnElement[bool]) -> SetQuery | None:
        statement = _queries(*conditions).order_by(q.position, q.id).limit(1)
        row = self._transactions.read(
            lambda connection: connection.execute(statement).mappings().first()
        )
        return None if row is None else _query(row)

    def _read(self, *conditions: sa.ColumnElement[bool]) -> list[QuerySet]:
        of_set = sa.select(sa.func.count()).where(q.set_id == c.id)
        graded = (
            sa.select(sa.func.count(), sa.func.count(sa.distinct(j.query_id)), q.set_id)
            .join_from(judgements, set_queries, j.query_id == q.id)
            .group_by(q.set_id)
        )
        statement = sa.select(*query_sets.columns, of_set.scalar_subquery().label("queries")).where(
            *conditions
        )

        def read(connection: sa.Connection) -> list[QuerySet]:
            rows = connection.execute(statement).mappings().all()
            ids = [row[c.id] for row in rows]
            counted = {
                row[2]: (row[0], row[1])
                for row in connection.execute(graded.where(q.set_id.in_(ids)))
            }
            return [_set(row, *counted.get(row[c.id], (0, 0))) for row in rows]

        return self._transactions.read(read)


def lock_set(connection: sa.Connection, set_id: str) -> None:
    """Keep others from changing the set until the transaction ends; raises NotFoundError."""
    statement = sa.select(c.id).where(c.id == set_id).with_for_update()
    if connection.execute(statement).first() is None:
        raise set_missing()


def touch_set(connection: sa.Connection, set_id: str) -> datetime:
    """Note that a set that is locked has changed; the instant makes this very change known again,
    should its COMMIT go unanswered."""
    statement = sa.select(server_now(), c.updated_at).where(c.id == set_id)
    changed_at = moved_on(*connection.execute(statement).one())
    connection.execute(sa.update(query_sets).where(c.id == set_id).values(updated_at=changed_at))
    return changed_at


def is_touched(connection: sa.Connection, set_id: str, changed_at: datetime | None) -> bool:
    """Whether `touch_set` is the last that happened to the set."""
    found = connection.execute(sa.select(c.updated_at).where(c.id == set_id)).scalar()
    return found is not None and found == changed_at


def insert_queries(
    connection: sa.Connection,
    set_id: str,
    queries: Sequence[tuple[str, SetQueryDraft]],
    most: int,
) -> None:
    """Add queries to a set that is locked, numbering those without a name.

    Raises ConflictError (``query_set.query_name``, ``query_set.too_many_queries``).
    """
    statement = sa.select(q.name, q.position).where(q.set_id == set_id)
    rows = connection.execute(statement).all()
    names = {name for name, _ in rows}
    if len(rows) + len(queries) > most:
        raise ConflictError(
            "A query set holds {most} queries at most.",
            hint="Begin another set.",
            code="query_set.too_many_queries",
            details={"most": most},
        )
    position = max((place for _, place in rows), default=0)
    names |= {draft.name for _, draft in queries if draft.name}
    if len(names) < len(rows) + sum(bool(draft.name) for _, draft in queries):
        known = {name for name, _ in rows}
        raise _name_taken(next(draft.name for _, draft in queries if draft.name in known))
    number = max((int(name) for name in names if name.isdecimal() and len(name) < 10), default=0)
    values = []
    for query_id, draft in queries:
        position += 1
        name = draft.name
        if not name:
            number += 1
            name = str(number)
        row = {"id": query_id, "set_id": set_id, "position": position}
        values.append(row | _query_values(draft) | {"name": name})
        check_lengths(set_queries, values[-1], {"query": "text"})
    for at in range(0, len(values), _BATCH):
        connection.execute(sa.insert(set_queries), values[at : at + _BATCH])


def set_missing() -> NotFoundError:
    """The set is gone."""
    return NotFoundError("There is no such query set.", hint="It may have been deleted meanwhile.")


def query_missing() -> NotFoundError:
    """The query is gone."""
    return NotFoundError(
        "There is no such query in the set.", hint="It may have been deleted meanwhile."
    )


def _check_name(connection: sa.Connection, record: QuerySet, draft: QuerySetDraft) -> None:
    taken = sa.select(c.id).where(
        c.user_id == record.user_id, c.name == draft.name, c.id != record.id
    )
    if connection.execute(taken).first() is not None:
        raise ConflictError(
            "You have a query set “{name}” already.",
            hint="Choose another name.",
            code="query_set.name_taken",
            details={"name": draft.name},
        )


def _name_taken(name: str) -> ConflictError:
    return ConflictError(
        "There is a query “{name}” in this set already.",
        hint="Give this one another id.",
        code="query_set.query_name",
        details={"name": name},
    )


def _changed(name: str) -> ConflictError:
    return ConflictError(
        "“{name}” has been changed by another program meanwhile.",
        hint="Look at the new values, then make your change again.",
        code="query_set.changed",
        details={"name": name},
    )


def _values(draft: QuerySetDraft) -> dict[str, Any]:
    return {"name": draft.name, "description": draft.description}


def _query_values(draft: SetQueryDraft) -> dict[str, Any]:
    return {"name": draft.name, "query": draft.text, "note": draft.note}


def _set(row: Mapping[Any, Any], count: int, judged: int) -> QuerySet:
    return QuerySet(
        id=row[c.id],
        user_id=row[c.user_id],
        draft=QuerySetDraft(row[c.name], row[c.description]),
        queries=row["queries"],
        judged=judged,
        judgements=count,
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
    )


def _queries(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    graded = sa.select(sa.func.count()).where(j.query_id == q.id)
    return sa.select(
        *set_queries.columns,
        graded.scalar_subquery().label("judgements"),
        graded.where(j.grade > 0).scalar_subquery().label("relevant"),
    ).where(*conditions)


def _query(row: Mapping[Any, Any]) -> SetQuery:
    return SetQuery(
        id=row[q.id],
        set_id=row[q.set_id],
        draft=SetQueryDraft(row[q.query], row[q.name], row[q.note]),
        position=row[q.position],
        judgements=row["judgements"],
        relevant=row["relevant"],
    )
