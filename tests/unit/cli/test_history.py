"""``history`` as other programs call it."""

from __future__ import annotations

import io
import json
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.cli.frame import main
from altus4_desktop.cli.output import Output
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.storage.repositories import history_pages, history_walks
from tests.answers import Answer, Run
from tests.records import a_connection, a_search, a_user

_PASSWORD = "correct horse battery"
_TEXTS = (("invoice", 3, 12, "ok"), ("invoise", 0, 12, "ok"), ("orders", 3, 4000, "partial"))


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command line whose user has searched three times: today, and each three weeks before."""

    def call(*arguments: str) -> Answer:
        code = main([*arguments, "--data-dir", str(tmp_path / "data")])
        return Answer(code, *capfd.readouterr())

    monkeypatch.setenv("ALTUS4_PASSPHRASE", "a long enough passphrase")
    monkeypatch.setenv("ALTUS4_USER", "a@b.org")
    monkeypatch.setenv("ALTUS4_PASSWORD", _PASSWORD)
    monkeypatch.setattr("sys.stdin", io.StringIO(_PASSWORD + "\n"))
    made = call("users", "create", "--email", "a@b.org", "--name", "Ann", "--password-stdin")
    assert made.code == 0
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        user = services.metadata.store.users.find_by_email("a@b.org")
        assert user is not None
        for number, (text, hits, took, ended) in enumerate(_TEXTS):
            services.metadata.store.searches.add_(
                a_search(
                    user,
                    text,
                    mode=SearchMode.NATURAL if number else SearchMode.BOOLEAN,
                    params={"outcome": ended},
                    result_count=hits,
                    execution_time_ms=took,
                    created_at=datetime.now(UTC) - timedelta(days=21 * number),
                )
            )
    return call


def found(answer: Answer) -> list[str]:
    return [search["query"] for search in json.loads(answer.out)["searches"]]


@pytest.mark.parametrize(
    ("options", "queries"),
    [
        ((), ["invoice", "invoise", "orders"]),
        (("--query", "invo"), ["invoice", "invoise"]),
        (("--query", "Invoice", "--whole"), ["invoice"]),
        (("--query", "invo", "--whole"), []),
        (("--mode", "boolean"), ["invoice"]),
        (("--outcome", "hits"), ["invoice", "orders"]),
        (("--outcome", "none"), ["invoise"]),
        (("--outcome", "failed"), ["orders"]),
        (("--outcome", "slow"), ["orders"]),
        (("--took-at-least", "13"), ["orders"]),
        (("--took-at-least", "12", "--took-at-most", "12"), ["invoice", "invoise"]),
        (("--user", "a@b.org", "--limit", "1"), ["invoice"]),
    ],
)
def test_filters(run: Run, options: tuple[str, ...], queries: list[str]) -> None:
    assert found(run("history", "list", *options, "--json")) == queries


def test_a_list_tells_where_and_an_admin_who(run: Run, tmp_path: Path) -> None:
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        ann = services.metadata.store.users.find_by_email("a@b.org")
        bob = services.metadata.store.users.create_(a_user(email="b@b.org"), "x")
        assert ann is not None
        shop = a_connection(ann, name="Shop")
        services.metadata.store.connections.create_(shop)
        for user, where, params in ((ann, shop.id, {}), (bob, None, {"connections": ["A", "B"]})):
            made = a_search(user, "lamp", connection_id=where, params=params)
            services.metadata.store.searches.add_(made)
    lines = run("history", "list", "--query", "lamp").out.splitlines()
    assert lines[0].split()[-3:] == ["WHERE", "WHO", "ID"]
    assert any("Shop" in line and "a@b.org" in line for line in lines)
    assert any("A, B" in line and "b@b.org" in line for line in lines)


def test_what_there_is_not_is_said(run: Run) -> None:
    assert run("history", "list", "--connection", "nowhere").code == 4
    assert run("history", "list", "--user", "no@b.org").code == 4
    assert run("history", "list", "--query", "xyz").code == 1
    assert run("history", "keep", "--days", "0").code == 2
    assert run("history", "delete", "--whole", "--yes").code == 2


def test_what_is_listed_can_be_written_and_forgotten(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "h.ndjson"
    answer = run("history", "export", str(path), "--outcome", "hits", "--json")
    document = {"file": str(path), "format": "ndjson", "searches": 2}
    assert json.loads(answer.out) == document
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    answer = run("history", "delete", "--outcome", "none", "--yes", "--json")
    assert json.loads(answer.out) == {"deleted": 1}
    assert found(run("history", "list", "--json")) == ["invoice", "orders"]


def test_what_is_forgotten_is_in_no_figure(run: Run) -> None:
    run("analytics", "refresh")
    first = f"{datetime.now(UTC) - timedelta(days=100):%Y-%m-%d}"
    figures = ("analytics", "show", "--from", first, "--json")

    def counted() -> int:
        return int(json.loads(run(*figures).out)["searches"])

    before = counted()
    assert run("history", "delete", "--outcome", "none", "--yes").code == 0
    assert counted() == before - 1
    assert run("history", "keep", "--days", "30").code == 0
    assert counted() == before - 2


def test_searches_of_others_are_not_forgotten_by_a_filter(run: Run) -> None:
    assert run("users", "create", "--email", "c@d.org", "--name", "Cy", "--temporary").code == 0
    refused = run("history", "delete", "--user", "c@d.org", "--yes")
    assert refused.code == 2
    assert "theirs" in refused.err
    assert found(run("history", "list", "--json")) == ["invoice", "invoise", "orders"]


def test_searches_are_kept_as_long_as_wanted_or_not_at_all(run: Run) -> None:
    assert json.loads(run("history", "keep", "--json").out) == {
        "keeps": True,
        "days": None,
        "deleted": 0,
    }
    answer = run("history", "keep", "--days", "30", "--off", "--json")
    assert json.loads(answer.out) == {"keeps": False, "days": 30, "deleted": 1}
    assert found(run("history", "list", "--json")) == ["invoice", "invoise"]
    answer = run("history", "keep", "--for-good", "--on", "--json")
    assert json.loads(answer.out) == {"keeps": True, "days": None, "deleted": 0}


def test_a_search_lets_go_of_what_is_too_old(run: Run, tmp_path: Path) -> None:
    """Who never opens the window has nothing else that does."""
    assert run("history", "keep", "--days", "30").code == 0
    with closing(compose(tmp_path / "data")) as services:
        services.metadata.open_()
        store = services.metadata.store
        user = store.users.find_by_email("a@b.org")
        assert user is not None
        store.searches.add_(
            a_search(user, "old", created_at=datetime.now(UTC) - timedelta(days=31))
        )
        assert len(store.searches.list_(user.id)) == 3
        assert run("search", "word").code != 0
        assert [record.query for record in store.searches.list_(user.id)] == ["invoice", "invoise"]


def test_what_takes_long_is_told_and_can_be_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C: what was found until then is printed."""
    monkeypatch.setattr(history_pages, "_FELT_S", -1.0)
    monkeypatch.setattr(history_walks, "_FIRST_ROWS", 0)
    monkeypatch.setattr(history_walks, "_MOST_ROWS", 0)
    whole = run("history", "list", "--json", "--limit", "9")
    assert found(whole) == [text for text, *_ in _TEXTS]
    assert whole.err.splitlines() == [
        f"Looking further back: to {datetime.now(UTC):%Y-%m-%d}",
    ]
    cancelled = Event()
    cancel = CancelToken.cancel

    def note(token: CancelToken) -> None:
        cancel(token)
        cancelled.set()

    def interrupt(*_: object) -> None:
        if not cancelled.is_set():
            signal.raise_signal(signal.SIGINT)
            assert cancelled.wait(5)

    monkeypatch.setattr(CancelToken, "cancel", note)
    monkeypatch.setattr(Output, "progress", interrupt)
    stopped = run("history", "list", "--json", "--limit", "9")
    assert stopped.code == 130
    assert found(stopped) == [text for text, *_ in _TEXTS[:2]]
    assert "Stopped: looked back to " in stopped.err
