"""Row packets of the text protocol, right and wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.constants import FIELD_TYPE

from altus4_desktop.mysql.rows import Decoder, decode_row, decoder_for

BINARY = 63
UTF8 = 45


def packet(*cells: bytes | None) -> bytes:
    """A row as a server sends it."""
    data = b""
    for cell in cells:
        if cell is None:
            data += b"\xfb"
        elif len(cell) < 251:
            data += bytes([len(cell)]) + cell
        elif len(cell) < 1 << 16:
            data += b"\xfc" + len(cell).to_bytes(2, "little") + cell
        elif len(cell) < 1 << 24:
            data += b"\xfd" + len(cell).to_bytes(3, "little") + cell
        else:
            data += b"\xfe" + len(cell).to_bytes(8, "little") + cell
    return data


@pytest.mark.parametrize(
    ("field_type", "charset", "sent", "value"),
    [
        (FIELD_TYPE.LONGLONG, BINARY, b"9007199254740993", 9007199254740993),
        (FIELD_TYPE.TINY, BINARY, b"-1", -1),
        (FIELD_TYPE.DOUBLE, BINARY, b"1e10", 1e10),
        (FIELD_TYPE.NEWDECIMAL, BINARY, b"0.10", "0.10"),
        (FIELD_TYPE.DATE, BINARY, b"0000-00-00", "0000-00-00"),
        (FIELD_TYPE.DATETIME, BINARY, b"2024-02-30 00:00:00", "2024-02-30 00:00:00"),
        (FIELD_TYPE.TIME, BINARY, b"-838:59:59", "-838:59:59"),
        (FIELD_TYPE.YEAR, BINARY, b"0000", "0000"),
        (FIELD_TYPE.JSON, BINARY, b'{"a": 1}', '{"a": 1}'),
        (FIELD_TYPE.BIT, BINARY, b"\x01\x01", 257),
        (FIELD_TYPE.BLOB, BINARY, b"\x00\xff", b"\x00\xff"),
        (FIELD_TYPE.BLOB, UTF8, b"\x00\xff", "\x00\ufffd"),
        (FIELD_TYPE.VAR_STRING, UTF8, "é😀".encode(), "é😀"),
        (FIELD_TYPE.GEOMETRY, BINARY, b"\x01", b"\x01"),
        (242, BINARY, b"\x00\x00\x80\x3f", b"\x00\x00\x80\x3f"),
    ],
)
def test_values(field_type: int, charset: int, sent: bytes, value: object) -> None:
    (found,) = decode_row(packet(sent), [decoder_for(field_type, charset)])
    assert found == value
    assert type(found) is type(value)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=300), st.just(bytes(70_000))), max_size=6))
def test_cells_come_back_as_they_were(cells: list[bytes | None]) -> None:
    decoders: list[Decoder] = [bytes] * len(cells)
    assert decode_row(packet(*cells), decoders) == tuple(cells)


@given(st.binary(max_size=40), st.integers(0, 5))
def test_garbage_is_an_error_and_no_more(data: bytes, columns: int) -> None:
    decoders: list[Decoder] = [bytes] * columns
    try:
        row = decode_row(data, decoders)
    except (IndexError, ValueError):
        return
    assert len(row) == columns


def test_a_cell_of_16_megabytes() -> None:
    cell = b"x" * (1 << 24)
    assert decode_row(packet(cell, b"after"), [bytes, bytes]) == (cell, b"after")


def test_a_row_that_ends_early() -> None:
    with pytest.raises(IndexError):
        decode_row(packet(b"one"), [bytes, bytes])
    with pytest.raises(ValueError, match="longer"):
        decode_row(b"\x05one", [bytes])
