"""What this workstation remembers of the audit log's end.

Whoever may write to the database can calculate the whole chain anew; not what was seen elsewhere.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from altus4_desktop.domain.audit import ChainEnd
from altus4_desktop.domain.errors import AltusError, StoreError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private

_log = logging.getLogger(__name__)

_FILE = "audit-seen.json"
_SAVED_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Witnessed:
    """An end of a chain that was seen here; ``verified``: the whole chain was looked at, too."""

    end: ChainEnd
    verified: bool


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """What is not in the file yet, and where the file's end was when it began to grow."""

    begun_at: int
    seen: Witnessed


class AuditWitness:
    """The end of each store's chain as it was last seen here, in ``audit-seen.json``.

    It is what a verified chain ended with, and goes on with every row that this program adds, as
    long as the row that was seen last is still where it was: so the end cannot be cut off unseen.
    The file is written at once after some time without, else at `flush`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / _FILE
        self._lock = threading.Lock()
        self._unsaved: dict[str, _Unsaved] = {}
        self._saved_at = -math.inf
        self._warned: set[str] = set()

    def find_(self, place: str) -> Witnessed | None:
        """What was seen at ``place``; raises StoreError for a file that cannot be read."""
        with self._lock:
            return self._find(place)

    def keep(self, place: str, end: ChainEnd) -> None:
        """Remember ``end`` of a chain that was found whole for ``place``; raises StoreError."""
        with self._lock:
            self._unsaved.pop(place, None)
            self._warned.discard(place)
            known = self._read()
            known[place] = Witnessed(end, verified=True)
            self._save(known)

    def advance(
        self,
        place: str,
        before: ChainEnd,
        after: ChainEnd,
        find_hash: Callable[[int], str | None],
    ) -> None:
        """Go on to ``after``, which this program has just added behind ``before``; ``find_hash``
        gives the hash of a row. What cannot be remembered is logged: the work is done."""
        try:
            with self._lock:
                known = self._find(place)
            # Not under the lock: the store may take its time.
            goes_on = known is None or (
                known.end == before
                or known.end.sequence == 0
                or find_hash(known.end.sequence) == known.end.row_hash
            )
            with self._lock:
                if goes_on:
                    self._advance(place, known, after)
                elif place not in self._warned:
                    self._warned.add(place)
                    _log.warning("The audit log does not go on from where it was last seen here")
        except AltusError as error:
            _log.warning("The end of the audit log was not remembered: %s", error.code)

    def flush(self) -> None:
        """Write what is not in the file yet; a failure is logged."""
        with self._lock:
            try:
                self._flush()
            except StoreError as error:
                _log.warning("The end of the audit log was not remembered: %s", error.code)

    def _advance(self, place: str, known: Witnessed | None, after: ChainEnd) -> None:
        now = self._find(place)
        if now is not None and now.end.sequence >= after.sequence:
            # Another thread has gone further meanwhile.
            return
        unsaved = self._unsaved.get(place)
        begun_at = unsaved.begun_at if unsaved else known.end.sequence if known else 0
        verified = known is not None and known.verified
        self._unsaved[place] = _Unsaved(begun_at, Witnessed(after, verified))
        if time.monotonic() - self._saved_at >= _SAVED_EVERY_S:
            self._flush()

    def _find(self, place: str) -> Witnessed | None:
        unsaved = self._unsaved.get(place)
        return unsaved.seen if unsaved is not None else self._read().get(place)

    def _flush(self) -> None:
        if not self._unsaved:
            return
        known = self._read()
        for place, unsaved in self._unsaved.items():
            saved = known.get(place)
            # Another program may have gone further, or somebody has accepted a restored log there.
            if saved is None or (
                unsaved.begun_at <= saved.end.sequence < unsaved.seen.end.sequence
            ):
                verified = unsaved.seen.verified or (saved is not None and saved.verified)
                known[place] = Witnessed(unsaved.seen.end, verified)
        self._save(known)
        self._unsaved.clear()

    def _save(self, known: Mapping[str, Witnessed]) -> None:
        document = {
            place: {
                "sequence": seen.end.sequence,
                "row_hash": seen.end.row_hash,
                "verified": seen.verified,
            }
            for place, seen in known.items()
        }
        try:
            make_private_folder(self._file.parent)
            write_private(self._file, json.dumps(document, indent=1).encode())
        except OSError as error:
            raise self._unusable(error.strerror or type(error).__name__) from error
        self._saved_at = time.monotonic()

    def _read(self) -> dict[str, Witnessed]:
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
            and isinstance(end.get("verified", True), bool)
            for end in known.values()
        )
        if not whole:
            raise self._unusable("it is damaged")
        return {
            place: Witnessed(
                ChainEnd(end["sequence"], end["row_hash"]), bool(end.get("verified", True))
            )
            for place, end in known.items()
        }

    def _unusable(self, reason: str) -> StoreError:
        return StoreError(
            "What this workstation remembers of the audit log, “{file}”, cannot be used: {reason}.",
            hint="Put the file back from a copy; without it the log is verified as if for the "
            "first time.",
            code="audit.witness",
            details={"file": str(self._file), "reason": reason},
        )
