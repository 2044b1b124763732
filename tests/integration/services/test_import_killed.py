"""An import that is killed half way: what it said it saved is there, and a second run does the
rest."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.exchange import FileSource, ImportChoice, ItemState
from altus4_desktop.services import Services
from tests.records import a_user
from tests.servers import PROJECT

PASSPHRASE = "a passphrase of the vault"
COUNT = 40
# Says what it begins with; what it said before that is saved.
CHILD = f"""
import sys
from pathlib import Path
from altus4_desktop.app.compose import compose
from altus4_desktop.domain.exchange import FileSource, ImportChoice
services = compose(Path(sys.argv[1]))
services.metadata.open_()
services.vault.unlock({PASSPHRASE!r})
actor = services.metadata.store.users.find_(sys.argv[3]).as_actor()
preview = services.exchange.preview_(actor, FileSource(Path(sys.argv[2])))
choices = [ImportChoice(item.id) for item in preview.items]
services.exchange.import_(actor, preview, choices, lambda step: print(step.message, flush=True))
"""


def opened(folder: Path) -> Services:
    services = compose(folder)
    services.metadata.open_()
    return services


@pytest.mark.parametrize("kill_at", [1, 17, COUNT - 1])
def test_a_second_run_does_the_rest(tmp_path: Path, kill_at: int) -> None:
    data, source = tmp_path / "data", tmp_path / "many.csv"
    rows = "".join(f"n{number},h,{number + 1},d,u,p{number}\n" for number in range(COUNT))
    source.write_text(f"name,host,port,database,username,password\n{rows}", encoding="utf-8")
    with closing(opened(data)) as services:
        services.vault.set_up_passphrase(PASSPHRASE)
        user = a_user()
        services.metadata.store.users.create_(user, "hash")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data), str(source), user.id],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            if line.strip().endswith(f" n{kill_at}"):
                child.kill()
                break
        child.wait(30)
    with closing(opened(data)) as services:
        services.vault.unlock(PASSPHRASE)
        actor: Actor = user.as_actor()
        there = {one.name for one in services.connections.list_(actor)}
        assert there >= {f"n{number}" for number in range(kill_at)}
        preview = services.exchange.preview_(actor, FileSource(source))
        rest = [item for item in preview.items if item.state is ItemState.NEW]
        assert {item.name for item in rest}.isdisjoint(there)
        chosen = [ImportChoice(item.id) for item in rest]
        assert not services.exchange.import_(actor, preview, chosen).failures
        saved = services.connections.list_(actor)
        passwords = {
            one.name: services.connections.target_(actor, one.id).password_secret for one in saved
        }
        assert passwords == {f"n{number}": f"p{number}" for number in range(COUNT)}
        events = services.metadata.store.audit.list_(AuditQuery(), limit=500)
        imported = [one for one in events if one.event.action == "connection.imported"]
        assert sorted(one.event.subject_name for one in imported) == sorted(passwords)
