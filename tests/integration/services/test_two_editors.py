"""Two programs edit the same connection and the same saved search: no edit is lost, and whoever
came too late is told."""

from __future__ import annotations

import contextlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from altus4_desktop.domain.saved_searches import SavedSearchDraft
from altus4_desktop.services.permissions import Permissions
from altus4_desktop.services.saved_searches import SavedSearchesService
from tests import editing_worker, torture
from tests.forks import build_forks
from tests.stores import StorePlace
from tests.vault_worker import workstation_at

pytestmark = pytest.mark.torture

_BEGIN_S = 60.0


def test_no_edit_is_lost(tmp_path: Path, place: StorePlace) -> None:
    edits = torture.times(20, 5_000)
    folder = tmp_path / "desk"
    with closing(workstation_at(folder, place)) as desk:
        desk.vault.ensure_ready()
        actor = desk.make_admin()
        saved = SavedSearchesService(desk.metadata, Permissions(desk.metadata))
        search = saved.create_(actor, SavedSearchDraft("Counted", "0"))
        connection = desk.save(actor.user_id, 0)
        desk.store.connections.update_(replace(connection, name="0"), None)
        refused = _let_two_count(folder, place, connection.id, search.id, edits)
        found = desk.store.connections.find_(connection.id)
        assert found is not None
        assert int(found.name) + int(saved.get_(actor, search.id).draft.query) == 2 * edits
    assert all(isinstance(count, int) for count in refused), refused
    torture.tell(
        f"{place.name}: two programs edited the same rows {2 * edits} times, 0 lost, "
        f"{sum(refused)} refused because the other was quicker"
    )


def _let_two_count(
    folder: Path, place: StorePlace, connection_id: str, search_id: str, edits: int
) -> list[Any]:
    context = build_forks("tests.editing_worker")
    with contextlib.ExitStack() as stack:
        pipes = []
        for _ in range(2):
            ours, theirs = context.Pipe()
            arguments = (folder, place.location.url, place.password, connection_id, search_id)
            process = context.Process(
                target=editing_worker.count_up, args=(*arguments, edits, theirs)
            )
            process.start()
            theirs.close()
            stack.callback(ours.close)
            stack.callback(process.close)
            stack.callback(process.join, _BEGIN_S)
            stack.callback(process.kill)
            pipes.append(ours)
        for pipe in pipes:
            assert pipe.poll(_BEGIN_S)
            assert pipe.recv() == "ready"
        for pipe in pipes:
            pipe.send("go")
        # Neither may be kept from its turn for ever.
        return [pipe.recv() if pipe.poll(_BEGIN_S + edits) else "says nothing" for pipe in pipes]
