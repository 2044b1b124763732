"""The table ``analytics``: counted from ``searches``, and read."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime
from functools import partial
from itertools import chain
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import (
    LARGEST_NUMBER,
    CountedUser,
    DayDocument,
    Document,
    Metric,
    is_document,
    keep_documents,
    names_of,
)
from altus4_desktop.domain.analytics_merging import is_full, merge, shorten
from altus4_desktop.domain.figures import Period, UserUse
from altus4_desktop.domain.history import SLOW_MS
from altus4_desktop.domain.identity import time_ordered_id
from altus4_desktop.domain.local_days import (
    DAY_S,
    day_bounds,
    day_number,
    day_of,
    epoch_s,
    find_days,
    find_spans,
    instant_of,
)
from altus4_desktop.storage.json_text import dump_json, json_bytes, load_json
from altus4_desktop.storage.repositories.analytics_marks import (
    add_marks,
    delete_marks,
    forget_figures,
    mark_hours,
    read_marks,
)
from altus4_desktop.storage.repositories.metric_counts import forget_counts, touch_days
from altus4_desktop.storage.repositories.search_marks import FAILED, SLOW, complete_day
from altus4_desktop.storage.roll_up_sql import (
    days_statement,
    edges_statement,
    listed_statement,
    second_of,
)
from altus4_desktop.storage.tables import (
    analytics,
    analytics_marks,
    analytics_states,
    analytics_totals,
    api_keys,
    searches,
    users,
)
from altus4_desktop.storage.transactions import Transactions

c = analytics.c
_totals = analytics_totals.c
_marks = analytics_marks.c
_states = analytics_states.c
_HOUR_S = 3600
# No day has more; a transaction looks at no more marks than it may count.
_HOURS = 25
_DELETE_BATCH = 500
# Read at once, these take about as much memory as a transaction is to.
_MOST_ROWS = 12_000
# As JSON; the objects that these become take some ten times as much, which processors keep near.
_CHARS_AT_ONCE = 64_000
_DAILY = Metric.DAILY_SEARCHES
_NAMES = [metric.value for metric in Metric]


class AnalyticsRepository:
    """Figures by day. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._on_file = dialect == "sqlite"

    # -- counting --------------------------------------------------------------------------------

    def users_(self, user_id: str | None = None) -> list[CountedUser]:
        """Everybody, or the one, and the time zones their days were last counted in."""
        statement = sa.select(users.c.id, users.c.timezone, _states.timezone).select_from(
            users.outerjoin(analytics_states, _states.user_id == users.c.id)
        )
        if user_id is not None:
            statement = statement.where(users.c.id == user_id)
        return self._transactions.read(
            lambda connection: [
                CountedUser(key, zone or "UTC", counted)
                for key, zone, counted in connection.execute(statement)
            ]
        )

    def begin_(self, user_id: str, timezone: str) -> None:
        """Have all days of the user counted, from now on in ``timezone``."""

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.select(users.c.id).where(users.c.id == user_id)).first():
                forget_figures(connection, user_id)
                connection.execute(sa.delete(analytics).where(c.user_id == user_id, _is_ours()))
                connection.execute(sa.delete(analytics_states).where(_states.user_id == user_id))
                connection.execute(
                    sa.insert(analytics_states).values(user_id=user_id, timezone=timezone)
                )
                mark_hours(connection, searches.c.user_id == user_id)

        self._repeat(work)

    def mark_all_(self, user_id: str) -> None:
        """Have all days counted again that the user has searched on; what is the same by then is
        not written."""
        self._repeat(partial(_mark_all, user_id))

    def compare_(self, user_id: str, first: date, last: date | None = None) -> int:
        """Mark the days from ``first`` on of which searches, milliseconds or results are not what
        was counted, or a document is not ours, and complete the lists of searches of these and of
        those whose lists lack some: other programs write into the tables as well. Returns how many
        days that are."""
        zone, days = self._transactions.read(
            lambda connection: self._wrong_days(
                connection, user_id, day_number(first), None if last is None else day_number(last)
            )
        )
        for day, is_miscounted in sorted(days.items()):
            self._mark_day(user_id, zone, day, is_miscounted)
        return len(days)

    def first_known_day(self, user_id: str) -> date | None:
        """The user's first day with searches or figures; None when there is none."""

        def read(connection: sa.Connection) -> date | None:
            at = searches.c.created_at
            edges = edges_statement(self._on_file, at, searches.c.user_id == user_id)
            earliest = connection.execute(edges).one()[0]
            counted = sa.select(sa.func.min(c.analytics_date)).where(c.user_id == user_id)
            known = [connection.execute(counted).scalar()]
            if earliest is not None:
                # In no time zone is it more than a day earlier.
                known.append(day_of(int(earliest) // DAY_S - 1))
            return min((day for day in known if day is not None), default=None)

        return self._transactions.read(read)

    def marked_users(self) -> list[str]:
        """Those who have days to be counted."""
        statement = sa.select(_marks.user_id).distinct()
        return self._transactions.read(
            lambda connection: list(connection.execute(statement).scalars())
        )

    def roll_up_(self, user_id: str, most_days: int) -> range:
        """Count the user's first marked days, at most ``most_days`` from the first to the last.

        Returns the numbers of these days; none when none is marked any more.
        """
        counted = range(0)

        def work(connection: sa.Connection) -> bool | None:
            nonlocal counted
            counted = range(0)
            # The first statement, and one that locks: on a server, what is read later is then no
            # older than the marks, and another program that counts this user waits.
            zone = connection.execute(
                sa.select(_states.timezone).where(_states.user_id == user_id).with_for_update()
            ).scalar()
            if zone is None:
                return False
            marks, odd = read_marks(connection, user_id, _HOURS * most_days)
            if not marks:
                return None
            hours, days = self._choose(connection, user_id, zone, marks, most_days)
            self._count(connection, user_id, zone, days)
            touch_days(connection, user_id, hours)
            # All marks there are in between are locked, and nobody can add one.
            gone = connection.execute(
                sa.delete(analytics_marks).where(
                    _marks.user_id == user_id, _marks.hour_at.between(hours[0], hours[-1])
                )
            ).rowcount
            gone += delete_marks(
                connection, user_id, [text for text, hour in odd.items() if hour <= hours[-1]]
            )
            if not gone:
                # The same days would be counted for ever.
                raise RuntimeError("no mark of what was counted could be taken away")
            counted = days
            return True

        self._repeat(work)
        return counted

    def unadded_days(self) -> list[date]:
        """Days whose figures of everybody are still to be added up."""
        return self._transactions.read(
            lambda connection: list(connection.execute(_unadded()).scalars())
        )

    def add_up_(self, days: Collection[date]) -> None:
        """Add up everybody's figures of these days."""

        def work(connection: sa.Connection) -> None:
            # Nobody counts meanwhile: what they would write is not in what is read here.
            connection.execute(sa.select(_states.user_id).with_for_update()).all()
            connection.execute(sa.delete(analytics_totals).where(_totals.analytics_date.in_(days)))
            found: dict[tuple[date, Metric], list[Document]] = {}
            statement = sa.select(c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
                c.analytics_date.in_(days), _is_ours()
            )
            for row in _documents(connection.execute(statement)):
                found.setdefault((row.day, row.metric), []).append(row.document)
            rows = [
                {
                    "analytics_date": day,
                    "metric_name": metric.value,
                    "made": dump_json(shorten(metric, merge(metric, documents))),
                }
                for (day, metric), documents in found.items()
            ]
            if rows:
                connection.execute(sa.insert(analytics_totals).values(metric_data=_made()), rows)

        self._repeat(work)

    def forget_undated_(self) -> int:
        """Forget figures of which another program has left no date in a file, have all days of
        those whose they are counted again and everybody's added up. Returns how many there were."""
        if not self._on_file:
            return 0

        def undated(table: sa.Table[Any]) -> sa.ColumnElement[bool]:
            day = sa.type_coerce(table.c.analytics_date, sa.Text)
            # What is added makes the 2nd of March of the 30th of February.
            return sa.func.date(day, "+0 days").is_distinct_from(day)

        def count(connection: sa.Connection) -> list[int]:
            return [
                connection.execute(
                    sa.select(sa.func.count()).select_from(table).where(undated(table))
                ).scalar_one()
                for table in (analytics, analytics_totals)
            ]

        def forget(connection: sa.Connection) -> None:
            whose = sa.select(c.user_id).where(undated(analytics)).distinct()
            for user_id in connection.execute(whose).scalars().all():
                _mark_all(user_id, connection)
            connection.execute(sa.delete(analytics).where(undated(analytics)))
            if of_everybody:
                # Which day lacks a metric now is not known.
                connection.execute(sa.delete(analytics_totals))

        of_persons, of_everybody = self._transactions.read(count)
        if of_persons or of_everybody:
            self._repeat(forget)
        return of_persons + of_everybody

    def check_totals_(self) -> int:
        """Have the days added up again whose total is no longer the sum of the users': a user whom
        another program deletes takes the figures along. Returns how many days that are."""

        def sums(table: sa.Table[Any]) -> sa.Select[Any]:
            number = sa.func.json_extract(self._readable(table.c.metric_data), "$.searches")
            # The sum of what another program left may be more than a store can hold. Not BETWEEN:
            # servers do not know it of JSON.
            is_ours = sa.and_(number >= 0, number <= LARGEST_NUMBER)
            count = sa.func.sum(sa.case((is_ours, number)))
            return (
                sa.select(table.c.analytics_date, count)
                .where(table.c.metric_name == _DAILY.value)
                .group_by(table.c.analytics_date)
            )

        wrong: list[date] = []

        def work(connection: sa.Connection) -> bool:
            connection.execute(sa.select(_states.user_id).with_for_update()).all()
            # Of a day without a document that can be read it is None.
            added, there = (
                {
                    day: None if count is None else int(count)
                    for day, count in connection.execute(sums(table))
                }
                for table in (analytics_totals, analytics)
            )
            wrong[:] = [
                day for day, count in added.items() if count is None or there.get(day) != count
            ]
            for some in _batches(wrong):
                connection.execute(
                    sa.delete(analytics_totals).where(_totals.analytics_date.in_(some))
                )
            if wrong:
                forget_counts(connection)
            return bool(wrong)

        self._repeat(work)
        return len(wrong)

    def total_days(self) -> list[date]:
        """The days of which there are figures of everybody, the last one first."""
        day = _totals.analytics_date
        statement = sa.select(day).distinct().order_by(day.desc())
        return self._transactions.read(
            lambda connection: [*connection.execute(statement).scalars()]
        )

    def check_documents_(self, days: Collection[date]) -> int:
        """Have those of the days added up again of which a document of everybody is not ours: it
        was damaged. Returns how many that are."""
        statement = sa.select(
            _totals.analytics_date, _totals.metric_name, json_bytes(_totals.metric_data)
        ).where(_totals.analytics_date.in_(days), _totals.metric_name.in_(_NAMES))
        wrong = self._transactions.read(
            lambda connection: {
                day
                for day, name, text in connection.execute(statement)
                if not is_document(Metric(name), load_json(text))
            }
        )
        if wrong:
            these = _totals.analytics_date.in_(wrong)
            self._repeat(
                lambda connection: connection.execute(sa.delete(analytics_totals).where(these))
            )
        return len(wrong)

    # -- reading ---------------------------------------------------------------------------------

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
            found = list(_documents(rows))
            if user_id is None:
                there = {day for day, *_ in rows}
                found += _unadded_documents(connection, first, last, names, there)
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
                later = _unadded_documents(connection, first, last, names, there)
            return _merged_parts(rows, parts, whole, later)

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
            return _merged_parts(connection.execute(statement), parts, whole)

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
            number = sa.func.json_extract(self._readable(c.metric_data), f"$.{name}")
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
            for some in _batches([*known]):
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

    def _repeat(self, work: Any) -> None:
        """Done twice it is the same: when nobody knows whether it was saved, it is done again."""
        self._transactions.write(work, settled=lambda _: False)

    def _readable(self, document: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """``document``, in a file NULL where it is no JSON: functions of JSON fail there."""
        if not self._on_file:
            return document
        return sa.case((sa.func.json_valid(document, type_=sa.Boolean), document))

    def _without_hours(self, document: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A document of `daily_searches` whose ``hours`` are empty."""
        hours = sa.func.json_array()
        if self._on_file:
            return sa.func.json_replace(self._readable(document), "$.hours", hours)
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

    def _wrong_days(
        self, connection: sa.Connection, user_id: str, first: int, last: int | None
    ) -> tuple[str, dict[int, bool]]:
        """The user's time zone, and of the days that `compare_` finds whether they are to be
        counted."""
        zone = connection.execute(
            sa.select(_states.timezone).where(_states.user_id == user_id)
        ).scalar()
        if zone is None:
            return "", {}
        facts, listed = self._day_sums(connection, user_id, zone, first, last)
        statement = sa.select(c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
            c.user_id == user_id, c.analytics_date >= day_of(first), _is_ours()
        )
        if last is not None:
            statement = statement.where(c.analytics_date <= day_of(last))
        daily: dict[int, Document] = {}
        wrong: dict[int, bool] = {}
        for at, name, text in connection.execute(statement):
            metric, document = Metric(name), load_json(text)
            if not is_document(metric, document):
                wrong[day_number(at)] = True
            elif metric is _DAILY:
                daily[day_number(at)] = document
        for day in facts.keys() | daily.keys():
            *sums, slow = facts.get(day, (0, 0, 0, 0))
            counted = daily.get(day)
            if counted is None or sums != [
                counted[name] for name in ("searches", "total_ms", "hits")
            ]:
                wrong[day] = True
                continue
            lists = counted["failed"] + counted["partial"], slow
            if lists != (listed[day, FAILED], listed[day, SLOW]):
                wrong.setdefault(day, False)
        return zone, wrong

    def _day_sums(
        self, connection: sa.Connection, user_id: str, zone: str, first: int, last: int | None
    ) -> tuple[dict[int, tuple[int, ...]], Counter[tuple[int, str]]]:
        """Of each day the sums of its searches, and how many stand in each list."""
        facts: dict[int, tuple[int, ...]] = {}
        listed: Counter[tuple[int, str]] = Counter()
        at = searches.c.created_at
        edges = edges_statement(self._on_file, at, searches.c.user_id == user_id)
        earliest, latest = connection.execute(edges).one()
        if earliest is None or latest is None:
            return facts, listed
        # A day more at both ends: where clocks are set back over midnight, one has parts there.
        spare = DAY_S if self._on_file else 0
        begins = max(int(earliest) - spare, (first - 2) * DAY_S)
        ends = int(latest) + 1 + spare
        if last is not None:
            ends = min(ends, (last + 3) * DAY_S)
        if begins >= ends:
            return facts, listed
        spans = find_spans(zone, begins, ends)

        def is_asked(day: int | None) -> bool:
            # In a file another program may have left a text that begins like a date.
            return day is not None and day >= first and (last is None or day <= last)

        sums = days_statement(self._on_file, user_id, spans).bindparams(slow_ms=SLOW_MS)
        for day, *values in connection.execute(sums):
            if is_asked(day):
                facts[int(day)] = tuple(map(int, values))
        lists = listed_statement(self._on_file, user_id, spans).bindparams(failed=FAILED, slow=SLOW)
        for day, mark, count in connection.execute(lists):
            listed[int(day), mark] = int(count)
        return facts, listed

    def _mark_day(self, user_id: str, zone: str, day: int, is_miscounted: bool) -> None:
        begins, ends = day_bounds(zone, day, day)
        if begins >= ends:
            return
        after: tuple[int, str] | None = None
        while True:

            def complete(connection: sa.Connection, place: tuple[int, str] | None = after) -> None:
                nonlocal after
                after = complete_day(connection, user_id, begins, ends, place)

            self._repeat(complete)
            if after is None:
                break

        def mark(connection: sa.Connection) -> None:
            state = sa.select(_states.timezone).where(_states.user_id == user_id)
            if connection.execute(state).scalar() is None:
                return
            if is_miscounted:
                add_marks(connection, user_id, [instant_of(begins - begins % _HOUR_S)])
            else:
                # Custom metrics may count what stands in a list.
                touch_days(connection, user_id, [instant_of(at) for at in (begins, ends - 1)])

        self._repeat(mark)

    def _choose(
        self,
        connection: sa.Connection,
        user_id: str,
        zone: str,
        marks: Sequence[datetime],
        most_days: int,
    ) -> tuple[list[datetime], range]:
        """`_choose` of fewer days where these have more searches than are to be read at once."""
        hours, days = _choose(zone, marks, most_days)
        begins, ends = day_bounds(zone, days[0], days[-1])
        if len(days) > 1 and begins < ends:
            at = searches.c.created_at
            next_one = connection.execute(
                sa.select(second_of(self._on_file, at))
                .where(
                    searches.c.user_id == user_id,
                    at >= instant_of(begins),
                    at < instant_of(ends),
                )
                .with_hint(searches, "FORCE INDEX (idx_searches_user_created)", "mysql")
                .order_by(at)
                .limit(1)
                .offset(_MOST_ROWS)
            ).scalar()
            if next_one is not None:
                second = int(next_one)
                day = find_days(zone, second, second + 1)[0]
                return _choose(zone, marks, max(1, day - days[0]))
        return hours, days

    def _count(self, connection: sa.Connection, user_id: str, zone: str, days: range) -> None:
        # With them comes numpy, which takes longer to be loaded than most commands run.
        from altus4_desktop.storage.roll_up import Documents, build_documents
        from altus4_desktop.storage.search_facts import read_facts, read_failures

        first, last = days[0], days[-1]
        begins, ends = day_bounds(zone, first, last)
        made: dict[int, Documents] = {}
        if begins < ends:
            facts = read_facts(connection, user_id, begins, ends, on_file=self._on_file)
            made = build_documents(zone, days, facts, partial(read_failures, connection))
        wanted = {
            (day_of(day), metric.value): document
            for day, documents in made.items()
            for metric, document in documents.items()
        }
        known = {
            (day, name): (key, load_json(text))
            for key, day, name, text in connection.execute(
                sa.select(c.id, c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
                    c.user_id == user_id,
                    c.analytics_date.between(day_of(first), day_of(last)),
                    _is_ours(),
                )
            )
        }
        _write(connection, user_id, wanted, known)


def _mark_all(user_id: str, connection: sa.Connection) -> None:
    mark_hours(connection, searches.c.user_id == user_id)


def _write(
    connection: sa.Connection,
    user_id: str,
    wanted: Mapping[tuple[date, str], Document],
    known: Mapping[tuple[date, str], tuple[str, Document]],
) -> None:
    """Make ``known`` what is ``wanted``; what is the same is not touched."""
    gone = {key for key in known if key not in wanted}
    new = [key for key in wanted if key not in known]
    other = [key for key in wanted if key in known and known[key][1] != wanted[key]]
    changed = {day for day, _ in (*gone, *new, *other)}
    if not changed:
        return
    for some in _batches([known[key][0] for key in gone]):
        connection.execute(sa.delete(analytics).where(c.id.in_(some)))
    if other:
        connection.execute(
            sa.update(analytics)
            .where(c.id == sa.bindparam("known_id"))
            .values(metric_data=_made()),
            [{"known_id": known[key][0], "made": dump_json(wanted[key])} for key in other],
        )
    if new:
        connection.execute(
            sa.insert(analytics).values(metric_data=_made()),
            [
                {
                    "id": time_ordered_id(),
                    "user_id": user_id,
                    "analytics_date": day,
                    "metric_name": name,
                    "made": dump_json(wanted[day, name]),
                }
                for day, name in new
            ],
        )
    for some in _batches(sorted(changed)):
        connection.execute(sa.delete(analytics_totals).where(_totals.analytics_date.in_(some)))


def _choose(zone: str, marks: Sequence[datetime], most_days: int) -> tuple[list[datetime], range]:
    """The first of the sorted ``marks`` and the days they touch; always at least one mark."""
    seconds = [*map(epoch_s, marks)]
    spans = find_spans(zone, seconds[0], seconds[-1] + _HOUR_S)
    chosen, place, days = 0, 0, range(0)
    for begins in seconds:
        while spans[place].ends <= begins:
            place += 1
        span, ends = spans[place], begins + _HOUR_S
        if ends <= span.ends:
            local = begins + span.offset_s
            here = range(local // DAY_S, (local + _HOUR_S - 1) // DAY_S + 1)
        else:
            here = find_days(zone, begins, ends)
        both = range(min(days[0], here[0]), max(days[-1], here[-1]) + 1) if days else here
        if chosen and len(both) > most_days:
            break
        chosen += 1
        days = both
    return [*marks[:chosen]], days


def _made() -> sa.ColumnElement[str]:
    """The parameter ``made``: a document of `dump_json`."""
    return sa.bindparam("made", type_=sa.Text)


def _documents(rows: Iterable[Any]) -> Iterator[DayDocument]:
    """Those that can be read of rows of day, metric and text."""
    found: dict[str, list[tuple[date, str]]] = {}
    for day, name, text in rows:
        found.setdefault(name, []).append((day, text))
    for name, dated in found.items():
        metric = Metric(name)
        for some in _portions(dated):
            loaded = [(day, load_json(text)) for day, text in some]
            for day, document in keep_documents(metric, loaded):
                yield DayDocument(day, metric, document, is_full(metric, document))


def _portions(dated: Iterable[tuple[date, str]]) -> Iterator[list[tuple[date, str]]]:
    """Texts with their days, few at once: the documents of a year are more than the processor has
    at hand, and each is looked at several times."""
    some: list[tuple[date, str]] = []
    chars = 0
    for row in dated:
        some.append(row)
        # In a file another program may have left anything; bytes take long to be written out.
        chars += len(row[1] if isinstance(row[1], str | bytes) else str(row[1]))
        if chars >= _CHARS_AT_ONCE:
            yield some
            some, chars = [], 0
    yield some


def _merged_parts(
    rows: Iterable[Any],
    parts: Sequence[Period],
    whole: Collection[Metric],
    more: Iterable[DayDocument] = (),
) -> list[DayDocument]:
    """What stands in these rows, as text, and ``more``: of each metric a document for each part, of
    those in ``whole`` one for all of them."""
    ends = [part.last for part in parts]
    texts: dict[tuple[str, int], list[tuple[date, str, str]]] = {}
    for day, name, text in rows:
        texts.setdefault((name, bisect_left(ends, day)), []).append((day, name, text))
    later: dict[tuple[str, int], list[DayDocument]] = {}
    for row in more:
        later.setdefault((row.metric, bisect_left(ends, row.day)), []).append(row)
    together: dict[tuple[str, int], list[Iterator[DayDocument]]] = {}
    for name, at in sorted({**texts, **later}):
        here = chain(_documents(texts.get((name, at), ())), later.get((name, at), ()))
        together.setdefault((name, 0 if name in whole else at), []).append(here)
    merged = (
        _merged(parts[at].first, Metric(name), chain.from_iterable(of_parts))
        for (name, at), of_parts in together.items()
    )
    return [row for row in merged if row is not None]


def _merged(first: date, metric: Metric, rows: Iterable[DayDocument]) -> DayDocument | None:
    """``rows`` as one; None of none."""
    full: list[bool] = []

    def take() -> Iterator[Document]:
        for row in rows:
            full.append(row.is_full)
            yield row.document

    document = merge(metric, take())
    return DayDocument(first, metric, document, any(full)) if full else None


def _unadded_documents(
    connection: sa.Connection, first: date, last: date, names: Sequence[str], there: Set[date]
) -> list[DayDocument]:
    """Of the days that nobody has added up yet, added up here; of those in ``there`` something that
    was added up is known already."""
    days: list[date] = []
    for some in _batches([day for day in Period(first, last) if day not in there]):
        added = sa.select(_totals.analytics_date).where(
            _totals.metric_name == _DAILY.value, _totals.analytics_date.in_(some)
        )
        missing = {*some} - {*connection.execute(added).scalars()}
        # There are few figures of such days: those of all people are too many to look at.
        known = sa.select(c.analytics_date).where(c.analytics_date.in_(missing)).distinct()
        days += connection.execute(known).scalars()
    found: dict[tuple[date, Metric], list[Document]] = {}
    for some in _batches(days):
        statement = sa.select(c.analytics_date, c.metric_name, json_bytes(c.metric_data)).where(
            c.analytics_date.in_(some), c.metric_name.in_(names)
        )
        for row in _documents(connection.execute(statement)):
            found.setdefault((row.day, row.metric), []).append(row.document)
    added_up = (
        (day, metric, shorten(metric, merge(metric, documents)))
        for (day, metric), documents in found.items()
    )
    return [
        DayDocument(day, metric, document, is_full(metric, document))
        for day, metric, document in added_up
    ]


def _unadded() -> sa.Select[Any]:
    # The days first, from an index alone: each has many figures, and few days are to be added up.
    days = sa.select(c.analytics_date.label("day")).distinct().subquery()
    counted, added = (
        sa.select(sa.literal(1))
        .where(table.c.analytics_date == days.c.day, table.c.metric_name == _DAILY.value)
        .exists()
        for table in (analytics, analytics_totals)
    )
    return sa.select(days.c.day).where(~added, counted).order_by(days.c.day)


def _is_ours() -> sa.ColumnElement[bool]:
    """Another program may keep metrics of its own in the table."""
    return c.metric_name.in_(_NAMES)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), _DELETE_BATCH):
        yield items[at : at + _DELETE_BATCH]
