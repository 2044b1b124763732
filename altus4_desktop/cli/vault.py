"""``vault``: the key that seals saved passwords, and its recovery kit."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, EXIT_PARTIAL, command, path_argument
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.errors import InputError, KeyMissingError, VaultError

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.services.vault import VaultStatus
    from altus4_desktop.services.vault_keys import RotationReport

_KINDS = ("keyring", "passphrase")


def register(commands: Commands) -> None:
    """Add ``vault`` and its commands."""
    vault = command(commands, "vault", help="the key that seals saved passwords")
    actions = vault.add_subparsers(dest="action", metavar="ACTION", required=True)

    command(
        actions,
        "status",
        help="where the key is, and whether a rotation was broken off; needs no sign-in",
    ).set_defaults(run=_status)

    rotate = command(
        actions,
        "rotate",
        help="seal every saved password with a new key, or finish that; the old key goes last",
    )
    rotate.add_argument("--to", choices=_KINDS, help="where the new key is kept; default: as now")
    rotate.add_argument(
        "--new-passphrase", action="store_true", help="ask for a new passphrase as well"
    )
    _add_stdin_option(rotate, "the new passphrase")
    rotate.set_defaults(run=_rotate)

    change = command(actions, "change-passphrase", help="protect the same key by another one")
    _add_stdin_option(change, "the new passphrase")
    change.set_defaults(run=_change_passphrase)

    export = command(
        actions, "export-kit", help="write the keys to FILE under a passphrase of its own"
    )
    export.add_argument("file", type=path_argument, metavar="FILE")
    _add_stdin_option(export, "the kit's passphrase")
    export.set_defaults(run=_export_kit)

    bring = command(
        actions,
        "import-kit",
        help="keep the keys of a kit beside the own one, or put a lost key back",
    )
    bring.add_argument("file", type=path_argument, metavar="FILE")
    bring.add_argument(
        "--new-passphrase",
        action="store_true",
        help="protect a lost key by a new passphrase (ALTUS4_PASSPHRASE) and not by the keyring",
    )
    _add_stdin_option(bring, "the kit's passphrase")
    bring.set_defaults(run=_import_kit)


def _add_stdin_option(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--passphrase-stdin",
        action="store_true",
        help=f"read {what} from the first line of standard input",
    )


def _status(args: argparse.Namespace, context: CliContext) -> int:
    status = context.services.vault.status()
    if args.json:
        context.out.json(_document(status))
    else:
        for line in _lines(status):
            context.out.line(line)
    return EXIT_DONE if status.problem is None and status.kind.value in _KINDS else EXIT_NO


def _lines(status: VaultStatus) -> list[str]:
    if status.problem is not None:
        return [status.problem.message, status.problem.hint]
    if not status.key_id:
        return ["No key has been made yet."]
    where = "in the keyring" if status.kind.value == "keyring" else "behind a passphrase"
    lines = [f"The key {status.key_id} is {where}."]
    if status.older_key_ids:
        older = ", ".join(status.older_key_ids)
        lines.append(f"Not everything has been moved from {older} yet: “vault rotate” goes on.")
    if status.added_key_ids:
        lines.append(f"From recovery kits: {', '.join(status.added_key_ids)}.")
    return lines


def _document(status: VaultStatus) -> dict[str, Any]:
    return {
        "kind": status.kind.value,
        "key_id": status.key_id or None,
        "older_key_ids": list(status.older_key_ids),
        "added_key_ids": list(status.added_key_ids),
        "rotation_unfinished": bool(status.older_key_ids),
        "problem": None if status.problem is None else status.problem.code,
    }


def _rotate(args: argparse.Namespace, context: CliContext) -> int:
    from altus4_desktop.services.vault import VaultKind

    actor = _actor(context)
    to_passphrase = args.to == "passphrase" and (
        context.services.vault.status().kind is not VaultKind.PASSPHRASE
    )
    secret = None
    if to_passphrase or args.new_passphrase or args.passphrase_stdin:
        secret = _new_passphrase(args, context)
    report = context.services.vault_keys.rotate_(
        actor,
        kind=None if args.to is None else VaultKind(args.to),
        passphrase_secret=secret,
        progress=context.out.progress,
    )
    if args.json:
        context.out.json(
            {
                "key_id": context.services.vault.status().key_id,
                "resealed": report.resealed,
                "unreadable": list(report.unreadable),
                "unreachable": [
                    {"store": label, "code": error.code} for label, error in report.unreachable
                ],
                "finished": report.finished,
            }
        )
    _tell(context, report)
    return EXIT_DONE if report.finished else EXIT_PARTIAL


def _tell(context: CliContext, report: RotationReport) -> None:
    say = context.out.say
    if report.resealed == 1:
        say("1 secret is sealed with the new key.")
    else:
        say(f"{report.resealed} secrets are sealed with the new key.")
    for name in report.unreadable:
        say(f"“{name}” cannot be opened; enter its password again, or remove it.")
    for label, error in report.unreachable:
        say(f"{label}: {error.message}")
    if not report.finished:
        say("The old key stays until everything has been moved; “vault rotate” goes on.")


def _change_passphrase(args: argparse.Namespace, context: CliContext) -> int:
    actor = _actor(context)
    before = os.environ.get("ALTUS4_PASSPHRASE") or context.read_secret(
        "Passphrase of the vault: ", variable="ALTUS4_PASSPHRASE"
    )
    context.services.vault_keys.change_passphrase_(actor, before, _new_passphrase(args, context))
    context.out.say("The vault opens by the new passphrase now.")
    return EXIT_DONE


def _export_kit(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    actor = _actor(context)
    if path.exists() and not context.confirm(f"Replace “{path}”?", args):
        return EXIT_NO
    secret = _new_passphrase(args, context, "kit")
    keys = context.services.vault_keys.export_kit_(actor, path, secret)
    if args.json:
        context.out.json({"file": str(path), "key_ids": list(keys)})
    count = "1 key is" if len(keys) == 1 else f"{len(keys)} keys are"
    context.out.say(f"{count} in “{path}”, which was opened again to make sure.")
    return EXIT_DONE


def _import_kit(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    actor: Actor | None = None
    try:
        actor = context.actor()
    except KeyMissingError:
        # What opens the store, or says who it is, may be in the kit itself.
        context.out.say("This computer's own key is missing; the kit may have it.")
    if context.services.vault.status().kind.value == "passphrase" and not args.new_passphrase:
        context.unlock_vault()
    secret = context.read_secret("Passphrase of the kit: ", from_stdin=args.passphrase_stdin)
    new_secret = None
    if args.new_passphrase:
        new_secret = os.environ.get("ALTUS4_PASSPHRASE") or _asked_twice(context, "vault")
    try:
        report = context.services.vault_keys.import_kit_(actor, path, secret, new_secret)
    except VaultError as error:
        if args.new_passphrase or not error.code.startswith("vault.keyring"):
            raise
        raise VaultError(
            error.template,
            hint="Use --new-passphrase to keep this computer's key behind a passphrase instead.",
            code=error.code,
            retryable=error.retryable,
            details=error.details,
        ) from error
    if args.json:
        context.out.json(
            {
                "added": list(report.added),
                "keys": report.key_count,
                "restored": report.restored,
                "made_at": report.made_at,
                "made_on": report.origin,
            }
        )
    if report.restored:
        context.out.say("This computer's own key is back.")
    if report.key_count == 1 and not report.restored:
        context.out.say("Its key is new here." if report.added else "Its key was here already.")
    elif report.key_count > 1:
        context.out.say(f"{len(report.added)} of {report.key_count} keys are new here.")
    return EXIT_DONE


def _actor(context: CliContext) -> Actor:
    """Who is signed in, with the vault unlocked."""
    actor = context.actor()
    if context.services.vault.status().key_id:
        context.unlock_vault()
    return actor


def _new_passphrase(args: argparse.Namespace, context: CliContext, of: str = "vault") -> str:
    if args.passphrase_stdin:
        return context.read_secret("", from_stdin=True)
    return _asked_twice(context, of)


def _asked_twice(context: CliContext, of: str) -> str:
    if not sys.stdin.isatty():
        raise InputError(
            "passphrase",
            "A new passphrase is needed and there is no terminal to ask for it.",
            hint="Use --passphrase-stdin.",
        )
    secret = context.read_secret(f"New passphrase of the {of}: ")
    if context.read_secret("Once more: ") != secret:
        raise VaultError("The two passphrases differ.", code="vault.passphrase_differs")
    return secret
