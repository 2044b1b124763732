"""Every write of a repository can be told, and a service that forgets to tell is found out."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.app.compose import compose
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.services import Services
from altus4_desktop.services.audit import build_event
from altus4_desktop.storage import repositories
from tests.audited import UNAUDITED, watched, writing_methods
from tests.records import a_search, a_user


def _repositories() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(repositories.__path__):
        members = vars(importlib.import_module(f"{repositories.__name__}.{module.name}"))
        found |= {
            name: member
            for name, member in members.items()
            if inspect.isclass(member) and name.endswith("Repository")
        }
    return found


_WRITES = {
    f"{name}.{method}": signature
    for name, repository in _repositories().items()
    for method, signature in writing_methods(repository).items()
}


def test_writes_are_found() -> None:
    assert len(_repositories()) >= 7
    assert {"UserRepository.create_", "SearchRepository.delete_", "AuditRepository.add_"} <= {
        *_WRITES
    }
    assert "UserRepository.find_" not in _WRITES


@pytest.mark.parametrize("name", sorted(_WRITES))
def test_a_write_takes_the_events_it_makes_true(name: str) -> None:
    takes = {"events", "event"} & {*_WRITES[name].parameters}
    assert takes or name in UNAUDITED, "say in tests/audited.py why nobody needs to know"


def test_what_is_not_told_is_still_there() -> None:
    assert {*UNAUDITED} <= {*_WRITES}
    assert all(UNAUDITED.values())


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with closing(compose(tmp_path)) as made:
        made.metadata.open_()
        yield made


def test_a_service_that_forgets_is_found_out(services: Services) -> None:
    user = a_user()
    store = services.metadata.store
    store.users.create_(user, "hash")
    pretended: dict[str, Any] = {"__name__": "altus4_desktop.services.pretended"}
    code = "def forget(searches, user_id):\n    searches.delete_(user_id, ['x'])"
    exec(code, pretended)  # a service is known by the name of its module
    with watched() as forgotten:
        store.searches.add_(a_search(user, "x"))
        assert services.history.delete_(user.as_actor()) == 1
        assert forgotten == []
        pretended["forget"](store.searches, user.id)
    assert forgotten == ["SearchRepository.delete_"]


def test_a_test_that_prepares_a_store_is_not_meant(services: Services) -> None:
    store = services.metadata.store
    with watched() as forgotten:
        user = a_user()
        store.users.create_(user, "hash")
        store.audit.add_([build_event(None, "user.created", SubjectKind.USER, user.id)])
    assert forgotten == []
