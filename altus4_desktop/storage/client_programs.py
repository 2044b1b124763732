"""The programs that come with a server, of its flavour, and how they sign in."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour, TlsMode
from altus4_desktop.storage.location import StoreLocation
from altus4_desktop.storage.quiet_pipes import QuietClock, watched_reader, watched_writer


class Kind(Enum):
    """What a program is for."""

    DUMP = auto()
    CLIENT = auto()
    BINLOG = auto()


NAMES = {
    (Kind.DUMP, Flavour.MYSQL): ("mysqldump",),
    (Kind.DUMP, Flavour.MARIADB): ("mariadb-dump", "mysqldump"),
    (Kind.CLIENT, Flavour.MYSQL): ("mysql",),
    (Kind.CLIENT, Flavour.MARIADB): ("mariadb", "mysql"),
    (Kind.BINLOG, Flavour.MYSQL): ("mysqlbinlog",),
    (Kind.BINLOG, Flavour.MARIADB): ("mariadb-binlog",),
}

PACKAGES = {Flavour.MYSQL: "MySQL's client", Flavour.MARIADB: "mariadb-client"}

_PLACES = ("/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin", "/opt/homebrew/bin")
# Longer than any one statement of a dump, or any one count, takes a server that is well.
QUIET_S = 120.0
_ASKING_TIMEOUT_S = 10.0
_ERROR_BYTES = 16_384
# How a client says what a statement came to. The rest of the line may quote a row.
_STATEMENT_ERROR = re.compile(r"ERROR (?:\d+ \(\w+\) )?at line \d+")
_TLS_MODES = {
    TlsMode.DISABLED: "DISABLED",
    TlsMode.REQUIRED: "REQUIRED",
    TlsMode.VERIFY_CA: "VERIFY_CA",
    TlsMode.VERIFY_IDENTITY: "VERIFY_IDENTITY",
}


class ProgramFailed(Exception):
    """A program did not do what it was started for; the text says why and holds no secret and
    nothing of a row."""


class ServerSilentError(ProgramFailed):
    """The server has stopped answering."""

    def __init__(self, quiet_s: float) -> None:
        super().__init__(f"the server has not answered for {quiet_s:.0f} seconds")


@dataclass(frozen=True, slots=True)
class Program:
    """A program that belongs to the server's flavour."""

    path: Path
    version: str

    def known(self, options: Iterable[str]) -> list[str]:
        """The long options that this release has: it ends at one that it does not have."""
        told = _answer(str(self.path), "--no-defaults", "--help")
        return [name for name in options if re.search(rf"^\s*--{name}\b", told, re.M)]


def find_program(kind: Kind, flavour: Flavour, folders: Iterable[Path] = ()) -> Program | None:
    """The program of ``flavour`` in ``folders``, on PATH or where packages put it.

    One of the other flavour is passed over: it would write what this one cannot read. None also
    where a password cannot be handed over but by a file or an argument.
    """
    if os.name != "posix":
        return None
    path = (*folders, *os.environ.get("PATH", os.defpath).split(os.pathsep), *_PLACES)
    for name in NAMES[kind, flavour]:
        for folder in dict.fromkeys(map(str, path)):
            found = shutil.which(name, path=folder) if folder else None
            version = _answer(found, "--version") if found else ""
            # MariaDB's program for the log tells its flavour by nothing but its name.
            is_mariadb = "MariaDB" in version or name.startswith("mariadb")
            if found and version and is_mariadb == (flavour is Flavour.MARIADB):
                return Program(Path(found), version)
    return None


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """How the programs reach one server.

    ``encrypted`` is what the store's own session has settled on: the programs do not take less.
    ``look_in`` is looked through for programs before the usual places. A server from which nothing
    comes for ``quiet_s`` seconds has stopped answering.
    """

    location: StoreLocation
    password_secret: str = field(repr=False)
    flavour: Flavour
    encrypted: bool
    look_in: tuple[Path, ...] = ()
    quiet_s: float = QUIET_S

    def find(self, kind: Kind) -> Program | None:
        """What can be used with this server. No program of any flavour takes exactly one
        certificate, as a pinned store has to."""
        if self.is_pinned:
            return None
        return find_program(kind, self.flavour, self.look_in)

    @property
    def is_pinned(self) -> bool:
        """Whether the store takes exactly one certificate, as no program does."""
        return self.location.tls.mode is TlsMode.PINNED

    def run(
        self,
        program: Program,
        arguments: Iterable[str],
        token: CancelToken,
        *,
        feed: Callable[[IO[bytes]], None] | None = None,
        take: Callable[[IO[bytes]], None] | None = None,
    ) -> None:
        """Run ``program``, signed in; ``feed`` writes what it reads, ``take`` reads what it writes.

        It has to end well and to complain of nothing, and is ended when it reads or writes nothing
        for ``quiet_s``. Raises ProgramFailed, ServerSilentError, Cancelled, and what ``feed`` or
        ``take`` raise.
        """
        # The password goes through a pipe: no file holds it and no list of processes.
        secrets = self.option_text().encode("utf-8")
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "wb") as pipe:
                # Less than any pipe holds: nobody has to read meanwhile.
                pipe.write(secrets)
            process = subprocess.Popen(
                [str(program.path), f"--defaults-file=/dev/fd/{reading}", *arguments],
                stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
                stdout=subprocess.DEVNULL if take is None else subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(),
                pass_fds=(reading,),
                # Some packages wrap the program in a script: both have to end.
                start_new_session=True,
            )
        finally:
            os.close(reading)
        stderr = cast("BufferedReader", process.stderr)
        errors: list[bytes] = []
        listener = threading.Thread(
            target=_listen, args=(stderr, errors), name="altus-program", daemon=True
        )
        listener.start()
        fed = True

        def end() -> None:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

        clock = QuietClock(self.quiet_s, end)
        try:
            with clock, token.on_cancel(end):
                if feed is not None:
                    fed = _feed(watched_writer(cast("IO[bytes]", process.stdin), clock), feed)
                if take is not None:
                    take(watched_reader(cast("IO[bytes]", process.stdout), clock))
                with clock.waiting():
                    code = process.wait()
        finally:
            end()
            process.wait()
            listener.join()
            stderr.close()
            if process.stdout is not None:
                process.stdout.close()
        token.raise_if_cancelled()
        if clock.expired:
            raise ServerSilentError(self.quiet_s)
        said = b"".join(errors).decode("utf-8", "replace").strip()
        if code != 0 or said or not fed:
            lines = said.splitlines()
            # A client may repeat the statement first, which is longer than what it says of it.
            first = next((line for line in lines if line.startswith("ERROR ")), (lines or [""])[0])
            first = first or f"it ended with code {code}"
            if found := _STATEMENT_ERROR.match(first):
                first = found[0]
            raise ProgramFailed(f"{program.path.name}: {first}"[:300])

    def option_text(self) -> str:
        """The content of an option file; holds the password."""
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
            # MariaDB's programs check the name whenever they check at all, newer ones unless told
            # not to.
            check = "ssl-verify-server-cert"
            lines = ["ssl", check if verifies else f"skip-{check}"]
        if mode is TlsMode.DISABLED:
            # An unencrypted password is only ever sent within this machine.
            return lines + (["get-server-public-key"] if self.flavour is Flavour.MYSQL else [])
        authority = ""
        if verifies:
            # MySQL's complains of an authority that it is not to ask.
            authority = tls.ca_file or ssl.get_default_verify_paths().cafile or ""
        files = (("ssl-ca", authority), ("ssl-cert", tls.cert_file), ("ssl-key", tls.key_file))
        return lines + [f"{name}={_quoted(path)}" for name, path in files if path]


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
        # The instants that are printed are to be read.
        "TZ": "UTC",
        "MYSQL_TEST_LOGIN_FILE": os.devnull,
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _feed(pipe: IO[bytes], feed: Callable[[IO[bytes]], None]) -> bool:
    """Whether all of it was taken: what ends early says why."""
    try:
        with pipe:
            feed(pipe)
    except BrokenPipeError:
        return False
    return True


def _listen(pipe: BufferedReader, errors: list[bytes]) -> None:
    kept = b""
    while block := pipe.read1():
        kept += block
        if len(kept) > 2 * _ERROR_BYTES:
            # How it begins and how it ends, however small the pieces that it comes in.
            kept = kept[:_ERROR_BYTES] + kept[-_ERROR_BYTES:]
    errors.append(kept)
