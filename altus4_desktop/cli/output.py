"""What a command prints: rows on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.progress import Progress


def prepare_streams() -> None:
    """Make the answer UTF-8 for programs whatever the locale; nothing is refused on its way.

    Text that is not Unicode (a file name, an argument, standard input) is written as an escape.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")


def silence(stream: TextIO) -> None:
    """Let Python's flush at exit succeed where nobody takes what ``stream`` says any more: without
    it the exit code would be 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Output:
    """Standard output stays machine-clean; messages and progress go to standard error."""

    def __init__(
        self,
        *,
        json_wanted: bool,
        quiet: bool,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.json_wanted = json_wanted
        self.quiet = quiet
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._last_step = ""

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads standard output."""
        return self._out.isatty()

    def json(self, document: Any, *, indent: int | None = 2) -> None:
        """Print one JSON document."""
        self.line(json.dumps(document, ensure_ascii=False, indent=indent))

    def line(self, text: str = "") -> None:
        """Print one line of the answer."""
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            silence(sys.stdout)
            raise AltusError(
                "The answer cannot be written: {reason}.",
                hint="Look at where standard output goes.",
                code="output.failed",
                details={"reason": error.strerror or type(error).__name__},
            ) from error

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows in aligned columns; control characters are shown as spaces."""
        cells = [[plain(value) for value in row] for row in rows]
        widths = [
            max([len(header), *(len(row[at]) for row in cells)])
            for at, header in enumerate(headers)
        ]
        for row in [list(headers), ["-" * width for width in widths], *cells]:
            self.line(
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, widths, strict=True)
                ).rstrip()
            )

    def say(self, text: str) -> None:
        """Tell the person something that is not part of the answer."""
        if not self.quiet:
            self._tell(text + "\n")

    def progress(self, progress: Progress) -> None:
        """A progress sink: rewrites one line on a terminal; elsewhere one line for each step, which
        is what a message says before its first colon."""
        if self.quiet:
            return
        if self._err.isatty():
            share = "" if progress.fraction is None else f" {progress.fraction:4.0%}"
            end = "\n" if progress.fraction is not None and progress.fraction >= 1 else ""
            self._tell(f"\r\x1b[2K{progress.message}{share}{end}")
        elif (step := progress.message.partition(":")[0]) != self._last_step:
            self._tell(progress.message + "\n")
            self._last_step = step

    def problem(self, message: str, hint: str, code: str) -> None:
        """Print a failure: a sentence, a hint, a code; never silenced."""
        self._tell(
            f"altus4-desktop: {message}" + (f"\n  {hint}" if hint else "") + f"\n  [{code}]\n"
        )

    def _tell(self, text: str) -> None:
        # What nobody listens to (``2>&1 | head``) must not end an upgrade half way.
        try:
            self._err.write(text)
            self._err.flush()
        except OSError:
            silence(self._err)


def instant(at: datetime | None) -> str | None:
    """``2026-01-31T12:00:00Z``, the one form in which instants are printed; None stays None."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def plain(value: object) -> str:
    """``value`` for a terminal: what is no printable character is a space, None is nothing."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else " " for char in text)
