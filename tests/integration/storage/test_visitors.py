"""Who else has the metadata store open."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from altus4_desktop.storage import visitors as visitors_module
from tests.stores import StorePlace, file_place
from tests.waiting import wait_until


def test_other_sessions_are_told_from_our_own(on_server: StorePlace) -> None:
    with contextlib.closing(on_server.open()) as store:
        store.migrator.upgrade()
        alone = store.migrator.visitors()
        assert alone.others == ()
        assert [visitor.own for visitor in alone.visitors] == [True]
        with contextlib.closing(on_server.open()) as other:
            other.users.list_()
            report = store.migrator.visitors()
            assert len(report.others) == 1
            visitor = report.others[0]
            assert visitor.account == on_server.location.username
            assert visitor.host in ("127.0.0.1", "localhost")
            assert visitor.program.startswith("Sleep")
            assert visitor.since_s is not None
            assert visitor.number not in {each.number for each in report.visitors if each.own}
        assert not report.complete
        assert "PROCESS" in report.reason


def test_what_others_have_in_their_statements_is_no_matter(on_server: StorePlace) -> None:
    """A letter of four bytes."""
    on_server.query(f"GRANT PROCESS ON *.* TO '{on_server.location.username}'@'%'")
    lock = on_server.location.database
    with contextlib.closing(on_server.open()) as store, contextlib.ExitStack() as stack:
        store.migrator.upgrade()
        someone = stack.enter_context(ThreadPoolExecutor(1))
        ask = f"SELECT GET_LOCK('{lock}', 0), SLEEP(60), '😀'"
        asked = someone.submit(on_server.query, ask)
        held = f"SELECT IS_USED_LOCK('{lock}')"
        (number,) = wait_until(
            lambda: [row[0] for row in on_server.query(held) if row[0] is not None],
            timeout_s=10,
            what="the statement",
        )
        try:
            others = {visitor.number for visitor in store.migrator.visitors().others}
        finally:
            on_server.query(f"KILL {number}")
            asked.exception(10)
        assert number in others


def test_whoever_may_see_all_sessions_is_told_so(on_server: StorePlace) -> None:
    on_server.query(f"GRANT PROCESS ON *.* TO '{on_server.location.username}'@'%'")
    with contextlib.closing(on_server.open()) as store:
        store.migrator.upgrade()
        report = store.migrator.visitors()
        assert report.complete
        assert report.reason == ""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's /proc")
def test_another_process_with_the_file_open_is_seen(tmp_path: Path) -> None:
    place = file_place(tmp_path)
    with contextlib.closing(place.open()) as store:
        store.migrator.upgrade()
        assert store.migrator.visitors().others == ()
        code = (
            "import sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1])\n"
            "connection.execute('SELECT * FROM users').fetchall()\n"
            "print('open', flush=True)\n"
            "sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(place.location.file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            report = store.migrator.visitors()
            assert [visitor.number for visitor in report.others] == [holder.pid]
            assert report.others[0].program.startswith("python")
            assert report.complete
            holder.communicate(b"")
        assert store.migrator.visitors().others == ()


def test_where_the_system_does_not_say_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors_module, "_PROCESSES", tmp_path)
    with contextlib.closing(file_place(tmp_path).open()) as store:
        report = store.migrator.visitors()
    assert not report.complete
    assert report.reason
    assert [visitor.number for visitor in report.visitors] == [os.getpid()]
