"""Counting searches by day."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now

revision = "0014_analytics_days"
down_revision = "0013_query_sets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of which days are to be counted again, and of the figures of everybody."""
    steps.create_table(
        "analytics_states",
        sa.Column("user_id", sa.CHAR(36), primary_key=True),
        sa.Column("timezone", sa.VARCHAR(50), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_analytics_states_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_table(
        "analytics_marks",
        sa.Column("user_id", sa.CHAR(36), primary_key=True),
        sa.Column("hour_at", Instant(), primary_key=True, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_analytics_marks_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_table(
        "analytics_totals",
        sa.Column("analytics_date", sa.Date, primary_key=True),
        sa.Column("metric_name", sa.VARCHAR(64), primary_key=True),
        sa.Column("metric_data", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Searches are not counted by day."""
    steps.drop_table("analytics_totals")
    steps.drop_table("analytics_marks")
    steps.drop_table("analytics_states")
