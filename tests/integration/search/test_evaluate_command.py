"""``evaluate`` on both servers: measures, names of rows, comparing, failures, the history."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.cli.frame import main
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.domain.evaluation import Configuration, JudgedQuery
from altus4_desktop.domain.progress import Progress
from altus4_desktop.services.evaluation import PARALLEL, EvaluationService
from altus4_desktop.services.keys import KeysService
from altus4_desktop.services.permissions import Permissions
from tests.search_world import EMAIL, PASSWORD, SearchWorld, search_world
from tests.servers import Account, DatabaseServer

PASSPHRASE = "a passphrase for these tests"
PAPERS = (
    "CREATE TABLE papers (id INT PRIMARY KEY, code VARCHAR(20), body TEXT, FULLTEXT ft (body))",
    (
        "INSERT INTO papers VALUES (1, 'p one', 'wing wing wing flow'), (2, 'p/two', 'wing'),"
        " (3, 'p,3', 'flow around a body'), (4, 'p4', 'nothing of it')"
    ),
)
QUERIES = '{"id": "w", "text": "wing"}\n{"id": "f", "text": "flow"}\n{"id": "z", "text": "zebra"}\n'


class Given:
    """Files of a test and the command over them."""

    def __init__(self, folder: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._data_dir = data_dir
        self._capsys = capsys

    def run(self, qrels: str, *more: str, queries: str = QUERIES) -> tuple[int, str, str]:
        (self.folder / "queries").write_text(queries)
        (self.folder / "qrels").write_text(qrels)
        named = ["--queries", str(self.folder / "queries"), "--qrels", str(self.folder / "qrels")]
        code = main(["evaluate", *named, *more, "--data-dir", str(self._data_dir)])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def document(self, qrels: str, *more: str) -> tuple[int, Any]:
        code, out, err = self.run(qrels, *more, "--json")
        assert out, err
        return code, json.loads(out)


@pytest.fixture(scope="module")
def data_dir(
    tenant_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("data")
    with search_world(folder, passphrase=PASSPHRASE) as world:
        world.add_database(tenant_server, "my lab", PAPERS)
        server = tenant_server
        world.add_connection(server.host, server.port, "locked", "x", Account("nobody", "wrong"))
        world.close_services()
        yield folder


@pytest.fixture
def given(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Given:
    monkeypatch.setenv("ALTUS4_USER", EMAIL)
    monkeypatch.setenv("ALTUS4_PASSWORD", PASSWORD)
    monkeypatch.setenv("ALTUS4_PASSPHRASE", PASSPHRASE)
    return Given(tmp_path, data_dir, capsys)


def test_the_measures_are_those_worked_out_by_hand(given: Given) -> None:
    # wing: 1 (three times), 2. flow: 1 and 3 in either order. zebra: nothing.
    code, document = given.document("w 0 1 0\nw 0 2 1\nf 0 1 1\nf 0 3 1\nz 0 4 1\n", "-c", "my lab")
    assert code == 0
    (run,) = document["runs"]
    by_query = {one["query"]: one for one in run["per_query"]}
    assert by_query["w"]["ndcg_at_10"] == pytest.approx(0.6309297536)
    assert by_query["w"]["reciprocal_rank"] == 0.5
    assert by_query["f"]["ndcg_at_10"] == pytest.approx(1)
    assert by_query["z"] == {
        "query": "z",
        "judged": True,
        "hits": 0,
        "ndcg_at_10": 0,
        "p_at_10": 0,
        "reciprocal_rank": 0,
        "error": None,
    }
    assert run["ndcg_at_10"] == pytest.approx(1.6309297536 / 3)
    assert run["p_at_10"] == pytest.approx(0.1)
    assert run["mrr"] == pytest.approx(0.5)
    assert run["zero_result_rate"] == pytest.approx(1 / 3)
    assert (run["judged"], run["queries"], run["failed"]) == (3, 3, 0)
    assert "comparison" not in document


def test_queries_without_a_relevant_document_count_in_no_mean(given: Given) -> None:
    _, document = given.document("w 0 1 1\nf 0 1 0\n", "-c", "my lab")
    (run,) = document["runs"]
    assert (run["judged"], run["ndcg_at_10"]) == (1, 1)


@pytest.mark.parametrize(
    ("document", "more"),
    [
        ("1", []),
        ("my%20lab/papers/1", []),
        ("p%20one", ["--table", "papers", "--id-column", "code"]),
    ],
)
def test_rows_are_found_by_every_name_and_a_run_has_the_same(
    given: Given, document: str, more: list[str]
) -> None:
    path = given.folder / "run"
    code, out, err = given.run(f"w 0 {document} 1\n", "-c", "my lab", *more, "--run-out", str(path))
    assert code == 0, err
    assert "natural  1.0000" in out
    first, *others = path.read_text().splitlines()
    assert first == f"w Q0 {document} 1 1.000000000 altus4-natural"
    assert all(len(line.split()) == 6 for line in others)


def test_ways_differ_in_more_than_the_mode(given: Given) -> None:
    way = "mode=natural,weight=my lab/papers/body=2,index=papers/ft"
    code, document = given.document("w 0 2 1\n", "-c", "my lab", "--against", way)
    assert code == 0
    assert [(run["name"], run["mode"]) for run in document["runs"]] == [
        ("natural", "natural"),
        (way, "natural"),
    ]
    assert document["comparison"]["ties"] == 1


@pytest.mark.parametrize(
    "way",
    [
        "natural",
        "mode=best",
        "speed=2",
        "mode=natural,mode=boolean",
        "synonyms=some",
        "index=papers",
        "index=papers/ft_gone",
        "weight=my lab=20",
        "weight=my lab=much",
        "weight=2",
        "weight=my lab/papers/body/x=2",
        "weight=nobody=2",
        "connection=nobody",
        "table=nowhere",
    ],
)
def test_a_way_that_cannot_be_is_refused(given: Given, way: str) -> None:
    code, out, err = given.run("w 0 2 1\n", "-c", "my lab", "--against", way)
    assert code in {2, 4}, out
    assert err


def test_two_modes_are_compared(given: Given) -> None:
    code, document = given.document(
        "w 0 2 1\nf 0 3 1\n", "-c", "my lab", "--mode", "boolean", "--against", "natural"
    )
    assert code == 0
    assert [run["mode"] for run in document["runs"]] == ["boolean", "natural"]
    comparison = document["comparison"]
    assert comparison["wins"] + comparison["losses"] + comparison["ties"] == 2
    code, out, _ = given.run("w 0 2 1\n", "-c", "my lab", "--against", "boolean")
    assert code == 0
    assert "boolean against natural: 0 won, 0 lost, 1 tied; sign test p = 1" in out


def test_a_run_is_kept_and_compared_with_later(given: Given) -> None:
    path = given.folder / "kept"
    queries = "x\twing -flow\ny\tflow\n"
    qrels = "x 0 1 1\ny 0 1 1\n"
    named = ["-c", "my lab"]
    given.run(qrels, *named, "--run-out", str(path), queries=queries)
    code, out, err = given.run(
        qrels, *named, "--mode", "boolean", "--against-run", str(path), queries=queries
    )
    assert code == 0, err
    assert "boolean against before: 0 won, 1 lost, 1 tied" in out
    code, out, _ = given.run(qrels, *named, "--against-run", str(path), "--json", queries=queries)
    document = json.loads(out)
    assert [run["mode"] for run in document["runs"]] == [None, "natural"]
    assert document["runs"][0]["ndcg_at_10"] == document["runs"][1]["ndcg_at_10"]
    assert document["comparison"]["ties"] == 2
    path.write_text("other Q0 1 1 1.0 tag\n")
    code, _, err = given.run(qrels, *named, "--against-run", str(path), queries=queries)
    assert code == 2
    assert "none of the queries" in err


def test_a_lost_query_is_told(given: Given) -> None:
    queries = "x\twing -flow\ny\tflow\n"
    code, out, _ = given.run(
        "x 0 1 1\ny 0 1 1\n", "-c", "my lab", "--against", "boolean", queries=queries
    )
    assert code == 0
    assert "0 won, 1 lost, 1 tied" in out
    assert "x      1.0000   0.0000   wing -flow" in out


@pytest.mark.parametrize(
    ("qrels", "more", "code"),
    [
        ("w 0 1 1\n", ["-c", "my lab", "-c", "locked"], 3),
        ("w 0 1 1\n", ["-c", "locked"], 4),
        ("w 0 1 1\n", ["-c", "nowhere"], 4),
        ("w 0 1 1\n", ["-c", "my lab", "--table", "gone"], 2),
        ("w 0 1 1\n", ["-c", "my lab", "--id-column", "gone"], 2),
        ("w 0 1 1\n", ["-c", "my lab", "--limit", "9"], 2),
        ("w 0 1 1\n", ["-c", "my lab", "--against", "natural"], 2),
        ("other 0 1 1\n", ["-c", "my lab"], 2),
        ("w 0 1 one\n", ["-c", "my lab"], 2),
    ],
)
def test_exit_codes(given: Given, qrels: str, more: list[str], code: int) -> None:
    got, _, err = given.run(qrels, *more)
    assert got == code, err
    assert "Traceback" not in err


def test_nothing_found_at_all_is_the_answer_no(given: Given) -> None:
    code, out, _ = given.run("z 0 1 1\n", "-c", "my lab", queries="z\tzebra\n")
    assert code == 1
    assert "100.0%" in out


def test_a_query_that_cannot_be_asked_fails_alone(given: Given) -> None:
    queries = "w\twing\nbad\tc++\n"
    code, out, err = given.run("w 0 1 1\n", "-c", "my lab", "--mode", "boolean", queries=queries)
    assert code == 3
    assert "1 of 2" in out
    assert "[evaluate.failed]" in err


def test_the_history_stays_as_it_is(given: Given, data_dir: Path) -> None:
    given.run("w 0 1 1\n", "-c", "my lab")
    assert main(["history", "list", "--data-dir", str(data_dir)]) == 1


@pytest.fixture
def world(mariadb_server: DatabaseServer, tmp_path: Path) -> Iterator[SearchWorld]:
    with search_world(tmp_path) as made:
        made.add_database(mariadb_server, "lab", PAPERS)
        yield made


def service(world: SearchWorld) -> EvaluationService:
    permissions = Permissions(world.metadata)
    return EvaluationService(world.search, KeysService(world.metadata, permissions), permissions)


def test_it_can_be_stopped_and_tells_how_far_it_is(world: SearchWorld) -> None:
    token = CancelToken()
    told: list[Progress] = []

    def listen(progress: Progress) -> None:
        told.append(progress)
        if len(told) == 3:
            token.cancel()

    queries = [JudgedQuery(str(number), "wing") for number in range(200)]
    with pytest.raises(Cancelled):
        service(world).run_(world.actor, queries, {}, Configuration(), listen, token)
    assert [progress.fraction for progress in told[:3]] == [1 / 200, 2 / 200, 3 / 200]
    assert len(told) <= 3 + PARALLEL


def test_no_more_than_a_few_searches_run_at_once(
    world: SearchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, running, most = threading.Lock(), 0, 0
    run = world.search.run

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return run(*arguments, **options)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(world.search, "run", counted)
    queries = [JudgedQuery(str(number), "wing") for number in range(20)]
    found = service(world).run_(world.actor, queries, {}, Configuration())
    assert [result.query for result in found.results] == queries
    assert 1 < most <= PARALLEL
