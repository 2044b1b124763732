"""The program: the window without a command, the command line with one."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of ``altus4-desktop``."""
    # Whatever is written, by us or by a library, is for its owner alone.
    os.umask(0o077)
    arguments = sys.argv[1:]
    if arguments in ([], ["--exit-when-ready"]):
        # The window's way in skips building the command line's parser.
        from altus4_desktop.app.paths import default_data_dir
        from altus4_desktop.app.window import run_window

        url = os.environ.get("ALTUS4_METADATA_URL") or None
        sys.exit(run_window(default_data_dir(), url, exit_when_ready=bool(arguments)))
    from altus4_desktop.cli.frame import main as run_command

    sys.exit(run_command(arguments))


if __name__ == "__main__":
    main()
