"""Backups behind everybody's back: whenever one is due, while the program runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled

_LOG = logging.getLogger(__name__)
# The first look leaves the window alone while it opens.
FIRST_S = 60.0
LOOK_EVERY_S = 600.0
RETRY_S = 3600.0
_CLOSE_WAIT_S = 5.0


class BackupUpkeep:
    """Calls ``make_due``, which finds out what is due, on a thread of its own: every ten minutes,
    an hour after a failure."""

    def __init__(self, make_due: Callable[[CancelToken], object]) -> None:
        self._make_due = make_due
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._token = CancelToken()
        self._worker: threading.Thread | None = None

    def start(self, first_s: float = FIRST_S) -> None:
        """Begin, with the first look after ``first_s`` seconds; not twice."""
        with self._lock:
            if self._worker is not None and self._worker.is_alive():
                return
            self._token = CancelToken()
            self._awake.clear()
            self._worker = threading.Thread(
                target=self._work, args=(self._token, first_s), name="altus4-backups", daemon=True
            )
            self._worker.start()

    def wake(self) -> None:
        """Look now."""
        self._awake.set()

    def close_(self) -> None:
        """Stop; what is under way is cancelled."""
        with self._lock:
            worker, self._worker = self._worker, None
            self._token.cancel()
            self._awake.set()
        if worker is not None:
            worker.join(_CLOSE_WAIT_S)

    def _work(self, token: CancelToken, first_s: float) -> None:
        wait_s = first_s
        while True:
            self._awake.wait(wait_s)
            self._awake.clear()
            if token.cancelled:
                return
            wait_s = LOOK_EVERY_S
            try:
                self._make_due(token)
            except Cancelled:
                return
            except AltusError as error:
                # It is due all the same; each failure is told in the audit log, so not too often.
                wait_s = RETRY_S
                _LOG.warning("backup: %s [%s]", error.template, error.code)
            except Exception:
                # The worker must outlive a bug of ours: later backups are to be made.
                _LOG.exception("a backup could not be made")
