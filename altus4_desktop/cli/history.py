"""``history``: past searches."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.dates import add_date_options, date_range
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.searching import SearchRecord

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor

_PAGE = 500


def register(commands: Commands) -> None:
    """Add ``history`` with ``list`` and ``delete``."""
    group = command(commands, "history", help="past searches")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = command(actions, "list", help="past searches, newest first")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    listing.set_defaults(run=_list)

    delete = command(
        actions,
        "delete",
        help="forget past searches",
        description="Forget your own past searches: those named, those the filters match, or all.",
    )
    delete.add_argument("ids", nargs="*", metavar="ID", help="a search as “history list” names it")
    _add_filters(delete)
    delete.set_defaults(run=_delete)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--query", default="", metavar="Q", help="only those with these words")
    add_date_options(parser)


def _list(args: argparse.Namespace, context: CliContext) -> int:
    if args.limit < 1:
        raise InputError("limit", "The number of searches must be at least 1.")
    from_at, to_at = date_range(args)
    found = context.services.history.list_(
        context.actor(), text=args.query, from_at=from_at, to_at=to_at, limit=args.limit
    )
    if args.json:
        context.out.json({"searches": [_document(record) for record in found]})
    else:
        context.out.table(
            ["WHEN (UTC)", "QUERY", "MODE", "HITS", "MS", "OUTCOME", "ID"],
            [
                (
                    instant(record.created_at) or "",
                    record.query[:60],
                    record.mode.value,
                    record.result_count,
                    record.execution_time_ms,
                    record.params.get("outcome", ""),
                    record.id,
                )
                for record in found
            ],
        )
    return EXIT_DONE if found else EXIT_NO


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    from_at, to_at = date_range(args)
    filtered = bool(args.query or from_at or to_at)
    if args.ids and filtered:
        raise InputError("ids", "Name searches or filter them, not both.")
    actor = context.actor()
    history = context.services.history
    ids: list[str] | None = list(args.ids) or None
    if filtered:
        ids = _matching(context, actor, args.query, from_at, to_at)
        question = f"Forget {len(ids)} searches?"
    else:
        question = f"Forget {len(ids)} searches?" if ids else "Forget all your past searches?"
    if ids != [] and not context.confirm(question, args):
        return EXIT_NO
    count = 0 if ids == [] else history.delete_(actor, ids)
    if args.json:
        context.out.json({"deleted": count})
    context.out.say(f"{count} searches forgotten.")
    return EXIT_DONE if count else EXIT_NO


def _matching(
    context: CliContext,
    actor: Actor,
    text: str,
    from_at: datetime | None,
    to_at: datetime | None,
) -> list[str]:
    ids: list[str] = []
    offset = 0
    while True:
        page = context.services.history.list_(
            actor, text=text, from_at=from_at, to_at=to_at, limit=_PAGE, offset=offset
        )
        ids += [record.id for record in page if record.user_id == actor.user_id]
        if len(page) < _PAGE:
            return ids
        offset += _PAGE


def _document(record: SearchRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "query": record.query,
        "mode": record.mode.value,
        "connection_id": record.connection_id,
        "user_id": record.user_id,
        "params": dict(record.params),
        "result_count": record.result_count,
        "execution_time_ms": record.execution_time_ms,
        "created_at": instant(record.created_at),
    }
