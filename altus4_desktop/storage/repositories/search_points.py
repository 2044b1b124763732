"""The table ``searches`` as points: instant, duration, outcome, and no text."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from altus4_desktop.domain.search_points import PointOutcome
from altus4_desktop.storage.roll_up_sql import epoch_text, second_text
from altus4_desktop.storage.transactions import Transactions

# Documents that other programs wrote may be none.
_ENDED_IN_FILE = (
    "CASE WHEN json_valid(search_params) THEN json_extract(search_params, '$.outcome') END"
)
_ENDED_ON_SERVER = "JSON_UNQUOTE(JSON_EXTRACT(search_params, '$.outcome'))"
_LONGEST_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PointPlace:
    """Where a page begins: after the search of this second and id."""

    at_s: int
    id: str


@dataclass(frozen=True, slots=True)
class PointPage:
    """Seconds since 1970, durations in ms and outcomes, the newest first; ``end`` is the place of
    the last one, None: there are no others."""

    rows: list[tuple[int, int, int]]
    end: PointPlace | None


class SearchPointRepository:
    """Raises StoreError when the store fails."""

    def __init__(self, transactions: Transactions, dialect: str) -> None:
        self._transactions = transactions
        self._on_file = dialect == "sqlite"

    def page_(
        self,
        user_id: str | None,
        begins_s: int,
        ends_s: int,
        after: PointPlace | None = None,
        limit: int = 50_000,
    ) -> PointPage:
        """The newest ``limit`` searches of one user, or of all, from one second to before another,
        of those after ``after``."""
        statement = _statement(self._on_file, user_id is not None, after is not None)
        values: dict[str, object] = {
            "begins_at": second_text(begins_s),
            "ends_at": second_text(ends_s),
            "most": limit,
        }
        if user_id is not None:
            values["user_id"] = user_id
        if after is not None:
            values |= {"after_at": second_text(after.at_s), "after_id": after.id}
        rows = self._transactions.read(
            lambda connection: connection.execute(statement, values).all()
        )
        end = PointPlace(int(rows[-1][0]), rows[-1][3]) if len(rows) == limit else None
        return PointPage([(int(at_s), ms, ended) for at_s, ms, ended, _ in rows], end)


def _statement(on_file: bool, of_one: bool, continues: bool) -> sa.TextClause:
    ended = _ENDED_IN_FILE if on_file else _ENDED_ON_SERVER
    index = "idx_searches_user_created" if of_one else "idx_created_at"
    # The server would take another one, and put millions of rows in order.
    hint = "" if on_file else f"FORCE INDEX ({index})"
    conditions = ["created_at >= :begins_at", "created_at < :ends_at"]
    if of_one:
        conditions.append("user_id = :user_id")
    if continues:
        conditions += ["created_at <= :after_at", "(created_at < :after_at OR id < :after_id)"]
    return sa.text(
        f"SELECT {epoch_text(on_file)},"
        f" CASE WHEN execution_time_ms < 0 THEN 0 WHEN execution_time_ms > {_LONGEST_MS}"
        f" THEN {_LONGEST_MS} ELSE COALESCE(execution_time_ms, 0) END,"
        f" CASE {ended} WHEN 'failed' THEN {PointOutcome.FAILED:d}"
        f" WHEN 'partial' THEN {PointOutcome.FAILED:d}"
        f" WHEN 'cancelled' THEN {PointOutcome.CANCELLED:d}"
        f" ELSE CASE WHEN result_count > 0 THEN {PointOutcome.HITS:d}"
        f" ELSE {PointOutcome.NONE:d} END END,"
        f" id FROM searches {hint} WHERE {' AND '.join(conditions)}"
        " ORDER BY created_at DESC, id DESC LIMIT :most"
    )
