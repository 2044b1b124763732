"""Found rows as a Parquet file (https://parquet.apache.org/docs/file-format/).

One table of the place, the score and the columns of all sources by name, each of the type that its
server declares; a column that a table does not have is null there.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exports.cell_types import CellType, Form

if TYPE_CHECKING:
    from altus4_desktop.mysql.stream import CellKind, Cells, RowBlock
    from altus4_desktop.services.exports.bulk import BulkSource

# A row group is held in memory until it is written; readers like them large.
_GROUP_ROWS = 128 * 1024
_GROUP_BYTES = 16 * 1024 * 1024


class ParquetWriter:
    """Writes blocks of several tables; ``types`` are the columns of all of them."""

    def __init__(self, file: BinaryIO, types: Mapping[str, CellType]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._types = dict(types)
        self._arrow = {name: _arrow_type(kind) for name, kind in types.items()}
        fields = {"connection": pa.string(), "table": pa.string(), "score": pa.float64()}
        for name, kind in self._arrow.items():
            # Readers want each name once.
            while name in fields:
                name += "_"  # noqa: PLW2901 - the name in the file
            fields[name] = kind
        self._schema = pa.schema(list(fields.items()))
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._rows = self._bytes = 0
        self._emptied = 0

    def write(self, block: RowBlock, source: BulkSource) -> None:
        """Add the rows of ``block``."""
        import pyarrow as pa

        count = len(block)
        found = dict(
            zip(source.columns, zip(block.columns, source.kinds, strict=True), strict=True)
        )
        connection, table = (pa.repeat(pa.scalar(text), count) for text in source.place)
        score = pa.array(found[None][0], pa.binary()).cast(pa.string()).cast(pa.float64())
        columns = [connection, table, score]
        for name, kind in self._types.items():
            cells = found.get(name)
            columns.append(
                pa.nulls(count, self._arrow[name])
                if cells is None
                else self._column(name, kind, *cells)
            )
        batch = pa.record_batch(columns, schema=self._schema)
        self._batches.append(batch)
        self._rows += count
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write what a file ends with."""
        self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        """Let go of a file that is not wanted any more."""
        with suppress(Exception):
            self._writer.close()

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the file does not hold as it was found."""
        if not self._emptied:
            return ()
        return (
            Remark(
                "Dates that are in no calendar, such as 0000-00-00, are null: {count}.",
                {"count": self._emptied},
            ),
        )

    def _write_group(self) -> None:
        import pyarrow as pa

        if self._batches:
            rows = pa.Table.from_batches(self._batches, self._schema)
            self._batches = []
            self._writer.write_table(rows, row_group_size=self._rows)
            self._rows = self._bytes = 0

    def _column(self, name: str, kind: CellType, cells: Cells, sent: CellKind) -> Any:
        import pyarrow as pa

        if sent.value == "bits":
            cells = [c if c is None else b"%d" % int.from_bytes(c, "big") for c in cells]
        if kind.form is Form.TEXT and sent.value == "binary":
            cells = [c if c is None else b"base64:" + base64.b64encode(c) for c in cells]
        made = pa.array(cells, pa.binary())
        if kind.form is Form.BINARY:
            return made
        try:
            return made.cast(pa.string()).cast(self._arrow[name])
        except pa.ArrowInvalid as error:
            if kind.form is Form.TEXT:
                return pa.array([c if c is None else c.decode("utf-8", "replace") for c in cells])
            if kind.form not in {Form.DATE, Form.DATETIME}:
                raise _other_type(name) from error
        dates = [c if c is not None and _is_date(c) else None for c in cells]
        self._emptied += dates.count(None) - cells.count(None)
        return pa.array(dates, pa.binary()).cast(pa.string()).cast(self._arrow[name])


def _arrow_type(kind: CellType) -> Any:
    import pyarrow as pa

    match kind.form:
        case Form.INTEGER:
            return getattr(pa, f"{'' if kind.signed else 'u'}int{kind.bits}")()
        case Form.DECIMAL if kind.digits <= 38:
            return pa.decimal128(kind.digits, kind.scale)
        case Form.DECIMAL if kind.digits <= 76:
            return pa.decimal256(kind.digits, kind.scale)
        case Form.FLOAT:
            return pa.float32() if kind.bits == 32 else pa.float64()
        case Form.DATE:
            return pa.date32()
        case Form.DATETIME:
            return pa.timestamp("us")
        case Form.BINARY:
            return pa.binary()
        case _:
            return pa.string()


def _is_date(cell: bytes) -> bool:
    try:
        datetime.fromisoformat(cell.decode("ascii"))
    except ValueError:
        return False
    return True


def _other_type(name: str) -> AltusError:
    return AltusError(
        "The column “{column}” holds something else than its table declares.",
        hint="Search again, in case the table was changed; or export to CSV or JSON.",
        code="export.type",
        details={"column": name},
    )
