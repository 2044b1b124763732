"""What a chart plots, as a table: whatever shows or writes a chart reads the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from altus4_desktop.domain.history import HistoryQuery

Cell = str | int | float | date | datetime | None
"""None where nothing is known; instants have the offset of the time zone that is shown."""
AT_LEAST = "at_least"


class ChartKind(StrEnum):
    """How the rows are drawn."""

    BARS = "bars"
    LINES = "lines"
    RANKED = "ranked"
    HEAT = "heat"


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: ``columns`` name the cells of each of ``rows``.

    Of these ``label`` (several: they belong together) says what a row is about, and ``plotted`` are
    drawn, in their order. ``links`` are the past searches that each row stands for, None where the
    history cannot be asked for them alone. ``left_out``: so many rows more there are that are
    neither plotted nor listed; ``others`` (None: not known): so many searches stand in no row.
    While it ``goes_on``, what is less than before may yet become more. The column `AT_LEAST`, if
    there is one, names the columns in which a row may have more. Times are those of ``zone``, "":
    each person's own.
    """

    name: str
    kind: ChartKind
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    label: tuple[str, ...]
    plotted: tuple[str, ...]
    links: tuple[HistoryQuery | None, ...]
    zone: str = ""
    left_out: int = 0
    others: int | None = None
    goes_on: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for name in self.plotted for value in self.values(name))

    def cell(self, row: int, column: str) -> Cell:
        """One cell."""
        return self.rows[row][self.columns.index(column)]

    def values(self, column: str) -> tuple[Cell, ...]:
        """The cells of a column."""
        place = self.columns.index(column)
        return tuple(row[place] for row in self.rows)

    def is_least(self, row: int, column: str) -> bool:
        """Whether a cell may be more than is told."""
        if AT_LEAST not in self.columns:
            return False
        return column in str(self.cell(row, AT_LEAST) or "").split()

    def numbers(self, column: str) -> tuple[float | None, ...]:
        """The cells of a column that is plotted."""
        return tuple(map(_number, self.values(column)))

    def number(self, row: int, column: str) -> float | None:
        """One cell of such a column."""
        return _number(self.cell(row, column))


def _number(value: Cell) -> float | None:
    return float(value) if isinstance(value, int | float) else None
