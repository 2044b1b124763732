"""The program: the window without a command, the command line with one."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Entry point of ``altus4-desktop``."""
    # Whatever is written, by us or by a library, is for its owner alone.
    os.umask(0o077)
    _open_missing_streams()
    try:
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:
        # Whoever interrupts before there is a command, or after it, has nothing to be told.
        sys.exit(130)


def _run(arguments: list[str]) -> int:
    if arguments in ([], ["--exit-when-ready"]):
        # The window's way in skips building the command line's parser.
        from altus4_desktop.app.paths import default_data_dir
        from altus4_desktop.app.window import run_window

        url = os.environ.get("ALTUS4_METADATA_URL") or None
        return run_window(default_data_dir(), url, exit_when_ready=bool(arguments))
    from altus4_desktop.cli.frame import main as run_command

    # A command ends soon, and the figures of a year are so many objects that looking for garbage
    # among them at the usual pace would take two thirds of the time.
    gc.set_threshold(50_000)
    return run_command(arguments)


def _open_missing_streams() -> None:
    """Put the null device where a standard stream was closed (``<&-``).

    Otherwise the next file to be opened, the metadata store perhaps, would get its number, and
    whatever is printed. What is written to a closed standard output still fails.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The lowest free number is the missing one, as those before it are there by now.
            descriptor = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if descriptor != number:
                os.dup2(descriptor, number)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


if __name__ == "__main__":
    main()
