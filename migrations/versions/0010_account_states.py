"""Temporary passwords and last activity."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant

revision = "0010_account_states"
down_revision = "0009_audit_log"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table of passwords that have to be changed and of who was active when."""
    steps.create_table(
        "account_states",
        sa.Column("user_id", sa.CHAR(36), primary_key=True),
        sa.Column("must_change_password", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("last_active_at", Instant()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_account_states_user_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """A temporary password lasts."""
    steps.drop_table("account_states")
