"""The tables of the metadata store: the specification's five and our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CHAR,
    JSON,
    TEXT,
    VARCHAR,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Named,
    PrimaryKeyConstraint,
    Table,
    TypedColumns,
    UniqueConstraint,
    event,
    false,
    text,
    true,
)

from altus4_desktop.storage.audit_guards import guard_triggers
from altus4_desktop.storage.sqlite_objects import fulltext_objects, index_name, update_trigger
from altus4_desktop.storage.types import (
    TABLE_OPTIONS,
    Instant,
    created_now,
    json_document,
    one_of,
    search_text,
    updated_now,
)

metadata = MetaData()

Document = Mapping[str, Any]


def _indexes(table: str, *, fulltext: bool = False, **columns: tuple[str, ...]) -> list[Index]:
    servers: dict[str, Any] = {"mysql_prefix": "FULLTEXT"} if fulltext else {}
    made = [
        Index(index_name("mysql", table, name), *names, **servers).ddl_if(dialect="mysql")
        for name, names in columns.items()
    ]
    if not fulltext:
        made += [
            Index(index_name("sqlite", table, name), *names).ddl_if(dialect="sqlite")
            for name, names in columns.items()
        ]
    return made


def _owner(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=f"fk_{table}_user_id", ondelete="CASCADE"
    )


def _metric(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["metric_id"], ["custom_metrics.id"], name=f"fk_{table}_metric_id", ondelete="CASCADE"
    )


class UserColumns(TypedColumns):
    """People who may sign in."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    email: Named[str] = Column(VARCHAR(255), nullable=False)
    password: Named[str] = Column(VARCHAR(255), nullable=False)
    role: Named[str | None] = Column(VARCHAR(50), server_default="user")
    created_at: Named[datetime | None] = Column(Instant(), server_default=created_now())
    updated_at: Named[datetime | None] = Column(Instant(), server_default=updated_now())
    preferences: Named[Document | None] = Column(json_document())
    timezone: Named[str | None] = Column(VARCHAR(50), server_default="UTC")


users = Table(
    "users",
    metadata,
    UserColumns,
    UniqueConstraint("email", name="email"),
    *_indexes(
        "users",
        idx_email=("email",),
        idx_role=("role",),
        idx_created_at=("created_at",),
        idx_users_timezone=("timezone",),
    ),
    **TABLE_OPTIONS,
)


class ApiKeyColumns(TypedColumns):
    """Keys that act for a user; only their hash is kept."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    key_prefix: Named[str] = Column(VARCHAR(30), nullable=False)
    key_hash: Named[str] = Column(VARCHAR(64), nullable=False)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    environment: Named[str] = Column(
        one_of("ck_api_keys_environment", ("test", "live")), nullable=False, server_default="test"
    )
    permissions: Named[list[str] | None] = Column(
        json_document(), server_default=text("('[\"search\"]')")
    )
    rate_limit_tier: Named[str | None] = Column(
        one_of("ck_api_keys_rate_limit_tier", ("free", "pro", "enterprise")), server_default="free"
    )
    rate_limit_custom: Named[Document | None] = Column(json_document())
    expires_at: Named[datetime | None] = Column(Instant())
    last_used: Named[datetime | None] = Column(Instant())
    last_used_ip: Named[str | None] = Column(VARCHAR(45))
    usage_count: Named[int | None] = Column(Integer, server_default=text("0"))
    is_active: Named[bool | None] = Column(Boolean, server_default=true())
    created_at: Named[datetime | None] = Column(Instant(), server_default=created_now())
    updated_at: Named[datetime | None] = Column(Instant(), server_default=updated_now())


api_keys = Table(
    "api_keys",
    metadata,
    ApiKeyColumns,
    _owner("api_keys"),
    *_indexes(
        "api_keys",
        idx_key_prefix=("key_prefix",),
        idx_key_hash=("key_hash",),
        idx_user_id=("user_id",),
        idx_environment=("environment",),
        idx_active_keys=("is_active", "expires_at"),
        idx_last_used=("last_used",),
        idx_api_keys_active_tier=("is_active", "rate_limit_tier"),
        idx_api_keys_usage=("usage_count", "last_used"),
    ),
    **TABLE_OPTIONS,
)


class DatabaseColumns(TypedColumns):
    """Saved connections."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    host: Named[str] = Column(VARCHAR(255), nullable=False)
    port: Named[int] = Column(Integer, nullable=False, server_default=text("3306"))
    database_name: Named[str] = Column(VARCHAR(255), nullable=False)
    username: Named[str] = Column(VARCHAR(255), nullable=False)
    password_encrypted: Named[str] = Column(TEXT, nullable=False)
    ssl_enabled: Named[bool | None] = Column(Boolean, server_default=false())
    connection_config: Named[Document | None] = Column(json_document())
    is_active: Named[bool | None] = Column(Boolean, server_default=true())
    last_connected: Named[datetime | None] = Column(Instant())
    created_at: Named[datetime | None] = Column(Instant(), server_default=created_now())
    updated_at: Named[datetime | None] = Column(Instant(), server_default=updated_now())


databases = Table(
    "databases",
    metadata,
    DatabaseColumns,
    UniqueConstraint("user_id", "host", "port", "database_name", name="unique_user_database"),
    _owner("databases"),
    *_indexes(
        "databases",
        idx_user_id=("user_id",),
        idx_active=("is_active",),
        idx_last_connected=("last_connected",),
        idx_databases_user_active_name=("user_id", "is_active", "name"),
    ),
    **TABLE_OPTIONS,
)


class SearchColumns(TypedColumns):
    """The history of searches."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    database_id: Named[str | None] = Column(CHAR(36))
    query: Named[str] = Column(search_text(1000), nullable=False)
    search_mode: Named[str | None] = Column(
        one_of("ck_searches_search_mode", ("natural", "boolean", "semantic")),
        server_default="natural",
    )
    search_params: Named[Document | None] = Column(json_document())
    result_count: Named[int] = Column(Integer, nullable=False, server_default=text("0"))
    execution_time_ms: Named[int] = Column(Integer, nullable=False, server_default=text("0"))
    categories: Named[list[Any] | None] = Column(json_document())
    created_at: Named[datetime | None] = Column(Instant(), server_default=created_now())


searches = Table(
    "searches",
    metadata,
    SearchColumns,
    _owner("searches"),
    ForeignKeyConstraint(
        ["database_id"], ["databases.id"], name="fk_searches_database_id", ondelete="SET NULL"
    ),
    *_indexes(
        "searches",
        idx_user_id=("user_id",),
        idx_database_id=("database_id",),
        idx_search_mode=("search_mode",),
        idx_created_at=("created_at",),
        idx_execution_time=("execution_time_ms",),
        idx_searches_user_date=("user_id", "created_at"),
        idx_searches_user_created=("user_id", "created_at"),
        idx_history_connection=("database_id", "created_at"),
        idx_history_mode=("search_mode", "created_at"),
        idx_history_user_mode=("user_id", "search_mode", "created_at"),
        idx_history_count=("result_count", "created_at"),
        idx_history_user_count=("user_id", "result_count", "created_at"),
        idx_history_took=("execution_time_ms", "created_at", "id"),
        idx_history_user_connection=("user_id", "database_id", "created_at"),
    ),
    *_indexes("searches", fulltext=True, ft_query=("query",)),
    **TABLE_OPTIONS,
)


class SearchMarkColumns(TypedColumns):
    """Lists of searches that are rare among all: ``failed``, ``slow``, or the id of one of the
    several connections that were searched; and in ``reached`` how far `mark_old` has come
    with each user's."""

    mark: Named[str] = Column(VARCHAR(36), primary_key=True)
    # A server that gives timestamps defaults of its own must find one.
    created_at: Named[datetime] = Column(Instant(), primary_key=True, server_default=created_now())
    search_id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)


search_marks = Table(
    "search_marks",
    metadata,
    SearchMarkColumns,
    # No foreign key: with one, MySQL 9.7 does not set `searches.database_id` to NULL when a user
    # is deleted whose connection others have searched.
    *_indexes("search_marks", idx_search_marks_search=("search_id",)),
    **TABLE_OPTIONS,
)


class AnalyticsColumns(TypedColumns):
    """Figures a day, a user and a metric."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    analytics_date: Named[date] = Column(Date, nullable=False)
    metric_name: Named[str] = Column(VARCHAR(255), nullable=False)
    metric_data: Named[Any] = Column(JSON, nullable=False)
    created_at: Named[datetime | None] = Column(Instant(), server_default=created_now())
    updated_at: Named[datetime | None] = Column(Instant(), server_default=updated_now())


analytics = Table(
    "analytics",
    metadata,
    AnalyticsColumns,
    UniqueConstraint("user_id", "analytics_date", "metric_name", name="unique_user_date_metric"),
    _owner("analytics"),
    *_indexes(
        "analytics",
        idx_user_id=("user_id",),
        idx_date=("analytics_date",),
        idx_metric_name=("metric_name",),
    ),
    **TABLE_OPTIONS,
)


class AnalyticsStateColumns(TypedColumns):
    """Whose searches are counted by day, and in which time zone the days are."""

    user_id: Named[str] = Column(CHAR(36), primary_key=True)
    timezone: Named[str] = Column(VARCHAR(50), nullable=False)


analytics_states = Table(
    "analytics_states", metadata, AnalyticsStateColumns, _owner("analytics_states"), **TABLE_OPTIONS
)


class AnalyticsMarkColumns(TypedColumns):
    """Hours in which searches were added or deleted since their day was counted."""

    user_id: Named[str] = Column(CHAR(36), primary_key=True)
    # A server that gives timestamps defaults of its own must find one.
    hour_at: Named[datetime] = Column(Instant(), primary_key=True, server_default=created_now())


analytics_marks = Table(
    "analytics_marks", metadata, AnalyticsMarkColumns, _owner("analytics_marks"), **TABLE_OPTIONS
)


class AnalyticsTotalColumns(TypedColumns):
    """Figures a day and a metric of everybody together; a day without is still to be added up."""

    analytics_date: Named[date] = Column(Date, primary_key=True)
    metric_name: Named[str] = Column(VARCHAR(64), primary_key=True)
    metric_data: Named[Any] = Column(JSON, nullable=False)


analytics_totals = Table("analytics_totals", metadata, AnalyticsTotalColumns, **TABLE_OPTIONS)


class SignInFailureColumns(TypedColumns):
    """Failed sign-ins in a row, by the SHA-256 of the e-mail address: it may be nobody's."""

    email_hash: Named[str] = Column(CHAR(64), primary_key=True)
    failures: Named[int] = Column(Integer, nullable=False, server_default=text("0"))
    last_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


sign_in_failures = Table("sign_in_failures", metadata, SignInFailureColumns, **TABLE_OPTIONS)


class AccountStateColumns(TypedColumns):
    """What the program remembers of an account beside the specification's columns."""

    user_id: Named[str] = Column(CHAR(36), primary_key=True)
    must_change_password: Named[bool] = Column(Boolean, nullable=False, server_default=false())
    last_active_at: Named[datetime | None] = Column(Instant())


account_states = Table(
    "account_states", metadata, AccountStateColumns, _owner("account_states"), **TABLE_OPTIONS
)


class KeyRotationColumns(TypedColumns):
    """Which key replaces which."""

    old_key_id: Named[str] = Column(CHAR(36), primary_key=True)
    new_key_id: Named[str] = Column(CHAR(36), nullable=False)
    rotated_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


key_rotations = Table(
    "key_rotations",
    metadata,
    KeyRotationColumns,
    ForeignKeyConstraint(
        ["old_key_id"], ["api_keys.id"], name="fk_key_rotations_old", ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["new_key_id"], ["api_keys.id"], name="fk_key_rotations_new", ondelete="CASCADE"
    ),
    *_indexes("key_rotations", idx_key_rotations_new=("new_key_id",)),
    **TABLE_OPTIONS,
)


class KeyUseColumns(TypedColumns):
    """How often a key was used in each slice of its window; ``slice`` counts from the epoch."""

    key_id: Named[str] = Column(CHAR(36), primary_key=True)
    slice: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    uses: Named[int] = Column(Integer, nullable=False, server_default=text("0"))


key_uses = Table(
    "key_uses",
    metadata,
    KeyUseColumns,
    ForeignKeyConstraint(
        ["key_id"], ["api_keys.id"], name="fk_key_uses_key_id", ondelete="CASCADE"
    ),
    **TABLE_OPTIONS,
)


class SavedSearchColumns(TypedColumns):
    """Searches kept under a name."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    folder: Named[str] = Column(VARCHAR(500), nullable=False, server_default="")
    query: Named[str] = Column(TEXT, nullable=False)
    search_mode: Named[str] = Column(
        one_of("ck_saved_searches_search_mode", ("natural", "boolean", "semantic")),
        nullable=False,
        server_default="natural",
    )
    language: Named[str] = Column(VARCHAR(16), nullable=False, server_default="")
    hit_order: Named[str] = Column(VARCHAR(32), nullable=False, server_default="")
    scope: Named[Document | None] = Column(json_document())
    filters: Named[Document | None] = Column(json_document())
    is_shared: Named[bool] = Column(Boolean, nullable=False, server_default=false())
    shortcut: Named[int | None] = Column(Integer)
    alerts: Named[bool] = Column(Boolean, nullable=False, server_default=false())
    seen: Named[Document | None] = Column(json_document())
    created_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())
    updated_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


saved_searches = Table(
    "saved_searches",
    metadata,
    SavedSearchColumns,
    _owner("saved_searches"),
    *_indexes("saved_searches", idx_saved_searches_user=("user_id",)),
    **TABLE_OPTIONS,
)


class CustomMetricColumns(TypedColumns):
    """What people count by the day: past searches, or the rows of a saved search.

    ``counted_zone`` and ``counted_user`` (empty: everybody) say how the days were counted that are
    there, NULL that none were yet.
    """

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    source: Named[str] = Column(
        one_of("ck_custom_metrics_source", ("history", "saved_search")), nullable=False
    )
    history: Named[Document | None] = Column(json_document())
    # No foreign key: the metric keeps what was counted when the saved search is deleted.
    saved_search_id: Named[str] = Column(CHAR(36), nullable=False, server_default="")
    side: Named[str | None] = Column(one_of("ck_custom_metrics_side", ("above", "below")))
    threshold: Named[int | None] = Column(BigInteger)
    watched_from: Named[date] = Column(Date, nullable=False)
    counted_zone: Named[str | None] = Column(VARCHAR(50))
    counted_user: Named[str | None] = Column(CHAR(36))
    created_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())
    updated_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


custom_metrics = Table(
    "custom_metrics",
    metadata,
    CustomMetricColumns,
    _owner("custom_metrics"),
    *_indexes("custom_metrics", idx_custom_metrics_user=("user_id",)),
    **TABLE_OPTIONS,
)


class CustomMetricDayColumns(TypedColumns):
    """What was counted for a day; ``is_stale``: it is to be counted again."""

    metric_id: Named[str] = Column(CHAR(36), primary_key=True)
    metric_date: Named[date] = Column(Date, primary_key=True)
    found: Named[int | None] = Column(BigInteger)
    lack: Named[str] = Column(VARCHAR(64), nullable=False, server_default="")
    looked_at: Named[datetime | None] = Column(Instant())
    is_stale: Named[bool] = Column(Boolean, nullable=False, server_default=false())


custom_metric_days = Table(
    "custom_metric_days",
    metadata,
    CustomMetricDayColumns,
    _metric("custom_metric_days"),
    **TABLE_OPTIONS,
)


class CustomMetricNoticeColumns(TypedColumns):
    """The days that somebody was told of, and whether they have taken note."""

    metric_id: Named[str] = Column(CHAR(36), primary_key=True)
    metric_date: Named[date] = Column(Date, primary_key=True)
    found: Named[int] = Column(BigInteger, nullable=False)
    side: Named[str] = Column(
        one_of("ck_custom_metric_notices_side", ("above", "below")), nullable=False
    )
    threshold: Named[int] = Column(BigInteger, nullable=False)
    dismissed_at: Named[datetime | None] = Column(Instant())


custom_metric_notices = Table(
    "custom_metric_notices",
    metadata,
    CustomMetricNoticeColumns,
    _metric("custom_metric_notices"),
    **TABLE_OPTIONS,
)


class QuerySetColumns(TypedColumns):
    """Sets of queries whose answers are known."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    user_id: Named[str] = Column(CHAR(36), nullable=False)
    name: Named[str] = Column(VARCHAR(255), nullable=False)
    description: Named[str] = Column(VARCHAR(1000), nullable=False, server_default="")
    created_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())
    updated_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


query_sets = Table(
    "query_sets",
    metadata,
    QuerySetColumns,
    UniqueConstraint("user_id", "name", name="uq_query_sets_name"),
    _owner("query_sets"),
    **TABLE_OPTIONS,
)


class SetQueryColumns(TypedColumns):
    """The queries of a set; ``name`` is what files call them by."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    set_id: Named[str] = Column(CHAR(36), nullable=False)
    name: Named[str] = Column(VARCHAR(512), nullable=False)
    position: Named[int] = Column(Integer, nullable=False)
    query: Named[str] = Column(TEXT, nullable=False)
    note: Named[str] = Column(VARCHAR(1000), nullable=False, server_default="")


set_queries = Table(
    "set_queries",
    metadata,
    SetQueryColumns,
    UniqueConstraint("set_id", "name", name="uq_set_queries_name"),
    ForeignKeyConstraint(
        ["set_id"], ["query_sets.id"], name="fk_set_queries_set_id", ondelete="CASCADE"
    ),
    **TABLE_OPTIONS,
)


class JudgementColumns(TypedColumns):
    """How well a row answers a query.

    The row is named by its connection and, in ``document``, by its table and key. A connection that
    is deleted is still known by its name; where it never was one of the user's, its id is empty and
    ``document`` the whole name.
    """

    query_id: Named[str] = Column(CHAR(36), primary_key=True)
    connection_id: Named[str] = Column(CHAR(36), primary_key=True)
    document: Named[str] = Column(VARCHAR(512), primary_key=True)
    connection_name: Named[str] = Column(VARCHAR(255), nullable=False, server_default="")
    grade: Named[int] = Column(Integer, nullable=False)
    judged_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


judgements = Table(
    "judgements",
    metadata,
    JudgementColumns,
    ForeignKeyConstraint(
        ["query_id"], ["set_queries.id"], name="fk_judgements_query_id", ondelete="CASCADE"
    ),
    **TABLE_OPTIONS,
)


class EvaluationRunColumns(TypedColumns):
    """How one way to search, or two, did on a set; ``results`` tells it of each query."""

    id: Named[str] = Column(CHAR(36), primary_key=True)
    set_id: Named[str] = Column(CHAR(36), nullable=False)
    configurations: Named[list[Document]] = Column(json_document(), nullable=False)
    measures: Named[list[Document]] = Column(json_document(), nullable=False)
    results: Named[list[Any]] = Column(json_document(), nullable=False)
    created_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())


evaluation_runs = Table(
    "evaluation_runs",
    metadata,
    EvaluationRunColumns,
    ForeignKeyConstraint(
        ["set_id"], ["query_sets.id"], name="fk_evaluation_runs_set_id", ondelete="CASCADE"
    ),
    *_indexes("evaluation_runs", idx_evaluation_runs_set=("set_id", "created_at")),
    **TABLE_OPTIONS,
)


class AuditColumns(TypedColumns):
    """Who did what; no foreign keys, so that it outlives whom and what it names."""

    sequence: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Named[str] = Column(CHAR(36), nullable=False)
    occurred_at: Named[datetime] = Column(Instant(), nullable=False, server_default=created_now())
    action: Named[str] = Column(VARCHAR(64), nullable=False)
    outcome: Named[str] = Column(VARCHAR(16), nullable=False)
    actor_id: Named[str] = Column(VARCHAR(36), nullable=False)
    actor_email: Named[str] = Column(VARCHAR(255), nullable=False)
    api_key_id: Named[str] = Column(VARCHAR(36), nullable=False)
    origin: Named[str] = Column(VARCHAR(255), nullable=False)
    subject_kind: Named[str] = Column(VARCHAR(32), nullable=False)
    subject_id: Named[str] = Column(VARCHAR(64), nullable=False)
    subject_name: Named[str] = Column(VARCHAR(255), nullable=False)
    details: Named[str] = Column(TEXT, nullable=False)
    previous_hash: Named[str] = Column(CHAR(64), nullable=False)
    row_hash: Named[str] = Column(CHAR(64), nullable=False)


audit_log = Table(
    "audit_log",
    metadata,
    AuditColumns,
    UniqueConstraint("id", name="audit_log_id"),
    *_indexes(
        "audit_log",
        idx_audit_occurred=("occurred_at",),
        idx_audit_actor=("actor_id", "sequence"),
        idx_audit_action=("action", "sequence"),
        idx_audit_subject=("subject_kind", "subject_id"),
    ),
    **TABLE_OPTIONS,
)


class AuditHeadColumns(TypedColumns):
    """The end of the chain, one row: what is locked while another row is added."""

    id: Named[int] = Column(Integer, primary_key=True, autoincrement=False)
    sequence: Named[int] = Column(BigInteger, nullable=False, server_default=text("0"))
    row_hash: Named[str] = Column(CHAR(64), nullable=False)


audit_head = Table("audit_head", metadata, AuditHeadColumns, **TABLE_OPTIONS)


class JournalColumns(TypedColumns):
    """Which revision was applied when; no duration means its undoing was begun and not ended."""

    id: Named[int] = Column(Integer, primary_key=True, autoincrement=True)
    filename: Named[str] = Column(VARCHAR(255), nullable=False)
    applied_at: Named[datetime | None] = Column(Instant(), server_default=created_now())
    revision: Named[str] = Column(VARCHAR(32), nullable=False)
    checksum: Named[str] = Column(CHAR(64), nullable=False)
    duration_ms: Named[int | None] = Column(Integer)


# Kept apart from `metadata`: the migrator makes them, no revision does.
journal_metadata = MetaData()
journal = Table(
    "migrations",
    journal_metadata,
    JournalColumns,
    UniqueConstraint("filename", name="filename"),
    **TABLE_OPTIONS,
)

# Alembic's own row. Left to Alembic it would get the server's default engine and collation.
version_table = Table(
    "alembic_version",
    journal_metadata,
    Column("version_num", VARCHAR(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    **TABLE_OPTIONS,
)


def _attach_triggers() -> None:
    for table in (users, api_keys, databases, analytics):
        others = [column.name for column in table.columns if column.name != "updated_at"]
        _after_create(table, "sqlite", update_trigger(table.name, others))
    for statement in fulltext_objects("ft_query", "searches", "query").values():
        _after_create(searches, "sqlite", statement)
    for dialect in ("sqlite", "mysql"):
        for statement in guard_triggers(dialect).values():
            _after_create(audit_log, dialect, statement)


def _after_create(table: Table[Any], dialect: str, statement: str) -> None:
    def create(target: Table[Any], connection: Connection, **_: object) -> None:
        del target
        if connection.dialect.name == dialect:
            connection.exec_driver_sql(statement)

    event.listen(table, "after_create", create)


_attach_triggers()
