"""Draws the pictures of the README: ``python -m tests.e2e.screenshots [FOLDER]``.

The real program runs on an invisible screen, and a story goes through its panes, light and dark:
once through the demo, once through the data of a team.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QPlainTextEdit, QScrollArea, QTreeView, QWidget

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.history import HistoryOutcome
from tests.e2e.first_day import DEMO_WITHIN_S, finished, search
from tests.e2e.stage import Stage, Steps, choose_screen, play
from tests.e2e.team import LIST_FILE, PASSPHRASE, furnish, write_list
from tests.servers import PROJECT, ServerFactory, running_server

FOLDER = PROJECT / "docs" / "screenshots"
WIDTH, HEIGHT = 1280, 800
PIXEL_RATIO = 2
# What answers some questions about Python, and how well.
ANSWERS = {
    "read a file line by line": {
        "fileinput": "3",
        "fileinput.input": "3",
        "linecache": "2",
        "io.IOBase.readline": "3",
        "io.IOBase.readlines": "3",
        "linecache.getline": "2",
        "linecache.getlines": "2",
    },
    "regular expression syntax": {"re": "3", "re.compile": "2", "re.Pattern": "2", "re.error": "1"},
    "parse command line": {
        "argparse": "3",
        "argparse.ArgumentParser": "3",
        "optparse": "3",
        "optparse.OptionParser": "3",
        "getopt": "3",
        "getopt.getopt": "3",
        "getopt.gnu_getopt": "3",
    },
}
LOOKS = {"light": "Light colours", "dark": "Dark colours"}


def all_panes(stage: Stage) -> Steps:
    """Every pane of the demo in both looks, and the welcome page."""
    yield from stage.see("welcome.demo")
    stage.window().resize(WIDTH, HEIGHT)
    yield from settled(stage)
    stage.photograph("welcome-light")
    yield from stage.click("welcome.demo")
    yield from stage.see("search.query", DEMO_WITHIN_S)
    for look, command in LOOKS.items():
        yield from choose_command(stage, command)
        yield from stage.press("Ctrl+Shift+A")
        yield from stage.see("analytics.pane")
        yield from settled(stage)
        stage.photograph(f"analytics-empty-{look}")
    yield from stage.press("Ctrl+1")
    for query in ("unicode normalization", "lighthouse keeper", "read a file line by line"):
        yield from search(stage, query)
        yield from finished(stage)
    for look, command in LOOKS.items():
        yield from choose_command(stage, command)
        yield from each_pane(stage, look)
        yield from ways_to_search(stage, look)
    yield from stage.press("Ctrl+Q")


def each_pane(stage: Stage, look: str) -> Steps:
    """One picture of each pane, named after it and the look."""
    yield from stage.press("Ctrl+1")
    yield from stage.until(lambda: stage.rows("search.hits"), "hits")
    choose_row(stage, "search.hits", 1)
    yield from settled(stage)
    stage.photograph(f"search-{look}")

    yield from stage.press("Ctrl+2")
    yield from stage.until(lambda: stage.rows("connections.list"), "connections")
    choose_row(stage, "connections.list", 0)
    yield from stage.until(lambda: stage.rows("connections.schema"), "a schema")
    stage.get("connections.schema", QTreeView).expandToDepth(1)
    yield from settled(stage)
    stage.photograph(f"connections-{look}")
    yield from stage.click("connections.add")
    yield from stage.see("connections.dialog")
    yield from settled(stage)
    stage.photograph(f"connection-form-{look}")
    yield from stage.click("connections.cancel")

    for keys, pane in (
        ("Ctrl+3", "history"),
        ("Ctrl+4", "keys"),
        ("Ctrl+8", "server"),
        ("Ctrl+9", "settings"),
    ):
        yield from stage.press(keys)
        yield from stage.see(f"{pane}.pane")
        yield from settled(stage)
        stage.photograph(f"{pane}-{look}")

    yield from stage.press("Ctrl+1")
    yield from stage.press("Ctrl+K")
    yield from stage.see("palette.query")
    yield from settled(stage)
    stage.photograph(f"commands-{look}")
    yield from stage.press("Esc")
    yield from stage.until(lambda: not stage.rows("palette.list"), "the palette to close")


def ways_to_search(stage: Stage, look: str) -> Steps:
    """What a search explains, before and after it runs."""
    yield from stage.press("Ctrl+1")
    yield from stage.press("Ctrl+T")
    yield from stage.click("search.mode.semantic")
    yield from search(stage, "how do I read a file line by line")
    yield from finished(stage)
    choose_row(stage, "search.hits", 0)
    yield from stage.press("Ctrl+E")
    yield from stage.until(lambda: stage.rows("search.why.words"), "why")
    yield from settled(stage)
    stage.photograph(f"why-{look}")
    yield from stage.press("Ctrl+Shift+Q")
    yield from stage.see("search.statements.text")
    yield from stage.click("search.statements.explain")
    yield from stage.until(lambda: stage.rows("search.statements.plan"), "a plan")
    yield from settled(stage)
    stage.photograph(f"statements-{look}")
    yield from stage.press("Esc")

    yield from stage.click("search.mode.boolean")
    yield from search(stage, '+unicode +the (encode* decode*) "byte string" -node.js')
    yield from stage.click("search.build")
    yield from settled(stage)
    stage.photograph(f"boolean-{look}")
    yield from stage.click("search.build")

    yield from narrowed_and_judged(stage, look)

    yield from stage.press("Ctrl+2")
    yield from stage.until(lambda: stage.rows("connections.list"), "connections")
    choose_row(stage, "connections.list", 0)
    yield from stage.click("connections.health")
    yield from stage.until(lambda: stage.rows("connections.health.tables"), "findings")
    yield from settled(stage)
    stage.photograph(f"health-{look}")
    yield from stage.press("Esc")


def narrowed_and_judged(stage: Stage, look: str) -> Steps:
    """Facets, grades given while reading, and what they are good for."""
    yield from stage.press("Ctrl+J")
    for mode in ("semantic", "natural"):
        yield from stage.click(f"search.mode.{mode}")
        for query, answers in ANSWERS.items():
            yield from search(stage, query)
            yield from finished(stage)
            yield from judged(stage, answers)
    yield from stage.press("Ctrl+Shift+F")
    yield from stage.until(lambda: stage.rows("search.facets.tree"), "facets")
    stage.get("search.facets.tree", QTreeView).expandAll()
    yield from settled(stage)
    stage.photograph(f"facets-{look}")
    yield from stage.press("Ctrl+Shift+F")
    yield from stage.press("Ctrl+J")
    yield from stage.press("Ctrl+W")
    yield from stage.press("Ctrl+0")
    yield from stage.click("evaluation.view.setup")
    yield from settled(stage)
    stage.photograph(f"evaluation-setup-{look}")
    yield from stage.click("evaluation.run")
    yield from stage.until(lambda: stage.rows("evaluation.table"), "an evaluation", 60)
    yield from settled(stage)
    stage.photograph(f"evaluation-{look}")


def judged(stage: Stage, answers: Mapping[str, str]) -> Steps:
    """A grade for each of the first hits, by its title; for those that are no answer, 0."""
    hits = stage.get("search.hits", QAbstractItemView)
    for row in range(10):
        choose_row(stage, "search.hits", row)
        title = str(hits.model().index(row, 0).data())
        hits.setFocus()
        yield from stage.press(answers.get(title, "0"), hits)
        if stage.find("search.judging.new", QWidget) is not None:
            yield from stage.type_("search.judging.new.name", "Python questions", then="Return")
            yield from stage.until(
                lambda: stage.find("search.judging.new", QWidget) is None, "the set to be made"
            )
    yield from settled(stage)


def administration(stage: Stage) -> Steps:
    """Every pane and dialog of administration in both looks."""
    yield from stage.see("search.query", DEMO_WITHIN_S)
    stage.window().resize(WIDTH, HEIGHT)
    yield from settled(stage)
    for look, command in LOOKS.items():
        yield from choose_command(stage, command)
        yield from keys_and_users(stage, look)
        yield from connections(stage, look)
        yield from store_and_audit(stage, look)
        yield from figures(stage, look)
        yield from oneself(stage, look)
    yield from stage.press("Ctrl+Q")


def keys_and_users(stage: Stage, look: str) -> Steps:
    """The two lists, and the forms behind them; never a key or a password."""
    yield from stage.press("Ctrl+4")
    yield from stage.until(lambda: stage.rows("keys.table"), "keys")
    choose_row(stage, "keys.table", 0)
    yield from settled(stage)
    stage.photograph(f"keys-{look}")
    yield from stage.click("keys.create")
    yield from stage.see("keys.dialog")
    yield from settled(stage)
    stage.photograph(f"key-form-{look}")
    yield from stage.press("Esc")

    yield from stage.press("Ctrl+5")
    yield from stage.until(lambda: stage.rows("users.table"), "users")
    choose_row(stage, "users.table", 3)
    yield from settled(stage)
    stage.photograph(f"users-{look}")
    yield from stage.click("users.delete")
    yield from stage.see("users.delete.name")
    yield from settled(stage)
    stage.photograph(f"user-deletion-{look}")
    yield from stage.press("Esc")


def connections(stage: Stage, look: str) -> Steps:
    """What an account may do that may do too much, and what another program's file holds."""
    yield from stage.press("Ctrl+2")
    yield from stage.until(lambda: stage.rows("connections.list"), "connections")
    choose_row(stage, "connections.list", 0)
    yield from stage.click("connections.rights")
    yield from stage.until(lambda: stage.rows("connections.rights.table"), "rights")
    yield from settled(stage)
    stage.photograph(f"rights-{look}")
    yield from stage.press("Esc")

    yield from stage.click("connections.import_file")
    yield from stage.type_("connections.import.file", str(stage.output / LIST_FILE))
    yield from stage.click("connections.import.next")
    yield from stage.until(lambda: stage.rows("connections.import.items"), "a preview")
    yield from settled(stage)
    stage.photograph(f"import-{look}")
    yield from stage.press("Esc")


def store_and_audit(stage: Stage, look: str) -> Steps:
    """The revisions of the store, and who did what."""
    yield from stage.press("Ctrl+6")
    yield from stage.until(lambda: stage.rows("store.revisions"), "revisions")
    statements = stage.get("store.sql", QPlainTextEdit)
    yield from stage.until(statements.toPlainText, "the statements of a revision")
    yield from settled(stage)
    stage.photograph(f"store-{look}")
    yield from stage.press("Ctrl+7")
    yield from stage.until(lambda: stage.rows("audit.table"), "the audit log")
    choose_row(stage, "audit.table", 0)
    yield from settled(stage)
    stage.photograph(f"audit-{look}")


def figures(stage: Stage, look: str) -> Steps:
    """What was searched for, charts of it, and the servers that answer."""
    yield from stage.press("Ctrl+3")
    yield from stage.choose("history.outcome", HistoryOutcome.NONE.value)
    yield from stage.until(lambda: stage.rows("history.table"), "the history")
    choose_row(stage, "history.table", 0)
    yield from settled(stage)
    stage.photograph(f"history-filters-{look}")

    yield from stage.press("Ctrl+Shift+A")
    yield from stage.see("analytics.searches")
    yield from stage.click("analytics.period.year")
    content = stage.get("analytics.content", QScrollArea)
    # In the second look it is where the first one left it.
    content.verticalScrollBar().setValue(0)
    yield from settled(stage)
    stage.photograph(f"analytics-{look}")
    for name in ("heat", "points", "zero", "keys", "metrics.create", "insights"):
        # Some are read only when they are looked at.
        content.ensureWidgetVisible(stage.get(f"analytics.{name}", QWidget), 0, 40)
        yield from settled(stage)
    stage.photograph(f"analytics-all-{look}", content.widget())

    yield from stage.press("Ctrl+Shift+M")
    yield from stage.until(lambda: stage.rows("monitoring.servers"), "servers")
    choose_row(stage, "monitoring.servers", 0)
    yield from stage.see("monitoring.slow_log.copy")
    yield from stage.click("monitoring.pause")
    yield from settled(stage)
    stage.photograph(f"monitoring-{look}")
    yield from stage.click("monitoring.pause")

    yield from stage.press("Ctrl+Shift+B")
    yield from stage.see("backups.create")
    yield from stage.click("backups.create")
    yield from stage.see("backups.stop")
    yield from stage.until(lambda: stage.rows("backups.list"), "a backup", 60)
    choose_row(stage, "backups.list", 0)
    yield from settled(stage)
    stage.photograph(f"backups-{look}")


def oneself(stage: Stage, look: str) -> Steps:
    """The profile, and what protects saved passwords."""
    yield from choose_command(stage, "Profile")
    yield from stage.see("profile.name")
    yield from settled(stage)
    stage.photograph(f"profile-{look}")
    yield from stage.press("Esc")
    yield from stage.press("Ctrl+9")
    yield from stage.see("settings.pane")
    secrets = stage.get("settings.secrets.minutes", QWidget)
    stage.get("settings.scroll", QScrollArea).ensureWidgetVisible(secrets, 0, 80)
    yield from settled(stage)
    stage.photograph(f"vault-{look}")


def choose_command(stage: Stage, title: str) -> Steps:
    """Run a command of the palette by its title."""
    yield from stage.press("Ctrl+K")
    yield from stage.type_("palette.query", title, then="Return")
    yield from stage.until(lambda: not stage.rows("palette.list"), "the palette to close")


def choose_row(stage: Stage, name: str, row: int) -> None:
    """Make a row of the list ``name`` the current one."""
    view = stage.get(name, QAbstractItemView)
    flags = QItemSelectionModel.SelectionFlag
    select = flags.ClearAndSelect | flags.Rows
    view.selectionModel().setCurrentIndex(view.model().index(row, 0), select)


def settled(stage: Stage) -> Steps:
    """Until the window has looked the same for a moment: nothing moves, nothing loads."""
    # A blinking cursor never settles.
    QGuiApplication.styleHints().setCursorFlashTime(0)
    pictures = [stage.window().grab().toImage()]

    def is_still() -> bool:
        pictures.append(stage.window().grab().toImage())
        latest = pictures[-12:]
        return len(latest) == 12 and all(picture == latest[0] for picture in latest)

    yield from stage.until(is_still, "the window to settle")


def draw(folder: Path) -> int:
    """Start the programs that draw into ``folder``; returns the last exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    # A plain name, because some of the panes show where the data is.
    home = Path(tempfile.gettempdir()) / "altus4-demo"
    home.mkdir(mode=0o700)
    factory = ServerFactory()
    try:
        environment = {
            **os.environ,
            **choose_screen(home, WIDTH, HEIGHT, PIXEL_RATIO),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        os.environ["LOGNAME"] = environment["LOGNAME"] = "ada"
        os.environ["PYTHON_KEYRING_BACKEND"] = environment["PYTHON_KEYRING_BACKEND"]
        environment["ALTUS4_DATA_DIR"] = str(home / "data")
        ended = _play("demo", folder, environment)
        if ended:
            return ended
        with running_server(factory, Flavour.MARIADB) as server:
            furnish(home / "team", server)
            write_list(folder / LIST_FILE, server)
            environment["ALTUS4_DATA_DIR"] = str(home / "team")
            environment["ALTUS4_PASSPHRASE"] = PASSPHRASE
            return _play("team", folder, environment)
    finally:
        factory.close()
        (folder / LIST_FILE).unlink(missing_ok=True)
        shutil.rmtree(home)


def _play(story: str, folder: Path, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "tests.e2e.screenshots", "--play", story, str(folder)]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


STORIES = {"demo": all_panes, "team": administration}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--play"]:
        play(STORIES[sys.argv[2]], Path(sys.argv[3]))
    else:
        sys.exit(draw(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
