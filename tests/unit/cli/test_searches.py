"""``searches list`` and ``search --saved`` as other programs call them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import main
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.connections import ConnectionDraft
from altus4_desktop.domain.filtering import ColumnOrder, Narrowing
from altus4_desktop.domain.keys import KeyDraft, KeyPermission
from altus4_desktop.domain.saved_searches import SavedScope, SavedSearchDraft
from altus4_desktop.domain.searching import (
    SearchMode,
    SearchOutcome,
    SearchRequest,
    SourceRef,
    SourceReport,
    SourceState,
    TableChoice,
)
from altus4_desktop.services.search import SearchService
from tests.answers import Answer, Run
from tests.records import a_user

ORDERS = SavedSearchDraft("Open orders", "+order -paid", "work", SearchMode.BOOLEAN)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SearchRequest]:
    """What is searched for; everything finds nothing."""
    found: list[SearchRequest] = []

    def search(self: object, actor: object, request: SearchRequest, *_: object) -> SearchOutcome:
        found.append(request)
        report = SourceReport(SourceRef("Shop", "orders", "ft"), SourceState.OK)
        return SearchOutcome("s-1", request, (report,), (), finished=True)

    monkeypatch.setattr(SearchService, "run", search)
    return found


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[SearchRequest],
) -> Run:
    """Ann has a connection and three searches, Bob shares one and has one of his own."""
    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a long enough passphrase")
    with closing(compose(tmp_path)) as services:
        services.metadata.open_()
        services.vault.set_up_passphrase("a long enough passphrase")
        users = services.metadata.store.users
        ann: Actor = users.create_(a_user(name="Ann"), "x").as_actor()
        bob: Actor = users.create_(a_user(name="Bob"), "x").as_actor()
        shop = services.connections.create_(
            ann,
            ConnectionDraft(
                name="Shop", host="h", database="d", username="u", password_secret="secret"
            ),
        )
        by_price = Narrowing(order=ColumnOrder("price")).as_document()
        scope = SavedScope({shop.id: "Shop", "gone": "Warehouse"}, {shop.id: ("orders",)})
        for draft in (
            SavedSearchDraft("Open orders", ORDERS.query, "work", ORDERS.mode, scope=scope),
            SavedSearchDraft("Twice", "one", "a"),
            SavedSearchDraft("Twice", "two", "b", scope=SavedScope({"gone": "Warehouse"})),
            SavedSearchDraft("By price", "one", "c", filters=by_price),
        ):
            services.saved_searches.create_(ann, draft)
        for name, is_shared in (("Lighthouses", True), ("Private", False)):
            services.saved_searches.create_(
                bob, SavedSearchDraft(name, "lamp", is_shared=is_shared)
            )
        key = services.keys.create_(
            ann, KeyDraft("Reports", permissions=frozenset({KeyPermission.SEARCH}))
        )
    monkeypatch.setenv("ALTUS4_API_KEY", key.key_secret)

    def call(*words: str) -> Answer:
        code = main([*words, "--data-dir", str(tmp_path)])
        return Answer(code, *capsys.readouterr())

    return call


def test_the_list_has_ones_own_and_the_shared_ones(run: Run) -> None:
    answer = run("searches", "list", "--json")
    assert answer.code == 0
    searches = json.loads(answer.out)["searches"]
    assert [(s["folder"], s["name"]) for s in searches] == [
        ("", "Lighthouses"),
        ("a", "Twice"),
        ("b", "Twice"),
        ("c", "By price"),
        ("work", "Open orders"),
    ]
    assert searches[4]["mode"] == "boolean"
    readable = run("searches", "list")
    assert "work/Open orders" in readable.out
    assert "Private" not in readable.out


@pytest.mark.parametrize("name", ["Open orders", "work/Open orders"])
def test_a_saved_search_is_run_where_it_looks(
    run: Run, asked: list[SearchRequest], name: str
) -> None:
    answer = run("search", "--saved", name)
    assert answer.code == 1, answer.err
    [request] = asked
    assert (request.query, request.mode) == ("+order -paid", SearchMode.BOOLEAN)
    [shop] = request.connection_ids
    assert request.tables == (TableChoice("orders", shop),)
    assert "Left out, because they are not there: Warehouse." in answer.out + answer.err


def test_what_others_share_is_found_too(run: Run, asked: list[SearchRequest]) -> None:
    assert run("search", "--saved", "Lighthouses", "--json").code == 1
    assert asked[0].query == "lamp"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--saved", "Private"), 4, "There is no saved search “Private”"),
        (("--saved", "Twice"), 2, "a/Twice, b/Twice"),
        (("--saved", "b/Twice"), 2, "None of the connections"),
        (("--saved", "Open orders", "word"), 2, "Give either"),
        (("--saved", "Open orders", "--mode", "natural"), 2, "says where it looks"),
        (("--saved", "Open orders", "-c", "Shop"), 2, "says where it looks"),
        (("--saved", "By price", "--export", "x.csv", "--all"), 2, "Give --sort relevance"),
        (("one", "--sort", "price", "--export", "x.csv", "--all"), 2, "unsorted"),
        ((), 2, "Give either"),
    ],
)
def test_what_cannot_be_run_is_said(
    run: Run, asked: list[SearchRequest], words: tuple[str, ...], code: int, said: str
) -> None:
    answer = run("search", *words)
    assert answer.code == code
    assert said in answer.err
    assert asked == []
