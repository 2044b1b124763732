"""``analytics metrics``: what people count by the day."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.domain.custom_metrics import (
    CustomMetricDraft,
    MetricSeries,
    MetricSource,
    Side,
    Threshold,
    history_document,
)
from altus4_desktop.domain.errors import InputError, NotFoundError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.history import HistoryOutcome, HistoryQuery
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services.analytics import today_of

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor

_DAYS = 7


def register(commands: Commands) -> None:
    """Add ``metrics``, which lists them, with ``create`` and ``delete``."""
    group = command(
        commands,
        "metrics",
        help="what you count by the day, and the counts of the last seven days",
        description="List your metrics with the counts of the last seven days, today's last; “–” "
        "is a day of which nothing is known. “analytics refresh” counts what is new.",
    )
    group.set_defaults(run=_list)
    actions = group.add_subparsers(dest="metric_action", metavar="ACTION", required=False)
    create = command(
        actions,
        "create",
        help="count past searches, or the rows of a saved search",
        description="Count the past searches that the options leave, or with --saved keep how many "
        "rows a saved search finds; the window looks that up once a day.",
    )
    create.add_argument("name", metavar="NAME")
    create.add_argument("--query", metavar="TEXT", help="words of the queries that are counted")
    create.add_argument("--connection", "-c", metavar="NAME", help="searched in this connection")
    create.add_argument(
        "--mode", choices=[mode.value for mode in SearchMode], help="searched in this mode"
    )
    create.add_argument(
        "--outcome",
        choices=[outcome.value for outcome in HistoryOutcome],
        help="how the searches ended",
    )
    create.add_argument("--user", metavar="E", help="searched by this account (admins)")
    create.add_argument("--saved", metavar="NAME", help="the rows of this saved search instead")
    limit = create.add_mutually_exclusive_group()
    for side in Side:
        limit.add_argument(
            f"--{side}",
            type=int,
            metavar="N",
            help=f"the window tells you of a day with a count {side} N",
        )
    create.set_defaults(run=_create)
    delete = command(actions, "delete", help="delete a metric and what was counted")
    delete.add_argument("name", metavar="NAME", help="the name of a metric, or its id")
    delete.set_defaults(run=_delete)


def _list(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    found = _read(context, actor)
    if args.json:
        context.out.json({"metrics": [_document(series) for series in found]})
    elif found:
        days = [f"{day.day:%m-%d}" for day in found[0].days]
        context.out.table(
            ["NAME", *days, "THRESHOLD", "ID"],
            [
                (
                    series.metric.draft.name,
                    *("–" if day.found is None else day.found for day in series.days),
                    _threshold_words(series.metric.draft.threshold),
                    series.metric.id,
                )
                for series in found
            ],
        )
    return EXIT_DONE if found else EXIT_NO


def _create(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    threshold = next(
        (Threshold(side, n) for side in Side if (n := getattr(args, side.value)) is not None), None
    )
    if args.saved is None:
        draft = CustomMetricDraft(
            args.name, history=_history(args, context, actor), threshold=threshold
        )
    else:
        if any((args.query, args.connection, args.mode, args.outcome, args.user)):
            raise InputError(
                "saved", "--saved counts rows: give no filter of past searches with it."
            )
        from altus4_desktop.cli.searches import find_saved

        draft = CustomMetricDraft(
            args.name,
            MetricSource.SAVED_SEARCH,
            saved_search_id=find_saved(context, actor, args.saved).id,
            threshold=threshold,
        )
    made = context.services.custom_metrics.create_(actor, draft)
    if made.draft.source is MetricSource.HISTORY:
        context.services.analytics.refresh_(actor, context.out.progress)
    if args.json:
        context.out.json({"id": made.id, "name": made.draft.name})
    context.out.say(f"“{made.draft.name}” is counted from now on.")
    return EXIT_DONE


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    known = [series.metric for series in _read(context, actor)]
    found = [m for m in known if m.id == args.name] or [
        m for m in known if m.draft.name == args.name
    ]
    if not found:
        raise NotFoundError(
            "There is no metric “{name}”.",
            hint="“analytics metrics” names them.",
            details={"name": args.name},
        )
    if len(found) > 1:
        raise InputError(
            "name",
            "Several metrics are called “{name}”.",
            hint="Give the id of one (“analytics metrics”).",
            name=args.name,
        )
    [metric] = found
    if not context.confirm(f"Delete “{metric.draft.name}” and what was counted?", args):
        return EXIT_NO
    context.services.custom_metrics.delete_(actor, metric.id)
    if args.json:
        context.out.json({"id": metric.id})
    context.out.say(f"“{metric.draft.name}” is deleted.")
    return EXIT_DONE


def _read(context: CliContext, actor: Actor) -> list[MetricSeries]:
    return context.services.custom_metrics.list_(actor, Period.ending(today_of(actor), _DAYS))


def _history(args: argparse.Namespace, context: CliContext, actor: Actor) -> HistoryQuery:
    services = context.services
    connection = args.connection and services.connections.get_(actor, args.connection)
    user = args.user and services.accounts.get_user(actor, args.user)
    return HistoryQuery(
        args.query or "",
        connection.id if connection else "",
        SearchMode(args.mode) if args.mode else None,
        HistoryOutcome(args.outcome) if args.outcome else None,
        user.id if user else "",
    )


def _threshold_words(threshold: Threshold | None) -> str:
    return "" if threshold is None else f"{threshold.side.value} {threshold.limit}"


def _document(series: MetricSeries) -> dict[str, Any]:
    draft = series.metric.draft
    threshold = draft.threshold
    by_history = draft.source is MetricSource.HISTORY
    return {
        "id": series.metric.id,
        "name": draft.name,
        "source": draft.source.value,
        "history": history_document(draft.history) if by_history else None,
        "saved_search_id": draft.saved_search_id or None,
        "threshold": None
        if threshold is None
        else {"side": threshold.side.value, "limit": threshold.limit},
        "zone": series.zone,
        "days": [
            {"day": day.day.isoformat(), "count": day.found, "no_data": day.lack or None}
            for day in series.days
        ],
    }
