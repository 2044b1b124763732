"""The data key is changed under 200 rows: killed at every one of them, two programs at once, with
somebody reading all the time."""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.audit import AuditQuery
from altus4_desktop.storage.tables import databases
from tests import torture, vault_worker
from tests.forks import build_forks
from tests.stores import StorePlace
from tests.vault_worker import POINTS, Workstation, workstation_at

ROWS, FEW = 200, 30
_DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def processes() -> Any:
    """Child processes forked from a clean one that has imported everything already."""
    return build_forks("tests.vault_worker")


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


@pytest.mark.torture
def test_killed_at_any_instant(processes: Any, tmp_path: Path, place: StorePlace) -> None:
    """Whatever a rotation is doing when it is killed: every secret opens, and the next one ends."""
    folder = tmp_path / "desk"
    arguments = (folder, place.location.url, place.password, None, "")
    _filled(folder, place, FEW)
    secrets = FEW + FEW // 20 + 1
    dice = torture.dice(f"killed rotations on {place.name}")
    kills = torture.times(3, 1_000 if place.on_file else 300)
    whole, rows = place.fingerprint(), _unsealed(place)
    ended: Counter[str] = Counter()
    # Half of the kills shall come before the rotation is done, half after it.
    reach_s = 0.4
    unused = 0
    for number in range(kills):
        label = f"kill {number} of {kills}"
        told = False
        with _child(processes, vault_worker.rotate, *arguments) as (killed, answer):
            killed.join(dice.uniform(reach_s / 4, reach_s))
            killed.kill()
            killed.join(_DEADLINE_S)
            if answer.poll(0):
                # One that is killed before it answers leaves the end of the pipe, or a broken one.
                with contextlib.suppress(EOFError, OSError):
                    _, told = answer.recv()
        reach_s *= 1 / 1.3 if told else 1.3
        with closing(workstation_at(folder, place)) as fresh:
            fresh.vault.ensure_ready()
            broken_off = bool(fresh.vault.status().older_key_ids)
            assert not (told and broken_off), label
            assert fresh.open_all() == secrets, label
            assert fresh.keys.rotate_(fresh.actor()).finished, label
            status = fresh.vault.status()
            assert (status.older_key_ids, _key_ids(fresh)) == ((), {status.key_id}), label
            # Killed after the keyring had the new key and before the vault: nothing is sealed with
            # it, and nobody asks for it.
            left = fresh.keyring.names() - 1 - unused  # type: ignore[attr-defined]  # a FileKeyring
            assert left == 0 or (left == 1 and not told and not broken_off), label
            unused += left
            assert fresh.open_all() == secrets, label
        assert _unsealed(place) == rows, label
        torture.tidy()
        ended["done" if told else "broken off" if broken_off else "not begun, or not told"] += 1
    assert place.fingerprint() == whole
    outcomes = ", ".join(f"{count} {what}" for what, count in sorted(ended.items()))
    torture.tell(
        f"{place.name}: killed {kills} times while the data key was changed ({outcomes}): every "
        "secret opened, the next change came to its end, all other columns as they were; "
        f"{unused} keys that seal nothing left in the keyring"
    )


def _unsealed(place: StorePlace) -> list[str]:
    """What of the connections no change of the key may touch."""
    sealed = ("password_encrypted", "connection_config", "updated_at")
    columns = ", ".join(column.name for column in databases.columns if column.name not in sealed)
    return sorted(map(repr, place.query(f"SELECT {columns} FROM `{databases.name}`")))


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
