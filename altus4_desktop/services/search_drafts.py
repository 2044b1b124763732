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
        """Write down soon what a person has open; never waits."""
        with self._changed:
            self._is_closing = False
            self._waiting[user_id] = searches
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write, name="altus4-search-drafts", daemon=True
                )
                self._writer.start()
            self._changed.notify_all()

    def close_(self, wait_s: float = 2.0) -> bool:
        """Write what is waiting, for at most ``wait_s`` seconds; false when something is left."""
        with self._changed:
            writer, self._writer = self._writer, None
            self._is_closing = True
            self._changed.notify_all()
        if writer is None:
            return True
        writer.join(wait_s)
        return not writer.is_alive()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._is_closing:
                        return
                    self._changed.wait()
                user_id, searches = next(iter(self._waiting.items()))
            path = self._path(user_id)
            try:
                make_private_folder(self._folder)
                write_private(path, _encoded(searches))
            except OSError as error:
                # The next change tries again; whoever types is not to be disturbed.
                reason = error.strerror or type(error).__name__
                _LOG.warning("the open searches could not be written to %s: %s", path, reason)
            with self._changed:
                if self._waiting.get(user_id) is searches:
                    del self._waiting[user_id]

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
