"""Query sets, judgements and evaluation runs."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now, json_document

revision = "0013_query_sets"
down_revision = "0012_saved_searches"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of queries with known answers, of those answers, and of how searches did."""
    steps.create_table(
        "query_sets",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("user_id", sa.CHAR(36), nullable=False),
        sa.Column("name", sa.VARCHAR(255), nullable=False),
        sa.Column("description", sa.VARCHAR(1000), nullable=False, server_default=""),
        sa.Column("created_at", Instant(), nullable=False, server_default=created_now()),
        sa.Column("updated_at", Instant(), nullable=False, server_default=created_now()),
        sa.UniqueConstraint("user_id", "name", name="uq_query_sets_name"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_query_sets_user_id", ondelete="CASCADE"
        ),
    )
    steps.create_table(
        "set_queries",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("set_id", sa.CHAR(36), nullable=False),
        sa.Column("name", sa.VARCHAR(512), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("query", sa.TEXT, nullable=False),
        sa.Column("note", sa.VARCHAR(1000), nullable=False, server_default=""),
        sa.UniqueConstraint("set_id", "name", name="uq_set_queries_name"),
        sa.ForeignKeyConstraint(
            ["set_id"], ["query_sets.id"], name="fk_set_queries_set_id", ondelete="CASCADE"
        ),
    )
    steps.create_table(
        "judgements",
        sa.Column("query_id", sa.CHAR(36), primary_key=True),
        sa.Column("connection_id", sa.CHAR(36), primary_key=True),
        sa.Column("document", sa.VARCHAR(512), primary_key=True),
        sa.Column("connection_name", sa.VARCHAR(255), nullable=False, server_default=""),
        sa.Column("grade", sa.Integer, nullable=False),
        sa.Column("judged_at", Instant(), nullable=False, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["query_id"], ["set_queries.id"], name="fk_judgements_query_id", ondelete="CASCADE"
        ),
    )
    steps.create_table(
        "evaluation_runs",
        sa.Column("id", sa.CHAR(36), primary_key=True),
        sa.Column("set_id", sa.CHAR(36), nullable=False),
        sa.Column("configurations", json_document(), nullable=False),
        sa.Column("measures", json_document(), nullable=False),
        sa.Column("results", json_document(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["set_id"], ["query_sets.id"], name="fk_evaluation_runs_set_id", ondelete="CASCADE"
        ),
    )
    steps.create_index("evaluation_runs", "idx_evaluation_runs_set", ["set_id", "created_at"])


def downgrade() -> None:
    """No query sets, and nothing that was judged or measured in them."""
    steps.drop_table("evaluation_runs")
    steps.drop_table("judgements")
    steps.drop_table("set_queries")
    steps.drop_table("query_sets")
