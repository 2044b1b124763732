"""A program that edits what another one edits, too."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from altus4_desktop.domain.errors import AltusError, ConflictError
from altus4_desktop.mysql.pools import TenantPools
from altus4_desktop.services.connections import ConnectionsService
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.saved_searches import SavedSearchesService
from tests.vault_worker import Workstation


def count_up(
    folder: Path,
    url: str,
    password: str | None,
    connection_id: str,
    search_id: str,
    edits: int,
    pipe: Pipe,
) -> None:
    """When told to, count up the number in the connection's name and in the query of the saved
    search in turn, until ``edits`` were accepted; send how many were refused, or what failed."""
    with closing(Workstation(folder, url, password)) as desk, closing(TenantPools()) as pools:
        desk.vault.ensure_ready()
        permissions = Permissions(desk.metadata)
        connections = ConnectionsService(desk.metadata, desk.vault, pools, permissions)
        saved = SavedSearchesService(desk.metadata, permissions)
        actor = desk.actor()
        pipe.send("ready")
        pipe.recv()
        accepted = refused = 0
        try:
            while accepted < edits:
                try:
                    if accepted % 2:
                        seen = connections.get_(actor, connection_id)
                        draft = replace(seen.as_draft(), name=str(int(seen.name) + 1))
                        connections.update_(actor, connection_id, draft, seen.updated_at)
                    else:
                        one = saved.get_(actor, search_id)
                        query = str(int(one.draft.query) + 1)
                        saved.update_(actor, one, replace(one.draft, query=query))
                except ConflictError:
                    refused += 1
                else:
                    accepted += 1
        except AltusError as error:
            pipe.send(f"{error.code}: {error}")
        else:
            pipe.send(refused)
