"""The metadata store: engine, tables, repositories, revisions."""
