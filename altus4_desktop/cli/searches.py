"""``searches``: what is saved, and how ``search --saved`` finds it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO, command
from altus4_desktop.cli.output import instant
from altus4_desktop.domain.errors import InputError, NotFoundError
from altus4_desktop.domain.filtering import Narrowing
from altus4_desktop.domain.saved_searches import FoundScope, SavedSearch, SavedSearchEntry

if TYPE_CHECKING:
    from altus4_desktop.cli.context import CliContext
    from altus4_desktop.cli.frame import Commands
    from altus4_desktop.domain.accounts import Actor


def register(commands: Commands) -> None:
    """Add ``searches`` with ``list``."""
    group = command(commands, "searches", help="saved searches")
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = command(actions, "list", help="your own saved searches and the shared ones")
    listing.set_defaults(run=_list)


def find_saved(context: CliContext, actor: Actor, name: str) -> SavedSearch:
    """The saved search with this path (“folder/name”), name or id; one's own come first.

    Raises NotFoundError, and InputError (saved) for a name that several have.
    """
    known = context.services.saved_searches.list_(actor)
    own = [saved for saved in known if saved.user_id == actor.user_id]
    for among in (own, known):
        found = [s for s in among if name in (s.id, _path(s))] or [
            s for s in among if name == s.name
        ]
        if len(found) == 1:
            return context.services.saved_searches.get_(actor, found[0].id)
        if found:
            raise InputError(
                "saved",
                "Several saved searches are called “{name}”: {paths}.",
                hint="Give one with its folder, or its id (“searches list”).",
                name=name,
                paths=", ".join(_path(saved) for saved in found),
            )
    raise NotFoundError(
        "There is no saved search “{name}”.",
        hint="“searches list” names them.",
        details={"name": name},
    )


def find_scope(context: CliContext, actor: Actor, saved: SavedSearch) -> FoundScope:
    """Where a saved search looks now; says what is gone, and raises InputError when all is."""
    own = [c for c in context.services.connections.list_(actor) if c.user_id == actor.user_id]
    found = saved.draft.scope.among({c.id: c.name for c in own if c.is_active})
    if found.missing and not found.connection_ids:
        raise InputError(
            "saved",
            "None of the connections of “{name}” is there: {missing}.",
            hint="Open it in the window and choose others.",
            name=saved.draft.name,
            missing=", ".join(found.missing),
        )
    if found.missing:
        context.out.say(f"Left out, because they are not there: {', '.join(found.missing)}.")
    return found


def saved_narrowing(context: CliContext, actor: Actor, saved: SavedSearch) -> Narrowing:
    """Which rows a saved search leaves out, and by what it orders the rest."""
    kept = Narrowing.from_document(saved.draft.filters)
    return kept.among({c.id for c in context.services.connections.list_(actor)})


def _list(args: argparse.Namespace, context: CliContext) -> int:
    actor = context.actor()
    found = context.services.saved_searches.list_(actor)
    if args.json:
        documents = [
            _document(context.services.saved_searches.get_(actor, saved.id)) for saved in found
        ]
        context.out.json({"searches": documents})
    else:
        context.out.table(
            ["NAME", "MODE", "QUERY", "SHARED BY", "ID"],
            [
                (
                    _path(saved),
                    saved.mode.value,
                    saved.query[:60],
                    saved.owner if saved.is_shared else "",
                    saved.id,
                )
                for saved in found
            ],
        )
    return EXIT_DONE if found else EXIT_NO


def _path(saved: SavedSearchEntry) -> str:
    return "/".join(filter(None, (saved.folder, saved.name)))


def _document(saved: SavedSearch) -> dict[str, Any]:
    draft = saved.draft
    return {
        "id": saved.id,
        "name": draft.name,
        "folder": draft.folder,
        "query": draft.query,
        "mode": draft.mode.value,
        "language": draft.language,
        "scope": draft.scope.as_document(),
        "filters": dict(draft.filters),
        "shared": draft.is_shared,
        "owner": saved.owner,
        "user_id": saved.user_id,
        "shortcut": draft.shortcut,
        "alerts": draft.alerts,
        "created_at": instant(saved.created_at),
        "updated_at": instant(saved.updated_at),
    }
