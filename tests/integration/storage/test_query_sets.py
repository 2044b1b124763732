"""Query sets, judgements and runs on SQLite, MariaDB and MySQL, through their service."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from altus4_desktop.domain.accounts import Actor, User
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import ConflictError, InputError, NotFoundError
from altus4_desktop.domain.evaluation import (
    Configuration,
    Evaluation,
    JudgedQuery,
    QueryResult,
)
from altus4_desktop.domain.query_sets import (
    Imported,
    PastQuery,
    QuerySet,
    QuerySetDraft,
    SetQueryDraft,
)
from altus4_desktop.domain.searching import (
    SearchHit,
    SearchMode,
    SourceRef,
    SourceWeight,
    TableChoice,
    Value,
)
from altus4_desktop.services import query_sets
from altus4_desktop.services.metadata import MetadataService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.query_sets import QuerySetsService
from altus4_desktop.services.row_names import row_name
from altus4_desktop.storage.store import Store
from tests.records import a_connection, a_search, a_user
from tests.stores import StorePlace

TEXT = '+"großer Stein" 検索 \\ % ü😀'


@pytest.fixture
def service(shared_store: Store) -> QuerySetsService:
    metadata = cast("MetadataService", SimpleNamespace(store=shared_store))
    return QuerySetsService(metadata, Permissions(metadata))


@dataclasses.dataclass
class Person:
    actor: Actor
    user: User
    shop: Connection

    def hit(self, key: Value = 7, connection: Connection | None = None) -> SearchHit:
        place = connection or self.shop
        source = SourceRef(place.name, "pro/ducts", "ft", place.id)
        return SearchHit(source, {"id": key, "lang": "日本 語"}, 1.0, 1.0, 1, {})


def person(store: Store) -> Person:
    user: User = store.users.create_(a_user(), "hash")
    return Person(user.as_actor(), user, store.connections.create_(a_connection(user)))


def a_set(service: QuerySetsService, who: Person, name: str = "Größe & <b>") -> QuerySet:
    return service.create_(who.actor, QuerySetDraft(name, "What people ask, 😀"))


def test_a_set_is_made_renamed_and_deleted(shared_store: Store, service: QuerySetsService) -> None:
    ann, bob = person(shared_store), person(shared_store)
    made = a_set(service, ann)
    assert made.draft == QuerySetDraft("Größe & <b>", "What people ask, 😀")
    assert service.list_(ann.actor) == [made] == [service.get_(ann.actor, made.draft.name)]
    assert service.list_(bob.actor) == []
    with pytest.raises(ConflictError) as caught:
        a_set(service, ann)
    assert caught.value.code == "query_set.name_taken"
    assert a_set(service, bob).user_id == bob.actor.user_id
    # Names are compared exactly on every database.
    other = a_set(service, ann, "größe & <B>")
    renamed = service.update_(ann.actor, made, QuerySetDraft(" Second "))
    assert renamed.draft == QuerySetDraft("Second", "")
    with pytest.raises(ConflictError) as caught:
        service.update_(ann.actor, made, QuerySetDraft("Third"))
    assert caught.value.code == "query_set.changed"
    with pytest.raises(ConflictError) as caught:
        service.update_(ann.actor, renamed, other.draft)
    assert caught.value.code == "query_set.name_taken"
    for attempt in (service.get_, service.list_queries_, service.contents_, service.list_runs_):
        with pytest.raises(NotFoundError):
            attempt(bob.actor, made.id)
    assert service.delete_(ann.actor, [other.id]) == [other]
    assert service.list_(ann.actor) == [renamed]


def test_queries_are_numbered_found_changed_and_deleted(
    shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    drafts = [SetQueryDraft(TEXT), SetQueryDraft("two", "q-7", "a note"), SetQueryDraft(TEXT)]
    assert service.add_queries_(ann.actor, made.id, drafts) == 2
    assert service.add_queries_(ann.actor, made.id, [SetQueryDraft(f" {TEXT} ")]) == 0
    assert service.add_queries_(ann.actor, made.id, [SetQueryDraft("100 %")]) == 1
    page = service.list_queries_(ann.actor, made.id)
    assert [one.draft for one in page.queries] == [
        SetQueryDraft(TEXT, "1"),
        SetQueryDraft("two", "q-7", "a note"),
        SetQueryDraft("100 %", "2"),
    ]
    assert page.total == 3
    for text, names in (("TW", ["q-7"]), ("Q-", ["q-7"]), ("%", ["1", "2"]), ("nothing", [])):
        found = service.list_queries_(ann.actor, made.id, text=text)
        assert [one.draft.name for one in found.queries] == names
    found = service.list_queries_(ann.actor, made.id, limit=1, offset=1)
    assert ([one.draft.name for one in found.queries], found.total) == (["q-7"], 3)
    with pytest.raises(ConflictError) as caught:
        service.add_queries_(ann.actor, made.id, [SetQueryDraft("more"), SetQueryDraft("x", "2")])
    assert caught.value.code == "query_set.query_name"
    assert service.list_queries_(ann.actor, made.id).total == 3, "all or none"
    second = page.queries[1]
    changed = service.update_query_(ann.actor, second, SetQueryDraft("zwei", "", "other"))
    assert changed.draft == SetQueryDraft("zwei", "q-7", "other")
    with pytest.raises(ConflictError) as caught:
        service.update_query_(ann.actor, second, SetQueryDraft("drei"))
    assert caught.value.code == "query_set.changed"
    with pytest.raises(ConflictError) as caught:
        service.update_query_(ann.actor, changed, SetQueryDraft("zwei", "1"))
    assert caught.value.code == "query_set.query_name"
    assert service.delete_queries_(ann.actor, made.id, [second.id, "nowhere"]) == 1
    assert service.get_(ann.actor, made.id).queries == 2


def test_a_row_is_judged_again_and_withdrawn(
    shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    hit = ann.hit()
    judged = service.judge_(ann.actor, made.id, TEXT, hit, 2)
    assert (judged.grade, judged.before, judged.query.draft.name) == (2, None, "1")
    assert judged.name == row_name(hit)
    again = service.judge_(ann.actor, made.id, TEXT, hit, 0)
    assert (again.before, again.query.id) == (2, judged.query.id)
    service.judge_(ann.actor, made.id, TEXT, ann.hit(8), 3)
    assert service.grades_(ann.actor, made.id, TEXT) == {
        row_name(hit): 0,
        row_name(ann.hit(8)): 3,
    }
    assert service.grades_(ann.actor, made.id, "another") == {}
    (query,) = service.list_queries_(ann.actor, made.id).queries
    assert (query.judgements, query.relevant) == (2, 1)
    own = service.get_(ann.actor, made.id)
    assert (own.queries, own.judged, own.judgements) == (1, 1, 2)
    gone = service.judge_(ann.actor, made.id, TEXT, hit, None)
    assert (gone.grade, gone.before) == (None, 0)
    service.judge_(ann.actor, made.id, TEXT, hit, None)
    service.judge_(ann.actor, made.id, "never judged", hit, None)
    assert service.get_(ann.actor, made.id).queries == 1, "withdrawing adds no query"
    (left,) = service.list_judgements_(ann.actor, query.id)
    assert (left.grade, left.name) == (3, row_name(ann.hit(8)))


def test_a_judgement_follows_its_connection(shared_store: Store, service: QuerySetsService) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    old = row_name(ann.hit())
    service.judge_(ann.actor, made.id, TEXT, ann.hit(), 2)
    renamed = shared_store.connections.update_(replace(ann.shop, name="Laden"), None)
    new = row_name(ann.hit(connection=renamed))
    assert new.startswith("Laden/pro%2Fducts/7,")
    assert service.contents_(ann.actor, made.id).judgements == {"1": {new: 2}}
    # Somebody imports the row by its name: it is the same row.
    service.import_(ann.actor, made.id, [JudgedQuery("1", TEXT)], {"1": {new: 3}})
    assert service.contents_(ann.actor, made.id).judgements == {"1": {new: 3}}
    shared_store.connections.delete_(ann.shop.id)
    assert service.grades_(ann.actor, made.id, TEXT) == {new: 3}
    service.import_(ann.actor, made.id, [JudgedQuery("1", TEXT)], {"1": {new: 2}})
    assert service.get_(ann.actor, made.id).judgements == 1
    # Made once more, under the name that it had when it was judged last.
    second = shared_store.connections.create_(a_connection(ann.user, name="Laden"))
    judged = service.judge_(ann.actor, made.id, TEXT, ann.hit(connection=second), 1)
    assert judged.before == 2
    assert service.grades_(ann.actor, made.id, TEXT) == {new: 1}
    assert service.get_(ann.actor, made.id).judgements == 1
    assert old != new


def test_a_set_is_imported_and_comes_back_as_it_was(
    shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    queries = (JudgedQuery("q1", TEXT), JudgedQuery("q2", TEXT), JudgedQuery("q3", "third"))
    known = row_name(ann.hit())
    judgements = {
        "q1": {known: 2, "184": 0, "Nowhere/t/1": 1},
        "q2": {known: 3, "x" * 512: 1},
        "q9": {"1": 1},
    }
    done = service.import_(ann.actor, made.id, queries, judgements, {"q3": "why"})
    assert done == Imported(queries=3, known=0, judgements=5, left_out=1)
    contents = service.contents_(ann.actor, made.id)
    assert contents.queries == queries
    assert contents.judgements == {"q1": judgements["q1"], "q2": judgements["q2"]}
    assert contents.notes == {"q3": "why"}
    again = service.import_(
        ann.actor, made.id, [queries[0], JudgedQuery("q4", "new")], {"q1": {"184": -2, "185": 3}}
    )
    assert again == Imported(queries=1, known=1, judgements=2, left_out=0)
    assert service.contents_(ann.actor, made.id).judgements["q1"] == {
        known: 2,
        "184": 0,
        "185": 3,
        "Nowhere/t/1": 1,
    }
    with pytest.raises(ConflictError) as caught:
        service.import_(ann.actor, made.id, [JudgedQuery("q3", "other")], {})
    assert caught.value.code == "query_set.other_query"
    with pytest.raises(InputError) as refused:
        service.import_(ann.actor, made.id, queries, {"q1": {"1": 4}})
    assert refused.value.field == "qrels"


def test_who_judges_at_once_adds_the_query_once(
    shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def judge(key: int) -> None:
        together.wait(30)
        try:
            service.judge_(ann.actor, made.id, TEXT, ann.hit(key), key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=judge, args=(key,)) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    own = service.get_(ann.actor, made.id)
    assert (own.queries, own.judgements) == (1, 4)


def an_evaluation(mode: SearchMode) -> Evaluation:
    asked = Configuration(
        mode=mode,
        connection_ids=("c1", "c2"),
        tables=(TableChoice("a`b", "c1", "ft"), TableChoice("ü")),
        limit=50,
        timeout_s=2.5,
        id_column="code",
        weights=(SourceWeight("c1", "a`b", "x", 2.5),),
        language="de",
        synonyms=(("a", "b"), ("c", "d")),
    )
    results = tuple(
        QueryResult(
            JudgedQuery(f"q{number}", TEXT),
            tuple(f"Shop/t/{row}" for row in range(number)),
            number / 7,
            number / 10,
            1 / (number + 1),
            number > 0,
            "“Shop” did not answer." if number == 2 else "",
        )
        for number in range(4)
    )
    return Evaluation(asked, results, 0.123456789, 0.1, 1 / 3, 0.25, 3, 1)


def test_runs_are_kept(shared_store: Store, service: QuerySetsService) -> None:
    ann, bob = person(shared_store), person(shared_store)
    made = a_set(service, ann)
    pair = (an_evaluation(SearchMode.NATURAL), an_evaluation(SearchMode.SEMANTIC))
    kept = service.keep_run_(ann.actor, made.id, pair)
    assert (kept.evaluations, kept.queries) == (pair, 4)
    assert service.get_run_(ann.actor, kept.id) == kept
    (listed,) = service.list_runs_(ann.actor, made.id)
    bare = tuple(replace(one, results=()) for one in pair)
    assert listed == replace(kept, evaluations=bare)
    read = replace(pair[0], configuration=None)
    single = service.keep_run_(ann.actor, made.id, [read])
    assert single.evaluations == (read,)
    with pytest.raises(NotFoundError):
        service.get_run_(bob.actor, kept.id)
    with pytest.raises(NotFoundError):
        service.delete_runs_(bob.actor, [kept.id])
    assert service.delete_runs_(ann.actor, [kept.id]) == 1
    assert [one.id for one in service.list_runs_(ann.actor, made.id)] == [single.id]
    with pytest.raises(InputError):
        service.keep_run_(ann.actor, made.id, [*pair, *pair])


def test_every_field_of_a_configuration_is_kept() -> None:
    asked = an_evaluation(SearchMode.BOOLEAN).configuration
    assert asked is not None
    for field in dataclasses.fields(Configuration):
        assert getattr(asked, field.name) != field.default, "so that losing it would be seen"
    assert Configuration.from_document(asked.as_document()) == asked
    strange_ones: list[object] = [None, 3, [], {}, {**asked.as_document(), "mode": "x"}]
    for strange in strange_ones:
        assert Configuration.from_document(strange) is None


def test_the_history_proposes_queries(shared_store: Store, service: QuerySetsService) -> None:
    ann, bob = person(shared_store), person(shared_store)
    for query, found in (("a", 3), ("b", 0), ("b", 0), ("a", 0), ("a", 2), ("c", 0)):
        shared_store.searches.add_(a_search(ann.user, query, result_count=found))
    shared_store.searches.add_(a_search(bob.user, "private"))
    assert service.list_past_(ann.actor) == [
        PastQuery("a", 3, 1),
        PastQuery("b", 2, 2),
        PastQuery("c", 1, 1),
    ]
    assert [one.text for one in service.list_past_(ann.actor, fruitless=True)] == ["b", "c"]
    assert [one.text for one in service.list_past_(ann.actor, limit=1)] == ["a"]


def test_who_did_what_is_written_down_without_queries_and_rows(
    shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    service.judge_(ann.actor, made.id, "a private matter", ann.hit("secret"), 2)
    (query,) = service.list_queries_(ann.actor, made.id).queries
    service.update_query_(ann.actor, query, SetQueryDraft("private too", "", "private note"))
    run = service.keep_run_(ann.actor, made.id, [an_evaluation(SearchMode.NATURAL)])
    service.delete_runs_(ann.actor, [run.id])
    service.delete_queries_(ann.actor, made.id, [query.id])
    service.delete_(ann.actor, [made.id])
    found = [
        one.event
        for one in shared_store.audit.list_(AuditQuery(), before_sequence=None, limit=50)
        if one.event.subject_id == made.id
    ]
    assert [event.action for event in reversed(found)] == [
        "query_set.created",
        "query_set.judged",
        "query_set.query_changed",
        "query_set.run_kept",
        "query_set.run_deleted",
        "query_set.queries_deleted",
        "query_set.deleted",
    ]
    assert "private" not in repr(found)
    assert "secret" not in repr(found)
    assert found[-2].details["after"] == {"grade": 2}


def test_they_go_with_their_owner_who_is_told_of_them(
    shared_place: StorePlace, shared_store: Store, service: QuerySetsService
) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    service.judge_(ann.actor, made.id, TEXT, ann.hit(), 2)
    service.keep_run_(ann.actor, made.id, [an_evaluation(SearchMode.NATURAL)])
    along = shared_store.users.belongings_(ann.user.id)
    assert (along.query_sets, along.query_set_names) == (1, (made.draft.name,))
    shared_place.query(f"DELETE FROM users WHERE id = '{ann.user.id}'")
    for table in ("query_sets", "set_queries", "judgements", "evaluation_runs"):
        assert shared_place.query(f"SELECT COUNT(*) FROM {table}")[0][0] == 0


def test_there_are_bounds(
    shared_store: Store, service: QuerySetsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_sets, "MOST_SETS", 1)
    monkeypatch.setattr(query_sets, "MOST_QUERIES", 2)
    monkeypatch.setattr(query_sets, "MOST_RUNS", 1)
    monkeypatch.setattr(query_sets, "_LIMITS", (2, 3))
    ann = person(shared_store)
    made = a_set(service, ann)
    with pytest.raises(ConflictError) as caught:
        a_set(service, ann, "Second")
    assert caught.value.code == "query_set.too_many"
    service.add_queries_(ann.actor, made.id, [SetQueryDraft("a"), SetQueryDraft("b")])
    with pytest.raises(ConflictError) as caught:
        service.judge_(ann.actor, made.id, "c", ann.hit(), 1)
    assert caught.value.code == "query_set.too_many_queries"
    for number in range(3):
        service.judge_(ann.actor, made.id, "a", ann.hit(number), 1)
    service.judge_(ann.actor, made.id, "a", ann.hit(0), 2)
    with pytest.raises(ConflictError) as caught:
        service.judge_(ann.actor, made.id, "b", ann.hit(), 1)
    assert caught.value.code == "query_set.too_many_judgements"
    service.keep_run_(ann.actor, made.id, [an_evaluation(SearchMode.NATURAL)])
    with pytest.raises(ConflictError) as caught:
        service.keep_run_(ann.actor, made.id, [an_evaluation(SearchMode.NATURAL)])
    assert caught.value.code == "query_set.too_many_runs"


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (SetQueryDraft(" "), "text"),
        (SetQueryDraft("x" * 10_001), "text"),
        (SetQueryDraft("\ud800"), "text"),
        (SetQueryDraft("a\0b"), "text"),
        (SetQueryDraft("x", "a b"), "name"),
        (SetQueryDraft("x", "a\u200bb"), "name"),
        (SetQueryDraft("x", "y" * 513), "name"),
        (SetQueryDraft("x", "", "n" * 1001), "note"),
    ],
)
def test_queries_that_cannot_be_kept_are_refused(draft: SetQueryDraft, field: str) -> None:
    with pytest.raises(InputError) as caught:
        query_sets.check_query(draft)
    assert caught.value.field == field


def test_what_cannot_be_judged_is_refused(shared_store: Store, service: QuerySetsService) -> None:
    ann = person(shared_store)
    made = a_set(service, ann)
    for grade in (-1, 4):
        with pytest.raises(InputError):
            service.judge_(ann.actor, made.id, "x", ann.hit(), grade)
    with pytest.raises(InputError) as caught:
        service.judge_(ann.actor, made.id, "x", ann.hit("k" * 600), 1)
    assert caught.value.field == "row"
    with pytest.raises(InputError):
        service.judge_(ann.actor, made.id, "x", replace(ann.hit(), key={}), 1)
    for name in (" ", "x" * 256, "a\nb"):
        with pytest.raises(InputError):
            service.create_(ann.actor, QuerySetDraft(name))
