"""Files that a person has chosen, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from altus4_desktop.domain.errors import AltusError, ConflictError
from altus4_desktop.domain.files import open_private


@contextmanager
def open_chosen(path: Path, *, only_new: bool = False) -> Iterator[BinaryIO]:
    """What replaces ``path`` when the block ends well, for its owner alone to read; it can be read
    again before.

    Raises AltusError (``export.failed``) for what the file system refuses, and with ``only_new``
    ConflictError (``export.exists``) for a file that is there already.
    """
    try:
        if only_new and path.exists():
            raise FileExistsError
        with open_private(path, only_new=only_new) as file:
            yield file
    except FileExistsError as error:
        raise _is_there(path) from error
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


def check_new(path: Path) -> None:
    """Raise ConflictError (``export.exists``) when ``path`` is there already."""
    if os.path.lexists(path):
        raise _is_there(path)


def _is_there(path: Path) -> ConflictError:
    return ConflictError(
        "“{path}” is there already.",
        hint="Choose another name, or remove that file first.",
        code="export.exists",
        details={"path": str(path)},
    )
