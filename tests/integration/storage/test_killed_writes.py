"""The program is killed at a random instant of each kind of write: the write is done, with its
event, or it is not; what was acknowledged is done; and the next program does the rest."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from altus4_desktop.domain.audit import AuditEvent, SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.audit_walk import walk_chain
from altus4_desktop.storage.store import Store
from tests import store_worker, torture
from tests.forks import build_forks
from tests.store_writes import WRITES, empty, prepare, state, times_told
from tests.stores import StorePlace
from tests.waiting import wait_until

pytestmark = pytest.mark.torture

_DEADLINE_S = 60.0
# A program that has just begun takes longer than one that has written before, and how much longer
# is the machine's affair: half of the kills shall come before the write is done, half after it.
_SLOWER, _STEP = 1.5, 1.1


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.store_worker")


def test_a_write_is_done_or_not_whenever_it_is_killed(
    processes: Any, place: StorePlace, store: Store
) -> None:
    dice = torture.dice(f"killed writes on {place.name}")
    kills = torture.times(5, 1_000 if place.on_file else 300)
    whole = place.fingerprint()
    names = [*WRITES] * (kills // len(WRITES)) + dice.sample([*WRITES], kills % len(WRITES))
    dice.shuffle(names)
    wanted: dict[str, tuple[dict[str, list[str]], float]] = {}
    done = acknowledged = 0
    slower = _SLOWER
    for number, name in enumerate(names):
        if name not in wanted:
            wanted[name] = _whole_write(store, name)
        after, took_s = wanted[name]
        empty(store)
        prepare(store)
        before = state(store)
        event = build_event(None, name, SubjectKind.STORE)
        told = _kill_at_it(processes, place, name, event, dice.uniform(0.0, took_s * slower))
        label = f"{name}, kill {number} of {kills}"
        found = state(store)
        assert found in (before, after), label
        assert found == after or not told, f"{label}: an acknowledged write is lost"
        events = times_told(store, event)
        assert events <= (found == after), label
        acknowledged += told
        done += found == after
        slower = slower / _STEP if found == after else slower * _STEP
        # Whoever comes next does it, or finds that it is done.
        if found == before:
            WRITES[name](store, [event])
            assert state(store) == after, label
        if place.on_file:
            assert place.query("PRAGMA integrity_check") == [("ok",)], label
        torture.tidy()
    assert place.fingerprint() == whole
    assert walk_chain(store.audit, None, ignore_progress, CancelToken()).intact
    torture.tell(
        f"{place.name}: killed {kills} times in {len(WRITES)} kinds of write: {done} were done, "
        f"{acknowledged} of them acknowledged, the others had left nothing"
    )


def _whole_write(store: Store, name: str) -> tuple[dict[str, list[str]], float]:
    empty(store)
    prepare(store)
    began = time.perf_counter()
    WRITES[name](store, [build_event(None, name, SubjectKind.STORE)])
    return state(store), time.perf_counter() - began


def _kill_at_it(
    processes: Any, place: StorePlace, name: str, event: AuditEvent, after_s: float
) -> bool:
    """Whether the write was acknowledged before its program was killed."""
    ours, theirs = processes.Pipe()
    arguments = (place.location.url, place.password, name, event, theirs)
    sessions = _sessions(place)
    process = processes.Process(target=store_worker.write, args=arguments)
    process.start()
    theirs.close()
    with closing(ours):
        assert ours.poll(_DEADLINE_S)
        assert ours.recv() == "ready"
        ours.send("go")
        threading.Event().wait(after_s)
        process.kill()
        process.join(_DEADLINE_S)
        process.close()
        told = False
        if ours.poll(0):
            # One that is killed before it answers leaves the end of the pipe, or a broken one.
            with contextlib.suppress(EOFError, OSError):
                told = ours.recv() == "done"
    # What it had sent is still being done by the server.
    wait_until(
        lambda: _sessions(place) <= sessions, timeout_s=_DEADLINE_S, what="the end of its session"
    )
    return told


def _sessions(place: StorePlace) -> int:
    if place.on_file:
        return 0
    user = place.location.username
    return sum(row[1] == user for row in place.query("SHOW PROCESSLIST"))
