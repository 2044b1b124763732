"""``audit``: who did what."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.dates import add_date_options, date_range
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command, path_argument
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.audit import (
    AuditFault,
    AuditOutcome,
    AuditQuery,
    AuditRecord,
    AuditVerdict,
    FaultKind,
    GuardState,
)
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exports import ListFormat

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands

_OUTCOMES = [outcome.value for outcome in AuditOutcome if outcome is not AuditOutcome.UNKNOWN]

_GUARDS = {
    GuardState.MISSING: "The triggers by which the database itself refuses to change and to delete "
    "rows are missing.",
    GuardState.CHANGED: "The triggers by which the database itself refuses to change and to delete "
    "rows are not what this program has made.",
    GuardState.UNSEEN: "The triggers by which the database itself refuses to change and to delete "
    "rows are missing, or this account may not see them.",
}


def register(commands: Commands) -> None:
    """Add ``audit`` with ``list``, ``verify`` and ``export``."""
    group = command(commands, "audit", help="who did what (admins)")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = command(actions, "list", help="what was done, newest first")
    _add_filters(listing)
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    listing.set_defaults(run=_list)

    verify = command(
        actions,
        "verify",
        help="whether a row was changed, removed or put in",
        description="Look at every row of the audit log: whether one was changed, removed or put "
        "in, and whether the log goes on from where this workstation last saw it.",
    )
    verify.add_argument(
        "--accept",
        action="store_true",
        help="after the store was restored from a copy: take its log for the true one, if it is "
        "whole in itself",
    )
    verify.set_defaults(run=_verify)

    export = command(actions, "export", help="write what was done to a file, oldest first")
    export.add_argument("file", type=path_argument, metavar="FILE", help="the file to write")
    export.add_argument(
        "--format",
        dest="audit_format",
        choices=[known.value for known in ListFormat],
        help="default: what the file's name ends with, else json",
    )
    _add_filters(export)
    export.set_defaults(run=_export)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", default="", metavar="E", help="by whom: part of an e-mail")
    parser.add_argument(
        "--action", dest="what", default="", metavar="A", help="“user.created”, or all of “user”"
    )
    parser.add_argument("--outcome", choices=_OUTCOMES, help="how it ended")
    parser.add_argument("--query", default="", metavar="Q", help="only those with this text")
    add_date_options(parser)


def _query(args: argparse.Namespace) -> AuditQuery:
    from_at, to_at = date_range(args)
    return AuditQuery(
        from_at=from_at,
        to_at=to_at,
        person=args.user,
        action=args.what,
        outcome=AuditOutcome(args.outcome) if args.outcome else None,
        text=args.query,
    )


def _list(args: argparse.Namespace, context: CliContext) -> int:
    if args.limit < 1:
        raise InputError("limit", "The number of records must be at least 1.")
    query = _query(args)
    found = context.services.audit.list_(context.actor(), query, limit=args.limit)
    if args.json:
        from altus4_desktop.services.audit_text import audit_document

        context.out.json({"events": [audit_document(record) for record in found]})
    else:
        context.out.table(
            ["NO", "WHEN (UTC)", "WHO", "WHAT", "OUTCOME", "SUBJECT", "FROM"],
            [_line(record) for record in found],
        )
    return EXIT_DONE if found else EXIT_NO


def _line(record: AuditRecord) -> tuple[object, ...]:
    event = record.event
    return (
        record.sequence,
        instant(event.at) or "",
        event.actor_email + (" (by key)" if event.api_key_id else ""),
        event.action,
        event.outcome.value,
        event.subject_name or event.subject_id,
        event.origin,
    )


def _verify(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    audit = context.services.audit
    verdict = audit.verify_(actor, context.out.progress)
    accepted = False
    if args.accept and verdict.acceptable:
        question = "Take the audit log as it is for the true one from now on?"
        accepted = context.confirm(question, args)
        if accepted:
            audit.accept_(actor, verdict)
    if args.json:
        context.out.json({**_document(verdict), "accepted": accepted})
    else:
        _tell(context, verdict)
    return EXIT_DONE if verdict.intact else EXIT_NO


def _tell(context: CliContext, verdict: AuditVerdict) -> None:
    out = context.out
    out.line(f"{verdict.rows} rows; the last is {verdict.end.sequence} {verdict.end.row_hash}")
    for fault in verdict.faults:
        out.line(_sentence(fault))
    untold = verdict.fault_count - len(verdict.faults)
    if untold > 0:
        out.line(f"{untold} more are not listed.")
    out.line(_ending(verdict))
    if verdict.first_time:
        out.say(
            "It was never verified on this computer before: there is nothing to compare it with "
            "of what was before it was first used here."
        )
    if verdict.guards is not GuardState.WHOLE:
        out.say(_GUARDS[verdict.guards])


def _ending(verdict: AuditVerdict) -> str:
    if verdict.intact:
        return "The chain is whole."
    if verdict.acceptable:
        return "The chain is whole in itself; if the store was restored from a copy, use --accept."
    return "The audit log was tampered with."


def _sentence(fault: AuditFault) -> str:
    first, last = fault.first, fault.last
    rows = f"Row {first}" if first == last else f"Rows {first} to {last}"
    match fault.kind:
        case FaultKind.EDITED:
            return f"{rows} was changed."
        case FaultKind.SEAM:
            return f"Row {last} does not follow row {first}: one of them was replaced."
        case FaultKind.MISSING:
            return f"{rows}: removed."
        case FaultKind.ADDED:
            return f"{rows}: put in from outside."
        case FaultKind.LOST:
            return (
                f"The end of the chain was gone when row {first} was written: rows before it may "
                "have been removed."
            )
        case FaultKind.HEAD:
            return f"The end of the chain does not belong to row {last}."
        case FaultKind.REWRITTEN:
            return f"Row {first} is not the one that this workstation has seen before."


def _document(verdict: AuditVerdict) -> dict[str, Any]:
    return {
        "intact": verdict.intact,
        "rows": verdict.rows,
        "last": {"sequence": verdict.end.sequence, "row_hash": verdict.end.row_hash},
        "fault_count": verdict.fault_count,
        "faults": [
            {"kind": fault.kind.value, "first": fault.first, "last": fault.last}
            for fault in verdict.faults
        ],
        "guarded": verdict.guards is GuardState.WHOLE,
        "guards": verdict.guards.value,
        "first_time": verdict.first_time,
    }


def _export(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    query = _query(args)
    ending = path.suffix.removeprefix(".").lower()
    known = [known.value for known in ListFormat]
    chosen = args.audit_format or (ending if ending in known else ListFormat.JSON.value)
    actor = context.actor()
    if path.exists() and not context.confirm(f"Replace “{path}”?", args):
        return EXIT_NO
    count = context.services.audit.export_(
        actor, path, ListFormat(chosen), query, context.out.progress
    )
    if args.json:
        context.out.json({"file": str(path), "format": chosen, "records": count})
    context.out.say(f"{count} records written to “{path}”.")
    return EXIT_DONE
