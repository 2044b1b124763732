"""Exports: found rows into a file that a person has chosen."""

from __future__ import annotations

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
from altus4_desktop.domain.searching import SearchHit
from altus4_desktop.services.audit import build_event
from altus4_desktop.services.exports.writers import export_pieces
from altus4_desktop.services.files import open_chosen
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.metadata import MetadataService
    from altus4_desktop.services.search import SearchService

_TELL_EVERY_ROWS = 500


class ExportsService:
    """Writes what a search has found, for other programs."""

    def __init__(
        self,
        metadata: MetadataService,
        connections: ConnectionsService,
        search: SearchService,
        permissions: Permissions,
    ) -> None:
        self._metadata = metadata
        self._connections = connections
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
        progress: ProgressSink = ignore_progress,
        token: CancelToken | None = None,
    ) -> ExportReport:
        """Write ``hits`` to the new file ``path``, whole or not at all; nothing is searched anew.

        A row with a cell that was cut is read anew by its key, one row at a time. That it was done
        is written down. Raises AccessError, InputError without hits, NotFoundError for a connection
        that is not the actor's and for a cut row that is gone or has no key, TenantError,
        ConflictError (``export.exists``) when the file is there already, AltusError
        (``export.failed``) for what the file system refuses, Cancelled, StoreError.
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
        size_bytes = 0
        with open_chosen(path, only_new=True) as file:
            for piece in export_pieces(whole(), columns, export_format, guard=guard):
                size_bytes += file.write(piece.encode())
            # An export that nobody knows of is worse than one that did not come about.
            event = build_event(
                current,
                "search.exported",
                SubjectKind.HISTORY,
                subject_name=path.name,
                after={
                    "format": export_format.value,
                    "rows": len(hits),
                    "connections": names,
                },
            )
            self._metadata.store.audit.add_([event])
        progress(Progress("Exporting the rows", 1.0))
        return ExportReport(len(hits), size_bytes)
