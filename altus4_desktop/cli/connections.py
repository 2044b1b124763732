"""``connections``: saved connections from the command line."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli import exchange, grants, index_health
from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, Commands, command
from altus4_desktop.cli.output import instant
from altus4_desktop.cli.protection import (
    add_options,
    certificate_document,
    changed_ssh,
    changed_tls,
    ssh_document,
    telling_host_key,
    tls_document,
    tls_report_document,
    tls_sentence,
)
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.connections import (
    Connection,
    ConnectionDraft,
    ConnectionReport,
    Environment,
    PoolSettings,
    ssh_fingerprint,
)
from altus4_desktop.domain.schema import DatabaseSchema, TableInfo
from altus4_desktop.services.rights_words import verdict

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext

_POOL_OPTIONS = {
    "pool_size": ("size", int, "N", "connections kept at most"),
    "acquire_timeout": ("acquire_timeout_s", float, "S", "wait this long for a free connection"),
    "query_timeout": ("query_timeout_s", float, "S", "a statement may take this long"),
    "idle_timeout": ("idle_timeout_s", float, "S", "close connections unused for so long"),
    "connect_timeout": ("connect_timeout_s", float, "S", "connecting may take this long"),
}


def register(commands: Commands) -> None:
    """Add ``connections`` and its commands."""
    group = command(commands, "connections", help="the databases that are searched")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    add = command(actions, "add", help="save a connection")
    add.add_argument("name", metavar="NAME", help="how it is called from now on")
    _add_place(add, required=True)
    _add_settings(add)
    add.set_defaults(run=_add)

    command(actions, "list", help="the saved connections").set_defaults(run=_list)

    edit = command(actions, "edit", help="change what is named, keep the rest")
    _add_connection(edit)
    edit.add_argument("--name", dest="new_name", metavar="NAME", help="its new name")
    _add_place(edit, required=False)
    _add_settings(edit)
    edit.set_defaults(run=_edit)

    test = command(actions, "test", help="connect and say what answered")
    _add_connection(test)
    test.set_defaults(run=_test)

    certificate = command(
        actions, "certificate", help="the certificate a server shows, to compare and pin"
    )
    _add_connection(certificate)
    certificate.set_defaults(run=_certificate)

    schema = command(actions, "schema", help="tables, columns and FULLTEXT indexes")
    _add_connection(schema)
    schema.set_defaults(run=_schema)

    grants.register_search(actions)
    index_health.register(actions)

    remove = command(actions, "remove", help="forget a connection and its password")
    _add_connection(remove)
    remove.set_defaults(run=_remove)

    exchange.register(actions)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("connection", metavar="NAME", help="name or id of a saved connection")


def _add_place(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--host", required=required, metavar="H", help="host name or address")
    parser.add_argument("--port", type=int, metavar="P", help="default 3306")
    parser.add_argument("--database", required=required, metavar="D", help="database to search")
    parser.add_argument("--username", required=required, metavar="U", help="account")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    add_options(parser)
    parser.add_argument(
        "--environment",
        choices=[environment.value for environment in Environment],
        help="what the database is used for; default: dev",
    )
    for option, (_, kind, metavar, text) in _POOL_OPTIONS.items():
        parser.add_argument(f"--{option.replace('_', '-')}", type=kind, metavar=metavar, help=text)


def _add(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    password = context.read_secret(f"Password of {args.username}: ", from_stdin=args.password_stdin)
    context.unlock_vault()
    blank = ConnectionDraft(args.name, args.host, args.database, args.username)
    draft = _changed(args, replace(blank, password_secret=password), context)
    saved = context.services.connections.create_(actor, draft)
    _tell(args, context, saved, f"“{saved.name}” is saved.")
    return EXIT_DONE


def _list(args: argparse.Namespace, context: CliContext) -> int:
    actor, connections = context.actor(), context.services.connections
    found, owners = connections.list_(actor), connections.owners_(actor)
    if args.json:
        listed = [{**_document(saved), "owner_email": owners.get(saved.user_id)} for saved in found]
        context.out.json({"connections": listed})
        return EXIT_DONE
    # Nobody but admins sees connections of others.
    is_admin = actor.role is Role.ADMIN
    context.out.table(
        [
            *(["OWNER"] if is_admin else []),
            *("NAME", "HOST", "PORT", "DATABASE", "USER", "TLS", "ENVIRONMENT", "LAST CONNECTED"),
            "ID",
        ],
        [
            (
                *([owners.get(saved.user_id)] if is_admin else []),
                saved.name,
                saved.host if saved.ssh is None else f"{saved.host} via {saved.ssh.host}",
                saved.port,
                saved.database,
                saved.username,
                saved.tls.mode,
                saved.environment,
                instant(saved.last_connected_at) or "never",
                saved.id,
            )
            for saved in found
        ],
    )
    return EXIT_DONE


def _edit(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    connections = context.services.connections
    saved = connections.get_(actor, args.connection)
    draft = saved.as_draft()
    if args.new_name is not None:
        draft = replace(draft, name=args.new_name)
    draft = _changed_place(args, draft)
    moved = args.ssh is not None or (draft.host, draft.port, draft.username) != (
        saved.host,
        saved.port,
        saved.username,
    )
    if args.password_stdin or (moved and not saved.managed):
        password = context.read_secret(
            f"Password of {draft.username}: ", from_stdin=args.password_stdin
        )
        draft = replace(draft, password_secret=password)
    draft = _changed(args, draft, context)
    context.unlock_vault()
    updated = connections.update_(actor, saved.id, draft, saved.updated_at)
    _tell(args, context, updated, f"“{updated.name}” is changed.")
    return EXIT_DONE


def _test(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    context.unlock_vault()
    with telling_host_key(context, args.connection):
        report = context.services.connections.check_saved_(actor, args.connection)
    if args.json:
        context.out.json(_report_document(report))
        return EXIT_DONE
    context.out.line(f"{report.flavour.label} {report.version} answered")
    context.out.line(f"  {tls_sentence(report.tls)}")
    if report.tunnel:
        context.out.line(f"  through an SSH server with the key {ssh_fingerprint(report.tunnel)}")
    context.out.line(f"  session is {'read-only' if report.read_only else 'NOT read-only'}")
    context.out.line(f"  server time zone {report.time_zone}")
    context.out.line(f"  {report.elapsed_ms:.0f} ms")
    if report.rights is not None:
        context.out.line(f"  {verdict(report.rights).text}")
        if report.rights.excess:
            context.out.say(f"“connections grants {args.connection}” says more.")
    return EXIT_DONE


def _certificate(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    connections = context.services.connections
    saved = connections.get_(actor, args.connection)
    if saved.ssh is not None:
        context.unlock_vault()
    with telling_host_key(context, args.connection):
        found = connections.read_certificate_(actor, saved.as_draft(), saved.id)
    if args.json:
        context.out.json(certificate_document(found))
        return EXIT_DONE
    context.out.line(f"SHA-256 {found.fingerprint}")
    for label, text in (
        ("issued for", ", ".join(found.names) or found.subject),
        ("issued by", "itself" if found.self_signed else found.issuer),
        ("valid from", instant(found.not_before_at)),
        ("valid to", instant(found.not_after_at)),
    ):
        if text:
            context.out.line(f"  {label} {text}")
    return EXIT_DONE


def _schema(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    context.unlock_vault()
    connections = context.services.connections
    saved = connections.get_(actor, args.connection)
    schema = connections.full_schema_(actor, saved.id)
    if args.json:
        context.out.json(_schema_document(schema))
        return EXIT_DONE
    context.out.table(
        ["TABLE", "ROWS (ESTIMATED)", "COLUMNS", "FULLTEXT INDEXES"],
        [
            (
                table.name,
                "" if table.estimated_rows is None else table.estimated_rows,
                len(table.columns),
                "; ".join(_index_words(table)) or "none: it cannot be searched",
            )
            for table in schema.tables
        ],
    )
    return EXIT_DONE


def _remove(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    connections = context.services.connections
    saved = connections.get_(actor, args.connection)
    if not context.confirm(f"Forget “{saved.name}” and its password?", args):
        return EXIT_NO
    connections.delete_(actor, saved.id)
    _tell(args, context, saved, f"“{saved.name}” is forgotten.")
    return EXIT_DONE


def _changed_place(args: argparse.Namespace, draft: ConnectionDraft) -> ConnectionDraft:
    return replace(
        draft,
        host=draft.host if args.host is None else args.host,
        port=draft.port if args.port is None else args.port,
        database=draft.database if args.database is None else args.database,
        username=draft.username if args.username is None else args.username,
    )


def _changed(
    args: argparse.Namespace, draft: ConnectionDraft, context: CliContext
) -> ConnectionDraft:
    """The draft with what the options say."""
    pool = {
        field: getattr(args, option)
        for option, (field, *_) in _POOL_OPTIONS.items()
        if getattr(args, option) is not None
    }
    return replace(
        changed_ssh(args, _changed_place(args, draft), context),
        tls=changed_tls(args, draft.tls),
        environment=(
            draft.environment if args.environment is None else Environment(args.environment)
        ),
        pool=_changed_pool(draft.pool, pool),
    )


def _changed_pool(pool: PoolSettings, values: dict[str, Any]) -> PoolSettings:
    return replace(pool, **values)


def _tell(args: argparse.Namespace, context: CliContext, saved: Connection, text: str) -> None:
    if args.json:
        context.out.json(_document(saved))
    context.out.say(text)


def _document(saved: Connection) -> dict[str, Any]:
    return {
        "id": saved.id,
        "name": saved.name,
        "host": saved.host,
        "port": saved.port,
        "database": saved.database,
        "username": saved.username,
        "tls": tls_document(saved.tls),
        "ssh": ssh_document(saved.ssh),
        "environment": saved.environment.value,
        "pool": {field: getattr(saved.pool, field) for field, *_ in _POOL_OPTIONS.values()},
        "managed": saved.managed,
        "owner": saved.user_id,
        "last_connected": instant(saved.last_connected_at),
        "created_at": instant(saved.created_at),
        "updated_at": instant(saved.updated_at),
    }


def _report_document(report: ConnectionReport) -> dict[str, Any]:
    return {
        "flavour": report.flavour.value,
        "version": report.version,
        "tls": tls_report_document(report.tls),
        "ssh_host_key": ssh_fingerprint(report.tunnel) or None,
        "read_only": report.read_only,
        "time_zone": report.time_zone,
        "elapsed_ms": round(report.elapsed_ms, 1),
        "rights": None if report.rights is None else grants.summary_document(report.rights),
    }


def _schema_document(schema: DatabaseSchema) -> dict[str, Any]:
    return {
        "database": schema.database,
        "tables": [
            {
                "name": table.name,
                "columns": [
                    {"name": column.name, "type": column.type, "nullable": column.nullable}
                    for column in table.columns
                ],
                "fulltext_indexes": [
                    {
                        "name": index.name,
                        "columns": list(index.columns),
                        "type": "FULLTEXT",
                        "cardinality": index.cardinality,
                        "parser": index.parser or None,
                    }
                    for index in table.fulltext_indexes
                ],
                "estimated_rows": table.estimated_rows,
                "last_analyzed": instant(table.last_analyzed_at),
            }
            for table in schema.tables
        ],
    }


def _index_words(table: TableInfo) -> list[str]:
    return [
        f"{index.name} ({', '.join(index.columns)})" + (f" {index.parser}" if index.parser else "")
        for index in table.fulltext_indexes
    ]
