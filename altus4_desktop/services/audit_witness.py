"""What this workstation remembers of the audit log's end.

Whoever may write to the database can calculate the whole chain anew; not what was seen elsewhere.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from altus4_desktop.domain.audit import ChainEnd
from altus4_desktop.domain.errors import StoreError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private

_FILE = "audit-seen.json"


class AuditWitness:
    """The last end of each store's chain that was found whole, in ``audit-seen.json``."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / _FILE
        self._lock = threading.Lock()

    def find_(self, place: str) -> ChainEnd | None:
        """What was seen at ``place``; raises StoreError for a file that cannot be read."""
        known = self._read().get(place)
        return None if known is None else ChainEnd(known["sequence"], known["row_hash"])

    def keep(self, place: str, end: ChainEnd) -> None:
        """Remember ``end`` for ``place``; raises StoreError."""
        with self._lock:
            known = self._read()
            known[place] = {"sequence": end.sequence, "row_hash": end.row_hash}
            try:
                make_private_folder(self._file.parent)
                write_private(self._file, json.dumps(known, indent=1).encode())
            except OSError as error:
                raise self._unusable(error.strerror or type(error).__name__) from error

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(read_private(self._file))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(error.strerror or type(error).__name__) from error
        except ValueError as error:
            raise self._unusable("it is damaged") from error
        whole = isinstance(known, dict) and all(
            isinstance(end, dict)
            and isinstance(end.get("sequence"), int)
            and isinstance(end.get("row_hash"), str)
            for end in known.values()
        )
        if not whole:
            raise self._unusable("it is damaged")
        return dict(known)

    def _unusable(self, reason: str) -> StoreError:
        return StoreError(
            "What this workstation remembers of the audit log, “{file}”, cannot be used: {reason}.",
            hint="Put the file back from a copy; without it the log is verified as if for the "
            "first time.",
            code="audit.witness",
            details={"file": str(self._file), "reason": reason},
        )
