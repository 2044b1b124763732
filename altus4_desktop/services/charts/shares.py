"""How much was searched in each mode, over each connection, by each person and API key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from altus4_desktop.domain.charts import Chart, ChartKind
from altus4_desktop.domain.figures import (
    UserUse,
)
from altus4_desktop.services.charts.board import (
    Dashboard,
    Row,
    build_chart,
    link_to_period,
    mode_of,
    rounded,
    share_percent,
)

_MARK = 8


def build_modes(board: Dashboard) -> Chart:
    """How much each mode was used."""
    total = sum(share.searches for share in board.figures.modes)
    rows: list[Row] = [
        (
            (
                share.mode,
                share.searches,
                share_percent(share.searches, total),
                share.zero,
                share.failed,
            ),
            replace(link_to_period(board), mode=mode_of(share.mode))
            if mode_of(share.mode)
            else None,
        )
        for share in board.figures.modes
    ]
    columns = ("mode", "searches", "share_percent", "zero", "failed")
    return build_chart(board, "modes", ChartKind.RANKED, columns, rows, ("mode",), ("searches",))


def build_sources(board: Dashboard) -> Chart:
    """How often each connection was asked, alone or among others, of all searches; without a name:
    what days with very many sets of connections do not tell apart."""
    total = board.figures.counts.searches
    rows: list[Row] = [
        (
            (
                share.connection,
                share.searches,
                share_percent(share.searches, total),
                share.failed,
                rounded(share.latency.p50_ms),
                rounded(share.latency.p95_ms),
            ),
            replace(link_to_period(board), connection_name=share.connection),
        )
        for share in board.figures.sources
    ]
    if others := board.figures.unlisted_sources:
        place = sum(share.searches >= others for share in board.figures.sources)
        rows.insert(place, ((None, others, share_percent(others, total), None, None, None), None))
    columns = ("connection", "searches", "share_percent", "failed", "p50_ms", "p95_ms")
    return build_chart(
        board, "sources", ChartKind.RANKED, columns, rows, ("connection",), ("searches",)
    )


def build_users(board: Dashboard, users: Sequence[UserUse]) -> Chart:
    """How much each person searched."""
    rows: list[Row] = [
        (
            (user.name or user.email, user.email, user.searches, user.zero, user.failed),
            replace(link_to_period(board), user_id=user.user_id),
        )
        for user in users
        if user.searches
    ]
    columns = ("user", "email", "searches", "zero", "failed")
    return build_chart(board, "users", ChartKind.RANKED, columns, rows, ("user",), ("searches",))


def build_keys(board: Dashboard) -> Chart:
    """How much was searched by each API key; without an id and a name: by people."""
    rows: list[Row] = [
        (
            (use.name, use.key_id, use.searches, use.failed),
            replace(link_to_period(board), key_id=use.key_id),
        )
        for use in board.figures.keys
    ]
    columns = ("key", "key_id", "searches", "failed")
    return build_chart(
        board, "keys", ChartKind.RANKED, columns, rows, ("key", "key_id"), ("searches",)
    )


def key_mark(chart: Chart, row: int) -> str | None:
    """How the id of an API key begins, "" where its name alone tells it from the others; None of
    searches without a key."""
    key_id, name = str(chart.cell(row, "key_id") or ""), chart.cell(row, "key")
    if not key_id:
        return None
    return key_id[:_MARK] if name is None or chart.values("key").count(name) > 1 else ""
