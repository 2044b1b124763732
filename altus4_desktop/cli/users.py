"""``users``: accounts from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.accounts import (
    Belongings,
    Role,
    User,
    UserDraft,
    UserQuery,
    UserSort,
)
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
    create.add_argument("--timezone", default="UTC", metavar="Z", help="default: UTC")
    create.add_argument(
        "--temporary",
        action="store_true",
        help="the password has to be changed at the first sign-in; without --password-stdin one "
        "is made and printed",
    )
    _add_password_option(create)
    create.set_defaults(run=_create)

    command(actions, "list", help="every account").set_defaults(run=_list)

    set_role = command(actions, "set-role", help="make somebody an admin or a user")
    _add_user_argument(set_role)
    set_role.add_argument("role", choices=[role.value for role in Role])
    set_role.set_defaults(run=_set_role)

    reset = command(
        actions,
        "reset-password",
        help="give somebody a temporary password",
        description="Give somebody a temporary password, which they change at the next sign-in. "
        "Without --password-stdin one is made and printed, this once.",
    )
    _add_user_argument(reset)
    _add_password_option(reset)
    reset.set_defaults(run=_reset_password)

    delete = command(
        actions, "delete", help="remove an account with its keys, connections and history"
    )
    _add_user_argument(delete)
    delete.set_defaults(run=_delete)

    profile = command(
        actions, "profile", help="show your own account, or change what the options name"
    )
    profile.add_argument("--name", metavar="N", help="shown name")
    profile.add_argument("--email", metavar="E", help="sign-in name; takes your password")
    profile.add_argument("--timezone", metavar="Z", help="such as Europe/Lisbon")
    profile.add_argument(
        "--password-stdin",
        action="store_true",
        help="read your password from the first line of standard input",
    )
    profile.set_defaults(run=_profile)

    change = command(
        actions,
        "change-password",
        help="give yourself another password",
        description="Give yourself another password; remembered sign-ins on other computers end.",
    )
    change.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password you have and the new one from two lines of standard input",
    )
    change.set_defaults(run=_change_password)


def _create(args: argparse.Namespace, context: CliContext) -> int:
    context.open_store()
    accounts = context.services.accounts
    if accounts.needs_setup():
        if args.role == Role.USER:
            raise InputError("role", "The first user is an admin.", hint="Leave --role out.")
        if args.temporary:
            raise InputError(
                "temporary",
                "The first user has nobody to get a temporary password from.",
                hint="Leave --temporary out.",
            )
        password = _new_password(args, context)
        actor = accounts.create_first_admin(args.name, args.email, password, args.timezone)
        created = accounts.get_user(actor, actor.user_id)
        _tell(context, created, f"{created.email} can sign in now ({created.role}).")
        return EXIT_DONE
    actor = context.actor()
    role = Role(args.role or Role.USER)
    made = ""
    if args.temporary and not args.password_stdin:
        made = accounts.generate_temporary_password()
    password = made or _new_password(args, context)
    new = accounts.create_user(
        actor,
        args.name,
        args.email,
        password,
        role,
        timezone=args.timezone,
        temporary=args.temporary,
    )
    created = accounts.get_user(actor, new.id)
    then = ", and has to choose another password first" if args.temporary else ""
    _tell(context, created, f"{created.email} can sign in now ({created.role}){then}.", made)
    return EXIT_DONE


def _list(args: argparse.Namespace, context: CliContext) -> int:
    page = context.services.accounts.list_users(context.actor(), UserQuery(sort=UserSort.EMAIL))
    if args.json:
        context.out.json(
            {
                "users": [
                    _document(one.user)
                    | {
                        "keys": one.keys,
                        "connections": one.connections,
                        "searches": one.searches,
                        "last_active_at": instant(one.user.last_active_at),
                    }
                    for one in page.users
                ]
            }
        )
    else:
        context.out.table(
            ["E-MAIL", "NAME", "ROLE", "KEYS", "CONNECTIONS", "SEARCHES", "LAST ACTIVE (UTC)"],
            [
                (
                    one.user.email,
                    one.user.name + (" (demo)" if one.user.is_demo else ""),
                    one.user.role
                    + (" (temporary password)" if one.user.must_change_password else ""),
                    one.keys,
                    one.connections,
                    one.searches,
                    instant(one.user.last_active_at) or "never",
                )
                for one in page.users
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
    made = "" if args.password_stdin else accounts.generate_temporary_password()
    accounts.reset_password(actor, user.id, made or _new_password(args, context))
    user = replace(user, must_change_password=True)
    sentence = f"{user.email} has a temporary password, and changes it at the next sign-in."
    _tell(context, user, sentence, made)
    return EXIT_DONE


def _delete(args: argparse.Namespace, context: CliContext) -> int:
    accounts, actor = context.services.accounts, context.actor()
    user = accounts.get_user(actor, args.user)
    along = accounts.get_belongings(actor, user.id)
    context.out.say(f"With {user.email} go:")
    for line in _belonging_lines(along):
        context.out.say(f"  {line}")
    if not context.confirm(f"Remove {user.email} with all of this?", args):
        return EXIT_NO
    accounts.delete_user(actor, user.id, args.user)
    _tell(context, user, f"{user.email} is removed.")
    return EXIT_DONE


def _profile(args: argparse.Namespace, context: CliContext) -> int:
    accounts, actor = context.services.accounts, context.actor()
    user = accounts.get_profile(actor)
    wanted = UserDraft(
        user.name if args.name is None else args.name,
        user.email if args.email is None else args.email,
        user.timezone if args.timezone is None else args.timezone,
        user.choices,
    )
    if wanted == UserDraft.of(user):
        if args.json:
            context.out.json(_document(user))
        else:
            for title, value in (
                ("E-mail", user.email),
                ("Name", user.name),
                ("Role", user.role.value),
                ("Time zone", user.timezone),
            ):
                context.out.line(f"{title + ':':<11} {value}")
        return EXIT_DONE
    password = ""
    if args.email is not None:
        password = context.read_secret("Your password: ", from_stdin=args.password_stdin)
    changed = accounts.update_profile(actor, wanted, password)
    _tell(context, changed, "Your account is changed.")
    return EXIT_DONE


def _change_password(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    password = context.read_secret("The password you have: ", from_stdin=args.password_stdin)
    new = _new_password(args, context)
    context.services.accounts.change_password(actor, password, new)
    context.out.say("Your password is changed.")
    return EXIT_DONE


def _belonging_lines(along: Belongings) -> list[str]:
    lines = [
        f"{count} {what}" + (f": {_listed(names, count)}" if count else "")
        for count, what, names in (
            (along.keys, "API keys", along.key_names),
            (along.connections, "connections", along.connection_names),
            (along.query_sets, "query sets", along.query_set_names),
        )
    ]
    if along.keys_in_use:
        lines[0] += f"; {along.keys_in_use} of them used within the last seven days"
    return [
        *lines,
        f"{along.saved_searches} saved searches",
        f"{along.searches} searches of the history",
    ]


def _listed(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


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


def _tell(
    context: CliContext, user: User, sentence: str, temporary_password_secret: str = ""
) -> None:
    """The sentence, and on standard output the account, or only a password that was made."""
    if context.out.json_wanted:
        once = {"temporary_password": temporary_password_secret}
        context.out.json(_document(user) | (once if temporary_password_secret else {}))
    elif temporary_password_secret:
        context.out.line(temporary_password_secret)
    context.out.say(sentence)


def _document(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "demo": user.is_demo,
        "timezone": user.timezone,
        "must_change_password": user.must_change_password,
        "created_at": instant(user.created_at),
    }
