"""Which MySQL or MariaDB server program this machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.errors import LocalServerError

_OLDEST = {Flavour.MYSQL: (8, 0), Flavour.MARIADB: (10, 6)}
_ENVIRONMENT = frozenset(
    {"HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "TZ", "USER"}
)


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """A server that can be run; ``initialiser`` is MariaDB's script that makes a data folder."""

    path: Path
    flavour: Flavour
    version: str
    initialiser: Path | None = None

    @property
    def title(self) -> str:
        """The server's name and version as a person writes them."""
        return f"{self.flavour.label} {self.version}"


def find_program(chosen: str | None = None) -> ServerProgram:
    """The server to run: ``chosen`` if given, else the first usable one of PATH and usual places.

    Raises LocalServerError when there is none, or when the chosen one does not work.
    """
    if chosen:
        return _describe(Path(chosen).expanduser().absolute())
    problems: list[LocalServerError] = []
    for path in candidate_programs():
        try:
            return _describe(path)
        except LocalServerError as error:
            problems.append(error)
    if problems:
        raise problems[0]
    raise LocalServerError(
        "No MySQL or MariaDB server program was found on this machine.",
        hint="Install one (on Debian or Ubuntu: “apt install mariadb-server-core "
        "mariadb-client-core”), or name its mysqld or mariadbd in the settings. No server has to "
        "be running.",
        code="local_server.no_program",
    )


def candidate_programs() -> list[Path]:
    """Existing server programs, most wanted first, each once."""
    suffix = ".exe" if os.name == "nt" else ""
    names = ["mysqld" + suffix, "mariadbd" + suffix]
    folders: list[Path] = [
        Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder
    ]
    folders += _usual_folders()
    found: dict[Path, Path] = {}
    for name in names:
        for folder in folders:
            path = folder / name
            if path.is_file() and os.access(path, os.X_OK):
                found.setdefault(path.resolve(), path)
    return list(found.values())


def _usual_folders() -> list[Path]:
    folders = [
        Path(folder)
        for folder in (
            "/usr/sbin",
            "/usr/libexec",
            "/usr/bin",
            "/usr/local/sbin",
            "/usr/local/bin",
            "/usr/local/libexec",
            "/usr/local/mysql/bin",
            "/usr/local/mariadb/bin",
            "/opt/homebrew/bin",
            "/opt/mysql/bin",
            "/opt/local/lib/mysql8/bin",
            "/snap/bin",
        )
    ]
    patterns = [
        ("/opt/homebrew/opt", "mysql*/bin"),
        ("/opt/homebrew/opt", "mariadb*/bin"),
        ("/usr/local/opt", "mysql*/bin"),
        ("/usr/local/opt", "mariadb*/bin"),
    ]
    for variable in ("ProgramFiles", "ProgramFiles(x86)"):
        base = os.environ.get(variable)
        if base:
            patterns += [(base, "MySQL/MySQL Server */bin"), (base, "MariaDB */bin")]
    for base, pattern in patterns:
        folders += sorted(Path(base).glob(pattern), reverse=True)
    return folders


_VERSION = re.compile(r"Ver\s+(\d+(?:\.\d+)+)")


def _describe(path: Path) -> ServerProgram:
    details = {"program": str(path)}
    try:
        answer = subprocess.run(  # a server program found or chosen by the user
            [path, "--no-defaults", "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            stdin=subprocess.DEVNULL,
            env=server_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LocalServerError(
            "The server program “{program}” could not be run.",
            hint="Name a working mysqld or mariadbd in the settings.",
            code="local_server.program",
            details=details,
        ) from error
    text = f"{answer.stdout} {answer.stderr}"
    version = _VERSION.search(text)
    if answer.returncode != 0 or version is None:
        raise LocalServerError(
            "“{program}” does not answer like a MySQL or MariaDB server.",
            hint="Name a working mysqld or mariadbd in the settings.",
            code="local_server.program",
            details=details,
        )
    flavour = Flavour.MARIADB if "mariadb" in text.lower() else Flavour.MYSQL
    oldest = _OLDEST[flavour]
    if release_of(version.group(1)) < oldest:
        raise LocalServerError(
            "The server program “{program}” is version {version}; at least {oldest} is needed.",
            hint="Install a newer MySQL or MariaDB server.",
            code="local_server.too_old",
            details={
                **details,
                "version": version.group(1),
                "oldest": ".".join(map(str, oldest)),
            },
        )
    program = ServerProgram(path, flavour, version.group(1))
    return (
        replace(program, initialiser=_find_initialiser(path))
        if flavour is Flavour.MARIADB
        else program
    )


def _find_initialiser(path: Path) -> Path:
    real = path.resolve()
    folders = [
        path.parent,
        real.parent,
        *(
            prefix / sub
            for prefix in (real.parents[1], path.parent.parent)
            for sub in ("bin", "scripts")
        ),
    ]
    for name in ("mariadb-install-db", "mysql_install_db"):
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise LocalServerError(
        "MariaDB's “mariadb-install-db” was not found beside “{program}”.",
        hint="Install the whole server package (on Debian: mariadb-server-core and "
        "mariadb-client-core).",
        code="local_server.program",
        details={"program": str(path)},
    )


def release_of(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def server_environment() -> dict[str, str]:
    """What a server may see of our environment: nothing that could hold a secret."""
    kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
    return {**kept, "UMASK": "0600", "UMASK_DIR": "0700"}
