"""User preferences and time zone."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import json_document

revision = "0006_user_preferences"
down_revision = "0005_analytics"
branch_labels = None
depends_on = None

_BEFORE = ("id", "name", "email", "password", "role", "created_at")


def upgrade() -> None:
    """What a user likes, and where they are."""
    steps.add_column("users", sa.Column("preferences", json_document()))
    steps.add_column("users", sa.Column("timezone", sa.VARCHAR(50), server_default="UTC"))
    steps.create_index("users", "idx_users_timezone", ["timezone"])
    steps.keep_updated_at("users", (*_BEFORE, "preferences", "timezone"))


def downgrade() -> None:
    """Users without preferences."""
    steps.forget_updated_at("users")
    steps.drop_index("users", "idx_users_timezone")
    # In reverse: a kill in between leaves what `upgrade` completes in the same order.
    steps.drop_column("users", "timezone")
    steps.drop_column("users", "preferences")
    steps.keep_updated_at("users", _BEFORE)
