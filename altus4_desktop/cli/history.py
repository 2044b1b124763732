"""``history``: past searches."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.cli.dates import add_date_options, date_range
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command, path_argument
from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.accounts import MAX_HISTORY_DAYS, UserDraft
from altus4_desktop.domain.errors import AccessError, Cancelled, InputError
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.history import (
    COUNTED_AT_MOST,
    SLOW_MS,
    HistoryLook,
    HistoryOutcome,
    HistoryQuery,
    connection_names,
)
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.services.history_text import history_document

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor


def register(commands: Commands) -> None:
    """Add ``history`` with ``list``, ``export``, ``delete`` and ``keep``."""
    group = command(commands, "history", help="past searches")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = command(actions, "list", help="past searches, newest first")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    listing.set_defaults(run=_list)

    export = command(actions, "export", help="write past searches to a file, newest first")
    export.add_argument("file", type=path_argument, metavar="FILE", help="the file to write")
    export.add_argument(
        "--format",
        dest="history_format",
        choices=[each.value for each in ListFormat],
        help="default: what the file's name ends with, else json",
    )
    _add_filters(export)
    export.set_defaults(run=_export)

    delete = command(
        actions,
        "delete",
        help="forget past searches",
        description="Forget your own past searches: those named, those the filters match, or all.",
    )
    delete.add_argument("ids", nargs="*", metavar="ID", help="a search as “history list” names it")
    _add_filters(delete)
    delete.set_defaults(run=_delete)

    keep = command(
        actions,
        "keep",
        help="whether your searches are kept, and for how long",
        description="Without options: say what holds. Searches that are older than wanted are "
        "forgotten at once.",
    )
    lasting = keep.add_mutually_exclusive_group()
    lasting.add_argument("--days", type=int, metavar="N", help="keep searches for N days")
    lasting.add_argument("--for-good", action="store_true", help="keep searches for good")
    recording = keep.add_mutually_exclusive_group()
    recording.add_argument("--off", action="store_true", help="keep no more searches")
    recording.add_argument("--on", action="store_true", help="keep searches again")
    keep.set_defaults(run=_keep)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--query", default="", metavar="Q", help="only those with these words")
    parser.add_argument(
        "--whole", action="store_true", help="with --query: only those that are exactly these words"
    )
    parser.add_argument("-c", "--connection", metavar="NAME", help="only searches of this one")
    parser.add_argument(
        "--mode", choices=[mode.value for mode in SearchMode], help="only searches in this mode"
    )
    parser.add_argument(
        "--outcome",
        choices=[outcome.value for outcome in HistoryOutcome],
        help=f"only those that ended so; slow: from {SLOW_MS:,} ms on",
    )
    for end in ("least", "most"):
        parser.add_argument(
            f"--took-at-{end}",
            type=int,
            metavar="MS",
            help=f"only those that took at {end} so many milliseconds",
        )
    parser.add_argument("--user", metavar="E", help="only this account's (admins)")
    add_date_options(parser)


def _query(args: argparse.Namespace, context: CliContext, actor: Actor) -> HistoryQuery:
    from_at, to_at = date_range(args)
    if args.whole and not args.query.strip():
        raise InputError("whole", "--whole needs a query.", hint="Write --query WORDS.")
    services = context.services
    return HistoryQuery(
        text=args.query,
        connection_id=(
            services.connections.get_(actor, args.connection).id if args.connection else ""
        ),
        mode=SearchMode(args.mode) if args.mode else None,
        outcome=HistoryOutcome(args.outcome) if args.outcome else None,
        user_id=services.accounts.get_user(actor, args.user).id if args.user else "",
        from_at=from_at,
        to_at=to_at,
        least_ms=args.took_at_least or 0,
        most_ms=args.took_at_most,
        whole=args.whole,
    )


def _list(args: argparse.Namespace, context: CliContext) -> int:
    if args.limit < 1:
        raise InputError("limit", "The number of searches must be at least 1.")
    actor = context.actor()
    query = _query(args, context, actor)
    context.services.history.expire_(actor)
    found, back_to = _look(context, actor, query, args.limit)
    if args.json:
        document: dict[str, object] = {"searches": [history_document(each) for each in found]}
        if back_to is not None:
            document["back_to"] = instant(back_to)
        context.out.json(document)
    else:
        connections = {one.id: one.name for one in context.services.connections.list_(actor)}
        people = _people(context, actor, found)
        who = ["WHO"] if people is not None else []
        context.out.table(
            ["WHEN (UTC)", "QUERY", "MODE", "HITS", "MS", "OUTCOME", "WHERE", *who, "ID"],
            [
                (
                    instant(record.created_at) or "",
                    record.query[:60],
                    record.mode.value,
                    record.result_count,
                    record.execution_time_ms,
                    record.params.get("outcome", ""),
                    ", ".join(connection_names(record, connections))[:60],
                    *(() if people is None else (people.get(record.user_id, ""),)),
                    record.id,
                )
                for record in found
            ],
        )
    if back_to is not None:
        context.out.say(f"Stopped: looked back to {back_to:%Y-%m-%d}.")
        raise KeyboardInterrupt
    return EXIT_DONE if found else EXIT_NO


def _people(
    context: CliContext, actor: Actor, found: Sequence[SearchRecord]
) -> Mapping[str, str] | None:
    """The addresses of those who searched, for whoever sees the searches of others."""
    ids = {record.user_id for record in found}
    try:
        return context.services.accounts.list_addresses(actor, user_ids=ids, limit=len(ids))
    except AccessError:
        return None


def _look(
    context: CliContext, actor: Actor, query: HistoryQuery, limit: int
) -> tuple[Sequence[SearchRecord], datetime | None]:
    """What is found, and back to when it was looked where Ctrl-C has stopped that."""
    looked: HistoryLook | None = None
    with stopped_by_interrupt() as token:

        def tell(look: HistoryLook) -> None:
            nonlocal looked
            looked = look
            token.raise_if_cancelled()
            day = f"{look.back_to:%Y-%m-%d}"
            context.out.progress(Progress(f"Looking further back: to {day}"))

        try:
            found = context.services.history.page_(actor, query, limit=limit, looked=tell)
        except Cancelled:
            if looked is None:
                raise
            context.out.progress(Progress("Looking further back: stopped", 1.0))
            return looked.records, looked.back_to
    if looked is not None:
        context.out.progress(Progress("Looking further back: done", 1.0))
    return found, None


def _export(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    ending = path.suffix.removeprefix(".").lower()
    known = [each.value for each in ListFormat]
    chosen = args.history_format or (ending if ending in known else ListFormat.JSON.value)
    actor = context.actor()
    query = _query(args, context, actor)
    if path.exists() and not context.confirm(f"Replace “{path}”?", args):
        return EXIT_NO
    count = context.services.history.export_(
        actor, path, ListFormat(chosen), query, replaces=True, progress=context.out.progress
    )
    if args.json:
        context.out.json({"file": str(path), "format": chosen, "searches": count})
    context.out.say(f"{count} searches written to “{path}”.")
    return EXIT_DONE


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    query = _query(args, context, actor)
    filtered = query != HistoryQuery()
    if args.ids and filtered:
        raise InputError("ids", "Name searches or filter them, not both.")
    history = context.services.history
    if filtered:
        # What is searched meanwhile has not been asked about.
        asked = query.until(datetime.now(UTC))
        found = history.count_own_(actor, asked, COUNTED_AT_MOST + 1)
        more = found > COUNTED_AT_MOST
        question = f"Forget {f'more than {COUNTED_AT_MOST:,}' if more else found} searches?"
        if found and not context.confirm(question, args):
            return EXIT_NO
        count = history.delete_found_(actor, asked, context.out.progress) if found else 0
    else:
        ids: list[str] | None = list(args.ids) or None
        question = f"Forget {len(ids)} searches?" if ids else "Forget all your past searches?"
        if not context.confirm(question, args):
            return EXIT_NO
        count = history.delete_(actor, ids, context.out.progress)
    if args.json:
        context.out.json({"deleted": count})
    context.out.say(f"{count} searches forgotten.")
    if count:
        _count_anew(context, actor)
    return EXIT_DONE if count else EXIT_NO


def _keep(args: argparse.Namespace, context: CliContext) -> int:
    if args.days is not None and not 0 < args.days <= MAX_HISTORY_DAYS:
        raise InputError(
            "days", "The number of days must be between 1 and {limit}.", limit=MAX_HISTORY_DAYS
        )
    actor = context.actor()
    accounts = context.services.accounts
    draft = UserDraft.of(accounts.get_profile(actor))
    choices = draft.choices
    if args.on or args.off:
        choices = replace(choices, keeps_history=args.on)
    if args.for_good or args.days is not None:
        choices = replace(choices, history_days=args.days)
    forgotten = 0
    if choices != draft.choices:
        user = accounts.update_profile(actor, replace(draft, choices=choices))
        forgotten = context.services.history.expire_(user.as_actor())
    if args.json:
        document = {"keeps": choices.keeps_history, "days": choices.history_days}
        context.out.json({**document, "deleted": forgotten})
    days = "for good" if choices.history_days is None else f"for {choices.history_days} days"
    context.out.say(
        f"Your searches are kept {days}."
        if choices.keeps_history
        else f"Your searches are not kept. Those that were stay {days}."
    )
    if forgotten:
        _count_anew(context, actor)
    return EXIT_DONE


def _count_anew(context: CliContext, actor: Actor) -> None:
    """What was forgotten is to be in no figure either; a key may be for other things."""
    with suppress(AccessError):
        context.services.analytics.refresh_(actor, context.out.progress)
