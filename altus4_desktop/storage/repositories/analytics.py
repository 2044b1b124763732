"""The table ``analytics``: counted from ``searches``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import (
    LARGEST_NUMBER,
    CountedUser,
    Document,
    Metric,
    is_document,
)
from altus4_desktop.domain.analytics_merging import merge, shorten
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
from altus4_desktop.storage.json_text import dump_json, json_bytes, load_json, readable
from altus4_desktop.storage.repositories.analytics_marks import (
    add_marks,
    delete_marks,
    forget_figures,
    mark_hours,
    read_marks,
)
from altus4_desktop.storage.repositories.batches import batches
from altus4_desktop.storage.repositories.day_documents import read_documents
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
# Read at once, these take about as much memory as a transaction is to.
_MOST_ROWS = 12_000
_DAILY = Metric.DAILY_SEARCHES
_NAMES = [metric.value for metric in Metric]


class AnalyticsRepository:
    """Counts by day. Every method raises StoreError when the store fails."""

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
            for row in read_documents(connection.execute(statement)):
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
            number = sa.func.json_extract(
                readable(table.c.metric_data, on_file=self._on_file), "$.searches"
            )
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
            for some in batches(wrong):
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

    # -- inside ----------------------------------------------------------------------------------

    def _repeat(self, work: Any) -> None:
        """Done twice it is the same: when nobody knows whether it was saved, it is done again."""
        self._transactions.write(work, settled=lambda _: False)

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
    for ids in batches([known[key][0] for key in gone]):
        connection.execute(sa.delete(analytics).where(c.id.in_(ids)))
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
    for days in batches(sorted(changed)):
        connection.execute(sa.delete(analytics_totals).where(_totals.analytics_date.in_(days)))


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
