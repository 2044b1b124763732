"""Saved searches on SQLite, MariaDB and MySQL, through their service."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from altus4_desktop.domain.accounts import Actor, Role, User
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.errors import AccessError, ConflictError, InputError, NotFoundError
from altus4_desktop.domain.saved_searches import (
    MOST_LISTED_CHARS,
    MOST_SEEN,
    SavedScope,
    SavedSearchDraft,
    Sighting,
)
from altus4_desktop.domain.search_drafts import MAX_QUERY_LENGTH
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services import saved_searches
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.saved_searches import SavedSearchesService
from altus4_desktop.storage.store import Store
from tests.records import a_user
from tests.stores import StorePlace

EVERYTHING = SavedSearchDraft(
    name="Größe & <b>",
    query='+"großer Stein" 検索 \\ %',
    folder="Arbeit/Q1",
    mode=SearchMode.BOOLEAN,
    order="title",
    language="de",
    scope=SavedScope({"c1": "Shop · 製品"}, {"c1": ("a`b", "ü")}),
    filters={"columns": [{"name": "price", "above": 1.5}], "source": None},
    is_shared=True,
    shortcut=3,
    alerts=True,
)


@pytest.fixture
def service(shared_store: Store) -> SavedSearchesService:
    metadata = cast("MetadataService", SimpleNamespace(store=shared_store))
    return SavedSearchesService(metadata, Permissions(metadata))


def person(store: Store, role: Role = Role.USER) -> Actor:
    user: User = store.users.create_(a_user(role=role), "hash")
    return user.as_actor()


def test_everything_comes_back(shared_store: Store, service: SavedSearchesService) -> None:
    ann = person(shared_store)
    made = service.create_(ann, EVERYTHING)
    assert made.draft == EVERYTHING
    assert (made.user_id, made.owner, made.seen) == (ann.user_id, ann.name, None)
    assert service.get_(ann, made.id) == made
    [entry] = service.list_(ann)
    assert (entry.id, entry.user_id, entry.owner) == (made.id, ann.user_id, ann.name)
    assert (entry.name, entry.folder, entry.query) == ("Größe & <b>", "Arbeit/Q1", EVERYTHING.query)
    assert (entry.mode, entry.is_shared, entry.shortcut) == (SearchMode.BOOLEAN, True, 3)
    assert (entry.alerts, entry.updated_at) == (True, made.updated_at)
    plain = service.create_(ann, SavedSearchDraft(" Words ", "x" * MAX_QUERY_LENGTH, " a / / b "))
    assert (plain.draft.name, plain.draft.folder) == ("Words", "a/b")
    assert len(plain.draft.query) == MAX_QUERY_LENGTH
    assert [s.id for s in service.list_(ann)] == [plain.id, made.id]


def test_others_see_what_is_shared_and_change_nothing(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann, bob, admin = (person(shared_store), person(shared_store), person(shared_store, Role.ADMIN))
    shared = service.create_(ann, EVERYTHING)
    private = service.create_(ann, replace(EVERYTHING, is_shared=False, shortcut=None))
    assert [s.id for s in service.list_(bob)] == [shared.id]
    assert [s.id for s in service.list_(admin)] == [shared.id]
    for somebody in (bob, admin):
        with pytest.raises(AccessError) as caught:
            service.update_(somebody, shared, replace(EVERYTHING, name="Mine"))
        assert caught.value.code == "saved_search.not_yours"
        with pytest.raises(AccessError):
            service.mark_seen_(somebody, shared.id, Sighting(("x",)))
        with pytest.raises(NotFoundError):
            service.get_(somebody, private.id)
        with pytest.raises(NotFoundError):
            service.delete_(somebody, [private.id])
    with pytest.raises(AccessError):
        service.delete_(bob, [shared.id])
    assert service.delete_(admin, [shared.id]) == [shared]
    assert [s.id for s in service.list_(ann)] == [private.id]


def test_what_is_listed_is_bounded(
    shared_store: Store, service: SavedSearchesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_searches, "MOST_SHARED", 2)
    ann, bob = person(shared_store), person(shared_store)
    for actor in (ann, bob):
        for name in ("a", "b", "c"):
            draft = replace(EVERYTHING, name=name, query="ü" * MAX_QUERY_LENGTH, shortcut=None)
            service.create_(actor, draft)
    listed = service.list_(ann)
    assert sum(entry.user_id == ann.user_id for entry in listed) == 3, "one's own are all there"
    assert sum(entry.user_id == bob.user_id for entry in listed) == 2
    assert {entry.query for entry in listed} == {"ü" * MOST_LISTED_CHARS}


def test_one_search_has_a_shortcut(shared_store: Store, service: SavedSearchesService) -> None:
    ann, bob = person(shared_store), person(shared_store)
    first = service.create_(ann, EVERYTHING)
    other = service.create_(bob, EVERYTHING)
    second = service.create_(ann, replace(EVERYTHING, name="Second"))
    assert service.get_(ann, first.id).draft.shortcut is None
    service.update_(ann, service.get_(ann, first.id), replace(EVERYTHING, shortcut=3))
    assert service.get_(ann, second.id).draft.shortcut is None
    assert service.get_(bob, other.id).draft.shortcut == 3


def test_whose_shortcut_is_taken_has_been_changed(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann = person(shared_store)
    first = service.create_(ann, replace(EVERYTHING, name="First"))
    second = service.create_(ann, replace(EVERYTHING, name="Second"))
    lost = service.get_(ann, first.id)
    assert lost.updated_at is not None
    assert first.updated_at is not None
    assert lost.updated_at > first.updated_at
    with pytest.raises(ConflictError) as caught:
        service.update_(ann, first, EVERYTHING)
    assert caught.value.code == "saved_search.changed"
    service.update_(ann, lost, replace(lost.draft, shortcut=3))
    found = [
        one.event
        for one in shared_store.audit.list_(AuditQuery(), before_sequence=None, limit=20)
        if one.event.subject_id in (first.id, second.id)
    ]
    found.reverse()
    assert [(event.action, event.subject_name) for event in found] == [
        ("saved_search.created", "First"),
        ("saved_search.created", "Second"),
        ("saved_search.changed", "First"),
        ("saved_search.changed", "First"),
        ("saved_search.changed", "Second"),
    ]
    for event in (found[2], found[4]):
        assert event.details["before"]["shortcut"] == 3
        assert event.details["after"]["shortcut"] is None


def test_a_change_that_crosses_another_is_refused(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann = person(shared_store)
    made = service.create_(ann, EVERYTHING)
    changed = service.update_(ann, made, replace(EVERYTHING, name="Other"))
    with pytest.raises(ConflictError) as caught:
        service.update_(ann, made, replace(EVERYTHING, name="Third"))
    assert caught.value.code == "saved_search.changed"
    assert service.get_(ann, made.id) == changed


def test_what_was_seen_is_kept_until_something_else_is_asked(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann = person(shared_store)
    made = service.create_(ann, EVERYTHING)
    rows = tuple(f"{n:016x}" for n in range(MOST_SEEN))
    sighting = Sighting(rows, has_more=True, at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    service.mark_seen_(ann, made.id, sighting)
    seen = service.get_(ann, made.id)
    assert seen.seen == sighting
    assert seen.updated_at == made.updated_at, "looking changes nothing"
    renamed = service.update_(ann, seen, replace(EVERYTHING, name="Renamed", filters={}))
    assert renamed.seen is None, "other filters find other rows"
    service.mark_seen_(ann, made.id, sighting)
    again = service.update_(ann, renamed, replace(renamed.draft, name="Again"))
    assert again.seen == sighting


def test_a_folder_moves_with_all_that_is_in_it(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann, bob = person(shared_store), person(shared_store)
    for name, folder in (("one", "work"), ("two", "work/a"), ("three", "works"), ("four", "")):
        service.create_(ann, SavedSearchDraft(name, "word", folder))
    service.create_(bob, SavedSearchDraft("five", "word", "work", is_shared=True))
    assert service.move_folder_(ann, "work", "old/work") == 2
    folders = {s.name: s.folder for s in service.list_(ann)}
    assert folders == {
        "one": "old/work",
        "two": "old/work/a",
        "three": "works",
        "four": "",
        "five": "work",
    }
    assert service.move_folder_(ann, "nowhere", "x") == 0


def test_who_did_what_is_written_down_without_the_query(
    shared_store: Store, service: SavedSearchesService
) -> None:
    ann = person(shared_store)
    made = service.create_(ann, replace(EVERYTHING, query="a private matter"))
    service.update_(ann, made, replace(EVERYTHING, name="Other", query="a private matter"))
    service.delete_(ann, [made.id])
    found = [
        one.event
        for one in shared_store.audit.list_(AuditQuery(), before_sequence=None, limit=20)
        if one.event.subject_id == made.id
    ]
    assert [event.action for event in found] == [
        "saved_search.deleted",
        "saved_search.changed",
        "saved_search.created",
    ]
    assert "private" not in repr(found)
    assert found[1].details["before"]["name"] == EVERYTHING.name
    assert found[1].details["after"]["name"] == "Other"


def test_they_go_with_their_owner(
    shared_place: StorePlace, shared_store: Store, service: SavedSearchesService
) -> None:
    ann, bob = person(shared_store), person(shared_store)
    service.create_(ann, EVERYTHING)
    shared_place.query(f"DELETE FROM users WHERE id = '{ann.user_id}'")
    assert service.list_(bob) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"query": " "}, "query"),
        ({"query": "x" * (MAX_QUERY_LENGTH + 1)}, "query"),
        ({"query": "\ud800"}, "query"),
        ({"folder": "/".join("abcdefghi")}, "folder"),
        ({"folder": "x" * 501}, "folder"),
        ({"folder": "a\nb"}, "folder"),
        ({"language": "x" * 17}, "language"),
        ({"shortcut": 0}, "shortcut"),
        ({"shortcut": 10}, "shortcut"),
        ({"filters": {"x": "y" * 70_000}}, "scope"),
    ],
)
def test_what_cannot_be_kept_is_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        saved_searches.check_saved(replace(EVERYTHING, **changes))  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.field == field


def test_there_is_a_bound_for_all_who_save_at_once(
    shared_store: Store, service: SavedSearchesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_searches, "MOST_SAVED", 2)
    ann = person(shared_store)
    gate = threading.Barrier(6)

    def save(number: int) -> str:
        gate.wait(10)
        try:
            service.create_(ann, replace(EVERYTHING, name=f"{number}", shortcut=None))
        except ConflictError as error:
            return error.code
        return "saved"

    with ThreadPoolExecutor(6) as threads:
        ended = Counter(threads.map(save, range(6)))
    assert ended == {"saved": 2, "saved_search.too_many": 4}


def test_there_is_a_bound(
    shared_store: Store, service: SavedSearchesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_searches, "MOST_SAVED", 1)
    ann = person(shared_store)
    service.create_(ann, EVERYTHING)
    with pytest.raises(ConflictError) as caught:
        service.create_(ann, EVERYTHING)
    assert caught.value.code == "saved_search.too_many"
