"""Searches."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document, one_of, search_text

revision = "0004_searches"
down_revision = "0003_databases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of the search history, and the index to search in it."""
    steps.create_table(
        "searches",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("database_id", sa.CHAR(36)),
        sa.Column("query", search_text(1000), nullable=False),
        sa.Column(
            "search_mode",
            one_of("ck_searches_search_mode", ("natural", "boolean", "semantic")),
            server_default="natural",
        ),
        sa.Column("search_params", json_document()),
        sa.Column("result_count", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("execution_time_ms", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("categories", json_document()),
        sa.Column("created_at", Instant(), server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_searches_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["database_id"], ["databases.id"], name="fk_searches_database_id", ondelete="SET NULL"
        ),
    )
    steps.create_index("searches", "idx_user_id", ["user_id"])
    steps.create_index("searches", "idx_database_id", ["database_id"])
    steps.create_index("searches", "idx_search_mode", ["search_mode"])
    steps.create_index("searches", "idx_created_at", ["created_at"])
    steps.create_index("searches", "idx_execution_time", ["execution_time_ms"])
    steps.create_fulltext_index("searches", "ft_query", "query")


def downgrade() -> None:
    """No search history."""
    steps.drop_fulltext_index("searches", "ft_query", "query")
    steps.drop_table("searches")
