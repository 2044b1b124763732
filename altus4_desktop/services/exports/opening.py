"""Who writes which format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from altus4_desktop.domain.exports import ExportFormat
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.services.exports.bulk import BulkSource, BulkWriter
from altus4_desktop.services.exports.cell_types import CellType, common_type

if TYPE_CHECKING:
    from altus4_desktop.mysql.stream import RowBlock


class BlockWriter(Protocol):
    """Writes blocks of rows into an open file."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the file does not hold as it was found."""

    def write(self, block: RowBlock, source: BulkSource) -> None:
        """Add the rows of ``block``."""

    def close(self) -> None:
        """Write what the file ends with."""

    def abandon(self) -> None:
        """Let go of a file that is not wanted any more."""


@contextmanager
def open_writer(
    file: BinaryIO,
    export_format: ExportFormat,
    tables: Sequence[Mapping[str, CellType]],
    *,
    guard: bool,
) -> Iterator[BlockWriter]:
    """Writes rows of several tables, whose columns are ``tables``, and ends the file when the block
    ends well; raises OSError."""
    columns: dict[str, list[CellType]] = {}
    for table in tables:
        for name, kind in table.items():
            columns.setdefault(name, []).append(kind)
    writer: BlockWriter
    match export_format:
        case ExportFormat.XLSX:
            from altus4_desktop.services.exports.xlsx import XlsxWriter

            writer = XlsxWriter(file)
        case ExportFormat.PARQUET:
            from altus4_desktop.services.exports.parquet import ParquetWriter

            writer = ParquetWriter(
                file, {name: common_type(kinds) for name, kinds in columns.items()}
            )
        case _:
            writer = BulkWriter(file, export_format, list(columns), guard=guard)
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abandon()
        raise
