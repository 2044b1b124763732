"""Performance indexes."""

from __future__ import annotations

from altus4_desktop.storage import steps

revision = "0007_performance_indexes"
down_revision = "0006_user_preferences"
branch_labels = None
depends_on = None

_INDEXES = (
    ("searches", "idx_searches_user_date", ("user_id", "created_at")),
    ("searches", "idx_searches_user_created", ("user_id", "created_at")),
    ("api_keys", "idx_api_keys_active_tier", ("is_active", "rate_limit_tier")),
    ("api_keys", "idx_api_keys_usage", ("usage_count", "last_used")),
    ("databases", "idx_databases_user_active_name", ("user_id", "is_active", "name")),
)


def upgrade() -> None:
    """Composite and covering indexes for the common queries."""
    for table, name, columns in _INDEXES:
        steps.create_index(table, name, columns, online=True)


def downgrade() -> None:
    """Without them."""
    for table, name, _ in reversed(_INDEXES):
        steps.drop_index(table, name)
