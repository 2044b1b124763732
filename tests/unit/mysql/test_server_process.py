"""Whose process a number is, locks, and waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import Cancelled
from altus4_desktop.mysql.server_process import (
    FileLock,
    looks,
    process_arguments,
    process_began,
)


def test_a_process_is_known_by_when_it_began() -> None:
    mine = process_began(os.getpid())
    assert mine == process_began(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", "--datadir=/a folder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert process_began(child.pid) not in {None, mine}
        assert "--datadir=/a folder" in process_arguments(child.pid)
        child.communicate(b"\n")
    assert process_began(child.pid) is None
    assert process_arguments(child.pid) == []


def test_two_may_look_at_once_and_only_one_may_hold(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire(shared=True)
    assert second.acquire(shared=True)
    assert not first.acquire()
    second.release()
    assert first.acquire()
    assert not second.acquire(shared=True)
    first.release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_child_that_inherits_a_lock_holds_it_until_it_ends(tmp_path: Path) -> None:
    mine, probe = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert mine.acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(mine.descriptor,)
    ) as child:
        mine.release()
        assert not probe.acquire()
        child.communicate(b"\n")
    assert probe.acquire()
    probe.release()


def test_who_waits_looks_once_before_the_time_is_over() -> None:
    assert len(list(looks(0.0))) == 1
    assert len(list(looks(0.1))) > 1


def test_waiting_ends_when_nobody_wants_it_any_more() -> None:
    token = CancelToken()
    turns = looks(60.0, token)
    next(turns)
    token.cancel()
    with pytest.raises(Cancelled):
        next(turns)
