"""Found rows as an Excel workbook (ECMA-376, SpreadsheetML), written as they come.

A sheet a table. Every text is stored as text and never as a formula; NULL is an empty cell and an
empty text a cell with a text of no length. Numbers of more than 15 digits, which a spreadsheet
would round, and dates before 1900-03-01, where its calendar is wrong, are text.
"""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, BinaryIO

from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exports.cell_types import TEXT, CellType, Form
from altus4_desktop.services.exports.xlsx_parts import (
    BOLD_STYLE,
    DATE_STYLE,
    DATETIME_STYLE,
    MILLISECOND_STYLE,
    fixed_parts,
    sheet_name,
)

if TYPE_CHECKING:
    from altus4_desktop.mysql.stream import CellKind, Cells, RowBlock
    from altus4_desktop.services.exports.bulk import BulkSource

ROW_LIMIT = 1_048_576
TEXT_LIMIT = 32_767
# Entries of more than 2 GiB need an extension of ZIP that not every spreadsheet reads.
_SHEET_BYTES = 1_800_000_000
_EXACT_DIGITS = 15
_LEVEL = 1

_EMPTY = b"<c/>"
_TEXT_HEAD = b'<c t="inlineStr"><is><t xml:space="preserve">'
_TEXT_TAIL = b"</t></is></c>"
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
_NUMBERS = re.compile(rb"(?:-?[0-9]{1,65}(?:\.[0-9]{1,65})?\n)*")
_DATES = re.compile(rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}\n)*")
_DATETIMES = re.compile(
    rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?\n)*"
)
_DAY_US = 86_400_000_000
_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - a server's dates have no zone
# 1900-03-01: 1900 was no leap year, and to a spreadsheet it was one.
_FIRST_DAY = 61
_CONTROLS = bytes(set(range(0x20)) - {0x09, 0x0A})
# What XML cannot hold, a carriage return, which it would not keep, and what looks like the form in
# which these are written (ST_Xstring).
_UNWRITABLE = re.compile(rb"[\x00-\x08\x0b-\x1f]|_x[0-9A-Fa-f]{4}_|\xef\xbf[\xbe\xbf]")
# In no UTF-8.
_BETWEEN = b"\xff"

# What a row's template holds for a column, and the values it takes; None takes none.
_Piece = tuple[bytes, "Sequence[bytes] | None"]


class XlsxWriter:
    """Writes blocks of several tables, those of a table one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._names: list[str] = []
        self._place: tuple[str, str] | None = None
        self._sheet: IO[bytes] | None = None
        self._rows = self._bytes = 0
        self._cut = 0

    def write(self, block: RowBlock, source: BulkSource) -> None:
        """Add the rows of ``block``."""
        if source.place != self._place:
            self._begin_sheet(source)
        at = 0
        while at < len(block):
            if self._rows >= ROW_LIMIT or self._bytes >= _SHEET_BYTES:
                self._begin_sheet(source)
            taken = min(len(block) - at, ROW_LIMIT - self._rows)
            self._put(self._lines([column[at : at + taken] for column in block.columns], source))
            self._rows += taken
            at += taken

    def close(self) -> None:
        """Write what a file ends with."""
        if self._sheet is None:
            self._begin_sheet(None)
        self._end_sheet()
        for name, text in fixed_parts(self._names).items():
            self._zip.writestr(name, text)
        self._zip.close()

    def abandon(self) -> None:
        """Let go of a file that is not wanted any more."""
        with suppress(Exception):
            if self._sheet is not None:
                self._sheet.close()
        with suppress(Exception):
            self._zip.close()

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the file does not hold as it was found."""
        if not self._cut:
            return ()
        return (
            Remark(
                "Texts longer than the {limit} characters that a cell may have were cut: {count}.",
                {"limit": f"{TEXT_LIMIT:,}", "count": self._cut},
            ),
        )

    def _put(self, data: bytes) -> None:
        assert self._sheet is not None  # noqa: S101 - begun by write
        self._sheet.write(data)
        self._bytes += len(data)

    def _begin_sheet(self, source: BulkSource | None) -> None:
        self._end_sheet()
        self._place = source.place if source is not None else None
        self._names.append(sheet_name(source.place[1] if source else "Found", self._names))
        self._sheet = self._zip.open(f"xl/worksheets/sheet{len(self._names)}.xml", "w")
        self._rows = self._bytes = 0
        names = [name for name in source.columns if name is not None] if source else []
        types = [source.types.get(name, TEXT) for name in names] if source else []
        heads = [name.encode() for name in ("connection", "table", "score", *names)]
        widths = [_WIDTHS[each.form] for each in (TEXT, TEXT, CellType(Form.FLOAT), *types)]
        columns = "".join(
            f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>'
            for at, width in enumerate(widths, 1)
        )
        cells = b"".join(
            b'<c s="%d" t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>'
            % (BOLD_STYLE, text)
            for text in self._escaped(heads)
        )
        self._put(
            b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            b'<sheetViews><sheetView workbookViewId="0">'
            b'<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            b"</sheetView></sheetViews><cols>%b</cols><sheetData><row>%b</row>"
            % (columns.encode(), cells)
        )
        self._rows = 1

    def _end_sheet(self) -> None:
        if self._sheet is not None:
            self._put(b"</sheetData></worksheet>")
            self._sheet.close()
            self._sheet = None

    def _lines(self, columns: Sequence[Cells], source: BulkSource) -> bytes:
        by_name = dict(zip(source.columns, zip(columns, source.kinds, strict=True), strict=True))
        places = self._escaped([text.encode() for text in source.place])
        pieces: list[_Piece] = [
            (_TEXT_HEAD + text.replace(b"%", b"%%") + _TEXT_TAIL, None) for text in places
        ]
        pieces.append(self._numbers(by_name[None][0]))
        pieces += [
            self._piece(*by_name[name], source.types.get(name, TEXT))
            for name in source.columns
            if name is not None
        ]
        line = b"<row>" + b"".join(template for template, _ in pieces) + b"</row>"
        values = [cells for _, cells in pieces if cells is not None]
        return b"".join(map(line.__mod__, zip(*values, strict=True)))

    def _piece(self, cells: Cells, sent: CellKind, kind: CellType) -> _Piece:
        match sent.value:
            case "integer":
                return self._exact(cells)
            case "float":
                return self._numbers(cells)
            case "bits":
                return self._exact(
                    [c if c is None else b"%d" % int.from_bytes(c, "big") for c in cells]
                )
            case "binary":
                return self._texts(
                    [c if c is None else b"base64:" + base64.b64encode(c) for c in cells]
                )
        match kind.form:
            case Form.DECIMAL:
                return self._exact(cells)
            case Form.DATE | Form.DATETIME:
                return self._dates(cells, kind)
            case _:
                return self._texts(cells)

    def _numbers(self, cells: Cells) -> _Piece:
        if None not in cells:
            return b"<c><v>%b</v></c>", [cell for cell in cells if cell is not None]
        return b"%b", [_EMPTY if cell is None else b"<c><v>%b</v></c>" % cell for cell in cells]

    def _exact(self, cells: Cells) -> _Piece:
        """Digits as numbers, where a spreadsheet keeps all of them."""
        known = [cell for cell in cells if cell is not None]
        if max(map(len, known), default=0) <= _EXACT_DIGITS and _NUMBERS.fullmatch(
            b"".join(cell + b"\n" for cell in known)
        ):
            return self._numbers(cells)
        texts = iter(self._escaped(known))
        made = []
        for cell in cells:
            if cell is None:
                made.append(_EMPTY)
                continue
            text = next(texts)
            exact = _NUMBER.fullmatch(cell) and _digits(cell) <= _EXACT_DIGITS
            made.append(b"<c><v>%b</v></c>" % cell if exact else _TEXT_HEAD + text + _TEXT_TAIL)
        return b"%b", made

    def _dates(self, cells: Cells, kind: CellType) -> _Piece:
        """Dates as a spreadsheet counts them: days since 1899-12-30."""
        if kind.form is Form.DATE:
            style, pattern = DATE_STYLE, _DATES
        else:
            style, pattern = (MILLISECOND_STYLE if kind.scale else DATETIME_STYLE), _DATETIMES
        known = [cell for cell in cells if cell is not None]
        template = b'<c s="%d"><v>%%b</v></c>' % style
        serials = _serials(known, pattern)
        if serials is not None and len(known) == len(cells):
            return template, serials
        texts = iter(self._escaped(known))
        found = iter([_serial(cell, pattern) for cell in known])
        made = []
        for cell in cells:
            if cell is None:
                made.append(_EMPTY)
                continue
            text, serial = next(texts), next(found)
            made.append(_TEXT_HEAD + text + _TEXT_TAIL if serial is None else template % serial)
        return b"%b", made

    def _texts(self, cells: Cells) -> _Piece:
        known = [cell for cell in cells if cell is not None]
        texts = self._escaped(known)
        if len(known) == len(cells):
            return _TEXT_HEAD + b"%b" + _TEXT_TAIL, texts
        rest = iter(texts)
        return b"%b", [
            _EMPTY if cell is None else _TEXT_HEAD + next(rest) + _TEXT_TAIL for cell in cells
        ]

    def _escaped(self, cells: Sequence[bytes]) -> list[bytes]:
        """``cells`` as the texts of XML; all at once, because calls cost more than bytes do."""
        if not cells:
            return []
        if max(map(len, cells)) > TEXT_LIMIT:
            cells = [self._fitting(cell) for cell in cells]
        data = _BETWEEN.join(cells)
        try:
            data.replace(_BETWEEN, b"\n").decode()
            whole = data.count(_BETWEEN) == len(cells) - 1
        except UnicodeDecodeError:
            whole = False
        if not whole:
            data = _BETWEEN.join(cell.decode("utf-8", "replace").encode() for cell in cells)
        data = data.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
        if (
            b"_x" in data
            or b"\xef\xbf" in data
            or len(data.translate(None, _CONTROLS)) != len(data)
        ):
            data = _UNWRITABLE.sub(_written, data)
        return data.split(_BETWEEN)

    def _fitting(self, cell: bytes) -> bytes:
        if len(cell) <= TEXT_LIMIT:
            return cell
        # A cell's characters are counted as UTF-16.
        units = cell.decode("utf-8", "replace").encode("utf-16-le")
        if len(units) <= 2 * TEXT_LIMIT:
            return cell
        self._cut += 1
        return units[: 2 * TEXT_LIMIT].decode("utf-16-le", "ignore").encode()


_WIDTHS = {
    Form.INTEGER: 12,
    Form.DECIMAL: 14,
    Form.FLOAT: 12,
    Form.DATE: 12,
    Form.DATETIME: 24,
    Form.BINARY: 24,
    Form.TEXT: 24,
}


def _digits(cell: bytes) -> int:
    whole, _, rest = cell.partition(b".")
    return len((whole + rest.rstrip(b"0")).lstrip(b"-0"))


def _serials(cells: Sequence[bytes], pattern: re.Pattern[bytes]) -> list[bytes] | None:
    """The days of each date; None when the spreadsheet's calendar does not have all of them."""
    if not cells:
        return []
    import numpy as np

    if pattern.fullmatch(b"".join(cell + b"\n" for cell in cells)):
        with suppress(ValueError):
            first = np.datetime64(_DAY_0, "us")
            micros = (np.array(cells).astype(str).astype("datetime64[us]") - first).astype(np.int64)
            if int(micros.min()) >= _FIRST_DAY * _DAY_US:
                if pattern is _DATES:
                    return [b"%d" % days for days in (micros // _DAY_US).tolist()]
                return "\n".join(map(repr, (micros / _DAY_US).tolist())).encode().split(b"\n")
    return None


def _serial(cell: bytes, pattern: re.Pattern[bytes]) -> bytes | None:
    """The days of one date, None for one that the spreadsheet's calendar does not have."""
    if not pattern.fullmatch(cell + b"\n"):
        return None
    try:
        since = datetime.fromisoformat(cell.decode("ascii")) - _DAY_0
    except ValueError:
        return None
    if since.days < _FIRST_DAY:
        return None
    if pattern is _DATES:
        return b"%d" % since.days
    return repr(since / timedelta(days=1)).encode()


def _written(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if text.startswith(b"_"):
        return b"_x005F" + text
    return b"_x%04X_" % ord(text.decode("utf-8", "surrogatepass"))
