"""Exports: found rows into a file that a person has chosen."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.audit import SubjectKind
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import InputError
from altus4_desktop.domain.exports import ExportFormat, ExportReport
from altus4_desktop.domain.progress import Progress, ProgressSink, ignore_progress
from altus4_desktop.domain.remarks import Remark
from altus4_desktop.domain.searching import SearchHit, SearchRequest
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.exports.bulk import BulkSource
from altus4_desktop.services.exports.cell_types import column_type
from altus4_desktop.services.exports.hit_blocks import block_of, by_table, table_of, types_of_hits
from altus4_desktop.services.exports.opening import open_writer
from altus4_desktop.services.exports.writers import export_pieces
from altus4_desktop.services.files import check_new, open_chosen
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.search import SearchService

_TELL_EVERY_ROWS = 500
_TELL_EVERY_S = 0.1


class ExportsService:
    """Writes what a search has found, for other programs."""

    def __init__(
        self,
        metadata: MetadataService,
        connections: ConnectionsService,
        search: SearchService,
        pools: TenantPools,
        permissions: Permissions,
    ) -> None:
        self._metadata = metadata
        self._connections = connections
        self._pools = pools
        self._search = search
        self._permissions = permissions

    def export_hits_(
        self,
        actor: Actor,
        path: Path,
        export_format: ExportFormat,
        hits: Sequence[SearchHit],
        *,
        guard: bool = True,
        replaces: bool = False,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> ExportReport:
        """Write ``hits`` to the new file ``path``, whole or not at all; nothing is searched anew.

        ``replaces``: an old file may go for it. A row with a cell that was cut is read anew by its
        key, one row at a time. That it was done is written down. Raises AccessError, InputError
        without hits, NotFoundError for a connection that is not the actor's and for a cut row that
        is gone or has no key, TenantError, ConflictError (``export.exists``) when the file is there
        already, AltusError (``export.failed``) for what the file system refuses, Cancelled,
        StoreError.
        """
        current = self._permissions.check(actor, Right.SEARCH)
        if not hits:
            raise InputError("hits", "There is nothing to export.", hint="Search first.")
        connection_ids = list(dict.fromkeys(hit.source.connection_id for hit in hits))
        names = [self._connections.get_(actor, each).name for each in connection_ids]
        token = token or CancelToken()

        def whole() -> Iterator[SearchHit]:
            for done, hit in enumerate(hits):
                token.raise_if_cancelled()
                if done % _TELL_EVERY_ROWS == 0:
                    progress(Progress("Exporting the rows", done / len(hits)))
                if hit.truncated:
                    yield replace(hit, columns=self._search.read_row(actor, hit, token))
                else:
                    yield hit

        columns = list(dict.fromkeys(name for hit in hits for name in hit.columns))
        remarks: tuple[Remark, ...] = ()
        with open_chosen(path, only_new=not replaces) as file:
            if export_format in {ExportFormat.XLSX, ExportFormat.PARQUET}:
                types = types_of_hits(hits, self._connections.find_known_schema)
                if export_format is ExportFormat.XLSX:
                    hits = by_table(hits)
                with open_writer(file, export_format, list(types.values()), guard=guard) as writer:
                    for hit in whole():
                        writer.write(*block_of(hit, types[table_of(hit)]))
                remarks = writer.remarks
            else:
                for piece in export_pieces(whole(), columns, export_format, guard=guard):
                    file.write(piece.encode())
            size_bytes = file.seek(0, os.SEEK_END)
            self._write_down(current, path, export_format, len(hits), names)
        progress(Progress("Exporting the rows", 1.0))
        return ExportReport(len(hits), size_bytes, remarks)

    def export_all_(
        self,
        actor: Actor,
        path: Path,
        export_format: ExportFormat,
        request: SearchRequest,
        *,
        guard: bool = True,
        replaces: bool = False,
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> ExportReport:
        """Write every row that ``request`` finds to the new file ``path``, whole or not at all.

        The rows of one index after the other, each as it comes from its server and each once; the
        score is that of its index. A source that fails ends the export. ``replaces``, what is
        written down and what is raised: as of `export_hits_`; and what
        `SearchService.find_whole_sources` raises.
        """
        from altus4_desktop.mysql.whole import open_whole_search

        current = self._permissions.check(actor, Right.SEARCH)
        if not replaces:
            check_new(path)
        token = token or CancelToken()
        sources = self._search.find_whole_sources(actor, request, token)
        types = [
            {column.name: column_type(column) for column in each.search.table.columns}
            for each in sources
        ]
        told_at = 0.0
        rows = 0
        with open_chosen(path, only_new=not replaces) as file:
            with open_writer(file, export_format, types, guard=guard) as writer:
                for source, declared in zip(sources, types, strict=True):
                    with (
                        self._pools.borrow(source.target, token) as session,
                        open_whole_search(session, source.search) as stream,
                    ):
                        table = source.search.table
                        whose = BulkSource(
                            (source.connection, table.name),
                            table.key,
                            list(declared),
                            stream.kinds,
                            declared,
                        )
                        for block in stream.blocks():
                            writer.write(block, whose)
                            rows += len(block)
                            token.raise_if_cancelled()
                            if time.monotonic() - told_at > _TELL_EVERY_S:
                                told_at = time.monotonic()
                                progress(Progress(_so_far(rows, file.tell())))
            size_bytes = file.seek(0, os.SEEK_END)
            token.raise_if_cancelled()
            names = list(dict.fromkeys(source.connection for source in sources))
            self._write_down(current, path, export_format, rows, names)
        progress(Progress(_so_far(rows, size_bytes), 1.0))
        return ExportReport(rows, size_bytes, writer.remarks)

    def _write_down(
        self,
        current: Actor,
        path: Path,
        export_format: ExportFormat,
        rows: int,
        connections: Sequence[str],
    ) -> None:
        """Called before the file is in its place: an export that nobody knows of is worse than one
        that did not come about."""
        event = build_event(
            current,
            "search.exported",
            SubjectKind.HISTORY,
            subject_name=path.name,
            after={"format": export_format.value, "rows": rows, "connections": list(connections)},
        )
        self._metadata.store.audit.add_([event])


def _so_far(rows: int, size_bytes: int) -> str:
    return f"Exported {rows:,} rows, {size_bytes / 1e6:,.1f} MB"
