"""The evaluation pane over a real server says what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from altus4_desktop.cli.frame import main
from altus4_desktop.domain.searching import SearchMode
from altus4_desktop.services.evaluation import EvaluationService
from altus4_desktop.services.keys import KeysService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.query_sets import QuerySetsService
from altus4_desktop.tasks.runner import TaskRunner
from altus4_desktop.ui.panes.evaluation.pane import EvaluationPane
from tests.search_world import EMAIL, PASSWORD, search_world
from tests.servers import DatabaseServer
from tests.ui.real_session import signed_in

PASSPHRASE = "a passphrase for this test"
PAPERS = (
    "CREATE TABLE papers (id INT PRIMARY KEY, title VARCHAR(80), body TEXT, FULLTEXT (body))",
    (
        "INSERT INTO papers VALUES (1, 'Wings', 'wing wing wing flow'), (2, 'Once', 'wing'),"
        " (3, 'Flow', 'flows around a body'), (4, 'Other', 'nothing of it')"
    ),
)
QUERIES = "w\twing\nf\tflow\nz\tzebra\nb\tbodies\n"
QRELS = "w 0 2 3\nw 0 1 1\nf 0 3 2\nz 0 4 1\nb 0 3 1\n"


def test_the_figures_are_those_of_the_command(
    qtbot: QtBot,
    runner: TaskRunner,
    tenant_server: DatabaseServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, qrels = tmp_path / "queries.tsv", tmp_path / "qrels.txt"
    queries.write_text(QUERIES)
    qrels.write_text(QRELS)
    data_dir = tmp_path / "data"
    with search_world(data_dir, passphrase=PASSPHRASE) as world:
        world.add_database(tenant_server, "lab", PAPERS)
        permissions = Permissions(world.metadata)
        keys = KeysService(world.metadata, permissions)
        session = signed_in(
            world,
            runner,
            data_dir,
            query_sets=QuerySetsService(world.metadata, permissions),
            evaluation=EvaluationService(world.search, keys, permissions),
        )
        pane = EvaluationPane(session)
        qtbot.addWidget(pane)
        pane.activated()
        pane.setup.material.choose_files(queries, qrels)
        pane.setup.second.form.mode.set_key(SearchMode.SEMANTIC.value)
        qtbot.waitUntil(lambda: not runner.running)
        pane.run()
        qtbot.waitUntil(lambda: not runner.running, timeout=20_000)
        measured = pane.result.measured
        assert measured is not None, pane.message.text()
        pane.shut()
        world.close_services()
        monkeypatch.setenv("ALTUS4_USER", EMAIL)
        monkeypatch.setenv("ALTUS4_PASSWORD", PASSWORD)
        monkeypatch.setenv("ALTUS4_PASSPHRASE", PASSPHRASE)
        files = ["--queries", str(queries), "--qrels", str(qrels)]
        more = ["--against", "semantic", "--json", "--data-dir", str(data_dir)]
        assert main(["evaluate", *files, *more]) == 0
    document = json.loads(capsys.readouterr().out)
    assert measured.second is not None
    assert measured.comparison is not None
    for run, told in zip((measured.first, measured.second), document["runs"], strict=True):
        assert told["ndcg_at_10"] == pytest.approx(run.ndcg)
        assert told["p_at_10"] == pytest.approx(run.precision)
        assert told["mrr"] == pytest.approx(run.reciprocal_rank)
        assert told["zero_result_rate"] == pytest.approx(run.zero_results)
        assert 0 < run.ndcg < 1, "nothing was measured"
    comparison = document["comparison"]
    assert (comparison["wins"], comparison["losses"], comparison["ties"]) == (
        measured.comparison.wins,
        measured.comparison.losses,
        measured.comparison.ties,
    )
    # "bodies" is found as "body" by semantic mode alone.
    assert comparison["wins"] >= 1
    assert comparison["p_value"] == pytest.approx(measured.comparison.p_value)
    texts = [tile.accessibleName() for tile in pane.result.figures.tiles]
    assert texts[0].startswith(
        f"nDCG@10: A {measured.first.ndcg:.3f}, B {measured.second.ndcg:.3f}"
    )
