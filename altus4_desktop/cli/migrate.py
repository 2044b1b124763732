"""``migrate``: the metadata store's schema, forwards, backwards, and on paper."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.revisions import MigrationStatus, Revision

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands


def register(commands: Commands) -> None:
    """Add ``migrate`` with ``up``, ``down``, ``status`` and ``sql``."""
    group = command(commands, "migrate", help="the schema of the metadata store")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")

    up = command(actions, "up", help="apply the pending revisions")
    up.add_argument("--to", metavar="REV", help="stop after this revision (id or number)")
    up.add_argument("--dry-run", action="store_true", help="only say what would be applied")
    up.set_defaults(run=run_up)

    down = command(
        actions,
        "down",
        help="undo revisions, and lose what their tables hold",
        description="Undo the newest revision, or with an option more, and lose what their tables "
        "hold. An embedded store is copied first.",
    )
    until = down.add_mutually_exclusive_group()
    until.add_argument("--to", metavar="REV", help="undo all that came after this revision")
    until.add_argument("--all", action="store_true", help="undo every revision")
    down.add_argument("--dry-run", action="store_true", help="only say what would be undone")
    down.set_defaults(run=run_down)

    status = command(actions, "status", help="which revisions are applied")
    status.set_defaults(run=run_status)

    sql = command(actions, "sql", help="print the statements of a revision")
    sql.add_argument("revision", metavar="REV", help="its id or number")
    sql.add_argument(
        "--dialect", choices=("mysql", "sqlite"), help="default: that of the store in use"
    )
    sql.add_argument("--down", action="store_true", help="the statements that undo it")
    sql.set_defaults(run=run_sql)


def run_up(args: argparse.Namespace, context: CliContext) -> int:
    """Apply what is pending; a shared store asks first."""
    metadata = context.services.metadata
    pending = metadata.upgrade_(args.to, dry_run=True, password_secret=context.store_password())
    if args.dry_run or not pending:
        return _tell(context, pending, "would be applied" if args.dry_run else "applied")
    if not metadata.location.embedded:
        count = _count(pending)
        question = f"Apply {count} to the shared store {metadata.location.label}?"
        if not context.confirm(question, args):
            return EXIT_NO
    return _tell(context, metadata.upgrade_(args.to, context.out.progress), "applied")


def run_down(args: argparse.Namespace, context: CliContext) -> int:
    """Undo revisions after asking."""
    metadata = context.services.metadata
    status = metadata.status_(context.store_password())
    to = args.to if args.to or args.all else _before(status)
    actor = context.actor() if metadata.undoing_needs_admin() else None
    undone = metadata.downgrade_(actor, to, dry_run=True)
    if args.dry_run or not undone:
        return _tell(context, undone, "would be undone" if args.dry_run else "undone")
    question = f"Undo {_count(undone)} in {metadata.location.label} and lose what they hold?"
    if not context.confirm(question, args):
        return EXIT_NO
    return _tell(context, metadata.downgrade_(actor, to, context.out.progress), "undone")


def run_status(args: argparse.Namespace, context: CliContext) -> int:
    """Print every revision and its state."""
    del args
    status = context.services.metadata.status_(context.store_password())
    for revision in status.revisions:
        if revision.edited:
            context.out.say(
                f"{revision.id} was edited after it had been applied: its checksum is "
                f"{revision.checksum}, it was {revision.recorded_checksum}."
            )
    if status.newer:
        context.out.say("The store is newer than this program. Update this program.")
    if context.out.json_wanted:
        context.out.json(
            {
                "dialect": status.dialect,
                "current": status.current,
                "head": status.head,
                "revisions": [_document(revision) for revision in status.revisions],
            }
        )
    else:
        context.out.table(
            ("REVISION", "TITLE", "STATE", "APPLIED"),
            [
                (revision.id, revision.title, revision.state.value, instant(revision.applied_at))
                for revision in status.revisions
            ],
        )
    return EXIT_DONE


def run_sql(args: argparse.Namespace, context: CliContext) -> int:
    """Print the statements of one revision; opens no store."""
    text = context.services.metadata.sql_(args.revision, args.dialect, down=args.down)
    if context.out.json_wanted:
        context.out.json({"revision": args.revision, "sql": text})
    else:
        context.out.line(text.rstrip())
    return EXIT_DONE


def _before(status: MigrationStatus) -> str | None:
    ids = [revision.id for revision in status.revisions]
    if status.current not in ids:
        return None
    at = ids.index(status.current)
    return ids[at - 1] if at else None


def _tell(context: CliContext, revisions: Sequence[Revision], done: str) -> int:
    if context.out.json_wanted:
        context.out.json({"revisions": [revision.id for revision in revisions]})
        return EXIT_DONE
    for revision in revisions:
        context.out.line(f"{revision.id}  {revision.title}")
    context.out.say(f"{_count(revisions)} {done}.")
    return EXIT_DONE


def _count(revisions: Sequence[Revision]) -> str:
    return f"{len(revisions)} revision" + ("" if len(revisions) == 1 else "s")


def _document(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.id,
        "title": revision.title,
        "state": revision.state.value,
        "applied_at": instant(revision.applied_at),
    }
