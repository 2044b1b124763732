"""Analytics."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, updated_now

revision = "0005_analytics"
down_revision = "0004_searches"
branch_labels = None
depends_on = None

_COLUMNS = ("id", "user_id", "analytics_date", "metric_name", "metric_data", "created_at")


def upgrade() -> None:
    """The table of figures by day, user and metric."""
    steps.create_table(
        "analytics",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("analytics_date", sa.Date, nullable=False),
        sa.Column("metric_name", sa.VARCHAR(255), nullable=False),
        sa.Column("metric_data", sa.JSON, nullable=False),
        sa.Column("created_at", Instant(), server_default=created_now()),
        sa.Column("updated_at", Instant(), server_default=updated_now()),
        sa.UniqueConstraint(
            "user_id", "analytics_date", "metric_name", name="unique_user_date_metric"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_analytics_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("analytics", "idx_user_id", ["user_id"])
    steps.create_index("analytics", "idx_date", ["analytics_date"])
    steps.create_index("analytics", "idx_metric_name", ["metric_name"])
    steps.keep_updated_at("analytics", _COLUMNS)


def downgrade() -> None:
    """No analytics."""
    steps.drop_table("analytics")
