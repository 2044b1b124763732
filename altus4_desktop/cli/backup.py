"""``backup``: copies of the metadata store, proven, and kept for 30 days."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.dates import read_instant
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command, path_argument
from altus4_desktop.cli.interrupts import stopped_by_interrupt
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.backups import Backup, BackupState, RestorePlan

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor

_KIT = (
    "The key that seals saved passwords is not in a backup: keep a recovery kit beside it, see "
    "“vault export-kit”."
)


def register(commands: Commands) -> None:
    """Add ``backup`` and its commands."""
    group = command(commands, "backup", help="copies of the metadata store")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    create = command(
        actions,
        "create",
        help="make a backup and restore it on trial",
        description="Copy the metadata store - a file by SQLite's online backup, a server's "
        "database by its own dump program - and restore the copy on trial. Exit code: 0 a good "
        "one, 1 one that is bad or could not be tried.",
    )
    create.set_defaults(run=_create)

    listing = command(actions, "list", help="the backups of this store, the newest first")
    listing.set_defaults(run=_list)

    verify = command(
        actions,
        "verify",
        help="restore a backup on trial and compare every row",
        description="Restore a backup into a scratch database, which is removed again, and compare "
        "counts, checksums and revision. Exit code: 0 good, 1 bad.",
    )
    verify.add_argument("id", metavar="ID", help="as “backup list” shows it")
    verify.set_defaults(run=_verify)

    restore = command(
        actions,
        "restore",
        help="put a backup in the place of the store, or into a new one",
        description="Restore a backup, compare what comes out, and put it in the place of the "
        "metadata store, which is kept beside it - or, with --into, into a new file or database "
        "and touch nothing else. What would be lost is told before anything is asked. --dry-run "
        "does all of it but the last step, the binary log with --until too, and leaves nothing. "
        "Exit code: 0 restored, 1 not agreed to, or restored and the store cannot be opened now.",
    )
    restore.add_argument("id", metavar="ID", help="as “backup list” shows it")
    restore.add_argument(
        "--into",
        default="",
        metavar="NAME",
        help="a file that is not there yet (SQLite), or a database of the same server",
    )
    restore.add_argument(
        "--until",
        metavar="INSTANT",
        help="and play the server's binary log up to the end of this second (ISO 8601)",
    )
    restore.add_argument(
        "--dry-run",
        action="store_true",
        help="restore into a scratch place that is removed again, and say what came out",
    )
    restore.set_defaults(run=_restore)

    schedule = command(
        actions,
        "schedule",
        help="the line for cron, or the units for systemd, that make a backup every day",
        description="Print what has a backup made every day while the program does not run: a line "
        "for cron, or a service and a timer for systemd. Nothing is installed by it.",
    )
    form = schedule.add_mutually_exclusive_group()
    form.add_argument("--cron", action="store_true", help="a line for “crontab -e” (this is usual)")
    form.add_argument("--systemd", action="store_true", help="a service and a timer of the user")
    schedule.set_defaults(run=_schedule)

    prune = command(
        actions,
        "prune",
        help="remove backups older than 30 days",
        description="Remove backups older than 30 days that have a good one after them. The last "
        "three good ones always stay, whatever the clock says.",
    )
    prune.set_defaults(run=_prune)


def _create(args: argparse.Namespace, context: CliContext) -> int:
    del args
    actor = context.actor()
    with stopped_by_interrupt() as token:
        run = context.services.backups.create_(actor, context.out.progress, token)
    backup = run.backup
    if context.out.json_wanted:
        context.out.json(_document(backup) | {"unverified_because": run.unverified_because})
    else:
        context.out.line(backup.id)
        context.out.say(_sentence(backup))
        if run.unverified_because:
            context.out.say(run.unverified_because)
        _say_advice(context, actor)
        context.out.say(_KIT)
    return EXIT_DONE if backup.state is BackupState.GOOD else EXIT_NO


def _list(args: argparse.Namespace, context: CliContext) -> int:
    del args
    actor = context.actor()
    backups = context.services.backups.list_(actor)
    if context.out.json_wanted:
        context.out.json([_document(backup) for backup in backups])
    else:
        context.out.table(
            ("ID", "MADE", "WHY", "STATE", "REVISION", "ROWS", "BYTES", "PROBLEM"),
            [
                (
                    backup.id,
                    instant(backup.created_at),
                    backup.reason.value,
                    backup.state.value,
                    backup.revision,
                    backup.rows,
                    backup.size_bytes,
                    backup.problem,
                )
                for backup in backups
            ],
        )
        context.out.say(f"They are in {context.services.backups.folder_(actor)}.")
        _say_advice(context, actor)
    return EXIT_DONE if backups else EXIT_NO


def _say_advice(context: CliContext, actor: Actor) -> None:
    for advice in context.services.backups.list_advice_(actor):
        context.out.say(advice.sentence)
        for statement in advice.statements:
            context.out.say(f"  {statement}")


def _verify(args: argparse.Namespace, context: CliContext) -> int:
    backups, actor = context.services.backups, context.actor()
    with stopped_by_interrupt() as token:
        backup = backups.verify_(actor, args.id, context.out.progress, token)
    if context.out.json_wanted:
        context.out.json(_document(backup))
    else:
        context.out.line(backup.state.value)
        context.out.say(_sentence(backup))
    return EXIT_DONE if backup.state is BackupState.GOOD else EXIT_NO


def _restore(args: argparse.Namespace, context: CliContext) -> int:
    backups, actor = context.services.backups, context.actor()
    into = args.into
    if into and context.services.metadata.location.embedded:
        into = str(path_argument(into))
    until = read_instant("until", args.until) if args.until else None
    with stopped_by_interrupt() as token:
        plan = backups.plan_restore_(actor, args.id, into, until, token)
    if until:
        last = f", the last one at {instant(plan.reaches_at)}" if plan.reaches_at else ""
        context.out.say(f"{plan.commits} transactions of the binary log follow{last}.")
    if not into:
        _say_loss(context, plan, with_changes=not args.dry_run)
    if args.dry_run:
        return _rehearse(context, actor, plan)
    place = context.services.metadata.location.label
    question = f"Replace {place} by the backup {plan.backup.id}?"
    if not into and not context.confirm(question, args):
        return EXIT_NO
    with stopped_by_interrupt() as token:
        run = backups.restore_(actor, args.id, into, until, context.out.progress, token)
    if context.out.json_wanted:
        context.out.json(
            _plan_document(plan)
            | {
                "place": run.place,
                "kept": run.kept,
                "replaced_definers": list(run.replaced_definers),
                "problem": run.problem,
            }
        )
        return EXIT_NO if run.problem else EXIT_DONE
    context.out.line(run.place)
    if run.replaced_definers:
        context.out.say(
            f"What {', '.join(run.replaced_definers)} had defined belongs to the restoring account "
            "now: it may not define for others."
        )
    if run.kept:
        context.out.say(f"What was there before is kept as {run.kept}.")
        context.out.say(
            "The audit log is that of the backup now: “audit verify” tells so until an admin "
            "accepts it."
        )
    if run.problem:
        context.out.say(f"It was restored, and could not be looked at since: {run.problem}")
        return EXIT_NO
    return EXIT_DONE


def _rehearse(context: CliContext, actor: Actor, plan: RestorePlan) -> int:
    backups, backup_id = context.services.backups, plan.backup.id
    with stopped_by_interrupt() as token:
        run = backups.rehearse_(actor, backup_id, plan.until, context.out.progress, token)
    # Into a new place, nothing of the store changes.
    changes = () if plan.into else run.changes
    if context.out.json_wanted:
        document = _plan_document(replace(plan, changes=changes))
        found = {"rows": run.rows, "tables": run.tables, "elapsed_s": round(run.elapsed_s, 3)}
        context.out.json(document | found)
        return EXIT_DONE
    for change in changes:
        context.out.say(f"  {change.name}: {change.now} rows now, {change.then} after it")
    log = f" and {run.commits} transactions of the binary log were played" if run.until else ""
    context.out.line(
        f"{backup_id} was restored on trial in {run.elapsed_s:.1f} s and compared{log}: "
        f"{run.rows} rows in {run.tables} tables. Nothing of it is left, and the store was not "
        "touched."
    )
    return EXIT_DONE


def _say_loss(context: CliContext, plan: RestorePlan, *, with_changes: bool) -> None:
    at = instant(plan.since)
    context.out.say(f"Everything that was written after {at} would be lost.")
    before = ", before the log is played" if plan.until else ""
    for change in plan.changes if with_changes else ():
        then = f"{change.then} in the backup{before}"
        context.out.say(f"  {change.name}: {change.now} rows now, {then}")
    for table in plan.writes:
        context.out.say(f"  {table.name}: {table.added} made since, {table.changed} changed")
    if plan.last_write_at:
        context.out.say(f"The last change that is known of was at {instant(plan.last_write_at)}.")
    if plan.others:
        context.out.say(f"{plan.others} others have the store open.")


def _plan_document(plan: RestorePlan) -> dict[str, Any]:
    return {
        "backup": _document(plan.backup),
        "into": plan.into,
        "changes": [
            {"table": change.name, "now": change.now, "then": change.then}
            for change in plan.changes
        ],
        "writes": [
            {"table": table.name, "added": table.added, "changed": table.changed}
            for table in plan.writes
        ],
        "last_write_at": instant(plan.last_write_at),
        "others": plan.others,
        "until": instant(plan.until),
        "commits": plan.commits,
        "reaches_at": instant(plan.reaches_at),
    }


def _schedule(args: argparse.Namespace, context: CliContext) -> int:
    from altus4_desktop.services.backup_lines import (
        ENABLE,
        LINGER,
        SERVICE_NAME,
        TIMER_NAME,
        UNIT_FOLDER,
    )

    lines = context.services.backups.lines_(context.actor())
    units = {SERVICE_NAME: lines.service, TIMER_NAME: lines.timer}
    if context.out.json_wanted:
        files = {"secrets_file": str(lines.secrets_file), "log_file": str(lines.log_file)}
        context.out.json({"cron": lines.cron, "systemd": units} | files)
        return EXIT_DONE
    if args.systemd:
        context.out.line("\n".join(f"# {name}\n{text}" for name, text in units.items()).rstrip())
        context.out.say(f"Keep them in {UNIT_FOLDER}, then: {ENABLE}")
        context.out.say(f"So that it also runs while you are not signed in: {LINGER}")
    else:
        context.out.line(lines.cron.rstrip())
        context.out.say(f"Add it by “crontab -e”. What it says goes to {lines.log_file}.")
    context.out.say(
        f"It acts by what {lines.secrets_file} sets (ALTUS4_API_KEY=…, and what else is asked for; "
        "chmod 600), or by the sign-in that is remembered."
    )
    return EXIT_DONE


def _prune(args: argparse.Namespace, context: CliContext) -> int:
    del args
    actor = context.actor()
    with stopped_by_interrupt() as token:
        removed = context.services.backups.prune_(actor, token)
    if context.out.json_wanted:
        context.out.json({"removed": [backup.id for backup in removed]})
    else:
        for backup in removed:
            context.out.line(backup.id)
        context.out.say(f"{len(removed)} removed." if removed else "None is old enough to go.")
    return EXIT_DONE


def _sentence(backup: Backup) -> str:
    if backup.problem:
        return f"The backup is bad: {backup.problem}."
    what = f"{backup.rows} rows in {len(backup.tables)} tables at {backup.revision}"
    if backup.state is BackupState.GOOD:
        return f"Restored on trial and compared: {what}."
    return f"Written whole and not restored on trial yet: {what}."


def _document(backup: Backup) -> dict[str, Any]:
    return {
        "id": backup.id,
        "created_at": instant(backup.created_at),
        "reason": backup.reason.value,
        "state": backup.state.value,
        "problem": backup.problem,
        "verified_at": instant(backup.verified_at),
        "store": backup.store,
        "dialect": backup.dialect,
        "server_version": backup.server_version,
        "revision": backup.revision,
        "rows": backup.rows,
        "bytes": backup.size_bytes,
        "sha256": backup.sha256,
        "file": backup.file_name,
        "binlog": backup.binlog
        and {"file": backup.binlog.file, "position": backup.binlog.position},
        "left_out": list(backup.left_out),
    }
