"""``users``: accounts from the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.accounts import Role, User
from altus4_desktop.domain.errors import InputError

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands


def register(commands: Commands) -> None:
    """Add ``users`` and its commands."""
    users = command(commands, "users", help="accounts of the metadata store")
    actions = users.add_subparsers(dest="action", metavar="ACTION", required=True)

    create = command(
        actions, "create", help="make an account; the first one is an admin and needs no sign-in"
    )
    create.add_argument("--email", required=True, metavar="E", help="sign-in name")
    create.add_argument("--name", required=True, metavar="N", help="shown name")
    create.add_argument(
        "--role", choices=[role.value for role in Role], help="user (own rows) or admin (all)"
    )
    _add_password_option(create)
    create.set_defaults(run=_create)

    command(actions, "list", help="every account").set_defaults(run=_list)

    set_role = command(actions, "set-role", help="make somebody an admin or a user")
    _add_user_argument(set_role)
    set_role.add_argument("role", choices=[role.value for role in Role])
    set_role.set_defaults(run=_set_role)

    reset = command(actions, "reset-password", help="give somebody a new password")
    _add_user_argument(reset)
    _add_password_option(reset)
    reset.set_defaults(run=_reset_password)

    delete = command(actions, "delete", help="remove an account with its connections and history")
    _add_user_argument(delete)
    delete.set_defaults(run=_delete)


def _create(args: argparse.Namespace, context: CliContext) -> int:
    context.open_store()
    accounts = context.services.accounts
    if accounts.needs_setup():
        if args.role == Role.USER:
            raise InputError("role", "The first user is an admin.", hint="Leave --role out.")
        password = _new_password(args, context)
        actor = accounts.create_first_admin(args.name, args.email, password)
        created = accounts.get_user(actor, actor.user_id)
    else:
        actor = context.actor()
        role = Role(args.role or Role.USER)
        password = _new_password(args, context)
        new = accounts.create_user(actor, args.name, args.email, password, role)
        created = accounts.get_user(actor, new.id)
    _tell(context, created, f"{created.email} can sign in now ({created.role}).")
    return EXIT_DONE


def _list(args: argparse.Namespace, context: CliContext) -> int:
    users = context.services.accounts.list_users(context.actor())
    if args.json:
        context.out.json({"users": [_document(user) for user in users]})
    else:
        context.out.table(
            ["E-MAIL", "NAME", "ROLE", "CREATED"],
            [
                (
                    user.email,
                    user.name + (" (demo)" if user.is_demo else ""),
                    user.role,
                    user.created_at.date() if user.created_at else "",
                )
                for user in users
            ],
        )
    return EXIT_DONE


def _set_role(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    changed = context.services.accounts.set_role(actor, args.user, Role(args.role))
    _tell(context, changed, f"{changed.email} is {changed.role} now.")
    return EXIT_DONE


def _reset_password(args: argparse.Namespace, context: CliContext) -> int:
    accounts, actor = context.services.accounts, context.actor()
    user = accounts.get_user(actor, args.user)
    accounts.reset_password(actor, user.id, _new_password(args, context))
    _tell(context, user, f"{user.email} has a new password.")
    return EXIT_DONE


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    accounts, actor = context.services.accounts, context.actor()
    user = accounts.get_user(actor, args.user)
    question = f"Remove {user.email} with all connections and history?"
    if not context.confirm(question, args):
        return EXIT_NO
    accounts.delete_user(actor, user.id)
    _tell(context, user, f"{user.email} is removed.")
    return EXIT_DONE


def _add_user_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="EMAIL", help="e-mail address or id")


def _add_password_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the new password from the first line of standard input",
    )


def _new_password(args: argparse.Namespace, context: CliContext) -> str:
    password = context.read_secret("New password: ", from_stdin=args.password_stdin)
    if not args.password_stdin and context.read_secret("Once more: ") != password:
        raise InputError("password", "The two passwords differ.")
    return password


def _tell(context: CliContext, user: User, sentence: str) -> None:
    if context.out.json_wanted:
        context.out.json(_document(user))
    context.out.say(sentence)


def _document(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "demo": user.is_demo,
        "created_at": instant(user.created_at),
    }
