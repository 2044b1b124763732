"""The data key is changed under 200 rows: killed at every one of them, two programs at once, with
somebody reading all the time."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.audit import AuditQuery
from tests import vault_worker
from tests.stores import StorePlace
from tests.vault_worker import POINTS, Workstation, workstation_at

ROWS = 200
_DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.vault_worker"])
    return context


@contextlib.contextmanager
def _child(processes: Any, target: Any, *arguments: Any) -> Iterator[tuple[Any, Any]]:
    ours, theirs = processes.Pipe()
    process = processes.Process(target=target, args=(*arguments, theirs))
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        if process.is_alive():
            process.kill()
        process.join(_DEADLINE_S)
        process.close()
        ours.close()


def _answer(pipe: Any) -> Any:
    assert pipe.poll(_DEADLINE_S), "the child says nothing"
    return pipe.recv()


def _filled(folder: Path, place: StorePlace, rows: int = ROWS) -> list[str]:
    """The ids of new connections in the order in which they are moved."""
    with closing(workstation_at(folder, place)) as desk:
        desk.vault.ensure_ready()
        user_id = desk.make_admin().user_id
        for number in range(rows):
            desk.save(user_id, number, ssh=number % 20 == 0)
        return list(dict.fromkeys(id_ for id_, _ in desk.store.connections.sealed_records()))


def _key_ids(desk: Workstation) -> set[str]:
    return {record.split(".")[1] for _, record in desk.store.connections.sealed_records()}


@pytest.mark.timeout(600)
def test_killed_at_every_row_with_a_reader_alongside(
    processes: Any, tmp_path: Path, place: StorePlace
) -> None:
    folder = tmp_path / "desk"
    arguments = (folder, place.location.url, place.password)
    row_ids = _filled(folder, place)
    with closing(workstation_at(folder, place)) as desk:
        first_key = desk.vault.status().key_id
    secrets = ROWS + ROWS // 20
    with _child(processes, vault_worker.read_for_ever, *arguments) as (_, reader):
        assert _answer(reader) == "ready"
        for number, row_id in enumerate(row_ids):
            point = POINTS[number % len(POINTS)]
            with _child(processes, vault_worker.rotate, *arguments, row_id, point) as (killed, _):
                killed.join(_DEADLINE_S)
                assert killed.exitcode == -signal.SIGKILL, f"row {number}, {point}"
            with closing(workstation_at(folder, place)) as fresh:
                fresh.vault.ensure_ready()
                assert fresh.open_all() == secrets, f"row {number}, {point}"
                assert fresh.vault.status().older_key_ids == (first_key,)
                assert fresh.keyring.names() == 2  # type: ignore[attr-defined]  # a FileKeyring
            assert not reader.poll(), _answer(reader)
        with _child(processes, vault_worker.rotate, *arguments, None, "") as (_, last):
            resealed, finished = _answer(last)
            assert finished
            assert resealed <= 1, "only what the last kill left"
        reader.send("stop")
        rounds = _answer(reader)
        assert isinstance(rounds, int), rounds
        assert rounds > 1
    with closing(workstation_at(folder, place)) as after:
        after.vault.ensure_ready()
        assert after.open_all() == secrets
        status = after.vault.status()
        assert (status.older_key_ids, _key_ids(after)) == ((), {status.key_id})
        assert status.key_id != first_key
        assert after.keyring.names() == 1  # type: ignore[attr-defined]  # a FileKeyring
        told = [record.event.action for record in after.store.audit.list_(AuditQuery(), limit=5)]
        assert told[:2] == ["vault.rotated", "vault.rotation_begun"]


@pytest.mark.timeout(300)
def test_two_programs_that_rotate_at_once(
    processes: Any, tmp_path: Path, place: StorePlace
) -> None:
    folder = tmp_path / "desk"
    arguments = (folder, place.location.url, place.password, None, "")
    _filled(folder, place, 40)
    with (
        _child(processes, vault_worker.rotate, *arguments) as (_, one),
        _child(processes, vault_worker.rotate, *arguments) as (_, two),
    ):
        answers = [_answer(one), _answer(two)]
    # Whoever came while the other was at it is told so, whoever came later made a further key.
    assert (40, True) in answers
    assert all(answer in ((40, True), "vault.rotating") for answer in answers)
    with closing(workstation_at(folder, place)) as after:
        after.vault.ensure_ready()
        assert after.open_all() == 42
        assert _key_ids(after) == {after.vault.status().key_id}
        assert after.keyring.names() == 1  # type: ignore[attr-defined]  # a FileKeyring
