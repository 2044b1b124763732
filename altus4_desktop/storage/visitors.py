"""Who else has the metadata store open."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.revisions import Visitor, VisitorReport

# MySQL's table of the same in information_schema fails while the statement of any session has a
# letter in it that takes four bytes.
_SESSIONS = "SHOW PROCESSLIST"
_SEES_ALL = re.compile(r"^GRANT .*\b(ALL PRIVILEGES|PROCESS)\b.* ON \*\.\* ", re.IGNORECASE)
_PROCESSES = Path("/proc")

_own: weakref.WeakKeyDictionary[sa.Engine, weakref.WeakSet[Any]] = weakref.WeakKeyDictionary()


def remember_sessions(engine: sa.Engine) -> None:
    """Have the server sessions that ``engine`` opens known as this program's own."""
    sessions: weakref.WeakSet[Any] = weakref.WeakSet()
    _own[engine] = sessions

    def remember(session: Any, _: object) -> None:
        sessions.add(session)

    sa.event.listen(engine, "connect", remember)


def find_sessions(engine: sa.Engine) -> VisitorReport:
    """The sessions that use the database of ``engine`` on its server."""
    with engine.connect() as connection:
        own = {session.thread_id() for session in _own.get(engine, ())}
        database = str(connection.exec_driver_sql("SELECT DATABASE()").scalar()).casefold()
        sessions = connection.exec_driver_sql(_SESSIONS).all()
        visitors = tuple(
            Visitor(
                number=int(number),
                account=str(user),
                # The port says nothing to a person.
                host=str(host or "").rpartition(":")[0] or str(host or ""),
                program=_doing(command, state),
                since_s=None if since_s is None else max(0, int(since_s)),
                own=int(number) in own,
            )
            for number, user, host, used, command, since_s, state, *_ in sorted(
                sessions, key=lambda session: int(session[0])
            )
            if str(used or "").casefold() == database
        )
        grants = connection.exec_driver_sql("SHOW GRANTS FOR CURRENT_USER()").scalars()
        complete = any(_SEES_ALL.match(str(grant)) for grant in grants)
    reason = (
        "" if complete else "Without the privilege PROCESS only sessions of this account are seen."
    )
    return VisitorReport(visitors, complete, reason)


def find_processes(file: Path) -> VisitorReport:
    """The processes of this computer that have ``file`` open, as far as the system tells."""
    own = Visitor(os.getpid(), "", "", Path(sys.argv[0]).name, None, own=True)
    if not _PROCESSES.joinpath("self", "fd").is_dir():
        return VisitorReport(
            (own,), complete=False, reason="This system does not say who has a file open."
        )
    found = [own, *_holders(file)]
    # The file is its owner's alone, and so are the processes that can have it open.
    return VisitorReport(tuple(found), complete=True)


def _holders(file: Path) -> Iterator[Visitor]:
    wanted = set()
    for path in (file, file.with_name(f"{file.name}-wal")):
        with contextlib.suppress(OSError):
            status = path.stat()
            wanted.add((status.st_dev, status.st_ino))
    for process in _PROCESSES.iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        # A process may end, or belong to somebody else, while it is looked at.
        with contextlib.suppress(OSError):
            if any(_identity(entry) in wanted for entry in (process / "fd").iterdir()):
                name = (process / "comm").read_text("utf-8", "replace").strip()
                since_s = max(0, round(time.time() - process.stat().st_mtime))
                yield Visitor(int(process.name), "", "", name, since_s, own=False)


def _identity(entry: Path) -> tuple[int, int] | None:
    try:
        status = entry.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _doing(command: object, state: object) -> str:
    return ", ".join(str(word).strip() for word in (command, state) if word and str(word).strip())
