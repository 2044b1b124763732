"""Past searches run again: where, by what, and what of that is no longer so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from altus4_desktop.domain.accounts import Preferences
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.history import asked_connections, request_of
from altus4_desktop.domain.searching import Expansion, SearchMode, SearchRecord, SearchRequest
from altus4_desktop.search.synonyms import expand, used_groups

SETTINGS = "settings"
"""Under which name they are kept in the params of a search."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """A past search to be run again.

    ``request`` has the synonyms, weights and languages that it ran with, or, where those are not
    known, none; ``others`` names those that are other than what its reader prefers now ("synonyms",
    "weights", "languages"). ``unknown``: they were not noted, and the reader has some that
    matter. ``lost``: it was run on connections that are gone.
    """

    request: SearchRequest
    others: tuple[str, ...] = ()
    unknown: bool = False
    lost: bool = False


def settings_document(
    request: SearchRequest, connection_ids: Collection[str], expansions: Sequence[Expansion]
) -> dict[str, Any]:
    """What of its reader's settings a search ran with, as far as they had to do with it, as JSON
    can hold it."""
    return _settings(request, connection_ids, expansions).added_to({})


def settings_of(record: SearchRecord) -> Preferences | None:
    """The synonyms, weights and languages that a search ran with; None when they were not noted."""
    document = record.params.get(SETTINGS)
    return Preferences.read(document) if isinstance(document, dict) else None


def build_rerun(
    record: SearchRecord, known: Mapping[str, str], preferred: Preferences
) -> Rerun | None:
    """How ``record`` is run again by who prefers ``preferred``; ``known`` are the connections that
    there are, by id with their name. None when all that it was run on are gone."""
    request = request_of(record, known)
    if request is None:
        return None
    asked = asked_connections(record, known)
    lost = any(key not in known for key in asked)
    kept = settings_of(record)
    mine = replace(
        request,
        synonyms=preferred.synonyms,
        weights=preferred.weights,
        languages=preferred.languages,
    )
    own = _settings(mine, request.connection_ids or known, _expansions(mine))
    if kept is None:
        return Rerun(request, unknown=own != Preferences(), lost=lost)
    weights = tuple(one for one in kept.weights if one.connection_id in known)
    languages = tuple(one for one in kept.languages if one[0] in known)
    then = replace(kept, weights=weights, languages=languages)
    others = tuple(
        name
        for name in ("synonyms", "weights", "languages")
        if set(getattr(then, name)) != set(getattr(own, name))
    )
    request = replace(
        request, synonyms=then.synonyms, weights=then.weights, languages=then.languages
    )
    return Rerun(request, others, lost=lost)


def _settings(
    request: SearchRequest, connection_ids: Collection[str], expansions: Sequence[Expansion]
) -> Preferences:
    """No more than had to do with the search: who has hundreds of synonyms used one or two."""
    is_semantic = request.mode is SearchMode.SEMANTIC
    return Preferences(
        synonyms=used_groups(request.synonyms, expansions),
        weights=tuple(
            one
            for one in request.weights
            if one.connection_id in connection_ids and one.weight != 1
        ),
        languages=tuple(
            one for one in request.languages if is_semantic and one[0] in connection_ids
        ),
    )


def _expansions(request: SearchRequest) -> Sequence[Expansion]:
    try:
        boolean = request.mode is SearchMode.BOOLEAN
        return expand(request.query, request.synonyms, boolean=boolean)[1]
    except InputError:
        # A query that is none says so when it is run.
        return ()
