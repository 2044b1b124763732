"""Figures of past searches by day, as they were counted: read for charts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import LARGEST_NUMBER, DayDocument, Metric, names_of
from altus4_desktop.domain.figures import Period, UserUse
from altus4_desktop.storage.json_text import json_bytes, load_json, readable
from altus4_desktop.storage.repositories.batches import batches
from altus4_desktop.storage.repositories.day_documents import (
    merged_parts,
    read_documents,
    unadded_documents,
)
from altus4_desktop.storage.tables import analytics, analytics_totals, api_keys, searches, users
from altus4_desktop.storage.transactions import Transactions

c = analytics.c
_DAILY = Metric.DAILY_SEARCHES


class FiguresRepository:
    """Reads figures by day. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._on_file = dialect == "sqlite"

    def list_(
        self,
        user_id: str | None,
        first: date,
        last: date,
        metrics: Collection[Metric],
        *,
        by_hour: bool = True,
    ) -> list[DayDocument]:
        """The documents of one user, or those of everybody together, by day.

        What another program wrote in another shape is left out. Without ``by_hour`` the hours of
        `daily_searches`, which are most of it, are left out where they were added up before.
        """
        names = [metric.value for metric in metrics]
        whose = analytics if user_id is not None else analytics_totals
        document: sa.ColumnElement[Any] = whose.c.metric_data
        if not by_hour:
            document = sa.case(
                (whose.c.metric_name == _DAILY.value, self._without_hours(document)),
                else_=document,
            )

        def read(connection: sa.Connection) -> list[DayDocument]:
            statement = self._listed(user_id, first, last, names, document)
            rows = connection.execute(statement).all()
            found = list(read_documents(rows))
            if user_id is None:
                there = {day for day, *_ in rows}
                found += unadded_documents(connection, first, last, names, there)
            return sorted(found, key=lambda row: row.day)

        return self._transactions.read(read)

    def list_merged_(
        self,
        user_id: str | None,
        parts: Sequence[Period],
        metrics: Collection[Metric],
        whole: Collection[Metric] = (),
    ) -> list[DayDocument]:
        """What `list_` finds in each of ``parts``, which follow each other, put together as a
        document of its first day, and of metrics in ``whole`` what it finds in all of them: a year
        has so many rows in its lists that keeping them takes longer than adding them up."""
        first, last = parts[0].first, parts[-1].last
        names = [metric.value for metric in metrics]

        def read(connection: sa.Connection) -> list[DayDocument]:
            whose = analytics if user_id is not None else analytics_totals
            statement = self._listed(user_id, first, last, names, whose.c.metric_data)
            rows = connection.execute(statement).all()
            later: list[DayDocument] = []
            if user_id is None:
                there = {day for day, *_ in rows}
                later = unadded_documents(connection, first, last, names, there)
            return merged_parts(rows, parts, whole, later)

        return self._transactions.read(read)

    def list_each_merged_(
        self,
        parts: Sequence[Period],
        metrics: Collection[Metric],
        most: int,
        whole: Collection[Metric] = (),
    ) -> list[DayDocument] | None:
        """`list_merged_` of everybody, put together from what each person's lists have, which
        everybody's have no room for; None where there are about more than ``most`` days of a person
        that have some."""
        days = c.analytics_date.between(parts[0].first, parts[-1].last)
        # By the index of days: of one metric there are rows from all times.
        name = sa.func.coalesce(c.metric_name, "")
        of_these = days, name.in_([metric.value for metric in metrics])
        most *= len(Metric)

        def read(connection: sa.Connection) -> list[DayDocument] | None:
            some = sa.select(c.analytics_date).where(days).limit(most + 1).subquery()
            if connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one() > most:
                return None
            statement = sa.select(c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
                *of_these
            )
            return merged_parts(connection.execute(statement), parts, whole)

        return self._transactions.read(read)

    def first_day(self, user_id: str | None) -> date | None:
        """The first day with figures."""
        # By the index of days the first one is found at once; that of metrics has them all.
        name = sa.func.coalesce(c.metric_name, "")
        statement = sa.select(c.analytics_date).where(name == _DAILY.value)
        statement = statement.order_by(c.analytics_date).limit(1)
        if user_id is not None:
            statement = statement.where(c.user_id == user_id)
        return self._transactions.read(lambda connection: connection.execute(statement).scalar())

    def count_by_user(self, first: date, last: date) -> list[UserUse]:
        """How much each user searched within these days, the busiest first."""

        def added(name: str) -> sa.ColumnElement[float]:
            number = sa.func.json_extract(
                readable(c.metric_data, on_file=self._on_file), f"$.{name}"
            )
            # No sum of fractions is too large, whatever another program left.
            return sa.func.sum(number * sa.literal(1.0))

        # Told whose, the index finds these days alone; where users are joined, all that there are.
        statement = (
            sa.select(c.user_id, *map(added, ("searches", "failed", "partial", "zero")))
            .where(
                c.user_id.in_(sa.bindparam("whose", expanding=True)),
                c.analytics_date.between(first, last),
                c.metric_name == _DAILY.value,
            )
            .with_hint(analytics, "FORCE INDEX (unique_user_date_metric)", "mysql")
            .group_by(c.user_id)
        )

        def read(connection: sa.Connection) -> list[UserUse]:
            people = connection.execute(sa.select(users.c.id, users.c.name, users.c.email)).all()
            known = {key: (name, email) for key, name, email in people}
            found: list[UserUse] = []
            for some in batches([*known]):
                for key, *sums in connection.execute(statement, {"whose": some}):
                    searched, failed, partly, zero = (
                        int(max(0, min(count or 0, LARGEST_NUMBER))) for count in sums
                    )
                    found.append(UserUse(key, *known[key], searched, failed + partly, zero))
            return found

        found = self._transactions.read(read)
        return sorted(found, key=lambda count: (-count.searches, count.email))

    def key_names(self, key_ids: Collection[str]) -> Mapping[str, str]:
        """The names of the keys that are still there, by id."""
        statement = sa.select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(key_ids))
        return self._transactions.read(lambda connection: dict(connection.execute(statement).all()))

    def outcomes_of(self, search_ids: Collection[str]) -> Mapping[str, str]:
        """How those of the searches ended that are still there, by id: "ok", "partial", "failed" or
        "cancelled"."""
        statement = sa.select(searches.c.id, json_bytes(searches.c.search_params)).where(
            searches.c.id.in_(search_ids)
        )
        rows = self._transactions.read(lambda connection: connection.execute(statement).all())
        found: dict[str, str] = {}
        for key, text in rows:
            params = load_json(text)
            outcome = params.get("outcome") if isinstance(params, dict) else None
            # Other programs may have written anything.
            found[key] = outcome if outcome in ("partial", "failed", "cancelled") else "ok"
        return found

    # -- inside ----------------------------------------------------------------------------------

    def _without_hours(self, document: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A document of `daily_searches` whose ``hours`` are empty."""
        hours = sa.func.json_array()
        if self._on_file:
            return sa.func.json_replace(readable(document, on_file=True), "$.hours", hours)
        # A server that replaces a value takes all others apart as well, which takes longer than to
        # write them all. What has other names is of another shape, and stays as it is.
        names = names_of(_DAILY)
        kept = [name for name in names if name != "hours"]
        parts = [(name, sa.func.json_extract(document, f"$.{name}")) for name in kept]
        is_ours = sa.and_(
            sa.func.json_length(document) == len(names),
            sa.func.json_contains_path(document, "all", *(f"$.{name}" for name in names)),
        )
        made = sa.func.json_object(*chain.from_iterable(parts), "hours", hours)
        return sa.case((is_ours, made), else_=document)

    def _listed(
        self,
        user_id: str | None,
        first: date,
        last: date,
        names: Sequence[str],
        document: sa.ColumnElement[Any],
    ) -> sa.Select[Any]:
        """Day, metric and ``document``, as text, of one user or of everybody."""
        whose = analytics if user_id is not None else analytics_totals
        day, name = whose.c.analytics_date, whose.c.metric_name
        text: sa.ColumnElement[Any] = json_bytes(document)
        statement = sa.select(day, name, text)
        wanted = day.between(first, last), name.in_(names)
        if user_id is not None:
            return statement.where(c.user_id == user_id, *wanted)
        if self._on_file:
            return statement.where(*wanted)
        # A server reads a row whole before it looks at the metric, and `hourly_latency` is more
        # than all others together. The keys alone tell which rows are to be read.
        keys = sa.select(day, name).where(*wanted).distinct().subquery()
        return statement.join(
            keys, sa.and_(keys.c.analytics_date == day, keys.c.metric_name == name)
        )
