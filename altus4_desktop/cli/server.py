"""``server``: the managed local MySQL from the command line."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.local_server import LocalServerStatus

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands


def register(commands: Commands) -> None:
    """Add ``server start|stop|status|reset``."""
    group = command(commands, "server", help="the managed local MySQL or MariaDB server")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = command(actions, "start", help="start it and leave it running until “server stop”")
    start.set_defaults(run=_start)
    stop = command(actions, "stop", help="stop it")
    stop.set_defaults(run=_stop)
    status = command(actions, "status", help="say whether it runs (exit code 1: it does not)")
    status.set_defaults(run=_status)
    reset = command(actions, "reset", help="stop it and remove everything it holds")
    reset.set_defaults(run=_reset)


def given_passphrase(context: CliContext) -> str | None:
    """``ALTUS4_PASSPHRASE``, or an answer at the terminal where the vault has a passphrase.

    None lets the demo go on without one: its passwords are worth nothing to anybody else.
    """
    if os.environ.get("ALTUS4_PASSPHRASE") or context.services.vault.status().kind == "passphrase":
        return context.passphrase()
    return None


def _start(args: argparse.Namespace, context: CliContext) -> int:
    status = context.services.local_server.start(
        context.out.progress, keep=True, passphrase=lambda: given_passphrase(context)
    )
    _tell(args, context, status)
    return EXIT_DONE


def _stop(args: argparse.Namespace, context: CliContext) -> int:
    service = context.services.local_server
    stopped = service.stop()
    if args.json:
        context.out.json(_document(service.state()) | {"stopped": stopped})
    else:
        context.out.line("The local server has stopped." if stopped else "It was not running.")
    return EXIT_DONE


def _status(args: argparse.Namespace, context: CliContext) -> int:
    status = context.services.local_server.state()
    _tell(args, context, status)
    return EXIT_DONE if status.running else EXIT_NO


def _reset(args: argparse.Namespace, context: CliContext) -> int:
    if not context.confirm(
        "Stop the local server and remove the sample data? Nothing else is touched.", args
    ):
        return EXIT_NO
    service = context.services.local_server
    service.reset()
    if args.json:
        context.out.json(_document(service.state()))
    else:
        context.out.line("The local server and its data are removed; “demo” makes them again.")
    return EXIT_DONE


def _tell(args: argparse.Namespace, context: CliContext, status: LocalServerStatus) -> None:
    if args.json:
        context.out.json(_document(status))
        return
    if not status.running:
        context.out.line("The local server is not running.")
        return
    name = status.flavour.label if status.flavour else "MySQL"
    context.out.line(
        f"{name} {status.version} is running: 127.0.0.1 port {status.port}, process {status.pid}."
    )
    context.out.line(f"Program {status.program}, data in {status.data_folder}.")
    context.out.line(
        "It goes on until “server stop”."
        if status.kept
        else "It stops with the last program that uses it."
    )


def _document(status: LocalServerStatus) -> dict[str, Any]:
    return {
        "running": status.running,
        "flavour": status.flavour,
        "version": status.version or None,
        "program": status.program or None,
        "port": status.port,
        "pid": status.pid,
        "kept": status.kept,
        "started_at": instant(status.started_at),
        "data_folder": status.data_folder,
        "size_bytes": status.size_bytes,
    }
