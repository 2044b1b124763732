"""``analytics``: figures of past searches."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli import metrics
from altus4_desktop.cli.frame import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NO,
    EXIT_PARTIAL,
    command,
    path_argument,
)
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.errors import InputError

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor
    from altus4_desktop.domain.figures import Counts, Figures, Period
    from altus4_desktop.domain.insights import Insight
    from altus4_desktop.services.so_far import SoFar

_USUAL_DAYS = 30


def register(commands: Commands) -> None:
    """Add ``analytics`` with ``refresh``, ``show``, ``insights``, ``export`` and ``metrics``."""
    group = command(commands, "analytics", help="figures of past searches")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    refresh = command(
        actions,
        "refresh",
        help="count all searches anew",
        description="Count your past searches by day, for an admin everybody's; those that other "
        "programs have added, changed or deleted too.",
    )
    refresh.set_defaults(run=_refresh)

    show = command(
        actions,
        "show",
        help="what was searched, what was not found, what is slow",
        description="Figures of your past searches, for an admin of everybody's together. Days are "
        "those of each user's own time zone.",
    )
    _add_days(show)
    show.set_defaults(run=_show)

    insights = command(
        actions,
        "insights",
        help="what is unusual, in words",
        description="What is unusual about your past searches, for an admin about everybody's, "
        "compared with as many days before. Your connections are asked for words like those of "
        "queries that found nothing, for some seconds at most.",
    )
    _add_days(insights)
    insights.set_defaults(run=_tell)

    export = command(
        actions,
        "export",
        help="write the figures to a file",
        description="Write what “analytics show” tells: FILE.csv has a line for each day, any "
        "other file is what “analytics show --json” prints.",
    )
    export.add_argument("file", type=path_argument, metavar="FILE")
    _add_days(export)
    export.set_defaults(run=_export)
    metrics.register(actions)


def _add_days(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="first",
        metavar="D",
        help="the first day by the profile's clock (default: 30 days in all)",
    )
    parser.add_argument("--to", dest="last", metavar="D", help="the last day (default: today)")


def _refresh(args: argparse.Namespace, context: CliContext) -> int:
    report = context.services.analytics.refresh_(context.actor(), context.out.progress, whole=True)
    if args.json:
        context.out.json({"users": report.users, "days": report.days, "failed": report.failed})
    context.out.say(f"{_days(report.days)} counted.")
    if report.failed:
        people = "1 person" if report.failed == 1 else f"{report.failed} people"
        context.out.say(f"The searches of {people} could not be counted: the log says why.")
        return EXIT_PARTIAL if report.failed < report.users else EXIT_FAILED
    return EXIT_DONE


def _export(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    first, last = _day("from", args.first), _day("to", args.last)
    actor = context.actor()
    period = _period(actor, first, last)
    if path.exists() and not context.confirm(f"Replace “{path}”?", args):
        return EXIT_NO
    days = context.services.analytics.export_(actor, path, period)
    if args.json:
        context.out.json({"file": str(path), "days": days})
    context.out.say(f"{_days(days)} written to “{path}”.")
    return EXIT_DONE


def _show(args: argparse.Namespace, context: CliContext) -> int:
    first, last = _day("from", args.first), _day("to", args.last)
    actor = context.actor()
    period = _period(actor, first, last)
    figures, before = context.services.analytics.compared_(actor, period)
    if args.json:
        from altus4_desktop.services.figures_export import figures_document

        zone, now = actor.timezone or "UTC", datetime.now(UTC)
        people = context.services.analytics.people_(actor, period)
        context.out.json(figures_document(figures, zone, now, people))
    else:
        _print(context, actor, figures, before)
    return EXIT_DONE if figures.counts.searches else EXIT_NO


def _tell(args: argparse.Namespace, context: CliContext) -> int:
    first, last = _day("from", args.first), _day("to", args.last)
    actor = context.actor()
    period = _period(actor, first, last)
    report = context.services.insights.find_(actor, period)
    if args.json:
        context.out.json(
            {
                "from": period.first.isoformat(),
                "to": period.last.isoformat(),
                "insights": [_insight_document(insight) for insight in report.insights],
                "unasked": list(report.unasked),
            }
        )
    else:
        for insight in report.insights:
            context.out.line(insight.text)
        if not report.insights:
            context.out.say("Nothing is unusual about these days.")
        if report.unasked:
            names = ", ".join(report.unasked)
            context.out.say(f"Not asked for words like those that were not found: {names}.")
    return EXIT_DONE if report.insights else EXIT_NO


def _insight_document(insight: Insight) -> dict[str, Any]:
    link, retry = insight.link, insight.retry
    own = link.own_time if link is not None else None
    return {
        "kind": insight.kind.value,
        "text": insight.text,
        "details": dict(insight.remark.details),
        "searches": insight.linked if link is not None else None,
        "history": {
            "query": link.text,
            "whole": link.whole,
            "connection_id": link.connection_id or None,
            "mode": link.mode.value if link.mode else None,
            "outcome": link.outcome.value if link.outcome else None,
            "user_id": link.user_id or None,
            # Without an offset: on the clock of whoever searched.
            "from": instant(link.from_at) if own is None else own.begins.isoformat(),
            "to": instant(link.to_at) if own is None else own.ends.isoformat(),
            "least_ms": link.least_ms,
            "most_ms": link.most_ms,
            "is_finished": link.is_finished,
            "connection_name": link.connection_name or None,
            # "": of people, without a key.
            "key_id": link.key_id,
        }
        if link is not None
        else None,
        "figure": insight.chart or None,
        "meant": retry.query if retry is not None else None,
    }


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            option,
            "--{option} {text} is no day.",
            hint="Write 2026-01-31.",
            option=option,
            text=text,
        ) from None


def _period(actor: Actor, first: date | None, last: date | None) -> Period:
    from altus4_desktop.domain.figures import COUNTED_DAYS, Period
    from altus4_desktop.services.analytics import today_of

    earliest, latest = COUNTED_DAYS.first, COUNTED_DAYS.last
    for option, day in (("from", first), ("to", last)):
        if day is not None and not earliest <= day <= latest:
            raise InputError(
                option,
                "--{option} {day} is not of the years whose searches are counted.",
                hint="Give a day from 1970 to 2099.",
                option=option,
                day=day.isoformat(),
            )
    last = last or today_of(actor)
    period = Period(first or max(earliest, last - timedelta(days=_USUAL_DAYS - 1)), last)
    if len(period) < 1:
        raise InputError("to", "The last day is before the first.")
    return period


def _print(context: CliContext, actor: Actor, figures: Figures, before: Figures) -> None:
    from altus4_desktop.cli.analytics_charts import print_charts
    from altus4_desktop.services.charts.board import Dashboard
    from altus4_desktop.services.charts.dashboard import build_charts
    from altus4_desktop.services.so_far import count_so_far

    out, analytics, period = context.out, context.services.analytics, figures.period
    zone, now = actor.timezone or "UTC", datetime.now(UTC)
    board = Dashboard(figures, zone, now, before)
    counts, latency = figures.counts, figures.latency
    zone = figures.zone or "each user's own time zone"
    out.line(f"{figures.period.first} to {figures.period.last} ({zone})")
    searches = "1 search" if counts.searches == 1 else f"{counts.searches} searches"
    out.line(
        f"{searches}{_than(counts.searches, figures.before, count_so_far(board))},"
        f" {counts.zero} without result, {counts.failed + counts.partial} failed at least in part"
    )
    if latency.searches:
        out.line(
            f"p50 {_ms(latency.p50_ms)}, p95 {_ms(latency.p95_ms)}, p99 {_ms(latency.p99_ms)},"
            f" slowest {_ms(latency.max_ms)}"
        )

    if not counts.searches:
        return
    users = analytics.people_(actor, period)
    print_charts(out, build_charts(replace(board, users=users)))


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _than(searches: int, before: Counts | None, so_far: SoFar | None) -> str:
    if before is None:
        return ""
    was, days = before.searches, "the period before"
    if so_far is not None:
        searches, was = so_far.searches, so_far.before
        is_cut = so_far.hour is not None
        days = f"the same hours of {days}" if is_cut else f"{days}, without today"
    if not was:
        return ""
    if searches == was:
        return f" (as many as in {days})"
    more = "more" if searches > was else "fewer"
    return f" ({abs(searches / was - 1):.0%} {more} than in {days})"


def _ms(value: float | None) -> str:
    return f"{_number(value)} ms"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
