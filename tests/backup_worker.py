"""What child processes do to a store and its backups, to be killed while they do it."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from altus4_desktop.domain.backups import BackupReason
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.progress import ignore_progress
from altus4_desktop.storage import backups, file_backup, server_backup  # noqa: F401  # before the fork
from altus4_desktop.storage.backup_folder import BackupFolder
from altus4_desktop.storage.location import parse_store_url
from altus4_desktop.storage.store import open_store
from tests.store_worker import COUNTED, kill_before

WORK = ("create", "verify", "restore")


@dataclass(frozen=True)
class Order:
    """What to do with a backup in ``folder``; ``programs`` are looked through for the server's."""

    what: str
    url: str
    password: str | None
    programs: tuple[Path, ...]
    folder: Path
    backup_id: str


def work(order: Order, before_statement: int | None, pipe: Pipe) -> None:
    """When told to, do it, and send how many statements that took; die before the numbered one."""
    store = open_store(parse_store_url(order.url), order.password, dump_folders=order.programs)
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    for name in COUNTED:
        sa.event.listen(sa.Engine, name, count)
    pipe.send("ready")
    pipe.recv()
    if before_statement is not None:
        kill_before(before_statement)
    token, kept_in = CancelToken(), BackupFolder(order.folder)
    if order.what == "create":
        store.backups.make(kept_in, BackupReason.WANTED, "1", ignore_progress, token)
    elif order.what == "verify":
        store.backups.verify(kept_in, order.backup_id, ignore_progress, token)
    else:
        store.backups.restore(kept_in, order.backup_id, "", None, ignore_progress, token)
    pipe.send(statements)
    pipe.recv()
