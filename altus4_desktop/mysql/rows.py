"""How tenant values arrive: numbers as numbers, the rest exactly as the server wrote it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pymysql import connections
from pymysql.constants import FIELD_TYPE
from pymysql.protocol import FieldDescriptorPacket

Decoder = Callable[[bytes], Any]

_MOST_COLUMNS = 4096
_BINARY_CHARSET = 63

_INTEGERS = frozenset(
    {FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.INT24}
)
_FLOATS = frozenset({FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE})
# The server calls their character set binary although what it sends is text.
_WRITTEN_AS_TEXT = frozenset(
    {
        FIELD_TYPE.DECIMAL,
        FIELD_TYPE.NEWDECIMAL,
        FIELD_TYPE.DATE,
        FIELD_TYPE.NEWDATE,
        FIELD_TYPE.TIME,
        FIELD_TYPE.DATETIME,
        FIELD_TYPE.TIMESTAMP,
        FIELD_TYPE.YEAR,
        FIELD_TYPE.JSON,
    }
)

# Bytes that are no UTF-8 must not cost the other rows; these are C calls, made once a cell.
_text: Decoder = partial(str, encoding="utf-8", errors="replace")
_bits: Decoder = partial(int.from_bytes, byteorder="big")


def decoder_for(field_type: int, charset: int) -> Decoder:
    """The function that turns the bytes of a cell into a value."""
    if field_type in _INTEGERS:
        return int
    if field_type in _FLOATS:
        return float
    if field_type == FIELD_TYPE.BIT:
        return _bits
    if field_type not in _WRITTEN_AS_TEXT and charset == _BINARY_CHARSET:
        return bytes
    return _text


_PyMySQL: Any = connections.MySQLResult


class TenantResult(_PyMySQL):  # type: ignore[misc]  # the stubs hide what we override
    """A result decoded our way; out of shape it raises an exception that is no DBAPI error."""

    connection: Any

    def _get_descriptions(self) -> None:
        if not 0 < (self.field_count or 0) <= _MOST_COLUMNS:
            raise ValueError("impossible number of columns")
        read = self.connection._read_packet  # noqa: SLF001 (the method we override uses it)
        self.fields = [read(FieldDescriptorPacket) for _ in range(self.field_count)]
        self.description = tuple(field.description() for field in self.fields)
        self.converters = [decoder_for(field.type_code, field.charsetnr) for field in self.fields]
        if not read().is_eof_packet():
            raise ValueError("the column list has no end")

    def _read_rowdata_packet(self) -> None:
        read = self.connection._read_packet  # noqa: SLF001 (as above)
        decoders = self.converters
        rows = []
        while True:
            packet = read()
            if self._check_packet_is_eof(packet):
                break
            rows.append(decode_row(packet.get_all_data(), decoders))
        self.connection = None
        self.affected_rows = len(rows)
        self.rows = rows


def decode_row(data: bytes, decoders: list[Decoder]) -> tuple[Any, ...]:
    """The cells of one row packet of the text protocol; raises IndexError or ValueError."""
    row: list[Any] = []
    at = 0
    for decode in decoders:
        size = data[at]
        at += 1
        if size == 251:
            row.append(None)
            continue
        if size > 251:
            width = (2, 3, 8)[size - 252]
            size = int.from_bytes(data[at : at + width], "little")
            at += width
        end = at + size
        if end > len(data):
            raise ValueError("a cell is longer than its row")
        row.append(decode(data[at:end]))
        at = end
    return tuple(row)
