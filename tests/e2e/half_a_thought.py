"""Typing that is cut off, and the next start: ``python -m tests.e2e.half_a_thought PLAN``.

PLAN is a JSON file: ``part`` is ``typing``, which never ends by itself, or ``again``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QAbstractButton, QLineEdit, QTabBar

from tests.e2e.stage import Stage, Steps, play

_PASSWORD = "correct horse battery"
_FOREVER_S = 300.0


def half_a_thought(stage: Stage, plan: dict[str, Any]) -> Steps:
    """Type into two tabs and run neither; or sign in and look what is there."""
    if plan["part"] == "typing":
        yield from _set_up(stage)
        yield from stage.type_("search.query", plan["queries"][0])
        yield from stage.press("Ctrl+T")
        yield from stage.until(lambda: _query(stage) == "", "an empty tab")
        yield from stage.click("search.mode.boolean")
        yield from stage.type_("search.query", plan["queries"][1])
        stage.tell("typed")
        yield from stage.until(lambda: False, "the end", _FOREVER_S)
    yield from stage.type_("sign_in.email", "ada@example.org")
    yield from stage.type_("sign_in.password", _PASSWORD, then="Return")
    yield from stage.type_("unlock.passphrase", _PASSWORD, then="Return")
    yield from stage.see("search.tabs", 30)
    tabs = stage.get("search.tabs", QTabBar)
    yield from stage.until(lambda: tabs.count() == len(plan["queries"]), "the tabs")
    mode = stage.get("search.mode.boolean", QAbstractButton)
    stage.tell(
        "again",
        titles=[tabs.tabText(place) for place in range(tabs.count())],
        query=_query(stage),
        boolean=mode.isChecked(),
        hits=stage.rows("search.hits"),
    )
    yield from stage.press("Ctrl+Q")


def _set_up(stage: Stage) -> Steps:
    yield from stage.click("welcome.setup")
    yield from stage.click("store.accept")
    yield from stage.click("secrets.passphrase")
    yield from stage.type_("secrets.first", _PASSWORD)
    yield from stage.type_("secrets.second", _PASSWORD)
    yield from stage.click("secrets.accept")
    yield from stage.type_("account.name", "Ada Lovelace")
    yield from stage.type_("account.email", "ada@example.org")
    yield from stage.type_("account.password", _PASSWORD)
    yield from stage.click("account.accept")
    yield from stage.see("search.pane", 30)


def _query(stage: Stage) -> str:
    field = stage.find("search.query", QLineEdit)
    return field.text() if field is not None else ""


if __name__ == "__main__":
    _plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    play(lambda stage: half_a_thought(stage, _plan), Path(_plan["output"]))
