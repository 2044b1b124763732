"""Rows out of the bytes of a server, however they are cut, and from one that lies."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altus4_desktop.driver.wire import WireConnection
from altus4_desktop.mysql.stream import CellKind, RowStream

EOF = b"\x05\x00\x00\x09\xfe\x00\x00\x02\x00"
_CELL = st.none() | st.binary(max_size=600)


class Line:
    """Gives out bytes in pieces."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._data = data
        self._piece = piece

    def read_some(self, most: int) -> bytes:
        """The next piece."""
        size = min(most, self._piece)
        piece, self._data = self._data[:size], self._data[size:]
        if not piece:
            raise ConnectionResetError
        return piece


def packet(payload: bytes) -> bytes:
    """``payload`` with its header."""
    return len(payload).to_bytes(3, "little") + b"\x05" + payload


def cell(value: bytes | None) -> bytes:
    """``value`` as the text protocol writes it."""
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little") + value
    if size < 1 << 24:
        return b"\xfd" + size.to_bytes(3, "little") + value
    return b"\xfe" + size.to_bytes(8, "little") + value


def read(
    data: bytes, kinds: tuple[CellKind, ...], piece: int = 1 << 20
) -> list[tuple[object, ...]]:
    """Every row of ``data``."""
    line = cast("WireConnection", Line(data, piece))
    stream = RowStream(line, lambda: None, lambda: None)
    stream.kinds = kinds
    rows = [row for block in stream.blocks() for row in zip(*block.columns, strict=True)]
    assert stream.is_whole
    return rows


@given(st.lists(st.tuples(_CELL, _CELL), max_size=9), st.integers(1, 700))
def test_rows_come_out_as_they_went_in(
    rows: list[tuple[bytes | None, bytes | None]], piece: int
) -> None:
    data = b"".join(packet(cell(one) + cell(two)) for one, two in rows) + EOF
    assert read(data, (CellKind.TEXT, CellKind.BINARY), piece) == rows


def test_a_row_of_several_packets_stands_among_others() -> None:
    long = b"x" * (0xFFFFFF + 9)
    payload = cell(b"2") + cell(long)
    parts = packet(payload[:0xFFFFFF]) + packet(payload[0xFFFFFF:])
    data = packet(b"\x011\x01a") + parts + packet(b"\x013\xfb") + EOF
    rows = read(data, (CellKind.INTEGER, CellKind.TEXT))
    assert rows == [(b"1", b"a"), (b"2", long), (b"3", None)]


@pytest.mark.parametrize(
    "data",
    [
        packet(b"\x01a") + EOF,
        packet(b"\x01a\x01b\x01c") + EOF,
        packet(b"\x01a\x09b") + EOF,
        packet(b"\x01a\xfe\xff\xff\xff\xff\xff\xff\xff\xffb") + EOF,
        packet(b"\x01a\xfe") + EOF,
        packet(b"\x01a\xff") + EOF,
        packet(b"") + EOF,
        EOF + b"x",
        b"\x05\x00\x00\x09\xfe\x00\x00\x08\x00",
    ],
)
def test_what_is_no_row_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"row|cell|length|result"):
        read(data, (CellKind.TEXT, CellKind.TEXT))


@pytest.mark.parametrize("number", [b"", b"1-1", b"=1", b"1\n2", b"1,2", b"0x1", b"nan"])
@pytest.mark.parametrize("kind", [CellKind.INTEGER, CellKind.FLOAT])
def test_a_number_that_is_none_is_refused(number: bytes, kind: CellKind) -> None:
    with pytest.raises(ValueError, match="number"):
        read(packet(cell(number)) + EOF, (kind,))


def test_a_line_that_ends_early_is_no_whole_result() -> None:
    with pytest.raises(ConnectionResetError):
        read(packet(b"\x01a"), (CellKind.TEXT,))
