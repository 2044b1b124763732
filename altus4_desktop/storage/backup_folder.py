"""A folder of backups: their files, and a manifest in JSON beside each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from altus4_desktop.domain.backups import (
    FORMAT_VERSION,
    Backup,
    BackupContent,
    BackupReason,
    BinlogPosition,
    LogOrigin,
    ObjectSum,
    TableSum,
)
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import ConflictError, NotFoundError, StoreError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.storage.files import sync_folder

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_LOCK = ".lock"
_PART = ".part"
_BLOCK = 1 << 20

# One backup has most of the sums of the one before: who lists hundreds keeps each of them once.
_table_sum = lru_cache(maxsize=4096)(TableSum)
_object_sum = lru_cache(maxsize=4096)(ObjectSum)


# Told what came out of a backup and where it is; raises UnsoundError for what it refuses.
Check = Callable[[BackupContent, str], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """What was put in a place: ``kept`` is where the store is as it was, and of
    ``replaced_definers`` the objects belong to whoever restored them."""

    kept: str = ""
    replaced_definers: tuple[str, ...] = ()


class UnsoundError(Exception):
    """What came out of a backup is not a metadata store; the text says why."""


class BackupFolder:
    """The backups of one store in ``path``; one program at a time adds and removes.

    With ``is_chosen`` it is in a folder that somebody chose; `make_` made it then. It is not made
    anew unless another store has backups beside it: the disk may be away, and what is written to
    where a disk is mounted is not on it.
    """

    def __init__(self, path: Path, *, is_chosen: bool = False) -> None:
        self.path = path
        self._is_chosen = is_chosen

    def make_(self) -> None:
        """Make the folder, of mode 0700, where it is not there yet; raises OSError."""
        make_private_folder(self.path)

    def is_there(self) -> bool:
        """Whether the folder is there; one that can be made anew need not be yet.

        Raises StoreError (``backup.away``) for one that is missing or is no folder, OSError.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISDIR(self.path.stat().st_mode):
                return True
        nearest = next(one for one in (self.path, *self.path.parents) if os.path.lexists(one))
        if not nearest.is_dir():
            raise _away("“{folder}” is no folder: backups cannot be kept in it.", nearest)
        if self._is_chosen and not any(self.path.parent.glob(f"*/{_LOCK}")):
            raise _away("The backups folder “{folder}” is not there.", self.path)
        return False

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder of mode 0700 where it may be, and keep others from changing it; what a
        program that was killed has left half written is removed.

        Raises StoreError (``backup.away``), ConflictError (``backup.busy``) while another program
        is at it, OSError.
        """
        self.is_there()
        self.make_()
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            for pattern in (f"*{_PART}*", ".*.json.*"):
                for left in self.path.glob(pattern):
                    left.unlink(missing_ok=True)
            yield
        finally:
            os.close(descriptor)

    def new_id(self) -> str:
        """A name for the next backup."""
        return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"

    def next_sequence(self) -> int:
        """The number of the next backup; raises OSError."""
        return max((backup.sequence for backup in self.list_()), default=0) + 1

    def draft(self, file_name: str) -> Path:
        """Where the file is written until it is whole."""
        return self.path / f"{file_name}{_PART}"

    def file(self, backup: Backup) -> Path:
        """The file of ``backup``."""
        return self.path / backup.file_name

    def keep(self, draft: Path, backup: Backup) -> None:
        """Give the file in ``draft``, which is on disk, its name, and then its manifest.

        Without a manifest a file is no backup. Raises OSError; nothing is left of it then.
        """
        file = self.file(backup)
        try:
            draft.rename(file)
            sync_folder(self.path)
            self.write(backup)
        except BaseException:
            file.unlink(missing_ok=True)
            raise

    def write(self, backup: Backup) -> None:
        """Write the manifest of ``backup``, or replace it; raises OSError."""
        document = {"format": FORMAT_VERSION, **asdict(backup)}
        document["created_at"] = _text(backup.created_at)
        document["verified_at"] = backup.verified_at and _text(backup.verified_at)
        document["copied_at"] = backup.copied_at and _text(backup.copied_at)
        if backup.log_origin is not None:
            begun_at = backup.log_origin.begun_at
            document["log_origin"] |= {
                "taken_at": _text(backup.log_origin.taken_at),
                "begun_at": begun_at and _text(begun_at),
            }
        text = json.dumps(document, indent=2, ensure_ascii=False)
        write_private(self._manifest(backup.id), text.encode() + b"\n")

    def list_(self) -> list[Backup]:
        """Every backup, the oldest first; one whose manifest or file cannot be used is bad.

        Raises StoreError (``backup.away``), OSError.
        """
        found = []
        if self.is_there():
            names = {path.name.partition(".")[0] for path in self.path.iterdir()}
            for backup_id in names:
                if _ID.fullmatch(backup_id):
                    with contextlib.suppress(NotFoundError):
                        found.append(self.get_(backup_id))
        return sorted(found, key=lambda backup: (backup.sequence, backup.id))

    def get_(self, backup_id: str) -> Backup:
        """One backup by id; raises NotFoundError, StoreError (``backup.away``), OSError."""
        if self.is_there() and _ID.fullmatch(backup_id):
            try:
                return self._read(backup_id)
            except FileNotFoundError:
                # Somebody removed the manifest, or this program was killed before it wrote one.
                for file in self.path.glob(f"{backup_id}.*"):
                    # Nor is what a database keeps beside a draft.
                    if _PART not in file.name:
                        return _unreadable(backup_id, "it has no manifest")
        raise NotFoundError(
            "There is no backup “{id}”.",
            hint="“backup list” shows their ids.",
            code="backup.not_found",
            details={"id": backup_id},
        )

    def is_closed(self, backup: Backup) -> bool:
        """Whether the manifest of ``backup`` is there and cannot be read: a disk that fails for a
        moment says nothing of what is in it."""
        try:
            read_private(self._manifest(backup.id))
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def remove_(self, backup: Backup) -> None:
        """Remove the manifest, and then the file: half of it is no backup; raises OSError."""
        self._manifest(backup.id).unlink(missing_ok=True)
        # A manifest that cannot be read says nothing of its file.
        for file in self.path.glob(f"{backup.id}.*"):
            file.unlink(missing_ok=True)
        sync_folder(self.path)

    def problem_of_file(self, backup: Backup, token: CancelToken) -> str:
        """What is wrong with the file of ``backup`` as it lies there, by its SHA-256; empty when it
        is as it was written. Raises OSError for anything but a missing file, Cancelled."""
        try:
            size = self.file(backup).stat().st_size
            if size != backup.size_bytes:
                return f"its file has {size} bytes, not {backup.size_bytes}"
            if file_digest(self.file(backup), token) != backup.sha256:
                return "its file was changed"
        except FileNotFoundError:
            return "its file is gone"
        return ""

    def _manifest(self, backup_id: str) -> Path:
        return self.path / f"{backup_id}.json"

    def _read(self, backup_id: str) -> Backup:
        try:
            backup = _backup(json.loads(read_private(self._manifest(backup_id))))
            if backup.id != backup_id:
                raise ValueError(backup.id)
        except FileNotFoundError:
            raise
        except OSError as error:
            # The others can be listed, and more of them made, all the same.
            reason = error.strerror or type(error).__name__
            return _unreadable(backup_id, f"its manifest cannot be read: {reason}")
        except (ValueError, TypeError, KeyError, AttributeError):
            return _unreadable(backup_id, "its manifest cannot be read")
        if not backup.problem and not self.file(backup).is_file():
            return replace(backup, problem="its file is gone")
        return backup


def file_digest(path: Path, token: CancelToken) -> str:
    """The SHA-256 of a file; raises OSError, Cancelled."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            token.raise_if_cancelled()
            digest.update(block)
    return digest.hexdigest()


def _lock(descriptor: int) -> None:
    if os.name != "posix":
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConflictError(
            "Another backup of this store is under way.",
            hint="Wait until it has finished.",
            code="backup.busy",
        ) from None


def _backup(document: dict[str, Any]) -> Backup:
    if document.pop("format") != FORMAT_VERSION:
        raise ValueError("format")
    file_name = document["file_name"]
    if Path(file_name).name != file_name or not file_name.startswith(document["id"]):
        # A manifest that was tampered with leads nowhere else.
        raise ValueError("file_name")
    position, verified_at = document["binlog"], document["verified_at"]
    copied_at, origin = document.get("copied_at"), document.get("log_origin")
    objects = document.get("objects")
    backup = Backup(
        **{
            **document,
            "created_at": datetime.fromisoformat(document["created_at"]),
            "reason": BackupReason(document["reason"]),
            "tables": tuple(_table_sum(**table) for table in document["tables"]),
            "binlog": position and BinlogPosition(**position),
            "left_out": tuple(document["left_out"]),
            "verified_at": verified_at and datetime.fromisoformat(verified_at),
            "copied_at": copied_at and datetime.fromisoformat(copied_at),
            "log_origin": origin and _log_origin(origin),
            "objects": None if objects is None else tuple(_object_sum(**one) for one in objects),
        }
    )
    if backup.created_at.tzinfo is None or not isinstance(backup.sequence, int):
        raise ValueError("created_at")
    return backup


def _log_origin(document: dict[str, Any]) -> LogOrigin:
    begun_at = document["begun_at"]
    return LogOrigin(
        **{
            **document,
            "taken_at": datetime.fromisoformat(document["taken_at"]),
            "begun_at": begun_at and datetime.fromisoformat(begun_at),
        }
    )


def _unreadable(backup_id: str, problem: str) -> Backup:
    stamp = backup_id.partition("-")[0]
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        # It only looks like an instant.
        at = datetime.fromtimestamp(0, UTC)
    return Backup(
        id=backup_id,
        sequence=0,
        created_at=at,
        reason=BackupReason.WANTED,
        store="",
        dialect="",
        server_version="",
        app_version="",
        revision="",
        file_name="",
        sha256="",
        size_bytes=0,
        content_bytes=0,
        tables=(),
        problem=problem,
    )


def _away(message: str, folder: Path) -> StoreError:
    return StoreError(
        message,
        hint="Mount the disk that it is on. If it has never been there, make it, or choose a "
        "folder under “Schedule and folder” in the window.",
        code="backup.away",
        details={"folder": str(folder)},
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def failed(what: str, problem: str) -> StoreError:
    """That a backup could not be made, checked or restored, and why."""
    return StoreError(
        "{what}: {problem}.",
        hint="Earlier backups are as they were. Look at the server and the disk, then try again.",
        code="backup.failed",
        details={"what": what, "problem": problem},
    )
