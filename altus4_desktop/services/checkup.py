"""What this machine has, what it lacks, and the command that mends it; nothing is changed."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata as distributions
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop import __version__
from altus4_desktop.domain.errors import AltusError, LocalServerError

if TYPE_CHECKING:
    from altus4_desktop.services import Services

_DISTRIBUTIONS = (
    "PySide6-Essentials",
    "SQLAlchemy",
    "alembic",
    "PyMySQL",
    "cryptography",
    "bcrypt",
    "keyring",
    "platformdirs",
    "pyqtgraph",
    "wordllama",
    "tokenizers",
    "PyStemmer",
)
# What Qt's X11 and Wayland platforms are linked against and do not bring along, as Debian has it.
_WINDOW_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
# Details of an error that say nothing about a person, a server or a database.
_HARMLESS = frozenset(
    {"reason", "seconds", "backend", "version", "oldest", "count", "program", "path", "file"}
)


class FindingState(StrEnum):
    """``note`` is worth knowing, ``missing`` keeps a part of the program from working."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``remedy`` is a command or a sentence, empty where none is needed."""

    area: str
    name: str
    state: FindingState
    said: str
    remedy: str = ""


def examine(services: Services, passphrase_secret: str | None = None) -> list[Finding]:
    """Everything, in reading order; hosts, user names and the home folder are left out."""
    return [
        *examine_program(),
        examine_folder(services.data_dir),
        _store(services, passphrase_secret),
        _vault(services),
        _keyring(services),
        _server_program(services),
        _display(),
        *_window_libraries(),
    ]


def examine_program() -> Iterator[Finding]:
    """The program, Python and the libraries it stands on; needs no data folder."""
    yield Finding("program", "altus4-desktop", FindingState.OK, __version__)
    python = platform.python_version()
    system = f"{python} on {platform.system()} {platform.release()} ({platform.machine()})"
    yield Finding("program", "Python", FindingState.OK, system)
    for name in _DISTRIBUTIONS:
        yield _distribution(name)


def examine_folder(folder: Path) -> Finding:
    """The data folder: there, ours, writable, private."""

    def finding(state: FindingState, said: str, remedy: str = "") -> Finding:
        return Finding("data", "folder", state, f"{_short(folder)}: {said}", remedy)

    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        return finding(FindingState.OK, "made at the first start")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return finding(FindingState.MISSING, reason, "Give the folder back to your user.")
    if not stat.S_ISDIR(mode):
        return finding(FindingState.MISSING, "not a folder", "Choose another with --data-dir.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return finding(FindingState.MISSING, "not writable", f"chown -R $USER {_short(folder)}")
    if os.name == "posix" and mode & 0o077:
        return finding(FindingState.NOTE, "others may look into it", f"chmod 700 {_short(folder)}")
    return finding(FindingState.OK, "private and writable")


def told(error: AltusError) -> str:
    """An error's sentence without anything that names a person, a server or a database."""
    return f"{_filled(error.template, error)} [{error.code}]"


def way_out(error: AltusError) -> str:
    """An error's hint, as harmless."""
    return _filled(error.hint_template, error)


def _filled(template: str, error: AltusError) -> str:
    details = {key: _harmless(key, value) for key, value in error.details.items()}
    return template.format_map(details) if details else template


def _harmless(key: str, value: object) -> object:
    if isinstance(value, int | float):
        return value
    return _short(str(value)) if key in _HARMLESS else "…"


def _distribution(name: str) -> Finding:
    try:
        version = distributions.version(name)
    except distributions.PackageNotFoundError:
        return Finding(
            "program", name, FindingState.MISSING, "not installed", f"pip install {name}"
        )
    if name == "PySide6-Essentials" and version == "6.12.0":
        return Finding(
            "program",
            name,
            FindingState.MISSING,
            "6.12.0 aborts on Python before 3.12",
            "pip install “PySide6-Essentials!=6.12.0”",
        )
    return Finding("program", name, FindingState.OK, version)


def _store(services: Services, passphrase_secret: str | None) -> Finding:
    def finding(state: FindingState, said: str, remedy: str = "") -> Finding:
        return Finding("data", "metadata store", state, said, remedy)

    metadata = services.metadata
    try:
        if not metadata.is_configured():
            return finding(FindingState.OK, "none yet; an embedded one is made at the first start")
        place = "embedded" if metadata.location.embedded else "shared"
        if not metadata.password_known():
            return finding(
                FindingState.NOTE,
                f"{place}; its password is not kept",
                "Set ALTUS4_METADATA_PASSWORD to have it looked at.",
            )
        if metadata.password_is_sealed():
            services.vault.unlock(passphrase_secret)
        status = metadata.status_()
    except AltusError as error:
        return finding(FindingState.MISSING, told(error), way_out(error))
    said = f"{place}, {status.dialect}, revision {status.current or 'none'} of {status.head}"
    if status.newer:
        return finding(
            FindingState.MISSING,
            f"{said}: a newer program has changed it",
            "Install the newer program here too.",
        )
    if status.pending:
        state = FindingState.NOTE if metadata.location.embedded else FindingState.MISSING
        return finding(
            state, f"{said}: {len(status.pending)} steps pending", "altus4-desktop migrate up"
        )
    return finding(FindingState.OK, said)


def _vault(services: Services) -> Finding:
    status = services.vault.status()
    if status.problem is not None:
        return Finding(
            "secrets",
            "vault",
            FindingState.MISSING,
            told(status.problem),
            way_out(status.problem),
        )
    said = {
        "keyring": "its key is in the keyring",
        "passphrase": "its key is protected by a passphrase",
        "session": "its key ends with the program",
        "none": "not set up yet",
    }[status.kind]
    return Finding("secrets", "vault", FindingState.OK, said)


def _keyring(services: Services) -> Finding:
    report = services.vault.probe_keyring()
    name = "desktop keyring"
    if report.problem is None:
        said = f"{report.backend} keeps what it is given"
        return Finding("secrets", name, FindingState.OK, said)
    remedy = way_out(report.problem)
    if report.problem.code == "vault.keyring_missing" and sys.platform == "linux":
        remedy = (
            "Log in to a desktop session with GNOME Keyring or KWallet, or protect the vault with "
            "a passphrase (ALTUS4_PASSPHRASE on the command line)."
        )
    # A passphrase does as well, unless the key is in this very keyring.
    needed = services.vault.status().kind == "keyring"
    state = FindingState.MISSING if needed else FindingState.NOTE
    return Finding("secrets", name, state, told(report.problem), remedy)


def _server_program(services: Services) -> Finding:
    from altus4_desktop.mysql.server_program import find_program

    try:
        program = find_program(services.settings.server_program)
    except LocalServerError as error:
        remedy = way_out(error)
        if error.code == "local_server.no_program":
            remedy = (
                _install("mariadb-server-core", "mariadb-client-core", brew="mariadb") or remedy
            )
        return Finding("demo", "server program", FindingState.MISSING, told(error), remedy)
    said = f"{program.title}, {_short(program.path)}"
    return Finding("demo", "server program", FindingState.OK, said)


def _display() -> Finding:
    if sys.platform != "linux":
        return Finding("window", "display", FindingState.OK, "of the system")
    for variable, kind in (("WAYLAND_DISPLAY", "Wayland"), ("DISPLAY", "X11")):
        if os.environ.get(variable):
            return Finding("window", "display", FindingState.OK, kind)
    return Finding(
        "window",
        "display",
        FindingState.NOTE,
        "none: commands work, the window does not",
        "Run it on a desktop, or over “ssh -X”.",
    )


def _window_libraries() -> Iterator[Finding]:
    if sys.platform != "linux":
        return
    known = _known_libraries()
    if not known:
        return
    lacking = {name: package for name, package in _WINDOW_LIBRARIES.items() if name not in known}
    if not lacking:
        yield Finding("window", "system libraries", FindingState.OK, "all there")
        return
    said = "not found: " + ", ".join(lacking)
    remedy = _install(*lacking.values()) or "Install the packages that hold them."
    yield Finding("window", "system libraries", FindingState.MISSING, said, remedy)


def _known_libraries() -> Mapping[str, str]:
    """The libraries the loader knows; empty where it cannot be asked."""
    program = shutil.which("ldconfig", path=os.pathsep.join(("/sbin", "/usr/sbin", "/usr/bin")))
    if program is None:
        return {}
    try:
        answer = subprocess.run(
            [program, "-p"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10,
            check=True,
            # Ours may hold a password or an API key.
            env={"LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        # The finding is left out: a machine that cannot answer has not lost a library.
        return {}
    lines = (line.split() for line in answer.stdout.splitlines()[1:])
    return {words[0]: words[-1] for words in lines if words}


def _install(*packages: str, brew: str = "") -> str:
    if shutil.which("apt-get"):
        sudo = "" if os.name == "posix" and os.geteuid() == 0 else "sudo "
        return f"{sudo}apt-get install --no-install-recommends {' '.join(packages)}"
    return f"brew install {brew}" if brew and shutil.which("brew") else ""


def _short(path: Path | str) -> str:
    """``path`` with the home folder, which names its owner, as ``~``."""
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if len(home) > 1 and text.startswith(home) else text
