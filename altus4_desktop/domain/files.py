"""Files that only their owner may read, replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def make_private_folder(path: Path) -> Path:
    """Create ``path`` (and its parents) if needed and give it mode 0700; raises OSError.

    A folder that is everybody's on purpose, as /tmp is, is refused and not taken from them.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = path.stat().st_mode
    if os.name == "posix" and mode & 0o077:
        if mode & stat.S_ISVTX:
            raise OSError(errno.EPERM, "the folder is everybody's", str(path))
        path.chmod(0o700)
    return path


def read_private(path: Path) -> bytes:
    """The content of the regular file ``path``; a symbolic link is refused; raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def write_private(path: Path, content: bytes, *, only_new: bool = False) -> None:
    """Replace ``path`` by a file with ``content``, as `open_private` does; raises OSError."""
    with open_private(path, only_new=only_new) as file:
        file.write(content)


@contextmanager
def open_private(path: Path, *, only_new: bool = False) -> Iterator[BinaryIO]:
    """What replaces ``path`` atomically and durably by a file of mode 0600 when the block ends
    well, and can be read again before; raises OSError.

    The new content is on disk before the old one goes: a kill or a power cut leaves one of both.
    ``only_new``: raises FileExistsError when ``path`` is there already, whoever was quicker.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(draft, flags | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if only_new:
            path.hardlink_to(draft)
            draft.unlink()
        else:
            draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
