"""``backup``: copies of the metadata store, proven, and kept for 30 days."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.backups import Backup, BackupState

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands

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
    run = context.services.backups.create_(context.actor(), context.out.progress)
    backup = run.backup
    if context.out.json_wanted:
        context.out.json(_document(backup) | {"unverified_because": run.unverified_because})
    else:
        context.out.line(backup.id)
        context.out.say(_sentence(backup))
        if run.unverified_because:
            context.out.say(run.unverified_because)
        if backup.left_out:
            context.out.say(f"The account may not read: {', '.join(backup.left_out)}.")
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
    return EXIT_DONE if backups else EXIT_NO


def _verify(args: argparse.Namespace, context: CliContext) -> int:
    backup = context.services.backups.verify_(context.actor(), args.id, context.out.progress)
    if context.out.json_wanted:
        context.out.json(_document(backup))
    else:
        context.out.line(backup.state.value)
        context.out.say(_sentence(backup))
    return EXIT_DONE if backup.state is BackupState.GOOD else EXIT_NO


def _prune(args: argparse.Namespace, context: CliContext) -> int:
    del args
    removed = context.services.backups.prune_(context.actor())
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
