"""``keys``: API keys from the command line."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.accounts import Role
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.key_text import KeyFault, read_key
from altus4_desktop.domain.keys import (
    GRACES_S,
    ApiKey,
    KeyAnswer,
    KeyDraft,
    KeyEnvironment,
    KeyFilter,
    KeyPermission,
    KeyReport,
    KeySort,
    KeyTier,
    MadeKey,
    RateLimit,
    read_limit,
)

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands

_DURATION = re.compile(r"(\d{1,5})(h|d)")


def register(commands: Commands) -> None:
    """Add ``keys`` and its commands."""
    group = command(commands, "keys", help="API keys that act for a user")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)

    create = command(actions, "create", help="make a key; it is printed this once")
    create.add_argument("--name", required=True, metavar="N", help="what it is for")
    create.add_argument(
        "--environment",
        choices=[environment.value for environment in KeyEnvironment],
        default=KeyEnvironment.TEST.value,
        help="part of the key; default: test",
    )
    _add_choices(create)
    create.set_defaults(run=_create)

    listing = command(actions, "list", help="your keys, or everybody's for an admin")
    listing.add_argument(
        "--filter",
        dest="wanted",
        choices=[wanted.value for wanted in KeyFilter],
        default=KeyFilter.CURRENT.value,
        help="default: current, those that work",
    )
    listing.add_argument(
        "--sort",
        choices=[sort.value for sort in KeySort],
        default=KeySort.EXPIRES.value,
        help="default: expires, the next one first",
    )
    listing.add_argument("--descending", action="store_true", help="the other way round")
    listing.add_argument(
        "--text", default="", metavar="T", help="only names with it, or keys that begin with it"
    )
    listing.add_argument(
        "--owner", default="", metavar="E", help="only keys of people with it in their e-mail"
    )
    listing.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    listing.add_argument("--after", metavar="ID", help="go on behind this key")
    listing.set_defaults(run=_list)

    edit = command(actions, "edit", help="change what was chosen of a key")
    edit.add_argument("id", metavar="ID", help="as “keys list” shows it")
    edit.add_argument("--name", metavar="N", help="what it is for")
    _add_choices(edit)
    edit.set_defaults(run=_edit)

    rotate = command(actions, "rotate", help="make a new key in place of another one")
    rotate.add_argument("id", metavar="ID", help="as “keys list” shows it")
    rotate.add_argument(
        "--grace",
        choices=list(GRACES_S),
        default="now",
        help="how long the old key goes on working; default: now, not at all",
    )
    _add_expiry(rotate, "; default: for as long as the old one was made for")
    rotate.set_defaults(run=_rotate)

    revoke = command(actions, "revoke", help="let keys work no more")
    revoke.add_argument("ids", nargs="+", metavar="ID", help="as “keys list” shows it")
    revoke.add_argument(
        "--confirm",
        dest="names",
        action="append",
        default=[],
        metavar="NAME",
        help="revoke the key of this name though it was used within seven days (may be repeated)",
    )
    revoke.set_defaults(run=_revoke)

    verify = command(
        actions,
        "verify",
        help="say whether a key is valid, and what it may do",
        description="Read a key from the first line of standard input and say whether it is "
        "valid, and what it may do. It is kept nowhere. Exit code: 0 valid, 1 not.",
    )
    verify.set_defaults(run=_verify)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--permission",
        dest="permissions",
        action="append",
        choices=[permission.value for permission in KeyPermission],
        help="may be repeated; a new key has search",
    )
    parser.add_argument(
        "--tier",
        choices=[tier.value for tier in KeyTier],
        help="free: 1,000 requests an hour (a new key's), pro: 10,000, enterprise: 100,000",
    )
    parser.add_argument(
        "--custom-limit",
        metavar="JSON",
        help='a limit of its own: {"requests": 500, "window_s": 60}; none: the tier\'s',
    )
    _add_expiry(parser, "; a new key never does")


def _add_expiry(parser: argparse.ArgumentParser, otherwise: str) -> None:
    parser.add_argument(
        "--expires",
        metavar="D",
        help=f"a day or instant (ISO 8601), 24h or 90d from now, or never{otherwise}",
    )


def _create(args: argparse.Namespace, context: CliContext) -> int:
    blank = KeyDraft(args.name, KeyEnvironment(args.environment))
    made = context.services.keys.create_(context.actor(), _chosen(args, blank))
    _show_once(context, made, {})
    return EXIT_DONE


def _list(args: argparse.Namespace, context: CliContext) -> int:
    if args.limit < 1:
        raise InputError("limit", "The number of keys must be at least 1.")
    actor, keys = context.actor(), context.services.keys
    page = keys.list_(
        actor,
        KeyFilter(args.wanted),
        KeySort(args.sort),
        descending=args.descending,
        text=args.text,
        owner_text=args.owner,
        after=None if args.after is None else keys.get_(actor, args.after),
        limit=args.limit,
    )
    if args.json:
        listed = [
            {**_document(key, page.read_at), "owner": page.owners.get(key.user_id)}
            for key in page.keys
        ]
        context.out.json({"keys": listed, "more": page.more})
    else:
        # Nobody but admins sees keys of others.
        is_admin = actor.role is Role.ADMIN
        context.out.table(
            [
                *(["OWNER"] if is_admin else []),
                *("PREFIX", "NAME", "STATE", "TIER", "EXPIRES", "LAST USED (UTC)", "FROM", "USES"),
                "ID",
            ],
            [
                (
                    *([page.owners.get(key.user_id)] if is_admin else []),
                    key.prefix + (" (legacy)" if key.legacy else ""),
                    key.name,
                    key.state_at(page.read_at).value,
                    _limit_text(key),
                    "never" if key.expires_at is None else instant(key.expires_at) or "",
                    instant(key.last_used_at) or "never",
                    key.last_used_from,
                    key.usage_count,
                    key.id,
                )
                for key in page.keys
            ],
        )
    if page.more:
        context.out.say(f"There are more: add --after {page.keys[-1].id}")
    return EXIT_DONE if page.keys else EXIT_NO


def _edit(args: argparse.Namespace, context: CliContext) -> int:
    actor, keys = context.actor(), context.services.keys
    draft = KeyDraft.of(keys.get_(actor, args.id))
    if args.name is not None:
        draft = replace(draft, name=args.name)
    changed = keys.edit_(actor, args.id, _chosen(args, draft))
    if args.json:
        context.out.json(_document(changed))
    context.out.say(f"The key “{changed.name}” is changed.")
    return EXIT_DONE


def _rotate(args: argparse.Namespace, context: CliContext) -> int:
    actor, keys = context.actor(), context.services.keys
    if args.expires == "never":
        raise InputError(
            "expires",
            "A new key takes over for as long as the old one was made for, or until a day.",
            hint="Edit it afterwards to let it never expire.",
        )
    expires_at = None if args.expires is None else _read_end(args.expires)
    made = keys.rotate_(actor, args.id, GRACES_S[args.grace], expires_at=expires_at)
    old = keys.get_(actor, args.id)
    ends_at = instant(old.expires_at) if old.is_active else None
    _show_once(context, made, {"replaces": old.id, "old_ends_at": ends_at})
    context.out.say(
        f"The old key works until {ends_at}." if ends_at else "The old key works no more."
    )
    return EXIT_DONE


def _revoke(args: argparse.Namespace, context: CliContext) -> int:
    actor, keys = context.actor(), context.services.keys
    names = list(args.names)
    asked = [key for key in keys.in_use_(actor, args.ids) if key.name not in names]
    if asked and not sys.stdin.isatty():
        raise InputError(
            "confirm",
            "The key “{name}” was used within the last seven days: whatever uses it will fail.",
            hint="Add --confirm with its name to revoke it all the same.",
            name=asked[0].name,
        )
    for key in asked:
        answer = _ask(f"“{key.name}” was used {instant(key.last_used_at)}. Its name to revoke it: ")
        if answer != key.name:
            context.out.say("That is not its name; nothing is revoked.")
            return EXIT_NO
        names.append(key.name)
    question = "Revoke this key?" if len(args.ids) == 1 else f"Revoke {len(args.ids)} keys?"
    if not asked and not context.confirm(question, args):
        return EXIT_NO
    revoked = keys.revoke_(actor, args.ids, names)
    if args.json:
        context.out.json({"revoked": [key.id for key in revoked]})
    context.out.say(f"Revoked: {len(revoked)}.")
    return EXIT_DONE if revoked else EXIT_NO


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _verify(args: argparse.Namespace, context: CliContext) -> int:
    text = context.read_secret("API key: ", from_stdin=not sys.stdin.isatty())
    if not isinstance(read_key(text), KeyFault):
        context.open_store()
    report = context.services.keys.verify_(text)
    if args.json:
        context.out.json(_report_document(report))
    else:
        for line in _report_lines(report):
            context.out.line(line)
    return EXIT_DONE if report.answer is KeyAnswer.VALID else EXIT_NO


def _report_document(report: KeyReport) -> dict[str, Any]:
    key = report.key
    return {
        "answer": report.answer.value,
        "reason": report.reason,
        "allowed": sorted(report.allowed),
        "owner": report.owner_email or None,
        "key": None if key is None else _document(key, report.at),
    }


def _report_lines(report: KeyReport) -> Sequence[str]:
    lines = [f"{report.answer.value}: {report.reason}"]
    key = report.key
    if key is not None:
        lines.append(f"name: {key.name}")
        lines.append(f"owner: {report.owner_email}")
        lines.append(f"expires: {instant(key.expires_at) or 'never'}")
    if key is not None and report.answer is KeyAnswer.VALID:
        lines.append(f"may: {', '.join(sorted(report.allowed)) or 'nothing'}")
        lines.append(f"limit: {_limit_text(key)}")
    return lines


def _limit_text(key: ApiKey) -> str:
    if key.custom_limit is None:
        return key.tier.value
    return f"{key.custom_limit.requests:,} in {key.custom_limit.window_s:,} s"


def _show_once(context: CliContext, made: MadeKey, more: dict[str, Any]) -> None:
    if context.out.json_wanted:
        context.out.json({"id": made.key.id, "key": made.key_secret, **_document(made.key), **more})
    else:
        context.out.line(made.key_secret)
    context.out.say("Keep it now: nobody can show this key again.")


def _chosen(args: argparse.Namespace, draft: KeyDraft) -> KeyDraft:
    """``draft`` with what the options say."""
    if args.permissions is not None:
        draft = replace(draft, permissions=frozenset(map(KeyPermission, args.permissions)))
    if args.tier is not None:
        draft = replace(draft, tier=KeyTier(args.tier))
    if args.custom_limit is not None:
        draft = replace(draft, custom_limit=_read_limit(args.custom_limit))
    if args.expires is not None:
        end = None if args.expires == "never" else _read_end(args.expires)
        draft = replace(draft, expires_at=end)
    return draft


def _read_limit(text: str) -> RateLimit | None:
    if text == "none":
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    return read_limit(document)


def _read_end(text: str) -> datetime:
    """An instant; a day counts to its end in UTC."""
    span = _DURATION.fullmatch(text)
    if span is not None:
        number = int(span[1])
        return datetime.now(UTC) + timedelta(
            hours=number if span[2] == "h" else 0, days=number if span[2] == "d" else 0
        )
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            "expires",
            "--expires {text} is no date.",
            hint="Write 2026-12-31, 2026-12-31T12:00:00+01:00, 24h, 90d or never.",
            text=text,
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    is_day = len(text) <= len("2026-12-31")
    try:
        return at + timedelta(days=1) - timedelta(seconds=1) if is_day else at.astimezone(UTC)
    except OverflowError:
        raise InputError("expires", "--expires {text} is too far away.", text=text) from None


def _document(key: ApiKey, now: datetime | None = None) -> dict[str, Any]:
    """The key as JSON; ``now`` adds where it is in its life."""
    limit = key.limit
    document = {
        "id": key.id,
        "key_prefix": key.prefix,
        "name": key.name,
        "environment": key.environment.value,
        "permissions": sorted(key.permissions),
        "tier": key.tier.value,
        "custom_limit": None if key.custom_limit is None else key.custom_limit.as_document(),
        "limit": limit.as_document(),
        "expires_at": instant(key.expires_at),
        "last_used_at": instant(key.last_used_at),
        "last_used_ip": key.last_used_from or None,
        "usage_count": key.usage_count,
        "active": key.is_active,
        "legacy": key.legacy,
        "replaces": key.predecessor_id or None,
        "replaced_by": key.successor_id or None,
        "created_at": instant(key.created_at),
    }
    return document if now is None else {**document, "state": key.state_at(now).value}
