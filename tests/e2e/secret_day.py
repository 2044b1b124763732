"""A day full of secrets, played in the real program: ``python -m tests.e2e.secret_day PLAN``.

PLAN is a JSON file with a folder, the secrets by name, and the server of the connection.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel, QWidget

from tests.e2e.first_day import finished, search
from tests.e2e.loud import make_loud
from tests.e2e.stage import Stage, Steps, Wait, play


def secret_day(stage: Stage, plan: dict[str, Any]) -> Steps:
    """Set up, mistype passwords, connect, search, look after people, lock, unlock, sign out and in
    again."""
    secret: dict[str, str] = plan["secrets"]
    yield from stage.click("welcome.setup")
    yield from stage.click("store.accept")
    yield from stage.click("secrets.passphrase")
    yield from stage.type_("secrets.first", secret["passphrase"])
    yield from stage.type_("secrets.second", secret["passphrase"])
    yield from stage.click("secrets.accept")
    yield from stage.type_("account.name", "Ada Lovelace")
    yield from stage.type_("account.email", "ada@example.org")
    yield from stage.type_("account.password", secret["password"])
    yield from stage.click("account.accept")
    yield from stage.see("search.pane", 30)
    yield from _connect(stage, plan)
    yield from stage.press("Ctrl+1")
    yield from search(stage, "lighthouse")
    yield from finished(stage)
    made = yield from _make_keys(stage)
    yield from _change_secrets(stage, secret)
    yield from stage.click("rail.audit")
    yield from stage.click("audit.verify")
    yield from _hear(stage, "The audit log is whole")
    yield from _look_after_people(stage, secret)
    made |= yield from _make_a_password(stage)
    # What the program has made up is told to the test, where nobody searches.
    Path(plan["made"]).write_text(json.dumps(made), encoding="utf-8")
    yield from stage.press("Ctrl+Shift+L")
    yield from stage.type_("lock.password", secret["mistyped"], then="Return")
    yield from _hear(stage, "That is not your password.")
    yield from stage.type_("lock.password", secret["own"], then="Return")
    yield from stage.type_("unlock.passphrase", secret["next passphrase"], then="Return")
    yield from stage.see("rail", 30)
    yield from stage.press("Ctrl+Shift+L")
    yield from stage.click("lock.sign_out")
    yield from stage.type_("sign_in.email", "ada@example.org")
    yield from stage.type_("sign_in.password", secret["mistyped"], then="Return")
    yield from _hear(stage, "E-mail address and password do not belong together.")
    yield from stage.type_("sign_in.password", secret["own"], then="Return")
    yield from stage.type_("unlock.passphrase", secret["mistyped"], then="Return")
    yield from _hear(stage, "That passphrase does not open the vault.")
    yield from stage.type_("unlock.passphrase", secret["next passphrase"], then="Return")
    yield from stage.see("rail", 30)
    stage.tell("signed in again")
    yield from stage.press("Ctrl+Q")


def _look_after_people(stage: Stage, secret: dict[str, str]) -> Steps:
    """Make an account, reset its password, and change one's own."""
    yield from stage.press("Ctrl+5")
    yield from stage.click("users.create")
    yield from stage.type_("users.new.name", "Bob")
    yield from stage.type_("users.new.email", "bob@example.org")
    yield from stage.type_("users.new.password", secret["bob"])
    yield from stage.click("users.new.accept")
    yield from stage.until(lambda: stage.rows("users.table") == 2, "the account")
    yield from stage.click("users.reset")
    yield from stage.type_("users.reset.password", secret["reset"])
    yield from stage.click("users.reset.accept")
    yield from _hear(stage, "Bob has a temporary password")
    yield from stage.press("Ctrl+K")
    yield from stage.type_("palette.query", "change password", then="Return")
    yield from stage.type_("password.current", secret["mistyped"])
    yield from stage.type_("password.new", secret["own"])
    yield from stage.type_("password.again", secret["own"], then="Return")
    yield from _hear(stage, "That is not your password.")
    yield from stage.type_("password.current", secret["password"], then="Return")
    yield from _hear(stage, "Your password is changed")


def _make_keys(stage: Stage) -> Generator[Wait, None, dict[str, str]]:
    """A key that is made, copied, verified and rotated."""
    yield from stage.press("Ctrl+4")
    yield from stage.click("keys.create_first")
    yield from stage.type_("keys.name", "Reports")
    yield from stage.click("keys.dialog.accept")
    key = yield from _store_key(stage)
    yield from stage.click("keys.verify")
    yield from stage.type_("keys.verify.text", key, then="Return")
    yield from _hear(stage, "It works.")
    yield from stage.click("keys.verify.close")
    yield from stage.click("keys.rotate")
    yield from stage.click("keys.rotation.accept")
    return {"key": key, "rotated key": (yield from _store_key(stage))}


def _store_key(stage: Stage) -> Generator[Wait, None, str]:
    yield from stage.see("keys.made.text", 30)
    key = stage.get("keys.made.text", QLabel).text()
    yield from stage.click("keys.made.copy")
    yield from stage.click("keys.made.stored")
    yield from stage.click("keys.made.close")
    return key


def _make_a_password(stage: Stage) -> Generator[Wait, None, dict[str, str]]:
    """An account whose password the program makes up."""
    yield from stage.press("Ctrl+5")
    yield from stage.click("users.create")
    yield from stage.type_("users.new.name", "Eve")
    yield from stage.type_("users.new.email", "eve@example.org")
    yield from stage.click("users.new.accept")
    yield from stage.see("users.temporary.password", 30)
    made = stage.get("users.temporary.password", QLabel).text()
    yield from stage.click("users.temporary.copy")
    yield from stage.click("users.temporary.close")
    return {"temporary password": made}


def _change_secrets(stage: Stage, secret: dict[str, str]) -> Steps:
    """Another key for the vault, and another passphrase."""
    yield from stage.press("Ctrl+9")
    yield from stage.click("settings.secrets.rotate")
    yield from stage.click("settings.rotate.accept")
    yield from stage.until(
        lambda: stage.find("settings.rotate", QWidget) is None, "the new key", 60
    )
    yield from stage.click("settings.secrets.passphrase")
    yield from stage.type_("settings.passphrase.before", secret["passphrase"])
    yield from stage.type_("settings.passphrase.first", secret["next passphrase"])
    yield from stage.type_("settings.passphrase.second", secret["next passphrase"])
    yield from stage.click("settings.passphrase.accept")
    yield from stage.until(
        lambda: stage.find("settings.passphrase", QWidget) is None, "the new passphrase", 60
    )


def _hear(stage: Stage, sentence: str) -> Steps:
    """Wait until the window says so."""
    yield from stage.until(
        lambda: any(
            label.isVisible() and sentence in label.text()
            for label in stage.window().findChildren(QLabel)
        ),
        sentence,
        30,
    )


def _connect(stage: Stage, plan: dict[str, Any]) -> Steps:
    yield from stage.press("Ctrl+2")
    yield from stage.click("connections.add_first")
    for field in ("name", "host", "port", "database", "username"):
        yield from stage.type_(f"connections.{field}", str(plan[field]))
    for password in (plan["secrets"]["refused"], plan["secrets"]["tenant"]):
        yield from stage.type_("connections.password", password)
        yield from stage.click("connections.test")
        yield from stage.see("connections.check.result", 30)
    yield from stage.click("connections.save")
    yield from stage.until(lambda: stage.rows("connections.list") == 1, "the connection")


if __name__ == "__main__":
    PLAN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    make_loud(Path(PLAN["output"]))
    play(lambda stage: secret_day(stage, PLAN), Path(PLAN["output"]))
