"""A few rows of a table, for the words in them."""

from __future__ import annotations

import time

from altus4_desktop.domain.schema import TableInfo
from altus4_desktop.mysql.quoting import quote, quote_table
from altus4_desktop.mysql.session import TenantSession

SAMPLED_ROWS = 200
_SAMPLED_CHARS = 1_000


def read_sample_texts(
    session: TenantSession, database: str, table: TableInfo, *, deadline: float, tag: str
) -> list[str]:
    """The beginnings of the searched cells of the first and the last `SAMPLED_ROWS` rows by key.

    Both ends of a key are read without a sort, however long the table is. ``deadline`` (monotonic)
    is for both. Raises `TenantError` or `Cancelled`.
    """
    names = dict.fromkeys(name for index in table.fulltext_indexes for name in index.columns)
    if not names:
        return []
    cells = ", ".join(f"LEFT({quote(name)}, {_SAMPLED_CHARS})" for name in names)
    sql = f"SELECT {cells} FROM {quote_table(database, table.name)}"
    ends = [
        " ORDER BY " + ", ".join(f"{quote(name)} {direction}" for name in table.key)
        for direction in ("ASC", "DESC")
    ]
    texts: dict[str, None] = {}
    for order in ends if table.key else [""]:
        rows = session.query(
            f"{sql}{order} LIMIT {SAMPLED_ROWS}", timeout_s=deadline - time.monotonic(), tag=tag
        )
        texts.update((cell, None) for row in rows for cell in row if isinstance(cell, str))
    return list(texts)
