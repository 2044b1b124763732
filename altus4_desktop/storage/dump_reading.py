"""What a dump holds, read from its text: rows and a digest of each table, and whether it is whole.

The digest is the SHA-256 of the texts of a table's rows, in the order of its key, a line break
behind each: it depends neither on how many rows the program put into one statement nor on how the
server keeps them. Only dumps of the same flavour can be compared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from altus4_desktop.domain.backups import BinlogPosition, ObjectSum, TableSum
from altus4_desktop.storage.dump_objects import ObjectReader, plain_name

_COMPLETE = b"-- Dump completed"
_LONGEST_LINE = 1 << 28
_TELL_EVERY_BYTES = 1 << 20
# A row of VALUES: strings may hold anything but a bare quote, a bracket stands for none outside.
# Nothing in it is tried twice: a row that is cut inside a string would take for ever otherwise.
_ROW = re.compile(rb"\((?:[^'()]++|'[^'\\]*+(?:\\.[^'\\]*+)*+')*+\)", re.S)
_QUOTED = re.compile(rb"`(?:[^`]|``)+`")
_POSITION = re.compile(
    rb"-- CHANGE (?:MASTER|REPLICATION SOURCE) TO"
    rb" \w+_LOG_FILE='([^']+)', \w+_LOG_POS=(\d+);"
)


@dataclass(frozen=True, slots=True)
class DumpContent:
    """What a dump holds; ``problem`` says why it is none, empty when it is whole.

    ``size_bytes`` counts its text; ``position`` is where the binary log was, when it says so.
    """

    tables: tuple[TableSum, ...]
    size_bytes: int
    position: BinlogPosition | None = None
    problem: str = ""
    objects: tuple[ObjectSum, ...] = ()


class _Table:
    def __init__(self) -> None:
        self.rows = 0
        self.digest = hashlib.sha256()

    def take(self, line: bytes) -> None:
        rows = []
        at = line.find(b"(")
        # From one row to the next, never from a bracket inside of a string.
        while at >= 0 and (found := _ROW.match(line, at)):
            rows.append(found[0])
            at = found.end() + len(b",")
        if rows:
            self.rows += len(rows)
            self.digest.update(b"\n".join(rows) + b"\n")


class Lines(Protocol):
    """What lines can be read from."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or ``size`` bytes of it; empty at the end."""


def read_dump(file: Lines, tell: Callable[[int], None] | None = None) -> DumpContent:
    """Read a dump to its end; ``tell`` hears the bytes read so far, and may raise.

    Raises what reading ``file`` raises.
    """
    tables: dict[str, _Table] = {}
    objects = ObjectReader()
    position = None
    filling: _Table | None = None
    last = b""
    size = told = 0
    while line := file.readline(_LONGEST_LINE):
        size += len(line)
        if tell is not None and size - told >= _TELL_EVERY_BYTES:
            told = size
            tell(size)
        if not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            return DumpContent((), size, None, "a row is longer than can be read")
        if filling is not None and line.startswith(b"("):
            filling.take(line)
        elif line.startswith(b"INSERT INTO `"):
            name, rest = _name(line)
            filling = tables.setdefault(name, _Table())
            filling.take(rest.partition(b" VALUES")[2])
        else:
            if line.startswith(b"CREATE TABLE `"):
                tables.setdefault(_name(line)[0], _Table())
            objects.take(line)
            if position is None and (found := _POSITION.match(line)):
                position = BinlogPosition(found[1].decode("utf-8", "replace"), int(found[2]))
        if filling is not None and line.endswith(b";\n"):
            filling = None
        if line.strip():
            last = line
    sums = tuple(
        TableSum(name, table.rows, table.digest.hexdigest())
        for name, table in sorted(tables.items())
    )
    whole = last.startswith(_COMPLETE)
    return DumpContent(sums, size, position, "" if whole else "it breaks off", objects.sums())


def _name(line: bytes) -> tuple[str, bytes]:
    """The first quoted name, and what comes behind it."""
    found = _QUOTED.search(line)
    if found is None:
        return "", line
    return plain_name(found[0]), line[found.end() :]
