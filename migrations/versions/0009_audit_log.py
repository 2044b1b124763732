"""Audit log."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now

revision = "0009_audit_log"
down_revision = "0008_sign_in_failures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of who did what, and the end of its chain."""
    steps.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.CHAR(36), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False, server_default=created_now()),
        sa.Column("action", sa.VARCHAR(64), nullable=False),
        sa.Column("outcome", sa.VARCHAR(16), nullable=False),
        sa.Column("actor_id", sa.VARCHAR(36), nullable=False),
        sa.Column("actor_email", sa.VARCHAR(255), nullable=False),
        sa.Column("api_key_id", sa.VARCHAR(36), nullable=False),
        sa.Column("origin", sa.VARCHAR(255), nullable=False),
        sa.Column("subject_kind", sa.VARCHAR(32), nullable=False),
        sa.Column("subject_id", sa.VARCHAR(64), nullable=False),
        sa.Column("subject_name", sa.VARCHAR(255), nullable=False),
        sa.Column("details", sa.TEXT, nullable=False),
        sa.Column("previous_hash", sa.CHAR(64), nullable=False),
        sa.Column("row_hash", sa.CHAR(64), nullable=False),
        sa.UniqueConstraint("id", name="audit_log_id"),
    )
    steps.create_index("audit_log", "idx_audit_occurred", ["occurred_at"])
    steps.create_index("audit_log", "idx_audit_actor", ["actor_id", "sequence"])
    steps.create_index("audit_log", "idx_audit_action", ["action", "sequence"])
    steps.create_index("audit_log", "idx_audit_subject", ["subject_kind", "subject_id"])
    steps.guard_audit_log()
    steps.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("row_hash", sa.CHAR(64), nullable=False),
    )
    steps.insert_missing("audit_head", {"id": 1}, {"sequence": 0, "row_hash": "0" * 64})


def downgrade() -> None:
    """Nobody remembers who did what."""
    steps.drop_table("audit_head")
    steps.drop_table("audit_log")
