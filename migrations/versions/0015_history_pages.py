"""Pages of the history that come at once, whatever is asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now

revision = "0015_history_pages"
down_revision = "0014_analytics_days"
branch_labels = None
depends_on = None

_INDEXES = {
    "idx_history_connection": ("database_id", "created_at"),
    "idx_history_mode": ("search_mode", "created_at"),
    "idx_history_user_mode": ("user_id", "search_mode", "created_at"),
    "idx_history_count": ("result_count", "created_at"),
    "idx_history_user_count": ("user_id", "result_count", "created_at"),
}


def upgrade() -> None:
    """An index for each filter, and lists of the searches that failed or were slow."""
    steps.create_table(
        "search_marks",
        sa.Column("mark", sa.VARCHAR(36), primary_key=True),
        sa.Column("created_at", Instant(), primary_key=True, server_default=created_now()),
        sa.Column("search_id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
    )
    steps.create_index("search_marks", "idx_search_marks_search", ["search_id"])
    for name, columns in _INDEXES.items():
        steps.create_index("searches", name, columns, online=True)
    on_file = op.get_context().dialect.name == "sqlite"
    ignore = "INSERT OR IGNORE" if on_file else "INSERT IGNORE"
    outcome = (
        "CASE WHEN json_valid(search_params) THEN json_extract(search_params, '$.outcome') END"
        if on_file
        else "JSON_UNQUOTE(JSON_EXTRACT(search_params, '$.outcome'))"
    )
    for mark, condition in (
        ("failed", f"{outcome} IN ('failed', 'partial')"),
        ("slow", "execution_time_ms >= 1000"),
    ):
        op.execute(
            f"{ignore} INTO search_marks (mark, created_at, search_id, user_id)"
            f" SELECT '{mark}', created_at, id, user_id FROM searches"
            f" WHERE created_at IS NOT NULL AND {condition}"
        )


def downgrade() -> None:
    """Without them."""
    for name in _INDEXES:
        steps.drop_index("searches", name)
    steps.drop_table("search_marks")
