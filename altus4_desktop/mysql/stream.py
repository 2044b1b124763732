"""The rows of one statement as they come, in blocks of bytes that are taken apart in bulk.

A row of the text protocol is its cells one after the other, each with its length before it
(https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_row.html).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pymysql.constants import FIELD_TYPE, SERVER_STATUS
from pymysql.err import raise_mysql_exception

from altus4_desktop.mysql.rows import TenantResult, decoder_for

if TYPE_CHECKING:
    from altus4_desktop.driver.wire import WireConnection

Cells = list[bytes | None]

_READ_BYTES = 256 * 1024
_BLOCK_BYTES = 1024 * 1024
# A packet of this size has a successor.
_FULL_PACKET = 0xFFFFFF
# Twice what a server takes in one piece by default; a hostile one must not fill the memory.
ROW_LIMIT_BYTES = 128 * 1024 * 1024
_INTEGERS = re.compile(rb"(?:-?[0-9]{1,255}\n)*")
_FLOATS = re.compile(rb"(?:-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,3})?\n)*")


class CellKind(Enum):
    """What the bytes of a cell are; numbers have been checked to be such."""

    INTEGER = "integer"
    FLOAT = "float"
    BITS = "bits"
    BINARY = "binary"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows, column by column; None is NULL."""

    columns: tuple[Cells, ...]

    def __len__(self) -> int:
        return len(self.columns[0])


class StreamResult(TenantResult):
    """A result whose rows stay on the line."""

    def _read_rowdata_packet(self) -> None:
        self.rows = []


class RowStream:
    """Reads one statement's rows; ``wait`` and ``end_wait`` are called around each wait."""

    def __init__(
        self, connection: WireConnection, wait: Callable[[], None], end_wait: Callable[[], None]
    ) -> None:
        self.is_whole = False
        self.failure: Exception | None = None
        self.kinds: tuple[CellKind, ...] = ()
        self._connection = connection
        self._wait = wait
        self._end_wait = end_wait
        self._buffer = bytearray()

    def begin(self, statement: str) -> None:
        """Send ``statement`` and read the column list."""
        self._wait()
        try:
            result = self._connection.query_columns(statement, StreamResult)
            if result.description is None:
                raise ValueError("no result")
            self.kinds = tuple(_kind(field.type_code, field.charsetnr) for field in result.fields)
        except Exception as error:
            # Anything: garbage from a server is not always a DBAPI error.
            self.failure = error
            raise
        finally:
            self._end_wait()

    def blocks(self) -> Iterator[RowBlock]:
        """The rows, about a megabyte at a time; raises what reading raised."""
        try:
            for payloads in self._payloads():
                yield self._take_apart(*payloads)
        except Exception as error:
            self.failure = error
            raise

    def _payloads(self) -> Iterator[tuple[bytes, list[int], list[int]]]:
        """Bytes, and where in them rows begin and end."""
        buffer, at, first = self._buffer, 0, 0
        starts: list[int] = []
        ends: list[int] = []
        unpack = struct.Struct("<I").unpack_from
        while True:
            known = len(buffer)
            while at + 5 <= known:
                size = unpack(buffer, at)[0] & _FULL_PACKET
                end = at + 4 + size
                if end > known:
                    break
                if size == _FULL_PACKET:
                    if starts:
                        break
                    row = self._take_long_row()
                    if row is None:
                        break
                    yield row, [0], [len(row)]
                    known = len(buffer)
                    continue
                mark = buffer[at + 4]
                if mark == 0xFF or (mark == 0xFE and size < 9):
                    if starts:
                        yield bytes(buffer[:at]), starts, ends
                    self._end(bytes(buffer[at + 4 : end]), known - end)
                    return
                if size == 0:
                    raise ValueError("a row without cells")
                starts.append(at + 4)
                ends.append(end)
                at = end
            is_long = at + 4 <= known and unpack(buffer, at)[0] & _FULL_PACKET == _FULL_PACKET
            if starts and (at >= _BLOCK_BYTES or is_long):
                yield bytes(buffer[:at]), starts, ends
                del buffer[:at]
                at, starts, ends = 0, [], []
                continue
            if len(buffer) - at > ROW_LIMIT_BYTES:
                raise ValueError("a row is too large")
            first = len(buffer)
            self._wait()
            try:
                buffer += self._connection.read_some(_READ_BYTES)
            finally:
                self._end_wait()
            assert len(buffer) > first  # noqa: S101 - no byte is the end of the line

    def _take_long_row(self) -> bytes | None:
        """The row at the buffer's begin out of its packets, None while some are missing."""
        buffer, at, parts = self._buffer, 0, []
        while at + 4 <= len(buffer):
            size = int.from_bytes(buffer[at : at + 3], "little")
            if at + 4 + size > len(buffer):
                return None
            parts.append(bytes(buffer[at + 4 : at + 4 + size]))
            at += 4 + size
            if size < _FULL_PACKET:
                del buffer[:at]
                return b"".join(parts)
        return None

    def _end(self, packet: bytes, surplus: int) -> None:
        if packet[0] == 0xFF:
            raise_mysql_exception(packet)
        status = int.from_bytes(packet[3:5], "little")
        if surplus or len(packet) < 5 or status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
            raise ValueError("more than one result")
        self.is_whole = True

    def _take_apart(self, data: bytes, starts: list[int], ends: list[int]) -> RowBlock:
        import numpy as np

        # Room for the longest length behind the last byte, so that a lying one is still readable.
        view = np.frombuffer(data + b"\0" * 9, dtype=np.uint8)
        at = np.array(starts, dtype=np.int64)
        limit = np.array(ends, dtype=np.int64)
        columns: list[Cells] = []
        for kind in self.kinds:
            if (at >= limit).any():
                raise ValueError("a row has too few cells")
            mark = view[at]
            size = mark.astype(np.int64)
            at = at + 1
            nulls: Any = ()
            if mark.max() > 250:
                nulls = np.flatnonzero(mark == 251).tolist()
                size[nulls] = 0
                for sign, width in ((252, 2), (253, 3), (254, 8)):
                    found = np.flatnonzero(mark == sign)
                    if not found.size:
                        continue
                    places = at[found]
                    wide = np.zeros(found.size, dtype=np.uint64)
                    for byte in range(width):
                        wide |= view[places + byte].astype(np.uint64) << np.uint64(8 * byte)
                    size[found] = np.minimum(wide, np.uint64(1 << 40)).astype(np.int64)
                    at[found] += width
                if (mark == 255).any():
                    raise ValueError("a length that there is not")
            end = at + size
            if (end > limit).any():
                raise ValueError("a cell is longer than its row")
            cells: Cells = [
                data[begin:stop] for begin, stop in zip(at.tolist(), end.tolist(), strict=True)
            ]
            for place in nulls:
                cells[place] = None
            _check(kind, cells)
            columns.append(cells)
            at = end
        if (at != limit).any():
            raise ValueError("a row has too many cells")
        return RowBlock(tuple(columns))


def _kind(field_type: int, charset: int) -> CellKind:
    decode = decoder_for(field_type, charset)
    if decode is int:
        return CellKind.INTEGER
    if decode is float:
        return CellKind.FLOAT
    if field_type == FIELD_TYPE.BIT:
        return CellKind.BITS
    return CellKind.BINARY if decode is bytes else CellKind.TEXT


def _check(kind: CellKind, cells: Cells) -> None:
    """Raise ValueError for a number that is none: it would be written without quotes."""
    if kind is CellKind.INTEGER or kind is CellKind.FLOAT:
        pattern = _INTEGERS if kind is CellKind.INTEGER else _FLOATS
        known = [cell for cell in cells if cell is not None]
        lines = b"".join(cell + b"\n" for cell in known)
        if lines.count(b"\n") != len(known) or pattern.fullmatch(lines) is None:
            raise ValueError("a number that is none")
