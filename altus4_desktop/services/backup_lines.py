"""What has a backup made while the program does not run: a line for cron, units for systemd."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from altus4_desktop.domain.errors import InputError

SERVICE_NAME = "altus4-backup.service"
TIMER_NAME = "altus4-backup.timer"
UNIT_FOLDER = "~/.config/systemd/user"
ENABLE = f"systemctl --user daemon-reload && systemctl --user enable --now {TIMER_NAME}"
# Timers of a user end with the last sign-out otherwise.
LINGER = "loginctl enable-linger $USER"
_PROGRAM = "altus4-desktop"
_HOUR, _MINUTE = 3, 30


@dataclass(frozen=True, slots=True)
class BackupLines:
    """Texts to copy. ``secrets_file``, which need not be there, is read before a backup; it and
    ``log_file`` are in the data folder."""

    cron: str
    service: str
    timer: str
    secrets_file: Path
    log_file: Path


def find_program() -> tuple[str, ...]:
    """How this program is started, with an absolute path: as it was itself, else as it is found on
    PATH or beside Python, else as a module of this Python."""
    if getattr(sys, "frozen", False):
        # What an AppImage is unpacked to is gone when it ends.
        return (os.environ.get("APPIMAGE") or sys.executable,)
    own = sys.argv[0] if Path(sys.argv[0]).name == _PROGRAM else _PROGRAM
    beside = str(Path(sys.executable).with_name(_PROGRAM))
    found = shutil.which(own) or shutil.which(beside) or shutil.which(_PROGRAM)
    return (str(Path(found).absolute()),) if found else (sys.executable, "-m", "altus4_desktop")


def build_lines(
    program: Sequence[str], data_dir: Path, metadata_url: str | None, search_path: str
) -> BackupLines:
    """The texts for ``program`` over ``data_dir``, and over ``metadata_url`` where it is not what
    the settings there say; ``search_path`` is where programs of the server are looked for, empty
    where none are needed.

    Raises InputError for a path that has a line break in it, which neither can hold.
    """
    folder = data_dir.absolute()
    secrets, log = folder / "schedule.env", folder / "logs" / "backup.log"
    begin = [*program, "--data-dir", str(folder)]
    if metadata_url:
        begin += ["--metadata-url", metadata_url]
    commands = [[*begin, "backup", action, "--quiet"] for action in ("create", "prune")]
    if any("\n" in text or "\r" in text for text in (*begin, search_path)):
        raise InputError("data_dir", "A path with a line break in it fits into no schedule.")
    return BackupLines(
        cron=_cron(commands, secrets, log, search_path),
        service=_service(commands, secrets, search_path),
        timer=_TIMER,
        secrets_file=secrets,
        log_file=log,
    )


def _cron(commands: list[list[str]], secrets: Path, log: Path, search_path: str) -> str:
    secrets_file, log_file = shlex.quote(str(secrets)), shlex.quote(str(log))
    steps = [
        "umask 077",
        *([f"PATH={shlex.quote(search_path)}"] if search_path else []),
        f"mkdir -p {shlex.quote(str(log.parent))}",
        "set -a",
        f"[ ! -r {secrets_file} ] || . {secrets_file}",
        "set +a",
        f"{{ {' && '.join(shlex.join(command) for command in commands)}; }} >>{log_file} 2>&1",
    ]
    # To cron a bare per cent sign is the end of the line.
    line = "; ".join(steps).replace("%", "\\%")
    return f"{_MINUTE} {_HOUR} * * * {line}\n"


def _service(commands: list[list[str]], secrets: Path, search_path: str) -> str:
    lines = [
        "[Unit]",
        "Description=Back up the metadata store of Altus 4 Desktop",
        "",
        "[Service]",
        "Type=oneshot",
        "UMask=0077",
        *(
            [f"Environment={_unit_word(f'PATH={search_path}', dollars=False)}"]
            if search_path
            else []
        ),
        f"EnvironmentFile=-{_specifiers(str(secrets))}",
        *(f"ExecStart={' '.join(map(_unit_word, command))}" for command in commands),
    ]
    return "\n".join(lines) + "\n"


def _unit_word(text: str, *, dollars: bool = True) -> str:
    """One argument as systemd reads it."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    if dollars:
        quoted = quoted.replace("$", "$$")
    return f'"{_specifiers(quoted)}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


_TIMER = f"""[Unit]
Description=Back up the metadata store of Altus 4 Desktop every day

[Timer]
OnCalendar=*-*-* {_HOUR:02}:{_MINUTE:02}:00
Persistent=true

[Install]
WantedBy=timers.target
"""
