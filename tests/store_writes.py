"""Every kind of write that the metadata store knows, and what is in the store afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.audit import AuditEvent
from altus4_desktop.domain.custom_metrics import (
    CountedDay,
    CustomMetric,
    CustomMetricDraft,
    DeletedMetric,
    MetricNotice,
    Side,
    Threshold,
)
from altus4_desktop.domain.keys import ApiKey, KeyEnvironment, KeyPermission, KeyTier, RateLimit
from altus4_desktop.domain.query_sets import (
    EvaluationRun,
    JudgedRow,
    QuerySet,
    QuerySetDraft,
    SetQueryDraft,
)
from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchDraft, Sighting
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.storage.engine import WRITES as WRITING
from altus4_desktop.storage.store import Store
from altus4_desktop.storage.tables import audit_log, users
from tests.records import AN_INSTANT, a_connection, a_search, a_user

Events = list[AuditEvent]
Write = Callable[[Store, Events], object]

# Their ids are the same in every process.
_ADA = a_user(id="ada", name="Ada", email="ada@example.org", role=Role.ADMIN)
_BOB = a_user(id="bob", name="Bob", email="bob@example.org", role=Role.ADMIN)
_NEW = a_user(id="new", name="New", email="new@example.org")
_FIRST = a_connection(_ADA, id="first", name="first")
_SECOND = a_connection(_ADA, id="second", name="second", database="second")
_SET = QuerySet("set", _ADA.id, QuerySetDraft("First"))
_RUN = EvaluationRun("run", "set", (), 0)
_ROW = JudgedRow("c", "Shop", "t/1")
_LIMITS = (10, 10)
_SEARCH = a_search(_ADA, "an old one", id="old", created_at=AN_INSTANT)
_SAVED = SavedSearch(
    "saved", _ADA.id, SavedSearchDraft("Old", "words", "a/b", SearchMode.BOOLEAN, shortcut=3)
)
_SAVED_TOO = SavedSearch("saved too", _ADA.id, SavedSearchDraft("Too", "more", shortcut=3))
_LATER = datetime(2027, 1, 1, tzinfo=UTC)
_THRESHOLD = Threshold(Side.ABOVE, 3)
_DAY = date(2026, 11, 1)
_METRIC = CustomMetric("metric", _ADA.id, CustomMetricDraft("Old", threshold=_THRESHOLD), _DAY)
_NOTICE = MetricNotice("metric", "Old", _DAY, 7, _THRESHOLD)


def _a_key(key_id: str) -> tuple[ApiKey, str]:
    key_hash = hashlib.sha256(key_id.encode()).hexdigest()
    key = ApiKey(
        id=key_id,
        user_id=_ADA.id,
        prefix=f"altus4_sk_live_{key_hash[:15]}",
        name=key_id,
        environment=KeyEnvironment.LIVE,
        permissions=frozenset({KeyPermission.SEARCH}),
        tier=KeyTier.FREE,
        created_at=AN_INSTANT,
    )
    return key, key_hash


def _edit_key(store: Store, events: Events) -> None:
    seen = store.api_keys.find_("key")
    assert seen is not None
    store.api_keys.update_(replace(seen, custom_limit=RateLimit(7, 60)), seen, events)


def _rotate_key(store: Store, events: Events) -> None:
    seen = store.api_keys.find_("key")
    assert seen is not None
    store.api_keys.rotate_(seen, None, *_a_key("successor"), events)


def _reseal(store: Store, events: Events) -> None:
    before = store.connections.find_(_FIRST.id)
    assert before is not None
    store.connections.reseal_(before, "v1.k1.nonce.other", "", events)


def _update_connection(store: Store, events: Events) -> None:
    seen_at = store.connections.list_(None)[0].updated_at
    store.connections.update_(replace(_FIRST, port=99), seen_at, events)


def _edit_saved(store: Store, events: Events) -> None:
    seen = store.saved_searches.find_("saved")
    assert seen is not None
    changed = replace(seen, draft=replace(seen.draft, query="other words", alerts=True))
    store.saved_searches.update_(changed, seen.updated_at, events, freed=_freed)


def _edit_set(store: Store, events: Events) -> None:
    (seen,) = store.query_sets.list_(_ADA.id)
    store.query_sets.update_(seen, QuerySetDraft("Other"), events)


def _edit_query(store: Store, events: Events) -> None:
    (seen,) = store.query_sets.list_queries_("set").queries
    store.query_sets.update_query_(seen, SetQueryDraft("other", "", "a note"), events)


def _edit_metric(store: Store, events: Events) -> None:
    seen = store.custom_metrics.find_("metric")
    assert seen is not None
    changed = replace(seen, draft=replace(seen.draft, name="Other"))
    store.custom_metrics.update_(changed, seen.updated_at, events)


def _freed(_: SavedSearch) -> AuditEvent:
    raise AssertionError("no shortcut is taken from another")


# Repository and method: at least one write of each.
WRITES: dict[str, Write] = {
    "users.create_": lambda store, events: store.users.create_(_NEW, "x", events),
    "users.update_": lambda store, events: store.users.update_(
        replace(_ADA, name="Ada L."), events
    ),
    "users.update_password_hash": lambda store, events: store.users.update_password_hash(
        _ADA.id, "new", events, temporary=True
    ),
    "users.set_role_keeping_an_admin": lambda store, events: store.users.set_role_keeping_an_admin(
        _ADA.id, Role.USER, events
    ),
    "users.delete_keeping_an_admin": lambda store, events: store.users.delete_keeping_an_admin(
        _BOB.id, events
    ),
    "connections.create_": lambda store, events: store.connections.create_(_SECOND, events),
    "connections.update_": _update_connection,
    "connections.touch_": lambda store, _: store.connections.touch_(_FIRST.id, _LATER),
    "connections.reseal_": _reseal,
    "connections.delete_": lambda store, events: store.connections.delete_(_FIRST.id, events),
    "searches.add_": lambda store, _: store.searches.add_(
        a_search(_ADA, "a new one", id="s", created_at=AN_INSTANT),
        a_search(_ADA, "another", id="t", created_at=AN_INSTANT),
    ),
    "searches.delete_": lambda store, events: store.searches.delete_(_ADA.id, [_SEARCH.id], events),
    "saved_searches.create_": lambda store, events: store.saved_searches.create_(
        replace(_SAVED_TOO, draft=replace(_SAVED_TOO.draft, shortcut=4)),
        events,
        at_most=9,
        freed=_freed,
    ),
    "saved_searches.update_": _edit_saved,
    "saved_searches.refile_": lambda store, events: store.saved_searches.refile_(
        {"saved": "elsewhere"}, events
    ),
    "saved_searches.delete_": lambda store, events: store.saved_searches.delete_(["saved"], events),
    "saved_searches.see_": lambda store, _: store.saved_searches.see_(
        "saved", Sighting(("c/t/1",), at=_LATER)
    ),
    "api_keys.create_": lambda store, events: store.api_keys.create_(*_a_key("new key"), events),
    "api_keys.update_": _edit_key,
    "api_keys.rotate_": _rotate_key,
    "api_keys.revoke_": lambda store, events: store.api_keys.revoke_(["key"], events),
    "query_sets.create_": lambda store, events: store.query_sets.create_(
        QuerySet("second", _ADA.id, QuerySetDraft("Second")), 10, events
    ),
    "query_sets.update_": _edit_set,
    "query_sets.delete_": lambda store, events: store.query_sets.delete_([_SET.id], events),
    "query_sets.add_queries_": lambda store, events: store.query_sets.add_queries_(
        _SET.id, [("q2", SetQueryDraft("two")), ("q3", SetQueryDraft("word"))], 10, events
    ),
    "query_sets.update_query_": _edit_query,
    "query_sets.delete_queries_": lambda store, events: store.query_sets.delete_queries_(
        _SET.id, ["q1"], events
    ),
    "judgements.judge_": lambda store, events: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("new")), _ROW, 2, (), _LIMITS, events
    ),
    "judgements.judge_ again": lambda store, events: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("word")), _ROW, 2, (), _LIMITS, events
    ),
    "judgements.judge_ withdraws": lambda store, events: store.judgements.judge_(
        _SET.id, ("q4", SetQueryDraft("word")), _ROW, None, (), _LIMITS, events
    ),
    "judgements.import_": lambda store, events: store.judgements.import_(
        _SET.id, [("q5", SetQueryDraft("word", "1"))], {"1": {_ROW: 0}}, _LIMITS, events
    ),
    "evaluation_runs.create_": lambda store, events: store.evaluation_runs.create_(
        replace(_RUN, id="second"), 10, events
    ),
    "evaluation_runs.delete_": lambda store, events: store.evaluation_runs.delete_(["run"], events),
    "custom_metrics.create_": lambda store, events: store.custom_metrics.create_(
        replace(_METRIC, id="second"), events, at_most=9
    ),
    "custom_metrics.restore_": lambda store, events: store.custom_metrics.restore_(
        DeletedMetric(
            replace(_METRIC, id="again"),
            (CountedDay(_DAY, 7),),
            ((replace(_NOTICE, metric_id="again"), None),),
        ),
        events,
        at_most=9,
    ),
    "custom_metrics.update_": _edit_metric,
    "custom_metrics.delete_": lambda store, events: store.custom_metrics.delete_("metric", events),
    "custom_metrics.look_": lambda store, _: store.custom_metrics.look_(
        "metric", CountedDay(_DAY, 8)
    ),
    "custom_metrics.tell_": lambda store, _: store.custom_metrics.tell_(
        [replace(_NOTICE, day=date(2026, 11, 2))]
    ),
    "sign_ins.record_failure": lambda store, events: store.sign_ins.record_failure(
        "x@example.org", AN_INSTANT, events
    ),
    "sign_ins.restart_wait": lambda store, _: store.sign_ins.restart_wait("y@example.org", _LATER),
    "sign_ins.clear": lambda store, events: store.sign_ins.clear("y@example.org", events),
}

# Repository and method: why it is not among `WRITES`.
OTHERS = {
    "users.create_first_admin": "needs a store without users; as users.create_",
    "users.touch_": "when somebody was last active; once more is the same",
    "audit.add_": "goes along with every other write",
    "api_keys.refuse_": "an event and nothing else, as audit.add_",
    "searches.delete_more_": "as searches.delete_, with no event of its own",
    "custom_metrics.dismiss_": "when somebody took note; once more is the same",
    "searches.mark_old_": "lists of what is there, filled again (test_history_pages)",
    "key_uses.spend_": "counts a use again whose answer was lost: a limit is never exceeded",
    **dict.fromkeys(
        [f"analytics.{name}" for name in ("begin_", "compare_", "roll_up_", "add_up_")]
        + [
            "analytics.forget_undated_",
            "analytics.check_totals_",
            "analytics.check_documents_",
            "analytics.mark_all_",
            "custom_metrics.begin_",
            "custom_metrics.count_",
        ],
        "figures of what is there, counted again (test_analytics_crashes)",
    ),
}

_CHANGING = {
    *("created_at", "updated_at", "last_used", "last_used_ip", "last_active_at", "judged_at"),
    *("rotated_at", "dismissed_at"),
}
_COLUMNS = {
    table: [column for column in table.c if column.name not in _CHANGING]
    for table in users.metadata.sorted_tables
    if not table.name.startswith(("audit_", "analytics"))
}


def empty(store: Store) -> None:
    """Take everything out of the store but the audit log."""
    with store._engine.connect().execution_options(**{WRITING: True}) as connection:
        for table in ("users", "searches", "search_marks", "sign_in_failures"):
            connection.execute(sa.delete(users.metadata.tables[table]))
        connection.commit()


def prepare(store: Store) -> None:
    """What the writes change."""
    store.users.create_(_ADA, "x")
    store.users.create_(_BOB, "x")
    store.connections.create_(_FIRST)
    store.searches.add_(_SEARCH)
    store.sign_ins.record_failure("y@example.org", AN_INSTANT)
    store.saved_searches.create_(_SAVED, at_most=9, freed=_freed)
    store.api_keys.create_(*_a_key("key"))
    store.query_sets.create_(_SET, 10)
    store.evaluation_runs.create_(_RUN, 10)
    store.judgements.judge_(_SET.id, ("q1", SetQueryDraft("word")), _ROW, 3, (), _LIMITS)
    store.custom_metrics.create_(_METRIC, at_most=9)
    store.custom_metrics.tell_([_NOTICE])


def state(store: Store) -> dict[str, list[str]]:
    """The rows of each table, but for when they were written."""
    with store._engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(*columns)).all()))
            for table, columns in _COLUMNS.items()
        }


def times_told(store: Store, event: AuditEvent) -> int:
    """How often ``event`` is in the audit log."""
    count = sa.select(sa.func.count()).where(audit_log.c.id == event.id)
    with store._engine.connect() as connection:
        return int(connection.execute(count).scalar_one())
