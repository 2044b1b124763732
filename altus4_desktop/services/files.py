"""Files that a person has chosen, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.files import open_private


@contextmanager
def open_chosen(path: Path) -> Iterator[BinaryIO]:
    """What replaces ``path`` when the block ends well, for its owner alone to read; it can be read
    again before.

    Raises AltusError (``export.failed``) for what the file system refuses.
    """
    try:
        with open_private(path) as file:
            yield file
    except OSError as error:
        raise AltusError(
            "“{path}” cannot be written: {reason}.",
            hint="Choose another folder, or make room.",
            code="export.failed",
            details={"path": str(path), "reason": error.strerror or type(error).__name__},
        ) from error


def write_chosen(path: Path, text: str) -> None:
    """Replace ``path`` by a file with ``text``, as `open_chosen` does; raises AltusError."""
    with open_chosen(path) as file:
        file.write(text.encode())
