"""Rows as they come from a server, turned into the bytes of a file a block at a time.

The files are those of `writers`, but that every text in a CSV file is quoted.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, BinaryIO

from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.spreadsheet import FIRST_BYTES, csv_text, guarded
from altus4_desktop.services.exports.writers import markdown_line, markdown_text

if TYPE_CHECKING:
    from altus4_desktop.mysql.stream import CellKind, Cells, RowBlock
    from altus4_desktop.services.exports.cell_types import CellType

_PLACE = ("connection", "table", "score")


class BulkWriter:
    """Turns blocks of several tables into one file; ``names`` are the columns of all of them."""

    remarks = ()

    def __init__(
        self, file: BinaryIO, export_format: ExportFormat, names: Sequence[str], *, guard: bool
    ) -> None:
        self.guard = guard
        self.format = export_format
        self.names = tuple(names)
        self._file = file
        self._rows = 0
        file.write(self.head())

    def write(self, block: RowBlock, source: BulkSource) -> None:
        """Add the rows of ``block``."""
        self._file.write(self.rows(block, source))

    def close(self) -> None:
        """Write what a file ends with."""
        self._file.write(self.tail())

    def abandon(self) -> None:
        """Nothing is held that would have to be let go."""

    def head(self) -> bytes:
        """What a file begins with."""
        heads = (*_PLACE, *self.names)
        match self.format:
            case ExportFormat.CSV:
                return (",".join(csv_text(n, guard=self.guard) for n in heads) + "\r\n").encode()
            case ExportFormat.MARKDOWN:
                ruler = markdown_line("---" for _ in heads)
                return (markdown_line(map(markdown_text, heads)) + ruler).encode()
            case ExportFormat.JSON:
                return b"["
            case _:
                return b""

    def tail(self) -> bytes:
        """What a file ends with."""
        return b"\n]\n" if self.format is ExportFormat.JSON else b""

    def rows(self, block: RowBlock, source: BulkSource) -> bytes:
        """The lines of ``block``."""
        if self.format is ExportFormat.CSV:
            made = self._csv(block, source)
        elif self.format is ExportFormat.MARKDOWN:
            made = self._markdown(block, source)
        else:
            made = self._json(block, source)
        self._rows += len(block)
        return made

    def _csv(self, block: RowBlock, source: BulkSource) -> bytes:
        cells = {
            name: _csv_cells(column, kind, guard=self.guard)
            for name, column, kind in zip(source.columns, block.columns, source.kinds, strict=True)
        }
        pieces = [csv_text(text, guard=self.guard).encode() for text in source.place]
        line = b",".join(
            [*(piece.replace(b"%", b"%%") for piece in pieces), b"%b"]
            + [b"%b" if name in cells else b"" for name in self.names]
        )
        shown = [cells[None], *(cells[name] for name in self.names if name in cells)]
        return _clean(b"".join(map((line + b"\r\n").__mod__, zip(*shown, strict=True))))

    def _json(self, block: RowBlock, source: BulkSource) -> bytes:
        cells = {
            name: _json_cells(column, kind)
            for name, column, kind in zip(source.columns, block.columns, source.kinds, strict=True)
        }
        connection, table = (_json_name(text) for text in source.place)
        key = ", ".join(f"{_json_name(name)}: %s" for name in source.key)
        named = [name for name in source.columns if name is not None]
        columns = ", ".join(f"{_json_name(name)}: %s" for name in named)
        line = (
            f'{{"connection": {connection}, "table": {table}, "score": %s, '
            f'"key": {{{key}}}, "columns": {{{columns}}}}}'
        )
        shown = [cells[None], *(cells[name] for name in (*source.key, *named))]
        lines = map(line.__mod__, zip(*shown, strict=True))
        if self.format is ExportFormat.JSON:
            return (("," if self._rows else "") + "\n" + ",\n".join(lines)).encode()
        return ("\n".join(lines) + "\n").encode()

    def _markdown(self, block: RowBlock, source: BulkSource) -> bytes:
        cells = {
            name: _markdown_cells(column, kind)
            for name, column, kind in zip(source.columns, block.columns, source.kinds, strict=True)
        }
        missing = ["*NULL*"] * len(block)
        places = [[markdown_text(text)] * len(block) for text in source.place]
        shown = [*places, cells[None], *(cells.get(name, missing) for name in self.names)]
        return "".join(map(markdown_line, zip(*shown, strict=True))).encode()


class BulkSource:
    """Whose rows follow: ``columns`` in the order of the block, None being the score.

    ``kinds`` are how the bytes of a block are to be read, ``types`` what the table declares.
    """

    def __init__(
        self,
        place: tuple[str, str],
        key: Sequence[str],
        names: Sequence[str],
        kinds: Sequence[CellKind],
        types: Mapping[str, CellType],
    ) -> None:
        self.place = place
        self.key = tuple(key)
        self.columns: tuple[str | None, ...] = (*names, None)
        self.kinds = tuple(kinds)
        self.types = types


def _csv_cells(cells: Cells, kind: CellKind, *, guard: bool) -> list[bytes]:
    match kind.value:
        case "integer" | "float":
            return [cell or b"" for cell in cells]
        case "text":
            if guard:
                cells = [
                    guarded(cell.decode("utf-8", "replace")).encode()
                    if cell is not None and cell[:1] in FIRST_BYTES
                    else cell
                    for cell in cells
                ]
            return [b"" if cell is None else b'"%b"' % cell.replace(b'"', b'""') for cell in cells]
        case _:
            return [text.encode() for text in _other_cells(cells, kind, "")]


def _json_cells(cells: Cells, kind: CellKind) -> list[str]:
    match kind.value:
        case "integer":
            return ["null" if cell is None else str(int(cell)) for cell in cells]
        case "float":
            return ["null" if cell is None else repr(float(cell)) for cell in cells]
        case "text":
            return [
                "null" if cell is None else encode_basestring(cell.decode("utf-8", "replace"))
                for cell in cells
            ]
        case "bits":
            return _other_cells(cells, kind, "null")
        case _:
            return [
                "null" if cell is None else f'{{"base64": "{base64.b64encode(cell).decode()}"}}'
                for cell in cells
            ]


def _markdown_cells(cells: Cells, kind: CellKind) -> list[str]:
    match kind.value:
        case "integer" | "float":
            return ["*NULL*" if cell is None else cell.decode() for cell in cells]
        case "text":
            return [
                "*NULL*" if cell is None else markdown_text(cell.decode("utf-8", "replace"))
                for cell in cells
            ]
        case _:
            return _other_cells(cells, kind, "*NULL*")


def _other_cells(cells: Cells, kind: CellKind, null: str) -> list[str]:
    if kind.value == "bits":
        return [null if cell is None else str(int.from_bytes(cell, "big")) for cell in cells]
    return [
        null if cell is None else "base64:" + base64.b64encode(cell).decode("ascii")
        for cell in cells
    ]


def _json_name(text: str) -> str:
    return encode_basestring(text).replace("%", "%%")


def _clean(lines: bytes) -> bytes:
    """``lines`` as UTF-8, also when a server sent what is none."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        return lines.decode("utf-8", "replace").encode()
    return lines
