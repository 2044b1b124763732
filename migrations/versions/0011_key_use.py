"""Rotation and rate limits of API keys."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now

revision = "0011_key_use"
down_revision = "0010_account_states"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables of which key replaces which, and of how often each was used lately."""
    steps.create_table(
        "key_rotations",
        sa.Column("old_key_id", sa.CHAR(36), primary_key=True),
        sa.Column("new_key_id", sa.CHAR(36), nullable=False),
        sa.Column("rotated_at", Instant(), nullable=False, server_default=created_now()),
        sa.ForeignKeyConstraint(
            ["old_key_id"], ["api_keys.id"], name="fk_key_rotations_old", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["new_key_id"], ["api_keys.id"], name="fk_key_rotations_new", ondelete="CASCADE"
        ),
    )
    steps.create_index("key_rotations", "idx_key_rotations_new", ["new_key_id"])
    steps.create_table(
        "key_uses",
        sa.Column("key_id", sa.CHAR(36), primary_key=True),
        sa.Column("slice", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("uses", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_key_uses_key_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """Keys are neither rotated nor limited."""
    steps.drop_table("key_uses")
    steps.drop_table("key_rotations")
