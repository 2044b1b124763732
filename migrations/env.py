"""Alembic's environment: runs on the connection, or onto the paper, that it is given."""

from alembic import context

from altus4_desktop.storage.tables import metadata, version_table

context.configure(
    **context.config.attributes["configure"],
    target_metadata=metadata,
    version_table=version_table.name,
)

with context.begin_transaction():
    context.run_migrations()
