"""The frame of the command line: global options, exit codes, how a failure is told."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from altus4_desktop import __version__
from altus4_desktop.cli.output import Output, prepare_streams, silence
from altus4_desktop.domain.errors import AltusError, Cancelled, InputError

# argparse has no public name for what holds the subcommands.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # see above

EXIT_DONE = 0
EXIT_NO = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_FAILED = 4

_LOG = logging.getLogger(__name__)


class _Parser(argparse.ArgumentParser):
    """Tells a wrong usage as every other failure is told."""

    def error(self, message: str) -> NoReturn:
        hint = f"See “{self.prog} --help”."
        Output(json_wanted=False, quiet=False).problem(f"{message}.", hint, "input.usage")
        self.exit(EXIT_USAGE)


def global_options(*, top: bool = False) -> argparse.ArgumentParser:
    """The options every command takes; below the top they only overwrite when given."""
    options = _Parser(add_help=False)
    default: Any = None if top else argparse.SUPPRESS
    off: Any = False if top else argparse.SUPPRESS
    group = options.add_argument_group("everywhere")
    group.add_argument(
        "--data-dir",
        type=path_argument,
        default=default,
        metavar="DIR",
        help="the folder with everything the program keeps (ALTUS4_DATA_DIR)",
    )
    group.add_argument(
        "--metadata-url",
        default=default,
        metavar="URL",
        help="the metadata store: sqlite:///FILE or mysql://USER@HOST:PORT/DB "
        "(ALTUS4_METADATA_URL)",
    )
    group.add_argument("--json", action="store_true", default=off, help="print one JSON document")
    group.add_argument(
        "--quiet", action="store_true", default=off, help="no messages and no progress"
    )
    group.add_argument(
        "--yes",
        action="store_true",
        default=off,
        help="go ahead where a confirmation would be asked for",
    )
    return options


def path_argument(text: str) -> Path:
    """The absolute path that an argument names, for argparse."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"nobody's folder: {text}") from error


def command(commands: Commands, name: str, *, help: str, **options: Any) -> argparse.ArgumentParser:  # noqa: A002  # argparse's own word
    """Add the command ``name`` with the global options."""
    return commands.add_parser(
        name,
        help=help,
        description=options.pop("description", help),
        parents=[global_options()],
        **options,
    )


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from altus4_desktop.cli import (
        analytics,
        audit,
        backup,
        connections,
        demo,
        doctor,
        evaluate,
        history,
        keys,
        migrate,
        search,
        searches,
        server,
        users,
        vault,
    )

    parser = _Parser(
        prog="altus4-desktop",
        description="Search the MySQL databases you already have. "
        "Without a command the window opens.",
        parents=[global_options(top=True)],
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--exit-when-ready",
        action="store_true",
        help="open the window, print the milliseconds it took as JSON, quit",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for module in (
        demo,
        search,
        searches,
        connections,
        history,
        analytics,
        evaluate,
        users,
        keys,
        vault,
        audit,
        migrate,
        backup,
        server,
        doctor,
    ):
        module.register(commands)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Without a command the window opens."""
    from altus4_desktop.app.paths import default_data_dir
    from altus4_desktop.cli.context import CliContext

    prepare_streams()
    parser = build_parser()
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE
    data_dir = args.data_dir or default_data_dir().absolute()
    metadata_url = args.metadata_url or os.environ.get("ALTUS4_METADATA_URL") or None
    if args.command is None:
        from altus4_desktop.app.window import run_window

        return run_window(data_dir, metadata_url, exit_when_ready=args.exit_when_ready)
    if not hasattr(args, "run"):
        parser.parse_args([args.command, "--help"])
        return EXIT_USAGE
    out = Output(json_wanted=args.json, quiet=args.quiet)
    context = CliContext(data_dir, metadata_url, out)
    log = _Log(data_dir)
    logging.getLogger().addHandler(log)
    logging.captureWarnings(capture=True)
    hook_before, threading.excepthook = threading.excepthook, _log_thread
    try:
        code: int = args.run(args, context)
    except Cancelled:
        out.say("Cancelled.")
        code = EXIT_FAILED
    except KeyboardInterrupt:
        out.say("Interrupted.")
        code = 130
    except BrokenPipeError:
        # The reader has gone (``| head``).
        silence(sys.stdout)
        code = EXIT_DONE
    except AltusError as error:
        out.problem(error.message, error.hint, error.code)
        code = EXIT_USAGE if isinstance(error, InputError) else EXIT_FAILED
    except Exception:  # the edge: nothing but a sentence leaves the program
        _LOG.exception("a command failed")
        out.problem("Something went wrong in the program itself.", log.told, "internal")
        code = EXIT_FAILED
    finally:
        context.close()
        threading.excepthook = hook_before
        logging.captureWarnings(capture=False)
        logging.getLogger().removeHandler(log)
    return code


def _log_thread(broken: threading.ExceptHookArgs) -> None:
    if broken.exc_value is not None:
        _LOG.error("a thread broke off", exc_info=broken.exc_value)


class _Log(logging.Handler):
    """Opens the program's log at the first warning, a library's too; most commands have none.

    Without it Python would write them, and tracebacks with them, to standard error. What `told`
    says is for a fault of ours alone: a warning is nothing that anybody has to report.
    """

    def __init__(self, data_dir: Path) -> None:
        super().__init__(logging.WARNING)
        self._data_dir = data_dir
        self._open = False
        self.told = ""

    def emit(self, record: logging.LogRecord) -> None:
        if not self.told:
            from altus4_desktop.app.logs import open_log

            try:
                self.told = f"“{open_log(self._data_dir)}” says more; please report it."
                self._open = True
            except OSError as error:
                self.told = f"No log of it can be kept: {error.strerror}."
        if self._open:
            logging.getLogger("altus4_desktop").handle(record)
