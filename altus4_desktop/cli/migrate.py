"""``migrate``: the metadata store's schema, forwards, backwards, and on paper."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli import grants
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.revisions import LossReport, MigrationStatus, Revision

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor


def register(commands: Commands) -> None:
    """Add ``migrate`` with ``up``, ``down``, ``status``, ``drift``, ``sql`` and ``grants``."""
    group = command(commands, "migrate", help="the schema of the metadata store")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")

    up = command(actions, "up", help="apply the pending revisions")
    up.add_argument("--to", metavar="REV", help="stop after this revision (id or number)")
    up.add_argument("--dry-run", action="store_true", help="only say what would be applied")
    _add_copy_option(up)
    up.set_defaults(run=run_up)

    down = command(
        actions,
        "down",
        help="undo revisions, and lose what their tables hold",
        description="Undo the newest revision, or with an option more, and lose what their tables "
        "hold. What would be lost is counted before anything is asked.",
    )
    until = down.add_mutually_exclusive_group()
    until.add_argument("--to", metavar="REV", help="undo all that came after this revision")
    until.add_argument("--all", action="store_true", help="undo every revision")
    down.add_argument("--dry-run", action="store_true", help="only say what would be undone")
    _add_copy_option(down)
    down.set_defaults(run=run_down)

    status = command(actions, "status", help="which revisions are applied")
    status.set_defaults(run=run_status)

    drift = command(
        actions, "drift", help="where the live schema departs from what this program expects"
    )
    drift.set_defaults(run=run_drift)

    sql = command(actions, "sql", help="print the statements of a revision")
    sql.add_argument("revision", metavar="REV", help="its id or number")
    sql.add_argument(
        "--dialect", choices=("mysql", "sqlite"), help="default: that of the store in use"
    )
    sql.add_argument("--down", action="store_true", help="the statements that undo it")
    sql.set_defaults(run=run_sql)

    grants.register_store(actions)


def run_up(args: argparse.Namespace, context: CliContext) -> int:
    """Apply what is pending; a shared store asks first."""
    services = context.services
    metadata, migrations = services.metadata, services.migrations
    status = metadata.status_(context.store_password())
    if not status.pending and not status.newer and args.to is None:
        code = _tell(context, (), "would be applied" if args.dry_run else "applied")
        _say_since(context, status)
        return code
    actor = _actor(context, status)
    pending = migrations.upgrade_(actor, args.to, dry_run=True).revisions
    if args.dry_run or not pending:
        return _tell(context, pending, "would be applied" if args.dry_run else "applied")
    if not metadata.location.embedded:
        _say_who_else(context, actor)
        question = f"Apply {_count(pending)} to the shared store {metadata.location.label}?"
        if not context.confirm(question, args):
            return EXIT_NO
    run = migrations.upgrade_(actor, args.to, context.out.progress, without_copy=args.without_copy)
    return _tell(context, run.revisions, "applied", run.copy_file)


def run_down(args: argparse.Namespace, context: CliContext) -> int:
    """Undo revisions after saying what would be lost and asking."""
    metadata, migrations = context.services.metadata, context.services.migrations
    status = metadata.status_(context.store_password())
    to = args.to if args.to or args.all else _before(status)
    actor = _actor(context, status)
    loss = migrations.loss_(actor, to)
    if loss.revisions:
        _say_loss(context, loss)
    if args.dry_run or not loss.revisions:
        done = "would be undone" if args.dry_run else "undone"
        return _tell(context, loss.revisions, done, loss=loss)
    _say_who_else(context, actor)
    question = (
        f"Undo {_count(loss.revisions)} in {metadata.location.label} and lose what they hold?"
    )
    if not context.confirm(question, args):
        return EXIT_NO
    run = migrations.downgrade_(actor, to, context.out.progress, without_copy=args.without_copy)
    return _tell(context, run.revisions, "undone", run.copy_file, loss)


def run_drift(args: argparse.Namespace, context: CliContext) -> int:
    """Print where the live schema departs from the program's; exit code 1 when it does."""
    del args
    migrations = context.services.migrations
    status = context.services.metadata.status_(context.store_password())
    actor = _actor(context, status)
    drift = migrations.drift_(actor)
    if context.out.json_wanted:
        document = {
            "dialect": status.dialect,
            "current": status.current,
            "drift": [
                {
                    "kind": item.kind.value,
                    "part": item.part.value,
                    "table": item.table,
                    "name": item.name,
                    "expected": item.expected,
                    "found": item.found,
                }
                for item in drift
            ],
        }
        context.out.json(document)
    elif drift:
        context.out.table(
            ("WHAT", "PART", "TABLE", "NAME", "EXPECTED", "FOUND"),
            [
                (item.kind.value, item.part.value, item.table, item.name, item.expected, item.found)
                for item in drift
            ],
        )
    else:
        context.out.say("The live schema is exactly what this program expects.")
    return EXIT_NO if drift else EXIT_DONE


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
            ("REVISION", "TITLE", "STATE", "APPLIED", "MS"),
            [
                (
                    revision.id,
                    revision.title,
                    revision.state.value,
                    instant(revision.applied_at),
                    revision.duration_ms,
                )
                for revision in status.revisions
            ],
        )
    return EXIT_DONE


def run_sql(args: argparse.Namespace, context: CliContext) -> int:
    """Print the statements of one revision; opens no store."""
    text = context.services.migrations.preview_(args.revision, args.dialect, down=args.down)
    if context.out.json_wanted:
        context.out.json({"revision": args.revision, "sql": text})
    else:
        context.out.line(text.rstrip())
    return EXIT_DONE


def _actor(context: CliContext, status: MigrationStatus) -> Actor | None:
    """Who acts; on a store that is behind, which to open would upgrade, perhaps nobody."""
    if not context.services.migrations.needs_admin():
        return None
    return context.early_actor() if status.pending else context.actor()


def _say_since(context: CliContext, status: MigrationStatus) -> None:
    """When the newest revision was applied: nobody need have asked for it."""
    newest = status.revisions[-1]
    text = f"The store is at {newest.id} since {instant(newest.applied_at) or 'an unknown time'}."
    if context.services.metadata.location.embedded:
        text += " A store in a file upgrades itself when it is opened."
    context.out.say(text)


def _add_copy_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--without-copy",
        action="store_true",
        help="go ahead where a shared store cannot be copied first",
    )


def _before(status: MigrationStatus) -> str | None:
    ids = [revision.id for revision in status.revisions]
    if status.current not in ids:
        return None
    at = ids.index(status.current)
    return ids[at - 1] if at else None


def _tell(
    context: CliContext,
    revisions: Sequence[Revision],
    done: str,
    copy_file: str = "",
    loss: LossReport | None = None,
) -> int:
    if context.out.json_wanted:
        document: dict[str, Any] = {"revisions": [revision.id for revision in revisions]}
        if copy_file:
            document["copy"] = copy_file
        if loss is not None:
            document["lost"] = [
                {"table": item.table, "column": item.column or None, "count": item.count}
                for item in loss.items
            ]
        context.out.json(document)
        return EXIT_DONE
    for revision in revisions:
        context.out.line(f"{revision.id}  {revision.title}")
    context.out.say(f"{_count(revisions)} {done}.")
    if copy_file:
        context.out.say(f"The copy made before: {copy_file}")
    return EXIT_DONE


def _say_loss(context: CliContext, loss: LossReport) -> None:
    if not loss.items:
        context.out.say("Nothing that is kept would be lost.")
        return
    context.out.say("This would be lost:")
    for item in loss.items:
        what, unit = (
            (f"{item.table}.{item.column}", "value") if item.column else (item.table, "row")
        )
        context.out.say(f"  {what}: {item.count:,} {unit}" + ("" if item.count == 1 else "s"))


def _say_who_else(context: CliContext, actor: Actor | None) -> None:
    report = context.services.migrations.visitors_(actor)
    for visitor in report.others:
        who = (
            f"{visitor.account}@{visitor.host}" if visitor.account else f"process {visitor.number}"
        )
        context.out.say(f"Also connected: {who} ({visitor.program}).")
    if report.reason:
        context.out.say(report.reason)


def _count(revisions: Sequence[Revision]) -> str:
    return f"{len(revisions)} revision" + ("" if len(revisions) == 1 else "s")


def _document(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.id,
        "title": revision.title,
        "state": revision.state.value,
        "applied_at": instant(revision.applied_at),
    }
