"""What reads the history for its pane."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import AccessError, NotFoundError
from altus4_desktop.domain.history import HistoryLook, HistoryQuery
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services import Services
from altus4_desktop.tasks.runner import TaskContext
from altus4_desktop.ui.panes.account_box import OFFERED
from altus4_desktop.ui.panes.paged_pane import Page, Reading

_PAGE = 200
_NEWS_S = 0.1


@dataclass(frozen=True)
class HistoryPage(Page[SearchRecord]):
    """``offered``: the first accounts; ``people``: those, and whose searches these are."""

    connections: Mapping[str, str] | None = None
    offered: Mapping[str, str] | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    key_name: str = ""


def first_reading(
    services: Services, actor: Actor, question: HistoryQuery, count: int, *, anew: bool
) -> Reading[SearchRecord]:
    """What reads the newest searches, and what connections and people are called."""

    def read(context: TaskContext) -> HistoryPage:
        connections: Mapping[str, str] | None = None
        offered: Mapping[str, str] | None = None
        key_name = ""
        if anew:
            connections = {item.id: item.name for item in services.connections.list_(actor)}
            offered = {}
            if actor.role is Role.ADMIN:
                offered = services.accounts.list_addresses(actor, limit=OFFERED)
            if question.key_id:
                with suppress(NotFoundError, AccessError):
                    key_name = services.keys.get_(actor, question.key_id).name
        known = offered or {}

        def build(records: Sequence[SearchRecord], back_to: datetime | None) -> HistoryPage:
            nonlocal known
            known = _addresses(services, actor, records, known, question.user_id)
            return HistoryPage(
                records[:count],
                len(records) > count,
                connections,
                offered,
                known,
                key_name,
                back_to=back_to,
            )

        looked = _telling(context, build)
        found = services.history.page_(actor, question, limit=count + 1, looked=looked)
        return build(found, None)

    return read


def next_reading(
    services: Services,
    actor: Actor,
    question: HistoryQuery,
    last: SearchRecord,
    known: Mapping[str, str],
) -> Reading[SearchRecord]:
    """What reads the searches before ``last``."""

    def build(records: Sequence[SearchRecord], back_to: datetime | None) -> HistoryPage:
        people = _addresses(services, actor, records, known, "")
        more = len(records) > _PAGE
        return HistoryPage(records[:_PAGE], more, people=people, back_to=back_to)

    def read(context: TaskContext) -> HistoryPage:
        looked = _telling(context, build)
        found = services.history.page_(actor, question, after=last, limit=_PAGE + 1, looked=looked)
        return build(found, None)

    return read


def _telling(
    context: TaskContext, build: Callable[[Sequence[SearchRecord], datetime], HistoryPage]
) -> Callable[[HistoryLook], None]:
    """What hands over what was found so far, now and then, while somebody waits for it."""
    due = 0.0

    def look(found: HistoryLook) -> None:
        nonlocal due
        context.token.raise_if_cancelled()
        if time.monotonic() >= due:
            due = time.monotonic() + _NEWS_S
            context.update(build(found.records, found.back_to))

    return look


def _addresses(
    services: Services,
    actor: Actor,
    records: Sequence[SearchRecord],
    known: Mapping[str, str],
    asked: str,
) -> Mapping[str, str]:
    """The addresses of those who searched, and of whom is asked for, beside those that are known;
    for an admin."""
    wanted = {record.user_id for record in records} | {asked} - {""}
    missing = wanted - known.keys()
    if actor.role is not Role.ADMIN or not missing:
        return known
    found = services.accounts.list_addresses(actor, user_ids=missing, limit=len(missing))
    return {**known, **found}
