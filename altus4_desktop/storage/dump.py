"""A copy of a server's metadata database, made by the server's own dump program and proven."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage.client_programs import (
    NAMES,
    PACKAGES,
    Kind,
    Program,
    ProgramFailed,
    ServerAccess,
)
from altus4_desktop.storage.dump_objects import EVENTS, ROUTINES, object_lines
from altus4_desktop.storage.dump_reading import DumpContent, read_dump
from altus4_desktop.storage.files import sync_folder

_TELL_EVERY_BYTES = 1 << 20
_OPTIONS = (
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--no-tablespaces",
    "--triggers",
    "--routines",
    "--order-by-primary",
    "--default-character-set=utf8mb4",
)
# What some releases do unless told not to, with privileges this account need not have.
_REFUSALS = {
    "set-gtid-purged": "--set-gtid-purged=OFF",
    "column-statistics": "--column-statistics=0",
    "masking-policies": "--skip-masking-policies",
}


def dump_into(
    access: ServerAccess,
    draft: Path,
    options: Sequence[str],
    tables: Collection[str],
    progress: ProgressSink,
    token: CancelToken,
) -> DumpContent:
    """Dump the database of ``access`` into the new compressed file ``draft`` of mode 0600, have it
    on disk and read it back; ``tables`` are those that have to be in it.

    ``options`` are more than those of every dump. Raises StoreError (``store.no_copy`` without a
    program for it), ProgramFailed, Cancelled, OSError; whoever calls removes ``draft``.
    """
    program = access.find(Kind.DUMP)
    if program is None:
        raise no_copy(access)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        access.run(
            program,
            _arguments(program, access.location.database, options),
            token,
            take=lambda pipe: _compress(pipe, file, progress),
        )
        file.flush()
        os.fsync(file.fileno())
    progress(Progress("Reading the copy back"))
    try:
        with gzip.open(draft, "rb") as packed:
            content = read_dump(packed, lambda _: token.raise_if_cancelled())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ProgramFailed("it cannot be read back") from error
    if content.problem:
        raise ProgramFailed(content.problem)
    missing = set(tables) - {table.name for table in content.tables}
    if missing:
        raise ProgramFailed(f"the table {min(missing)} is not in it")
    return content


def read_database(
    access: ServerAccess, database: str, options: Sequence[str], token: CancelToken
) -> DumpContent:
    """What a dump of ``database`` would hold; nothing is kept of it. Raises as `dump_into` does."""
    program = access.find(Kind.DUMP)
    if program is None:
        raise no_copy(access)
    found: list[DumpContent] = []
    access.run(
        program,
        _arguments(program, database, options),
        token,
        take=lambda pipe: found.append(read_dump(pipe)),
    )
    if found[0].problem:
        raise ProgramFailed(found[0].problem)
    return found[0]


def read_objects(access: ServerAccess, kinds: Collection[str], token: CancelToken) -> bytes:
    """The text that makes the objects of ``kinds`` of the database of ``access`` again. Raises as
    `dump_into` does."""
    program = access.find(Kind.DUMP)
    if program is None:
        raise no_copy(access)
    options = ["--no-data", "--skip-triggers"]
    options += ["--events"] if EVENTS in kinds else []
    options += [] if ROUTINES in kinds else ["--skip-routines"]
    found: list[bytes] = []
    access.run(
        program,
        _arguments(program, access.location.database, options),
        token,
        take=lambda pipe: found.extend(object_lines(iter(pipe.readline, b""), kinds)),
    )
    return b"".join(found)


@dataclass(frozen=True, slots=True)
class ServerCopies:
    """Makes copies of one server's database in ``folder`` before its schema is changed."""

    access: ServerAccess
    folder: Path

    def can_copy(self) -> bool:
        """Whether there is a program for it."""
        return self.access.find(Kind.DUMP) is not None

    def make(
        self,
        label: str,
        tables: Collection[str],
        progress: ProgressSink,
        token: CancelToken,
    ) -> Path:
        """Copy the database into one compressed file of mode 0600 and read it back; its path.

        ``tables`` are those that have to be in it. Raises StoreError (``store.no_copy`` without a
        program for it, ``store.copy_failed``), Cancelled, OSError.
        """
        make_private_folder(self.folder)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        database = re.sub(r"[^\w-]", "_", self.access.location.database)
        copy = self.folder / f"{database}-{stamp}-{label}.sql.gz"
        draft = copy.with_name(f"{copy.name}.part")
        try:
            dump_into(self.access, draft, (), tables, progress, token)
            draft.rename(copy)
        except ProgramFailed as failure:
            draft.unlink(missing_ok=True)
            raise _failed(str(failure)) from failure
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self.folder)
        return copy


def no_copy(access: ServerAccess) -> StoreError:
    """The refusal to change a shared store that cannot be copied first."""
    if access.is_pinned:
        return StoreError(
            "The metadata store cannot be copied first: its server is known by one certificate, "
            "and the server's own programs cannot check that.",
            hint="Have the server checked by an authority (verify-identity), or agree to go ahead "
            "without a copy.",
            code="store.no_copy",
        )
    return StoreError(
        "The metadata store cannot be copied first: no “{program}” was found that can be used with "
        "this server.",
        hint="Install {package}, or agree to go ahead without a copy.",
        code="store.no_copy",
        details={
            "program": NAMES[Kind.DUMP, access.flavour][0],
            "package": PACKAGES[access.flavour],
        },
    )


def _failed(problem: str) -> StoreError:
    return StoreError(
        "The metadata store could not be copied ({problem}); nothing was changed.",
        hint="Look at the server and the disk, then try again, or go ahead without a copy.",
        code="store.copy_failed",
        details={"problem": problem},
    )


def _arguments(program: Program, database: str, options: Sequence[str]) -> list[str]:
    refusals = [_REFUSALS[name] for name in program.known(_REFUSALS)]
    return [*_OPTIONS, *options, *refusals, "--", database]


def _compress(pipe: IO[bytes], file: IO[bytes], progress: ProgressSink) -> None:
    done = told = 0
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6) as packed:
        while block := pipe.read(1 << 16):
            packed.write(block)
            done += len(block)
            if done - told >= _TELL_EVERY_BYTES:
                told = done
                progress(Progress(f"Copying the metadata store: {done >> 20} MiB"))
