"""Several programs that write to one audit log at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.store import Store
from tests import store_worker
from tests.forks import build_forks
from tests.records import a_user
from tests.stores import StorePlace

_DEADLINE_S = 120.0
_WRITERS = 8
_CONNECTIONS = 30


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.store_worker")


def test_eight_programs_write_one_unbroken_chain(
    processes: Any, place: StorePlace, store: Store
) -> None:
    user = a_user()
    store.users.create_(user, "hash")
    before = walk_chain(store.audit, None, ignore_progress, CancelToken()).rows
    pipes = [processes.Pipe() for _ in range(_WRITERS)]
    children = [
        processes.Process(
            target=store_worker.write_audited,
            args=(place.location.url, place.password, user.id, _CONNECTIONS, theirs),
        )
        for _, theirs in pipes
    ]
    for child in children:
        child.start()
    try:
        for ours, _ in pipes:
            assert ours.poll(_DEADLINE_S)
            assert ours.recv() == "ready"
        for ours, _ in pipes:
            ours.send("go")
        answers = []
        for ours, _ in pipes:
            assert ours.poll(_DEADLINE_S)
            answers.append(ours.recv())
    finally:
        for child in children:
            child.kill()
            child.join(_DEADLINE_S)
            child.close()
    events = _CONNECTIONS + _CONNECTIONS // 2
    assert answers == [events] * _WRITERS
    verdict = walk_chain(store.audit, None, ignore_progress, CancelToken())
    assert verdict.intact
    assert verdict.rows == before + _WRITERS * events
    left = {record.id for record in store.connections.list_(user.id, active_only=False)}
    told: set[str] = set()
    for record in store.audit.list_(AuditQuery(), after_sequence=before, limit=10_000):
        if record.event.action == "connection.created":
            told.add(record.event.subject_id)
        else:
            told.remove(record.event.subject_id)
    assert told == left
