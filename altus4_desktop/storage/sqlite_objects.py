"""What SQLite needs triggers for: ON UPDATE CURRENT_TIMESTAMP and the FULLTEXT index."""

from __future__ import annotations

from collections.abc import Sequence


def index_name(dialect: str, table: str, name: str) -> str:
    """The name of an index: on SQLite it must be unique in the whole database."""
    return name if dialect != "sqlite" or table in name else f"{table}_{name}"


def update_trigger(table: str, columns: Sequence[str]) -> str:
    """CREATE TRIGGER that sets ``updated_at`` as MySQL's ON UPDATE does.

    ``columns`` are all the others: the instant moves when one of them really changes and the
    statement did not set ``updated_at`` to another value itself.
    """
    changed = " OR ".join(f'NEW."{column}" IS NOT OLD."{column}"' for column in columns)
    return (
        f'CREATE TRIGGER "{table}_updated_at" AFTER UPDATE ON "{table}" FOR EACH ROW'
        f' WHEN NEW."updated_at" IS OLD."updated_at" AND ({changed}) BEGIN'
        f' UPDATE "{table}" SET "updated_at" = CURRENT_TIMESTAMP WHERE rowid = NEW.rowid; END'
    )


def drop_update_trigger(table: str) -> str:
    """DROP TRIGGER for `update_trigger`, if it is there."""
    return f'DROP TRIGGER IF EXISTS "{table}_updated_at"'


def fulltext_objects(index: str, table: str, column: str) -> dict[str, str]:
    """The FTS5 table ``index`` over ``column`` and the triggers that keep it, name to CREATE."""
    remove = f'INSERT INTO "{index}" ("{index}", rowid, "{column}")'
    remove += f" VALUES ('delete', OLD.rowid, OLD.\"{column}\")"
    add = f'INSERT INTO "{index}" (rowid, "{column}") VALUES (NEW.rowid, NEW."{column}")'
    return {
        index: f'CREATE VIRTUAL TABLE "{index}" USING fts5 ("{column}", content="{table}")',
        f"{index}_insert": (
            f'CREATE TRIGGER "{index}_insert" AFTER INSERT ON "{table}" BEGIN {add}; END'
        ),
        f"{index}_delete": (
            f'CREATE TRIGGER "{index}_delete" AFTER DELETE ON "{table}" BEGIN {remove}; END'
        ),
        f"{index}_update": (
            f'CREATE TRIGGER "{index}_update" AFTER UPDATE OF "{column}" ON "{table}"'
            f" BEGIN {remove}; {add}; END"
        ),
    }
