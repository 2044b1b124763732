"""The searches somebody has open, in a file of this computer that survives the program."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from pathlib import Path

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.files import make_private_folder, read_private, write_private
from altus4_desktop.domain.search_drafts import OpenSearches

_LOG = logging.getLogger(__name__)
_MAX_BYTES = 4 << 20
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


class SearchDraftsService:
    """One file a person in ``search-drafts``, written whole by a thread of its own.

    It asks no store: what was typed comes back while no server can be reached.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "search-drafts"
        self._changed = threading.Condition()
        self._waiting: dict[str, OpenSearches] = {}
        self._writer: threading.Thread | None = None
        self._is_closing = False

    def find_(self, user_id: str) -> OpenSearches | None:
        """What a person had open, as it was kept last; None when nothing was.

        Raises AltusError (``search.drafts``) for a file that cannot be used.
        """
        with self._changed:
            if user_id in self._waiting:
                return self._waiting[user_id]
        path = self._path(user_id)
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise _failed(path, "too large")
            content = read_private(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(path, error.strerror or type(error).__name__) from error
        try:
            return OpenSearches.from_document(json.loads(content))
        except (ValueError, RecursionError):
            raise _failed(path, "it is damaged") from None

    def keep(self, user_id: str, searches: OpenSearches) -> None:
        """Write down soon what a person has open; never waits.

        What cannot be written is tried again, after each change and by and by.
        """
        with self._changed:
            self._is_closing = False
            self._waiting[user_id] = searches
            self._begin_writing()
            self._changed.notify_all()

    def close_(self, wait_s: float = 2.0) -> bool:
        """Write what is waiting, for at most ``wait_s`` seconds; false when something is left."""
        with self._changed:
            self._is_closing = True
            if self._waiting:
                self._begin_writing()
            writer = self._writer
            self._changed.notify_all()
        if writer is not None:
            writer.join(wait_s)
        with self._changed:
            return self._writer is None and not self._waiting

    def _begin_writing(self) -> None:
        """Under the lock. A writer that was not waited for goes on: two would write one file."""
        if self._writer is None:
            self._writer = threading.Thread(
                target=self._write, name="altus4-search-drafts", daemon=True
            )
            self._writer.start()

    def _write(self) -> None:
        pause_s = 0.0
        while True:
            with self._changed:
                if pause_s and not self._is_closing:
                    self._changed.wait(pause_s)
                while not self._waiting and not self._is_closing:
                    self._changed.wait()
                is_last, left = self._is_closing, dict(self._waiting)
                if not left:
                    self._writer = None
                    return
            written = [user_id for user_id in left if self._write_file(user_id, left[user_id])]
            with self._changed:
                for user_id in written:
                    if self._waiting[user_id] is left.pop(user_id):
                        del self._waiting[user_id]
                if left and is_last and self._is_closing:
                    self._writer = None
                    return
            pause_s = min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S) if left else 0.0

    def _write_file(self, user_id: str, searches: OpenSearches) -> bool:
        path = self._path(user_id)
        try:
            make_private_folder(self._folder)
            write_private(path, _encoded(searches))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            _LOG.warning("the open searches could not be written to %s: %s", path, reason)
            return False
        return True

    def _path(self, user_id: str) -> Path:
        # An id comes from a store that others may write to: it is no name for a file.
        name = hashlib.sha256(user_id.encode("utf-8", "replace")).hexdigest()[:32]
        return self._folder / f"{name}.json"


def _encoded(searches: OpenSearches) -> bytes:
    """The document; of more than the file may hold the last searches are left out."""
    while True:
        content = json.dumps(searches.as_document(), separators=(",", ":")).encode()
        if len(content) <= _MAX_BYTES or not searches.drafts:
            return content + b"\n"
        searches = OpenSearches(searches.drafts[:-1], searches.current)


def _failed(path: Path, reason: str) -> AltusError:
    return AltusError(
        "The searches that were open the last time cannot be read from “{path}”: {reason}.",
        hint="The file is replaced when you search; nothing else is affected.",
        code="search.drafts",
        details={"path": str(path), "reason": reason},
    )
