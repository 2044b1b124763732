"""Alembic's environment: runs on the connection, or onto the paper, that it is given."""

from alembic import context

from altus4_desktop.storage.recognition import VERSION_TABLE
from altus4_desktop.storage.tables import metadata

context.configure(
    **context.config.attributes["configure"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)

with context.begin_transaction():
    context.run_migrations()
