"""Custom metrics."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document, one_of

revision = "0016_custom_metrics"
down_revision = "0015_history_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of what people count by the day, of the counts, and of what they were told."""
    steps.create_table(
        "custom_metrics",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column(
            "source",
            one_of("ck_custom_metrics_source", ("history", "saved_search")),
            nullable=False,
        ),
        sa.Column("history", json_document()),
        sa.Column("saved_search_id", sa.CHAR(36), nullable=False, server_default=""),
        sa.Column("side", one_of("ck_custom_metrics_side", ("above", "below"))),
        sa.Column("threshold", sa.BigInteger),
        sa.Column("watched_from", sa.Date, nullable=False),
        sa.Column("counted_zone", sa.VARCHAR(50)),
        sa.Column("counted_user", sa.CHAR(36)),
        sa.Column("created_at", Instant(), nullable=False, server_default=created_now()),
        sa.Column("updated_at", Instant(), nullable=False, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_custom_metrics_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("custom_metrics", "idx_custom_metrics_user", ["user_id"])
    steps.create_table(
        "custom_metric_days",
        sa.Column("metric_id", sa.CHAR(36), primary_key=True),
        sa.Column("metric_date", sa.Date, primary_key=True),
        sa.Column("found", sa.BigInteger),
        sa.Column("lack", sa.VARCHAR(64), nullable=False, server_default=""),
        sa.Column("looked_at", Instant()),
        sa.Column("is_stale", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["metric_id"],
            ["custom_metrics.id"],
            name="fk_custom_metric_days_metric_id",
            ondelete="CASCADE",
        ),
    )
    steps.create_table(
        "custom_metric_notices",
        sa.Column("metric_id", sa.CHAR(36), primary_key=True),
        sa.Column("metric_date", sa.Date, primary_key=True),
        sa.Column("found", sa.BigInteger, nullable=False),
        sa.Column(
            "side", one_of("ck_custom_metric_notices_side", ("above", "below")), nullable=False
        ),
        sa.Column("threshold", sa.BigInteger, nullable=False),
        sa.Column("dismissed_at", Instant()),
        sa.ForeignKeyConstraint(
            ["metric_id"],
            ["custom_metrics.id"],
            name="fk_custom_metric_notices_metric_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    """Nobody counts anything of their own."""
    steps.drop_table("custom_metric_notices")
    steps.drop_table("custom_metric_days")
    steps.drop_table("custom_metrics")
