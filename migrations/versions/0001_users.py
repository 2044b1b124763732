"""Users."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, updated_now

revision = "0001_users"
down_revision = None
branch_labels = None
depends_on = None

_COLUMNS = ("id", "name", "email", "password", "role", "created_at")


def upgrade() -> None:
    """The table of the people who may sign in."""
    steps.create_table(
        "users",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column("email", sa.VARCHAR(255), nullable=False),
        sa.Column("password", sa.VARCHAR(255), nullable=False),
        sa.Column("role", sa.VARCHAR(50), server_default="user"),
        sa.Column("created_at", Instant(), server_default=created_now()),
        sa.Column("updated_at", Instant(), server_default=updated_now()),
        sa.UniqueConstraint("email", name="email"),
    )
    steps.create_index("users", "idx_email", ["email"])
    steps.create_index("users", "idx_role", ["role"])
    steps.create_index("users", "idx_created_at", ["created_at"])
    steps.keep_updated_at("users", _COLUMNS)


def downgrade() -> None:
    """No users."""
    steps.drop_table("users")
