"""What people count by the day, and telling them of days on the other side of a threshold."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.custom_metrics import (
    MOST_THRESHOLD,
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DayLack,
    DeletedMetric,
    MetricNotice,
    MetricSeries,
    MetricSource,
    Side,
    Threshold,
    days_of,
)
from altus4_desktop.domain.errors import (
    AltusError,
    Cancelled,
    InputError,
    NotFoundError,
    StoreError,
)
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.local_days import find_zone
from altus4_desktop.domain.recording import Pause, is_paused
from altus4_desktop.domain.saved_searches import MOST_SHARED, SavedSearch
from altus4_desktop.domain.searching import SearchMode, SearchRequest, TableChoice
from altus4_desktop.services.analytics import today_of
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.permissions import Permissions, Right
from altus4_desktop.services.recording import kept_whole_since, read_pauses

if TYPE_CHECKING:
    from altus4_desktop.services.analytics import AnalyticsService
    from altus4_desktop.services.analytics_upkeep import Errand
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.search import SearchService
    from altus4_desktop.storage.repositories.custom_metrics import (
        CustomMetricRepository,
        OwnedMetric,
    )

MOST_METRICS = 50
"""How many one user may have."""
MOST_NOTICES = 500
NEWS_DAYS = 31
"""A day that is longer ago is no news: nobody is told of it."""
AGAIN_AFTER = timedelta(hours=1)
"""When a saved search is run again that gave no answer."""
_NAME_LIMIT = 255
_TEXT_LIMIT = 1000
_LACK_LIMIT = 64
# A transaction that counts keeps others from writing: it is to take about so long.
_TRANSACTION_S = 0.3
_MOST_DAYS = 400
_FASTEST = 8.0


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose searches are counted, "" for everybody's, and in which time zone."""

    zone: str
    user_id: str


class CustomMetricsService:
    """Metrics are their owner's business, not even an admin's. Counting is upkeep of the store.

    Every method raises AccessError, StoreError.
    """

    def __init__(
        self,
        metadata: MetadataService,
        permissions: Permissions,
        analytics: AnalyticsService,
        connections: ConnectionsService,
        search: SearchService,
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._analytics = analytics
        self._connections = connections
        self._search = search
        self._watched: dict[str, date] = {}
        analytics.on_counted = self._follow

    # -- what people count -----------------------------------------------------------------------

    def list_(self, actor: Actor, period: Period) -> list[MetricSeries]:
        """The actor's metrics over ``period``, by name."""
        actor = self._permissions.check(actor, Right.ANALYSE)
        metrics = [
            owned
            for owned in self._metrics.owned_(actor.user_id)
            if self._may_see(actor, owned.metric)
        ]
        if not metrics:
            return []
        zone, today = actor.timezone or "UTC", today_of(actor)
        rows = self._metrics.days_(
            [owned.metric.id for owned in metrics], period.first, period.last
        )
        names = {
            saved.id: saved.name
            for saved in self._metadata.store.saved_searches.list_(
                actor.user_id, most_shared=MOST_SHARED
            )
        }
        first_days: dict[str, date | None] = {}
        known_pauses: dict[str, tuple[Pause, ...]] = {}
        found = []
        for owned in metrics:
            metric = owned.metric
            scope = _scope(metric, zone, actor.role)
            known = self._known(metric, scope, today, first_days)
            is_begun = owned.counted == (scope.zone, scope.user_id)
            days = days_of(
                metric,
                rows.get(metric.id, {}),
                period,
                known,
                is_begun=is_begun,
                pauses=self._pauses(metric, scope, known_pauses),
            )
            name = names.get(metric.draft.saved_search_id)
            found.append(MetricSeries(metric, zone, days, name))
        return sorted(found, key=_by_name)

    def get_(self, actor: Actor, metric_id: str) -> CustomMetric:
        """One of the actor's by id; raises NotFoundError."""
        return self._own(self._permissions.check(actor, Right.ANALYSE), metric_id)

    def create_(self, actor: Actor, draft: CustomMetricDraft) -> CustomMetric:
        """Count something from now on; past searches are counted soon, all of them.

        Raises InputError (name, text, user, saved_search, threshold), ConflictError
        (``metric.too_many``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        checked = self._check(actor, draft)
        record = CustomMetric(str(uuid.uuid4()), actor.user_id, checked, today_of(actor))
        event = _event(actor, "metric.created", record, after=_told(checked))
        made = self._metrics.create_(record, [event], at_most=MOST_METRICS)
        self._analytics.note_changed(actor.user_id)
        return made

    def update_(self, actor: Actor, seen: CustomMetric, draft: CustomMetricDraft) -> CustomMetric:
        """Give one of the actor's another draft; ``seen`` is what was edited. Days that are over
        are not told of by another threshold.

        Raises NotFoundError, InputError as `create_`, ConflictError (``metric.changed``).
        """
        actor = self._permissions.check(actor, Right.MANAGE)
        before = self._own(actor, seen.id)
        checked = self._check(actor, draft)
        is_other = replace(before.draft, name=checked.name) != checked
        watched_from = today_of(actor) if is_other else before.watched_from
        details = {"before": _told(before.draft), "after": _told(checked)}
        made = self._metrics.update_(
            replace(before, draft=checked, watched_from=watched_from),
            seen.updated_at,
            [_event(actor, "metric.changed", before, **details)],
        )
        self._analytics.note_changed(actor.user_id)
        return made

    def delete_(self, actor: Actor, metric_id: str) -> DeletedMetric:
        """Delete one of the actor's; returns all there was of it. Raises NotFoundError."""
        actor = self._permissions.check(actor, Right.MANAGE)
        metric = self._own(actor, metric_id)
        event = _event(actor, "metric.deleted", metric, before=_told(metric.draft))
        return self._metrics.delete_(metric.id, [event])

    def restore_(self, actor: Actor, deleted: DeletedMetric) -> CustomMetric:
        """Undo `delete_`. Raises NotFoundError for what was somebody else's, ConflictError
        (``metric.too_many``)."""
        actor = self._permissions.check(actor, Right.MANAGE)
        metric = deleted.metric
        if metric.user_id != actor.user_id:
            raise _missing()
        event = _event(actor, "metric.restored", metric, after=_told(metric.draft))
        made = self._metrics.restore_(deleted, [event], at_most=MOST_METRICS)
        self._analytics.note_changed(actor.user_id)
        return made

    # -- telling ---------------------------------------------------------------------------------

    def notices_(self, actor: Actor) -> list[MetricNotice]:
        """What the actor was told and has not dismissed, the latest days first."""
        return self._notices(self._permissions.check(actor, Right.ANALYSE))

    def dismiss_(self, actor: Actor, metric_id: str, last: date) -> None:
        """The actor has taken note of a metric's days up to ``last``; raises NotFoundError."""
        actor = self._permissions.check(actor, Right.ANALYSE)
        self._metrics.dismiss_(self._own(actor, metric_id).id, last)

    def watch_(self, actor: Actor, token: CancelToken | None = None) -> list[MetricNotice]:
        """Run those of the actor's saved searches that were not run today, and return `notices_`.

        Blocks for some seconds for each; to be called every other minute while the application
        runs. Where a day is over, searches are counted soon. Raises Cancelled.
        """
        token = token or CancelToken()
        self._permissions.check(actor, Right.ANALYSE)
        actor = self._permissions.check(actor, Right.SEARCH)
        today = today_of(actor)
        if self._watched.setdefault(actor.user_id, today) != today:
            self._watched[actor.user_id] = today
            self._analytics.refresh_later(actor)
        for owned in self._metrics.owned_(actor.user_id):
            if owned.metric.draft.source is MetricSource.SAVED_SEARCH:
                self._look_today(actor, owned, today, token)
        return self._notices(actor)

    # -- counting --------------------------------------------------------------------------------

    def _follow(self, errand: Errand, token: CancelToken, pause_s: float) -> None:
        """Count what an errand of the figures has found changed, and tell of it."""
        for owned in self._metrics.owned_(errand.user_id, also_admins=True):
            if owned.metric.draft.source is MetricSource.HISTORY:
                self._count(owned, token, pause_s)
                self._judge(owned, day_is_over=errand.compare)

    def _count(self, owned: OwnedMetric, token: CancelToken, pause_s: float) -> None:
        metric = owned.metric
        scope = _scope(metric, owned.zone, owned.role)
        begins = owned.counted != (scope.zone, scope.user_id)
        if begins:
            self._metrics.begin_(metric.id, scope.zone, scope.user_id)
        most_days = 1
        while begins or owned.has_stale:
            token.raise_if_cancelled()
            begun = time.monotonic()
            counted = self._metrics.count_(metric.id, most_days)
            if not counted:
                return
            pace = _TRANSACTION_S / max(time.monotonic() - begun, 0.001)
            most_days = min(_MOST_DAYS, max(1, round(counted * min(pace, _FASTEST))))
            token.wait(pause_s)

    def _judge(self, owned: OwnedMetric, *, day_is_over: bool) -> None:
        """Tell of days beyond the threshold. A day of the history that is not over may still get
        there from below, and what others have written is known after it was compared only."""
        metric = owned.metric
        threshold = metric.draft.threshold
        if threshold is None:
            return
        now = datetime.now(UTC)
        today = now.astimezone(find_zone(owned.zone)).date()
        last = today
        if metric.draft.source is MetricSource.HISTORY and threshold.side is Side.BELOW:
            if not day_is_over:
                return
            last -= timedelta(days=1)
        period = Period(max(metric.watched_from, today - timedelta(days=NEWS_DAYS)), last)
        if len(period) < 1:
            return
        rows = self._metrics.days_([metric.id], period.first, period.last).get(metric.id, {})
        sure = {day: replace(row, found=None) if row.is_stale else row for day, row in rows.items()}
        scope = _scope(metric, owned.zone, owned.role)
        known = self._known(metric, scope, today, {})
        # What one did not want recorded may be what one's count lacks; of everybody's, what was
        # recorded is judged: else whoever does not want it would silence the alarms of others.
        pauses = self._pauses(metric, scope, {}) if scope.user_id else ()
        # What people let go of was there: such days were judged while it was. The last one always
        # is, or whoever keeps searches for a day only would silence the alarms of others.
        whole = None
        if threshold.side is Side.BELOW:
            whole = kept_whole_since(self._metadata, scope.user_id or None, now)
        if whole is not None and not scope.user_id:
            whole = min(whole, last)
        crossed = [
            MetricNotice(metric.id, metric.draft.name, day.day, day.found, threshold)
            for day in days_of(metric, sure, period, known)
            if day.found is not None
            and threshold.is_crossed(day.found)
            and not (
                threshold.side is Side.BELOW
                and (is_paused(pauses, day.day) or (whole is not None and day.day < whole))
            )
        ]
        if crossed:
            told = self._metrics.told_days(metric.id, period.first)
            self._metrics.tell_([notice for notice in crossed if notice.day not in told])

    def _look_today(
        self, actor: Actor, owned: OwnedMetric, today: date, token: CancelToken
    ) -> None:
        metric, now = owned.metric, datetime.now(UTC)
        row = self._metrics.days_([metric.id], today, today).get(metric.id, {}).get(today)
        if row is not None and (
            row.found is not None
            or (row.looked_at is not None and now - row.looked_at < AGAIN_AFTER)
        ):
            return
        found, lack = self._look(actor, metric, token)
        token.raise_if_cancelled()
        self._metrics.look_(metric.id, CountedDay(today, found, lack, now))
        self._judge(owned, day_is_over=False)

    def _look(
        self, actor: Actor, metric: CustomMetric, token: CancelToken
    ) -> tuple[int | None, str]:
        """How many rows the saved search finds, or why that is not known."""
        saved = self._find_saved(actor, metric.draft.saved_search_id)
        if saved is None:
            return None, DayLack.SEARCH_GONE
        if saved.draft.mode is SearchMode.SEMANTIC:
            # It was changed since: the mode ranks candidates and does not count.
            return None, DayLack.SEMANTIC
        try:
            request = self._request(actor, saved)
            if request is None:
                return None, DayLack.PARTIAL
            count = self._search.count_rows(actor, request, token)
        except (Cancelled, StoreError):
            raise
        except AltusError as error:
            return None, error.code[:_LACK_LIMIT]
        if count.notices or not count.indexes:
            return None, DayLack.PARTIAL
        if count.at_least:
            return None, DayLack.TOO_MANY
        return count.rows, ""

    def _request(self, actor: Actor, saved: SavedSearch) -> SearchRequest | None:
        """The saved search as it is run now; None where one of its connections is gone."""
        mine = {
            connection.id: connection.name
            for connection in self._connections.list_(actor)
            if connection.user_id == actor.user_id and connection.is_active
        }
        draft = saved.draft
        scope = draft.scope.among(mine)
        if scope.missing:
            return None
        return SearchRequest(
            draft.query,
            draft.mode,
            connection_ids=scope.connection_ids,
            tables=tuple(
                TableChoice(table, connection_id)
                for connection_id, tables in scope.tables.items()
                for table in tables
            ),
            synonyms=actor.choices.synonyms,
            narrowing=Narrowing.from_document(draft.filters).among({*mine}),
        )

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _metrics(self) -> CustomMetricRepository:
        return self._metadata.store.custom_metrics

    def _own(self, actor: Actor, metric_id: str) -> CustomMetric:
        found = self._metrics.find_(metric_id)
        if found is None or found.user_id != actor.user_id:
            raise _missing()
        return found

    def _notices(self, actor: Actor) -> list[MetricNotice]:
        found = self._metrics.notices_(actor.user_id, MOST_NOTICES)
        if not found or self._permissions.owns(actor, ""):
            return found
        metrics = self._metrics.list_(actor.user_id)
        seen = {metric.id for metric in metrics if self._may_see(actor, metric)}
        return [notice for notice in found if notice.metric_id in seen]

    def _may_see(self, actor: Actor, metric: CustomMetric) -> bool:
        """An admin's key may not see what others have searched, though its owner counts that."""
        return self._permissions.owns(actor, _scope(metric, "", actor.role).user_id)

    def _find_saved(self, actor: Actor, search_id: str) -> SavedSearch | None:
        saved = self._metadata.store.saved_searches.find_(search_id) if search_id else None
        if saved is None or not (saved.user_id == actor.user_id or saved.draft.is_shared):
            return None
        return saved

    def _known(
        self, metric: CustomMetric, scope: _Scope, today: date, first_days: dict[str, date | None]
    ) -> Period | None:
        """From the first day to today; ``first_days`` are remembered by user."""
        if metric.draft.source is MetricSource.SAVED_SEARCH:
            at = metric.created_at or datetime.now(UTC)
            return Period(at.astimezone(find_zone(scope.zone)).date(), today)
        if scope.user_id not in first_days:
            first_days[scope.user_id] = self._metadata.store.figures.first_day(
                scope.user_id or None
            )
        first = first_days[scope.user_id]
        return None if first is None else Period(first, max(first, today))

    def _pauses(
        self, metric: CustomMetric, scope: _Scope, pauses: dict[str, tuple[Pause, ...]]
    ) -> tuple[Pause, ...]:
        """When not everything was recorded that it counts; ``pauses`` are remembered by user."""
        if metric.draft.source is MetricSource.SAVED_SEARCH:
            return ()
        if scope.user_id not in pauses:
            pauses[scope.user_id] = read_pauses(self._metadata, scope.user_id or None)
        return pauses[scope.user_id]

    def _check(self, actor: Actor, draft: CustomMetricDraft) -> CustomMetricDraft:
        """The draft as it is kept; raises InputError."""
        name = draft.name.strip()
        if not name:
            raise InputError("name", "A metric needs a name.")
        if len(name) > _NAME_LIMIT:
            raise InputError("name", "At most {limit} characters fit here.", limit=_NAME_LIMIT)
        if not name.isprintable():
            raise InputError("name", "There is a character in it that cannot be shown.")
        threshold = draft.threshold
        if threshold is not None:
            _check_threshold(threshold)
        if draft.source is MetricSource.HISTORY:
            history = self._check_history(actor, draft.history)
            return CustomMetricDraft(name, draft.source, history, threshold=threshold)
        saved = self._find_saved(actor, draft.saved_search_id)
        if saved is None:
            raise InputError("saved_search", "Choose a saved search.")
        if saved.draft.mode is SearchMode.SEMANTIC:
            raise InputError(
                "saved_search",
                "How many rows a semantic search finds is not known: it puts candidates in order.",
                hint="Choose a search in natural or boolean mode.",
            )
        return CustomMetricDraft(name, draft.source, saved_search_id=saved.id, threshold=threshold)

    def _check_history(self, actor: Actor, query: HistoryQuery) -> HistoryQuery:
        text = query.text.strip()
        if len(text) > _TEXT_LIMIT:
            raise InputError("text", "At most {limit} characters fit here.", limit=_TEXT_LIMIT)
        if not text.isprintable():
            raise InputError("text", "There is a character in it that cannot be kept.")
        user_id = query.user_id if self._permissions.owns(actor, "") else ""
        if user_id and self._metadata.store.users.find_(user_id) is None:
            raise InputError("user", "There is no such user.")
        return replace(query, text=text, user_id=user_id, from_at=None, to_at=None, own_time=None)


def _by_name(series: MetricSeries) -> tuple[str, str]:
    return (series.metric.draft.name.casefold(), series.metric.id)


def _scope(metric: CustomMetric, zone: str, role: Role) -> _Scope:
    """Only who is an admin now counts what others have searched."""
    whose = metric.draft.history.user_id if role is Role.ADMIN else metric.user_id
    return _Scope(zone, whose)


def _check_threshold(threshold: Threshold) -> None:
    least = 1 if threshold.side is Side.BELOW else 0
    if not least <= threshold.limit <= MOST_THRESHOLD:
        raise InputError(
            "threshold",
            "A whole number from {least} to {most} fits here.",
            least=least,
            most=MOST_THRESHOLD,
        )


def _missing() -> NotFoundError:
    return NotFoundError("There is no such metric.", hint="It may have been deleted meanwhile.")


def _event(actor: Actor, action: str, metric: CustomMetric, **details: Any) -> AuditEvent:
    return build_event(actor, action, SubjectKind.METRIC, metric.id, metric.draft.name, **details)


def _told(draft: CustomMetricDraft) -> Mapping[str, Any]:
    """What the audit log is told; the words that are looked for are the business of its owner."""
    threshold = draft.threshold
    return {
        "name": draft.name,
        "source": draft.source.value,
        "side": None if threshold is None else threshold.side.value,
        "threshold": None if threshold is None else threshold.limit,
    }
