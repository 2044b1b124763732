"""The managed server's data folder: made whole or not at all, and only where none fits."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.connections import Flavour
from altus4_desktop.domain.files import make_private_folder, write_private
from altus4_desktop.domain.progress import Progress, ProgressSink
from altus4_desktop.mysql.server_folder import ServerFolder
from altus4_desktop.mysql.server_program import ServerProgram, release_of
from altus4_desktop.mysql.server_settings import folder_options

_MARKER = "altus4.json"
_INITIALISE_S = 180.0


def prepare_data(
    folder: ServerFolder, program: ServerProgram, progress: ProgressSink, token: CancelToken
) -> bool:
    """Make the data folder if there is none this program can use; true when made.

    Raises Cancelled, LocalServerError, OSError.
    """
    if _fits(folder, program):
        return False
    for leftover in (folder.data, folder.unfinished_data):
        if leftover.exists():
            shutil.rmtree(leftover)
    progress(Progress(f"Preparing {program.title}…"))
    make_private_folder(folder.unfinished_data)
    try:
        _initialise(folder, program, token)
    except BaseException:
        shutil.rmtree(folder.unfinished_data, ignore_errors=True)
        raise
    write_private(
        folder.unfinished_data / _MARKER,
        json.dumps({"flavour": program.flavour, "version": program.version}).encode(),
    )
    folder.unfinished_data.rename(folder.data)
    return True


def _fits(folder: ServerFolder, program: ServerProgram) -> bool:
    try:
        marker = json.loads((folder.data / _MARKER).read_text("utf-8"))
        same = marker["flavour"] == program.flavour
        return same and release_of(marker["version"]) <= release_of(program.version)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _initialise(folder: ServerFolder, program: ServerProgram, token: CancelToken) -> None:
    # Whoever comes after a killed program waits until its initialiser has let go of the folder.
    with folder.running_lock() as lock:
        child = folder.spawn(_command(folder, program), lock)
    with token.on_cancel(lambda: _kill_group(child)):
        try:
            code = child.wait(_INITIALISE_S)
        except subprocess.TimeoutExpired:
            _kill_group(child)
            code = child.wait()
    token.raise_if_cancelled()
    if code != 0:
        raise folder.build_failure("{program} could not make its data folder.", program)


def _command(folder: ServerFolder, program: ServerProgram) -> list[str]:
    if program.flavour is Flavour.MYSQL:
        # The server insists on an empty folder, and only it may fill it.
        command = [str(program.path), "--no-defaults", "--initialize-insecure"]
    else:
        command = [
            str(program.initialiser or "mariadb-install-db"),
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]
        if program.initialiser and program.initialiser.parent.name == "scripts":
            command.append(f"--basedir={program.initialiser.parents[1]}")
    # Relative to where it runs: MariaDB's script cannot take spaces in a path.
    return [
        *command,
        f"--datadir=./{folder.unfinished_data.name}",
        *folder_options(program.flavour),
    ]


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        # MariaDB's initialiser is a script with children of its own.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
