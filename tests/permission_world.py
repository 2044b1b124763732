"""The store on which the permission table is tried out, and who calls there."""

from __future__ import annotations

import shutil
import socket
import uuid
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor, Role, User
from altus4_desktop.domain.audit import AuditFault, FaultKind
from altus4_desktop.domain.connections import Connection, ConnectionDraft, TlsMode, TlsSettings
from altus4_desktop.domain.custom_metrics import (
    CustomMetric,
    CustomMetricDraft,
    MetricNotice,
    Side,
    Threshold,
)
from altus4_desktop.domain.keys import ApiKey, KeyDraft, KeyPermission
from altus4_desktop.domain.query_sets import (
    EvaluationRun,
    QuerySet,
    QuerySetDraft,
    SetQuery,
    SetQueryDraft,
)
from altus4_desktop.domain.saved_searches import SavedSearch, SavedSearchDraft
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.services import Services
from altus4_desktop.vault.passwords import hash_password
from tests.records import a_search, a_user

COLUMNS = (
    "nobody",
    "own",
    "another",
    "admin",
    "demo",
    "interim",
    "part-key",
    "read-key",
    "full-key",
)
"""Who calls, and whose rows they ask for:

- nobody: an account that is no more, with an actor that says admin; another user's rows
- own: a user; their own rows
- another: a user; another user's rows. The same whatever role the actor says they have
- admin: another user's rows. The same whatever role the actor says they have
- demo: the demo's account while it is an admin; another user's rows
- interim: a user whose password an admin has just made up; their own rows
- part-key: a user's API key with the permission analytics alone; their own rows
- read-key: an admin's API key with search and analytics; another user's rows
- full-key: an admin's API key with every permission; another user's rows
"""
PASSPHRASE = "a passphrase for the vault"
PASSWORD = "a password for everybody"
PASSWORD_HASH = hash_password(PASSWORD, 4)


class UnseenError(Exception):
    """The answer leaves out what was looked for."""


@dataclass(frozen=True)
class Person:
    """A user with one row of everything."""

    user: User
    connection: Connection
    key: ApiKey
    search: SearchRecord
    saved: SavedSearch
    query_set: QuerySet
    set_query: SetQuery
    run: EvaluationRun
    metric: CustomMetric

    @property
    def actor(self) -> Actor:
        """The person, signed in with their password."""
        return self.user.as_actor()


class Cast:
    """A store in ``folder`` to be copied, and who calls in each column of the table, whose rows
    they ask for: somebody else's in each, so that what one does is nothing to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Bound and not listening: whoever knocks is refused, and nobody else takes the number.
        self._port = socket.socket()
        self._port.bind(("127.0.0.1", 0))
        with closing(compose(folder)) as services:
            services.metadata.open_()
            services.vault.set_up_passphrase(PASSPHRASE)
            self._admin = self._a_person(services, Role.ADMIN)
            self.callers = {
                column: self._caller(services, column) for column in (*COLUMNS, "user-key")
            }
            whole = services.audit.verify_(self._admin.actor)
        fault = AuditFault(FaultKind.REWRITTEN, 1, 1)
        # What an admin may accept: whole in itself, and not what was seen here before.
        self.verdict = replace(whole, faults=(fault,), fault_count=1)

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def draft(self) -> ConnectionDraft:
        """A connection to a port where nobody answers."""
        return ConnectionDraft(
            name=f"Shop {uuid.uuid4()}",
            host="127.0.0.1",
            port=self._port.getsockname()[1],
            database=f"shop_{uuid.uuid4()}",
            username="altus4_search",
            password_secret="a password of the tenant",
            tls=TlsSettings(TlsMode.REQUIRED),
        )

    def _a_person(self, services: Services, role: Role = Role.USER, **changes: Any) -> Person:
        user = services.metadata.store.users.create_(a_user(role=role, **changes), PASSWORD_HASH)
        actor = user.as_actor()
        connection = services.connections.create_(actor, self.draft())
        search = a_search(user, f"a search of {user.id}")
        services.metadata.store.searches.add_(search)
        key = services.keys.create_(actor, a_key_draft()).key
        saved = services.saved_searches.create_(actor, SavedSearchDraft("Mine", "word"))
        sets = services.query_sets
        query_set = sets.create_(actor, QuerySetDraft("Mine"))
        sets.add_queries_(actor, query_set.id, [SetQueryDraft("word")])
        (query,) = sets.list_queries_(actor, query_set.id).queries
        measured = services.evaluation.measure([query.as_judged()], {}, {query.draft.name: ()})
        run = sets.keep_run_(actor, query_set.id, [measured])
        metric = services.custom_metrics.create_(actor, CustomMetricDraft("Mine"))
        services.metadata.store.custom_metrics.tell_(
            [MetricNotice(metric.id, "Mine", date(2026, 3, 1), 2, Threshold(Side.ABOVE, 1))]
        )
        return Person(user, connection, key, search, saved, query_set, query, run, metric)

    def _caller(self, services: Services, column: str) -> tuple[Actor, Person]:
        whose = self._a_person(services)

        def by_key(person: Person, *may: KeyPermission) -> Actor:
            draft = replace(a_key_draft(), permissions=frozenset(may))
            key = services.keys.create_(self._admin.actor, draft).key
            return replace(person.actor, api_key_id=key.id, key_permissions=frozenset(may))

        match column:
            case "nobody":
                actor = a_user(role=Role.ADMIN).as_actor()
            case "own":
                actor = whose.actor
            case "another":
                actor = self._a_person(services).actor
            case "admin":
                actor = self._admin.actor
            case "demo":
                actor = self._a_person(services, Role.ADMIN, preferences={"demo": True}).actor
            case "interim":
                actor = whose.actor
                store = services.metadata.store
                store.users.update_password_hash(whose.user.id, PASSWORD_HASH, temporary=True)
            case "part-key":
                actor = by_key(whose, KeyPermission.ANALYTICS)
            case "read-key":
                actor = by_key(self._admin, KeyPermission.ANALYTICS, KeyPermission.SEARCH)
            case "user-key":
                actor = by_key(self._a_person(services), *KeyPermission)
            case _:
                actor = by_key(self._admin, *KeyPermission)
        return actor, whose


class World:
    """A store of its own for one test, with everybody of `Cast` in it."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        shutil.copytree(cast.folder, folder)
        self.folder = folder
        self.cast = cast
        self.services = compose(folder)
        self.services.metadata.open_()
        self.services.vault.unlock(PASSPHRASE)

    def close(self) -> None:
        """Let go of the store."""
        self.services.close()


def a_key_draft() -> KeyDraft:
    """A key that every user may make, with a name of its own."""
    return KeyDraft(f"Reports {uuid.uuid4()}")
