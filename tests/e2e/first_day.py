"""A newcomer's first day, played in the real program: ``python -m tests.e2e.first_day PLAN``.

PLAN is a JSON file with the folder for pictures and the server of the connection that is added.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TypedDict, cast

import pymysql
from PySide6.QtWidgets import QAbstractItemView, QLabel, QWidget

from tests.e2e.stage import Stage, Steps, play

STOP_WITHIN_S = 1.0
DEMO_WITHIN_S = 90.0


class Plan(TypedDict):
    """What the test tells the story."""

    output: str
    host: str
    port: int
    database: str
    username: str
    password: str
    root_password: str


class Tenant:
    """The added connection's server, seen by its administrator."""

    def __init__(self, plan: Plan) -> None:
        self._username = plan["username"]
        self._session = pymysql.connect(
            host=plan["host"],
            port=plan["port"],
            user="root",
            password=plan["root_password"],
            database=plan["database"],
            autocommit=True,
        )

    def block(self) -> None:
        """Let every search of the table wait, as behind a long change of its structure."""
        self._execute("LOCK TABLES notes WRITE")

    def release(self) -> None:
        """Let searches go on."""
        self._execute("UNLOCK TABLES")

    def searches(self) -> list[str]:
        """The statements of the program that the server is working on."""
        return [str(text) for text in self._sessions() if text and "MATCH" in str(text)]

    def connections(self) -> int:
        """How many connections the program holds."""
        return len(self._sessions())

    def _sessions(self) -> list[object]:
        rows = self._execute("SHOW FULL PROCESSLIST")
        return [row[7] for row in rows if row[1] == self._username]

    def _execute(self, statement: str) -> tuple[tuple[object, ...], ...]:
        with self._session.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()


def first_day(stage: Stage, plan: Plan) -> Steps:
    """Open the demo, search, add a connection, stop a slow search, leave in the middle of one."""
    tenant = Tenant(plan)
    yield from stage.see("welcome.demo")
    stage.photograph("welcome")
    stage.tell("welcome")

    yield from stage.click("welcome.demo")
    yield from stage.see("search.query", DEMO_WITHIN_S)
    stage.tell("demo is open", badge=stage.texts("rail"))

    yield from search(stage, "sort a list in place")
    yield from stage.until(lambda: stage.rows("search.hits"), "hits in the demo", 30)
    yield from finished(stage)
    stage.photograph("hits")
    stage.tell("hits", rows=stage.rows("search.hits"), titles=titles(stage))

    yield from add_connection(stage, plan)
    stage.tell("connection added", rows=stage.rows("connections.list"))

    tenant.block()
    yield from stage.press("Ctrl+1")
    yield from search(stage, "lighthouse")
    yield from stage.until(tenant.searches, "the slow search to reach the server")
    yield from stage.see("search.stop")
    hits_of_others = stage.rows("search.hits")
    stopped_at = time.monotonic()
    yield from stage.click("search.stop")
    yield from stage.until(
        lambda: not tenant.searches(), "the statement to end on the server", STOP_WITHIN_S
    )
    yield from finished(stage)
    stage.photograph("stopped")
    stage.tell(
        "stopped",
        within_ms=round((time.monotonic() - stopped_at) * 1000),
        connections=tenant.connections(),
        hits_of_others=hits_of_others,
    )

    tenant.release()
    yield from search(stage, "lighthouse")
    yield from finished(stage)
    stage.tell("searched again", titles=titles(stage), connections=tenant.connections())

    tenant.block()
    yield from search(stage, "lighthouse keeping")
    yield from stage.until(tenant.searches, "another slow search to reach the server")
    stage.tell("quitting", clock=time.monotonic())
    yield from stage.press("Ctrl+Q")


def search(stage: Stage, query: str) -> Steps:
    """Type a query, press Enter, wait until the search has begun."""
    before = summary(stage)
    yield from stage.type_("search.query", query, then="Return")
    yield from stage.until(
        lambda: is_searching(stage) or summary(stage) != before, "the search to begin"
    )


def finished(stage: Stage) -> Steps:
    """Wait until no source is running any more."""
    yield from stage.until(lambda: not is_searching(stage), "the search to end", 30)


def is_searching(stage: Stage) -> bool:
    """Whether there is something to stop."""
    button = stage.find("search.stop", QWidget)
    return button is not None and button.isEnabled()


def summary(stage: Stage) -> str:
    """The line below the hits."""
    label = stage.find("search.summary", QLabel)
    return label.text() if label is not None else ""


def titles(stage: Stage) -> list[str]:
    """What the hits are called, as a screen reader would say it."""
    model = stage.get("search.hits", QAbstractItemView).model()
    return [str(model.index(row, 0).data()) for row in range(min(model.rowCount(), 10))]


def add_connection(stage: Stage, plan: Plan) -> Steps:
    """Fill the form, test the connection, save it."""
    yield from stage.press("Ctrl+2")
    yield from stage.until(lambda: stage.rows("connections.list") == 4, "the demo's connections")
    yield from stage.click("connections.add")
    yield from stage.type_("connections.name", "Notes")
    yield from stage.type_("connections.host", plan["host"])
    yield from stage.type_("connections.port", str(plan["port"]))
    yield from stage.type_("connections.database", plan["database"])
    yield from stage.type_("connections.username", plan["username"])
    yield from stage.type_("connections.password", plan["password"])
    yield from stage.click("connections.test")
    yield from stage.see("connections.check.result", 30)
    stage.photograph("connection")
    yield from stage.click("connections.save")
    yield from stage.until(lambda: stage.rows("connections.list") == 5, "the new connection")


if __name__ == "__main__":
    PLAN = cast("Plan", json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    play(lambda stage: first_day(stage, PLAN), Path(PLAN["output"]))
