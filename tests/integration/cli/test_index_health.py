"""``connections health`` and ``connections advise`` from the command line."""

from __future__ import annotations

from pathlib import Path

from altus4_desktop.cli.frame import EXIT_DONE, EXIT_NO
from tests.answers import Run
from tests.integration.cli.test_connections import add
from tests.servers import DatabaseServer


def test_health_and_advice(run: Run, tenant_server: DatabaseServer, tmp_path: Path) -> None:
    database = tenant_server.create_database()
    tenant_server.execute(
        "CREATE TABLE notes (id INT PRIMARY KEY, title VARCHAR(200), body TEXT,"
        " FULLTEXT a (title, body), FULLTEXT b (title, body))",
        "CREATE TABLE bare (id INT PRIMARY KEY, body TEXT)",
        database=database,
    )
    account = tenant_server.create_search_account(database)
    assert add(run, tenant_server, (database, account)).code == EXIT_DONE

    told = run("connections", "health", "Shelf")
    assert told.code == EXIT_NO
    assert "“b” has the columns of “a”" in told.out
    assert "PROCESS" in told.out
    document = run("connections", "health", "Shelf", "--json").document
    found = {finding["code"]: finding for finding in document["findings"]}
    assert found["health.duplicate"]["severity"] == "warning"
    assert found["health.duplicate"]["evidence"]["other"] == "a"

    folder = tmp_path / "migrations"
    folder.mkdir()
    answer = run("connections", "advise", "Shelf", "--json", "--out", str(folder))
    assert answer.code == EXIT_DONE
    steps = answer.document["steps"]
    assert [(step["action"], step["table"]) for step in steps] == [
        ("drop", "notes"),
        ("create", "bare"),
    ]
    assert [item["variable"] for item in answer.document["server"]] == ["innodb_ft_min_token_size"]
    assert sorted(Path(file).name for file in answer.document["files"]) == [
        "001_fulltext_indexes.down.sql",
        "001_fulltext_indexes.up.sql",
    ]
    assert steps[1]["sql"] in (folder / "001_fulltext_indexes.up.sql").read_text()
    printed = run("connections", "advise", "Shelf")
    assert steps[0]["sql"] in printed.out
    for step in steps:
        tenant_server.execute(step["sql"])
    assert run("connections", "health", "Shelf").code == EXIT_DONE
    tenant_server.drop_database(database)
