"""Statements that make and remove FULLTEXT indexes and change server settings: written, never run.

InnoDB builds a FULLTEXT index in place, and writing waits meanwhile (``LOCK=SHARED``); see the
MySQL manual, "Online DDL Operations".
"""

from __future__ import annotations

from collections.abc import Sequence

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.index_health import IndexFacts, TableFacts


def add_statement(
    database: str, table: TableFacts, index: str, columns: Sequence[str], parser: str = ""
) -> str:
    """ALTER TABLE that adds one FULLTEXT index."""
    listed = ", ".join(_name(column) for column in columns)
    with_parser = f" WITH PARSER {_name(parser)}" if parser else ""
    definition = f"FULLTEXT INDEX {_name(index)} ({listed}){with_parser}"
    return _alter(database, table, f"ADD {definition}", locks=True)


def restore_statement(database: str, table: TableFacts, index: IndexFacts) -> str:
    """ALTER TABLE that adds an index exactly as the server has written it."""
    if not index.definition:
        return add_statement(database, table, index.name, index.columns, index.parser)
    return _alter(database, table, f"ADD {index.definition}", locks=True)


def drop_statement(database: str, table: TableFacts, index: str) -> str:
    """ALTER TABLE that removes an index."""
    return _alter(database, table, f"DROP INDEX {_name(index)}")


def repair_statement(database: str, table: TableFacts) -> str:
    """Builds the FULLTEXT indexes of a MyISAM or Aria table anew."""
    return f"REPAIR TABLE {_name(database)}.{_name(table.name)} QUICK;"


def setting_statement(flavour: Flavour, variable: str, value: str, *, dynamic: bool) -> str:
    """Sets a server variable; "" where only its configuration file can."""
    if dynamic:
        return f"SET GLOBAL {variable} = {value};"
    return f"SET PERSIST_ONLY {variable} = {value};" if flavour is Flavour.MYSQL else ""


def migration_script(statements: Sequence[tuple[Sequence[str], str]]) -> str:
    """Statements, each under its lines of comment, as one file.

    DDL commits by itself on MySQL and MariaDB, so there is no transaction around them.
    """
    parts = []
    for comments, statement in statements:
        parts.append("".join(f"-- {_plain(line)}\n" for line in comments) + statement + "\n")
    return "\n".join(parts)


def _alter(database: str, table: TableFacts, change: str, *, locks: bool = False) -> str:
    how = ", ALGORITHM=INPLACE, LOCK=SHARED" if locks and _in_place(table) else ""
    return f"ALTER TABLE {_name(database)}.{_name(table.name)} {change}{how};"


def _in_place(table: TableFacts) -> bool:
    return table.is_innodb and not table.partitioned


def _name(name: str) -> str:
    # For a file that is read as it is: `mysql.quoting.quote` doubles the percent signs.
    return "`" + name.replace("`", "``") + "`"


def _plain(text: str) -> str:
    # A line break in a name would end the comment.
    return "".join(char if char.isprintable() else " " for char in text)
