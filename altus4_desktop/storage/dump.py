"""A copy of a server's metadata database, made by the server's own dump program and proven."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsMode
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.files import make_private_folder
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.storage.files import sync_folder
from altus4_desktop.storage.location import StoreLocation

_NAMES = {Flavour.MYSQL: ("mysqldump",), Flavour.MARIADB: ("mariadb-dump", "mysqldump")}
_PLACES = ("/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin", "/opt/homebrew/bin")
_ASKING_TIMEOUT_S = 10.0
_COMPLETE = b"-- Dump completed"
_TELL_EVERY_BYTES = 1 << 20
_ERRORS_LIMIT = 4000
_TLS_MODES = {
    TlsMode.DISABLED: "DISABLED",
    TlsMode.REQUIRED: "REQUIRED",
    TlsMode.VERIFY_CA: "VERIFY_CA",
    TlsMode.VERIFY_IDENTITY: "VERIFY_IDENTITY",
}


_OPTIONS = (
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--no-tablespaces",
    "--default-character-set=utf8mb4",
)
# What some releases do unless told not to, with privileges this account need not have.
_REFUSALS = {
    "set-gtid-purged": "--set-gtid-purged=OFF",
    "column-statistics": "--column-statistics=0",
    "masking-policies": "--skip-masking-policies",
}


@dataclass(frozen=True, slots=True)
class DumpProgram:
    """A program that belongs to the server's flavour."""

    path: Path
    version: str


def find_dump_program(flavour: Flavour, folders: Iterable[Path] = ()) -> DumpProgram | None:
    """The dump program of ``flavour`` in ``folders``, on PATH or where packages put it.

    One of the other flavour is passed over: it would write what this one cannot read. None also
    where a password cannot be handed over but by a file or an argument.
    """
    if os.name != "posix":
        return None
    path = (*folders, *os.environ.get("PATH", os.defpath).split(os.pathsep), *_PLACES)
    for name in _NAMES[flavour]:
        for folder in dict.fromkeys(map(str, path)):
            found = shutil.which(name, path=folder) if folder else None
            version = _answer(found, "--version") if found else ""
            if found and version and ("MariaDB" in version) == (flavour is Flavour.MARIADB):
                return DumpProgram(Path(found), version)
    return None


@dataclass(frozen=True, slots=True)
class ServerCopies:
    """Makes copies of one server's database in ``folder``.

    ``encrypted`` is what the store's own session has settled on: the copy does not take less.
    """

    location: StoreLocation
    password_secret: str = field(repr=False)
    flavour: Flavour
    encrypted: bool
    folder: Path
    look_in: tuple[Path, ...] = ()

    def find_program(self) -> DumpProgram | None:
        """What `make` would use; None: no copy can be made here. No program of any flavour takes
        exactly one certificate, as a pinned store has to."""
        mode = self.location.tls.mode
        if mode not in _TLS_MODES and mode is not TlsMode.PREFERRED:
            return None
        return find_dump_program(self.flavour, self.look_in)

    def make(
        self,
        label: str,
        tables: Sequence[str],
        progress: ProgressSink,
        token: CancelToken,
    ) -> Path:
        """Copy the database into one compressed file of mode 0600 and read it back; its path.

        ``tables`` are those that have to be in it. Raises StoreError (``store.no_copy`` without a
        program for it, ``store.copy_failed``), Cancelled, OSError.
        """
        program = self.find_program()
        if program is None:
            raise no_copy(self.flavour)
        make_private_folder(self.folder)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        database = re.sub(r"[^\w-]", "_", self.location.database)
        copy = self.folder / f"{database}-{stamp}-{label}.sql.gz"
        draft = copy.with_name(f"{copy.name}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                self._run(program, file, progress, token)
                file.flush()
                os.fsync(file.fileno())
            progress(Progress("Reading the copy back"))
            problem = _problem(draft, tables)
            if problem:
                raise _failed(problem)
            token.raise_if_cancelled()
            draft.rename(copy)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self.folder)
        return copy

    def _run(
        self, program: DumpProgram, file: IO[bytes], progress: ProgressSink, token: CancelToken
    ) -> None:
        process = subprocess.Popen(
            [
                str(program.path),
                "--defaults-file=/dev/fd/0",
                *_OPTIONS,
                *_refusals(program.path),
                "--",
                self.location.database,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
        )
        stdin = cast("IO[bytes]", process.stdin)
        stdout = cast("IO[bytes]", process.stdout)
        stderr = cast("BufferedReader", process.stderr)
        errors: list[bytes] = []
        listener = threading.Thread(
            target=_listen, args=(stderr, errors), name="altus-dump", daemon=True
        )
        listener.start()
        try:
            with token.on_cancel(process.kill):
                # The password goes through the pipe: no file holds it and no list of processes.
                _hand_over(stdin, self._secrets())
                _compress(stdout, file, progress)
                code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            listener.join()
            stdout.close()
            stderr.close()
        token.raise_if_cancelled()
        said = b"".join(errors).decode("utf-8", "replace").strip()
        if code != 0 or said:
            first = next(iter(said.splitlines()), "") or f"it ended with code {code}"
            raise _failed(f"{program.path.name}: {first}"[:300])

    def _secrets(self) -> str:
        location = self.location
        lines = ["[client]", f"user={_quoted(location.username)}"]
        lines.append(f"password={_quoted(self.password_secret)}")
        if location.host.startswith("/"):
            lines += [f"socket={_quoted(location.host)}", "protocol=socket"]
        else:
            lines += [f"host={_quoted(location.host)}", f"port={location.port}", "protocol=tcp"]
        return "\n".join([*lines, *self._tls_lines(), ""])

    def _tls_lines(self) -> list[str]:
        tls = self.location.tls
        mode = tls.mode
        if mode is TlsMode.PREFERRED:
            mode = TlsMode.REQUIRED if self.encrypted else TlsMode.DISABLED
        verifies = mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)
        if self.flavour is Flavour.MYSQL:
            lines = [f"ssl-mode={_TLS_MODES[mode]}"]
        elif mode is TlsMode.DISABLED:
            lines = ["skip-ssl"]
        else:
            # MariaDB's programs check the name whenever they check at all.
            lines = ["ssl", *(["ssl-verify-server-cert"] if verifies else [])]
        if mode is TlsMode.DISABLED:
            # An unencrypted password is only ever sent within this machine.
            return lines + (["get-server-public-key"] if self.flavour is Flavour.MYSQL else [])
        authority = ""
        if verifies:
            # MySQL's complains of an authority that it is not to ask.
            authority = tls.ca_file or ssl.get_default_verify_paths().cafile or ""
        files = (("ssl-ca", authority), ("ssl-cert", tls.cert_file), ("ssl-key", tls.key_file))
        return lines + [f"{name}={_quoted(path)}" for name, path in files if path]


def no_copy(flavour: Flavour) -> StoreError:
    """The refusal to change a shared store that cannot be copied first."""
    return StoreError(
        "The metadata store cannot be copied first: no “{program}” was found that can be used with "
        "this server.",
        hint="Install {package}, or agree to go ahead without a copy.",
        code="store.no_copy",
        details={
            "program": _NAMES[flavour][0],
            "package": "mariadb-client" if flavour is Flavour.MARIADB else "MySQL's client",
        },
    )


def _failed(problem: str) -> StoreError:
    return StoreError(
        "The metadata store could not be copied ({problem}); nothing was changed.",
        hint="Look at the server and the disk, then try again, or go ahead without a copy.",
        code="store.copy_failed",
        details={"problem": problem},
    )


def _refusals(program: Path) -> list[str]:
    """The options of `_REFUSALS` that this release knows: it ends at one that it does not."""
    known = _answer(str(program), "--no-defaults", "--help")
    return [text for name, text in _REFUSALS.items() if re.search(rf"^\s*--{name}\b", known, re.M)]


def _answer(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_ASKING_TIMEOUT_S,
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _environment() -> dict[str, str]:
    """What the program may see of ours: nothing that holds a secret or changes where it goes."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "MYSQL_TEST_LOGIN_FILE": os.devnull,
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _hand_over(pipe: IO[bytes], text: str) -> None:
    try:
        with pipe:
            pipe.write(text.encode("utf-8"))
    except BrokenPipeError:
        # It ended before it read: what it says about that is told.
        return


def _listen(pipe: BufferedReader, errors: list[bytes]) -> None:
    kept = 0
    while block := pipe.read1(4096):
        if kept < _ERRORS_LIMIT:
            errors.append(block)
            kept += len(block)


def _compress(pipe: IO[bytes], file: IO[bytes], progress: ProgressSink) -> None:
    done = told = 0
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6) as packed:
        while block := pipe.read(1 << 16):
            packed.write(block)
            done += len(block)
            if done - told >= _TELL_EVERY_BYTES:
                told = done
                progress(Progress(f"Copying the metadata store: {done >> 20} MiB"))


def _problem(draft: Path, tables: Sequence[str]) -> str:
    """What is wrong with the copy as it can be read back; empty when it is whole."""
    missing = set(tables)
    last = b""
    try:
        with gzip.open(draft, "rb") as file:
            for line in _lines(file):
                if line.startswith(b"CREATE TABLE `"):
                    missing.discard(line.split(b"`")[1].decode("utf-8", "replace"))
                if line.strip():
                    last = line
    except (OSError, EOFError) as error:
        return f"it cannot be read back: {error}"
    if not last.startswith(_COMPLETE):
        return "it breaks off"
    return f"the table {min(missing)} is not in it" if missing else ""


def _lines(file: gzip.GzipFile) -> Iterator[bytes]:
    """The beginnings of lines: one that holds many rows may be longer than memory should be."""
    begins = True
    while part := file.readline(1 << 16):
        if begins:
            yield part
        begins = part.endswith(b"\n")
