"""Who is acting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from altus4_desktop.domain.keys import KeyPermission
from altus4_desktop.domain.languages import LANGUAGE_NAMES
from altus4_desktop.domain.searching import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    SearchMode,
    SourceWeight,
)

PAGE_SIZES = (20, 50, 100, 200, 500)
"""How many hits a page of the search pane may have."""
MAX_HISTORY_DAYS = 3650
_PREFERENCES = frozenset(
    {
        "search_mode",
        "page_size",
        "synonyms",
        "weights",
        "languages",
        "history",
        "history_days",
    }
)

MAX_SYNONYM_GROUPS = 200
MAX_SYNONYMS = 10
"""How many terms a group of synonyms may have."""
MAX_SYNONYM_CHARS = 60
MAX_WEIGHTS = 200
MAX_LANGUAGES = 200
"""Of how many connections the language is kept."""

# Nobody can have this address: “invalid” is no domain.
DEMO_EMAIL = "demo@altus4.invalid"


class Role(StrEnum):
    """What a user may see: their own rows, or everything."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the search pane begins with (None: as it was left the last time), the groups of terms
    that mean the same to this person, how much the places they search count, the languages
    (ISO 639-1) of the texts of connections, by their id, whether searches are kept in the history,
    and for how many days (None: for good)."""

    search_mode: SearchMode | None = None
    page_size: int | None = None
    synonyms: tuple[tuple[str, ...], ...] = ()
    weights: tuple[SourceWeight, ...] = ()
    languages: tuple[tuple[str, str], ...] = ()
    keeps_history: bool = True
    history_days: int | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Preferences:
        """Those that are known; another program may have written others."""
        mode, size = document.get("search_mode"), document.get("page_size")
        days = document.get("history_days")
        return cls(
            SearchMode(mode) if isinstance(mode, str) and mode in {*SearchMode} else None,
            size if size in PAGE_SIZES else None,
            tuple(_synonyms(document.get("synonyms"))),
            tuple(_weights(document.get("weights"))),
            tuple(_languages(document.get("languages"))),
            document.get("history") is not False,
            days if type(days) is int and 0 < days <= MAX_HISTORY_DAYS else None,
        )

    def added_to(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """``document`` with these, and with all that is none of ours."""
        kept = {key: value for key, value in document.items() if key not in _PREFERENCES}
        if self.search_mode is not None:
            kept["search_mode"] = self.search_mode.value
        if self.page_size is not None:
            kept["page_size"] = self.page_size
        if self.synonyms:
            kept["synonyms"] = [list(terms) for terms in self.synonyms]
        if self.weights:
            kept["weights"] = [_weight_document(weight) for weight in self.weights]
        if self.languages:
            kept["languages"] = dict(self.languages)
        if not self.keeps_history:
            kept["history"] = False
        if self.history_days is not None:
            kept["history_days"] = self.history_days
        return kept


def _synonyms(found: object) -> Iterator[tuple[str, ...]]:
    """The groups in a document that may be anything."""
    for group in found[:MAX_SYNONYM_GROUPS] if isinstance(found, list) else ():
        if not isinstance(group, list):
            continue
        terms = [t for t in group if isinstance(t, str) and 0 < len(t) <= MAX_SYNONYM_CHARS]
        if len(terms) > 1:
            yield tuple(terms[:MAX_SYNONYMS])


def _weights(found: object) -> Iterator[SourceWeight]:
    """The weights in a document that may be anything, one for a place."""
    seen = set()
    for one in found[:MAX_WEIGHTS] if isinstance(found, list) else ():
        if not isinstance(one, dict):
            continue
        connection_id, number = one.get("connection"), one.get("weight")
        table, column = one.get("table", ""), one.get("column", "")
        if not isinstance(connection_id, str) or not isinstance(number, int | float):
            continue
        if not isinstance(table, str) or not isinstance(column, str):
            continue
        if not LEAST_WEIGHT <= number <= MOST_WEIGHT or number == 1:
            continue
        weight = SourceWeight(connection_id, table, column, float(number))
        if weight.is_place and weight.place not in seen:
            seen.add(weight.place)
            yield weight


def _languages(found: object) -> Iterator[tuple[str, str]]:
    """The languages in a document that may be anything, those that are known."""
    if isinstance(found, dict):
        for connection_id, code in list(found.items())[:MAX_LANGUAGES]:
            if isinstance(code, str) and code in LANGUAGE_NAMES:
                yield str(connection_id), code


def _weight_document(weight: SourceWeight) -> dict[str, Any]:
    document: dict[str, Any] = {"connection": weight.connection_id, "weight": weight.weight}
    names = {"table": weight.table, "column": weight.column}
    return document | {key: name for key, name in names.items() if name}


@dataclass(frozen=True, slots=True)
class Actor:
    """The user on whose behalf a service acts.

    ``key_permissions`` is None for somebody who signed in in person; otherwise they act by the API
    key ``api_key_id`` and may do only what it allows. ``must_change_password``: their password is a
    temporary one, and choosing another is all they may do. ``timezone`` is the one they want to see
    times in; empty: the computer's.
    """

    user_id: str
    email: str
    name: str
    role: Role
    is_demo: bool = False
    api_key_id: str = ""
    key_permissions: frozenset[KeyPermission] | None = None
    must_change_password: bool = False
    timezone: str = ""
    choices: Preferences = Preferences()


@dataclass(frozen=True, slots=True)
class User:
    """A row of ``users`` without its password hash, and what is remembered of the account.

    ``last_active_at``: signed in, or searched.
    """

    id: str
    name: str
    email: str
    role: Role
    preferences: Mapping[str, Any] = field(default_factory=dict)
    timezone: str = "UTC"
    created_at: datetime | None = None
    updated_at: datetime | None = None
    must_change_password: bool = False
    last_active_at: datetime | None = None

    @property
    def is_demo(self) -> bool:
        """Whether the demo made this account."""
        return bool(self.preferences.get("demo"))

    @property
    def choices(self) -> Preferences:
        """What they prefer."""
        return Preferences.read(self.preferences)

    def as_actor(self) -> Actor:
        """This user as the one who acts."""
        return Actor(
            self.id,
            self.email,
            self.name,
            self.role,
            self.is_demo,
            must_change_password=self.must_change_password,
            timezone=self.timezone,
            choices=self.choices,
        )


@dataclass(frozen=True, slots=True)
class UserDraft:
    """What a person's profile says, as entered."""

    name: str
    email: str
    timezone: str = "UTC"
    choices: Preferences = Preferences()

    @classmethod
    def of(cls, user: User) -> UserDraft:
        """What it says now."""
        return cls(user.name, user.email, user.timezone, user.choices)


@dataclass(frozen=True, slots=True)
class UserSummary:
    """An account in the list of all: ``keys`` counts those that are active."""

    user: User
    keys: int = 0
    connections: int = 0
    searches: int = 0


class UserSort(StrEnum):
    """What the list of accounts is ordered by."""

    NAME = "name"
    EMAIL = "email"
    ROLE = "role"
    CREATED = "created"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which accounts: ``text`` is somewhere in the name or the address."""

    text: str = ""
    role: Role | None = None
    sort: UserSort = UserSort.NAME
    descending: bool = False


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some of the accounts a query finds, and how many it finds in all."""

    users: tuple[UserSummary, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Belongings:
    """What goes along when an account is deleted; of the names only the first few.

    ``keys_in_use``: those of the keys that work and were used within the last seven days.
    """

    keys: int = 0
    key_names: tuple[str, ...] = ()
    keys_in_use: int = 0
    connections: int = 0
    connection_names: tuple[str, ...] = ()
    saved_searches: int = 0
    searches: int = 0
    query_sets: int = 0
    query_set_names: tuple[str, ...] = ()
    is_last_admin: bool = False
