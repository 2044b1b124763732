"""Every method of every service, called by everybody, answers as `tests.permission_table` says."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from altus4_desktop.domain.accounts import Actor, Role
from altus4_desktop.domain.errors import AccessError, ConflictError, NotFoundError, TenantError
from tests.permission_table import CALLS, expected_answers, public_methods
from tests.permission_world import COLUMNS, Cast, Person, UnseenError, World

EXPECTED = expected_answers()
DONE = {"ok", "server"}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with closing(Cast(tmp_path_factory.mktemp("cast") / "data")) as made:
        yield made


@pytest.fixture
def world(cast: Cast, tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path / "data", cast)) as made:
        yield made


def answer(world: World, method: str, who: Actor | None, of: Person) -> str:
    """What happens, in the table's words."""
    try:
        CALLS[method](world, world.services, who, of)  # type: ignore[arg-type]  # None, where it may be
    except UnseenError:
        return "unseen"
    except NotFoundError:
        return "missing"
    except ConflictError:
        return "kept"
    except AccessError as refusal:
        return refusal.code.removeprefix("access.").removeprefix("password_")
    except TenantError:
        return "server"
    return "ok"


def everything(folder: Path) -> dict[str, object]:
    """Every row of the store and every file of the data folder."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(folder / "metadata.sqlite3")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in names:
            found[name] = connection.execute(f'SELECT * FROM "{name}"').fetchall()
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("metadata.sqlite3"):
            found[str(path)] = path.read_bytes()
    return found


@pytest.mark.parametrize("method", sorted(EXPECTED))
def test_everybody_gets_the_answer_of_the_table(world: World, method: str) -> None:
    expected = EXPECTED[method]
    got = {}
    # Those who are refused come first: what the others do goes on in the background.
    for column in sorted(COLUMNS, key=lambda name: expected[name] in DONE):
        got[column] = _called(world, method, *world.cast.callers[column])
    assert got == expected, (
        f"{method}: change the service, or its line in tests/permission_table.py"
    )


def _called(world: World, method: str, who: Actor | None, of: Person) -> str:
    before = everything(world.folder)
    word = answer(world, method, who, of)
    if word not in DONE:
        assert everything(world.folder) == before, f"{method} was refused and changed something"
    return word


@pytest.mark.parametrize("method", sorted(EXPECTED))
def test_what_an_actor_says_of_themselves_changes_nothing(world: World, method: str) -> None:
    """A role that was given or taken since they signed in; a user's key that allows everything."""
    expected = EXPECTED[method]
    stale, other = world.cast.callers["another"]
    assert _called(world, method, replace(stale, role=Role.ADMIN), other) == expected["another"]
    user, other = world.cast.callers["user-key"]
    # What an admin's key with every permission may not do is done in person, or not at all.
    in_person = expected["another"] in DONE and expected["full-key"] == "key"
    by_key = "key" if in_person else expected["another"]
    assert _called(world, method, replace(user, role=Role.ADMIN), other) == by_key
    risen, other = world.cast.callers["admin"]
    assert _called(world, method, replace(risen, role=Role.USER), other) == expected["admin"]


def test_nobody_may_call_without_an_actor(world: World) -> None:
    """Where a signature allows None it is for a store that cannot be asked; this one can."""
    optional = [
        method
        for method, signature in public_methods(world.services).items()
        if re.search(r"Actor \| None|Optional", str(signature).partition(" -> ")[0])
    ]
    assert optional
    for method in optional:
        assert _called(world, method, None, world.cast.callers["another"][1]) == "denied"
