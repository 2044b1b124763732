"""The tables ``custom_metrics``, ``custom_metric_days`` and ``custom_metric_notices``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.custom_metrics import (
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DeletedMetric,
    MetricNotice,
    MetricSource,
    Side,
    Threshold,
    history_document,
    history_of,
    is_counted_as_now,
)
from altus4_desktop.domain.errors import ConflictError, NotFoundError
from altus4_desktop.storage.repositories.fitting import check_lengths, moved_on, server_now
from altus4_desktop.storage.repositories.metric_counts import (
    count_days,
    history_days,
    mark_stale,
)
from altus4_desktop.storage.tables import (
    custom_metric_days,
    custom_metric_notices,
    custom_metrics,
    users,
)
from altus4_desktop.storage.transactions import Transactions

c, d, n = custom_metrics.c, custom_metric_days.c, custom_metric_notices.c
_METRIC = (
    c.id,
    c.user_id,
    c.name,
    c.source,
    c.history,
    c.saved_search_id,
    c.side,
    c.threshold,
    c.watched_from,
    c.created_at,
    c.updated_at,
)
# Another of these counts something else.
_COUNTED = ("source", "history", "saved_search_id")


@dataclass(frozen=True, slots=True)
class OwnedMetric:
    """A metric, what is known of its owner now, in which zone and for whom its days are counted
    (None: not yet), and whether some of them are to be counted again."""

    metric: CustomMetric
    zone: str
    role: Role
    counted: tuple[str, str] | None
    has_stale: bool


class CustomMetricRepository:
    """Custom metrics. Every method raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    # -- what people count -----------------------------------------------------------------------

    def list_(self, user_id: str) -> list[CustomMetric]:
        """The user's metrics, by name."""
        found = self._read(c.user_id == user_id)
        return sorted(found, key=lambda metric: (metric.draft.name.casefold(), metric.id))

    def find_(self, metric_id: str) -> CustomMetric | None:
        """The metric with this id."""
        return next(iter(self._read(c.id == metric_id)), None)

    def create_(
        self, record: CustomMetric, events: Sequence[AuditEvent] = (), *, at_most: int
    ) -> CustomMetric:
        """Insert ``record`` and return it as stored; repeating it with the same id does nothing.

        Raises NotFoundError when there is no such user, ConflictError (``metric.too_many``) when
        they have ``at_most`` already.
        """
        return self.restore_(DeletedMetric(record, (), ()), events, at_most=at_most)

    def restore_(
        self, deleted: DeletedMetric, events: Sequence[AuditEvent] = (), *, at_most: int
    ) -> CustomMetric:
        """Insert again what `delete_` has returned. Raises as `create_`."""
        record = deleted.metric
        values = {**_values(record.draft), "watched_from": record.watched_from}
        values |= {"id": record.id, "user_id": record.user_id}
        check_lengths(custom_metrics, values, {})

        def work(connection: sa.Connection) -> None:
            # Whoever adds one at the same time waits here, or both would take the last place.
            owner = sa.select(users.c.id).where(users.c.id == record.user_id).with_for_update()
            if connection.execute(owner).first() is None:
                raise NotFoundError("There is no such user.")
            count = sa.select(sa.func.count()).where(c.user_id == record.user_id)
            if connection.execute(count).scalar_one() >= at_most:
                raise ConflictError(
                    "You have {count} metrics already, as many as there may be.",
                    hint="Delete one that you do not need any more.",
                    code="metric.too_many",
                    details={"count": at_most},
                )
            connection.execute(sa.insert(custom_metrics).values(**values))
            if deleted.days:
                rows = [_day_values(record.id, day) for day in deleted.days]
                connection.execute(sa.insert(custom_metric_days), rows)
            if deleted.notices:
                rows = [_notice_values(notice, at) for notice, at in deleted.notices]
                connection.execute(sa.insert(custom_metric_notices), rows)

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.user_id).where(c.id == record.id)).scalar()
            return found == record.user_id

        self._transactions.write(work, settled=settled, repeatable=True, events=events)
        return self._get(record.id)

    def update_(
        self,
        record: CustomMetric,
        seen_at: datetime | None,
        events: Sequence[AuditEvent] = (),
    ) -> CustomMetric:
        """Replace the draft, and return it as stored; where something else is counted from now on,
        what was counted is forgotten, and where anything but the name is another, what was told of
        the days from ``watched_from`` on.

        ``seen_at`` is the ``updated_at`` that was edited; None overwrites whatever is there. Raises
        ConflictError (``metric.changed``) when it has changed since, and NotFoundError.
        """
        values = {**_values(record.draft), "watched_from": record.watched_from}
        check_lengths(custom_metrics, values, {})
        names = tuple(values)

        def work(connection: sa.Connection) -> None:
            row = connection.execute(
                sa.select(server_now(), c.updated_at, *(c[name] for name in names))
                .where(c.id == record.id)
                .with_for_update()
            ).first()
            if row is None:
                raise _missing()
            now, updated_at, *before = row
            if seen_at is not None and updated_at != seen_at:
                raise ConflictError(
                    "“{name}” has been changed meanwhile.",
                    hint="Look at the new values, then make your change again.",
                    code="metric.changed",
                    details={"name": record.draft.name},
                )
            others = {name for name, was in zip(names, before, strict=True) if was != values[name]}
            if others & {*_COUNTED}:
                values.update(counted_zone=None, counted_user=None)
                connection.execute(sa.delete(custom_metric_days).where(d.metric_id == record.id))
            if others - {"name", "watched_from"}:
                later = n.metric_date >= record.watched_from
                told = sa.delete(custom_metric_notices).where(n.metric_id == record.id, later)
                connection.execute(told)
            # The instant makes this very change known again, should its COMMIT go unanswered.
            values["updated_at"] = moved_on(now, updated_at)
            connection.execute(sa.update(custom_metrics).where(c.id == record.id).values(**values))

        def settled(connection: sa.Connection) -> bool:
            found = connection.execute(sa.select(c.updated_at).where(c.id == record.id)).scalar()
            return found is not None and found == values.get("updated_at")

        self._transactions.write(work, settled=settled, events=events)
        return self._get(record.id)

    def delete_(self, metric_id: str, events: Sequence[AuditEvent] = ()) -> DeletedMetric:
        """Delete the metric and return all there was of it; raises NotFoundError."""
        found: list[DeletedMetric] = []

        def work(connection: sa.Connection) -> None:
            row = (
                connection.execute(sa.select(*_METRIC).where(c.id == metric_id).with_for_update())
                .mappings()
                .first()
            )
            if row is None:
                raise _missing()
            metric = _metric(row)
            days = connection.execute(sa.select(custom_metric_days).where(d.metric_id == metric_id))
            told = connection.execute(
                sa.select(custom_metric_notices).where(n.metric_id == metric_id)
            )
            found[:] = [
                DeletedMetric(
                    metric,
                    tuple(_day(row) for row in days.mappings()),
                    tuple(
                        (_notice(row, metric.draft.name), row[n.dismissed_at])
                        for row in told.mappings()
                    ),
                )
            ]
            connection.execute(sa.delete(custom_metrics).where(c.id == metric_id))

        def gone(connection: sa.Connection) -> bool:
            return connection.execute(sa.select(c.id).where(c.id == metric_id)).first() is None

        self._transactions.write(work, settled=gone, events=events)
        return found[0]

    # -- what was counted ------------------------------------------------------------------------

    def days_(
        self, metric_ids: Collection[str], first: date, last: date
    ) -> Mapping[str, Mapping[date, CountedDay]]:
        """What was counted for these days, by metric."""
        statement = sa.select(custom_metric_days).where(
            d.metric_id.in_(metric_ids), d.metric_date.between(first, last)
        )

        def read(connection: sa.Connection) -> dict[str, dict[date, CountedDay]]:
            found: dict[str, dict[date, CountedDay]] = {}
            for row in connection.execute(statement).mappings():
                found.setdefault(row[d.metric_id], {})[row[d.metric_date]] = _day(row)
            return found

        return self._transactions.read(read)

    def owned_(self, user_id: str | None = None, *, also_admins: bool = False) -> list[OwnedMetric]:
        """The metrics of one user or of everybody; ``also_admins``: and those of admins, which may
        count the user's searches."""
        stale = sa.exists().where(d.metric_id == c.id, d.is_stale.is_(True)).label("has_stale")
        about = (users.c.timezone, users.c.role, c.counted_zone, c.counted_user, stale)
        statement = sa.select(*_METRIC, *about).select_from(
            custom_metrics.join(users, users.c.id == c.user_id)
        )
        if user_id is not None:
            own = c.user_id == user_id
            mine = sa.or_(own, users.c.role == Role.ADMIN.value) if also_admins else own
            statement = statement.where(mine)
        return self._transactions.read(
            lambda connection: [
                OwnedMetric(
                    _metric(row),
                    row[users.c.timezone] or "UTC",
                    Role(row[users.c.role]),
                    _counted(row),
                    bool(row["has_stale"]),
                )
                for row in connection.execute(statement).mappings()
            ]
        )

    def begin_(self, metric_id: str, zone: str, user_id: str) -> None:
        """Have all days counted, from now on in ``zone``, for the user or everybody (""), by the
        rule of now; nothing is done where they are counted like that already."""

        def work(connection: sa.Connection) -> bool:
            row = connection.execute(
                sa.select(c.counted_zone, c.counted_user, c.history)
                .where(c.id == metric_id)
                .with_for_update()
            ).first()
            if row is None:
                return False
            document = row[2]
            if (row[0], row[1]) == (zone, user_id) and is_counted_as_now(document):
                return False
            connection.execute(sa.delete(custom_metric_days).where(d.metric_id == metric_id))
            connection.execute(
                sa.update(custom_metrics)
                .where(c.id == metric_id)
                .values(
                    counted_zone=zone,
                    counted_user=user_id,
                    history=history_document(history_of(document)),
                )
            )
            mark_stale(connection, metric_id, history_days(connection, zone, user_id))
            return True

        self._repeat(work)

    def count_(self, metric_id: str, most_days: int) -> int:
        """Count the first days that are to be counted, at most ``most_days`` from the first to the
        last; returns how many days lie between them, 0 when none is left."""
        counted = 0

        def work(connection: sa.Connection) -> bool:
            nonlocal counted
            counted = 0
            # The first statement, and one that locks: what is read later is no older than that.
            row = connection.execute(
                sa.select(c.history, c.counted_zone, c.counted_user)
                .where(c.id == metric_id)
                .with_for_update()
            ).first()
            if row is None:
                return False
            document, zone, user_id = row
            if zone is None or user_id is None:
                return False
            stale = list(
                connection.execute(
                    sa.select(d.metric_date)
                    .where(d.metric_id == metric_id, d.is_stale.is_(True))
                    .order_by(d.metric_date)
                    .limit(most_days)
                    .with_for_update()
                ).scalars()
            )
            if not stale:
                return False
            until = stale[0] + timedelta(days=most_days)
            stale = [day for day in stale if day < until]
            asked = replace(history_of(document), user_id=user_id)
            counts = count_days(connection, asked, zone, stale[0], stale[-1])
            connection.execute(
                sa.update(custom_metric_days)
                .where(d.metric_id == metric_id, d.metric_date == sa.bindparam("counted_date"))
                .values(found=sa.bindparam("counted"), lack="", is_stale=False),
                [{"counted_date": day, "counted": counts[day]} for day in stale],
            )
            counted = (stale[-1] - stale[0]).days + 1
            return True

        self._repeat(work)
        return counted

    def look_(self, metric_id: str, day: CountedDay) -> None:
        """Keep what a saved search has found, or why that is not known, in place of what was kept
        of the day."""

        def work(connection: sa.Connection) -> bool:
            there = connection.execute(sa.select(c.id).where(c.id == metric_id).with_for_update())
            if there.first() is None:
                return False
            at = sa.and_(d.metric_id == metric_id, d.metric_date == day.day)
            connection.execute(sa.delete(custom_metric_days).where(at))
            connection.execute(sa.insert(custom_metric_days).values(**_day_values(metric_id, day)))
            return True

        self._repeat(work)

    # -- what people were told -------------------------------------------------------------------

    def told_days(self, metric_id: str, first: date) -> set[date]:
        """The days from ``first`` on that its owner was told of."""
        statement = sa.select(n.metric_date).where(n.metric_id == metric_id, n.metric_date >= first)
        return self._transactions.read(
            lambda connection: {*connection.execute(statement).scalars()}
        )

    def tell_(self, notices: Sequence[MetricNotice]) -> None:
        """Keep these notices; one of a day that there is one of already is left out."""
        rows = [_notice_values(notice, None) for notice in notices]

        def work(connection: sa.Connection) -> None:
            ignore = "OR IGNORE" if connection.dialect.name == "sqlite" else "IGNORE"
            connection.execute(sa.insert(custom_metric_notices).prefix_with(ignore), rows)

        if rows:
            self._repeat(work)

    def notices_(self, user_id: str, at_most: int) -> list[MetricNotice]:
        """What the user was told and has not dismissed, the latest days first."""
        statement = (
            sa.select(custom_metric_notices, c.name)
            .select_from(custom_metric_notices.join(custom_metrics, c.id == n.metric_id))
            .where(c.user_id == user_id, n.dismissed_at.is_(None))
            .order_by(n.metric_date.desc(), c.name, n.metric_id)
            .limit(at_most)
        )
        return self._transactions.read(
            lambda connection: [
                _notice(row, row[c.name]) for row in connection.execute(statement).mappings()
            ]
        )

    def dismiss_(self, metric_id: str, last: date) -> None:
        """Its owner has taken note of the days up to ``last``."""
        told = sa.and_(n.metric_id == metric_id, n.metric_date <= last, n.dismissed_at.is_(None))

        def work(connection: sa.Connection) -> bool:
            statement = sa.update(custom_metric_notices).where(told)
            return connection.execute(statement.values(dismissed_at=server_now())).rowcount > 0

        self._repeat(work)

    # -- inside ----------------------------------------------------------------------------------

    def _repeat(self, work: Any) -> None:
        """Done twice it is the same: when nobody knows whether it was saved, it is done again."""
        self._transactions.write(work, settled=lambda _: False)

    def _get(self, metric_id: str) -> CustomMetric:
        found = self.find_(metric_id)
        if found is None:
            raise _missing()
        return found

    def _read(self, condition: sa.ColumnElement[bool]) -> list[CustomMetric]:
        statement = sa.select(*_METRIC).where(condition)
        return self._transactions.read(
            lambda connection: [_metric(row) for row in connection.execute(statement).mappings()]
        )


def _missing() -> NotFoundError:
    return NotFoundError("There is no such metric.", hint="It may have been deleted meanwhile.")


def _values(draft: CustomMetricDraft) -> dict[str, Any]:
    by_history = draft.source is MetricSource.HISTORY
    threshold = draft.threshold
    return {
        "name": draft.name,
        "source": draft.source.value,
        "history": history_document(draft.history) if by_history else None,
        "saved_search_id": "" if by_history else draft.saved_search_id,
        "side": None if threshold is None else threshold.side.value,
        "threshold": None if threshold is None else threshold.limit,
    }


def _metric(row: Mapping[Any, Any]) -> CustomMetric:
    side, limit = row[c.side], row[c.threshold]
    return CustomMetric(
        id=row[c.id],
        user_id=row[c.user_id],
        draft=CustomMetricDraft(
            name=row[c.name],
            source=MetricSource(row[c.source]),
            history=history_of(row[c.history]),
            saved_search_id=row[c.saved_search_id],
            threshold=None if side is None or limit is None else Threshold(Side(side), limit),
        ),
        watched_from=row[c.watched_from],
        created_at=row[c.created_at],
        updated_at=row[c.updated_at],
    )


def _counted(row: Mapping[Any, Any]) -> tuple[str, str] | None:
    zone, user_id = row[c.counted_zone], row[c.counted_user]
    if zone is None or user_id is None or not is_counted_as_now(row[c.history]):
        return None
    return zone, user_id


def _day(row: Mapping[Any, Any]) -> CountedDay:
    return CountedDay(
        row[d.metric_date], row[d.found], row[d.lack], row[d.looked_at], row[d.is_stale]
    )


def _day_values(metric_id: str, day: CountedDay) -> dict[str, Any]:
    return {
        "metric_id": metric_id,
        "metric_date": day.day,
        "found": day.found,
        "lack": day.lack,
        "looked_at": day.looked_at,
        "is_stale": day.is_stale,
    }


def _notice(row: Mapping[Any, Any], name: str) -> MetricNotice:
    return MetricNotice(
        row[n.metric_id],
        name,
        row[n.metric_date],
        row[n.found],
        Threshold(Side(row[n.side]), row[n.threshold]),
    )


def _notice_values(notice: MetricNotice, dismissed_at: datetime | None) -> dict[str, Any]:
    return {
        "metric_id": notice.metric_id,
        "metric_date": notice.day,
        "found": notice.found,
        "side": notice.threshold.side.value,
        "threshold": notice.threshold.limit,
        "dismissed_at": dismissed_at,
    }
