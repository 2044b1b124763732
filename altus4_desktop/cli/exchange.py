"""``connections import`` and ``connections export``."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import (
    EXIT_DONE,
    EXIT_NO,
    EXIT_PARTIAL,
    Commands,
    command,
    path_argument,
)
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exchange import (
    ExchangeFormat,
    FileSource,
    ImportChoice,
    ImportItem,
    ImportPreview,
    ImportReport,
    ImportSource,
    ItemKind,
    ItemState,
    ServerSource,
)

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.domain.accounts import Actor

_PASSPHRASE = "ALTUS4_BUNDLE_PASSPHRASE"  # noqa: S105 - the name of a variable
_SERVER_PASSWORD = "ALTUS4_SERVER_PASSWORD"  # noqa: S105 - as above
_SERVER_KEY = "ALTUS4_SERVER_ENCRYPTION_KEY"
_FILE_FORMATS = [one for one in ExchangeFormat if one is not ExchangeFormat.ALTUS_SERVER]
# As services.exchange.csv_table has them, which the help of no command should load.
_CSV_COLUMNS = (
    "name, host, port, database, username, password, tls, ca, cert, key, environment, ssh, ssh_key"
)
_KINDS = {
    "connections": ItemKind.CONNECTION,
    "users": ItemKind.USER,
    "keys": ItemKind.API_KEY,
}
_KIND_WORDS = {
    ItemKind.CONNECTION: "connection",
    ItemKind.USER: "user",
    ItemKind.API_KEY: "API key",
}


def register(actions: Commands) -> None:
    """Add the two commands to those of ``connections``."""
    bring = command(
        actions,
        "import",
        help="bring in connections of another program",
        description="Show what is in a file, or on an Altus 4 server, and bring in what is new. "
        "Formats: " + "; ".join(f"{one.value}: {one.label}" for one in _FILE_FORMATS) + ". "
        f"The first line of a CSV table names its columns: {_CSV_COLUMNS}.",
    )
    bring.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the file to read")
    bring.add_argument(
        "--format",
        dest="file_format",
        choices=[one.value for one in _FILE_FORMATS],
        help="default: what its content tells",
    )
    bring.add_argument(
        "--altus-server",
        metavar="URL",
        help="in place of a file: mysql://USER@HOST:PORT/DB?ssl-mode=..., the metadata database of "
        f"an Altus 4 server. Its password: {_SERVER_PASSWORD} or a prompt; its ENCRYPTION_KEY: "
        f"{_SERVER_KEY} or a prompt",
    )
    bring.add_argument(
        "--only",
        action="append",
        choices=list(_KINDS),
        help="of a server, may be repeated; default: all (users and keys: admins)",
    )
    bring.add_argument("--dry-run", action="store_true", help="show what is there, change nothing")
    bring.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the server's password from standard input",
    )
    bring.add_argument(
        "--encryption-key-stdin",
        action="store_true",
        help="read its ENCRYPTION_KEY from standard input, after the password",
    )
    _add_passphrase(bring)
    bring.set_defaults(run=_import)

    take = command(
        actions,
        "export",
        help="write connections to a file, without their passwords or encrypted",
    )
    take.add_argument("file", type=path_argument, metavar="FILE", help="the file to write")
    take.add_argument(
        "-c",
        "--connection",
        dest="connections",
        action="append",
        metavar="NAME",
        help="may be repeated; default: all your own",
    )
    take.add_argument(
        "--bundle",
        action="store_true",
        help=f"with the passwords, encrypted by a passphrase ({_PASSPHRASE} or a prompt)",
    )
    _add_passphrase(take)
    take.set_defaults(run=_export)


def _add_passphrase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-stdin",
        action="store_true",
        help="read the passphrase of the bundle from standard input",
    )


def _import(args: argparse.Namespace, context: CliContext) -> int:
    if (args.file is None) == (args.altus_server is None):
        raise InputError("file", "Name a file, or a server with --altus-server; one of them.")
    actor = context.actor()
    preview = _preview(args, context, actor)
    wanted = {_KINDS[name] for name in args.only or _KINDS}
    items = [item for item in preview.items if item.kind in wanted]
    new = [item for item in items if item.state is ItemState.NEW]
    if not args.json:
        _show(context, preview, items)
    chosen = [item for item in new if not item.lacks]
    if args.dry_run or not chosen:
        if args.json:
            context.out.json(_document(preview, items, None))
        if not chosen:
            context.out.say("There is nothing new that could be brought in.")
        return EXIT_DONE if chosen else EXIT_NO
    if not context.confirm(f"Import {_counted(Counter(one.kind for one in chosen))}?", args):
        return EXIT_NO
    if any(item.draft is not None and not item.password_missing for item in chosen):
        context.unlock_vault()
    report = context.services.exchange.import_(
        actor, preview, [ImportChoice(item.id) for item in chosen], context.out.progress
    )
    if args.json:
        context.out.json(_document(preview, items, report))
    _tell(context, report, [item for item in new if item.lacks])
    whole = not report.failures and not report.stopped and len(chosen) == len(new)
    return EXIT_DONE if whole else EXIT_PARTIAL


def _preview(args: argparse.Namespace, context: CliContext, actor: Actor) -> ImportPreview:
    exchange, source = context.services.exchange, _source(args, context)
    if not isinstance(source, FileSource) or source.passphrase_secret is not None:
        return exchange.preview_(actor, source)
    try:
        return exchange.preview_(actor, source)
    except InputError as error:
        if error.field != "passphrase":
            raise
    secret = context.read_secret("Passphrase of the bundle: ", variable=_PASSPHRASE)
    return exchange.preview_(actor, replace(source, passphrase_secret=secret))


def _source(args: argparse.Namespace, context: CliContext) -> ImportSource:
    if args.altus_server is None:
        passphrase = os.environ.get(_PASSPHRASE)
        if args.passphrase_stdin:
            passphrase = context.read_secret("", from_stdin=True)
        wanted = ExchangeFormat(args.file_format) if args.file_format else None
        return FileSource(args.file, wanted, passphrase)
    from altus4_desktop.services.exchange.altus_server import parse_server_url

    place = parse_server_url(args.altus_server)
    password = os.environ.get(_SERVER_PASSWORD)
    if args.password_stdin or password is None:
        password = context.read_secret(
            f"Password of {place.username} at {place.host}: ",
            from_stdin=args.password_stdin,
            variable=_SERVER_PASSWORD,
        )
    key = os.environ.get(_SERVER_KEY)
    if args.encryption_key_stdin:
        key = context.read_secret("", from_stdin=True)
    elif key is None and sys.stdin.isatty():
        key = context.read_secret("ENCRYPTION_KEY of the server (nothing: no passwords): ")
    return ServerSource(replace(place, password_secret=password), key or None)


def _show(context: CliContext, preview: ImportPreview, items: Sequence[ImportItem]) -> None:
    context.out.say(f"{preview.format.label}: {preview.origin}")
    context.out.table(
        ["NO", "WHAT", "NAME", "WHERE", "STATE", "PASSWORD", "REMARKS"],
        [
            (
                item.id,
                _what(item),
                item.name,
                _where(item),
                item.state.value if not item.lacks else f"lacks {', '.join(item.lacks)}",
                "" if item.draft is None else "missing" if item.password_missing else "there",
                " ".join(_remarks(item)),
            )
            for item in items
        ],
    )
    for remark in preview.remarks:
        context.out.say(remark.text)


def _tell(context: CliContext, report: ImportReport, lacking: Sequence[ImportItem]) -> None:
    out = context.out
    for failure in report.failures:
        out.say(f"“{failure.name}” was not brought in: {failure.error.message}")
    for item in lacking:
        out.say(
            f"“{item.name}” was not brought in: it lacks {' and '.join(item.lacks)}. "
            "Add it with “connections add”."
        )
    done = {
        ItemKind.CONNECTION: len(report.connections),
        ItemKind.USER: len(report.users),
        ItemKind.API_KEY: len(report.keys),
    }
    told = _counted(done)
    out.say(f"Brought in: {told or 'nothing'}.")
    if report.without_password:
        names = ", ".join(f"“{name}”" for name in report.without_password.values())
        out.say(f"Without a password yet: {names}.")
        out.say("“connections edit NAME --password-stdin” takes it.")


def _what(item: ImportItem) -> str:
    is_admin = item.user is not None and item.user.role is Role.ADMIN
    return "admin" if is_admin else _KIND_WORDS[item.kind]


def _where(item: ImportItem) -> str:
    draft = item.draft
    if draft is None:
        return item.owner_email if item.kind is ItemKind.API_KEY else ""
    via = "" if draft.ssh is None else f" via {draft.ssh.host}"
    # A socket has no port.
    port = "" if draft.host.startswith("/") else f":{draft.port}"
    return f"{draft.username or '?'}@{draft.host}{port}/{draft.database or '?'}{via}"


def _remarks(item: ImportItem) -> list[str]:
    reason = [] if item.reason is None else [item.reason.text]
    return reason + [note.text for note in item.notes]


def _counted(counts: Mapping[ItemKind, int]) -> str:
    return ", ".join(
        f"{count} {_KIND_WORDS[kind]}{'' if count == 1 else 's'}"
        for kind, count in counts.items()
        if count
    )


def _document(
    preview: ImportPreview, items: Sequence[ImportItem], report: ImportReport | None
) -> dict[str, Any]:
    done = report or ImportReport()
    return {
        "format": preview.format.value,
        "origin": preview.origin,
        "dry_run": report is None,
        "remarks": [remark.text for remark in preview.remarks],
        "items": [
            {
                "id": item.id,
                "kind": item.kind.value,
                "role": None if item.user is None else item.user.role.value,
                "name": item.name,
                "where": _where(item) or None,
                "tls": None if item.draft is None else item.draft.tls.mode.value,
                "owner": item.owner_email or None,
                "state": item.state.value,
                "lacks": list(item.lacks),
                "password_missing": item.password_missing,
                "remarks": _remarks(item),
            }
            for item in items
        ],
        "imported": {
            "connections": list(done.connections),
            "users": list(done.users),
            "keys": list(done.keys),
        },
        "without_password": list(done.without_password.values()),
        "failures": [
            {"name": one.name, "code": one.error.code, "message": one.error.message}
            for one in done.failures
        ],
    }


def _export(args: argparse.Namespace, context: CliContext) -> int:
    path: Path = args.file
    actor = context.actor()
    connections = context.services.connections
    if args.connections:
        ids = [connections.get_(actor, name).id for name in args.connections]
    else:
        ids = [one.id for one in connections.list_(actor) if one.user_id == actor.user_id]
    if path.exists() and not context.confirm(f"Replace “{path}”?", args):
        return EXIT_NO
    exchange = context.services.exchange
    if args.bundle:
        passphrase = _new_passphrase(args, context)
        context.unlock_vault()
        report = exchange.export_bundle_(actor, ids, path, passphrase)
    else:
        report = exchange.export_(actor, ids, path)
    if args.json:
        context.out.json(
            {
                "file": str(path),
                "format": (ExchangeFormat.BUNDLE if args.bundle else ExchangeFormat.DOCUMENT).value,
                "connections": list(report.connections),
                "unopened": list(report.unopened),
                "without_password": list(report.without_password),
                "left_out": list(report.left_out),
            }
        )
    context.out.say(
        f"{_counted({ItemKind.CONNECTION: len(report.connections)})} written to “{path}”."
    )
    for name in report.unopened:
        context.out.say(f"The password of “{name}” could not be opened and is not in it.")
    for name in report.without_password:
        context.out.say(f"“{name}” has no password yet; it is in it without one.")
    for name in report.left_out:
        context.out.say(f"“{name}” leads to this computer's own local server and is not in it.")
    return EXIT_PARTIAL if report.unopened else EXIT_DONE


def _new_passphrase(args: argparse.Namespace, context: CliContext) -> str:
    if args.passphrase_stdin:
        return context.read_secret("", from_stdin=True)
    given = os.environ.get(_PASSPHRASE)
    if given is not None:
        return given
    secret = context.read_secret("New passphrase of the bundle: ", variable=_PASSPHRASE)
    if context.read_secret("Once more: ") != secret:
        raise InputError("passphrase", "The two passphrases differ.")
    return secret
