"""Saved searches."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document, one_of

revision = "0012_saved_searches"
down_revision = "0011_key_use"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of searches that are kept under a name."""
    steps.create_table(
        "saved_searches",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column("folder", sa.VARCHAR(500), nullable=False, server_default=""),
        sa.Column("query", sa.TEXT, nullable=False),
        sa.Column(
            "search_mode",
            one_of("ck_saved_searches_search_mode", ("natural", "boolean", "semantic")),
            nullable=False,
            server_default="natural",
        ),
        sa.Column("language", sa.VARCHAR(16), nullable=False, server_default=""),
        sa.Column("hit_order", sa.VARCHAR(32), nullable=False, server_default=""),
        sa.Column("scope", json_document()),
        sa.Column("filters", json_document()),
        sa.Column("is_shared", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("shortcut", sa.Integer),
        sa.Column("alerts", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("seen", json_document()),
        sa.Column("created_at", Instant(), nullable=False, server_default=created_now()),
        sa.Column("updated_at", Instant(), nullable=False, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_saved_searches_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("saved_searches", "idx_saved_searches_user", ["user_id"])


def downgrade() -> None:
    """No saved searches."""
    steps.drop_table("saved_searches")
