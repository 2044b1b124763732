"""Pages of the history by duration, and of one person's searches of one connection."""

from __future__ import annotations

from altus4_desktop.storage import steps

revision = "0017_history_durations"
down_revision = "0016_custom_metrics"
branch_labels = None
depends_on = None

_INDEXES = {
    # With the id, which only MySQL has in every index: all that a page is chosen by is in it.
    "idx_history_took": ("execution_time_ms", "created_at", "id"),
    "idx_history_user_connection": ("user_id", "database_id", "created_at"),
}


def upgrade() -> None:
    """Two indexes more."""
    for name, columns in _INDEXES.items():
        steps.create_index("searches", name, columns, online=True)


def downgrade() -> None:
    """Without them."""
    for name in _INDEXES:
        steps.drop_index("searches", name)
