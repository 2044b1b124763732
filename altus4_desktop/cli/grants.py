"""``connections grants`` and ``migrate grants``: what accounts may do, and smaller ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, Commands, command
from altus4_desktop.cli.output import plain
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.rights import RightsReport
from altus4_desktop.services.rights import SEARCH_USER, STORE_DATABASE, STORE_USER
from altus4_desktop.services.rights_words import WEIGHT_WORDS, cautions, verdict

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.domain.accounts import Actor


def register_search(actions: Commands) -> None:
    """Add ``grants`` of a connection."""
    parser = command(
        actions,
        "grants",
        help="what a connection's account may do, and statements for a smaller one",
        description="Say what the account of a connection may do; exit code 1 when that is more, "
        "or less, than searching needs. With --script, or an option that says how, print the "
        "statements for an account that may only search; they are never run.",
    )
    parser.add_argument("connection", metavar="NAME", help="name or id of a saved connection")
    parser.add_argument("--script", action="store_true", help="print CREATE USER and GRANT")
    parser.add_argument(
        "--dialect",
        choices=[flavour.value for flavour in Flavour],
        help="print them for such a server without connecting to it",
    )
    parser.add_argument(
        "--table", action="append", default=[], metavar="T", help="only this table; may be repeated"
    )
    _add_account(parser, SEARCH_USER)
    parser.set_defaults(run=_search)


def register_store(actions: Commands) -> None:
    """Add ``grants`` of the metadata store."""
    parser = command(
        actions,
        "grants",
        help="statements for the account of a shared store",
        description="Print CREATE USER and GRANT for the account that all desktops use with a "
        "shared metadata store; they are never run.",
    )
    parser.add_argument(
        "--dialect",
        choices=[flavour.value for flavour in Flavour],
        help="default: the server of the store in use, else mysql",
    )
    parser.add_argument(
        "--database", metavar="D", default="", help=f"default: the store's, else {STORE_DATABASE}"
    )
    _add_account(parser, STORE_USER)
    parser.set_defaults(run=_store)


def summary_document(report: RightsReport) -> dict[str, Any]:
    """A report in short, as JSON."""
    return {
        "minimal": report.is_minimal,
        "weight": report.weight.name.lower(),
        "verdict": verdict(report).text,
        "missing": list(report.missing),
    }


def _add_account(parser: argparse.ArgumentParser, username: str) -> None:
    parser.add_argument("--username", metavar="U", help=f"default: {username}")
    parser.add_argument(
        "--client-host",
        metavar="H",
        help="from where the account may connect; default: everywhere",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the statements to a file"
    )


def _search(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    services = context.services
    saved = services.connections.get_(actor, args.connection)
    said = (args.script, args.dialect, args.output, args.table, args.username, args.client_host)
    if args.dialect is None:
        context.unlock_vault()
    if any(option not in (None, False, []) for option in said):
        if args.dialect is None:
            _check_tables(args.table, context, actor, saved.id)
        statements = services.rights.search_statements_(
            actor,
            saved.id,
            flavour=None if args.dialect is None else Flavour(args.dialect),
            tables=args.table,
            username=SEARCH_USER if args.username is None else args.username,
            client_host="%" if args.client_host is None else args.client_host,
        )
        return _give(args, context, statements)
    report = services.rights.read_(actor, saved.id)
    _tell(context, report)
    return EXIT_DONE if report.is_minimal else EXIT_NO


def _store(args: argparse.Namespace, context: CliContext) -> int:
    if args.dialect is None:
        # The store is asked what it is on.
        context.services.metadata.status_(context.store_password())
    statements = context.services.rights.store_statements_(
        None if args.dialect is None else Flavour(args.dialect),
        database=args.database,
        username=STORE_USER if args.username is None else args.username,
        client_host="%" if args.client_host is None else args.client_host,
    )
    return _give(args, context, statements)


def _check_tables(
    tables: Sequence[str], context: CliContext, actor: Actor, connection_id: str
) -> None:
    if not tables:
        return
    schema = context.services.connections.schema_(actor, connection_id)
    for table in tables:
        if schema.table(table) is None:
            raise InputError("table", "There is no table “{table}”.", table=table)


def _give(args: argparse.Namespace, context: CliContext, statements: str) -> int:
    if args.output is not None:
        context.services.rights.save_(statements, args.output)
        context.out.say(f"The statements are in “{args.output}”; nothing was run.")
    if context.out.json_wanted:
        context.out.json({"sql": statements})
    elif args.output is None:
        context.out.line(statements.rstrip())
    return EXIT_DONE


def _tell(context: CliContext, report: RightsReport) -> None:
    grants = report.grants
    if context.out.json_wanted:
        context.out.json(
            {
                "account": grants.account,
                "flavour": grants.flavour.value,
                "version": grants.version,
                "database": report.database,
                "roles": list(grants.roles),
                "hidden_roles": list(grants.hidden_roles),
                **summary_document(report),
                "rights": [
                    {
                        "privilege": line.privilege,
                        "means": line.words.text,
                        "place": line.place.text,
                        "weight": line.weight.name.lower(),
                        "role": line.role or None,
                    }
                    for line in report.lines
                ],
                "not_understood": list(grants.unread),
                "not_understood_count": grants.unread_count,
            }
        )
        return
    lines = [f"{grants.account} on {grants.flavour.label} {grants.version}"]
    if grants.roles:
        lines.append(f"  roles: {', '.join(grants.roles)}")
    lines += [f"  {remark.text}" for remark in (verdict(report), *cautions(report))]
    if report.missing:
        lines.append(f"  missing on “{report.database}”: {', '.join(report.missing)}")
    lines += [f"    {line}" for line in grants.unread]
    for line in lines:
        # The server has written parts of it.
        context.out.line(plain(line))
    if report.lines:
        context.out.line()
        context.out.table(
            ("HOW MUCH", "IT MAY", "WHERE", "PRIVILEGE", "THROUGH"),
            [
                (
                    WEIGHT_WORDS[line.weight],
                    line.words.text,
                    line.place.text,
                    line.privilege,
                    line.role,
                )
                for line in report.lines
            ],
        )
    if not report.is_minimal:
        context.out.say("With --script come the statements for an account that may only search.")
