"""The one statement that counts some days of a user's searches, for each kind of store.

It reads the rows once. A row of its answer is a part, a day, and all that there is of that part and
day as one JSON array of arrays: a driver takes longer over rows than a server over texts. Seconds
and days are counted from 1970, those of days by the user's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.analytics import (
    BUCKET_STEPS,
    KEPT_QUERIES,
    KEPT_ROWS,
    KEPT_SLOWEST,
    QUERY_CHARS,
    REFORMULATED_WITHIN_S,
)
from altus4_desktop.domain.local_days import Span, instant_of


class Part(Enum):
    """What a row of the answer is about."""

    HOURS = 1
    TIMES = 2
    QUERIES = 3
    NOTHING = 4
    REFORMULATIONS = 5
    SLOWEST = 6
    FAILURES = 7


_BUCKET = (
    "CASE"
    + "".join(f" WHEN ms < {limit} THEN ms - ms % {width}" for limit, width in BUCKET_STEPS)
    + " ELSE ms - ms % 100000 END"
)

# What the search told of itself, as an array: outcome, offset, connections, API key, cause. The
# outcome is known by its first letter. SQLite reads a document once for all five.
_ABOUT_IN_FILE = """CASE WHEN json_valid(search_params) THEN
 json_extract(search_params, '$.outcome', '$.offset', '$.connections', '$.api_key',
 '$.cause') ELSE '[null,null,null,null,null]' END"""
# As bytes: texts that only look alike are not the same, whatever the collation.
_ABOUT_ON_SERVER = """CAST(CAST(JSON_ARRAY(JSON_EXTRACT(search_params, '$.outcome'),
 JSON_EXTRACT(search_params, '$.offset'), JSON_EXTRACT(search_params, '$.connections'),
 JSON_EXTRACT(search_params, '$.api_key'), JSON_EXTRACT(search_params, '$.cause'))
 AS CHAR) AS BINARY)"""

# A server that guesses wrong reads all that the user ever searched, for each few days anew.
_INDEX_ON_SERVER = "FORCE INDEX (idx_searches_user_created)"

_FAILED_SOURCES_IN_FILE = """json_each(
 CASE WHEN json_valid(s.search_params) THEN s.search_params END, '$.sources') AS source"""
_FAILED_SOURCES_ON_SERVER = """JSON_TABLE(s.search_params, '$.sources[*]' COLUMNS (
 connection VARCHAR(255) PATH '$.connection', tab VARCHAR(255) PATH '$.table',
 code VARCHAR(64) PATH '$.error')) AS source"""

_FAILED_CELLS_IN_FILE = tuple(
    f"CASE source.type WHEN 'object' THEN json_extract(source.value, '$.{name}') END"
    for name in ("connection", "table", "error")
)
_FAILED_CELLS_ON_SERVER = tuple(
    f"CAST(source.{name} AS BINARY)" for name in ("connection", "tab", "code")
)

_FACTS = """WITH given AS {materialized} (
 SELECT id, {text} AS q, COALESCE(search_mode, 'natural') AS m,
  CASE WHEN execution_time_ms < 0 THEN 0 ELSE execution_time_ms END AS ms,
  result_count AS r, {epoch} AS e, {offset} AS o, {about} AS about
 FROM searches {index}
 WHERE user_id = :user_id AND created_at >= :begins_at AND created_at < :ends_at
), facts AS {materialized} (
 SELECT id, q, m, ms, e, o, about, (e + o) {div} 86400 AS d, (e + o) % 86400 {div} 3600 AS h,
  CASE SUBSTR(about, 3, 1) WHEN 'f' THEN 'f' WHEN 'p' THEN 'p' WHEN 'c' THEN 'c' ELSE 'o' END
   AS ended,
  {zero} AS z, CASE WHEN r > 0 THEN 1 ELSE 0 END AS found,
  LAG(q) OVER asked AS q_before, LAG(e) OVER asked AS e_before,
  LAG({zero}) OVER asked AS z_before
 FROM given
 WHERE (e + o) {div} 86400 BETWEEN :first AND :last
 WINDOW asked AS (PARTITION BY (e + o) {div} 86400 ORDER BY e, id)
)
"""

# Of each part, the cells of its rows, texts with a sign before them, and where they come from.
_PARTS = {
    Part.HOURS: (
        ("$m", "$ended", "n", "h", "o", "z"),
        "SELECT d, m, ended, COUNT(*) AS n, h, o, z FROM facts GROUP BY d, h, o, m, ended, z",
    ),
    Part.TIMES: (
        ("$about", "n", "bucket", "total_ms", "max_ms"),
        (
            "SELECT d, about, COUNT(*) AS n, bucket, SUM(ms) AS total_ms, MAX(ms) AS max_ms"
            " FROM (SELECT d, about, ms, {bucket} AS bucket FROM facts) AS timed"
            " GROUP BY d, about, bucket"
        ),
    ),
    Part.QUERIES: (
        ("$q", "n", "z", "ms"),
        (
            "SELECT d, q, n, z, ms FROM (SELECT d, q, n, z, ms,"
            "  ROW_NUMBER() OVER (PARTITION BY d ORDER BY n DESC, q) AS place"
            "  FROM (SELECT d, q, COUNT(*) AS n, SUM(z) AS z, SUM(ms) AS ms"
            "   FROM facts GROUP BY d, q) AS texts) AS ordered WHERE place <= {queries}"
        ),
    ),
    Part.NOTHING: (
        ("$q", "$m", "$about", "n", "n_of_day"),
        (
            "SELECT d, q, m, about, n, n_of_day FROM (SELECT d, q, m, about, n,"
            "  SUM(n) OVER (PARTITION BY d) AS n_of_day,"
            "  ROW_NUMBER() OVER (PARTITION BY d ORDER BY n DESC, q, m, about) AS place"
            "  FROM (SELECT d, q, m, about, COUNT(*) AS n FROM facts WHERE z = 1"
            "   GROUP BY d, q, m, about) AS texts) AS ordered WHERE place <= {rows}"
        ),
    ),
    Part.REFORMULATIONS: (
        ("$q_before", "$q", "n", "mended", "n_of_day", "mended_of_day"),
        (
            "SELECT d, q_before, q, n, mended, n_of_day, mended_of_day"
            " FROM (SELECT d, q_before, q, n, mended, SUM(n) OVER (PARTITION BY d) AS n_of_day,"
            "  SUM(mended) OVER (PARTITION BY d) AS mended_of_day,"
            "  ROW_NUMBER() OVER (PARTITION BY d ORDER BY n DESC, q_before, q) AS place"
            "  FROM (SELECT d, q_before, q, COUNT(*) AS n,"
            "    SUM(CASE WHEN z_before = 1 AND found = 1 THEN 1 ELSE 0 END) AS mended"
            "   FROM facts WHERE q_before <> q AND e - e_before <= {within_s}"
            "   GROUP BY d, q_before, q) AS pairs) AS ordered WHERE place <= {rows}"
        ),
    ),
    Part.SLOWEST: (
        ("$q", "$m", "$about", "$id", "ms", "e"),
        (
            "SELECT d, q, m, about, id, ms, e FROM (SELECT d, q, m, about, id, ms, e,"
            "  ROW_NUMBER() OVER (PARTITION BY d ORDER BY ms DESC, id) AS place FROM facts)"
            " AS ordered WHERE place <= {slowest}"
        ),
    ),
    Part.FAILURES: (
        ("$a", "$b", "$c", "n"),
        (
            "SELECT d, a, b, c, COUNT(*) AS n"
            " FROM (SELECT d, {failed[0]} AS a, {failed[1]} AS b, {failed[2]} AS c"
            "  FROM facts JOIN searches AS s ON s.id = facts.id JOIN {failed_sources}"
            "  WHERE ended IN ('f', 'p')) AS failures WHERE c IS NOT NULL GROUP BY d, a, b, c"
        ),
    ),
}


def count_statement(
    on_file: bool, user_id: str, spans: Sequence[Span], first: int, last: int
) -> sa.TextClause:
    """The statement for the days ``first`` to ``last``, which lie within ``spans``."""
    comma = "," if on_file else ", "
    listed = " OR ".join(
        f"about LIKE '[{outcome}{comma}{offset}{comma}%'"
        for outcome in ('"ok"', "null")
        for offset in ("0", "null")
    )
    text = f"TRIM(SUBSTR(TRIM(query), 1, {QUERY_CHARS}))"
    gathered = "json_group_array" if on_file else "JSON_ARRAYAGG"
    parts = " UNION ALL ".join(
        f"SELECT {part.value} AS part, d, {gathered}(json_array({_cells(cells, on_file)}))"
        f" FROM ({select}) AS part_{part.value} GROUP BY d"
        for part, (cells, select) in _PARTS.items()
    )
    statement = (_FACTS + parts).format(
        materialized="MATERIALIZED" if on_file else "",
        index="" if on_file else _INDEX_ON_SERVER,
        text=text if on_file else f"CAST({text} AS BINARY)",
        epoch=epoch_text(on_file),
        offset=offset_text(spans),
        about=_ABOUT_IN_FILE if on_file else _ABOUT_ON_SERVER,
        div="/" if on_file else "DIV",
        zero=f"CASE WHEN r = 0 AND ({listed}) THEN 1 ELSE 0 END",
        bucket=_BUCKET,
        queries=KEPT_QUERIES,
        rows=KEPT_ROWS,
        slowest=KEPT_SLOWEST,
        within_s=REFORMULATED_WITHIN_S,
        failed=_FAILED_CELLS_IN_FILE if on_file else _FAILED_CELLS_ON_SERVER,
        failed_sources=_FAILED_SOURCES_IN_FILE if on_file else _FAILED_SOURCES_ON_SERVER,
    )
    return _bound(statement, user_id, spans, first=first, last=last)


def _cells(cells: Sequence[str], on_file: bool) -> str:
    """A server must be told that bytes are text again."""
    text = "{}" if on_file else "CONVERT({} USING utf8mb4)"
    return ", ".join(
        text.format(cell.removeprefix("$")) if cell.startswith("$") else cell for cell in cells
    )


def days_statement(on_file: bool, user_id: str, spans: Sequence[Span]) -> sa.TextClause:
    """How many searches each day within ``spans`` has: ``day, n``; reads an index only."""
    div = "/" if on_file else "DIV"
    day = f"({epoch_text(on_file)} + {offset_text(spans)}) {div} 86400"
    statement = (
        f"SELECT {day} AS d, COUNT(*) AS n FROM searches WHERE user_id = :user_id"
        " AND created_at >= :begins_at AND created_at < :ends_at GROUP BY d"
    )
    return _bound(statement, user_id, spans)


def epoch_text(on_file: bool) -> str:
    """``created_at`` in seconds."""
    if on_file:
        return "CAST(strftime('%s', created_at) AS INTEGER)"
    return "UNIX_TIMESTAMP(created_at)"


def offset_text(spans: Sequence[Span]) -> str:
    """How far the user's clock was before UTC when a row was made."""
    *changes, last = spans
    if not changes:
        return str(last.offset_s)
    cases = " ".join(
        f"WHEN created_at < :change_{at} THEN {span.offset_s}" for at, span in enumerate(changes)
    )
    return f"CASE {cases} ELSE {last.offset_s} END"


def second_text(second: int) -> str:
    """A second since 1970 as stores write and compare it."""
    return instant_of(second).strftime("%Y-%m-%d %H:%M:%S")


def _bound(statement: str, user_id: str, spans: Sequence[Span], **more: Any) -> sa.TextClause:
    changes = {f"change_{at}": second_text(span.ends) for at, span in enumerate(spans[:-1])}
    return sa.text(statement).bindparams(
        user_id=user_id,
        begins_at=second_text(spans[0].begins),
        ends_at=second_text(spans[-1].ends),
        **changes,
        **more,
    )
