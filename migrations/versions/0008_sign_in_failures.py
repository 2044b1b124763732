"""Failed sign-ins."""

from __future__ import annotations

import sqlalchemy as sa

from altus4_desktop.storage import steps
from altus4_desktop.storage.types import Instant, created_now

revision = "0008_sign_in_failures"
down_revision = "0007_performance_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table that makes guessing passwords slow, also over restarts."""
    steps.create_table(
        "sign_in_failures",
        sa.Column("email_hash", sa.CHAR(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_at", Instant(), nullable=False, server_default=created_now()),
    )


def downgrade() -> None:
    """Guessing is quick again."""
    steps.drop_table("sign_in_failures")
