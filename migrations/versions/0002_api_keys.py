"""API keys."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document, one_of, updated_now

revision = "0002_api_keys"
down_revision = "0001_users"
branch_labels = None
depends_on = None

_COLUMNS = (
    "id",
    "user_id",
    "key_prefix",
    "key_hash",
    "name",
    "environment",
    "permissions",
    "rate_limit_tier",
    "rate_limit_custom",
    "expires_at",
    "last_used",
    "last_used_ip",
    "usage_count",
    "is_active",
    "created_at",
)


def upgrade() -> None:
    """The table of the keys that act for a user."""
    steps.create_table(
        "api_keys",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("key_prefix", sa.VARCHAR(30), nullable=False),
        sa.Column("key_hash", sa.VARCHAR(64), nullable=False),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column(
            "environment",
            one_of("ck_api_keys_environment", ("test", "live")),
            nullable=False,
            server_default="test",
        ),
        sa.Column("permissions", json_document(), server_default=sa.text("('[\"search\"]')")),
        sa.Column(
            "rate_limit_tier",
            one_of("ck_api_keys_rate_limit_tier", ("free", "pro", "enterprise")),
            server_default="free",
        ),
        sa.Column("rate_limit_custom", json_document()),
        sa.Column("expires_at", Instant()),
        sa.Column("last_used", Instant()),
        sa.Column("last_used_ip", sa.VARCHAR(45)),
        sa.Column("usage_count", sa.Integer, server_default=sa.text("0")),
        sa.Column("is_active", sa.Boolean, server_default=sa.true()),
        sa.Column("created_at", Instant(), server_default=created_now()),
        sa.Column("updated_at", Instant(), server_default=updated_now()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_api_keys_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("api_keys", "idx_key_prefix", ["key_prefix"])
    steps.create_index("api_keys", "idx_key_hash", ["key_hash"])
    steps.create_index("api_keys", "idx_user_id", ["user_id"])
    steps.create_index("api_keys", "idx_environment", ["environment"])
    steps.create_index("api_keys", "idx_active_keys", ["is_active", "expires_at"])
    steps.create_index("api_keys", "idx_last_used", ["last_used"])
    steps.keep_updated_at("api_keys", _COLUMNS)


def downgrade() -> None:
    """No API keys."""
    steps.drop_table("api_keys")
