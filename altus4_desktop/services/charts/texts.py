"""What was searched: often, without result, slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from altus4_desktop.domain.charts import AT_LEAST, Cell, Chart, ChartKind
from altus4_desktop.domain.figures import (
    Figures,
    ZeroQuery,
)
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.local_days import (
    find_zone,
)
from altus4_desktop.domain.zero_causes import ZeroCause
from altus4_desktop.services.cause_words import ELSEWHERE, NOT_KNOWN, REWORDED
from altus4_desktop.services.charts.board import (
    Dashboard,
    Row,
    about,
    build_chart,
    link_to_period,
    mode_of,
    rounded,
)
from altus4_desktop.services.insight_rules import is_alike

# What stands in a trend for a part of the period of which no count is sure.
_NO_COUNT = "?"
# Of a month, the rest of a day is little.
_SHORT_DAYS = 7
_OPERATORS = frozenset('+-"()*~<>')
# What may as well be explained by what else was searched.
_UNSURE = (ZeroCause.ABSENT, ZeroCause.OPERATORS, NOT_KNOWN)


def build_popular(board: Dashboard) -> Chart:
    """What was searched most often, and how that went on."""
    # Of days of which nothing is known it is not known either how often it was searched.
    compared = board.before is not None and all(day.counts is not None for day in board.before.days)
    rows: list[Row] = []
    for query in board.figures.popular:
        cells: tuple[Cell, ...] = (query.text, query.searches)
        if compared:
            cells += (query.before,)
        trend = " ".join(_NO_COUNT if count is None else str(count) for count in query.trend)
        cells += (query.zero, rounded(query.mean_ms), trend)
        rows.append((cells, replace(link_to_period(board), **about(query.text))))
    columns = ("query", "searches", *(("before",) if compared else ()), "zero", "mean_ms", "trend")
    least = [
        " ".join(
            (
                *(() if query.is_exact else ("searches", "zero")),
                *(() if query.is_exact_before or not compared else ("before",)),
            )
        )
        for query in board.figures.popular
    ]
    columns, rows = _with_least(columns, rows, least)
    chart = build_chart(
        board, "popular", ChartKind.RANKED, columns, rows, ("query",), ("searches",)
    )
    chart = replace(chart, goes_on=_goes_on(board))
    return _with_others(chart, board.figures.unlisted, rows)


def build_zero(board: Dashboard) -> Chart:
    """What was searched and not found, and why."""
    found = _Findings.of(board.figures)
    by_text: dict[str, list[ZeroQuery]] = {}
    for query in board.figures.zero:
        by_text.setdefault(query.text, []).append(query)
    rows: list[Row] = []
    for text, parts in sorted(by_text.items(), key=lambda item: -_sum_of(item[1])):
        modes = [*dict.fromkeys(part.mode for part in parts)]
        connections = dict.fromkeys(name for part in parts for name in part.connections)
        # The part that was searched most often stands for all.
        cause, evidence = found.explain(replace(parts[0], connections=tuple(connections)))
        cells = (
            text,
            _sum_of(parts),
            cause,
            evidence,
            ", ".join(modes),
            ", ".join(connections),
        )
        link = replace(
            link_to_period(board),
            **about(text),
            mode=mode_of(modes[0]) if len(modes) == 1 else None,
            outcome=HistoryOutcome.NONE,
        )
        rows.append((cells, link))
    columns: tuple[str, ...] = ("query", "searches", "cause", "evidence", "mode", "connections")
    least = ["" if by_text[str(cells[0])][0].is_exact else "searches" for cells, _ in rows]
    columns, rows = _with_least(columns, rows, least)
    chart = build_chart(board, "zero", ChartKind.RANKED, columns, rows, ("query",), ("searches",))
    return _with_others(chart, board.figures.unlisted_zero, rows)


def build_slowest(board: Dashboard) -> Chart:
    """The slowest searches, each by itself, and how it ended: what failed for want of an answer
    took as long as it was waited for."""
    place = find_zone(board.zone or "UTC")
    rows: list[Row] = [
        (
            (
                slow.text,
                slow.ms,
                slow.outcome,
                slow.at.astimezone(place),
                slow.mode,
                ", ".join(slow.connections),
            ),
            HistoryQuery(
                **about(slow.text),
                mode=mode_of(slow.mode),
                from_at=slow.at,
                to_at=slow.at + timedelta(seconds=1),
                least_ms=slow.ms,
                most_ms=slow.ms,
            ),
        )
        for slow in board.figures.slowest
    ]
    columns = ("query", "ms", "outcome", "at", "mode", "connections")
    return build_chart(board, "slowest", ChartKind.RANKED, columns, rows, ("query",), ("ms",))


def _goes_on(board: Dashboard) -> bool:
    """Whether so much of the period is to come that it cannot be less than what was before."""
    today = board.now.astimezone(find_zone(board.shown_zone)).date()
    return len(board.figures.period) <= _SHORT_DAYS and today in board.figures.period


def _with_least(
    columns: tuple[str, ...], rows: list[Row], least: Sequence[str]
) -> tuple[tuple[str, ...], list[Row]]:
    """With the names of the columns in which each row may have more, if any may."""
    if not any(least):
        return columns, rows
    told = [
        ((*cells, names or None), link) for (cells, link), names in zip(rows, least, strict=True)
    ]
    return (*columns, AT_LEAST), told


def _with_others(chart: Chart, unlisted: int, rows: Sequence[Row]) -> Chart:
    """With how many searches had other texts than it lists."""
    place = chart.columns.index("searches")
    left_out = sum(int(str(cells[place])) for cells, _ in rows[len(chart.rows) :])
    return replace(chart, others=unlisted + left_out)


def _sum_of(parts: Sequence[ZeroQuery]) -> int:
    return sum(part.searches for part in parts)


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was known when it was searched, and what else was searched, tell why a text was not
    found."""

    known: Mapping[tuple[str, str], str]
    """The cause that was noted most often with a text in a mode."""
    mended: Mapping[str, str]
    """The text alike that was searched next most often and found something."""
    fruitful: Mapping[str, tuple[int, bool]]
    """How often a text did find something, and whether that is all."""

    @classmethod
    def of(cls, figures: Figures) -> _Findings:
        mended: dict[str, tuple[int, str]] = {}
        for pair in figures.reformulations:
            if not is_alike(pair.before, pair.after):
                continue
            if pair.mended > mended.get(pair.before, (0, ""))[0]:
                mended[pair.before] = (pair.mended, pair.after)
        fruitful = {
            query.text: (query.searches - query.zero, query.is_exact) for query in figures.popular
        }
        known: dict[tuple[str, str], str] = {}
        for count in figures.causes:
            known.setdefault((count.text, count.mode), count.cause)
        return cls(known, {text: after for text, (_, after) in mended.items()}, fruitful)

    def explain(self, query: ZeroQuery) -> tuple[str, str]:
        """The cause as `cause_words` knows it, and what shows it."""
        known = self.known.get((query.text, query.mode), NOT_KNOWN)
        if known not in _UNSURE:
            return known, ""
        if query.text in self.mended:
            return REWORDED, self.mended[query.text]
        times, is_exact = self.fruitful.get(query.text, (0, True))
        if times > 0:
            return ELSEWHERE, f"{times}" if is_exact else f"≥ {times}"
        if known == ZeroCause.OPERATORS:
            return known, "".join(sorted(_OPERATORS & {*query.text}))
        return known, ""
