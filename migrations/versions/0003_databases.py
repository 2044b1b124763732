"""Databases."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document, updated_now

revision = "0003_databases"
down_revision = "0002_api_keys"
branch_labels = None
depends_on = None

_COLUMNS = (
    "id",
    "user_id",
    "name",
    "host",
    "port",
    "database_name",
    "username",
    "password_encrypted",
    "ssl_enabled",
    "connection_config",
    "is_active",
    "last_connected",
    "created_at",
)


def upgrade() -> None:
    """The table of the saved connections."""
    steps.create_table(
        "databases",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column("host", sa.VARCHAR(255), nullable=False),
        sa.Column("port", sa.Integer, nullable=False, server_default=sa.text("3306")),
        sa.Column("database_name", sa.VARCHAR(255), nullable=False),
        sa.Column("username", sa.VARCHAR(255), nullable=False),
        sa.Column("password_encrypted", sa.TEXT, nullable=False),
        sa.Column("ssl_enabled", sa.Boolean, server_default=sa.false()),
        sa.Column("connection_config", json_document()),
        sa.Column("is_active", sa.Boolean, server_default=sa.true()),
        sa.Column("last_connected", Instant()),
        sa.Column("created_at", Instant(), server_default=created_now()),
        sa.Column("updated_at", Instant(), server_default=updated_now()),
        sa.UniqueConstraint(
            "user_id", "host", "port", "database_name", name="unique_user_database"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_databases_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("databases", "idx_user_id", ["user_id"])
    steps.create_index("databases", "idx_active", ["is_active"])
    steps.create_index("databases", "idx_last_connected", ["last_connected"])
    steps.keep_updated_at("databases", _COLUMNS)


def downgrade() -> None:
    """No saved connections."""
    steps.drop_table("databases")
