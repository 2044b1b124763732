"""The health of FULLTEXT indexes, and statements that would better it: written, never run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from altus4_desktop.domain.accounts import Actor
from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.files import write_private
from altus4_desktop.domain.index_health import AdviceReport, AdviceStep, HealthReport
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.search.words import has_cjk
from altus4_desktop.services.index_findings import find_all
from altus4_desktop.services.permissions import Permissions, Right

if TYPE_CHECKING:
    from altus4_desktop.mysql.pools import TenantPools
    from altus4_desktop.services.connections import ConnectionsService
    from altus4_desktop.services.history import HistoryService

_PAGE = 500
_SEARCHES_AT_MOST = 5000
_NUMBERED = re.compile(r"(\d{3,})_.*\.(?:up|down)\.sql$")
_NAME = re.compile(r"[a-z0-9_]{1,60}")


class IndexHealthService:
    """Reads what the account may see; nothing here changes a server."""

    def __init__(
        self,
        connections: ConnectionsService,
        history: HistoryService,
        pools: TenantPools,
        permissions: Permissions,
    ) -> None:
        self._connections = connections
        self._history = history
        self._pools = pools
        self._permissions = permissions

    def check_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> HealthReport:
        """How the FULLTEXT indexes of a connection's database are, read now.

        Raises AccessError, NotFoundError, TenantError, LocalServerError, VaultError, Cancelled.
        """
        from altus4_desktop.mysql.index_health import read_health

        self._permissions.check(actor, Right.SEARCH)
        token = token or CancelToken()
        target = self._connections.target_(actor, connection_id, token)
        schema = self._connections.schema_(actor, connection_id, token, refresh=True)
        with self._pools.borrow(target, token) as session:
            facts = read_health(session, schema, has_cjk)
        return HealthReport(facts, find_all(facts))

    def advise_(
        self, actor: Actor, connection_id: str, token: CancelToken | None = None
    ) -> AdviceReport:
        """`check_`, and what would better it: from the schema and from the searches of the last 30
        days that the actor may see (the newest 5,000). Raises as `check_` does, and StoreError."""
        from altus4_desktop.services.index_advice import (
            HISTORY_DAYS,
            build_server_advice,
            build_steps,
            read_use,
        )

        actor = self._permissions.check(actor, Right.SEARCH)
        connection = self._connections.get_(actor, connection_id)
        report = self.check_(actor, connection_id, token)
        use = read_use(report.facts, connection, self._searches(actor, HISTORY_DAYS))
        return AdviceReport(
            report,
            build_steps(report.facts, use),
            build_server_advice(report.facts, use),
            use.read,
            HISTORY_DAYS,
        )

    def save_(
        self, steps: Sequence[AdviceStep], folder: Path, name: str = "fulltext_indexes"
    ) -> tuple[Path, Path]:
        """Write ``NNN_name.up.sql`` and ``.down.sql`` under the next free number of ``folder``; a
        file that is there is never replaced.

        Raises InputError, AltusError (``export.failed``) for what the file system refuses.
        """
        from altus4_desktop.mysql.index_scripts import migration_script

        if not steps:
            raise InputError("steps", "There is no statement to save.")
        if not _NAME.fullmatch(name):
            raise InputError("name", "A migration's name has 1 to 60 of a-z, 0-9 and _.")
        up = migration_script([(_comments(step), step.statement) for step in steps])
        down = migration_script(
            [((f"Undo: {step.action} {step.index}",), step.undo) for step in reversed(steps)]
        )
        try:
            numbers = [
                int(found[1])
                for file in folder.iterdir()
                if (found := _NUMBERED.match(file.name)) is not None
            ]
            stem = f"{max(numbers, default=0) + 1:03d}_{name}"
            paths = folder / f"{stem}.up.sql", folder / f"{stem}.down.sql"
            # The one that undoes comes first: there is never a step without its way back.
            write_private(paths[1], down.encode(), only_new=True)
            write_private(paths[0], up.encode(), only_new=True)
        except OSError as error:
            raise AltusError(
                "Nothing can be written to “{path}”: {reason}.",
                hint="Choose another folder, or make room.",
                code="export.failed",
                details={
                    "path": str(folder),
                    "reason": error.strerror or type(error).__name__,
                },
            ) from error
        return paths

    def _searches(self, actor: Actor, days: int) -> list[SearchRecord]:
        from_at = datetime.now(UTC) - timedelta(days=days)
        found: list[SearchRecord] = []
        while len(found) < _SEARCHES_AT_MOST:
            page = self._history.list_(actor, from_at=from_at, limit=_PAGE, offset=len(found))
            found += page
            if len(page) < _PAGE:
                break
        return found


def _comments(step: AdviceStep) -> list[str]:
    return [
        *(remark.text for remark in step.why),
        f"Cost: {step.cost.text}",
        f"Lock: {step.lock.text}",
    ]
